//! Organizations does not say where the account of a caller is.

use serde_json::json;

use super::scene::{Planted, Row, Scene};

/// What it is, AWS's status, code and message; the code and a word of the hint.
type Refusal = (&'static str, (u16, &'static str, &'static str), (&'static str, &'static str));

const REFUSALS: &[Refusal] = &[
    (
        "Organizations: the server may not ask",
        (400, "AccessDeniedException", "You don't have permissions to access this resource."),
        ("organization.denied", "organizations:DescribeAccount"),
    ),
    (
        "Organizations: there is none",
        (400, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization."),
        ("organization.not_in_use", "bind no organization"),
    ),
    (
        "Organizations throttle",
        (400, "TooManyRequestsException", "You have sent too many requests in too short a period of time."),
        ("aws.throttled", "limits the calls"),
    ),
    (
        "Organizations fail",
        (
            500,
            "ServiceException",
            "AWS Organizations can't complete your request because of an internal error.",
        ),
        ("aws.server_errors", "server errors"),
    ),
    // Last: for a while nobody asks again for an account that is outside.
    (
        "Organizations: the account is of another organization",
        (400, "AccountNotFoundException", "You specified an account that doesn't exist."),
        ("organization.not_bound", "organizational unit"),
    ),
];

pub(super) async fn rows(scene: &mut Scene) -> Vec<Row> {
    let user = scene.stage.aws.create_user("member");
    scene.stage.write_config(&json!({"organizations_endpoint": scene.stage.aws.url()})).await;
    let fields = json!({
        "bound_iam_principal_arn": user.arn, "resolve_aws_unique_ids": false,
        "bound_organization_ids": "o-abcdefghij",
    });
    let mut rows = Vec::new();
    for &(fault, (status, aws_code, message), (code, word)) in REFUSALS {
        let role = scene.role(fields.clone()).await;
        let planted = Planted { row: "41", fault, code, word };
        let answer = ("DescribeAccount", status, aws_code, message);
        rows.push(scene.scripted(planted, answer, (&user.credentials, &role)).await);
    }
    rows
}
