//! A presigned request with as many parameters as fit: names are compared with each other before
//! anybody is asked who signed it. No credentials are needed.

use std::fmt::Write as _;

use testkit::aws::{Credentials, GET_CALLER_IDENTITY, LoginOptions, sign_login};
use testkit::stage::SERVER_ID;

use super::plan::{Pace, Plan};
use super::scene::Scene;

/// Logins per second. 115 of them used to take the whole of a thread.
const RATE: f64 = 200.0;
/// Clients of a flood.
const CLIENTS: usize = 64;
/// Letters and digits of the two places that tell names apart.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

pub(super) fn plan(scene: &Scene) -> Plan {
    let mut parameters = GET_CALLER_IDENTITY.to_owned();
    for first in DIGITS {
        for second in DIGITS {
            write!(parameters, "&X-Amz-{}{}", char::from(*first), char::from(*second)).expect("a text grows");
        }
    }
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "unknown".to_owned(),
        session_token: None,
    };
    let options = LoginOptions::presigned_get().server_id(SERVER_ID).parameters(&parameters).role("plain");
    Plan {
        mount: scene.stage.mount.clone(),
        logins: vec![sign_login(&credentials, &options)],
        paced: Pace::PerSecond(RATE),
        clients: CLIENTS,
    }
}
