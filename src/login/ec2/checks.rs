//! What the checks of an ec2 login compare, as a trace keeps it. Nonces are in none of it.

use super::refused::Refused;
use crate::aws::calls::Api;
use crate::aws::ec2::Instance;
use crate::entry::{AccessListEntry, Role};
use crate::framework::Auth;
use crate::login::trace::Compared;
use crate::proof::identity_document::{IdentityDocument, VerifiedDocument};

pub(super) const NO_ORGANIZATION: &str = "Not needed: the role binds no organization.";

fn joined(bound: Option<&Vec<String>>) -> String {
    bound.map(|bound| bound.join(",")).unwrap_or_default()
}

/// The region of a document beside those of a role.
pub(super) fn region(role: &Role, document: &IdentityDocument) -> Compared {
    Compared::of(document.region.as_str(), joined(role.bound_region_list.as_ref()))
}

/// Account and instance of a document beside those of a role.
pub(super) fn document_bounds(role: &Role, document: &IdentityDocument) -> Compared {
    let seen = format!("{} {}", document.account_id, document.instance_id);
    let bound = [&role.bound_account_id_list, &role.bound_ec2_instance_id_list];
    let wanted = bound.map(|bound| joined(bound.as_ref()));
    Compared::of(seen, wanted.join(" ").trim().to_owned())
}

/// Which document was signed, if one was.
pub(super) fn signature(verified: &Result<VerifiedDocument, Refused>) -> Compared {
    let seen = verified.as_ref().map(|verified| verified.document().instance_id.clone()).unwrap_or_default();
    Compared::of(seen, "a document that AWS signed")
}

/// The instance that runs beside that of the document.
pub(super) fn instance(found: &Result<Instance, Refused>, id: &str, region: &str) -> Compared {
    let seen = match found {
        Ok(instance) => format!("{} {}", instance.id, instance.state),
        Err(_) => id.to_owned(),
    };
    Compared::of(seen, format!("a running instance in {region}")).by(Api::DescribeInstances.name())
}

/// The start of the instance beside that of its earlier login.
pub(super) fn reauthentication(earlier: Option<&AccessListEntry>, pending_time: &str) -> Compared {
    let stored = earlier.map(|earlier| earlier.pending_time.as_str()).unwrap_or_default();
    Compared::of(pending_time, stored)
}

/// The tag of the instance beside the key that the role names.
pub(super) fn role_tag(role: &Role, instance: &Instance) -> Compared {
    let tag = instance.tags.iter().find(|(key, _)| *key == role.role_tag);
    Compared::of(tag.map(|(_, value)| value.as_str()).unwrap_or_default(), role.role_tag.as_str())
}

/// The alias, and where it is from.
pub(super) fn identity(auth: &Result<Auth, Refused>, source: &str) -> Compared {
    let alias = auth.as_ref().ok().and_then(|auth| auth.alias.as_ref());
    Compared::of(alias.map(|alias| alias.name.as_str()).unwrap_or_default(), source)
}
