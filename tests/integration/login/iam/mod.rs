//! Logins of the iam type on the test host. The numbers are those of the method's login vectors.

mod audit_metadata;
mod bindings;
mod calls;
mod clients;
mod cross_account;
mod evidence;
mod evidence_mutations;
mod forwarding;
mod identity;
mod inference;
mod organizations;
mod principal_tags;
mod refusals;
mod regions;
mod strict_mode;
mod sts_answers;
mod tampering;
mod token;
