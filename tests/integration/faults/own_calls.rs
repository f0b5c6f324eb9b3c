//! AWS refuses a call of the server itself.

use serde_json::json;

use super::scene::{Planted, Row, Scene};
use crate::under_test;
use testkit::aws::{ACCOUNT, Credentials, Entity, Instance, WebIdentity};
use testkit::stage::{Stage, with};

/// Number, what it is, AWS's status, code and message; the code and a word of the hint.
type Refusal = (&'static str, &'static str, (u16, &'static str, &'static str), (&'static str, &'static str));

const INSTANCE: &str = "i-0123456789abcdef0";

const OF_ASSUME_ROLE: &[Refusal] = &[
    (
        "12",
        "The server may not assume the role of config/sts",
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/auth-server is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/looker because no identity-based policy allows the sts:AssumeRole action",
        ),
        ("aws.refused", "trust policy of the role of config/sts"),
    ),
    (
        "14",
        "STS is not activated in the region of the server's call",
        (403, "RegionDisabledException", "STS is not activated in this region for account:111122223333."),
        ("aws.region_disabled", "Activate STS"),
    ),
    (
        "15",
        "A value of config/sts is none",
        (
            400,
            "ValidationError",
            "1 validation error detected: Value 'x' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
        ("aws.role_value", "external_id"),
    ),
    (
        "16",
        "A chained session would last too long",
        (
            400,
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ),
        ("aws.session_duration", "maximum session duration"),
    ),
    (
        "17",
        "The session policy is too large",
        (400, "PackedPolicyTooLarge", "Packed size of session tags consumes 103% of allotted space."),
        ("aws.session_policy", "session policy"),
    ),
    (
        "17",
        "The session policy is malformed",
        (400, "MalformedPolicyDocument", "Syntax errors in policy."),
        ("aws.session_policy", "session policy"),
    ),
    (
        "20",
        "The account that the server calls in is suspended",
        (403, "AccessDenied", "The account is suspended"),
        ("aws.account_blocked", "suspension"),
    ),
];

