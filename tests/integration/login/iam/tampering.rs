//! Any change to what was signed is refused; any other change never alters who is admitted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{GET_CALLER_IDENTITY, LoginOptions, User, edit_headers, login_headers, sign_login};
use testkit::stage::{SERVER_ID, Stage, with};

/// Whom `mallory` could become: the victim has a role of its own.
async fn stage_with_users() -> (Stage, User, User) {
    let stage = under_test::stage().await;
    let mallory = stage.aws.create_user("mallory");
    let victim = stage.aws.create_user("victim");
    for user in [&mallory, &victim] {
        stage.role(&user.entity.name, json!({"bound_iam_principal_arn": user.arn})).await;
    }
    (stage, mallory, victim)
}

fn set(data: &Value, name: &str, edit: &dyn Fn(&str) -> String) -> Value {
    let mut data = data.clone();
    let mut found = false;
    edit_headers(&mut data, |headers| {
        for (_, values) in headers.iter_mut().filter(|(present, _)| present == name) {
            found = true;
            values.iter_mut().for_each(|value| *value = edit(value));
        }
    });
    assert!(found, "{name}");
    data
}

/// A login with another text in the `Authorization` header.
fn in_authorization(data: &Value, from: &str, to: &str) -> Value {
    set(data, "Authorization", &|value| {
        assert!(value.contains(from), "{value}");
        value.replacen(from, to, 1)
    })
}

