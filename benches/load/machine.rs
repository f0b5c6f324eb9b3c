//! Where it was measured.

use std::fs;

use serde_json::{Value, json};

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
        "memory": field(&memory, "MemTotal"),
        "kernel": kernel.trim(),
        "load_at_the_end": load.trim(),
    })
}

/// The same in a line.
#[must_use]
pub fn line() -> String {
    let description = description();
    let text = |name: &str| description[name].as_str().unwrap_or("unknown").to_owned();
    format!("{} cores, {}, {} memory, Linux {}", cores(), text("cpu"), text("memory"), text("kernel"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
