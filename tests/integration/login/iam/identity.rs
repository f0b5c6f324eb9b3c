//! Under which name and with what metadata a caller enters the host's identity store.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity, Role, Session};
use testkit::host::Launch;
use testkit::proto::pb::Auth;
use testkit::stage::Stage;

const INSTANCE: &str = "i-0123456789abcdef0";

/// A role `App` under a path, with a session named after an instance; `plain` binds the role,
/// `inferring` the instance too.
async fn stage_with_app(launch: Launch) -> (Stage, Role, Session) {
    let stage = Stage::on(launch).await;
    let app = stage.aws.create_role(Entity::named("App").path("/jobs/"));
    let session = stage.aws.session(&app, INSTANCE);
    stage.instance(INSTANCE);
    stage.role("plain", json!({"bound_iam_principal_arn": app.arn})).await;
    let inferring = json!({
        "bound_iam_principal_arn": app.arn,
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "us-east-1",
    });
    stage.role("inferring", inferring).await;
    (stage, app, session)
}

async fn choose(stage: &Stage, fields: Value) {
    stage.mount.write("config/identity", &fields).await.expect(204);
}

fn map(members: Value) -> BTreeMap<String, String> {
    serde_json::from_value(members).unwrap()
}

fn internal(auth: &Auth) -> Value {
    serde_json::from_str(&auth.internal_data).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alias_is_what_is_configured() {
    let (stage, app, session) = stage_with_app(under_test::open_bao()).await;
    let user = stage.aws.create_user(Entity::named("dev").path("/people/"));
    stage.role_for("dev", &format!("arn:aws:iam::{ACCOUNT}:user/dev")).await;
    let role_id = |role: &str| {
        stage.mount.storage().json(&format!("role/{role}")).unwrap()["role_id"].as_str().unwrap().to_owned()
    };
    let alias = async |iam_alias: Option<&str>| {
        if let Some(iam_alias) = iam_alias {
            choose(&stage, json!({"iam_alias": iam_alias})).await;
        }
        let of_session = stage.admitted(&session.credentials, "plain").await.alias.unwrap().name;
        (of_session, stage.admitted(&user.credentials, "dev").await.alias.unwrap().name)
    };
    assert_eq!(alias(None).await, (role_id("plain"), role_id("dev")), "the default");
    assert_eq!(alias(Some("unique_id")).await, (app.unique_id.clone(), user.unique_id.clone()));
    let full = (format!("arn:aws:sts::{ACCOUNT}:assumed-role/App/{INSTANCE}"), user.arn.clone());
    assert_eq!(alias(Some("full_arn")).await, full, "vector 84");
    let canonical = (format!("arn:aws:iam::{ACCOUNT}:role/App"), format!("arn:aws:iam::{ACCOUNT}:user/dev"));
    assert_eq!(alias(Some("canonical_arn")).await, canonical);
    assert_eq!(alias(Some("role_id")).await, (role_id("plain"), role_id("dev")));

    // A stored value of some later version must not become somebody's alias.
    stage.mount.storage().put_json("config/identity", &json!({"iam_alias": "shoe_size"}));
    stage.mount.invalidate("config/identity").await.unwrap();
    let answer = stage.login(&user.credentials, "dev").await;
    assert_eq!((answer.status, answer.error()), (500, "unknown iam_alias \"shoe_size\" is stored"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_is_what_is_selected() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let (stage, app, session) = stage_with_app(launch).await;
        let default = map(json!({"account_id": ACCOUNT, "auth_type": "iam"}));
        let canonical = format!("arn:aws:iam::{ACCOUNT}:role/App");
        let of_principal = json!({
            "account_id": ACCOUNT, "auth_type": "iam", "canonical_arn": canonical,
            "client_arn": session.arn, "client_user_id": app.unique_id,
        });
        let mut with_instance = of_principal.clone();
        for (name, value) in [
            ("inferred_entity_type", "ec2_instance"),
            ("inferred_entity_id", INSTANCE),
            ("inferred_aws_region", "us-east-1"),
            ("inferred_hostname", "ip-10-0-0-12.ec2.internal"),
        ] {
            with_instance[name] = json!(value);
        }
        let all = "account_id,auth_type,canonical_arn,client_arn,client_user_id,inferred_aws_region,\
                   inferred_entity_id,inferred_entity_type,inferred_hostname";
        for (role, selection, expected) in [
            ("plain", None, default.clone()),
            ("inferring", None, default.clone()),
            ("inferring", Some(all), map(with_instance)),
            // What there is not is left out.
            ("plain", Some(all), map(of_principal)),
            ("plain", Some("client_arn"), map(json!({"client_arn": session.arn}))),
            ("plain", Some(""), BTreeMap::new()),
            ("plain", Some("default"), default),
        ] {
            if let Some(selection) = selection {
                choose(&stage, json!({"iam_metadata": selection})).await;
            }
            let auth = stage.admitted(&session.credentials, role).await;
            let role_id = &stage.mount.storage().json(&format!("role/{role}")).unwrap()["role_id"];
            assert_eq!(auth.alias.unwrap().metadata, expected, "{role}, {selection:?}");
            let mut of_token = expected.clone();
            of_token.insert("role_id".to_owned(), role_id.as_str().unwrap().to_owned());
            assert_eq!(auth.metadata, of_token, "{role}, {selection:?}");
        }
    }
}

/// A host fails a login if the metadata of its alias is longer than it takes.
#[tokio::test(flavor = "multi_thread")]
async fn long_metadata_is_cut_on_the_alias_alone() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let stage = Stage::on(launch).await;
        choose(&stage, json!({"iam_metadata": "client_arn,account_id", "iam_alias": "full_arn"})).await;
        let path = format!("/{}/", "p".repeat(510));
        let mut shown = Vec::new();
        for name in ["one", "two"] {
            let user = stage.aws.create_user(Entity::named(name).path(&path));
            stage.role(name, json!({"bound_iam_principal_arn": user.arn})).await;
            let auth = stage.admitted(&user.credentials, name).await;
            assert_eq!(auth.metadata["client_arn"], user.arn);
            let alias = auth.alias.unwrap();
            assert_eq!(alias.name, user.arn);
            assert_eq!(alias.metadata["account_id"], ACCOUNT);
            let (start, end) = alias.metadata["client_arn"].rsplit_once('-').unwrap();
            assert_eq!((start, end.len()), (&user.arn[..447], 64));
            shown.push(end.to_owned());
        }
        assert_ne!(shown[0], shown[1], "two principals look like one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_for_renewal_is_whole() {
    let (stage, app, session) = stage_with_app(under_test::open_bao()).await;
    choose(&stage, json!({"iam_metadata": "", "iam_alias": "unique_id"})).await;
    let expected = |role: &str, instance: &str, region: &str| {
        let stored = stage.mount.storage().json(&format!("role/{}", role.to_lowercase())).unwrap();
        json!({
            "role_name": role,
            "role_id": stored["role_id"],
            "canonical_arn": format!("arn:aws:iam::{ACCOUNT}:role/App"),
            "client_user_id": app.unique_id,
            "inferred_entity_id": instance,
            "inferred_aws_region": region,
            "account_id": ACCOUNT,
        })
    };
    let auth = stage.admitted(&session.credentials, "Plain").await;
    assert_eq!(internal(&auth), expected("Plain", "", ""));
    assert_eq!(auth.display_name, format!("App/{INSTANCE}"));
    assert!(auth.group_aliases.is_empty());
    let auth = stage.admitted(&session.credentials, "inferring").await;
    assert_eq!(internal(&auth), expected("inferring", INSTANCE, "us-east-1"));
}
