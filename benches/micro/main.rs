//! The steps of a login, one by one, without a host and without a network. See `benches/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken assumption in a benchmark must stop it"
)]

mod answers;
mod bindings;
mod mount;
mod signed_request;
mod signing;
mod worst_inputs;

fn main() {
    divan::main();
}
