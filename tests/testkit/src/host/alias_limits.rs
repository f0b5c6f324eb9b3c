//! What a host takes as the metadata of an alias. Beyond these limits the login fails.

use std::collections::BTreeMap;

/// Why a host refuses such metadata, if it does.
pub(super) fn refusal(metadata: &BTreeMap<String, String>) -> Option<String> {
    let wrong = if metadata.len() > 64 {
        Some("there are more than 64 pairs".to_owned())
    } else {
        metadata.iter().find_map(|(key, value)| {
            let fault = fault_of(key, value)?;
            Some(format!("failed to load metadata pair (\"{key}\", \"{value}\"): {fault}"))
        })
    };
    wrong.map(|wrong| format!("invalid alias metadata: {wrong}"))
}

fn fault_of(key: &str, value: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=/+_-".contains(c);
    match () {
        () if key.is_empty() || key.len() > 128 => Some("the key is empty or longer than 128 bytes"),
        () if key.starts_with("vault-") => Some("the key begins with \"vault-\""),
        () if !key.chars().all(plain) => Some("the key has other characters than letters, digits and =/+_-"),
        () if value.len() > 512 => Some("value is too long (limit: 512 characters)"),
        () => None,
    }
}
