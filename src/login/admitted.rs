//! What a login that succeeds is answered with.

use crate::framework::{Auth, Response};

/// What a login that succeeds is answered with.
pub struct Admitted {
    /// The identity.
    pub auth: Auth,
    /// What the client should know of the login, a line each.
    pub warnings: Vec<String>,
}

impl From<Auth> for Admitted {
    fn from(auth: Auth) -> Self {
        Self { auth, warnings: Vec::new() }
    }
}

impl From<Admitted> for Response {
    fn from(admitted: Admitted) -> Self {
        Self { warnings: admitted.warnings, ..Self::with_auth(admitted.auth) }
    }
}
