//! The plugin as a client of AWS.

mod boot_storm;
mod instance_batches;
mod outgoing_calls;
