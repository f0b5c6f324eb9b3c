//! Where it was measured.

use std::fs;

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

/// Lets this process and its children open as many files as the system lets them, as a service of a
/// host does: every mount has sockets.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer files fewer mounts are possible, and that shows.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Cores, processor, memory and kernel.
#[must_use]
pub fn description() -> Value {
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
pub fn line() -> String {
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
