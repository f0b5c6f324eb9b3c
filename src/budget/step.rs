//! Steps that a stranger's input could multiply, counted for tests.
//!
//! What a login may cost before AWS answers is bounded by numbers of such steps. Tests count them instead of
//! measuring time; a build for use counts nothing.

/// A step of which an input could make many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Two names were compared.
    NamesCompared,
    /// A pair of a form was decoded.
    PairDecoded,
    /// A signature was checked with a key.
    SignatureChecked,
}

/// Notes that a step was taken.
#[inline]
pub(crate) fn took(step: Step) {
    #[cfg(test)]
    counted::add(step);
    #[cfg(not(test))]
    let _ = step;
}

#[cfg(test)]
pub(crate) mod counted {
    use std::cell::RefCell;

    use super::Step;

    thread_local! {
        static STEPS: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn add(step: Step) {
        STEPS.with_borrow_mut(|steps| steps.push(step));
    }

    /// How often a piece of work took a step, on this thread.
    pub(crate) fn count<T>(step: Step, work: impl FnOnce() -> T) -> (T, usize) {
        STEPS.take();
        let result = work();
        let steps = STEPS.take();
        (result, steps.into_iter().filter(|taken| *taken == step).count())
    }
}
