//! What lives of a kind.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What lives of a kind, without keeping it alive.
pub struct Living<T>(Mutex<Vec<Weak<T>>>);

impl<T> Default for Living<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Living<T> {
    /// One more. Those that have gone are forgotten.
    pub fn add(&self, one: &Arc<T>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|one| one.strong_count() > 0);
        known.push(Arc::downgrade(one));
    }

    /// One has ended, though somebody may still hold it.
    pub fn remove(&self, gone: &T) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|one| one.strong_count() > 0 && !std::ptr::eq(one.as_ptr(), gone));
    }

    /// All of them, in the order in which they came.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_gone_is_not_among_them() {
        let living = Living::default();
        let [first, second] = [1, 2].map(Arc::new);
        living.add(&first);
        living.add(&second);
        drop(first);
        assert_eq!(living.all(), [Arc::clone(&second)]);
        let third = Arc::new(3);
        living.add(&third);
        assert_eq!(
            (living.all(), living.0.lock().unwrap().len()),
            (vec![Arc::clone(&second), Arc::clone(&third)], 2)
        );
        living.remove(&second);
        assert_eq!(living.all(), [third]);
    }
}
