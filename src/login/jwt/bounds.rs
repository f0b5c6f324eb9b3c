//! What a role demands of the principal of a token, at its login and at each renewal.

use std::sync::Arc;

use crate::accounts::look_up::LookUp;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::Arn;
use crate::aws::region::Partition;
use crate::binding::organization::{OrganizationError, check_organization};
use crate::binding::principal::{self, Principal, PrincipalMatch, matches_pattern};
use crate::entry::Role;
use crate::mount::Mount;

/// Why a role does not bind a principal.
pub(super) enum Unbound {
    /// It does not. With its full ARN, where that took a question.
    NotBound(Option<Arc<str>>),
    /// Nobody can tell.
    FullArn(LookUpError),
}

/// Compares the principal of a token with those that a role binds; with its full ARN, if that is what decided.
///
/// A token names the path of its principal or none. What names none may have one all the same, so IAM is asked then,
/// by the name: a token lives for an hour at the most, and its unique id is not known.
///
/// # Errors
/// The role does not bind it, or nobody can tell.
pub(super) async fn check_principal(
    mount: &Mount,
    look_up: LookUp<'_>,
    role: &Role,
    arn: &Arn,
) -> Result<Option<Arc<str>>, Unbound> {
    let canonical_arn = arn.canonical();
    match principal::check_principal(role, Principal { unique_id: "", canonical_arn: &canonical_arn }) {
        PrincipalMatch::Admitted => return Ok(None),
        PrincipalMatch::Refused => return Err(Unbound::NotBound(None)),
        PrincipalMatch::NeedsFullArn => {}
    }
    let full_arn = if arn.path().is_empty() {
        mount.full_arn_by_name(look_up, arn).await.map_err(Unbound::FullArn)?
    } else {
        Arc::from(arn.as_str())
    };
    if matches_pattern(role, &full_arn) { Ok(Some(full_arn)) } else { Err(Unbound::NotBound(Some(full_arn))) }
}

/// Compares the organization of the principal's account with those that a role binds.
///
/// # Errors
/// It is another one, or nobody can tell.
pub(super) async fn check_organization_of(
    look_up: LookUp<'_>,
    role: &Role,
    role_name: &str,
    arn: &Arn,
) -> Result<(), OrganizationError> {
    let partition = Partition::of(arn).map_err(LookUpError::from)?;
    check_organization(look_up, role, role_name, partition, arn.account()).await
}
