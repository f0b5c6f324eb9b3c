//! Which targets are reached through a proxy.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use ipnet::IpNet;

use super::environment::Environment;

/// The proxies of the environment.
#[derive(Debug)]
pub(super) struct Proxies {
    matcher: Matcher,
    /// Why the proxy for https targets cannot be used.
    https_defect: Option<String>,
    /// Why the proxy for http targets cannot be used.
    http_defect: Option<String>,
}

impl Proxies {
    /// A setting that cannot be used is an error of each request it is meant for, not of the
    /// process.
    pub(super) fn new(environment: &Environment) -> Self {
        let (https, https_defect) = checked("HTTPS_PROXY", &environment.https_proxy);
        let (http, http_defect) = checked("HTTP_PROXY", &environment.http_proxy);
        let matcher = Matcher::builder().https(https).http(http).no(&environment.no_proxy).build();
        Self { matcher, https_defect, http_defect }
    }

    /// The proxy for a target, if there is one.
    ///
    /// # Errors
    /// A sentence about the setting that is meant for this target. It names no credentials.
    pub(super) fn for_target(&self, target: &Uri) -> Result<Option<Intercept>, String> {
        if target.host().is_none_or(is_near) {
            return Ok(None);
        }
        let Some(proxy) = self.matcher.intercept(target) else { return Ok(None) };
        let is_https = target.scheme_str() == Some("https");
        match if is_https { &self.https_defect } else { &self.http_defect } {
            Some(defect) => Err(defect.clone()),
            None => Ok(Some(proxy)),
        }
    }
}

/// The setting for the matcher. A defect leaves a stand-in there, which is never connected to: the
/// matcher still tells for which targets the setting is meant.
fn checked(name: &str, value: &str) -> (String, Option<String>) {
    const STAND_IN: &str = "http://proxy.invalid";
    let defect = match value.parse::<Uri>() {
        _ if value.is_empty() => None,
        // An unescaped one in a password would take the rest of it for the host.
        _ if value.matches('@').count() > 1 => Some(format!("{name} is not a URL")),
        Ok(uri) => match uri.scheme_str() {
            None | Some("http") if uri.host().is_some_and(|host| !host.is_empty()) => None,
            None | Some("http") => Some(format!("{name} names no host")),
            Some(scheme) => Some(format!("{name} has scheme {scheme}; only http proxies are supported")),
        },
        Err(_) => Some(format!("{name} is not a URL")),
    };
    (if defect.is_some() { STAND_IN } else { value }.to_owned(), defect)
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
        let proxy = proxies.for_target(&target.parse().unwrap())?;
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
        for (value, expected) in [
            ("socks5://u:secret@proxy", "HTTPS_PROXY has scheme socks5; only http proxies are supported"),
            ("https://u:secret@proxy", "HTTPS_PROXY has scheme https; only http proxies are supported"),
            ("http://u:s@secret@proxy", "HTTPS_PROXY is not a URL"),
            ("not a url", "HTTPS_PROXY is not a URL"),
            ("/path", "HTTPS_PROXY names no host"),
        ] {
            let proxies = proxies(value, "", "sts.internal");
            assert_eq!(chosen(&proxies, "https://sts.amazonaws.com/"), Err(expected.to_owned()), "{value}");
            assert_eq!(chosen(&proxies, "https://sts.internal/"), Ok(None), "{value}");
            assert_eq!(chosen(&proxies, "http://sts.amazonaws.com/"), Ok(None), "{value}");
        }
    }
}
