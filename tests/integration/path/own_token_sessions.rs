//! Sessions that the mount gets with identity tokens of its own: where it asks for them, and when anew.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use testkit::core::{Host, MemoryStorage, Zeros, block_on, request};
use vault_plugin_auth_aws::concurrency::living::Living;
use vault_plugin_auth_aws::framework::{HostFlavor, Operation, Reply};
use vault_plugin_auth_aws::method::AuthMethod;
use vault_plugin_auth_aws::mount::used_signatures::UsedSignatures;
use vault_plugin_auth_aws::mount::{Environment, MountSetup, room_of_process};
use vault_plugin_auth_aws::ports::{Clock, HttpRequest, HttpResponse, Transport, TransportError, World};

/// 2026-01-01T00:00:00Z
const NOW: u64 = 1_767_225_600;
/// Life of a session, in seconds.
const LIFE: u64 = 3600;
/// How long before its end a session is not used any more, in seconds.
const MARGIN: u64 = 60;

/// AWS that answers whoever asks, and keeps what it was asked.
#[derive(Default)]
struct Aws {
    seconds: AtomicU64,
    asked: Mutex<Vec<HttpRequest>>,
}

impl Aws {
    fn now(&self) -> u64 {
        NOW + self.seconds.load(Ordering::SeqCst)
    }

    /// The requests of an action since the last time.
    fn take(&self, action: &str) -> Vec<HttpRequest> {
        let mut asked = self.asked.lock().unwrap();
        let is_of = |request: &HttpRequest| {
            String::from_utf8_lossy(&request.body).starts_with(&format!("Action={action}&"))
        };
        let taken = asked.iter().filter(|request| is_of(request)).cloned().collect();
        asked.clear();
        taken
    }
}

struct Port(Arc<Aws>);

impl Clock for Port {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.now())
    }
}

#[async_trait]
impl Transport for Port {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        self.0.asked.lock().unwrap().push(request);
        let (status, body) = if text.starts_with("Action=AssumeRoleWithWebIdentity&") {
            let end =
                OffsetDateTime::from_unix_timestamp(i64::try_from(self.0.now() + LIFE).unwrap()).unwrap();
            let end = end.format(&Rfc3339).unwrap();
            let credentials = format!(
                "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{end}</Expiration>"
            );
            let result = format!(
                "<AssumeRoleWithWebIdentityResult><Credentials>{credentials}</Credentials></AssumeRoleWithWebIdentityResult>"
            );
            (
                StatusCode::OK,
                format!("<AssumeRoleWithWebIdentityResponse>{result}</AssumeRoleWithWebIdentityResponse>"),
            )
        } else if text.starts_with("Action=GetCallerIdentity&") {
            let identity =
                "<Arn>arn:aws:sts::1:assumed-role/r/s</Arn><UserId>AROA:s</UserId><Account>1</Account>";
            let result = format!("<GetCallerIdentityResult>{identity}</GetCallerIdentityResult>");
            (StatusCode::OK, format!("<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"))
        } else {
            (StatusCode::NOT_FOUND, String::new())
        };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/xml"))]);
        Ok(HttpResponse { status, headers, body: Bytes::from(body) })
    }
}

/// A mount that is its own issuer, and has no keys of AWS.
struct Scene {
    aws: Arc<Aws>,
    mount: AuthMethod,
}

impl Scene {
    fn open(client: Value) -> Self {
        let aws = Arc::new(Aws::default());
        let environment = Environment {
            world: Arc::new(World {
                transport: Arc::new(Port(Arc::clone(&aws))),
                clock: Arc::new(Port(Arc::clone(&aws))),
                random: Arc::new(Zeros),
            }),
            host: HostFlavor::OpenBao,
            forwarded: room_of_process(),
            neighbours: Living::default(),
            used: UsedSignatures::default(),
        };
        let setup = MountSetup {
            config: BTreeMap::new(),
            backend_uuid: "own-token-sessions".to_owned(),
            storage: Arc::new(MemoryStorage::default()),
            system_view: Arc::new(Host::default()),
        };
        let scene = Self { aws, mount: AuthMethod::new(Arc::new(environment), setup) };
        scene.write("config/issuer", &json!({"issuer": "https://keys.example.com", "algorithm": "ES256"}));
        let trusted =
            json!({"role_arn": "arn:aws:iam::1:role/r", "identity_token_audience": "sts.amazonaws.com"});
        scene.write("config/client", &testkit::stage::with(&trusted, client));
        scene.aws.take("");
        scene
    }

