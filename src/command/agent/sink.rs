//! A file that holds the token.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use vault_plugin_auth_aws::go::{GoDuration, Overflow};

use crate::command::private_file;

/// What a sink's option may hold behind the path.
const MODE: &str = "mode";
const OWNER: &str = "owner";
const WRAP_TTL: &str = "wrap-ttl";

/// Where the token goes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sink {
    path: PathBuf,
    mode: u32,
    owner: Option<u32>,
    group: Option<u32>,
    wrap_ttl: Option<String>,
}

impl Sink {
    /// Reads `file:PATH[,mode=OCTAL][,owner=UID:GID][,wrap-ttl=DURATION]`. A path may hold commas.
    ///
    /// # Errors
    /// It is nothing of that kind.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut path = text.strip_prefix("file:").ok_or("a sink is file:PATH")?;
        let mut sink = Self { path: PathBuf::new(), mode: 0o600, owner: None, group: None, wrap_ttl: None };
        while let Some((rest, key, value)) = last_setting(path) {
            match key {
                MODE => sink.mode = mode(value)?,
                OWNER => (sink.owner, sink.group) = owner(value)?,
                _ => sink.wrap_ttl = Some(duration(value)?),
            }
            path = rest;
        }
        if path.is_empty() || path.ends_with('/') {
            return Err("the path of a sink names a file".to_owned());
        }
        sink.path = PathBuf::from(path);
        Ok(sink)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether every user of this machine may read it.
    pub(super) fn is_public(&self) -> bool {
        self.mode & 0o004 != 0
    }

    /// For how long the token is wrapped, if it is: the text of the option.
    pub(super) fn wrap_ttl(&self) -> Option<&str> {
        self.wrap_ttl.as_deref()
    }

    /// Writes at one stroke. Nobody ever sees the file with other contents, or another mode or owner.
    ///
    /// # Errors
    /// Of the file system.
    pub(super) fn write(&self, contents: &[u8]) -> io::Result<()> {
        private_file::write_with(&self.path, contents, |file| self.finish(file))
    }

    /// The owner first: until the mode is set, the file is its maker's alone.
    fn finish(&self, file: &File) -> io::Result<()> {
        if self.owner.is_some() || self.group.is_some() {
            fchown(file, self.owner, self.group)?;
        }
        file.set_permissions(Permissions::from_mode(self.mode))
    }
}

/// What stands before the last setting, and that setting.
fn last_setting(text: &str) -> Option<(&str, &str, &str)> {
    let (rest, setting) = text.rsplit_once(',')?;
    let (key, value) = setting.split_once('=')?;
    [MODE, OWNER, WRAP_TTL].contains(&key).then_some((rest, key, value))
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| format!("the mode of a sink is octal, as 0640, not {text:?}"))
}

fn owner(text: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let number = |part: &str| match part {
        "" => Ok(None),
        _ => part.parse().map(Some).map_err(|_| format!("the owner of a sink is UID:GID, not {text:?}")),
    };
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    Ok((number(user)?, number(group)?))
}

fn duration(text: &str) -> Result<String, String> {
    let read = GoDuration::parse_field(text, Overflow::Refused);
    read.map_err(|error| format!("the wrap-ttl of a sink, {text:?}, is no duration: {error}"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn what_stands_behind_the_path_says_how() {
        let sink = Sink::parse("file:/run/a,b=c,mode=0640,owner=1:2,wrap-ttl=5m").unwrap();
        assert_eq!(sink.path(), Path::new("/run/a,b=c"));
        assert_eq!((sink.mode, sink.owner, sink.group), (0o640, Some(1), Some(2)));
        assert_eq!(sink.wrap_ttl(), Some("5m"));
        let sink = Sink::parse("file:token").unwrap();
        assert_eq!((sink.mode, sink.owner, sink.group, sink.wrap_ttl()), (0o600, None, None, None));
        assert!(!sink.is_public() && Sink::parse("file:t,mode=0644").unwrap().is_public());
        assert_eq!(Sink::parse("file:t,owner=:7").unwrap().group, Some(7));
        assert_eq!(Sink::parse("file:t,owner=7").unwrap().owner, Some(7));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "token",
            "file:",
            "file:/run/",
            "file:,mode=0600",
            "file:t,mode=999",
            "file:t,mode=01777",
            "file:t,owner=root",
            "file:t,owner=1:2:3",
            "file:t,wrap-ttl=soon",
        ] {
            assert!(Sink::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_has_its_mode_and_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let own = folder.path().metadata().unwrap();
        let text = format!("file:{},mode=0640,owner={}:{}", path.display(), own.uid(), own.gid());
        let sink = Sink::parse(&text).unwrap();
        for contents in ["one", "two"] {
            sink.write(contents.as_bytes()).unwrap();
            let written = path.metadata().unwrap();
            assert_eq!(written.mode() & 0o777, 0o640);
            assert_eq!((written.uid(), written.gid()), (own.uid(), own.gid()));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), contents);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_finished_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "old").unwrap();
        let failed = private_file::write_with(&path, b"new", |_| Err(io::Error::other("not mine to give")));
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
