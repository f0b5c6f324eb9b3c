//! What the checks of an iam login compare, as a trace keeps it.

use std::sync::Arc;

use super::refused::Refused;
use crate::aws::arn::EntityKind;
use crate::aws::calls::{Api, ForwardedAnswer};
use crate::aws::ec2::Instance;
use crate::entry::{ClientConfig, Role};
use crate::framework::Auth;
use crate::login::trace::{Check, Compared, Trace};
use crate::proof::signed_request::{SignedRequest, SignedRequestError};
use crate::proof::verified_caller::VerifiedCaller;

pub(super) const ANY_AGE: &str =
    "Not needed: neither config/client nor the role has iam_request_max_age or iam_request_single_use.";
pub(super) const ANY_USE: &str = "Not needed: neither config/client nor the role has iam_request_single_use.";
pub(super) const NO_EVIDENCE: &str = "Not needed: the login has no iam_evidence.";
pub(super) const NO_TAGS: &str = "Not needed: the role binds no tags.";
pub(super) const NO_ORGANIZATION: &str = "Not needed: the role binds no organization.";
pub(super) const NOT_INFERRED: &str = "Not needed: the role infers no instance.";
const NO_SERVER_ID: &str = "Not needed: config/client has no iam_server_id_header_value.";

/// That the request was signed for this server.
///
/// # Errors
/// What the client must change.
pub(super) fn server_id(
    trace: &Trace,
    signed: &SignedRequest,
    config: &ClientConfig,
    is_strict: bool,
) -> Result<(), SignedRequestError> {
    let wanted = config.iam_server_id_header_value.as_str();
    if wanted.is_empty() {
        trace.skip(Check::ServerId, NO_SERVER_ID, Compared::default);
        return Ok(());
    }
    let checked = signed.check_server_id(config).map_err(|error| match error {
        SignedRequestError::ServerId(error) if is_strict => {
            SignedRequestError::ServerId(error.not_revealing())
        }
        error => error,
    });
    let seen = if checked.is_ok() { wanted } else { "" };
    trace.note(Check::ServerId, checked, || Compared::of(seen, wanted))
}

/// That all of the request may be forwarded.
///
/// # Errors
/// What the client must change.
pub(super) fn headers(
    trace: &Trace,
    signed: &SignedRequest,
    config: &ClientConfig,
) -> Result<(), SignedRequestError> {
    let allowed = || Compared::of("", config.allowed_header_values().join(","));
    trace.note(Check::Headers, signed.check_headers(config), allowed)
}

/// Who signed.
pub(super) fn caller(verified: &Result<(VerifiedCaller, ForwardedAnswer<'_>), Refused>) -> Compared {
    let seen = match verified {
        Ok((caller, _)) => told(caller.arn().as_str(), caller),
        Err(Refused::Request(_) | Refused::TooManyWait) => return Compared::default(),
        Err(_) => String::new(),
    };
    Compared::of(seen, "an IAM user or role").by(Api::GetCallerIdentity.name())
}

/// A caller beside the principals of a role.
pub(super) fn principal(
    caller: &VerifiedCaller,
    role: &Role,
    bound: &Result<Option<Arc<str>>, Refused>,
) -> Compared {
    let full_arn = match bound {
        Ok(full_arn) | Err(Refused::NotBound { full_arn, .. }) => full_arn.as_deref(),
        Err(_) => None,
    };
    let was_asked =
        full_arn.is_some() || matches!(bound, Err(Refused::FullArn { .. } | Refused::Shown { .. }));
    let arns = role.bound_iam_principal_arn_list.iter().flatten();
    let ids = role.bound_iam_principal_id_list.iter().flatten();
    let wanted: Vec<&str> = arns.chain(ids).map(String::as_str).collect();
    let aws_call = if was_asked { call_about(caller.arn().kind()) } else { "" };
    Compared::of(told(full_arn.unwrap_or(caller.arn().as_str()), caller), wanted.join(",")).by(aws_call)
}

/// The call that describes a principal of a kind.
pub(super) const fn call_about(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::User => Api::GetUser.name(),
        _ => Api::GetRole.name(),
    }
}

fn told(arn: &str, caller: &VerifiedCaller) -> String {
    format!("{arn} (unique id {})", caller.unique_id())
}

/// The session beside the instance that it is named after.
pub(super) fn instance(found: &Result<Instance, Refused>, session: &str, region: &str) -> Compared {
    let aws_call = match found {
        Err(Refused::OtherPartition { .. }) => "",
        _ => Api::DescribeInstances.name(),
    };
    let seen = match found {
        Ok(instance) => format!("{} {}", instance.id, instance.state),
        Err(_) => session.to_owned(),
    };
    Compared::of(seen, format!("a running instance in {region}")).by(aws_call)
}

/// The alias, and where it is from.
pub(super) fn identity(auth: &Result<Auth, Refused>, source: &str) -> Compared {
    let alias = auth.as_ref().ok().and_then(|auth| auth.alias.as_ref());
    Compared::of(alias.map(|alias| alias.name.as_str()).unwrap_or_default(), source)
}
