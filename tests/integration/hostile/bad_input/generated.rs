//! Generated garbage. Cases come from a fixed seed; one process serves all of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use super::garbage::{LOGIN_FIELDS, any_json, object, quoted};
use super::{answer_to, login_members};
use crate::login_scene::{Canary, LoginScene, outcome, watched_by};
use testkit::aws::{LoginOptions, sign_login};

/// Cases of each test.
const CASES: u32 = 250;

fn runner() -> TestRunner {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Good logins of each form, in which some fields hold anything at all.
#[test]
fn logins_with_garbage_in_them_are_refused() {
    let canary = Canary::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scene = runtime.block_on(LoginScene::launch(|launch, _| watched_by(launch, &canary)));
    let pid = scene.host.pid();
    let alice = runtime.block_on(scene.admitted(&scene.alice_login()));
    // A nonce means nothing here, a GET needs no body, and a presigned one has signed no header.
    let forms: [(LoginOptions, &[&str]); 3] = [
        (LoginOptions::vault_cli(), &["nonce"]),
        (LoginOptions::presigned_get(), &["nonce", "iam_request_body", "iam_request_headers"]),
        (LoginOptions::curl_get(), &["nonce", "iam_request_body"]),
    ];
    let good = forms.map(|(options, of_no_matter)| {
        (login_members(&sign_login(&scene.alice.credentials, &options.role("dev"))), of_no_matter)
    });
    let replaced =
        prop::collection::btree_map(prop::sample::select(LOGIN_FIELDS.as_slice()), any_json(), 1..4);
    let result = runner().run(&(0..good.len(), replaced), |(form, replaced)| {
        let (mut members, of_no_matter) = good[form].clone();
        members.retain(|(name, _)| !replaced.contains_key(name.as_str()));
        members.extend(replaced.iter().map(|(name, json)| ((*name).to_owned(), json.clone())));
        let answer = runtime.block_on(answer_to(&scene.mount, "login", &object(&members)));
        if let Some(admission) = outcome(&answer) {
            prop_assert_eq!(&admission, &alice);
            prop_assert!(replaced.keys().all(|name| of_no_matter.contains(name)), "admitted");
        }
        prop_assert!(scene.host.plugin().process.is_running());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    canary.assert_untouched();
    assert_eq!(scene.aws.malformed_requests(), Vec::<String>::new());
    assert!(
        scene.aws.all_calls().iter().all(|call| matches!(call.action.as_str(), "" | "GetCallerIdentity"))
    );
    runtime.block_on(scene.assert_alive(pid));
}

/// The fields of a login with an instance identity document, without those of a signed request.
#[test]
fn documents_of_garbage_are_refused() {
    let canary = Canary::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scene = runtime.block_on(LoginScene::launch(|launch, _| watched_by(launch, &canary)));
    let pid = scene.host.pid();
    let fields = prop::sample::select(vec!["pkcs7", "identity", "signature", "nonce", "role"]);
    // Bytes that begin as a message does get further than others.
    let almost = prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| {
        let head = [0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x80];
        quoted(&STANDARD.encode([head.as_slice(), &bytes].concat()))
    });
    let values = prop_oneof![any_json(), almost];
    let result = runner().run(&prop::collection::btree_map(fields, values, 1..5), |members| {
        let members: Vec<_> = members.into_iter().collect();
        let answer = runtime.block_on(answer_to(&scene.mount, "login", &object(&members)));
        prop_assert!(answer.auth.is_none() && !answer.errors.is_empty(), "{answer:?}");
        prop_assert!(matches!(answer.status, 400 | 403 | 500), "{answer:?}");
        prop_assert!(answer.raw.is_ok() && scene.host.plugin().process.is_running());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    canary.assert_untouched();
    assert_eq!(scene.aws.total_calls(), 0);
    runtime.block_on(scene.assert_alive(pid));
}

/// A good login whose text is damaged somewhere admits nobody else.
#[test]
fn damaged_text_is_refused_or_means_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scene = runtime.block_on(LoginScene::open());
    let pid = scene.host.pid();
    let good = scene.alice_login().to_string();
    let alice = runtime.block_on(scene.admitted(&scene.alice_login()));
    let place = || any::<prop::sample::Index>();
    let damage = prop_oneof![
        (place(), place()).prop_map(|(one, other)| Damage::Cut(one, other)),
        (place(), any::<char>()).prop_map(|(place, other)| Damage::Another(place, other)),
        (place(), any::<String>()).prop_map(|(place, more)| Damage::More(place, more)),
        (place(), place(), place()).prop_map(|(one, other, target)| Damage::Copied(one, other, target)),
    ];
    let result = runner().run(&prop::collection::vec(damage, 1..4), |damages| {
        let mut text = good.clone();
        for damage in &damages {
            damage.apply(&mut text);
        }
        let answer = runtime.block_on(answer_to(&scene.mount, "login", &text));
        // Damage can miss what counts.
        if let Some(admission) = outcome(&answer) {
            prop_assert_eq!(&admission, &alice);
        }
        prop_assert!(scene.host.plugin().process.is_running());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(scene.assert_alive(pid));
}

/// The paths of operators: whatever they accept, nothing is contacted and the process lives on.
#[test]
fn garbage_for_operators_paths_is_answered() {
    const PATHS: [(&str, &[&str]); 4] = [
        (
            "config/client",
            &["access_key", "sts_endpoint", "max_retries", "identity_token_ttl", "rotation_window"],
        ),
        ("config/identity", &["iam_alias", "iam_metadata", "ec2_alias"]),
        ("config/sts/111122223333", &["sts_role", "external_id"]),
        (
            "role/any",
            &[
                "auth_type",
                "bound_ami_id",
                "token_ttl",
                "token_bound_cidrs",
                "resolve_aws_unique_ids",
                "role_tag",
            ],
        ),
    ];
    let canary = Canary::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scene = runtime.block_on(LoginScene::launch(|launch, _| watched_by(launch, &canary)));
    let pid = scene.host.pid();
    let before = scene.mount.storage().entries();
    let operation = prop::sample::select(vec!["create", "update", "read", "list", "delete"]);
    let values = prop::collection::vec(any_json(), 6);
    let case = (prop::sample::select(PATHS.as_slice()), operation, values);
    let result = runner().run(&case, |((path, fields), operation, values)| {
        let members: Vec<_> = fields.iter().zip(&values).map(|(name, json)| (*name, json.clone())).collect();
        for data in [object(&members), values[0].clone()] {
            let request = scene.mount.request(operation, path, &Value::Null).data_text(&data);
            let reply = runtime.block_on(request.reply());
            prop_assert!(reply.is_ok(), "{reply:?}");
            let check = scene.mount.request(operation, path, &Value::Null).data_text(&data);
            prop_assert!(runtime.block_on(check.existence_check()).is_ok());
        }
        prop_assert!(scene.host.plugin().process.is_running());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    canary.assert_untouched();
    for key in scene.mount.storage().keys() {
        scene.mount.storage().remove(&key);
        runtime.block_on(scene.mount.invalidate(&key)).unwrap();
    }
    for (key, value) in before {
        scene.mount.storage().put(&key, value);
    }
    runtime.block_on(scene.assert_alive(pid));
}

/// What happens to a text.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index, prop::sample::Index),
    Another(prop::sample::Index, char),
    More(prop::sample::Index, String),
    Copied(prop::sample::Index, prop::sample::Index, prop::sample::Index),
}

impl Damage {
    fn apply(&self, text: &mut String) {
        let chars: Vec<char> = text.chars().collect();
        if chars.is_empty() {
            return;
        }
        let at = |place: &prop::sample::Index| place.index(chars.len());
        let between = |one: usize, other: usize| &chars[one.min(other)..one.max(other)];
        let mut damaged = chars.clone();
        match self {
            Self::Cut(one, other) => {
                let (one, other) = (at(one), at(other));
                damaged.drain(one.min(other)..one.max(other));
            }
            Self::Another(place, other) => damaged[at(place)] = *other,
            Self::More(place, more) => {
                damaged.splice(at(place)..at(place), more.chars());
            }
            Self::Copied(one, other, target) => {
                let copied = between(at(one), at(other)).to_vec();
                damaged.splice(at(target)..at(target), copied);
            }
        }
        *text = damaged.into_iter().collect();
    }
}
