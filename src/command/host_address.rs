//! Which server is spoken to, and how: the options and environment variables of the hosts' own tools.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use http::{HeaderName, HeaderValue, Uri};
use vault_plugin_auth_aws::go::{GoDuration, Overflow};
use vault_plugin_auth_aws::https::{Authorities, ClientCertificate, ServerTls};
use zeroize::Zeroizing;

use super::environment::Environment;
use super::exit::Failure;

const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_RETRIES: u32 = 2;

/// A server, and what is said to it with every request.
#[derive(Clone, Debug)]
pub(crate) struct HostAddress {
    /// Scheme, host, port and a path before `/v1/`, without a slash at the end.
    pub(crate) url: String,
    /// Namespace; empty for that at the root.
    pub(crate) namespace: String,
    /// Further headers.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// How the answer is wrapped, if it is: the text of the option.
    pub(crate) wrap_ttl: Option<String>,
    /// Whether one redirect is followed.
    pub(crate) follows_redirect: bool,
    /// Longest time for one request.
    pub(crate) timeout: Duration,
    /// How often a request is made again after it was not answered, or with a server error.
    pub(crate) retries: u32,
    /// TLS.
    pub(crate) tls: ServerTls,
    /// A proxy for this server alone.
    pub(crate) proxy: Option<String>,
}

/// The options.
pub(crate) fn arguments() -> Vec<Arg> {
    let heading = "Server";
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).help_heading(heading)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help).help_heading(heading)
    };
    vec![
        option("address", "URL", "The server [env: BAO_ADDR, VAULT_ADDR; default: https://127.0.0.1:8200]"),
        option(
            "agent-address",
            "URL",
            "An agent or proxy in front of it, which is asked instead [env: BAO_AGENT_ADDR, VAULT_AGENT_ADDR]",
        ),
        option("namespace", "PATH", "Namespace [env: BAO_NAMESPACE, VAULT_NAMESPACE]").visible_alias("ns"),
        option(
            "ca-cert",
            "FILE",
            "Trust the certificates of this PEM file alone [env: BAO_CACERT, VAULT_CACERT]",
        ),
        option(
            "ca-path",
            "DIR",
            "Trust those of the PEM files of this folder [env: BAO_CAPATH, VAULT_CAPATH]",
        ),
        option("client-cert", "FILE", "Certificate to show, PEM [env: BAO_CLIENT_CERT, VAULT_CLIENT_CERT]"),
        option("client-key", "FILE", "Its private key, PEM [env: BAO_CLIENT_KEY, VAULT_CLIENT_KEY]"),
        option(
            "tls-server-name",
            "NAME",
            "Whose certificate the server must have [env: BAO_TLS_SERVER_NAME, VAULT_TLS_SERVER_NAME]",
        ),
        switch(
            "tls-skip-verify",
            "Trust whoever answers, who then has the login [env: BAO_SKIP_VERIFY, VAULT_SKIP_VERIFY]",
        ),
        option("header", "NAME=VALUE", "A further header, any number of times").action(ArgAction::Append),
        option("mfa", "METHOD:VALUE", "Second factor, for the X-Vault-MFA header [env: BAO_MFA, VAULT_MFA]")
            .action(ArgAction::Append),
        option(
            "wrap-ttl",
            "DURATION",
            "Have the answer wrapped, for so long [env: BAO_WRAP_TTL, VAULT_WRAP_TTL]",
        ),
        switch(
            "disable-redirects",
            "Follow no redirect; by default one is followed [env: BAO_DISABLE_REDIRECTS, VAULT_DISABLE_REDIRECTS]",
        ),
    ]
}

