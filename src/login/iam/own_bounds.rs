//! What the built-in method does not have: the tags of the principal, and the organization of its account.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alias_tags::alias_tags;
use super::checks;
use super::{Candidate, IamLogin, Refused};
use crate::accounts::look_up_error::LookUpError;
use crate::aws::calls::Api;
use crate::aws::principal_tags::PrincipalTags;
use crate::aws::region::Partition;
use crate::binding::account::names_account;
use crate::binding::organization::{
    OrganizationError, binds_organization, binds_unit, check_membership, check_organization,
};
use crate::binding::tags::{binds_tags, check_tags};
use crate::entry::{IdentityConfig, Role};
use crate::login::role_checks::organization_bounds;
use crate::login::trace::{Check, Compared};
use crate::proof::verified_caller::VerifiedCaller;

impl IamLogin<'_> {
    /// Compares tags and organization of a caller with those that its role binds.
    pub(super) async fn check_own_bounds(&self, candidate: &Candidate) -> Result<(), Refused> {
        let tags = self.trace.hold(self.check_tags(candidate).await)?;
        self.check_organization(candidate).await?;
        tags
    }

    async fn check_tags(&self, candidate: &Candidate) -> Result<(), Refused> {
        let Candidate { caller, role_name, role } = candidate;
        if !binds_tags(role) {
            self.trace.skip(Check::Tags, checks::NO_TAGS, Compared::default);
            return Ok(());
        }
        let begun = self.trace.begin(Check::Tags);
        let checked = match self.tags(candidate).await {
            Ok(tags) => check_tags(role, role_name, caller.arn().as_str(), &tags).map_err(Refused::from),
            Err(refused) => Err(refused),
        };
        self.trace.end(begun, checked, |_| {
            let bound = role.bound_iam_principal_tags_list.as_deref().unwrap_or_default().join(",");
            Compared::of("", bound).by(checks::call_about(caller.arn().kind()))
        })
    }

    async fn check_organization(&self, candidate: &Candidate) -> Result<(), Refused> {
        let Candidate { caller, role_name, role } = candidate;
        if !binds_organization(role) {
            self.trace.skip(Check::Organization, checks::NO_ORGANIZATION, Compared::default);
            return Ok(());
        }
        let begun = self.trace.begin(Check::Organization);
        let of_partition = |error| Box::new(OrganizationError::from(LookUpError::from(error)));
        let shown = if binds_unit(role) { Ok(None) } else { self.shown_membership(candidate).await };
        let shown = match shown {
            Ok(shown) => shown,
            Err(refused) => return self.trace.end(begun, Err(refused), |_| shown_bounds(role, caller)),
        };
        if let Some(membership) = shown {
            let checked = check_membership(role, role_name, caller.account(), membership);
            let checked = checked.map_err(|error| Refused::from(Box::new(error)));
            return self.trace.end(begun, checked, |_| shown_bounds(role, caller));
        }
        let checked = match Partition::of(caller.arn()).map_err(of_partition) {
            Ok(partition) => {
                let checked =
                    check_organization(self.look_up(), role, role_name, partition, caller.account());
                checked.await.map_err(|error| Refused::from(Box::new(error)))
            }
            Err(error) => Err(error.into()),
        };
        self.trace.end(begun, checked, |_| organization_bounds(role, caller.account()))
    }

    /// The tags of a caller that go to the metadata of its alias.
    pub(super) async fn alias_tags(
        &self,
        candidate: &Candidate,
        config: &IdentityConfig,
    ) -> Result<BTreeMap<String, String>, Refused> {
        if config.iam_alias_tags.is_empty() {
            return Ok(BTreeMap::new());
        }
        Ok(alias_tags(config, &*self.tags(candidate).await?))
    }

    async fn tags(&self, candidate: &Candidate) -> Result<Arc<PrincipalTags>, Refused> {
        let Candidate { caller, role_name, role } = candidate;
        if let Some(entity) = self.shown_entity(candidate).await? {
            let entity_text = || caller.arn().entity_text();
            return entity.tags.clone().map_err(|cause| Refused::Tags {
                entity: entity_text(),
                role: role_name.clone(),
                cause: Box::new(LookUpError::Tags { entity: entity_text(), cause }),
            });
        }
        let tags = self.mount.principal_tags(self.look_up(), caller.arn(), caller.unique_id()).await;
        tags.map_err(|cause| Refused::Tags {
            entity: caller.arn().entity_text(),
            role: role_name.clone(),
            cause: Box::new(if names_account(role, caller.account()) {
                cause
            } else {
                cause.chosen_by_client()
            }),
        })
    }
}

/// As [`organization_bounds`], where the client has asked.
fn shown_bounds(role: &Role, caller: &VerifiedCaller) -> Compared {
    organization_bounds(role, caller.account()).by(Api::DescribeOrganization.name())
}
