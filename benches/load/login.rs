//! Logins, signed before they are needed.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;

use testkit::aws::{Credentials, LoginOptions, sign_login};

/// Signed logins, to be used one after the other and then again.
#[derive(Clone)]
pub(crate) struct Logins(Arc<Vec<Value>>);

/// How many different logins are signed for one role.
const DIFFERENT: usize = 256;

impl Logins {
    /// Different logins for one role.
    #[must_use]
    pub(crate) fn of_role(role: &str) -> Self {
        Self::of_roles((0..DIFFERENT).map(|_| role.to_owned()))
    }

    /// One login for each role, each with a key of its own.
    #[must_use]
    pub(crate) fn of_roles(roles: impl Iterator<Item = String>) -> Self {
        Self(Arc::new(roles.enumerate().map(|(number, role)| signed(number, &role)).collect()))
    }

    /// So many different logins for a server with an id, none of which is signed twice: each is numbered, and dated
    /// a minute ahead, so that it is younger than the server's configuration.
    #[must_use]
    pub(crate) fn once(role: &str, server_id: &str, numbers: Range<usize>) -> Self {
        let date = OffsetDateTime::now_utc() + time::Duration::MINUTE;
        let options = LoginOptions::vault_cli().role(role).server_id(server_id).date(date);
        Self(Arc::new(numbers.map(|number| sign_login(&credentials(number), &options)).collect()))
    }

    /// Logins that were signed elsewhere.
    #[must_use]
    pub(crate) fn signed(logins: Vec<Value>) -> Self {
        Self(Arc::new(logins))
    }

    /// The data of a login.
    #[must_use]
    pub(crate) fn get(&self, number: usize) -> &Value {
        &self.0[number % self.0.len()]
    }
}

fn signed(number: usize, role: &str) -> Value {
    sign_login(&credentials(number), &LoginOptions::vault_cli().role(role))
}

fn credentials(number: usize) -> Credentials {
    Credentials {
        access_key_id: format!("AKIA{number:016}"),
        secret_access_key: format!("{number:040}"),
        session_token: None,
    }
}
