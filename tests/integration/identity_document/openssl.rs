//! Messages made by OpenSSL, and one by AWS, so that this code does not only understand itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vault_plugin_auth_aws::entry::CertificateKind::{Identity, Pkcs7};

use super::{
    NO_CERTIFICATE, NOT_FOUND, TOO_MANY_SIGNERS, UNSUCCESSFUL, untrusted, verified_pkcs7, verify_detached,
    verify_pkcs7,
};
use testkit::identity::stored;

macro_rules! fixture {
    ($name:expr) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/identity-documents/", $name))
    };
}

const DSA1024: &str = fixture!("dsa1024.pem");
const RSA1024: &str = fixture!("rsa1024.pem");
const RSA2048: &str = fixture!("rsa2048.pem");
const ECP256: &str = fixture!("ecp256.pem");
const ECP384: &str = fixture!("ecp384.pem");
const DOCUMENT: &str = fixture!("document.json");
const INSTANCE: &str = "i-0123456789abcdef0";

/// Messages with the certificate that verifies them.
const MESSAGES: [(&str, &str); 12] = [
    (fixture!("pkcs7.p7.b64"), DSA1024),
    (fixture!("rsa2048.p7.b64"), RSA2048),
    (fixture!("dsa1024-sha1-attributes-certificate.p7.b64"), DSA1024),
    (fixture!("dsa1024-sha1-noattributes.p7.b64"), DSA1024),
    (fixture!("rsa1024-sha1-attributes.p7.b64"), RSA1024),
    (fixture!("rsa1024-sha256-noattributes.p7.b64"), RSA1024),
    (fixture!("rsa1024-sha512-attributes-certificate.p7.b64"), RSA1024),
    (fixture!("rsa2048-sha1-noattributes.p7.b64"), RSA2048),
    (fixture!("rsa2048-sha384-attributes.p7.b64"), RSA2048),
    (fixture!("rsa2048-sha512-noattributes-certificate.p7.b64"), RSA2048),
    (fixture!("ecp256-sha256-attributes.p7.b64"), ECP256),
    (fixture!("ecp384-sha384-noattributes.p7.b64"), ECP384),
];

/// Signed by AWS, verified by a certificate that AWS publishes and that is built in.
#[test]
fn a_document_of_aws_is_verified_without_configuration() {
    let text = fixture!("aws-2016-us-east-1.p7.b64");
    assert_eq!(verify_pkcs7(text, &[]), Ok("i-f79fe56c".to_owned()));
    let mut changed = STANDARD.decode(text.replace('\n', "")).unwrap();
    let at = changed.windows(10).position(|window| window == b"i-f79fe56c").unwrap();
    changed[at + 9] = b'd';
    assert!(verify_pkcs7(&STANDARD.encode(changed), &[]).is_err());
}

/// OpenSSL names DSA with SHA-256 as one algorithm, which the method does not know.
#[test]
fn dsa_with_sha256_under_its_own_name_is_refused() {
    let text = fixture!("dsa1024-sha256-attributes.p7.b64");
    let refused = untrusted("pkcs7: unsupported algorithm \"2.16.840.1.101.3.4.3.2\"");
    assert_eq!(verify_pkcs7(text, &[stored(DSA1024, Pkcs7)]), refused);
}

#[test]
fn every_form_is_verified_by_its_certificate_alone() {
    for (text, certificate) in MESSAGES {
        let first_line = text.lines().next().unwrap();
        assert_eq!(
            verify_pkcs7(text, &[stored(certificate, Pkcs7)]),
            Ok(INSTANCE.to_owned()),
            "{first_line}"
        );
        let others: Vec<_> = [DSA1024, RSA1024, RSA2048, ECP256, ECP384]
            .into_iter()
            .filter(|other| *other != certificate)
            .map(|other| stored(other, Pkcs7))
            .collect();
        assert_eq!(verify_pkcs7(text, &others), untrusted(NO_CERTIFICATE), "{first_line}");
        assert_eq!(verify_pkcs7(text, &[]), untrusted(NO_CERTIFICATE), "{first_line}");
    }
}

#[test]
fn the_whole_document_is_read() {
    let (text, certificate) = MESSAGES[0];
    let verified = verified_pkcs7(text, &[stored(certificate, Pkcs7)]).unwrap();
    let document = verified.document();
    assert_eq!(
        [
            &document.instance_id,
            &document.image_id,
            &document.account_id,
            &document.region,
            &document.pending_time
        ],
        [INSTANCE, "ami-0123456789abcdef0", "123456789012", "us-east-1", "2026-01-02T03:04:05Z"]
    );
}

#[test]
fn two_signers_are_too_many_whoever_they_are() {
    let text = fixture!("dsa1024-and-rsa2048-attributes.p7.b64");
    let both = [stored(DSA1024, Pkcs7), stored(RSA2048, Pkcs7)];
    assert_eq!(verify_pkcs7(text, &both), untrusted(TOO_MANY_SIGNERS));
    assert_eq!(verify_pkcs7(text, &[]), untrusted(TOO_MANY_SIGNERS));
}

#[test]
fn a_message_without_content_is_refused() {
    let text = fixture!("refused-no-content.p7.b64");
    assert_eq!(verify_pkcs7(text, &[stored(RSA2048, Pkcs7)]), Err(NOT_FOUND.to_owned()));
}

#[test]
fn md5_is_refused() {
    let text = fixture!("refused-md5.p7.b64");
    let detail =
        "pkcs7: unsupported digest \"1.2.840.113549.2.5\" for encryption algorithm \"1.2.840.113549.1.1.1\"";
    assert_eq!(verify_pkcs7(text, &[stored(RSA2048, Pkcs7)]), untrusted(detail));
}

#[test]
fn detached_signatures_are_verified_by_their_certificate_alone() {
    for (signature, certificate, other) in [
        (fixture!("rsa1024.signature.b64"), RSA1024, RSA2048),
        (fixture!("rsa2048.signature.b64"), RSA2048, RSA1024),
    ] {
        let signature = STANDARD.decode(signature.replace('\n', "")).unwrap();
        let verify = |document: &str, certificate| {
            verify_detached(document.as_bytes(), &signature, &[stored(certificate, Identity)])
        };
        assert_eq!(verify(DOCUMENT, certificate), Ok(INSTANCE.to_owned()));
        assert_eq!(verify(DOCUMENT, other), Err(UNSUCCESSFUL.to_owned()));
        assert_eq!(verify(&format!("{DOCUMENT}\n"), certificate), Err(UNSUCCESSFUL.to_owned()));
        assert_eq!(
            verify(&DOCUMENT.replace("us-east-1", "us-east-2"), certificate),
            Err(UNSUCCESSFUL.to_owned())
        );
    }
}
