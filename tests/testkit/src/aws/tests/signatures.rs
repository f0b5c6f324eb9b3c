//! Whatever part of a signed request is changed, the stand-in refuses it.

use std::time::SystemTime;

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sdk_sign};
use aws_sigv4::sign::v4;
use time::Duration;
use time::macros::datetime;

use super::client::{Response, send};
use crate::aws::http::Request;
use crate::aws::sigv4::{Signable, canonical_request, signature, string_to_sign};
use crate::aws::verify::Presented;
use crate::aws::{
    Ambiguity, Aws, Credentials, Entity, Form, LoginOptions, OTHER_ACCOUNT, Repeated, RequestForm,
    SignedRequest, sign,
};

const MISMATCH: (u16, &str) = (403, "SignatureDoesNotMatch");
const INCOMPLETE: (u16, &str) = (400, "IncompleteSignature");
const INVALID_TOKEN: (u16, &str) = (403, "InvalidClientTokenId");

/// A change of a signed request.
type Change = fn(&mut SignedRequest);

async fn refused(aws: &Aws, request: &SignedRequest, expected: (u16, &str)) -> Response {
    let response = send(aws, request).await;
    assert_eq!(response.error(), expected, "{request:?}");
    assert_eq!(aws.all_calls().last().unwrap().refused.as_deref(), Some(expected.1));
    response
}

fn set(request: &mut SignedRequest, name: &str, value: &str) {
    let header = request.headers.iter_mut().find(|(present, _)| present.eq_ignore_ascii_case(name));
    value.clone_into(&mut header.expect("the header is there").1);
}

fn remove(request: &mut SignedRequest, name: &str) {
    request.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
}

fn add(request: &mut SignedRequest, name: &str, value: &str) {
    request.headers.push((name.to_owned(), value.to_owned()));
}

fn authorization(request: &mut SignedRequest, from: &str, to: &str) {
    let header = request.headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
    assert!(header.1.contains(from), "{} in {}", from, header.1);
    header.1 = header.1.replace(from, to);
}

#[tokio::test]
async fn every_form_of_a_signed_request_is_accepted() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let session = aws.session(&aws.create_role("App"), "one");
    for options in [
        LoginOptions::vault_cli(),
        LoginOptions::hvac(),
        LoginOptions::boto3(),
        LoginOptions::presigned_get(),
        LoginOptions { form: RequestForm::Get, ..LoginOptions::vault_cli() },
        LoginOptions { expires: Some(60), ..LoginOptions::presigned_get() },
    ] {
        let options = options.server_id("vault.example.com").signed_header("X-Further", " a  b ");
        for (keys, arn) in [(&user.credentials, &user.arn), (&session.credentials, &session.arn)] {
            let response = send(&aws, &sign(keys, &options)).await;
            assert_eq!((response.status, response.text("Arn")), (200, Some(arn.as_str())), "{options:?}");
        }
    }
    assert!(aws.all_calls().iter().all(|call| call.refused.is_none()));
}

#[tokio::test]
async fn a_request_signed_by_the_sdk_is_accepted() {
    let aws = Aws::start().await;
    let session = aws.session(&aws.create_role("App"), "one");
    let keys = &session.credentials;
    let identity = SdkCredentials::new(
        &keys.access_key_id,
        &keys.secret_access_key,
        keys.session_token.clone(),
        None,
        "test",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sts")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let url = "https://sts.eu-west-1.amazonaws.com//a%20b/./c/../?z=%C3%A9&a=1%2B1&a=0";
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let headers =
        [("host", "sts.eu-west-1.amazonaws.com"), ("content-type", "application/x-www-form-urlencoded")];
    let signable =
        SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
    let (instructions, _) = sdk_sign(signable.unwrap(), &params).unwrap().into_parts();
    let (signed, _) = instructions.into_parts();
    let mut request = SignedRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: body.to_owned(),
    };
    request.headers.extend(signed.iter().map(|header| (header.name().to_owned(), header.value().to_owned())));
    let response = send(&aws, &request).await;
    assert_eq!(response.text("Arn"), Some(session.arn.as_str()), "{}", response.body);
}

