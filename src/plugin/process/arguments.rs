//! The command line. A host passes whatever stands in its catalog; Go plugins take TLS flags for an
//! old protocol version, so unknown arguments are accepted and mean nothing.

use std::ffi::OsStr;

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Serve a host.
    Serve,
    /// Print name and version.
    Version,
    /// Print how to install the plugin.
    Help,
}

/// How a server comes to start this program; its commands are typed as they stand here.
const REGISTERING: &str = include_str!("registering.txt");

/// Shown for `--help` by a binary without its client, and to whoever sets a host's variables.
pub(crate) fn help() -> String {
    format!(
        "The AWS auth method for HashiCorp Vault and OpenBao, as an external plugin.

{REGISTERING}
Options:
    -h, --help    Print this text
    --version     Print name and version

Other arguments are accepted and ignored.
"
    )
}

/// Reads the arguments after the program's name.
pub(crate) fn command<I>(arguments: I) -> Command
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    for argument in arguments {
        match argument.as_ref().to_str() {
            Some("--version" | "-version") => return Command::Version,
            Some("--help" | "-help" | "-h") => return Command::Help,
            _ => {}
        }
    }
    Command::Serve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_help_are_known_in_both_spellings() {
        for argument in ["--version", "-version"] {
            assert_eq!(command([argument]), Command::Version);
        }
        for argument in ["--help", "-help", "-h"] {
            assert_eq!(command([argument]), Command::Help);
        }
    }

    #[test]
    fn flags_of_go_plugins_are_ignored() {
        assert_eq!(command([] as [&str; 0]), Command::Serve);
        assert_eq!(
            command(["-ca-cert", "/ca.pem", "--ca-path=/ca", "-tls-skip-verify", "-tls-server-name=x"]),
            Command::Serve
        );
    }
}
