//! A panic is a bug met by one request: it fails that request, is logged in one line, and leaves the
//! process to the other mounts.

use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo};

use futures_util::FutureExt;

/// Where its lines stand in the log. Operators filter by it, so it does not follow the file.
const LOG: &str = concat!(env!("CARGO_CRATE_NAME"), "::plugin::panics");

/// The work ended in a panic, which has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Logs panics instead of printing several lines that the host would take for many entries.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(log));
}

/// Runs to the end or to a panic. Values shared with the work must tolerate that it stopped anywhere:
/// a poisoned lock is entered all the same.
pub(crate) fn caught<F: Future>(work: F) -> impl Future<Output = Result<F::Output, Panicked>> {
    AssertUnwindSafe(work).catch_unwind().map(|result| result.map_err(|_| Panicked))
}

fn log(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(
        target: LOG, location,
        thread = thread.name().unwrap_or_default(),
        cause = literal_message(info.payload()).unwrap_or("withheld"),
        "panic"
    );
}

/// The message if it is a literal of the program. A formatted one may quote data of a request.
fn literal_message(payload: &dyn Any) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_of_the_work() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        let panics = async { [0][std::hint::black_box(1)] };
        assert_eq!(caught(panics).await, Err(Panicked));
    }

    #[test]
    fn formatted_messages_are_withheld() {
        assert_eq!(literal_message(&"a literal"), Some("a literal"));
        assert_eq!(literal_message(&"with data".to_owned()), None);
    }
}
