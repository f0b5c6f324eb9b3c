//! What Go's standard library makes of texts, bytes, durations and header names, as far as clients of the built-in
//! method see it.

mod duration;
mod header_name;
pub mod text;

pub use duration::{GoDuration, Overflow};
pub use header_name::canonical_name;
