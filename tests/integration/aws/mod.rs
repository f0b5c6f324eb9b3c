//! The plugin as a client of AWS.

mod instance_batches;
mod outgoing_calls;
