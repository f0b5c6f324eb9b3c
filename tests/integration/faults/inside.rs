//! Faults that no service of AWS tells: the plugin sees them by itself.

use serde_json::{Value, json};

use super::scene::{Planted, Row, Scene};
use testkit::aws::{
    ACCOUNT, Credentials, Entity, Fault, Instance, LoginOptions, OTHER_ACCOUNT, Times, sign_login,
};
use testkit::identity::{Signer, base64, pkcs7};
use testkit::stage::SERVER_ID;

const IMAGE: &str = "ami-0abcdef1234567890";

async fn told(
    scene: &mut Scene,
    (fault, code, word): (&'static str, &'static str, &'static str),
    fields: Value,
    sign: impl FnOnce(&str) -> Value,
) -> Row {
    let role = scene.role(fields).await;
    scene.told(Planted { row: "", fault, code, word }, &sign(&role)).await
}

fn signed(credentials: &Credentials) -> impl FnOnce(&str) -> Value {
    let credentials = credentials.clone();
    move |role| sign_login(&credentials, &LoginOptions::vault_cli().server_id(SERVER_ID).role(role))
}

async fn principals(scene: &mut Scene) -> Vec<Row> {
    let mut rows = Vec::new();
    let aws = &scene.stage.aws;
    let again = aws.create_user("again");
    let people = aws.create_user(Entity::named("with-path").path("/people/"));
    let app = aws.create_role("App");
    let session = aws.session(&app, "s").credentials;

    let fields = json!({"bound_iam_principal_arn": again.arn});
    let role = scene.role(fields).await;
    let made_again = scene.stage.aws.recreate_user(&again);
    let planted = Planted {
        row: "",
        fault: "The bound principal was deleted, and one of its name made since",
        code: "iam.principal_id_changed",
        word: "anew",
    };
    let login = scene.stage.login_data(&made_again.credentials, &role);
    rows.push(scene.told(planted, &login).await);

    let other = Fault::Replaced("UserId".to_owned(), "AIDANEWNEWNEWNEWNEWNE".to_owned());
    scene.stage.aws.fault("GetUser", Times::Always, other);
    let fields = json!({"bound_iam_principal_arn": format!("arn:aws:iam::{ACCOUNT}:user/people/*")});
    let fault = (
        "The caller was deleted, and one of its name made since",
        "iam.principal_recreated",
        "new credentials",
    );
    rows.push(told(scene, fault, fields, signed(&people.credentials)).await);
    scene.stage.aws.clear_faults();

    let by_arn = |arn: &str| json!({"bound_iam_principal_arn": arn, "resolve_aws_unique_ids": false});
    let fault = ("The ARN is bound with its path", "iam.principal_path", "without its path");
    rows.push(told(scene, fault, by_arn(&people.arn), signed(&people.credentials)).await);
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/App/s");
    let fault =
        ("The ARN of a session is bound in the place of its role's", "iam.principal_session", "sessions");
    rows.push(told(scene, fault, by_arn(&arn), signed(&session)).await);
    rows
}

async fn servers_and_accounts(scene: &mut Scene) -> Vec<Row> {
    let mut rows = Vec::new();
    let user = scene.stage.aws.create_user("known");
    let fields = json!({"bound_iam_principal_arn": user.arn, "resolve_aws_unique_ids": false});
    for (fault, code, options) in [
        ("The header of the server's id is missing", "iam.server_id.missing", LoginOptions::vault_cli()),
        (
            "It has the id of another server",
            "iam.server_id.mismatch",
            LoginOptions::vault_cli().server_id("other"),
        ),
    ] {
        let sign = |role: &str| sign_login(&user.credentials, &options.role(role));
        rows.push(told(scene, (fault, code, "header_value="), fields.clone(), sign).await);
    }
    let app = scene.stage.aws.create_role(Entity::named("App").account(OTHER_ACCOUNT));
    let session = scene.stage.aws.session(&app, "s").credentials;
    let fields = json!({"bound_iam_principal_arn": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/*")});
    let fault = (
        "The account of the caller has no entry in config/sts",
        "aws.account_not_configured",
        "config/sts/<account>",
    );
    rows.push(told(scene, fault, fields, signed(&session)).await);
    rows
}

async fn role_tags(scene: &mut Scene) -> Vec<Row> {
    let signer = Signer::rsa("instance identity");
    let certificate = json!({"aws_public_cert": base64(signer.pem().as_bytes()), "type": "pkcs7"});
    scene.stage.mount.write("config/certificate/own", &certificate).await.expect(204);
    let id = "i-0fedcba9876543210";
    scene.stage.aws.run_instance(Instance::with_id(id));
    let document = json!({
        "accountId": ACCOUNT, "imageId": IMAGE, "instanceId": id, "region": "us-east-1",
        "pendingTime": "2026-01-02T03:04:05Z", "architecture": "x86_64", "availabilityZone": "us-east-1a",
        "instanceType": "t3.micro", "version": "2017-09-30",
    });
    let message = pkcs7(&signer, document.to_string().as_bytes());
    let fields = json!({"auth_type": "ec2", "bound_account_id": ACCOUNT, "role_tag": "VaultRole"});
    let fault = ("The role tag of the instance was deleted", "role_tag.missing", "Put the tag");
    let login = |role: &str| json!({"pkcs7": message, "role": role, "nonce": "n"});
    vec![told(scene, fault, fields, login).await]
}

pub(super) async fn rows(scene: &mut Scene) -> Vec<Row> {
    let mut rows = principals(scene).await;
    rows.extend(servers_and_accounts(scene).await);
    rows.extend(role_tags(scene).await);
    rows
}
