//! Refusals that say what helps: the words of the API, unchanged, then a hint on one line.

use std::time::Duration;

use serde_json::{Value, json};
use time::Duration as TimeSpan;

use crate::under_test;
use testkit::aws::{Aws, Fault, Instance, LoginOptions, RefusingPort, User, sign_login};
use testkit::stage::{SERVER_ID, Stage, with};

const LOG_LIMIT: Duration = Duration::from_secs(20);

const OWN_KEYS: &str =
    "correct access_key and secret_key of config/client, or the credentials of the server's environment";

/// What a login without a role is told when there is none of the name that is taken instead.
pub(super) fn no_role_named(from: &str, name: &str) -> String {
    format!(
        "no role was named, so {from} was taken, \"{name}\": name one with role=, or have a role of that name written"
    )
}

async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    (stage, dev)
}

fn signed(user: &User, options: LoginOptions) -> Value {
    sign_login(&user.credentials, &options.server_id(SERVER_ID).role("dev"))
}

async fn refused(stage: &Stage, login: &Value) -> String {
    stage.mount.login_only(login).await.expect(400).error().to_owned()
}

/// The refusal of STS as the client sees it, without the hint.
fn from_sts(code: &str, message: &str, refused: &str) -> String {
    let (_, request_id) = refused.split_once("<RequestId>").expect("a request id");
    let (request_id, _) = request_id.split_once("</RequestId>").expect("a request id");
    format!(
        "error making upstream request: received error code 403 from STS: \
         <ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
         <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n\
         </ErrorResponse>\n"
    )
}

