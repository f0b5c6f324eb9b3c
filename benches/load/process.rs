//! What Linux tells about a process.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

/// Ticks per second in `/proc`; the same on every architecture of Linux that Rust knows.
pub(crate) const TICKS_PER_SECOND: u64 = 100;
/// By how much two readings in ticks may be wrong.
const TICK_ERROR: Duration = Duration::from_millis(20);

/// Processor time that a process has used, user and system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime {
    /// Of the threads there are now, in nanoseconds.
    threads: Duration,
    /// Of these and of those that have ended, in ticks.
    ticks: Duration,
}

impl CpuTime {
    /// So far.
    ///
    /// # Panics
    /// If the process has ended.
    #[must_use]
    pub(crate) fn of(pid: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
        let time = |task: fs::DirEntry| {
            // A thread may end while its folder is read.
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
        };
        let threads = threads.flatten().filter_map(time).sum();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
        // The name of the program stands in parentheses and may hold anything.
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        let ticks: u64 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
        Self { threads, ticks: Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND) }
    }

    /// Since the process began.
    #[must_use]
    pub(crate) fn so_far(self) -> Duration {
        self.threads
    }

    /// Since an earlier reading: to the nanosecond, unless threads have ended meanwhile.
    #[must_use]
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let ticks = self.ticks.saturating_sub(earlier.ticks).saturating_sub(TICK_ERROR);
        self.threads.saturating_sub(earlier.threads).max(ticks)
    }
}

/// Memory of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident, in KiB.
    pub resident: f64,
    /// The part of it that is no file, in KiB.
    pub anonymous: f64,
}

impl Memory {
    /// Now.
    ///
    /// # Panics
    /// If the process has ended.
    #[must_use]
    pub(crate) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of Linux");
            value.trim().trim_end_matches("kB").trim().parse().expect("a number")
        };
        Self { resident: field("VmRSS:"), anonymous: field("RssAnon:") }
    }

    /// The highest resident memory since it was last forgotten, in KiB.
    ///
    /// # Panics
    /// If the process has ended.
    #[must_use]
    pub(crate) fn peak(pid: u32) -> f64 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
        let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of Linux");
        value.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }
}

/// Lets the highest resident memory of a process begin anew.
///
/// # Panics
/// If the process is not one of ours.
pub(crate) fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a child of ours");
}

/// Lets the next process read its program from the disk, as after a start of the machine. How much of
/// a file becomes resident around what is used depends on how it came into memory, and a file that a
/// compiler has just written lies there in larger pieces.
///
/// # Panics
/// If the file cannot be opened.
pub(crate) fn forget_file(program: &Path) {
    let file = File::open(program).expect("a program");
    file.sync_all().expect("a file on a disk");
    // Where the kernel does not take the advice, the figure is what it is there.
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
}
