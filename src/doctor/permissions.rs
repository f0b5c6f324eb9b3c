//! `permission.<account>.<action>`: what the roles of the mount need to be looked up may be looked up.
//!
//! Each is asked about something harmless: a principal that a role binds, or a name and an id that nobody has. AWS
//! says whether the call is allowed before it says that there is nothing.

use std::collections::{BTreeMap, BTreeSet};

use aws_credential_types::Credentials;
use futures_util::StreamExt;
use futures_util::stream;

use super::organizations;
use super::round::{NO_CREDENTIALS, Round};
use super::side_by_side::SIDE_BY_SIDE;
use crate::accounts::look_up_error::LookUpError;
use crate::aws::arn::{AccountId, Arn, EntityKind};
use crate::aws::error::{CallError, ServiceError};
use crate::aws::region::{Partition, Region};
use crate::binding::organization::binds_organization;
use crate::entry::{AuthType, Role};
use crate::mount::doctor_report::{Finding, Probe, Verdict};
use crate::refusal::Blame;
use crate::store::ConfigSnapshot;

/// What stands for the `*` of a pattern, and for the name of an instance profile: nobody has it.
const NOBODY: &str = "vault-plugin-auth-aws-doctor";
/// An instance id that EC2 gives to none.
const NO_INSTANCE: &str = "i-00000000000000000";

/// One thing that must be allowed in an account; the account is empty where it is the server's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    account: String,
    action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    GetRole,
    GetUser,
    GetInstanceProfile,
    DescribeInstances { region: String },
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    partition: Partition,
    name: String,
    /// Whether it should be there.
    is_bound: bool,
}

impl Action {
    fn name(&self) -> String {
        match self {
            Self::GetRole => "iam:GetRole".to_owned(),
            Self::GetUser => "iam:GetUser".to_owned(),
            Self::GetInstanceProfile => "iam:GetInstanceProfile".to_owned(),
            Self::DescribeInstances { region } => format!("ec2:DescribeInstances.{region}"),
        }
    }
}

pub(super) async fn probes(round: &Round) -> Vec<Probe> {
    let ambient = round.region().await.as_ref().ok().cloned().unwrap_or_else(|| Partition::Aws.iam_region());
    let Some(roles) = round.in_time(round.roles()).await else {
        let skipped = async { Finding::skipped("the roles were not read in time, see config.roles") };
        return round.probe("permission", "the roles are known", skipped).await.into_iter().collect();
    };
    let mut needs = BTreeMap::new();
    for (_, role) in &roles.known {
        of_role(role, &ambient, &mut needs);
    }
    let own = if needs.keys().any(|need| need.account.is_empty()) { round.own_account().await } else { None };
    let named: BTreeMap<Need, Subject> = needs
        .into_iter()
        .map(|(need, subject)| {
            let of_own = need.account.is_empty().then(|| own.clone()).flatten();
            (Need { account: of_own.unwrap_or(need.account), ..need }, subject)
        })
        .collect();
    let probes = stream::iter(named).map(|(need, subject)| probe(round, need, subject));
    let mut probes: Vec<Probe> = probes.buffered(SIDE_BY_SIDE).filter_map(std::future::ready).collect().await;
    if roles.known.iter().any(|(_, role)| binds_organization(role)) {
        probes.extend(organizations::probe(round, ambient.partition()).await);
    }
    probes
}

