//! The server's own calls, from everything that an operator, the environment or STS may say to the bytes
//! that would go to the socket.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use vault_plugin_auth_aws::accounts::credentials::own_sts;
use vault_plugin_auth_aws::aws::arn::AccountId;
use vault_plugin_auth_aws::aws::calls::{Calls, Purpose};
use vault_plugin_auth_aws::aws::context::CallContext;
use vault_plugin_auth_aws::aws::credentials_source::CredentialsSource;
use vault_plugin_auth_aws::aws::deadline::Deadline;
use vault_plugin_auth_aws::aws::error::{CallError, NoResult};
use vault_plugin_auth_aws::aws::region::Region;
use vault_plugin_auth_aws::aws::sts::{CallerIdentity, StsCaller};
use vault_plugin_auth_aws::entry::ClientConfig;
use vault_plugin_auth_aws::framework::{Operation, Reply};
use vault_plugin_auth_aws::https::{Environment, HttpsTransport};
use vault_plugin_auth_aws::method::AuthMethod;
use vault_plugin_auth_aws::ports::{Clock, HttpRequest, HttpResponse, Transport, TransportError};

use crate::form_reading::pairs;
use crate::target::{Target, Verdict};
use crate::xml_reading::escaped;
use testkit::core::{MemoryStorage, Noon, Zeros, block_on, mount, request};

/// The parts of an input: fields of `config/client`, of `config/sts`, variables of the environment, and
/// what STS answers to `AssumeRole`.
const PARTS: usize = 18;
const ACCESS_KEY: usize = 0;
const SECRET_KEY: usize = 1;
const ENDPOINT: usize = 2;
const IAM_ENDPOINT: usize = 3;
const STS_ENDPOINT: usize = 4;
const STS_REGION: usize = 5;
const SERVER_ID: usize = 6;
const HEADER_NAME: usize = 7;
const STS_ROLE: usize = 8;
const EXTERNAL_ID: usize = 9;
const HTTPS_PROXY: usize = 10;
const HTTP_PROXY: usize = 11;
const NO_PROXY: usize = 12;
const AWS_REGION: usize = 13;
const AWS_ACCESS_KEY_ID: usize = 14;
const AWS_SESSION_TOKEN: usize = 15;
const ANSWERED_KEY: usize = 16;
const ANSWERED_TOKEN: usize = 17;

const PLAIN: [&str; PARTS] = [
    "AKIA",
    "wJalr/+=",
    "",
    "",
    "",
    "eu-west-1",
    "vault.example.com",
    "X-Amz-Other",
    "arn:aws:iam::444455556666:role/Reader",
    "external:id/1",
    "http://user:password@proxy.example:3128",
    "proxy.example",
    "10.0.0.0/8,.internal,[::1]",
    "us-gov-west-1",
    "ASIA",
    "FwoGZXIvYXdzE+/=",
    "ASIA",
    "IQoJb3JpZ2luX2Vj",
];

const fn with(part: usize, text: &'static str) -> [&'static str; PARTS] {
    let mut input = PLAIN;
    input[part] = text;
    input
}

const fn at(endpoint: &'static str) -> [&'static str; PARTS] {
    let mut input = with(IAM_ENDPOINT, endpoint);
    input[ENDPOINT] = endpoint;
    input[STS_ENDPOINT] = endpoint;
    input
}

