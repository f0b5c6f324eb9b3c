//! Who is believed. The rules are those that broke elsewhere: the document used must be the one that
//! was signed, and the certificate that was checked must be the one that signed.

use vault_plugin_auth_aws::entry::{CertificateKind, StoredCertificate};

use super::{
    NO_CERTIFICATE, NO_SIGNERS, NOT_FOUND, TOO_MANY_SIGNERS, UNSUCCESSFUL, WRONG, untrusted, verify,
    verify_detached, verify_pkcs7,
};
use testkit::identity::message::{content_type, message_digest};
use testkit::identity::signer::Digest;
use testkit::identity::{Form, Message, Signer, SignerInfo, document, pkcs7, stored};

const ACCOUNT: &str = "123456789012";

fn signers() -> [Signer; 2] {
    [Signer::rsa("trusted"), Signer::dsa("trusted too")]
}

#[test]
fn a_trusted_signer_is_believed() {
    let document = document("i-1", ACCOUNT);
    for signer in signers() {
        assert_eq!(verify(&Message::signed_by(&signer, &document), &[&signer]), Ok("i-1".to_owned()));
        let info = SignerInfo::without_attributes(&signer, signer.digest(), &document);
        assert_eq!(verify(&Message::new(&document, vec![info]), &[&signer]), Ok("i-1".to_owned()));
    }
}

#[test]
fn accident_8_certificates_in_the_message_are_never_used() {
    let document = document("i-1", ACCOUNT);
    for signer in signers() {
        let mut message = Message::signed_by(&signer, &document);
        message.certificates = vec![signer.certificate.clone()];
        assert_eq!(verify(&message, &[]), untrusted(NO_CERTIFICATE));
        assert_eq!(verify(&message, &[&Signer::rsa("other")]), untrusted(NO_CERTIFICATE));
        // Beside a trusted certificate in the same bag.
        let trusted = Signer::rsa("other");
        message.certificates = vec![trusted.certificate.clone(), signer.certificate.clone()];
        assert_eq!(verify(&message, &[&trusted]), untrusted(NO_CERTIFICATE));
    }
}

#[test]
fn accident_8_the_key_is_that_of_the_named_certificate() {
    let document = document("i-1", ACCOUNT);
    let trusted = Signer::rsa("trusted");
    for forger in [Signer::rsa("other").posing_as(&trusted), Signer::dsa("forger").posing_as(&trusted)] {
        let mut message = Message::signed_by(&forger, &document);
        message.certificates = vec![forger.certificate.clone()];
        let verdict = verify(&message, &[&trusted]);
        assert!(
            [
                untrusted(WRONG),
                untrusted("pkcs7: the key of the signer's certificate is of another kind than the signature")
            ]
            .contains(&verdict),
            "{verdict:?}"
        );
    }
}

#[test]
fn accident_8_another_trusted_key_does_not_count_for_the_named_one() {
    let document = document("i-1", ACCOUNT);
    let (named, signing) = (Signer::rsa("named"), Signer::rsa("other"));
    let mut message = Message::signed_by(&signing, &document);
    message.signers[0].issuer = named.issuer.clone();
    message.signers[0].serial = named.serial.clone();
    assert_eq!(verify(&message, &[&named, &signing]), untrusted(WRONG));
}

#[test]
fn accident_8_issuer_and_serial_number_must_both_agree() {
    let document = document("i-1", ACCOUNT);
    let (signer, other) = (Signer::rsa("signer"), Signer::rsa("second"));
    let mut message = Message::signed_by(&signer, &document);
    message.signers[0].serial = other.serial.clone();
    assert_eq!(verify(&message, &[&signer, &other]), untrusted(NO_CERTIFICATE));
    let mut message = Message::signed_by(&signer, &document);
    message.signers[0].issuer = other.issuer.clone();
    assert_eq!(verify(&message, &[&signer, &other]), untrusted(NO_CERTIFICATE));
}

