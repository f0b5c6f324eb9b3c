//! The plugin protocol, as a host sees it.

mod confinement;
mod ending;
mod instances;
mod launch;
mod logging;
mod messages;
mod metadata_mode;
mod multiplexed_broker;
mod requests;
mod setup;
mod tls;
