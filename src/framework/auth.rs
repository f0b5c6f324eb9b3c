//! The identity a login returns, and the host gives back on renewal.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::go::GoDuration;

/// A point in time as the protocol carries it (`google.protobuf.Timestamp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: i32,
}

impl Timestamp {
    /// Year 1, which Go takes for "not set". The host refuses leases without any issue time.
    pub const UNSET: Self = Self { seconds: -62_135_596_800, nanos: 0 };
}

/// How long a token lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOptions {
    /// Requested time to live; zero means the mount's default.
    pub ttl: GoDuration,
    /// Upper bound; zero means the mount's.
    pub max_ttl: GoDuration,
    /// Whether the token may be renewed.
    pub renewable: bool,
    /// What the client asked for on renewal.
    pub increment: GoDuration,
    /// When the token was issued.
    pub issue_time: Timestamp,
}

impl Default for LeaseOptions {
    fn default() -> Self {
        Self {
            ttl: GoDuration::ZERO,
            max_ttl: GoDuration::ZERO,
            renewable: false,
            increment: GoDuration::ZERO,
            issue_time: Timestamp::UNSET,
        }
    }
}

/// The wire number of a token type: 0 default, 1 service, 2 batch, 3 default-service,
/// 4 default-batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenType(pub u32);

/// A name under which the host's identity store knows the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alias {
    /// Mount type; filled by the host.
    pub mount_type: String,
    /// Mount accessor; filled by the host.
    pub mount_accessor: String,
    /// The name; must not be empty.
    pub name: String,
    /// Metadata stored with the alias.
    pub metadata: BTreeMap<String, String>,
    /// Id of the alias; filled by the host.
    pub id: String,
    /// Namespace; filled by the host.
    pub namespace_id: String,
    /// Metadata set by operators; filled by the host.
    pub custom_metadata: BTreeMap<String, String>,
    /// Whether the alias is local to the cluster; filled by the host.
    pub local: bool,
}

/// The `Auth` message of the backend protocol. On renewal it is returned whole: the host replaces
/// what it has stored by what it gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Auth {
    /// Time to live and its bounds.
    pub lease: LeaseOptions,
    /// Data kept by the host for renewal; never shown to the client.
    pub internal_data: Map<String, Value>,
    /// Display name of the token.
    pub display_name: String,
    /// Policies of the token.
    pub policies: Vec<String>,
    /// Metadata of the token.
    pub metadata: BTreeMap<String, String>,
    /// Filled by the host.
    pub client_token: String,
    /// Filled by the host.
    pub accessor: String,
    /// Period of a periodic token.
    pub period: GoDuration,
    /// How often the token may be used; zero means without limit.
    pub num_uses: i64,
    /// Filled by the host.
    pub entity_id: String,
    /// The caller's name in the identity store.
    pub alias: Option<Alias>,
    /// Group names in the identity store.
    pub group_aliases: Vec<Alias>,
    /// Addresses or networks the token may be used from.
    pub bound_cidrs: Vec<String>,
    /// Filled by the host.
    pub token_policies: Vec<String>,
    /// Filled by the host.
    pub identity_policies: Vec<String>,
    /// Hard upper bound of the token's life.
    pub explicit_max_ttl: GoDuration,
    /// Kind of token.
    pub token_type: TokenType,
    /// Whether the policy `default` is left out.
    pub no_default_policy: bool,
}
