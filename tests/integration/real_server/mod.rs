//! The plugin on real servers, where they are installed.

mod commands;
mod lifecycle;
mod login;
mod moto;
mod policy;
mod round_trip;