/// `YYYYMMDDTHHMMSSZ`.
fn date(time: time::OffsetDateTime) -> String {
    let (date, clock) = (time.date(), time.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_signed_for_another_region_is_told_both() {
    let (stage, dev) = stage_with_dev().await;
    let address = stage.aws.address();
    // The stand-in takes the region of the host that was signed.
    let url = "https://sts.us-west-2.amazonaws.com/";
    let login = signed(&dev, LoginOptions::vault_cli().url(url).region("eu-west-1"));
    let message = "Credential should be scoped to a valid region, not &apos;eu-west-1&apos;. ";
    for (config, taken) in [
        (json!({"sts_region": "us-west-2"}), "sign for us-west-2"),
        (json!({"sts_region": ""}), "sign for the region of that endpoint"),
    ] {
        stage.configure(config).await;
        let text = refused(&stage, &login).await;
        let words = from_sts("SignatureDoesNotMatch", message, &text);
        let hint = format!(
            "the request was signed for region eu-west-1, and this mount sends it to {address}: {taken}, or have sts_endpoint and sts_region of config/client set to those of the client, or use_sts_region_from_client"
        );
        assert_eq!(text.replace('\'', "&apos;"), format!("{words}; {hint}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_global_endpoint_is_told_with_the_region_that_it_takes() {
    let stage = Stage::behind_proxy(under_test::open_bao()).await;
    let dev = stage.aws.create_user("dev");
    stage.mount.write("config/client", &stage.keys()).await.expect(204);
    stage.role_for("dev", &dev.arn).await;
    let login = sign_login(&dev.credentials, &LoginOptions::vault_cli().region("eu-west-1").role("dev"));
    let message = "Credential should be scoped to a valid region. ";
    stage.aws.fault("GetCallerIdentity", 1, Fault::error(403, "SignatureDoesNotMatch", message));
    let text = refused(&stage, &login).await;
    let hint = "; the request was signed for region eu-west-1, and this mount sends it to sts.amazonaws.com: sign for us-east-1, or have sts_endpoint and sts_region of config/client set to those of the client, or use_sts_region_from_client";
    assert_eq!(text, format!("{}{hint}", from_sts("SignatureDoesNotMatch", message, &text)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_is_told_by_how_much() {
    let (stage, dev) = stage_with_dev().await;
    let login = signed(&dev, LoginOptions::vault_cli());
    let headers = testkit::aws::login_headers(&login);
    let (_, at) = headers.iter().find(|(name, _)| name == "X-Amz-Date").expect("a date");
    let signed_at = &at[0];
    let signed_time = time::PrimitiveDateTime::parse(
        signed_at,
        &time::macros::format_description!("[year][month][day]T[hour][minute][second]Z"),
    );
    let signed_time = signed_time.expect("a date of AWS").assume_utc();
    let window = TimeSpan::minutes(15);

    let now = signed_time + TimeSpan::seconds(1_325);
    stage.aws.set_clock(now);
    let text = refused(&stage, &login).await;
    let message = format!(
        "Signature expired: {signed_at} is now earlier than {} ({} - 15 min.)",
        date(now - window),
        date(now)
    );
    assert_eq!(
        text,
        format!(
            "{}; the signature is dated 22 min 5 s before AWS's clock: sign anew for each login, and set the clock of the client",
            from_sts("SignatureDoesNotMatch", &message, &text)
        )
    );

    let now = signed_time - TimeSpan::hours(3);
    stage.aws.set_clock(now);
    let text = refused(&stage, &login).await;
    let message = format!(
        "Signature not yet current: {signed_at} is still later than {} ({} + 15 min.)",
        date(now + window),
        date(now)
    );
    assert_eq!(
        text,
        format!(
            "{}; the signature is dated 3 h after AWS's clock: set the clock of the client",
            from_sts("SignatureDoesNotMatch", &message, &text)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_the_time_of_aws_goes_by_the_date_of_the_answer() {
    let (stage, dev) = stage_with_dev().await;
    let refuse = |message: &str| Fault::Error {
        status: 403,
        code: "SignatureDoesNotMatch".to_owned(),
        message: message.to_owned(),
        headers: vec![("Date".to_owned(), "Wed, 26 Nov 2025 10:00:00 GMT".to_owned())],
    };
    let login = signed(&dev, LoginOptions::vault_cli());
    let message = "Signature expired: 20251126T094000Z is now earlier than 20251126T094500Z";
    stage.aws.fault("GetCallerIdentity", 1, refuse(message));
    let text = refused(&stage, &login).await;
    let hint = "the signature is dated 20 min before AWS's clock: sign anew for each login, and set the clock of the client";
    assert_eq!(text, format!("{}; {hint}", from_sts("SignatureDoesNotMatch", message, &text)));

    // What is not AWS's has no hint.
    let message = "Signature expired: 20251126T094000Z is now earlier than now";
    stage.aws.fault("GetCallerIdentity", 1, refuse(message));
    let text = refused(&stage, &login).await;
    assert_eq!(text, from_sts("SignatureDoesNotMatch", message, &text));
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials_of_the_client_are_told() {
    let (stage, dev) = stage_with_dev().await;
    let message = "The security token included in the request is expired";
    stage.aws.fault("GetCallerIdentity", 1, Fault::error(403, "ExpiredToken", message));
    let text = refused(&stage, &signed(&dev, LoginOptions::vault_cli())).await;
    let words = from_sts("ExpiredToken", message, &text);
    let hint = "the AWS credentials of the client have expired: get new ones, then sign anew";
    assert_eq!(text, format!("{words}; {hint}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_not_named_is_told() {
    let (stage, _) = stage_with_dev().await;
    let other = stage.aws.create_user("Other");
    let text = stage.refused(&other.credentials, "").await;
    let hint = no_role_named("the name of the principal", "Other");
    assert_eq!(text, format!("entry for role Other not found; {hint}"));
    assert_eq!(stage.refused(&other.credentials, "other").await, "entry for role other not found");
}

/// The words without the request id, which nobody knows beforehand, and the hint.
fn without_request_id(text: &str) -> (String, String) {
    let (words, rest) = text.split_once("request id: ").expect("a request id");
    let (_, hint) = rest.split_once("; ").unwrap_or((rest, ""));
    (words.to_owned(), hint.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_keys_are_told_from_those_of_the_client() {
    let (stage, dev) = stage_with_dev().await;
    let write = async || {
        let answer = stage.mount.write("role/resolved", &json!({"bound_iam_principal_arn": dev.arn})).await;
        without_request_id(answer.expect(400).error())
    };
    let words = |refusal: &str| {
        format!("unable to resolve ARN \"{}\" to internal ID: {refusal}\n\tstatus code: 403, ", dev.arn)
    };
    for (code, message, hint) in [
        (
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/auth-server is not authorized to perform: iam:GetUser",
            "this server's own credentials may not call iam:GetUser: allow it in their policy".to_owned(),
        ),
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            format!("AWS refused this server's own credentials, not the client's (InvalidClientTokenId to iam:GetUser): {OWN_KEYS}"),
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
            format!("AWS refused this server's own credentials, not the client's (SignatureDoesNotMatch to iam:GetUser): {OWN_KEYS}"),
        ),
        (
            "SignatureDoesNotMatch",
            "Signature expired: 20251126T094000Z is now earlier than 20251126T094500Z (20251126T100000Z - 15 min.)",
            "a call of this server itself is dated 20 min before AWS's clock: set the clock of the server".to_owned(),
        ),
        (
            "SignatureDoesNotMatch",
            "Credential should be scoped to a valid region. ",
            "this server's own call is signed for another region than that of its endpoint: let iam_endpoint of config/client and the region of the server be of one region".to_owned(),
        ),
        ("ServiceFailure", "no", String::new()),
    ] {
        stage.aws.fault("GetUser", 1, Fault::error(403, code, message));
        assert_eq!(write().await, (words(&format!("{code}: {message}")), hint));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_names_the_permission_that_the_server_lacks() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role("web");
    let id = "i-0123456789abcdef0";
    stage.aws.run_instance(Instance::with_id(id));
    let session = stage.aws.session(&role, id);
    let inferring = json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"});
    stage.role("r", with(&inferring, json!({"bound_iam_principal_arn": role.arn}))).await;

    let message = "You are not authorized to perform this operation.";
    stage.aws.fault("DescribeInstances", 1, Fault::error(403, "UnauthorizedOperation", message));
    let text = stage.refused(&session.credentials, "r").await;
    let words = format!(
        "failed to verify {id} as a valid EC2 instance in region us-east-1: error fetching description for instance ID \"{id}\": UnauthorizedOperation: {message}\n\tstatus code: 403, "
    );
    let hint = "this server's own credentials may not call ec2:DescribeInstances: allow it in their policy";
    assert_eq!(without_request_id(&text), (words, hint.to_owned()));

    let other = "arn:aws:iam::111122223333:role/looker";
    stage.mount.write("config/sts/111122223333", &json!({"sts_role": other})).await.expect(204);
    let message = "User is not authorized to perform: sts:AssumeRole";
    stage.aws.fault("AssumeRole", 1, Fault::error(403, "AccessDenied", message));
    let text = stage.refused(&session.credentials, "r").await;
    let (words, hint) = without_request_id(&text);
    let refusal = format!("AccessDenied: {message}\n\tstatus code: 403, ");
    assert!(words.ends_with(&refusal), "{words}");
    assert_eq!(
        hint,
        "this server's own credentials may not call sts:AssumeRole: allow it in their policy, and in the trust policy of the role of config/sts"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_not_named_after_an_instance_is_told() {
    let stage = under_test::stage().await;
    let (role, user) = (stage.aws.create_role("web"), stage.aws.create_user("dev"));
    let inferring = json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"});
    stage.role("r", with(&inferring, json!({"bound_iam_principal_arn": [role.arn, user.arn]}))).await;
    let help = "log in on the instance, with the credentials of its instance profile";
    for (credentials, name, hint) in [
        (
            stage.aws.session(&role, "laptop").credentials,
            "laptop",
            format!(
                "the role infers an EC2 instance from the name of the session, and \"laptop\" is no instance id: {help}"
            ),
        ),
        (
            user.credentials,
            "",
            format!(
                "the role infers an EC2 instance from the name of a session, and this principal has none: {help}"
            ),
        ),
    ] {
        let text = stage.refused(&credentials, "r").await;
        let words = format!("failed to verify {name} as a valid EC2 instance in region us-east-1: ");
        assert!(text.starts_with(&words), "{text}");
        assert_eq!(without_request_id(&text).1, hint);
    }
    // One of an instance that is gone is told so by AWS's own words.
    let gone = stage.aws.session(&role, "i-0123456789abcdef0");
    let text = stage.refused(&gone.credentials, "r").await;
    assert_eq!(without_request_id(&text).1, "", "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_reached_is_told_with_the_step() {
    let (stage, dev) = stage_with_dev().await;
    let login = signed(&dev, LoginOptions::vault_cli());
    let settings = "sts_endpoint and sts_region of config/client";
    let nobody = RefusingPort::start();
    let address = nobody.url().replace("http://", "");
    let own = stage.aws.address();
    let tls_address = stage.aws.tls_url().replace("https://", "");
    for (endpoint, fault, attempts, cause, hint) in [
        (
            "https://sts.invalid".to_owned(),
            None,
            "3",
            "connecting to sts.invalid:443: dns error",
            format!(
                "this server cannot resolve the name of sts.invalid (step: DNS): check its name servers and {settings}"
            ),
        ),
        (
            nobody.url(),
            None,
            "3",
            "connecting to 127.0.0.1:",
            format!(
                "this server cannot connect to {address} (step: connect): check its network and firewalls, and {settings}"
            ),
        ),
        (
            stage.aws.tls_url(),
            None,
            "1",
            "connecting to 127.0.0.1:",
            format!(
                "this server does not trust who answers at {tls_address} (step: TLS): check SSL_CERT_FILE in its environment and {settings}"
            ),
        ),
        (
            stage.aws.url(),
            Some(Fault::Close),
            "3",
            "HTTP exchange failed: ",
            format!(
                "{own} took the connection and did not answer to the end (step: reading): check what stands between it and this server, and {settings}"
            ),
        ),
        (stage.aws.url(), Some(Fault::status(503)), "3", "", String::new()),
    ] {
        stage.configure(json!({"sts_endpoint": endpoint})).await;
        if let Some(fault) = fault {
            stage.aws.fault("GetCallerIdentity", 3, fault);
        }
        let text = refused(&stage, &login).await;
        stage.aws.clear_faults();
        let words = format!(
            "error making upstream request: error making request: POST {endpoint}// giving up after {attempts} attempt(s)"
        );
        let (told, given) = text.split_once("; ").unwrap_or((&text, ""));
        if cause.is_empty() {
            assert_eq!(told, words);
        } else {
            assert!(told.starts_with(&format!("{words}: {cause}")), "{text}");
        }
        assert_eq!(given, hint);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_the_server_itself_does_not_reach_is_told() {
    let (stage, dev) = stage_with_dev().await;
    let nobody = RefusingPort::start();
    let url = nobody.url();
    stage.configure(json!({"iam_endpoint": url, "max_retries": 0})).await;
    let answer = stage.mount.write("role/resolved", &json!({"bound_iam_principal_arn": dev.arn})).await;
    let text = answer.expect(400).error().to_owned();
    let words = format!(
        "unable to resolve ARN \"{}\" to internal ID: GetUser at {url}: giving up after 1 attempt(s): connecting to ",
        dev.arn
    );
    assert!(text.starts_with(&words), "{text}");
    let hint = format!(
        "; this server cannot connect to {url} (step: connect): check its network and firewalls, and the endpoints and the region of config/client"
    );
    assert!(text.ends_with(&hint), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_leads_nowhere_is_told() {
    let nobody = RefusingPort::start();
    let proxy = |launch: testkit::host::Launch, _: &Aws| launch.env("HTTPS_PROXY", nobody.url());
    let setting = Stage::set(under_test::open_bao()).await.launched(proxy);
    let stage = setting.configured(json!({"use_sts_region_from_client": true})).await;
    let dev = stage.aws.create_user("dev");
    stage.role_for("dev", &dev.arn).await;
    let text = refused(&stage, &signed(&dev, LoginOptions::vault_cli().region("eu-west-1"))).await;
    let words = "error making upstream request: error making request: POST https://sts.eu-west-1.amazonaws.com// giving up after 3 attempt(s): connecting to sts.eu-west-1.amazonaws.com:443 through proxy ";
    assert!(text.starts_with(words), "{text}");
    let hint = "; the proxy of this server does not connect it to sts.eu-west-1.amazonaws.com (step: proxy): check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in its environment";
    assert!(text.ends_with(hint), "{text}");
}

/// Vault's own words are all that clients see here; what helps stands in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_id_that_is_not_right_has_its_hint_in_the_log() {
    let (stage, dev) = stage_with_dev().await;
    let header = "error validating X-Vault-AWS-IAM-Server-ID header: ";
    for (role, login, words, hint) in [
        (
            "missing",
            sign_login(&dev.credentials, &LoginOptions::vault_cli().role("missing")),
            "missing header \"X-Vault-AWS-IAM-Server-ID\"",
            "Sign the header X-Vault-AWS-IAM-Server-ID with the value of this server: the client sets header_value=.",
        ),
        (
            "other",
            sign_login(&dev.credentials, &LoginOptions::vault_cli().server_id("other.example").role("other")),
            "expected \"vault.example.com\" but got \"other.example\"",
            "Sign X-Vault-AWS-IAM-Server-ID with the value of this server: the client sets header_value=, and has that of another one.",
        ),
        (
            "unsigned",
            sign_login(
                &dev.credentials,
                &LoginOptions::vault_cli()
                    .unsigned_header("X-Vault-AWS-IAM-Server-ID", SERVER_ID)
                    .role("unsigned"),
            ),
            "vault header wasn't signed",
            "Add X-Vault-AWS-IAM-Server-ID to SignedHeaders before signing; clients with header_value= do.",
        ),
    ] {
        assert_eq!(refused(&stage, &login).await, format!("{header}{words}"));
        let line = stage.host.wait_for_log(LOG_LIMIT, |entry| entry.fields.get("role") == Some(&json!(role)));
        let line = line.await.unwrap_or_else(|| panic!("no line about the login for {role}"));
        assert_eq!(line.fields["hint"], json!(hint), "{role}");
        assert!(!hint.contains(SERVER_ID));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_none_that_hosts_forward() {
    let (stage, dev) = stage_with_dev().await;
    for said in [
        "cannot write to readonly storage",
        "please forward to the active node",
        "node is not the leader",
        "is in standby mode",
    ] {
        let text = stage.refused(&dev.credentials, &format!("a {said} b")).await;
        assert_eq!(text, "entry for role a […] b not found");
        let answer = stage.mount.write("role/x", &json!({"auth_type": said})).await;
        assert_eq!(answer.expect(400).error(), "unrecognized auth_type: […]");
        let answer = stage.mount.write("role/x", &json!({"token_ttl": said})).await;
        let text = answer.expect(400).error().to_owned();
        assert!(!text.contains(said), "{text}");
    }
}
