mod one_server;
mod own_root;
mod proxies;
mod socks;
mod socks_proxy;

use std::path::Path;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, LOCATION, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
    USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::environment::Environment;
use super::test_servers::{Authority, Script, Server, ok};
use super::{CONNECT_TIMEOUT, HttpsTransport, MAX_HEAD_BYTES, MAX_HEADERS, trust};
use crate::ports::{HttpRequest, Transport as _, TransportError};

fn transport(environment: Environment) -> HttpsTransport {
    HttpsTransport::with_environment(environment).unwrap()
}

fn plain() -> HttpsTransport {
    transport(Environment::default())
}

fn trusting(file: &Path) -> Environment {
    Environment { certificate_file: Some(file.to_owned()), ..Environment::default() }
}

fn get(uri: &str) -> HttpRequest {
    HttpRequest {
        method: Method::GET,
        uri: uri.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        response_limit: 1000,
        host_chosen_in: None,
    }
}

fn post(uri: &str, body: &'static str) -> HttpRequest {
    HttpRequest { method: Method::POST, body: Bytes::from_static(body.as_bytes()), ..get(uri) }
}

fn with_header(mut request: HttpRequest, name: HeaderName, value: &'static str) -> HttpRequest {
    request.headers.append(name, HeaderValue::from_static(value));
    request
}

/// The text of an error of one kind.
fn text_of(error: &TransportError, kind: &str) -> String {
    let (found, text) = match error {
        TransportError::Resolve(text) => ("resolve", text.clone()),
        TransportError::Connect(text) => ("connect", text.clone()),
        TransportError::Tunnel(text) => ("tunnel", text.clone()),
        TransportError::Tls(text) => ("tls", text.clone()),
        TransportError::Exchange(text) => ("exchange", text.clone()),
        TransportError::Proxy(text) => ("proxy", text.clone()),
        TransportError::Unsendable(text) => ("unsendable", text.clone()),
        TransportError::TooLarge { .. } => ("too large", error.to_string()),
    };
    assert_eq!(found, kind, "{text}");
    text
}

#[tokio::test]
async fn connections_are_used_again() {
    let mut server = Server::plain(ok("fine")).await;
    let transport = plain();
    for _ in 0..3 {
        let answer = transport.send(post(&format!("http://{}/x?y=1", server.address), "a=b")).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"fine"[..]));
        let received = server.next().await;
        assert_eq!((received.connection, received.line()), (0, "POST /x?y=1 HTTP/1.1"));
        assert_eq!(received.body, b"a=b");
    }
    assert_eq!(server.connections(), 1);
}

/// The peer does not hear the wish: it keeps the connection and says so.
#[tokio::test]
async fn nobody_comes_after_a_request_that_wants_to_be_the_last() {
    let mut server = Server::plain(ok("fine")).await;
    let transport = plain();
    let uri = format!("http://{}/", server.address);
    transport.send(with_header(get(&uri), CONNECTION, "close")).await.unwrap();
    transport.send(get(&uri)).await.unwrap();
    assert_eq!([server.next().await, server.next().await].map(|one| one.connection), [0, 1]);
}

#[tokio::test]
async fn a_connection_the_peer_closed_is_replaced() {
    let closing = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let mut server = Server::plain(Script::AnswerAndClose(closing)).await;
    let transport = plain();
    for _ in 0..2 {
        transport.send(get(&format!("http://{}/", server.address))).await.unwrap();
        server.connection_ended().await;
    }
    assert_eq!(server.requests_so_far().len(), 2);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn headers_are_sent_as_given_and_framing_is_our_own() {
    let mut server = Server::plain(ok("")).await;
    let request = post(&format!("http://{}/", server.address), "a=b");
    let request = with_header(request, HOST, "sts.amazonaws.com");
    let request = with_header(request, AUTHORIZATION, "AWS4-HMAC-SHA256 Credential=x");
    let request = with_header(request, USER_AGENT, "client/1");
    let request = with_header(request, CONTENT_LENGTH, "999");
    let request = with_header(request, TRANSFER_ENCODING, "chunked");
    let request = with_header(request, PROXY_AUTHORIZATION, "Basic secret");
    let request = with_header(request, HeaderName::from_static("x-two"), "1");
    let request = with_header(request, HeaderName::from_static("x-two"), "2");
    plain().send(request).await.unwrap();
    let received = server.next().await;
    let mut lines: Vec<&str> = received.head.lines().skip(1).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "authorization: AWS4-HMAC-SHA256 Credential=x",
            "content-length: 3",
            "host: sts.amazonaws.com",
            "user-agent: client/1",
            "x-two: 1",
            "x-two: 2",
        ]
    );
}

