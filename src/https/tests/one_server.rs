//! Servers of which is said whom to trust, and what to show them.

use super::own_root::params;
use super::*;
use crate::https::{Authorities, ClientCertificate, ServerTls};
use crate::ports::HttpResponse;

/// A request to a TLS server of this name, by the settings for one server.
async fn to_server(tls: ServerTls, server: &Server, host: &str) -> Result<HttpResponse, TransportError> {
    let transport = HttpsTransport::to_server(tls, None).unwrap();
    transport.send(get(&format!("https://{host}:{}/", server.address.port()))).await
}

fn trusting_alone(authorities: Authorities) -> ServerTls {
    ServerTls { authorities, ..ServerTls::default() }
}

#[tokio::test]
async fn a_server_is_trusted_by_file_folder_or_text() {
    let authority = Authority::new();
    let server = Server::tls(ok("fine"), &authority, "localhost").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(authority.file(), folder.path().join("a.pem")).unwrap();
    for authorities in [
        Authorities::File(authority.file().to_owned()),
        Authorities::Directory(folder.path().to_owned()),
        Authorities::Pem(std::fs::read(authority.file()).unwrap()),
    ] {
        let answer = to_server(trusting_alone(authorities), &server, "localhost").await.unwrap();
        assert_eq!(answer.body, "fine");
    }
    let other = trusting_alone(Authorities::File(Authority::new().file().to_owned()));
    text_of(&to_server(other, &server, "localhost").await.unwrap_err(), "tls");
    for missing in [Authorities::File("/no/such/file".into()), Authorities::Directory("/no/such".into())] {
        text_of(&to_server(trusting_alone(missing), &server, "localhost").await.unwrap_err(), "tls");
    }
}

#[tokio::test]
async fn a_server_may_have_another_name_than_its_address() {
    let authority = Authority::new();
    let server = Server::tls(ok("fine"), &authority, "vault.internal").await;
    let tls = trusting_alone(Authorities::File(authority.file().to_owned()));
    text_of(&to_server(tls.clone(), &server, "127.0.0.1").await.unwrap_err(), "tls");
    let named = ServerTls { server_name: Some("vault.internal".to_owned()), ..tls };
    to_server(named, &server, "127.0.0.1").await.unwrap();
    let bad = ServerTls { server_name: Some("no name".to_owned()), ..ServerTls::default() };
    assert!(HttpsTransport::to_server(bad, None).is_err());
}

#[tokio::test]
async fn only_who_says_so_trusts_everybody() {
    let server = Server::tls(ok("fine"), &Authority::new(), "vault.internal").await;
    let tls = trusting_alone(Authorities::File(Authority::new().file().to_owned()));
    text_of(&to_server(tls.clone(), &server, "localhost").await.unwrap_err(), "tls");
    to_server(ServerTls { skip_verify: true, ..tls }, &server, "localhost").await.unwrap();
}

#[tokio::test]
async fn a_server_may_show_the_trusted_certificate_itself() {
    let authority = Authority::with(params(&["localhost"]));
    let server = Server::own_root(ok("fine"), &authority).await;
    let tls = trusting_alone(Authorities::File(authority.file().to_owned()));
    to_server(tls.clone(), &server, "localhost").await.unwrap();
    // For its own name alone, and only the very certificate.
    text_of(&to_server(tls, &server, "127.0.0.1").await.unwrap_err(), "tls");
    let other = Authority::with(params(&["localhost"]));
    let other = trusting_alone(Authorities::File(other.file().to_owned()));
    text_of(&to_server(other, &server, "localhost").await.unwrap_err(), "tls");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let (authority, of_clients) = (Authority::with(params(&["localhost"])), Authority::new());
    let server = Server::asking(ok("fine"), &authority, &of_clients).await;
    let tls = trusting_alone(Authorities::File(authority.file().to_owned()));
    to_server(tls.clone(), &server, "localhost").await.unwrap_err();
    let (certificates, key) = of_clients.issue("client");
    let own = ClientCertificate { certificates, key: key.into() };
    to_server(ServerTls { client_certificate: Some(own), ..tls.clone() }, &server, "localhost")
        .await
        .unwrap();
    let (certificates, key) = Authority::new().issue("client");
    let foreign = ClientCertificate { certificates, key: key.into() };
    let foreign = ServerTls { client_certificate: Some(foreign), ..tls.clone() };
    to_server(foreign, &server, "localhost").await.unwrap_err();
    let garbage = ClientCertificate { certificates: b"x".to_vec(), key: b"y".to_vec().into() };
    let garbage = ServerTls { client_certificate: Some(garbage), ..tls };
    text_of(&to_server(garbage, &server, "localhost").await.unwrap_err(), "tls");
}

#[tokio::test]
async fn a_proxy_for_one_server_is_used_for_it() {
    let target = Server::plain(ok("target")).await;
    let proxy = Server::plain(ok("proxy")).await;
    let through = format!("http://{}", proxy.address);
    let transport = HttpsTransport::to_server(ServerTls::default(), Some(through)).unwrap();
    let answer =
        transport.send(get(&format!("http://vault.example:{}/", target.address.port()))).await.unwrap();
    assert_eq!(answer.body, "proxy");
}

#[tokio::test]
async fn what_is_said_of_a_server_does_not_count_for_its_proxy() {
    let authority = Authority::new();
    let target = Server::tls(ok("target"), &authority, "vault.example").await;
    let mut proxy = Server::tls(Script::Tunnel(target.address), &authority, "localhost").await;
    let trusting = trusting_alone(Authorities::File(authority.file().to_owned()));
    let trusting_everybody = ServerTls { skip_verify: true, ..ServerTls::default() };
    for tls in [trusting, trusting_everybody] {
        let through = format!("https://localhost:{}", proxy.address.port());
        let transport = HttpsTransport::to_server(tls, Some(through)).unwrap();
        text_of(&transport.send(get("https://vault.example/")).await.unwrap_err(), "tls");
    }
    assert!(proxy.requests_so_far().is_empty());
}
