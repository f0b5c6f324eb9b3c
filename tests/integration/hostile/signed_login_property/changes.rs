//! Changes to a signed login.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::signed_login::{SignedLogin, Writing};
use testkit::aws::GET_CALLER_IDENTITY;

/// One change.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The body.
    Body(Edit),
    /// The method.
    Method(&'static str),
    /// The path.
    Path(String),
    /// The whole query; `None` takes it away.
    Query(Option<&'static str>),
    /// One parameter of the query.
    Parameter(usize, Edit),
    /// The parameters of the query, in another order and with other escapes.
    QueryWriting(usize, bool),
    /// The host.
    Host(Edit),
    /// Scheme, user and fragment of the URL.
    Scheme(&'static str),
    UserInfo(&'static str),
    Fragment(&'static str),
    /// The value of one header.
    HeaderValue(usize, Edit),
    /// One header is left out.
    WithoutHeader(usize),
    /// One header stands twice, the second time under a name in another case, with another value.
    HeaderTwice(usize, bool, Option<Edit>),
    /// A part of the Authorization header.
    Authorization(&'static str, Edit),
    /// The Authorization header written in another way.
    AuthorizationWriting(usize),
    /// A further header.
    Header(&'static str, &'static str),
    /// One header has the other principal's value.
    OtherHeader(usize),
    /// A part of the Authorization header, or of the query, is the other principal's.
    OtherPart(&'static str),
    /// The names of the headers in another case.
    HeaderCase(bool),
    /// The headers in another order.
    HeaderOrder(usize),
    /// How the headers are written.
    Writing(Writing),
    /// Line breaks in base64.
    LineBreak(&'static str, usize),
    /// Another field of the login.
    Field(&'static str, Value),
    /// The role is not named.
    WithoutRole,
}

/// A change to a text.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Append(&'static str),
    Prepend(&'static str),
    /// The character there is left out.
    Without(usize),
    /// The character there is another one.
    Another(usize, char),
    /// The letter there has the other case.
    OtherCase(usize),
    /// Blanks are put in there.
    Blanks(usize, &'static str),
    Replace(&'static str),
}

impl Edit {
    fn apply(&self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let at = |place: usize| place % chars.len().max(1);
        match *self {
            Self::Append(more) => return format!("{text}{more}"),
            Self::Prepend(more) => return format!("{more}{text}"),
            Self::Replace(other) => return other.to_owned(),
            _ if chars.is_empty() => {}
            Self::Without(place) => {
                let place = at(place);
                chars.remove(place);
            }
            Self::Another(place, other) => {
                let place = at(place);
                chars[place] = other;
            }
            Self::OtherCase(place) => {
                let letters: Vec<usize> =
                    (0..chars.len()).filter(|&i| chars[i].is_ascii_alphabetic()).collect();
                if let Some(&place) = letters.get(place % letters.len().max(1)) {
                    let c = chars[place];
                    chars[place] =
                        if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                }
            }
            Self::Blanks(place, blanks) => {
                let place = at(place);
                chars.splice(place..place, blanks.chars());
            }
        }
        chars.into_iter().collect()
    }
}

impl Change {
    /// Makes the change; the other login lends its parts.
    pub(super) fn apply(&self, login: &mut SignedLogin, other: &SignedLogin) {
        match self {
            Self::Body(edit) => {
                login.body = edit.apply(&String::from_utf8_lossy(&login.body)).into_bytes();
            }
            Self::Method(method) => (*method).clone_into(&mut login.method),
            Self::Path(path) => path.clone_into(&mut login.path),
            Self::Query(query) => login.query = query.map(str::to_owned),
            Self::Parameter(number, edit) => {
                change_query(login, |pairs| {
                    let number = number % pairs.len();
                    pairs[number] = edit.apply(&pairs[number]);
                });
            }
            Self::QueryWriting(turn, escape) => {
                change_query(login, |pairs| {
                    let turn = turn % pairs.len();
                    pairs.rotate_left(turn);
                    if *escape {
                        *pairs = pairs.iter().map(|pair| escaped(pair)).collect();
                    }
                });
            }
            Self::Host(edit) => login.host = edit.apply(&login.host),
            Self::Scheme(scheme) => (*scheme).clone_into(&mut login.scheme),
            Self::UserInfo(user) => login.user_info = Some((*user).to_owned()),
            Self::Fragment(fragment) => login.fragment = Some((*fragment).to_owned()),
            Self::HeaderValue(number, edit) => {
                if let Some((_, value)) = header(login, *number) {
                    *value = edit.apply(value);
                }
            }
            Self::WithoutHeader(number) => {
                if !login.headers.is_empty() {
                    login.headers.remove(number % login.headers.len());
                }
            }
            Self::HeaderTwice(number, first, edit) => {
                if let Some((name, value)) = header(login, *number) {
                    let value = edit.as_ref().map_or_else(|| value.clone(), |edit| edit.apply(value));
                    let again = (Edit::OtherCase(0).apply(name), value);
                    let place = if *first { 0 } else { login.headers.len() };
                    login.headers.insert(place, again);
                }
            }
            Self::Authorization(part, edit) => change_part(login, part, |value| edit.apply(value)),
            Self::AuthorizationWriting(way) => rewrite_authorization(login, *way),
            Self::Header(name, value) => login.headers.push(((*name).to_owned(), (*value).to_owned())),
            Self::OtherHeader(number) => {
                if let Some((name, value)) = header(login, *number)
                    && let [lent, ..] = other.values(name).as_slice()
                {
                    *value = (*lent).to_owned();
                }
            }
            Self::OtherPart(part) => {
                if let Some(lent) = part_of(other, part) {
                    change_part(login, part, |_| lent.clone());
                }
            }
            Self::HeaderCase(upper) => {
                for (name, _) in &mut login.headers {
                    *name = if *upper { name.to_uppercase() } else { name.to_lowercase() };
                }
            }
            Self::HeaderOrder(turn) => {
                if !login.headers.is_empty() {
                    let turn = turn % login.headers.len();
                    login.headers.rotate_left(turn);
                    login.headers.reverse();
                }
            }
            Self::Writing(writing) => login.writing = *writing,
            Self::LineBreak(line_break, length) => login.line_break = Some((line_break, *length)),
            Self::Field(name, value) => {
                login.fields.insert((*name).to_owned(), value.clone());
            }
            Self::WithoutRole => {
                login.fields.remove("role");
            }
        }
    }
}

fn header(login: &mut SignedLogin, number: usize) -> Option<&mut (String, String)> {
    let count = login.headers.len();
    login.headers.get_mut(number % count.max(1))
}

fn change_query(login: &mut SignedLogin, change: impl FnOnce(&mut Vec<String>)) {
    if let Some(query) = &mut login.query {
        let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
        change(&mut pairs);
        *query = pairs.join("&");
    }
}

/// The same pair with an escape where none is needed, and lower-case digits in the others.
fn escaped(pair: &str) -> String {
    let mut text = pair.replace("%2F", "%2f").replace("%3B", "%3b");
    if let Some(place) = text.find(|c: char| c.is_ascii_alphabetic())
        && !text[..place].contains('%')
    {
        let escape = format!("%{:02X}", text.as_bytes()[place]);
        text.replace_range(place..=place, &escape);
    }
    text
}

/// The name of a part of the Authorization header in a query.
fn parameter(part: &str) -> String {
    format!("X-Amz-{part}=")
}

fn part_of(login: &SignedLogin, part: &str) -> Option<String> {
    let in_query = login.query.iter().flat_map(|query| query.split('&'));
    let in_query = in_query.filter_map(|pair| pair.strip_prefix(&parameter(part)));
    let mark = format!("{part}=");
    let authorization = login.values("authorization").first().copied().unwrap_or_default();
    let in_header = authorization.split([' ', ',']).filter_map(|piece| piece.strip_prefix(&mark));
    in_query.chain(in_header).next().map(str::to_owned)
}

fn change_part(login: &mut SignedLogin, part: &str, change: impl Fn(&str) -> String) {
    let Some(value) = part_of(login, part) else { return };
    let (query_mark, mark) = (parameter(part), format!("{part}="));
    let changed = change(&value);
    if let Some(query) = &mut login.query {
        *query = query.replace(&format!("{query_mark}{value}"), &format!("{query_mark}{changed}"));
    }
    for (name, text) in &mut login.headers {
        if name.eq_ignore_ascii_case("authorization") {
            *text = text.replace(&format!("{mark}{value}"), &format!("{mark}{changed}"));
        }
    }
}

fn rewrite_authorization(login: &mut SignedLogin, way: usize) {
    for (name, text) in &mut login.headers {
        if !name.eq_ignore_ascii_case("authorization") {
            continue;
        }
        let Some((algorithm, parts)) = text.split_once(' ') else { continue };
        let mut parts: Vec<&str> = parts.split(',').map(str::trim).collect();
        *text = match way % 8 {
            0 => format!("{algorithm} {}", parts.join(",")),
            1 => format!("{algorithm}  {}", parts.join("  ,  ")),
            2 => {
                parts.reverse();
                format!("{algorithm} {}", parts.join(", "))
            }
            3 => format!("{algorithm} {}, X=y", parts.join(", ")),
            4 => format!("{algorithm} X=SignedHeaders=host, {}", parts.join(", ")),
            5 => format!("{algorithm} {}, SignedHeaders=host", parts.join(", ")),
            6 => format!("{algorithm} {},", parts.join(", ")),
            _ => format!("{} {}", algorithm.to_lowercase(), parts.join(", ")),
        };
    }
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "x",
        "A",
        "0",
        "/",
        ";",
        ",",
        "%00",
        "é",
        "&Version=1",
        ".evil.example",
        ":443",
        "=",
        "",
    ])
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = || any::<prop::sample::Index>().prop_map(|index| index.index(4096));
    prop_oneof![
        text().prop_map(Edit::Append),
        text().prop_map(Edit::Prepend),
        text().prop_map(Edit::Replace),
        place().prop_map(Edit::Without),
        (place(), prop::char::range('!', '~')).prop_map(|(place, other)| Edit::Another(place, other)),
        place().prop_map(Edit::OtherCase),
        (place(), prop::sample::select(vec![" ", "  ", "\t", " \t "]))
            .prop_map(|(place, blanks)| Edit::Blanks(place, blanks)),
    ]
}

/// A host keeps to characters that cannot end it.
fn host_edit() -> impl Strategy<Value = Edit> {
    let place = || any::<prop::sample::Index>().prop_map(|index| index.index(64));
    prop_oneof![
        prop::sample::select(vec![".", ":443", ":80", ".evil.example", "-"]).prop_map(Edit::Append),
        prop::sample::select(vec!["evil.", "x", "."]).prop_map(Edit::Prepend),
        prop::sample::select(vec!["", "evil.example", "127.0.0.1:1", "sts.eu-west-1.amazonaws.com", "[::1]"])
            .prop_map(Edit::Replace),
        place().prop_map(Edit::Without),
        (place(), prop::char::range('a', 'z')).prop_map(|(place, other)| Edit::Another(place, other)),
        place().prop_map(Edit::OtherCase),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let same = ["", "/", "//", "/.", "/./", "/..", "/x/..", "/x/../", "/../", "/x/./..//"];
    let other =
        ["/x", "/%2e", "/%2F", "/x/.", "/..x", "/x/../y", "/;", "/a b", "/%20", "/é", "/*", "/Action"];
    prop::sample::select([same.as_slice(), other.as_slice()].concat()).prop_map(str::to_owned)
}

fn further_header() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("Accept", "application/json"),
        ("Accept", "application/xml"),
        ("Accept-Encoding", "gzip"),
        ("Connection", "close"),
        ("Connection", "X-Amz-Date"),
        ("Content-Encoding", "gzip"),
        ("Content-Length", "0"),
        ("content-length", "99"),
        ("Content-Type", "application/json"),
        ("Cookie", "a=b"),
        ("Expect", "100-continue"),
        ("Host", "evil.example"),
        ("host", "sts.eu-west-1.amazonaws.com"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("TE", "trailers"),
        ("Trailer", "X-Amz-Date"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("User-Agent", "x"),
        ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
        ("X-Amz-Credential", "x"),
        ("X-Amz-Date", "20200101T000000Z"),
        ("X-Amz-Security-Token", "x"),
        ("X-Amz-SignedHeaders", "host;x-vault-aws-iam-server-id"),
        ("X-Amz-Target", "x"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Http-Method-Override", "DELETE"),
        ("X-Vault-AWS-IAM-Server-ID", "vault.example.com"),
        ("Bad Name", "x"),
        ("", "x"),
    ])
}

/// A change to what a signature covers, or to what it does not.
pub(super) fn change() -> impl Strategy<Value = Change> {
    let number = || any::<prop::sample::Index>().prop_map(|index| index.index(5040));
    let part = || prop::sample::select(vec!["Credential", "SignedHeaders", "Signature"]);
    let covered = prop_oneof![
        edit().prop_map(Change::Body),
        Just(Change::Body(Edit::Replace(GET_CALLER_IDENTITY))),
        prop::sample::select(vec!["GET", "POST", "post", "PUT", ""]).prop_map(Change::Method),
        path().prop_map(Change::Path),
        prop::sample::select(vec![
            None,
            Some(""),
            Some("Action=GetCallerIdentity"),
            Some("Action=GetCallerIdentity&Version=2011-06-15"),
            Some("Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=00"),
            Some("x"),
        ])
        .prop_map(Change::Query),
        (number(), edit()).prop_map(|(number, edit)| Change::Parameter(number, edit)),
        host_edit().prop_map(Change::Host),
        (number(), edit()).prop_map(|(number, edit)| Change::HeaderValue(number, edit)),
        number().prop_map(Change::WithoutHeader),
        (number(), any::<bool>(), prop::option::of(edit()))
            .prop_map(|(number, first, edit)| Change::HeaderTwice(number, first, edit)),
        (part(), edit()).prop_map(|(part, edit)| Change::Authorization(part, edit)),
        number().prop_map(Change::OtherHeader),
        part().prop_map(Change::OtherPart),
    ];
    let uncovered = prop_oneof![
        (number(), any::<bool>()).prop_map(|(turn, escape)| Change::QueryWriting(turn, escape)),
        prop::sample::select(vec!["http", "HTTPS", "ftp", "x"]).prop_map(Change::Scheme),
        prop::sample::select(vec!["user", "user:pw", "sts.amazonaws.com:443"]).prop_map(Change::UserInfo),
        prop::sample::select(vec!["x", "@evil.example/", ""]).prop_map(Change::Fragment),
        number().prop_map(Change::AuthorizationWriting),
        further_header().prop_map(|(name, value)| Change::Header(name, value)),
        any::<bool>().prop_map(Change::HeaderCase),
        number().prop_map(Change::HeaderOrder),
        prop::sample::select(vec![
            Writing::Lists,
            Writing::Strings,
            Writing::Text,
            Writing::Base64,
            Writing::Pairs
        ])
        .prop_map(Change::Writing),
        (prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n"]), prop::sample::select(vec![1, 4, 7, 64, 76]))
            .prop_map(|(line_break, length)| Change::LineBreak(line_break, length)),
        prop::sample::select(vec![
            ("role", json!("ops")),
            ("role", json!("DEV")),
            ("role", json!("")),
            ("role", Value::Null),
            ("role", json!(5)),
            ("nonce", json!("")),
            ("nonce", json!("x")),
            ("nonce", Value::Null),
            ("other", json!({"a": 1})),
            ("pkcs7", json!("x")),
            ("identity", Value::Null),
            ("iam_server_id_header_value", json!("x")),
            ("token", json!("x")),
            ("alias", json!("x")),
        ])
        .prop_map(|(name, value)| Change::Field(name, value)),
        Just(Change::WithoutRole),
    ];
    prop_oneof![1 => covered, 2 => uncovered]
}
