//! `migrate/report`: what it says of a mount in which one entry is as it should not be.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, OTHER_ACCOUNT};
use testkit::host::{Call, Host, Launch, Mount, PERFORMANCE_STANDBY};
use testkit::stage::with;
use vault_plugin_auth_aws::migration::{EVERYWHERE, MAX_FINDINGS, OWN_FIELDS, ROWS, Row};

/// A mount of which there is nothing to say, on Vault.
struct Scene {
    _host: Host,
    mount: Mount,
}

impl Scene {
    async fn open() -> Self {
        Self::on(under_test::vault()).await
    }

    async fn on(launch: Launch) -> Self {
        let (host, mount) = under_test::mounted(launch).await;
        mount.initialized().await;
        let scene = Self { _host: host, mount };
        for (key, entry) in clean() {
            scene.put(key, &entry);
        }
        scene
    }

    fn put(&self, key: &str, entry: &Value) {
        self.mount.storage().put(key, stored(entry));
    }

    async fn report(&self) -> Value {
        self.mount.read("migrate/report").await.expect(200).data
    }

    /// Path, code and what was seen of each finding.
    async fn findings(&self) -> Vec<(String, String, String)> {
        let report = self.report().await;
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .map(|finding| (text(finding, "path"), text(finding, "code"), text(finding, "seen")))
            .collect()
    }
}

/// The bytes of an entry; a text stands for itself.
fn stored(entry: &Value) -> Vec<u8> {
    entry.as_str().map_or_else(|| entry.to_string().into_bytes(), |text| text.as_bytes().to_vec())
}

fn client() -> Value {
    json!({"iam_server_id_header_value": "vault.example.com", "sts_endpoint": "https://sts.eu-west-1.amazonaws.com"})
}

fn role() -> Value {
    json!({
        "version": 3, "role_id": "r", "auth_type": "iam", "resolve_aws_unique_ids": true,
        "token_bound_cidrs": ["10.0.0.0/8", "127.0.0.1:8200", "2001:db8::1"],
        "bound_iam_principal_arn_list": [format!("arn:aws:iam::{ACCOUNT}:role/team/App")],
        "bound_iam_principal_id_list": ["AROA1"],
    })
}

fn inferring() -> Value {
    let more = json!({
        "inferred_entity_type": "ec2_instance", "inferred_aws_region": "eu-west-1", "bound_vpc_id_list": ["vpc-1"],
        "bound_iam_principal_arn_list": [format!("arn:aws:iam::{OTHER_ACCOUNT}:role/App")],
    });
    with(&role(), more)
}

/// Entries of which there is nothing to say.
fn clean() -> Vec<(&'static str, Value)> {
    let ec2 = json!({"version": 3, "role_id": "e", "auth_type": "ec2", "bound_ami_id_list": ["ami-1"], "role_tag": "Tag"});
    vec![
        ("config/client", client()),
        ("config/identity", json!({"iam_alias": "unique_id", "ec2_alias": "instance-id"})),
        ("config/sts/999900001111", json!({"sts_role": "arn:aws:iam::999900001111:role/l"})),
        ("config/certificate/own", json!({"aws_public_cert": elliptic_curve(4000), "type": "pkcs7"})),
        ("config/tidy/identity-whitelist", json!({"safety_buffer": 1, "disable_periodic_tidy": true})),
        ("role/dev", role()),
        (
            "role/fleet",
            with(
                &inferring(),
                json!({"bound_iam_principal_arn_list": ["arn:aws:iam::999900001111:role/App"]}),
            ),
        ),
        ("role/web", ec2),
    ]
}

fn pem(key: &rcgen::KeyPair, end: i32) -> String {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.not_after = rcgen::date_time_ymd(end, 1, 1);
    let certificate = parameters.self_signed(key).unwrap();
    let base64 = STANDARD.encode(certificate.der());
    format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
}

fn elliptic_curve(end: i32) -> String {
    pem(&rcgen::KeyPair::generate().unwrap(), end)
}

