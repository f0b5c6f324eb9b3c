//! The paths of the API but `login`: what they take, store and tell.

mod config_certificate;
mod config_changes;
mod config_client;
mod config_doctor;
mod config_doctor_own;
mod config_identity;
mod config_issuer;
mod config_own_rotation;
mod config_rotate_root;
mod config_rotation;
mod config_standby;
mod config_sts;
mod config_workload_identity;
mod host_differences;
mod lists;
mod migrate_report;
mod openapi;
mod own_fields;
mod own_identity_tokens;
mod own_token_sessions;
mod role_explain;
mod role_fields;
mod role_principals;
mod role_refusals;
mod secrets;
mod status_aws;
