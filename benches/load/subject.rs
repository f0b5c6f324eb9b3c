//! A plugin process under measurement, with a mount that works with the stand-in for STS.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::Bench;
use crate::driver::{self, Part};
use crate::login::Logins;
use crate::process::{CpuTime, Memory};
use crate::sts::{PRINCIPAL, Sts};
use testkit::host::{Host, Launch, MemoryStorage, Mount, MountOptions};
use testkit::statistics::{as_f64, milliseconds};

/// The role of the logins.
pub(crate) const ROLE: &str = "load";
/// Logins before the first one that counts: connections are open, caches are filled.
const WARM_UP: usize = 200;

/// What a login costs, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Processor time of the plugin.
    pub cpu: f64,
    /// Median of the latency.
    pub median: f64,
    /// 99th percentile of the latency.
    pub p99: f64,
}

/// One process with one mount, `auth/aws/`.
pub(crate) struct Subject {
    /// The host.
    pub host: Host,
    /// The mount.
    pub mount: Mount,
}

impl Subject {
    /// Starts a plugin, with one mount that is configured and has the role [`ROLE`].
    pub(crate) async fn open(bench: &Bench, binary: &Path) -> Self {
        Self::configured(bench, binary, MemoryStorage::new()).await
    }

    /// The same on a storage, which then holds configuration and role.
    pub(crate) async fn configured(bench: &Bench, binary: &Path, storage: Arc<MemoryStorage>) -> Self {
        let subject = Self::with_storage(bench, binary, storage).await;
        configure(&bench.sts, &subject.mount).await;
        subject
    }

    /// The same with an STS without TLS.
    pub(crate) async fn without_tls(bench: &Bench, binary: &Path) -> Self {
        let subject = Self::with_storage(bench, binary, MemoryStorage::new()).await;
        configure(&bench.plain_sts, &subject.mount).await;
        subject
    }

    /// Starts a plugin on what a mount has stored.
    pub(crate) async fn with_storage(bench: &Bench, binary: &Path, storage: Arc<MemoryStorage>) -> Self {
        let host = Host::launch(launch(bench, binary)).await;
        let options = MountOptions { storage: Some(storage), ..MountOptions::default() };
        let mount = host.mount("aws", options).await;
        Self { host, mount }
    }

    /// Starts a plugin on a mount that has so many roles stored, [`ROLE`] and [`role_name`]s.
    pub(crate) async fn with_roles(bench: &Bench, binary: &Path, roles: usize) -> Self {
        let storage = MemoryStorage::new();
        drop(Self::configured(bench, binary, Arc::clone(&storage)).await);
        let role = storage.get(&format!("role/{ROLE}")).expect("a stored role");
        for number in 1..roles {
            storage.put(&format!("role/{}", role_name(number - 1)), role.clone());
        }
        Self::with_storage(bench, binary, storage).await
    }

    /// A further mount in the same process, configured the same way.
    pub(crate) async fn further_mount(&self, bench: &Bench, name: &str) -> Mount {
        let mount = self.host.mount(name, MountOptions::default()).await;
        configure(&bench.sts, &mount).await;
        mount
    }

    /// Logs in until everything is in its steady state.
    pub(crate) async fn warm_up(&self, logins: &Logins, clients: usize) {
        driver::closed_loop(&self.mount, logins, Part::Whole, clients, WARM_UP).await;
    }

    /// What logins at the mount cost.
    pub(crate) async fn cost(&self, logins: &Logins, part: Part, clients: usize, count: usize) -> Cost {
        self.cost_over(std::slice::from_ref(&self.mount), logins, part, clients, count).await
    }

    /// What logins cost that go to one mount after the other.
    pub(crate) async fn cost_over(
        &self,
        mounts: &[Mount],
        logins: &Logins,
        part: Part,
        clients: usize,
        count: usize,
    ) -> Cost {
        let pid = self.host.pid();
        let begun = CpuTime::of(pid);
        let run = driver::closed_loop_over(mounts, logins, part, clients, count).await;
        let cpu = milliseconds(CpuTime::of(pid).since(begun)) / as_f64(count);
        Cost { cpu, median: run.median(), p99: run.p99() }
    }

    /// Memory now.
    #[must_use]
    pub(crate) fn memory(&self) -> Memory {
        Memory::of(self.host.pid())
    }
}

/// The name of one of many roles.
#[must_use]
pub(crate) fn role_name(number: usize) -> String {
    format!("{ROLE}-{number:06}")
}

/// As hosts start a plugin that trusts the stand-in's certificates.
#[must_use]
pub(crate) fn launch(bench: &Bench, binary: &Path) -> Launch {
    let launch = bench.options.launch(binary).env("SSL_CERT_FILE", bench.sts.certificates());
    launch.env("AWS_EC2_METADATA_DISABLED", "true")
}

/// Lets a mount work with the stand-in, and gives it the role [`ROLE`].
async fn configure(sts: &Sts, mount: &Mount) {
    let configuration = json!({
        "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sts_endpoint": sts.url(),
        "sts_region": "us-east-1",
    });
    mount.write("config/client", &configuration).await.expect(204);
    mount.write(&format!("role/{ROLE}"), &role()).await.expect(204);
}

/// A role that admits everyone the stand-in knows.
fn role() -> Value {
    json!({"auth_type": "iam", "bound_iam_principal_arn": PRINCIPAL, "resolve_aws_unique_ids": false})
}
