//! The report on a mount, a page of roles at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::finding::Finding;
use super::own_members::unknown_members;
use super::role::Surroundings;
use super::rows::ENTRY_UNREADABLE;
use super::{certificate, client, identity, role};
use crate::entry::{
    ClientConfig, Entry as _, IdentityConfig, Role, StoredCertificate, StsConfig, TidyConfig, TidyList,
};
use crate::framework::HostFlavor;
use crate::ports::StorageError;
use crate::store::Store;

/// Roles of one page at the most.
pub const MAX_ROLES: usize = 1000;
/// Findings about roles after which a page ends early.
pub const MAX_FINDINGS: usize = 1000;
/// Entries under `config/sts` and `config/certificate` that are looked at, of each.
const MAX_ENTRIES: usize = 1000;
/// Entries that are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings: those about the configuration, then by role.
    pub findings: Vec<Finding>,
    /// Roles that were looked at.
    pub roles: usize,
    /// The last of them, if there are more.
    pub next_after: Option<String>,
    /// Entries of the configuration that were not looked at.
    pub left_out: usize,
}

/// Looks at the configuration and the first roles, or, where a page is continued, at the roles whose names come
/// after one. The time is that since the Unix epoch.
///
/// # Errors
/// The host's storage failed.
pub async fn examine(
    store: &Store,
    host: HostFlavor,
    now: Duration,
    after: Option<&str>,
) -> Result<Report, StorageError> {
    let mut report = Report::default();
    let accounts: BTreeSet<String> = store.list(StsConfig::PREFIX).await?.into_iter().collect();
    if after.is_none() {
        configuration(store, &accounts, now, &mut report).await?;
    }
    let around = Surroundings { host, accounts: &accounts };
    roles(store, &around, after, &mut report).await?;
    Ok(report)
}

async fn configuration(
    store: &Store,
    accounts: &BTreeSet<String>,
    now: Duration,
    report: &mut Report,
) -> Result<(), StorageError> {
    let stored = store.stored(ClientConfig::KEY).await?;
    report.findings.extend(client::findings(stored.as_deref()));
    if let Some(stored) = store.stored(IdentityConfig::KEY).await? {
        report.findings.extend(identity::findings(&stored));
    }
    report.left_out = accounts.len().saturating_sub(MAX_ENTRIES);
    for account in accounts.iter().take(MAX_ENTRIES) {
        let key = format!("{}{account}", StsConfig::PREFIX);
        let Some(stored) = store.stored(&key).await? else { continue };
        report.findings.extend(match StsConfig::decode(&stored) {
            Ok(entry) => unknown_members(&key, entry.unknown.keys()),
            Err(error) => Some(Finding::new(&key, &ENTRY_UNREADABLE, error.to_string())),
        });
    }
    let certificates = sorted(store.list(StoredCertificate::PREFIX).await?);
    report.left_out = report.left_out.saturating_add(certificates.len().saturating_sub(MAX_ENTRIES));
    for name in certificates.iter().take(MAX_ENTRIES) {
        let Some(stored) = store.stored(&StoredCertificate::key(name)).await? else { continue };
        report.findings.extend(certificate::findings(name, &stored, now));
    }
    for (list, path) in [
        (TidyList::RoleTagDenyList, "config/tidy/roletag-denylist"),
        (TidyList::IdentityAccessList, "config/tidy/identity-accesslist"),
    ] {
        let Some(stored) = store.stored(list.config_key()).await? else { continue };
        report.findings.extend(match TidyConfig::decode(&stored) {
            Ok(entry) => unknown_members(path, entry.unknown.keys()),
            Err(error) => Some(Finding::new(path, &ENTRY_UNREADABLE, error.to_string())),
        });
    }
    Ok(())
}

async fn roles(
    store: &Store,
    around: &Surroundings<'_>,
    after: Option<&str>,
    report: &mut Report,
) -> Result<(), StorageError> {
    let mut names = sorted(store.list(Role::PREFIX).await?);
    names.retain(|name| !name.ends_with('/') && after.is_none_or(|after| name.as_str() > after));
    let all = names.len();
    names.truncate(MAX_ROLES);
    let read = async |name: String| {
        let stored = store.stored(&format!("{}{name}", Role::PREFIX)).await;
        (name, stored)
    };
    let mut entries = stream::iter(names).map(read).buffered(SIDE_BY_SIDE);
    let mut of_roles = 0_usize;
    let mut last = None;
    while let Some((name, stored)) = entries.next().await {
        if let Some(stored) = stored? {
            let found = role::findings(&name, &stored, around);
            of_roles = of_roles.saturating_add(found.len());
            report.findings.extend(found);
        }
        report.roles = report.roles.saturating_add(1);
        last = Some(name);
        if of_roles >= MAX_FINDINGS {
            break;
        }
    }
    report.next_after = last.filter(|_| report.roles < all);
    Ok(())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
