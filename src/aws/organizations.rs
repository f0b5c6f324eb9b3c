//! Organizations: which organization and which organizational unit an account is in.

use aws_credential_types::Credentials;
use serde_json::{Value, json};

use super::calls::Api;
use super::context::CallContext;
use super::endpoint::Endpoint;
use super::error::CallError;
use super::json_call::JsonCall;
use super::region::Region;
use crate::aws::arn::AccountId;

const TARGET_PREFIX: &str = "AWSOrganizationsV20161128";
/// The state of an account that is in use.
const ACTIVE: &str = "ACTIVE";

/// Where an account is, as its organization knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// In no organization that is asked.
    Outside,
    /// In an organization, but closed, suspended or not yet in use: the state as AWS names it.
    Inactive(String),
    /// In an organization.
    Member {
        /// Id of the organization.
        organization_id: String,
        /// Paths of the organizational units that it is directly in, each with a slash at its end; `None` where
        /// the endpoint does not tell them.
        unit_paths: Option<Vec<String>>,
    },
}

/// Organizations of one partition.
#[derive(Clone)]
pub struct OrganizationsClient {
    /// Endpoint of the partition, or the configured one.
    pub endpoint: Endpoint,
    /// Region, for signatures.
    pub region: Region,
    /// Credentials in the management account, or in one that it delegates to.
    pub credentials: Credentials,
}

impl OrganizationsClient {
    /// Where an account is.
    ///
    /// # Errors
    /// See [`CallError`]. That the organization does not know the account is none.
    pub async fn describe_account(
        &self,
        account: &AccountId,
        context: CallContext<'_>,
    ) -> Result<Membership, CallError> {
        let call = JsonCall {
            api: Api::DescribeAccount,
            target_prefix: TARGET_PREFIX,
            account: &AccountId::default(),
            region: &self.region,
            endpoint: &self.endpoint,
            body: json!({"AccountId": account.as_str()}),
            credentials: &self.credentials,
        };
        match call.send(context).await {
            Ok(document) => {
                let partition = self.region.partition().name();
                read_membership(&document, partition, account.as_str()).ok_or_else(|| call.unreadable())
            }
            Err(CallError::Service(error)) if error.code == "AccountNotFoundException" => {
                Ok(Membership::Outside)
            }
            Err(error) => Err(error),
        }
    }
}

/// Reads an answer about an account. What it says must be about that account alone and agree with itself.
fn read_membership(document: &Value, partition: &str, account: &str) -> Option<Membership> {
    let described = document.get("Account")?;
    if described.get("Id")?.as_str()? != account {
        return None;
    }
    let states: Vec<&str> = ["State", "Status"]
        .iter()
        .filter_map(|name| described.get(*name))
        .map(Value::as_str)
        .collect::<Option<_>>()?;
    if let Some(other) = states.iter().find(|state| **state != ACTIVE) {
        return Some(Membership::Inactive((*other).to_owned()));
    }
    if states.is_empty() {
        return None;
    }
    let organization_id = organization_of_arn(described.get("Arn")?.as_str()?, partition, account)?;
    let unit_paths = match described.get("Paths") {
        None | Some(Value::Null) => None,
        Some(paths) => {
            let paths = paths.as_array()?.iter();
            let units = paths.map(|path| unit_of_path(path.as_str()?, organization_id, account));
            Some(units.collect::<Option<Vec<String>>>()?).filter(|paths| !paths.is_empty())
        }
    };
    Some(Membership::Member { organization_id: organization_id.to_owned(), unit_paths })
}

/// Reads an answer about the organization that the account of the signer is in: where that account is, as far as
/// such an answer tells it.
pub(super) fn read_own_organization(document: &Value, partition: &str) -> Option<Membership> {
    let described = document.get("Organization")?;
    let id = described.get("Id")?.as_str()?;
    let rest = described.get("Arn")?.as_str()?.strip_prefix("arn:")?.strip_prefix(partition)?;
    let (_, resource) = rest.strip_prefix(":organizations::")?.split_once(':')?;
    let agrees = is_organization_id(id) && resource.strip_prefix("organization/") == Some(id);
    agrees.then(|| Membership::Member { organization_id: id.to_owned(), unit_paths: None })
}

