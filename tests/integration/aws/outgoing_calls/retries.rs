//! How often a call is tried.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::net::TcpListener;

use crate::login_scene::{Canary, LoginScene, login_as, outcome};
use testkit::aws::{Aws, Credentials, Fault, RawAnswer, RefusingPort, Target, Times, User};
use testkit::host::Mount;

/// Trouble that may pass.
fn passing_trouble() -> Vec<(&'static str, Fault)> {
    vec![
        ("500", Fault::status(500)),
        ("502", Fault::status(502)),
        ("503", Fault::status(503)),
        ("504", Fault::status(504)),
        ("599", Fault::status(599)),
        ("429", Fault::status(429)),
        ("500 in XML", Fault::error(500, "InternalFailure", "x")),
        ("a closed connection", Fault::Close),
        ("half an answer", Fault::Truncated),
        ("Throttling", Fault::throttling()),
        ("Throttling with 429", Fault::throttled(429, None)),
        ("RequestLimitExceeded", Fault::request_limit_exceeded()),
        ("ThrottlingException", Fault::error(400, "ThrottlingException", "x")),
        ("SlowDown", Fault::error(403, "SlowDown", "x")),
    ]
}

/// Answers that stay what they are.
fn final_trouble() -> Vec<(&'static str, Fault)> {
    vec![
        ("400", Fault::error(400, "ValidationError", "x")),
        ("403", Fault::error(403, "AccessDenied", "x")),
        ("404", Fault::status(404)),
        ("501", Fault::status(501)),
        ("302", Fault::redirect("http://127.0.0.1:1/")),
        ("another document", Fault::xml("<a/>")),
        ("a long answer", Fault::Oversized(2 * 1024 * 1024)),
    ]
}

/// A user whose calls alone meet a fault; the role `all` admits everybody.
struct Victim {
    what: &'static str,
    credentials: Credentials,
}

fn victim(aws: &Aws, name: &str, what: &'static str, times: impl Into<Times>, fault: Fault) -> Victim {
    let User { credentials, .. } = aws.create_user(name);
    aws.fault(Target::all().access_key_id(&credentials.access_key_id), times, fault);
    Victim { what, credentials }
}

/// Logs all of them in at once; how many attempts each took, and whether it was admitted.
async fn attempts(aws: &Aws, mount: &Mount, victims: &[Victim]) -> Vec<(&'static str, usize, bool)> {
    join_all(victims.iter().map(async |victim| {
        let answer = mount.login_only(&login_as(&victim.credentials, "all")).await;
        let calls = aws.calls("GetCallerIdentity").into_iter();
        let key = &victim.credentials.access_key_id;
        let calls = calls.filter(|call| call.access_key_id == *key).count();
        (victim.what, calls, outcome(&answer).is_some())
    }))
    .await
}

