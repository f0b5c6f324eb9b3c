//! Documents of instances that are gone. They stay good for ever, and one unknown id makes EC2 refuse
//! all others that it is asked for with.

use serde_json::json;

use super::plan::{Pace, Plan};
use super::scene::Scene;
use testkit::aws::ACCOUNT;
use testkit::identity::{Form, Message, Signer, base64, document};

/// Logins per second.
const RATE: f64 = 4.0;
/// Clients of a flood.
const CLIENTS: usize = 16;
/// Documents before the first comes again.
const DOCUMENTS: usize = 20;

pub(super) async fn plan(scene: &Scene) -> Plan {
    let signer = Signer::rsa("instance identity");
    let mount = scene.stage.mount.clone();
    let certificate = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": "pkcs7"});
    mount.write("config/certificate/load", &certificate).await.expect(204);
    scene.stage.role("ec2", json!({"auth_type": "ec2", "bound_account_id": ACCOUNT})).await;
    let login = |number: usize| {
        let document = document(&format!("i-dead{number:013x}"), ACCOUNT);
        let message = Message::signed_by(&signer, &document).base64(Form::Definite);
        json!({"pkcs7": message, "role": "ec2", "nonce": "dead"})
    };
    Plan {
        logins: (0..DOCUMENTS).map(login).collect(),
        mount,
        paced: Pace::PerSecond(RATE),
        clients: CLIENTS,
    }
}