const TARGET: Target<PARTS> = Target {
    accepted: &[
        PLAIN,
        at("http://127.0.0.1:8080/base/"),
        at("sts.example"),
        at("http://[2001:db8::1]:8443"),
        with(ACCESS_KEY, "é"),
        with(ACCESS_KEY, " a\tb "),
        with(SECRET_KEY, "\n\0"),
        with(SERVER_ID, "a\nb"),
        with(STS_ROLE, "\r\n\0é&Action=GetUser"),
        with(EXTERNAL_ID, "\r\n\0é&Action=GetUser"),
        with(HTTPS_PROXY, ""),
        with(NO_PROXY, "*"),
        with(NO_PROXY, "\n\0"),
        with(AWS_REGION, "\n"),
        with(AWS_ACCESS_KEY_ID, "AKIA\n"),
        with(AWS_SESSION_TOKEN, "a\n"),
    ],
    refused: &[
        with(ACCESS_KEY, "AKIA\n"),
        with(ACCESS_KEY, "\r"),
        with(ACCESS_KEY, "\0"),
        with(ACCESS_KEY, "\u{1}"),
        with(ACCESS_KEY, "\u{7f}"),
        with(ANSWERED_KEY, "ASIA\n"),
        with(ANSWERED_TOKEN, "\r\n"),
        with(ANSWERED_TOKEN, "\u{7f}"),
        with(STS_REGION, "us-east-1\n"),
        with(STS_REGION, "\u{f6}/.."),
        at("http://sts.example\n"),
        at("http://[::1"),
        with(HTTPS_PROXY, "http://proxy.example\n"),
        with(HTTPS_PROXY, "socks5://user:password@proxy.example"),
        with(HTTPS_PROXY, "http://a@b@c"),
        with(STS_ROLE, ""),
    ],
    tokens: &[&[
        "\n",
        "\r\n",
        "\r",
        "\0",
        "\u{1}",
        "\t",
        " ",
        "\u{7f}",
        "\u{80}",
        "é",
        "\u{131}",
        "%0a",
        "%",
        "%41",
        "=",
        "&",
        "+",
        ":",
        "/",
        "//",
        "@",
        "?",
        "#",
        "[",
        "]",
        "\\",
        "*",
        ",",
        ".",
        "-",
        "http://",
        "https://",
        "socks5://",
        "://",
        "user:password@",
        ":443",
        ":99999",
        "[::1]",
        "169.254.169.254",
        "localhost",
        "us-east-1",
        "cn-north-1",
        "us-iso-east-1",
        "aws-global",
        "amazonaws.com",
        "arn:aws:iam::",
        "Action=GetUser",
        "&#10;",
        "<",
        "]]>",
    ]],
    check,
};

#[test]
fn outgoing_calls() {
    TARGET.run();
}

/// Stand in the middle of keys, and in no text that a client reads.
const KEY_MARK: &str = "hunter2-key";
const SECRET_MARK: &str = "hunter2-secret";
const TOKEN_MARK: &str = "hunter2-token";

const OWN: &str = "arn:aws:iam::111122223333:user/own";
const OTHER: &str = "arn:aws:iam::444455556666:user/other";

/// A text with the mark between its halves, so that it ends and begins as the text.
fn marked(text: &str, mark: &str) -> String {
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{mark}{}", &text[..middle], &text[middle..])
}

#[track_caller]
fn assert_tells_no_secret(text: &str) {
    for mark in [KEY_MARK, SECRET_MARK, TOKEN_MARK] {
        assert!(!text.contains(mark), "{text}");
    }
}

/// AWS behind the real transport, up to the socket.
struct Outside {
    https: HttpsTransport,
    session: Session,
    sent: Mutex<Vec<String>>,
}

/// What STS answers to `AssumeRole`.
struct Session {
    key: String,
    token: String,
}

