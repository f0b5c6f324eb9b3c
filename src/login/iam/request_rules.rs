//! What the built-in method does not ask of a signed request: how old it is, and whether it was used before.

use super::{IamLogin, Refused, checks};
use crate::entry::{RequestRules, Role};
use crate::framework::Failure;
use crate::login::trace::{Check, Compared};
use crate::mount::one_use::OneUse;
use crate::mount::single_use_error::SingleUseError;
use crate::proof::signed_request::freshness::{NotFresh, check_date};

impl IamLogin<'_> {
    pub(super) fn mount_rules(&self) -> RequestRules {
        self.snapshot.config.request_rules
    }

    /// What the mount and the role together demand of the request. What the mount demands was looked at before.
    pub(super) async fn rules_with(&self, role: &Role) -> Result<RequestRules, Refused> {
        let (of_mount, rules) = (self.mount_rules(), self.mount_rules().and(role.request_rules));
        if rules != of_mount {
            self.check_age(rules)?;
            self.check_evidence_age(rules)?;
        } else if rules.checked_age().is_none() {
            self.trace.skip(Check::Age, checks::ANY_AGE, Compared::default);
        }
        if !rules.single_use {
            self.trace.skip(Check::SingleUse, checks::ANY_USE, Compared::default);
        } else if self.trace.is_on() {
            self.trace.note(Check::SingleUse, self.check_unused(), Compared::default)?;
        } else if !of_mount.single_use {
            self.check_stored_here().await?;
        }
        Ok(rules)
    }

    pub(super) fn check_age(&self, rules: RequestRules) -> Result<(), Refused> {
        let Some(max_age) = rules.checked_age() else { return Ok(()) };
        let checked = match self.signed.signature() {
            Some(signature) => check_date(signature.signed_at, self.came_at, max_age),
            None => Err(NotFresh::Form),
        };
        let wanted = || Compared::of("", format!("at most {max_age} s old"));
        Ok(self.trace.note(Check::Age, checked, wanted)?)
    }

    pub(super) fn one_use(&self) -> Result<OneUse, Refused> {
        Ok(OneUse::of_signature(&self.signed.signature().ok_or(NotFresh::Form)?))
    }

    pub(super) fn check_unused(&self) -> Result<(), Refused> {
        if self.mount.is_used_up(&self.one_use()?) { Err(SingleUseError::Used.into()) } else { Ok(()) }
    }

    /// A use is stored at one node. Elsewhere the host is told so, and forwards.
    pub(super) async fn check_stored_here(&self) -> Result<(), Refused> {
        if self.mount.leaves_single_use_to_writer().await {
            return Err(Failure::read_only().into());
        }
        Ok(())
    }
}
