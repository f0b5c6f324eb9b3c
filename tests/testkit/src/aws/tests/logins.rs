//! Login data in the shapes of the clients in use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::client::send;
use crate::aws::{
    Aws, Credentials, GET_CALLER_IDENTITY, HeaderEncoding, HeaderValues, LoginOptions, RoleField,
    SignedRequest, edit_headers, login_headers, sign_login,
};

fn keys() -> Credentials {
    Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("token".to_owned()),
    }
}

fn decoded(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

fn names(login: &Value) -> Vec<String> {
    login_headers(login).into_iter().map(|(name, _)| name).collect()
}

fn value(login: &Value, name: &str) -> String {
    let headers = login_headers(login);
    headers.into_iter().find(|(present, _)| present == name).unwrap().1.join(",")
}

/// What a server forwards: Host from the URL, the other headers and the body as they came.
fn forwarded(login: &Value) -> SignedRequest {
    let url = decoded(&login["iam_request_url"]);
    let mut request = SignedRequest {
        method: login["iam_http_request_method"].as_str().unwrap().to_owned(),
        url,
        headers: Vec::new(),
        body: login.get("iam_request_body").map(decoded).unwrap_or_default(),
    };
    request.headers.push(("Host".to_owned(), request.host().to_owned()));
    for (name, values) in login_headers(login).into_iter().filter(|(name, _)| name != "Host") {
        request.headers.extend(values.into_iter().map(|value| (name.clone(), value)));
    }
    request
}

#[test]
fn the_cli() {
    let options = LoginOptions::vault_cli().server_id("vault.example.com");
    let login = sign_login(&keys(), &options);
    assert_eq!(login["role"], "");
    assert_eq!(login["iam_http_request_method"], "POST");
    assert_eq!(decoded(&login["iam_request_url"]), "https://sts.amazonaws.com/");
    assert_eq!(decoded(&login["iam_request_body"]), GET_CALLER_IDENTITY);
    let headers: Value = serde_json::from_str(&decoded(&login["iam_request_headers"])).unwrap();
    assert_eq!(headers["Content-Length"], json!(["43"]));
    assert_eq!(headers["Content-Type"], json!(["application/x-www-form-urlencoded; charset=utf-8"]));
    assert_eq!(headers["X-Vault-Aws-Iam-Server-Id"], json!(["vault.example.com"]));
    assert_eq!(
        names(&login),
        [
            "Authorization",
            "Content-Length",
            "Content-Type",
            "User-Agent",
            "X-Amz-Date",
            "X-Amz-Security-Token",
            "X-Vault-Aws-Iam-Server-Id"
        ]
    );
    let signed = "SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;x-vault-aws-iam-server-id,";
    assert!(value(&login, "Authorization").contains(signed));
}

#[test]
fn hvac() {
    let login = sign_login(&keys(), &LoginOptions::hvac().server_id("v").region("eu-west-1"));
    assert_eq!(login["role"], Value::Null);
    assert_eq!(decoded(&login["iam_request_url"]), "https://sts.amazonaws.com/");
    assert_eq!(value(&login, "Host"), "sts.amazonaws.com");
    assert!(names(&login).contains(&"X-Vault-AWS-IAM-Server-ID".to_owned()));
    assert!(
        value(&login, "Authorization").contains("/eu-west-1/sts/aws4_request, SignedHeaders=content-length;")
    );
    assert_eq!(sign_login(&keys(), &LoginOptions::hvac().role("dev"))["role"], "dev");
}

#[test]
fn scripts_and_plain_objects() {
    let login = sign_login(&keys(), &LoginOptions::boto3().server_id("v"));
    assert_eq!(login.get("role"), None);
    let headers: Value = serde_json::from_str(&decoded(&login["iam_request_headers"])).unwrap();
    assert_eq!(headers["X-Vault-AWS-IAM-Server-ID"], "v");
    assert!(!names(&login).contains(&"Host".to_owned()));

    let login = sign_login(&keys(), &LoginOptions::plain_object());
    assert_eq!(login["iam_request_headers"]["Host"], "sts.amazonaws.com");

    let node = LoginOptions {
        values: HeaderValues::TextAndNumber,
        content_length: true,
        ..LoginOptions::plain_object()
    };
    assert_eq!(sign_login(&keys(), &node)["iam_request_headers"]["Content-Length"], 43);
    let raw = LoginOptions { encoding: HeaderEncoding::JsonText, ..LoginOptions::boto3() };
    assert!(sign_login(&keys(), &raw)["iam_request_headers"].as_str().unwrap().starts_with('{'));
    let list = LoginOptions { encoding: HeaderEncoding::NameValueList, ..LoginOptions::boto3() };
    let list = sign_login(&keys(), &list);
    assert!(list["iam_request_headers"][0].as_str().unwrap().starts_with("Content-Type:application/"));
}

#[test]
fn presigned() {
    let options =
        LoginOptions { expires: Some(60), ..LoginOptions::presigned_get().server_id("v").role("dev") };
    let login = sign_login(&keys(), &options);
    assert_eq!((&login["iam_http_request_method"], login.get("iam_request_body")), (&json!("GET"), None));
    assert_eq!(names(&login), ["Host", "X-Vault-Aws-Iam-Server-Id"]);
    let url = decoded(&login["iam_request_url"]);
    let parameters: Vec<&str> =
        url.split_once('?').unwrap().1.split('&').map(|pair| pair.split_once('=').unwrap().0).collect();
    assert_eq!(
        parameters,
        [
            "Action",
            "Version",
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-Security-Token",
            "X-Amz-SignedHeaders",
            "X-Amz-Signature"
        ]
    );
    assert!(url.contains("X-Amz-SignedHeaders=host%3Bx-vault-aws-iam-server-id&"));
}

#[test]
fn headers_are_edited_in_every_encoding() {
    for encoding in [
        HeaderEncoding::Base64Json,
        HeaderEncoding::JsonText,
        HeaderEncoding::Object,
        HeaderEncoding::NameValueList,
    ] {
        for values in [HeaderValues::List, HeaderValues::Text, HeaderValues::TextAndNumber] {
            let options = LoginOptions { encoding, values, role: RoleField::Absent, ..LoginOptions::hvac() };
            let mut login = sign_login(&keys(), &options);
            let before = login.clone();
            edit_headers(&mut login, |_| {});
            assert_eq!(login, before, "{encoding:?} {values:?}");
            edit_headers(&mut login, |headers| headers.push(("X-New".to_owned(), vec!["1".to_owned()])));
            assert_eq!(value(&login, "X-New"), "1");
            assert_eq!(names(&login).len(), names(&before).len() + 1);
        }
    }
}

#[tokio::test]
async fn forwarded_logins_are_accepted() {
    let aws = Aws::start().await;
    let session = aws.session(&aws.create_role("App"), "one");
    for options in [
        LoginOptions::vault_cli(),
        LoginOptions::hvac(),
        LoginOptions::boto3(),
        LoginOptions::plain_object(),
        LoginOptions::presigned_get(),
    ] {
        let login = sign_login(&session.credentials, &options.server_id("v"));
        let response = send(&aws, &forwarded(&login)).await;
        assert_eq!(response.text("Arn"), Some(session.arn.as_str()), "{}", response.body);
    }
}
