//! The process: how it is started, what it writes, and how it ends.

pub(crate) mod arguments;
pub(crate) mod beginnings;
pub(crate) mod bursts;
pub(crate) mod confinement;
mod erasure;
pub(crate) mod handshake;
pub(crate) mod launch;
pub(crate) mod lifecycle;
pub(crate) mod log;
mod log_queue;
pub(crate) mod memory_lock;
pub(crate) mod open_files;
pub(crate) mod panics;
pub(crate) mod start_error;
