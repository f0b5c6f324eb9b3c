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
use plan::Form;
use row::Row;
use scene::{Honest, Scene};
use strangers::Strangers;

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
            rows.extend(of_attack(bench, attack, binary, number > 0).await);
        }
    }
    rows
}

/// A row for each form of an attack; none if it is not possible on this machine.
async fn of_attack(bench: &Bench, attack: Attack, binary: &Path, is_other: bool) -> Vec<Row> {
    let (mut quiet, mut attacked) = (Vec::new(), Form::ALL.map(|_| Vec::new()));
    for _ in 0..bench.options.few_rounds() {
        // Each in a process of its own, so that nothing is left of what was before.
        let Some(scene) = open(bench, attack, binary).await else { return Vec::new() };
        quiet.push(scene.honest().await);
        drop(scene);
        for (form, rounds) in Form::ALL.into_iter().zip(&mut attacked) {
            let Some(scene) = open(bench, attack, binary).await else { return Vec::new() };
            let strangers = Strangers::begin(attack.plan(&scene).await, form).await;
            let mut honest = scene.honest().await;
            honest.strangers = Some(strangers.end().await);
            rounds.push(honest);
        }
    }
    let quiet = Honest::of_rounds(&quiet);
    let row = |(form, rounds): (Form, &Vec<Honest>)| Row {
        attack,
        form,
        is_other,
        quiet,
        attacked: Honest::of_rounds(rounds),
    };
    Form::ALL.into_iter().zip(&attacked).map(row).collect()
}

async fn open(bench: &Bench, attack: Attack, binary: &Path) -> Option<Scene> {
    let launch = bench.options.launch(binary).env("AWS_EC2_METADATA_DISABLED", "true");
    let scene = Scene::on(attack.launched(launch)?, bench.options.quick).await;
    if attack.finds_open_connections() {
        scene.warm_up().await;
    }
    Some(scene)
}
