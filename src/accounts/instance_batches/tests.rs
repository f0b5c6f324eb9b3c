mod crowds;
mod storms;

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::batch::{Answer, LONGEST_WINDOW, Lane};
use super::questions::MAX_BATCH;
use super::*;
use crate::aws::arn::AccountId;
use crate::aws::calls::{Api, Calls};
use crate::aws::endpoint::{Endpoint, Service};
use crate::aws::region::{Partition, Region};
use crate::ports::testing::{Same, StandingClock};
use crate::ports::{HttpRequest, HttpResponse, Transport, TransportError, World};

/// What EC2 does when it is asked.
type Behaviour = Box<dyn Fn(&[String]) -> (u16, String) + Send + Sync>;

struct Ec2 {
    latency: Duration,
    behaviour: Behaviour,
    /// The ids of each call, and when it came.
    calls: Mutex<Vec<(Vec<String>, Instant)>>,
    limits: Mutex<Vec<usize>>,
}

#[async_trait]
impl Transport for Ec2 {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let body = std::str::from_utf8(&request.body).unwrap();
        let ids: Vec<String> = body
            .split('&')
            .filter(|parameter| parameter.starts_with("InstanceId."))
            .map(|parameter| parameter.split_once('=').unwrap().1.to_owned())
            .collect();
        self.calls.lock().unwrap().push((ids.clone(), Instant::now()));
        self.limits.lock().unwrap().push(request.response_limit);
        tokio::time::sleep(self.latency).await;
        let (status, body) = (self.behaviour)(&ids);
        let status = StatusCode::from_u16(status).unwrap();
        Ok(HttpResponse { status, headers: HeaderMap::new(), body: Bytes::from(body) })
    }
}

struct Scene {
    ec2: Arc<Ec2>,
    calls: Arc<Calls>,
    shared: SharedCalls,
    batches: Arc<InstanceBatches>,
    /// Where logins are before they ask.
    arriving: Arc<Crowd>,
}

fn described(ids: &[String]) -> String {
    let instance = |id: &String| {
        format!(
            "<item><instancesSet><item><instanceId>{id}</instanceId><imageId>ami-1</imageId><instanceState><name>running</name></instanceState><launchTime>2026-01-02T03:04:05.000Z</launchTime></item></instancesSet></item>"
        )
    };
    let instances: String = ids.iter().map(instance).collect();
    format!(
        "<DescribeInstancesResponse><reservationSet>{instances}</reservationSet></DescribeInstancesResponse>"
    )
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>r</RequestID></Response>"
    )
}

fn id(number: u32) -> String {
    format!("i-{number:017x}")
}

impl Scene {
    fn new(
        latency: Duration,
        behaviour: impl Fn(&[String]) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let ec2 = Arc::new(Ec2 {
            latency,
            behaviour: Box::new(behaviour),
            calls: Mutex::default(),
            limits: Mutex::default(),
        });
        let world = Arc::new(World {
            transport: Arc::clone(&ec2) as Arc<dyn Transport>,
            clock: Arc::new(StandingClock(SystemTime::UNIX_EPOCH)),
            random: Arc::new(Same(0)),
        });
        let calls = Arc::<Calls>::default();
        let shared = SharedCalls::new(world, Arc::clone(&calls), 4);
        let arriving = Arc::<Crowd>::default();
        let batches = Arc::new(InstanceBatches::new(Arc::clone(&arriving)));
        Self { ec2, calls, shared, batches, arriving }
    }

    fn answering(latency: Duration) -> Self {
        Self::new(latency, |ids| (200, described(ids)))
    }

    fn key(account: &str) -> ClientKey {
        ClientKey {
            mount: "m".to_owned(),
            partition: Partition::Aws,
            account: AccountId::new(account),
            region: Region::parse("eu-west-1").unwrap(),
            role_arn: String::new(),
            external_id: String::new(),
            generation: 1,
        }
    }

    async fn describe_for(&self, key: ClientKey, id: &str) -> Answer {
        self.describe_of(key, Wanted { id, caller: "AROA", arrival: None }).await
    }

    async fn describe_of(&self, key: ClientKey, wanted: Wanted<'_>) -> Answer {
        self.describe_by(key, wanted, Deadline::start()).await
    }

    async fn describe_by(&self, key: ClientKey, wanted: Wanted<'_>, deadline: Deadline) -> Answer {
        let client = Ec2Client {
            account: key.account.clone(),
            endpoint: Endpoint::of_service(Service::Ec2, &key.region).unwrap(),
            region: key.region.clone(),
            credentials: Credentials::new("AKID", "secret", None, None, "test"),
        };
        self.batches.describe(key, client, self.shared.clone(), wanted, deadline).await
    }

