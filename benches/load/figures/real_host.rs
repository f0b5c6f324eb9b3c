//! Logins through a whole Vault: the plugin, and the method that is built in beside it.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::whole_host::{configure, run};
use crate::Bench;
use crate::figure::Figure;
use crate::login::Logins;
use crate::process::CpuTime;
use crate::subject::ROLE;
use testkit::server::{Flavor, Server, ServerBinary};
use testkit::statistics::{as_f64, median, milliseconds};

/// Name of the plugin in the catalog, and of its mount.
const PLUGIN: &str = "aws-plugin";
/// Type and mount of the method that is built in.
const BUILT_IN: &str = "aws";
/// A mount of the plugin that takes each signed request once.
const ONCE: &str = "aws-once";
/// The server id of that mount: it must not share one with the other.
const SERVER_ID: &str = "once.example.com";
const WARM_UP: usize = 200;

pub(super) const FIGURES: &[Figure] = &[
    Figure::information("host_cpu", "Whole Vault: CPU of server and plugin per login", "ms"),
    Figure::information("host_cpu_plugin", "… the plugin's part", "ms"),
    Figure::information("host_cpu_built_in", "… of the server with its built-in method", "ms"),
    Figure::information("host_added", "… added to the answer of STS, one client, median", "ms"),
    Figure::information("host_added_built_in", "… by the built-in method", "ms"),
    Figure::information("host_rate", "… logins of several clients", "logins/s"),
    Figure::information("host_rate_built_in", "… of the built-in method", "logins/s"),
    Figure::information("host_cpu_once", "Whole Vault, single use: CPU of server and plugin per login", "ms"),
    Figure::information("host_added_once", "… added to the answer of STS, one client, median", "ms"),
    Figure::information("host_rate_once", "… logins of several clients", "logins/s"),
];

/// What logins at a mount of the server cost.
struct Cost {
    server: f64,
    plugin: f64,
    added: f64,
    rate: f64,
}

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let path = bench.options.vault.clone().expect("the group is left out without a Vault");
    let environment = [
        ("SSL_CERT_FILE", bench.sts.certificates().display().to_string()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ];
    let vault = ServerBinary { flavor: Flavor::Vault, path };
    let server = Arc::new(Server::start_with(&vault, binary, &environment).await);
    server.register(PLUGIN, "plugin", b"").await;
    for (mount, kind) in [(PLUGIN, PLUGIN), (BUILT_IN, BUILT_IN), (ONCE, PLUGIN)] {
        server.enable(mount, kind).await;
        configure(&server, mount, &bench.sts.url(), ROLE).await;
    }
    let single_use = json!({"iam_request_single_use": true, "iam_server_id_header_value": SERVER_ID});
    server.root("POST", &format!("auth/{ONCE}/config/client"), &single_use).await;
    let plugin = cost(bench, &server, PLUGIN).await;
    let built_in = cost(bench, &server, BUILT_IN).await;
    let once = cost(bench, &server, ONCE).await;
    vec![
        plugin.server + plugin.plugin,
        plugin.plugin,
        built_in.server,
        plugin.added,
        built_in.added,
        plugin.rate,
        built_in.rate,
        once.server + once.plugin,
        once.added,
        once.rate,
    ]
}

async fn cost(bench: &Bench, server: &Arc<Server>, mount: &'static str) -> Cost {
    let (clients, count) = (bench.options.clients, bench.options.logins);
    let mut signed = 0;
    let mut logins = |count: usize| {
        if mount != ONCE {
            return Logins::of_role(ROLE);
        }
        let first = signed;
        signed += count;
        Logins::once(ROLE, SERVER_ID, first..signed)
    };
    let warm_up = WARM_UP.min(count);
    run(server, mount, logins(warm_up), clients, warm_up).await;
    let several_logins = logins(count);
    let plugins = || server.plugin_ids().into_iter().map(CpuTime::of).collect::<Vec<_>>();
    let (server_before, plugins_before) = (CpuTime::of(server.id()), plugins());
    let several = run(server, mount, several_logins, clients, count).await;
    let server_time = CpuTime::of(server.id()).since(server_before);
    let plugin_time = plugins().iter().zip(&plugins_before).map(|(now, before)| now.since(*before)).sum();
    let _ = bench.sts.take_times();
    let one = run(server, mount, logins(count), 1, count).await;
    Cost {
        server: milliseconds(server_time) / as_f64(count),
        plugin: milliseconds(plugin_time) / as_f64(count),
        added: one.median() - median(&bench.sts.take_times()),
        rate: several.throughput(),
    }
}