/// The organization in the ARN of an account, `arn:aws:organizations::111122223333:account/o-abcdefghij/444455556666`.
fn organization_of_arn<'a>(arn: &'a str, partition: &str, account: &str) -> Option<&'a str> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(partition)?.strip_prefix(":organizations::")?;
    let (_, resource) = rest.split_once(':')?;
    let organization = resource.strip_prefix("account/")?.strip_suffix(account)?.strip_suffix('/')?;
    is_organization_id(organization).then_some(organization)
}

/// The path of the unit that an account is in, out of the account's own, which ends in the account.
fn unit_of_path(path: &str, organization: &str, account: &str) -> Option<String> {
    let unit = path.strip_suffix('/').unwrap_or(path).strip_suffix(account)?;
    let rest = unit.strip_prefix(organization)?;
    (rest.starts_with('/') && is_unit_path(unit)).then(|| unit.to_owned())
}

/// Whether a text is the id of an organization.
#[must_use]
pub fn is_organization_id(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|rest| is_of(rest, 10..=32))
}

/// Whether a text is the path of a root or of an organizational unit: from the organization down, each segment
/// whole, with a slash at the end.
#[must_use]
pub fn is_unit_path(text: &str) -> bool {
    let Some(text) = text.strip_suffix('/') else { return false };
    let mut segments = text.split('/');
    let begins = segments.next().is_some_and(is_organization_id)
        && segments
            .next()
            .is_some_and(|root| root.strip_prefix("r-").is_some_and(|rest| is_of(rest, 4..=32)));
    begins && segments.all(is_unit_id)
}

fn is_unit_id(text: &str) -> bool {
    let parts = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(root, unit)| is_of(root, 4..=32) && is_of(unit, 8..=32))
}