/// What a role needs. Of each account and action one subject is kept: one that is bound rather than one that is made
/// up for a pattern.
fn of_role(role: &Role, ambient: &Region, needs: &mut BTreeMap<Need, Subject>) {
    let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let mut accounts = BTreeSet::new();
    let is_iam = role.auth_type() == Some(AuthType::Iam);
    let region = if is_iam { role.inferred_aws_region.as_str() } else { ambient.name() };
    let partition = Region::parse(region).map_or(Partition::Aws, |region| region.partition());
    if is_iam {
        for text in list(&role.bound_iam_principal_arn_list) {
            let is_pattern = text.ends_with('*');
            let Ok(arn) = Arn::parse(&text.replace('*', NOBODY)) else { continue };
            let Ok(partition) = Partition::of(&arn) else { continue };
            let account = arn.account().as_str().to_owned();
            if account.contains(NOBODY) {
                continue;
            }
            accounts.insert(account.clone());
            let action = match arn.kind() {
                EntityKind::User => Action::GetUser,
                EntityKind::Role | EntityKind::AssumedRole => Action::GetRole,
                EntityKind::InstanceProfile => continue,
            };
            if is_pattern || role.resolve_aws_unique_ids {
                let subject = Subject { partition, name: arn.name().to_owned(), is_bound: !is_pattern };
                add(needs, account, action, subject);
            }
        }
    } else {
        accounts.extend(list(&role.bound_account_id_list));
        if accounts.is_empty() {
            accounts.insert(String::new());
        }
    }
    if is_iam && role.inferred_entity_type.is_empty() {
        return;
    }
    let of_document = list(&role.bound_region_list);
    let regions = if is_iam || of_document.is_empty() { vec![region.to_owned()] } else { of_document };
    for account in accounts {
        let nobody = Subject { partition, name: NOBODY.to_owned(), is_bound: false };
        for region in &regions {
            let action = Action::DescribeInstances { region: region.clone() };
            add(needs, account.clone(), action, nobody.clone());
        }
        if !list(&role.bound_iam_role_arn_list).is_empty() {
            add(needs, account, Action::GetInstanceProfile, nobody);
        }
    }
}

fn add(needs: &mut BTreeMap<Need, Subject>, account: String, action: Action, subject: Subject) {
    let known = needs.entry(Need { account, action }).or_insert_with(|| subject.clone());
    if subject.is_bound && !known.is_bound {
        *known = subject;
    }
}

async fn probe(round: &Round, need: Need, subject: Subject) -> Option<Probe> {
    let Need { account, action } = need;
    let of_account = if account.is_empty() { "own" } else { account.as_str() };
    let name = format!("permission.{of_account}.{}", action.name());
    let wanted = format!("{} is allowed in account {of_account}", action.name());
    let account = AccountId::new(account.clone());
    round.probe(name, wanted, ask(round, &account, &action, &subject)).await
}

async fn ask(round: &Round, account: &AccountId, action: &Action, subject: &Subject) -> Finding {
    let snapshot = match round.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(_) => return Finding::skipped("config/client cannot be read"),
    };
    let region = subject.partition.iam_region();
    let credentials = match credentials(round, snapshot, account, &region).await {
        Ok(credentials) => credentials,
        Err(finding) => return finding,
    };
    let prober = round.prober(snapshot, &region);
    let Subject { partition, name, is_bound } = subject;
    let answer = match action {
        Action::GetRole => {
            let role = (EntityKind::Role, name.as_str());
            prober.iam_entity(*partition, account, credentials, role).await.map(drop)
        }
        Action::GetUser => {
            let user = (EntityKind::User, name.as_str());
            prober.iam_entity(*partition, account, credentials, user).await.map(drop)
        }
        Action::GetInstanceProfile => {
            prober.instance_profile(*partition, account, credentials, name).await.map(drop)
        }
        Action::DescribeInstances { region } => match Region::parse(region) {
            Some(region) => prober.instance(account, &region, credentials, NO_INSTANCE).await.map(drop),
            None => Err(LookUpError::Region { field: "region of a role", name: region.clone() }),
        },
    };
    let Err(error) = answer else { return Finding::ok("allowed") };
    match (&error, service_error(&error)) {
        (_, Some(refused)) if refused.code == "InvalidInstanceID.NotFound" => Finding::ok("allowed"),
        (_, Some(refused)) if refused.code == "NoSuchEntity" && !is_bound => Finding::ok("allowed"),
        (_, Some(refused)) if refused.code == "NoSuchEntity" => Finding::to_do(
            Verdict::Warning,
            format!("allowed, but IAM knows no {name}, which a role of this mount binds"),
            Blame::Operator,
            "Write the role anew, without principals that are gone.",
        ),
        (LookUpError::Call(CallError::Throttled(_)), _) => Finding::of_error(Verdict::Warning, &error),
        _ => Finding::failed(&error),
    }
}

