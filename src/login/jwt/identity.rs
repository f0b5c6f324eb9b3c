//! Who a caller of the jwt login is, for the host's identity store.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::refused::Refused;
use crate::entry::{
    AliasSource, AuthType, IAM_AUDIT_METADATA, IAM_METADATA, IdentityConfig, LoginType, Role,
};
use crate::framework::Auth;
use crate::login::iam::Refused as Common;
use crate::login::token_data::{TokenData, iam_keys, selected_metadata};
use crate::proof::web_identity_token::VerifiedToken;

/// Name of the caller's alias: the one that an iam login of the same principal has.
///
/// # Errors
/// The configuration names a source that no token shows, or that nobody knows.
pub(super) fn alias_name(
    identity: &IdentityConfig,
    token: &VerifiedToken,
    role: &Role,
) -> Result<String, Refused> {
    match identity.iam_alias_source() {
        Some(AliasSource::RoleId) => Ok(role.role_id.clone()),
        Some(AliasSource::UniqueId) => Err(Refused::AliasNotShown("iam_alias=unique_id")),
        Some(AliasSource::FullArn) => Ok(token.arn().as_str().to_owned()),
        Some(AliasSource::CanonicalArn) => Ok(token.arn().canonical()),
        None => Err(Common::Alias(identity.iam_alias().to_owned()).into()),
    }
}

/// What a caller whom its role admits gets.
///
/// # Errors
/// The configuration wants of an alias what no token shows, or the token parameters refuse.
pub(super) fn admit(
    token: &VerifiedToken,
    (role_name, role): (&str, &Role),
    identity: &IdentityConfig,
    remote_addr: Option<&str>,
) -> Result<Auth, Refused> {
    if !identity.iam_alias_tags.is_empty() {
        return Err(Refused::AliasNotShown("iam_alias_tags"));
    }
    let mut token_metadata = vec![("role_id", role.role_id.clone())];
    token_metadata.extend(audit_metadata(identity, token));
    let data = TokenData {
        alias_name: alias_name(identity, token, role)?,
        metadata: metadata(identity, token),
        token_metadata,
        internal_data: [
            (iam_keys::LOGIN_TYPE, LoginType::Jwt.as_str().to_owned()),
            (iam_keys::TOKEN_SUBJECT, token.arn().as_str().to_owned()),
            (iam_keys::ROLE_NAME, role_name.to_owned()),
            (iam_keys::ROLE_ID, role.role_id.clone()),
            (iam_keys::CANONICAL_ARN, token.arn().canonical()),
            (iam_keys::CLIENT_USER_ID, String::new()),
            (iam_keys::INFERRED_ENTITY_ID, String::new()),
            (iam_keys::INFERRED_AWS_REGION, String::new()),
            (iam_keys::ACCOUNT_ID, token.account().as_str().to_owned()),
        ],
    };
    let auth = data.issue(role, remote_addr)?;
    Ok(Auth { display_name: token.arn().name().to_owned(), ..auth })
}

/// The metadata that the operator has selected, as far as a token shows it.
fn metadata(identity: &IdentityConfig, token: &VerifiedToken) -> BTreeMap<String, String> {
    let canonical_arn = token.arn().canonical();
    let value = |name: &str| -> &str {
        match name {
            "account_id" => token.account().as_str(),
            "auth_type" => AuthType::Iam.as_str(),
            "canonical_arn" => &canonical_arn,
            "client_arn" => token.arn().as_str(),
            _ => "",
        }
    };
    selected_metadata(&identity.iam_auth_metadata_handler, &IAM_METADATA, value)
}

/// By what the token is found in AWS's records, as far as the operator has chosen it.
fn audit_metadata(identity: &IdentityConfig, token: &VerifiedToken) -> Vec<(&'static str, String)> {
    let value = |name: &str| match name {
        "aws_region" => token.region().to_owned(),
        "aws_signed_at" => readable(token.issued()).unwrap_or_default(),
        "aws_token_id" => token.id().to_owned(),
        _ => String::new(),
    };
    IAM_AUDIT_METADATA
        .into_iter()
        .filter(|name| identity.iam_audit_metadata.iter().any(|chosen| chosen == name))
        .map(|name| (name, value(name)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn readable(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_other_logs() {
        assert_eq!(readable(1_767_225_601).as_deref(), Some("2026-01-01T00:00:01Z"));
        assert_eq!(readable(i64::MAX), None);
    }
}
