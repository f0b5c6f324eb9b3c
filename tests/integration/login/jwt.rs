//! Logins by a web identity token that AWS has signed.

mod attacks;
mod single_use;

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{ACCOUNT, OTHER_ACCOUNT, Role, TokenIssuer};
use testkit::host::{Answer, Launch, Mount};
use testkit::proto::pb::Auth;
use testkit::stage::Stage;

const AUDIENCE: &str = "vault.example.com";

/// A mount that takes tokens of an account, and a principal whom its role `app` admits.
struct Scene {
    stage: Stage,
    issuer: TokenIssuer,
    app: Role,
}

impl Scene {
    async fn open() -> Self {
        Self::on(under_test::open_bao()).await
    }

    async fn on(launch: Launch) -> Self {
        let stage = Stage::set(launch).await.behind_proxy().configured(json!({})).await;
        let issuer = TokenIssuer::named("issuer");
        issuer.publish(&stage.aws);
        let app = stage.aws.create_role("App");
        let scene = Self { stage, issuer, app };
        scene.configure(&scene.stage.mount, ACCOUNT, &scene.issuer).await;
        scene.role("app", json!({})).await;
        scene
    }

    /// Has the tokens of an issuer taken.
    async fn configure(&self, mount: &Mount, account: &str, issuer: &TokenIssuer) {
        let fields = json!({"issuer": issuer.url, "audience": AUDIENCE});
        mount.write(&format!("config/jwt-issuer/{account}"), &fields).await.expect(204);
    }

    /// A role that admits `App` by a token, with changes.
    async fn role(&self, name: &str, changes: Value) {
        let fields = json!({
            "bound_iam_principal_arn": self.app.arn, "resolve_aws_unique_ids": false,
            "allowed_login_types": "jwt",
        });
        self.stage.mount.delete(&format!("role/{name}")).await.expect(204);
        self.stage.role(name, testkit::stage::with(&fields, changes)).await;
    }

    fn claims(&self) -> Value {
        self.issuer.claims(&self.app.arn, AUDIENCE)
    }

    async fn login(&self, token: &str, role: &str) -> Answer {
        self.stage.mount.login_only(&json!({"jwt": token, "role": role})).await
    }

    /// A login with new claims, changed.
    async fn with_claims(&self, changes: Value) -> Answer {
        let claims = testkit::stage::with(&self.claims(), changes);
        self.login(&self.issuer.rs256(&claims), "app").await
    }

    async fn admitted(&self, role: &str) -> Auth {
        self.login(&self.issuer.es384(&self.claims()), role).await.expect(200).auth.expect("an identity")
    }

    async fn explained(&self, role: &str, data: Value) -> Value {
        self.stage.mount.write(&format!("role/{role}/explain"), &data).await.expect(200).data
    }

