//! The fields that the built-in method lacks, as they stand in entries.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::finding::{Finding, Row, Severity};
use crate::go::text::quote;

/// The entries that have such a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `role/<name>`.
    Role,
    /// `config/client`.
    Client,
    /// `config/identity`.
    Identity,
}

/// A field that the built-in method lacks.
#[derive(Debug)]
pub struct OwnField {
    /// Where it is.
    pub place: Place,
    /// Its name in the API.
    pub field: &'static str,
    /// The member of the entry.
    member: &'static str,
    /// What is said where it is set.
    pub row: Row,
}

impl OwnField {
    /// A field by which fewer callers are admitted.
    const fn tightening(
        place: Place,
        [field, member]: [&'static str; 2],
        [code, here, to_do]: [&'static str; 3],
    ) -> Self {
        let severity = Severity::Danger;
        let built_in =
            "ignores it, so it admits callers whom this plugin refuses, and drops it at the next write";
        Self { place, field, member, row: Row { code, severity, built_in, here, to_do } }
    }
}

/// All of them.
pub static OWN_FIELDS: [OwnField; 14] = [
    OwnField::tightening(
        Place::Role,
        ["bound_iam_principal_tags", "bound_iam_principal_tags_list"],
        [
            "own.role.bound_iam_principal_tags",
            "refuses callers whose principal lacks the tags",
            "Before going back, bind the principals themselves, then: CLI write PATH bound_iam_principal_tags=",
        ],
    ),
    OwnField::tightening(
        Place::Role,
        ["bound_organization_ids", "bound_organization_ids_list"],
        [
            "own.role.bound_organization_ids",
            "refuses callers of accounts outside of these organizations",
            "Before going back, bind the accounts or principals themselves, then: CLI write PATH bound_organization_ids=",
        ],
    ),
    OwnField::tightening(
        Place::Role,
        ["bound_organization_unit_paths", "bound_organization_unit_paths_list"],
        [
            "own.role.bound_organization_unit_paths",
            "refuses callers of accounts outside of these organizational units",
            "Before going back, bind the accounts or principals themselves, then: CLI write PATH bound_organization_unit_paths=",
        ],
    ),
    OwnField::tightening(
        Place::Role,
        ["iam_strict_request", "iam_strict_request"],
        [
            "own.role.iam_strict_request",
            "checks logins and renewals of the role strictly",
            "Before going back: CLI write PATH iam_strict_request=false",
        ],
    ),
    OwnField::tightening(
        Place::Role,
        ["iam_request_max_age", "iam_request_max_age"],
        [
            "own.role.iam_request_max_age",
            "refuses signed requests that are older",
            "Before going back: CLI write PATH iam_request_max_age=0",
        ],
    ),
    OwnField::tightening(
        Place::Role,
        ["iam_request_single_use", "iam_request_single_use"],
        [
            "own.role.iam_request_single_use",
            "admits each signed request once",
            "Before going back: CLI write PATH iam_request_single_use=false",
        ],
    ),
    OwnField::tightening(
        Place::Role,
        ["allowed_login_types", "allowed_login_types"],
        [
            "own.role.allowed_login_types",
            "admits callers by these proofs alone; web identity tokens are taken where jwt is named",
            "Before going back, have clients of the role log in by signed requests, then: CLI write PATH allowed_login_types=",
        ],
    ),
    OwnField::tightening(
        Place::Client,
        ["iam_strict_request", "iam_strict_request"],
        [
            "own.config.iam_strict_request",
            "checks logins and renewals of the mount strictly",
            "Before going back: CLI write PATH iam_strict_request=false",
        ],
    ),
    OwnField::tightening(
        Place::Client,
        ["iam_request_max_age", "iam_request_max_age"],
        [
            "own.config.iam_request_max_age",
            "refuses signed requests that are older",
            "Before going back: CLI write PATH iam_request_max_age=0",
        ],
    ),
    OwnField::tightening(
        Place::Client,
        ["iam_request_single_use", "iam_request_single_use"],
        [
            "own.config.iam_request_single_use",
            "admits each signed request once",
            "Before going back: CLI write PATH iam_request_single_use=false",
        ],
    ),
    OwnField {
        place: Place::Client,
        field: "iam_accept_evidence",
        member: "iam_accept_evidence",
        row: Row {
            code: "own.config.iam_accept_evidence",
            severity: Severity::Change,
            built_in: "ignores it and what logins bring: it looks wildcards up with its own credentials, or refuses",
            here: "takes from AWS's answers to requests of the client what it would look up itself",
            to_do: "Before going back, give the server credentials where roles have wildcards, then: CLI write PATH iam_accept_evidence=false",
        },
    },
    OwnField {
        place: Place::Client,
        field: "organizations_endpoint",
        member: "organizations_endpoint",
        row: Row {
            code: "own.config.organizations_endpoint",
            severity: Severity::Info,
            built_in: "ignores it, and drops it at the next write",
            here: "asks it for the organization of an account",
            to_do: "Before going back: CLI write PATH organizations_endpoint=",
        },
    },
    OwnField {
        place: Place::Identity,
        field: "iam_alias_tags",
        member: "iam_alias_tags",
        row: Row {
            code: "own.config.iam_alias_tags",
            severity: Severity::Change,
            built_in: "ignores it: aliases lose these metadata at the next login, and templated policies that use them no longer match",
            here: "puts these tags of the principal on the alias",
            to_do: "Before going back, take them out of templated policies, then: CLI write PATH iam_alias_tags=",
        },
    },
    OwnField {
        place: Place::Identity,
        field: "iam_audit_metadata",
        member: "iam_audit_metadata",
        row: Row {
            code: "own.config.iam_audit_metadata",
            severity: Severity::Change,
            built_in: "ignores it: tokens, and so the audit log, lose these metadata",
            here: "puts them on tokens",
            to_do: "Before going back: CLI write PATH iam_audit_metadata=",
        },
    },
];

/// The members of an entry that are of our own, with their values. They are read from the stored text, so that it
/// does not matter which code keeps them.
pub(super) struct OwnMembers(BTreeMap<&'static str, Value>);

/// All names in one, because an entry of one place with the member of another has it for nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stored {
    bound_iam_principal_tags_list: Value,
    bound_organization_ids_list: Value,
    bound_organization_unit_paths_list: Value,
    iam_strict_request: Value,
    iam_request_max_age: Value,
    iam_request_single_use: Value,
    iam_accept_evidence: Value,
    allowed_login_types: Value,
    organizations_endpoint: Value,
    iam_alias_tags: Value,
    iam_audit_metadata: Value,
}

impl OwnMembers {
    /// Those of a stored entry; none of what is no JSON object.
    pub(super) fn of(stored: &[u8]) -> Self {
        let stored: Stored = serde_json::from_slice(stored).unwrap_or_default();
        let members = [
            ("bound_iam_principal_tags_list", stored.bound_iam_principal_tags_list),
            ("bound_organization_ids_list", stored.bound_organization_ids_list),
            ("bound_organization_unit_paths_list", stored.bound_organization_unit_paths_list),
            ("iam_strict_request", stored.iam_strict_request),
            ("iam_request_max_age", stored.iam_request_max_age),
            ("iam_request_single_use", stored.iam_request_single_use),
            ("iam_accept_evidence", stored.iam_accept_evidence),
            ("allowed_login_types", stored.allowed_login_types),
            ("organizations_endpoint", stored.organizations_endpoint),
            ("iam_alias_tags", stored.iam_alias_tags),
            ("iam_audit_metadata", stored.iam_audit_metadata),
        ];
        Self(members.into_iter().filter(|(_, value)| says_something(value)).collect())
    }

    /// A finding for each that is set.
    pub(super) fn findings(&self, place: Place, path: &str) -> Vec<Finding> {
        OWN_FIELDS
            .iter()
            .filter(|field| field.place == place)
            .filter_map(|field| {
                let value = self.0.get(field.member)?;
                Some(Finding::new(path, &field.row, format!("{}={}", field.field, shown(value))))
            })
            .collect()
    }
}

/// Members that neither the built-in method nor this plugin knows, as a finding.
pub(super) fn unknown_members<'a>(
    path: &str,
    names: impl IntoIterator<Item = &'a String>,
) -> Option<Finding> {
    let is_own = |name: &str| OWN_FIELDS.iter().any(|field| field.member == name);
    let names: Vec<&str> =
        names.into_iter().map(String::as_str).filter(|name| !is_own(name)).take(MAX_NAMES).collect();
    (!names.is_empty()).then(|| Finding::new(path, &super::rows::UNKNOWN_MEMBERS, names.join(", ")))
}

/// Names of members that are shown.
const MAX_NAMES: usize = 10;

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => text.clone(),
        Value::String(text) => quote(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::{BOUNDS, Entry as _, Role};

    #[test]
    fn a_member_at_its_default_says_nothing() {
        let none = json!({
            "bound_organization_ids_list": [], "iam_strict_request": false, "iam_request_max_age": 0,
            "organizations_endpoint": "", "iam_alias_tags": null, "iam_audit_metadata": {},
        });
        assert!(OwnMembers::of(none.to_string().as_bytes()).0.is_empty());
        assert!(OwnMembers::of(b"[]").0.is_empty() && OwnMembers::of(b"\xff").0.is_empty());
    }

    #[test]
    fn each_field_is_found_at_its_place_alone() {
        for field in &OWN_FIELDS {
            let stored = json!({field.member: ["a b", 1, "c"]}).to_string();
            for place in [Place::Role, Place::Client, Place::Identity] {
                let found = OwnMembers::of(stored.as_bytes()).findings(place, "x");
                let is_here =
                    OWN_FIELDS.iter().any(|other| other.member == field.member && other.place == place);
                assert_eq!(found.len(), usize::from(is_here), "{} {place:?}", field.member);
                for finding in found {
                    assert_eq!(finding.seen, format!("{}=\"a b\",1,c", field.field));
                }
            }
        }
    }

    #[test]
    fn no_binding_of_our_own_is_forgotten() {
        for bound in BOUNDS.iter().filter(|bound| bound.own) {
            let mut role = Role::default();
            bound.set(&mut role, vec!["x".to_owned()]);
            let found = OwnMembers::of(&role.encode().unwrap()).findings(Place::Role, "role/r");
            let [finding] = &found[..] else { panic!("{}: {found:?}", bound.name) };
            assert_eq!(finding.row.code, format!("own.role.{}", bound.name));
        }
    }

    #[test]
    fn our_own_members_are_not_unknown() {
        let names = ["iam_request_max_age", "iam_alias_tags", "other"].map(str::to_owned);
        assert_eq!(unknown_members("x", &names).unwrap().seen, "other");
        assert_eq!(unknown_members("x", &names[..2]), None);
    }
}