#[test]
fn accident_7_the_document_is_what_was_signed() {
    let signer = Signer::rsa("signer");
    let (signed, shown) = (document("i-1", ACCOUNT), document("i-2", ACCOUNT));
    let mut message = Message::signed_by(&signer, &signed);
    message.content = Some(shown.clone());
    let refused = verify(&message, &[&signer]).unwrap_err();
    assert!(
        refused.starts_with("failed to verify the signature: pkcs7: Message digest mismatch\n"),
        "{refused}"
    );

    let info = SignerInfo::without_attributes(&signer, Digest::Sha256, &signed);
    assert_eq!(verify(&Message::new(&shown, vec![info]), &[&signer]), untrusted(WRONG));

    // What follows the message is not read.
    let stored = [stored(&signer.pem(), CertificateKind::Pkcs7)];
    let mut bytes = Message::signed_by(&signer, &signed).bytes(Form::Indefinite);
    bytes.extend(Message::signed_by(&Signer::rsa("other"), &shown).bytes(Form::Indefinite));
    bytes.extend(&shown);
    assert_eq!(verify_pkcs7(&testkit::identity::base64(&bytes), &stored), Ok("i-1".to_owned()));
}

#[test]
fn accident_7_signed_attributes_are_no_document() {
    let signer = Signer::rsa("signer");
    let info = SignerInfo::with_attributes(&signer, &document("i-1", ACCOUNT));
    let mut attributes = info.attributes.clone();
    attributes.sort();
    let signed = testkit::identity::asn1::element(0x31, &attributes.concat());
    // The signature holds for these bytes, so it verifies; but they are no JSON.
    let message = Message::new(&signed, vec![SignerInfo { attributes: Vec::new(), ..info }]);
    let refused = verify(&message, &[&signer]).unwrap_err();
    assert!(refused.contains("expected a map"), "{refused}");
}

#[test]
fn a_message_has_exactly_one_signer() {
    let document = document("i-1", ACCOUNT);
    let (first, second) = (Signer::rsa("first"), Signer::dsa("second"));
    let info = SignerInfo::with_attributes(&first, &document);
    let with = |infos: Vec<SignerInfo>| verify(&Message::new(&document, infos), &[&first, &second]);
    assert_eq!(with(Vec::new()), untrusted(NO_SIGNERS));
    assert_eq!(with(vec![info.clone()]), Ok("i-1".to_owned()));
    let other = SignerInfo::with_attributes(&second, &document);
    for infos in [vec![info.clone(), other], vec![info.clone(); 2], vec![info; 8]] {
        assert_eq!(with(infos), untrusted(TOO_MANY_SIGNERS));
    }
}

#[test]
fn a_signer_has_few_attributes() {
    let document = document("i-1", ACCOUNT);
    let signer = Signer::rsa("signer");
    let with = |count: usize| {
        let mut attributes = vec![message_digest(&signer.digest().of(&document))];
        attributes.extend((1..count).map(|_| content_type()));
        let info = SignerInfo::over_attributes(&signer, signer.digest(), attributes);
        verify(&Message::new(&document, vec![info]), &[&signer])
    };
    assert_eq!(with(16), Ok("i-1".to_owned()));
    assert_eq!(with(17), untrusted(NO_SIGNERS));
}

#[test]
fn encrypted_messages_have_no_signers() {
    let document = document("i-1", ACCOUNT);
    let signer = Signer::rsa("signer");
    let mut message = Message::signed_by(&signer, &document);
    for content_type in ["1.2.840.113549.1.7.3", "1.2.840.113549.1.7.6"] {
        content_type.clone_into(&mut message.content_type);
        assert_eq!(verify(&message, &[&signer]), untrusted(NO_SIGNERS));
    }
    "1.2.840.113549.1.7.1".clone_into(&mut message.content_type);
    let text = "failed to parse the BER encoded PKCS#7 signature: pkcs7: cannot parse data: unimplemented content type";
    assert_eq!(verify(&message, &[&signer]), Err(text.to_owned()));
}

#[test]
fn a_message_without_a_document_is_refused() {
    let signer = Signer::rsa("signer");
    let mut message = Message::signed_by(&signer, b"");
    assert_eq!(verify(&message, &[&signer]), Err(NOT_FOUND.to_owned()));
    message.content = None;
    assert_eq!(verify(&message, &[&signer]), Err(NOT_FOUND.to_owned()));
}

