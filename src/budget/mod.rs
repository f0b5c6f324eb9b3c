//! What reading the input of a stranger may cost.
//!
//! A login costs next to nothing before it has proved anything, whatever it holds: what grows with an input
//! grows with its length and ends at a small number. Tests count the steps.

mod name;
pub(crate) mod step;

pub(crate) use name::Name;
pub(crate) use step::{Step, took};
