//! What of a mount would behave differently under the built-in method, by its stored entries alone.
//!
//! Reads storage and nothing else: no AWS, no host, no cache, and nothing is written. Each kind of finding is a
//! [`Row`]; the files beside this one say when an entry has it.

mod certificate;
mod client;
mod everywhere;
mod finding;
mod identity;
mod own_members;
mod report;
mod role;
mod rows;
mod token_networks;

pub use everywhere::EVERYWHERE;
pub use finding::{Finding, Row, Severity};
pub use own_members::OWN_FIELDS;
pub use report::{MAX_FINDINGS, MAX_ROLES, Report, examine};
pub use rows::ROWS;
