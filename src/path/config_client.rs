//! `config/client`: how the server reaches AWS, and what it demands of signed requests.

use std::time::Duration;

use serde_json::json;

use super::config_client_refused::ClientRefused;
use super::config_rotation::{check_own_rotation, deregister, follow_rotation};
use super::cron::check_cron;
use super::request_rules;
use super::shape::{display, endpoint, object, verb};
use crate::aws::endpoint::Endpoint as AwsEndpoint;
use crate::entry::ClientConfig;
use crate::framework::{
    DisplayAttributes, Endpoint, Failure, Field, FieldKind, Fields, HandlerResult, Operation, Request,
    Response, Route,
};
use crate::go::GoDuration;
use crate::go::canonical_name;
use crate::issuer::identity_tokens::IdentityTokenError;
use crate::mount::Mount;

const FIELDS: &[Field] = &[
    Field::new("access_key", FieldKind::String, "Access key id for the server's calls to AWS. Empty leaves them to the environment of the server: its variables, profile, web identity, container or instance role.")
        .default_json("\"\""),
    Field::new("secret_key", FieldKind::String, "Secret of the access key. Never returned.")
        .default_json("\"\"")
        .display(DisplayAttributes { sensitive: true, ..display("") }),
    Field::new("role_arn", FieldKind::String, "Role for workload identity.").example("arn:aws:iam::123456789012:role/vault").default_json("\"\""),
    Field::new("identity_token_audience", FieldKind::String, "Audience of the server's identity token. Set it to use workload identity instead of keys, where the server supports it.")
        .default_json("\"\""),
    Field::new("identity_token_ttl", FieldKind::DurationSecond, "Life of the server's identity token; 0 leaves it to the server.")
        .default_json("3600"),
    Field::new("rotation_schedule", FieldKind::String, "When the access key is rotated, as a cron expression in UTC: minute, hour, day of month, month, day of week.").example("0 0 * * 6"),
    Field::new("rotation_window", FieldKind::DurationSecond, "How long after the scheduled time a rotation may still begin."),
    Field::new("rotation_period", FieldKind::DurationSecond, "Time between rotations, instead of a schedule."),
    Field::new("disable_automated_rotation", FieldKind::Bool, "Whether the access key is no longer rotated automatically."),
    Field::new("rotate_in_plugin", FieldKind::Bool, "Whether the plugin itself rotates the access key by rotation_schedule or rotation_period. For servers without a rotation manager.")
        .default_json("false")
        .own(),
    Field::new("endpoint", FieldKind::String, "URL of the EC2 API instead of the one of the region.").example("https://ec2.eu-west-1.amazonaws.com").default_json("\"\""),
    Field::new("iam_endpoint", FieldKind::String, "URL of the IAM API instead of the one of the partition.").example("https://iam.amazonaws.com").default_json("\"\""),
    Field::new("sts_endpoint", FieldKind::String, "URL of the STS API instead of https://sts.amazonaws.com. Logins are sent there too.").example("https://sts.eu-west-1.amazonaws.com")
        .default_json("\"\""),
    Field::new("organizations_endpoint", FieldKind::String, "URL of the Organizations API instead of the one of the partition; for bound_organization_ids and bound_organization_unit_paths of roles.").example("https://organizations.us-east-1.amazonaws.com").own(),
    Field::new("sts_region", FieldKind::String, "Region of the server's own STS calls.").example("eu-west-1").default_json("\"\""),
    Field::new("use_sts_region_from_client", FieldKind::Bool, "Whether a login is sent to the STS endpoint of the region it was signed for. Overrides sts_endpoint.")
        .default_json("false"),
    Field::new("iam_server_id_header_value", FieldKind::String, "Value that a login must carry, signed, in the header X-Vault-AWS-IAM-Server-ID. It binds a signature to this server.").example("vault.example.com")
        .default_json("\"\""),
    Field::new("allowed_sts_header_values", FieldKind::CommaStringSlice, "Further X-Amz- headers that a login may carry.").example("X-Amz-Expires"),
    request_rules::MAX_AGE,
    request_rules::SINGLE_USE,
    Field::new("max_retries", FieldKind::Int, "Retries of calls to AWS; -1 leaves them to the default.").default_json("-1"),
    Field::new("iam_strict_request", FieldKind::Bool, "Whether logins and renewals are checked more strictly than the built-in method does.")
        .default_json("false")
        .own(),
    Field::new("iam_accept_evidence", FieldKind::Bool, "Whether a login may bring further requests that its client signed, iam_evidence. What AWS answers to them counts in the place of look-ups by the server, which then needs no credentials of its own.")
        .default_json("false")
        .own(),
];

