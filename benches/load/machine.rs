//! Where it was measured.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::process::TICKS_PER_SECOND;
use serde_json::{Value, json};

/// Processor time that others have used, while this process and its children ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Others {
    begun: Instant,
    ticks: u64,
}

impl Others {
    /// From now on.
    #[must_use]
    pub(crate) fn watch() -> Self {
        Self { begun: Instant::now(), ticks: foreign_ticks() }
    }

    /// Cores that others have used on average. The children count as others until they have ended.
    #[must_use]
    pub(crate) fn cores(&self) -> f64 {
        let ticks = foreign_ticks().saturating_sub(self.ticks);
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND).as_secs_f64()
            / self.begun.elapsed().as_secs_f64()
    }
}

/// Ticks that all cores were busy with others.
fn foreign_ticks() -> u64 {
    let sum = |fields: Vec<&str>| fields.iter().map(|field| field.parse::<u64>().unwrap()).sum::<u64>();
    let all = fs::read_to_string("/proc/stat").expect("Linux");
    // Of the first line: user, nice, system; and, beyond idle, irq, softirq, steal.
    let all: Vec<&str> = all.lines().next().unwrap().split_whitespace().skip(1).collect();
    let busy = sum(all[..3].to_vec()) + sum(all[5..8].to_vec());
    let own = fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, own) = own.rsplit_once(") ").expect("a name in parentheses");
    // User and system, of this process and of its ended children.
    let own = sum(own.split(' ').skip(11).take(4).collect());
    busy.saturating_sub(own)
}

/// Lets this process and its children open as many files as the system lets them, as a service of a
/// host does: every mount has sockets.
pub(crate) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer files fewer mounts are possible, and that shows.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Cores, processor, memory and kernel.
#[must_use]
pub(crate) fn description() -> Value {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "cores": cores(),
        "cpu": field(&cpus, "model name"),
        "memory": field(&memory, "MemTotal").and_then(gibibytes),
        "kernel": kernel.trim(),
        "load_at_the_end": load.trim(),
    })
}

/// The same in a line.
#[must_use]
pub(crate) fn line() -> String {
    let description = description();
    let text = |name: &str| description[name].as_str().unwrap_or("unknown").to_owned();
    format!("{} cores, {}, {} of memory, Linux {}", cores(), text("cpu"), text("memory"), text("kernel"))
}

fn gibibytes(text: &str) -> Option<String> {
    let kibibytes: u64 = text.strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{} GiB", kibibytes.div_ceil(1024 * 1024)))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
