//! Ports where nobody answers.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};

use tokio::net::TcpSocket;

/// Accepts connections and never answers.
pub struct SilentListener {
    address: SocketAddr,
    // Connections queue in the listener's backlog: they stand, and nobody reads them.
    _listener: StdListener,
}

impl SilentListener {
    /// On a free loopback port.
    pub fn start() -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        Self { address: listener.local_addr().expect("a bound address"), _listener: listener }
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Refuses connections: the port is taken, and nobody listens.
pub struct RefusingPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl RefusingPort {
    /// On a free loopback port. Needs no runtime.
    pub fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free loopback port");
        Self { address: socket.local_addr().expect("a bound address"), _socket: socket }
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
