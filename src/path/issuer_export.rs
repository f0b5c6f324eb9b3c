//! `issuer/export`: what has to be published, and what AWS has to be told of this issuer.

use serde_json::json;

use super::shape::{display, endpoint, object};
use crate::aws::arn::Arn;
use crate::framework::{Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::issuer::IssuerError;
use crate::issuer::documents::{
    openid_configuration, provider_arn, provider_request, trust_policy, web_keys,
};
use crate::issuer::url::IssuerUrl;
use crate::mount::Mount;

/// The audience where nobody names another one: what AWS's own documents use.
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";
/// Stands for the account where it is not known.
const NO_ACCOUNT: &str = "ACCOUNT_ID";

static FIELDS: [Field; 1] = [Field::new(
    "audience",
    FieldKind::String,
    "Audience of the tokens; by default identity_token_audience of config/client, else sts.amazonaws.com.",
)
.max_bytes(255)];

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "issuer/export$",
        fields: &FIELDS,
        endpoints: vec![endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields)))],
        existence_check: None,
        synopsis: "Tells what has to be published, and what AWS has to be told of this issuer.",
        description: "
Answers with

    openid_configuration  the document for ISSUER/.well-known/openid-configuration.
    jwks                  the document for ISSUER/.well-known/keys. It changes with each rotation: publish it
                          at least twice a day where AWS does not fetch it from this server.
    provider              the parameters of iam:CreateOpenIDConnectProvider.
    provider_arn          the ARN that the provider will have.
    trust_policy          the trust policy of the role that this mount assumes, role_arn of config/client.
    subject, audience     what the tokens say, and the trust policy wants.

The account is that of role_arn; without one ACCOUNT_ID stands in its place.
",
        display: display("issuer-export"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    let stored = mount.store().issuer().await?;
    let issuer = stored.as_ref().as_ref().ok_or_else(|| Failure::from(IssuerError::Absent))?;
    let config = mount.store().config_snapshot().await?.config;
    let chosen = [fields.text("audience").unwrap_or(""), &config.identity_token_audience, DEFAULT_AUDIENCE];
    let audience = chosen.into_iter().find(|audience| !audience.is_empty()).unwrap_or(DEFAULT_AUDIENCE);
    let role = Arn::parse(&config.role_arn).ok();
    let account = role.as_ref().map_or(NO_ACCOUNT, |arn| arn.account().as_str());
    let partition = role.as_ref().and_then(|_| config.role_arn.split(':').nth(1)).unwrap_or("aws");
    let url = IssuerUrl::parse(&issuer.issuer).map_err(IssuerError::from)?;
    let arn = provider_arn(&url, partition, account);
    Ok(Some(Response::with_data(object([
        ("openid_configuration", openid_configuration(issuer)),
        ("jwks", web_keys(issuer)),
        ("provider", provider_request(issuer, audience)),
        ("trust_policy", trust_policy(issuer, &url, &arn, audience)),
        ("provider_arn", json!(arn)),
        ("subject", json!(issuer.subject)),
        ("audience", json!(audience)),
    ]))))
}
