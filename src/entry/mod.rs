//! What the method keeps in the host's storage, in the form the built-in method writes.

mod access_list;
mod bounds;
mod certificate;
mod client_config;
mod deny_list;
mod error;
mod identity_config;
mod issuer;
mod json;
mod jwt_issuer;
mod login_type;
mod mount_version;
mod pending_key;
mod request_rules;
mod role;
mod role_upgrade;
mod rotation_state;
mod stored_time;
mod sts_config;
mod tag_pair;
mod tidy_config;

pub use access_list::AccessListEntry;
pub use bounds::{BOUNDS, Bound, GoesWith};
pub use certificate::{CertificateKind, StoredCertificate};
pub use client_config::ClientConfig;
pub use deny_list::DenyListEntry;
pub use error::EntryError;
pub use identity_config::{
    AliasSource, EC2_METADATA, IAM_AUDIT_METADATA, IAM_METADATA, IdentityConfig, MetadataFields,
    MetadataSelection,
};
pub use issuer::{Issuer, IssuerKey, TokenAlgorithm};
pub use json::Entry;
pub use jwt_issuer::{IssuerOfAccount, JwtAlgorithm, JwtIssuer};
pub use login_type::LoginType;
pub use mount_version::MountVersion;
pub use pending_key::PendingKey;
pub use request_rules::RequestRules;
pub use role::{AuthType, InferredEntity, Role};
pub use role_upgrade::RoleUpgrade;
pub use rotation_state::RotationState;
pub use stored_time::StoredTime;
pub use sts_config::StsConfig;
pub use tag_pair::tag_pair;
pub use tidy_config::{TidyConfig, TidyList};
