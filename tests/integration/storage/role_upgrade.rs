//! Roles as earlier versions of the built-in method stored them.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, Fault, User};
use testkit::host::READ_ONLY;
use testkit::stage::{Stage, with};

const STANDBY: i32 = 16384;
const SECONDARY: i32 = 64;

async fn stage_with_dev() -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    (stage, dev)
}

/// A role of version 0 as Vault 0.9 stored it, in its order of members.
fn version_0(principal_id: &str) -> String {
    format!(
        "{{\"auth_type\":\"iam\",\"bound_ami_id\":\"\",\"bound_account_id\":\"\",\"bound_iam_principal_arn\":\
         \"arn:aws:iam::{ACCOUNT}:user/dev\",\"bound_iam_principal_id\":\"{principal_id}\",\"bound_iam_role_arn\":\"\",\
         \"bound_iam_instance_profile_arn\":\"\",\"bound_region\":\"\",\"bound_subnet_id\":\"\",\"bound_vpc_id\":\"\",\
         \"inferred_entity_type\":\"\",\"inferred_aws_region\":\"\",\"resolve_aws_unique_ids\":true,\"role_tag\":\"\",\
         \"allow_instance_migration\":false,\"ttl\":600000000000,\"max_ttl\":0,\"policies\":[\"dev\"],\
         \"disallow_reauthentication\":false,\"hmac_key\":\"4a3e8e1e-0000-1111-2222-333344445555\",\"period\":0}}\n"
    )
}

