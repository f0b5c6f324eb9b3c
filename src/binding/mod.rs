//! What a role demands of a caller.

pub mod instance;
pub mod principal;
