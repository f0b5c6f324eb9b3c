//! How a message may be written down.

use vault_plugin_auth_aws::entry::{CertificateKind, StoredCertificate};

use super::verify_pkcs7;
use testkit::identity::{Form, Message, Signer, asn1, base64, document, stored};

fn scene() -> (Message, [StoredCertificate; 1]) {
    let signer = Signer::rsa("signer");
    let stored = [stored(&signer.pem(), CertificateKind::Pkcs7)];
    (Message::signed_by(&signer, &document("i-1", "123456789012")), stored)
}

const NOT_BASE64: &str = "failed to decode the PEM encoded PKCS#7 signature";
const NOT_BER: &str = "failed to parse the BER encoded PKCS#7 signature: ";

#[test]
fn definite_and_indefinite_lengths_are_read() {
    let (message, stored) = scene();
    for form in [Form::Definite, Form::Indefinite] {
        assert_eq!(verify_pkcs7(&message.base64(form), &stored), Ok("i-1".to_owned()), "{form:?}");
    }
}

#[test]
fn white_space_in_the_base64_is_ignored() {
    let (message, stored) = scene();
    let text = message.base64(Form::Indefinite);
    for separator in ["\n", "\r\n", " ", "\t", " \n\t"] {
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        let text = format!("{separator}{}{separator}", lines.join(separator));
        assert_eq!(verify_pkcs7(&text, &stored), Ok("i-1".to_owned()), "{separator:?}");
    }
}

#[test]
fn armour_and_other_text_are_refused() {
    let (message, stored) = scene();
    let text = message.base64(Form::Indefinite);
    for text in [
        format!("-----BEGIN PKCS7-----\n{text}\n-----END PKCS7-----"),
        format!("{text}*"),
        format!("{text}="),
        text.trim_end_matches('=').get(1..).unwrap().to_owned(),
        format!("Header: value\n\n{text}"),
        "\u{e9}".to_owned(),
        "\u{a0}".to_owned(),
    ] {
        assert_eq!(verify_pkcs7(&text, &stored), Err(NOT_BASE64.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let (_, stored) = scene();
    for text in ["", "\n"] {
        assert_eq!(verify_pkcs7(text, &stored), Err(format!("{NOT_BER}pkcs7: input data is empty")));
    }
    for bytes in [&[0, 0, 0][..], b"{}", &[0x30, 0x80], &[0x30, 0x00], &[0x05, 0x00]] {
        let refused = verify_pkcs7(&base64(bytes), &stored).unwrap_err();
        assert!(refused.starts_with(NOT_BER), "{refused}");
    }
}

#[test]
fn a_message_has_bounds() {
    let (message, stored) = scene();
    let padded = |length: usize| {
        let mut bytes = message.bytes(Form::Definite);
        bytes.resize(length, 0);
        bytes
    };
    assert_eq!(verify_pkcs7(&base64(&padded(64 * 1024)), &stored), Ok("i-1".to_owned()));
    let too_long = Err(format!("{NOT_BER}longer than 65536 bytes"));
    assert_eq!(verify_pkcs7(&base64(&padded(64 * 1024 + 1)), &stored), too_long);
    assert_eq!(verify_pkcs7(&"\n".repeat(128 * 1024 + 1), &stored), too_long);
    let deep = (0..20).fold(vec![0x05, 0x00], |inner, _| asn1::element(asn1::SEQUENCE, &inner));
    assert_eq!(
        verify_pkcs7(&base64(&deep), &stored),
        Err(format!("{NOT_BER}elements nested more than 16 deep"))
    );
}
