use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// An element with a short length.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut der = Vec::new();
    ber::encode(tag, &parts.concat(), &mut der);
    der
}

const SIGNED: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const ENVELOPED: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
const DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

#[test]
fn what_is_no_message_is_an_error() {
    assert_eq!(
        Message::parse(&tlv(0x30, &[DATA, &[0xa0, 0x00]])).map(|_| ()),
        Err(MessageError::ContentType)
    );
    for der in
        [vec![], vec![0x05, 0x00], tlv(0x30, &[]), tlv(0x30, &[SIGNED]), tlv(0x30, &[SIGNED, &[0x05, 0x00]])]
    {
        assert!(matches!(Message::parse(&der), Err(MessageError::Malformed(_))), "{der:02x?}");
    }
}

#[test]
fn malformed_and_encrypted_contents_have_no_signers() {
    for der in [
        tlv(0x30, &[SIGNED, &[0xa0, 0x00]]),
        tlv(0x30, &[SIGNED, &[0xa0, 0x02, 0x30, 0x00]]),
        tlv(0x30, &[ENVELOPED, &[0xa0, 0x02, 0x30, 0x00]]),
    ] {
        let message = Message::parse(&der).unwrap();
        assert_eq!(message.content(), Err(SignerError::NoSigners));
    }
}

#[test]
fn times_are_written_as_rfc_3339() {
    assert_eq!(rfc3339(Duration::from_secs(1_767_323_045)), "2026-01-02T03:04:05Z");
    assert_eq!(rfc3339(Duration::MAX), "");
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..300)) {
        // Whatever was parsed has no signer in an empty pool.
        if let Ok(message) = Message::parse(&bytes) {
            prop_assert!(message.content().is_err());
        }
    }

    #[test]
    fn any_signed_data_is_refused(bytes in vec(any::<u8>(), 0..120)) {
        let content = tlv(0xa0, &[&tlv(0x30, &[&bytes])]);
        let message = tlv(0x30, &[SIGNED, &content]);
        prop_assert!(Message::parse(&message).unwrap().content().is_err());
    }
}
