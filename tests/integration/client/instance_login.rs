//! `login -type=ec2`: the identity document of the instance, from a stand-in for its metadata service.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Caller, HostScene};
use crate::stub::{Reply, Stub};
use testkit::aws::{ACCOUNT, Instance};
use testkit::identity::{Digest, Signer, base64, document, pkcs7};
use testkit::server::on_each_server;

const INSTANCE: &str = "i-0123456789abcdef0";

on_each_server! {
    HostScene:
    an_instance_logs_in_again_with_its_nonce,
    each_form_of_the_document_logs_in,
}

/// A metadata service of the second version: it tells nothing without its token.
pub(super) async fn metadata_service(tell: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Stub {
    let stub = Stub::start().await;
    stub.answer(move |request| match (request.method.as_str(), request.target.as_str()) {
        ("PUT", "/latest/api/token") => {
            let name = "X-aws-ec2-metadata-token-ttl-seconds".to_owned();
            let life = request.header(&name).unwrap_or_default().to_owned();
            Reply { headers: vec![(name, life)], ..Reply::new(200, "metadata-token") }
        }
        _ if request.header("X-aws-ec2-metadata-token") != Some("metadata-token") => Reply::new(401, ""),
        (_, target) => tell(target).map_or_else(|| Reply::new(404, ""), |text| Reply::new(200, text)),
    });
    stub
}

/// The metadata service of [`INSTANCE`], whose documents the server can check.
async fn instance(scene: &HostScene) -> Stub {
    let signer = Signer::rsa("instance identity");
    for (name, kind) in [("messages", "pkcs7"), ("signatures", "identity")] {
        let certificate = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": kind});
        scene.server.root("POST", &format!("auth/aws/config/certificate/{name}"), &certificate).await;
    }
    let instance = scene.aws.run_instance(Instance::with_id(INSTANCE));
    let role = json!({"auth_type": "ec2", "bound_ami_id": instance.image_id, "token_policies": "machine"});
    scene.write_role("aws", "machines", &role).await;
    let document = document(INSTANCE, ACCOUNT);
    // As AWS does it, in lines.
    let lines = |text: &str| {
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join("\n")
    };
    let message = lines(&pkcs7(&signer, &document));
    let signature = lines(&base64(&signer.sign(Digest::Sha256, &document)));
    let document = String::from_utf8(document).unwrap();
    metadata_service(move |target| {
        let name = target.strip_prefix("/latest/dynamic/instance-identity/");
        match name {
            Some("pkcs7" | "rsa2048") => Some(message.clone()),
            Some("document") => Some(document.clone()),
            Some("signature") => Some(signature.clone()),
            _ if target == "/latest/meta-data/instance-id" => Some(INSTANCE.to_owned()),
            _ => None,
        }
    })
    .await
}

fn machine(scene: &HostScene, metadata: &Stub) -> Caller {
    Caller::new()
        .on(&scene.server)
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url())
}

const LOGIN: [&str; 5] = ["login", "-type=ec2", "-no-store", "-format=json", "role=machines"];

async fn an_instance_logs_in_again_with_its_nonce(scene: HostScene) {
    let metadata = instance(&scene).await;
    let caller = machine(&scene, &metadata);
    for _ in 0..2 {
        let answer = caller.json(&LOGIN).await;
        assert_eq!(answer["auth"]["token_policies"], json!(["default", "machine"]));
        assert_eq!(answer["auth"]["metadata"]["auth_type"], json!("ec2"));
    }
    let folder = caller.file(".local/state/vault-plugin-auth-aws");
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let nonce = std::fs::read_to_string(file).unwrap();
    let entry =
        scene.server.root("GET", &format!("auth/aws/identity-accesslist/{INSTANCE}"), &Value::Null).await;
    assert_eq!(entry["data"]["client_nonce"], json!(nonce));

    // Whoever does not have it is not this instance.
    let said = machine(&scene, &metadata).failed(1, &LOGIN).await;
    assert!(said.contains("client nonce mismatch") && !said.contains(&nonce), "{said}");
    let named = format!("-nonce-file={}", file.display());
    machine(&scene, &metadata).json(&[&LOGIN[..], &[&named]].concat()).await;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = caller.failed(2, &LOGIN).await;
    assert!(said.contains("read by others"), "{said}");
}

async fn each_form_of_the_document_logs_in(scene: HostScene) {
    let metadata = instance(&scene).await;
    let caller = machine(&scene, &metadata);
    for form in ["-signature=pkcs7", "-signature=rsa2048", "-signature=identity"] {
        let answer = caller.json(&[&LOGIN[..], &[form]].concat()).await;
        assert_eq!(answer["auth"]["token_policies"], json!(["default", "machine"]), "{form}");
    }
}

#[tokio::test]
async fn elsewhere_there_is_no_instance() {
    let metadata = metadata_service(|_| None).await;
    let caller = Caller::new()
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
    let said = caller.failed(3, &["login", "-type=ec2"]).await;
    assert!(said.contains("metadata service"), "{said}");
}
