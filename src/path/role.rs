//! `role/<role>`: who may log in, and what token they get.

use serde_json::{Map, Value, json};

use super::request_rules;
use super::role_login_types;
use super::role_write::write;
use super::shape::{display, endpoint, name_pattern, role_name};
use crate::entry::{AuthType, BOUNDS, InferredEntity, Role};
use crate::framework::{
    Endpoint, Failure, Field, FieldKind, Fields, HandlerResult, HostFlavor, Operation, Response, Route,
    token_fields,
};
use crate::mount::Mount;

/// Pattern of the path.
pub(super) const PATTERN: &str = concat!("role/", name_pattern!("role"));

const FIRST_FIELDS: [Field; 2] = [
    Field::new("role", FieldKind::Name, "Name of the role; upper and lower case are the same."),
    Field::new("auth_type", FieldKind::String, "How callers prove themselves: `iam` by a signed request, `ec2` by an instance identity document. Cannot be changed later.")
        .allowed(&[AuthType::Iam.as_str(), AuthType::Ec2.as_str()]),
];

const FURTHER_FIELDS: [Field; 14] = [
    request_rules::MAX_AGE,
    request_rules::SINGLE_USE,
    role_login_types::LOGIN_TYPES,
    Field::new("resolve_aws_unique_ids", FieldKind::Bool, "Whether bound principals are resolved to their unique ids when the role is written, so that a principal that is deleted and recreated under the same name no longer matches. Cannot be switched off later.")
        .default_json("true"),
    Field::new("inferred_entity_type", FieldKind::String, "What the session name of a caller stands for: `ec2_instance`, or nothing.").example("ec2_instance")
        .allowed(&[InferredEntity::EC2_INSTANCE]),
    Field::new("inferred_aws_region", FieldKind::String, "Region in which inferred instances are looked up.").example("eu-west-1"),
    Field::new("role_tag", FieldKind::String, "Key of the instance tag that narrows the role further; ec2 login only.").example("VaultRole"),
    Field::new("allow_instance_migration", FieldKind::Bool, "Whether an instance that was restored elsewhere may take over; ec2 login only.")
        .default_json("false"),
    Field::new("disallow_reauthentication", FieldKind::Bool, "Whether an instance may log in only once; ec2 login only.")
        .default_json("false"),
    Field::new("iam_strict_request", FieldKind::Bool, "Whether strict mode holds for the role even where config/client does not switch it on. It cannot be switched off for one role.")
        .own(),
    Field::new("policies", FieldKind::CommaStringSlice, "Use token_policies instead.").deprecated(),
    Field::new("ttl", FieldKind::DurationSecond, "Use token_ttl instead.").deprecated(),
    Field::new("max_ttl", FieldKind::DurationSecond, "Use token_max_ttl instead.").deprecated(),
    Field::new("period", FieldKind::DurationSecond, "Use token_period instead.").deprecated(),
];

/// The fields on a host. They live as long as its route table: as the process.
fn fields(host: HostFlavor) -> &'static [Field] {
    let bounds = BOUNDS.iter().map(|bound| {
        let field = Field::new(bound.name, FieldKind::CommaStringSlice, bound.description);
        let field = field.example(bound.example);
        if bound.own { field.own() } else { field }
    });
    let fields = FIRST_FIELDS.into_iter().chain(bounds).chain(FURTHER_FIELDS).chain(token_fields(host));
    fields.collect::<Vec<_>>().leak()
}

pub(super) fn route(host: HostFlavor) -> Route<Mount> {
    // Writing resolves principals at AWS, which must not happen on a node that cannot store them.
    let write = |operation| Endpoint {
        forward_to_writer: true,
        ..endpoint(operation, |mount, request, fields| Box::pin(write(mount, request, fields)))
    };
    Route {
        pattern: PATTERN,
        fields: fields(host),
        endpoints: vec![
            write(Operation::Create),
            write(Operation::Update),
            endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields))),
            endpoint(Operation::Delete, |mount, _, fields| Box::pin(delete(mount, fields))),
        ],
        existence_check: Some(|mount, _, fields| {
            Box::pin(async move { Ok(mount.role_exists(role_name(&fields)).await?) })
        }),
        synopsis: "Binds AWS principals and instances to the tokens they get.",
        description: "
A role admits the callers that satisfy all of its bindings; of the values of one binding, one must
match. At least one binding is needed. Bindings of the iam type are principals, and with an inferred
entity those of the instance; bindings of the ec2 type are those of the instance. The token fields say
what a token may do and how long it lives. Fields that are not given keep their value.
",
        display: display("auth-role"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: false,
    }
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.check_role_path(role_name(&fields)).await?;
    Ok(mount.role(role_name(&fields)).await?.map(|role| Response::with_data(shown(&role, mount.host()))))
}

async fn delete(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.check_role_path(role_name(&fields)).await?;
    let key = Role::key(role_name(&fields));
    let result = mount.store().delete(&key).await;
    mount.forget_full_arns();
    mount.forget_role_principals(&key);
    result.map_err(|error| Failure::storage(&error, |text| format!("error deleting role: {text}")))?;
    Ok(None)
}

/// A role as a read on this host shows it.
fn shown(role: &Role, host: HostFlavor) -> Map<String, Value> {
    let mut data = Map::new();
    let empty = Vec::new();
    for bound in BOUNDS.iter().filter(|bound| !bound.own || bound.is_set(role)) {
        let list = bound.list(role);
        let list = if bound.unset_is_null { list } else { list.or(Some(&empty)) };
        data.insert(bound.name.to_owned(), json!(list));
    }
    let ids = role.bound_iam_principal_id_list.as_ref().unwrap_or(&empty);
    for (name, value) in [
        ("auth_type", json!(role.auth_type)),
        ("bound_iam_principal_id", json!(ids)),
        ("inferred_entity_type", json!(role.inferred_entity_type)),
        ("inferred_aws_region", json!(role.inferred_aws_region)),
        ("resolve_aws_unique_ids", json!(role.resolve_aws_unique_ids)),
        ("role_id", json!(role.role_id)),
        ("role_tag", json!(role.role_tag)),
        ("allow_instance_migration", json!(role.allow_instance_migration)),
        ("disallow_reauthentication", json!(role.disallow_reauthentication)),
    ] {
        data.insert(name.to_owned(), value);
    }
    if role.iam_strict_request {
        data.insert("iam_strict_request".to_owned(), json!(true));
    }
    request_rules::show(role.request_rules, &mut data);
    role_login_types::show(role, &mut data);
    role.token.read_into(&mut data, host);
    for (name, duration) in [("ttl", role.ttl), ("max_ttl", role.max_ttl), ("period", role.period)] {
        if duration.is_positive() {
            data.insert(name.to_owned(), json!(duration.as_secs()));
        }
    }
    if role.policies.as_ref().is_some_and(|policies| !policies.is_empty()) {
        data.insert("policies".to_owned(), json!(role.token.policies()));
    }
    data
}
