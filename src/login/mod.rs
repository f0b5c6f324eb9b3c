//! From a proof to a token, and the renewal of that token.

pub mod ec2;
pub mod iam;
pub mod renewal;
