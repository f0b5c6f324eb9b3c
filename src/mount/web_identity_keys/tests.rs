use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::aws::arn::AccountId;
use crate::entry::JwtIssuer;
use crate::ports::testing::Same;
use crate::ports::{Clock, HttpResponse, Transport};

/// Time in seconds that goes on when a test says so.
struct Seconds(AtomicU64);

impl Clock for Seconds {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.0.load(Ordering::SeqCst))).unwrap()
    }
}

/// Issuers that all publish the same keys.
struct Issuers {
    answer: Mutex<Option<(u16, Vec<String>)>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Transport for Issuers {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(request.uri.to_string().ends_with(".example/.well-known/jwks.json"), "{}", request.uri);
        assert_eq!((request.response_limit, request.host_chosen_in), (MAX_DOCUMENT_BYTES, None));
        tokio::time::sleep(Duration::from_millis(50)).await;
        let Some((status, ids)) = self.answer.lock().unwrap().clone() else {
            return Err(TransportError::Connect("refused".to_owned()));
        };
        let keys: Vec<_> =
            ids.iter().map(|id| json!({"kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB"})).collect();
        let body = Bytes::from(json!({"keys": keys}).to_string());
        let status = StatusCode::from_u16(status).unwrap();
        Ok(HttpResponse { status, headers: HeaderMap::new(), body })
    }
}

struct Scene {
    issuers: Arc<Issuers>,
    clock: Arc<Seconds>,
    world: Arc<World>,
    keys: Arc<WebIdentityKeys>,
}

impl Scene {
    fn new(ids: &[&str]) -> Self {
        let issuers = Arc::new(Issuers { answer: Mutex::default(), asked: AtomicUsize::new(0) });
        let clock = Arc::new(Seconds(AtomicU64::new(1_000_000)));
        let world = Arc::new(World {
            transport: Arc::<Issuers>::clone(&issuers),
            clock: Arc::<Seconds>::clone(&clock),
            random: Arc::new(Same(0)),
        });
        let scene = Self { issuers, clock, world, keys: Arc::default() };
        scene.publishes(200, ids);
        scene
    }

    fn publishes(&self, status: u16, ids: &[&str]) {
        let ids = ids.iter().map(|&id| id.to_owned()).collect();
        *self.issuers.answer.lock().unwrap() = Some((status, ids));
    }

    fn is_down(&self) {
        *self.issuers.answer.lock().unwrap() = None;
    }

    async fn find_at(&self, name: &str, id: &str) -> Result<(), NoKey> {
        let issuer = format!("https://{name}.example");
        let of = IssuerOfAccount {
            account: AccountId::new(name),
            issuer: JwtIssuer { issuer, ..JwtIssuer::default() },
        };
        let found = self.keys.find(&self.world, &of, id, JwtAlgorithm::Rs256).await?;
        assert!(found.find(id, JwtAlgorithm::Rs256).is_some());
        Ok(())
    }

    async fn find(&self, id: &str) -> Result<(), NoKey> {
        self.find_at("a", id).await
    }

