//! Tells whoever started the agent how it stands: systemd by its socket, others by a file.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};

use crate::command::environment::Environment;
use crate::command::private_file;

/// Where it is told.
pub(super) struct Notifier {
    socket: Option<PathBuf>,
    ready_file: Option<PathBuf>,
}

impl Notifier {
    /// Nobody is told anything yet. A file that another agent left is removed.
    ///
    /// # Errors
    /// There is such a file and it stays.
    pub(super) fn new(environment: Environment, ready_file: Option<&PathBuf>) -> io::Result<Self> {
        let notifier = Self { socket: environment.path("NOTIFY_SOCKET"), ready_file: ready_file.cloned() };
        notifier.remove_file()?;
        Ok(notifier)
    }

    /// There is a token where it is looked for.
    ///
    /// # Errors
    /// Somebody could not be told.
    pub(super) fn ready(&self) -> io::Result<()> {
        if let Some(path) = &self.ready_file {
            private_file::write(path, b"")?;
        }
        self.send("READY=1")
    }

    /// The agent is about to end.
    ///
    /// # Errors
    /// Somebody could not be told.
    pub(super) fn stopping(&self) -> io::Result<()> {
        self.remove_file()?;
        self.send("STOPPING=1")
    }

    fn remove_file(&self) -> io::Result<()> {
        match self.ready_file.as_ref().map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn send(&self, message: &str) -> io::Result<()> {
        let Some(path) = &self.socket else { return Ok(()) };
        UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address(path)?).map(drop)
    }
}

/// A name that starts with `@` is one of the kernel's, not of the file system.
fn address(path: &Path) -> io::Result<SocketAddr> {
    match path.as_os_str().as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(path),
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.remove_file();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn systemd_is_told_by_its_socket_and_others_by_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, file) = (folder.path().join("notify"), folder.path().join("ready"));
        let listener = UnixDatagram::bind(&socket).unwrap();
        fs::write(&file, "left behind").unwrap();
        let mut notifier = Notifier::new(Environment::of(|_| None), Some(&file)).unwrap();
        notifier.socket = Some(socket);
        assert!(!file.exists());
        notifier.ready().unwrap();
        assert!(file.exists());
        assert_eq!(received(&listener), "READY=1");
        notifier.stopping().unwrap();
        assert!(!file.exists());
        assert_eq!(received(&listener), "STOPPING=1");
    }

    #[test]
    fn the_socket_may_be_one_of_the_kernels() {
        let name = format!("@vault-plugin-auth-aws-{}", std::process::id());
        let listener = UnixDatagram::bind_addr(&address(Path::new(&name)).unwrap()).unwrap();
        let notifier = Notifier { socket: Some(name.into()), ready_file: None };
        notifier.ready().unwrap();
        assert_eq!(received(&listener), "READY=1");
    }

    #[test]
    fn where_nobody_listens_nothing_is_said() {
        let notifier = Notifier::new(Environment::of(|_| None), None).unwrap();
        notifier.ready().unwrap();
        notifier.stopping().unwrap();
    }
}
