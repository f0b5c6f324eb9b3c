//! AWS of many accounts, as one mount reaches it: the server's credentials, the roles it assumes in
//! other accounts, and look-ups that equal callers share.

pub mod ambient_region;
mod asked;
pub mod chain_http;
pub mod clients;
pub mod credentials;
pub mod crowd;
pub mod full_arn;
pub mod instance;
pub mod instance_batches;
pub mod key;
pub mod look_up;
pub mod look_up_error;
pub mod organizations;
mod own;
pub mod probe;
pub mod route;
mod sessions;
pub mod shared_calls;
pub mod shared_iam;
