//! The URL a client signed: which host it names and what path it asks for.
//!
//! The rules are those of the URL parser that Go plugins use, so that the same texts are accepted
//! and the same request target is forwarded. Only two parts survive: the host, for the `Host`
//! header, and the request target. Neither ever decides where the server connects to.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a client's URL contributes to the forwarded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Host with port as written; empty when the URL names none.
    pub(super) host: String,
    /// Path and query as they go on the wire.
    pub(super) request_uri: String,
    /// The query as written, without `?`.
    pub(super) raw_query: String,
    /// What the forwarded request has nothing of.
    pub(super) dropped: Dropped,
}

/// The parts of a URL that go nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    /// Whether the scheme is another one than https, or none.
    pub(super) other_scheme: bool,
    /// Whether there is a user name, be it empty.
    pub(super) user_name: bool,
    /// Whether there is a fragment, be it empty.
    pub(super) fragment: bool,
}

/// Characters that are escaped in a path which is not escaped properly.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'!')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b'[')
    .add(b']');

impl Target {
    /// Parses a URL; `None` if it is none.
    #[must_use]
    pub(super) fn parse(url: &str) -> Option<Self> {
        if url.is_empty() || url.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
        if !is_well_escaped(fragment) {
            return None;
        }
        let has_fragment = url.contains('#');
        let (scheme, rest) = split_scheme(rest)?;
        // A lone `?` at the end is an empty query that is kept as it is.
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let raw_query = query.unwrap_or("");
        let mut has_user_name = false;
        let (host, path) = if rest.starts_with('/') {
            let (user_name, host, path) = split_authority(scheme, rest)?;
            has_user_name = user_name;
            (host, request_path(path)?)
        } else if scheme.is_empty() {
            let first_segment = rest.split('/').next().unwrap_or("");
            if first_segment.contains(':') {
                return None;
            }
            (String::new(), request_path(rest)?)
        } else {
            // An opaque part, as in `mailto:`; its escapes are checked here because nobody did.
            if !is_well_escaped(rest) {
                return None;
            }
            (String::new(), rest.to_owned())
        };
        let mut request_uri = if path.is_empty() { "/".to_owned() } else { path };
        if query.is_some() {
            request_uri.push('?');
            request_uri.push_str(raw_query);
        }
        let dropped = Dropped {
            other_scheme: !scheme.eq_ignore_ascii_case("https"),
            user_name: has_user_name,
            fragment: has_fragment,
        };
        Some(Self { host, request_uri, raw_query: raw_query.to_owned(), dropped })
    }

    /// The path as it goes on the wire.
    pub(super) fn path(&self) -> &str {
        self.request_uri.split('?').next().unwrap_or("")
    }
}

fn split_scheme(url: &str) -> Option<(&str, &str)> {
    for (position, byte) in url.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if position > 0 => {}
            b':' if position == 0 => return None,
            b':' => {
                let (scheme, rest) = url.split_at_checked(position)?;
                return Some((scheme, rest.strip_prefix(':')?));
            }
            _ => break,
        }
    }
    Some(("", url))
}

/// Whether there is a user name, the host, and what follows.
fn split_authority<'a>(scheme: &str, rest: &'a str) -> Option<(bool, String, &'a str)> {
    let after = match rest.strip_prefix("//") {
        Some(after) if !scheme.is_empty() || !rest.starts_with("///") => after,
        _ => return Some((false, String::new(), rest)),
    };
    let (authority, path) = match after.find('/') {
        Some(position) => after.split_at_checked(position)?,
        None => (after, ""),
    };
    let has_user_name = authority.contains('@');
    let host = match authority.rsplit_once('@') {
        Some((userinfo, host)) => {
            if !is_userinfo(userinfo) || !is_well_escaped(userinfo) {
                return None;
            }
            host
        }
        None => authority,
    };
    is_host(host).then(|| (has_user_name, host.to_owned(), path))
}

fn is_userinfo(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte))
}

fn is_host(host: &str) -> bool {
    let port = match host.strip_prefix('[') {
        Some(rest) => match rest.rsplit_once(']') {
            Some((_, port)) => port,
            None => return false,
        },
        None => host.rfind(':').and_then(|position| host.get(position..)).unwrap_or(""),
    };
    let port_is_valid = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    // Escapes would hide what is sent; a host that needs them is not one of AWS.
    port_is_valid
        && host.bytes().all(|byte| {
            !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"".contains(&byte)
        })
}

/// The path as it goes on the wire: as written if it is properly escaped, else escaped anew.
fn request_path(path: &str) -> Option<String> {
    if !is_well_escaped(path) {
        return None;
    }
    let as_written =
        path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]/%".contains(&byte));
    if as_written {
        return Some(path.to_owned());
    }
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    Some(utf8_percent_encode(&decoded, PATH).to_string())
}

/// Whether each `%` is followed by two hexadecimal digits.
pub(super) fn is_well_escaped(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = (bytes.next(), bytes.next());
            if !matches!(digits, (Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
            {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Option<(String, String)> {
        Target::parse(url).map(|target| (target.host, target.request_uri))
    }

    #[test]
    fn host_and_request_target_survive() {
        for (url, host, uri) in [
            ("https://sts.amazonaws.com/", "sts.amazonaws.com", "/"),
            ("https://sts.amazonaws.com", "sts.amazonaws.com", "/"),
            ("https://sts.amazonaws.com/?", "sts.amazonaws.com", "/?"),
            ("https://sts.amazonaws.com/#frag", "sts.amazonaws.com", "/"),
            ("https://user:pw@h:8443/x", "h:8443", "/x"),
            ("https://evil.example:8443/x?a=b", "evil.example:8443", "/x?a=b"),
            ("/", "", "/"),
            ("//host/path", "host", "/path"),
            ("///host/path", "", "///host/path"),
            ("foo:bar", "", "bar"),
            ("sts.amazonaws.com", "", "sts.amazonaws.com"),
            ("https://", "", "/"),
            ("https://h/%2e%2e/", "h", "/%2e%2e/"),
            ("https://h/a b", "h", "/a%20b"),
            ("https://[::1]:80/", "[::1]:80", "/"),
        ] {
            assert_eq!(parsed(url), Some((host.to_owned(), uri.to_owned())), "{url}");
        }
    }

    #[test]
    fn what_is_dropped_is_known() {
        for (url, expected) in [
            ("https://h/", (false, false, false)),
            ("HTTPS://h/", (false, false, false)),
            ("http://h/", (true, false, false)),
            ("//h/", (true, false, false)),
            ("https://u@h/", (false, true, false)),
            ("https://@h/", (false, true, false)),
            ("https://h/#f", (false, false, true)),
            ("https://h/#", (false, false, true)),
            ("https://h/a@b", (false, false, false)),
        ] {
            let Dropped { other_scheme, user_name, fragment } = Target::parse(url).unwrap().dropped;
            assert_eq!((other_scheme, user_name, fragment), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in [
            "",
            "https://h:abc/",
            "foo:%zz",
            "https://h/%zz",
            "https://h/#%z",
            "::::",
            ":x",
            "https://a b/",
            "https://h/\n",
            "a:b:c%",
            "1:x",
            "https://u<@h/",
            "https://[::1",
            "https://%41/",
        ] {
            assert_eq!(parsed(url), None, "{url}");
        }
    }
}
