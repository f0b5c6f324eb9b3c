//! Ways through a proxy that speaks SOCKS5.

use super::socks_proxy::{Asked, Conduct, OPEN, SocksProxy};
use super::*;

const WANTS_USER: Conduct = Conduct { wants_user: true, ..OPEN };

fn asked(user: Option<(&str, &str)>, host: &str, port: u16) -> Asked {
    let user = user.map(|(name, password)| (name.to_owned(), password.to_owned()));
    Asked { user, host: host.to_owned(), port }
}

#[tokio::test]
async fn names_are_left_to_the_proxy() {
    let authority = Authority::new();
    for (scheme, user, conduct, told) in [
        ("socks5", "", OPEN, None),
        ("socks5h", "", OPEN, None),
        ("socks5", "user:p%40ss%3A@", WANTS_USER, Some(("user", "p@ss:"))),
        ("socks5h", "user@", WANTS_USER, Some(("user", ""))),
    ] {
        let mut server = Server::tls(ok("fine"), &authority, "sts.example").await;
        let mut proxy = SocksProxy::start(server.address, conduct).await;
        let transport = transport(Environment {
            https_proxy: format!("{scheme}://{user}{}", proxy.address),
            ..trusting(authority.file())
        });
        for _ in 0..2 {
            let request = with_header(post("https://sts.example/x", "a=b"), HOST, "sts.amazonaws.com");
            let answer = transport.send(request).await.unwrap();
            assert_eq!(answer.body, "fine");
            let inner = server.next().await;
            assert_eq!((inner.line(), &inner.body[..]), ("POST /x HTTP/1.1", &b"a=b"[..]));
            assert_eq!(inner.header("host"), Some("sts.amazonaws.com"));
            assert_eq!(inner.header("proxy-authorization"), None);
        }
        assert_eq!(server.connections(), 1);
        assert_eq!(proxy.asked_so_far(), [asked(told, "sts.example", 443)], "{scheme}");
    }
}

/// The proxy reads no requests, so they are those for the target itself.
#[tokio::test]
async fn http_goes_through_a_socks_proxy_like_https() {
    let mut server = Server::plain(ok("fine")).await;
    let mut proxy = SocksProxy::start(server.address, WANTS_USER).await;
    let transport = transport(Environment {
        http_proxy: format!("socks5://user:secret@{}", proxy.address),
        ..Environment::default()
    });
    for (host, name, port) in [
        ("sts.example", "sts.example", 80),
        ("sts.example:8080", "sts.example", 8080),
        ("198.51.100.7", "address 198.51.100.7", 80),
        ("[2001:db8::1]", "address 2001:db8::1", 80),
    ] {
        let request = with_header(get(&format!("http://{host}/x?y")), HOST, "another.example");
        transport.send(request).await.unwrap();
        let received = server.next().await;
        assert_eq!(received.line(), "GET /x?y HTTP/1.1");
        assert_eq!(received.header("host"), Some("another.example"));
        assert_eq!(received.header("proxy-authorization"), None);
        assert_eq!(proxy.asked_so_far(), [asked(Some(("user", "secret")), name, port)]);
    }
}

#[tokio::test]
async fn near_and_exempt_targets_do_not_go_through_a_socks_proxy() {
    let mut server = Server::plain(ok("fine")).await;
    let mut proxy = SocksProxy::start(server.address, OPEN).await;
    let transport = transport(Environment {
        http_proxy: format!("socks5h://{}", proxy.address),
        no_proxy: "exempt.invalid".to_owned(),
        ..Environment::default()
    });
    for host in ["127.0.0.1", "localhost"] {
        transport.send(get(&format!("http://{host}:{}/", server.address.port()))).await.unwrap();
        server.next().await;
    }
    let error = transport.send(get("http://sts.exempt.invalid/")).await.unwrap_err();
    let text = text_of(&error, "resolve");
    assert!(text.starts_with("connecting to sts.exempt.invalid:80: dns error"), "{text}");
    assert_eq!(proxy.asked_so_far(), []);
}

#[tokio::test]
async fn a_socks_proxy_that_refuses_gives_no_tunnel() {
    let authority = Authority::new();
    let mut server = Server::tls(ok("fine"), &authority, "sts.example").await;
    let refusing = |replies| Conduct { replies, ..WANTS_USER };
    for (user, conduct, expected) in [
        ("user:secret@", refusing([1, 0]), "SOCKS error: credentials not accepted"),
        ("user:secret@", refusing([0, 2]), "SOCKS error: connection not allowed"),
        ("user:secret@", refusing([0, 5]), "SOCKS error: connection refused"),
        ("user:secret@", OPEN, "SOCKS error: server does not support user/pass authentication"),
        ("", WANTS_USER, "SOCKS error: the proxy wants a user name and password"),
    ] {
        let proxy = SocksProxy::start(server.address, conduct).await;
        let transport = transport(Environment {
            https_proxy: format!("socks5://{user}{}", proxy.address),
            ..trusting(authority.file())
        });
        let error = transport.send(get("https://sts.example/")).await.unwrap_err();
        assert_eq!(
            text_of(&error, "tunnel"),
            format!("connecting to sts.example:443 through proxy {}: {expected}", proxy.address)
        );
    }
    assert!(server.requests_so_far().is_empty());
}

#[tokio::test]
async fn a_socks_proxy_that_is_not_there_gives_no_tunnel() {
    // Bound and dropped, so that nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let transport =
        transport(Environment { http_proxy: format!("socks5://{address}"), ..Environment::default() });
    let text = text_of(&transport.send(get("http://sts.example/")).await.unwrap_err(), "tunnel");
    assert!(text.starts_with(&format!("connecting to sts.example:80 through proxy {address}: ")), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
}
