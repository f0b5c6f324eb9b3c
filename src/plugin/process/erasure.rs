//! Memory that is given back is erased first.
//!
//! A secret passes through many hands that are not ours: messages of the host, JSON, buffers of connections, the crates
//! of AWS. Each makes copies and drops them. With this allocator a copy ends where it is dropped; without it, it would
//! stand in free memory until something else takes its place.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ERASING: ZeroAlloc<System> = ZeroAlloc(System);
