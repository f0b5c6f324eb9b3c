//! How much of one kind a run asks for at a time.

/// Probes and entries that are asked for side by side.
pub(super) const SIDE_BY_SIDE: usize = 8;