fn edwards_curve() -> String {
    pem(&rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(), 4000)
}

/// An entry, and the one thing that is said of it. A null takes the entry away.
struct Case {
    key: &'static str,
    entry: Value,
    path: &'static str,
    code: &'static str,
    seen: String,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |key: &'static str, entry: Value, code: &'static str, seen: &str| {
        let path = match key {
            "config/tidy/identity-whitelist" => "config/tidy/identity-accesslist",
            "config/tidy/roletag-blacklist" => "config/tidy/roletag-denylist",
            other => other,
        };
        cases.push(Case { key, entry, path, code, seen: seen.to_owned() });
    };
    let of_role = |more: Value| with(&role(), more);
    let bare = of_role(json!({"bound_iam_principal_arn_list": [], "bound_iam_principal_id_list": null}));

    case("role/r", bare.clone(), "role.binds_nothing", "");
    case("role/r", with(&bare, json!({"bound_vpc_id_list": ["vpc-1"]})), "role.binds_nothing", "");
    case(
        "role/r",
        of_role(json!({"token_bound_cidrs": ["10.0.0.1", "2001:db8::/32", "[::1]:8200", "::1"]})),
        "role.ipv6_network_rewritten",
        "2001:db8::/32, [::1]:8200",
    );
    case("role/r", of_role(json!({"token_bound_cidrs": ["::/0"]})), "role.all_ipv6", "::/0");
    case(
        "role/r",
        of_role(json!({"token_bound_cidrs": ["10.0.0.0/33", "/run/x"]})),
        "role.network_matches_nothing",
        "10.0.0.0/33, /run/x",
    );
    case(
        "role/r",
        of_role(json!({"bound_iam_principal_arn_list": ["arn:aws:iam::999900001111:role/*"]})),
        "role.wildcard",
        "arn:aws:iam::999900001111:role/*",
    );
    case("role/r", inferring(), "role.account_not_configured", OTHER_ACCOUNT);
    case(
        "role/r",
        of_role(json!({"resolve_aws_unique_ids": false})),
        "role.arn_with_path",
        &format!("arn:aws:iam::{ACCOUNT}:role/team/App"),
    );
    let chinese = "arn:aws-cn:iam::999900001111:role/App";
    case(
        "role/r",
        with(&inferring(), json!({"bound_iam_principal_arn_list": [chinese]})),
        "role.inferred_other_partition",
        &format!("{chinese} of region eu-west-1"),
    );
    case(
        "role/r",
        with(
            &inferring(),
            json!({"bound_iam_principal_arn_list": null, "bound_iam_principal_id_list": null}),
        ),
        "role.inferred_without_principal",
        "eu-west-1",
    );
    case("role/r", of_role(json!({"version": 2})), "role.older_version", "version 2");
    case(
        "role/r",
        json!({"auth_type": "iam", "resolve_aws_unique_ids": true, "bound_iam_principal_arn": "arn:aws:iam::1:user/u"}),
        "role.older_version_needs_iam",
        "arn:aws:iam::1:user/u",
    );
    case(
        "role/r",
        of_role(json!({"token_strictly_bind_ip": true})),
        "role.token_strictly_bind_ip",
        "token_strictly_bind_ip=true",
    );
    case("role/PROD", bare.clone(), "role.name_not_lower_case", "PROD");

