//! A request as the host sends it.

use aws_lc_rs::digest::{SHA256, digest};

use super::Auth;

/// What the host asks for (`Request.operation` of the backend protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// POST or PUT on an entry that does not exist.
    Create,
    /// POST or PUT.
    Update,
    /// GET.
    Read,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// LIST, or GET with `list=true`.
    List,
    /// SCAN, or GET with `scan=true` (OpenBao only).
    Scan,
    /// HEAD.
    Header,
    /// `?help=1`.
    Help,
    /// Token renewal, asked by the host.
    Renew,
    /// Lease revocation, asked by the host.
    Revoke,
    /// The host's minute timer.
    Rollback,
    /// The host's rotation manager wants the credentials of a registered job rotated (Vault 1.19).
    Rotation,
    /// The host wants the alias a login would use.
    AliasLookahead,
    /// The host wants the role a login would use.
    ResolveRole,
    /// The host wants the canonical form of a path, for its access-control check (OpenBao 2.7).
    ResolvePath,
}

impl Operation {
    /// The operation of this wire name; `None` for names this plugin does not know.
    #[must_use]
    pub fn from_wire(name: &str) -> Option<Self> {
        Some(match name {
            "create" => Self::Create,
            "update" => Self::Update,
            "read" => Self::Read,
            "patch" => Self::Patch,
            "delete" => Self::Delete,
            "list" => Self::List,
            "scan" => Self::Scan,
            "header" => Self::Header,
            "help" => Self::Help,
            "renew" => Self::Renew,
            "revoke" => Self::Revoke,
            "rollback" => Self::Rollback,
            "rotation" => Self::Rotation,
            "alias-lookahead" => Self::AliasLookahead,
            "resolve-role" => Self::ResolveRole,
            "resolve-path" => Self::ResolvePath,
            _ => return None,
        })
    }

    /// The name on the wire.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Read => "read",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Scan => "scan",
            Self::Header => "header",
            Self::Help => "help",
            Self::Renew => "renew",
            Self::Revoke => "revoke",
            Self::Rollback => "rollback",
            Self::Rotation => "rotation",
            Self::AliasLookahead => "alias-lookahead",
            Self::ResolveRole => "resolve-role",
            Self::ResolvePath => "resolve-path",
        }
    }
}

/// The client's side of the connection that carried the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The client's bare IP address, as the host saw it.
    pub remote_addr: String,
}

/// A request of the backend protocol, reduced to what this method uses.
#[derive(Clone, Debug)]
pub struct Request {
    /// The host's request id.
    pub id: String,
    /// What is asked for.
    pub operation: Operation,
    /// Path relative to the mount, without a leading slash; LIST paths end in `/`.
    pub path: String,
    /// The data as JSON text: an object or `null`. It stays text until the route is known, so that
    /// limits apply before anything is built from it. Handlers find it empty: what a route has read
    /// of it is in the fields, and a request may wait long for AWS.
    pub data: String,
    /// SHA-256 of the data, by which equal requests are known once the data is read and gone; zeros
    /// before.
    pub data_digest: [u8; 32],
    /// Full mount path with namespace and trailing slash.
    pub mount_point: String,
    /// Name of the plugin type as mounted.
    pub mount_type: String,
    /// Where the client is; absent on the host's own operations.
    pub connection: Option<Connection>,
    /// On renewal: everything that was returned at login.
    pub auth: Option<Auth>,
    /// Set on paths that need no token.
    pub unauthenticated: bool,
}

impl Request {
    /// Forgets the data, of which the digest stays.
    pub(super) fn forget_data(&mut self) {
        let digest = digest(&SHA256, self.data.as_bytes());
        self.data_digest = digest.as_ref().try_into().unwrap_or_default();
        self.data = String::new();
    }
}
