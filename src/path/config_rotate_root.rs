//! `config/rotate-root`: a new access key for the server.

use serde_json::json;

use super::shape::{endpoint, object, verb};
use crate::framework::{Endpoint, HandlerResult, Operation, Response, Route};
use crate::mount::Mount;
use crate::mount::root_rotation;

pub(super) fn route() -> Route<Mount> {
    Route {
        pattern: "config/rotate-root",
        fields: &[],
        // A key must not be made at AWS by a node that cannot store it.
        endpoints: vec![Endpoint {
            forward_to_writer: true,
            ..endpoint(Operation::Update, |mount, _, _| Box::pin(rotate(mount)))
        }],
        existence_check: None,
        synopsis: "Replaces the access key of the server by a new one.",
        description: "
Makes a new access key for the IAM user of the configured one, stores it in its place and deletes the
old one. Afterwards the secret is known to the server alone. The user needs the permissions
iam:GetUser, iam:CreateAccessKey and iam:DeleteAccessKey on itself, and may have no second key: AWS
allows two. New keys take some seconds to be known everywhere in AWS.
",
        display: verb("rotate", "root-credentials"),
        deprecated: false,
        max_data_bytes: None,
        max_data_values: None,
        warns_of_unknown_fields: true,
    }
}

async fn rotate(mount: &Mount) -> HandlerResult {
    let access_key = root_rotation::rotate(mount).await?;
    Ok(Some(Response::with_data(object([("access_key", json!(access_key))]))))
}
