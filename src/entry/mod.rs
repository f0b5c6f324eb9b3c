//! What the method keeps in the host's storage, in the form the built-in method writes.

mod certificate;
mod client_config;
mod identity_config;
mod json;
mod role;
mod sts_config;
mod token_params;

pub use certificate::{CertificateKind, StoredCertificate};
pub use client_config::ClientConfig;
pub use identity_config::{
    AliasSource, EC2_METADATA, IAM_METADATA, IdentityConfig, MetadataFields, MetadataSelection,
};
pub use json::{Entry, EntryError};
pub(crate) use role::random_id;
pub use role::{AuthType, InferredEntity, Role, RoleUpgrade};
pub use sts_config::StsConfig;
pub use token_params::{BoundCidr, TOKEN_FIELDS, TokenParams};
