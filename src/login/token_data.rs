//! What a token carries: an alias and metadata for the host's identity store, and the data by which a
//! renewal knows the caller again. Both login types issue tokens here, and both renewals read here
//! what a login left behind.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use super::alias_metadata::alias_metadata;
use crate::entry::{MetadataFields, MetadataSelection, Role};
use crate::framework::{Alias, Auth, Failure, Request};
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// Somebody else changes the access-list entry of an instance each time. Its logins and renewals do not:
/// they take turns.
pub(in crate::login) const ENTRY_CONTENDED: &str =
    "the access list entry of the instance changes all the time";

/// Keys of the data that a token of the iam login carries for its renewal.
pub(super) mod iam_keys {
    pub(in crate::login) const ROLE_NAME: &str = "role_name";
    pub(in crate::login) const ROLE_ID: &str = "role_id";
    pub(in crate::login) const CANONICAL_ARN: &str = "canonical_arn";
    pub(in crate::login) const CLIENT_USER_ID: &str = "client_user_id";
    pub(in crate::login) const INFERRED_ENTITY_ID: &str = "inferred_entity_id";
    pub(in crate::login) const INFERRED_AWS_REGION: &str = "inferred_aws_region";
    pub(in crate::login) const ACCOUNT_ID: &str = "account_id";
    /// How it was got, where that was not a signed request.
    pub(in crate::login) const LOGIN_TYPE: &str = "login_type";
    /// The principal as its web identity token named it.
    pub(in crate::login) const TOKEN_SUBJECT: &str = "token_subject";
}

/// Keys of the data that a token of the ec2 login carries for its renewal.
pub(super) mod ec2_keys {
    pub(in crate::login) const INSTANCE_ID: &str = "instance_id";
    pub(in crate::login) const REGION: &str = "region";
    pub(in crate::login) const ACCOUNT_ID: &str = "account_id";
}

/// Metadata of ec2 logins that names their role.
pub(super) const ROLE: &str = "role";

/// Metadata by which a renewal knows how long a role tag lets a token live.
pub(super) const ROLE_TAG_MAX_TTL: &str = "role_tag_max_ttl";

/// What a login type puts on a token.
pub(super) struct TokenData<const N: usize> {
    /// Name of the caller in the identity store.
    pub(super) alias_name: String,
    /// The metadata that the operator has selected: on the token, and on the alias as hosts take it.
    pub(super) metadata: BTreeMap<String, String>,
    /// Metadata on the token alone, whatever is selected.
    pub(super) token_metadata: Vec<(&'static str, String)>,
    /// For the renewal.
    pub(super) internal_data: [(&'static str, String); N],
}

impl<const N: usize> TokenData<N> {
    /// A token with this on it, and with the token parameters of a role.
    ///
    /// # Errors
    /// Permission denied when tokens are bound to the caller's address and it is unknown.
    pub(super) fn issue(self, role: &Role, remote_addr: Option<&str>) -> Result<Auth, Failure> {
        let mut metadata = self.metadata.clone();
        metadata.extend(self.token_metadata.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let internal_data = self.internal_data.into_iter();
        let mut auth = Auth {
            metadata,
            internal_data: internal_data
                .map(|(key, value)| (key.to_owned(), Value::from(value)))
                .collect::<Map<_, _>>(),
            ..alias(self.alias_name, alias_metadata(&self.metadata))
        };
        role.token.apply(&mut auth, remote_addr)?;
        Ok(auth)
    }
}

/// No token, only the alias that a login would use.
pub(super) fn alias_alone(name: String) -> Auth {
    alias(name, BTreeMap::new())
}

fn alias(name: String, metadata: BTreeMap<String, String>) -> Auth {
    Auth { alias: Some(Alias { name, metadata, ..Alias::default() }), ..Auth::default() }
}

/// The selected metadata. What is empty is left out.
pub(super) fn selected_metadata<'v>(
    selection: &MetadataSelection,
    fields: &MetadataFields,
    value: impl Fn(&str) -> &'v str,
) -> BTreeMap<String, String> {
    selection
        .names(fields)
        .map(|name| (name.to_owned(), value(name).to_owned()))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The address a request came from, as the host knows it.
pub(super) fn remote_addr(request: &Request) -> Option<&str> {
    request.connection.as_ref().map(|connection| connection.remote_addr.as_str())
}

/// A token lacks what its login left behind.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum TokenDataError {
    #[error("unable to fetch {} from auth metadata due to its type", quote(.0))]
    NoText(&'static str),
    #[error("{} not found in auth metadata", quote(.0))]
    Missing(&'static str),
}

impl Coded for TokenDataError {
    fn code(&self) -> Code {
        Code::RenewalTokenData
    }
}

/// A value that a login left behind: in the data for renewal, or in the metadata of older tokens.
pub(super) fn left_behind<'a>(auth: &'a Auth, key: &'static str) -> Result<&'a str, TokenDataError> {
    match auth.internal_data.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(TokenDataError::NoText(key)),
        None => auth.metadata.get(key).map(String::as_str).ok_or(TokenDataError::Missing(key)),
    }
}
