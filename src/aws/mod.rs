//! AWS as this method sees it: where its services are, how their answers read, and the few calls
//! that are made.

pub mod arn;
pub mod asked_by_client;
pub mod attempts;
pub mod call_refusal;
pub mod calls;
pub mod context;
pub mod credentials_source;
pub mod deadline;
pub mod ec2;
pub mod endpoint;
pub mod error;
pub mod gave_up;
pub mod iam;
pub mod instance_id;
pub mod json_call;
pub mod organizations;
pub mod principal_tags;
pub mod query;
pub mod region;
pub mod signature_fault;
pub mod sts;
pub mod sts_host;
pub mod sts_refusal;
pub mod xml;
