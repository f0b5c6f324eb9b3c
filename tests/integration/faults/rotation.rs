//! AWS refuses a rotation of the server's own key.

use serde_json::json;
use vault_plugin_auth_aws::refusal::Code;

use super::scene::{LOG_LIMIT, Planted, Row, Scene};
use testkit::aws::{Fault, Times};

const PATH: &str = "config/rotate-root";

/// What is told of a rotation that must be refused: the same by its answer and by the log.
async fn told(scene: &Scene, planted: Planted, call: &str) -> Row {
    let Planted { row, fault, code, word } = planted;
    let before = scene.stage.stored_config();
    let answer = scene.stage.mount.write(PATH, &json!({})).await.expect(500);
    assert!(answer.error().starts_with(&format!("error calling {call}: ")), "{row}: {}", answer.error());
    assert_eq!(scene.stage.stored_config(), before, "{row}: the key is the one before");
    let of_code = Code::ALL.iter().find(|known| known.as_str() == code).expect("a code");
    let line = scene.stage.host.wait_for_log(LOG_LIMIT, |entry| {
        let is = |name: &str, value: &str| entry.fields.get(name) == Some(&json!(value));
        is("path", PATH) && is("code", code)
    });
    let line = line.await.unwrap_or_else(|| panic!("{row}: no line about the rotation"));
    let hint = line.fields["hint"].as_str().expect("a hint").to_owned();
    assert!(hint.contains(word), "{row}: {word:?} is not in {hint:?}");
    Row {
        row: row.to_owned(),
        fault: fault.to_owned(),
        code: code.to_owned(),
        blame: of_code.blame().as_str().to_owned(),
        hint,
        proof: "end to end",
    }
}

pub(super) async fn rows(scene: &Scene) -> Vec<Row> {
    let aws = &scene.stage.aws;
    let session =
        Fault::error(400, "ValidationError", "Must specify userName when calling with non-User credentials");
    aws.fault("GetUser", Times::Always, session);
    let planted = Planted {
        row: "33",
        fault: "config/rotate-root: the credentials are no user's",
        code: "rotation.not_a_user",
        word: "key of an IAM user",
    };
    let no_user = told(scene, planted, "GetUser").await;
    aws.clear_faults();

    let second = aws.create_access_key(&scene.stage.server_user);
    let planted = Planted {
        row: "32",
        fault: "config/rotate-root: the user has two access keys",
        code: "rotation.two_keys",
        word: "room for a second one",
    };
    let two_keys = told(scene, planted, "CreateAccessKey").await;
    aws.delete_key(&second.access_key_id);
    vec![no_user, two_keys]
}
