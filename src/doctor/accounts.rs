//! `account.<id>`: the role of each account in `config/sts` can be assumed, and is the one that is configured.

use futures_util::StreamExt;
use futures_util::stream;

use super::round::Round;
use super::side_by_side::SIDE_BY_SIDE;
use crate::aws::arn::{AccountId, Arn, EntityKind};
use crate::aws::region::Partition;
use crate::entry::StsConfig;
use crate::mount::doctor_report::{Finding, Probe, Verdict};
use crate::refusal::Blame;
use crate::store::ConfigSnapshot;

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let mut accounts = match round.in_time(round.mount().store().list(StsConfig::PREFIX)).await {
        Some(Ok(accounts)) => accounts,
        not_listed => {
            let cause = not_listed.and_then(Result::err);
            let cause = cause.map_or("it was not listed in time".to_owned(), |error| error.text().to_owned());
            let hint = "See the log of the host about its storage.";
            let failed = async { Finding::to_do(Verdict::Failed, cause, Blame::Host, hint) };
            return round.probe("account", "config/sts can be listed", failed).await.into_iter().collect();
        }
    };
    accounts.sort();
    let accounts = accounts.into_iter().map(AccountId::new);
    let probes = stream::iter(accounts).map(|account| probe(round, account)).buffered(SIDE_BY_SIDE);
    probes.filter_map(std::future::ready).collect().await
}

async fn probe(round: &Round, account: AccountId) -> Option<Probe> {
    let stored = round.mount().store().sts_config(&account).await;
    let role = stored.as_ref().ok().and_then(|via| via.as_ref().as_ref().map(|via| via.sts_role.clone()));
    let wanted = match role {
        Some(role) => format!("the server assumes {role} in account {account}"),
        None => format!("the entry of account {account} can be read"),
    };
    let work = async {
        match (stored, round.snapshot().await) {
            (Err(error), _) => Finding::failed(&error),
            (_, Err(_)) => Finding::skipped("config/client cannot be read"),
            (Ok(via), Ok(snapshot)) => match via.as_ref() {
                Some(via) => assume(round, snapshot, &account, via).await,
                None => Finding::skipped("the entry was deleted meanwhile"),
            },
        }
    };
    // A probe that ends before it is done leaves no session either.
    if round.wishes().include(&format!("account.{account}")) {
        round.keep_session(&account, None);
    }
    round.probe(format!("account.{account}"), wanted, work).await
}

async fn assume(round: &Round, snapshot: &ConfigSnapshot, account: &AccountId, via: &StsConfig) -> Finding {
    let role = Arn::parse(&via.sts_role);
    let region = match role.as_ref().ok().and_then(|role| Partition::of(role).ok()) {
        Some(partition) => partition.iam_region(),
        None => round.sts_region().await,
    };
    let prober = round.prober(snapshot, &region);
    let session = match prober.assume(account, via).await {
        Ok(session) => session,
        Err(error) => return Finding::failed(&error),
    };
    let identity = match prober.identity(account, &session).await {
        Ok(identity) => identity,
        Err(error) => return Finding::failed(&error),
    };
    round.keep_session(account, Some(session));
    let found = Arn::parse(identity.arn());
    let is_same = matches!((&role, &found), (Ok(role), Ok(found))
        if found.kind() == EntityKind::AssumedRole && found.name() == role.name());
    if identity.account() != account.as_str() {
        return Finding::to_do(
            Verdict::Failed,
            format!("it is {}, of account {}", identity.arn(), identity.account()),
            Blame::Operator,
            "Give sts_role of config/sts a role of the account that the entry is for.",
        );
    }
    if !is_same {
        let hint = "Compare sts_role of config/sts with the roles of the account.";
        return Finding::to_do(Verdict::Failed, format!("it is {}", identity.arn()), Blame::Operator, hint);
    }
    Finding::ok(format!("it is {}", identity.arn()))
}
