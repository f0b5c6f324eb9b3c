//! Logins that nobody should send, one by one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::garbage::{AWKWARD_VALUES, LOGIN_FIELDS, NO_DATA, nested, nested_objects, object, quoted};
use super::{answer_to, login_members};
use crate::login_scene::{Canary, LoginScene, login_as, outcome, refused, watched_by};
use testkit::aws::{LoginOptions, edit_headers, sign_login};

/// Each field in turn holds each awkward value, is missing, or is long or deep.
#[tokio::test(flavor = "multi_thread")]
async fn awkward_fields_are_refused() {
    let canary = Canary::start();
    let scene = LoginScene::launch(|launch, _| watched_by(launch, &canary)).await;
    let pid = scene.host.pid();
    let deep = [nested(60), nested(1000), nested_objects(60), nested_objects(1000)];
    let long = ["x".repeat(300_000), "A".repeat(300_000), "[".repeat(300_000)].map(|text| quoted(&text));
    let values: Vec<String> = AWKWARD_VALUES.map(str::to_owned).into_iter().chain(deep).chain(long).collect();
    for options in [LoginOptions::vault_cli(), LoginOptions::presigned_get(), LoginOptions::curl_get()] {
        let good = login_members(&sign_login(&scene.alice.credentials, &options.role("dev")));
        let get = good.iter().all(|(name, _)| name != "iam_request_body");
        for field in LOGIN_FIELDS {
            let others: Vec<_> = good.iter().filter(|(name, _)| name != field).cloned().collect();
            // A GET has no body, and a nonce means nothing here.
            let matters = field != "nonce" && !(get && field == "iam_request_body");
            if others.len() < good.len() {
                refused(&answer_to(&scene.mount, "login", &object(&others)).await);
            }
            for value in &values {
                let mut changed = others.clone();
                changed.push((field.to_owned(), value.clone()));
                let admission = outcome(&answer_to(&scene.mount, "login", &object(&changed)).await);
                assert!(admission.is_none() || !matters, "{field}: {value}");
            }
        }
    }
    canary.assert_untouched();
    assert_eq!(scene.aws.malformed_requests(), Vec::<String>::new());
    scene.assert_alive(pid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_is_no_object_is_refused() {
    let scene = LoginScene::open().await;
    let pid = scene.host.pid();
    let deep =
        [nested(60), nested(100_000), nested_objects(65), "[".repeat(400_000), "{\"a\":".repeat(100_000)];
    for data in NO_DATA.map(str::to_owned).into_iter().chain(deep) {
        refused(&answer_to(&scene.mount, "login", &data).await);
    }
    // Nothing at all is data without members.
    for data in ["", "null", "{}"] {
        let answer = answer_to(&scene.mount, "login", data).await;
        assert_eq!(refused(&answer), "didn't supply required authentication values", "{data:?}");
    }
    // Of a field that stands twice the last one counts; it was never signed.
    let good = login_members(&scene.alice_login());
    for (name, _) in good.iter().filter(|(name, _)| name != "role") {
        let mut twice = good.clone();
        twice.push((name.clone(), "\"x\"".to_owned()));
        refused(&answer_to(&scene.mount, "login", &object(&twice)).await);
    }
    assert_eq!(scene.aws.call_count("GetCallerIdentity"), 0);
    scene.assert_alive(pid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_cannot_be_used_are_refused() {
    let canary = Canary::start();
    let scene = LoginScene::launch(|launch, _| watched_by(launch, &canary)).await;
    let pid = scene.host.pid();
    let unusable: [&[u8]; 23] = [
        b"",
        b"\xff",
        b"https://sts.amazonaws.com/\xff",
        b"https://sts.amazonaws.com/\n",
        b"https://sts.amazonaws.com/\0",
        b"https://sts.amazonaws.com/\x7f",
        b"https://sts.amazonaws.com/%",
        b"https://sts.amazonaws.com/%zz",
        b"https://sts.amazonaws.com/#%zz",
        b"https://sts.amazonaws.com:abc/",
        b"https://sts.amazonaws.com:-1/",
        b"https://sts amazonaws com/",
        b"https://%41/",
        b"https://[::1/",
        b"https://[::1]x/",
        b"https://user name@sts.amazonaws.com/",
        b"://sts.amazonaws.com/",
        b"1:x",
        b":",
        b"::::",
        b"x:%",
        b"foo:%zz",
        b"a:b:c%",
    ];
    for url in unusable {
        let mut login = scene.alice_login();
        login["iam_request_url"] = STANDARD.encode(url).into();
        let text = scene.refused(&login).await;
        let expected =
            if url.is_empty() { "missing iam_request_url" } else { "error parsing iam_request_url" };
        assert_eq!(text, expected, "{}", url.escape_ascii());
    }
    assert_eq!(scene.aws.total_calls(), 0);
    // Odd, but a URL: it goes to the endpoint, or nowhere.
    for url in [
        "/",
        "//",
        "///",
        "x:",
        "x:/",
        "x://",
        "https:",
        "https:///",
        "https://:443/",
        "https://@/",
        "?",
        "#",
        ".",
        "..",
        "*",
        "https://[::1]:1/",
        "http://127.0.0.1:1/",
        "https://a\u{e9}.example/",
        "https://sts.amazonaws.com:99999/",
        "https://sts.amazonaws.com/ /",
        "x:a b",
        "x:\u{e9}",
        "x:#",
        "https://]/",
        "https://sts.amazonaws.com\\@127.0.0.1/",
        "https://sts.amazonaws.com/\u{202e}",
    ] {
        let mut login = scene.alice_login();
        login["iam_request_url"] = STANDARD.encode(url).into();
        scene.refused(&login).await;
    }
    let mut login = scene.alice_login();
    login["iam_request_url"] =
        STANDARD.encode(format!("https://sts.amazonaws.com/{}", "a/".repeat(6000))).into();
    scene.refused(&login).await;
    canary.assert_untouched();
    assert!(scene.aws.all_calls().iter().all(|call| call.action == "GetCallerIdentity"));
    scene.assert_alive(pid).await;
}

/// What could split a request in two, or hide a part of it, never reaches AWS.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_cannot_be_sent_are_refused() {
    let scene = LoginScene::open().await;
    let pid = scene.host.pid();
    for (name, value) in [
        ("X", "a\r\nX-Amz-Date: 20200101T000000Z"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0b"),
        ("X\r\nY", "a"),
        ("X: a\r\nY", "a"),
        ("X Y", "a"),
        ("X:Y", "a"),
        ("", "a"),
        ("\u{e9}", "a"),
        ("Host\0", "a"),
        (" Host", "a"),
        ("Content-Length ", "0"),
        ("Transfer-Encoding\t", "chunked"),
        ("\u{212a}", "the Kelvin sign, whose lower case is k"),
    ] {
        for encode in [false, true] {
            let mut login = scene.alice_login();
            edit_headers(&mut login, |headers| headers.push((name.to_owned(), vec![value.to_owned()])));
            if !encode {
                let text = STANDARD.decode(login["iam_request_headers"].as_str().unwrap()).unwrap();
                login["iam_request_headers"] = serde_json::from_slice(&text).unwrap();
            }
            let text = scene.refused(&login).await;
            assert!(text.contains("invalid header field"), "{name:?}: {text}");
        }
    }
    assert_eq!(scene.aws.total_calls(), 0);
    // How the message is framed, and to whom it goes, is not the client's.
    for (name, value) in [
        ("Host", "evil.example"),
        ("HOST", "evil.example"),
        ("Content-Length", "1"),
        ("content-length", "99999999999999999999"),
        ("Transfer-Encoding", "chunked"),
        ("TRANSFER-encoding", "gzip, chunked"),
        ("Trailer", "X-Amz-Date"),
        ("Expect", "100-continue"),
        ("Upgrade", "h2c"),
        ("Proxy-Connection", "keep-alive"),
        ("Keep-Alive", "timeout=1"),
        ("X-Latin", "caf\u{e9}"),
    ] {
        let mut login = scene.alice_login();
        edit_headers(&mut login, |headers| headers.push((name.to_owned(), vec![value.to_owned()])));
        scene.admitted(&login).await;
    }
    assert_eq!(scene.aws.malformed_requests(), Vec::<String>::new());
    for call in scene.aws.all_calls() {
        assert_eq!(call.request.header_values("Host"), ["sts.amazonaws.com"]);
        assert_eq!(call.request.header_values("Content-Length"), ["43"]);
        assert_eq!(call.request.header_values("Transfer-Encoding"), Vec::<&str>::new());
        assert_eq!(call.request.header_values("Trailer"), Vec::<&str>::new());
    }
    scene.assert_alive(pid).await;
}

/// Requests whose frame is odd: paths, operations and connections that no client can cause.
#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_answered() {
    let scene = LoginScene::open().await;
    let pid = scene.host.pid();
    let long = "x".repeat(100_000);
    for path in [
        "",
        "/",
        "login/",
        "LOGIN",
        "login\0",
        "../login",
        "role/",
        "role/..",
        "role/\u{e9}",
        "config/sts/",
        &long,
    ] {
        for operation in ["read", "update", "delete", "list", "help", "patch", "scan", "header", &long] {
            let login = scene.alice_login();
            let reply = scene.mount.request(operation, path, &login).reply().await.unwrap();
            assert!(reply.response.is_none_or(|response| response.auth.is_none()), "{operation} {path}");
        }
    }
    // Addresses that are none match no binding, and there is no binding to one.
    let principal = &scene.alice.arn;
    let near = json!({"bound_iam_principal_arn": principal, "token_bound_cidrs": "10.0.0.0/8"});
    scene.write_role("near", &near).await;
    let strict = json!({"bound_iam_principal_arn": principal, "token_strictly_bind_ip": true});
    scene.write_role("strict", &strict).await;
    for role in ["near", "strict"] {
        let login = login_as(&scene.alice.credentials, role);
        let request = || scene.mount.request("update", "login", &login);
        for address in ["", "x", "10.0.0.1.1", "256.0.0.1", "[::1]", "10.0.0.1:80", "/var/run/x", "\0", &long]
        {
            let answer = request().remote_addr(address).send().await;
            assert!(answer.auth.is_none(), "{role} {address}: {answer:#?}");
        }
        let answer = request().without_connection().send().await;
        assert!(answer.auth.is_none(), "{answer:#?}");
        assert!(outcome(&request().remote_addr("10.0.0.1").send().await).is_some());
    }
    let empty =
        scene.mount.request("update", "login", &Value::Null).message(|request| *request = Default::default());
    let reply = empty.reply().await.unwrap();
    assert!(reply.err.is_some(), "{reply:?}");
    scene.assert_alive(pid).await;
}
