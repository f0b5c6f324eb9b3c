//! One thing changed after signing, or signed wrongly.

use super::{NO_SIGNERS, WRONG, untrusted, verify};
use testkit::identity::message::{content_type, message_digest, signing_time};
use testkit::identity::signer::Digest;
use testkit::identity::{Message, Signer, SignerInfo, document};

fn signers() -> [Signer; 2] {
    [Signer::rsa("signer"), Signer::dsa("signer too")]
}

fn signed() -> Vec<u8> {
    document("i-1", "123456789012")
}

/// The verdict over a message with this one signer info.
fn verdict(signer: &Signer, info: SignerInfo) -> Result<String, String> {
    verify(&Message::new(&signed(), vec![info]), &[signer])
}

#[test]
fn a_changed_signature_is_refused() {
    for signer in signers() {
        for info in [
            SignerInfo::with_attributes(&signer, &signed()),
            SignerInfo::without_attributes(&signer, signer.digest(), &signed()),
        ] {
            for change in [
                |signature: &mut Vec<u8>| *signature.last_mut().unwrap() ^= 1,
                |signature: &mut Vec<u8>| signature.truncate(signature.len() - 1),
                |signature: &mut Vec<u8>| signature.push(0),
                |signature: &mut Vec<u8>| signature.clear(),
                |signature: &mut Vec<u8>| signature.fill(0),
            ] {
                let mut info = info.clone();
                change(&mut info.signature);
                assert_eq!(verdict(&signer, info), untrusted(WRONG));
            }
        }
    }
}

#[test]
fn changed_attributes_are_refused() {
    for signer in signers() {
        let info = SignerInfo::with_attributes(&signer, &signed());
        let digest = message_digest(&signer.digest().of(&signed()));
        for attributes in [
            vec![digest.clone()],
            vec![content_type(), digest.clone()],
            vec![content_type(), signing_time("260102030406Z"), digest.clone()],
            vec![content_type(), content_type(), signing_time("260102030405Z"), digest.clone()],
            vec![],
        ] {
            assert_eq!(verdict(&signer, SignerInfo { attributes, ..info.clone() }), untrusted(WRONG));
        }
    }
}

#[test]
fn attributes_count_in_any_order() {
    for signer in signers() {
        let mut info = SignerInfo::with_attributes(&signer, &signed());
        for _ in 0..info.attributes.len() {
            info.attributes.rotate_left(1);
            assert_eq!(verdict(&signer, info.clone()), Ok("i-1".to_owned()));
        }
    }
}

#[test]
fn the_message_digest_must_be_there_once_and_right() {
    let signer = Signer::rsa("signer");
    let over =
        |attributes| verdict(&signer, SignerInfo::over_attributes(&signer, Digest::Sha256, attributes));
    let right = message_digest(&Digest::Sha256.of(&signed()));
    assert_eq!(over(vec![right.clone()]), Ok("i-1".to_owned()));
    assert_eq!(over(vec![content_type()]), untrusted("pkcs7: attribute type not in attributes"));
    let wrong = message_digest(&[0xab; 32]);
    let (zeros, actual) = ("AB".repeat(32), Digest::Sha256.of(&signed()));
    let actual: String = actual.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(
        over(vec![wrong.clone()]),
        untrusted(&format!("pkcs7: Message digest mismatch\n\tExpected: {zeros}\n\tActual  : {actual}"))
    );
    for attributes in
        [vec![right.clone(), wrong.clone()], vec![wrong, right.clone()], vec![right.clone(), right]]
    {
        assert_eq!(over(attributes), untrusted(NO_SIGNERS));
    }
    // A digest of the other kind.
    let sha1 = over(vec![message_digest(&Digest::Sha1.of(&signed()))]).unwrap_err();
    assert!(sha1.contains("Message digest mismatch"), "{sha1}");
}

#[test]
fn the_signing_time_must_be_within_the_certificates_validity() {
    let signer = Signer::rsa("signer");
    let at = |time: &str| {
        let attributes = vec![signing_time(time), message_digest(&Digest::Sha256.of(&signed()))];
        verdict(&signer, SignerInfo::over_attributes(&signer, Digest::Sha256, attributes))
    };
    for time in ["200101000000Z", "260102030405Z", "400101000000Z"] {
        assert_eq!(at(time), Ok("i-1".to_owned()), "{time}");
    }
    for (time, shown) in
        [("191231235959Z", "2019-12-31T23:59:59Z"), ("400101000001Z", "2040-01-01T00:00:01Z")]
    {
        let text = format!(
            "pkcs7: signing time \"{shown}\" is outside of certificate validity \"2020-01-01T00:00:00Z\" to \
             \"2040-01-01T00:00:00Z\""
        );
        assert_eq!(at(time), untrusted(&text));
    }
    for time in ["", "now", "2601020304Z", "260102030405+0100"] {
        assert_eq!(at(time), untrusted(NO_SIGNERS), "{time}");
    }
}

#[test]
fn the_named_algorithms_must_be_those_of_the_signature() {
    for signer in signers() {
        let info = SignerInfo::without_attributes(&signer, signer.digest(), &signed());
        for digest in [Digest::Sha1, Digest::Sha256, Digest::Sha384, Digest::Sha512] {
            if digest != signer.digest() {
                let info = SignerInfo { digest: digest.oid().to_owned(), ..info.clone() };
                assert!(verdict(&signer, info).is_err(), "{digest:?}");
            }
        }
        for algorithm in ["1.2.840.113549.1.1.1", "1.2.840.10040.4.1", "1.2.840.10045.4.3.2", "1.2.3"] {
            if algorithm != signer.algorithm() {
                let info = SignerInfo { algorithm: algorithm.to_owned(), ..info.clone() };
                assert!(verdict(&signer, info).is_err(), "{algorithm}");
            }
        }
    }
}

#[test]
fn algorithm_names_with_a_digest_are_understood() {
    for (signer, digest, algorithm) in [
        (Signer::rsa("signer"), Digest::Sha256, "1.2.840.113549.1.1.11"),
        (Signer::rsa("signer"), Digest::Sha384, "1.2.840.113549.1.1.12"),
        (Signer::rsa("signer"), Digest::Sha512, "1.2.840.113549.1.1.13"),
        (Signer::dsa("signer"), Digest::Sha1, "1.2.840.10040.4.3"),
        (Signer::dsa("signer"), Digest::Sha256, "1.2.840.10040.4.1"),
    ] {
        let mut info = SignerInfo::without_attributes(&signer, digest, &signed());
        algorithm.clone_into(&mut info.algorithm);
        assert_eq!(verdict(&signer, info), Ok("i-1".to_owned()), "{algorithm}");
    }
}
