//! Child processes that end with their test, and what is known about them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

/// How often something is polled.
pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How long a server may take to come up, on a busy machine.
pub const START_DEADLINE: Duration = Duration::from_secs(60);

/// So many lines of a log are shown with a failure.
const LOG_LINES: usize = 40;

/// A child process, killed when dropped.
pub(super) struct ServerProcess {
    child: Child,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts a command with its output in `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// Process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Set once the process has ended.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// The end of what it has written so far.
    pub(super) fn log(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Either may fail if it has ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command with nothing of this process's environment but `PATH`: no credentials, proxies or
/// addresses of the user's own servers.
pub(super) fn isolated_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// A folder with a short path: the sockets of plugins are made in it, and their paths are limited to
/// 108 bytes.
pub(super) fn short_folder() -> TempDir {
    tempfile::Builder::new().prefix("aws").tempdir_in("/tmp").unwrap()
}

/// A port of loopback that nobody listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The running processes whose program lies in this folder.
pub(super) fn processes_running_from(folder: &Path) -> Vec<u32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&id| program_of(id).is_some_and(|program| program.starts_with(folder)))
        .collect()
}

/// The program of a process, as it was started; `None` if the process has ended. A process that hides its memory
/// hides the link to its program as well, but not its arguments.
pub fn program_of(id: u32) -> Option<PathBuf> {
    let arguments = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let program = arguments.split(|&byte| byte == 0).next()?;
    Some(PathBuf::from(OsStr::from_bytes(program)))
}

/// Kills a process as the kernel would, without giving it a chance to clean up.
pub fn kill_hard(id: u32) {
    signal(id, Signal::KILL);
}

/// Lets a process stand still until it is told to go on.
pub(super) fn pause(id: u32) {
    signal(id, Signal::STOP);
}

/// Lets a process that stands still go on.
pub(super) fn resume(id: u32) {
    signal(id, Signal::CONT);
}

/// From now on nothing that the process writes to a file is taken. The error says why that cannot be.
pub(super) fn refuse_writes(id: u32) -> Result<(), String> {
    let limit = Rlimit { current: Some(0), maximum: None };
    prlimit(Some(pid(id)), Resource::Fsize, limit).map(|_| ()).map_err(|error| error.to_string())
}

fn signal(id: u32, signal: Signal) {
    // It may have ended in the meantime.
    let _ = kill_process(pid(id), signal);
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}
