//! Every shape in which clients send a signed request logs in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{
    Credentials, HeaderEncoding, HeaderValues, LoginOptions, RoleField, edit_headers, sign_login,
};
use testkit::host::Launch;
use testkit::stage::{SERVER_ID, Stage};

/// Shapes by name: what the programs in use send, and what their hand-made relatives send.
pub(super) fn shapes() -> Vec<(&'static str, LoginOptions)> {
    let plain = LoginOptions::plain_object;
    vec![
        ("vault CLI", LoginOptions::vault_cli()),
        ("hvac", LoginOptions::hvac()),
        ("boto3", LoginOptions::boto3()),
        ("plain object", plain()),
        ("presigned GET", LoginOptions::presigned_get()),
        ("curl --aws-sigv4", LoginOptions::curl_get()),
        (
            "GET, signed in headers given as pairs",
            LoginOptions { encoding: HeaderEncoding::NameValueList, ..LoginOptions::curl_get() },
        ),
        (
            "GET, the action behind its version",
            LoginOptions::curl_get().parameters("Version=2011-06-15&Action=GetCallerIdentity"),
        ),
        (
            "vector 29: base64, texts",
            LoginOptions { values: HeaderValues::Text, ..LoginOptions::vault_cli() },
        ),
        ("vector 30: base64, lists", LoginOptions::vault_cli()),
        (
            "vector 31: JSON text",
            LoginOptions { encoding: HeaderEncoding::JsonText, ..LoginOptions::vault_cli() },
        ),
        (
            "vector 32: Content-Length is a number",
            LoginOptions { values: HeaderValues::TextAndNumber, content_length: true, ..plain() },
        ),
        (
            "base64 with a number",
            LoginOptions { values: HeaderValues::TextAndNumber, ..LoginOptions::vault_cli() },
        ),
        (
            "name:value pairs",
            LoginOptions { encoding: HeaderEncoding::NameValueList, ..LoginOptions::boto3() },
        ),
        ("global host, other region", LoginOptions::vault_cli().region("eu-central-1")),
        (
            "regional host",
            LoginOptions::vault_cli().url("https://sts.eu-west-1.amazonaws.com/").region("eu-west-1"),
        ),
        ("no path", LoginOptions::vault_cli().url("https://sts.amazonaws.com")),
        (
            "body in other order",
            LoginOptions::vault_cli().parameters("Version=2011-06-15&Action=GetCallerIdentity"),
        ),
        (
            "signed content hash",
            LoginOptions::boto3().signed_header(
                "X-Amz-Content-Sha256",
                "ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843",
            ),
        ),
        ("vector 44", LoginOptions::vault_cli().signed_header("x-amz-signedheaders", "x")),
        ("vector 45", LoginOptions::vault_cli().signed_header("X-Amz-User-Agent", "aws-sdk-js/2.1")),
    ]
}

fn lower_case(data: &mut Value) {
    edit_headers(data, |headers| headers.iter_mut().for_each(|(name, _)| *name = name.to_lowercase()));
}

/// Line breaks as programs that wrap base64 put them.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text;
    while rest.len() > 60 {
        let (line, further) = rest.split_at(60);
        lines.push(line);
        rest = further;
    }
    lines.push(rest);
    format!("{}\r\n", lines.join("\r\n"))
}

/// Changes that clients make to the data without changing what was signed.
fn spellings(data: &Value) -> Vec<(&'static str, Value)> {
    let mut spellings = vec![("as it is", data.clone())];
    let mut lower = data.clone();
    lower_case(&mut lower);
    spellings.push(("vector 34: lower-case names", lower));
    let mut broken = data.clone();
    for name in ["iam_request_url", "iam_request_body", "iam_request_headers"] {
        let base64 = broken.get(name).and_then(Value::as_str).filter(|text| STANDARD.decode(text).is_ok());
        if let Some(text) = base64.map(wrapped) {
            broken[name] = text.into();
        }
    }
    spellings.push(("vector 17: wrapped base64", broken));
    let mut without_blanks = data.clone();
    edit_headers(&mut without_blanks, |headers| {
        for (_, values) in headers.iter_mut().filter(|(name, _)| name == "Authorization") {
            values.iter_mut().for_each(|value| *value = value.replace(", ", ","));
        }
    });
    spellings.push(("no blank after the comma", without_blanks));
    let mut with_unknown = data.clone();
    with_unknown["auth_method"] = json!("iam");
    spellings.push(("an unknown field", with_unknown));
    spellings
}