impl HostAddress {
    /// As options and environment say; the options win.
    ///
    /// # Errors
    /// What is said cannot be.
    pub(crate) fn read(matches: &ArgMatches, environment: Environment) -> Result<Self, Failure> {
        let option = |name: &str| matches.get_one::<String>(name).filter(|value| !value.is_empty()).cloned();
        let setting =
            |option_name: &str, name: &str| option(option_name).or_else(|| environment.host_setting(name));
        let switch = |option_name: &str, name: &str| -> Result<bool, Failure> {
            Ok(matches.get_flag(option_name) || truth(environment, name)?)
        };
        let url = option("agent-address")
            .or_else(|| option("address"))
            .or_else(|| environment.host_setting("AGENT_ADDR"))
            .or_else(|| environment.host_setting("ADDR"))
            .unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let mut headers = Vec::new();
        for text in matches.get_many::<String>("header").into_iter().flatten() {
            headers.push(header(text)?);
        }
        let factors: Vec<String> = match matches.get_many::<String>("mfa") {
            Some(factors) => factors.cloned().collect(),
            None => environment.host_setting("MFA").into_iter().collect(),
        };
        for factor in factors {
            let value = HeaderValue::from_str(&factor).map_err(|_| {
                Failure::Usage("the second factor (-mfa) holds characters that no header can".to_owned())
            })?;
            headers.push((HeaderName::from_static("x-vault-mfa"), value));
        }
        let namespace = setting("namespace", "NAMESPACE").unwrap_or_default().trim_matches('/').to_owned();
        let wrap_ttl = setting("wrap-ttl", "WRAP_TTL");
        if let Some(text) = &wrap_ttl {
            GoDuration::parse_field(text, Overflow::Refused)
                .map_err(|error| Failure::Usage(format!("-wrap-ttl {text:?} is no duration: {error}")))?;
        }
        Ok(Self {
            url: checked_url(&url)?,
            namespace,
            headers,
            wrap_ttl,
            follows_redirect: !switch("disable-redirects", "DISABLE_REDIRECTS")?,
            timeout: timeout(environment)?,
            retries: retries(environment)?,
            tls: ServerTls {
                authorities: authorities(&option, environment),
                client_certificate: client_certificate(&setting, environment)?,
                server_name: setting("tls-server-name", "TLS_SERVER_NAME"),
                skip_verify: switch("tls-skip-verify", "SKIP_VERIFY")?,
            },
            proxy: environment.host_setting("PROXY_ADDR").or_else(|| environment.host_setting("HTTP_PROXY")),
        })
    }
}

fn checked_url(text: &str) -> Result<String, Failure> {
    let refused = |why: &str| Failure::Usage(format!("the address of the server {text:?} {why}"));
    if text.contains('@') {
        return Err(Failure::Usage(
            "the address of the server has a user name, which is not supported".to_owned(),
        ));
    }
    let uri: Uri = text.parse().map_err(|_| refused("is no URL"))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => {}
        Some("unix") => {
            return Err(refused("is a unix socket, which is not supported; give http:// or https://"));
        }
        _ => return Err(refused("is no URL that starts with http:// or https://")),
    }
    if uri.query().is_some() || text.contains('#') {
        return Err(refused("has a query or fragment"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| Failure::Usage("-header wants NAME=VALUE".to_owned()))?;
    if name.to_ascii_lowercase().starts_with("x-vault-") {
        return Err(Failure::Usage(format!("-header {name}: headers of the server's own cannot be given")));
    }
    match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(Failure::Usage(format!("-header {name:?} is no header"))),
    }
}

fn truth(environment: Environment, name: &str) -> Result<bool, Failure> {
    match environment.host_setting(name).as_deref() {
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some(_) => Err(Failure::Usage(format!(
            "the environment variable {name} of the server is neither true nor false"
        ))),
    }
}

fn timeout(environment: Environment) -> Result<Duration, Failure> {
    let Some(text) = environment.host_setting("CLIENT_TIMEOUT") else { return Ok(DEFAULT_TIMEOUT) };
    let parsed =
        GoDuration::parse_field(&text, Overflow::Refused).ok().filter(|duration| duration.is_positive());
    let nanos = parsed.and_then(|duration| u64::try_from(duration.0).ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| {
        Failure::Usage(format!("the client timeout {text:?} of the environment is no duration"))
    })
}

fn retries(environment: Environment) -> Result<u32, Failure> {
    let Some(text) = environment.host_setting("MAX_RETRIES") else { return Ok(DEFAULT_RETRIES) };
    text.parse().map_err(|_| {
        Failure::Usage(format!("the number of retries {text:?} of the environment is no number"))
    })
}

/// Options before variables, a text before a file before a folder.
fn authorities(option: &dyn Fn(&str) -> Option<String>, environment: Environment) -> Authorities {
    let file = |path: String| Authorities::File(PathBuf::from(path));
    let folder = |path: String| Authorities::Directory(PathBuf::from(path));
    option("ca-cert")
        .map(file)
        .or_else(|| option("ca-path").map(folder))
        .or_else(|| environment.host_setting("CACERT_BYTES").map(|pem| Authorities::Pem(pem.into_bytes())))
        .or_else(|| environment.host_setting("CACERT").map(file))
        .or_else(|| environment.host_setting("CAPATH").map(folder))
        .unwrap_or_default()
}

