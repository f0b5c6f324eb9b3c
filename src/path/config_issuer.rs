//! `config/issuer` and `issuer/rotate`: the mount as an issuer of identity tokens of its own.

use serde_json::{Value, json};

use super::shape::{display, endpoint, object, verb};
use crate::entry::{Issuer, IssuerKey, TokenAlgorithm};
use crate::framework::{Endpoint, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::issuer::change::{self, Wanted, shown};
use crate::issuer::schedule::{self, KeyState};
use crate::mount::Mount;

const FIELDS: &[Field] = &[
    Field::new("issuer", FieldKind::String, "URL at which AWS finds the documents of oidc/, without port. Every token names it.")
        .example("https://vault.example.com/v1/auth/aws/oidc")
        .max_bytes(4096),
    Field::new("algorithm", FieldKind::String, "How keys sign: `RS256` or `ES256`. Another one begins a rotation.")
        .default_json("\"RS256\"")
        .allowed(&TokenAlgorithm::NAMES)
        .max_bytes(64),
    Field::new("rotation_period", FieldKind::DurationSecond, "How long a key signs: at least 2 days, by default 90.")
        .default_json("7776000"),
    Field::new("token_ttl", FieldKind::DurationSecond, "The longest life of a token: from a minute to 12 hours. identity_token_ttl of config/client may be less.")
        .default_json("3600"),
];

static ROTATE_FIELDS: [Field; 1] = [Field::new(
    "immediate",
    FieldKind::Bool,
    "Whether all other keys are dropped and the new one signs at once. For keys that somebody else may know.",
)
.default_json("false")];

pub(super) fn route() -> Route<Mount> {
    let forwarded = |endpoint| Endpoint { forward_to_writer: true, ..endpoint };
    Route {
        pattern: "config/issuer$",
        fields: FIELDS,
        endpoints: vec![
            endpoint(Operation::Read, |mount, _, _| Box::pin(read(mount))),
            Endpoint {
                display: verb("configure", "issuer"),
                ..forwarded(endpoint(Operation::Update, |mount, _, fields| Box::pin(write(mount, fields))))
            },
            forwarded(endpoint(Operation::Delete, |mount, _, _| Box::pin(delete(mount)))),
        ],
        existence_check: None,
        synopsis: "Makes this mount an issuer of identity tokens of its own.",
        description: "
AWS takes identity tokens of an OpenID Connect provider in the place of access keys. Where the server makes
none for its plugins, this mount makes them: with an issuer here, and role_arn and identity_token_audience
in config/client, no secret of AWS is stored. The first write makes a key; a read shows the keys with their
states and times, and never a private key. The fields that are not given keep their value.

The URL is where AWS finds oidc/.well-known/openid-configuration and oidc/.well-known/keys: without port,
query and slash at the end. Where AWS cannot reach the server, publish what issuer/export gives.

Keys are rotated by the server: the next one is published a day before it signs, the old one for as long
as its tokens live and a day more. A delete drops the keys: AWS then refuses this mount, and a later issuer
has another subject.
",
        display: display("issuer"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

pub(super) fn rotate_route() -> Route<Mount> {
    Route {
        pattern: "issuer/rotate$",
        fields: &ROTATE_FIELDS,
        endpoints: vec![Endpoint {
            forward_to_writer: true,
            ..endpoint(Operation::Update, |mount, _, fields| Box::pin(rotate(mount, fields)))
        }],
        existence_check: None,
        synopsis: "Begins a rotation of the issuer's keys.",
        description: "
Makes the next key of config/issuer and publishes it; it signs in a day, when AWS knows it. With
immediate=true all other keys are dropped and the new one signs at once: tokens that were signed before are
no longer taken, and AWS may refuse new ones for as long as it keeps the keys that it fetched before.
",
        display: verb("rotate", "issuer"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

async fn read(mount: &Mount) -> HandlerResult {
    let Some(issuer) = mount.store().read::<Issuer>(Issuer::KEY).await? else { return Ok(None) };
    let now = mount.now();
    let keys: Vec<Value> =
        schedule::states(&issuer.keys, now).into_iter().map(|(key, state)| shown_key(key, state)).collect();
    Ok(Some(Response::with_data(object([
        ("issuer", json!(issuer.issuer)),
        ("subject", json!(issuer.subject)),
        ("algorithm", json!(issuer.algorithm)),
        ("rotation_period", json!(issuer.rotation_period)),
        ("token_ttl", json!(issuer.token_ttl)),
        ("keys", Value::Array(keys)),
    ]))))
}

fn shown_key(key: &IssuerKey, state: KeyState) -> Value {
    let published_until = match state {
        KeyState::Retiring(end) => json!(shown(end)),
        KeyState::Next | KeyState::Signing => Value::Null,
    };
    Value::Object(object([
        ("id", json!(key.id)),
        ("algorithm", json!(key.algorithm)),
        ("state", json!(state.as_str())),
        ("published_from", json!(shown(key.created))),
        ("signs_from", json!(shown(key.signs_from))),
        ("published_until", published_until),
    ]))
}

async fn write(mount: &Mount, fields: Fields) -> HandlerResult {
    let text = |name| fields.text(name).map(str::to_owned);
    let wanted = Wanted {
        issuer: text("issuer"),
        algorithm: text("algorithm"),
        rotation_period: fields.seconds("rotation_period"),
        token_ttl: fields.seconds("token_ttl"),
    };
    change::configure(mount.store(), mount.world(), mount.id(), &wanted).await?;
    mount.clients().forget_credentials();
    Ok(None)
}

async fn delete(mount: &Mount) -> HandlerResult {
    let deleted = change::delete(mount.store()).await;
    mount.clients().forget_credentials();
    deleted?;
    Ok(None)
}

async fn rotate(mount: &Mount, fields: Fields) -> HandlerResult {
    let immediate = fields.bool("immediate").unwrap_or(false);
    let (id, signs_from) = change::rotate(mount.store(), mount.world(), immediate).await?;
    if immediate {
        mount.clients().forget_credentials();
    }
    Ok(Some(Response::with_data(object([("id", json!(id)), ("signs_from", json!(shown(signs_from)))]))))
}
