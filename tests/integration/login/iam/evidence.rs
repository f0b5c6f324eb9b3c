//! Further requests that a client signs, on a server without credentials of AWS.

use serde_json::{Value, json};

use crate::under_test;
use testkit::aws::{
    ACCOUNT, Credentials, Entity, Evidence, Fault, LoginOptions, Role, Session, User, describe_organization,
    get_role, get_user, sign,
};
use testkit::host::Answer;
use testkit::server::Installation;
use testkit::stage::{SERVER_ID, Stage};

const ORGANIZATION: &str = "o-abcdefghij";
const UNIT: &str = "o-abcdefghij/r-abcd/ou-abcd-11111111/";

/// A mount that takes evidence and has no credentials of AWS, a tagged role and a tagged user.
pub(super) struct Scene {
    pub(super) stage: Stage,
    role: Role,
    pub(super) session: Session,
    user: User,
}

impl Scene {
    pub(super) async fn open() -> Self {
        let stage = Stage::on(under_test::open_bao().env("AWS_EC2_METADATA_DISABLED", "true")).await;
        let changes = json!({
            "access_key": null, "secret_key": null, "organizations_endpoint": stage.aws.url(),
            "max_retries": 0, "iam_accept_evidence": true,
        });
        stage.configure(changes).await;
        let entity = |name: &str| Entity::named(name).path("/team/").tag("team", "payments");
        let role = stage.aws.create_role(entity("App"));
        let session = stage.aws.session(&role, "s");
        let user = stage.aws.create_user(entity("dev"));
        stage.aws.organization(ORGANIZATION);
        stage.aws.put_account(ACCOUNT, UNIT, "ACTIVE");
        Self { stage, role, session, user }
    }

    /// Binds, and the account as well where nothing else does.
    pub(super) async fn bind(&self, mut fields: Value) {
        let is_of_account = ["bound_iam_principal_arn", "bound_organization_ids"]
            .iter()
            .any(|name| fields.get(name).is_some());
        if !is_of_account {
            fields["bound_iam_principal_arn"] = json!(format!("arn:aws:iam::{ACCOUNT}:*"));
        }
        self.bind_alone(fields).await;
    }

    async fn bind_alone(&self, fields: Value) {
        self.stage.mount.delete("role/r").await.expect(204);
        self.stage.role("r", fields).await;
    }

    /// ARN of the role behind the session, as roles without unique ids bind it.
    pub(super) fn session_role_arn(&self) -> String {
        self.role.arn.replace("/team/", "/")
    }

    pub(super) fn of_session(&self) -> Evidence {
        of(&self.session.credentials, [get_role("App"), describe_organization()])
    }

    async fn login(&self, credentials: &Credentials, evidence: &Evidence) -> Answer {
        self.stage.mount.login_only(&evidence.login(credentials, options())).await
    }

    async fn refused(&self) -> String {
        let answer = self.login(&self.session.credentials, &self.of_session()).await.expect(400);
        assert_eq!(answer.auth, None);
        answer.error().to_owned()
    }

    /// How often each action was called since the last time.
    fn calls(&self) -> [usize; 4] {
        let actions = ["GetCallerIdentity", "GetRole", "GetUser", "DescribeOrganization"];
        let calls = actions.map(|action| self.stage.aws.call_count(action));
        assert_eq!(calls.iter().sum::<usize>(), self.stage.aws.total_calls(), "nothing else is called");
        self.stage.aws.clear_calls();
        calls
    }
}

pub(super) fn options() -> LoginOptions {
    LoginOptions::vault_cli().server_id(SERVER_ID).role("r")
}

