//! What the plugin prints before it speaks gRPC.

use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;

/// Printed to standard error when no host started the process; the text of all Go plugins.
pub(crate) const NOTICE: &str = "\
This binary is a plugin. These are not meant to be executed directly.
Please execute the program that consumes these plugins, which will
load any plugins automatically
";

const CORE_PROTOCOL: u32 = 1;
/// The multiplexing version of the backend protocol, the only one spoken here.
const APP_PROTOCOL: u32 = 5;

/// The one line by which the host learns how to connect.
pub(crate) struct HandshakeLine<'a> {
    /// Socket path.
    pub(crate) socket: &'a Path,
    /// The plugin's certificate; none when serving without TLS.
    pub(crate) certificate: Option<&'a CertificateDer<'a>>,
    /// Whether to say that connections can be multiplexed.
    pub(crate) multiplexing: bool,
}

impl HandshakeLine<'_> {
    /// Writes the line, which must be the first and only thing on standard output.
    pub(crate) fn print(&self, output: &mut impl Write) -> io::Result<()> {
        output.write_all(self.to_line().as_bytes())?;
        output.flush()
    }

    fn to_line(&self) -> String {
        // The host decodes without padding and fails on any.
        let certificate = self.certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
        let multiplexing = if self.multiplexing { "|true" } else { "" };
        format!(
            "{CORE_PROTOCOL}|{APP_PROTOCOL}|unix|{}|grpc|{certificate}{multiplexing}\n",
            self.socket.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(certificate: Option<&[u8]>, multiplexing: bool) -> String {
        let certificate = certificate.map(CertificateDer::from);
        let line = HandshakeLine {
            socket: Path::new("/tmp/plugin1"),
            certificate: certificate.as_ref(),
            multiplexing,
        };
        let mut output = Vec::new();
        line.print(&mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn has_six_segments() {
        assert_eq!(line(Some(b"\xfb\xff\xfe\xff"), false), "1|5|unix|/tmp/plugin1|grpc|+//+/w\n");
    }

    #[test]
    fn keeps_the_empty_certificate_segment_without_tls() {
        assert_eq!(line(None, false), "1|5|unix|/tmp/plugin1|grpc|\n");
    }

    #[test]
    fn gets_a_seventh_segment_on_demand() {
        assert_eq!(line(None, true), "1|5|unix|/tmp/plugin1|grpc||true\n");
    }
}