    fn wait(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn asked(&self) -> usize {
        self.issuers.asked.swap(0, Ordering::SeqCst)
    }
}

fn is_not_fetched(found: &Result<(), NoKey>) -> bool {
    matches!(found, Err(NoKey::NotFetched { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_once_fetch_once_and_for_an_hour() {
    let scene = Scene::new(&["k"]);
    let found = join_all((0..100).map(|_| scene.find("k"))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(scene.asked(), 1);
    scene.wait(3_599);
    scene.find("k").await.unwrap();
    assert_eq!(scene.asked(), 0);
    scene.wait(1);
    scene.find("k").await.unwrap();
    assert_eq!(scene.asked(), 1);
    let CacheStatus { entries, hits, misses, .. } = scene.keys.status();
    assert_eq!((entries, hits, misses), (1, 1, 101));
}

#[tokio::test(start_paused = true)]
async fn keys_are_those_of_one_issuer_alone() {
    let scene = Scene::new(&["k"]);
    scene.find_at("a", "k").await.unwrap();
    scene.publishes(200, &["other"]);
    assert_eq!(scene.find_at("b", "k").await, Err(NoKey::Unknown));
    scene.find_at("a", "k").await.unwrap();
    assert_eq!(scene.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_an_issuer_is_down_its_keys_count_for_a_day() {
    let scene = Scene::new(&["k"]);
    scene.find("k").await.unwrap();
    scene.asked();
    scene.is_down();
    scene.wait(3_600);
    scene.find("k").await.unwrap();
    assert_eq!(scene.asked(), 1);
    // Not asked again for half a minute.
    scene.wait(29);
    scene.find("k").await.unwrap();
    assert!(is_not_fetched(&scene.find("new").await));
    assert_eq!(scene.asked(), 0);
    scene.wait(1);
    scene.find("k").await.unwrap();
    assert_eq!(scene.asked(), 1);
    scene.wait(86_400 - 3_630 - 1);
    scene.find("k").await.unwrap();
    scene.wait(1);
    scene.asked();
    assert!(is_not_fetched(&scene.find("k").await), "what is a day old admits nobody");
    scene.publishes(200, &["k"]);
    scene.wait(5);
    scene.find("k").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_looked_for_at_once_and_a_wrong_one_twice_a_minute() {
    let scene = Scene::new(&["old"]);
    scene.find("old").await.unwrap();
    scene.publishes(200, &["old", "new"]);
    scene.find("new").await.unwrap();
    assert_eq!(scene.asked(), 2);
    for _ in 0..10 {
        assert_eq!(scene.find("wrong").await, Err(NoKey::Unknown));
    }
    scene.find("old").await.unwrap();
    scene.wait(29);
    assert_eq!(scene.find("wrong").await, Err(NoKey::Unknown));
    assert_eq!(scene.asked(), 1);
    scene.wait(1);
    assert_eq!(scene.find("wrong").await, Err(NoKey::Unknown));
    assert_eq!(scene.asked(), 1);
    // One that is no longer published is no longer taken.
    scene.publishes(200, &["new"]);
    scene.wait(3_600);
    assert_eq!(scene.find("old").await, Err(NoKey::Unknown));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_never_answered_is_asked_again_soon() {
    let scene = Scene::new(&["k"]);
    for (status, ids) in [(500, &["k"][..]), (302, &["k"]), (200, &["k", "k"])] {
        scene.publishes(status, ids);
        assert!(is_not_fetched(&scene.find("k").await), "{status}");
        assert!(is_not_fetched(&scene.find("k").await), "{status}");
        assert_eq!(scene.asked(), 1);
        scene.wait(5);
    }
    scene.publishes(200, &["k"]);
    scene.find("k").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_nothing_younger() {
    let scene = Scene::new(&["k"]);
    scene.find("k").await.unwrap();
    scene.clock.0.store(900_000, Ordering::SeqCst);
    scene.is_down();
    assert!(is_not_fetched(&scene.find("k").await));
}

#[test]
fn a_stranger_is_told_nothing_of_the_network() {
    let cause = KeysError::Transport(TransportError::Connect("10.0.0.1:443: refused".to_owned()));
    let error = NoKey::NotFetched { url: "https://a.example".to_owned(), cause };
    assert_eq!(error.to_string(), "the keys of the token's issuer could not be fetched");
    let fact = &error.facts()[0];
    assert_eq!((fact.seen.as_str(), fact.wanted.as_str()), ("10.0.0.1:443: refused", "https://a.example"));
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_does_not_make_others_ask_again() {
    let scene = Scene::new(&["k"]);
    scene.find("k").await.unwrap();
    scene.asked();
    for _ in 0..10 {
        let gone = tokio::time::timeout(Duration::from_millis(10), scene.find("wrong")).await;
        assert!(gone.is_err() || gone == Ok(Err(NoKey::Unknown)));
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(scene.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_written_anew_begins_without_keys() {
    let scene = Scene::new(&["k"]);
    scene.find("k").await.unwrap();
    scene.publishes(200, &["other"]);
    let under_way = scene.find_at("b", "k");
    let (under_way, ()) = tokio::join!(under_way, async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        scene.keys.forget();
    });
    assert_eq!(under_way, Err(NoKey::Unknown));
    scene.asked();
    assert_eq!(scene.find("k").await, Err(NoKey::Unknown), "the key of before");
    scene.find_at("b", "other").await.unwrap();
    assert_eq!(scene.asked(), 2, "what was fetched before counts no more");
}
