//! Workload identity: the host's token in the place of keys.

use std::time::Duration;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, Role, WebIdentity};
use testkit::host::IdentityTokenCall;
use testkit::stage::{Stage, with};

const KEY: &str = "config/client";
const AUDIENCE: &str = "vault.example/aws";
const TOKEN: &str = "header.claims.signature";
/// As Vault says it of itself.
const UNSUPPORTED: &str = "plugin workload identity not supported in Vault community edition";

/// What follows it.
const HINT: &str =
    "; this mount can issue them itself: write config/issuer first, see docs/workload-identity.md";

/// A mount on Vault without keys, and the role that the host's token may assume.
async fn vault() -> (Stage, Role) {
    let stage = Stage::on(under_test::vault()).await;
    let server = stage.aws.create_role("vault-server");
    stage.aws.register_web_identity(WebIdentity {
        token: TOKEN.to_owned(),
        role_arn: server.arn.clone(),
        subject: "plugin-identity:root".to_owned(),
        audience: AUDIENCE.to_owned(),
        provider: "https://vault.example/v1/identity/oidc/plugins".to_owned(),
    });
    stage.configure(json!({"access_key": null, "secret_key": null})).await;
    (stage, server)
}

fn fields(role: &Role) -> Value {
    json!({"role_arn": role.arn, "identity_token_audience": AUDIENCE})
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_are_made_with_the_token_of_the_host() {
    let (stage, server) = vault().await;
    stage.mount.write(KEY, &with(&fields(&server), json!({"identity_token_ttl": "20m"}))).await.expect(204);
    let asked = |ttl: u64| IdentityTokenCall { audience: AUDIENCE.to_owned(), ttl: Duration::from_secs(ttl) };
    let view = stage.mount.system_view();
    assert_eq!(view.identity_tokens(), [asked(0)], "a trial when it is configured");
    let data = stage.mount.read(KEY).await.data;
    assert_eq!((&data["role_arn"], &data["identity_token_audience"]), (&json!(server.arn), &json!(AUDIENCE)));
    assert_eq!(data["identity_token_ttl"], 1200);

    let user = stage.aws.create_user(Entity::named("dev").path("/people/"));
    stage.mount.write("role/r", &json!({"bound_iam_principal_arn": user.arn})).await.expect(204);
    assert_eq!(view.identity_tokens(), [asked(0), asked(1200)]);
    let assumed = &stage.aws.calls("AssumeRoleWithWebIdentity")[0];
    assert_eq!(assumed.parameter("RoleArn"), Some(server.arn.clone()));
    assert_eq!(assumed.parameter("WebIdentityToken").as_deref(), Some(TOKEN));
    let session = assumed.parameter("RoleSessionName").unwrap();
    let nanoseconds = session.strip_prefix("vault-aws-auth-").unwrap();
    assert!(nanoseconds.len() == 19 && nanoseconds.bytes().all(|byte| byte.is_ascii_digit()), "{session}");
    assert_eq!(assumed.access_key_id, "", "the call is not signed");
    let looked_up = &stage.aws.calls("GetUser")[0];
    assert!(looked_up.access_key_id.starts_with("ASIA") && looked_up.account == ACCOUNT);

    stage
        .role("w", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/people/*")}))
        .await;
    stage.admitted(&user.credentials, "r").await;
    stage.admitted(&user.credentials, "w").await;
    assert_eq!(stage.aws.call_count("GetUser"), 1);
    assert_eq!(stage.aws.call_count("AssumeRoleWithWebIdentity"), 0, "the session is kept");
    assert_eq!(view.identity_tokens().len(), 2);

    // Another audience or life of the token ends it.
    stage.mount.write(KEY, &json!({"identity_token_ttl": "30m"})).await.expect(204);
    stage.admitted(&user.credentials, "w").await;
    assert_eq!(stage.aws.call_count("AssumeRoleWithWebIdentity"), 1);
    assert_eq!(view.identity_tokens()[2..], [asked(0), asked(1800)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_accounts_are_reached_through_it() {
    let (stage, server) = vault().await;
    stage.mount.write(KEY, &fields(&server)).await.expect(204);
    let auditor = stage.aws.create_role(Entity::named("auditor").account("444455556666"));
    stage.mount.write("config/sts/444455556666", &json!({"sts_role": auditor.arn})).await.expect(204);
    let other = stage.aws.create_role(Entity::named("App").account("444455556666"));
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    stage.admitted(&stage.aws.session(&other, "s").credentials, "r").await;
    assert!(stage.aws.calls("AssumeRole")[0].access_key_id.starts_with("ASIA"));
    assert_eq!(stage.aws.calls("GetRole")[0].account, "444455556666");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_their_order() {
    let (stage, server) = vault().await;
    let before = stage.mount.storage().get(KEY);
    let keys = "only one of 'access_key' or 'identity_token_audience' can be set";
    let role = "role_arn must be set when identity_token_audience is set";
    for (change, text) in [
        (json!({"access_key": "AKID", "role_arn": null}), keys),
        (json!({"role_arn": null}), role),
        (json!({"role_arn": ""}), role),
    ] {
        let answer = stage.mount.write(KEY, &with(&fields(&server), change)).await;
        assert_eq!((answer.status, answer.error()), (400, text));
    }
    assert_eq!(stage.mount.system_view().identity_tokens(), [], "no token is asked for");

    let unsupported = format!("{UNSUPPORTED}{HINT}");
    let answers = [
        (Some(Err(UNSUPPORTED.to_owned())), 400, unsupported.as_str()),
        (None, 400, unsupported.as_str()),
        (Some(Err("no key".to_owned())), 500, "no key"),
    ];
    for (host_answer, status, text) in answers {
        stage.mount.system_view().update(|host| host.identity_token = host_answer);
        let answer = stage.mount.write(KEY, &fields(&server)).await;
        assert_eq!((answer.status, answer.error()), (status, text));
    }
    assert_eq!(stage.mount.storage().get(KEY), before, "nothing is stored");

    // What is stored counts too.
    stage.mount.system_view().update(|host| host.identity_token = Some(Ok(TOKEN.to_owned())));
    stage.mount.write(KEY, &fields(&server)).await.expect(204);
    let answer = stage.mount.write(KEY, &json!({"access_key": "AKID"})).await;
    assert_eq!((answer.status, answer.error()), (400, keys));
    let answer = stage.mount.write(KEY, &json!({"role_arn": ""})).await;
    assert_eq!((answer.status, answer.error()), (400, role));
    stage.mount.write(KEY, &json!({"access_key": "AKID", "identity_token_audience": ""})).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_identity_tokens_says_so() {
    let stage = under_test::stage().await;
    stage.configure(json!({"access_key": null, "secret_key": null})).await;
    let fields = json!({"role_arn": "arn:aws:iam::1:role/r", "identity_token_audience": AUDIENCE});
    let answer = stage.mount.write(KEY, &fields).await;
    let text = "plugin workload identity is not supported by OpenBao; this mount can issue them itself: write config/issuer first, see docs/workload-identity.md";
    assert_eq!((answer.status, answer.error()), (400, text));
    // A role alone is only stored.
    stage
        .mount
        .write(KEY, &json!({"role_arn": "arn:aws:iam::1:role/r", "identity_token_ttl": 60}))
        .await
        .expect(204);
}

/// With an audience nothing else is tried: a fallback would hide the failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_cannot_be_had_fails_the_look_up() {
    let (stage, server) = vault().await;
    stage.mount.write(KEY, &fields(&server)).await.expect(204);
    let user = stage.aws.create_user("dev");
    stage.role("r", json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
    let looking_up = "error looking up full ARN of entity &{aws 111122223333 user  dev } when attempting login for role \"r\": error creating IAM client: ";
    let refused = async |text: &str| {
        let seen = stage.refused(&user.credentials, "r").await;
        assert!(seen.starts_with(&format!("{looking_up}{text}")), "{seen}");
        assert_eq!(stage.aws.call_count("GetUser"), 0);
    };
    stage.mount.system_view().update(|host| host.identity_token = Some(Err("no key".to_owned())));
    refused("failed to generate plugin identity token: no key").await;
    stage.mount.system_view().update(|host| host.identity_token = Some(Ok("unknown".to_owned())));
    refused("InvalidIdentityToken: ").await;
    stage.mount.system_view().update(|host| host.identity_token = Some(Ok(TOKEN.to_owned())));
    stage.admitted(&user.credentials, "r").await;
}
