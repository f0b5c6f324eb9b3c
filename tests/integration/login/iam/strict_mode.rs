//! Strict mode: what the built-in method takes and strict mode does not, one mutation for each row.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::clients::shapes;
use crate::under_test;
use testkit::aws::{ACCOUNT, Fault, LoginOptions, User, edit_headers, sign_login};
use testkit::host::Answer;
use testkit::stage::{SERVER_ID, Stage, with};

const LIMIT: Duration = Duration::from_secs(20);
const INSTANCE: &str = "i-0123456789abcdef0";

async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role("dev", json!({"bound_iam_principal_arn": dev.arn})).await;
    (stage, dev)
}

/// Switching it off is answered with a warning.
async fn set_strict(stage: &Stage, on: bool) {
    let answer = stage.mount.write("config/client", &json!({"iam_strict_request": on})).await;
    assert!(answer.succeeded(), "{answer:#?}");
}

fn options() -> LoginOptions {
    LoginOptions::vault_cli().server_id(SERVER_ID).role("dev")
}

fn decoded(data: &Value, name: &str) -> String {
    String::from_utf8(STANDARD.decode(data[name].as_str().unwrap()).unwrap()).unwrap()
}

/// A login that is signed for the STS host and names another URL.
fn with_url(data: &Value, change: impl FnOnce(String) -> String) -> Value {
    with(data, json!({"iam_request_url": STANDARD.encode(change(decoded(data, "iam_request_url")))}))
}

