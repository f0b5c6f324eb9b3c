//! Logins and renewals.

mod concurrent;
mod ec2;
mod hints;
mod iam;
mod log;
mod renewal;
mod standby;