    fn write(&self, path: &str, data: &Value) {
        let reply = block_on(self.mount.handle_request(request(Operation::Update, path, &data.to_string())));
        assert!(matches!(reply, Reply::Empty | Reply::Answer(_)), "{path}: {reply:?}");
    }

    /// Has the mount call AWS for itself, so many seconds after it was set up; what it asked for a session meanwhile,
    /// and who it is.
    fn call_at(&self, seconds: u64) -> (Vec<HttpRequest>, HttpRequest) {
        self.aws.seconds.store(seconds, Ordering::SeqCst);
        let wishes = json!({"only": "credentials.identity"}).to_string();
        let reply = block_on(self.mount.handle_request(request(Operation::Read, "config/doctor", &wishes)));
        let Reply::Answer(answer) = reply else { panic!("{reply:?}") };
        let report = answer.data.unwrap();
        assert_eq!(report["probes"][0]["verdict"], "ok", "{report:?}");
        let asked = self.aws.asked.lock().unwrap().clone();
        let sessions = self.aws.take("AssumeRoleWithWebIdentity");
        let identity = asked.iter().find(|request| request.headers.contains_key(AUTHORIZATION)).cloned();
        (sessions, identity.expect("a signed call"))
    }
}

fn host(request: &HttpRequest) -> &str {
    request.uri.authority().unwrap().as_str()
}

/// The region that a call is signed for.
fn region(request: &HttpRequest) -> String {
    let authorization = request.headers[AUTHORIZATION].to_str().unwrap();
    authorization.split('/').nth(2).unwrap().to_owned()
}

/// The claims of the token that a call hands over.
fn claims(request: &HttpRequest) -> Value {
    let body = String::from_utf8_lossy(&request.body);
    let token = body.split('&').find_map(|pair| pair.strip_prefix("WebIdentityToken=")).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn sessions_are_asked_for_where_the_configuration_says() {
    const FIPS: &str = "https://sts-fips.us-west-2.amazonaws.com";
    for (client, endpoint, signed_for) in [
        (json!({"sts_region": "eu-west-3"}), "sts.eu-west-3.amazonaws.com", "eu-west-3"),
        (
            json!({"sts_endpoint": FIPS, "sts_region": "us-west-2"}),
            "sts-fips.us-west-2.amazonaws.com",
            "us-west-2",
        ),
        // A private endpoint need not name its region.
        (
            json!({"sts_endpoint": "https://vpce.example:8443", "sts_region": "eu-central-1"}),
            "vpce.example:8443",
            "eu-central-1",
        ),
    ] {
        let scene = Scene::open(client.clone());
        let (sessions, identity) = scene.call_at(0);
        let [session] = &sessions[..] else { panic!("{client}: {sessions:?}") };
        assert_eq!((host(session), host(&identity)), (endpoint, endpoint), "{client}");
        assert!(!session.headers.contains_key(AUTHORIZATION), "the call is not signed");
        assert_eq!(region(&identity), signed_for, "{client}");
    }
}

#[test]
fn a_session_is_replaced_before_it_ends() {
    let scene = Scene::open(json!({"sts_region": "us-east-1"}));
    let made_at = |seconds: u64| {
        let (sessions, _) = scene.call_at(seconds);
        sessions.iter().map(|session| claims(session)["iat"].as_u64().unwrap() - NOW).collect::<Vec<_>>()
    };
    assert_eq!(made_at(0), [0]);
    assert_eq!(made_at(LIFE - MARGIN - 1), [0; 0], "the session is kept");
    // Early, with a token of its own.
    assert_eq!(made_at(LIFE - MARGIN), [LIFE - MARGIN]);
    assert_eq!(made_at(LIFE), [0; 0]);
    assert_eq!(made_at(2 * LIFE), [2 * LIFE]);
    // Nothing of an older configuration is used again.
    scene.write("config/client", &json!({"sts_region": "eu-west-1"}));
    assert_eq!(made_at(2 * LIFE), [2 * LIFE]);
}
