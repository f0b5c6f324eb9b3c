//! On the core alone, with an IAM whose answers take as long as a test wants, by a clock that waits for
//! nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use testkit::core::{Host, MemoryStorage, Noon, Zeros, request};
use tokio::time::Instant;
use vault_plugin_auth_aws::concurrency::living::Living;
use vault_plugin_auth_aws::framework::{HostFlavor, Operation, Reply};
use vault_plugin_auth_aws::method::AuthMethod;
use vault_plugin_auth_aws::mount::used_signatures::UsedSignatures;
use vault_plugin_auth_aws::mount::{Environment, MountSetup, room_of_process};
use vault_plugin_auth_aws::ports::{HttpRequest, HttpResponse, Transport, TransportError, World};

/// How many look-ups of one write may be under way.
const AT_ONCE: usize = 16;

/// What IAM does with a question about a user.
#[derive(Clone, Copy)]
enum Answer {
    After(Duration),
    NobodyAfter(Duration),
    Throttled,
}

/// An IAM that knows everybody, unless a test says otherwise.
struct Iam {
    answer: Box<dyn Fn(&str) -> Answer + Send + Sync>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    asked: Vec<String>,
    under_way: usize,
    most: usize,
}

/// A question under way; ends with whoever waits for it.
struct UnderWay<'a>(&'a Iam);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.log.lock().unwrap().under_way -= 1;
    }
}

impl Iam {
    async fn user(&self, name: &str) -> (StatusCode, String) {
        {
            let mut log = self.log.lock().unwrap();
            log.asked.push(name.to_owned());
            log.under_way += 1;
            log.most = log.most.max(log.under_way);
        }
        let _under_way = UnderWay(self);
        let error = |code: &str| {
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>")
        };
        match (self.answer)(name) {
            Answer::After(time) => {
                tokio::time::sleep(time).await;
                let user = format!("<UserId>AIDA{name}</UserId><Arn>{}</Arn>", arn(name));
                let result = format!("<GetUserResult><User>{user}</User></GetUserResult>");
                (StatusCode::OK, format!("<GetUserResponse>{result}</GetUserResponse>"))
            }
            Answer::NobodyAfter(time) => {
                tokio::time::sleep(time).await;
                (StatusCode::NOT_FOUND, error("NoSuchEntity"))
            }
            Answer::Throttled => (StatusCode::BAD_REQUEST, error("Throttling")),
        }
    }

    /// Whom it was asked about since the last time.
    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap().asked)
    }
}

#[async_trait]
impl Transport for Iam {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let form = String::from_utf8(request.body.to_vec()).unwrap();
        let user = form.split('&').find_map(|pair| pair.strip_prefix("UserName="));
        let (status, body) = match user {
            Some(name) => self.user(name).await,
            None => {
                let caller = format!("<Arn>{}</Arn><UserId>AIDA</UserId><Account>1</Account>", arn("server"));
                let result = format!("<GetCallerIdentityResult>{caller}</GetCallerIdentityResult>");
                (StatusCode::OK, format!("<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"))
            }
        };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/xml"))]);
        Ok(HttpResponse { status, headers, body: body.into() })
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:iam::1:user/{name}")
}

/// A configured mount, and its IAM.
struct Scene {
    iam: Arc<Iam>,
    mount: AuthMethod,
}

impl Scene {
    async fn open(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let iam = Arc::new(Iam { answer: Box::new(answer), log: Mutex::default() });
        let world =
            World { transport: Arc::<Iam>::clone(&iam), clock: Arc::new(Noon), random: Arc::new(Zeros) };
        let environment = Environment {
            world: Arc::new(world),
            host: HostFlavor::OpenBao,
            forwarded: room_of_process(),
            neighbours: Living::default(),
            used: UsedSignatures::default(),
        };
        let setup = MountSetup {
            config: BTreeMap::new(),
            backend_uuid: "side-by-side".to_owned(),
            storage: Arc::new(MemoryStorage::default()),
            system_view: Arc::new(Host::default()),
        };
        let mount = AuthMethod::new(Arc::new(environment), setup);
        let config = json!({"access_key": "AKID", "secret_key": "secret"}).to_string();
        let reply = mount.handle_request(request(Operation::Create, "config/client", &config)).await;
        assert_eq!(reply, Reply::Empty);
        Self { iam, mount }
    }

    /// Writes a role; the text if it is refused.
    async fn write(&self, names: &[String]) -> Option<String> {
        let arns: Vec<String> = names.iter().map(|name| arn(name)).collect();
        let role = json!({"auth_type": "iam", "bound_iam_principal_arn": arns}).to_string();
        match self.mount.handle_request(request(Operation::Create, "role/many", &role)).await {
            Reply::Empty => None,
            Reply::Refusal { text, kind: None } => Some(text),
            other => panic!("{other:?}"),
        }
    }

    async fn ids(&self) -> Vec<String> {
        let reply = self.mount.handle_request(request(Operation::Read, "role/many", "{}")).await;
        let Reply::Answer(answer) = reply else { panic!("{reply:?}") };
        let ids = answer.data.unwrap()["bound_iam_principal_id"].clone();
        serde_json::from_value(ids).unwrap()
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("u{number}")).collect()
}

