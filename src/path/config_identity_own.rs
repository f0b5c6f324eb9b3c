//! Fields of `config/identity` that the built-in method lacks, as they are written.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::entry::{EC2_METADATA, IAM_AUDIT_METADATA, IAM_METADATA, tag_pair};
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// Tags at the most: an IAM entity has no more, and with the other metadata a host takes no more.
const MAX_TAGS: usize = 50;
/// Longest key of alias metadata that a host takes, in bytes.
const MAX_KEY: usize = 128;
/// Longest key of a tag, in characters.
const MAX_TAG_KEY: usize = 128;
/// What the method itself puts on tokens, whatever is configured.
const TOKEN_METADATA: [&str; 4] = ["role_id", "role", "nonce", "role_tag_max_ttl"];

/// Why a field is not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum OwnFieldError {
    /// No tag with a key of metadata.
    #[error("iam_alias_tags has {}, which is no tag=key with a key that the identity store takes", quote(.0))]
    NoTag(String),
    /// The key is that of other metadata.
    #[error("iam_alias_tags has the key {}, which other metadata has", quote(.0))]
    KeyTaken(String),
    /// More than can be kept.
    #[error("iam_alias_tags has {0} tags, more than {MAX_TAGS}")]
    TooMany(usize),
    /// No such metadata.
    #[error("iam_audit_metadata has {}, please select from {}", quote(.0), quote(&IAM_AUDIT_METADATA.join(", ")))]
    NoMetadata(String),
}

impl Coded for OwnFieldError {
    fn code(&self) -> Code {
        match self {
            Self::NoTag(_) | Self::KeyTaken(_) | Self::TooMany(_) => Code::ConfigAliasTags,
            Self::NoMetadata(_) => Code::ConfigMetadata,
        }
    }
}

/// Tags with the key that each has in the metadata of an alias.
pub(super) fn checked_alias_tags(tags: &[String]) -> Result<Vec<String>, OwnFieldError> {
    if tags.len() > MAX_TAGS {
        return Err(OwnFieldError::TooMany(tags.len()));
    }
    let mut keys: BTreeSet<&str> = BTreeSet::new();
    for text in tags {
        let pair = tag_pair(text).filter(|(tag, key)| tag.chars().count() <= MAX_TAG_KEY && is_key(key));
        let (_, key) = pair.ok_or_else(|| OwnFieldError::NoTag(text.clone()))?;
        if is_reserved(key) || !keys.insert(key) {
            return Err(OwnFieldError::KeyTaken(key.to_owned()));
        }
    }
    Ok(tags.to_vec())
}

/// The chosen names, each once.
pub(super) fn checked_audit_metadata(names: &[String]) -> Result<Vec<String>, OwnFieldError> {
    let mut chosen = BTreeSet::new();
    for name in names.iter().map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()) {
        if !IAM_AUDIT_METADATA.contains(&name.as_str()) {
            return Err(OwnFieldError::NoMetadata(name));
        }
        chosen.insert(name);
    }
    Ok(chosen.into_iter().collect())
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len())
        && !key.starts_with("vault-")
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=/+_-".contains(&byte))
}

fn is_reserved(key: &str) -> bool {
    let of_method = [IAM_METADATA.available, EC2_METADATA.available, &IAM_AUDIT_METADATA, &TOKEN_METADATA];
    of_method.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_hosts_take_and_nothing_else_has() {
        let check =
            |tags: &[&str]| checked_alias_tags(&tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>());
        for tags in [&["team=aws_team", "cost center=cc", "x:y=a/b+c-d=e"][..], &[], &["t=a", "t=b"]] {
            assert_eq!(check(tags).as_deref().unwrap(), tags);
        }
        let (long_key, long_tag) = (format!("t={}", "k".repeat(129)), format!("{}=k", "t".repeat(129)));
        for tag in
            ["team", "=k", "team=", "t=a b", "t=a.b", "t=vault-x", "t=é", "t=a:b", &long_key, &long_tag]
        {
            assert_eq!(check(&[tag]), Err(OwnFieldError::NoTag(tag.to_owned())), "{tag}");
        }
        for key in ["account_id", "Auth_Type", "role", "role_id", "nonce", "aws_request_id", "ami_id"] {
            assert_eq!(check(&[&format!("t={key}")]), Err(OwnFieldError::KeyTaken(key.to_owned())));
        }
        assert_eq!(check(&["a=k", "b=k"]), Err(OwnFieldError::KeyTaken("k".to_owned())));
        let many: Vec<String> = (0..51).map(|number| format!("t{number}=k{number}")).collect();
        assert_eq!(checked_alias_tags(&many), Err(OwnFieldError::TooMany(51)));
    }

    #[test]
    fn audit_metadata_is_chosen_by_name() {
        let check = |names: &[&str]| {
            checked_audit_metadata(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        let chosen = vec!["aws_region".to_owned(), "aws_request_id".to_owned()];
        assert_eq!(check(&[" AWS_request_id", "aws_region", "aws_region", ""]), Ok(chosen));
        assert_eq!(check(&[]), Ok(Vec::new()));
        let text = check(&["arn"]).unwrap_err().to_string();
        assert_eq!(
            text,
            r#"iam_audit_metadata has "arn", please select from "aws_access_key_id, aws_region, aws_request_id, aws_signed_at, aws_token_id""#
        );
    }
}
