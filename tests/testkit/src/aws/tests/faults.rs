//! Every fault on demand.

use std::time::{Duration, Instant};

use super::client::{Client, send};
use crate::aws::{
    Aws, Entity, Fault, Gate, LoginOptions, OTHER_ACCOUNT, Outcome, Rate, RawAnswer, RefusingPort, Service,
    SignedRequest, SilentListener, Target, Times, sign,
};

const ACTION: &str = "GetCallerIdentity";

async fn start() -> (Aws, SignedRequest) {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let request = sign(&user.credentials, &LoginOptions::vault_cli());
    (aws, request)
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn faults_strike_as_often_as_asked() {
    let (aws, request) = start().await;
    aws.fault(ACTION, 2, Fault::status(500));
    aws.fault(ACTION, 1, Fault::throttling());
    aws.fault("GetRole", 1, Fault::status(501));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(send(&aws, &request).await.status);
    }
    assert_eq!(seen, [500, 500, 400, 200]);
    aws.fault(ACTION, Times::Always, Fault::status(503));
    for _ in 0..3 {
        assert_eq!(send(&aws, &request).await.status, 503);
    }
    aws.clear_faults();
    assert_eq!(send(&aws, &request).await.status, 200);
    let outcomes: Vec<_> = aws.calls(ACTION).iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes[..4], [500, 500, 400, 200].map(Outcome::Answered));
    assert!(aws.calls(ACTION).iter().all(|call| call.refused.is_none()));
}

#[tokio::test]
async fn calls_beyond_a_rate_are_struck() {
    let (aws, request) = start().await;
    let rate = Rate { burst: 2, per_second: 0 };
    aws.fault(ACTION, Times::Beyond(rate), Fault::throttling());
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(send(&aws, &request).await.status);
    }
    assert_eq!(seen, [200, 200, 400, 400]);
}

#[tokio::test]
async fn faults_strike_whom_they_are_meant_for() {
    let aws = Aws::start().await;
    let here = aws.create_user("vault");
    let there = aws.create_user(Entity::named("vault").account(OTHER_ACCOUNT));
    let call = |keys, region| sign(keys, &LoginOptions::vault_cli().region(region));
    for (target, expected) in [
        (Target::all(), [503, 503, 503]),
        (Target::service(Service::Ec2), [200, 200, 200]),
        (Target::service(Service::Sts).region("eu-west-1"), [200, 503, 200]),
        (Target::from(ACTION).account(OTHER_ACCOUNT), [200, 200, 503]),
        (Target::all().access_key_id(&here.credentials.access_key_id), [503, 503, 200]),
    ] {
        aws.fault(target.clone(), Times::Always, Fault::status(503));
        let mut seen = Vec::new();
        for (keys, region) in [(&here, "us-east-1"), (&here, "eu-west-1"), (&there, "us-east-1")] {
            seen.push(send(&aws, &call(&keys.credentials, region)).await.status);
        }
        assert_eq!(seen, expected, "{target:?}");
        aws.clear_faults();
    }
}

#[tokio::test]
async fn errors_have_the_form_of_the_service() {
    let (aws, request) = start().await;
    aws.fault(ACTION, 1, Fault::throttled(429, Some(7)));
    let response = send(&aws, &request).await;
    assert_eq!(response.error(), (429, "Throttling"));
    assert_eq!(
        (response.header("retry-after"), response.header("content-type")),
        (Some("7"), Some("text/xml"))
    );
    aws.fault(ACTION, 1, Fault::error(500, "InternalFailure", "a < b"));
    let response = send(&aws, &request).await;
    assert_eq!(response.error(), (500, "InternalFailure"));
    assert_eq!((response.text("Type"), response.text("Message")), (Some("Receiver"), Some("a &lt; b")));

    let user = aws.create_user("bob");
    let options = LoginOptions::call("ec2", "us-east-1", "Action=DescribeInstances&Version=2016-11-15");
    aws.fault("DescribeInstances", 1, Fault::request_limit_exceeded());
    let response = send(&aws, &sign(&user.credentials, &options)).await;
    assert_eq!(response.error(), (503, "RequestLimitExceeded"));
    assert_eq!(response.elements("Errors"), 1);
}

