//! Fields that the built-in method lacks: shown and stored only while they are set, and checked when written.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::ACCOUNT;
use testkit::stage::with;

const UNIT: &str = "o-abcdefghij/r-abcd/ou-abcd-11111111/";

#[tokio::test(flavor = "multi_thread")]
async fn they_are_shown_and_stored_only_while_they_are_set() {
    let stage = under_test::stage().await;
    let mount = &stage.mount;
    mount.write("config/identity", &json!({})).await.expect(204);
    stage.role("r", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/*")})).await;
    for (path, fields) in [
        ("config/client", json!({"organizations_endpoint": "https://organizations.example"})),
        (
            "config/identity",
            json!({"iam_alias_tags": ["team=aws_team"], "iam_audit_metadata": ["aws_region"]}),
        ),
        (
            "role/r",
            json!({
                "bound_iam_principal_tags": ["team=payments"], "bound_organization_ids": ["o-abcdefghij"],
                "bound_organization_unit_paths": [UNIT], "allowed_login_types": ["iam_request"],
            }),
        ),
    ] {
        let (shown, stored) = (mount.read(path).await.expect(200).data, mount.storage().json(path));
        mount.write(path, &fields).await.expect_written();
        assert_eq!(mount.read(path).await.expect(200).data, with(&shown, fields.clone()));
        let emptied: Value =
            fields.as_object().unwrap().keys().map(|name| (name.clone(), json!(""))).collect();
        mount.write(path, &emptied).await.expect_written();
        assert_eq!(mount.read(path).await.expect(200).data, shown, "{path}");
        assert_eq!(mount.storage().json(path), stored, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_have_is_refused_when_it_is_written() {
    let stage = under_test::stage().await;
    for (fields, text) in [
        (
            json!({"bound_iam_principal_tags": "team"}),
            "bound_iam_principal_tags has \"team\", which is no key=value of an IAM tag",
        ),
        (json!({"bound_iam_principal_tags": "=x"}), "which is no key=value of an IAM tag"),
        (
            json!({"bound_iam_principal_tags": "team=*"}),
            "a star stands at the end of a value alone, with its beginning before it",
        ),
        (json!({"bound_iam_principal_tags": "team=a*b"}), "a star stands at the end of a value alone"),
        (json!({"bound_iam_principal_tags": "te*=a"}), "a star stands at the end of a value alone"),
        (
            json!({"bound_iam_principal_tags": ["team=a", "Team=b"]}),
            "has the keys \"team\" and \"Team\", which differ in case alone",
        ),
        (
            json!({"bound_organization_ids": "abcdefghij"}),
            "bound_organization_ids has \"abcdefghij\", which is no id of an organization",
        ),
        (
            json!({"bound_organization_unit_paths": "o-abcdefghij/r-abcd/ou-abcd-11111111"}),
            ", which is no path of an organizational unit with a slash at its end",
        ),
        (
            json!({"bound_organization_unit_paths": format!("{UNIT}*")}),
            "which is no path of an organizational unit",
        ),
    ] {
        let answer = stage.mount.write("role/r", &fields).await.expect(400);
        assert!(answer.error().contains(text), "{fields}: {}", answer.error());
    }
    let ec2 = json!({"auth_type": "ec2", "bound_iam_principal_tags": "team=a"});
    let text = "specified bound_iam_principal_tags but not specifying iam auth_type";
    assert_eq!(stage.mount.write("role/e", &ec2).await.expect(400).error(), text);
    for (fields, text) in [
        (
            json!({"iam_alias_tags": "team=a.b"}),
            "iam_alias_tags has \"team=a.b\", which is no tag=key with a key that the identity store takes",
        ),
        (
            json!({"iam_alias_tags": "team=account_id"}),
            "iam_alias_tags has the key \"account_id\", which other metadata has",
        ),
        (json!({"iam_audit_metadata": "arn"}), "iam_audit_metadata has \"arn\", please select from "),
    ] {
        let answer = stage.mount.write("config/identity", &fields).await.expect(400);
        assert!(answer.error().contains(text), "{fields}: {}", answer.error());
    }
}
