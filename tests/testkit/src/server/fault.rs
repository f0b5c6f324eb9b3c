//! What can befall a server of a cluster.

use super::process::{pause, refuse_writes, resume};
use super::remote::Remote;
use super::vault::Server;

impl Server {
    /// A client of it that takes failures as they come, and outlasts its restarts.
    pub fn remote(&self) -> Remote {
        Remote::new(self.http.clone())
    }

    /// Whether its process has ended.
    pub fn is_dead(&mut self) -> bool {
        self.process.exit_status().is_some()
    }

    /// Lets the server, but not its plugins, stand still until [`Server::resume`].
    pub fn pause(&self) {
        pause(self.id());
    }

    /// Ends [`Server::pause`].
    pub fn resume(&self) {
        resume(self.id());
    }

    /// Until it is started anew, nothing that the server writes to a file is taken. The error says why that
    /// cannot be.
    pub fn refuse_writes(&self) -> Result<(), String> {
        refuse_writes(self.id())
    }

    /// Fills the volume of its entries. The error says why that cannot be.
    pub fn fill_volume(&self) -> Result<(), String> {
        self.volume.as_ref().map(super::volume::Volume::fill).map_err(Clone::clone)
    }

    /// Ends [`Server::fill_volume`].
    pub fn free_volume(&self) {
        if let Ok(volume) = &self.volume {
            volume.free();
        }
    }
}
