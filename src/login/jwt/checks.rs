//! What the checks of a jwt login compare, as a trace keeps it.

use std::sync::Arc;

use super::refused::Refused;
use crate::aws::arn::EntityKind;
use crate::aws::calls::Api;
use crate::entry::{IssuerOfAccount, LoginType, Role};
use crate::login::iam::Refused as Common;
use crate::login::trace::Compared;
use crate::proof::web_identity_token::{ClaimedToken, VerifiedToken};

pub(super) const NO_ORGANIZATION: &str = "Not needed: the role binds no organization.";

/// Whose it claims to be.
pub(super) fn issuer(token: &ClaimedToken) -> Compared {
    Compared::of(token.issuer(), "an issuer of config/jwt-issuer that may sign so")
}

/// The key that should have signed it.
pub(super) fn key(token: &ClaimedToken, configured: &IssuerOfAccount) -> Compared {
    let seen = format!("kid {} with {}", token.key_id(), token.algorithm().name());
    Compared::of(seen, format!("a key of {}", configured.issuer.jwks_url()))
}

/// For whom it should be, and of which account.
pub(super) fn claims(configured: &IssuerOfAccount) -> Compared {
    let audiences = configured.issuer.audience.join(",");
    Compared::of("", format!("account {} and an audience of {audiences}", configured.account))
}

/// Which token it is.
pub(super) fn use_of(token: &VerifiedToken) -> Compared {
    Compared::of(format!("jti {}", token.id()), "a token that was not used before")
}

/// By what a role lets its callers log in.
pub(super) fn login_type(role: &Role) -> Compared {
    let allowed = role.allowed_login_types.as_deref().unwrap_or_default().join(",");
    Compared::of(LoginType::Jwt.as_str(), allowed)
}

/// A caller beside the principals of a role.
pub(super) fn principal(
    token: &VerifiedToken,
    role: &Role,
    bound: &Result<Option<Arc<str>>, Refused>,
) -> Compared {
    let full_arn = match bound {
        Ok(full_arn) | Err(Refused::Common(Common::NotBound { full_arn, .. })) => full_arn.as_deref(),
        Err(_) => None,
    };
    let was_asked = full_arn.is_some_and(|full_arn| full_arn != token.arn().as_str())
        || matches!(bound, Err(Refused::Common(Common::FullArn { .. })));
    let aws_call = match token.arn().kind() {
        _ if !was_asked => "",
        EntityKind::User => Api::GetUser.name(),
        _ => Api::GetRole.name(),
    };
    let wanted = role.bound_iam_principal_arn_list.as_deref().unwrap_or_default().join(",");
    Compared::of(full_arn.unwrap_or(token.arn().as_str()), wanted).by(aws_call)
}

/// Where the alias is from.
pub(super) fn identity(source: &str) -> Compared {
    Compared::of("", source)
}
