//! `sign`: each form of the payload logs in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Caller, HostScene, run, server_id};
use testkit::server::on_each_server;

on_each_server! {
    HostScene:
    a_payload_logs_in_as_post_and_presigned,
    the_curl_command_logs_in,
    the_words_log_in_by_the_hosts_own_tool,
    a_signed_nonce_makes_two_requests_of_one,
}

async fn a_payload_logs_in_as_post_and_presigned(scene: HostScene) {
    for method in ["POST", "GET"] {
        for region in ["us-east-1", "eu-south-1"] {
            let method_option = format!("-http-method={method}");
            let region = format!("region={region}");
            let payload =
                scene.alice().json(&["sign", &method_option, "role=dev", &server_id(), &region]).await;
            assert_eq!(payload["iam_http_request_method"], json!(method));
            let (status, answer) = scene.server.login("aws", &payload).await;
            assert_eq!(status, StatusCode::OK, "{method} {region}: {answer}");
        }
    }
    // Temporary credentials sign in both forms too.
    let role = scene.aws.create_role("worker");
    scene.write_role("aws", "jobs", &json!({"bound_iam_principal_arn": role.arn})).await;
    let worker = scene.alice().with_keys(&scene.aws.session(&role, "night").credentials);
    for method in ["-http-method=POST", "-http-method=get"] {
        let payload = worker.json(&["sign", method, "role=jobs", &server_id()]).await;
        let (status, answer) = scene.server.login("aws", &payload).await;
        assert_eq!(status, StatusCode::OK, "{method}: {answer}");
    }
}

async fn the_curl_command_logs_in(scene: HostScene) {
    let caller = scene.alice();
    let command = caller.done(&["sign", "-format=curl", "role=dev", &server_id()]).await;
    let (line, payload) = command.split_once('\n').unwrap();
    assert!(!line.contains("iam_request_headers") && payload.contains("iam_request_headers"), "{command}");
    let mut shell = caller.command("/bin/sh");
    shell.arg("-c").arg(&command);
    let called = run(shell, "").await;
    if called.code == 127 {
        return; // No curl here.
    }
    let answer: Value = serde_json::from_str(&called.output).unwrap_or_else(|_| panic!("{called:#?}"));
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]), "{answer}");
}

async fn the_words_log_in_by_the_hosts_own_tool(scene: HostScene) {
    let caller = scene.alice();
    let words = caller.done(&["sign", "-format=kv", "role=dev", &server_id()]).await;
    let mut tool = caller.command(&scene.tool);
    tool.args(["write", "-format=json", "auth/aws/login"]).args(words.lines());
    let called = run(tool, "").await;
    let answer: Value = serde_json::from_str(&called.output).unwrap_or_else(|_| panic!("{called:#?}"));
    assert_eq!(answer["auth"]["token_policies"], json!(["default", "dev"]));

    let payload = caller.done(&["sign", "role=dev", &server_id()]).await;
    let mut tool = caller.command(&scene.tool);
    tool.args(["write", "-field=token", "auth/aws/login", "-"]);
    let called = run(tool, &payload).await;
    assert!(called.code == 0 && !called.output.is_empty(), "{called:#?}");
}

async fn a_signed_nonce_makes_two_requests_of_one(scene: HostScene) {
    let allowed = json!({"allowed_sts_header_values": "X-Vault-AWS-IAM-Nonce"});
    scene.server.root("POST", "auth/aws/config/client", &allowed).await;
    let caller = scene.alice();
    let mut signatures = Vec::new();
    for _ in 0..2 {
        let payload = caller.json(&["sign", "-nonce", "role=dev", &server_id()]).await;
        let headers = STANDARD.decode(payload["iam_request_headers"].as_str().unwrap()).unwrap();
        let headers: Value = serde_json::from_slice(&headers).unwrap();
        let authorization = headers["Authorization"][0].as_str().unwrap();
        assert!(authorization.contains(";x-vault-aws-iam-nonce;"), "{authorization}");
        signatures.push(authorization.to_owned());
        let (status, answer) = scene.server.login("aws", &payload).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert_ne!(signatures[0], signatures[1]);
}

#[tokio::test]
async fn it_explains_beside_the_payload() {
    let caller =
        Caller::new().with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").with("AWS_SECRET_ACCESS_KEY", "s3cret");
    let caller = caller.with("AWS_SESSION_TOKEN", "t0ken");
    let called = caller.call(&["sign", "-explain", "role=dev", "region=eu-south-1", "header_value=me"]).await;
    assert_eq!(called.code, 0, "{called:#?}");
    assert!(called.output.starts_with('{'), "{}", called.output);
    for part in [
        "access key AKIDEXAMPLE",
        "environment variables",
        "eu-south-1",
        "sts.eu-south-1.amazonaws.com",
        "host, x-amz-date, x-amz-security-token, x-vault-aws-iam-server-id",
        "server id:      me",
        "role:           dev",
        "good until:",
    ] {
        assert!(called.said.contains(part), "{part}: {}", called.said);
    }
    assert!(!called.said.contains("s3cret") && !called.said.contains("t0ken"), "{}", called.said);
}

#[tokio::test]
async fn a_secret_among_the_arguments_is_warned_of_and_never_shown() {
    let caller = Caller::new();
    let file = caller.write("key", "s3cret\n");
    let listed = ["sign", "-explain", "aws_access_key_id=AKID", "aws_secret_access_key=s3cret"];
    let called = caller.call(&listed).await;
    assert!(
        called.said.contains("warning: aws_secret_access_key stood among the arguments"),
        "{}",
        called.said
    );
    assert!(!called.said.contains("s3cret") && !called.output.contains("s3cret"));

    let hidden = format!("aws_secret_access_key=@{}", file.display());
    let called = caller.call(&["sign", "aws_access_key_id=AKID", &hidden]).await;
    assert_eq!((called.code, called.said.as_str()), (0, ""));
    let arguments = ["sign", "aws_access_key_id=AKID", "aws_secret_access_key=-"];
    let called = caller.call_with_input(&arguments, "s3cret\n").await;
    assert_eq!((called.code, called.said.as_str()), (0, ""));
}