#[tokio::test]
async fn a_changed_part_is_refused() {
    let aws = Aws::start().await;
    let now = datetime!(2026-03-01 12:00:00 UTC);
    aws.set_clock(now);
    let session = aws.session(&aws.create_role("App"), "one");
    let good = sign(&session.credentials, &LoginOptions::hvac().server_id("vault.example.com").date(now));
    assert_eq!(send(&aws, &good).await.status, 200);

    let differs = "The request signature we calculated does not match";
    let changes: Vec<(&str, Change)> = vec![
        (differs, |request| request.method = "PUT".to_owned()),
        (differs, |request| request.url.push('x')),
        (differs, |request| request.url.push_str("?a=b")),
        (differs, |request| request.body = request.body.replace("2011", "2012")),
        (differs, |request| set(request, "Host", "sts.us-east-1.amazonaws.com")),
        (differs, |request| set(request, "Content-Type", "application/x-www-form-urlencoded")),
        (differs, |request| set(request, "X-Vault-AWS-IAM-Server-ID", "other")),
        (differs, |request| add(request, "X-Vault-AWS-IAM-Server-ID", "other")),
        (differs, |request| remove(request, "X-Vault-AWS-IAM-Server-ID")),
        (differs, |request| authorization(request, "Signature=", "Signature=0")),
        (differs, |request| authorization(request, "host;x-amz-date", "x-amz-date;host")),
        (differs, |request| authorization(request, "=content-length", "=Content-Length")),
        (differs, |request| authorization(request, "host;", "host;host;")),
        (differs, |request| authorization(request, ";x-vault-aws-iam-server-id", "")),
        (differs, |request| authorization(request, "host;", "host;nothing;")),
        (differs, |request| authorization(request, "us-east-1", "us-east-2")),
        ("which were not signed: x-amz-mallory", |request| add(request, "X-Amz-Mallory", "1")),
        ("'Host' or ':authority' must be", |request| authorization(request, "host;", "")),
        ("valid region, not 'evil.example'", |request| authorization(request, "us-east-1", "evil.example")),
        ("correct service: 'sts'", |request| authorization(request, "/sts/", "/iam/")),
        ("correct service: 'sts'", |request| authorization(request, "/sts/", "/s3/")),
        ("valid terminator: 'aws4_request'", |request| authorization(request, "aws4_request", "aws4")),
        ("Date in Credential scope", |request| authorization(request, "/20260301/", "/20200101/")),
    ];
    for (number, (message, change)) in changes.into_iter().enumerate() {
        let mut request = good.clone();
        change(&mut request);
        let response = refused(&aws, &request, MISMATCH).await;
        let told = response.text("Message").unwrap();
        assert!(told.contains(message), "change {number}: {told}");
        assert_eq!(response.header("content-type"), Some("text/xml"));
    }
}

/// Signs a request anew, by what its Authorization header says.
fn sign_again(keys: &Credentials, request: &mut SignedRequest) {
    let sent = as_sent(request);
    let presented = Presented::of(&sent, Ambiguity::default()).unwrap();
    let canonical = canonical_request(&Signable {
        method: &sent.method,
        path: sent.path(),
        query: sent.query(),
        headers: &sent.headers,
        signed_headers: &presented.signed_headers,
        body: &sent.body,
        presigned: false,
    });
    let to_sign = string_to_sign(&presented.date, &presented.scope, &canonical);
    let again = signature(&keys.secret_access_key, &presented.scope, &to_sign);
    authorization(request, &presented.signature, &again);
}

fn as_sent(request: &SignedRequest) -> Request {
    Request {
        method: request.method.clone(),
        target: request.target().to_owned(),
        headers: request.headers.clone(),
        body: request.body.clone().into_bytes(),
    }
}

#[tokio::test]
async fn a_signature_that_holds_is_not_enough() {
    let aws = Aws::start().await;
    let now = datetime!(2026-03-01 12:00:00 UTC);
    aws.set_clock(now);
    let keys = aws.session(&aws.create_role("App"), "one").credentials;
    let good = sign(&keys, &LoginOptions::hvac().date(now));
    let mut same = good.clone();
    sign_again(&keys, &mut same);
    assert_eq!(same, good);
    let form = (400, "MissingAction");
    let changes: Vec<((u16, &str), Change)> = vec![
        (MISMATCH, |request| authorization(request, "host;x-amz-date", "x-amz-date;host")),
        (MISMATCH, |request| authorization(request, "=content-length", "=Content-Length")),
        (MISMATCH, |request| authorization(request, "host;", "host;host;")),
        (MISMATCH, |request| authorization(request, "host;", "host;nothing;")),
        (MISMATCH, |request| authorization(request, "host;", "")),
        (MISMATCH, |request| authorization(request, "/20260301/", "/2026030/")),
        (MISMATCH, |request| authorization(request, "/20260301/", "/20260228/")),
        (MISMATCH, |request| authorization(request, "us-east-1", "us-east")),
        (MISMATCH, |request| authorization(request, "/sts/", "/iam/")),
        (MISMATCH, |request| add(request, "X-Amz-Mallory", "1")),
        (form, |request| set(request, "Content-Type", "text/plain")),
        (form, |request| {
            remove(request, "Content-Type");
            authorization(request, "content-type;", "");
        }),
    ];
    for (number, (expected, change)) in changes.into_iter().enumerate() {
        let mut request = good.clone();
        change(&mut request);
        sign_again(&keys, &mut request);
        assert_eq!(send(&aws, &request).await.error(), expected, "change {number}");
    }
}

