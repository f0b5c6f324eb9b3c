//! `config/jwt-issuer`: the issuers whose web identity tokens are taken, one for each account.

use http::Uri;
use serde_json::json;
use thiserror::Error;

use super::shape::{display, endpoint, list_response, name_pattern, object};
use crate::aws::arn::AccountId;
use crate::entry::{IssuerOfAccount, JwtAlgorithm, JwtIssuer};
use crate::framework::{Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::go::text::quote;
use crate::mount::Mount;
use crate::refusal::{Code, Coded};

/// Longest URL, in bytes.
const MAX_URL: usize = 1024;
/// Audiences at the most, and the longest one in bytes, as AWS takes them.
const MAX_AUDIENCES: usize = 10;
const MAX_AUDIENCE: usize = 1000;

const FIELDS: &[Field] = &[
    Field::new("account_id", FieldKind::Name, "Number of the AWS account."),
    Field::new("issuer", FieldKind::String, "The issuer of the account's tokens, exactly as AWS gives it: IssuerIdentifier of GetOutboundWebIdentityFederationInfo.")
        .example("https://2f9a7c1e-0000-4000-8000-000000000000.tokens.sts.global.api.aws"),
    Field::new("audience", FieldKind::CommaStringSlice, "Audiences of which a token must be for one. No other mount may have one of them.")
        .example("vault.example.com"),
    Field::new("allowed_algorithms", FieldKind::CommaStringSlice, "Algorithms that are taken, out of `RS256` and `ES384`; by default both.")
        .example("ES384"),
    Field::new("jwks_url", FieldKind::String, "Where the keys of the issuer are, if that is not below the issuer itself, at /.well-known/jwks.json.")
        .default_json("\"\""),
];

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: concat!("config/jwt-issuer/", name_pattern!("account_id")),
        fields: FIELDS,
        endpoints: vec![
            endpoint(Operation::Create, |mount, _, fields| Box::pin(write(mount, fields))),
            endpoint(Operation::Update, |mount, _, fields| Box::pin(write(mount, fields))),
            endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields))),
            endpoint(Operation::Delete, |mount, _, fields| Box::pin(delete(mount, fields))),
        ],
        existence_check: Some(|mount, _, fields| {
            Box::pin(async move { Ok(mount.store().read::<JwtIssuer>(&key(&fields)).await?.is_some()) })
        }),
        synopsis: "Names the issuer by which AWS signs web identity tokens of an account.",
        description: "
With an issuer here, callers of the account may log in with a token of sts:GetWebIdentityToken instead of a
signed request, into roles whose allowed_login_types has jwt. The account must have called
iam:EnableOutboundWebIdentityFederation, whose answer names the issuer.

A token is taken when the issuer's published keys verify it, it is for one of the audiences, of this time
and of this account, and was never used before. Keys are fetched when they are needed and kept for an hour;
while the issuer does not answer they go on counting until they are a day old. Tokens that were issued
before the last change of issuer or audience are refused: nobody kept whether they were used.

