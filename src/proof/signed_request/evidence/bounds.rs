//! The field, and how much it may hold.

/// The field of the login.
pub const FIELD: &str = "iam_evidence";
/// Longest evidence, in base64 bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Most requests: one about the principal, one about its organization.
pub(super) const MAX_REQUESTS: usize = 2;
