//! What a role demands of a caller.

pub mod account;
pub mod binds_anything;
mod bound_error;
pub mod instance;
pub mod login_type;
pub mod near_miss;
pub mod organization;
pub mod partition;
pub mod principal;
pub mod tags;

pub use bound_error::{BoundError, CannotTell, Compared, Mismatch};
