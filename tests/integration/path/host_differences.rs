//! What one server's method has and the other's has not: each plugin answers as the host it runs under.

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::{Launch, Mount};
use testkit::stage::{Stage, with};

const STRICT: &str = "token_strictly_bind_ip";
const BOUND: &str = "arn:aws:iam::*";

/// Both hosts; true for the one that has the field.
fn hosts() -> [(Launch, bool); 2] {
    [(under_test::open_bao(), true), (under_test::vault(), false)]
}

fn stored(stage: &Stage, name: &str) -> Value {
    stage.mount.storage().json(&format!("role/{name}")).expect("a stored role")
}

async fn shown(stage: &Stage, name: &str) -> Value {
    stage.mount.read(&format!("role/{name}")).await.expect(200).data
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strict_bind_is_taken_stored_and_shown_on_openbao_alone() {
    for (launch, has_it) in hosts() {
        let stage = Stage::on(launch).await;
        let given = json!({"bound_iam_principal_arn": BOUND, STRICT: true});
        let answer = stage.mount.write("role/r", &given).await;
        assert_eq!((answer.status, answer.warnings.len()), (204, 0));
        let expected = has_it.then_some(json!(true));
        assert_eq!(shown(&stage, "r").await.get(STRICT), expected.as_ref());
        assert_eq!(stored(&stage, "r").get(STRICT), expected.as_ref());

        stage.role("plain", json!({"bound_iam_principal_arn": BOUND})).await;
        let expected = has_it.then_some(json!(false));
        assert_eq!(shown(&stage, "plain").await.get(STRICT), expected.as_ref());
        assert_eq!(stored(&stage, "plain").get(STRICT), expected.as_ref());

        // What is no field is not even looked at.
        let answer = stage.mount.write("role/r", &json!({STRICT: {"odd": []}})).await;
        assert_eq!(answer.status, if has_it { 400 } else { 204 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_openbao_is_served_on_vault_and_loses_the_strict_bind_at_the_next_write() {
    let stage = Stage::on(under_test::vault()).await;
    let dev = stage.aws.create_user("dev");
    stage.role("dev", json!({"bound_iam_principal_arn": dev.arn})).await;
    let as_written_by_vault = stored(&stage, "dev");
    let of_openbao = with(&as_written_by_vault, json!({STRICT: true}));
    stage.mount.storage().put_json("role/dev", &of_openbao);
    stage.mount.invalidate("role/dev").await.unwrap();

    let login = stage.login_data(&dev.credentials, "dev");
    let from = |address: &str| Mount::with_address(&stage.mount, address);
    let auth = from("192.0.2.9").login_only(&login).await.expect(200).auth.unwrap();
    assert_eq!(auth.bound_cidrs, ["192.0.2.9"], "what is stored holds");
    assert_eq!(shown(&stage, "dev").await.get(STRICT), None);
    assert_eq!(stored(&stage, "dev"), of_openbao, "reading and login write nothing");

    // The addresses would contradict the strict bind, were it still there.
    stage.mount.write("role/dev", &json!({"token_bound_cidrs": "192.0.2.0/24"})).await.expect(204);
    assert_eq!(
        stored(&stage, "dev"),
        with(&as_written_by_vault, json!({"token_bound_cidrs": ["192.0.2.0/24"]}))
    );
    let auth = from("192.0.2.9").login_only(&login).await.expect(200).auth.unwrap();
    assert_eq!(auth.bound_cidrs, ["192.0.2.0/24"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_vault_reads_on_openbao_without_the_strict_bind_and_gets_it_at_the_next_write() {
    let stage = under_test::stage().await;
    stage.role("r", json!({"bound_iam_principal_arn": BOUND})).await;
    let of_openbao = stored(&stage, "r");
    let mut of_vault = of_openbao.clone();
    of_vault.as_object_mut().unwrap().remove(STRICT).expect("OpenBao stores it");
    stage.mount.storage().put_json("role/r", &of_vault);
    stage.mount.invalidate("role/r").await.unwrap();
    assert_eq!(shown(&stage, "r").await[STRICT], false);
    assert_eq!(stored(&stage, "r"), of_vault);
    stage.mount.write("role/r", &json!({})).await.expect(204);
    assert_eq!(stored(&stage, "r"), of_openbao);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_role_is_brought_up_to_date_as_the_host_writes_roles() {
    for (launch, has_it) in hosts() {
        let stage = Stage::on(launch).await;
        let old = json!({"auth_type": "ec2", "bound_ami_id": "ami-1", "policies": ["dev"]});
        stage.mount.storage().put_json("role/old", &old);
        shown(&stage, "old").await;
        let entry = stored(&stage, "old");
        assert_eq!(entry["version"], 3);
        assert_eq!(entry.get(STRICT), has_it.then_some(json!(false)).as_ref());
    }
}

/// On Vault, nanoseconds wrap around, and what they come to is taken unless it is negative.
#[tokio::test(flavor = "multi_thread")]
async fn durations_that_no_host_can_hold() {
    const LONGEST: i64 = 9_223_372_036;
    let negative = |seconds: &str| Err(format!("cannot provide negative value '{seconds}'"));
    let bounded = || Err("time: invalid duration".to_owned());
    let cases = [
        (json!(LONGEST), Ok(LONGEST), Ok(LONGEST)),
        (json!(99_999_999_999_i64), Err(()), Ok(7_766_279_630)),
        (json!("99999999999"), Err(()), Ok(7_766_279_630)),
        (json!(9_223_372_037_i64), Err(()), negative("-9223372036")),
        (json!("9999999999"), Err(()), negative("-8446744074")),
        (json!(18_446_744_074_i64), Err(()), Ok(0)),
        (json!(i64::MAX), Err(()), negative("-1")),
        (json!("106752d"), Err(()), negative("-9223371273")),
        (json!("999999999999999999d"), Err(()), Ok(6_994_087_229)),
    ];
    let of_go = [json!("2562048h"), json!("99999999999s")];
    let refused = "multiplication of durations resulted in overflow, one operand may be too large";
    for (launch, is_openbao) in hosts() {
        let stage = Stage::on(launch).await;
        let both = cases.iter().map(|(given, of_openbao, of_vault)| {
            let of_openbao = of_openbao.map_err(|()| refused.to_owned());
            (given, if is_openbao { of_openbao } else { of_vault.clone() })
        });
        for (given, expected) in both.chain(of_go.iter().map(|given| (given, bounded()))) {
            for name in ["max_ttl", "token_max_ttl", "token_explicit_max_ttl"] {
                let role = json!({"bound_iam_principal_arn": BOUND, name: given});
                let answer = stage.mount.write("role/r", &role).await;
                match &expected {
                    Ok(seconds) => {
                        assert!(answer.succeeded(), "{name} {given}: {answer:#?}");
                        let kept = shown(&stage, "r").await;
                        // The old name is not shown when it is nothing.
                        assert_eq!(kept[name].as_i64().unwrap_or(0), *seconds, "{name} {given}");
                    }
                    Err(why) => {
                        assert_eq!(answer.status, 400, "{name} {given}");
                        let text = answer.error();
                        assert!(text.contains(name) && text.ends_with(why.as_str()), "{given}: {text}");
                    }
                }
            }
            stage.mount.delete("role/r").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_a_body_is_refused_in_the_words_of_the_host() {
    for (launch, text) in [
        (under_test::open_bao(), "missing iam_request_body"),
        (under_test::vault(), "missing iam_request_body which is required for POST requests"),
    ] {
        let stage = Stage::on(launch).await;
        let dev = stage.aws.create_user("dev");
        let login = with(&stage.login_data(&dev.credentials, ""), json!({"iam_request_body": ""}));
        let answer = stage.mount.login_only(&login).await.expect(400);
        assert_eq!(answer.error(), text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_cannot_do_is_told_in_its_name() {
    let identity = json!({"role_arn": "arn:aws:iam::1:role/r", "identity_token_audience": "a"});
    let rotation = json!({"rotation_period": 60});
    for (launch, no_identity_tokens, no_rotation_manager) in [
        (
            under_test::open_bao(),
            "plugin workload identity is not supported by OpenBao; this mount can issue them itself: write config/issuer first, see docs/workload-identity.md",
            "error registering rotation job: rotation manager capabilities not supported by OpenBao",
        ),
        (
            under_test::vault(),
            "plugin workload identity not supported in Vault community edition; this mount can issue them itself: write config/issuer first, see docs/workload-identity.md",
            "error registering rotation job: rotation manager capabilities not supported in Vault community edition",
        ),
    ] {
        let stage = Stage::on(launch).await;
        stage.mount.delete("config/client").await.expect(204);
        stage.mount.system_view().update(|host| {
            host.identity_token = None;
            host.rotation_jobs = false;
        });
        for (fields, text) in [(&identity, no_identity_tokens), (&rotation, no_rotation_manager)] {
            let answer = stage.mount.write("config/client", fields).await;
            assert_eq!((answer.status, answer.error()), (400, text));
        }
        assert_eq!(stage.mount.storage().get("config/client"), None);
    }
}

/// A server's environment is its plugins' too: what an operator left there of the other host's names decides
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_among_variables_of_openbao_is_a_vault() {
    let launch = under_test::vault()
        .env("BAO_VERSION", "2.7.2")
        .env("BAO_UNWRAP_TOKEN", "")
        .env("BAO_PLUGIN_METADATA_MODE", "");
    let stage = Stage::on(launch).await;
    stage.role("r", json!({"bound_iam_principal_arn": BOUND})).await;
    assert_eq!(shown(&stage, "r").await.get(STRICT), None);
}
