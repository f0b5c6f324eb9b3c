//! `role/<role>/explain`: why a login for a role is refused, or that it is not.

use serde_json::{Map, Value, json};

use super::login::{LoginType, MAX_DATA_BYTES, MAX_DATA_VALUES, PROOF_FIELDS, login_type};
use super::shape::{display, endpoint, name_pattern, object};
use crate::framework::{
    Endpoint, Failure, Field, FieldKind, Fields, HandlerResult, Operation, Request, Response, Route,
};
use crate::login::ec2::{self, Ec2Login};
use crate::login::iam::{self, IamLogin};
use crate::login::jwt::{self, JwtLogin};
use crate::login::trace::{Check, Checked, Trace, Verdict};
use crate::mount::Mount;

const ROLE: Field =
    Field::new("role", FieldKind::Name, "Name of the role; upper and lower case are the same.");

/// The checks of an iam login, in its order.
const OF_IAM: [Check; 17] = [
    Check::Request,
    Check::ServerId,
    Check::Headers,
    Check::Strict,
    Check::Age,
    Check::Evidence,
    Check::SingleUse,
    Check::Sts,
    Check::Role,
    Check::Address,
    Check::AuthType,
    Check::BindsAnything,
    Check::Principal,
    Check::Tags,
    Check::Organization,
    Check::Instance,
    Check::InstanceBounds,
];

/// The checks of an ec2 login, in its order.
const OF_EC2: [Check; 14] = [
    Check::Document,
    Check::Strict,
    Check::Role,
    Check::Address,
    Check::AuthType,
    Check::BindsAnything,
    Check::Region,
    Check::DocumentBounds,
    Check::Signature,
    Check::Instance,
    Check::InstanceBounds,
    Check::Organization,
    Check::Reauthentication,
    Check::RoleTag,
];

/// The checks of a jwt login, in its order.
const OF_JWT: [Check; 14] = [
    Check::Token,
    Check::Strict,
    Check::Issuer,
    Check::Signature,
    Check::Claims,
    Check::SingleUse,
    Check::Role,
    Check::Address,
    Check::AuthType,
    Check::LoginType,
    Check::BindsAnything,
    Check::Shown,
    Check::Principal,
    Check::Organization,
];

/// The fields: those of a login. They live as long as the route table: as the process.
fn fields() -> &'static [Field] {
    [ROLE].into_iter().chain(PROOF_FIELDS).collect::<Vec<_>>().leak()
}

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: concat!("role/", name_pattern!("role"), "/explain$"),
        fields: fields(),
        // What a login is told depends on the node that serves it.
        endpoints: vec![Endpoint {
            forward_to_writer: true,
            ..endpoint(Operation::Update, |mount, request, fields| Box::pin(explain(mount, request, fields)))
        }],
        existence_check: None,
        synopsis: "Tells why a login for the role is refused, check by check.",
        description: "
Takes the data of a login and makes the checks that the login would make, in its order, with the same calls
to AWS. No token is issued and nothing is spent: the access list stays as it is, and the same data can still
log in. Answers with the verdict, with the first failure, which is what the login would be refused for, and
with each check: what was seen and what was wanted, the call of AWS that answers it, how long it took, and
for a failure its code, who must act, and what helps. After a failure the checks that do not depend on it
are made as well; the others are skipped.

The answer names what roles bind and the server id that config/client has: give the path to those who may
read them.
",
        display: display("role-explain"),
        deprecated: false,
        max_data_bytes: Some(MAX_DATA_BYTES),
        max_data_values: Some(MAX_DATA_VALUES),
        warns_of_unknown_fields: false,
    }
}

async fn explain(mount: &Mount, request: &Request, fields: Fields) -> HandlerResult {
    let kind = login_type(&fields)?;
    let trace = Trace::on();
    let refused = match kind {
        LoginType::Iam => iam_login(mount, request, &fields, &trace).await.err().map(Failure::from),
        LoginType::Jwt => jwt_login(mount, request, &fields, &trace).await.err().map(Failure::from),
        LoginType::Ec2 => ec2_login(mount, request, &fields, &trace).await.err().map(Failure::from),
    };
    let order = match kind {
        LoginType::Iam => with_identity(&OF_IAM),
        LoginType::Jwt => with_identity(&OF_JWT),
        LoginType::Ec2 => with_identity(&OF_EC2),
    };
    let checks = trace.into_checks(&order);
    match refused {
        // None of the checks of a login, so nothing to be told of it: storage failed, or this node cannot write.
        Some(failure) if first_failure(&checks).is_none() => Err(failure),
        _ => Ok(Some(Response::with_data(answer(&checks)))),
    }
}

fn with_identity(order: &[Check]) -> Vec<Check> {
    order.iter().copied().chain([Check::Identity]).collect()
}

async fn iam_login(
    mount: &Mount,
    request: &Request,
    fields: &Fields,
    trace: &Trace,
) -> Result<(), iam::Refused> {
    let login = Box::new(IamLogin::start(mount, request, fields, trace).await?);
    login.explain().await
}

async fn jwt_login(
    mount: &Mount,
    request: &Request,
    fields: &Fields,
    trace: &Trace,
) -> Result<(), jwt::Refused> {
    let login = Box::new(JwtLogin::start(mount, request, fields, trace).await?);
    login.explain().await
}

async fn ec2_login(
    mount: &Mount,
    request: &Request,
    fields: &Fields,
    trace: &Trace,
) -> Result<(), ec2::Refused> {
    let login = Box::new(Ec2Login::start(mount, request, fields, trace).await?);
    login.explain().await
}

fn first_failure(checks: &[Checked]) -> Option<&Checked> {
    checks.iter().find(|checked| checked.verdict == Verdict::Failed)
}

fn answer(checks: &[Checked]) -> Map<String, Value> {
    let first = first_failure(checks);
    object([
        ("verdict", json!(if first.is_some() { "refused" } else { "would log in" })),
        ("first_failure", first.map_or(Value::Null, failure)),
        ("checks", checks.iter().map(shown).collect()),
    ])
}

fn failure(checked: &Checked) -> Value {
    let Some(fault) = &checked.fault else { return Value::Null };
    json!({
        "check": checked.check.as_str(),
        "code": fault.code.as_str(),
        "blame": fault.blame().as_str(),
        "text": fault.text,
        "hint": checked.hint,
    })
}

fn shown(checked: &Checked) -> Value {
    let fault = checked.fault.as_ref();
    json!({
        "check": checked.check.as_str(),
        "verdict": checked.verdict.as_str(),
        "seen": checked.compared.seen,
        "wanted": checked.compared.wanted,
        "aws_call": checked.compared.aws_call,
        "duration_ms": u64::try_from(checked.duration.as_millis()).unwrap_or(u64::MAX),
        "code": fault.map_or("", |fault| fault.code.as_str()),
        "blame": fault.map_or("", |fault| fault.blame().as_str()),
        "hint": checked.hint,
    })
}
