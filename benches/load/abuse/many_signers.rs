//! A message that eight signers have signed, all of whom are to be believed, and signatures beside a
//! document for which every key has to be tried. Neither names a role that exists.

use serde_json::json;

use super::plan::{Pace, Plan};
use super::scene::Scene;
use testkit::aws::ACCOUNT;
use testkit::identity::{Form, Message, Signer, SignerInfo, base64, document};

/// Logins per second. 85 of them used to take nine tenths of a core.
const RATE: f64 = 200.0;
/// Clients of a flood.
const CLIENTS: usize = 16;
const SIGNERS: usize = 8;
/// Length of an RSA signature of AWS.
const SIGNATURE: usize = 256;

pub(super) async fn plan(scene: &Scene) -> Plan {
    let signer = Signer::dsa("instance identity");
    let certificate = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": "pkcs7"});
    scene.stage.mount.write("config/certificate/load", &certificate).await.expect(204);
    let document = document("i-0123456789abcdef0", ACCOUNT);
    let info = SignerInfo::with_attributes(&signer, &document);
    let message = Message::new(&document, vec![info; SIGNERS]).base64(Form::Definite);
    let garbage = base64(&[0x5a; SIGNATURE]);
    Plan {
        mount: scene.stage.mount.clone(),
        logins: vec![
            json!({"pkcs7": message, "role": "absent"}),
            json!({"identity": base64(&document), "signature": garbage, "role": "absent"}),
        ],
        paced: Pace::PerSecond(RATE),
        clients: CLIENTS,
    }
}