/// Requests for this server, signed.
pub(super) fn of<const N: usize>(credentials: &Credentials, all: [LoginOptions; N]) -> Evidence {
    let requests = all.map(|options| sign(credentials, &options.server_id(SERVER_ID)));
    requests.iter().fold(Evidence::default(), Evidence::with)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_credentials_knows_path_tags_and_organization() {
    let scene = Scene::open().await;
    let session = (&scene.session.credentials, scene.of_session());
    let of_user = of(&scene.user.credentials, [get_user(), describe_organization()]);
    let user = (&scene.user.credentials, of_user);
    let path = |kind: &str, path: &str| json!(format!("arn:aws:iam::{ACCOUNT}:{kind}/{path}/*"));
    for (fields, of_session, of_user) in [
        (json!({"bound_iam_principal_tags": "team=payments"}), Some([1, 0, 0]), Some([0, 1, 0])),
        (json!({"bound_iam_principal_tags": "team=billing"}), None, None),
        (json!({"bound_iam_principal_arn": path("role", "team")}), Some([1, 0, 0]), None),
        (json!({"bound_iam_principal_arn": path("user", "team")}), None, Some([0, 1, 0])),
        (json!({"bound_iam_principal_arn": path("role", "other")}), None, None),
        (json!({"bound_organization_ids": ORGANIZATION}), Some([0, 0, 1]), Some([0, 0, 1])),
        (json!({"bound_organization_ids": "o-zzzzzzzzzz"}), None, None),
        (
            json!({
                "bound_iam_principal_arn": path("role", "team"), "bound_iam_principal_tags": "team=payments",
                "bound_organization_ids": ORGANIZATION,
            }),
            Some([1, 0, 1]),
            None,
        ),
        // What the login proves by itself needs none of it.
        (
            json!({"bound_iam_principal_arn": scene.session_role_arn(), "resolve_aws_unique_ids": false}),
            Some([0, 0, 0]),
            None,
        ),
        (
            json!({"bound_iam_principal_arn": scene.user.arn.replace("/team", ""), "resolve_aws_unique_ids": false}),
            None,
            Some([0, 0, 0]),
        ),
    ] {
        scene.bind(fields.clone()).await;
        for ((credentials, evidence), expected) in [(&session, of_session), (&user, of_user)] {
            let answer = scene.login(credentials, evidence).await;
            let calls = scene.calls();
            assert_eq!(answer.status, if expected.is_some() { 200 } else { 400 }, "{fields}: {answer:?}");
            if let Some([role, user, organization]) = expected {
                assert_eq!(calls, [1, role, user, organization], "{fields}");
            } else {
                let text = answer.error();
                assert!(text.contains("does not "), "{fields}: it can be told, and is not bound: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_evidence_the_server_looks_for_itself_and_cannot() {
    let scene = Scene::open().await;
    let organization_alone = of(&scene.session.credentials, [describe_organization()]);
    let path = format!("arn:aws:iam::{ACCOUNT}:role/team/*");
    for (fields, evidence) in [
        (json!({"bound_iam_principal_tags": "team=payments"}), Some(&organization_alone)),
        (json!({"bound_iam_principal_arn": path}), Some(&organization_alone)),
        (json!({"bound_iam_principal_tags": "team=payments"}), None),
        (json!({"bound_organization_ids": ORGANIZATION}), None),
        // No member is told its unit.
        (json!({"bound_organization_unit_paths": UNIT}), Some(&organization_alone)),
        (
            json!({"bound_organization_ids": ORGANIZATION, "bound_organization_unit_paths": UNIT}),
            Some(&organization_alone),
        ),
    ] {
        scene.bind(fields.clone()).await;
        let credentials = &scene.session.credentials;
        let answer = match evidence {
            Some(evidence) => scene.login(credentials, evidence).await,
            None => scene.stage.login(credentials, "r").await,
        };
        let text = answer.expect(400).error().to_owned();
        assert!(text.contains("could not compile valid credential providers"), "{fields}: {text}");
        assert_eq!(scene.calls(), [1, 0, 0, 0], "{fields}");
    }
}

/// Whoever has an account gives its roles whatever tags and paths.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_an_account_that_the_role_does_not_name_shows_nothing() {
    let scene = Scene::open().await;
    let stranger = Entity::named("App").account("444455556666").path("/team/").tag("team", "payments");
    let stranger = scene.stage.aws.create_role(stranger);
    let stranger = scene.stage.aws.session(&stranger, "s").credentials;
    let evidence = of(&stranger, [get_role("App"), describe_organization()]);
    for fields in [
        json!({"bound_iam_principal_tags": "team=payments"}),
        json!({"bound_iam_principal_arn": "arn:aws:iam::*"}),
        json!({"bound_iam_principal_arn": "arn:aws:iam::4444*"}),
        json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:role/team/*")}),
        json!({"bound_iam_principal_arn": ["arn:aws:iam::*", format!("arn:aws:iam::{ACCOUNT}:role/other")],
            "resolve_aws_unique_ids": false, "bound_iam_principal_tags": "team=payments"}),
    ] {
        scene.bind_alone(fields.clone()).await;
        let answer = scene.login(&stranger, &evidence).await;
        assert_eq!((answer.status, answer.auth.is_none()), (400, true), "{fields}: {answer:?}");
        assert_eq!(scene.calls(), [1, 0, 0, 0], "{fields}");
    }
    scene.bind_alone(json!({"bound_iam_principal_arn": "arn:aws:iam::444455556666:role/team/*"})).await;
    scene.login(&stranger, &evidence).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_evidence_go_to_the_alias() {
    let scene = Scene::open().await;
    scene.stage.mount.write("config/identity", &json!({"iam_alias_tags": "team=aws_team"})).await.expect(204);
    scene.bind(json!({"bound_iam_principal_tags": "team=payments"})).await;
    let answer = scene.login(&scene.session.credentials, &scene.of_session()).await;
    let alias = answer.expect(200).auth.expect("an identity").alias.expect("an alias");
    assert_eq!(alias.metadata.get("aws_team").map(String::as_str), Some("payments"));
    assert_eq!(scene.calls(), [1, 1, 0, 0], "asked once for both");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_does_not_answer_is_not_taken_for_not_bound() {
    let scene = Scene::open().await;
    scene.stage.write_config(&json!({"iam_strict_request": true})).await;
    let bindings = [
        ("GetRole", json!({"bound_iam_principal_tags": "team=payments"})),
        ("DescribeOrganization", json!({"bound_organization_ids": ORGANIZATION})),
    ];
    for (action, fields) in bindings {
        scene.bind(fields).await;
        for (fault, code, text) in [
            (Fault::error(403, "AccessDenied", "no"), "iam.evidence.denied", ": AccessDenied: no"),
            (Fault::error(403, "ExpiredToken", "late"), "iam.evidence.refused", "have expired"),
            (
                Fault::error(403, "InvalidClientTokenId", "who"),
                "iam.evidence.refused",
                "InvalidClientTokenId",
            ),
            (Fault::throttling(), "aws.throttled", ": Throttling"),
            (Fault::status(500), "aws.server_errors", " at "),
            (Fault::Missing("Arn".to_owned()), "aws.unreadable", "could not be read"),
        ] {
            scene.stage.aws.fault(action, 1, fault);
            let refused = scene.refused().await;
            assert!(
                refused.starts_with("error checking iam_evidence when attempting login for role \"r\": ")
            );
            assert!(refused.contains(text), "{text}: {refused}");
            assert!(refused.contains(&format!("(code {code}, id ")), "{code}: {refused}");
            assert!(!refused.contains("this server's own"), "{refused}");
        }
    }
    scene.login(&scene.session.credentials, &scene.of_session()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_somebody_else_shows_nothing() {
    let scene = Scene::open().await;
    scene.stage.write_config(&json!({"iam_strict_request": true})).await;
    scene.bind(json!({"bound_iam_principal_tags": "team=payments"})).await;
    for (element, value, code) in [
        ("Arn", "arn:aws:iam::111122223333:role/team/Other", "iam.evidence.principal"),
        ("Arn", "arn:aws:iam::444455556666:role/team/App", "iam.evidence.principal"),
        ("Arn", "arn:aws-cn:iam::111122223333:role/team/App", "iam.evidence.principal"),
        ("RoleId", "AROAOTHER", "iam.principal_recreated"),
    ] {
        scene.stage.aws.fault("GetRole", 1, Fault::Replaced(element.to_owned(), value.to_owned()));
        let text = scene.refused().await;
        assert!(text.contains(&format!("(code {code}, id ")), "{value}: {text}");
    }
    scene.stage.aws.recreate_role(&scene.role);
    let text = scene.refused().await;
    assert!(text.contains("IAM knows ") && text.contains("(code iam.principal_recreated, id "), "{text}");
    // The account has left the organization.
    scene.bind(json!({"bound_organization_ids": ORGANIZATION})).await;
    scene.stage.aws.organization("o-zzzzzzzzzz");
    let text = scene.refused().await;
    assert!(text.contains("does not belong to an organization"), "{text}");
    assert!(text.contains("(code organization.not_bound, id "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_evidence_and_questions_around_a_login_do_not_send_it() {
    let scene = Scene::open().await;
    scene
        .bind(json!({"bound_iam_principal_tags": "team=payments", "bound_organization_ids": ORGANIZATION}))
        .await;
    let mut login = scene.of_session().login(&scene.session.credentials, options());
    let mount = &scene.stage.mount;
    mount.resolve_role(&login).await.expect(200);
    assert_eq!(scene.calls(), [0, 0, 0, 0]);
    mount.ask("alias-lookahead", "login", &login).await;
    assert_eq!(scene.calls()[1..], [0, 0, 0]);
    login.as_object_mut().unwrap().remove("role");
    let explained = mount.write("role/r/explain", &login).await.expect(200).data;
    assert_eq!(explained["verdict"], "would log in", "{explained:#}");
    assert_eq!(scene.calls(), [1, 1, 0, 1]);
    let of = |name: &str| {
        let checks = explained["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap().clone()
    };
    assert_eq!(of("evidence")["verdict"], "passed");
    assert_eq!(of("evidence")["seen"], "iam:GetRole,organizations:DescribeOrganization");
    assert_eq!(of("principal_tags")["aws_call"], "iam:GetRole");
    assert_eq!(of("organization")["aws_call"], "organizations:DescribeOrganization");
    login["iam_evidence"] = json!("W10=");
    let explained = mount.write("role/r/explain", &login).await.expect(200).data;
    assert_eq!(explained["first_failure"]["check"], "evidence");
    assert_eq!(explained["first_failure"]["code"], "iam.evidence.unbound");
}

/// Single use knows the login by its signature, which covers the hash of the evidence.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_used_up_with_its_login() {
    let scene = Scene::open().await;
    scene.stage.write_config(&json!({"iam_request_single_use": true})).await;
    scene.bind(json!({"bound_iam_principal_tags": "team=payments"})).await;
    let in_a_second = scene.stage.aws.now() + time::Duration::seconds(1);
    let evidence = of(&scene.session.credentials, [get_role("App").date(in_a_second)]);
    let login = evidence.login(&scene.session.credentials, options().date(in_a_second));
    scene.stage.mount.login_only(&login).await.expect(200);
    scene.calls();
    scene.stage.mount.login_only(&login).await.expect(409);
    assert_eq!(scene.calls(), [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_tightens_the_age_of_evidence() {
    let scene = Scene::open().await;
    scene.bind(json!({"bound_iam_principal_tags": "team=payments", "iam_request_max_age": 60})).await;
    let old = scene.stage.aws.now() - time::Duration::seconds(120);
    let evidence = of(&scene.session.credentials, [get_role("App").date(old)]);
    let answer = scene.login(&scene.session.credentials, &evidence).await.expect(400);
    let text =
        "invalid iam_evidence: request 1: the signed request is too old: it may be at most 60 seconds old";
    assert!(answer.error().starts_with(text), "{}", answer.error());
    assert_eq!(scene.calls(), [1, 0, 0, 0]);
}

/// Requests to the plugin's own hosts go where AWS has its services.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_goes_to_the_hosts_of_the_partition() {
    let stage = Stage::behind_proxy(under_test::open_bao()).await;
    stage.mount.write("config/client", &json!({"iam_accept_evidence": true})).await.expect_written();
    let role = stage.aws.create_role(Entity::named("App").tag("team", "payments"));
    let session = stage.aws.session(&role, "s");
    stage.aws.organization(ORGANIZATION);
    stage.aws.put_account(ACCOUNT, UNIT, "ACTIVE");
    stage
        .role(
            "r",
            json!({"bound_iam_principal_tags": "team=payments", "bound_organization_ids": ORGANIZATION}),
        )
        .await;
    let requests = [get_role("App"), describe_organization()].map(|of| sign(&session.credentials, &of));
    let evidence = requests.iter().fold(Evidence::default(), Evidence::with);
    let login = evidence.login(&session.credentials, LoginOptions::vault_cli().role("r"));
    stage.mount.login_only(&login).await.expect(200);
    for (action, host) in
        [("GetRole", "iam.amazonaws.com"), ("DescribeOrganization", "organizations.us-east-1.amazonaws.com")]
    {
        let [call] = &stage.aws.calls(action)[..] else { panic!("one call of {action}") };
        assert_eq!(call.proxied_to.as_deref(), Some(format!("{host}:443").as_str()));
        assert_eq!(call.header("Host"), Some(host));
    }
}

/// The client of the documentation, where Python has botocore.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_client_logs_in() {
    let installation = Installation::of_this_checkout();
    let Some(python) = installation.python_tool("the_documented_client_logs_in", "python") else { return };
    let document = include_str!("../../../../docs/evidence.md");
    let (_, script) = document.split_once("```python\n").expect("a script");
    let (script, _) = script.split_once("```").expect("its end");
    let scene = Scene::open().await;
    scene
        .bind(json!({"bound_iam_principal_tags": "team=payments", "bound_organization_ids": ORGANIZATION}))
        .await;
    for (credentials, role) in [(&scene.session.credentials, "App"), (&scene.user.credentials, "")] {
        let mut command = std::process::Command::new(&python);
        command.args(["-c", script]).env_clear();
        command.env("AWS_ACCESS_KEY_ID", &credentials.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key);
        command.envs(credentials.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)));
        command.envs([("LOGIN_ROLE", "r"), ("LOGIN_AWS_ROLE", role), ("LOGIN_SERVER_ID", SERVER_ID)]);
        let output = command.output().expect("Python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let login: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        scene.stage.mount.login_only(&login).await.expect(200);
        let [_, of_role, of_user, of_organization] = scene.calls();
        assert_eq!((of_role + of_user, of_organization), (1, 1));
    }
}