/// A host with credentials of a user and of a session, bound to one role.
async fn stage_with_credentials(launch: Launch) -> (Stage, Credentials, Credentials) {
    let stage = Stage::on(launch).await;
    let user = stage.aws.create_user("dev");
    let role = stage.aws.create_role("dev");
    let session = stage.aws.session(&role, "laptop");
    stage
        .role("dev", json!({"bound_iam_principal_arn": [user.arn, role.arn], "token_policies": "dev"}))
        .await;
    (stage, user.credentials, session.credentials)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_logs_in_with_keys_and_with_a_session_accident_15() {
    let (stage, user, session) = stage_with_credentials(under_test::open_bao()).await;
    for (shape, options) in shapes() {
        let options = options.server_id(SERVER_ID).role("dev");
        for (whose, credentials) in [("user", &user), ("session", &session)] {
            for (spelling, data) in spellings(&sign_login(credentials, &options)) {
                let answer = stage.mount.login_only(&data).await;
                assert_eq!(answer.status, 200, "{shape}, {whose}, {spelling}: {:?}", answer.errors);
                assert_eq!(answer.auth.unwrap().policies, ["dev"]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_log_in_on_vault() {
    let (stage, user, session) = stage_with_credentials(under_test::vault()).await;
    for (shape, options) in shapes().into_iter().take(5) {
        for credentials in [&user, &session] {
            let data = sign_login(credentials, &options.clone().server_id(SERVER_ID).role("dev"));
            let answer = stage.mount.login(&data).await;
            assert_eq!(answer.status, 200, "{shape}: {:?}", answer.errors);
            assert_eq!(answer.role.as_deref(), Some("dev"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_role_empty_role_and_null_are_the_same() {
    let (stage, user, session) = stage_with_credentials(under_test::open_bao()).await;
    for role in [RoleField::Absent, RoleField::Null, RoleField::Name(String::new())] {
        for credentials in [&user, &session] {
            let options = LoginOptions { role: role.clone(), ..LoginOptions::hvac() }.server_id(SERVER_ID);
            let answer = stage.mount.login(&sign_login(credentials, &options)).await.expect(200);
            assert_eq!(answer.role.as_deref(), Some("dev"), "{role:?}");
        }
    }
}

/// What is refused locally without its header must pass with it: nothing but the configuration
/// decides.
#[tokio::test(flavor = "multi_thread")]
async fn configured_headers_are_accepted() {
    let (stage, user, _) = stage_with_credentials(under_test::open_bao()).await;
    let header = LoginOptions::vault_cli().signed_header("X-Amz-Trace", "1");
    let expiry = LoginOptions { expires: Some(60), ..LoginOptions::presigned_get() };
    let login = async |options: &LoginOptions| {
        let data = sign_login(&user, &options.clone().server_id(SERVER_ID).role("dev"));
        stage.mount.login_only(&data).await
    };
    assert_eq!(login(&header).await.expect(400).error(), "invalid request header: X-Amz-Trace");
    assert_eq!(login(&expiry).await.expect(400).error(), "invalid request query param: X-Amz-Expires");

    stage.configure(json!({"allowed_sts_header_values": "x-amz-trace, X-AMZ-EXPIRES"})).await;
    assert!(login(&header).await.succeeded());
    assert!(login(&expiry).await.succeeded());
}

/// Without a server id nothing looks into the Authorization header before AWS does.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_id_aws_judges_the_authorization_header() {
    let (stage, user, _) = stage_with_credentials(under_test::open_bao()).await;
    stage.configure(json!({"iam_server_id_header_value": null})).await;
    for options in [LoginOptions::vault_cli(), LoginOptions::curl_get()] {
        let data = sign_login(&user, &options.role("dev"));
        assert!(stage.mount.login_only(&data).await.succeeded());
        for value in ["foo", "", "Bearer x"] {
            let mut data = data.clone();
            edit_headers(&mut data, |headers| {
                let (_, values) = headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
                *values = vec![value.to_owned()];
            });
            let before = stage.aws.total_calls();
            let answer = stage.mount.login_only(&data).await.expect(400);
            let refused = "error making upstream request: received error code ";
            assert!(answer.error().starts_with(refused), "{value:?}: {}", answer.error());
            assert_eq!(stage.aws.total_calls(), before + 1);
        }
    }
}
