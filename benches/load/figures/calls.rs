//! How often a login asks STS and storage.

use std::path::Path;

use serde_json::json;

use crate::Bench;
use crate::driver::{Part, closed_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::subject::{ROLE, Subject};
use testkit::aws::ACCOUNT;
use testkit::host::MemoryStorage;
use testkit::identity::{Form, Message, Signer, base64, document};
use testkit::stage::Stage;
use testkit::statistics::as_f64;

/// Logins of which the calls are counted.
const LOGINS: usize = 200;

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("sts_calls", "STS calls per login with a named role", "", Aim::Exactly(1.0)).recorded(2.0),
    Figure::information("sts_connections", "Connections to STS opened by 200 logins of 4 clients", ""),
    Figure::aimed("storage_calls_iam", "Storage calls per iam login", "", Aim::Exactly(0.0)),
    Figure::aimed("storage_lists_ec2", "Lists of certificates per ec2 login", "", Aim::Exactly(0.0)),
    Figure::aimed("storage_reads_ec2", "Entries read per ec2 login", "", Aim::AtMost(1.0)),
    Figure::aimed("storage_writes_ec2", "Entries written per ec2 login", "", Aim::AtMost(1.0)),
    Figure::information("describe_calls_ec2", "DescribeInstances calls per ec2 login", ""),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let subject = Subject::open(bench, binary).await;
    let logins = Logins::of_role(ROLE);
    subject.warm_up(&logins, 4).await;
    let (calls, connections) = (bench.sts.calls(), bench.sts.connections());
    subject.mount.storage().reset_counts();
    closed_loop(&subject.mount, &logins, Part::Whole, 4, LOGINS).await;
    let ec2 = of_ec2_login(bench, binary).await;
    let mut values = vec![
        as_f64(bench.sts.calls() - calls) / as_f64(LOGINS),
        as_f64(bench.sts.connections() - connections),
        storage_calls(subject.mount.storage()) / as_f64(LOGINS),
    ];
    values.extend(ec2);
    values
}

/// Entries listed, read and written, and DescribeInstances calls, of the logins of an instance that has logged in
/// before.
async fn of_ec2_login(bench: &Bench, binary: &Path) -> [f64; 4] {
    const EC2_LOGINS: usize = 10;
    let stage = Stage::on(bench.options.launch(binary)).await;
    let signer = Signer::rsa("instance identity");
    let certificate = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": "pkcs7"});
    stage.mount.write("config/certificate/load", &certificate).await.expect(204);
    stage.role("ec2", json!({"auth_type": "ec2", "bound_account_id": ACCOUNT})).await;
    let instance = stage.instance("i-0123456789abcdef0");
    // In one piece: of several, plugins in Go read the first.
    let message = Message::signed_by(&signer, &document(&instance.id, ACCOUNT)).base64(Form::Definite);
    let data = json!({"pkcs7": message, "role": "ec2", "nonce": "load"});
    let logins = Logins::signed(vec![data]);
    closed_loop(&stage.mount, &logins, Part::Whole, 1, 1).await;
    stage.mount.storage().reset_counts();
    stage.aws.clear_calls();
    closed_loop(&stage.mount, &logins, Part::Whole, 1, EC2_LOGINS).await;
    let counts = stage.mount.storage().counts();
    let storage = [counts.lists, counts.gets, counts.puts + counts.deletes].map(number);
    let [lists, reads, writes] = storage.map(|calls| calls / as_f64(EC2_LOGINS));
    [lists, reads, writes, as_f64(stage.aws.call_count("DescribeInstances")) / as_f64(EC2_LOGINS)]
}

/// All calls to a storage.
fn storage_calls(storage: &MemoryStorage) -> f64 {
    let counts = storage.counts();
    number(counts.lists + counts.gets + counts.puts + counts.deletes)
}

fn number(calls: u64) -> f64 {
    as_f64(usize::try_from(calls).expect("a count"))
}
