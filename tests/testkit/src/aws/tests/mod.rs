//! The stand-in for AWS is tested itself: what leans on it is only as good as it is strict.

mod client;
mod connections;
mod faults;
mod iam_and_ec2;
mod logins;
mod signatures;
mod sts;
mod vectors;
