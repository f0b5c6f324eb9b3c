//! Operations of STS.

use time::{Duration, OffsetDateTime};

use super::client::{Response, send};
use crate::aws::{
    Aws, Credentials, Entity, Identity, LoginOptions, OTHER_ACCOUNT, SignedRequest, WebIdentity, sign,
};

fn sts(parameters: &str) -> LoginOptions {
    LoginOptions::vault_cli().parameters(&format!("{parameters}&Version=2011-06-15"))
}

fn keys(response: &Response) -> Credentials {
    let text = |element| response.text(element).expect("an element").to_owned();
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
    }
}

#[tokio::test]
async fn identities_of_every_kind() {
    let aws = Aws::start().await;
    let user = aws.create_user(Entity::named("alice").path("/team/a/"));
    let role = aws.create_role(Entity::named("App").path("/apps/").account(OTHER_ACCOUNT));
    let session = aws.session(&role, "i-0123456789abcdef0");
    let odd = Identity {
        arn: "arn:aws:iam::1:user/<&>".to_owned(),
        user_id: "AIDAX".to_owned(),
        account: "1".to_owned(),
        partition: "aws".to_owned(),
    };
    assert!(user.unique_id.starts_with("AIDA") && user.unique_id.len() == 21);
    assert!(role.unique_id.starts_with("AROA") && role.unique_id.len() == 21);
    assert!(session.credentials.access_key_id.starts_with("ASIA"));
    for (keys, arn, user_id, account) in [
        (user.credentials, "arn:aws:iam::111122223333:user/team/a/alice", user.unique_id, "111122223333"),
        (
            session.credentials,
            "arn:aws:sts::444455556666:assumed-role/App/i-0123456789abcdef0",
            format!("{}:i-0123456789abcdef0", role.unique_id),
            OTHER_ACCOUNT,
        ),
        (
            aws.federated_user(OTHER_ACCOUNT, "bob"),
            "arn:aws:sts::444455556666:federated-user/bob",
            "444455556666:bob".to_owned(),
            OTHER_ACCOUNT,
        ),
        (aws.root("1"), "arn:aws:iam::1:root", "1".to_owned(), "1"),
        (aws.add_identity(odd, None), "arn:aws:iam::1:user/&lt;&amp;&gt;", "AIDAX".to_owned(), "1"),
    ] {
        let response = send(&aws, &sign(&keys, &LoginOptions::vault_cli())).await;
        assert_eq!(response.header("content-type"), Some("text/xml"));
        let id = response.header("x-amzn-requestid").unwrap();
        let expected = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
             <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    <UserId>{user_id}</UserId>\n    \
             <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
             <RequestId>{id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
        );
        assert_eq!(response.body, expected);
    }
}

#[tokio::test]
async fn a_user_keeps_its_id_when_it_moves() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let moved = aws.move_user(&user, "bob", "/x/");
    assert_eq!((&moved.unique_id, &moved.credentials), (&user.unique_id, &user.credentials));
    let response = send(&aws, &sign(&user.credentials, &LoginOptions::vault_cli())).await;
    assert_eq!(response.text("Arn"), Some("arn:aws:iam::111122223333:user/x/bob"));
    assert_eq!(response.text("UserId"), Some(user.unique_id.as_str()));
}

#[tokio::test]
async fn json_for_whoever_asks_for_it() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    let options = LoginOptions::vault_cli().unsigned_header("Accept", "application/json");
    let response = send(&aws, &sign(&user.credentials, &options)).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    let result = &json["GetCallerIdentityResponse"]["GetCallerIdentityResult"];
    assert_eq!(result["Arn"], user.arn.as_str());
    assert_eq!(result["UserId"], user.unique_id.as_str());
    assert_eq!(result["Account"], "111122223333");

    let mut request = sign(&user.credentials, &options);
    request.body.push('x');
    request.headers.retain(|(name, _)| name != "Content-Length");
    let response = send(&aws, &request).await;
    assert_eq!((response.status, response.header("content-type")), (403, Some("application/json")));
    let json: serde_json::Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(json["Error"]["Code"], "SignatureDoesNotMatch");
    assert_eq!(json["Error"]["Type"], "Sender");
}