#[tokio::test]
async fn arbitrary_answers() {
    let (aws, request) = start().await;
    aws.fault(ACTION, 1, Fault::redirect("http://127.0.0.1:9/"));
    let response = send(&aws, &request).await;
    assert_eq!((response.status, response.header("location")), (302, Some("http://127.0.0.1:9/")));
    aws.fault(ACTION, 1, Fault::xml("<Other/>"));
    let response = send(&aws, &request).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("text/xml")));
    assert_eq!(response.body, "<Other/>");
    let raw = RawAnswer {
        status: 418,
        content_type: None,
        headers: vec![pair("X-Test", "1")],
        body: b"tea".to_vec(),
    };
    aws.fault(ACTION, 1, Fault::Answer(raw));
    let response = send(&aws, &request).await;
    assert_eq!((response.status, response.body.as_str()), (418, "tea"));
    assert_eq!((response.header("content-type"), response.header("x-test")), (None, Some("1")));
}

#[tokio::test]
async fn real_answers_reshaped() {
    let (aws, request) = start().await;
    let real = send(&aws, &request).await;
    let arn = real.text("Arn").unwrap().to_owned();

    aws.fault(ACTION, 1, Fault::ContentType("application/json".to_owned()));
    aws.fault(ACTION, 1, Fault::Header("X-Test".to_owned(), "1".to_owned()));
    let both = send(&aws, &request).await;
    assert_eq!(both.header("content-type"), Some("application/json"));
    assert_eq!((both.header("x-test"), both.text("Arn")), (Some("1"), Some(arn.as_str())));

    aws.fault(ACTION, 1, Fault::Oversized(100_000));
    let oversized = send(&aws, &request).await;
    assert!(oversized.body.len() > 100_000 && oversized.complete);
    assert_eq!(oversized.text("Arn"), Some(arn.as_str()));

    aws.fault(ACTION, 1, Fault::SecondResult(vec![pair("Arn", "arn:aws:iam::1:user/evil")]));
    let second = send(&aws, &request).await;
    assert_eq!((second.elements("GetCallerIdentityResult"), second.elements("Arn")), (2, 2));
    assert_eq!(second.text("Arn"), Some(arn.as_str()));
    assert!(second.body.contains("<Arn>arn:aws:iam::1:user/evil</Arn>"));

    aws.fault(ACTION, 1, Fault::Leading("{\"x\": 1}".to_owned()));
    assert!(send(&aws, &request).await.body.starts_with("{\"x\": 1}<GetCallerIdentityResponse"));
    aws.fault(ACTION, 1, Fault::Trailing("<Evil/>".to_owned()));
    assert!(send(&aws, &request).await.body.ends_with("</GetCallerIdentityResponse>\n<Evil/>"));
    aws.fault(ACTION, 1, Fault::Missing("UserId".to_owned()));
    assert_eq!(send(&aws, &request).await.elements("UserId"), 0);
    aws.fault(ACTION, 1, Fault::Repeated("Account".to_owned(), "999999999999".to_owned()));
    let repeated = send(&aws, &request).await;
    assert!(repeated.body.contains("<Account>111122223333</Account>\n    <Account>999999999999</Account>"));
    aws.fault(ACTION, 1, Fault::Replaced("Arn".to_owned(), "arn:aws:iam::1:root".to_owned()));
    assert_eq!(send(&aws, &request).await.text("Arn"), Some("arn:aws:iam::1:root"));
    aws.fault(ACTION, 1, Fault::Empty("GetCallerIdentityResult".to_owned()));
    let empty = send(&aws, &request).await;
    assert!(empty.body.contains("<GetCallerIdentityResult/>"));
    assert_eq!(empty.elements("Arn"), 0);
    assert_eq!(send(&aws, &request).await.elements("Arn"), 1);
}

