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

/// Shown for `--help`.
pub(crate) const HELP: &str = "\
The AWS auth method for HashiCorp Vault and OpenBao, as an external plugin.

A server starts this program itself, once it is in its plugin_directory and registered in its plugin
catalog. In that folder, for Vault (for OpenBao say bao):

    SHA256=$(sha256sum vault-plugin-auth-aws | cut -d' ' -f1)
    vault plugin register -sha256=\"$SHA256\" -command=vault-plugin-auth-aws auth aws
    vault auth enable aws

With OpenBao, the command is bao.

Options:
    -h, --help    Print this text
    --version     Print name and version

Other arguments are accepted and ignored.
";

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
