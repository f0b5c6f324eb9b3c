//! What happened to others, tried on the login of an instance. The numbers are those of the list of
//! design rules.

use serde_json::{Value, json};

use super::{INSTANCE, SHORT_INSTANCE, Scene, document};
use testkit::aws::Instance;
use testkit::identity::signer::Digest;
use testkit::identity::{Form, Message, Signer, SignerInfo, base64, message};
use testkit::stage::with;

const NO_CERTIFICATE: &str = "failed to verify the signature: pkcs7: No certificate for signer";

impl Scene {
    /// As [`Scene::open`], with a second instance, and metadata that tells which one logged in.
    async fn with_two_instances() -> Self {
        let scene = Self::open().await;
        scene.stage.aws.run_instance(Instance::with_id(SHORT_INSTANCE));
        let chosen = json!({"ec2_metadata": ["instance_id"], "ec2_alias": "instance_id"});
        scene.stage.mount.write("config/identity", &chosen).await.expect(204);
        scene
    }
}

fn victim() -> Vec<u8> {
    document(json!({}))
}

fn own() -> Vec<u8> {
    document(json!({"instanceId": SHORT_INSTANCE}))
}

fn login(message: &Message, form: Form) -> Value {
    json!({"pkcs7": message.base64(form), "role": "ec2r", "nonce": "n"})
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_7_the_verified_bytes_are_the_document() {
    let scene = Scene::with_two_instances().await;
    let signed = login(&Message::signed_by(&scene.signer, &own()), Form::Indefinite);
    let own_signature = base64(&scene.signer.sign(Digest::Sha256, &own()));
    // Whatever else the request says, the instance is the one whose document was verified.
    for beside in [
        json!({"identity": base64(&victim())}),
        json!({"identity": base64(&victim()), "signature": ""}),
        json!({"signature": own_signature}),
        json!({"instance_id": INSTANCE, "instanceId": INSTANCE, "document": base64(&victim())}),
    ] {
        let auth = scene.admitted(&with(&signed, beside.clone())).await;
        assert_eq!(auth.metadata["instance_id"], SHORT_INSTANCE, "{beside}");
        assert_eq!(auth.alias.unwrap().name, SHORT_INSTANCE, "{beside}");
        let internal: Value = serde_json::from_str(&auth.internal_data).unwrap();
        assert_eq!(internal["instance_id"], SHORT_INSTANCE, "{beside}");
    }
    for call in scene.stage.aws.calls("DescribeInstances") {
        assert_eq!(call.parameter("InstanceId.1").as_deref(), Some(SHORT_INSTANCE));
    }
    assert_eq!(scene.entry(INSTANCE), None);

    // A message whose attributes were signed for another content.
    let mut swapped = Message::signed_by(&scene.signer, &own());
    swapped.content = Some(victim());
    let mut redigested = swapped.clone();
    redigested.signers[0].attributes =
        vec![message::content_type(), message::message_digest(&Digest::Sha256.of(&victim()))];
    // Both contents, one behind the other.
    let mut appended = Message::signed_by(&scene.signer, &own());
    appended.content = Some([own(), victim()].concat());
    for (what, message) in [("content", &swapped), ("digest", &redigested), ("appended", &appended)] {
        for form in [Form::Definite, Form::Indefinite] {
            let answer = scene.answer(&login(message, form)).await.expect(500);
            assert_eq!(answer.auth, None, "{what}");
            assert!(
                answer.error().starts_with("failed to verify the signature: "),
                "{what}: {}",
                answer.error()
            );
        }
    }
    // A signature of one document beside another one.
    let mixed = json!({"identity": base64(&victim()), "signature": own_signature, "role": "ec2r"});
    let text = "instance identity verification using SHA256 RSA signature is unsuccessful";
    scene.refused(&mixed, 500, text, "a signature of another document").await;
    assert_eq!(scene.entry(INSTANCE), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_7_repeated_members_do_not_make_two_instances_of_one() {
    let scene = Scene::with_two_instances().await;
    let text = String::from_utf8(own()).unwrap();
    let (start, rest) = text.split_once('{').unwrap();
    for name in ["instanceId", "INSTANCEID"] {
        let twice = format!("{start}{{\"{name}\": \"{INSTANCE}\",{rest}");
        let answer = scene.answer(&with(&scene.message(twice.as_bytes()), json!({"nonce": "n"}))).await;
        // One instance or none: what is asked of AWS, remembered and told is the same one.
        if let Some(auth) = answer.auth {
            let id = auth.metadata["instance_id"].clone();
            assert_eq!(auth.alias.unwrap().name, id);
            let calls = scene.stage.aws.calls("DescribeInstances");
            assert_eq!(calls.last().unwrap().parameter("InstanceId.1").as_deref(), Some(&*id));
            assert!(scene.entry(&id).is_some());
        } else {
            assert_eq!((answer.status, scene.entry(INSTANCE)), (500, None));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accident_8_the_certificate_that_is_trusted_is_the_one_that_signed() {
    let scene = Scene::with_two_instances().await;
    let mallory = Signer::rsa("other");
    let posing = mallory.posing_as(&scene.signer);
    let text = victim();
    let with_bag = |signers: Vec<SignerInfo>, bag: &[&Signer]| {
        let mut message = Message::new(&text, signers);
        message.certificates = bag.iter().map(|signer| signer.certificate.clone()).collect();
        message
    };
    let trusted_info = SignerInfo::with_attributes(&scene.signer, &text);
    let posing_info = SignerInfo::with_attributes(&posing, &text);
    let mallory_info = SignerInfo::with_attributes(&mallory, &text);
    // The trusted signer signs only his own document.
    let borrowed = SignerInfo::with_attributes(&scene.signer, &own());
    for (what, message) in [
        ("a bag with a certificate of his own", with_bag(vec![mallory_info.clone()], &[&mallory])),
        ("the trusted one beside his own", with_bag(vec![mallory_info.clone()], &[&scene.signer, &mallory])),
        ("under the name of the trusted one", with_bag(vec![posing_info.clone()], &[&posing])),
        ("both under one name", with_bag(vec![posing_info.clone()], &[&scene.signer, &posing])),
        ("two signers, one trusted", with_bag(vec![trusted_info.clone(), mallory_info.clone()], &[&mallory])),
        ("two signers, the other way", with_bag(vec![mallory_info, trusted_info], &[&mallory])),
        ("a trusted signature for another document", with_bag(vec![borrowed, posing_info], &[&scene.signer])),
    ] {
        for form in [Form::Definite, Form::Indefinite] {
            let answer = scene.answer(&login(&message, form)).await.expect(500);
            assert_eq!(answer.auth, None, "{what}");
            assert!(
                answer.error().starts_with("failed to verify the signature: "),
                "{what}: {}",
                answer.error()
            );
        }
    }
    assert_eq!(scene.stage.aws.total_calls(), 0);
    // Certificates in the message count for nothing, for or against.
    let honest = with_bag(vec![SignerInfo::with_attributes(&scene.signer, &text)], &[&mallory]);
    scene.admitted(&login(&honest, Form::Definite)).await;
    let stored = with_bag(vec![SignerInfo::with_attributes(&mallory, &text)], &[]);
    scene.refused(&login(&stored, Form::Definite), 500, NO_CERTIFICATE, "not stored").await;
}

/// Whoever may edit the tags of an instance could otherwise go on with another spelling of a tag that
/// is on the list.
#[tokio::test(flavor = "multi_thread")]
async fn accident_16_a_respelled_tag_does_not_log_in() {
    let scene = Scene::with_tags().await;
    let content = json!({"policies": "dev", "instance_id": INSTANCE, "max_ttl": 3600});
    let tag = scene.issued(content).await;
    scene.wear(&tag);
    scene.admitted(&scene.login("a")).await;
    scene.stage.mount.write(&format!("roletag-denylist/{tag}"), &json!({})).await.expect(204);
    scene.refused(&scene.login("a"), 500, "role tag is deny listed", "as it was issued").await;

    let (plaintext, mac) = tag.rsplit_once(':').unwrap();
    let in_base64 = |text: &str| text.replacen(mac, mac.trim_end_matches('='), 1);
    // The last letter before the padding has two bits that mean nothing.
    let idle_bits = {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (start, last) = mac.trim_end_matches('=').split_at(42);
        let at = letters.iter().position(|letter| *letter == last.as_bytes()[0]).unwrap();
        format!("{plaintext}:{start}{}=", char::from(letters[at ^ 1]))
    };
    let replaced = |was: &str, becomes: &str| {
        assert!(tag.contains(was), "{tag}: {was}");
        tag.replacen(was, becomes, 1)
    };
    for (what, respelled) in [
        ("a boolean", replaced("d=false", "d=0")),
        ("a boolean in capitals", replaced("m=false", "m=FALSE")),
        ("another order", replaced("d=false:m=false", "m=false:d=false")),
        ("an item twice", replaced("d=false", "d=true:d=false")),
        ("the role twice", replaced("r=ec2r", "r=other:r=ec2r")),
        ("no time", replaced("t=3600", "t=3600:t=3600")),
        ("a time with a zero", replaced("t=3600", "t=03600")),
        ("a time with a fraction", replaced("t=3600", "t=3600.0")),
        ("a time with a sign", replaced("t=3600", "t=+3600")),
        ("time in minutes", replaced("t=3600", "t=60m")),
        ("without padding", in_base64(&tag)),
        ("idle bits", idle_bits),
        ("a space behind", format!("{tag} ")),
        ("a space before", format!(" {tag}")),
        ("a line break behind", format!("{tag}\n")),
        ("an empty item", replaced(":d=false", "::d=false")),
        ("an empty policy", replaced("p=dev", "p=dev,")),
        ("a policy twice", replaced("p=dev", "p=dev,dev")),
        ("a policy with a space", replaced("p=dev", "p= dev")),
        ("the version in capitals", replaced("v1:", "V1:")),
        ("in base64", base64(tag.as_bytes())),
    ] {
        assert_ne!(respelled, tag, "{what}");
        scene.wear(&respelled);
        for forget in [false, true] {
            if forget {
                scene.forget().await;
            }
            let answer = scene.answer(&scene.login("a")).await.expect(500);
            assert_eq!(answer.auth, None, "{what}");
            assert_ne!(answer.error(), "", "{what}");
        }
    }
    assert_eq!(scene.entry(INSTANCE), None);
}
