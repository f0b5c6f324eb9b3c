//! AWS of many accounts, as one mount reaches it: the server's credentials, the roles it assumes in
//! other accounts, and look-ups that equal callers share.

pub mod ambient_region;
pub mod clients;
pub mod credentials;
pub mod full_arn;
pub mod instance_batches;
pub mod look_up;
pub mod shared_iam;
