//! The policies for IAM allow what the source calls, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::{files, folder, text};

/// AWS answers it to everybody who signs.
const NEEDS_NO_PERMISSION: &str = "sts:GetCallerIdentity";

/// They act on no resource that could be named.
const ON_EVERYTHING: [&str; 2] = ["ec2:DescribeInstances", "organizations:DescribeOrganization"];

/// Whether a word is an action as policies write it.
fn is_action(word: &str) -> bool {
    word.split_once(':').is_some_and(|(service, action)| {
        !service.is_empty()
            && service.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && action.starts_with(|first: char| first.is_ascii_uppercase())
            && action.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// The actions among the quoted words of a text.
pub(super) fn actions_in(text: &str, quote: char) -> BTreeSet<String> {
    text.split(quote).filter(|word| is_action(word)).map(str::to_owned).collect()
}

/// What the source calls.
pub(super) fn called() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws/calls/api.rs");
    let called = actions_in(&text(&source), '"');
    assert!(called.contains(NEEDS_NO_PERMISSION), "{called:?}");
    called
}

fn statements(policy: &str) -> Vec<Value> {
    let policy: Value = serde_json::from_str(policy).unwrap();
    assert_eq!(policy["Version"], json!("2012-10-17"));
    policy["Statement"].as_array().unwrap().clone()
}

fn actions_of(statement: &Value) -> BTreeSet<String> {
    let actions = statement["Action"].as_array().unwrap();
    actions.iter().map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_action_that_is_called_is_allowed_and_no_other() {
    let mut allowed = BTreeSet::new();
    for path in files(&folder().join("iam"), ".json") {
        for statement in statements(&text(&path)) {
            assert_eq!(statement["Effect"], json!("Allow"), "{}", path.display());
            allowed.extend(actions_of(&statement));
        }
    }
    let mut called = called();
    called.remove(NEEDS_NO_PERMISSION);
    assert_eq!(allowed, called, "plugin-catalog/iam on the left, src/aws on the right");
}

#[test]
fn policies_name_what_they_act_on_and_trust_has_conditions() {
    for path in files(&folder().join("iam"), ".json") {
        let name = path.display();
        let is_trust = path.to_str().unwrap().ends_with("-trust.json");
        for statement in statements(&text(&path)) {
            assert!(statement["Sid"].is_string(), "{name}");
            if is_trust {
                let conditions = statement["Condition"]["StringEquals"].as_object().unwrap();
                assert!(!conditions.is_empty() && statement["Principal"].is_object(), "{name}");
                assert_eq!(statement["Resource"], Value::Null, "{name}");
            } else if statement["Resource"] == json!("*") {
                assert!(
                    actions_of(&statement).iter().all(|action| ON_EVERYTHING.contains(&action.as_str())),
                    "{name}"
                );
            } else {
                for resource in statement["Resource"].as_array().unwrap() {
                    let resource = resource.as_str().unwrap();
                    assert!(resource.starts_with("arn:aws:") && !resource.ends_with(":*"), "{name}");
                }
            }
        }
    }
}

#[test]
fn the_table_tells_the_actions_of_each_file() {
    let readme = text(&folder().join("iam/README.md"));
    for path in files(&folder().join("iam"), ".json") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let row = readme.lines().find(|line| line.starts_with(&format!("| [`{name}`]")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let told = actions_in(row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap(), '`');
        let actions: BTreeSet<String> = statements(&text(&path)).iter().flat_map(actions_of).collect();
        assert_eq!(told, actions, "{name}");
    }
}
