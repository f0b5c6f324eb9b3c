//! The heap of the C library, from which everything is allocated.

/// Gives pages of the heap that hold nothing back to the system. It takes some milliseconds for each
/// hundred megabytes. Only the heap of glibc needs it.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> core::ffi::c_int;
        }
        // SAFETY: it takes a number, may be called at any time from any thread, and touches no memory
        // that is allocated.
        unsafe {
            malloc_trim(0);
        }
    }
}
