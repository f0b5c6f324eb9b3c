//! What STS answers, and what is made of it. An answer is trusted only if it is exactly one answer to
//! `GetCallerIdentity`.

use crate::under_test;
use serde_json::json;
use testkit::aws::{Aws, Fault, Identity, RawAnswer, User};
use testkit::stage::Stage;

const UPSTREAM: &str = "error making upstream request: ";
const UNREADABLE: &str = "error making upstream request: error parsing STS response";
const INVALID: &str = "error making upstream request: body of GetCallerIdentity is invalid";
const REFUSAL: &str = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
                       <Code>SignatureDoesNotMatch</Code>\n  </Error>\n</ErrorResponse>\n";

async fn stage_with_dev() -> (Stage, User) {
    let stage = Stage::on(under_test::open_bao()).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

/// The answer that AWS would give for a principal.
fn document(arn: &str, user_id: &str, account: &str) -> String {
    format!("<GetCallerIdentityResponse>{}</GetCallerIdentityResponse>", result(arn, user_id, account))
}

fn result(arn: &str, user_id: &str, account: &str) -> String {
    format!(
        "<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{account}</Account>\
         </GetCallerIdentityResult>"
    )
}

fn answer(status: u16, content_type: Option<&str>, body: &str) -> Fault {
    Fault::Answer(RawAnswer {
        status,
        content_type: content_type.map(str::to_owned),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    })
}

/// Each row strikes one login, which must be refused with that text after one call.
async fn check(stage: &Stage, dev: &User, rows: Vec<(&str, Fault, String)>) {
    for (vector, fault, text) in rows {
        stage.aws.clear_calls();
        stage.aws.fault("GetCallerIdentity", 1, fault.clone());
        let refused = stage.refused(&dev.credentials, "dev").await;
        assert_eq!(refused, text, "vector {vector}: {fault:?}");
        assert_eq!(stage.aws.total_calls(), 1, "vector {vector}: {fault:?}");
    }
    stage.admitted(&dev.credentials, "dev").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_content_type() {
    let (stage, dev) = stage_with_dev().await;
    let received =
        |status: u16, body: &str| format!("{UPSTREAM}received error code {status} from STS: {body}");
    let good = document(&dev.arn, &dev.unique_id, "111122223333");
    let long = format!("{REFUSAL}{}", "é".repeat(4000));
    // The text is cut between characters, at 2 KiB at the most.
    let cut = 2048 - (2048 - REFUSAL.len()) % 2;
    let elsewhere = Aws::start().await;
    let rows = vec![
        ("55", answer(403, Some("text/xml"), REFUSAL), received(403, REFUSAL)),
        ("55", answer(400, Some("text/xml"), ""), received(400, "")),
        ("55", answer(501, Some("text/xml"), "x"), received(501, "x")),
        ("55", answer(404, Some("text/xml"), &long), received(404, &long[..cut])),
        ("56", answer(403, Some("application/json"), "{}"), INVALID.to_owned()),
        ("57", answer(200, Some("text/xml; charset=utf-8"), &good), INVALID.to_owned()),
        ("57", answer(200, Some("application/xml"), &good), INVALID.to_owned()),
        ("57", answer(200, Some("TEXT/XML"), &good), INVALID.to_owned()),
        ("57", answer(200, None, &good), INVALID.to_owned()),
        ("57", Fault::ContentType("text/xml; charset=utf-8".to_owned()), INVALID.to_owned()),
        ("57", Fault::Header("Content-Type".to_owned(), "text/xml".to_owned()), INVALID.to_owned()),
        ("58", Fault::redirect(&elsewhere.url()), INVALID.to_owned()),
        ("58", Fault::status(404), INVALID.to_owned()),
    ];
    check(&stage, &dev, rows).await;
    assert_eq!(elsewhere.connections(), 0, "no redirect is followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_whole_answer_is_read_accident_1() {
    let (stage, dev) = stage_with_dev().await;
    let good = document(&dev.arn, &dev.unique_id, "111122223333");
    let wrapped = |inner: &str| format!("<GetCallerIdentityResponse>{inner}</GetCallerIdentityResponse>");
    let inner = result(&dev.arn, &dev.unique_id, "111122223333");
    let xml = "<?xml version=\"1.0\"?>";
    let other = [
        ("AWS's own", "arn:aws:iam::111122223333:user/other"),
        ("the session of another", "arn:aws:sts::111122223333:assumed-role/dev/x"),
    ];
    let mut rows: Vec<(&str, Fault)> = vec![
        ("59", Fault::xml("missing auth parts")),
        ("59", Fault::xml("")),
        ("60", Fault::xml(&json!({"x": good}).to_string())),
        ("61", Fault::xml(&format!("{xml}<Other>{good}</Other>"))),
        ("61", Fault::xml(&good.replace("GetCallerIdentityResponse", "GetCallerIdentityresponse"))),
        ("62", Fault::xml("<GetCallerIdentityResponse/>")),
        ("62", Fault::xml(&wrapped("<GetCallerIdentityResult/>"))),
        ("63", Fault::xml(&format!("{xml}{{\"a\": 1}}{good}"))),
        ("63", Fault::Leading("junk".to_owned())),
        ("63", Fault::Trailing("junk".to_owned())),
        ("63", Fault::Trailing(good.clone())),
        ("63", Fault::xml(&format!("{good}<!-- more -->"))),
        ("63", Fault::xml(&format!("\u{feff}{good}"))),
        ("two results", Fault::xml(&wrapped(&format!("{inner}{inner}")))),
        ("hidden", Fault::xml(&wrapped(&format!("<x>{inner}</x>")))),
        ("entity", Fault::xml(&good.replace("dev", "&dev;"))),
        ("DTD", Fault::xml(&format!("<!DOCTYPE GetCallerIdentityResponse>{good}"))),
        ("encoding", Fault::xml(&format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>{good}"))),
        ("cut", Fault::xml(&good[..good.len() - 1])),
    ];
    for (what, arn) in other {
        rows.push((what, Fault::SecondResult(vec![("Arn".to_owned(), arn.to_owned())])));
        rows.push((what, Fault::Repeated("Arn".to_owned(), arn.to_owned())));
    }
    for name in ["Arn", "UserId", "Account"] {
        rows.push(("missing", Fault::Missing(name.to_owned())));
        rows.push(("empty", Fault::Empty(name.to_owned())));
        rows.push(("repeated", Fault::Repeated(name.to_owned(), "111122223333".to_owned())));
    }
    let rows = rows.into_iter().map(|(vector, fault)| (vector, fault, UNREADABLE.to_owned()));
    check(&stage, &dev, rows.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_difference_is_accepted() {
    let (stage, dev) = stage_with_dev().await;
    let good = document(&dev.arn, &dev.unique_id, "111122223333");
    for body in [
        format!("\n{good}\n\n"),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{good}"),
        good.replace("<GetCallerIdentityResponse>", "<GetCallerIdentityResponse xmlns=\"urn:other\">"),
        good.replace("<Arn>", "<New>x</New><Arn>"),
    ] {
        stage.aws.fault("GetCallerIdentity", 1, Fault::xml(&body));
        stage.admitted(&dev.credentials, "dev").await;
    }
    // The answer about a principal other than the one that signed is AWS's word.
    let other = document("arn:aws:iam::111122223333:user/x", "AIDAX", "111122223333");
    stage.aws.fault("GetCallerIdentity", 1, Fault::xml(&other));
    assert!(stage.refused(&dev.credentials, "dev").await.starts_with("IAM Principal \"arn:aws:iam"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_disagrees_with_itself_is_refused() {
    let (stage, dev) = stage_with_dev().await;
    let session = "arn:aws:sts::111122223333:assumed-role/dev/one";
    let rows = [
        document(&dev.arn, &dev.unique_id, "444455556666"),
        document(session, "AROADEV:two", "111122223333"),
        document(session, "AROADEV", "111122223333"),
        document(session, ":one", "111122223333"),
    ];
    let rows = rows.map(|body| ("W12", Fault::xml(&body), UNREADABLE.to_owned()));
    check(&stage, &dev, rows.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_that_are_no_users_or_sessions() {
    let (stage, dev) = stage_with_dev().await;
    let parsing = |arn: &str, detail: &str| format!("error parsing arn \"{arn}\": {detail}");
    let mut rows = Vec::new();
    for (arn, detail) in [
        (
            "arn:aws:sts::1:assumed-role/R",
            r#"unrecognized arn: "assumed-role/R" contains fewer than 3 slash-separated parts"#,
        ),
        ("arn:aws:iam", "unrecognized arn: contains 3 colon-separated parts, expected 6"),
        ("xrn:aws:iam::1:user/u", r#"unrecognized arn: does not begin with "arn:""#),
        ("arn:aws:ec2::1:user/u", "unrecognized service: ec2, not one of iam or sts"),
        ("arn:aws:iam::1:/", r#"unrecognized principal type: """#),
        // Names must not be empty, and a session has no further parts.
        ("arn:aws:iam::1:user/", r#"unrecognized arn: "user/" contains an empty name"#),
        ("arn:aws:sts::1:assumed-role//s", r#"unrecognized arn: "assumed-role//s" contains an empty name"#),
        ("arn:aws:sts::1:assumed-role/R/", r#"unrecognized arn: "assumed-role/R/" contains an empty name"#),
        (
            "arn:aws:sts::1:assumed-role/R/s/x",
            r#"unrecognized arn: "assumed-role/R/s/x" contains more than 3 slash-separated parts"#,
        ),
    ] {
        rows.push(("ARN", Fault::xml(&document(arn, "AROA:s", "1")), parsing(arn, detail)));
    }
    check(&stage, &dev, rows).await;

    let root = stage.aws.root("111122223333");
    let arn = "arn:aws:iam::111122223333:root";
    let detail = r#"unrecognized arn: "root" contains fewer than 2 slash-separated parts"#;
    assert_eq!(stage.refused(&root, "dev").await, parsing(arn, detail), "vector 66");
    let bob = stage.aws.federated_user("111122223333", "bob");
    let arn = "arn:aws:sts::111122223333:federated-user/bob";
    let detail = r#"unrecognized principal type: "federated-user""#;
    assert_eq!(stage.refused(&bob, "dev").await, parsing(arn, detail), "vector 67");
    let nameless = stage.aws.add_identity(
        Identity {
            arn: "arn:aws:iam::111122223333:user/".to_owned(),
            user_id: "AIDANAMELESS".to_owned(),
            account: "111122223333".to_owned(),
            partition: "aws".to_owned(),
        },
        None,
    );
    let text = stage.refused(&nameless, "").await;
    assert!(text.ends_with(r#"unrecognized arn: "user/" contains an empty name"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_tried_again_three_times_at_the_most() {
    let (stage, dev) = stage_with_dev().await;
    let gave_up = |attempts: u32| {
        let url = stage.aws.url();
        format!("{UPSTREAM}error making request: POST {url}// giving up after {attempts} attempt(s)")
    };
    // `Retry-After: 0` takes the place of the pause.
    for (max_retries, attempts) in [(-1, 3), (10, 3), (1, 2), (0, 1)] {
        stage.configure(json!({"max_retries": max_retries})).await;
        for status in [500, 503, 429] {
            stage.aws.clear_calls();
            stage.aws.fault("GetCallerIdentity", 4, Fault::throttled(status, Some(0)));
            let text = stage.refused(&dev.credentials, "dev").await;
            assert_eq!(text, gave_up(attempts), "vector 64, max_retries {max_retries}, {status}");
            assert_eq!(stage.aws.total_calls(), attempts as usize);
            stage.aws.clear_faults();
        }
    }
    stage.configure(json!({})).await;
    for (vector, fault) in [
        ("65", Fault::throttled(503, Some(0))),
        ("throttling code", Fault::throttled(400, Some(0))),
        ("closed connection", Fault::Close),
    ] {
        stage.aws.clear_calls();
        stage.aws.fault("GetCallerIdentity", 1, fault);
        stage.admitted(&dev.credentials, "dev").await;
        assert_eq!(stage.aws.total_calls(), 2, "{vector}");
    }
    // A throttling answer that stays is shown as the answer it is.
    stage.aws.fault("GetCallerIdentity", 3, Fault::throttled(400, Some(0)));
    let text = stage.refused(&dev.credentials, "dev").await;
    assert!(
        text.starts_with(&format!("{UPSTREAM}received error code 400 from STS: <ErrorResponse")),
        "{text}"
    );
    assert!(text.contains("<Code>Throttling</Code>"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_not_read_to_the_end() {
    let (stage, dev) = stage_with_dev().await;
    for fault in [Fault::Endless, Fault::Oversized(2 * 1024 * 1024)] {
        stage.aws.clear_calls();
        stage.aws.fault("GetCallerIdentity", 1, fault);
        let text = stage.refused(&dev.credentials, "dev").await;
        assert!(text.contains("giving up after 1 attempt(s): "), "{text}");
        assert_eq!(stage.aws.total_calls(), 1);
    }
}