#[tokio::test]
async fn unknown_actions_and_versions() {
    let aws = Aws::start().await;
    let user = aws.create_user("alice");
    for (parameters, expected) in [
        ("Action=DoMagic&Version=2011-06-15", (400, "InvalidAction")),
        ("Action=getCallerIdentity&Version=2011-06-15", (400, "InvalidAction")),
        ("Action=GetCallerIdentity&Version=2011-06-16", (400, "InvalidAction")),
        ("Action=GetCallerIdentity", (400, "InvalidAction")),
        ("Version=2011-06-15", (400, "MissingAction")),
        ("", (400, "MissingAction")),
    ] {
        let options = LoginOptions::vault_cli().parameters(parameters);
        assert_eq!(send(&aws, &sign(&user.credentials, &options)).await.error(), expected, "{parameters}");
    }
}

#[tokio::test]
async fn assume_role_across_accounts() {
    let aws = Aws::start().await;
    let user = aws.create_user("vault");
    let role = aws.create_role(Entity::named("Reader").path("/x/").account(OTHER_ACCOUNT));
    let assume = |further: &str| {
        let parameters = format!("Action=AssumeRole&RoleArn={}&RoleSessionName=vault-1{further}", role.arn);
        sign(&user.credentials, &sts(&parameters))
    };
    let response = send(&aws, &assume("&DurationSeconds=900")).await;
    assert_eq!(response.status, 200, "{}", response.body);
    let arn = "arn:aws:sts::444455556666:assumed-role/Reader/vault-1";
    assert_eq!(response.text("Arn"), Some(arn));
    assert_eq!(response.text("AssumedRoleId").unwrap(), format!("{}:vault-1", role.unique_id));
    let expires = response.text("Expiration").unwrap();
    let expires = OffsetDateTime::parse(expires, &time::format_description::well_known::Rfc3339).unwrap();
    let life = expires - aws.now();
    assert!(life > Duration::seconds(890) && life <= Duration::seconds(900), "{life}");

    let assumed = keys(&response);
    let identity = send(&aws, &sign(&assumed, &LoginOptions::vault_cli())).await;
    assert_eq!((identity.text("Arn"), identity.text("Account")), (Some(arn), Some(OTHER_ACCOUNT)));
    aws.set_clock_offset(Duration::seconds(901));
    let late = sign(&assumed, &LoginOptions::vault_cli().date(aws.now()));
    assert_eq!(send(&aws, &late).await.error(), (403, "ExpiredToken"));
    aws.set_clock_offset(Duration::ZERO);

    let denied = (403, "AccessDenied");
    aws.require_external_id(&role, Some("x 1"));
    assert_eq!(send(&aws, &assume("")).await.error(), denied);
    assert_eq!(send(&aws, &assume("&ExternalId=x")).await.error(), denied);
    assert_eq!(send(&aws, &assume("&ExternalId=x+1")).await.status, 200);
    aws.require_external_id(&role, None);
    aws.trust_only(&role, &["arn:aws:iam::111122223333:user/other"]);
    assert_eq!(send(&aws, &assume("")).await.error(), denied);
    aws.trust_only(&role, &[&user.arn]);
    assert_eq!(send(&aws, &assume("")).await.status, 200);

    let gov = aws.create_role(Entity::named("Gov").account(OTHER_ACCOUNT).partition("aws-us-gov"));
    let parameters = format!("Action=AssumeRole&RoleArn={}&RoleSessionName=vault-1", gov.arn);
    assert_eq!(send(&aws, &sign(&user.credentials, &sts(&parameters))).await.error(), denied);

    let recreated = aws.recreate_role(&role);
    assert_eq!(recreated.arn, role.arn);
    assert_ne!(recreated.unique_id, role.unique_id);
    aws.delete_role(&recreated);
    assert_eq!(send(&aws, &assume("")).await.error(), denied);
    // Sessions outlive their role.
    assert_eq!(send(&aws, &sign(&assumed, &LoginOptions::vault_cli())).await.status, 200);
}

