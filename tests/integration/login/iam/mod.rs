//! Logins of the iam type on the test host. The numbers are those of the method's login vectors.

mod bindings;
mod calls;
mod clients;
mod cross_account;
mod forwarding;
mod identity;
mod inference;
mod refusals;
mod regions;
mod strict_mode;
mod sts_answers;
mod tampering;
mod token;