#[tokio::test]
async fn nothing_is_added_but_host_and_length() {
    let mut server = Server::plain(ok("")).await;
    let host = format!("host: {}", server.address);
    for (request, expected) in [
        (get(&format!("http://{}/", server.address)), vec![host.as_str()]),
        (post(&format!("http://{}/", server.address), ""), vec!["content-length: 0", host.as_str()]),
        // A signed one has to arrive, whatever the method.
        (
            with_header(get(&format!("http://{}/", server.address)), CONTENT_LENGTH, "0"),
            vec!["content-length: 0", host.as_str()],
        ),
    ] {
        plain().send(request).await.unwrap();
        let received = server.next().await;
        let mut lines: Vec<&str> = received.head.lines().skip(1).collect();
        lines.sort_unstable();
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn redirects_are_answers() {
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let mut server = Server::plain(Script::Answer(redirect.to_vec())).await;
    let answer = plain().send(get(&format!("http://{}/", server.address))).await.unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.headers.get(LOCATION).unwrap(), "http://127.0.0.1:1/");
    assert_eq!(server.requests_so_far().len(), 1);
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_not_read() {
    let chunked = |n: usize| {
        let chunks = format!("64\r\n{}\r\n", "x".repeat(100)).repeat(n);
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes()
    };
    let sized =
        |n: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n{}", "x".repeat(n)).into_bytes();
    // Only announced: the answer never comes.
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec();
    let unending = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n".to_vec();
    let unending = [unending, vec![b'x'; 0xfff]].concat();
    for (bytes, fits) in [
        (sized(1000), true),
        (sized(1001), false),
        (chunked(10), true),
        (chunked(11), false),
        (announced, false),
        (unending, false),
    ] {
        let server = Server::plain(Script::Answer(bytes)).await;
        let result = plain().send(get(&format!("http://{}/", server.address))).await;
        match result {
            Ok(answer) => assert!(fits && answer.body.len() == 1000),
            Err(error) => {
                assert!(!fits);
                assert_eq!(error, TransportError::TooLarge { limit: 1000 });
            }
        }
    }
}

#[tokio::test]
async fn broken_answers_are_failed_exchanges() {
    let long_header = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(4 * MAX_HEAD_BYTES));
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: x\r\n".repeat(MAX_HEADERS + 1));
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsecret"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsec",
        b"HTTP/1.1 200 OK\r\nX-Secret: secret",
        b"secret secret\r\n\r\n",
        b"",
        long_header.as_bytes(),
        many_headers.as_bytes(),
    ] {
        let server = Server::plain(Script::AnswerAndClose(bytes.to_vec())).await;
        let error = plain().send(get(&format!("http://{}/", server.address))).await.unwrap_err();
        let text = text_of(&error, "exchange");
        assert!(text.starts_with("HTTP exchange failed: "), "{text}");
        assert!(!text.contains("secret") && text.len() < 200, "{text}");
    }
}

