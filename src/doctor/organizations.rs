//! `permission.<account>.organizations:DescribeAccount`: where a role binds an organization, the server may ask which
//! one an account is in.
//!
//! It asks with its own credentials, whatever `config/sts` says, and here about its own account: Organizations knows
//! that one if it tells anything at all.

use super::round::{NO_CREDENTIALS, Round};
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::AccountId;
use crate::aws::calls::Api;
use crate::aws::error::CallError;
use crate::aws::organizations::Membership;
use crate::aws::region::Partition;
use crate::mount::doctor_report::{Finding, Probe, Verdict};

/// The probe, for the partition that the server is in.
pub(super) async fn probe(round: &Round, partition: Partition) -> Option<Probe> {
    let account = round.own_account().await.unwrap_or_else(|| "own".to_owned());
    let action = Api::DescribeAccount.name();
    let (name, wanted) =
        (format!("permission.{account}.{action}"), format!("{action} is allowed in account {account}"));
    round.probe(name, wanted, ask(round, partition)).await
}

async fn ask(round: &Round, partition: Partition) -> Finding {
    let snapshot = match round.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(_) => return Finding::skipped("config/client cannot be read"),
    };
    let account = match round.identity(snapshot).await {
        Ok(identity) => AccountId::new(identity.account()),
        Err(_) => return Finding::skipped(NO_CREDENTIALS),
    };
    let region = partition.iam_region();
    let prober = round.prober(snapshot, &region);
    let answer = match prober.own_credentials().await {
        Ok(credentials) => prober.membership(partition, &account, credentials).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(Membership::Member { organization_id, unit_paths }) => {
            let without = if unit_paths.is_none() { ", but tells no organizational units" } else { "" };
            Finding::ok(format!("allowed; the account is in {organization_id}{without}"))
        }
        Ok(Membership::Outside | Membership::Inactive(_)) => Finding::ok("allowed"),
        Err(error @ LookUpError::Organization { cause: CallError::Throttled(_), .. }) => {
            Finding::of_error(Verdict::Warning, &error)
        }
        Err(error) => Finding::failed(&error),
    }
}
