//! The limits of a login, at both of their sides.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::garbage::{nested, object};
use super::{answer_to, login_members};
use crate::login_scene::{LoginScene, admitted, refused};
use testkit::aws::edit_headers;

const KIB: usize = 1024;

/// A good login with a member more, as text.
fn with_member(scene: &LoginScene, name: &str, json: &str) -> String {
    let mut members = login_members(&scene.alice_login());
    members.push((name.to_owned(), json.to_owned()));
    object(&members)
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_limited_in_bytes_values_and_depth() {
    let scene = LoginScene::open().await;
    let padded = |length: usize| {
        let bare = with_member(&scene, "padding", "\"\"").len();
        with_member(&scene, "padding", &format!("\"{}\"", "x".repeat(length - bare)))
    };
    let login = async |data: &str| answer_to(&scene.mount, "login", data).await;
    admitted(&login(&padded(512 * KIB)).await);
    let text = refused(&login(&padded(512 * KIB + 1)).await);
    assert_eq!(text, "request data is longer than 524288 bytes");

    // An object and its members count as well: the login's own are less than a hundred.
    let values = |count: usize| with_member(&scene, "list", &format!("[{}0]", "0,".repeat(count)));
    admitted(&login(&values(900)).await);
    let text = refused(&login(&values(1_000)).await);
    assert_eq!(text, "request data holds more than 1000 values");

    admitted(&login(&with_member(&scene, "deep", &nested(63))).await);
    let text = refused(&login(&with_member(&scene, "deep", &nested(64))).await);
    assert_eq!(text, "request data is nested deeper than 64 levels");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_is_limited() {
    let scene = LoginScene::open().await;
    for (field, limit) in [
        ("role", 4 * KIB),
        ("iam_http_request_method", 4 * KIB),
        ("iam_request_url", 16 * KIB),
        ("iam_request_body", 16 * KIB),
        ("iam_evidence", 64 * KIB),
        ("nonce", 4 * KIB),
        ("pkcs7", 128 * KIB),
        ("identity", 128 * KIB),
        ("signature", 128 * KIB),
    ] {
        let mut login = scene.alice_login();
        for (length, too_long) in [(limit, false), (limit + 1, true)] {
            login[field] = "A".repeat(length).into();
            let answer = scene.mount.login_only(&login).await;
            let text = format!(
                "Field validation failed: error converting input for field \"{field}\": value is longer than {limit} \
                 bytes"
            );
            assert_eq!(answer.error() == text, too_long, "{field}: {}", answer.error());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_limited_in_number_bytes_and_depth() {
    let scene = LoginScene::open().await;
    let own = |login: &Value| login["iam_request_headers"].as_object().unwrap().len();
    let with_headers = |count: usize, length: usize| {
        let mut login = scene.alice_login();
        let text = STANDARD.decode(login["iam_request_headers"].as_str().unwrap()).unwrap();
        login["iam_request_headers"] = serde_json::from_slice(&text).unwrap();
        let further = count - own(&login);
        edit_headers(&mut login, |headers| {
            headers
                .extend((0..further).map(|number| (format!("Further-{number}"), vec!["x".repeat(length)])));
        });
        assert_eq!(own(&login), count);
        login
    };
    let invalid = |why: &str| {
        format!("Field validation failed: error converting input for field \"iam_request_headers\": {why}")
    };
    // As an object, as its text, and as base64 of it.
    let forms = |login: Value| {
        let text = login["iam_request_headers"].to_string();
        let with = |headers: Value| {
            let mut login = login.clone();
            login["iam_request_headers"] = headers;
            login
        };
        [login.clone(), with(json!(text)), with(json!(STANDARD.encode(&text)))]
    };
    for login in forms(with_headers(64, 10)) {
        scene.admitted(&login).await;
    }
    for login in forms(with_headers(65, 10)) {
        assert_eq!(scene.refused(&login).await, invalid("more than 64 header values"));
    }
    // One header with many values is many headers.
    let mut login = with_headers(10, 1);
    login["iam_request_headers"]["Further"] = json!(vec!["x"; 64]);
    assert_eq!(scene.refused(&login).await, invalid("more than 64 header values"));

    scene.mount.login_only(&with_headers(20, 10_000)).await.expect(400);
    for login in forms(with_headers(20, 14_000)) {
        assert_eq!(scene.refused(&login).await, invalid("value is longer than 131072 bytes"));
    }
    for (headers, why) in [
        ("{\"a\":[[]]}", "text is nested deeper than 2 levels"),
        ("{\"a\":{\"b\":[]}}", "text is nested deeper than 2 levels"),
    ] {
        for headers in [headers.to_owned(), STANDARD.encode(headers)] {
            let mut login = scene.alice_login();
            login["iam_request_headers"] = headers.into();
            assert_eq!(scene.refused(&login).await, invalid(why));
        }
    }
    let many: Map<String, Value> = (0..2000).map(|number| (number.to_string(), json!(""))).collect();
    let mut login = scene.alice_login();
    login["iam_request_headers"] = Value::Object(many).to_string().into();
    assert_eq!(scene.refused(&login).await, invalid("text holds more than 1000 values"));
}
