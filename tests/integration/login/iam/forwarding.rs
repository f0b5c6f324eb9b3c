//! What is forwarded, and where: the client chooses neither endpoint nor framing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{
    Call, Credentials, GET_CALLER_IDENTITY, LoginOptions, RefusingPort, User, edit_headers, sign_login,
};
use testkit::host::Answer;
use testkit::stage::{SERVER_ID, Stage};

const NO_REGION: &str = "region missing from Authorization header";

/// A stage with a user `dev` who may log in as `dev`.
async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

fn signed(credentials: &Credentials, options: LoginOptions) -> Value {
    sign_login(credentials, &options.server_id(SERVER_ID).role("dev"))
}

/// The one call that a login causes.
async fn forwarded(stage: &Stage, data: &Value) -> (Answer, Call) {
    stage.aws.clear_calls();
    let answer = stage.mount.login_only(data).await;
    let calls = stage.aws.all_calls();
    let [call] = calls.as_slice() else { panic!("one call, not {calls:#?}: {answer:#?}") };
    (answer, call.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn host_and_path_are_the_client_s_and_the_connection_is_not() {
    let (stage, dev) = stage_with_dev().await;
    let own = stage.aws.address().to_string();
    for (vector, url, written, host, target) in [
        ("13", "https://sts.amazonaws.com/?", None, "sts.amazonaws.com", "//?"),
        // Without a host in the URL the endpoint's is taken; the client must have signed that one.
        ("14", &stage.aws.url(), Some("/"), own.as_str(), "//"),
        ("15", "https://evil.example:8443/x", None, "evil.example:8443", "//x"),
        ("15", "http://169.254.169.254/latest", None, "169.254.169.254", "//latest"),
        ("15", "https://user:pw@sts.amazonaws.com/#x", None, "sts.amazonaws.com", "//"),
    ] {
        let mut data = if url.contains('@') {
            signed(&dev.credentials, LoginOptions::vault_cli())
        } else {
            signed(&dev.credentials, LoginOptions::vault_cli().url(url))
        };
        if let Some(url) = written.or(url.contains('@').then_some(url)) {
            data["iam_request_url"] = STANDARD.encode(url).into();
        }
        let (answer, call) = forwarded(&stage, &data).await;
        assert_eq!(answer.status, 200, "vector {vector}: {:?}", answer.errors);
        assert_eq!(call.request.target, target, "vector {vector}");
        assert_eq!(call.request.header_values("Host"), [host], "vector {vector}");
        assert_eq!((call.request.method.as_str(), call.proxied_to), ("POST", None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_body_go_on_as_they_came() {
    let (stage, dev) = stage_with_dev().await;
    let options = LoginOptions::vault_cli()
        .signed_header("X-Team", "a,  b")
        .unsigned_header("Cookie", "c=1")
        .unsigned_header("X-Empty", "");
    let mut data = signed(&dev.credentials, options);
    // Vector 47: the Host entry does not count, nor do framing headers.
    edit_headers(&mut data, |headers| {
        for (name, value) in [("Host", "evil"), ("Transfer-Encoding", "chunked"), ("Trailer", "x")] {
            headers.push((name.to_owned(), vec![value.to_owned()]));
        }
    });
    let (answer, call) = forwarded(&stage, &data).await;
    assert_eq!(answer.status, 200, "{:?}", answer.errors);
    let request = &call.request;
    assert_eq!(request.header_values("Host"), ["sts.amazonaws.com"]);
    assert_eq!(request.header_values("Transfer-Encoding"), Vec::<&str>::new());
    assert_eq!(request.header_values("Trailer"), Vec::<&str>::new());
    assert_eq!(request.header_values("X-Team"), ["a,  b"]);
    assert_eq!(request.header_values("Cookie"), ["c=1"]);
    assert_eq!(request.header_values("X-Empty"), [""]);
    assert_eq!(request.header_values("Content-Length"), ["43"]);
    assert_eq!(request.header_values("User-Agent"), ["aws-sdk-go/1.55.6 (go1.23.3; linux; amd64)"]);
    assert_eq!(request.header_values("X-Vault-Aws-Iam-Server-Id"), [SERVER_ID]);
    // Compressed answers are never asked for.
    assert_eq!(request.header_values("Accept-Encoding"), Vec::<&str>::new());
    assert_eq!(request.body, b"Action=GetCallerIdentity&Version=2011-06-15");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_length_is_that_of_the_body() {
    let (stage, dev) = stage_with_dev().await;
    let mut data = signed(&dev.credentials, LoginOptions::boto3());
    edit_headers(&mut data, |headers| headers.push(("Content-Length".to_owned(), vec!["9999".to_owned()])));
    let (answer, call) = forwarded(&stage, &data).await;
    assert_eq!((answer.status, call.request.header_values("Content-Length")), (200, vec!["43"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presigned_request_is_forwarded_with_its_query() {
    let (stage, dev) = stage_with_dev().await;
    let data = signed(&dev.credentials, LoginOptions::presigned_get());
    let (answer, call) = forwarded(&stage, &data).await;
    assert_eq!(answer.status, 200, "vector 52: {:?}", answer.errors);
    let url = String::from_utf8(STANDARD.decode(data["iam_request_url"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(call.request.method, "GET");
    assert_eq!(call.request.query(), url.split_once('?').unwrap().1);
    assert_eq!(call.request.body, b"");
}

/// A body was not signed with a GET; it may be there, and is not sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_get_signed_in_a_header_is_forwarded_without_a_body() {
    let (stage, dev) = stage_with_dev().await;
    let role = stage.aws.create_role("dev-role");
    stage.role("dev-role", json!({"bound_iam_principal_arn": role.arn})).await;
    let session = stage.aws.session(&role, "s");
    for (credentials, role) in [(&dev.credentials, "dev"), (&session.credentials, "dev-role")] {
        let options = LoginOptions::curl_get().signed_header("X-Team", "a,  b").server_id(SERVER_ID);
        let mut data = sign_login(credentials, &options.role(role));
        for body in [None, Some(GET_CALLER_IDENTITY), Some("Version=1"), Some("")] {
            if let Some(body) = body {
                data["iam_request_body"] = STANDARD.encode(body).into();
            }
            let (answer, call) = forwarded(&stage, &data).await;
            assert_eq!(answer.status, 200, "{body:?}: {:?}", answer.errors);
            let request = &call.request;
            assert_eq!((request.method.as_str(), request.query()), ("GET", GET_CALLER_IDENTITY));
            assert_eq!(request.body, b"");
            for name in ["Content-Length", "Transfer-Encoding", "Connection"] {
                assert_eq!(request.header_values(name), Vec::<&str>::new());
            }
            assert_eq!(request.header_values("Host"), ["sts.amazonaws.com"]);
            assert_eq!(request.header_values("X-Team"), ["a,  b"]);
            assert_eq!(request.header_values("User-Agent"), ["curl/8.5.0"]);
            assert_eq!(request.header_values("Authorization").len(), 1);
        }
    }
}

/// What the check lets through is refused by AWS, which verifies what was signed.
#[tokio::test(flavor = "multi_thread")]
async fn aws_refuses_what_passes_the_checks() {
    let (stage, dev) = stage_with_dev().await;
    let received = "error making upstream request: received error code ";
    let without_action = signed(&dev.credentials, LoginOptions::vault_cli().parameters("Version=2011-06-15"));
    let (answer, _) = forwarded(&stage, &without_action).await;
    assert_eq!(answer.status, 400, "vector 26");
    assert!(answer.error().starts_with(received), "vector 26: {}", answer.error());
    assert!(answer.error().contains("MissingAction"), "vector 26: {}", answer.error());
}

/// Vector 42. Of two lists of signed headers nobody knows which one AWS goes by.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_list_of_signed_headers_proves_nothing() {
    let (stage, dev) = stage_with_dev().await;
    let mut data = signed(&dev.credentials, LoginOptions::vault_cli());
    edit_headers(&mut data, |headers| {
        let (_, values) = headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
        values[0] = values[0].replacen("SignedHeaders=", "SignedHeaders=host, SignedHeaders=", 1);
    });
    let answer = stage.mount.login_only(&data).await;
    let text = "error validating X-Vault-AWS-IAM-Server-ID header: vault header wasn't signed";
    assert_eq!((answer.status, answer.error()), (400, text));
    assert_eq!(stage.aws.total_calls(), 0);
}

/// Vector 46. STS answers in JSON to whoever asks for it; such an answer is never read.
#[tokio::test(flavor = "multi_thread")]
async fn a_json_answer_is_not_read_accident_1() {
    let (stage, dev) = stage_with_dev().await;
    let mut data = signed(&dev.credentials, LoginOptions::vault_cli());
    edit_headers(&mut data, |headers| {
        headers.push(("Accept".to_owned(), vec!["application/json".to_owned()]));
    });
    let (answer, call) = forwarded(&stage, &data).await;
    assert_eq!(call.header("Accept"), Some("application/json"));
    let text = "error making upstream request: body of GetCallerIdentity is invalid";
    assert_eq!((answer.status, answer.error()), (400, text));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configuration_the_defaults_hold_accident_14() {
    let stage = Stage::behind_proxy(under_test::open_bao()).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    assert_eq!(stage.mount.storage().get("config/client"), None);
    // No server id is demanded: there is nobody who set one. The list of headers is that of the defaults.
    let options = LoginOptions::vault_cli().role("dev");
    let further = options.clone().signed_header("X-Amz-Mallory-Header", "x");
    let answer = stage.mount.login_only(&sign_login(&dev.credentials, &further)).await;
    assert_eq!((answer.status, answer.error()), (400, "invalid request header: X-Amz-Mallory-Header"));
    assert_eq!(stage.aws.calls("GetCallerIdentity").len(), 0);
    let (answer, call) = forwarded(&stage, &sign_login(&dev.credentials, &options)).await;
    assert_eq!(answer.status, 200, "vector 51: {:?}", answer.errors);
    assert_eq!(call.proxied_to.as_deref(), Some("sts.amazonaws.com:443"));
    assert_eq!(call.tls_name.as_deref(), Some("sts.amazonaws.com"));
    assert_eq!(call.request.target, "//");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_of_the_signature_chooses_the_endpoint() {
    let stage = Stage::behind_proxy(under_test::open_bao()).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    let regional = json!({"sts_endpoint": "http://127.0.0.1:9", "use_sts_region_from_client": true});
    stage.configure(regional).await;
    for (region, url, name) in [
        ("us-west-2", "https://sts.amazonaws.com/", "sts.us-west-2.amazonaws.com"),
        ("us-east-1", "https://sts.us-east-1.amazonaws.com/", "sts.us-east-1.amazonaws.com"),
        // A region that no table of today knows.
        ("ap-southeast-12", "https://sts.amazonaws.com/", "sts.ap-southeast-12.amazonaws.com"),
    ] {
        let data = signed(&dev.credentials, LoginOptions::vault_cli().region(region).url(url));
        let (answer, call) = forwarded(&stage, &data).await;
        assert_eq!(answer.status, 200, "vector 48, {region}: {:?}", answer.errors);
        assert_eq!(call.proxied_to.as_deref(), Some(format!("{name}:443").as_str()));
        assert_eq!(call.tls_name.as_deref(), Some(name));
        assert_eq!(call.header("Host"), url.strip_prefix("https://").and_then(|url| url.strip_suffix('/')));
    }
    for get in [LoginOptions::presigned_get(), LoginOptions::curl_get()] {
        let data = signed(&dev.credentials, get.region("eu-west-3"));
        let (answer, call) = forwarded(&stage, &data).await;
        assert_eq!((answer.status, call.tls_name.as_deref()), (200, Some("sts.eu-west-3.amazonaws.com")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_region_reaches_nobody_accidents_3_and_4() {
    let (stage, dev) = stage_with_dev().await;
    let changes = json!({"use_sts_region_from_client": true, "iam_server_id_header_value": null});
    stage.configure(changes).await;
    let unknown = |region: &str| format!("unable to get regional STS endpoint for region: {region}");
    let data = signed(&dev.credentials, LoginOptions::vault_cli());
    let authorization = |value: &str| {
        let mut data = data.clone();
        edit_headers(&mut data, |headers| {
            headers.retain(|(name, _)| name != "Authorization");
            if !value.is_empty() {
                headers.push(("Authorization".to_owned(), vec![value.to_owned()]));
            }
        });
        data
    };
    let region = |region: &str| {
        authorization(&format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20250101/{region}/sts/aws4_request, SignedHeaders=host, Signature=00"
        ))
    };
    for (vector, data, text) in [
        ("49", region("fake-region-1"), unknown("fake-region-1")),
        ("49", region("evil.com#"), unknown("evil.com#")),
        ("49", region("us-east-1.evil.com"), unknown("us-east-1.evil.com")),
        ("49", region("US-EAST-1"), unknown("US-EAST-1")),
        ("50", authorization("foo"), NO_REGION.to_owned()),
        ("50", authorization(""), NO_REGION.to_owned()),
        ("50", authorization("AWS4-HMAC-SHA256,Credential=A/B/us-east-1/sts/x"), NO_REGION.to_owned()),
        ("50", authorization("AWS4-HMAC-SHA256 Credential=A/B"), NO_REGION.to_owned()),
    ] {
        let answer = stage.mount.login_only(&data).await;
        assert_eq!((answer.status, answer.error()), (400, text.as_str()), "vector {vector}");
    }
    assert_eq!(stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_endpoint_is_told_with_its_cause() {
    let stage = Stage::on(under_test::vault()).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    let port = RefusingPort::start();
    stage.configure(json!({"sts_endpoint": port.url(), "max_retries": 0})).await;
    let text = stage.refused(&dev.credentials, "dev").await;
    let expected = format!(
        "error making upstream request: error making request: POST {}// giving up after 1 attempt(s): ",
        port.url()
    );
    assert!(text.starts_with(&expected), "{text}");

    stage.configure(json!({"sts_endpoint": "nonsense url"})).await;
    let text = stage.refused(&dev.credentials, "dev").await;
    let expected = "error making upstream request: the configured endpoint \"nonsense url\" is not a URL";
    assert_eq!(text, expected);
    assert_eq!(stage.aws.total_calls(), 0);
}