    /// A login that is refused; its text and the code that explain tells of it.
    async fn refused(&self, token: &str, role: &str) -> (String, String) {
        let told = self.explained(role, json!({"jwt": token})).await;
        let answer = self.login(token, role).await;
        assert_eq!((answer.status, &answer.auth), (400, &None), "{answer:#?}");
        assert_eq!(told["verdict"], "refused");
        assert!(answer.error().starts_with(told["first_failure"]["text"].as_str().unwrap()), "{told:#}");
        (answer.error().to_owned(), told["first_failure"]["code"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_either_algorithm_logs_in() {
    let scene = Scene::open().await;
    let identity = json!({
        "iam_alias": "canonical_arn", "iam_audit_metadata": "aws_region,aws_signed_at,aws_token_id,aws_request_id",
        "iam_metadata": "account_id,auth_type,canonical_arn,client_arn,client_user_id,inferred_entity_id",
    });
    scene.stage.mount.write("config/identity", &identity).await.expect(204);
    scene.stage.aws.clear_calls();
    for rsa in [true, false] {
        let claims = scene.claims();
        let token = if rsa { scene.issuer.rs256(&claims) } else { scene.issuer.es384(&claims) };
        let auth = scene.login(&token, "APP").await.expect(200).auth.unwrap();
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/App");
        assert_eq!(auth.display_name, "App");
        let alias = auth.alias.unwrap();
        assert_eq!(alias.name, arn);
        let metadata = json!(auth.metadata);
        assert_eq!(metadata["aws_signed_at"].as_str().unwrap().len(), "2026-01-01T00:00:00Z".len());
        let role_id = metadata["role_id"].clone();
        assert_eq!(
            metadata,
            json!({
                "account_id": ACCOUNT, "auth_type": "iam", "canonical_arn": arn, "client_arn": arn,
                "role_id": role_id, "aws_region": "eu-west-1", "aws_token_id": claims["jti"],
                "aws_signed_at": metadata["aws_signed_at"],
            })
        );
        assert_eq!(alias.metadata.get("aws_token_id"), None, "what changes is not on the alias");
    }
    assert_eq!(scene.stage.aws.call_count(&scene.issuer.jwks_url()), 1);
    assert_eq!(scene.stage.aws.total_calls(), 1, "of AWS, nothing but the keys is asked for");
    let caches = scene.stage.mount.read("status/aws").await.expect(200).data["caches"]["jwt_keys"].clone();
    assert_eq!((&caches["entries"], &caches["hits"], &caches["misses"]), (&json!(1), &json!(1), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_role_the_principal_names_it() {
    let scene = Scene::open().await;
    let login = json!({"jwt": scene.issuer.rs256(&scene.claims())});
    let mount = &scene.stage.mount;
    assert_eq!(mount.resolve_role(&login).await.expect(200).data["role"], "app");
    assert_eq!(mount.resolve_role(&json!({"jwt": "x", "role": "App"})).await.expect(200).data["role"], "app");
    let looked = mount.request("alias-lookahead", "login", &login).send().await.expect(200);
    assert_eq!(looked.auth.unwrap().alias.unwrap().name, scene.admitted("app").await.metadata["role_id"]);
    mount.login_only(&login).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_takes_tokens_where_it_says_so_alone() {
    let scene = Scene::open().await;
    let text = "logins by jwt are not allowed for the role \"app\"";
    for types in [Value::Null, json!("iam_request"), json!("")] {
        scene.role("app", json!({"allowed_login_types": types})).await;
        let refused = scene.refused(&scene.issuer.rs256(&scene.claims()), "app").await;
        assert_eq!(refused, (text.to_owned(), "login.type_not_allowed".to_owned()), "{types}");
    }
    let session = scene.stage.aws.session(&scene.app, "s");
    scene.stage.admitted(&session.credentials, "app").await;
    for (types, by_request) in [("jwt", false), ("jwt,iam_request", true)] {
        scene.role("app", json!({"allowed_login_types": types})).await;
        assert_eq!(
            scene.stage.mount.read("role/app").await.expect(200).data["allowed_login_types"],
            json!(types.split(',').collect::<Vec<_>>())
        );
        scene.admitted("app").await;
        let answer = scene.stage.login(&session.credentials, "app").await;
        assert_eq!(answer.succeeded(), by_request, "{answer:#?}");
        if !by_request {
            assert_eq!(answer.error(), "logins by iam_request are not allowed for the role \"app\"");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_demands_what_no_token_shows_is_neither_written_nor_taken() {
    let scene = Scene::open().await;
    let mount = &scene.stage.mount;
    for (fields, demand) in [
        (json!({"resolve_aws_unique_ids": true}), "resolve_aws_unique_ids"),
        (json!({"bound_iam_principal_tags": "team=a"}), "bound_iam_principal_tags"),
        (
            json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "eu-west-1"}),
            "inferred_entity_type",
        ),
    ] {
        let answer = mount.write("role/app", &fields).await.expect(400);
        let text = format!(
            "allowed_login_types has jwt, and a token does not show what the role demands by {demand}"
        );
        assert_eq!(answer.error(), text);
    }
    scene.admitted("app").await;
    scene.stage.aws.clear_calls();
    // What is stored may be of others.
    let key = "role/app";
    let stored = mount.storage().json(key).unwrap();
    for (changes, demand) in [
        (json!({"resolve_aws_unique_ids": true}), "resolve_aws_unique_ids"),
        (json!({"bound_iam_principal_id_list": ["AROA1"]}), "resolve_aws_unique_ids"),
        (json!({"bound_iam_principal_tags_list": ["team=a"]}), "bound_iam_principal_tags"),
        (
            json!({"inferred_entity_type": "ec2_instance", "inferred_aws_region": "eu-west-1"}),
            "inferred_entity_type",
        ),
        (json!({"bound_account_id_list": [ACCOUNT]}), "bound_account_id"),
    ] {
        mount.storage().put(key, testkit::stage::with(&stored, changes).to_string().as_bytes());
        mount.invalidate(key).await.unwrap();
        let refused = scene.refused(&scene.issuer.rs256(&scene.claims()), "app").await;
        let text = format!("a token does not show what the role \"app\" demands: {demand}");
        assert_eq!(refused, (text, "jwt.not_shown".to_owned()));
    }
    assert_eq!(scene.stage.aws.call_count("GetRole"), 0, "nothing is looked up instead");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_no_token_shows_is_refused() {
    let scene = Scene::open().await;
    for (fields, what) in [
        (json!({"iam_alias": "unique_id"}), "iam_alias=unique_id"),
        (json!({"iam_alias": "full_arn", "iam_alias_tags": "team=team"}), "iam_alias_tags"),
    ] {
        scene.stage.mount.write("config/identity", &fields).await.expect(204);
        let refused = scene.refused(&scene.issuer.rs256(&scene.claims()), "app").await;
        let text = format!("a token does not show what config/identity wants of an alias: {what}");
        assert_eq!(refused, (text, "jwt.alias_not_shown".to_owned()));
    }
    scene.stage.mount.write("config/identity", &json!({"iam_alias_tags": ""})).await.expect(204);
    assert_eq!(scene.admitted("app").await.alias.unwrap().name, scene.app.arn);
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_are_bound_as_those_of_signed_requests_are() {
    let scene = Scene::open().await;
    let team = scene.stage.aws.create_role(testkit::aws::Entity::named("Deep").path("/team/"));
    let user = scene.stage.aws.create_user(testkit::aws::Entity::named("dev").path("/people/"));
    let arn = |rest: &str| format!("arn:aws:iam::{ACCOUNT}:{rest}");
    for (subject, bound, admitted, calls) in [
        (arn("role/App"), arn("role/App"), true, 0),
        (arn("role/App"), arn("role/Other"), false, 0),
        // The name binds, with whatever path it has in the token.
        (arn("role/team/Deep"), arn("role/Deep"), true, 0),
        (arn("user/people/dev"), arn("user/dev"), true, 0),
        (arn("user/App"), arn("role/App"), false, 0),
        // A path in the token is AWS's word; without one, IAM is asked.
        (team.arn.clone(), arn("role/team/*"), true, 0),
        (user.arn.clone(), arn("user/people/*"), true, 0),
        (team.arn.clone(), arn("role/other/*"), false, 0),
        (arn("role/Deep"), arn("role/team/*"), true, 1),
        (arn("role/Deep"), arn("role/D*"), false, 1),
        (arn("role/Gone"), arn("role/G*"), false, 1),
    ] {
        scene.role("app", json!({"bound_iam_principal_arn": bound})).await;
        let token = scene.issuer.rs256(&scene.issuer.claims(&subject, AUDIENCE));
        let answer = scene.login(&token, "app").await;
        assert_eq!(answer.succeeded(), admitted, "{subject} {bound}: {answer:#?}");
        assert_eq!(scene.stage.aws.call_count("GetRole"), calls, "{subject} {bound}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_organization_is_that_of_the_account() {
    let scene = Scene::open().await;
    let url = scene.stage.aws.url();
    scene.stage.write_config(&json!({"organizations_endpoint": url})).await;
    scene.stage.aws.organization("o-abcdefghij");
    scene.stage.aws.put_account(ACCOUNT, "o-abcdefghij/r-abcd/", "ACTIVE");
    scene.role("app", json!({"bound_organization_ids": "o-abcdefghij"})).await;
    scene.admitted("app").await;
    scene.role("app", json!({"bound_organization_ids": "o-zzzzzzzzzz"})).await;
    let (text, code) = scene.refused(&scene.issuer.rs256(&scene.claims()), "app").await;
    assert_eq!(code, "organization.not_bound", "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_makes_all_checks_and_spends_nothing() {
    let scene = Scene::open().await;
    let token = scene.issuer.es384(&scene.claims());
    let before = scene.stage.mount.storage().entries();
    let told = scene.explained("app", json!({"jwt": token})).await;
    assert_eq!(told["verdict"], "would log in", "{told:#}");
    let verdicts: Vec<(&str, &str)> = told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["check"].as_str().unwrap(), check["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("token", "passed"),
            ("strict", "skipped"),
            ("issuer", "passed"),
            ("signature", "passed"),
            ("claims", "passed"),
            ("single_use", "passed"),
            ("role", "passed"),
            ("address", "passed"),
            ("auth_type", "passed"),
            ("login_type", "passed"),
            ("binds_anything", "passed"),
            ("token_shows", "passed"),
            ("principal", "passed"),
            ("organization", "skipped"),
            ("identity", "passed"),
        ]
    );
    assert_eq!(scene.stage.mount.storage().entries(), before);
    scene.login(&token, "app").await.expect(200);
    let told = scene.explained("app", json!({"jwt": token})).await;
    assert_eq!(told["first_failure"]["code"], "jwt.used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_goes_by_what_the_token_showed() {
    let scene = Scene::open().await;
    let renewed = async |auth: &Auth| scene.stage.mount.renew(auth).await;
    let auth = scene.admitted("app").await;
    scene.stage.aws.clear_calls();
    scene.role("app", json!({"token_ttl": "2h"})).await;
    let lease = renewed(&auth).await.expect(200).auth.unwrap().lease_options.unwrap();
    assert_eq!(lease.ttl, 7_200_000_000_000);
    assert_eq!(scene.stage.aws.total_calls(), 0);
    let no_longer = format!("role \"app\" no longer bound to ARN \"arn:aws:iam::{ACCOUNT}:role/App\"");
    for changes in [
        json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/Other")}),
        json!({"allowed_login_types": "iam_request"}),
        json!({"allowed_login_types": null}),
        json!({"allowed_login_types": null, "resolve_aws_unique_ids": true}),
        json!({"allowed_login_types": null, "bound_iam_principal_tags": "team=a"}),
    ] {
        scene.role("app", changes.clone()).await;
        let answer = renewed(&auth).await.expect(500);
        assert!(answer.error().ends_with(&no_longer), "{changes}: {}", answer.error());
    }
    // A pattern is compared with the principal as it was named, or as IAM has it.
    scene.role("app", json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/A*")})).await;
    renewed(&auth).await.expect(200);
    assert_eq!(scene.stage.aws.call_count("GetRole"), 1);
    // A token of a signed request ends where its role takes tokens of AWS alone.
    scene.role("app", json!({"allowed_login_types": null})).await;
    let session = scene.stage.aws.session(&scene.app, "s");
    let by_request = scene.stage.admitted(&session.credentials, "app").await;
    renewed(&by_request).await.expect(200);
    scene.role("app", json!({})).await;
    renewed(&by_request).await.expect(500);
    renewed(&auth).await.expect(200);
    // An account without an issuer is trusted no more.
    let issuer = format!("config/jwt-issuer/{ACCOUNT}");
    let fields = scene.stage.mount.read(&issuer).await.expect(200).data;
    scene.stage.mount.delete(&issuer).await.expect(204);
    assert!(renewed(&auth).await.expect(500).error().ends_with(&no_longer));
    let fields = json!({"issuer": fields["issuer"], "audience": fields["audience"]});
    scene.stage.mount.write(&issuer, &fields).await.expect(204);
    renewed(&auth).await.expect(200);
    scene.stage.mount.delete("role/app").await.expect(204);
    assert!(renewed(&auth).await.expect(500).error().ends_with("role entry not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_mode_wants_one_spelling_of_the_role() {
    let scene = Scene::open().await;
    scene.role("app", json!({"iam_strict_request": true})).await;
    let token = scene.issuer.rs256(&scene.claims());
    let text = scene.login(&token, "App").await.expect(400).error().to_owned();
    assert!(text.starts_with("role name \"App\" is not in lower case"), "{text}");
    assert!(text.contains("code role.spelling"), "{text}");
    scene.login(&token, "app").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn issuers_are_configured_account_by_account() {
    let scene = Scene::open().await;
    let mount = &scene.stage.mount;
    let path = format!("config/jwt-issuer/{ACCOUNT}");
    let shown = mount.read(&path).await.expect(200).data;
    assert!(shown["taken_since"].as_i64().unwrap() > 0);
    assert_eq!(
        testkit::stage::with(&shown, json!({"taken_since": null})),
        json!({
            "issuer": scene.issuer.url, "audience": [AUDIENCE], "allowed_algorithms": ["RS256", "ES384"],
            "jwks_url": scene.issuer.jwks_url(),
        })
    );
    let other = format!("config/jwt-issuer/{OTHER_ACCOUNT}");
    for (path, fields, text) in [
        (&*other, json!({}), "issuer must be an https URL with a host, and without user, query and fragment"),
        (&other, json!({"issuer": "http://a.example", "audience": "a"}), "issuer must be an https URL"),
        (&other, json!({"issuer": "https://a.example"}), "audience must have one value to 10"),
        (
            &other,
            json!({"issuer": "https://a.example", "audience": ""}),
            "audience must have one value to 10",
        ),
        (
            &other,
            json!({"issuer": scene.issuer.url, "audience": "a"}),
            "issuer is that of account 111122223333 already",
        ),
        (&path, json!({"jwks_url": "ftp://a.example"}), "jwks_url must be an https URL"),
        (
            &path,
            json!({"allowed_algorithms": "HS256"}),
            "allowed_algorithms has \"HS256\", please select from \"RS256, ES384\"",
        ),
        (
            "config/jwt-issuer/1",
            json!({"issuer": "https://a.example", "audience": "a"}),
            "account_id must be",
        ),
    ] {
        let answer = mount.write(path, &fields).await.expect(400);
        assert!(answer.error().starts_with(text), "{}", answer.error());
    }
    assert_eq!(mount.list("config/jwt-issuer").await.expect(200).data["keys"], json!([ACCOUNT]));
    scene.admitted("app").await;
    mount.delete(&path).await.expect(204);
    assert!(mount.read(&path).await.expect(404).auth.is_none());
    let (text, code) = scene.refused(&scene.issuer.rs256(&scene.claims()), "app").await;
    assert_eq!((text.as_str(), code.as_str()), ("the issuer of the token is not configured", "jwt.issuer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn login_types_are_checked_when_they_are_written() {
    let scene = Scene::open().await;
    let mount = &scene.stage.mount;
    for (fields, text) in [
        (
            json!({"allowed_login_types": "ec2"}),
            "allowed_login_types has \"ec2\", please select from \"iam_request, jwt\"",
        ),
        (
            json!({"auth_type": "ec2", "bound_ami_id": "ami-1", "bound_iam_principal_arn": "", "allowed_login_types": "jwt"}),
            "specified allowed_login_types when not using iam auth type",
        ),
    ] {
        let path = if fields.get("auth_type").is_some() { "role/new" } else { "role/app" };
        assert_eq!(mount.write(path, &fields).await.expect(400).error(), text);
    }
}
