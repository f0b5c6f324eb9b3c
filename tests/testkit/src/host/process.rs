//! A child process whose output is kept and which never outlives its handle.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

/// How often a running process is asked whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What a stream of the process has given so far.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Complete lines, without their line ends; a last line without line end counts.
    pub lines: Vec<String>,
    /// Whether the stream has ended.
    pub ended: bool,
}

/// A child process. Dropping it kills and reaps it.
pub struct Process {
    child: Mutex<Child>,
    pid: u32,
    spawned: Instant,
    stdout: watch::Receiver<Output>,
    stderr: watch::Receiver<Output>,
}

impl Process {
    /// Starts a command with closed standard input and both outputs drained in the background.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let spawned = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = drain(child.stdout.take().expect("stdout is piped"));
        let stderr = drain(child.stderr.take().expect("stderr is piped"));
        Ok(Self { pid: child.id(), spawned, child: Mutex::new(child), stdout, stderr })
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Just before the process was started.
    #[must_use]
    pub fn spawned(&self) -> Instant {
        self.spawned
    }

    /// Resident memory in KiB; `None` once the process has ended.
    #[must_use]
    pub fn rss_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    }

    /// The exit status, if the process has ended.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().expect("a child can be waited for")
    }

    /// Whether the process still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// Sends a signal. A process that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        // Under the lock, so that the id cannot have been reaped and given to somebody else.
        let mut child = self.child.lock().unwrap();
        if child.try_wait().expect("a child can be waited for").is_none() {
            let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).expect("a valid process id");
            kill_process(pid, signal).expect("own children can be signalled");
        }
    }

    /// Waits for the end; `None` if the process still runs after `limit`.
    pub async fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.exit_status();
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Ends the process with SIGKILL and reaps it.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        // Both fail only if the process was reaped before.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Standard output so far.
    #[must_use]
    pub fn stdout(&self) -> Output {
        self.stdout.borrow().clone()
    }

    /// Standard error so far.
    #[must_use]
    pub fn stderr(&self) -> Output {
        self.stderr.borrow().clone()
    }

    /// Waits until standard output has a first line or has ended; `None` after `limit`.
    pub async fn first_stdout_line(&self, limit: Duration) -> Option<Output> {
        wait_for(&self.stdout, limit, |output| output.ended || !output.lines.is_empty()).await
    }

    /// Waits until standard error satisfies a condition; `None` after `limit`.
    pub async fn stderr_when(
        &self,
        limit: Duration,
        condition: impl FnMut(&Output) -> bool,
    ) -> Option<Output> {
        wait_for(&self.stderr, limit, condition).await
    }

    /// Waits for the end of the process and of both its streams.
    ///
    /// # Panics
    /// If it takes longer than `limit`.
    pub async fn finish(&self, limit: Duration) -> Finished {
        let Some(status) = self.wait(limit).await else {
            panic!("process {} still runs after {limit:?}; stderr: {:#?}", self.pid, self.stderr().lines)
        };
        let stdout = wait_for(&self.stdout, limit, |output| output.ended).await.expect("stdout ends");
        let stderr = wait_for(&self.stderr, limit, |output| output.ended).await.expect("stderr ends");
        Finished { status, stdout: stdout.lines, stderr: stderr.lines }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What is left of a process.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit status.
    pub status: ExitStatus,
    /// Lines of standard output.
    pub stdout: Vec<String>,
    /// Lines of standard error.
    pub stderr: Vec<String>,
}

impl Finished {
    /// The exit code; `None` if a signal ended the process.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended the process, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

async fn wait_for(
    stream: &watch::Receiver<Output>,
    limit: Duration,
    condition: impl FnMut(&Output) -> bool,
) -> Option<Output> {
    let mut stream = stream.clone();
    let found = tokio::time::timeout(limit, stream.wait_for(condition)).await;
    // The sender goes away with the stream's end; whether the condition held was decided on the last
    // state.
    found.ok()?.ok().map(|output| output.clone())
}

/// Reads a stream to its end on a thread of its own, so that the process never blocks on a full pipe.
fn drain(stream: impl Read + Send + 'static) -> watch::Receiver<Output> {
    let (sender, receiver) = watch::channel(Output::default());
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            let text = String::from_utf8_lossy(&line).into_owned();
            sender.send_modify(|output| output.lines.push(text));
            line.clear();
        }
        sender.send_modify(|output| output.ended = true);
    });
    receiver
}
