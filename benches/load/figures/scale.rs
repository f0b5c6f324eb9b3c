//! A large installation in one process: ten thousand roles, each for ten principals, of two hundred
//! accounts. One per cent of them logs in, then ten, then all.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Bench;
use crate::driver::must_be_admitted;
use crate::figure::{Aim, Figure};
use crate::process::CpuTime;
use crate::sts::{numbered_key, numbered_principal};
use crate::subject::{ROLE, Subject};
use testkit::aws::{Credentials, LoginOptions, sign_login};
use testkit::host::{MemoryStorage, Mount};
use testkit::statistics::{as_f64, milliseconds};

/// Principals of a role.
const OF_A_ROLE: usize = 10;
const ROLES: usize = 10_000;
const QUICK_ROLES: usize = 100;
/// One of so many logs in.
const PARTS: [usize; 3] = [100, 10, 1];

pub(super) const FIGURES: &[Figure] = &[
    Figure::information(
        "scale_rss_idle",
        "10,000 roles, 200 accounts, 100,000 principals: resident, idle",
        "MiB",
    ),
    Figure::information("scale_rss_1", "… resident after 1 % of them", "MiB"),
    Figure::information("scale_rss_10", "… after 10 %", "MiB"),
    Figure::information("scale_rss_100", "… after all", "MiB"),
    Figure::information("scale_cpu_1", "… CPU per login, 1 % of them", "ms"),
    Figure::aimed("scale_cpu_10", "… 10 % to 1 %", "", Aim::AtMost(1.10)),
    Figure::aimed("scale_cpu_100", "… all to 1 %", "", Aim::AtMost(1.10)),
    Figure::information("scale_role_hits", "… hit rate of the role cache, all of them", ""),
    Figure::information("scale_config_hits", "… hit rate of config_client, all of them", ""),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let storage = MemoryStorage::new();
    drop(Subject::configured(bench, binary, Arc::clone(&storage)).await);
    let template = storage.json(&format!("role/{ROLE}")).expect("a stored role");
    let roles = if bench.options.quick { QUICK_ROLES } else { ROLES };
    for number in 0..roles {
        storage.put_json(&format!("role/{}", role(number)), &bound(template.clone(), number));
    }
    let subject = Subject::with_storage(bench, binary, storage).await;
    let mut resident = vec![subject.memory().resident / 1024.0];
    let mut cpu = Vec::new();
    let mut hits = [f64::NAN; 2];
    let clients = bench.options.clients;
    for part in PARTS {
        // Every role is read once before it counts.
        logins(&subject.mount, roles / part, OF_A_ROLE, clients, roles / part).await;
        let before = caches(&subject.mount).await;
        let begun = CpuTime::of(subject.host.pid());
        // Every principal that belongs to it at least once.
        let count = (roles / part * OF_A_ROLE).max(2 * bench.options.logins);
        logins(&subject.mount, roles / part * OF_A_ROLE, 1, clients, count).await;
        cpu.push(milliseconds(CpuTime::of(subject.host.pid()).since(begun)) / as_f64(count));
        resident.push(subject.memory().resident / 1024.0);
        let after = caches(&subject.mount).await;
        hits = ["role", "config_client"].map(|name| hit_rate(&before[name], &after[name]));
    }
    let mut values = resident;
    values.extend([cpu[0], cpu[1] / cpu[0], cpu[2] / cpu[0], hits[0], hits[1]]);
    values
}

fn role(number: usize) -> String {
    format!("scale-{number:06}")
}

/// A stored role that admits its own principals.
fn bound(mut role: Value, number: usize) -> Value {
    let principals: Vec<String> =
        (0..OF_A_ROLE).map(|one| numbered_principal(number * OF_A_ROLE + one).1).collect();
    role["bound_iam_principal_arn_list"] = json!(principals);
    role
}

/// So many logins, of the principals below a number in steps.
async fn logins(mount: &Mount, principals: usize, step: usize, clients: usize, count: usize) {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (mount, next) = (mount.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                // Those that follow each other belong to different roles.
                let principal = number * 7_919 % principals * step;
                let credentials = Credentials {
                    access_key_id: numbered_key(principal),
                    secret_access_key: format!("{principal:040}"),
                    session_token: None,
                };
                let options = LoginOptions::vault_cli().role(&role(principal / OF_A_ROLE));
                must_be_admitted(&mount.login(&sign_login(&credentials, &options)).await);
            }
        });
    }
    tasks.join_all().await;
}

/// The caches, as the plugin tells of them; null if it does not.
async fn caches(mount: &Mount) -> Value {
    mount.read("status/aws").await.data["caches"].clone()
}

fn hit_rate(before: &Value, after: &Value) -> f64 {
    let since = |name: &str| {
        let count = |caches: &Value| caches[name].as_f64().unwrap_or(f64::NAN);
        count(after) - count(before)
    };
    since("hits") / (since("hits") + since("misses"))
}
