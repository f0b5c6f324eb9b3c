//! `config/sts`: the roles by which other accounts are looked into.

use serde_json::json;
use thiserror::Error;

use super::shape::{display, endpoint, list_response, name_pattern, object};
use crate::aws::arn::AccountId;
use crate::entry::StsConfig;
use crate::framework::{Failure, Field, FieldKind, Fields, HandlerResult, Operation, Response, Route};
use crate::mount::Mount;
use crate::refusal::{Code, Coded};

const FIELDS: &[Field] = &[
    Field::new("account_id", FieldKind::Name, "Number of the AWS account."),
    Field::new(
        "sts_role",
        FieldKind::String,
        "ARN of the role in that account which the server assumes to look up principals and instances.",
    )
    .example("arn:aws:iam::210987654321:role/vault-lookup"),
    Field::new("external_id", FieldKind::String, "External id that the role's trust policy asks for.")
        .default_json("\"\""),
];

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: concat!("config/sts/", name_pattern!("account_id")),
        fields: FIELDS,
        endpoints: vec![
            endpoint(Operation::Create, |mount, _, fields| Box::pin(write(mount, fields))),
            endpoint(Operation::Update, |mount, _, fields| Box::pin(write(mount, fields))),
            endpoint(Operation::Read, |mount, _, fields| Box::pin(read(mount, fields))),
            endpoint(Operation::Delete, |mount, _, fields| Box::pin(delete(mount, fields))),
        ],
        existence_check: Some(|mount, _, fields| {
            Box::pin(async move { Ok(mount.store().read::<StsConfig>(&key(&fields)).await?.is_some()) })
        }),
        synopsis: "Names the role by which the server looks into another AWS account.",
        description: "
The server's own credentials belong to one account. Principals and instances of any other account are
looked up with the role named here; an account without one is refused.
",
        display: display("sts-role"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

pub(super) fn list_route() -> Route<Mount> {
    Route {
        pattern: "config/sts/?",
        fields: &[],
        endpoints: vec![endpoint(Operation::List, |mount, _, _| Box::pin(list(mount)))],
        existence_check: None,
        synopsis: "Lists the AWS accounts that have a role configured.",
        description: "Lists the numbers of the AWS accounts for which a role to look into them is configured.",
        display: display("sts-role-relationships"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

fn key(fields: &Fields) -> String {
    StsConfig::key(&AccountId::new(fields.text("account_id").unwrap_or("")))
}

/// Why an account is not configured.
#[derive(Debug, Error)]
enum Refused {
    /// Not given.
    #[error("missing sts role")]
    Missing,
    /// Given as nothing.
    #[error("sts role cannot be empty")]
    Empty,
}

impl Coded for Refused {
    fn code(&self) -> Code {
        Code::ConfigSts
    }
}

async fn write(mount: &Mount, fields: Fields) -> HandlerResult {
    mount
        .store()
        .update(&key(&fields), async |stored: Option<StsConfig>| {
            let supplied = fields.text("sts_role");
            if stored.is_none() && supplied.is_none() {
                return Err(Failure::refused(&Refused::Missing));
            }
            let mut config = stored.unwrap_or_default();
            if let Some(role) = supplied {
                role.clone_into(&mut config.sts_role);
            }
            if config.sts_role.is_empty() {
                return Err(Failure::refused(&Refused::Empty));
            }
            if let Some(external_id) = fields.text("external_id") {
                external_id.clone_into(&mut config.external_id);
            }
            Ok((Some(config), ()))
        })
        .await?;
    mount.forget_full_arns();
    Ok(None)
}

async fn read(mount: &Mount, fields: Fields) -> HandlerResult {
    let Some(config) = mount.store().read::<StsConfig>(&key(&fields)).await? else {
        return Ok(None);
    };
    let data = object([("sts_role", json!(config.sts_role)), ("external_id", json!(config.external_id))]);
    Ok(Some(Response::with_data(data)))
}

async fn delete(mount: &Mount, fields: Fields) -> HandlerResult {
    mount.store().delete(&key(&fields)).await?;
    mount.forget_full_arns();
    Ok(None)
}

async fn list(mount: &Mount) -> HandlerResult {
    Ok(Some(list_response(&mount.store().list(StsConfig::PREFIX).await?)))
}