    case("config/client", Value::Null, "config.client_missing", "");
    case(
        "config/client",
        with(&client(), json!({"iam_server_id_header_value": ""})),
        "config.no_server_id",
        "",
    );
    for (field, url) in [
        ("sts_endpoint", "http://sts.example"),
        ("iam_endpoint", "https://169.254.169.254"),
        ("endpoint", "http://169.254.169.254:80"),
    ] {
        let seen = format!("{field} {url}");
        case("config/client", with(&client(), json!({field: url})), "config.endpoint_unprotected", &seen);
    }
    case(
        "config/client",
        with(&client(), json!({"sts_endpoint": "https://u:hunter2@sts.example"})),
        "config.endpoint_invalid",
        "sts_endpoint: the configured endpoint has a user name, which is not supported",
    );
    case(
        "config/client",
        with(&client(), json!({"access_key": "AKIAHUNTER", "secret_key": "hunter2"})),
        "config.static_keys",
        "",
    );
    case(
        "config/identity",
        json!({"iam_auth_metadata_handler": {"auth_metadata": ["client_arn", "account_id"]}}),
        "config.long_metadata",
        "iam_metadata=client_arn",
    );
    for (kind, text, seen) in [
        ("pkcs7", "no PEM".to_owned(), "invalid certificate; should be one PEM block only"),
        ("later", elliptic_curve(4000), "type \"later\""),
    ] {
        let entry = json!({"aws_public_cert": text, "type": kind});
        case("config/certificate/c", entry, "certificate.unreadable", seen);
    }
    for (kind, text, seen) in
        [("pkcs7", edwards_curve(), "type pkcs7"), ("identity", elliptic_curve(4000), "type identity")]
    {
        let entry = json!({"aws_public_cert": text, "type": kind});
        case("config/certificate/c", entry, "certificate.key_not_verified", seen);
    }
    let expired = json!({"aws_public_cert": elliptic_curve(2001), "type": "pkcs7"});
    case("config/certificate/c", expired, "certificate.expired", "");

    for key in [
        "role/r",
        "config/client",
        "config/identity",
        "config/sts/111122220000",
        "config/certificate/c",
        "config/tidy/identity-whitelist",
        "config/tidy/roletag-blacklist",
    ] {
        case(key, json!("no JSON"), "entry.unreadable", "expected ident at line 1 column 2");
    }
    case("role/r", of_role(json!({"version": 7})), "entry.unreadable", "unrecognized role version: '\\x07'");
    let later = json!({"later": "hunter2"});
    for (key, entry) in [
        ("role/r", role()),
        ("config/client", client()),
        ("config/identity", json!({})),
        ("config/sts/111122220000", json!({})),
        ("config/certificate/c", json!({"aws_public_cert": elliptic_curve(4000), "type": "pkcs7"})),
        ("config/tidy/roletag-blacklist", json!({})),
    ] {
        case(key, with(&entry, later.clone()), "entry.unknown_members", "later");
    }

    for (field, value, shown) in [
        ("bound_iam_principal_tags", json!(["team=a", "team=b"]), "team=a,team=b"),
        ("bound_organization_ids", json!(["o-abcdefghij"]), "o-abcdefghij"),
        ("bound_organization_unit_paths", json!(["o-abcdefghij/r-abcd/"]), "o-abcdefghij/r-abcd/"),
        ("iam_strict_request", json!(true), "true"),
        ("iam_request_max_age", json!(60), "60"),
        ("iam_request_single_use", json!(true), "true"),
        ("allowed_login_types", json!(["jwt", "iam_request"]), "jwt,iam_request"),
    ] {
        let member = if field.starts_with("bound") { format!("{field}_list") } else { field.to_owned() };
        let code = format!("own.role.{field}").leak();
        case("role/r", of_role(json!({member: value})), code, &format!("{field}={shown}"));
    }
    let only =
        with(&bare, json!({"iam_strict_request": false, "bound_organization_ids_list": ["o-abcdefghij"]}));
    case("role/r", only, "role.only_own_bindings", "bound_organization_ids");
    for (field, value, shown) in [
        ("iam_strict_request", json!(true), "true"),
        ("iam_request_max_age", json!(60), "60"),
        ("iam_request_single_use", json!(true), "true"),
        ("iam_accept_evidence", json!(true), "true"),
        ("organizations_endpoint", json!("https://organizations.example"), "https://organizations.example"),
    ] {
        let code = format!("own.config.{field}").leak();
        case("config/client", with(&client(), json!({field: value})), code, &format!("{field}={shown}"));
    }
    for (field, value, shown) in [
        ("iam_alias_tags", json!(["team=aws_team"]), "team=aws_team"),
        ("iam_audit_metadata", json!(["aws_region", "aws_request_id"]), "aws_region,aws_request_id"),
    ] {
        let code = format!("own.config.{field}").leak();
        case("config/identity", json!({field: value}), code, &format!("{field}={shown}"));
    }
    cases
}

