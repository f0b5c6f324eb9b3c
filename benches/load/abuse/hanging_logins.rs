//! Large logins, without credentials, while their STS does not answer. They come to another mount than
//! that of the honest clients.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::plan::{Pace, Plan};
use super::scene::Scene;
use crate::process::Memory;
use crate::{Bench, progress};
use testkit::aws::{Credentials, LoginOptions, sign_login};
use testkit::host::{Host, Mount, MountOptions};
use testkit::statistics::as_f64;

const LOGINS: usize = 1_500;
const QUICK_LOGINS: usize = 50;
/// Clients of a flood.
const CLIENTS: usize = 1_500;
/// Bytes of a header: about as many as a login may have. The rest of its 393 KB is a field that nobody knows.
const HEADER: usize = 96_000;
const UNKNOWN_FIELD: usize = 262_000;
/// Memory is at its peak when it has not risen for so long.
const STEADY: Duration = Duration::from_secs(3);
/// The longest that is waited for that.
const LONGEST: Duration = Duration::from_secs(20);
/// From the end of the attack to the last look at memory.
const AFTER: Duration = Duration::from_secs(10);

/// A server that takes every connection and says nothing, for as long as the process lives.
fn silent() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    let address = listener.local_addr().expect("a bound address");
    let open = Arc::new(Mutex::new(Vec::new()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            open.lock().unwrap().push(stream);
        }
    });
    format!("http://{address}")
}

fn login() -> Value {
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "unknown".to_owned(),
        session_token: None,
    };
    let options = LoginOptions::vault_cli().signed_header("X-Amz-Padding", &"x".repeat(HEADER));
    let mut data = sign_login(&credentials, &options.role("absent"));
    data["padding"] = json!("x".repeat(UNKNOWN_FIELD));
    data
}

/// A mount whose STS does not answer.
async fn mount(host: &Host) -> Mount {
    let mount = host.mount("silent", MountOptions::default()).await;
    let configuration = json!({
        "access_key": "AKIAIOSFODNN7EXAMPLE",
        "secret_key": "unknown",
        "sts_endpoint": silent(),
        "sts_region": "us-east-1",
        "allowed_sts_header_values": "X-Amz-Padding",
    });
    mount.write("config/client", &configuration).await.expect(204);
    mount
}

pub(super) async fn plan(scene: &Scene) -> Plan {
    let mount = mount(&scene.stage.host).await;
    let all = as_f64(if scene.quick { QUICK_LOGINS } else { LOGINS });
    let rate = all / scene.seconds();
    Plan { mount, logins: vec![login()], paced: Pace::PerSecond(rate), clients: CLIENTS }
}

/// Resident memory before, at its peak, and ten seconds after the clients have given up; MiB.
pub(super) async fn memory(bench: &Bench, binary: &Path) -> [f64; 3] {
    let host = Host::launch(bench.options.launch(binary)).await;
    let mount = mount(&host).await;
    let resident = || Memory::of(host.pid()).resident / 1024.0;
    let idle = resident();
    let login = Arc::new(login());
    let mut clients = JoinSet::new();
    for _ in 0..if bench.options.quick { QUICK_LOGINS } else { LOGINS } {
        let (mount, login) = (mount.clone(), Arc::clone(&login));
        clients.spawn(async move { mount.login_only(&login).await });
    }
    let (begun, mut peak, mut risen) = (Instant::now(), idle, Instant::now());
    while risen.elapsed() < STEADY && begun.elapsed() < LONGEST {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = resident();
        // Not every page counts as a rise.
        if now > peak * 1.01 {
            risen = Instant::now();
        }
        peak = peak.max(now);
    }
    let mut refused = 0;
    while clients.try_join_next().is_some() {
        refused += 1;
    }
    if refused > 0 {
        progress(&format!("abuse: {refused} logins that should hang were answered"));
    }
    clients.shutdown().await;
    tokio::time::sleep(AFTER).await;
    [idle, peak, resident()]
}