const OF_IDENTITY_TOKENS: &[Refusal] = &[
    (
        "21",
        "The issuer of the identity token is no provider in the account",
        (
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://vault.example/v1/identity/oidc/plugins",
        ),
        ("identity_token.issuer", "issuer"),
    ),
    (
        "21",
        "AWS cannot get the keys of the issuer",
        (
            400,
            "InvalidIdentityToken",
            "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
        ),
        ("identity_token.keys", "JWKS"),
    ),
    (
        "21",
        "The provider does not know the audience",
        (400, "InvalidIdentityToken", "Incorrect token audience"),
        ("identity_token.audience", "identity_token_audience"),
    ),
    (
        "21",
        "The identity token is not signed as AWS wants it",
        (400, "InvalidIdentityToken", "Token must be signed with RS256"),
        ("identity_token.refused", "provider"),
    ),
    (
        "22",
        "The trust policy of role_arn does not admit the token",
        (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ("aws.refused", "trust policy of role_arn"),
    ),
    (
        "23",
        "The identity token has expired",
        (
            400,
            "ExpiredTokenException",
            "Token expired: current date/time 1764151200 must be before the expiration date/time 1764147600",
        ),
        ("identity_token.expired", "identity_token_ttl"),
    ),
    (
        "24",
        "AWS does not reach the issuer",
        (
            400,
            "IDPCommunicationError",
            "The request could not be fulfilled because the IdP could not be reached",
        ),
        ("identity_token.unreachable", "reach the issuer"),
    ),
    (
        "25",
        "The issuer rejects a claim",
        (403, "IDPRejectedClaim", "The identity provider rejected the claim"),
        ("identity_token.claim", "claim"),
    ),
];

const OF_IAM: &[Refusal] = &[
    (
        "27",
        "IAM of the account that is asked does not know the principal",
        (404, "NoSuchEntity", "The user with name looked-up cannot be found."),
        ("aws.iam_entity_missing", "config/sts/<account>"),
    ),
    (
        "28",
        "The server may not look up principals",
        (
            403,
            "AccessDenied",
            "User: arn:aws:iam::111122223333:user/auth-server is not authorized to perform: iam:GetUser on resource: user looked-up because no identity-based policy allows the iam:GetUser action",
        ),
        ("aws.refused", "iam:GetUser"),
    ),
    (
        "31",
        "The server's key is deleted",
        (403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        ("aws.refused", "InvalidClientTokenId"),
    ),
    (
        "31",
        "The server's secret key is wrong",
        (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
        ("aws.refused", "SignatureDoesNotMatch"),
    ),
    (
        "31",
        "The server's session has expired",
        (403, "ExpiredToken", "The security token included in the request is expired"),
        ("aws.refused", "ExpiredToken"),
    ),
    (
        "30",
        "IAM fails",
        (500, "ServiceFailure", "The request processing has failed because of an unknown error."),
        ("aws.server_errors", "server errors"),
    ),
    (
        "30",
        "IAM is unavailable",
        (503, "ServiceUnavailable", "Service is unavailable"),
        ("aws.server_errors", "server errors"),
    ),
    ("29", "IAM throttles", (400, "Throttling", "Rate exceeded"), ("aws.throttled", "limits the calls")),
];

const OF_EC2: &[Refusal] = &[
    (
        "36",
        "The server may not describe instances",
        (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
        ("aws.refused", "ec2:DescribeInstances"),
    ),
    (
        "37",
        "EC2 does not take the server's key, or the region is not enabled",
        (401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
        ("aws.refused", "enable the region"),
    ),
    (
        "39",
        "The server's clock is wrong",
        (400, "RequestExpired", "Request has expired."),
        ("aws.refused", "server's clock"),
    ),
    (
        "39",
        "The account is not signed up for EC2",
        (401, "OptInRequired", "You are not subscribed to this service."),
        ("aws.account_blocked", "sign up"),
    ),
    (
        "39",
        "The account is blocked",
        (400, "Blocked", "This account is currently blocked."),
        ("aws.account_blocked", "suspension"),
    ),
    (
        "38",
        "EC2 throttles",
        (503, "RequestLimitExceeded", "Request limit exceeded."),
        ("aws.server_errors", "patience"),
    ),
    // Last: for a while nobody asks again for what EC2 did not know.
    (
        "34",
        "The instance is not in the region and account that are asked, or is too new",
        (400, "InvalidInstanceID.NotFound", "The instance ID 'i-0123456789abcdef0' does not exist"),
        ("instance.unknown", "account and region"),
    ),
];

async fn scripted(
    scene: &mut Scene,
    action: &str,
    refusals: &[Refusal],
    fields: serde_json::Value,
    who: &Credentials,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(row, fault, (status, aws_code, message), (code, word)) in refusals {
        let role = scene.role(fields.clone()).await;
        let planted = Planted { row, fault, code, word };
        rows.push(scene.scripted(planted, (action, status, aws_code, message), (who, &role)).await);
    }
    rows
}

fn inferring(arn: &str) -> serde_json::Value {
    json!({
        "bound_iam_principal_arn": arn, "resolve_aws_unique_ids": false,
        "inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1",
    })
}

/// STS does not let the server into an account.
pub(super) async fn of_sts(scene: &mut Scene) -> Vec<Row> {
    let web = scene.stage.aws.create_role("web");
    scene.stage.aws.run_instance(Instance::with_id(INSTANCE));
    let session = scene.stage.aws.session(&web, INSTANCE);
    let entry = format!("config/sts/{ACCOUNT}");
    let looker = json!({"sts_role": format!("arn:aws:iam::{ACCOUNT}:role/looker")});
    scene.stage.mount.write(&entry, &looker).await.expect(204);
    let rows = scripted(scene, "AssumeRole", OF_ASSUME_ROLE, inferring(&web.arn), &session.credentials).await;
    scene.stage.mount.delete(&entry).await.expect(204);
    rows
}

/// STS does not take the identity token of the host.
pub(super) async fn of_identity_tokens() -> Vec<Row> {
    let stage = Stage::on(under_test::vault()).await;
    let server = stage.aws.create_role("vault-server");
    let (token, audience) = ("header.claims.signature".to_owned(), "vault.example/aws".to_owned());
    stage.aws.register_web_identity(WebIdentity {
        token,
        role_arn: server.arn.clone(),
        subject: "plugin-identity:root".to_owned(),
        audience: audience.clone(),
        provider: "https://vault.example/v1/identity/oidc/plugins".to_owned(),
    });
    stage.configure(json!({"access_key": null, "secret_key": null})).await;
    stage.write_config(&json!({"role_arn": server.arn, "identity_token_audience": audience})).await;
    let user = stage.aws.create_user("dev");
    let mut scene = Scene::on(stage).await;
    let pattern = json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:*")});
    let action = "AssumeRoleWithWebIdentity";
    scripted(&mut scene, action, OF_IDENTITY_TOKENS, pattern, &user.credentials).await
}

/// IAM does not say who a caller or an instance is.
pub(super) async fn of_iam(scene: &mut Scene) -> Vec<Row> {
    let user = scene.stage.aws.create_user("looked-up");
    let pattern = json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/*")});
    let mut rows = scripted(scene, "GetUser", OF_IAM, pattern, &user.credentials).await;

    let app = scene.stage.aws.create_role("app");
    let profile = scene.stage.aws.create_instance_profile(Entity::named("app"), &[&app]);
    let id = "i-0a1b2c3d4e5f60718";
    scene.stage.aws.run_instance(Instance::with_id(id).profile(&profile));
    let session = scene.stage.aws.session(&app, id);
    let fields = with(&inferring(&app.arn), json!({"bound_iam_role_arn": app.arn}));
    let role = scene.role(fields).await;
    let planted = Planted {
        row: "27",
        fault: "IAM of the account that is asked does not know the instance profile",
        code: "aws.iam_entity_missing",
        word: "config/sts/<account>",
    };
    let answer = ("GetInstanceProfile", 404, "NoSuchEntity", "Instance Profile app cannot be found.");
    rows.push(scene.scripted(planted, answer, (&session.credentials, &role)).await);
    rows
}

/// EC2 does not describe the instance.
pub(super) async fn of_ec2(scene: &mut Scene) -> Vec<Row> {
    let fleet = scene.stage.aws.create_role("fleet");
    let session = scene.stage.aws.session(&fleet, INSTANCE);
    let fields = inferring(&fleet.arn);
    let mut rows = scripted(scene, "DescribeInstances", OF_EC2, fields.clone(), &session.credentials).await;
    let laptop = scene.stage.aws.session(&fleet, "laptop");
    let role = scene.role(fields).await;
    let planted = Planted {
        row: "35",
        fault: "The session is not named after an instance",
        code: "instance.unknown",
        word: "is no instance id",
    };
    let login = scene.stage.login_data(&laptop.credentials, &role);
    rows.push(scene.told(planted, &login).await);
    let text = scene.stage.refused(&laptop.credentials, &role).await;
    assert!(
        text.starts_with("failed to verify laptop as a valid EC2 instance in region us-east-1: "),
        "{text}"
    );
    rows
}
