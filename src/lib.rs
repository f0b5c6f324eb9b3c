//! The AWS auth method of HashiCorp Vault and OpenBao: the core that decides who is calling.
//!
//! Nothing here knows gRPC or the plugin process. The world is reached through the small
//! [`ports`]: the host's storage and system view, an HTTP transport, a clock and randomness. One
//! mounted auth method is a [`method::AuthMethod`]; requests come in as [`framework::Request`] and leave
//! as [`framework::Reply`].

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests measure how long something takes"))]

pub mod accounts;
pub mod aws;
pub mod binding;
mod budget;
pub mod concurrency;
pub mod doctor;
pub mod entry;
pub mod framework;
pub mod go;
pub mod https;
pub mod issuer;
pub mod login;
pub mod method;
pub mod migration;
pub mod mount;
pub mod path;
pub mod ports;
pub mod proof;
pub mod refusal;
pub mod store;
