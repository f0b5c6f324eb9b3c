//! What requests share: caches, turns, room, and calls that equal requests make once.

pub mod bounded_cache;
pub mod bounded_work;
pub mod cache_status;
pub mod repeats;
pub mod room;
pub mod shares;
pub mod single_flight;
pub mod turns;
