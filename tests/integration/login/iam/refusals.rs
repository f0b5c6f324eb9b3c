//! Requests that are refused before AWS is asked: texts, and which of two comes first.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{GET_CALLER_IDENTITY, LoginOptions, RequestForm, edit_headers, sign_login};
use testkit::stage::{SERVER_ID, Stage, with};

const NOTHING: &str = "didn't supply required authentication values";
const TWO_TYPES: &str = "supplied auth values for both ec2 and iam auth types";
const METHOD: &str = "invalid iam_http_request_method; currently only 'GET' and 'POST' are supported";
const BAD_BODY: &str = "iam request body is invalid";
const HEADERS: &str = "Field validation failed: error converting input for field \"iam_request_headers\": ";
const SERVER_ID_HEADER: &str = "error validating X-Vault-AWS-IAM-Server-ID header: ";
const NOT_SIGNED: &str = "error validating X-Vault-AWS-IAM-Server-ID header: vault header wasn't signed";

/// Names and values.
type Headers = Vec<(String, Vec<String>)>;

fn base64(text: &str) -> Value {
    STANDARD.encode(text).into()
}

/// Each row: the vector, the data, the text. Every row is refused with status 400 and without a call
/// to AWS.
async fn check(stage: &Stage, rows: Vec<(&str, Value, String)>) {
    for (vector, data, text) in rows {
        let answer = stage.mount.login_only(&data).await;
        assert_eq!((answer.status, answer.error()), (400, text.as_str()), "vector {vector}: {data}");
        assert_eq!(answer.auth, None, "vector {vector}");
    }
    assert_eq!(stage.aws.total_calls(), 0, "{:#?}", stage.aws.all_calls());
}

