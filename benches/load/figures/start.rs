//! From exec to handshake line, and what has to be loaded for it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Bench;
use crate::figure::{Aim, Figure};
use crate::process::CpuTime;
use crate::subject::launch;
use testkit::statistics::{median, milliseconds};

/// A binary that becomes smaller than that part of itself, in per cent, had symbols. Without them only
/// notes of the compilers go.
const SYMBOLS: u64 = 95;
/// The longest a start may take.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("handshake", "Exec to handshake line", "ms", Aim::OfRecorded(0.20)).recorded(17.0),
    Figure::information("handshake_cpu", "… CPU time of it", "ms"),
    Figure::aimed("binary_size", "Stripped binary", "MiB", Aim::OfRecorded(0.33)).recorded(31.0),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let launch = launch(bench, binary);
    let mut starts = Vec::new();
    let mut cpu = Vec::new();
    for _ in 0..bench.options.starts() {
        let started = launch.spawn();
        let line = started.process.first_stdout_line(LIMIT).await.expect("a handshake line in time");
        starts.push(milliseconds(started.process.spawned().elapsed()));
        cpu.push(milliseconds(CpuTime::of(started.process.pid()).so_far()));
        assert_eq!(line.lines.len(), 1, "the plugin ended instead of shaking hands");
    }
    vec![median(&starts), median(&cpu), stripped_size(binary)]
}

/// MiB of a binary without symbols; of the binary as it is where nothing can strip it.
fn stripped_size(binary: &Path) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("stripped");
    let strip = Command::new("strip").arg("-o").arg(&copy).arg(binary).stderr(Stdio::null()).status();
    let path = if strip.is_ok_and(|status| status.success()) { copy.as_path() } else { binary };
    let size = |path: &Path| std::fs::metadata(path).expect("the binary is there").len();
    if path == binary {
        crate::progress(&format!("{}: could not be stripped, measured as it is", binary.display()));
    } else if size(path) < size(binary) / 100 * SYMBOLS {
        crate::progress(&format!("{}: has symbols, a stripped copy was measured", binary.display()));
    }
    mib(size(path))
}

#[expect(clippy::cast_precision_loss, reason = "no binary has 2^52 bytes")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
