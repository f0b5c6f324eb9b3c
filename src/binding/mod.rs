//! What a role demands of a caller.

pub mod account;
mod bound_error;
pub mod instance;
pub mod principal;

pub use bound_error::{BoundError, CannotTell, Compared, Mismatch};
