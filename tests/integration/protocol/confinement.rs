//! What others on the machine can take from the process.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::under_test;
use testkit::host::{COOKIE_NAME, COOKIE_VALUE};

/// Somebody who is not root: all that root has belongs to root, hidden or not.
const SOMEBODY: u32 = 65_534;

/// A plugin that serves in metadata mode, killed when dropped.
struct Serving(Child);

impl Serving {
    fn of_somebody() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let program = folder.path().join("aws");
        std::fs::copy(under_test::PLUGIN, &program).unwrap();
        let mut command = Command::new(&program);
        command.env_clear().env(COOKIE_NAME, COOKIE_VALUE).env("VAULT_PLUGIN_METADATA_MODE", "true");
        command.env("PLUGIN_PROTOCOL_VERSIONS", "5").env("PLUGIN_UNIX_SOCKET_DIR", folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        if is_root() {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
        let mut child = command.spawn().unwrap();
        let mut handshake = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut handshake).unwrap();
        assert!(handshake.contains("|unix|"), "{handshake:?}");
        Self(child)
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().unwrap().uid() == 0
}

#[test]
fn its_memory_is_hidden_a_crash_leaves_no_core_and_it_gains_no_rights() {
    let serving = Serving::of_somebody();
    let owner = std::fs::metadata(serving.proc("mem")).unwrap().uid();
    assert_eq!(owner, 0, "whoever it runs as may read its memory");
    let limits = std::fs::read_to_string(serving.proc("limits")).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
    for thread in std::fs::read_dir(serving.proc("task")).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.lines().any(|line| line == "NoNewPrivs:\t1"), "{status}");
    }
}