#[tokio::test]
async fn another_instance_in_the_answer() {
    let aws = Aws::start().await;
    let user = aws.create_user("vault");
    aws.run_instance("i-0000000a");
    let parameters = "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-0000000a";
    let request = sign(&user.credentials, &LoginOptions::call("ec2", "us-east-1", parameters));
    aws.fault("DescribeInstances", 1, Fault::wrong_instance("i-0000000b"));
    assert_eq!(send(&aws, &request).await.text("instanceId"), Some("i-0000000b"));
    aws.fault("DescribeInstances", 1, Fault::SecondResult(vec![pair("instanceId", "i-0000000c")]));
    assert_eq!(send(&aws, &request).await.elements("reservationId"), 2);
    aws.fault("DescribeInstances", 1, Fault::Empty("reservationSet".to_owned()));
    assert_eq!(send(&aws, &request).await.elements("reservationId"), 0);
}

#[tokio::test]
async fn errors_are_not_reshaped() {
    let (aws, mut request) = start().await;
    request.body = request.body.replace("2011", "2012");
    aws.fault(ACTION, 1, Fault::Replaced("Code".to_owned(), "Fine".to_owned()));
    assert_eq!(send(&aws, &request).await.error(), (403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn late_answers() {
    let (aws, request) = start().await;
    aws.fault(ACTION, 1, Fault::Latency(Duration::from_millis(30)));
    aws.fault(ACTION, 1, Fault::Latency(Duration::from_millis(30)));
    let before = Instant::now();
    assert_eq!(send(&aws, &request).await.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(60));

    let gate = Gate::new();
    aws.fault(ACTION, 2, Fault::Hold(gate.clone()));
    aws.fault(ACTION, 1, Fault::status(500));
    let (mut first, mut second) = (Client::connect(&aws).await, Client::connect(&aws).await);
    first.request(&request).await;
    aws.wait_for_calls(ACTION, 2).await;
    second.request(&request).await;
    aws.wait_for_calls(ACTION, 3).await;
    assert_eq!(aws.calls(ACTION)[1].outcome, Outcome::Waiting);
    gate.open();
    assert_eq!(first.answer().await.unwrap().status, 500);
    assert_eq!(second.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn hanging_until_the_peer_leaves() {
    let (aws, request) = start().await;
    aws.fault(ACTION, 1, Fault::Hang);
    let mut client = Client::connect(&aws).await;
    client.request(&request).await;
    aws.wait_for_calls(ACTION, 1).await;
    assert_eq!(aws.calls(ACTION)[0].outcome, Outcome::Waiting);
    // Others are served meanwhile.
    assert_eq!(send(&aws, &request).await.status, 200);
    drop(client);
    aws.wait_until(|calls| calls[0].outcome == Outcome::Abandoned).await;
}

#[tokio::test]
async fn connections_that_break() {
    let (aws, request) = start().await;
    aws.fault(ACTION, 1, Fault::Close);
    let mut client = Client::connect(&aws).await;
    client.request(&request).await;
    assert!(client.ended().await);
    assert_eq!(aws.calls(ACTION)[0].outcome, Outcome::Dropped);

    aws.fault(ACTION, 1, Fault::CloseAfterAnswer);
    let mut client = Client::connect(&aws).await;
    let response = client.exchange(&request).await;
    assert_eq!((response.status, response.complete), (200, true));
    assert_eq!(response.header("connection"), None);
    assert!(client.ended().await);

    let whole = send(&aws, &request).await.body;
    aws.fault(ACTION, 1, Fault::Truncated);
    let response = send(&aws, &request).await;
    assert_eq!((response.status, response.complete), (200, false));
    assert_eq!(response.header("content-length"), Some(whole.len().to_string().as_str()));
    assert_eq!(response.body.len(), whole.len() / 2);

    aws.fault(ACTION, 1, Fault::Endless);
    let mut client = Client::connect(&aws).await;
    client.request(&request).await;
    while client.unused() < 1_000_000 {
        assert!(client.fill().await);
    }
    assert_eq!(aws.all_calls().last().unwrap().outcome, Outcome::Waiting);
    drop(client);
    aws.wait_until(|calls| calls.last().unwrap().outcome == Outcome::Abandoned).await;
}

#[tokio::test]
async fn ports_that_do_not_answer() {
    let silent = SilentListener::start();
    let address = silent.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let read = tokio::io::AsyncReadExt::read_u8(&mut stream);
    tokio::time::timeout(Duration::from_millis(50), read).await.unwrap_err();

    let refusing = RefusingPort::start();
    let address = refusing.url().replace("http://", "");
    let error = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
