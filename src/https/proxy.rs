//! Which targets are reached through a proxy.

use std::net::IpAddr;

use http::Uri;
use http::uri::Authority;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use ipnet::IpNet;
use thiserror::Error;

use super::environment::Environment;
use super::socks;

const HTTPS_PROXY: &str = "HTTPS_PROXY";
const HTTP_PROXY: &str = "HTTP_PROXY";

/// What is wrong with a setting. The texts name no credentials.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum ProxyDefect {
    #[error("{0} is not a URL")]
    NoUrl(&'static str),
    #[error("{0} names no host")]
    NoHost(&'static str),
    #[error("{name} has scheme {scheme}; only http, https, socks5, socks5h proxies are supported")]
    Scheme { name: &'static str, scheme: String },
    #[error("user name and password of {0} are too long for a SOCKS proxy")]
    Credentials(&'static str),
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP, in the clear or over TLS.
    Http { tls: bool },
    /// SOCKS5. It is the proxy that resolves names, however its scheme is spelt.
    Socks,
}

impl Protocol {
    /// The protocol of a chosen proxy.
    pub(super) fn of(proxy: &Intercept) -> Self {
        Self::named(proxy.uri().scheme_str().unwrap_or_default()).unwrap_or(Self::Http { tls: false })
    }

    /// The protocol that a scheme in lower case stands for.
    fn named(scheme: &str) -> Option<Self> {
        match scheme {
            "http" => Some(Self::Http { tls: false }),
            "https" => Some(Self::Http { tls: true }),
            "socks5" | "socks5h" => Some(Self::Socks),
            _ => None,
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http { tls: false } => 80,
            Self::Http { tls: true } => 443,
            Self::Socks => 1080,
        }
    }
}

/// The proxies of the environment.
#[derive(Debug)]
pub(super) struct Proxies {
    matcher: Matcher,
    /// Why the proxy for https targets cannot be used.
    https_defect: Option<ProxyDefect>,
    /// Why the proxy for http targets cannot be used.
    http_defect: Option<ProxyDefect>,
}

impl Proxies {
    /// A setting that cannot be used is an error of each request it is meant for, not of the
    /// process.
    pub(super) fn new(environment: &Environment) -> Self {
        let (https, https_defect) = checked(HTTPS_PROXY, &environment.https_proxy);
        let (http, http_defect) = checked(HTTP_PROXY, &environment.http_proxy);
        let matcher = Matcher::builder().https(https).http(http).no(&environment.no_proxy).build();
        Self { matcher, https_defect, http_defect }
    }

    /// The proxy for a target, if there is one. Its URL has a port.
    ///
    /// # Errors
    /// What is wrong with the setting that is meant for this target.
    pub(super) fn for_target(&self, target: &Uri) -> Result<Option<Intercept>, ProxyDefect> {
        let Some(host) = target.host().filter(|host| !is_near(host)) else { return Ok(None) };
        let Some(proxy) = self.matcher.intercept(target) else { return Ok(None) };
        let (name, defect) = match target.scheme_str() {
            Some("https") => (HTTPS_PROXY, &self.https_defect),
            _ => (HTTP_PROXY, &self.http_defect),
        };
        if let Some(defect) = defect {
            return Err(defect.clone());
        }
        let said = proxy.raw_auth().map(|(user, password)| [user, password, host]);
        if said.is_some_and(|said| said.concat().len() > socks::MAX_WORDS) {
            return Err(ProxyDefect::Credentials(name));
        }
        Ok(Some(proxy))
    }
}

/// The setting for the matcher. A defect leaves a stand-in there, which is never connected to: the
/// matcher still tells for which targets the setting is meant.
fn checked(name: &'static str, value: &str) -> (String, Option<ProxyDefect>) {
    const STAND_IN: &str = "http://proxy.invalid";
    match complete(name, value) {
        _ if value.is_empty() => (String::new(), None),
        Ok(url) => (url, None),
        Err(defect) => (STAND_IN.to_owned(), Some(defect)),
    }
}

/// The URL of a proxy with its scheme in lower case and its port: the matcher passes by what it does
/// not know.
fn complete(name: &'static str, value: &str) -> Result<String, ProxyDefect> {
    // An unescaped one in a password would take the rest of it for the host.
    if value.matches('@').count() > 1 {
        return Err(ProxyDefect::NoUrl(name));
    }
    let uri: Uri = value.parse().map_err(|_| ProxyDefect::NoUrl(name))?;
    let scheme = uri.scheme_str().unwrap_or("http").to_ascii_lowercase();
    let Some(protocol) = Protocol::named(&scheme) else {
        return Err(ProxyDefect::Scheme { name, scheme });
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(ProxyDefect::NoHost(name))?;
    let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
    let (user, place) = match authority.split_once('@') {
        Some((user, place)) => (format!("{user}@"), place),
        None => (String::new(), authority),
    };
    let port = match place.strip_prefix(host).and_then(|port| port.strip_prefix(':').or(Some(port))) {
        Some("") => protocol.default_port(),
        port => port.and_then(|port| port.parse().ok()).ok_or(ProxyDefect::NoUrl(name))?,
    };
    Ok(format!("{scheme}://{user}{host}:{port}"))
}

/// Networks that no proxy reaches as we do: the machine itself, its link, and the addresses of the
/// instance metadata service in IPv6.
const NEAR_NETWORKS: [&str; 6] =
    ["127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/32", "::1/128", "fe80::/10", "fd00:ec2::/32"];

/// Whether a host is this machine or on its link.
fn is_near(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = address.to_canonical();
        return NEAR_NETWORKS
            .iter()
            .any(|network| network.parse::<IpNet>().is_ok_and(|network| network.contains(&address)));
    }
    let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(https: &str, http: &str, no: &str) -> Proxies {
        Proxies::new(&Environment {
            https_proxy: https.to_owned(),
            http_proxy: http.to_owned(),
            no_proxy: no.to_owned(),
            ..Environment::default()
        })
    }

    /// The proxy for a target, or the error.
    fn chosen(proxies: &Proxies, target: &str) -> Result<Option<String>, String> {
        let proxy = proxies.for_target(&target.parse().unwrap()).map_err(|defect| defect.to_string())?;
        Ok(proxy.map(|proxy| proxy.uri().to_string()))
    }

    #[test]
    fn the_scheme_of_the_target_chooses() {
        let both = proxies("http://secure:1", "plain:2", "");
        assert_eq!(chosen(&both, "https://sts.amazonaws.com/"), Ok(Some("http://secure:1/".to_owned())));
        assert_eq!(chosen(&both, "http://sts.amazonaws.com/"), Ok(Some("http://plain:2/".to_owned())));
        let none = proxies("", "", "");
        assert_eq!(chosen(&none, "https://sts.amazonaws.com/"), Ok(None));
    }

    #[test]
    fn every_proxy_has_a_protocol_and_a_port() {
        for (value, url, protocol) in [
            ("proxy", "http://proxy:80/", Protocol::Http { tls: false }),
            ("u:p@proxy:3128", "http://proxy:3128/", Protocol::Http { tls: false }),
            ("HTTP://proxy:", "http://proxy:80/", Protocol::Http { tls: false }),
            ("https://u:p@proxy/", "https://proxy:443/", Protocol::Http { tls: true }),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/", Protocol::Http { tls: true }),
            ("socks5://u:p@proxy", "socks5://proxy:1080/", Protocol::Socks),
            ("Socks5H://[2001:db8::1]", "socks5h://[2001:db8::1]:1080/", Protocol::Socks),
        ] {
            let proxies = proxies(value, value, "");
            for target in ["http://sts.amazonaws.com/", "https://sts.amazonaws.com/"] {
                let proxy = proxies.for_target(&target.parse().unwrap()).unwrap().unwrap();
                assert_eq!((proxy.uri().to_string().as_str(), Protocol::of(&proxy)), (url, protocol));
            }
        }
    }

    #[test]
    fn near_targets_and_exempt_ones_are_reached_directly() {
        let proxies = proxies("http://proxy", "http://proxy", "internal.example, 10.0.0.0/8,.corp");
        for (host, direct) in [
            ("sts.amazonaws.com", false),
            ("localhost.example", false),
            ("11.0.0.1", false),
            ("[2001:db8::1]", false),
            ("[fd00:ec3::1]", false),
            ("localhost", true),
            ("LOCALHOST:8200", true),
            ("sts.localhost", true),
            ("127.0.0.1:5000", true),
            ("127.8.9.10", true),
            ("[::1]:80", true),
            ("[::ffff:127.0.0.1]", true),
            ("169.254.169.254", true),
            ("169.254.170.2", true),
            ("[fe80::1]", true),
            ("[fd00:ec2::254]", true),
            ("internal.example", true),
            ("sts.internal.example:8443", true),
            ("notinternal.example", false),
            ("10.2.3.4", true),
            ("a.corp", true),
        ] {
            for scheme in ["http", "https"] {
                let chosen = chosen(&proxies, &format!("{scheme}://{host}/x")).unwrap();
                assert_eq!(chosen.is_none(), direct, "{scheme}://{host}");
            }
        }
    }

    #[test]
    fn unusable_settings_are_errors_where_they_are_meant() {
        let target_length = "sts.amazonaws.com".len();
        let longest = format!("socks5://u:{}@proxy", "x".repeat(socks::MAX_WORDS - 1 - target_length));
        assert!(chosen(&proxies(&longest, "", ""), "https://sts.amazonaws.com/").is_ok());
        let too_long = longest.replace("u:", "uu:");
        for (value, expected) in [
            (
                "socks4://u:secret@proxy",
                "HTTPS_PROXY has scheme socks4; only http, https, socks5, socks5h proxies are supported",
            ),
            (
                "SOCKS4a://u:secret@proxy",
                "HTTPS_PROXY has scheme socks4a; only http, https, socks5, socks5h proxies are supported",
            ),
            ("http://proxy:99999", "HTTPS_PROXY is not a URL"),
            ("socks5://u:secret@proxy:socks", "HTTPS_PROXY is not a URL"),
            ("http://u:s@secret@proxy", "HTTPS_PROXY is not a URL"),
            ("not a url", "HTTPS_PROXY is not a URL"),
            ("/path", "HTTPS_PROXY names no host"),
            ("socks5://u:secret@", "HTTPS_PROXY is not a URL"),
            (&too_long, "user name and password of HTTPS_PROXY are too long for a SOCKS proxy"),
        ] {
            let proxies = proxies(value, "", "sts.internal");
            assert_eq!(chosen(&proxies, "https://sts.amazonaws.com/"), Err(expected.to_owned()), "{value}");
            assert_eq!(chosen(&proxies, "https://sts.internal/"), Ok(None), "{value}");
            assert_eq!(chosen(&proxies, "http://sts.amazonaws.com/"), Ok(None), "{value}");
        }
    }
}
