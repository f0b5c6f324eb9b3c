//! A small volume of memory that one server alone sees.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::process::isolated_command;

/// Large enough for the entries of any test.
const SIZE: &str = "size=256m";

/// Mounts in a namespace of its own, says so, and holds the namespace until its input ends: whatever becomes of the
/// test, the volume goes with it.
const HOLDER: &str = r#"mount -t tmpfs -o "$2" tmpfs "$1" && echo mounted && exec cat"#;

/// The file that fills it.
const BALLAST: &str = "ballast";

/// A volume over a folder, for whatever [`Volume::command`] starts. Gone when dropped.
pub(super) struct Volume {
    holder: Child,
    folder: PathBuf,
}

impl Volume {
    /// Mounts one over an existing folder. The error says why that cannot be: it needs root and Linux.
    pub(super) fn mount(folder: &Path) -> Result<Self, String> {
        let mut command = isolated_command(Path::new("unshare"));
        command.args(["--mount", "--", "sh", "-c", HOLDER, "sh"]).arg(folder).arg(SIZE);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = command.spawn().map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        // An end without the word is an error as well, which its error output explains.
        let _ = BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line);
        let mut volume = Self { holder, folder: folder.to_owned() };
        if line.trim_end() == "mounted" {
            return Ok(volume);
        }
        let mut reason = String::new();
        let _ = volume.holder.stderr.take().unwrap().read_to_string(&mut reason);
        Err(format!("no volume can be mounted: {}", reason.trim()))
    }

    /// A command with the volume in place, as [`isolated_command`] otherwise.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = isolated_command(Path::new("nsenter"));
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).arg("--").arg(program);
        command
    }

    /// Leaves no byte free.
    pub(super) fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let piece = vec![0; size];
            while file.write_all(&piece).is_ok() {}
        }
    }

    /// Ends [`Volume::fill`].
    pub(super) fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        let seen = Path::new("/proc").join(self.holder.id().to_string()).join("root");
        seen.join(self.folder.strip_prefix("/").unwrap()).join(BALLAST)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Either may fail if it has ended by itself, which is what is wanted.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