#[test]
fn a_signed_text_that_is_no_document_is_refused() {
    let signer = Signer::rsa("signer");
    for content in ["no JSON", "[]", "{\"instanceId\":7}"] {
        let refused = verify(&Message::signed_by(&signer, content.as_bytes()), &[&signer]).unwrap_err();
        assert!(!refused.starts_with("failed to"), "the bare text of the parser, not {refused}");
    }
}

#[test]
fn stored_certificates_count_for_their_kind_only() {
    let document = document("i-1", ACCOUNT);
    let signer = Signer::rsa("signer");
    let text = pkcs7(&signer, &document);
    let signature = signer.sign(Digest::Sha256, &document);
    let of_kind = |kind: &str| {
        [StoredCertificate {
            aws_public_cert: signer.pem(),
            certificate_type: kind.to_owned(),
            ..Default::default()
        }]
    };
    for (kind, message, detached) in
        [("pkcs7", true, false), ("", true, false), ("identity", false, true), ("later", false, false)]
    {
        assert_eq!(verify_pkcs7(&text, &of_kind(kind)).is_ok(), message, "{kind}");
        assert_eq!(verify_detached(&document, &signature, &of_kind(kind)).is_ok(), detached, "{kind}");
    }
}

#[test]
fn a_stored_certificate_that_does_not_parse_is_an_error_of_its_kind() {
    let document = document("i-1", ACCOUNT);
    let signer = Signer::rsa("signer");
    let broken = |kind: CertificateKind| StoredCertificate {
        aws_public_cert: "broken".to_owned(),
        certificate_type: kind.as_str().to_owned(),
        ..Default::default()
    };
    let text = Err("invalid certificate; should be one PEM block only".to_owned());
    let good = stored(&signer.pem(), CertificateKind::Pkcs7);
    let pkcs7 = pkcs7(&signer, &document);
    assert_eq!(verify_pkcs7(&pkcs7, &[good.clone(), broken(CertificateKind::Pkcs7)]), text);
    assert_eq!(verify_pkcs7(&pkcs7, &[good, broken(CertificateKind::Identity)]), Ok("i-1".to_owned()));
    assert_eq!(verify_detached(&document, b"x", &[broken(CertificateKind::Identity)]), text);
}

#[test]
fn a_detached_signature_needs_both_parts_and_an_rsa_key() {
    let document = document("i-1", ACCOUNT);
    let (rsa, dsa) = (Signer::rsa("signer"), Signer::dsa("second"));
    let stored: Vec<_> =
        [&rsa, &dsa].iter().map(|signer| stored(&signer.pem(), CertificateKind::Identity)).collect();
    let good = rsa.sign(Digest::Sha256, &document);
    assert_eq!(verify_detached(&document, &good, &stored), Ok("i-1".to_owned()));
    assert_eq!(verify_detached(b"", &good, &stored), Err("missing instance identity document".to_owned()));
    let missing = "missing SHA256 RSA signature of the instance identity document";
    assert_eq!(verify_detached(&document, b"", &stored), Err(missing.to_owned()));
    for signature in [
        dsa.sign(Digest::Sha1, &document),
        dsa.sign(Digest::Sha256, &document),
        rsa.sign(Digest::Sha512, &document),
        vec![0; 256],
        vec![1; 100_000],
        [good.as_slice(), &[0]].concat(),
        [&[0], good.as_slice()].concat(),
    ] {
        assert_eq!(verify_detached(&document, &signature, &stored), Err(UNSUCCESSFUL.to_owned()));
    }
}

#[test]
fn a_detached_document_has_a_bound() {
    let signer = Signer::rsa("signer");
    let stored = [stored(&signer.pem(), CertificateKind::Identity)];
    let padded = |length: usize| {
        let mut document = document("i-1", ACCOUNT);
        document.resize(length, b' ');
        document
    };
    let verify = |document: &[u8]| verify_detached(document, &signer.sign(Digest::Sha256, document), &stored);
    assert_eq!(verify(&padded(64 * 1024)), Ok("i-1".to_owned()));
    assert_eq!(verify(&padded(64 * 1024 + 1)), Err(UNSUCCESSFUL.to_owned()));
}
