//! Renewal of tokens of the jwt login.

use super::bounds::{Unbound, check_organization_of, check_principal};
use crate::aws::arn::Arn;
use crate::aws::deadline::Deadline;
use crate::binding::binds_anything::check_binds_anything;
use crate::binding::login_type::{check_login_type, check_shown};
use crate::binding::organization::{OrganizationError, binds_organization};
use crate::entry::{LoginType, Role};
use crate::framework::Auth;
use crate::login::ended::Ended;
use crate::login::token_data::{iam_keys, left_behind};
use crate::mount::Mount;

/// Whether a token is of the jwt login.
pub(crate) fn is_of_jwt(auth: &Auth) -> bool {
    left_behind(auth, iam_keys::LOGIN_TYPE).is_ok_and(|kind| kind == LoginType::Jwt.as_str())
}

/// Looks again at what the role demands. A role that no longer takes tokens, or demands what none shows, ends the
/// life of those that it gave, and so does an account whose issuer is configured no longer.
pub(crate) async fn renew(mount: &Mount, mut auth: Auth) -> Result<Auth, Ended> {
    let subject = left_behind(&auth, iam_keys::TOKEN_SUBJECT)?;
    let role_name = left_behind(&auth, iam_keys::ROLE_NAME)?;
    let role = mount.role(role_name).await?.ok_or(Ended::RoleGone)?;
    let arn = Arn::parse(subject).map_err(|cause| Ended::Arn {
        arn: subject.to_owned(),
        role: role_name.to_owned(),
        cause,
    })?;
    let no_longer = || Ended::NotBound { role: role_name.to_owned(), arn: arn.canonical() };
    if !takes_tokens(&role, role_name) {
        return Err(no_longer());
    }
    let issuers = mount.store().jwt_issuers().await?;
    if !issuers.iter().any(|configured| configured.account == *arn.account()) {
        return Err(no_longer());
    }
    let snapshot = mount.store().config_snapshot().await?;
    let look_up = mount.look_up(&snapshot, Deadline::start());
    check_principal(mount, look_up, &role, &arn).await.map_err(|unbound| match unbound {
        Unbound::NotBound(_) => no_longer(),
        Unbound::FullArn(cause) => {
            Ended::FullArn { entity: arn.entity_text(), role: role_name.to_owned(), cause: Box::new(cause) }
        }
    })?;
    if binds_organization(&role) {
        let checked = check_organization_of(look_up, &role, role_name, &arn).await;
        checked.map_err(|error| match error {
            OrganizationError::NotBound { .. } => no_longer(),
            error => Ended::Organization(Box::new(error)),
        })?;
    }
    auth.lease.ttl = role.token.token_ttl;
    auth.lease.max_ttl = role.token.token_max_ttl;
    auth.period = role.token.token_period;
    Ok(auth)
}

fn takes_tokens(role: &Role, role_name: &str) -> bool {
    check_login_type(role, role_name, LoginType::Jwt).is_ok()
        && check_binds_anything(role, role_name).is_ok()
        && check_shown(role, role_name).is_ok()
}
