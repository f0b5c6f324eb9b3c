//! Roles as they are written, stored and read.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Entity};
use testkit::stage::{Stage, with};

const HOUR: i64 = 3_600_000_000_000;

async fn read(stage: &Stage, name: &str) -> Value {
    stage.mount.read(&format!("role/{name}")).await.expect(200).data
}

fn stored(stage: &Stage, name: &str) -> Value {
    stage.mount.storage().json(&format!("role/{name}")).expect("a stored role")
}

/// A role's id or tag key: sixteen random bytes in the notation of a UUID.
fn is_id(value: &Value) -> bool {
    let text = value.as_str().unwrap();
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| b"-0123456789abcdef".contains(&byte))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reads_with_its_defaults() {
    let stage = under_test::stage().await;
    let pattern = format!("arn:aws:iam::{ACCOUNT}:user/*");
    stage.role("r", json!({"bound_iam_principal_arn": pattern})).await;
    let data = read(&stage, "r").await;
    assert!(is_id(&data["role_id"]));
    let expected = json!({
        "auth_type": "iam", "bound_ami_id": [], "bound_account_id": [], "bound_ec2_instance_id": null,
        "bound_iam_principal_arn": [pattern], "bound_iam_principal_id": [], "bound_iam_role_arn": [],
        "bound_iam_instance_profile_arn": [], "bound_region": [], "bound_subnet_id": [], "bound_vpc_id": [],
        "inferred_entity_type": "", "inferred_aws_region": "", "resolve_aws_unique_ids": true,
        "role_id": data["role_id"], "role_tag": "", "allow_instance_migration": false,
        "disallow_reauthentication": false, "token_bound_cidrs": [], "token_explicit_max_ttl": 0,
        "token_max_ttl": 0, "token_no_default_policy": false, "token_num_uses": 0, "token_period": 0,
        "token_policies": [], "token_strictly_bind_ip": false, "token_ttl": 0, "token_type": "default",
    });
    assert_eq!(data, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_stored_as_the_built_in_method_stores_it() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    let fields = json!({
        "bound_iam_principal_arn": user.arn, "token_ttl": "1h", "token_max_ttl": 7200, "token_period": 0,
        "token_explicit_max_ttl": "3h", "token_policies": "b,a", "token_type": "service", "token_num_uses": 3,
        "token_bound_cidrs": "10.0.0.0/8", "token_no_default_policy": true,
    });
    stage.role("Dev", fields).await;
    let bytes = stage.mount.storage().get("role/dev").expect("the name is folded");
    assert_eq!(bytes.last(), Some(&b'\n'));
    let entry = stored(&stage, "dev");
    assert!(is_id(&entry["role_id"]) && is_id(&entry["hmac_key"]));
    assert_ne!(entry["role_id"], entry["hmac_key"]);
    let expected = json!({
        "token_bound_cidrs": ["10.0.0.0/8"], "token_explicit_max_ttl": 3 * HOUR, "token_max_ttl": 2 * HOUR,
        "token_no_default_policy": true, "token_num_uses": 3, "token_period": 0, "token_policies": ["b", "a"],
        "token_type": 1, "token_ttl": HOUR, "token_strictly_bind_ip": false,
        "role_id": entry["role_id"], "auth_type": "iam", "bound_ami_id_list": null,
        "bound_account_id_list": null, "bound_ec2_instance_id_list": null,
        "bound_iam_principal_arn_list": [user.arn], "bound_iam_principal_id_list": [user.unique_id],
        "bound_iam_role_arn_list": null, "bound_iam_instance_profile_arn_list": null,
        "bound_region_list": null, "bound_subnet_id_list": null, "bound_vpc_id_list": null,
        "inferred_entity_type": "", "inferred_aws_region": "", "resolve_aws_unique_ids": true, "role_tag": "",
        "allow_instance_migration": false, "disallow_reauthentication": false, "hmac_key": entry["hmac_key"],
        "version": 3, "ttl": 0, "max_ttl": 0, "period": 0, "policies": null,
    });
    assert_eq!(entry, expected);

    let bindings = json!({
        "auth_type": "ec2", "bound_ami_id": "ami-1,ami-2", "bound_account_id": 111_122_223_333_i64,
        "bound_ec2_instance_id": ["i-1"], "bound_iam_role_arn": "r*", "bound_iam_instance_profile_arn": "p*",
        "bound_region": "us-east-1", "bound_subnet_id": "s", "bound_vpc_id": " v ", "role_tag": "VaultRole",
        "allow_instance_migration": true, "token_type": "batch",
    });
    stage.role("ec2", bindings).await;
    let entry = stored(&stage, "ec2");
    for (name, value) in [
        ("auth_type", json!("ec2")),
        ("bound_ami_id_list", json!(["ami-1", "ami-2"])),
        ("bound_account_id_list", json!(["111122223333"])),
        ("bound_ec2_instance_id_list", json!(["i-1"])),
        ("bound_iam_role_arn_list", json!(["r*"])),
        ("bound_iam_instance_profile_arn_list", json!(["p*"])),
        ("bound_region_list", json!(["us-east-1"])),
        ("bound_subnet_id_list", json!(["s"])),
        ("bound_vpc_id_list", json!(["v"])),
        ("bound_iam_principal_arn_list", Value::Null),
        ("bound_iam_principal_id_list", Value::Null),
        ("role_tag", json!("VaultRole")),
        ("allow_instance_migration", json!(true)),
        ("token_type", json!(2)),
        // Stored for both types.
        ("resolve_aws_unique_ids", json!(true)),
    ] {
        assert_eq!(entry[name], value, "{name}");
    }
    assert_eq!(read(&stage, "ec2").await["bound_ec2_instance_id"], json!(["i-1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_keeps_what_is_not_supplied() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    let inferring = json!({
        "bound_iam_principal_arn": user.arn, "bound_ami_id": "ami-1", "bound_vpc_id": "vpc-1", "token_ttl": "1h",
        "inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1", "token_policies": "a",
    });
    stage.role("r", inferring).await;
    let before = stored(&stage, "r");
    stage.mount.write("role/r", &json!({})).await.expect(204);
    assert_eq!(stored(&stage, "r"), before);
    assert_eq!(stage.aws.total_calls(), 0, "resolved ids are kept");

    stage
        .mount
        .write("role/r", &json!({"bound_vpc_id": "", "token_policies": ["b"], "token_ttl": null}))
        .await
        .expect(204);
    let expected = with(&before, json!({"bound_vpc_id_list": [], "token_policies": ["b"]}));
    assert_eq!(stored(&stage, "r"), expected);
    assert_eq!(read(&stage, "r").await["role_id"], before["role_id"]);

    stage.mount.delete("role/R").await.expect(204);
    assert_eq!(stage.mount.storage().get("role/r"), None);
    stage.mount.delete("role/r").await.expect(204);
    assert_eq!(stage.mount.read("role/r").await.status, 404);
    stage.role("r", json!({"bound_iam_principal_arn": user.arn})).await;
    assert_ne!(stored(&stage, "r")["role_id"], before["role_id"], "made again it is another role");
}

#[tokio::test(flavor = "multi_thread")]
async fn unique_ids_are_resolved_when_they_are_wanted() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user(Entity::named("dev").path("/people/"));
    let role = stage.aws.create_role(Entity::named("App").path("/jobs/"));
    let profile = stage.aws.create_instance_profile("prof", &[&role]);
    let fields = json!({"bound_iam_principal_arn": [user.arn, "arn:aws:iam::*", role.arn, profile.arn]});
    stage.mount.write("role/r", &fields).await.expect(204);
    let ids = json!([user.unique_id, role.unique_id, profile.unique_id]);
    assert_eq!(stored(&stage, "r")["bound_iam_principal_id_list"], ids);
    // Side by side, once it is known whose the server's credentials are.
    let mut calls: Vec<_> = stage.aws.all_calls().into_iter().map(|call| call.action).collect();
    calls[1..].sort();
    assert_eq!(calls, ["GetCallerIdentity", "GetInstanceProfile", "GetRole", "GetUser"]);
    stage.aws.clear_calls();

    // Sent again, they are resolved again.
    let again = stage.aws.recreate_user(&user);
    stage.mount.write("role/r", &json!({"bound_iam_principal_arn": [user.arn]})).await.expect(204);
    assert_eq!(stored(&stage, "r")["bound_iam_principal_id_list"], json!([again.unique_id]));
    stage.admitted(&again.credentials, "r").await;

    // Without resolution nothing is asked or checked.
    stage.aws.clear_calls();
    let unchecked = json!({"bound_iam_principal_arn": "bogus", "resolve_aws_unique_ids": false});
    stage.mount.write("role/u", &unchecked).await.expect(204);
    let entry = stored(&stage, "u");
    assert_eq!(
        (&entry["bound_iam_principal_id_list"], &entry["resolve_aws_unique_ids"]),
        (&json!([]), &json!(false))
    );
    assert_eq!(stage.aws.total_calls(), 0);

    // Switched on later, what is stored is resolved.
    stage.mount.write("role/u", &json!({"bound_iam_principal_arn": user.arn})).await.expect(204);
    assert_eq!(stage.aws.total_calls(), 0);
    stage.mount.write("role/u", &json!({"resolve_aws_unique_ids": true})).await.expect(204);
    assert_eq!(stored(&stage, "u")["bound_iam_principal_id_list"], json!([again.unique_id]));
    // A pattern needs no id.
    stage.aws.clear_calls();
    stage.mount.write("role/u", &json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await.expect(204);
    assert_eq!(stored(&stage, "u")["bound_iam_principal_id_list"], json!([]));
    assert_eq!(stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_of_a_new_role_follows_from_the_mount() {
    let stage = under_test::stage().await;
    for (mount_type, fields, kind) in [
        ("aws-ec2", json!({"bound_ami_id": "ami-1"}), "ec2"),
        ("aws", json!({"bound_iam_principal_arn": "arn:aws:iam::*"}), "iam"),
        ("aws-ec2-next", json!({"bound_iam_principal_arn": "arn:aws:iam::*"}), "iam"),
    ] {
        let request = stage.mount.request("create", &format!("role/{mount_type}"), &fields);
        let answer = request.message(|message| mount_type.clone_into(&mut message.mount_type)).send().await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(stored(&stage, mount_type)["auth_type"], kind);
    }
    // The type may be said again.
    stage.mount.write("role/aws", &json!({"auth_type": "iam"})).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn deprecated_names() {
    let stage = under_test::stage().await;
    let bound = json!({"bound_iam_principal_arn": "arn:aws:iam::*"});
    let old_only = json!({"policies": "B, a,b", "ttl": "1h", "max_ttl": "2h", "period": "1m"});
    stage.role("old", with(&bound, old_only)).await;
    let entry = stored(&stage, "old");
    for (new, old, value) in [
        ("token_policies", "policies", json!(["a", "b"])),
        ("token_ttl", "ttl", json!(HOUR)),
        ("token_max_ttl", "max_ttl", json!(2 * HOUR)),
        ("token_period", "period", json!(HOUR / 60)),
    ] {
        assert_eq!((&entry[new], &entry[old]), (&value, &value), "{new}");
    }
    let data = read(&stage, "old").await;
    assert_eq!(data["policies"], json!(["a", "b"]));
    assert_eq!([&data["ttl"], &data["max_ttl"], &data["period"]], [3600, 7200, 60]);

    // The new name wins; alone it empties the old value.
    stage
        .role("old", json!({"token_ttl": "30m", "ttl": "10m", "token_max_ttl": "90m", "token_policies": "C"}))
        .await;
    let entry = stored(&stage, "old");
    assert_eq!((&entry["token_ttl"], &entry["ttl"]), (&json!(HOUR / 2), &json!(HOUR / 2)));
    assert_eq!((&entry["token_max_ttl"], &entry["max_ttl"]), (&json!(HOUR / 2 * 3), &json!(0)));
    assert_eq!((&entry["token_policies"], &entry["policies"]), (&json!(["C"]), &Value::Null));
    assert_eq!(
        (&entry["token_period"], &entry["period"]),
        (&json!(HOUR / 60), &json!(HOUR / 60)),
        "neither was sent"
    );
    let data = read(&stage, "old").await;
    assert_eq!((&data["ttl"], data.get("max_ttl"), data.get("policies")), (&json!(1800), None, None));

    stage.role("old", json!({"token_policies": "D", "policies": "x"})).await;
    let entry = stored(&stage, "old");
    assert_eq!((&entry["token_policies"], &entry["policies"]), (&json!(["D"]), &json!(["D"])));
    stage.role("old", json!({"policies": "A,ROOT"})).await;
    assert_eq!(stored(&stage, "old")["token_policies"], json!(["root"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings() {
    let stage = under_test::stage().await;
    let bound = json!({"bound_iam_principal_arn": "arn:aws:iam::*"});
    let capped = "Given max ttl of 3600000 seconds greater than current mount/system default of 2764800 seconds; max ttl will be capped at login time";
    let answer =
        stage.mount.write("role/r", &with(&bound, json!({"token_max_ttl": "1000h", "unknown": 1}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.data, Value::Null);
    assert_eq!(answer.warnings, [capped, "Endpoint ignored these unrecognized parameters: [unknown]"]);
    assert_eq!(stored(&stage, "r")["token_max_ttl"], 1000 * HOUR, "stored as it was given");
    // Nothing to warn about but the unknown field: the answer without content has no room for it.
    let two_hours = std::time::Duration::from_secs(7200);
    stage.mount.system_view().update(|host| host.max_lease_ttl = two_hours);
    let answer =
        stage.mount.write("role/s", &with(&bound, json!({"token_max_ttl": "2h", "unknown": 1}))).await;
    assert_eq!((answer.status, answer.warnings.len()), (204, 0));
    let answer = stage.mount.write("role/s", &json!({"token_max_ttl": "3h"})).await;
    assert_eq!(answer.warnings.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_folded_and_listed() {
    for launch in [under_test::open_bao(), under_test::vault()] {
        let stage = Stage::on(launch).await;
        assert_eq!(stage.mount.list("role").await.status, 404);
        assert_eq!(stage.mount.list("roles").await.status, 404);
        for name in ["Prod", "dev-1.x"] {
            stage.role(name, json!({"bound_iam_principal_arn": "arn:aws:iam::*"})).await;
        }
        for path in ["role", "roles"] {
            assert_eq!(stage.mount.list(path).await.expect(200).data, json!({"keys": ["dev-1.x", "prod"]}));
        }
        for spelling in ["prod", "PROD"] {
            assert_eq!(stage.mount.read(&format!("role/{spelling}")).await.status, 200);
        }
        stage.role("pROD", json!({"token_ttl": 60})).await;
        assert_eq!(read(&stage, "prod").await["token_ttl"], 60);
        for nameless in ["role/-x", "role/a b", "role/x/y"] {
            assert_eq!(stage.mount.read(nameless).await.status, 404, "{nameless}");
        }
        stage.mount.delete("role/PROD").await.expect(204);
        assert_eq!(stage.mount.storage().keys_of_requests(), ["config/client", "role/dev-1.x"]);
    }
}
