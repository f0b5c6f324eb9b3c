//! Where both sides of a plugin's connections put their sockets.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Folders with longer names would leave no room for socket names.
const FOLDER_LIMIT: usize = 60;

/// The host's own temporary folder, removed with it.
pub struct Folders {
    root: TempDir,
}

impl Folders {
    pub(super) fn new() -> Self {
        let parent = std::env::temp_dir();
        let parent = if parent.as_os_str().len() <= FOLDER_LIMIT { parent } else { PathBuf::from("/tmp") };
        let root = tempfile::Builder::new().prefix("vp").tempdir_in(parent).expect("a temporary folder");
        let folders = Self { root };
        std::fs::create_dir(folders.plugin()).expect("a folder");
        std::fs::create_dir(folders.host()).expect("a folder");
        folders
    }

    /// The folder of both.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The plugin's temporary folder.
    #[must_use]
    pub fn plugin(&self) -> PathBuf {
        self.root.path().join("p")
    }

    /// Where the host's sockets are.
    #[must_use]
    pub fn host(&self) -> PathBuf {
        self.root.path().join("h")
    }
}