impl Outside {
    fn answer(&self, body: &[u8]) -> Option<String> {
        let said = pairs(body);
        let parameter = |name: &str| Some(said.iter().find(|(key, _)| key == name)?.1.as_str());
        let action = parameter("Action")?;
        self.sent.lock().unwrap().push(action.to_owned());
        let result = match action {
            "GetCallerIdentity" => {
                format!("<Arn>{OWN}</Arn><UserId>AIDA</UserId><Account>111122223333</Account>")
            }
            "AssumeRole" | "AssumeRoleWithWebIdentity" => {
                let Session { key, token } = &self.session;
                format!(
                    "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{SECRET_MARK}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>2026-12-01T00:00:00Z</Expiration></Credentials>",
                    referenced(key),
                    referenced(token)
                )
            }
            "GetUser" => {
                let (name, arn) = match parameter("UserName") {
                    Some("other") => ("other", OTHER),
                    _ => ("own", OWN),
                };
                format!("<User><UserName>{name}</UserName><UserId>AIDA</UserId><Arn>{arn}</Arn></User>")
            }
            "CreateAccessKey" => {
                format!(
                    "<AccessKey><AccessKeyId>AKIANEW</AccessKeyId><SecretAccessKey>{SECRET_MARK}</SecretAccessKey></AccessKey>"
                )
            }
            _ => String::new(),
        };
        Some(format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
    }
}

/// As [`escaped`], with control characters as references, so that the reader hands on what it may.
fn referenced(text: &str) -> String {
    let reference =
        |c: char| if c.is_ascii_control() { format!("&#{};", u32::from(c)) } else { c.to_string() };
    escaped(text).chars().map(reference).collect()
}

#[async_trait]
impl Transport for Outside {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let body = request.body.clone();
        let prepared = self.https.prepare(request)?;
        let (head, _) = prepared.into_parts();
        assert_can_be_written(&head.uri, &head.headers);
        assert!(!body.windows(SECRET_MARK.len()).any(|window| window == SECRET_MARK.as_bytes()));
        let (status, body) = match self.answer(&body) {
            Some(body) => (StatusCode::OK, body),
            // The metadata service is not there.
            None => (StatusCode::NOT_FOUND, String::new()),
        };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/xml"))]);
        Ok(HttpResponse { status, headers, body: Bytes::from(body) })
    }
}

