//! Logins and renewals.

mod concurrent;
mod ec2;
mod iam;
mod log;
mod renewal;
mod standby;
