use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::budget::Step;
use crate::budget::step::counted::count;

macro_rules! fixture {
    ($name:expr) => {
        include_str!(concat!("../../../tests/data/identity-documents/", $name))
    };
}

fn stored(pem: &str, kind: CertificateKind) -> StoredCertificate {
    let mut entry = StoredCertificate { aws_public_cert: pem.to_owned(), ..StoredCertificate::default() };
    entry.set_kind(kind);
    entry
}

/// What a message comes to, and the signatures that were checked for it.
fn message(text: &str, stored: &[StoredCertificate]) -> (Result<VerifiedDocument, String>, usize) {
    count(Step::SignatureChecked, || {
        let claimed = ClaimedDocument::pkcs7(text);
        claimed.and_then(|claimed| claimed.verify(stored)).map_err(|error| error.to_string())
    })
}

fn detached(document: &str, signature: &[u8], stored: &[StoredCertificate]) -> (bool, usize) {
    count(Step::SignatureChecked, || {
        let claimed = ClaimedDocument::detached(document.as_bytes().to_vec(), signature.to_vec());
        claimed.and_then(|claimed| claimed.verify(stored)).is_ok()
    })
}

#[test]
fn a_message_costs_one_check_at_the_most() {
    let dsa = stored(fixture!("dsa1024.pem"), CertificateKind::Pkcs7);
    let rsa = stored(fixture!("rsa2048.pem"), CertificateKind::Pkcs7);
    let both = [dsa, rsa];
    let (verified, checks) = message(fixture!("pkcs7.p7.b64"), &both);
    assert_eq!((verified.is_ok(), checks), (true, 1));
    let (refused, checks) = message(fixture!("dsa1024-and-rsa2048-attributes.p7.b64"), &both);
    let text = "failed to verify the signature: pkcs7: Message has more than one signer";
    assert_eq!((refused, checks), (Err(text.to_owned()), 0));
    // Nobody knows the signer.
    let (refused, checks) = message(fixture!("pkcs7.p7.b64"), &[]);
    assert_eq!((refused.is_err(), checks), (true, 0));
    // The signature is another one.
    let mut changed = STANDARD.decode(fixture!("aws-2016-us-east-1.p7.b64").replace('\n', "")).unwrap();
    let at = changed.windows(10).position(|window| window == b"i-f79fe56c").unwrap();
    changed[at + 9] = b'd';
    let (refused, checks) = message(&STANDARD.encode(changed), &[]);
    assert!(refused.is_err() && checks <= 1, "{checks}");
}

#[test]
fn a_detached_signature_is_tried_with_few_keys() {
    let of = |region: &str| format!(r#"{{"instanceId":"i-1","region":"{region}"}}"#);
    assert_eq!(detached(&of("us-east-1"), &[0x5a; 256], &[]), (false, 7));
    assert_eq!(detached(&of("eu-central-2"), &[0x5a; 128], &[]), (false, 7));
    // A region that the list does not know: every key, and no more of them than may be.
    assert_eq!(detached(&of("xx-new-1"), &[0x5a; 256], &[]), (false, 82));
    let many = vec![stored(fixture!("rsa2048.pem"), CertificateKind::Identity); 200];
    assert_eq!(detached(&of("xx-new-1"), &[0x5a; 256], &many), (false, 128));
    // What is no document is signed by nobody.
    for text in ["x", "[]", "{", r#"{"region":1}"#] {
        assert_eq!(detached(text, &[0x5a; 256], &[]), (false, 0));
    }
}

/// A stored certificate counts for every region.
#[test]
fn stored_certificates_are_tried_first() {
    let signature = STANDARD.decode(fixture!("rsa2048.signature.b64").replace('\n', "")).unwrap();
    let rsa = stored(fixture!("rsa2048.pem"), CertificateKind::Identity);
    assert_eq!(detached(fixture!("document.json"), &signature, &[rsa]), (true, 1));
}

#[test]
fn a_claim_is_read_before_anybody_vouches_for_it() {
    let claimed = ClaimedDocument::pkcs7(fixture!("pkcs7.p7.b64")).unwrap();
    let document = claimed.document();
    assert_eq!((document.account_id.as_str(), document.region.as_str()), ("123456789012", "us-east-1"));
}
