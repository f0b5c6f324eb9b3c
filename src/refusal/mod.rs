//! Refusals: what a request was refused for, who must act, and what helps.
//!
//! Three things about a refusal are kept apart, because they change at different times and for
//! different reasons:
//!
//! * Its **wire status and text** are what clients of the built-in method have always seen. They are
//!   composed where a request is answered, and nothing here knows them.
//! * Its [`Code`] is a stable name for the cause. It never changes once it was released: operators
//!   filter logs by it, and documentation refers to it.
//! * Its [`Blame`] says who must act. A bad signature of a stranger is the stranger's mistake, even where
//!   the built-in method answers HTTP 500; so blame, not status, decides how loud the log is.
//!
//! A [`Hint`] is what helps against this one refusal, with its values. It stands behind the words of the API,
//! which stay as they are. Most refusals have none, only the fixed hint of their code, for the log.
//!
//! An error type beside its cause implements [`Coded`]. A wrapper adds words, not a cause: it has the
//! code of what it wraps.

mod code;
mod coded;
mod hint;

pub use code::{Blame, Code};
pub use coded::{Coded, Fact};
pub use hint::{Hint, Skew, Step};
