//! The unix socket of the plugin.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;
use vault_plugin_auth_aws::ports::Random;

use crate::plugin::process::launch::LaunchEnvironment;
use crate::plugin::process::start_error::StartError;

/// How many names are tried before giving up.
const NAME_ATTEMPTS: u32 = 16;
/// Readable and writable for owner and group.
const GROUP_MODE: u32 = 0o660;
const GROUP_FILE: &str = "/etc/group";

/// The file of a socket; removed when dropped.
pub(crate) struct SocketFile {
    path: PathBuf,
}

impl SocketFile {
    /// Listens on a new socket where the host wants it.
    pub(crate) fn listen(
        launch: &LaunchEnvironment,
        random: &dyn Random,
    ) -> Result<(Self, UnixListener), StartError> {
        let (file, listener) = Self::bind(&launch.socket_folder, random)?;
        if let Some(group) = &launch.socket_group {
            let groups = fs::read_to_string(GROUP_FILE).unwrap_or_default();
            let id = group_id(group, &groups).ok_or_else(|| StartError::UnknownGroup(group.clone()))?;
            file.give_to_group(id)?;
        }
        Ok((file, listener))
    }

    fn bind(folder: &Path, random: &dyn Random) -> Result<(Self, UnixListener), StartError> {
        let mut attempts: u32 = 0;
        loop {
            let mut number = [0; size_of::<u32>()];
            if !random.fill(&mut number) {
                return Err(StartError::Random);
            }
            let path = folder.join(format!("plugin{}", u32::from_ne_bytes(number)));
            match UnixListener::bind(&path) {
                Ok(listener) => return Ok((Self { path }, listener)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts < NAME_ATTEMPTS => {
                    attempts = attempts.saturating_add(1);
                }
                Err(error) => return Err(StartError::Socket { path, error }),
            }
        }
    }

    fn give_to_group(&self, id: u32) -> Result<(), StartError> {
        chown(&self.path, None, Some(id))
            .and_then(|()| fs::set_permissions(&self.path, fs::Permissions::from_mode(GROUP_MODE)))
            .map_err(|error| StartError::Socket { path: self.path.clone(), error })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Nobody is left who could be told about a failure.
        let _ = fs::remove_file(&self.path);
    }
}

/// The number of a group given by number or by its name in a group file.
fn group_id(group: &str, groups: &str) -> Option<u32> {
    if let Ok(id) = group.parse() {
        return Some(id);
    }
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _password, id) = (fields.next()?, fields.next()?, fields.next()?);
        (name == group).then(|| id.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use vault_plugin_auth_aws::ports::SystemRandom;

    use super::*;

    #[tokio::test]
    async fn the_file_is_named_like_those_of_go_plugins_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, listener) = SocketFile::bind(folder.path(), &SystemRandom::default()).unwrap();
        let path = file.path().to_owned();
        let name = path.file_name().unwrap().to_str().unwrap();
        let digits = name.strip_prefix("plugin").unwrap();
        assert!(!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
        assert!(path.exists());
        drop(listener);
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn the_group_of_the_host_may_use_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _listener) = SocketFile::bind(folder.path(), &SystemRandom::default()).unwrap();
        let own_group = fs::metadata(file.path()).unwrap().gid();
        file.give_to_group(own_group).unwrap();
        let metadata = fs::metadata(file.path()).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, GROUP_MODE);
        assert_eq!(metadata.gid(), own_group);
    }

    #[tokio::test]
    async fn a_missing_folder_is_told() {
        let error = SocketFile::bind(Path::new("/nonexistent"), &SystemRandom::default()).err().unwrap();
        assert!(error.to_string().starts_with("cannot listen on /nonexistent/plugin"), "{error}");
    }

    #[test]
    fn groups_are_found_by_number_and_by_name() {
        let groups = "root:x:0:\nvault:x:1234:me,you\nbroken\n";
        assert_eq!(group_id("77", groups), Some(77));
        assert_eq!(group_id("vault", groups), Some(1234));
        assert_eq!(group_id("x", groups), None);
        assert_eq!(group_id("broken", groups), None);
    }
}
