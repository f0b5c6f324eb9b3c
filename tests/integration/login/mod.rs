//! Logins and renewals.

mod concurrent;
mod ec2;
mod hints;
mod iam;
mod jwt;
mod log;
mod renewal;
mod request_age;
mod single_use;
mod single_use_retention;
mod standby;