async fn mount(scene: &LoginScene, max_retries: i64) -> Mount {
    let name = format!("retries{max_retries}");
    let mount = scene.further_mount(&name, &json!({"max_retries": max_retries})).await;
    let everybody = json!({"auth_type": "iam", "bound_iam_principal_arn": "**"});
    mount.write("role/all", &everybody).await.expect(204);
    mount
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_sent_three_times_at_the_most() {
    let scene = LoginScene::open().await;
    let mut number = 0;
    let mut victims = |times: Times, faults: Vec<(&'static str, Fault)>| -> Vec<Victim> {
        let each = faults.into_iter().map(|(what, fault)| {
            number += 1;
            victim(&scene.aws, &format!("user{number}"), what, times, fault)
        });
        each.collect()
    };
    // `max_retries`, which of the attempts fail, and what is expected of passing trouble.
    for (max_retries, times, expected) in [
        (-1, Times::Always, (3, false)),
        (-1, Times::Count(2), (3, true)),
        (-1, Times::Count(1), (2, true)),
        (9, Times::Always, (3, false)),
        (1, Times::Always, (2, false)),
        (0, Times::Always, (1, false)),
        (0, Times::Count(1), (1, false)),
    ] {
        let mount = mount(&scene, max_retries).await;
        let victims = victims(times, passing_trouble());
        for (what, calls, admitted) in attempts(&scene.aws, &mount, &victims).await {
            assert_eq!((calls, admitted), expected, "{what}, {max_retries}, {times:?}");
        }
        mount.cleanup().await.unwrap();
        scene.aws.clear_faults();
    }
    let mount = mount(&scene, -1).await;
    for (what, calls, admitted) in
        attempts(&scene.aws, &mount, &victims(Times::Always, final_trouble())).await
    {
        assert_eq!((calls, admitted), (1, false), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_the_server_follow_the_configuration() {
    let scene = LoginScene::open().await;
    let role = scene.aws.create_role("App");
    let binding = json!({"bound_iam_principal_arn": role.arn});
    for (max_retries, times, expected) in [
        (-1, Times::Always, (4, 400)),
        (-1, Times::Count(3), (4, 204)),
        (2, Times::Always, (3, 400)),
        (0, Times::Always, (1, 400)),
    ] {
        let mount = mount(&scene, max_retries).await;
        let trouble =
            [Fault::status(500), Fault::Close, Fault::throttling(), Fault::request_limit_exceeded()];
        for fault in trouble {
            scene.aws.clear_calls();
            scene.aws.fault("GetRole", times, fault.clone());
            let answer = mount.write("role/app", &binding).await;
            scene.aws.clear_faults();
            let seen = (scene.aws.call_count("GetRole"), answer.status);
            assert_eq!(seen, expected, "{max_retries} {fault:?}: {:?}", answer.errors);
            if answer.status == 204 {
                mount.delete("role/app").await.expect(204);
            }
        }
        mount.cleanup().await.unwrap();
    }
}

/// Peers that refuse the connection, or break it off with a reset.
#[tokio::test(flavor = "multi_thread")]
async fn refused_and_reset_connections_are_tried_again() {
    let scene = LoginScene::open().await;
    let refusing = RefusingPort::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let resetting = format!("http://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let accepted = Arc::clone(&accepted);
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                // Not before the request has come.
                stream.peek(&mut [0]).await.unwrap();
                stream.set_zero_linger().unwrap();
            }
        }
    });
    for (endpoint, cause) in [(refusing.url(), "connecting to"), (resetting, "HTTP exchange failed")] {
        for (max_retries, attempts) in [(-1, 3), (0, 1)] {
            accepted.store(0, Ordering::SeqCst);
            let changes = json!({"sts_endpoint": endpoint, "max_retries": max_retries});
            scene.configure(&scene.mount, &changes).await;
            let text = scene.refused(&scene.alice_login()).await;
            let expected = format!("POST {endpoint}// giving up after {attempts} attempt(s): {cause}");
            assert!(text.contains(&expected), "{text}");
            assert!(endpoint == refusing.url() || accepted.load(Ordering::SeqCst) == attempts);
        }
    }
}

/// The texts that tell what was given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_call_and_the_endpoint() {
    let scene = LoginScene::open().await;
    scene.configure(&scene.mount, &json!({"max_retries": 1})).await;
    let url = scene.aws.url();
    scene.aws.fault("GetCallerIdentity", 2, Fault::status(503));
    let text = scene.refused(&scene.alice_login()).await;
    let expected = format!(
        "error making upstream request: error making request: POST {url}// giving up after 2 attempt(s)"
    );
    assert_eq!(text, expected);

    scene.aws.fault("GetCallerIdentity", 2, Fault::Close);
    let text = scene.refused(&scene.alice_login()).await;
    assert!(text.starts_with(&format!("{expected}: ")), "{text}");

    let answers = [
        (Fault::status(500), "giving up after 2 attempt(s): server errors"),
        (Fault::Close, "giving up after 2 attempt(s): HTTP exchange failed"),
        (Fault::xml("<a/>"), "the answer could not be read"),
        (
            Fault::Oversized(2 * 1024 * 1024),
            "giving up after 1 attempt(s): answer is longer than 1048576 bytes",
        ),
    ];
    for (fault, cause) in answers {
        scene.aws.fault("GetUser", 2, fault);
        let binding = json!({"bound_iam_principal_arn": scene.alice.arn});
        let answer = scene.mount.write("role/other", &binding).await;
        scene.aws.clear_faults();
        let arn = &scene.alice.arn;
        let expected = format!("unable to resolve ARN \"{arn}\" to internal ID: GetUser at {url}: {cause}");
        assert!(answer.error().starts_with(&expected), "{}", answer.error());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured_as_far_as_time_is_left() {
    let scene = LoginScene::open().await;
    let with_header = |status: u16, value: &str| {
        let Fault::Answer(answer) = Fault::status(status) else { unreachable!() };
        let headers = vec![("Retry-After".to_owned(), value.to_owned())];
        Fault::Answer(RawAnswer { headers, ..answer })
    };
    let soon = [
        Fault::throttled(503, Some(1)),
        Fault::throttled(400, Some(1)),
        with_header(429, "1"),
        with_header(500, " 1 "),
    ];
    let soon: Vec<Victim> = soon
        .into_iter()
        .enumerate()
        .map(|(number, fault)| victim(&scene.aws, &format!("soon{number}"), "soon", 1, fault))
        .collect();
    let mount = mount(&scene, -1).await;
    for (what, calls, admitted) in attempts(&scene.aws, &mount, &soon).await {
        assert_eq!((calls, admitted), (2, true), "{what}");
    }
    for victim in &soon {
        let calls = scene.aws.calls("GetCallerIdentity");
        let key = &victim.credentials.access_key_id;
        let times: Vec<Instant> =
            calls.iter().filter(|call| call.access_key_id == *key).map(|call| call.instant).collect();
        let pause = times[1] - times[0];
        assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&pause), "{pause:?}");
    }
    // No time is left for these; values that mean nothing are as good as none.
    for (value, calls) in [("3600", 1), ("18446744073709551615", 1), ("-1", 3), ("x", 3), ("", 3)] {
        let victim = victim(
            &scene.aws,
            &format!("late{}", value.len()),
            "late",
            Times::Always,
            with_header(503, value),
        );
        let begun = Instant::now();
        let seen = attempts(&scene.aws, &mount, &[victim]).await;
        assert_eq!(seen, [("late", calls, false)], "{value:?}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{value:?}");
    }
}

/// A redirect is an answer like any other, and none that is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_never_followed() {
    let scene = LoginScene::open().await;
    let canary = Canary::start();
    let binding = json!({"bound_iam_principal_arn": scene.alice.arn});
    for status in [300, 301, 302, 303, 304, 307, 308] {
        for content_type in ["text/xml", "text/html"] {
            let Fault::Answer(answer) = Fault::redirect(&format!("{}/", canary.url())) else {
                unreachable!()
            };
            let fault =
                Fault::Answer(RawAnswer { status, content_type: Some(content_type.to_owned()), ..answer });
            for action in ["GetCallerIdentity", "GetUser"] {
                scene.aws.fault(action, 1, fault.clone());
            }
            scene.refused(&scene.alice_login()).await;
            scene.mount.write("role/other", &binding).await.expect(400);
        }
    }
    canary.assert_untouched();
}
