//! Security Token Service.

use serde_json::Value;
use time::Duration;

use super::document::{Element, node, text};
use super::inventory::{Holder, Identity, Inventory};
use super::operation::{Operation, timestamp};
use super::published::Published;
use super::refusal::Refusal;
use super::web_identity::OidcProvider;

/// Shortest and longest session in seconds, and the longest one of a role assumed by a role.
const SESSION_SECONDS: (i64, i64, i64) = (900, 43_200, 3_600);

/// What is said of a provider whose documents or keys cannot be had.
const NO_KEY: &str = "Couldn't retrieve verification key from your identity provider, please reference \
                      AssumeRoleWithWebIdentity documentation for requirements";

/// Operations that are not signed.
pub(super) fn is_unsigned(action: &str) -> bool {
    action == "AssumeRoleWithWebIdentity"
}

pub(super) fn perform(
    operation: &Operation,
    inventory: &mut Inventory,
    published: &Published,
) -> Result<Element, Refusal> {
    match operation.action.as_str() {
        "GetCallerIdentity" => Ok(get_caller_identity(&operation.caller().identity)),
        "AssumeRole" => assume_role(operation, inventory),
        "AssumeRoleWithWebIdentity" => assume_role_with_web_identity(operation, inventory, published),
        _ => Err(operation.unknown_action()),
    }
}

fn get_caller_identity(identity: &Identity) -> Element {
    node(
        "GetCallerIdentityResult",
        [text("Arn", &identity.arn), text("UserId", &identity.user_id), text("Account", &identity.account)],
    )
}

fn assume_role(operation: &Operation, inventory: &mut Inventory) -> Result<Element, Refusal> {
    let caller = &operation.caller().identity;
    let arn = operation.required("RoleArn")?;
    let session_name = session_name(operation)?;
    let chained = caller.arn.contains(":assumed-role/");
    let seconds = session_seconds(operation, chained)?;
    let denied = || {
        Refusal::new(
            403,
            "AccessDenied",
            format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}", caller.arn),
        )
    };
    if caller.arn.ends_with(":root") {
        return Err(Refusal::new(403, "AccessDenied", "Roles may not be assumed by root accounts."));
    }
    let role = inventory.roles.iter().find(|role| role.entity.arn("role") == arn).ok_or_else(denied)?;
    let trusted = role.trusted.as_ref().is_none_or(|trusted| trusted.contains(&caller.arn));
    let same_partition = role.entity.partition == caller.partition;
    let external_id = operation.parameter("ExternalId")?;
    let known = role.external_id.is_none() || role.external_id == external_id;
    if !(trusted && same_partition && known) {
        return Err(denied());
    }
    let identity = Inventory::session_identity(&role.entity, &session_name);
    Ok(node("AssumeRoleResult", session(operation, inventory, identity, seconds)))
}

fn assume_role_with_web_identity(
    operation: &Operation,
    inventory: &mut Inventory,
    published: &Published,
) -> Result<Element, Refusal> {
    let arn = operation.required("RoleArn")?;
    let session_name = session_name(operation)?;
    let seconds = session_seconds(operation, false)?;
    let token = operation.required("WebIdentityToken")?;
    let registered: Vec<_> = inventory.web_identities.iter().filter(|known| known.token == token).collect();
    if registered.is_empty()
        && let Some(verified) =
            of_provider(&token, &arn, operation.now.unix_timestamp(), (inventory, published))
    {
        let (claims, provider) =
            verified.map_err(|fault| Refusal::new(400, "InvalidIdentityToken", &fault))?;
        let denied =
            || Refusal::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
        let role = inventory.roles.iter().find(|role| role.entity.arn("role") == arn).ok_or_else(denied)?;
        let identity = Inventory::session_identity(&role.entity, &session_name);
        let mut elements = session(operation, inventory, identity, seconds);
        elements.insert(0, text("SubjectFromWebIdentityToken", claims["sub"].as_str().unwrap_or("")));
        elements.insert(1, text("Audience", claims["aud"].as_str().unwrap_or("")));
        elements.push(text("Provider", provider));
        return Ok(node("AssumeRoleWithWebIdentityResult", elements));
    }
    if registered.is_empty() {
        return Err(Refusal::new(400, "InvalidIdentityToken", NO_KEY));
    }
    let denied =
        || Refusal::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let known = registered.into_iter().find(|known| known.role_arn == arn).cloned().ok_or_else(denied)?;
    let role = inventory.roles.iter().find(|role| role.entity.arn("role") == arn).ok_or_else(denied)?;
    let identity = Inventory::session_identity(&role.entity, &session_name);
    let mut elements = session(operation, inventory, identity, seconds);
    elements.insert(0, text("SubjectFromWebIdentityToken", known.subject));
    elements.insert(1, text("Audience", known.audience));
    elements.push(text("Provider", known.provider));
    Ok(node("AssumeRoleWithWebIdentityResult", elements))
}

/// What the provider that the role trusts says of a token; `None` where it trusts none.
fn of_provider(
    token: &str,
    role_arn: &str,
    now: i64,
    (inventory, published): (&Inventory, &Published),
) -> Option<Result<(Value, String), String>> {
    let mut provider =
        inventory.oidc_providers.iter().find(|provider| provider.role_arn == role_arn)?.clone();
    if provider.keys == OidcProvider::FETCHED {
        match published.keys_of(&provider.issuer) {
            Ok(keys) => provider.keys = keys,
            Err(_) => return Some(Err(NO_KEY.to_owned())),
        }
    }
    Some(provider.verify(token, now).map(|claims| (claims, provider.issuer.clone())))
}

fn session(
    operation: &Operation,
    inventory: &mut Inventory,
    identity: Identity,
    seconds: i64,
) -> Vec<Element> {
    let expires = operation.now + Duration::seconds(seconds);
    let keys = inventory.add_key(Holder::Fixed(identity.clone()), Some(expires));
    vec![
        node("AssumedRoleUser", [text("AssumedRoleId", identity.user_id), text("Arn", identity.arn)]),
        node(
            "Credentials",
            [
                text("AccessKeyId", keys.access_key_id),
                text("SecretAccessKey", keys.secret_access_key),
                text("SessionToken", keys.session_token.unwrap_or_default()),
                text("Expiration", timestamp(expires)),
            ],
        ),
    ]
}

fn session_name(operation: &Operation) -> Result<String, Refusal> {
    let name = operation.required("RoleSessionName")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_=,.@+-".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    Err(Refusal::validation(format!(
        "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member \
         must satisfy regular expression pattern: [\\w+=,.@-]*"
    )))
}

fn session_seconds(operation: &Operation, chained: bool) -> Result<i64, Refusal> {
    let (shortest, longest, longest_chained) = SESSION_SECONDS;
    let Some(given) = operation.parameter("DurationSeconds")? else {
        return Ok(longest_chained);
    };
    match given.parse::<i64>() {
        Ok(seconds) if chained && seconds > longest_chained => Err(Refusal::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )),
        Ok(seconds) if (shortest..=longest).contains(&seconds) => Ok(seconds),
        _ => Err(Refusal::validation(format!(
            "1 validation error detected: Value '{given}' at 'durationSeconds' failed to satisfy constraint"
        ))),
    }
}
