//! Memory that the process holds and does not need, given back to the system by calls that no crate wraps.

/// Gives pages of the heap that hold nothing back to the system. It takes some milliseconds for each
/// hundred megabytes. Only the heap of glibc needs it.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes a number, may be called at any time from any thread, and touches no memory that is
    // allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets all threads that begin from now on share one heap. Those of this process allocate seldom, so they hardly ever
/// wait for each other, and a heap of its own keeps for each what it once needed. Only glibc has several.
pub fn use_one_arena() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes numbers, and may be called at any time from any thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Lets go of the code and constants of the program and of its libraries. All of them are files: what is used from
/// then on comes back with its first use, from the system's cache of files, and what only the past needed stays
/// away. Where memory is locked, nothing happens.
pub fn let_go_of_code() {
    #[cfg(target_os = "linux")]
    // SAFETY: the function is as dl_iterate_phdr(3) wants it, and reads nothing through its last argument.
    unsafe {
        libc::dl_iterate_phdr(Some(let_go_of_object), core::ptr::null_mut());
    }
}

/// Lets go of what nobody can write to of one object that is loaded.
#[cfg(target_os = "linux")]
unsafe extern "C" fn let_go_of_object(
    object: *mut libc::dl_phdr_info,
    _: libc::size_t,
    _: *mut core::ffi::c_void,
) -> core::ffi::c_int {
    // SAFETY: dl_iterate_phdr(3) passes an object that stays loaded until this returns, with all its headers.
    let (base, headers) = unsafe {
        let object = &*object;
        (object.dlpi_addr, core::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)))
    };
    for header in headers {
        let is_writable = header.p_flags & libc::PF_W != 0;
        let (Ok(from), Ok(length)) =
            (usize::try_from(base.wrapping_add(header.p_vaddr)), usize::try_from(header.p_filesz))
        else {
            continue;
        };
        if header.p_type == libc::PT_LOAD && !is_writable {
            let into_page = from % page_size();
            let start = core::ptr::without_provenance_mut(from - into_page);
            // SAFETY: nothing but the loader has written to these pages, and it has not either where there are no
            // text relocations, which no linker makes unless it is told to. So they are as in the file, from
            // which the system reads them again. Where it refuses, they stay.
            unsafe {
                libc::madvise(start, length + into_page, libc::MADV_DONTNEED);
            }
        }
    }
    0
}

#[cfg(target_os = "linux")]
fn page_size() -> usize {
    // SAFETY: it takes a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
