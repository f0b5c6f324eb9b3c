//! Tags of the IAM role or user: as a binding, and as metadata of the alias.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, Fault, Gate, OTHER_ACCOUNT, Times};
use testkit::stage::Stage;

const TAGGED: [(&str, &str); 3] = [("team", "payments"), ("stage", "prod-eu"), ("Cost Center", "a/b")];

fn not_bound(arn: &str) -> String {
    format!("IAM Principal \"{arn}\" does not have the tags that the role \"r\" binds")
}

/// A role that binds these tags and nothing else.
async fn bind(stage: &Stage, tags: Value) {
    stage.mount.delete("role/r").await.expect(204);
    stage.role("r", json!({"bound_iam_principal_tags": tags})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tags_of_roles_and_users_are_compared() {
    let stage = under_test::stage().await;
    let tagged =
        |name: &str| TAGGED.iter().fold(Entity::named(name), |entity, (key, value)| entity.tag(key, value));
    let role = stage.aws.create_role(tagged("App").path("/team/"));
    let session = stage.aws.session(&role, "s");
    let user = stage.aws.create_user(tagged("dev"));
    let plain = stage.aws.create_user("plain");
    for (bound, is_bound) in [
        (json!("team=payments"), true),
        (json!("team=billing,team=payments"), true),
        (json!(["team=payments", "stage=prod-*"]), true),
        (json!("Cost Center=a/b"), true),
        (json!("team=billing"), false),
        (json!("team=payment"), false),
        (json!("team=paymentsx"), false),
        (json!("Team=payments"), false),
        (json!("team=Payments"), false),
        (json!(["team=payments", "stage=test*"]), false),
        (json!("absent="), false),
    ] {
        bind(&stage, bound.clone()).await;
        for (credentials, arn) in [(&session.credentials, &session.arn), (&user.credentials, &user.arn)] {
            let answer = stage.login(credentials, "r").await;
            let refusal = (!is_bound).then(|| not_bound(arn));
            assert_eq!(answer.errors.first(), refusal.as_ref(), "{bound}");
        }
        assert_eq!(stage.refused(&plain.credentials, "r").await, not_bound(&plain.arn), "{bound}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_not_taken_for_not_bound() {
    let stage = under_test::stage().await;
    stage.write_config(&json!({"max_retries": 0})).await;
    let role = stage.aws.create_role(Entity::named("App").tag("team", "payments"));
    let session = stage.aws.session(&role, "s");
    bind(&stage, json!("team=payments")).await;
    for (fault, text) in [
        (Fault::error(403, "AccessDenied", "no"), "AccessDenied: no"),
        (Fault::throttling(), "upstream rate limited"),
        (Fault::status(500), "GetRole at "),
        (Fault::Missing("Value".to_owned()), "the tags could not be read"),
    ] {
        stage.aws.fault("GetRole", 1, fault);
        let refused = stage.refused(&session.credentials, "r").await;
        assert!(refused.starts_with("error looking up the tags of entity "), "{refused}");
        assert!(refused.contains(text), "{text}: {refused}");
    }
    let denied = "this server's own credentials may not call iam:GetRole";
    stage.aws.fault("GetRole", 1, Fault::error(403, "AccessDenied", "no"));
    assert!(stage.refused(&session.credentials, "r").await.contains(denied));
    stage.admitted(&session.credentials, "r").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_differ_in_case_alone_admit_nobody() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role(Entity::named("App").tag("team", "payments").tag("Team", "payments"));
    let session = stage.aws.session(&role, "s");
    bind(&stage, json!("team=payments")).await;
    let text = stage.refused(&session.credentials, "r").await;
    assert!(text.contains("cannot be compared: the tag keys "), "{text}");
    assert!(text.contains(" differ in case alone"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_role_is_not_the_tagged_one() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role(Entity::named("App").tag("team", "payments"));
    let session = stage.aws.session(&role, "s");
    stage.aws.recreate_role(&role);
    bind(&stage, json!("team=payments")).await;
    let text = stage.refused(&session.credentials, "r").await;
    assert!(text.contains("IAM knows "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_configured_is_refused() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT).tag("team", "payments"));
    let session = stage.aws.session(&role, "s");
    bind(&stage, json!("team=payments")).await;
    let text = stage.refused(&session.credentials, "r").await;
    assert!(text.contains("unable to fetch client for account ID"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_logins_ask_once_and_what_is_known_is_kept() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role(Entity::named("App").tag("team", "payments"));
    bind(&stage, json!("team=payments")).await;
    let gate = Gate::new();
    stage.aws.fault("GetRole", Times::Always, Fault::Hold(gate.clone()));
    let sessions: Vec<_> = (0..100).map(|number| stage.aws.session(&role, &format!("s{number}"))).collect();
    let all = join_all(sessions.iter().map(|session| stage.login(&session.credentials, "r")));
    let opened = async {
        stage.aws.wait_for_calls("GetCallerIdentity", 100).await;
        stage.aws.wait_for_calls("GetRole", 1).await;
        gate.open();
    };
    let (answers, ()) = tokio::join!(all, opened);
    assert!(answers.iter().all(|answer| answer.status == 200));
    // One, and one more if a login came between the answer and its being kept.
    let calls = stage.aws.call_count("GetRole");
    assert!(calls <= 2, "{calls}");
    stage.aws.tag_role(&role, &[]);
    stage.admitted(&sessions[0].credentials, "r").await;
    assert_eq!(stage.aws.call_count("GetRole"), calls, "tags are known for a while");
    // Roles and configuration decide who is asked for what: then it is asked anew.
    bind(&stage, json!("team=payments")).await;
    assert_eq!(stage.refused(&sessions[0].credentials, "r").await, not_bound(&sessions[0].arn));
}

/// The answer that has the path has the tags.
#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_and_tags_go_together() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role(Entity::named("App").path("/team/").tag("team", "payments"));
    let session = stage.aws.session(&role, "s");
    let pattern = format!("arn:aws:iam::{ACCOUNT}:role/team/*");
    let fields = json!({"bound_iam_principal_arn": pattern, "bound_iam_principal_tags": "team=payments"});
    stage.role("r", fields).await;
    let auth = stage.admitted(&session.credentials, "r").await;
    stage.mount.renew(&auth).await.expect(200);
    stage.aws.tag_role(&role, &[("team", "billing")]);
    // A write of any role forgets what is known.
    stage.role("other", json!({"bound_iam_principal_arn": pattern})).await;
    let text = stage.mount.renew(&auth).await.expect(500).error().to_owned();
    assert!(text.contains("role \"r\" no longer bound to ARN"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_tags_go_to_the_alias_alone() {
    let stage = under_test::stage().await;
    let role = stage.aws.create_role(Entity::named("App").tag("team", "payments").tag("Cost Center", "a/b"));
    let session = stage.aws.session(&role, "s");
    stage.role("r", json!({"bound_iam_principal_arn": role.arn})).await;
    let before = stage.admitted(&session.credentials, "r").await;
    let tags = json!(["team=aws_team", "Cost Center=cc", "absent=none", "Team=other"]);
    stage.mount.write("config/identity", &json!({"iam_alias_tags": tags})).await.expect(204);
    let auth = stage.admitted(&session.credentials, "r").await;
    assert_eq!(auth.metadata, before.metadata);
    let mut expected = before.alias.unwrap().metadata;
    expected.insert("aws_team".to_owned(), "payments".to_owned());
    let cleaned = "a_b-c14cddc033f64b9dea80ea675cf280a015e672516090a5626781153dc68fea11";
    expected.insert("cc".to_owned(), cleaned.to_owned());
    assert_eq!(auth.alias.unwrap().metadata, expected);
    // A policy may hang on them, so no login goes without.
    stage.role("r", json!({"token_ttl": "1h"})).await;
    stage.aws.fault("GetRole", 1, Fault::error(403, "AccessDenied", "no"));
    let text = stage.refused(&session.credentials, "r").await;
    assert!(text.starts_with("error looking up the tags of entity "), "{text}");
}