/// Words, code and id of a text of strict mode.
fn parted(text: &str) -> (&str, &str, &str) {
    let (words, told) = text.rsplit_once(" (code ").unwrap_or_else(|| panic!("no code: {text}"));
    let (code, id) = told.split_once(", id ").expect("an id");
    let id = id.strip_suffix(')').expect("the end");
    assert!(id.len() == 10 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    (words, code, id)
}

#[track_caller]
fn assert_refused(answer: &Answer, what: &str, code: &str, words: &str) {
    assert_eq!((answer.status, &answer.auth), (400, &None), "{what}");
    assert!(!answer.error().contains(SERVER_ID), "{what}: {}", answer.error());
    let (said, of_code, _) = parted(answer.error());
    assert_eq!((said, of_code), (words, code), "{what}");
}

/// The one row that is forwarded without strict mode and that AWS refuses.
const REFUSED_BY_AWS: &str = "unsigned X-Amz- header";

/// Each row but [`REFUSED_BY_AWS`] is admitted without strict mode, as the built-in method admits it too: it reads
/// no part of the URL but host, path and query, and of the headers it knows only whether their names are allowed.
fn mutations(dev: &User) -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let honest = sign_login(&dev.credentials, &options());
    let signed = |options: LoginOptions| sign_login(&dev.credentials, &options);
    let presigned = LoginOptions { form: testkit::aws::RequestForm::PresignedGet, ..options() };
    let mut repeated = honest.clone();
    edit_headers(&mut repeated, |headers| {
        for (_, values) in headers.iter_mut().filter(|(name, _)| name == "User-Agent") {
            values.push("another".to_owned());
        }
    });
    let mut other_host = honest.clone();
    edit_headers(&mut other_host, |headers| {
        headers.push(("Host".to_owned(), vec!["evil.example".to_owned()]))
    });
    vec![
        (
            "http",
            with_url(&honest, |url| url.replace("https", "http")),
            "iam.strict.url",
            "invalid iam_request_url: strict mode takes https alone",
        ),
        (
            "user name",
            with_url(&honest, |url| url.replace("//", "//user:pw@")),
            "iam.strict.url",
            "invalid iam_request_url: strict mode takes no user name",
        ),
        (
            "fragment",
            with_url(&honest, |url| format!("{url}#x")),
            "iam.strict.url",
            "invalid iam_request_url: strict mode takes no fragment",
        ),
        (
            "port",
            signed(options().url("https://sts.amazonaws.com:8443/")),
            "iam.strict.url",
            "invalid iam_request_url: strict mode takes no port",
        ),
        (
            "foreign host",
            signed(options().url("https://evil.example/")),
            "iam.strict.host",
            "invalid iam_request_url: \"evil.example\" is no host of STS, as strict mode demands",
        ),
        (
            "host that begins like one of STS",
            signed(options().url("https://sts.amazonaws.com.example/")),
            "iam.strict.host",
            "invalid iam_request_url: \"sts.amazonaws.com.example\" is no host of STS, as strict mode demands",
        ),
        (
            "another Host header",
            other_host,
            "iam.strict.host_header",
            "invalid request header: Host is not the host of iam_request_url, as strict mode demands",
        ),
        (
            REFUSED_BY_AWS,
            signed(options().unsigned_header("X-Amz-User-Agent", "x")),
            "iam.strict.not_signed",
            "invalid request header: X-Amz-User-Agent is not signed, as strict mode demands",
        ),
        (
            "unsigned date",
            signed(options().unsigned_header("Date", "Thu, 01 Jan 2026 00:00:00 GMT")),
            "iam.strict.not_signed",
            "invalid request header: Date is not signed, as strict mode demands",
        ),
        (
            "unsigned content type of a presigned GET",
            signed(presigned.unsigned_header("Content-Type", "text/plain")),
            "iam.strict.not_signed",
            "invalid request header: Content-Type is not signed, as strict mode demands",
        ),
        (
            "header with two values",
            repeated,
            "iam.strict.repeated",
            "invalid request header: User-Agent is given more than once, which strict mode does not take",
        ),
        (
            "parameter with two values",
            signed(options().parameters("Action=GetCallerIdentity&Version=2011-06-15&Version=2011-06-15")),
            "iam.strict.repeated",
            "invalid iam_request_body: \"Version\" is given more than once, which strict mode does not take",
        ),
        (
            "role in capital letters",
            signed(options().role("DEV")),
            "role.spelling",
            "role name \"DEV\" is not in lower case, as strict mode demands",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_built_in_method_takes_and_strict_mode_does_not() {
    let (stage, dev) = stage_with_dev().await;
    let mut not_admitted = Vec::new();
    for (what, login, ..) in mutations(&dev) {
        if stage.mount.login_only(&login).await.auth.is_none() {
            not_admitted.push(what);
        }
    }
    assert_eq!(not_admitted, [REFUSED_BY_AWS]);
    set_strict(&stage, true).await;
    stage.aws.clear_calls();
    for (what, login, code, words) in mutations(&dev) {
        assert_refused(&stage.mount.login_only(&login).await, what, code, words);
    }
    assert_eq!(stage.aws.total_calls(), 0, "AWS is not asked");

    // The role alone may want it, known before or after the answer of STS.
    set_strict(&stage, false).await;
    stage.role("dev", json!({"iam_strict_request": true})).await;
    for (what, login, code, words) in mutations(&dev) {
        assert_refused(&stage.mount.login_only(&login).await, what, code, words);
        if what == REFUSED_BY_AWS {
            continue;
        }
        stage.mount.invalidate("role/dev").await.unwrap();
        assert_refused(&stage.mount.login_only(&login).await, what, code, words);
    }
    stage.admitted(&dev.credentials, "dev").await;
    // It cannot be switched off for one role.
    stage.role("dev", json!({"iam_strict_request": false})).await;
    let foreign = sign_login(&dev.credentials, &options().url("https://evil.example/"));
    stage.mount.login_only(&foreign).await.expect(200);
    set_strict(&stage, true).await;
    stage.mount.login_only(&foreign).await.expect(400);
}

/// Of a login that names no role the role is known only once AWS has answered; what it alone demands holds all the
/// same.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_nobody_names_demands_it_too() {
    let (stage, dev) = stage_with_dev().await;
    stage.role("dev", json!({"iam_strict_request": true})).await;
    for (what, login, code, words) in mutations(&dev) {
        if [REFUSED_BY_AWS, "role in capital letters"].contains(&what) {
            continue;
        }
        for is_known in [true, false] {
            if !is_known {
                stage.mount.invalidate("role/dev").await.unwrap();
            }
            stage.aws.clear_calls();
            let login = with(&login, json!({"role": Value::Null}));
            assert_refused(&stage.mount.login_only(&login).await, what, code, words);
            assert_eq!(stage.aws.call_count("GetCallerIdentity"), 1, "{what}");
        }
    }
    stage.admitted(&dev.credentials, "").await;
    stage.role("dev", json!({"iam_strict_request": false})).await;
    let (_, login, ..) = mutations(&dev).swap_remove(0);
    stage.mount.login_only(&with(&login, json!({"role": Value::Null}))).await.expect(200);
}

/// Without strict mode these are refused as well, and keep their codes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_in_either_mode_has_the_same_words_before_code_and_id() {
    let (stage, dev) = stage_with_dev().await;
    let signed = |options: LoginOptions| sign_login(&dev.credentials, &options);
    let presigned = LoginOptions { form: testkit::aws::RequestForm::PresignedGet, ..options() };
    let doubled = with_url(&signed(presigned), |url| format!("{url}&Version=2011-06-15"));
    for (login, code) in [
        (doubled, "iam.query_parameter"),
        (signed(options().signed_header("X-K8s-Aws-Id", "cluster")), "iam.other_product"),
        (signed(options().parameters("Action=GetUser")), "iam.action"),
        (signed(options().role("nobody")), "login.role_unknown"),
        (json!({}), "login.incomplete"),
    ] {
        set_strict(&stage, false).await;
        let words = stage.mount.login_only(&login).await.expect(400).error().to_owned();
        assert!(!words.contains("(code "), "{words}");
        set_strict(&stage, true).await;
        assert_refused(&stage.mount.login_only(&login).await, code, code, &words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_tells_the_server_id() {
    let (stage, dev) = stage_with_dev().await;
    let other = sign_login(&dev.credentials, &options().server_id("another.example"));
    let told = stage.mount.login_only(&other).await.expect(400).error().to_owned();
    assert!(told.contains(SERVER_ID), "without strict mode it is told: {told}");
    set_strict(&stage, true).await;
    assert_refused(
        &stage.mount.login_only(&other).await,
        "another id",
        "iam.server_id.mismatch",
        "error validating X-Vault-AWS-IAM-Server-ID header: the header names another server",
    );
    let none = sign_login(&dev.credentials, &LoginOptions::vault_cli().role("dev"));
    assert_refused(
        &stage.mount.login_only(&none).await,
        "no id",
        "iam.server_id.missing",
        "error validating X-Vault-AWS-IAM-Server-ID header: missing header \"X-Vault-AWS-IAM-Server-ID\"",
    );
    // A request for a server is none for one without a name.
    let ours = sign_login(&dev.credentials, &options());
    stage.configure(json!({"iam_server_id_header_value": null})).await;
    stage.mount.login_only(&ours).await.expect(200);
    set_strict(&stage, true).await;
    assert_refused(
        &stage.mount.login_only(&ours).await,
        "an id where none is configured",
        "iam.strict.other_server",
        "invalid request header: X-Vault-AWS-IAM-Server-ID binds the request to another server",
    );
    stage.mount.login_only(&none).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_the_clients_is_taken() {
    let (stage, dev) = stage_with_dev().await;
    let app = stage.aws.create_role("app");
    stage.role("app", json!({"bound_iam_principal_arn": app.arn})).await;
    let session = stage.aws.session(&app, "s1").credentials;
    set_strict(&stage, true).await;
    for (what, shape) in shapes() {
        for (credentials, role) in [(&dev.credentials, "dev"), (&session, "app")] {
            let login = sign_login(credentials, &shape.clone().server_id(SERVER_ID).role(role));
            let answer = stage.mount.login_only(&login).await;
            assert!(answer.auth.is_some(), "{what} {role}: {:?}", answer.errors);
        }
    }
    for (host, region) in
        [("sts.eu-west-1.api.aws", "eu-west-1"), ("sts-fips.us-east-1.amazonaws.com", "us-east-1")]
    {
        let options = options().url(&format!("https://{host}/")).region(region);
        stage.mount.login_only(&sign_login(&dev.credentials, &options)).await.expect(200);
    }
    // The operator's own endpoint has its port.
    let own = stage.aws.url().replace("http://", "https://");
    let login = sign_login(&dev.credentials, &options().url(&format!("{}/", own.trim_end_matches('/'))));
    stage.mount.login_only(&login).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_the_answer_must_agree() {
    const WORDS: &str = "error making upstream request: error parsing STS response";
    let (stage, dev) = stage_with_dev().await;
    stage.role("by-arn", json!({"bound_iam_principal_arn": dev.arn, "resolve_aws_unique_ids": false})).await;
    let login = sign_login(&dev.credentials, &options().role("by-arn"));
    let document = |arn: &str, user_id: &str| {
        Fault::xml(&format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        ))
    };
    let id = &dev.unique_id;
    // The last two are refused in either mode.
    let rows = [
        ("a session of a user", true, document(&dev.arn, &format!("{id}:s"))),
        ("the id of a role", true, document(&dev.arn, "AROAEXAMPLE")),
        ("a user of sts", true, document(&dev.arn.replace(":iam:", ":sts:"), id)),
        (
            "another session",
            false,
            document(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/dev/s1"), "AROAEXAMPLE:s2"),
        ),
        ("another account", false, document(&dev.arn.replace(ACCOUNT, "444455556666"), id)),
    ];
    for (what, is_admitted, fault) in &rows {
        stage.aws.fault("GetCallerIdentity", 1, fault.clone());
        assert_eq!(stage.mount.login_only(&login).await.auth.is_some(), *is_admitted, "{what}");
    }
    set_strict(&stage, true).await;
    for (what, _, fault) in rows {
        stage.aws.fault("GetCallerIdentity", 1, fault);
        assert_refused(&stage.mount.login_only(&login).await, what, "sts.disagrees", WORDS);
    }
    stage.mount.login_only(&login).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_looks_at_the_bounds_again() {
    let (stage, _) = stage_with_dev().await;
    let web = stage.aws.create_role("web");
    stage.instance(INSTANCE);
    let bounds = json!({
        "bound_iam_principal_arn": web.arn, "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1", "bound_ami_id": "ami-0abcdef1234567890",
    });
    stage.role("web", bounds.clone()).await;
    let auth = stage.admitted(&stage.aws.session(&web, INSTANCE).credentials, "web").await;
    let canonical = format!("arn:aws:iam::{ACCOUNT}:role/web");
    let elsewhere = format!("role \"web\" no longer bound to ARN \"{canonical}\"");
    let changed = [
        (
            json!({"bound_ami_id": "ami-1"}),
            "instance.bound.ami",
            "error validating instance: AMI ID \"ami-0abcdef1234567890\" does not belong to role \"web\""
                .to_owned(),
        ),
        (json!({"inferred_aws_region": "eu-west-1"}), "renewal.principal_not_bound", elsewhere),
    ];
    for (change, code, words) in changed {
        stage.role("web", change).await;
        stage.mount.renew(&auth).await.expect(200);
        for (config, role) in [(true, false), (false, true)] {
            set_strict(&stage, config).await;
            stage.role("web", json!({"iam_strict_request": role})).await;
            let answer = stage.mount.renew(&auth).await.expect(500);
            assert_eq!(answer.auth, None);
            let text = answer.error().strip_prefix("failed to renew entry: ").expect("the host's prefix");
            let (said, of_code, id) = parted(text);
            assert_eq!((said, of_code), (words.as_str(), code));
            let line =
                stage.host.wait_for_log(LIMIT, |entry| entry.fields.get("refusal_id") == Some(&json!(id)));
            assert_eq!(line.await.expect("a line").fields["code"], code);
        }
        set_strict(&stage, false).await;
        stage.role("web", with(&bounds, json!({"iam_strict_request": true}))).await;
        stage.mount.renew(&auth).await.expect(200);
        stage.role("web", json!({"iam_strict_request": false})).await;
    }
    // The principal is looked at again in either mode.
    set_strict(&stage, true).await;
    let other = stage.aws.create_role("other");
    stage.role("web", json!({"bound_iam_principal_arn": other.arn})).await;
    let answer = stage.mount.renew(&auth).await.expect(500);
    assert!(answer.error().contains(" no longer bound to ARN "), "{}", answer.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_has_one_spelling() {
    // OpenBao asks for the one spelling of a path and goes by it.
    let stage = Stage::on(under_test::vault()).await;
    let dev = stage.aws.create_user("dev");
    let fields = json!({"bound_iam_principal_arn": dev.arn});
    stage.mount.write("role/DEV", &fields).await.expect(204);
    stage.mount.read("role/Dev").await.expect(200);
    for (config, role) in [(true, false), (false, true)] {
        set_strict(&stage, config).await;
        stage.role("dev", json!({"iam_strict_request": role})).await;
        let words = "role name \"DEV\" is not in lower case, as strict mode demands";
        for answer in [
            stage.mount.read("role/DEV").await,
            stage.mount.write("role/DEV", &fields).await,
            stage.mount.delete("role/DEV").await,
            stage.mount.write("role/DEV/tag", &json!({})).await,
        ] {
            assert_refused(&answer, "a path", "role.spelling", words);
        }
        stage.mount.read("role/dev").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_in_the_text_is_that_of_the_log() {
    let (stage, dev) = stage_with_dev().await;
    let other = stage.aws.create_user("other");
    let login = stage.login_data(&other.credentials, "dev");
    let text = stage.mount.login_only(&login).await.expect(400).error().to_owned();
    let words = format!("IAM Principal \"{}\" does not belong to the role \"dev\"", other.arn);
    assert_eq!(text, words, "without strict mode the text is as ever");
    let line =
        stage.host.wait_for_log(LIMIT, |entry| entry.message == "login refused").await.expect("a line");
    assert_eq!(line.fields["refusal_id"].as_str().unwrap().len(), 10, "and the log has an id all the same");

    set_strict(&stage, true).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let text = stage.mount.login_only(&login).await.expect(400).error().to_owned();
        let (said, code, id) = parted(&text);
        assert_eq!((said, code), (words.as_str(), "iam.principal_not_bound"));
        let line = stage.host.wait_for_log(LIMIT, |entry| entry.fields.get("refusal_id") == Some(&json!(id)));
        assert_eq!(line.await.expect("a line").fields["code"], code);
        ids.push(id.to_owned());
    }
    assert_ne!(ids[0], ids[1]);

    // Also where the same trouble is told only once, and on other paths.
    stage.write_config(&json!({"sts_endpoint": "http://user:pw@host/"})).await;
    let login = stage.login_data(&dev.credentials, "dev");
    let mut texts = Vec::new();
    for _ in 0..2 {
        texts.push(stage.mount.login_only(&login).await.expect(400).error().to_owned());
    }
    texts.push(stage.mount.write("role/none", &json!({})).await.expect(400).error().to_owned());
    for text in texts {
        let (_, code, id) = parted(&text);
        let line = stage.host.wait_for_log(LIMIT, |entry| entry.fields.get("refusal_id") == Some(&json!(id)));
        assert_eq!(line.await.expect("a line").fields["code"], code, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_switch_is_stored_and_shown_only_where_it_is_on() {
    let (stage, _) = stage_with_dev().await;
    let read = async |path: &str| stage.mount.read(path).await.expect(200).data["iam_strict_request"].clone();
    for path in ["config/client", "role/dev"] {
        let stored = |stage: &Stage| stage.mount.storage().json(path).unwrap()["iam_strict_request"].clone();
        assert_eq!((read(path).await, stored(&stage)), (Value::Null, Value::Null), "{path}");
        let answer = stage.mount.write(path, &json!({"iam_strict_request": true})).await;
        answer.expect(204);
        assert_eq!((read(path).await, stored(&stage)), (json!(true), json!(true)), "{path}");
        stage.mount.write(path, &json!({"iam_strict_request": false})).await;
        assert_eq!((read(path).await, stored(&stage)), (Value::Null, Value::Null), "{path}");
    }
    // A write that uses a field of this plugin alone and leaves strict mode off is warned of it.
    let answer = stage.mount.write("config/client", &json!({"iam_strict_request": false})).await;
    assert!(
        answer.warnings.iter().any(|warning| warning.starts_with("iam_strict_request is off")),
        "{answer:#?}"
    );
    let answer = stage.mount.write("config/client", &json!({"max_retries": 3})).await.expect(204);
    assert_eq!(answer.warnings, Vec::<String>::new());
}