pub(super) fn route() -> Route<Mount> {
    let write = |operation| Endpoint {
        display: verb("configure", "client"),
        forward_to_writer: true,
        ..endpoint(operation, |mount, request, fields| Box::pin(write(mount, request, fields)))
    };
    let with_suffix = |endpoint| Endpoint {
        display: DisplayAttributes { operation_suffix: "client-configuration", ..display("") },
        ..endpoint
    };
    Route {
        pattern: "config/client$",
        fields: FIELDS,
        endpoints: vec![
            write(Operation::Create),
            write(Operation::Update),
            with_suffix(endpoint(Operation::Read, |mount, _, _| Box::pin(read(mount)))),
            // As a write it may have to tell the rotation manager, which is the writer's to do.
            Endpoint {
                forward_to_writer: true,
                ..with_suffix(endpoint(Operation::Delete, |mount, request, _| {
                    Box::pin(delete(mount, request))
                }))
            },
        ],
        existence_check: Some(|mount, _, _| {
            Box::pin(
                async move { Ok(mount.store().read::<ClientConfig>(ClientConfig::KEY).await?.is_some()) },
            )
        }),
        synopsis: "Configures how the server reaches AWS and what it demands of logins.",
        description: "
The server needs credentials of its own only for what a login does not prove by itself: unique ids of
bound principals, patterns with a path, and EC2 instances. The fields that are not given keep their
value; an empty string clears one.
",
        display: display("client"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

async fn read(mount: &Mount) -> HandlerResult {
    let Some(config) = mount.store().read::<ClientConfig>(ClientConfig::KEY).await? else {
        return Ok(None);
    };
    let mut data = object([
        ("access_key", json!(config.access_key)),
        ("endpoint", json!(config.endpoint)),
        ("iam_endpoint", json!(config.iam_endpoint)),
        ("sts_endpoint", json!(config.sts_endpoint)),
        ("sts_region", json!(config.sts_region)),
        ("use_sts_region_from_client", json!(config.use_sts_region_from_client)),
        ("iam_server_id_header_value", json!(config.iam_server_id_header_value)),
        ("max_retries", json!(config.max_retries)),
        ("allowed_sts_header_values", json!(config.allowed_sts_header_values)),
        ("role_arn", json!(config.role_arn)),
        ("identity_token_ttl", json!(config.identity_token_ttl.as_secs())),
        ("identity_token_audience", json!(config.identity_token_audience)),
        ("rotation_schedule", json!(config.rotation_schedule)),
        ("rotation_window", json!(config.rotation_window.as_secs())),
        ("rotation_period", json!(config.rotation_period.as_secs())),
        ("disable_automated_rotation", json!(config.disable_automated_rotation)),
    ]);
    if config.iam_strict_request {
        data.insert("iam_strict_request".to_owned(), json!(true));
    }
    if config.iam_accept_evidence {
        data.insert("iam_accept_evidence".to_owned(), json!(true));
    }
    if config.rotate_in_plugin {
        data.insert("rotate_in_plugin".to_owned(), json!(true));
    }
    if !config.organizations_endpoint.is_empty() {
        data.insert("organizations_endpoint".to_owned(), json!(config.organizations_endpoint));
    }
    request_rules::show(config.request_rules, &mut data);
    Ok(Some(Response::with_data(data)))
}

async fn delete(mount: &Mount, request: &Request) -> HandlerResult {
    let stored = mount.store().read::<ClientConfig>(ClientConfig::KEY).await;
    if let Ok(config) = &stored {
        request_rules::keep_uses(mount, config.as_ref(), None).await?;
    }
    // An entry that cannot be read must be possible to delete, and may have a job.
    if stored.map_or(true, |config| config.is_some_and(|config| config.rotates_by_host())) {
        deregister(mount, request).await?;
    }
    let deleted = mount.store().delete(ClientConfig::KEY).await;
    mount.clients().forget_credentials();
    deleted?;
    mount.forget_full_arns();
    Ok(None)
}

/// Somebody else is faster each time.
const CONTENDED: &str = "the configuration is being written by other requests at the same time; try again";

async fn write(mount: &Mount, request: &Request, fields: Fields) -> HandlerResult {
    let mut change = mount.begin_change(ClientConfig::KEY, CONTENDED);
    loop {
        let loaded = change.load::<ClientConfig>().await?;
        let stored = loaded.entry.as_ref();
        let mut config = stored.cloned().unwrap_or_else(ClientConfig::absent);
        set_fields(&mut config, &fields);
        request_rules::set(&mut config.request_rules, &fields)?;
        set_rotation(&mut config, &fields)?;
        check_workload_identity(mount, &config).await?;
        let rotation = follow_rotation(mount, request, stored, &config).await?;
        if stored == Some(&config) {
            return Ok(warned_of(&fields, &config));
        }
        request_rules::keep_uses(mount, stored, Some(&config)).await?;
        let written = change.write(&loaded, &config).await.map_err(Failure::from);
        mount.clients().forget_credentials();
        mount.forget_full_arns();
        let written = written.map_err(|failure| match rotation {
            Some(operation) => failure.in_words(|cause| {
                format!(
                    "write to storage failed but the rotation manager still succeeded; operation={operation}, mount={}, path={}, storageError={cause}",
                    request.mount_point, request.path
                )
            }),
            None => failure,
        })?;
        if written {
            return Ok(warned_of(&fields, &config));
        }
    }
}

/// What a write leaves open, in words: endpoints that leave calls unprotected, or lead where AWS is not, and strict
/// mode, where any field is used that the built-in method lacks. What is given may hold a password, so it is not quoted.
fn warned_of(fields: &Fields, config: &ClientConfig) -> Option<Response> {
    let mut warnings = Vec::new();
    for name in ["endpoint", "iam_endpoint", "sts_endpoint", "organizations_endpoint"] {
        let Some(Ok(endpoint)) = fields.text(name).map(AwsEndpoint::configured) else {
            continue;
        };
        if endpoint.is_unprotected() {
            warnings.push(format!(
                "{name} is an http URL: whoever is on the way to it can read the requests of the server and forge the answers that logins are decided by; use https"
            ));
        }
        if endpoint.is_link_local() {
            warnings.push(format!(
                "{name} is a link-local address, where the metadata service of an instance and its neighbours are, and no API of AWS: signed requests and the answers that logins are decided by go there; use the name of an AWS endpoint"
            ));
        }
    }
    let uses_own = FIELDS.iter().any(|field| field.own && fields.supplied(field.name));
    if uses_own && !config.iam_strict_request {
        warnings.push(
            "iam_strict_request is off: logins are checked as the built-in method does, which takes more than clients need; see docs/strict-mode.md"
                .to_owned(),
        );
    }
    (!warnings.is_empty()).then(|| Response { warnings, ..Response::default() })
}

fn set_fields(config: &mut ClientConfig, fields: &Fields) {
    for (name, value) in [
        ("access_key", &mut config.access_key),
        ("endpoint", &mut config.endpoint),
        ("iam_endpoint", &mut config.iam_endpoint),
        ("sts_endpoint", &mut config.sts_endpoint),
        ("organizations_endpoint", &mut config.organizations_endpoint),
        ("sts_region", &mut config.sts_region),
        ("iam_server_id_header_value", &mut config.iam_server_id_header_value),
        ("role_arn", &mut config.role_arn),
        ("identity_token_audience", &mut config.identity_token_audience),
    ] {
        if let Some(supplied) = fields.text(name) {
            supplied.clone_into(value);
        }
    }
    if let Some(secret) = fields.text("secret_key") {
        config.secret_key = secret.to_owned().into();
    }
    if let Some(flag) = fields.bool("use_sts_region_from_client") {
        config.use_sts_region_from_client = flag;
    }
    if let Some(flag) = fields.bool("iam_strict_request") {
        config.iam_strict_request = flag;
    }
    if let Some(flag) = fields.bool("iam_accept_evidence") {
        config.iam_accept_evidence = flag;
    }
    if let Some(names) = fields.list("allowed_sts_header_values") {
        let names: Vec<String> = names.iter().map(|name| canonical_name(name)).collect();
        let same =
            config.allowed_sts_header_values.as_ref().is_some_and(|stored| is_same_set(stored, &names));
        if !same {
            config.allowed_sts_header_values = Some(names);
        }
    }
    if let Some(retries) = fields.int("max_retries") {
        config.max_retries = retries;
    }
    if let Some(seconds) = fields.seconds("identity_token_ttl") {
        config.identity_token_ttl = GoDuration::from_secs(seconds);
    }
}

fn is_same_set(one: &[String], other: &[String]) -> bool {
    one.iter().all(|name| other.contains(name)) && other.iter().all(|name| one.contains(name))
}

fn set_rotation(config: &mut ClientConfig, fields: &Fields) -> Result<(), ClientRefused> {
    let schedule = fields.text("rotation_schedule");
    let (window, period) = (fields.seconds("rotation_window"), fields.seconds("rotation_period"));
    let given = |seconds: Option<i64>| seconds.is_some_and(|seconds| seconds != 0);
    if let Some(schedule) = schedule {
        if given(period) && !schedule.is_empty() {
            return Err(ClientRefused::ScheduleAndPeriod);
        }
        if !schedule.is_empty() {
            check_cron(schedule)?;
        }
        schedule.clone_into(&mut config.rotation_schedule);
    }
    if given(window) && given(period) {
        return Err(ClientRefused::WindowOfPeriod);
    }
    if let Some(period) = period {
        config.rotation_period = GoDuration::from_secs(period);
    }
    if given(window) && schedule.is_none() {
        return Err(ClientRefused::WindowAlone);
    }
    if let Some(window) = window {
        config.rotation_window = GoDuration::from_secs(window);
    }
    if let Some(flag) = fields.bool("disable_automated_rotation") {
        config.disable_automated_rotation = flag;
    }
    if let Some(flag) = fields.bool("rotate_in_plugin") {
        config.rotate_in_plugin = flag;
    }
    if !config.rotation_schedule.is_empty() && config.rotation_period.is_positive() {
        return Err(ClientRefused::ScheduleAndPeriod);
    }
    check_own_rotation(config)
}

async fn check_workload_identity(mount: &Mount, config: &ClientConfig) -> Result<(), ClientRefused> {
    if config.identity_token_audience.is_empty() {
        return Ok(());
    }
    if !config.access_key.is_empty() {
        return Err(ClientRefused::KeyAndIdentityToken);
    }
    if config.role_arn.is_empty() {
        return Err(ClientRefused::NoRoleArn);
    }
    let audience = &config.identity_token_audience;
    match mount.identity_tokens().token(audience, Duration::ZERO).await {
        Ok(_) => Ok(()),
        Err(IdentityTokenError::NoIssuer(_)) => Err(ClientRefused::NoIdentityTokens(mount.host())),
        Err(IdentityTokenError::Host(error)) => Err(ClientRefused::IdentityToken(error)),
        Err(IdentityTokenError::Own(error)) => Err(ClientRefused::OwnToken(error)),
    }
}