#[test]
fn a_content_length_that_is_not_that_of_the_body() {
    let keys = Credentials {
        access_key_id: "AKIAEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    };
    let mut request = sign(&keys, &LoginOptions::vault_cli());
    let presented = Presented::of(&as_sent(&request), Ambiguity::default()).unwrap();
    presented.check_headers(&as_sent(&request)).unwrap();
    set(&mut request, "Content-Length", "44");
    let refusal = presented.check_headers(&as_sent(&request)).unwrap_err();
    assert_eq!((refusal.status, refusal.code.as_str()), MISMATCH);
}

#[tokio::test]
async fn an_incomplete_signature_is_told_apart() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let good = sign(&user.credentials, &LoginOptions::vault_cli());
    let changes: Vec<(&str, Change)> = vec![
        ("algorithm", |request| authorization(request, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")),
        ("no signature", |request| authorization(request, "Signature=", "Sig=")),
        ("no signed headers", |request| authorization(request, "SignedHeaders=", "Headers=")),
        ("no credential", |request| authorization(request, "Credential=", "Cred=")),
        ("short credential", |request| authorization(request, "/us-east-1", "")),
        ("no pair", |request| authorization(request, ", Signature", ", x, Signature")),
        ("repeated part", |request| authorization(request, ", Signature=", ", Signature=0, Signature=")),
        ("no date", |request| remove(request, "X-Amz-Date")),
        ("bad date", |request| set(request, "X-Amz-Date", "yesterday")),
        ("two dates", |request| add(request, "X-Amz-Date", "20200101T000000Z")),
        ("two authorizations", |request| add(request, "Authorization", "AWS4-HMAC-SHA256 x=y")),
    ];
    for (part, change) in changes {
        let mut request = good.clone();
        change(&mut request);
        assert_eq!(send(&aws, &request).await.error(), INCOMPLETE, "{part}");
    }
    let mut request = good.clone();
    remove(&mut request, "Authorization");
    refused(&aws, &request, (403, "MissingAuthenticationToken")).await;
}

#[tokio::test]
async fn spelling_that_changes_nothing_is_accepted() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let good = sign(&user.credentials, &LoginOptions::hvac().server_id("vault  example"));
    let changes: Vec<Change> = vec![
        |request| request.headers.reverse(),
        |request| request.headers.iter_mut().for_each(|(name, _)| *name = name.to_ascii_lowercase()),
        |request| set(request, "X-Vault-AWS-IAM-Server-ID", "vault example"),
        |request| authorization(request, ", ", ","),
        |request| request.url = "https://sts.amazonaws.com//./".to_owned(),
        |request| add(request, "X-Amzn-Trace-Id", "Root=1"),
        |request| add(request, "Accept", "*/*"),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut request = good.clone();
        change(&mut request);
        assert_eq!(send(&aws, &request).await.status, 200, "change {number}");
    }
}

#[tokio::test]
async fn the_signed_date_counts_for_fifteen_minutes_on_both_sides() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let now = datetime!(2026-03-01 00:10:00 UTC);
    aws.set_clock(now);
    for (form, parameters) in [
        ("header", LoginOptions::vault_cli()),
        ("query", LoginOptions { expires: Some(86_400), ..LoginOptions::presigned_get() }),
    ] {
        for (seconds, good) in [(-900, true), (900, true), (0, true), (-901, false), (901, false)] {
            let date = now + Duration::seconds(seconds);
            let response = send(&aws, &sign(&user.credentials, &parameters.clone().date(date))).await;
            assert_eq!(response.status == 200, good, "{form}, {seconds} s: {}", response.body);
        }
    }
    let old = sign(&user.credentials, &LoginOptions::vault_cli().date(now - Duration::seconds(901)));
    let response = refused(&aws, &old, MISMATCH).await;
    let message = "Signature expired: 20260228T235459Z is now earlier than 20260228T235500Z (20260301T001000Z - 15 min.)";
    assert_eq!(response.text("Message"), Some(message));
    aws.set_clock_offset(Duration::hours(-3));
    let early = sign(&user.credentials, &LoginOptions::vault_cli());
    let response = refused(&aws, &early, MISMATCH).await;
    assert!(response.text("Message").unwrap().starts_with("Signature not yet current: "));
    let in_time = sign(&user.credentials, &LoginOptions::vault_cli().date(aws.now()));
    assert_eq!(send(&aws, &in_time).await.status, 200);
}

