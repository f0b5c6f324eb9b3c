//! The mount as an issuer of identity tokens of its own, for hosts that issue none to plugins.
//!
//! AWS trusts an OpenID Connect provider by its URL: it fetches two documents from there, and with their keys
//! verifies tokens that stand in the place of an access key. The room promises three things:
//!
//! * A private key is in storage, under a prefix that the seal wraps, and in the memory of a node that signs. It is
//!   never answered, and never changed: a key is made, published, signs, and is removed.
//! * A key signs only what others can verify: it is published a day before it signs, and for as long after as any
//!   of its tokens lives, and a day more ([`schedule`], which is a function of the stored keys and the time).
//! * All keys are one entry, written only if it is still the one that was read ([`change`]); reading and signing
//!   write nothing, so a standby can do both.

pub mod change;
pub mod documents;
mod error;
pub mod identity_tokens;
pub mod schedule;
mod signing_key;
mod token;
pub mod url;

pub use error::IssuerError;