/// What can be changed of any login that is signed in a header, and that signs `X-Signed` last.
fn header_signature_changes(data: &Value, own: &User, other: &User) -> [(&'static str, Value); 8] {
    let (own_key, other_key) = (&own.credentials.access_key_id, &other.credentials.access_key_id);
    let authorization = |from: &str, to: &str| in_authorization(data, from, to);
    [
        ("signed header", set(data, "X-Signed", &|_| "2".to_owned())),
        ("date", set(data, "X-Amz-Date", &|date| date.replacen("T", "T0", 1)[..date.len()].to_owned())),
        ("credential", authorization(own_key, other_key)),
        ("credential", authorization("/us-east-1/", "/us-east-2/")),
        ("credential", authorization("/sts/", "/iam/")),
        ("signed headers", authorization(";x-signed", "")),
        ("signature", authorization("Signature=", "Signature=0")),
        ("algorithm", authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512")),
    ]
}

fn decoded(data: &Value, name: &str) -> String {
    String::from_utf8(STANDARD.decode(data[name].as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_cannot_be_changed() {
    let (stage, mallory, victim) = stage_with_users().await;
    let options =
        LoginOptions::vault_cli().server_id(SERVER_ID).role("mallory").signed_header("X-Signed", "1");
    let data = sign_login(&mallory.credentials, &options);
    let replaced = |name: &str, text: &str| {
        assert_ne!(decoded(&data, name), text);
        with(&data, json!({name: STANDARD.encode(text)}))
    };
    let body = "iam_request_body";
    let changed = vec![
        ("body", replaced(body, "Version=2011-06-15&Action=GetCallerIdentity")),
        ("body", replaced(body, "Action=GetCallerIdentity&Version=2011-06-15&")),
        ("body", replaced(body, "Action=%47etCallerIdentity&Version=2011-06-15")),
        ("path", replaced("iam_request_url", "https://sts.amazonaws.com/x")),
        ("host", replaced("iam_request_url", "https://sts.us-east-1.amazonaws.com/")),
        ("host", replaced("iam_request_url", "https://sts.amazonaws.com:443/")),
        ("host", replaced("iam_request_url", "/")),
        ("signed headers", in_authorization(&data, "SignedHeaders=content-length;", "SignedHeaders=")),
    ];
    for (what, data) in changed.into_iter().chain(header_signature_changes(&data, &mallory, &victim)) {
        let answer = stage.mount.login_only(&data).await;
        assert_eq!((answer.status, &answer.auth), (400, &None), "{what}: {data}");
        assert!(answer.error().starts_with("error making upstream request: received error code "), "{what}");
    }
    stage.mount.login_only(&data).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presigned_request_cannot_be_changed() {
    let (stage, mallory, victim) = stage_with_users().await;
    let options = LoginOptions::presigned_get().server_id(SERVER_ID).role("mallory");
    let data = sign_login(&mallory.credentials, &options);
    let url = decoded(&data, "iam_request_url");
    let (own_key, other_key) = (&mallory.credentials.access_key_id, &victim.credentials.access_key_id);
    for (from, to) in [
        (own_key.as_str(), other_key.as_str()),
        ("us-east-1", "us-east-2"),
        ("Signature=", "Signature=0"),
        ("amazonaws.com/", "amazonaws.com/x"),
        ("sts.amazonaws.com", "sts.us-east-1.amazonaws.com"),
        ("X-Amz-SignedHeaders=host%3B", "X-Amz-SignedHeaders="),
    ] {
        assert!(url.contains(from), "{from}");
        let data = with(&data, json!({"iam_request_url": STANDARD.encode(url.replacen(from, to, 1))}));
        let answer = stage.mount.login_only(&data).await;
        assert_eq!((answer.status, &answer.auth), (400, &None), "{from}");
    }
    // The server id is signed by name and value.
    stage.configure(json!({"iam_server_id_header_value": "other"})).await;
    let moved = set(&data, "X-Vault-Aws-Iam-Server-Id", &|_| "other".to_owned());
    assert_eq!(stage.mount.login_only(&moved).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_signed_in_a_header_cannot_be_changed() {
    let (stage, mallory, victim) = stage_with_users().await;
    let options =
        LoginOptions::curl_get().server_id(SERVER_ID).role("mallory").signed_header("X-Signed", "1");
    let data = sign_login(&mallory.credentials, &options);
    let url = |from: &str, to: &str| {
        let url = decoded(&data, "iam_request_url");
        assert!(url.contains(from), "{url}");
        with(&data, json!({"iam_request_url": STANDARD.encode(url.replacen(from, to, 1))}))
    };
    let post = json!({
        "iam_http_request_method": "POST",
        "iam_request_url": STANDARD.encode("https://sts.amazonaws.com/"),
        "iam_request_body": STANDARD.encode(GET_CALLER_IDENTITY),
    });
    let changed = vec![
        ("method", with(&data, post)),
        ("path", url("amazonaws.com/", "amazonaws.com/x")),
        ("host", url("sts.amazonaws.com", "sts.us-east-1.amazonaws.com")),
        ("host", url("https://sts.amazonaws.com", "")),
        ("version", url("2011-06-15", "2010-05-08")),
        ("version", url("&Version=2011-06-15", "")),
        ("version", url("2011-06-15", "2011-06-15%26Action=GetUser")),
        ("version", url("2011-06-15", "2011-06-15+")),
    ];
    for (what, data) in changed.into_iter().chain(header_signature_changes(&data, &mallory, &victim)) {
        let answer = stage.mount.login_only(&data).await;
        assert_eq!((answer.status, &answer.auth), (400, &None), "{what}: {data}");
        assert!(answer.error().starts_with("error making upstream request: received error code "), "{what}");
    }
    // What SigV4 reads as the same is the same login.
    stage.mount.write("config/identity", &json!({"iam_alias": "unique_id"})).await.expect(204);
    for data in [
        data.clone(),
        url(
            "?Action=GetCallerIdentity&Version=2011-06-15",
            "?Version=2011-06-15&&%41ction=GetCallerIdentity",
        ),
        url("2011-06-15", "2011-06-15#X=1"),
    ] {
        let auth = stage.mount.login_only(&data).await.expect(200).auth.expect("an identity");
        assert_eq!(auth.alias.unwrap().name, mallory.unique_id);
    }
    // The server id is signed by name and value.
    stage.configure(json!({"iam_server_id_header_value": "other"})).await;
    let moved = set(&data, "X-Vault-Aws-Iam-Server-Id", &|_| "other".to_owned());
    assert_eq!(stage.mount.login_only(&moved).await.status, 400);
}

/// The parts of a good signature, moved to the other place where AWS looks for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_counts_where_it_was_made_for() {
    let (stage, mallory, _) = stage_with_users().await;
    let in_header = LoginOptions::curl_get().server_id(SERVER_ID).role("mallory");
    let data = sign_login(&mallory.credentials, &in_header);
    let header = |name: &str| {
        let headers = login_headers(&data);
        headers.iter().find(|(present, _)| present == name).unwrap().1[0].clone()
    };
    let authorization = header("Authorization");
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}=")).unwrap();
        rest.split(',').next().unwrap().replace('/', "%2F").replace(';', "%3B")
    };
    let query = format!(
        "{}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-SignedHeaders={}&X-Amz-Signature={}",
        decoded(&data, "iam_request_url"),
        part("Credential"),
        header("X-Amz-Date"),
        part("SignedHeaders"),
        part("Signature"),
    );
    let mut moved = with(&data, json!({"iam_request_url": STANDARD.encode(query)}));
    let copied = stage.mount.login_only(&moved).await;
    assert_eq!((copied.status, copied.error()), (400, "invalid request header: Authorization"));
    assert_eq!(stage.aws.total_calls(), 0);
    edit_headers(&mut moved, |headers| headers.retain(|(name, _)| name != "Authorization"));
    let text = stage.mount.login_only(&moved).await.expect(400);
    assert!(text.error().contains("SignatureDoesNotMatch"), "{}", text.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_changes_who_is_admitted() {
    let (stage, mallory, victim) = stage_with_users().await;
    stage.mount.write("config/identity", &json!({"iam_alias": "unique_id"})).await.expect(204);
    let options = LoginOptions::vault_cli().server_id(SERVER_ID).role("mallory");
    let data = sign_login(&mallory.credentials, &options);
    for (name, value) in [
        ("X-Forwarded-For", "10.0.0.1"),
        ("Cookie", "user=victim"),
        ("Expect", "100-continue"),
        ("Connection", "close"),
        ("Upgrade", "h2c"),
        ("X-Real-User", &victim.arn),
        ("User-Agent", ""),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Host", "victim.example"),
    ] {
        let mut data = data.clone();
        edit_headers(&mut data, |headers| headers.push((name.to_owned(), vec![value.to_owned()])));
        let answer = stage.mount.login_only(&data).await;
        match answer.auth {
            Some(auth) => assert_eq!(auth.alias.unwrap().name, mallory.unique_id, "{name}"),
            None => assert_eq!(answer.status, 400, "{name}"),
        }
    }
    // A role of somebody else is not to be had either.
    let text = stage.mount.login_only(&with(&data, json!({"role": "victim"}))).await.expect(400);
    assert!(text.error().starts_with("IAM Principal \"arn:aws:iam::111122223333:user/mallory\""));
}

/// What cannot stand in HTTP is refused before anything is sent.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_break_the_framing_are_not_sent() {
    let (stage, mallory, _) = stage_with_users().await;
    let options = LoginOptions::vault_cli().server_id(SERVER_ID).role("mallory");
    let data = sign_login(&mallory.credentials, &options);
    for (name, value) in [
        ("X-A", "b\r\nX-C: d"),
        ("X-A", "b\nX-C: d"),
        ("X-A", "b\0"),
        ("X-A\r\nX-C", "d"),
        ("X A", "d"),
        ("X:A", "d"),
        ("", "d"),
        ("X-Ä", "d"),
    ] {
        let mut data = data.clone();
        edit_headers(&mut data, |headers| headers.push((name.to_owned(), vec![value.to_owned()])));
        let answer = stage.mount.login_only(&data).await;
        assert_eq!(answer.status, 400, "{name:?}: {value:?}: {answer:?}");
        assert!(answer.error().starts_with("error making upstream request: error making request: POST "));
    }
    assert_eq!(stage.aws.total_calls(), 0);
    assert_eq!(stage.aws.malformed_requests(), Vec::<String>::new());
}
