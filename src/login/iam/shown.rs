//! What a login brings beside itself, and what came of it.

use tokio::sync::OnceCell;

use super::checks;
use super::not_shown::NotShown;
use super::refused::Refused;
use crate::aws::iam::IamEntity;
use crate::aws::organizations::Membership;
use crate::framework::Fields;
use crate::login::trace::{Check, Compared, Trace};
use crate::proof::signed_request::SignedRequest;
use crate::proof::signed_request::evidence::Evidence;
use crate::store::ConfigSnapshot;

/// The evidence of a login, and what AWS has answered.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) evidence: Option<Evidence>,
    /// The caller.
    pub(super) entity: OnceCell<Result<IamEntity, NotShown>>,
    /// The organization of its account.
    pub(super) organization: OnceCell<Result<Membership, NotShown>>,
}

impl Shown {
    /// What a login brings.
    ///
    /// # Errors
    /// It is not taken.
    pub(super) fn of(
        fields: &Fields,
        signed: &SignedRequest,
        snapshot: &ConfigSnapshot,
        came_at: i64,
        trace: &Trace,
    ) -> Result<Self, Refused> {
        let rules = snapshot.config.request_rules;
        let evidence = Evidence::of(fields, signed, &snapshot.config).and_then(|evidence| {
            evidence.as_ref().map_or(Ok(()), |evidence| evidence.check_dates(came_at, rules))?;
            Ok(evidence)
        });
        let begun = trace.begin(Check::Evidence);
        let evidence = match evidence {
            Ok(None) => {
                trace.skip(Check::Evidence, checks::NO_EVIDENCE, Compared::default);
                None
            }
            evidence => trace.end(begun, evidence, |evidence| {
                let asks = evidence.as_ref().ok().and_then(Option::as_ref).map(Evidence::calls);
                Compared::of(asks.unwrap_or_default(), "")
            })?,
        };
        Ok(Self { evidence, ..Self::default() })
    }
}