#[tokio::test]
async fn keys_and_session_tokens_must_be_valid() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let role = aws.create_role("App");
    let session = aws.session(&role, "one");
    let other = aws.session(&role, "two");
    let options = LoginOptions::vault_cli();

    let mut keys = user.credentials.clone();
    keys.access_key_id = "AKIAUNKNOWNUNKNOWN22".to_owned();
    refused(&aws, &sign(&keys, &options), INVALID_TOKEN).await;

    let mut keys = user.credentials.clone();
    keys.session_token = session.credentials.session_token.clone();
    refused(&aws, &sign(&keys, &options), INVALID_TOKEN).await;

    let mut keys = user.credentials.clone();
    keys.secret_access_key.push('x');
    refused(&aws, &sign(&keys, &options), MISMATCH).await;

    for token in [None, other.credentials.session_token.clone(), Some(String::new())] {
        let mut keys = session.credentials.clone();
        keys.session_token = token;
        refused(&aws, &sign(&keys, &options), INVALID_TOKEN).await;
        refused(&aws, &sign(&keys, &LoginOptions::presigned_get()), INVALID_TOKEN).await;
    }

    let mut two_tokens = sign(&session.credentials, &options);
    add(&mut two_tokens, "X-Amz-Security-Token", "other");
    refused(&aws, &two_tokens, INVALID_TOKEN).await;

    let now = datetime!(2026-03-01 12:00:00 UTC);
    aws.set_clock(now);
    for (seconds, good) in [(-1, false), (0, false), (1, true)] {
        let session = aws.session_until(&role, "three", now + Duration::seconds(seconds));
        let response = send(&aws, &sign(&session.credentials, &options.clone().date(now))).await;
        assert_eq!(response.error(), if good { (200, "") } else { (403, "ExpiredToken") }, "{seconds} s");
    }
    aws.set_clock_offset(Duration::minutes(61));
    let request = sign(&session.credentials, &LoginOptions::vault_cli().date(aws.now()));
    refused(&aws, &request, (403, "ExpiredToken")).await;
    aws.set_clock_offset(Duration::ZERO);

    let request = sign(&user.credentials, &options);
    aws.set_key_active(&user.credentials.access_key_id, false);
    refused(&aws, &request, INVALID_TOKEN).await;
    aws.set_key_active(&user.credentials.access_key_id, true);
    assert_eq!(send(&aws, &request).await.status, 200);
    let again = aws.recreate_user(&user);
    assert_eq!(again.arn, user.arn);
    assert_ne!(again.unique_id, user.unique_id);
    refused(&aws, &request, INVALID_TOKEN).await;
    let second = aws.create_access_key(&again);
    assert_eq!(send(&aws, &sign(&second, &options)).await.text("UserId"), Some(again.unique_id.as_str()));
    aws.delete_key(&second.access_key_id);
    refused(&aws, &sign(&second, &options), INVALID_TOKEN).await;
}

#[tokio::test]
async fn a_presigned_request_is_refused_when_changed() {
    let aws = Aws::start().await;
    let session = aws.session(&aws.create_role("App"), "one");
    let good = sign(&session.credentials, &LoginOptions::presigned_get().server_id("vault.example.com"));
    assert_eq!(send(&aws, &good).await.status, 200);
    let replace = |from: &str, to: &str| {
        assert!(good.url.contains(from), "{from} in {}", good.url);
        SignedRequest { url: good.url.replacen(from, to, 1), ..good.clone() }
    };
    for request in [
        replace("Version=2011-06-15", "Version=2011-06-14"),
        replace("?Action", "?a=b&Action"),
        replace("us-east-1", "us-west-2"),
        replace("SignedHeaders=host%3B", "SignedHeaders="),
        replace("X-Amz-Signature=", "X-Amz-Signature=0"),
    ] {
        refused(&aws, &request, MISMATCH).await;
    }
    for request in [
        replace("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4"),
        replace("X-Amz-Credential=", "X-Amz-Cred="),
        replace("X-Amz-Date=", "x-amz-date="),
        replace("X-Amz-SignedHeaders=", "X-Amz-Signed="),
        replace("X-Amz-Signature=", "X-Amz-Sig="),
    ] {
        refused(&aws, &request, INCOMPLETE).await;
    }
    let mut request = good.clone();
    set(&mut request, "X-Vault-Aws-Iam-Server-Id", "other");
    refused(&aws, &request, MISMATCH).await;
}

