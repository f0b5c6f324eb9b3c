//! Logins of EC2 instances by their identity documents.

mod accidents;
mod bindings;
mod identity;
mod organizations;
mod proofs;
mod questions;
mod races;
mod reauthentication;
mod renewal;
mod role_tags;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::under_test;
use testkit::aws::{ACCOUNT, Instance};
use testkit::host::Answer;
use testkit::identity::{Digest, Signer, base64, pkcs7};
use testkit::proto::pb::Auth;
use testkit::stage::{Stage, with};

const INSTANCE: &str = "i-0123456789abcdef0";
/// An id of the older form.
const SHORT_INSTANCE: &str = "i-0a1b2c3d";
const IMAGE: &str = "ami-0abcdef1234567890";
/// Pending times of documents.
const T0: &str = "2025-06-01T00:00:00Z";
const T1: &str = "2026-01-02T03:04:05Z";
const T2: &str = "2026-01-02T03:04:06Z";

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
/// The longest life that the mount gives a token.
const MOUNT_MAX: i64 = 768 * HOUR;

/// Both certificates of the scene's signer are stored, one of each type, the instance runs, and the
/// role `ec2r` wants its image.
struct Scene {
    stage: Stage,
    signer: Signer,
}

impl Scene {
    async fn open() -> Self {
        let stage = under_test::stage().await;
        let scene = Self { stage, signer: Signer::rsa("instance identity") };
        scene.certificate("messages", &scene.signer, "pkcs7").await;
        scene.certificate("signatures", &scene.signer, "identity").await;
        scene.stage.instance(INSTANCE);
        scene.role(json!({})).await;
        scene
    }

    async fn certificate(&self, name: &str, signer: &Signer, kind: &str) {
        let fields = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": kind});
        self.stage.mount.write(&format!("config/certificate/{name}"), &fields).await.expect(204);
    }

    /// Writes the role `ec2r` anew, with fields beside its type and its image; null leaves one out.
    async fn role(&self, fields: Value) {
        self.named_role("ec2r", fields).await;
    }

    async fn named_role(&self, name: &str, fields: Value) {
        self.stage.mount.delete(&format!("role/{name}")).await.expect(204);
        let plain = json!({"auth_type": "ec2", "bound_ami_id": IMAGE});
        self.stage.role(name, with(&plain, fields)).await;
    }

    /// The data of a login for `ec2r` with a PKCS#7 message.
    fn message(&self, document: &[u8]) -> Value {
        json!({"pkcs7": pkcs7(&self.signer, document), "role": "ec2r"})
    }

    /// The data of a login for `ec2r` with a signature beside the document.
    fn signature(&self, document: &[u8]) -> Value {
        let signature = self.signer.sign(Digest::Sha256, document);
        json!({"identity": base64(document), "signature": base64(&signature), "role": "ec2r"})
    }

    /// A login of [`INSTANCE`] with a nonce, started at [`T1`].
    fn login(&self, nonce: &str) -> Value {
        with(&self.message(&document(json!({}))), json!({"nonce": nonce}))
    }

    async fn answer(&self, data: &Value) -> Answer {
        self.stage.mount.login_only(data).await
    }

    async fn admitted(&self, data: &Value) -> Auth {
        let answer = self.answer(data).await;
        assert_eq!(answer.status, 200, "{:?}", answer.errors);
        answer.auth.expect("an identity")
    }

    /// A login that must fail with this status and text, and leave no trace.
    #[track_caller]
    fn refused(
        &self,
        data: &Value,
        status: u16,
        text: &str,
        what: &str,
    ) -> impl Future<Output = ()> + use<'_> {
        let (data, text, what) = (data.clone(), text.to_owned(), what.to_owned());
        async move {
            let before = self.stage.mount.storage().entries();
            let answer = self.answer(&data).await;
            assert_eq!((answer.status, answer.error()), (status, text.as_str()), "{what}");
            assert_eq!(answer.auth, None, "{what}");
            assert_eq!(self.stage.mount.storage().entries(), before, "{what}");
        }
    }

    /// The access-list entry of an instance.
    fn entry(&self, instance: &str) -> Option<Value> {
        self.stage.mount.storage().json(&format!("whitelist/identity/{instance}"))
    }

    /// Forgets that the instance has logged in.
    async fn forget(&self) {
        self.stage.mount.delete(&format!("identity-accesslist/{INSTANCE}")).await.expect(204);
    }

    fn change_instance(&self, change: impl FnOnce(&mut Instance)) {
        self.stage.aws.change_instance(INSTANCE, change);
    }
}

/// The document of [`INSTANCE`], started at [`T1`], with members over that; null leaves one out.
fn document(changes: Value) -> Vec<u8> {
    let plain = json!({
        "accountId": ACCOUNT,
        "architecture": "x86_64",
        "availabilityZone": "us-east-1a",
        "billingProducts": null,
        "imageId": IMAGE,
        "instanceId": INSTANCE,
        "instanceType": "t3.micro",
        "pendingTime": T1,
        "region": "us-east-1",
        "version": "2017-09-30",
    });
    serde_json::to_string_pretty(&with(&plain, changes)).expect("JSON").into_bytes()
}

/// Seconds of a stored time.
fn seconds(time: &Value) -> i64 {
    OffsetDateTime::parse(time.as_str().expect("a time"), &Rfc3339).expect("RFC 3339").unix_timestamp()
}

/// Lease time and longest lease time of an identity, in nanoseconds.
fn times(auth: &Auth) -> (i64, i64) {
    let lease = auth.lease_options.as_ref().expect("lease options");
    (lease.ttl, lease.max_ttl)
}
