//! Connections, TLS, the proxy, the log, and requests that are no requests.

use std::pin::pin;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::{Client, send};
use crate::aws::http::Stream;
use crate::aws::{Aws, GET_CALLER_IDENTITY, Gate, LoginOptions, Outcome, SignedRequest, sign};

async fn start() -> (Aws, SignedRequest) {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let request = sign(&user.credentials, &LoginOptions::vault_cli().server_id("v"));
    (aws, request)
}

fn trusting(pem: &str) -> ClientConfig {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(STANDARD.decode(body).unwrap())).unwrap();
    config(roots)
}

fn config(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn tls(
    stream: impl Stream + 'static,
    config: ClientConfig,
    name: &'static str,
) -> std::io::Result<Client> {
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(name).unwrap(), stream).await.map(Client::over)
}

#[tokio::test]
async fn the_log_holds_everything() {
    let (aws, request) = start().await;
    let before = std::time::Instant::now();
    let mut client = Client::connect(&aws).await;
    client.exchange(&request).await;
    client.exchange(&request).await;
    send(&aws, &request).await;
    assert_eq!((aws.call_count("GetCallerIdentity"), aws.total_calls(), aws.connections()), (3, 3, 2));
    let calls = aws.calls("GetCallerIdentity");
    let connections: Vec<u64> = calls.iter().map(|call| call.connection).collect();
    assert_eq!(connections, [1, 1, 2]);
    let call = &calls[0];
    assert_eq!((call.action.as_str(), call.service.as_str()), ("GetCallerIdentity", "sts"));
    assert_eq!((call.region.as_str(), call.account.as_str()), ("us-east-1", "111122223333"));
    assert!(call.access_key_id.starts_with("AKIA") && call.instant >= before);
    assert_eq!((call.request.method.as_str(), call.request.target.as_str()), ("POST", "/"));
    assert_eq!(call.request.headers, request.headers);
    assert_eq!(call.request.body, GET_CALLER_IDENTITY.as_bytes());
    assert_eq!(call.parameter("Version").as_deref(), Some("2011-06-15"));
    assert_eq!(call.header("x-vault-aws-iam-server-id"), Some("v"));
    assert_eq!(call.outcome, Outcome::Answered(200));
    assert_eq!((&call.tls_name, &call.proxied_to), (&None, &None));
    aws.clear_calls();
    assert_eq!((aws.all_calls().len(), aws.total_calls()), (0, 0));
    aws.keep_counters_only();
    client.exchange(&request).await;
    assert_eq!((aws.all_calls().len(), aws.call_count("GetCallerIdentity")), (0, 1));
}

#[tokio::test]
async fn connections_end_when_the_client_says_so_and_with_the_stand_in() {
    let (aws, request) = start().await;
    let mut last = request.clone();
    last.headers.push(("Connection".to_owned(), "close".to_owned()));
    let mut client = Client::connect(&aws).await;
    client.exchange(&request).await;
    assert_eq!(aws.open_connections(), 1);
    client.exchange(&last).await;
    assert!(client.ended().await);
    let mut client = Client::connect(&aws).await;
    client.exchange(&request).await;
    let address = aws.address();
    drop(aws);
    assert!(client.ended().await);
    TcpStream::connect(address).await.unwrap_err();
}

#[tokio::test]
async fn a_body_may_come_in_chunks() {
    let (aws, request) = start().await;
    let mut request = request;
    request.headers.retain(|(name, _)| name != "Content-Length");
    request.headers.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
    let mut head = "POST / HTTP/1.1\r\n".to_owned();
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let (a, b) = request.body.split_at(10);
    let mut client = Client::connect(&aws).await;
    let bytes = format!("{head}\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len());
    client.write(bytes.as_bytes()).await;
    let response = client.answer().await.unwrap();
    // Content-Length was signed and is gone.
    assert_eq!(response.error(), (403, "SignatureDoesNotMatch"));
    assert_eq!(aws.all_calls()[0].request.body, GET_CALLER_IDENTITY.as_bytes());
}

#[tokio::test]
async fn what_is_not_proper_http_is_refused() {
    let aws = Aws::start().await;
    for (bytes, reason) in [
        ("POST / HTTP/1.0\r\nHost: a\r\n\r\n", "bad request line"),
        ("POST  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad request line"),
        ("POST http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "target is not a path"),
        ("POST / HTTP/1.1\r\n\r\n", "not exactly one Host header"),
        ("POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "not exactly one Host header"),
        ("POST / HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n", "bad header name"),
        ("POST / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "header without colon"),
        ("POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "header without colon"),
        ("POST / HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n", "control character in a header"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", "bad Content-Length"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            "several Content-Length headers",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "both Content-Length and Transfer-Encoding",
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "unknown Transfer-Encoding"),
    ] {
        let mut client = Client::connect(&aws).await;
        client.write(bytes.as_bytes()).await;
        let response = client.answer().await.unwrap();
        assert_eq!((response.status, response.header("connection")), (400, Some("close")), "{bytes:?}");
        assert_eq!(aws.malformed_requests().last().map(String::as_str), Some(reason), "{bytes:?}");
    }
    assert_eq!(aws.total_calls(), 0);
}

#[tokio::test]
async fn tls_with_a_test_ca() {
    let (aws, request) = start().await;
    assert!(aws.tls_url().starts_with("https://127.0.0.1:"));
    let config = trusting(&aws.ca_pem());
    for (name, seen) in [("sts.amazonaws.com", Some("sts.amazonaws.com")), ("127.0.0.1", None)] {
        let stream = TcpStream::connect(aws.address()).await.unwrap();
        let mut client = tls(stream, config.clone(), name).await.unwrap();
        assert_eq!(client.exchange(&request).await.status, 200);
        assert_eq!(aws.all_calls().last().unwrap().tls_name.as_deref(), seen);
    }
    let stream = TcpStream::connect(aws.address()).await.unwrap();
    let other = trusting(&Aws::start().await.ca_pem());
    assert!(tls(stream, other, "sts.amazonaws.com").await.is_err());
}

#[tokio::test]
async fn a_proxy_in_front_of_every_host() {
    let (aws, request) = start().await;
    let stream = tunnel(&aws, "sts.amazonaws.com").await;
    let mut client = tls(stream, trusting(&aws.ca_pem()), "sts.amazonaws.com").await.unwrap();
    assert_eq!(client.exchange(&request).await.status, 200);
    let call = &aws.all_calls()[0];
    assert_eq!(call.proxied_to.as_deref(), Some("sts.amazonaws.com:443"));
    assert_eq!(call.tls_name.as_deref(), Some("sts.amazonaws.com"));
}

#[tokio::test]
async fn connections_to_one_host_can_hang() {
    let aws = Aws::start().await;
    let gate = Gate::new();
    aws.hold_tunnels("ec2.eu-west-1.amazonaws.com", gate.clone());
    let mut held = pin!(tunnel(&aws, "ec2.eu-west-1.amazonaws.com"));
    let other = tunnel(&aws, "ec2.us-east-1.amazonaws.com");
    tokio::select! {
        biased;
        _ = &mut held => panic!("the connection stands"),
        _ = other => {}
    }
    gate.open();
    held.await;
}

/// A tunnel through the proxy.
async fn tunnel(aws: &Aws, host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(aws.proxy_url().replace("http://", "")).await.unwrap();
    let connect = format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, connect.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    stream
}
