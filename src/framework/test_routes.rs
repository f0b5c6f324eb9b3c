//! A small backend with routes as the AWS method has them, for the tests of this module.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{
    Auth, Backend, Connection, DisplayAttributes, Endpoint, Failure, Field, FieldKind, Fields, HandlerFuture,
    HelpContext, HostFlavor, Operation, Request, Response, Route, RouteTable,
};
use crate::refusal::{Code, Coded};

#[derive(Default)]
pub(super) struct TestBackend {
    pub(super) read_only: bool,
    pub(super) calls: AtomicUsize,
}

pub(super) const CONTEXT: HelpContext =
    HelpContext { version: String::new(), description: "\nLogs in with AWS.\n", unauthenticated: &["login"] };

impl Backend for TestBackend {
    async fn can_write(&self) -> Result<bool, Failure> {
        Ok(!self.read_only)
    }

    async fn help_context(&self) -> HelpContext {
        HelpContext { version: "2.7.2".to_owned(), ..CONTEXT }
    }
}

pub(super) fn request(operation: Operation, path: &str, data: &str) -> Request {
    Request {
        id: "id".to_owned(),
        operation,
        path: path.to_owned(),
        data_digest: [0; 32],
        data: data.to_owned(),
        mount_point: "auth/aws/".to_owned(),
        mount_type: "aws".to_owned(),
        connection: Some(Connection { remote_addr: "127.0.0.1".to_owned() }),
        auth: None,
        unauthenticated: false,
    }
}

/// Shows the fields it got; deletes answer nothing, logins an identity.
fn echo<'a>(backend: &'a TestBackend, request: &'a Request, fields: Fields) -> HandlerFuture<'a> {
    Box::pin(async move {
        backend.calls.fetch_add(1, Ordering::Relaxed);
        if request.operation == Operation::Delete {
            return Ok(None);
        }
        if request.path == "login" {
            return Ok(Some(Response::with_auth(Auth::default())));
        }
        let mut data = Map::new();
        let mut show = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                data.insert(name.to_owned(), value);
            }
        };
        for name in ["role", "name", "role_tag", "access_key"] {
            show(name, fields.text(name).map(Value::from));
        }
        show("ttl", fields.seconds("ttl").map(Value::from));
        show("max_retries", fields.int("max_retries").map(Value::from));
        show("token_policies", fields.list("token_policies").map(|list| json!(list)));
        Ok(Some(Response::with_data(data)))
    })
}

/// What the existence check of the role `broken` fails with.
#[derive(Debug, Error)]
#[error("broken")]
pub(super) struct Broken;

impl Coded for Broken {
    fn code(&self) -> Code {
        Code::PluginDefect
    }
}

fn exists<'a>(
    _: &'a TestBackend,
    _: &'a Request,
    fields: Fields,
) -> HandlerFuture<'a, Result<bool, Failure>> {
    Box::pin(async move {
        match fields.text("role") {
            Some("broken") => Err(Failure::internal(&Broken)),
            role => Ok(role == Some("dev")),
        }
    })
}