    async fn describe(&self, id: &str) -> Answer {
        self.describe_for(Self::key("1"), id).await
    }

    /// Asks after a while.
    async fn describe_after(&self, milliseconds: u64, id: &str) -> Answer {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        self.describe(id).await
    }

    /// The number of ids in each call.
    fn sizes(&self) -> Vec<usize> {
        self.ec2.calls.lock().unwrap().iter().map(|(ids, _)| ids.len()).collect()
    }

    fn is_forgotten(&self) -> bool {
        self.batches.questions.state().groups.is_empty()
    }
}

#[track_caller]
fn assert_own(answer: &Answer, id: &str) {
    match answer {
        Ok(Description::Instance(instance)) => assert_eq!(instance.id, id),
        other => panic!("{id}: {other:?}"),
    }
}

const EC2_LATENCY: Duration = Duration::from_millis(50);

#[tokio::test(start_paused = true)]
async fn a_lone_login_does_not_wait_and_nothing_is_left_of_it() {
    let scene = Scene::answering(EC2_LATENCY);
    for number in 0..3 {
        let start = Instant::now();
        assert_own(&scene.describe(&id(number)).await, &id(number));
        assert_eq!(start.elapsed(), EC2_LATENCY);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(scene.is_forgotten());
    }
    assert_eq!(scene.sizes(), [1, 1, 1]);
}

