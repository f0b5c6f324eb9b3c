//! How old the signed request of a login may be, by the clock of this server.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::under_test;
use testkit::aws::{LoginOptions, User, sign_login};
use testkit::stage::{SERVER_ID, Stage, with};

/// A mount with differences in its configuration, and a user whom its role `dev` admits.
async fn stage(configuration: Value) -> (Stage, User) {
    let stage = Stage::set(under_test::open_bao()).await.configured(configuration).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

/// A login that was signed so many seconds from now, in this form.
fn signed(form: LoginOptions, user: &User, seconds: i64) -> Value {
    let date = OffsetDateTime::now_utc() + Duration::seconds(seconds);
    sign_login(&user.credentials, &form.server_id(SERVER_ID).role("dev").date(date))
}

/// The text of the refusal of a login that was signed so many seconds from now; `None` if it is admitted. AWS takes
/// every date.
async fn refused(stage: &Stage, user: &User, seconds: i64) -> Option<String> {
    stage.aws.set_clock_offset(Duration::seconds(seconds));
    stage.aws.clear_calls();
    let mut texts = Vec::new();
    for form in [LoginOptions::vault_cli(), LoginOptions::curl_get(), LoginOptions::presigned_get()] {
        let answer = stage.mount.login_only(&signed(form, user, seconds)).await;
        assert!(matches!(answer.status, 200 | 400), "{answer:?}");
        texts.push(answer.errors.first().cloned());
    }
    // The three are signed one after the other.
    let kinds = |text: &Option<String>| text.as_ref().map(|text| text.split(';').next().unwrap().to_owned());
    assert!(texts.iter().all(|text| kinds(text) == kinds(&texts[0])), "{texts:?}");
    texts.swap_remove(0)
}

const OLD: &str = "the signed request is too old: it may be at most ";
const AHEAD: &str = "the signed request is dated in the future: it may be at most 300 seconds ahead";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_old_or_too_far_ahead_is_refused_before_aws_is_asked() {
    for (max_age, seconds, expected) in [
        (0, -3_000, None),
        (0, 3_000, None),
        (60, -30, None),
        (60, -70, Some(OLD)),
        (60, 295, None),
        (60, 310, Some(AHEAD)),
        (600, -310, None),
        (600, -590, None),
        (600, -610, Some(OLD)),
        (900, -890, None),
        (900, -910, Some(OLD)),
        (900, 310, Some(AHEAD)),
    ] {
        let (stage, dev) = stage(json!({"iam_request_max_age": max_age})).await;
        let text = refused(&stage, &dev, seconds).await;
        match expected {
            None => assert_eq!(text, None, "{max_age} {seconds}"),
            Some(start) => {
                let text = text.unwrap_or_else(|| panic!("{max_age} {seconds} is admitted"));
                assert!(text.starts_with(start), "{text}");
                let direction =
                    if seconds < 0 { "before this server's clock" } else { "after this server's clock" };
                assert!(text.contains("; the signature is dated ") && text.contains(direction), "{text}");
                assert_eq!(stage.aws.total_calls(), 0);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_tightens_and_never_loosens() {
    for (mount, role, seconds, admitted) in [
        (0, 60, -30, true),
        (0, 60, -70, false),
        (60, 600, -70, false),
        (600, 60, -70, false),
        (600, 60, -30, true),
        (600, 0, -610, false),
    ] {
        let (stage, dev) = stage(json!({"iam_request_max_age": mount})).await;
        stage.mount.write("role/dev", &json!({"iam_request_max_age": role})).await.expect(204);
        let text = refused(&stage, &dev, seconds).await;
        assert_eq!(text.is_none(), admitted, "{mount} {role} {seconds}: {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_single_use_an_age_is_always_checked() {
    let (stage, dev) = stage(json!({"iam_request_single_use": true})).await;
    for (seconds, start) in [(-910, OLD), (310, AHEAD)] {
        assert!(refused(&stage, &dev, seconds).await.unwrap().starts_with(start));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_in_another_form_has_no_age() {
    let (stage, dev) = stage(json!({"iam_request_max_age": 600})).await;
    let form = LoginOptions::vault_cli().unsigned_header("X-Amz-Date", "20260101T000000Z");
    let answer = stage.mount.login_only(&signed(form, &dev, 0)).await.expect(400);
    assert!(answer.error().starts_with(
        "the signature is not in the form whose age and use can be checked: AWS4-HMAC-SHA256 for the service sts, with one X-Amz-Date that is signed"
    ));
    assert_eq!(stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_are_stored_and_shown_only_where_they_say_something() {
    let (stage, _) = stage(json!({})).await;
    let (config, role) = (stage.stored_config(), stage.mount.storage().json("role/dev").unwrap());
    let off = json!({"iam_request_max_age": 0, "iam_request_single_use": false});
    let on = json!({"iam_request_max_age": 60, "iam_request_single_use": true});
    for (path, before) in [("config/client", config), ("role/dev", role)] {
        let shown = stage.mount.read(path).await.expect(200).data;
        stage.mount.write(path, &off).await.expect(204);
        assert_eq!(stage.mount.storage().json(path).unwrap(), before);
        assert_eq!(stage.mount.read(path).await.expect(200).data, shown);
        stage.mount.write(path, &on).await.expect(204);
        assert_eq!(stage.mount.storage().json(path).unwrap(), with(&before, on.clone()));
        assert_eq!(stage.mount.read(path).await.expect(200).data, with(&shown, on.clone()));
        stage.mount.write(path, &off).await.expect(204);
        assert_eq!(stage.mount.storage().json(path).unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_age_that_aws_would_refuse_is_not_written() {
    let (stage, _) = stage(json!({})).await;
    for path in ["config/client", "role/dev"] {
        let answer = stage.mount.write(path, &json!({"iam_request_max_age": 901})).await.expect(400);
        assert_eq!(
            answer.error(),
            "iam_request_max_age must be at most 900 seconds: AWS takes no older requests"
        );
        stage.mount.write(path, &json!({"iam_request_max_age": "15m"})).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_instances_has_no_signed_requests() {
    let (stage, _) = stage(json!({})).await;
    for (field, value) in [("iam_request_max_age", json!(60)), ("iam_request_single_use", json!(true))] {
        let mut role = json!({"auth_type": "ec2", "bound_ami_id": "ami-1"});
        role[field] = value;
        let answer = stage.mount.write("role/instances", &role).await.expect(400);
        assert_eq!(answer.error(), format!("specified {field} when not using iam auth type"));
    }
}