#[tokio::test]
async fn two_signatures_in_one_request() {
    let aws = Aws::start().await;
    let (alice, mallory) = (aws.create_user("alice"), aws.create_user("mallory"));
    let get = LoginOptions { form: RequestForm::Get, ..LoginOptions::vault_cli() };
    // The signature in the header covers the signed query as well, so that both hold.
    let presigned = sign(&alice.credentials, &LoginOptions::presigned_get());
    let query = presigned.url.split_once('?').unwrap().1;
    let mut both = sign(&mallory.credentials, &get.parameters(query));
    let signature = query.split_once("X-Amz-Signature=").unwrap().1;
    assert!(both.url.ends_with(signature));
    refused(&aws, &both, INCOMPLETE).await;
    aws.set_ambiguity(Ambiguity { both_forms: Some(Form::Header), ..Ambiguity::default() });
    assert_eq!(send(&aws, &both).await.text("Arn"), Some(mallory.arn.as_str()));
    let changed = SignedRequest { url: format!("{}0", both.url), ..both.clone() };
    refused(&aws, &changed, MISMATCH).await;
    aws.set_ambiguity(Ambiguity { both_forms: Some(Form::Query), ..Ambiguity::default() });
    remove(&mut both, "X-Amz-Date");
    assert_eq!(send(&aws, &both).await.text("Arn"), Some(alice.arn.as_str()));
}

#[tokio::test]
async fn repeated_parameters_follow_the_choice() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let options = LoginOptions::vault_cli();
    let twice = options.clone().parameters("Action=GetCallerIdentity&Action=AssumeRole&Version=2011-06-15");
    let over_the_query = options.url("https://sts.amazonaws.com/?Action=AssumeRole");
    for (repeated, in_body, in_query) in [
        (Repeated::First, (200, ""), (400, "ValidationError")),
        (Repeated::Last, (400, "ValidationError"), (200, "")),
        (Repeated::Refused, (404, "MalformedQueryString"), (404, "MalformedQueryString")),
    ] {
        aws.set_ambiguity(Ambiguity { repeated_parameter: repeated, ..Ambiguity::default() });
        assert_eq!(send(&aws, &sign(&user.credentials, &twice)).await.error(), in_body);
        assert_eq!(send(&aws, &sign(&user.credentials, &over_the_query)).await.error(), in_query);
    }
}

#[tokio::test]
async fn hosts_of_aws_fix_service_region_and_partition() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let gov = aws.create_user(Entity::named("gov").account(OTHER_ACCOUNT).partition("aws-us-gov"));
    let regional = LoginOptions::vault_cli().url("https://sts.eu-west-1.amazonaws.com/");
    refused(&aws, &sign(&user.credentials, &regional), MISMATCH).await;
    assert_eq!(send(&aws, &sign(&user.credentials, &regional.region("eu-west-1"))).await.status, 200);
    let global = LoginOptions::vault_cli().region("eu-west-1");
    assert_eq!(send(&aws, &sign(&user.credentials, &global)).await.status, 200);
    let fips = LoginOptions::vault_cli().url("https://sts-fips.us-west-2.amazonaws.com/").region("us-west-2");
    assert_eq!(send(&aws, &sign(&user.credentials, &fips)).await.status, 200);
    let loopback = LoginOptions::vault_cli().url("http://127.0.0.1:1/");
    assert_eq!(send(&aws, &sign(&user.credentials, &loopback)).await.status, 200);

    let gov_options =
        LoginOptions::call("sts", "us-gov-west-1", "Action=GetCallerIdentity&Version=2011-06-15");
    let response = send(&aws, &sign(&gov.credentials, &gov_options)).await;
    assert_eq!(response.text("Arn"), Some("arn:aws-us-gov:iam::444455556666:user/gov"));
    refused(&aws, &sign(&user.credentials, &gov_options), INVALID_TOKEN).await;
    refused(&aws, &sign(&gov.credentials, &LoginOptions::vault_cli()), INVALID_TOKEN).await;

    let get_user = "Action=GetUser&Version=2010-05-08";
    let iam = LoginOptions::call("iam", "us-east-1", get_user);
    assert_eq!(send(&aws, &sign(&user.credentials, &iam)).await.status, 200);
    refused(&aws, &sign(&user.credentials, &iam.region("eu-west-1")), MISMATCH).await;
}