fn client_certificate(
    setting: &dyn Fn(&str, &str) -> Option<String>,
    environment: Environment,
) -> Result<Option<ClientCertificate>, Failure> {
    let certificates = setting("client-cert", "CLIENT_CERT");
    let key = setting("client-key", "CLIENT_KEY");
    let read = |what: &str, path: &str| {
        std::fs::read(path)
            .map_err(|error| Failure::Usage(format!("the {what} {path} cannot be read: {error}")))
    };
    match (certificates, key) {
        (Some(certificates), Some(key)) => Ok(Some(ClientCertificate {
            certificates: read("client certificate", &certificates)?,
            key: Zeroizing::new(read("key of the client certificate", &key)?),
        })),
        (None, None) => {
            let certificates = environment.host_setting("CLIENT_CERT_BYTES");
            let key = environment.host_setting("CLIENT_KEY_BYTES");
            Ok(certificates.zip(key).map(|(certificates, key)| ClientCertificate {
                certificates: certificates.into_bytes(),
                key: Zeroizing::new(key.into_bytes()),
            }))
        }
        _ => Err(Failure::Usage(
            "a client certificate and its key go together: -client-cert and -client-key".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Command;

    use super::*;

    fn read(options: &[&str], lookup: fn(&str) -> Option<OsString>) -> Result<HostAddress, String> {
        let command = Command::new("test").args(arguments());
        let matches = command.get_matches_from(std::iter::once("test").chain(options.iter().copied()));
        HostAddress::read(&matches, Environment::of(lookup)).map_err(|error| error.to_string())
    }

    #[test]
    fn without_anything_it_is_the_server_of_this_machine() {
        let address = read(&[], |_| None).unwrap();
        assert_eq!(address.url, "https://127.0.0.1:8200");
        assert_eq!((address.namespace.as_str(), address.wrap_ttl), ("", None));
        assert!(address.follows_redirect && !address.tls.skip_verify);
        assert_eq!(address.tls.authorities, Authorities::System);
        assert_eq!((address.timeout, address.retries), (Duration::from_secs(60), 2));
    }

    #[test]
    fn options_win_over_variables_and_those_of_openbao_over_those_of_vault() {
        fn variables(name: &str) -> Option<OsString> {
            let value = match name {
                "BAO_ADDR" => "http://bao:1/",
                "VAULT_ADDR" => "http://vault:2",
                "VAULT_NAMESPACE" => "team/",
                "VAULT_CACERT" => "/ca.pem",
                "BAO_CAPATH" => "/ca",
                "VAULT_SKIP_VERIFY" => "true",
                "VAULT_CLIENT_TIMEOUT" => "5",
                "BAO_MAX_RETRIES" => "0",
                "VAULT_AGENT_ADDR" => "",
                _ => return None,
            };
            Some(value.into())
        }
        let address = read(&[], variables).unwrap();
        assert_eq!((address.url.as_str(), address.namespace.as_str()), ("http://bao:1", "team"));
        assert_eq!(address.tls.authorities, Authorities::File("/ca.pem".into()));
        assert!(address.tls.skip_verify);
        assert_eq!((address.timeout, address.retries), (Duration::from_secs(5), 0));

        let address = read(&["--address=http://here", "--ca-path=/here", "--ns=x/y"], variables).unwrap();
        assert_eq!((address.url.as_str(), address.namespace.as_str()), ("http://here", "x/y"));
        assert_eq!(address.tls.authorities, Authorities::Directory("/here".into()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (options, text) in [
            (["--address=vault:8200"], "no URL"),
            (["--address=unix:///run/agent.sock"], "no URL"),
            (["--address=http://user:s3cret@vault"], "user name"),
            (["--address=http://vault?x"], "query"),
            (["--header=X-Vault-Token=x"], "X-Vault-Token"),
            (["--wrap-ttl=soon"], "no duration"),
            (["--client-cert=/x"], "go together"),
        ] {
            let refusal = read(&options, |_| None).unwrap_err();
            assert!(refusal.contains(text) && !refusal.contains("s3cret"), "{options:?}: {refusal}");
        }
    }
}
