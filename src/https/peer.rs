//! The other end of a connection, as error texts name it.

use std::fmt;

/// Who is connected to, and through which proxy.
pub(super) struct Peer {
    /// Host and port.
    pub(super) address: String,
    /// Host and port of the proxy. Its credentials are not part of it.
    pub(super) proxy: Option<String>,
}

impl Peer {
    pub(super) fn is_behind_proxy(&self) -> bool {
        self.proxy.is_some()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)?;
        match &self.proxy {
            Some(proxy) => write!(f, " through proxy {proxy}"),
            None => Ok(()),
        }
    }
}
