//! `oidc/.well-known/…`: what AWS verifies the tokens of this mount with.

use serde_json::{Value, json};

use super::shape::{display, endpoint};
use crate::entry::Issuer;
use crate::framework::{Handler, HandlerResult, Operation, Response, Route};
use crate::issuer::documents;
use crate::mount::Mount;

/// A key is published a day before it is needed.
const CACHE_CONTROL: &str = "public, max-age=3600";

pub(super) fn configuration_route() -> Route<Mount> {
    route(
        (r"oidc/\.well-known/openid-configuration$", "openid-configuration"),
        "Tells where the keys of this issuer are.",
        |mount, _, _| Box::pin(answered(mount, documents::openid_configuration)),
    )
}

pub(super) fn keys_route() -> Route<Mount> {
    route((r"oidc/\.well-known/keys$", "openid-keys"), "The public keys of this issuer.", |mount, _, _| {
        Box::pin(answered(mount, documents::web_keys))
    })
}

fn route(
    (pattern, suffix): (&'static str, &'static str),
    synopsis: &'static str,
    handler: Handler<Mount>,
) -> Route<Mount> {
    Route {
        pattern,
        fields: &[],
        endpoints: [Operation::Read, Operation::Header].map(|operation| endpoint(operation, handler)).into(),
        existence_check: None,
        synopsis,
        description: "
Answers without a token, with a JSON document that is not wrapped, for whoever verifies identity tokens of
this mount: with config/issuer it is an issuer of its own. Where none is configured the answer is 404.
Each node answers from what is stored.
",
        display: display(suffix),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

async fn answered(mount: &Mount, document: impl Fn(&Issuer) -> Value) -> HandlerResult {
    let stored = mount.store().issuer().await?;
    Ok(Some(match stored.as_ref() {
        Some(issuer) => raw(200, &document(issuer)).with_cache_control(CACHE_CONTROL),
        None => raw(404, &json!({"errors": ["no issuer is configured"]})).with_cache_control("no-store"),
    }))
}

fn raw(status: u16, document: &Value) -> Response {
    Response::raw(status, "application/json", document.to_string().as_bytes())
}
