//! STS refuses the request of a client, or does not answer it.

use serde_json::{Value, json};

use super::scene::{Planted, Row, Scene};
use testkit::aws::{Fault, RawAnswer, RefusingPort, Times, User};

/// Number, what it is, AWS's status, code and message; the code and a word of the hint.
type Refusal = (&'static str, &'static str, (u16, &'static str, &'static str), (&'static str, &'static str));

const REFUSALS: &[Refusal] = &[
    (
        "1",
        "The key is deleted, inactive or of another partition, or its session token is missing",
        (403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        ("sts.unknown_key", "session token"),
    ),
    (
        "2",
        "Wrong secret key, or something was changed after signing",
        (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ),
        ("sts.signature", "secret key"),
    ),
    (
        "3",
        "The client's clock is slow, or the request is old",
        (
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20220127T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)",
        ),
        ("sts.clock", "before AWS's clock"),
    ),
    (
        "4",
        "The client's clock is fast",
        (
            403,
            "SignatureDoesNotMatch",
            "Signature not yet current: 20210502T183640Z is still later than 20210502T175140Z (20210502T173640Z + 15 min.)",
        ),
        ("sts.clock", "after AWS's clock"),
    ),
    (
        "5",
        "Signed for another region than that of the endpoint",
        (403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. "),
        ("sts.region", "signed for region"),
    ),
    (
        "6",
        "Signed for another service",
        (403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. "),
        ("sts.service", "service sts"),
    ),
    (
        "7",
        "The day of the credential scope is not that of the date",
        (
            403,
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260101' != '20260102', from '20260102T000000Z'.",
        ),
        ("sts.scope_date", "X-Amz-Date"),
    ),
    (
        "8",
        "A header is not signed",
        (403, "SignatureDoesNotMatch", "'Host' must be a 'SignedHeader' in the AWS Authorization."),
        ("sts.header_unsigned", "Host"),
    ),
    (
        "9",
        "The Authorization header is malformed",
        (
            400,
            "IncompleteSignature",
            "Authorization header requires 'Credential' parameter. Authorization=AWS4-HMAC-SHA256",
        ),
        ("sts.incomplete", "whole"),
    ),
    (
        "10",
        "A proxy drops the Authorization header",
        (403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        ("sts.signature_dropped", "proxy"),
    ),
    (
        "11",
        "The client's session has expired",
        (403, "ExpiredToken", "The security token included in the request is expired"),
        ("sts.expired", "expired"),
    ),
    (
        "13",
        "The policy of a VPC endpoint denies the call",
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: sts:GetCallerIdentity because no VPC endpoint policy allows the sts:GetCallerIdentity action",
        ),
        ("sts.denied", "VPC endpoint"),
    ),
    (
        "14",
        "STS is not activated in the region for the client's account",
        (
            403,
            "RegionDisabledException",
            "STS is not activated in this region for account:111122223333. Your account administrator can activate STS in this region using the IAM Console.",
        ),
        ("sts.region_disabled", "Activate"),
    ),
    ("18", "STS throttles", (400, "Throttling", "Rate exceeded"), ("aws.throttled", "limits the calls")),
    (
        "18",
        "STS throttles by status, or is unavailable",
        (503, "ServiceUnavailable", "Service is unavailable"),
        ("aws.server_errors", "patience"),
    ),
    (
        "19",
        "The body that arrives asks for something else",
        (400, "InvalidAction", "Could not find operation GetCallerIdentity for version 2010-05-08"),
        ("sts.action", "Version=2011-06-15"),
    ),
    (
        "20",
        "The client's account is not signed up",
        (403, "OptInRequired", "The AWS Access Key Id needs a subscription for the service"),
        ("sts.account", "owner"),
    ),
    (
        "20",
        "The client's account is suspended",
        (403, "AccessDenied", "The account is suspended"),
        ("sts.account", "suspended"),
    ),
];

async fn bound(scene: &mut Scene, user: &User) -> String {
    scene.role(json!({"bound_iam_principal_arn": user.arn, "resolve_aws_unique_ids": false})).await
}

/// Everything that STS answers instead of who signed.
pub(super) async fn refused_requests(scene: &mut Scene) -> Vec<Row> {
    let user = scene.stage.aws.create_user("dev");
    let mut rows = Vec::new();
    for &(row, fault, (status, aws_code, message), (code, word)) in REFUSALS {
        let role = bound(scene, &user).await;
        let planted = Planted { row, fault, code, word };
        let answer = ("GetCallerIdentity", status, aws_code, message);
        rows.push(scene.scripted(planted, answer, (&user.credentials, &role)).await);
        let words = if status == 503 { "giving up after" } else { "received error code" };
        let login = scene.stage.login_data(&user.credentials, &role);
        scene.stage.aws.fault("GetCallerIdentity", Times::Always, Fault::error(status, aws_code, message));
        let answer = scene.stage.mount.login_only(&login).await;
        scene.stage.aws.clear_faults();
        assert!(answer.error().contains(words), "{row}: {}", answer.error());
    }
    for (fault, status, headers) in [
        (
            "A captive portal or a wrong endpoint redirects",
            302,
            vec![("Location".to_owned(), "https://portal.example/".to_owned())],
        ),
        ("Something answers with an empty body", 400, Vec::new()),
        ("Something finds the request too large", 413, Vec::new()),
    ] {
        let role = bound(scene, &user).await;
        let answer = RawAnswer { status, content_type: None, headers, body: Vec::new() };
        scene.stage.aws.fault("GetCallerIdentity", Times::Always, Fault::Answer(answer));
        let login = scene.stage.login_data(&user.credentials, &role);
        let planted = Planted { row: "42", fault, code: "sts.elsewhere", word: "captive portals" };
        rows.push(scene.told(planted, &login).await);
        let answer = scene.stage.mount.login_only(&login).await;
        assert!(answer.error().ends_with("body of GetCallerIdentity is invalid"), "{}", answer.error());
        scene.stage.aws.clear_faults();
    }
    rows
}

/// No way to STS.
pub(super) async fn unreachable(scene: &mut Scene) -> Vec<Row> {
    let user = scene.stage.aws.create_user("cut-off");
    let nobody = RefusingPort::start();
    let tls = scene.stage.aws.tls_url();
    let address = nobody.url().replace("http://", "");
    let mut rows = Vec::new();
    for (fault, endpoint, code, word) in [
        (
            "The name of the endpoint does not resolve",
            "https://sts.invalid".to_owned(),
            "sts.unreachable",
            "resolve",
        ),
        ("No connection to the endpoint", nobody.url(), "sts.unreachable", "cannot connect"),
        ("The certificate of the endpoint is not trusted", tls.clone(), "aws.untrusted", "does not trust"),
    ] {
        let role = bound(scene, &user).await;
        let config: Value = json!({"sts_endpoint": endpoint, "max_retries": 0});
        scene.stage.configure(config).await;
        let login = scene.stage.login_data(&user.credentials, &role);
        let mut row = scene.told(Planted { row: "40", fault, code, word }, &login).await;
        for shown in [&address, &tls.replace("https://", "")] {
            row.hint = row.hint.replace(shown.as_str(), "sts.example");
        }
        rows.push(row);
    }
    scene.stage.configure(json!({"max_retries": 0})).await;
    rows
}
