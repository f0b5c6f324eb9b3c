//! Files that only their owner reads, written at one stroke.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use vault_plugin_auth_aws::ports::{Random, SystemRandom};

/// Writes a file of mode 0600. Whoever reads it at that moment has the old or the new contents. A symbolic
/// link stays one.
///
/// # Errors
/// Of the file system.
pub(crate) fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    write_with(path, contents, |_| Ok(()))
}

/// As [`write()`], after something has been done to the new file, which has the mode 0600 until then.
///
/// # Errors
/// Of the file system, or of `finish`; the file is as it was.
pub(crate) fn write_with(
    path: &Path,
    contents: &[u8],
    finish: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    // Without a target there is no link to keep.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let written = Written::beside(&target, contents, finish)?;
    fs::rename(&written.path, &target)
}

/// Writes a file of mode 0600 unless there is one.
///
/// # Errors
/// Of the file system; [`io::ErrorKind::AlreadyExists`] if there is one.
pub(crate) fn create(path: &Path, contents: &[u8]) -> io::Result<()> {
    let written = Written::beside(path, contents, |_| Ok(()))?;
    fs::hard_link(&written.path, path)
}

/// Makes a folder that only its owner may enter, with those above it.
///
/// # Errors
/// Of the file system.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A file beside the one it will become; gone at the end of its life if it did not.
struct Written {
    path: PathBuf,
}

impl Written {
    fn beside(
        target: &Path,
        contents: &[u8],
        finish: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut number = [0; 8];
        if !SystemRandom::default().fill(&mut number) {
            return Err(io::Error::other("no random number for the name of a file"));
        }
        let name = target.file_name().ok_or_else(|| io::Error::other("it has no name"))?;
        let mut own = std::ffi::OsString::from(".");
        own.push(name);
        own.push(format!(".{:016x}", u64::from_ne_bytes(number)));
        let path = target.with_file_name(own);
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let written = Self { path };
        file.write_all(contents)?;
        finish(&file)?;
        file.sync_all()?;
        Ok(written)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // After a rename it is not there any more.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_and_private_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new".to_vec(), 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_link_points_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("token"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        symlink(&path, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn what_is_there_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nonce");
        create(&path, b"first").unwrap();
        assert_eq!(create(&path, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"first".to_vec(), 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
