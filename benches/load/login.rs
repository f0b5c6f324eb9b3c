//! Logins, signed before they are needed.

use std::sync::Arc;

use serde_json::Value;

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
    let credentials = Credentials {
        access_key_id: format!("AKIA{number:016}"),
        secret_access_key: format!("{number:040}"),
        session_token: None,
    };
    sign_login(&credentials, &LoginOptions::vault_cli().role(role))
}
