//! What a client signed about itself, asked in the place of a look-up by the server.
//!
//! Nothing of it is sent before STS has said who signed the login, and nothing that the role does not need.

use super::not_shown::NotShown;
use super::{Candidate, IamLogin, MAX_FORWARD_ATTEMPTS, Refused};
use crate::accounts::full_arn::check_is_same;
use crate::aws::asked_by_client::AskedByClient;
use crate::aws::context::CallContext;
use crate::aws::iam::IamEntity;
use crate::aws::organizations::Membership;
use crate::aws::sts::size;
use crate::binding::account::names_account;
use crate::binding::organization::binds_organization;
use crate::entry::{RequestRules, Role};
use crate::login::trace::{Check, Compared};
use crate::proof::signed_request::evidence::{Evidence, EvidenceRequest};
use crate::proof::verified_caller::VerifiedCaller;

impl IamLogin<'_> {
    /// Checks the dates once more, where the role tightens what the mount demands.
    pub(super) fn check_evidence_age(&self, rules: RequestRules) -> Result<(), Refused> {
        let Some(evidence) = &self.shown.evidence else { return Ok(()) };
        match evidence.check_dates(self.came_at, rules) {
            Ok(()) => Ok(()),
            old => Ok(self.trace.note(Check::Evidence, old, Compared::default)?),
        }
    }

    /// Checks that all of it asks about nobody but the caller.
    pub(super) fn check_evidence(&self, caller: &VerifiedCaller) -> Result<(), Refused> {
        let Some(evidence) = &self.shown.evidence else { return Ok(()) };
        match evidence.check_caller(caller) {
            Ok(()) => Ok(()),
            other => Ok(self.trace.note(Check::Evidence, other, Compared::default)?),
        }
    }

    /// Bytes of all of it, which are held while the login waits for STS.
    pub(super) fn evidence_size(&self) -> usize {
        let Some(evidence) = &self.shown.evidence else { return 0 };
        let requests = [evidence.about_principal(), evidence.about_organization()];
        let sizes = requests.into_iter().flatten().map(|request| size(request.request()));
        sizes.fold(0, usize::saturating_add)
    }

    /// The caller as IAM knows it, where the client has asked for that itself, and its account is one that the role
    /// takes.
    pub(super) async fn shown_entity(&self, candidate: &Candidate) -> Result<Option<&IamEntity>, Refused> {
        let Some(request) = self.shown.evidence.as_ref().and_then(Evidence::about_principal) else {
            return Ok(None);
        };
        let Candidate { caller, role, .. } = candidate;
        // Who looks up itself looks into accounts that are configured. What a caller shows of itself is true in any
        // account of the world, and tags and paths are there for everybody to choose.
        if !takes_account(role, caller) {
            return Ok(None);
        }
        let ask = Box::pin(self.ask_as_client(request, caller, async |asked, context| {
            let entity = asked.entity(context).await?;
            check_is_same(caller.arn(), caller.unique_id(), &entity.arn, &entity.unique_id)
                .map_err(NotShown::Another)?;
            Ok(entity)
        }));
        not_shown(candidate, self.shown.entity.get_or_init(|| ask).await)
    }

    /// The organization of the caller's account, where the client has asked for that itself.
    pub(super) async fn shown_membership(
        &self,
        candidate: &Candidate,
    ) -> Result<Option<&Membership>, Refused> {
        let Some(request) = self.shown.evidence.as_ref().and_then(Evidence::about_organization) else {
            return Ok(None);
        };
        let ask = Box::pin(self.ask_as_client(request, &candidate.caller, async |asked, context| {
            Ok(asked.organization(context).await?)
        }));
        not_shown(candidate, self.shown.organization.get_or_init(|| ask).await)
    }

    /// Sends a request of the client in its turn: it takes one among the logins that STS verifies.
    async fn ask_as_client<T>(
        &self,
        request: &EvidenceRequest,
        caller: &VerifiedCaller,
        ask: impl AsyncFnOnce(AskedByClient<'_>, CallContext<'_>) -> Result<T, NotShown>,
    ) -> Result<T, NotShown> {
        let context = self.mount.clients().context(&self.snapshot, self.deadline);
        let context = CallContext { max_attempts: context.max_attempts.min(MAX_FORWARD_ATTEMPTS), ..context };
        let places = self.mount.place_at_sts(size(request.request())).ok_or(NotShown::TooManyWait)?;
        let [of_mount, of_process] = &places;
        let turn = async { [of_mount.turn().await, of_process.turn().await] };
        let _turn = self.deadline.limit_call(turn).await.ok_or(NotShown::TooManyWait)?;
        let asked = AskedByClient {
            api: request.question().api(),
            endpoint: request.endpoint(),
            region: request.region(),
            account: caller.account(),
            request: request.request(),
        };
        ask(asked, context).await
    }
}

/// Whether a role says of itself that it takes callers of this one's account.
fn takes_account(role: &Role, caller: &VerifiedCaller) -> bool {
    let mut bound_ids = role.bound_iam_principal_id_list.iter().flatten();
    names_account(role, caller.account())
        || binds_organization(role)
        || bound_ids.any(|bound| bound == caller.unique_id())
}

fn not_shown<'a, T>(candidate: &Candidate, shown: &'a Result<T, NotShown>) -> Result<Option<&'a T>, Refused> {
    match shown {
        Ok(shown) => Ok(Some(shown)),
        Err(NotShown::TooManyWait) => Err(Refused::TooManyWait),
        Err(cause) => {
            Err(Refused::Shown { role: candidate.role_name.clone(), cause: Box::new(cause.clone()) })
        }
    }
}