/// A thousand instances that start together, at any speed of theirs and of EC2.
#[tokio::test(start_paused = true)]
async fn a_thousand_instances_take_at_most_twenty_calls() {
    for spread in [0, 300, 1000, 2000, 3000] {
        for latency in [1, 10, 50, 200] {
            let scene = Scene::answering(Duration::from_millis(latency));
            let all = (0..1000).map(|number| {
                let scene = &scene;
                async move {
                    tokio::time::sleep(Duration::from_micros(spread * u64::from(number))).await;
                    let start = Instant::now();
                    assert_own(&scene.describe(&id(number)).await, &id(number));
                    start.elapsed()
                }
            });
            let longest = join_all(all).await.into_iter().max().unwrap();
            let sizes = scene.sizes();
            assert!(sizes.len() <= 20, "{} calls in {spread} ms at {latency} ms: {sizes:?}", sizes.len());
            assert_eq!(sizes.iter().sum::<usize>(), 1000);
            assert!(sizes.iter().all(|size| *size <= MAX_BATCH));
            let most = LONGEST_WINDOW + Duration::from_millis(latency + 5);
            assert!(longest <= most, "{longest:?} in {spread} ms at {latency} ms");
            tokio::time::sleep(LONGEST_WINDOW).await;
            assert!(scene.is_forgotten());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_window_grows_with_company_and_shrinks_without() {
    let scene = Scene::answering(Duration::from_secs(2));
    let storm = (0..200).map(|number| {
        let scene = &scene;
        async move { scene.describe_after(u64::from(number) * 4, &id(number)).await }
    });
    join_all(storm).await;
    let sizes = scene.sizes();
    assert!(sizes[1] < sizes[2] && sizes[2] < sizes[3], "{sizes:?}");
    assert!(sizes.len() < 10, "{sizes:?}");
    let scene = Scene::answering(Duration::from_millis(500));
    let trickle = (0..10).map(|number| {
        let scene = &scene;
        async move {
            tokio::time::sleep(Duration::from_millis(u64::from(number) * 100)).await;
            let start = Instant::now();
            scene.describe(&id(number)).await.unwrap();
            start.elapsed()
        }
    });
    let times = join_all(trickle).await;
    assert_eq!(scene.sizes(), [1; 10]);
    assert!(times.iter().all(|time| *time <= Duration::from_millis(511)), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn equal_ids_share_a_question_but_not_an_answer_that_has_come() {
    let scene = Scene::answering(EC2_LATENCY);
    let (first, second) = (id(1), id(2));
    let answers = tokio::join!(
        scene.describe(&first),
        scene.describe_after(20, &first),
        scene.describe_after(21, &second),
        scene.describe_after(22, &second),
        scene.describe_after(49, &first),
    );
    for answer in [&answers.0, &answers.1, &answers.4] {
        assert_own(answer, &first);
    }
    for answer in [&answers.2, &answers.3] {
        assert_own(answer, &second);
    }
    assert_eq!(scene.sizes(), [1, 1]);
    scene.describe(&first).await.unwrap();
    assert_eq!(scene.sizes().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn clients_share_nothing() {
    let scene = Scene::answering(EC2_LATENCY);
    let keys: Vec<ClientKey> = vec![
        Scene::key("1"),
        Scene::key("2"),
        ClientKey { region: Region::parse("eu-west-2").unwrap(), ..Scene::key("1") },
        ClientKey { partition: Partition::AwsCn, ..Scene::key("1") },
        ClientKey { role_arn: "arn".to_owned(), ..Scene::key("1") },
        ClientKey { external_id: "x".to_owned(), ..Scene::key("1") },
        ClientKey { generation: 2, ..Scene::key("1") },
    ];
    let number = keys.len();
    let same = id(1);
    join_all(keys.into_iter().map(|key| scene.describe_for(key, &same))).await;
    assert_eq!(scene.sizes(), vec![1; number]);
}

/// Three ids in one batch, after one that went alone.
async fn three(scene: &Scene, ids: [&str; 3]) -> [Answer; 3] {
    let alone = id(0xa10e);
    let (_, first, second, third) = tokio::join!(
        scene.describe(&alone),
        scene.describe_after(1, ids[0]),
        scene.describe_after(2, ids[1]),
        scene.describe_after(3, ids[2]),
    );
    [first, second, third]
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_otherwise_fails_each_of_its_logins() {
    let unreadable = "DescribeInstances at https://ec2.eu-west-1.amazonaws.com: the answer could not be read";
    let (first, second, third) = (id(1), id(2), id(3));
    for (status, body, text) in [
        (200, "<DescribeInstancesResponse><reservationSet>".to_owned(), unreadable),
        (
            200,
            described(std::slice::from_ref(&first))
                .replace("</reservationSet>", "</reservationSet><nextToken>n</nextToken>"),
            unreadable,
        ),
        (
            403,
            error("UnauthorizedOperation", "no"),
            "UnauthorizedOperation: no\n\tstatus code: 403, request id: r",
        ),
    ] {
        let scene = Scene::new(EC2_LATENCY, move |_| (status, body.clone()));
        let answers = three(&scene, [&first, &second, &third]).await;
        for answer in answers {
            assert_eq!(answer.unwrap_err().to_string(), text);
        }
        assert_eq!(scene.sizes(), [1, 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_gives_nobody_the_instance_of_another() {
    let (first, second, third) = (id(1), id(2), id(3));
    let stranger = id(9);
    let answered = [first.clone(), stranger, second.clone(), second.clone()];
    let scene = Scene::new(EC2_LATENCY, move |_| (200, described(&answered)));
    let answers = three(&scene, [&first, &second, &third]).await;
    assert_own(&answers[0], &first);
    assert!(answers[1].as_ref().unwrap_err().to_string().ends_with("the answer could not be read"));
    assert_eq!(answers[2], Ok(Description::WithoutId));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_does_not_take_the_others_along() {
    let scene = Scene::answering(EC2_LATENCY);
    let (first, second) = (id(1), id(2));
    let impatient = |after: u64, id: &str| {
        let (scene, id) = (&scene, id.to_owned());
        async move {
            let wait = Duration::from_millis(30);
            assert!(tokio::time::timeout(wait, scene.describe_after(after, &id)).await.is_err());
        }
    };
    let ((), (), shared, later) = tokio::join!(
        impatient(0, &first),
        impatient(5, &second),
        scene.describe_after(2, &first),
        scene.describe_after(6, &second),
    );
    assert_own(&shared, &first);
    assert_own(&later, &second);
    assert_eq!(scene.sizes(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_asked() {
    let scene = Scene::answering(EC2_LATENCY);
    let (first, second, third) = (id(1), id(2), id(3));
    let gone = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let wait = Duration::from_millis(2);
        assert!(tokio::time::timeout(wait, scene.describe(&second)).await.is_err());
    };
    let (_, (), answer) = tokio::join!(scene.describe(&first), gone, scene.describe_after(2, &third));
    assert_own(&answer, &third);
    assert_eq!(scene.sizes(), [1, 1]);
    assert_own(&scene.describe(&second).await, &second);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_leaves_nobody_waiting() {
    let scene = Scene::new(EC2_LATENCY, |ids| {
        assert!(!ids.contains(&id(2)), "this is the panic");
        (200, described(ids))
    });
    let start = Instant::now();
    let answers = three(&scene, [&id(1), &id(2), &id(3)]).await;
    for answer in answers {
        let text = answer.unwrap_err().to_string();
        assert!(text.ends_with("the call ended without an answer"), "{text}");
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_own(&scene.describe(&id(4)).await, &id(4));
    tokio::time::sleep(LONGEST_WINDOW).await;
    assert!(scene.is_forgotten());
}

#[tokio::test(start_paused = true)]
async fn a_login_waits_no_longer_than_its_own_time() {
    let scene = Scene::answering(Duration::from_secs(9));
    let deadline = Deadline::start();
    tokio::time::sleep(Duration::from_secs(29)).await;
    let key = Scene::key("1");
    let client = Ec2Client {
        account: key.account.clone(),
        endpoint: Endpoint::of_service(Service::Ec2, &key.region).unwrap(),
        region: key.region.clone(),
        credentials: Credentials::new("AKID", "secret", None, None, "test"),
    };
    let first = id(1);
    let wanted = Wanted { id: &first, caller: "AROA", arrival: None };
    let late = scene.batches.describe(key, client, scene.shared.clone(), wanted, deadline);
    let (late, in_time) = tokio::join!(late, scene.describe_after(10, &first));
    let text = late.unwrap_err().to_string();
    assert!(text.ends_with("no answer in the time of this request"), "{text}");
    assert!(text.starts_with("DescribeInstances at https://ec2.eu-west-1.amazonaws.com"), "{text}");
    assert_own(&in_time, &first);
    assert_eq!(scene.sizes(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_waits_for_its_budget_can_be_joined() {
    let scene = Scene::answering(EC2_LATENCY);
    let line = scene.calls.own_line("1", "eu-west-1", Api::DescribeInstances);
    for _ in 0..60 {
        line.token(Deadline::start()).await.unwrap();
    }
    let start = Instant::now();
    let all = (0..150).map(|number| {
        let scene = &scene;
        async move { scene.describe_after(u64::from(number) / 2, &id(number)).await }
    });
    for (number, answer) in join_all(all).await.iter().enumerate() {
        assert_own(answer, &id(u32::try_from(number).unwrap()));
    }
    assert_eq!(scene.sizes(), [100, 50]);
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    let limits = scene.ec2.limits.lock().unwrap().clone();
    assert_eq!(limits, [100 * 64 * 1024, 50 * 64 * 1024]);
}

/// EC2 with a bucket of its own that others use as well: a storm ends in waiting.
#[tokio::test(start_paused = true)]
async fn throttling_ends_in_waiting() {
    let start = Instant::now();
    let scene = Scene::new(EC2_LATENCY, move |ids| {
        if start.elapsed() < Duration::from_secs(3) {
            (503, error("RequestLimitExceeded", "slow"))
        } else {
            (200, described(ids))
        }
    });
    let all = (0..300).map(|number| {
        let scene = &scene;
        async move { scene.describe_after(u64::from(number), &id(number)).await }
    });
    for (number, answer) in join_all(all).await.iter().enumerate() {
        assert_own(answer, &id(u32::try_from(number).unwrap()));
    }
    let line = scene.calls.status().remove(0);
    assert!(line.counts.throttles > 0);
    assert!(line.budget.unwrap().refill_per_second < 10.0);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_goes_at_once() {
    let scene = Scene::answering(EC2_LATENCY);
    let start = Instant::now();
    let ids: Vec<String> = (0..250).map(id).collect();
    join_all(ids.iter().map(|id| scene.describe(id))).await;
    let calls = scene.ec2.calls.lock().unwrap().clone();
    let seen: Vec<(usize, u128)> =
        calls.iter().map(|(ids, at)| (ids.len(), at.duration_since(start).as_millis())).collect();
    assert!(matches!(seen[..], [(100, 0), (100, 0), (50, 10..15)]), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_come_is_given_to_nobody_else_while_others_are_still_asked_for() {
    let bad = id(0xbad);
    let scene = Scene::new(EC2_LATENCY, {
        let bad = bad.clone();
        move |ids| {
            if ids.contains(&bad) {
                (400, error("InvalidInstanceID.NotFound", "no"))
            } else {
                (200, described(ids))
            }
        }
    });
    let first = id(1);
    let others: Vec<String> = std::iter::once(bad).chain((2..12).map(id)).collect();
    let alone = id(0);
    // Somebody who has not looked at the answer yet keeps it alive.
    let held = async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let place = Place { client: Scene::key("1"), lane: Lane::Shared };
        let (held, opened) = scene.batches.questions.ask(&place, &first, &"AROA".into(), None);
        assert!(opened.is_none());
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(held);
    };
    let (_, (), before, _, after) = tokio::join!(
        scene.describe(&alone),
        held,
        scene.describe_after(1, &first),
        join_all(others.iter().map(|id| scene.describe_after(3, id))),
        scene.describe_after(230, &first),
    );
    assert_own(&before, &first);
    assert_own(&after, &first);
    let calls = scene.ec2.calls.lock().unwrap().clone();
    let of_first: Vec<usize> =
        calls.iter().filter(|(ids, _)| ids.contains(&first)).map(|(ids, _)| ids.len()).collect();
    assert_eq!(of_first, [12, 6, 3, 1, 1]);
}
