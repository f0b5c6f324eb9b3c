//! What is said of `config/client`.

use super::finding::Finding;
use super::own_members::{OwnMembers, Place, unknown_members};
use super::rows::{
    CLIENT_MISSING, ENDPOINT_INVALID, ENDPOINT_UNPROTECTED, ENTRY_UNREADABLE, NO_SERVER_ID, STATIC_KEYS,
};
use crate::aws::endpoint::Endpoint;
use crate::entry::{ClientConfig, Entry as _};

/// The findings about the entry, or its absence.
pub(super) fn findings(stored: Option<&[u8]>) -> Vec<Finding> {
    let path = ClientConfig::KEY;
    let Some(stored) = stored else { return vec![Finding::new(path, &CLIENT_MISSING, "")] };
    let config = match ClientConfig::decode(stored) {
        Ok(config) => config,
        Err(error) => return vec![Finding::new(path, &ENTRY_UNREADABLE, error.to_string())],
    };
    let mut found = Vec::new();
    if config.iam_server_id_header_value.is_empty() {
        found.push(Finding::new(path, &NO_SERVER_ID, ""));
    }
    for (field, value) in [
        ("sts_endpoint", &config.sts_endpoint),
        ("iam_endpoint", &config.iam_endpoint),
        ("endpoint", &config.endpoint),
        ("organizations_endpoint", &config.organizations_endpoint),
    ] {
        found.extend(of_endpoint(path, field, value));
    }
    if !config.access_key.is_empty() {
        found.push(Finding::new(path, &STATIC_KEYS, ""));
    }
    found.extend(OwnMembers::of(stored).findings(Place::Client, path));
    found.extend(unknown_members(path, config.unknown.keys()));
    found
}

fn of_endpoint(path: &str, field: &str, value: &str) -> Option<Finding> {
    if value.is_empty() {
        return None;
    }
    match Endpoint::configured(value) {
        // The text of the error quotes no password.
        Err(error) => Some(Finding::new(path, &ENDPOINT_INVALID, format!("{field}: {error}"))),
        Ok(endpoint) if endpoint.is_link_local() || endpoint.is_unprotected() => {
            Some(Finding::new(path, &ENDPOINT_UNPROTECTED, format!("{field} {endpoint}")))
        }
        Ok(_) => None,
    }
}