async fn good(stage: &Stage) -> Value {
    let user = stage.aws.create_user("valid-role");
    stage.role_for("valid-role", &user.arn).await;
    let data = stage.login_data(&user.credentials, "valid-role");
    stage.mount.login_only(&data).await.expect(200);
    stage.aws.clear_calls();
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn which_proof_is_supplied() {
    let stage = under_test::stage().await;
    let good = good(&stage).await;
    let rows = [
        ("1", json!({}), NOTHING),
        ("1", json!({"role": "valid-role"}), NOTHING),
        ("1", Value::Null, NOTHING),
        ("1", json!({"identity": "e30="}), NOTHING),
        ("2", with(&good, json!({"iam_request_body": null})), NOTHING),
        ("2", with(&good, json!({"iam_request_url": null})), NOTHING),
        ("2", with(&good, json!({"iam_request_headers": null})), NOTHING),
        ("2", with(&good, json!({"iam_http_request_method": null})), NOTHING),
        ("3", with(&good, json!({"pkcs7": ""})), TWO_TYPES),
        ("3", with(&good, json!({"pkcs7": "x", "identity": "e30=", "signature": "AA=="})), TWO_TYPES),
        // Two proofs at once are refused however incomplete one of them is.
        ("4", with(&good, json!({"identity": "e30="})), TWO_TYPES),
        ("4", with(&good, json!({"signature": ""})), TWO_TYPES),
        ("5", json!({"pkcs7": "x", "iam_http_request_method": "POST"}), TWO_TYPES),
        ("5", json!({"identity": "e30=", "signature": "AA==", "iam_request_url": ""}), TWO_TYPES),
    ];
    check(&stage, rows.map(|(vector, data, text)| (vector, data, text.to_owned())).into()).await;

    // Presence counts, not content: null is a proof too.
    let mut data = good.clone();
    data["pkcs7"] = Value::Null;
    check(&stage, vec![("3", data, TWO_TYPES.to_owned())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn method_url_and_body() {
    let stage = under_test::stage().await;
    let good = good(&stage).await;
    let method = |value: &str| with(&good, json!({"iam_http_request_method": value}));
    let url = |text: &str| with(&good, json!({"iam_request_url": base64(text)}));
    let body = |text: &str| with(&good, json!({"iam_request_body": base64(text)}));
    let raw = |name: &str, text: &str| with(&good, json!({name: text}));
    let rows = vec![
        ("6", method(""), "missing iam_http_request_method"),
        ("7", method("post"), METHOD),
        ("7", method("PUT"), METHOD),
        ("8", method("GET"), "no action found in request"),
        ("9", raw("iam_request_url", ""), "missing iam_request_url"),
        ("10", raw("iam_request_url", "%%%"), "failed to base64 decode iam_request_url"),
        ("10", raw("iam_request_url", "_-8="), "failed to base64 decode iam_request_url"),
        ("11", url("https://h:abc/"), "error parsing iam_request_url"),
        ("11", url("https://h/%zz"), "error parsing iam_request_url"),
        ("12", url("https://sts.amazonaws.com/?Action=AssumeRole"), "invalid request"),
        ("16", url("foo:%zz"), "error parsing iam_request_url"),
        ("18", raw("iam_request_body", ""), "missing iam_request_body"),
        ("19", raw("iam_request_body", "****"), "failed to base64 decode iam_request_body"),
        ("20", body("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), BAD_BODY),
        ("21", body("Action=GetCallerIdentity&Action=GetCallerIdentity"), BAD_BODY),
        ("22", body("action=GetCallerIdentity"), BAD_BODY),
        ("23", body("Action=GetCallerIdentity&WebIdentityToken=x"), BAD_BODY),
        ("23", body("Action=GetCallerIdentity&="), BAD_BODY),
        ("24", body("Action=GetCallerIdentity;X=1"), "invalid semicolon separator in query"),
        ("25", body("%zz"), "invalid URL escape \"%zz\""),
    ];
    let rows = rows.into_iter().map(|(vector, data, text)| (vector, data, text.to_owned()));
    check(&stage, rows.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_field() {
    let stage = under_test::stage().await;
    let good = good(&stage).await;
    let headers = |value: Value| {
        let mut data = good.clone();
        data["iam_request_headers"] = value;
        data
    };
    let missing = "missing iam_request_headers".to_owned();
    let nil = format!("{HEADERS}'data' being decoded is nil");
    let rows = vec![
        ("27", headers(json!({})), missing.clone()),
        ("27", headers(Value::Null), missing.clone()),
        ("27", headers(json!([])), missing.clone()),
        ("27", headers(json!({"Authorization": []})), missing),
        ("28", headers(json!("")), nil),
        (
            "33",
            headers(json!({"Authorization": true})),
            format!("{HEADERS}unrecognized type for a header value"),
        ),
        ("33", headers(json!(["no colon"])), format!("{HEADERS}invalid key pair")),
    ];
    check(&stage, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_id_must_be_there_right_and_signed() {
    let stage = under_test::stage().await;
    let good = good(&stage).await;
    let name = "X-Vault-Aws-Iam-Server-Id";
    let edited = |edit: &dyn Fn(&mut Headers)| {
        let mut data = good.clone();
        edit_headers(&mut data, |headers| edit(headers));
        data
    };
    let set = |header: &str, values: &[&str]| {
        edited(&|headers| {
            headers.retain(|(present, _)| present != header);
            let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
            if !values.is_empty() {
                headers.push((header.to_owned(), values));
            }
        })
    };
    let authorization = |from: &str, to: &str| {
        edited(&|headers| {
            let (_, values) = headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
            assert!(values[0].contains(from));
            values[0] = values[0].replace(from, to);
        })
    };
    let expected = |got: &str| format!("{SERVER_ID_HEADER}expected \"{SERVER_ID}\" but got \"{got}\"");
    let missing = format!("{SERVER_ID_HEADER}missing header \"X-Vault-AWS-IAM-Server-ID\"");
    let token = "x-vault-aws-iam-server-id";
    let rows = vec![
        ("35", set(name, &[]), missing.clone()),
        ("35", set(name, &[""]), missing),
        ("36", set(name, &["other"]), expected("other")),
        ("36", set(name, &["VAULT.example.com"]), expected("VAULT.example.com")),
        ("37", set(name, &[SERVER_ID, SERVER_ID]), expected(&format!("{SERVER_ID},{SERVER_ID}"))),
        ("38", authorization(&format!(";{token}"), ""), NOT_SIGNED.to_owned()),
        ("38", set("Authorization", &["foo"]), NOT_SIGNED.to_owned()),
        ("38", authorization(token, &format!("{token}-2")), NOT_SIGNED.to_owned()),
        ("39", authorization(token, "X-Vault-AWS-IAM-Server-ID"), NOT_SIGNED.to_owned()),
        ("40", set("Authorization", &[]), format!("{SERVER_ID_HEADER}missing Authorization header")),
        // Of several Authorization values none is believed, wherever they are split.
        ("41", set("Authorization", &["a", "b"]), "invalid request header: Authorization".to_owned()),
    ];
    check(&stage, rows).await;

    // The same name twice in two spellings is one header with two values.
    let mut data = good.clone();
    edit_headers(&mut data, |headers| headers.push((token.to_owned(), vec!["other".to_owned()])));
    let answer = stage.mount.login_only(&data).await.expect(400);
    assert!(answer.error().contains(&format!("{SERVER_ID},other")) || answer.error().contains("other,"));
    let mut data = good.clone();
    edit_headers(&mut data, |headers| headers.push(("authorization".to_owned(), vec!["x".to_owned()])));
    check(&stage, vec![("41", data, "invalid request header: Authorization".to_owned())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_outside_the_list() {
    let stage = under_test::stage().await;
    let good = good(&stage).await;
    let mallory = "X-Amz-Mallory-Header";
    let rows = [mallory, "x-amz-mallory-header", "X-AMZ-Target"].map(|name| {
        let mut data = good.clone();
        edit_headers(&mut data, |headers| headers.push((name.to_owned(), vec!["x".to_owned()])));
        let shown = if name == "X-AMZ-Target" { "X-Amz-Target" } else { mallory };
        ("43", data, format!("invalid request header: {shown}"))
    });
    check(&stage, rows.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_requests() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("valid-role");
    stage.role_for("valid-role", &user.arn).await;
    let options = LoginOptions::presigned_get().server_id(SERVER_ID).role("valid-role");
    let signed = |options: &LoginOptions| sign_login(&user.credentials, options);
    let url = |edit: &dyn Fn(String) -> String| {
        let data = signed(&options);
        let text = STANDARD.decode(data["iam_request_url"].as_str().unwrap()).unwrap();
        with(&data, json!({"iam_request_url": base64(&edit(String::from_utf8(text).unwrap()))}))
    };
    let with_expiry = signed(&LoginOptions { expires: Some(60), ..options.clone() });
    let without_action = signed(&options.clone().parameters("Version=2011-06-15"));
    let another_action = signed(&options.clone().parameters("Action=GetUser&Version=2011-06-15"));
    let unsigned_id = url(&|url| url.replace("%3Bx-vault-aws-iam-server-id", ""));
    let param = |name: &str| format!("invalid request query param: {name}");
    let more = |text: &'static str| url(&move |url| format!("{url}&{text}"));
    let mut with_body = signed(&options);
    with_body["iam_request_body"] = base64("Action=AssumeRole");
    let rows = vec![
        ("53", with_expiry, param("X-Amz-Expires")),
        ("54", without_action, "no action found in request".to_owned()),
        ("54", another_action, "unexpected action parameter, GetUser".to_owned()),
        ("54", more("Action=GetCallerIdentity"), "found multiple actions".to_owned()),
        // What two readers could read differently is refused: spelling, semicolons, escapes.
        ("54 accident 2", more("action=GetUser"), param("action")),
        ("54 accident 2", more("x-amz-date=20250101T000000Z"), param("x-amz-date")),
        ("54 accident 2", more("Action=GetUser;x"), "error parsing iam_request_url".to_owned()),
        ("54 accident 2", more("Foo=%zz"), "error parsing iam_request_url".to_owned()),
        ("54", more("Foo=1"), param("Foo")),
        ("38 accident 5", unsigned_id, NOT_SIGNED.to_owned()),
        ("20", with_body, BAD_BODY.to_owned()),
    ];
    check(&stage, rows).await;

    // A GET that is not signed at all is a presigned one that lacks its signature.
    let mut unsigned = signed(&LoginOptions { form: RequestForm::Get, ..options.clone() });
    edit_headers(&mut unsigned, |headers| headers.retain(|(name, _)| name != "Authorization"));
    let text = "missing request query param: X-Amz-Algorithm".to_owned();
    check(&stage, vec![("52", unsigned, text)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_signed_in_a_header() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("valid-role");
    stage.role_for("valid-role", &user.arn).await;
    let options = LoginOptions::curl_get().server_id(SERVER_ID).role("valid-role");
    let signed = |options: &LoginOptions| sign_login(&user.credentials, options);
    stage.mount.login_only(&signed(&options)).await.expect(200);
    stage.aws.clear_calls();

    // Signed with keys of one's own, with these in the query.
    let asking = |query: &str| signed(&options.clone().parameters(query));
    let more = |query: &str| asking(&format!("{GET_CALLER_IDENTITY}&{query}"));
    let edited = |edit: &dyn Fn(&mut Headers)| {
        let mut data = signed(&options);
        edit_headers(&mut data, |headers| edit(headers));
        data
    };
    let pushed =
        |name: &str, value: &str| edited(&|headers| headers.push((name.to_owned(), vec![value.to_owned()])));
    let authorization = |from: &str, to: &str| {
        edited(&|headers| {
            let (_, values) = headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
            assert!(values[0].contains(from));
            values[0] = values[0].replace(from, to);
        })
    };
    let with_body = |body: &str| with(&signed(&options), json!({"iam_request_body": base64(body)}));
    let presigned = LoginOptions::presigned_get().server_id(SERVER_ID).role("valid-role");
    let presigned = STANDARD.decode(signed(&presigned)["iam_request_url"].as_str().unwrap()).unwrap();
    let presigned = String::from_utf8(presigned).unwrap();
    let signature = presigned.split('&').find(|pair| pair.starts_with("X-Amz-Signature")).unwrap();
    let both = with(&signed(&options), json!({"iam_request_url": base64(&presigned)}));
    let id_of_another = signed(&options.clone().server_id("other"));
    let token = "x-vault-aws-iam-server-id";
    let param = |name: &str| format!("invalid request query param: {name}");
    let url = "error parsing iam_request_url".to_owned();
    let action = |value: &str| format!("unexpected action parameter, {value}");
    let twice = "found multiple actions".to_owned();
    let two_signatures = "invalid request header: Authorization".to_owned();
    let no_algorithm = "missing request query param: X-Amz-Algorithm".to_owned();
    check(
        &stage,
        vec![
            ("no query", asking(""), "no action found in request".to_owned()),
            ("no action", asking("Version=2011-06-15"), "no action found in request".to_owned()),
            ("action", asking("Action=GetUser&Version=2011-06-15"), action("GetUser")),
            ("action", asking("Action=GetCallerIdentity%20&Version=1"), action("GetCallerIdentity ")),
            ("twice", more("Action=GetCallerIdentity"), twice.clone()),
            ("twice", more("%41ction=GetUser"), twice),
            ("spelling", more("action=GetUser"), param("action")),
            ("spelling", more("Version=2011-06-15"), param("Version")),
            ("spelling", more("version=2011-06-15"), param("version")),
            ("another", more("X=1"), param("X")),
            ("another", more("="), param("")),
            ("another", more("X-Amz-Date=20250101T000000Z"), param("X-Amz-Date")),
            ("another", more("X-Amz-Security-Token=x"), param("X-Amz-Security-Token")),
            ("semicolon", more("X=1;Action=GetUser"), url.clone()),
            ("escape", more("X=%zz"), url),
            ("both", both, two_signatures.clone()),
            ("both", pushed("authorization", "x"), two_signatures),
            ("half", more(signature), no_algorithm.clone()),
            ("half", more("x-amz-algorithm=AWS4-HMAC-SHA256"), no_algorithm.clone()),
            ("none", edited(&|headers| headers.retain(|(name, _)| name != "Authorization")), no_algorithm),
            ("body", with_body("Action=AssumeRole"), BAD_BODY.to_owned()),
            ("header", pushed("X-Amz-Target", "x"), "invalid request header: X-Amz-Target".to_owned()),
            (
                "server id",
                id_of_another,
                format!("{SERVER_ID_HEADER}expected \"{SERVER_ID}\" but got \"other\""),
            ),
            ("server id", authorization(&format!(";{token}"), ""), NOT_SIGNED.to_owned()),
            ("server id", authorization(token, &format!("{token}-2")), NOT_SIGNED.to_owned()),
            (
                "server id",
                edited(&|headers| headers.retain(|(name, _)| name != "X-Vault-Aws-Iam-Server-Id")),
                format!("{SERVER_ID_HEADER}missing header \"X-Vault-AWS-IAM-Server-ID\""),
            ),
        ],
    )
    .await;
}

/// Two faults in one request: the earlier check speaks.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_fault_is_told() {
    let stage = under_test::stage().await;
    let good = good(&stage).await;
    let faults: [(&str, Value, &str); 7] = [
        ("iam_http_request_method", json!("PUT"), METHOD),
        ("iam_request_url", json!("%%%"), "failed to base64 decode iam_request_url"),
        ("iam_request_url", base64("https://h:abc/"), "error parsing iam_request_url"),
        ("iam_request_url", base64("https://sts.amazonaws.com/?a=b"), "invalid request"),
        ("iam_request_body", json!(""), "missing iam_request_body"),
        ("iam_request_body", base64("Action=AssumeRole"), BAD_BODY),
        ("iam_request_headers", json!({}), "missing iam_request_headers"),
    ];
    let mut rows = Vec::new();
    for (position, (name, value, text)) in faults.iter().enumerate() {
        let mut data = with(&good, json!({"role": "nope"}));
        for (later, worse, _) in &faults[position..] {
            if later != name {
                data[*later] = worse.clone();
            }
        }
        data[*name] = value.clone();
        rows.push(("order", data, (*text).to_owned()));
    }
    check(&stage, rows).await;
}
