//! From a proof to a token, and the renewal of that token.
//!
//! There are three ways in. [`iam`] takes a signed request and asks AWS who signed it; [`ec2`] takes a
//! signed instance identity document and asks AWS whether that instance runs; [`jwt`] takes a token that AWS
//! has signed, for roles of the iam type. Each has a conductor, its
//! `mod.rs`, which says in which order a login goes through the other rooms:
//!
//! - `proof` tells whether a proof is one, from the request alone;
//! - `mount` has the role, and `accounts` asks AWS;
//! - `binding` compares the caller with what the role demands;
//! - `ec2/reauthentication` and `ec2/tag_effect` hold what the ec2 login adds: whether an instance may
//!   come again, and what its role tag takes away;
//! - `iam/identity`, `jwt/identity` and `ec2/identity` name the caller to the host's identity store;
//! - `admitted` has what a login that succeeds is answered with;
//! - `token_data` has what a token carries, `alias_metadata` what of it a host takes for an alias, and
//!   `token_life` how long it may live;
//! - `role_checks` has what both ask of a role besides;
//! - `trace` keeps every check for whoever asks why a login is refused; of a login it keeps nothing;
//! - `iam/refused`, `jwt/refused`, `ec2/refused` and `ended` have what a login is refused for and a renewal ended.
//!
//! The order is part of the interface. A login fails with the first thing that is wrong, and clients
//! know which that is; what costs a call to AWS comes as late as that allows. A step that is moved
//! changes what clients see, and what a stranger can make the server do.
//!
//! A conductor calls its steps and no step calls a conductor: what two of them need lies beside them.
//! [`renewal`] finds out which login issued a token and has that one's renewal look again at what may
//! have changed since: the role, its bindings and the instance. It knows the caller by the token data
//! alone, so what is stored under those keys must remain readable as long as tokens live.

pub mod admitted;
mod alias_metadata;
pub mod ec2;
mod ended;
pub mod iam;
pub mod jwt;
pub mod renewal;
mod role_checks;
mod token_data;
mod token_life;
pub mod trace;
