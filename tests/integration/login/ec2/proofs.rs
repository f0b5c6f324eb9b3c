//! What a login must bring to prove which instance it comes from.

use serde_json::{Value, json};

use super::{IMAGE, INSTANCE, SHORT_INSTANCE, Scene, T1, document};
use crate::login::hints::no_role_named;
use testkit::aws::{ACCOUNT, Instance, OTHER_ACCOUNT};
use testkit::identity::{Digest, Form, Message, Signer, SignerInfo, base64, pkcs7};
use testkit::stage::with;

const NEITHER: &str = "either pkcs7 or a tuple containing the instance identity document and its SHA256 RSA signature needs to be provided";
const BOTH_FORMS: &str = "both pkcs7 and a tuple containing the instance identity document and its SHA256 RSA signature is supplied; provide only one";
const BOTH_TYPES: &str = "supplied auth values for both ec2 and iam auth types";
const INCOMPLETE: &str = "didn't supply required authentication values";
const UNSUCCESSFUL: &str = "instance identity verification using SHA256 RSA signature is unsuccessful";
const NO_CERTIFICATE: &str = "failed to verify the signature: pkcs7: No certificate for signer";

/// The data with one member as it stands, where [`with`] would take a null for a removal.
fn set(data: &Value, name: &str, value: Value) -> Value {
    let mut data = data.clone();
    data[name] = value;
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_two_proofs_are_none() {
    let scene = Scene::open().await;
    let dev = scene.stage.aws.create_user("dev");
    scene.stage.role_for("dev", &dev.arn).await;
    let iam = scene.stage.login_data(&dev.credentials, "dev");
    scene.answer(&iam).await.expect(200);
    scene.stage.aws.clear_calls();
    let ec2 = scene.message(&document(json!({})));
    for (what, data, text) in [
        ("vector 3", with(&iam, json!({"pkcs7": ""})), BOTH_TYPES),
        ("vector 4", with(&iam, json!({"identity": base64(b"{}")})), BOTH_TYPES),
        ("vector 5", json!({"pkcs7": "x", "iam_http_request_method": "POST"}), BOTH_TYPES),
        ("a null is there", set(&iam, "signature", Value::Null), BOTH_TYPES),
        ("both whole", with(&iam, ec2.clone()), BOTH_TYPES),
        ("a whole document and a method", with(&ec2, json!({"iam_http_request_method": ""})), BOTH_TYPES),
        ("a document alone", json!({"identity": base64(&document(json!({})))}), INCOMPLETE),
        ("a signature alone", json!({"signature": "AAAA"}), INCOMPLETE),
        ("a nonce alone", json!({"nonce": "a"}), INCOMPLETE),
    ] {
        scene.refused(&data, 400, text, what).await;
    }
    assert_eq!(scene.stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_proof_is_taken() {
    let scene = Scene::open().await;
    let dsa = Signer::dsa("instance identity, older");
    scene.certificate("older", &dsa, "pkcs7").await;
    let text = document(json!({}));
    let lines = |text: &str| {
        text.as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect::<Vec<_>>()
            .join("\r\n")
    };
    let detached = scene.signature(&text);
    let wrapped = json!({
        "identity": lines(detached["identity"].as_str().unwrap()),
        "signature": lines(detached["signature"].as_str().unwrap()) + "\n",
    });
    let rsa = pkcs7(&scene.signer, &text);
    let without_attributes =
        Message::new(&text, vec![SignerInfo::without_attributes(&dsa, dsa.digest(), &text)]);
    for (what, data) in [
        ("rsa2048", json!({"pkcs7": rsa})),
        ("in lines", json!({"pkcs7": lines(&rsa)})),
        ("pkcs7", json!({"pkcs7": pkcs7(&dsa, &text)})),
        ("DER", json!({"pkcs7": Message::signed_by(&scene.signer, &text).base64(Form::Definite)})),
        ("without attributes", json!({"pkcs7": without_attributes.base64(Form::Indefinite)})),
        ("signature", detached.clone()),
        ("signature in lines", wrapped),
        ("with an empty message", with(&detached, json!({"pkcs7": ""}))),
        ("with an empty signature", json!({"pkcs7": rsa, "identity": "", "signature": ""})),
        ("with a document of no use", json!({"pkcs7": rsa, "identity": base64(b"{}")})),
        ("with a signature of no use", json!({"pkcs7": rsa, "signature": base64(b"x")})),
    ] {
        let auth = scene.admitted(&with(&data, json!({"role": "ec2r", "nonce": "n"}))).await;
        assert_eq!(auth.alias.unwrap().metadata["auth_type"], "ec2", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_instance_ids_log_in() {
    let scene = Scene::open().await;
    scene.stage.aws.run_instance(Instance::with_id(SHORT_INSTANCE));
    scene.admitted(&scene.message(&document(json!({"instanceId": SHORT_INSTANCE})))).await;
    assert_eq!(scene.entry(SHORT_INSTANCE).unwrap()["pending_time"], T1);
    assert_eq!(scene.entry(INSTANCE), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_nothing_is_refused_before_aws_is_asked() {
    let scene = Scene::open().await;
    let stranger = Signer::rsa("other");
    let text = document(json!({}));
    let good = scene.signature(&text);
    let message = scene.message(&text);
    let armoured =
        format!("-----BEGIN PKCS7-----\n{}\n-----END PKCS7-----\n", message["pkcs7"].as_str().unwrap());
    let mut embedded = Message::signed_by(&stranger, &text);
    embedded.certificates = vec![stranger.certificate.clone()];
    let empty = Message::signed_by(&scene.signer, b"");
    let mut changed = text.clone();
    *changed.last_mut().unwrap() = b' ';
    let pkcs7 = |text: &str| json!({"pkcs7": text});
    for (what, data, status, expected) in [
        ("vector 85", pkcs7(""), 400, NEITHER),
        (
            "vector 86",
            with(&good, json!({"identity": "***"})),
            400,
            "failed to base64 decode the instance identity document",
        ),
        (
            "a bad signature",
            with(&good, json!({"signature": "***"})),
            400,
            "failed to base64 decode the SHA256 RSA signature of the instance identity document",
        ),
        (
            "URL-safe base64",
            with(&good, json!({"signature": "_-__"})),
            400,
            "failed to base64 decode the SHA256 RSA signature of the instance identity document",
        ),
        ("vector 87", with(&good, message.clone()), 400, BOTH_FORMS),
        ("vector 88", pkcs7(&armoured), 500, "failed to decode the PEM encoded PKCS#7 signature"),
        ("vector 90", pkcs7(&embedded.base64(Form::Indefinite)), 500, NO_CERTIFICATE),
        (
            "no signers",
            pkcs7(&Message::new(&text, Vec::new()).base64(Form::Definite)),
            500,
            "failed to verify the signature: pkcs7: Message has no signers",
        ),
        (
            "no content",
            pkcs7(&empty.base64(Form::Definite)),
            500,
            "instance identity document could not be found in the signature",
        ),
        ("vector 91", with(&good, json!({"identity": base64(&changed)})), 500, UNSUCCESSFUL),
        (
            "signed by a stranger",
            with(&good, json!({"signature": base64(&stranger.sign(Digest::Sha256, &text))})),
            500,
            UNSUCCESSFUL,
        ),
        (
            "an empty signature",
            with(&good, json!({"signature": ""})),
            500,
            "missing SHA256 RSA signature of the instance identity document",
        ),
        (
            "an empty document",
            with(&good, json!({"identity": ""})),
            500,
            "missing instance identity document",
        ),
    ] {
        scene.refused(&with(&data, json!({"role": "ec2r"})), status, expected, what).await;
    }
    let null = json!({"role": "ec2r", "pkcs7": Value::Null});
    scene.refused(&null, 400, NEITHER, "null is empty").await;

    for text in ["AAAA", "MIAGCSqGSIb3DQEHAqCA"] {
        let answer = scene.answer(&pkcs7(text)).await.expect(500);
        let start = "failed to parse the BER encoded PKCS#7 signature: ";
        assert!(answer.error().starts_with(start), "vector 89: {}", answer.error());
    }
    assert_eq!(scene.stage.aws.total_calls(), 0);
    scene.admitted(&good).await;
}

/// Role, region and account are compared before a key is used: their refusal comes whoever signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_the_role_does_not_take_is_not_verified() {
    let scene = Scene::open().await;
    let stranger = Signer::rsa("other");
    scene.stage.role_for("iamr", "arn:aws:iam::111122223333:user/x").await;
    scene.named_role("elsewhere", json!({"bound_region": "eu-west-1"})).await;
    scene.named_role("theirs", json!({"bound_account_id": OTHER_ACCOUNT})).await;
    let text = document(json!({}));
    let forged = [
        json!({"pkcs7": pkcs7(&stranger, &text)}),
        json!({"identity": base64(&text), "signature": base64(&stranger.sign(Digest::Sha256, &text))}),
    ];
    for data in forged {
        for (role, expected) in [
            ("nope", "entry for role \"nope\" not found".to_owned()),
            ("iamr", "auth method ec2 not allowed for role iamr".to_owned()),
            (
                "elsewhere",
                "Region \"us-east-1\" does not satisfy the constraint on role \"elsewhere\"".to_owned(),
            ),
            (
                "theirs",
                format!(
                    "Error validating instance: account ID \"{ACCOUNT}\" does not belong to role \"theirs\""
                ),
            ),
        ] {
            scene.refused(&with(&data, json!({"role": role})), 400, &expected, role).await;
        }
        // What it says is no proof.
        let answer = scene.answer(&with(&data, json!({"role": "ec2r"}))).await.expect(500);
        assert!([NO_CERTIFICATE, UNSUCCESSFUL].contains(&answer.error()), "{}", answer.error());
    }
    assert_eq!(scene.stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_text_that_is_no_document_is_refused() {
    let scene = Scene::open().await;
    for text in [&b"x"[..], b"[]", b"{\"instanceId\":1}", b"{"] {
        for data in [scene.message(text), scene.signature(text)] {
            let answer = scene.answer(&data).await.expect(500);
            assert!(!answer.error().is_empty());
            assert_eq!(answer.auth, None);
        }
    }
    assert_eq!(scene.stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_count_for_their_own_form_and_from_the_next_login_on() {
    let scene = Scene::open().await;
    let text = document(json!({}));
    let nonce = json!({"nonce": "n"});
    let (message, signature) =
        (with(&scene.message(&text), nonce.clone()), with(&scene.signature(&text), nonce));
    let mount = &scene.stage.mount;
    mount.delete("config/certificate/messages").await.expect(204);
    scene.refused(&message, 500, NO_CERTIFICATE, "only that of signatures is left").await;
    scene.admitted(&signature).await;
    mount.delete("config/certificate/signatures").await.expect(204);
    scene.refused(&signature, 500, UNSUCCESSFUL, "none is left").await;
    scene.certificate("again", &scene.signer, "pkcs7").await;
    scene.refused(&signature, 500, UNSUCCESSFUL, "only that of messages is left").await;
    scene.admitted(&message).await;

    // One that cannot be read is no reason to go on with fewer.
    mount.storage().put("config/certificate/broken", "{");
    mount.invalidate("config/certificate/broken").await.unwrap();
    let answer = scene.answer(&message).await.expect(500);
    assert_eq!(answer.auth, None);
}

/// What is stored of the certificates is read once, and again after any change.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_steady_state_reads_no_certificate() {
    let scene = Scene::open().await;
    let storage = scene.stage.mount.storage();
    let login = scene.login("n");
    let calls_of_login = async || {
        storage.reset_counts();
        scene.admitted(&login).await;
        let counts = storage.counts();
        (counts.lists, counts.gets, counts.puts)
    };
    scene.admitted(&login).await;
    // The access list alone, read and written.
    assert_eq!(calls_of_login().await, (0, 1, 1));
    assert_eq!(calls_of_login().await, (0, 1, 1));

    // Changes through the mount, and those that the host tells of.
    scene.certificate("another", &scene.signer, "pkcs7").await;
    assert_eq!(calls_of_login().await.0, 1);
    scene.stage.mount.delete("config/certificate/another").await.expect(204);
    assert_eq!(calls_of_login().await.0, 1);
    scene.stage.mount.invalidate("config/certificate/another").await.unwrap();
    assert_eq!(calls_of_login().await.0, 1);
    scene.stage.mount.invalidate("role/another").await.unwrap();
    assert_eq!(calls_of_login().await, (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_role_the_image_names_it() {
    let scene = Scene::open().await;
    let nameless = with(&scene.message(&document(json!({}))), json!({"role": Value::Null, "nonce": "n"}));
    let text = format!("entry for role \"{IMAGE}\" not found; {}", no_role_named("the AMI id", IMAGE));
    scene.refused(&nameless, 400, &text, "vector 92").await;
    let null = set(&nameless, "role", Value::Null);
    scene.refused(&null, 400, &text, "a null role").await;
    scene.refused(&with(&nameless, json!({"role": ""})), 400, &text, "an empty role").await;
    scene.named_role(IMAGE, json!({})).await;
    for data in [&nameless, &null] {
        let auth = scene.admitted(data).await;
        assert_eq!(auth.metadata["role"], IMAGE);
    }

    let imageless = with(&scene.message(&document(json!({"imageId": Value::Null}))), json!({"role": ""}));
    scene.refused(&imageless, 500, "missing role name", "neither role nor image").await;
}