/// A current role, as the built-in method stores it.
fn version_3(dev: &User) -> Value {
    json!({
        "token_bound_cidrs": null, "token_explicit_max_ttl": 0, "token_max_ttl": 0,
        "token_no_default_policy": false, "token_num_uses": 0, "token_period": 0, "token_policies": ["dev"],
        "token_type": 0, "token_ttl": 600_000_000_000_i64, "role_id": "8e8b2f6d-9d0a-5b5c-1c1d-2e2f3a3b4c4d",
        "auth_type": "iam", "bound_ami_id_list": null, "bound_account_id_list": null,
        "bound_ec2_instance_id_list": null, "bound_iam_principal_arn_list": [dev.arn],
        "bound_iam_principal_id_list": [dev.unique_id], "bound_iam_role_arn_list": null,
        "bound_iam_instance_profile_arn_list": null, "bound_region_list": null, "bound_subnet_id_list": null,
        "bound_vpc_id_list": null, "inferred_entity_type": "", "inferred_aws_region": "",
        "resolve_aws_unique_ids": true, "role_tag": "", "allow_instance_migration": false,
        "disallow_reauthentication": false, "hmac_key": "4a3e8e1e-0000-1111-2222-333344445555", "version": 3,
        "ttl": 0, "max_ttl": 0, "period": 0, "policies": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn version_0_is_read_stored_anew_and_logged_into() {
    let (stage, dev) = stage_with_dev().await;
    let storage = stage.mount.storage();
    storage.put("role/r", version_0(&dev.unique_id));
    let data = stage.mount.read("role/r").await.expect(200).data;
    assert_eq!(data["bound_iam_principal_arn"], json!([dev.arn]));
    assert_eq!(data["bound_iam_principal_id"], json!([dev.unique_id]));
    assert_eq!((&data["token_ttl"], &data["ttl"]), (&json!(600), &json!(600)));
    assert_eq!((&data["token_policies"], &data["policies"]), (&json!(["dev"]), &json!(["dev"])));
    assert_eq!(stage.aws.total_calls(), 0);

    let stored = storage.json("role/r").unwrap();
    assert_eq!(stored["role_id"], data["role_id"]);
    let nanoseconds = json!(600_000_000_000_i64);
    let expected = with(
        &version_3(&dev),
        json!({
            "role_id": data["role_id"], "ttl": nanoseconds, "policies": ["dev"],
            "token_strictly_bind_ip": false,
        }),
    );
    // The lists that were never set stay null.
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&stored[name], value, "{name}");
    }
    for legacy in ["bound_ami_id", "bound_iam_principal_arn", "bound_iam_principal_id", "bound_vpc_id"] {
        assert_eq!(stored.get(legacy), None);
    }

    let auth = stage.admitted(&dev.credentials, "r").await;
    assert_eq!(auth.alias.unwrap().name, data["role_id"]);
    assert_eq!((auth.policies, auth.lease_options.unwrap().ttl), (vec!["dev".to_owned()], 600_000_000_000));
    assert_eq!(stage.mount.read("role/r").await.data["role_id"], data["role_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn version_0_without_its_unique_id_asks_for_it_once() {
    let (stage, dev) = stage_with_dev().await;
    let storage = stage.mount.storage();
    storage.put("role/r", version_0(""));
    stage.admitted(&dev.credentials, "r").await;
    stage.admitted(&dev.credentials, "r").await;
    assert_eq!(stage.aws.call_count("GetUser"), 1);
    assert_eq!(storage.json("role/r").unwrap()["bound_iam_principal_id_list"], json!([dev.unique_id]));

    // If it cannot be had, nobody gets in and nothing is stored.
    storage.put("role/s", version_0(""));
    stage.aws.fault("GetUser", 1, Fault::error(403, "AccessDenied", "no"));
    let answer = stage.login(&dev.credentials, "s").await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.error().starts_with("error upgrading roleEntry: AccessDenied: no\n"),
        "{}",
        answer.error()
    );
    assert_eq!(storage.get("role/s").unwrap(), version_0("").into_bytes());
    stage.admitted(&dev.credentials, "s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_0_of_the_ec2_type_gets_lists_and_prefixes() {
    let (stage, dev) = stage_with_dev().await;
    let storage = stage.mount.storage();
    let profile = "arn:aws:iam::1:instance-profile/p";
    let old = json!({"bound_ami_id": "ami-1", "bound_region": "us-east-1", "bound_iam_role_arn": profile, "policies": null, "ttl": 0, "max_ttl": 0});
    storage.put_json("role/r", &old);
    let data = stage.mount.read("role/r").await.expect(200).data;
    assert_eq!(data["auth_type"], "ec2");
    assert_eq!((&data["bound_ami_id"], &data["bound_region"]), (&json!(["ami-1"]), &json!(["us-east-1"])));
    assert_eq!(data["bound_iam_role_arn"], json!([]));
    assert_eq!(data["bound_iam_instance_profile_arn"], json!([format!("{profile}*")]));
    assert_eq!(stage.refused(&dev.credentials, "r").await, "auth method iam not allowed for role r");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_1_and_2_go_on_from_where_they_are() {
    let (stage, dev) = stage_with_dev().await;
    let storage = stage.mount.storage();
    let old = with(
        &version_3(&dev),
        json!({"role_id": null, "bound_iam_role_arn_list": ["arn:r"], "bound_iam_instance_profile_arn_list": ["arn:p"]}),
    );
    for (version, suffix) in [(1, "*"), (2, "")] {
        let name = format!("v{version}");
        storage.put_json(&format!("role/{name}"), &with(&old, json!({"version": version})));
        stage.admitted(&dev.credentials, &name).await;
        let stored = storage.json(&format!("role/{name}")).unwrap();
        assert_eq!(stored["version"], 3);
        assert_eq!(stored["bound_iam_role_arn_list"], json!([format!("arn:r{suffix}")]));
        assert_eq!(stored["bound_iam_instance_profile_arn_list"], json!([format!("arn:p{suffix}")]));
        assert_eq!(stored["role_id"].as_str().map(str::len), Some(36));
    }
    assert_eq!(stage.aws.call_count("GetUser"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_is_used_as_it_is() {
    let (stage, dev) = stage_with_dev().await;
    let storage = stage.mount.storage();
    let entry = version_3(&dev);
    storage.put_json("role/r", &entry);
    storage.reset_counts();
    let auth = stage.admitted(&dev.credentials, "r").await;
    assert_eq!(auth.alias.unwrap().name, "8e8b2f6d-9d0a-5b5c-1c1d-2e2f3a3b4c4d");
    assert_eq!((storage.counts().puts, storage.json("role/r").unwrap()), (0, entry.clone()));

    // Members of other versions survive a rewrite.
    let later = with(&entry, json!({"bound_shoe_size": [{"a": 43}], "token_strictly_bind_ip": true}));
    storage.put_json("role/later", &later);
    stage.mount.write("role/later", &json!({"token_ttl": "20m"})).await.expect(204);
    assert_eq!(
        storage.json("role/later").unwrap(),
        with(&later, json!({"token_ttl": 1_200_000_000_000_i64}))
    );

    // The word of very old token types, lists that are null or missing.
    let mut worded = with(&entry, json!({"token_type": "batch", "token_policies": []}));
    worded.as_object_mut().unwrap().remove("bound_vpc_id_list");
    storage.put_json("role/worded", &worded);
    assert_eq!(stage.admitted(&dev.credentials, "worded").await.token_type, 2);
    storage.put_json("role/odd", &with(&entry, json!({"token_type": "odd"})));
    let answer = stage.login(&dev.credentials, "odd").await;
    assert_eq!(answer.status, 500);
    assert!(answer.error().contains("unknown token type \"odd\""), "{}", answer.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_an_error_and_not_absent() {
    let (stage, dev) = stage_with_dev().await;
    let storage = stage.mount.storage();
    storage.put_json("role/new", &with(&version_3(&dev), json!({"version": 5})));
    let text = "error upgrading roleEntry: unrecognized role version: '\\x05'";
    for answer in [
        stage.login(&dev.credentials, "new").await,
        stage.mount.read("role/new").await,
        stage.mount.request("update", "role/new", &json!({"token_ttl": 1})).send().await,
    ] {
        assert_eq!((answer.status, answer.error()), (500, text));
    }
    storage.put("role/broken", "{");
    for answer in [
        stage.login(&dev.credentials, "broken").await,
        stage.mount.read("role/broken").await,
        stage.mount.request("update", "role/broken", &json!({"token_ttl": 1})).send().await,
    ] {
        assert_eq!((answer.status, answer.auth.is_none()), (500, true));
    }
    assert_eq!(storage.get("role/broken").unwrap(), b"{");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_cannot_be_stored_is_told() {
    let (stage, dev) = stage_with_dev().await;
    let storage = stage.mount.storage();
    storage.put("role/r", version_0(&dev.unique_id));
    storage.fail(testkit::host::Call::Put, "role/r", "disk full");
    let answer = stage.login(&dev.credentials, "r").await;
    assert_eq!((answer.status, answer.error()), (500, "error saving upgraded roleEntry: disk full"));
    storage.heal();
    stage.admitted(&dev.credentials, "r").await;
}

/// A node that cannot store the new id must not make one up: the host forwards to the node that can.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_writer_upgrades() {
    for state in [STANDBY, SECONDARY] {
        let (stage, dev) = stage_with_dev().await;
        let storage = stage.mount.storage();
        let old = [
            version_0(""),
            version_0(&dev.unique_id),
            with(&version_3(&dev), json!({"version": 2})).to_string(),
        ];
        for (number, entry) in old.iter().enumerate() {
            storage.put(&format!("role/r{number}"), entry.clone());
        }
        stage.mount.system_view().update(|host| host.replication_state = state);
        storage.set_read_only(true);
        for (number, entry) in old.iter().enumerate() {
            let name = format!("r{number}");
            stage.aws.clear_calls();
            for (what, answer) in [
                ("login", stage.login(&dev.credentials, &name).await),
                ("read", stage.mount.read(&format!("role/{name}")).await),
                ("write", stage.mount.write(&format!("role/{name}"), &json!({"token_ttl": 1})).await),
            ] {
                assert_eq!((answer.status, answer.error()), (500, READ_ONLY), "{what} of {entry}");
            }
            let own = &stage.server_user.credentials.access_key_id;
            assert!(
                stage.aws.all_calls().iter().all(|call| call.access_key_id != *own),
                "no call of the server's own"
            );
            assert_eq!(storage.get(&format!("role/{name}")).unwrap(), entry.clone().into_bytes());
        }

        // On a mount of the cluster's own a secondary is the writer.
        if state == SECONDARY {
            stage.mount.system_view().update(|host| host.local_mount = true);
            storage.set_read_only(false);
            stage.admitted(&dev.credentials, "r0").await;
            assert_eq!(storage.json("role/r0").unwrap()["version"], 3);
        }
    }
}
