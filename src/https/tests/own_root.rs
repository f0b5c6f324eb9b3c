//! Servers that show a certificate of an authority as their own.

use std::time::Duration;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};

use rustls::pki_types::UnixTime;

use super::*;
use crate::https::own_root::check;

pub(super) fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

/// Those of a server `localhost`, but for one.
fn changed(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = params(&["localhost"]);
    change(&mut params);
    params
}

/// What becomes of a request to a server that shows the certificate of `shown`.
async fn outcome(shown: &Authority, host: &str, environment: Environment) -> Result<(), String> {
    let mut server = Server::own_root(ok("fine"), shown).await;
    let peer = format!("{host}:{}", server.address.port());
    match transport(environment).send(get(&format!("https://{peer}/"))).await {
        Ok(answer) => {
            assert_eq!(answer.body, "fine");
            Ok(())
        }
        Err(error) => {
            assert!(server.requests_so_far().is_empty());
            let text = text_of(&error, "tls");
            Err(text.strip_prefix(&format!("connecting to {peer}: ")).unwrap().to_owned())
        }
    }
}

#[tokio::test]
async fn a_listed_root_may_be_the_certificate_of_the_server() {
    let root = Authority::with(params(&["localhost", "127.0.0.1"]));
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(outcome(&root, host, trusting(root.file())).await, Ok(()), "{host}");
    }
    let root = Authority::with(changed(|params| {
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    }));
    assert_eq!(outcome(&root, "localhost", trusting(root.file())).await, Ok(()));
}

#[tokio::test]
async fn a_root_of_a_listed_directory_may_be_the_certificate_of_the_server() {
    let root = Authority::with(params(&["localhost"]));
    let directories = vec![root.file().parent().unwrap().to_owned()];
    let environment = Environment { certificate_directories: directories, ..Environment::default() };
    assert_eq!(outcome(&root, "localhost", environment).await, Ok(()));
}

#[tokio::test]
async fn a_root_that_is_not_listed_is_not_believed() {
    let (root, other) = (Authority::with(params(&["localhost"])), Authority::with(params(&["localhost"])));
    let expected = "invalid peer certificate: a CA certificate is used as the server's, and neither \
                    SSL_CERT_FILE nor SSL_CERT_DIR lists it";
    assert_eq!(outcome(&root, "localhost", trusting(other.file())).await, Err(expected.to_owned()));
    // What a listed root signs is believed as the certificate of a server, not as that of an authority.
    let between = other.signing(params(&["localhost"]));
    assert_eq!(outcome(&between, "localhost", trusting(other.file())).await, Err(expected.to_owned()));
}

#[tokio::test]
async fn a_listed_root_is_checked_like_any_certificate() {
    let of_clients = changed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let past = changed(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let future = changed(|params| params.not_before = date_time_ymd(3000, 1, 1));
    for (params, host, expected) in [
        (params(&["localhost"]), "127.0.0.1", "certificate not valid for name \"127.0.0.1\""),
        (params(&[]), "localhost", "certificate not valid for name \"localhost\""),
        (of_clients, "localhost", "InvalidPurpose"),
        (past, "localhost", "certificate expired"),
        (future, "localhost", "certificate not valid yet"),
    ] {
        let root = Authority::with(params);
        let text = outcome(&root, host, trusting(root.file())).await.unwrap_err();
        assert!(text.starts_with(&format!("invalid peer certificate: {expected}")), "{text}");
    }
}

/// The usual verifier looks at the times before it refuses an authority, which it need not.
#[test]
fn a_listed_root_is_valid_from_its_first_second_to_its_last() {
    let (first, last) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let root = Authority::with(changed(|params| (params.not_before, params.not_after) = (first, last)));
    let seconds = |time: time::OffsetDateTime| u64::try_from(time.unix_timestamp()).unwrap();
    let (first, last) = (seconds(first), seconds(last));
    let name = "localhost".try_into().unwrap();
    for (now, expected) in [
        (first - 1, Some("not valid yet")),
        (first, None),
        (last, None),
        (last + 1, Some("certificate expired")),
    ] {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let result = check(root.certificate(), &name, now).map_err(|error| error.to_string());
        match expected {
            None => assert_eq!(result, Ok(())),
            Some(text) => assert!(result.clone().unwrap_err().contains(text), "{result:?}"),
        }
    }
}
