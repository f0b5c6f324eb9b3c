//! The generated messages, servers and clients of the plugin protocol, one module for each protobuf
//! package.
#![allow(warnings, clippy::all, reason = "generated code; the shell uses its own copy of it")]

include!(concat!(env!("OUT_DIR"), "/mod.rs"));
