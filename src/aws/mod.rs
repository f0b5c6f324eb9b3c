//! AWS as this method sees it: where its services are, how their answers read, and the few calls
//! that are made.

pub mod ambient_region;
pub mod attempts;
pub mod calls;
pub mod clients;
pub mod credentials;
pub mod ec2;
pub mod endpoints;
pub mod error;
pub mod iam;
pub mod instance_batches;
pub mod query;
pub mod shared_iam;
pub mod single_flight;
pub mod sts;
pub mod xml;