fn is_of(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "444455556666";
    const UNIT: &str = "o-abcdefghij/r-abcd/ou-abcd-11111111/";

    fn document() -> Value {
        json!({"Account": {
            "Id": ACCOUNT,
            "Arn": "arn:aws:organizations::111122223333:account/o-abcdefghij/444455556666",
            "State": "ACTIVE",
            "Status": "ACTIVE",
            "Paths": [format!("{UNIT}{ACCOUNT}/")],
        }})
    }

    fn read(change: impl FnOnce(&mut Value)) -> Option<Membership> {
        let mut document = document();
        change(&mut document["Account"]);
        read_membership(&document, "aws", ACCOUNT)
    }

    fn member(unit_paths: Option<&[&str]>) -> Option<Membership> {
        let unit_paths = unit_paths.map(|paths| paths.iter().map(|&path| path.to_owned()).collect());
        Some(Membership::Member { organization_id: "o-abcdefghij".to_owned(), unit_paths })
    }

    fn without(name: &'static str) -> impl FnOnce(&mut Value) {
        move |account| {
            account.as_object_mut().unwrap().remove(name);
        }
    }

    #[test]
    fn the_path_of_an_account_ends_in_its_unit() {
        assert_eq!(read(|_| ()), member(Some(&[UNIT])));
        assert_eq!(
            read(|account| account["Paths"][0] = json!(format!("{UNIT}{ACCOUNT}"))),
            member(Some(&[UNIT]))
        );
        let root = format!("o-abcdefghij/r-abcd/{ACCOUNT}/");
        assert_eq!(
            read(|account| account["Paths"][0] = json!(root)),
            member(Some(&["o-abcdefghij/r-abcd/"]))
        );
        assert_eq!(read(without("Paths")), member(None));
        assert_eq!(read(|account| account["Paths"] = json!([])), member(None));
        assert_eq!(read(|account| account["Paths"] = Value::Null), member(None));
    }

    #[test]
    fn only_an_active_account_is_a_member() {
        for state in ["SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION", "", "active"] {
            for name in ["State", "Status"] {
                assert_eq!(
                    read(|account| account[name] = json!(state)),
                    Some(Membership::Inactive(state.to_owned()))
                );
            }
        }
        assert_eq!(read(without("State")), member(Some(&[UNIT])));
        assert_eq!(read(without("Status")), member(Some(&[UNIT])));
        assert_eq!(
            read(|account| {
                without("State")(account);
                without("Status")(account);
            }),
            None
        );
    }

    #[test]
    fn an_answer_that_disagrees_with_itself_or_the_question_is_none() {
        for (name, value) in [
            ("Id", json!("111122223333")),
            ("Id", json!(444_455_556_666_u64)),
            ("State", json!(1)),
            ("Arn", json!("arn:aws-cn:organizations::111122223333:account/o-abcdefghij/444455556666")),
            ("Arn", json!("arn:aws:iam::111122223333:account/o-abcdefghij/444455556666")),
            ("Arn", json!("arn:aws:organizations::111122223333:account/o-abcdefghij/111122223333")),
            ("Arn", json!("arn:aws:organizations::111122223333:account/o-abc/444455556666")),
            ("Arn", json!("arn:aws:organizations::111122223333:ou/o-abcdefghij/444455556666")),
            ("Paths", json!("o-abcdefghij/r-abcd/444455556666/")),
            ("Paths", json!([1])),
            ("Paths", json!(["o-abcdefghik/r-abcd/444455556666/"])),
            ("Paths", json!(["o-abcdefghij/r-abcd/111122223333/"])),
            ("Paths", json!(["o-abcdefghij/r-abcd/x444455556666/"])),
            ("Paths", json!(["o-abcdefghij/r-abcd/ou-abcd-11111111/"])),
            ("Paths", json!([format!("{UNIT}{ACCOUNT}/"), "nonsense"])),
        ] {
            assert_eq!(read(|account| account[name] = value.clone()), None, "{name} {value}");
        }
        assert_eq!(read_membership(&json!({}), "aws", ACCOUNT), None);
        assert_eq!(read_membership(&document(), "aws-cn", ACCOUNT), None);
    }

    #[test]
    fn an_answer_about_the_own_organization_agrees_with_itself() {
        let read = |id: &str, arn: &str| {
            read_own_organization(&json!({"Organization": {"Id": id, "Arn": arn}}), "aws")
        };
        let arn = "arn:aws:organizations::111122223333:organization/o-abcdefghij";
        assert_eq!(read("o-abcdefghij", arn), member(None));
        for (id, arn) in [
            ("o-abcdefghik", arn),
            ("o-abc", "arn:aws:organizations::111122223333:organization/o-abc"),
            ("o-abcdefghij", "arn:aws-cn:organizations::111122223333:organization/o-abcdefghij"),
            ("o-abcdefghij", "arn:aws:iam::111122223333:organization/o-abcdefghij"),
            ("o-abcdefghij", "arn:aws:organizations::111122223333:account/o-abcdefghij"),
            ("o-abcdefghij", ""),
        ] {
            assert_eq!(read(id, arn), None, "{id} {arn}");
        }
        assert_eq!(read_own_organization(&json!({"Organization": {"Id": "o-abcdefghij"}}), "aws"), None);
        assert_eq!(read_own_organization(&json!({}), "aws"), None);
    }

    #[test]
    fn ids_and_paths_have_one_form() {
        for (text, is_id) in [
            ("o-abcdefghij", true),
            ("o-abcdefghi", false),
            ("o-ABCDEFGHIJ", false),
            ("o-abcdefghij/", false),
            ("abcdefghij", false),
            ("o-abcdefghi*", false),
        ] {
            assert_eq!(is_organization_id(text), is_id, "{text}");
        }
        for (text, is_path) in [
            ("o-abcdefghij/r-abcd/", true),
            (UNIT, true),
            ("o-abcdefghij/r-abcd/ou-abcd-11111111/ou-abcd-22222222/", true),
            ("o-abcdefghij/r-abcd/ou-abcd-11111111", false),
            ("o-abcdefghij/r-abcd", false),
            ("o-abcdefghij/", false),
            ("o-abcdefghij/r-abcd//", false),
            ("o-abcdefghij/r-abcd/ou-abcd-1111*/", false),
            ("/o-abcdefghij/r-abcd/", false),
            ("o-abcdefghij/r-abcd/444455556666/", false),
            ("o-abcdefghij/ou-abcd-11111111/", false),
            ("", false),
            ("/", false),
        ] {
            assert_eq!(is_unit_path(text), is_path, "{text}");
        }
    }
}
