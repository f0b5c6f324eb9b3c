//! Where a token goes: where the host's own command line looks for it.
//!
//! The token tells which host it is of. OpenBao's command line reads `~/.bao` and knows the variable
//! `BAO_TOKEN_PATH`, Vault's reads `~/.vault`; both let a token helper keep the token, and without one
//! keep it in `~/.vault-token`.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cli_config;
use super::environment::Environment;
use super::exit::Failure;
use super::private_file;

/// A place for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenStore {
    /// A file.
    File(PathBuf),
    /// A program that keeps tokens.
    Helper(PathBuf),
}

/// Whose tokens these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// OpenBao, or a Vault so old that its tokens look like OpenBao's.
    OpenBao,
    /// Vault.
    Vault,
}

impl Host {
    /// The host that makes tokens of this form.
    pub(crate) fn of_token(token: &str) -> Self {
        if token.starts_with("hvs.") || token.starts_with("hvb.") { Self::Vault } else { Self::OpenBao }
    }

    /// Name of its command line.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::OpenBao => "bao",
            Self::Vault => "vault",
        }
    }

    /// The variable with which its command line takes a token.
    pub(crate) fn token_variable(self) -> &'static str {
        match self {
            Self::OpenBao => "BAO_TOKEN",
            Self::Vault => "VAULT_TOKEN",
        }
    }
}

impl fmt::Display for TokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Helper(program) => write!(f, "the token helper {}", program.display()),
        }
    }
}

impl TokenStore {
    /// The place where this host's command line looks.
    ///
    /// # Errors
    /// Its configuration cannot be read, or there is no home folder.
    pub(crate) fn of_host(host: Host, environment: Environment) -> Result<Self, Failure> {
        if let Some(helper) = configured_helper(host, environment)? {
            return Ok(Self::Helper(helper));
        }
        let named = match host {
            Host::OpenBao => environment.host_setting("TOKEN_PATH").map(PathBuf::from),
            Host::Vault => None,
        };
        let file = named.or_else(|| environment.home().map(|home| home.join(".vault-token")));
        file.map(Self::File).ok_or_else(|| {
            Failure::Usage("without HOME there is no place for the token; -no-store prints it".to_owned())
        })
    }

    /// Keeps a token.
    ///
    /// # Errors
    /// It is not kept.
    pub(crate) fn keep(&self, token: &str, server: &str) -> Result<(), Failure> {
        match self {
            Self::File(path) => private_file::write(path, token.as_bytes()).map_err(|error| {
                Failure::Usage(format!("the token file {} cannot be written: {error}", path.display()))
            }),
            Self::Helper(program) => run_helper(program, token, server).map_err(|error| {
                Failure::Usage(format!(
                    "the token helper {} does not keep the token: {error}",
                    program.display()
                ))
            }),
        }
    }
}

fn configured_helper(host: Host, environment: Environment) -> Result<Option<PathBuf>, Failure> {
    let (named, own) = match host {
        Host::OpenBao => (environment.host_setting("CONFIG_PATH").map(PathBuf::from), ".bao"),
        Host::Vault => (environment.path("VAULT_CONFIG_PATH"), ".vault"),
    };
    let Some(path) = named.or_else(|| environment.home().map(|home| home.join(own))) else { return Ok(None) };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::Usage(format!("{} cannot be read: {error}", path.display()))),
    };
    let helper = cli_config::token_helper(&text).map_err(|why| {
        Failure::Usage(format!(
            "{} is no configuration of {}'s command line: {why}",
            path.display(),
            host.command()
        ))
    })?;
    let Some(helper) = helper else { return Ok(None) };
    match std::path::absolute(&helper) {
        Ok(program) if program.is_file() => Ok(Some(program)),
        _ => Err(Failure::Usage(format!(
            "{} names the token helper {helper:?}, which is not there",
            path.display()
        ))),
    }
}

/// Runs `helper store` with the token on its standard input.
fn run_helper(program: &Path, token: &str, server: &str) -> io::Result<()> {
    let mut child = Command::new(program)
        .arg("store")
        .env("VAULT_ADDR", server)
        .env("BAO_ADDR", server)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(token.as_bytes()) {
            // It may have ended without reading; how it ended tells.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{}: {}", output.status, said.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_its_host() {
        assert_eq!(Host::of_token("hvs.CAESI"), Host::Vault);
        assert_eq!(Host::of_token("hvb.AAAAA"), Host::Vault);
        assert_eq!(Host::of_token("s.CAESI"), Host::OpenBao);
    }

    #[test]
    fn without_a_helper_it_is_a_file() {
        let environment = Environment::of(|name| match name {
            "HOME" => Some("/no/such/home".into()),
            "VAULT_TOKEN_PATH" => Some("/run/token".into()),
            _ => None,
        });
        let store = |host| TokenStore::of_host(host, environment);
        assert_eq!(store(Host::Vault), Ok(TokenStore::File("/no/such/home/.vault-token".into())));
        assert_eq!(store(Host::OpenBao), Ok(TokenStore::File("/run/token".into())));
        assert!(TokenStore::of_host(Host::Vault, Environment::of(|_| None)).is_err());
    }
}
