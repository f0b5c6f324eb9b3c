//! Connections from the plugin back to the host, to the services behind a broker id.

use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};

use super::broker::Broker;
use super::channel::{Channel, ConnectError};
use super::dial_error::DialError;
use super::multiplexed_broker::MultiplexedDialer;
use super::peer_stream::PeerStream;
use super::tls::PeerTls;
use crate::plugin::wire::protocol::plugin::ConnInfo;

/// Reaches the services of the host.
#[derive(Clone)]
pub(crate) enum Dialer {
    /// Each service has a socket of its own, announced by the broker.
    Direct {
        /// Who hears the announcements.
        broker: Arc<Broker>,
        /// TLS, unless the plugin serves without.
        tls: Option<Arc<PeerTls>>,
    },
    /// All services are streams of one socket.
    Multiplexed(MultiplexedDialer),
}

impl Dialer {
    /// A channel to the services behind a broker id. It connects anew by itself.
    pub(crate) async fn open(&self, broker_id: u32) -> Result<Channel, DialError> {
        match self.clone() {
            Self::Direct { broker, tls } => {
                let info = broker.announced(broker_id).await.ok_or(DialError::NotAnnounced)?;
                let address = Arc::new(Address::parse(info)?);
                open_channel(move || connect_direct(address.clone(), tls.clone())).await
            }
            Self::Multiplexed(dialer) => open_channel(move || dialer.clone().dial(broker_id)).await,
        }
    }
}

/// Where the host listens.
#[derive(Debug, PartialEq, Eq)]
enum Address {
    Unix(String),
    Tcp(String),
}

impl Address {
    fn parse(info: ConnInfo) -> Result<Self, DialError> {
        match info.network.as_str() {
            "unix" => Ok(Self::Unix(info.address)),
            "tcp" => Ok(Self::Tcp(info.address)),
            _ => Err(DialError::UnknownNetwork(info.network)),
        }
    }
}

async fn connect_direct(address: Arc<Address>, tls: Option<Arc<PeerTls>>) -> Result<PeerStream, DialError> {
    let socket = match &*address {
        Address::Unix(path) => UnixStream::connect(path).await.map(PeerStream::new),
        Address::Tcp(address) => TcpStream::connect(address).await.map(PeerStream::new),
    };
    let socket = socket.map_err(DialError::Socket)?;
    match tls {
        Some(tls) => tls.connect(socket).await.map_err(DialError::Handshake),
        None => Ok(socket),
    }
}

async fn open_channel<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Result<Channel, DialError>
where
    F: Future<Output = Result<PeerStream, DialError>> + Send + 'static,
{
    let channel = Channel::new(connect);
    channel.connect().await.map(|()| channel).map_err(|error| match &*error {
        ConnectError::Dial(DialError::TimedOut) => DialError::TimedOut,
        error => DialError::Channel(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::process::lifecycle::Lifecycle;

    #[test]
    fn unknown_networks_are_refused() {
        let info = |network: &str| ConnInfo {
            network: network.to_owned(),
            address: "a".to_owned(),
            ..ConnInfo::default()
        };
        assert_eq!(Address::parse(info("unix")).unwrap(), Address::Unix("a".to_owned()));
        assert_eq!(Address::parse(info("tcp")).unwrap(), Address::Tcp("a".to_owned()));
        let refused = Address::parse(info("pipe")).unwrap_err().to_string();
        assert_eq!(refused, "unknown network in connection info: \"pipe\"");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_never_announced_is_an_error() {
        let dialer = Dialer::Direct { broker: Broker::new(Lifecycle::new()), tls: None };
        let error = dialer.open(1).await.unwrap_err().to_string();
        assert_eq!(error, "timeout waiting for connection info");
    }

    #[tokio::test]
    async fn an_address_nobody_listens_on_is_an_error() {
        let connect = || connect_direct(Arc::new(Address::Unix("/nonexistent".to_owned())), None);
        let error = open_channel(connect).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot connect to the server: No such file"), "{error}");
    }
}
