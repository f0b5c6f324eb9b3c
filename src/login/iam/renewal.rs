//! Renewal of tokens of the iam login.

use crate::accounts::instance::look_up_running;
use crate::accounts::instance_batches::Wanted;
use crate::accounts::look_up::LookUp;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::{AccountId, Arn};
use crate::aws::deadline::Deadline;
use crate::aws::ec2::Instance;
use crate::aws::region::Partition;
use crate::binding::binds_anything::check_binds_anything;
use crate::binding::instance::check_bounds;
use crate::binding::organization::{OrganizationError, binds_organization, check_organization};
use crate::binding::principal::{Principal, PrincipalMatch, check_principal, matches_pattern};
use crate::binding::tags::{binds_tags, check_tags};
use crate::entry::{AuthType, InferredEntity, LoginType, Role};
use crate::framework::Auth;
use crate::login::ended::Ended;
use crate::login::token_data::{iam_keys, left_behind};
use crate::mount::Mount;

pub(crate) async fn renew(mount: &Mount, mut auth: Auth) -> Result<Auth, Ended> {
    let canonical_arn = left_behind(&auth, iam_keys::CANONICAL_ARN)?;
    let role_name = match auth.internal_data.get(iam_keys::ROLE_NAME) {
        Some(serde_json::Value::String(name)) => name.as_str(),
        _ => return Err(Ended::NoRoleName),
    };
    let role = mount.role(role_name).await?.ok_or(Ended::RoleGone)?;
    let snapshot = mount.store().config_snapshot().await?;
    let look_up = mount.look_up(&snapshot, Deadline::start());
    let is_strict = snapshot.config.iam_strict_request || role.iam_strict_request;
    let no_longer = || Ended::NotBound { role: role_name.to_owned(), arn: canonical_arn.to_owned() };
    if is_strict && role.auth_type() != Some(AuthType::Iam) {
        return Err(no_longer());
    }
    let instance = check_instance(look_up, &auth, &role).await?;
    if let (true, Some((account, instance))) = (is_strict, &instance) {
        if left_behind(&auth, iam_keys::INFERRED_AWS_REGION)? != role.inferred_aws_region {
            return Err(no_longer());
        }
        check_bounds(look_up, &role, role_name, account, instance).await?;
    }
    check_principal_again(mount, look_up, &auth, &role, role_name, canonical_arn).await?;
    check_own_bounds_again(mount, look_up, &auth, &role, role_name, canonical_arn).await?;
    auth.lease.ttl = role.token.token_ttl;
    auth.lease.max_ttl = role.token.token_max_ttl;
    auth.period = role.token.token_period;
    Ok(auth)
}

/// The instance that the login inferred, and its account, if the role infers any.
async fn check_instance(
    look_up: LookUp<'_>,
    auth: &Auth,
    role: &Role,
) -> Result<Option<(AccountId, Instance)>, Ended> {
    match role.inferred_entity()? {
        None => return Ok(None),
        Some(InferredEntity::Ec2Instance) => {}
    }
    let id = left_behind(auth, iam_keys::INFERRED_ENTITY_ID)?;
    let region = left_behind(auth, iam_keys::INFERRED_AWS_REGION)?;
    let account = AccountId::new(left_behind(auth, iam_keys::ACCOUNT_ID).unwrap_or(""));
    let caller = left_behind(auth, iam_keys::CLIENT_USER_ID).unwrap_or("");
    look_up_running(look_up, &account, region, Wanted { id, caller, arrival: None })
        .await
        .map(|instance| Some((account, instance)))
        .map_err(|cause| Ended::Instance { id: id.to_owned(), cause: Box::new(cause) })
}

/// What the built-in method does not have. A role that has none of it asks nobody.
async fn check_own_bounds_again(
    mount: &Mount,
    look_up: LookUp<'_>,
    auth: &Auth,
    role: &Role,
    role_name: &str,
    canonical_arn: &str,
) -> Result<(), Ended> {
    if !binds_tags(role) && !binds_organization(role) {
        return Ok(());
    }
    let no_longer = || Ended::NotBound { role: role_name.to_owned(), arn: canonical_arn.to_owned() };
    let arn = Arn::parse(canonical_arn).map_err(|cause| Ended::Arn {
        arn: canonical_arn.to_owned(),
        role: role_name.to_owned(),
        cause,
    })?;
    if binds_tags(role) {
        let unique_id = left_behind(auth, iam_keys::CLIENT_USER_ID).unwrap_or("");
        let tags = mount.principal_tags(look_up, &arn, unique_id).await.map_err(|cause| Ended::Tags {
            entity: arn.entity_text(),
            role: role_name.to_owned(),
            cause: Box::new(cause),
        })?;
        check_tags(role, role_name, canonical_arn, &tags).map_err(|_| no_longer())?;
    }
    let checked = match Partition::of(&arn) {
        Ok(partition) => check_organization(look_up, role, role_name, partition, arn.account()).await,
        Err(error) => Err(LookUpError::from(error).into()),
    };
    checked.map_err(|error| match error {
        OrganizationError::NotBound { .. } => no_longer(),
        error => Ended::Organization(Box::new(error)),
    })
}

/// A role that names by what callers log in ends what it gave to others. Where it names nothing, its type is looked
/// at in strict mode alone.
fn still_allowed(role: &Role) -> bool {
    role.allowed_login_types.is_none() || role.allows(LoginType::IamRequest)
}

async fn check_principal_again(
    mount: &Mount,
    look_up: LookUp<'_>,
    auth: &Auth,
    role: &Role,
    role_name: &str,
    canonical_arn: &str,
) -> Result<(), Ended> {
    let unique_id = left_behind(auth, iam_keys::CLIENT_USER_ID).unwrap_or("");
    let no_longer = || Ended::NotBound { role: role_name.to_owned(), arn: canonical_arn.to_owned() };
    if check_binds_anything(role, role_name).is_err() || !still_allowed(role) {
        return Err(no_longer());
    }
    match check_principal(role, Principal { unique_id, canonical_arn }) {
        PrincipalMatch::Admitted => return Ok(()),
        PrincipalMatch::Refused => return Err(no_longer()),
        PrincipalMatch::NeedsFullArn => {}
    }
    let arn = Arn::parse(canonical_arn).map_err(|cause| Ended::Arn {
        arn: canonical_arn.to_owned(),
        role: role_name.to_owned(),
        cause,
    })?;
    let full_arn = mount.full_arn(look_up, &arn, unique_id).await.map_err(|cause| Ended::FullArn {
        entity: arn.entity_text(),
        role: role_name.to_owned(),
        cause: Box::new(cause),
    })?;
    if matches_pattern(role, &full_arn) { Ok(()) } else { Err(no_longer()) }
}
