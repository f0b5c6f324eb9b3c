//! The sockets of a host, which end with it.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::net::UnixStream;

use super::guarded::Guarded;

/// The sockets a host has open towards its plugin, so that all can be cut at once.
#[derive(Default)]
pub struct Links {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    sockets: HashMap<u64, std::os::unix::net::UnixStream>,
    next: u64,
    cut: bool,
}

impl Links {
    /// Connects to a Unix socket.
    ///
    /// # Errors
    /// What the operating system says; not connected once the links were cut.
    pub fn connect(self: &Arc<Self>, path: &Path) -> io::Result<Socket> {
        self.adopt(std::os::unix::net::UnixStream::connect(path)?)
    }

    /// Takes an accepted socket into the set.
    ///
    /// # Errors
    /// As [`Links::connect`].
    pub fn accepted(self: &Arc<Self>, socket: UnixStream) -> io::Result<Socket> {
        self.adopt(socket.into_std()?)
    }

    fn adopt(self: &Arc<Self>, socket: std::os::unix::net::UnixStream) -> io::Result<Socket> {
        let mut open = self.open.lock().unwrap();
        if open.cut {
            return Err(io::ErrorKind::NotConnected.into());
        }
        socket.set_nonblocking(true)?;
        let id = open.next;
        open.next += 1;
        open.sockets.insert(id, socket.try_clone()?);
        let guard = Link { id, links: Arc::clone(self) };
        Ok(Guarded::new(UnixStream::from_std(socket)?, guard))
    }

    /// Ends every connection, as the death of the host does, and refuses new ones.
    pub fn cut(&self) {
        let mut open = self.open.lock().unwrap();
        open.cut = true;
        for socket in open.sockets.values() {
            // Fails only if the peer has closed it already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// A socket of the set; the set's handle to it is closed with it.
pub(super) type Socket = Guarded<UnixStream, Link>;

/// Membership in [`Links`].
pub struct Link {
    id: u64,
    links: Arc<Links>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.links.open.lock().unwrap().sockets.remove(&self.id);
    }
}
