//! The line a plugin prints on standard output, read strictly.

use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;

/// A longer path cannot be bound or dialled on Linux (`sockaddr_un`, with its closing zero).
const SOCKET_PATH_LIMIT: usize = 107;

/// Where the plugin listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Path of a Unix socket.
    Unix(PathBuf),
    /// Loopback address.
    Tcp(SocketAddr),
}

/// The parts of a handshake line.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The whole line.
    pub raw: String,
    /// Application protocol version.
    pub protocol_version: u32,
    /// Where to connect.
    pub address: Address,
    /// The plugin's certificate; `None` without TLS.
    pub certificate: Option<CertificateDer<'static>>,
    /// The seventh segment, if there is one.
    pub multiplexed_broker: Option<bool>,
}

impl Handshake {
    /// Reads a line.
    ///
    /// # Errors
    /// What a host would refuse, in words.
    pub fn parse(line: &str) -> Result<Self, String> {
        let segments: Vec<&str> = line.trim().split('|').collect();
        let (core, app, network, address, protocol, certificate, multiplexed) = match segments.as_slice() {
            [core, app, network, address, protocol, certificate] => {
                (core, app, network, address, protocol, certificate, None)
            }
            [core, app, network, address, protocol, certificate, multiplexed] => {
                (core, app, network, address, protocol, certificate, Some(*multiplexed))
            }
            _ => return Err(format!("{} segments in {line:?}", segments.len())),
        };
        if *core != "1" {
            return Err(format!("core protocol {core:?}"));
        }
        if *protocol != "grpc" {
            return Err(format!("protocol {protocol:?}"));
        }
        let address = match *network {
            "unix" if address.len() > SOCKET_PATH_LIMIT => {
                return Err(format!("socket path of {} bytes: {address}", address.len()));
            }
            "unix" => Address::Unix(PathBuf::from(address)),
            "tcp" => Address::Tcp(address.parse().map_err(|error| format!("address {address:?}: {error}"))?),
            other => return Err(format!("network {other:?}")),
        };
        let certificate = if certificate.is_empty() {
            None
        } else {
            // The host decodes the unpadded standard alphabet and nothing else.
            let der = STANDARD_NO_PAD
                .decode(certificate)
                .map_err(|error| format!("certificate {certificate:?}: {error}"))?;
            Some(CertificateDer::from(der))
        };
        let multiplexed_broker = match multiplexed {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => return Err(format!("multiplexing {other:?}")),
        };
        Ok(Self {
            raw: line.to_owned(),
            protocol_version: app.parse().map_err(|_| format!("application protocol {app:?}"))?,
            address,
            certificate,
            multiplexed_broker,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_read() {
        let handshake = Handshake::parse("1|5|unix|/tmp/plugin1|grpc|QUJD\n").unwrap();
        assert_eq!(handshake.protocol_version, 5);
        assert_eq!(handshake.address, Address::Unix("/tmp/plugin1".into()));
        assert_eq!(handshake.certificate.as_deref(), Some(&b"ABC"[..]));
        assert_eq!(handshake.multiplexed_broker, None);
        let plain = Handshake::parse("1|3|unix|/tmp/plugin1|grpc||true").unwrap();
        assert!(plain.certificate.is_none());
        assert_eq!(plain.multiplexed_broker, Some(true));
    }

    #[test]
    fn what_a_host_refuses_is_refused() {
        for line in [
            "1|5|unix|/tmp/plugin1",
            "1|5|unix|/tmp/plugin1|grpc",
            "2|5|unix|/tmp/plugin1|grpc|",
            "1|5|udp|/tmp/plugin1|grpc|",
            "1|5|unix|/tmp/plugin1|netrpc|",
            "1|five|unix|/tmp/plugin1|grpc|",
            "1|5|unix|/tmp/plugin1|grpc|QQ==",
            "1|5|unix|/tmp/plugin1|grpc|-_-_",
            "1|5|unix|/tmp/plugin1|grpc||maybe",
        ] {
            assert!(Handshake::parse(line).is_err(), "{line}");
        }
    }
}
