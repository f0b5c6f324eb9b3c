//! What the token of a login may do: the role's token parameters, and the addresses it is bound to.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::User;
use testkit::host::{Answer, Mount};
use testkit::stage::{Stage, with};

const SECOND: i64 = 1_000_000_000;

async fn stage_with_dev(fields: Value) -> (Stage, User) {
    let stage = under_test::stage().await;
    let dev = stage.aws.create_user("dev");
    stage.role("dev", json!({"bound_iam_principal_arn": dev.arn})).await;
    stage.role("dev", fields).await;
    (stage, dev)
}

/// A login from an address, or from nowhere that is known.
async fn login_from(stage: &Stage, dev: &User, address: Option<&str>) -> Answer {
    let data = stage.login_data(&dev.credentials, "dev");
    match address {
        Some(address) => Mount::with_address(&stage.mount, address).login_only(&data).await,
        None => stage.mount.request("update", "login", &data).without_connection().send().await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_has_the_parameters_of_its_role() {
    let fields = json!({
        "token_policies": "b, a,b", "token_ttl": "10m", "token_max_ttl": 7200, "token_explicit_max_ttl": "3h",
        "token_period": "15s", "token_num_uses": 7, "token_no_default_policy": true, "token_type": "service",
        "token_bound_cidrs": "127.0.0.0/8,192.0.2.7",
    });
    let (stage, dev) = stage_with_dev(fields).await;
    let auth = stage.admitted(&dev.credentials, "dev").await;
    assert_eq!(auth.policies, ["b", "a", "b"], "as they were given");
    let lease = auth.lease_options.unwrap();
    assert_eq!((lease.ttl, lease.max_ttl, lease.renewable), (600 * SECOND, 7200 * SECOND, true));
    assert_eq!((auth.explicit_max_ttl, auth.period), (3 * 3600 * SECOND, 15 * SECOND));
    assert_eq!((auth.num_uses, auth.no_default_policy, auth.token_type), (7, true, 1));
    assert_eq!(auth.bound_cidrs, ["127.0.0.0/8", "192.0.2.7"]);
    assert_eq!((auth.client_token, auth.accessor, auth.entity_id), Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_parameters_the_host_decides() {
    let (stage, dev) = stage_with_dev(json!({})).await;
    let auth = stage.admitted(&dev.credentials, "dev").await;
    let lease = auth.lease_options.unwrap();
    assert_eq!((lease.ttl, lease.max_ttl, lease.increment, lease.renewable), (0, 0, 0, true));
    assert_eq!((auth.explicit_max_ttl, auth.period, auth.num_uses, auth.token_type), (0, 0, 0, 0));
    assert!(auth.policies.is_empty() && auth.bound_cidrs.is_empty() && !auth.no_default_policy);

    stage.role("dev", json!({"token_type": "batch"})).await;
    assert_eq!(stage.admitted(&dev.credentials, "dev").await.token_type, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_must_come_from_a_bound_address() {
    let (stage, dev) =
        stage_with_dev(json!({"token_bound_cidrs": "10.0.0.0/8,2001:db8::/32,192.0.2.7"})).await;
    for (address, status) in [
        (Some("10.1.2.3"), 200),
        (Some("192.0.2.7"), 200),
        (Some("2001:db8::1"), 200),
        (Some("::ffff:10.1.2.3"), 200),
        // Vector 72.
        (Some("192.0.2.1"), 403),
        (Some("2001:db9::1"), 403),
        (Some("nonsense"), 403),
        (Some(""), 403),
        (None, 403),
    ] {
        let answer = login_from(&stage, &dev, address).await;
        assert_eq!(answer.status, status, "{address:?}: {:?}", answer.errors);
        if status == 403 {
            assert_eq!((answer.error(), &answer.auth), ("permission denied", &None));
        }
    }
    stage.role("dev", json!({"token_bound_cidrs": ""})).await;
    assert_eq!(login_from(&stage, &dev, None).await.status, 200, "nothing is bound, nothing is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_have_a_port_and_ipv4_may_be_written_as_ipv6() {
    let (stage, dev) = stage_with_dev(json!({"token_bound_cidrs": "127.0.0.1:8200,::ffff:192.0.2.7"})).await;
    let shown = json!(["127.0.0.1:8200", "192.0.2.7"]);
    let storage = stage.mount.storage();
    let entry = storage.json("role/dev").unwrap();
    assert_eq!(entry["token_bound_cidrs"], shown);
    assert_eq!(stage.mount.read("role/dev").await.expect(200).data["token_bound_cidrs"], shown);

    // As earlier versions stored them.
    let given = json!(["127.0.0.1:8200", "::ffff:192.0.2.7"]);
    let earlier = with(&entry, json!({"token_bound_cidrs": given}));
    for entry in [entry, earlier] {
        storage.put_json("role/dev", &entry);
        stage.mount.invalidate("role/dev").await.unwrap();
        for address in ["127.0.0.1", "192.0.2.7"] {
            let auth = login_from(&stage, &dev, Some(address)).await.expect(200).auth.unwrap();
            assert_eq!(json!(auth.bound_cidrs), shown);
        }
        assert_eq!(login_from(&stage, &dev, Some("127.0.0.2")).await.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_be_bound_to_the_address_of_its_login() {
    let (stage, dev) = stage_with_dev(json!({"token_strictly_bind_ip": true})).await;
    for (address, bound) in [("192.0.2.9", "192.0.2.9"), ("2001:db8::1", "2001:db8::1")] {
        let auth = login_from(&stage, &dev, Some(address)).await.expect(200).auth.unwrap();
        assert_eq!(auth.bound_cidrs, [bound]);
    }
    for address in [None, Some(""), Some("nonsense")] {
        let answer = login_from(&stage, &dev, address).await.expect(403);
        assert_eq!((answer.error(), answer.auth.is_none()), ("permission denied", true), "{address:?}");
    }
}