#[tokio::test]
async fn assume_role_checks_its_parameters() {
    let aws = Aws::start().await;
    let user = aws.create_user("vault");
    let role = aws.create_role("Reader");
    let session = aws.session(&role, "one");
    let call = |keys: &Credentials, parameters: &str| -> SignedRequest {
        sign(keys, &sts(&format!("Action=AssumeRole&{}", parameters.replace("ARN", &role.arn))))
    };
    for parameters in [
        "RoleSessionName=ab",
        "RoleArn=ARN",
        "RoleArn=ARN&RoleSessionName=a",
        "RoleArn=ARN&RoleSessionName=a%20b",
        "RoleArn=ARN&RoleSessionName=ab&DurationSeconds=899",
        "RoleArn=ARN&RoleSessionName=ab&DurationSeconds=43201",
        "RoleArn=ARN&RoleSessionName=ab&DurationSeconds=long",
    ] {
        let response = send(&aws, &call(&user.credentials, parameters)).await;
        assert_eq!(response.error(), (400, "ValidationError"), "{parameters}");
    }
    let long = "RoleArn=ARN&RoleSessionName=ab&DurationSeconds=3601";
    assert_eq!(send(&aws, &call(&user.credentials, long)).await.status, 200);
    assert_eq!(send(&aws, &call(&session.credentials, long)).await.error(), (400, "ValidationError"));
    let root = aws.root("111122223333");
    let denied = send(&aws, &call(&root, "RoleArn=ARN&RoleSessionName=ab")).await;
    assert_eq!(denied.error(), (403, "AccessDenied"));
}

#[tokio::test]
async fn web_identity_needs_a_registered_token_and_no_signature() {
    let aws = Aws::start().await;
    let role = aws.create_role("Web");
    let other = aws.create_role("Other");
    aws.register_web_identity(WebIdentity {
        token: "a.b.c".to_owned(),
        role_arn: role.arn.clone(),
        subject: "plugin-identity:root:secret".to_owned(),
        audience: "vault.example/aws".to_owned(),
        provider: "https://vault.example".to_owned(),
    });
    let call = |arn: &str, token: &str| SignedRequest {
        method: "POST".to_owned(),
        url: "https://sts.amazonaws.com/".to_owned(),
        headers: [("Host", "sts.amazonaws.com"), ("Content-Type", "application/x-www-form-urlencoded")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={arn}&RoleSessionName=vault&WebIdentityToken={token}"
        ),
    };
    let response = send(&aws, &call(&role.arn, "a.b.c")).await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.text("Audience"), Some("vault.example/aws"));
    assert_eq!(response.text("Provider"), Some("https://vault.example"));
    assert_eq!(response.text("SubjectFromWebIdentityToken"), Some("plugin-identity:root:secret"));
    let identity = send(&aws, &sign(&keys(&response), &LoginOptions::vault_cli())).await;
    assert_eq!(identity.text("Arn"), Some("arn:aws:sts::111122223333:assumed-role/Web/vault"));
    assert_eq!(identity.text("UserId").unwrap(), format!("{}:vault", role.unique_id));

    assert_eq!(send(&aws, &call(&role.arn, "a.b.d")).await.error(), (400, "InvalidIdentityToken"));
    assert_eq!(send(&aws, &call(&other.arn, "a.b.c")).await.error(), (403, "AccessDenied"));
    assert_eq!(send(&aws, &call(&role.arn, "")).await.error(), (400, "ValidationError"));
    let log = aws.calls("AssumeRoleWithWebIdentity");
    assert_eq!(log.len(), 4);
    assert_eq!((log[0].access_key_id.as_str(), log[0].service.as_str()), ("", ""));
}
