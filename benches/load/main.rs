//! The load bench: what a login costs, and what the process of the plugin needs. See
//! `benches/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a broken assumption in a benchmark must stop it"
)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures")]

mod abuse;
mod curves;
mod driver;
mod figure;
mod figures;
mod group;
mod login;
mod machine;
mod options;
mod plot;
mod process;
mod report;
mod row;
mod sts;
mod subject;
mod table;

use std::io::Write as _;
use std::path::Path;

use clap::Parser as _;

use crate::figure::Measured;
use crate::group::Group;
use crate::machine::Others;
use crate::options::Options;
use crate::report::Report;
use crate::sts::Sts;

/// What every figure is measured with.
pub struct Bench {
    /// What was asked for.
    pub options: Options,
    /// STS, with TLS.
    pub sts: Sts,
    /// The same without TLS.
    pub plain_sts: Sts,
}

#[tokio::main]
async fn main() {
    let options = Options::parse().resolved();
    machine::raise_file_limit();
    let sts = Sts::start(options.delay(), true);
    let plain_sts = Sts::start(options.delay(), false);
    let bench = Bench { options, sts, plain_sts };
    let others = Others::watch();
    let mut report = Report::new(&bench.options).await;
    for group in bench.options.groups() {
        if group == Group::Curves {
            report.curves = curves::measure(&bench).await;
        }
        if group == Group::Abuse {
            report.abuse = abuse::measure(&bench).await;
        }
        report.measured.extend(measure(&bench, group).await);
    }
    report.notes.push(format!("Other processes used {:.1} cores meanwhile.", others.cores()));
    let text = table::text(&report);
    let mut stdout = std::io::stdout().lock();
    // A reader that has gone away has read enough.
    let _ = stdout.write_all(text.as_bytes());
    report.write(&bench.options.json);
    for curve in &report.curves {
        progress(&format!("picture: {}", plot::draw(curve, &bench.options.plot).display()));
    }
    if !report.abuse.is_empty() {
        progress(&format!("picture: {}", abuse::chart::draw(&report.abuse, &bench.options.plot).display()));
    }
    progress(&format!("figures: {}", bench.options.json.display()));
}

/// Measures a group: one binary, or two in turn.
async fn measure(bench: &Bench, group: Group) -> Vec<Measured> {
    let mut measured: Vec<Measured> =
        figures::of(group).iter().map(|figure| Measured::new(figure, bench)).collect();
    let rounds = figures::rounds(group, &bench.options);
    for round in 1..=rounds {
        progress(&format!("{}: round {round} of {rounds}", group.name()));
        let values = measure_once(bench, group, &bench.options.plugin).await;
        let others = match &bench.options.other {
            Some(other) => Some(measure_once(bench, group, other).await),
            None => None,
        };
        for (index, measured) in measured.iter_mut().enumerate() {
            measured.add(values[index], others.as_ref().map(|others| others[index]));
        }
    }
    measured
}

async fn measure_once(bench: &Bench, group: Group, binary: &Path) -> Vec<f64> {
    let values = figures::measure(group, bench, binary).await;
    assert_eq!(values.len(), figures::of(group).len(), "one value for each figure of {}", group.name());
    values
}

/// A line about what goes on, beside the results.
pub fn progress(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // Nobody may be listening; the results go elsewhere.
    let _ = writeln!(stderr, "{text}");
}