/// Asserts that the head of a request is one, however it is read.
fn assert_can_be_written(uri: &http::Uri, headers: &HeaderMap) {
    let authority = uri.authority().expect("a host").as_str();
    HeaderValue::from_str(authority).expect("a Host header");
    assert!(!authority.contains(|c: char| c.is_ascii_control() || " /\\?#@".contains(c)), "{authority}");
    assert!(!uri.to_string().contains(|c: char| c.is_ascii_control() || c == ' '), "{uri}");
    for (name, value) in headers {
        let bytes = value.as_bytes();
        assert!(!bytes.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'), "{name}");
        assert!(!bytes.windows(SECRET_MARK.len()).any(|window| window == SECRET_MARK.as_bytes()), "{name}");
    }
}

fn check(input: [&[u8]; PARTS]) -> Verdict {
    let text = input.map(|part| String::from_utf8_lossy(part).into_owned());
    let environment = Environment {
        https_proxy: text[HTTPS_PROXY].clone(),
        http_proxy: text[HTTP_PROXY].clone(),
        no_proxy: text[NO_PROXY].clone(),
        ..Environment::default()
    };
    let session = Session {
        key: marked(&text[ANSWERED_KEY], KEY_MARK),
        token: marked(&text[ANSWERED_TOKEN], TOKEN_MARK),
    };
    let https = HttpsTransport::with_environment(environment).expect("a transport");
    let outside = Arc::new(Outside { https, session, sent: Mutex::default() });
    check_environment(&text, &outside);
    check_mount(&text, &outside)
}

/// The keys of the environment, in the region of the environment.
fn check_environment(text: &[String; PARTS], outside: &Outside) {
    let region = Region::parse(&text[AWS_REGION]).unwrap_or_else(|| Region::parse("us-east-1").unwrap());
    let credentials = Credentials::new(
        marked(&text[AWS_ACCESS_KEY_ID], KEY_MARK),
        marked(&text[SECRET_KEY], SECRET_MARK),
        Some(marked(&text[AWS_SESSION_TOKEN], TOKEN_MARK)),
        None,
        "environment",
    );
    let config = ClientConfig {
        sts_endpoint: text[STS_ENDPOINT].clone(),
        sts_region: text[STS_REGION].clone(),
        ..ClientConfig::absent()
    };
    let (endpoint, region) = match own_sts(&config, &region) {
        Ok(found) => found,
        Err(error) => return assert_tells_no_secret(&error.to_string()),
    };
    let calls = Calls::default();
    let context = || CallContext {
        transport: outside,
        random: &Zeros,
        now: Noon.now(),
        deadline: Deadline::start(),
        max_attempts: 1,
        calls: &calls,
        purpose: Purpose::General,
    };
    let account = &AccountId::default();
    let caller = StsCaller { account, endpoint: &endpoint, region: &region, credentials: Some(&credentials) };
    let checked = CredentialsSource::Environment.checked(credentials.clone());
    // Unchecked as well: what cannot be signed is an error.
    let answer = block_on(async { caller.get_caller_identity(context()).await });
    let signed =
        !matches!(&answer, Err(CallError::Failed(call)) if matches!(call.cause, NoResult::NotSigned(_)));
    assert_eq!(checked.is_ok(), signed, "{:?}", answer.map_err(|error| error.to_string()));
    if let Err(error) = checked {
        assert_tells_no_secret(&error.to_string());
    }
    tells_no_secret(&answer.map(|identity: CallerIdentity| identity.arn().to_owned()));
    let unsigned = StsCaller { credentials: None, ..caller };
    let (role, token) = (&text[STS_ROLE], &text[EXTERNAL_ID]);
    let answer = block_on(async { unsigned.assume_role_with_web_identity(role, token, context()).await });
    tells_no_secret(&answer.map(|_| ()));
}

fn tells_no_secret<T>(answer: &Result<T, CallError>) {
    if let Err(error) = answer {
        assert_tells_no_secret(&error.to_string());
        assert_tells_no_secret(&error.cause());
    }
}

/// A mount under this configuration: look-ups in both accounts, then a rotation.
fn check_mount(text: &[String; PARTS], outside: &Arc<Outside>) -> Verdict {
    let mount = mount(Arc::<Outside>::clone(outside), Arc::new(MemoryStorage::default()));
    let config = json!({
        "access_key": marked(&text[ACCESS_KEY], KEY_MARK),
        "secret_key": marked(&text[SECRET_KEY], SECRET_MARK),
        "endpoint": text[ENDPOINT],
        "iam_endpoint": text[IAM_ENDPOINT],
        "sts_endpoint": text[STS_ENDPOINT],
        "sts_region": text[STS_REGION],
        "iam_server_id_header_value": text[SERVER_ID],
        "allowed_sts_header_values": [text[HEADER_NAME]],
        "max_retries": 0,
    });
    let sts = json!({"sts_role": text[STS_ROLE], "external_id": text[EXTERNAL_ID]});
    let role = |arn: &str| json!({"auth_type": "iam", "bound_iam_principal_arn": arn});
    outside.sent.lock().unwrap().clear();
    for (path, data) in [
        ("config/client", config),
        ("config/sts/444455556666", sts),
        ("role/own", role(OWN)),
        ("role/other", role(OTHER)),
        ("config/rotate-root", json!({})),
    ] {
        if let Some(refusal) = refusal(&mount, path, &data) {
            return Verdict::refused(&refusal);
        }
    }
    let sent = outside.sent.lock().unwrap().join(" ");
    assert_eq!(sent, "GetCallerIdentity GetUser AssumeRole GetUser GetUser CreateAccessKey DeleteAccessKey");
    Verdict::accepted("looked up in both accounts, and rotated")
}

/// Why a write is refused.
fn refusal(mount: &AuthMethod, path: &str, data: &Value) -> Option<String> {
    let reply = block_on(mount.handle_request(request(Operation::Update, path, &data.to_string())));
    let text = match reply {
        Reply::Empty | Reply::Answer(_) => return None,
        Reply::Refusal { text, .. } | Reply::Error { text, .. } => text,
    };
    assert_tells_no_secret(&text);
    assert_ne!(text, "internal error", "the work of {path} ended in a panic");
    let cause = text.rsplit_once(" to internal ID: ").map_or(text.as_str(), |(_, cause)| cause);
    Some(cause.to_owned())
}
