//! The plugin on real servers, where they are installed.

mod catalog;
mod chaos;
mod clients;
mod commands;
mod documents;
mod issuer;
mod lifecycle;
mod login;
mod moto;
mod policy;
mod round_trip;
mod standbys;
mod swap;
