//! What honest clients notice while strangers attack the mount.

mod attack;
pub(crate) mod chart;
mod dead_ids;
mod garbage;
mod hanging_logins;
mod many_signers;
mod name_storm;
mod plan;
mod presigned_pairs;
pub(crate) mod row;
mod scene;
mod slow_names;
mod strangers;

use std::path::Path;

use crate::figure::{Aim, Figure};
use crate::{Bench, progress};
use attack::Attack;
use row::Row;
use scene::Scene;

/// What is not told by the latencies of honest logins.
pub(crate) const FIGURES: &[Figure] = &[
    Figure::information("garbage_warn_bytes", "100 garbage PKCS#7 logins: WARN bytes", "B"),
    Figure::information("newline_log_bytes", "100 role names of 4,000 newlines: log bytes", "B"),
    Figure::information("hanging_idle_rss", "1,500 hanging logins of 393 KB: resident before", "MiB"),
    Figure::information("hanging_peak_rss", "… peak", "MiB"),
    Figure::aimed("hanging_after_rss", "… ten seconds after", "MiB", Aim::AtMost(64.0)),
];

/// One value for each of the [`FIGURES`].
pub(crate) async fn figures(bench: &Bench, binary: &Path) -> Vec<f64> {
    let mut values = Vec::from(garbage::log_bytes(bench, binary).await);
    values.extend(hanging_logins::memory(bench, binary).await);
    values
}

/// Every attack on every binary.
pub(crate) async fn measure(bench: &Bench) -> Vec<Row> {
    let binaries = std::iter::once(&bench.options.plugin).chain(&bench.options.other);
    let mut rows = Vec::new();
    for attack in Attack::ALL {
        if !bench.options.wants_attack(attack.id()) {
            continue;
        }
        for (number, binary) in binaries.clone().enumerate() {
            progress(&format!("abuse: {}, {}", attack.title(), binary.display()));
            if let Some(row) = row(bench, attack, binary, number > 0).await {
                rows.push(row);
            }
        }
    }
    rows
}

/// `None` if the attack is not possible on this machine.
async fn row(bench: &Bench, attack: Attack, binary: &Path, is_other: bool) -> Option<Row> {
    let scene = open(bench, attack, binary).await?;
    let quiet = scene.honest().await;
    // A process of its own, so that nothing is left of the logins before.
    drop(scene);
    let scene = open(bench, attack, binary).await?;
    let strangers = strangers::Strangers::begin(attack.plan(&scene).await).await;
    let mut attacked = scene.honest().await;
    attacked.answered_to_strangers = Some(strangers.end().await);
    Some(Row { attack, is_other, quiet, attacked })
}

async fn open(bench: &Bench, attack: Attack, binary: &Path) -> Option<Scene> {
    let launch = bench.options.launch(binary).env("AWS_EC2_METADATA_DISABLED", "true");
    let scene = Scene::on(attack.launched(launch)?, bench.options.quick).await;
    if attack.finds_open_connections() {
        scene.warm_up().await;
    }
    Some(scene)
}