An account without an entry is refused. The fields that are not given keep their value.
",
        display: display("jwt-issuer"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

pub(super) fn list_route() -> Route<Mount> {
    Route {
        pattern: "config/jwt-issuer/?",
        fields: &[],
        endpoints: vec![endpoint(Operation::List, |mount, _, _| Box::pin(list(mount)))],
        existence_check: None,
        synopsis: "Lists the AWS accounts whose web identity tokens are taken.",
        description: "Lists the numbers of the AWS accounts that have an issuer of web identity tokens configured.",
        display: display("jwt-issuers"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

fn account(fields: &Fields) -> AccountId {
    AccountId::new(fields.text("account_id").unwrap_or(""))
}

fn key(fields: &Fields) -> String {
    JwtIssuer::key(&account(fields))
}

/// Why an issuer is not configured.
#[derive(Debug, Error, PartialEq, Eq)]
enum Refused {
    #[error("account_id must be the twelve digits of an AWS account")]
    Account,
    #[error("{0} must be an https URL with a host, and without user, query and fragment")]
    Url(&'static str),
    #[error(
        "audience must have one value to {MAX_AUDIENCES}, none of them empty or longer than {MAX_AUDIENCE} bytes"
    )]
    Audience,
    #[error("allowed_algorithms has {}, please select from {}", quote(.0), quote(&JwtAlgorithm::NAMES.join(", ")))]
    Algorithm(String),
    #[error("issuer is that of account {0} already: the account of a token could not be told")]
    Taken(String),
}

impl Coded for Refused {
    fn code(&self) -> Code {
        Code::ConfigJwtIssuer
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        Self::refused(&error)
    }
}

fn check_account(account: &AccountId) -> Result<(), Refused> {
    let number = account.as_str();
    if number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(Refused::Account)
    }
}

/// Takes over what is given; whether tokens of before may have been used where nobody kept it.
fn apply(issuer: &mut JwtIssuer, fields: &Fields) -> Result<bool, Refused> {
    let before = (issuer.issuer.clone(), issuer.audience.clone());
    if let Some(url) = fields.text("issuer") {
        url.clone_into(&mut issuer.issuer);
    }
    if !is_https(&issuer.issuer) {
        return Err(Refused::Url("issuer"));
    }
    if let Some(audience) = fields.list("audience") {
        issuer.audience = audience.to_vec();
    }
    let is_audience = |audience: &String| (1..=MAX_AUDIENCE).contains(&audience.len());
    if !(1..=MAX_AUDIENCES).contains(&issuer.audience.len()) || !issuer.audience.iter().all(is_audience) {
        return Err(Refused::Audience);
    }
    if let Some(names) = fields.list("allowed_algorithms") {
        let named = |name: &String| JwtAlgorithm::named(name).ok_or_else(|| Refused::Algorithm(name.clone()));
        issuer.allowed_algorithms = names.iter().map(named).collect::<Result<_, _>>()?;
    }
    if let Some(url) = fields.text("jwks_url") {
        url.clone_into(&mut issuer.jwks_url);
    }
    if !issuer.jwks_url.is_empty() && !is_https(&issuer.jwks_url) {
        return Err(Refused::Url("jwks_url"));
    }
    Ok(before != (issuer.issuer.clone(), issuer.audience.clone()))
}

fn is_https(text: &str) -> bool {
    let is_plain = text.len() <= MAX_URL && text.bytes().all(|byte| byte.is_ascii_graphic());
    let has_host =
        |uri: Uri| uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty());
    is_plain && !text.contains(['@', '?', '#', '\\']) && text.parse::<Uri>().is_ok_and(has_host)
}

async fn write(mount: &Mount, fields: Fields) -> HandlerResult {
    let account = account(&fields);
    check_account(&account)?;
    let issuers = mount.store().jwt_issuers().await?;
    mount
        .store()
        .update(&JwtIssuer::key(&account), async |stored: Option<JwtIssuer>| {
            let mut issuer = stored.unwrap_or_default();
            let is_other = apply(&mut issuer, &fields)?;
            let same =
                |other: &&IssuerOfAccount| other.account != account && other.issuer.issuer == issuer.issuer;
            if let Some(other) = issuers.iter().find(same) {
                return Err(Failure::from(Refused::Taken(other.account.to_string())));
            }
            if is_other {
                issuer.taken_since = issuer.taken_since.max(mount.now());
            }
            Ok((Some(issuer), ()))
        })
        .await?;
    mount.forget_web_identity_keys();
    Ok(None)
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    let Some(issuer) = mount.store().read::<JwtIssuer>(&key(&fields)).await? else { return Ok(None) };
    let algorithms: Vec<&str> = issuer.algorithms().iter().map(|algorithm| algorithm.name()).collect();
    let data = object([
        ("issuer", json!(issuer.issuer)),
        ("audience", json!(issuer.audience)),
        ("allowed_algorithms", json!(algorithms)),
        ("jwks_url", json!(issuer.jwks_url())),
        ("taken_since", json!(issuer.taken_since)),
    ]);
    Ok(Some(Response::with_data(data)))
}

async fn delete(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.store().delete(&key(&fields)).await?;
    mount.forget_web_identity_keys();
    Ok(None)
}

async fn list(mount: &Mount) -> HandlerResult {
    Ok(Some(list_response(&mount.store().list(JwtIssuer::PREFIX).await?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_https_url() {
        for (text, is_one) in [
            ("https://a.tokens.sts.global.api.aws", true),
            ("https://127.0.0.1:8443", true),
            ("https://a.example/path", true),
            ("http://a.example", false),
            ("https://", false),
            ("https://user@a.example", false),
            ("https://a.example?x", false),
            ("https://a.example#x", false),
            ("https://a.example/a b", false),
            ("https://a.example\n", false),
            ("a.example", false),
            ("", false),
        ] {
            assert_eq!(is_https(text), is_one, "{text}");
        }
        assert!(!is_https(&format!("https://a.example/{}", "x".repeat(MAX_URL))));
    }
}
