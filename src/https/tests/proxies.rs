//! Ways through a proxy that speaks HTTP.

use super::*;

#[tokio::test]
async fn https_goes_through_the_proxy_in_a_tunnel() {
    let authority = Authority::new();
    let mut server = Server::tls(ok("fine"), &authority, "sts.example").await;
    let mut proxy = Server::plain(Script::Tunnel(server.address)).await;
    let transport = transport(Environment {
        https_proxy: format!("http://user:p%40ss@{}", proxy.address),
        ..trusting(authority.file())
    });
    for _ in 0..2 {
        let answer = transport.send(post("https://sts.example/x", "a=b")).await.unwrap();
        assert_eq!(&answer.body[..], b"fine");
        let inner = server.next().await;
        assert_eq!(inner.line(), "POST /x HTTP/1.1");
        assert_eq!(inner.header("host"), Some("sts.example"));
        assert_eq!(inner.header("proxy-authorization"), None);
    }
    let connects = proxy.requests_so_far();
    assert_eq!(connects.len(), 1);
    assert_eq!(connects[0].line(), "CONNECT sts.example:443 HTTP/1.1");
    // user:p@ss
    assert_eq!(connects[0].header("proxy-authorization"), Some("Basic dXNlcjpwQHNz"));
}

#[tokio::test]
async fn http_tells_the_proxy_its_target() {
    let mut proxy = Server::plain(ok("fine")).await;
    let transport = transport(Environment {
        http_proxy: format!("http://user:pass@{}", proxy.address),
        ..Environment::default()
    });
    transport.send(post("http://sts.example:8080/x?y", "a=b")).await.unwrap();
    let received = proxy.next().await;
    assert_eq!(received.line(), "POST http://sts.example:8080/x?y HTTP/1.1");
    assert_eq!(received.header("host"), Some("sts.example:8080"));
    assert_eq!(received.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
}

#[tokio::test]
async fn a_proxy_that_reads_the_request_is_told_one_host() {
    let mut proxy = Server::plain(ok("fine")).await;
    let transport =
        transport(Environment { http_proxy: format!("http://{}", proxy.address), ..Environment::default() });
    for host in ["sts.example", "STS.example:80"] {
        transport.send(with_header(get("http://sts.example/"), HOST, host)).await.unwrap();
        proxy.next().await;
    }
    for host in ["evil.example", "sts.example:8080", "sts.example.evil.example", ""] {
        let request = with_header(get("http://sts.example/"), HOST, host);
        let error = transport.send(request).await.unwrap_err();
        assert_eq!(
            text_of(&error, "unsendable"),
            "a proxy for http cannot be told another host than that of the URL",
            "{host}"
        );
    }
    assert_eq!(proxy.requests_so_far().len(), 0);
}

#[tokio::test]
async fn near_targets_do_not_go_through_the_proxy() {
    let proxy = Server::plain(ok("from the proxy")).await;
    let mut server = Server::plain(ok("fine")).await;
    let transport = transport(Environment {
        http_proxy: format!("http://user:pass@{}", proxy.address),
        ..Environment::default()
    });
    for host in ["127.0.0.1", "localhost"] {
        let answer = transport.send(get(&format!("http://{host}:{}/", server.address.port()))).await.unwrap();
        assert_eq!(&answer.body[..], b"fine");
        let received = server.next().await;
        assert_eq!(received.line(), "GET / HTTP/1.1");
        assert_eq!(received.header("proxy-authorization"), None);
    }
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_connect_error() {
    for (status, expected) in [
        ("407 Proxy Authentication Required", "tunnel error: proxy authorization required"),
        ("403 Forbidden", "tunnel error: unsuccessful"),
    ] {
        let authority = Authority::new();
        let refusal = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes();
        let proxy = Server::plain(Script::Answer(refusal)).await;
        let transport = transport(Environment {
            https_proxy: format!("http://user:secret@{}", proxy.address),
            ..trusting(authority.file())
        });
        let error = transport.send(get("https://sts.example/")).await.unwrap_err();
        assert_eq!(
            text_of(&error, "tunnel"),
            format!("connecting to sts.example:443 through proxy {}: {expected}", proxy.address)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn connecting_through_a_silent_proxy_ends_in_time() {
    let authority = Authority::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let proxy = format!("{scheme}://user:secret@{address}");
        let transport = transport(Environment { https_proxy: proxy, ..trusting(authority.file()) });
        let error = transport.send(get("https://sts.amazonaws.com/")).await.unwrap_err();
        assert_eq!(
            text_of(&error, "tunnel"),
            format!("connecting to sts.amazonaws.com:443 through proxy {address} took longer than 5 s")
        );
    }
}

/// A request to the proxy comes over TLS, and so does what is in the tunnel.
#[tokio::test]
async fn https_goes_through_a_proxy_with_tls_in_a_tunnel() {
    let authority = Authority::new();
    let mut server = Server::tls(ok("fine"), &authority, "sts.example").await;
    let mut proxy = Server::tls(Script::Tunnel(server.address), &authority, "localhost").await;
    let transport = transport(Environment {
        https_proxy: format!("https://user:p%40ss@localhost:{}", proxy.address.port()),
        ..trusting(authority.file())
    });
    for _ in 0..2 {
        let answer = transport.send(post("https://sts.example/x", "a=b")).await.unwrap();
        assert_eq!(answer.body, "fine");
        let inner = server.next().await;
        assert_eq!((inner.line(), &inner.body[..]), ("POST /x HTTP/1.1", &b"a=b"[..]));
        assert_eq!(inner.header("proxy-authorization"), None);
    }
    let connects = proxy.requests_so_far();
    assert_eq!((connects.len(), proxy.connections()), (1, 1));
    assert_eq!(connects[0].line(), "CONNECT sts.example:443 HTTP/1.1");
    // user:p@ss
    assert_eq!(connects[0].header("proxy-authorization"), Some("Basic dXNlcjpwQHNz"));
}

#[tokio::test]
async fn http_tells_a_proxy_with_tls_its_target() {
    let authority = Authority::new();
    let mut proxy = Server::tls(ok("fine"), &authority, "localhost").await;
    let transport = transport(Environment {
        http_proxy: format!("https://user:pass@localhost:{}", proxy.address.port()),
        ..trusting(authority.file())
    });
    for _ in 0..2 {
        transport.send(post("http://sts.example:8080/x?y", "a=b")).await.unwrap();
        let received = proxy.next().await;
        assert_eq!(received.line(), "POST http://sts.example:8080/x?y HTTP/1.1");
        assert_eq!(received.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
    }
    assert_eq!(proxy.connections(), 1);
    let request = with_header(get("http://sts.example/"), HOST, "evil.example");
    text_of(&transport.send(request).await.unwrap_err(), "unsendable");
}

#[tokio::test]
async fn strangers_are_not_trusted_as_proxies() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    for (authority, name, expected) in [
        (&stranger, "localhost", "invalid peer certificate: "),
        (&trusted, "proxy.example", "invalid peer certificate: certificate not valid for name \"localhost\""),
    ] {
        let mut proxy = Server::tls(ok("fine"), authority, name).await;
        let address = format!("localhost:{}", proxy.address.port());
        let url = format!("https://user:secret@{address}");
        let transport =
            transport(Environment { https_proxy: url.clone(), http_proxy: url, ..trusting(trusted.file()) });
        for (target, part) in [
            (
                "https://sts.example/",
                "443 through proxy {}: tunnel error: failed to create underlying connection: ",
            ),
            ("http://sts.example/", "80 through proxy {}: "),
        ] {
            let text = text_of(&transport.send(get(target)).await.unwrap_err(), "tls");
            let begin = format!("connecting to sts.example:{}{expected}", part.replace("{}", &address));
            assert!(text.starts_with(&begin) && !text.contains("secret"), "{text}");
        }
        assert!(proxy.requests_so_far().is_empty());
    }
}

#[tokio::test]
async fn without_trusted_certificates_no_proxy_is_spoken_to_over_tls() {
    let proxy = Server::plain(ok("fine")).await;
    let transport =
        transport(Environment { http_proxy: format!("https://{}", proxy.address), ..Environment::default() });
    let text = text_of(&transport.send(get("http://sts.example/")).await.unwrap_err(), "tls");
    assert!(text.starts_with("no trusted certificates found"), "{text}");
    assert_eq!(proxy.connections(), 0);
}
