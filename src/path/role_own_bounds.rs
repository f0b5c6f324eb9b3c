//! Bindings that the built-in method lacks, as they are written: only what a caller can have is taken, so that a
//! slip of the pen is told when it is made.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::aws::organizations::{is_organization_id, is_unit_path};
use crate::entry::{Role, tag_pair};
use crate::framework::Fields;
use crate::go::text::quote;
use crate::refusal::{Code, Coded};

/// Longest key and value of a tag of IAM, in characters.
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;

/// Why nobody could satisfy a binding.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum OwnBoundError {
    /// No key and value of a tag.
    #[error("bound_iam_principal_tags has {}, which is no key=value of an IAM tag", quote(.0))]
    NoTag(String),
    /// A star that stands for nothing.
    #[error(
        "bound_iam_principal_tags has {}: a star stands at the end of a value alone, with its beginning before it",
        quote(.0)
    )]
    Star(String),
    /// IAM takes such keys for one.
    #[error("bound_iam_principal_tags has the keys {} and {}, which differ in case alone", quote(.0), quote(.1))]
    TagKeys(String, String),
    /// No id of an organization.
    #[error("bound_organization_ids has {}, which is no id of an organization", quote(.0))]
    OrganizationId(String),
    /// No path of an organizational unit.
    #[error(
        "bound_organization_unit_paths has {}, which is no path of an organizational unit with a slash at its end",
        quote(.0)
    )]
    UnitPath(String),
}

impl Coded for OwnBoundError {
    fn code(&self) -> Code {
        match self {
            Self::NoTag(_) | Self::Star(_) | Self::TagKeys(..) => Code::RoleTags,
            Self::OrganizationId(_) | Self::UnitPath(_) => Code::RoleOrganization,
        }
    }
}

/// Checks those that the request supplied.
///
/// # Errors
/// The first that nobody could satisfy.
pub(super) fn check_own_bounds(fields: &Fields, role: &Role) -> Result<(), OwnBoundError> {
    if fields.supplied("bound_iam_principal_tags") {
        check_tags(role.bound_iam_principal_tags_list.as_deref().unwrap_or_default())?;
    }
    for id in fields.list("bound_organization_ids").unwrap_or_default() {
        if !is_organization_id(id) {
            return Err(OwnBoundError::OrganizationId(id.clone()));
        }
    }
    for path in fields.list("bound_organization_unit_paths").unwrap_or_default() {
        if !is_unit_path(path) {
            return Err(OwnBoundError::UnitPath(path.clone()));
        }
    }
    Ok(())
}

fn check_tags(tags: &[String]) -> Result<(), OwnBoundError> {
    let mut keys: BTreeMap<String, &str> = BTreeMap::new();
    for text in tags {
        let no_tag = || OwnBoundError::NoTag(text.clone());
        let (key, value) = tag_pair(text).ok_or_else(no_tag)?;
        if key.chars().count() > MAX_TAG_KEY || value.chars().count() > MAX_TAG_VALUE {
            return Err(no_tag());
        }
        let beginning = value.strip_suffix('*');
        if key.contains('*') || beginning.unwrap_or(value).contains('*') || beginning == Some("") {
            return Err(OwnBoundError::Star(text.clone()));
        }
        let other = keys.insert(key.to_lowercase(), key);
        if let Some(other) = other.filter(|other| *other != key) {
            return Err(OwnBoundError::TagKeys(other.to_owned(), key.to_owned()));
        }
    }
    Ok(())
}