fn after(milliseconds: u64) -> Answer {
    Answer::After(Duration::from_millis(milliseconds))
}

fn start(name: &str) -> String {
    format!("unable to resolve ARN \"{}\" to internal ID: ", arn(name))
}

#[tokio::test(start_paused = true)]
async fn look_ups_run_side_by_side_and_their_answers_keep_the_order() {
    // Each takes another time, so that they end in another order than they began.
    let scene = Scene::open(|name| after(name.len() as u64 * 7 % 5 * 10 + 10)).await;
    let names = names(300);
    assert_eq!(scene.write(&names).await, None);
    assert_eq!(scene.iam.log.lock().unwrap().most, AT_ONCE);
    assert_eq!(scene.iam.take_asked().len(), names.len());
    assert_eq!(scene.ids().await, names.iter().map(|name| format!("AIDA{name}")).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn hundreds_at_once_wait_for_no_budget() {
    let scene = Scene::open(|_| after(0)).await;
    let begun = Instant::now();
    assert_eq!(scene.write(&names(800)).await, None);
    // A timer of this clock ends at the next millisecond, so each round may take one.
    assert!(begun.elapsed() <= Duration::from_millis(2 * 800), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_first_that_cannot_be_resolved_is_named_however_late_it_is_known() {
    let scene = Scene::open(|name| match name {
        "u3" => Answer::NobodyAfter(Duration::from_secs(5)),
        "u7" => Answer::NobodyAfter(Duration::from_millis(1)),
        _ => after(10),
    })
    .await;
    let names = names(60);
    let text = scene.write(&names).await.unwrap();
    assert!(text.starts_with(&(start("u3") + "NoSuchEntity: ")), "{text}");
    assert!(!text.contains("remembered"), "{text}");
    // Nothing beyond those that were under way beside it.
    assert!(scene.iam.take_asked().len() < 3 + AT_ONCE + 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_time_runs_out_says_so_and_goes_on_at_the_next_try() {
    let scene = Scene::open(|_| after(9000)).await;
    let names = names(200);
    let text = scene.write(&names).await.unwrap();
    let resolved = scene.iam.take_asked().len() - AT_ONCE;
    let time = "no answer within 3 s; no time was left of the 85 s of this request";
    let progress = format!(
        "; {resolved} of 200 principals are resolved and remembered for 10 min: write the role again to go on"
    );
    let call = "GetUser at https://iam.amazonaws.com: ";
    assert_eq!(text, start(&names[resolved]) + call + time + &progress);
    // The second try asks for nobody of whom it is known.
    assert_eq!(scene.write(&names).await, None);
    assert_eq!(scene.iam.take_asked(), names[resolved..]);
    assert_eq!(scene.ids().await.len(), names.len());
    // Written is written: the next time all are asked for anew.
    scene.write(&names).await.unwrap();
    assert_eq!(scene.iam.take_asked()[..resolved], names[..resolved]);
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_ages() {
    let scene = Scene::open(|name| match name {
        "u1" => Answer::NobodyAfter(Duration::ZERO),
        _ => after(0),
    })
    .await;
    let names = names(2);
    scene.write(&names).await.unwrap();
    assert_eq!(scene.iam.take_asked(), names);
    tokio::time::advance(Duration::from_secs(9 * 60)).await;
    scene.write(&names).await.unwrap();
    assert_eq!(scene.iam.take_asked(), names[1..]);
    tokio::time::advance(Duration::from_secs(2 * 60)).await;
    scene.write(&names).await.unwrap();
    assert_eq!(scene.iam.take_asked(), names);
}

#[tokio::test(start_paused = true)]
async fn one_look_up_that_hangs_does_not_take_the_time_of_all() {
    let scene = Scene::open(|_| after(3_600_000)).await;
    let text = scene.write(&names(300)).await.unwrap();
    assert!(text.starts_with(&start("u0")), "{text}");
    assert!(text.ends_with("; no time was left of the 30 s of this look-up"), "{text}");
    assert!(!text.contains("attempt(s)"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn when_aws_asks_for_patience_the_budget_gives_way() {
    let scene = Scene::open(|_| Answer::Throttled).await;
    let text = scene.write(&names(300)).await.unwrap();
    assert!(text.starts_with(&(start("u0") + "2 errors occurred:\n\t* Throttling: m")), "{text}");
    let reply = scene.mount.handle_request(request(Operation::Read, "status/aws", "{}")).await;
    let Reply::Answer(answer) = reply else { panic!("{reply:?}") };
    let lines = answer.data.unwrap()["calls"].clone();
    let line = lines.as_array().unwrap().iter().find(|line| line["purpose"] == "role_write").unwrap();
    let budget = &line["budget"];
    let (now, full) = (budget["remaining"].as_u64().unwrap(), budget["capacity"].as_u64().unwrap());
    assert!(now < full / 2 && budget["refill_per_second"].as_f64().unwrap() < 100.0, "{budget}");
}
