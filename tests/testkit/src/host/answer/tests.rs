use serde_json::json;

use super::*;
use crate::proto::logical::Alias;

const READ: Asked<'_> = Asked { operation: "read", login: false, vault: false };
const LOGIN: Asked<'_> = Asked { operation: "update", login: true, vault: false };

fn reply(data: &str, error: Option<(u32, &str)>) -> Result<HandleRequestReply, Status> {
    Ok(HandleRequestReply {
        response: Some(Response { data: data.to_owned(), ..Response::default() }),
        err: error.map(|(err_type, text)| ProtoError { err_type, err_msg: text.to_owned(), err_code: 418 }),
    })
}

fn error(err_type: u32, text: &str) -> Result<HandleRequestReply, Status> {
    let err = Some(ProtoError { err_type, err_msg: text.to_owned(), err_code: 418 });
    Ok(HandleRequestReply { response: None, err })
}

#[test]
fn empty_data_fails_the_whole_request() {
    let answer = Answer::read(READ, reply("", None));
    assert_eq!((answer.status, answer.error()), (500, "unexpected end of JSON input"));
    assert_eq!(Answer::read(READ, reply("null", None)).status, 200);
    assert_eq!(Answer::read(READ, reply("[]", None)).status, 500);
    assert_eq!(Answer::read(READ, reply(r#"{"a":1}"#, None)).data, json!({"a": 1}));
}

#[test]
fn nothing_is_not_found_or_no_content() {
    let nothing = || Ok(HandleRequestReply::default());
    assert_eq!(Answer::read(READ, nothing()).status, 404);
    assert_eq!(Answer::read(LOGIN, nothing()).status, 204);
    assert_eq!(Answer::read(READ, error(11, "dropped")).status, 404);
}

#[test]
fn error_kinds_become_statuses() {
    for (kind, text, status, shown) in [
        (0, "boom", 500, "boom"),
        (0, "permission denied", 403, "permission denied"),
        (0, "login: permission denied", 500, "login: permission denied"),
        (1, "boom", 500, "boom"),
        (3, "boom", 418, "boom"),
        (4, "boom", 400, "boom"),
        (5, "boom", 405, "unsupported operation"),
        (6, "boom", 404, "unsupported path"),
        (7, "boom", 400, "invalid request"),
        (8, "boom", 403, "permission denied"),
        (10, "boom", 500, "unrecoverable error"),
    ] {
        let answer = Answer::read(READ, error(kind, text));
        assert_eq!((answer.status, answer.error()), (status, shown), "kind {kind}");
        assert!(answer.errors[0].starts_with("1 error occurred:\n\t* "));
        assert_eq!(Answer::read(LOGIN, error(kind, text)).errors, [shown]);
    }
}

#[test]
fn an_error_response_gives_the_text_and_the_error_the_status() {
    let refusal = r#"{"error":"no such role"}"#;
    for (kind, status) in [(None, 400), (Some(0), 400), (Some(3), 400), (Some(7), 400), (Some(8), 403)] {
        let answer = Answer::read(READ, reply(refusal, kind.map(|kind| (kind, "other"))));
        assert_eq!((answer.status, answer.errors.as_slice()), (status, &["no such role".to_owned()][..]));
    }
    assert_eq!(Answer::read(READ, reply(r#"{"error":"x","more":1}"#, None)).status, 200);
    assert_eq!(Answer::read(READ, reply(r#"{"error":"x","data":{"a":1}}"#, None)).data, json!({"a": 1}));
}

#[test]
fn grpc_errors_are_shown_as_go_prints_them() {
    let answer = Answer::read(LOGIN, Err(Status::cancelled("gone")));
    assert_eq!((answer.status, answer.error()), (500, "rpc error: code = Canceled desc = gone"));
}

fn login_reply(auth: Auth) -> Result<HandleRequestReply, Status> {
    let response = Response { auth: Some(auth), data: "null".to_owned(), ..Response::default() };
    Ok(HandleRequestReply { response: Some(response), err: None })
}

#[test]
fn identities_are_checked() {
    let lease =
        LeaseOptions { issue_time: Some(prost_types::Timestamp::default()), ..LeaseOptions::default() };
    let alias = Alias { name: "AIDA".to_owned(), ..Alias::default() };
    let good = Auth { lease_options: Some(lease), alias: Some(alias), ..Auth::default() };
    let status = |asked, auth: &Auth| Answer::read(asked, login_reply(auth.clone())).status;
    assert_eq!(status(LOGIN, &good), 200);
    assert_eq!(status(READ, &good), 500, "only login paths may carry an identity");
    assert_eq!(status(Asked { vault: true, ..LOGIN }, &good), 500, "Vault wants internal data");
    let changed = |change: fn(&mut Auth)| {
        let mut auth = good.clone();
        change(&mut auth);
        status(LOGIN, &auth)
    };
    assert_eq!(changed(|auth| auth.lease_options.as_mut().unwrap().issue_time = None), 500);
    assert_eq!(changed(|auth| auth.lease_options = None), 200);
    assert_eq!(changed(|auth| auth.alias.as_mut().unwrap().name.clear()), 500);
    let with_metadata = |pairs: Vec<(String, String)>| {
        let mut auth = good.clone();
        auth.alias.as_mut().unwrap().metadata = pairs.into_iter().collect();
        status(LOGIN, &auth)
    };
    let pair = |key: &str, value: &str| with_metadata(vec![(key.to_owned(), value.to_owned())]);
    assert_eq!(pair(&"k".repeat(128), &"x".repeat(512)), 200);
    assert_eq!(pair("k", &"x".repeat(513)), 500);
    for key in ["", "vault-id", "a b", &"k".repeat(129)] {
        assert_eq!(pair(key, ""), 500, "{key}");
    }
    let pairs = |count| with_metadata((0..count).map(|n| (format!("k{n}"), String::new())).collect());
    assert_eq!((pairs(64), pairs(65)), (200, 500));
    assert_eq!(changed(|auth| auth.bound_cidrs.push("nonsense".to_owned())), 500);
    assert_eq!(changed(|auth| auth.bound_cidrs.push("10.0.0.0/8".to_owned())), 200);
    assert_eq!(changed(|auth| auth.bound_cidrs.push("10.0.0.1:8200".to_owned())), 200);
    assert_eq!(changed(|auth| auth.policies.push(" Root".to_owned())), 400);
}

#[test]
fn lists_without_keys_are_not_found() {
    let list = Asked { operation: "list", ..READ };
    for (data, status) in [
        ("{}", 404),
        (r#"{"keys":[]}"#, 404),
        (r#"{"keys":["a"]}"#, 200),
        (r#"{"keys":[1]}"#, 500),
        (r#"{"key_info":{}}"#, 200),
    ] {
        assert_eq!(Answer::read(list, reply(data, None)).status, status, "{data}");
    }
}

#[test]
fn raw_answers_carry_their_own_body() {
    let data = r#"{"http_status_code":200,"http_content_type":"text/plain","http_raw_body":"aGk="}"#;
    let answer = Answer::read(READ, reply(data, None));
    assert_eq!(answer.raw_body.unwrap().body, b"hi");
}
