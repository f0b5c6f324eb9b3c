//! The AWS auth method of HashiCorp Vault and OpenBao: the core that decides who is calling.
//!
//! Nothing here knows gRPC or the plugin process. The world is reached through the small
//! [`ports`]: the host's storage and system view, an HTTP transport, a clock and randomness. One
//! mounted auth method is a [`mount::Mount`]; requests come in as [`framework::Request`] and leave
//! as [`framework::Reply`].

pub mod arn;
pub mod aws;
pub mod binding;
pub mod cache_status;
pub mod ec2_login;
pub mod entry;
pub mod entry_cache;
pub mod framework;
pub mod full_arn;
pub mod https;
pub mod iam_login;
pub mod identity_document;
pub mod instance;
pub mod login_memo;
pub mod look_up;
pub mod mount;
pub mod path;
pub mod ports;
pub mod principal;
pub mod reauthentication;
pub mod renewal;
pub mod role_tag;
pub mod root_rotation;
pub mod signed_request;
pub mod store;
pub mod text;
pub mod tidy;
pub mod turns;
