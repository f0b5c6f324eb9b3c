//! What is said of one role.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::own_members::{OwnMembers, Place, unknown_members};
use super::rows::{
    ACCOUNT_NOT_CONFIGURED, ARN_WITH_PATH, BINDS_NOTHING, ENTRY_UNREADABLE, INFERRED_OTHER_PARTITION,
    INFERRED_WITHOUT_PRINCIPAL, NAME_NOT_LOWER_CASE, OLDER_VERSION, OLDER_VERSION_NEEDS_IAM, ONLY_OWN_BOUNDS,
    STRICTLY_BIND_IP, WILDCARD,
};
use super::token_networks;
use crate::aws::arn::Arn;
use crate::aws::region::Region;
use crate::binding::binds_anything::check_binds_anything;
use crate::entry::{BOUNDS, Entry as _, Role, RoleUpgrade};
use crate::framework::HostFlavor;
use crate::ports::Random;

/// What else is known of the mount.
pub(super) struct Surroundings<'a> {
    /// The server.
    pub(super) host: HostFlavor,
    /// The accounts of `config/sts`.
    pub(super) accounts: &'a BTreeSet<String>,
}

/// An upgraded role needs an id; it is looked at and thrown away.
struct NoId;

impl Random for NoId {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        buffer.fill(0);
        true
    }
}

/// The findings about a stored role.
pub(super) fn findings(name: &str, stored: &[u8], around: &Surroundings<'_>) -> Vec<Finding> {
    let path = format!("{}{name}", Role::PREFIX);
    if Role::key(name) != path {
        return vec![Finding::new(&path, &NAME_NOT_LOWER_CASE, name)];
    }
    let mut role = match Role::decode(stored) {
        Ok(role) => role,
        Err(error) => return vec![Finding::new(&path, &ENTRY_UNREADABLE, error.to_string())],
    };
    let mut found = Vec::new();
    let version = role.version;
    match role.upgrade(&NoId) {
        Ok(RoleUpgrade::None) => {}
        Ok(RoleUpgrade::Changed) => {
            found.push(Finding::new(&path, &OLDER_VERSION, format!("version {version}")));
        }
        Ok(RoleUpgrade::NeedsPrincipalId(principal)) => {
            found.push(Finding::new(&path, &OLDER_VERSION_NEEDS_IAM, principal));
            return found;
        }
        Err(error) => return vec![Finding::new(&path, &ENTRY_UNREADABLE, error.to_string())],
    }
    found.extend(of_bindings(name, &path, &role));
    found.extend(token_networks::findings(&path, &role.token));
    found.extend(of_principals(&path, &role, around.accounts));
    if !around.host.has_strictly_bind_ip() && role.token.token_strictly_bind_ip == Some(true) {
        found.push(Finding::new(&path, &STRICTLY_BIND_IP, "token_strictly_bind_ip=true"));
    }
    found.extend(OwnMembers::of(stored).findings(Place::Role, &path));
    found.extend(unknown_members(&path, role.unknown.keys()));
    found
}

fn of_bindings(name: &str, path: &str, role: &Role) -> Option<Finding> {
    if check_binds_anything(role, name).is_err() {
        return Some(Finding::new(path, &BINDS_NOTHING, ""));
    }
    let mut under_built_in = role.clone();
    let own = BOUNDS.iter().filter(|bound| bound.own && bound.is_set(role));
    let names: Vec<&str> = own.map(|bound| bound.name).collect();
    BOUNDS.iter().filter(|bound| bound.own).for_each(|bound| bound.set(&mut under_built_in, Vec::new()));
    check_binds_anything(&under_built_in, name)
        .is_err()
        .then(|| Finding::new(path, &ONLY_OWN_BOUNDS, names.join(", ")))
}

fn of_principals(path: &str, role: &Role, accounts: &BTreeSet<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    let arns = role.bound_iam_principal_arn_list.as_deref().unwrap_or_default();
    let mut add = |row, texts: Vec<&str>| {
        if !texts.is_empty() {
            found.push(Finding::new(path, row, texts.join(", ")));
        }
    };
    let patterns: Vec<&str> = arns.iter().map(String::as_str).filter(|arn| arn.ends_with('*')).collect();
    let infers = !role.inferred_entity_type.is_empty();
    let looked_into = if infers { arns.iter().map(String::as_str).collect() } else { patterns.clone() };
    let unknown: BTreeSet<&str> =
        looked_into.into_iter().filter_map(account).filter(|account| !accounts.contains(*account)).collect();
    add(&WILDCARD, patterns);
    add(&ACCOUNT_NOT_CONFIGURED, unknown.into_iter().collect());
    if !role.resolve_aws_unique_ids {
        let has_path = |arn: &str| Arn::parse(arn).is_ok_and(|parsed| parsed.canonical() != arn);
        let with_path = arns.iter().map(String::as_str).filter(|arn| !arn.ends_with('*') && has_path(arn));
        add(&ARN_WITH_PATH, with_path.collect());
    }
    if !infers {
        return found;
    }
    let ids = role.bound_iam_principal_id_list.as_deref().unwrap_or_default();
    if arns.is_empty() && ids.is_empty() {
        add(&INFERRED_WITHOUT_PRINCIPAL, vec![&role.inferred_aws_region]);
    }
    if let Some(region) = Region::parse(&role.inferred_aws_region) {
        let partition = region.partition().name();
        let others = arns.iter().map(String::as_str).filter(|arn| is_of_other(arn, partition));
        let others: Vec<&str> = others.collect();
        if !others.is_empty() {
            let seen = format!("{} of region {}", others.join(", "), region.name());
            add(&INFERRED_OTHER_PARTITION, vec![&seen]);
        }
    }
    found
}

/// The account that an ARN, or a pattern of ARNs, is of.
fn account(arn: &str) -> Option<&str> {
    let account = arn.split(':').nth(4)?;
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

fn is_of_other(arn: &str, partition: &str) -> bool {
    arn.split(':').nth(1).is_some_and(|of_arn| !of_arn.contains('*') && of_arn != partition)
}