/// All rows that are about entries.
fn rows() -> Vec<&'static Row> {
    ROWS.into_iter().chain(OWN_FIELDS.iter().map(|field| &field.row)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_clean_mount_there_is_nothing_to_say() {
    let scene = Scene::open().await;
    let before = scene.mount.storage().entries();
    let report = scene.report().await;
    assert_eq!(report["findings"], json!([]), "{report:#}");
    assert_eq!(report["counts"], json!({"danger": 0, "change": 0, "info": 0}));
    assert_eq!((&report["roles"], &report["left_out"]), (&json!(3), &json!(0)));
    assert_eq!(report.get("next_after"), None);
    let everywhere = report["everywhere"].as_array().unwrap();
    assert_eq!(everywhere.len(), EVERYWHERE.len());
    assert!(everywhere.iter().all(|row| row["code"].as_str().unwrap().starts_with("login.")), "{report:#}");
    assert_eq!(scene.mount.storage().entries(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_is_found_by_itself() {
    let scene = Scene::open().await;
    let cases = cases();
    for Case { key, entry, path, code, seen } in &cases {
        let before = scene.mount.storage().get(key);
        if entry.is_null() {
            scene.mount.storage().remove(key);
        } else {
            scene.put(key, entry);
        }
        let mut findings = scene.findings().await;
        // What binds nothing but what is of our own is told of these bindings, too.
        if *code == "role.only_own_bindings" {
            findings.retain(|(_, code, _)| !code.starts_with("own."));
        }
        let wanted = vec![((*path).to_owned(), (*code).to_owned(), seen.clone())];
        assert_eq!(findings, wanted, "{key}: {entry}");
        let storage = scene.mount.storage();
        match before {
            Some(before) => storage.put(key, before),
            None => assert!(storage.remove(key)),
        }
    }
    let found: BTreeSet<&str> = cases.iter().map(|case| case.code).collect();
    let wanted: BTreeSet<&str> = rows().iter().map(|row| row.code).collect();
    assert_eq!(found, wanted, "each row is found in a test");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_says_what_helps_and_no_secret() {
    let scene = Scene::open().await;
    let pattern = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/*");
    let tagged = json!({
        "bound_iam_principal_arn_list": [pattern], "bound_iam_principal_tags_list": ["team=a"],
        "hmac_key": "hunter2-hmac",
    });
    scene.put("role/dev", &with(&role(), tagged));
    let keys = json!({"access_key": "AKIAHUNTER", "secret_key": "hunter2", "max_retries": "hunter3"});
    scene.put("config/client", &with(&client(), keys));
    let report = scene.report().await;
    assert_eq!(report["counts"], json!({"danger": 1, "change": 2, "info": 1}), "{report:#}");
    let find = |code: &str| {
        let found = report["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code);
        found.unwrap_or_else(|| panic!("{code}: {report:#}")).clone()
    };
    let [tags, account, wildcard] =
        ["own.role.bound_iam_principal_tags", "role.account_not_configured", "role.wildcard"].map(find);
    assert_eq!(
        tags["to_do"],
        "Before going back, bind the principals themselves, then: vault write auth/aws/role/dev bound_iam_principal_tags="
    );
    assert_eq!((&tags["path"], &tags["severity"]), (&json!("role/dev"), &json!("danger")));
    assert_eq!(account["seen"], OTHER_ACCOUNT);
    assert!(
        account["to_do"].as_str().unwrap().ends_with("vault write auth/aws/config/sts/ACCOUNT sts_role=…")
    );
    assert!(wildcard["to_do"].as_str().unwrap().contains("vault read auth/aws/config/doctor"));
    for finding in report["findings"].as_array().unwrap() {
        for name in ["built_in", "here", "to_do"] {
            let text = finding[name].as_str().unwrap();
            assert!(!text.is_empty() && !text.contains("PATH") && !text.contains("CLI "), "{finding:#}");
        }
    }
    let text = report.to_string();
    assert!(!text.contains("hunter") && !text.contains("HUNTER"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_openbao_the_strict_bind_is_a_field_as_others() {
    let scene = Scene::on(under_test::open_bao()).await;
    scene.put("role/r", &with(&role(), json!({"token_strictly_bind_ip": true, "iam_strict_request": true})));
    let report = scene.report().await;
    let [finding] = &report["findings"].as_array().unwrap()[..] else { panic!("{report:#}") };
    assert_eq!(finding["code"], "own.role.iam_strict_request");
    assert_eq!(finding["to_do"], "Before going back: bao write auth/aws/role/r iam_strict_request=false");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_roles_are_read_in_pages() {
    let scene = Scene::open().await;
    for number in 0..1100 {
        let entry = if number % 2 == 0 { role() } else { with(&role(), json!({"iam_strict_request": true})) };
        scene.put(&format!("role/r{number:04}"), &entry);
    }
    let (mut after, mut pages, mut named, mut roles) = (Value::Null, 0, BTreeSet::new(), 0);
    loop {
        let data = if after.is_null() { json!({}) } else { json!({"after": after}) };
        let answer = scene.mount.request("read", "migrate/report", &data).send().await.expect(200);
        let report = answer.data;
        assert_eq!(report.get("everywhere").is_some(), pages == 0);
        pages += 1;
        roles += report["roles"].as_u64().unwrap();
        for finding in report["findings"].as_array().unwrap() {
            assert!(named.insert(finding["path"].as_str().unwrap().to_owned()), "{finding} twice");
        }
        let Some(next) = report.get("next_after") else {
            assert!(answer.warnings.is_empty());
            break;
        };
        let [warning] = &answer.warnings[..] else { panic!("{:?}", answer.warnings) };
        assert!(warning.ends_with(&format!("read on with after={}", next.as_str().unwrap())), "{warning}");
        after = next.clone();
    }
    assert_eq!((pages, roles, named.len()), (2, 1103, 550));

    // A page that has much to say ends earlier, with a message that a host takes.
    for number in 0..1100 {
        let entry = with(
            &role(),
            json!({
                "iam_strict_request": true, "iam_request_max_age": 60, "iam_request_single_use": true,
                "bound_organization_ids_list": ["o-abcdefghij".repeat(40)], "later": 1,
            }),
        );
        scene.put(&format!("role/r{number:04}"), &entry);
    }
    let report = scene.report().await;
    let findings = report["findings"].as_array().unwrap().len();
    assert!((MAX_FINDINGS..MAX_FINDINGS + 20).contains(&findings), "{findings}");
    assert!(report.to_string().len() < 2 * 1024 * 1024);
    assert!(report["roles"].as_u64().unwrap() < 300 && report["next_after"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_answers_and_storage_that_fails_is_told() {
    let scene = Scene::open().await;
    let storage = scene.mount.storage();
    storage.set_read_only(true);
    scene.mount.system_view().update(|values| values.replication_state = PERFORMANCE_STANDBY);
    scene.put("role/r", &with(&role(), json!({"version": 2})));
    let before = storage.entries();
    let found = scene.findings().await;
    assert_eq!(found, [("role/r".to_owned(), "role.older_version".to_owned(), "version 2".to_owned())]);
    assert_eq!(storage.entries(), before);
    storage.fail(Call::Get, "role/r", "storage is away");
    let answer = scene.mount.read("migrate/report").await;
    assert!(!answer.succeeded(), "{answer:#?}");
}

/// The documentation has a row for each code, with its severity.
#[test]
fn the_documentation_has_each_code() {
    let text = include_str!("../../../docs/migration.md");
    for row in rows().into_iter().chain(&EVERYWHERE) {
        let start = format!("| `{}` | {} |", row.code, row.severity.as_str());
        assert_eq!(text.matches(&start).count(), 1, "{start}");
    }
}
