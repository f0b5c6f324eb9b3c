//! What Go's standard library makes of texts, bytes and durations, as far as clients of the built-in
//! method see it.

mod duration;
pub mod text;

pub use duration::GoDuration;