/// A route that echoes, without texts and attributes.
pub(super) fn route(
    pattern: &'static str,
    fields: &'static [Field],
    operations: &[Operation],
) -> Route<TestBackend> {
    let endpoints = operations.iter().map(|&operation| Endpoint {
        operation,
        handler: echo,
        display: DisplayAttributes::default(),
        forward_to_writer: false,
    });
    Route {
        pattern,
        fields,
        endpoints: endpoints.collect(),
        existence_check: None,
        synopsis: "",
        description: "",
        display: DisplayAttributes::default(),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

fn named(suffix: &'static str) -> DisplayAttributes {
    DisplayAttributes { operation_prefix: "aws", operation_suffix: suffix, ..DisplayAttributes::default() }
}

const ROLE: Field = Field::new("role", FieldKind::String, " Name of\n the role. ");

const WRITES: [Operation; 4] = [Operation::Create, Operation::Update, Operation::Read, Operation::Delete];

fn config_client() -> Route<TestBackend> {
    const FIELDS: &[Field] = &[
        Field::new("access_key", FieldKind::String, "Key id\nof the server. ").default_json("\"\"").display(
            DisplayAttributes {
                name: "Access key",
                sensitive: true,
                ..Field::new("", FieldKind::String, "").display
            },
        ),
        Field::new("old", FieldKind::Bool, "Use the new one.").deprecated(),
        Field::new("allowed_sts_header_values", FieldKind::CommaStringSlice, ""),
    ];
    let mut route = Route {
        synopsis: "Configures the client.\n",
        description: "\nKeys and\nendpoints.\n",
        display: named("client-configuration"),
        existence_check: Some(exists),
        ..route("config/client$", FIELDS, &WRITES)
    };
    for endpoint in &mut route.endpoints {
        if matches!(endpoint.operation, Operation::Create | Operation::Update) {
            endpoint.forward_to_writer = true;
            endpoint.display = DisplayAttributes {
                operation_verb: "configure",
                operation_suffix: "client",
                ..DisplayAttributes::default()
            };
        }
    }
    route
}

/// Routes as the AWS method has them.
pub(super) fn routes() -> Vec<Route<TestBackend>> {
    const LOGIN: &[Field] = &[ROLE, Field::new("iam_request_headers", FieldKind::Header, "Headers.")];
    const ROLE_FIELDS: &[Field] = &[
        ROLE,
        Field::new("ttl", FieldKind::DurationSecond, "Time to live."),
        Field::new("max_retries", FieldKind::Int, "Attempts.").default_json("-1"),
        Field::new("auth_type", FieldKind::String, "Type.").allowed(&["iam", "ec2"]),
        Field::new("token_policies", FieldKind::CommaStringSlice, "Policies."),
    ];
    const TAG: &[Field] = &[Field::new("role_tag", FieldKind::String, "Tag.")];
    const NAME: &[Field] = &[Field::new("name", FieldKind::String, "Name.")];
    vec![
        Route {
            display: DisplayAttributes {
                operation_prefix: "aws",
                operation_verb: "login",
                ..DisplayAttributes::default()
            },
            max_data_bytes: Some(512),
            max_data_values: None,
            ..route("login$", LOGIN, &[Operation::Update, Operation::AliasLookahead, Operation::ResolveRole])
        },
        Route { display: named("auth-roles"), ..route("role/?", &[], &[Operation::List]) },
        Route { display: named("auth-roles2"), ..route("roles/?", &[], &[Operation::List]) },
        Route {
            display: named("auth-role"),
            existence_check: Some(exists),
            ..route(r"role/(?P<role>\w(([\w-.]+)?\w)?)", ROLE_FIELDS, &WRITES)
        },
        Route {
            display: named("role-tag"),
            ..route(r"role/(?P<role>\w(([\w-.]+)?\w)?)/tag$", &[ROLE], &[Operation::Update])
        },
        config_client(),
        Route {
            display: named("role-tag-deny-lists"),
            ..route("roletag-denylist/?", &[], &[Operation::List])
        },
        Route {
            display: named("role-tag-deny-list"),
            deprecated: true,
            ..route(
                "roletag-denylist/(?P<role_tag>.*)",
                TAG,
                &[Operation::Update, Operation::Read, Operation::Delete],
            )
        },
        route(
            r"optional(/(?P<name>\w(([\w-.]+)?\w)?))?",
            NAME,
            &[Operation::Read, Operation::List, Operation::Patch],
        ),
        route("any/.*", &[], &[Operation::Read, Operation::Create]),
    ]
}

pub(super) fn table() -> RouteTable<TestBackend> {
    table_of(HostFlavor::OpenBao)
}

pub(super) fn table_of(host: HostFlavor) -> RouteTable<TestBackend> {
    RouteTable::new(host, routes()).unwrap()
}