#[tokio::test]
async fn refused_connections_and_unknown_names_are_told_apart() {
    // Bound and dropped, so that nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = plain().send(get(&format!("http://{address}/"))).await.unwrap_err();
    let text = text_of(&error, "connect");
    assert!(text.starts_with(&format!("connecting to {address}: ")), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    let error = plain().send(get("http://nowhere.invalid/")).await.unwrap_err();
    assert!(text_of(&error, "resolve").starts_with("connecting to nowhere.invalid:80: dns error"));
}

#[tokio::test]
async fn requests_that_cannot_be_sent_are_told_why() {
    for (uri, expected) in [
        ("ftp://host/", "URL scheme is neither http nor https"),
        ("/path", "URL scheme is neither http nor https"),
        ("host:80", "URL scheme is neither http nor https"),
        ("http://user:secret@host/", "URL has a user name"),
    ] {
        let error = plain().send(get(uri)).await.unwrap_err();
        assert_eq!(text_of(&error, "unsendable"), expected, "{uri}");
    }
    let twice = with_header(with_header(get("http://127.0.0.1/"), HOST, "a"), HOST, "b");
    let error = plain().send(twice).await.unwrap_err();
    assert_eq!(text_of(&error, "unsendable"), "more than one Host header");
    let socks = transport(Environment { https_proxy: "socks4://proxy".to_owned(), ..Environment::default() });
    let error = socks.send(get("https://sts.amazonaws.com/")).await.unwrap_err();
    assert_eq!(
        text_of(&error, "proxy"),
        "HTTPS_PROXY has scheme socks4; only http, https, socks5, socks5h proxies are supported"
    );
}

#[tokio::test(start_paused = true)]
async fn connecting_ends_in_time() {
    let authority = Authority::new();
    // Connections stand in the backlog; nobody answers the TLS handshake.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let transport = transport(trusting(authority.file()));
    let started = Instant::now();
    let error = transport.send(get(&format!("https://{address}/"))).await.unwrap_err();
    assert_eq!(text_of(&error, "connect"), format!("connecting to {address} took longer than 5 s"));
    let elapsed = started.elapsed();
    assert!((CONNECT_TIMEOUT..CONNECT_TIMEOUT * 2).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test]
async fn certificates_of_the_named_file_are_trusted() {
    let authority = Authority::new();
    let mut server = Server::tls(ok("fine"), &authority, "localhost").await;
    let transport = transport(trusting(authority.file()));
    for _ in 0..2 {
        let request = get(&format!("https://localhost:{}/", server.address.port()));
        let answer = transport.send(with_header(request, HOST, "sts.amazonaws.com")).await.unwrap();
        assert_eq!(&answer.body[..], b"fine");
        // The connection follows the URL, not the header.
        assert_eq!(server.next().await.header("host"), Some("sts.amazonaws.com"));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn certificates_of_the_system_stay_trusted_beside_the_named_file() {
    let authority = Authority::new();
    let alone = trust::roots(&trusting(authority.file())).unwrap();
    assert_eq!(alone.anchors.len(), 1);
    let system = trust::roots(&Environment { system_certificates: true, ..Environment::default() });
    let both = trust::roots(&Environment { system_certificates: true, ..trusting(authority.file()) });
    // A machine may have none.
    let system = system.map_or(0, |roots| roots.anchors.len());
    assert_eq!(both.unwrap().anchors.len(), system + 1);
}

#[tokio::test]
async fn strangers_are_not_trusted() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let transport = transport(trusting(trusted.file()));
    for (authority, name, expected) in [
        (&stranger, "localhost", "invalid peer certificate: "),
        (&trusted, "sts.amazonaws.com", "invalid peer certificate: certificate not valid for name"),
    ] {
        let mut server = Server::tls(ok("fine"), authority, name).await;
        let peer = format!("localhost:{}", server.address.port());
        let error = transport.send(get(&format!("https://{peer}/"))).await.unwrap_err();
        let text = text_of(&error, "tls");
        assert!(text.starts_with(&format!("connecting to {peer}: {expected}")), "{text}");
        assert!(server.requests_so_far().is_empty());
    }
}

#[tokio::test]
async fn peers_that_do_not_finish_the_handshake_are_told_apart() {
    let authority = Authority::new();
    let transport = transport(trusting(authority.file()));
    // One speaks something else, which will not change; one hangs up, which may.
    for (bytes, kind) in [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "tls"), (b"", "connect")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(bytes).await.unwrap();
            stream.shutdown().await.unwrap();
            // Until the other side closes, or what it sent would reset the connection.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        };
        let (result, ()) = tokio::join!(transport.send(get(&format!("https://{address}/"))), peer);
        let text = text_of(&result.unwrap_err(), kind);
        assert!(text.starts_with(&format!("connecting to {address}: ")), "{text}");
    }
}

#[tokio::test]
async fn without_trusted_certificates_there_is_no_tls() {
    let server = Server::plain(ok("fine")).await;
    let uri = format!("https://{}/", server.address);
    let error = plain().send(get(&uri)).await.unwrap_err();
    assert_eq!(
        text_of(&error, "tls"),
        "no trusted certificates found in the system; install the system's CA certificates or set \
         SSL_CERT_FILE"
    );
    let error = transport(trusting(Path::new("/nonexistent/ca.pem"))).send(get(&uri)).await.unwrap_err();
    let text = text_of(&error, "tls");
    assert!(text.contains("/nonexistent/ca.pem"), "{text}");
    // Plain connections do not need any.
    let answer = plain().send(get(&format!("http://{}/", server.address))).await.unwrap();
    assert_eq!(&answer.body[..], b"fine");
    assert_eq!(server.connections(), 1);
}
