//! Keeping memory out of swap, for hosts that ask for it.

use rustix::mm::{MlockAllFlags, mlockall};

use super::start_error::StartError;

/// Locks all memory of the process, present and future.
pub(crate) fn lock_memory() -> Result<(), StartError> {
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
        .map_err(|error| StartError::MemoryLock(error.into()))
}