fn service_error(error: &LookUpError) -> Option<&ServiceError> {
    match error {
        LookUpError::Call(CallError::Service(error)) => Some(error),
        _ => None,
    }
}

/// What the account is looked into with.
async fn credentials(
    round: &Round,
    snapshot: &ConfigSnapshot,
    account: &AccountId,
    region: &Region,
) -> Result<Credentials, Finding> {
    let prober = round.prober(snapshot, region);
    let failed = |error: LookUpError| Finding::failed(&error);
    match round.kept_session(account) {
        Some(Some(session)) => return Ok(session),
        Some(None) => {
            return Err(Finding::skipped(format!("its role was not assumed, see account.{account}")));
        }
        None => {}
    }
    let stored = round.mount().store().sts_config(account).await;
    match stored.map_err(|error| Finding::failed(&error))?.as_ref() {
        Some(via) => {
            let session = prober.assume(account, via).await.map_err(failed)?;
            round.keep_session(account, Some(session.clone()));
            Ok(session)
        }
        None => {
            let own = match round.identity(snapshot).await {
                Ok(identity) => AccountId::new(identity.account()),
                Err(_) => {
                    return Err(Finding::skipped(NO_CREDENTIALS));
                }
            };
            if !account.as_str().is_empty() && own != *account {
                return Err(failed(LookUpError::AccountNotConfigured { account: account.clone(), own }));
            }
            prober.own_credentials().await.map_err(failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::InferredEntity;

    fn needs(roles: &[Role]) -> Vec<(String, String, String, bool)> {
        let mut needs = BTreeMap::new();
        for role in roles {
            of_role(role, &Region::parse("eu-west-1").unwrap(), &mut needs);
        }
        let shown = needs
            .into_iter()
            .map(|(need, subject)| (need.account, need.action.name(), subject.name, subject.is_bound));
        shown.collect()
    }

    fn role(kind: &str, arns: &[&str]) -> Role {
        let arns = arns.iter().map(|arn| (*arn).to_owned()).collect();
        Role { auth_type: kind.to_owned(), bound_iam_principal_arn_list: Some(arns), ..Role::default() }
    }

    fn need(account: &str, action: &str, name: &str, is_bound: bool) -> (String, String, String, bool) {
        (account.to_owned(), action.to_owned(), name.to_owned(), is_bound)
    }

    #[test]
    fn only_what_a_role_is_looked_up_for_is_needed() {
        let arns = ["arn:aws:iam::1:role/x/App", "arn:aws:iam::1:user/a", "arn:aws:iam::*:role/b", "bad"];
        assert_eq!(needs(&[role("iam", &arns)]), []);
        let resolving = Role { resolve_aws_unique_ids: true, ..role("iam", &arns) };
        let pattern = role("iam", &["arn:aws:iam::1:role/app-*", "arn:aws:iam::2:user/*"]);
        assert_eq!(
            needs(&[pattern, resolving]),
            [
                need("1", "iam:GetRole", "App", true),
                need("1", "iam:GetUser", "a", true),
                need("2", "iam:GetUser", NOBODY, false),
            ]
        );
    }

    #[test]
    fn instances_are_looked_up_where_they_may_run() {
        let inferring = Role {
            inferred_entity_type: InferredEntity::EC2_INSTANCE.to_owned(),
            inferred_aws_region: "us-west-2".to_owned(),
            ..role("iam", &["arn:aws:iam::1:role/App"])
        };
        let of_instances = Role {
            bound_iam_role_arn_list: Some(vec!["arn:aws:iam::2:role/Web".to_owned()]),
            ..role("ec2", &[])
        };
        let bound = Role {
            bound_account_id_list: Some(vec!["3".to_owned()]),
            bound_region_list: Some(vec!["ap-south-1".to_owned()]),
            ..role("ec2", &[])
        };
        assert_eq!(
            needs(&[inferring, of_instances, bound]),
            [
                need("", "iam:GetInstanceProfile", NOBODY, false),
                need("", "ec2:DescribeInstances.eu-west-1", NOBODY, false),
                need("1", "ec2:DescribeInstances.us-west-2", NOBODY, false),
                need("3", "ec2:DescribeInstances.ap-south-1", NOBODY, false),
            ]
        );
    }
}
