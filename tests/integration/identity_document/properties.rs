//! Nothing a caller can send makes the verification panic, or accept what was not signed.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use vault_plugin_auth_aws::entry::{CertificateKind, StoredCertificate};
use vault_plugin_auth_aws::proof::identity_document::VerifiedDocument;

use super::{verified_detached, verified_pkcs7};

use testkit::identity::signer::Digest;
use testkit::identity::{Form, Message, Signer, SignerInfo, base64, document, stored};

struct Scene {
    document: Vec<u8>,
    /// Good messages.
    messages: Vec<Vec<u8>>,
    signature: Vec<u8>,
    stored: Vec<StoredCertificate>,
    /// What all of them prove.
    verified: VerifiedDocument,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let (rsa, dsa) = (Signer::rsa("signer"), Signer::dsa("signer too"));
    let document = document("i-1", "123456789012");
    let bare = Message::new(&document, vec![SignerInfo::without_attributes(&rsa, Digest::Sha256, &document)]);
    let mut crowded = Message::signed_by(&rsa, &document);
    crowded.certificates = vec![Signer::rsa("other").certificate];
    let messages = vec![
        Message::signed_by(&rsa, &document).bytes(Form::Definite),
        Message::signed_by(&rsa, &document).bytes(Form::Indefinite),
        Message::signed_by(&dsa, &document).bytes(Form::Indefinite),
        bare.bytes(Form::Indefinite),
        crowded.bytes(Form::Definite),
    ];
    let kinds = [CertificateKind::Pkcs7, CertificateKind::Identity];
    let stored: Vec<_> =
        kinds.into_iter().flat_map(|kind| [&rsa, &dsa].map(|signer| stored(&signer.pem(), kind))).collect();
    let signature = rsa.sign(Digest::Sha256, &document);
    let verified = verified_detached(&document, &signature, &stored).expect("a good signature");
    Scene { document, messages, signature, stored, verified }
});

/// A change to some bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Truncate(Index),
    /// A stretch of the bytes, once more at another place.
    Copy(Index, Index, usize),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Set(at, byte) => bytes[at.index(length)] = *byte,
            Self::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Self::Insert(at, inserted) => {
                let at = at.index(length);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Truncate(at) => bytes.truncate(at.index(length)),
            Self::Copy(from, to, count) => {
                let from = from.index(length);
                let copied = bytes[from..(from + count).min(length)].to_vec();
                let to = to.index(length);
                bytes.splice(to..to, copied);
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (index(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (index(), 1_usize..40).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (index(), vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        index().prop_map(Mutation::Truncate),
        (index(), index(), 1_usize..200).prop_map(|(from, to, count)| Mutation::Copy(from, to, count)),
    ]
}

/// A mutated message must not be accepted with another document.
fn is_refused_or_unchanged(text: &str) -> bool {
    let verified = verified_pkcs7(text, &SCENE.stored);
    verified.is_err() || verified.as_ref() == Ok(&SCENE.verified)
}

#[test]
fn the_messages_to_mutate_are_good() {
    let scene = &*SCENE;
    assert_eq!(scene.verified.document().instance_id, "i-1");
    for message in &scene.messages {
        let verified = verified_pkcs7(&base64(message), &scene.stored);
        assert_eq!(verified.as_ref(), Ok(&scene.verified));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutated_messages_never_verify_with_changed_content(which: Index, mutations in vec(mutation(), 1..4)) {
        let scene = &*SCENE;
        let mut message = which.get(&scene.messages).clone();
        mutations.iter().for_each(|mutation| mutation.apply(&mut message));
        prop_assert!(is_refused_or_unchanged(&base64(&message)));
    }

    #[test]
    fn mutated_text_never_verifies_with_changed_content(which: Index, mutations in vec(mutation(), 1..4)) {
        let message: &Vec<u8> = which.get(&SCENE.messages);
        let mut text = base64(message).into_bytes();
        mutations.iter().for_each(|mutation| mutation.apply(&mut text));
        prop_assert!(is_refused_or_unchanged(&String::from_utf8_lossy(&text)));
    }

    #[test]
    fn changed_content_never_verifies(which: Index, mutations in vec(mutation(), 1..3)) {
        let scene = &*SCENE;
        let mut content = scene.document.clone();
        mutations.iter().for_each(|mutation| mutation.apply(&mut content));
        prop_assume!(content != scene.document);
        prop_assert!(verified_detached(&content, &scene.signature, &scene.stored).is_err());
        let signers = [Signer::rsa("signer"), Signer::dsa("signer too")];
        let info = SignerInfo::with_attributes(which.get(&signers), &scene.document);
        let message = Message::new(&content, vec![info]).base64(Form::Definite);
        prop_assert!(verified_pkcs7(&message, &scene.stored).is_err());
    }

    #[test]
    fn mutated_detached_signatures_never_verify(mutations in vec(mutation(), 1..4)) {
        let scene = &*SCENE;
        let mut signature = scene.signature.clone();
        mutations.iter().for_each(|mutation| mutation.apply(&mut signature));
        prop_assume!(signature != scene.signature);
        prop_assert!(verified_detached(&scene.document, &signature, &scene.stored).is_err());
    }

    #[test]
    fn arbitrary_input_is_refused(text: String, bytes in vec(any::<u8>(), 0..400), signature in vec(any::<u8>(), 0..400)) {
        let stored = &SCENE.stored;
        prop_assert!(verified_pkcs7(&text, stored).is_err());
        prop_assert!(verified_pkcs7(&base64(&bytes), stored).is_err());
        prop_assert!(verified_detached(&bytes, &signature, stored).is_err());
    }
}
