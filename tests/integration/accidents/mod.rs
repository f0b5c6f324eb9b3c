//! What has gone wrong in software of this kind, once each, tried on the login path of the built
//! plugin. The numbers are those of the design's list of accidents.

mod answers;
mod clients;
mod configuration;
mod endpoints;
mod operations;
mod requests;
mod weaknesses;
