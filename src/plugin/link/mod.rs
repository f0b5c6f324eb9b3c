//! The connections between the host and the plugin: who may connect, over what, and how more are made.

pub(crate) mod admission;
pub(crate) mod broker;
pub(crate) mod certificate;
pub(crate) mod channel;
pub(crate) mod dial_error;
pub(crate) mod dialer;
pub(crate) mod multiplexed_broker;
pub(crate) mod peer_stream;
pub(crate) mod received_body;
pub(crate) mod socket;
pub(crate) mod tls;
