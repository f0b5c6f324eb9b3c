//! Every change to the further requests of a login, or to what binds them to it, is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::Duration;

use super::evidence::{Scene, of, options};
use testkit::aws::{
    Credentials, Evidence, LoginOptions, RequestForm, SignedRequest, describe_organization, edit_headers,
    get_role, get_user, login_with, sign,
};
use testkit::stage::{SERVER_ID, with};

const HASH: &str = "X-Vault-AWS-IAM-Evidence-SHA256";

type Headers = Vec<(String, Vec<String>)>;
/// A login and the code that it is refused with.
type Row = (&'static str, Value, &'static str);

/// A client that signs other requests than it should, and names them as it should.
fn dishonest(scene: &Scene) -> Vec<Row> {
    let keys = &scene.session.credentials;
    let role = || get_role("App").server_id(SERVER_ID);
    let login = |evidence: &Evidence| evidence.login(keys, options());
    let of_one = |options: LoginOptions| login(&of(keys, [options]));
    let parameters = |text: &str| of_one(get_role("App").parameters(text));
    let url = |url: &str| of_one(get_role("App").url(url));
    let changed = |change: &dyn Fn(&mut SignedRequest)| {
        let mut request = sign(keys, &role());
        change(&mut request);
        login(&Evidence::default().with(&request))
    };
    let authorization = |from: &str, to: &str| {
        changed(&|request| {
            let (_, value) = request.headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
            assert!(value.contains(from), "{value}");
            *value = value.replacen(from, to, 1);
        })
    };
    let header = |name: &'static str, value: &'static str| {
        changed(&|request| {
            request.headers.retain(|(present, _)| present != name);
            request.headers.push((name.to_owned(), value.to_owned()));
        })
    };
    let without =
        |name: &'static str| changed(&|request| request.headers.retain(|(present, _)| present != name));
    let form = |form| {
        changed(&move |request| {
            *request = sign(keys, &LoginOptions { form, ..get_role("App").server_id(SERVER_ID) })
        })
    };
    let organization = |target: &str, body: &str| {
        let options = LoginOptions::call("organizations", "us-east-1", body)
            .signed_header("Content-Type", "application/x-amz-json-1.1")
            .signed_header("X-Amz-Target", target);
        of_one(options)
    };
    let target = "AWSOrganizationsV20161128.DescribeOrganization";
    let version = "Version=2010-05-08";
    vec![
        ("another action", parameters(&format!("Action=ListRoles&{version}")), "iam.evidence.action"),
        (
            "an action that changes",
            parameters(&format!("Action=DeleteRole&RoleName=App&{version}")),
            "iam.evidence.action",
        ),
        (
            "the action of a login",
            parameters("Action=GetCallerIdentity&Version=2011-06-15"),
            "iam.evidence.action",
        ),
        (
            "a parameter added",
            parameters(&format!("Action=GetRole&RoleName=App&{version}&X=1")),
            "iam.evidence.action",
        ),
        (
            "a parameter twice",
            parameters(&format!("Action=GetRole&RoleName=App&RoleName=App&{version}")),
            "iam.evidence.action",
        ),
        (
            "another version",
            parameters("Action=GetRole&RoleName=App&Version=2011-06-15"),
            "iam.evidence.action",
        ),
        ("no name", parameters(&format!("Action=GetRole&{version}")), "iam.evidence.action"),
        (
            "a name that is a path",
            parameters(&format!("Action=GetRole&RoleName=..%2FApp&{version}")),
            "iam.evidence.action",
        ),
        (
            "an action of Organizations",
            organization("AWSOrganizationsV20161128.ListAccounts", "{}"),
            "iam.evidence.action",
        ),
        ("a member for Organizations", organization(target, r#"{"a":1}"#), "iam.evidence.action"),
        ("no body for Organizations", organization(target, ""), "iam.evidence.action"),
        ("a foreign host", url("https://evil.example/"), "iam.evidence.url"),
        (
            "a host that begins like one of AWS",
            url("https://iam.amazonaws.com.evil.example/"),
            "iam.evidence.url",
        ),
        ("the host of a login", url("https://sts.amazonaws.com/"), "iam.evidence.url"),
        ("the host of another partition", url("https://iam.us-gov.amazonaws.com/"), "iam.evidence.url"),
        ("no host", url("/"), "iam.evidence.url"),
        ("a path", url("https://iam.amazonaws.com/x"), "iam.evidence.url"),
        ("two slashes", url("https://iam.amazonaws.com//"), "iam.evidence.url"),
        ("a query", url("https://iam.amazonaws.com/?Action=GetRole"), "iam.evidence.url"),
        ("an empty query", url("https://iam.amazonaws.com/?"), "iam.evidence.url"),
        ("a port", url("https://iam.amazonaws.com:443/"), "iam.evidence.url"),
        ("http", changed(&|request| request.url = request.url.replace("https", "http")), "iam.evidence.url"),
        (
            "a user name",
            changed(&|request| request.url = request.url.replace("//", "//u@")),
            "iam.evidence.url",
        ),
        ("a fragment", changed(&|request| request.url.push('#')), "iam.evidence.url"),
        ("a GET", form(RequestForm::Get), "iam.evidence.url"),
        ("presigned", form(RequestForm::PresignedGet), "iam.evidence.url"),
        ("another method", changed(&|request| request.method = "PUT".to_owned()), "iam.evidence.url"),
        ("host unsigned", authorization(";host;", ";"), "iam.evidence.headers"),
        ("content type unsigned", authorization("content-type;", ""), "iam.evidence.headers"),
        ("server id unsigned", authorization(";x-vault-aws-iam-server-id", ""), "iam.evidence.headers"),
        ("session token unsigned", authorization(";x-amz-security-token", ""), "iam.evidence.headers"),
        ("date unsigned", authorization(";x-amz-date", ""), "iam.evidence.headers"),
        (
            "a header that asks for JSON",
            of_one(get_role("App").signed_header("Accept", "application/json")),
            "iam.evidence.headers",
        ),
        (
            "a header more",
            of_one(get_role("App").unsigned_header("X-Forwarded-For", "10.0.0.1")),
            "iam.evidence.headers",
        ),
        (
            "an X-Amz- header more",
            of_one(get_role("App").signed_header("X-Amz-Other", "x")),
            "iam.evidence.headers",
        ),
        (
            "a header twice",
            changed(&|request| {
                request.headers.push(("X-Amz-Date".to_owned(), "20260101T000000Z".to_owned()))
            }),
            "iam.evidence.headers",
        ),
        (
            "a header twice in other spelling",
            changed(&|request| {
                request.headers.push(("x-amz-date".to_owned(), "20260101T000000Z".to_owned()))
            }),
            "iam.evidence.headers",
        ),
        ("another Host", header("Host", "evil.example"), "iam.evidence.headers"),
        ("another length", header("Content-Length", "0"), "iam.evidence.headers"),
        ("a header with a line break", header("User-Agent", "a\r\nX-B: c"), "iam.evidence.headers"),
        (
            "the body left out of the signature",
            of_one(get_role("App").signed_header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")),
            "iam.evidence.headers",
        ),
        (
            "JSON for IAM",
            of_one(get_role("App").signed_header("Content-Type", "application/x-amz-json-1.1")),
            "iam.evidence.headers",
        ),
        (
            "a form with a target",
            of_one(get_role("App").signed_header("X-Amz-Target", target)),
            "iam.evidence.headers",
        ),
        ("no signature", without("Authorization"), "iam.evidence.signature"),
        ("no date", without("X-Amz-Date"), "iam.evidence.signature"),
        (
            "another algorithm",
            authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            "iam.evidence.signature",
        ),
        ("a short signature", authorization("Signature=", "Signature=0"), "iam.evidence.signature"),
        (
            "the service of a login",
            of_one(LoginOptions { service: "sts".to_owned(), ..get_role("App") }),
            "iam.evidence.signature",
        ),
        (
            "the service of the other request",
            of_one(LoginOptions { service: "organizations".to_owned(), ..get_role("App") }),
            "iam.evidence.signature",
        ),
        ("another region", of_one(get_role("App").region("eu-west-1")), "iam.evidence.signature"),
        ("no region", of_one(get_role("App").region("mars-1")), "iam.evidence.signature"),
        (
            "another region of Organizations",
            of_one(describe_organization().region("us-west-2")),
            "iam.evidence.signature",
        ),
        ("no token", without("X-Amz-Security-Token"), "iam.evidence.signer"),
        ("another token", header("X-Amz-Security-Token", "other"), "iam.evidence.signer"),
        (
            "server id left out",
            login(&Evidence::default().with(&sign(keys, &get_role("App")))),
            "iam.evidence.server_id",
        ),
        (
            "another server",
            login(&Evidence::default().with(&sign(keys, &get_role("App").server_id("other.example")))),
            "iam.evidence.server_id",
        ),
        ("no request", login(&Evidence::default()), "iam.evidence.form"),
        ("the same twice", login(&of(keys, [get_role("App"), get_role("App")])), "iam.evidence.form"),
        ("two about the principal", login(&of(keys, [get_role("App"), get_user()])), "iam.evidence.form"),
        (
            "too many",
            login(&of(keys, [get_role("App"), get_user(), describe_organization()])),
            "iam.evidence.form",
        ),
        ("no list", login_with(keys, options(), "{}"), "iam.evidence.form"),
        ("no JSON", login_with(keys, options(), "[{]"), "iam.evidence.form"),
        (
            "something behind the list",
            login_with(keys, options(), &(scene.of_session().text() + "x")),
            "iam.evidence.form",
        ),
        (
            "a member more",
            login_with(keys, options(), &scene.of_session().text().replacen('{', r#"{"x":1,"#, 1)),
            "iam.evidence.form",
        ),
        (
            "a member twice",
            login_with(
                keys,
                options(),
                &scene.of_session().text().replacen('{', r#"{"iam_request_url":"","#, 1),
            ),
            "iam.evidence.form",
        ),
        (
            "a member less",
            login_with(keys, options(), &scene.of_session().text().replacen("iam_request_url", "url", 1)),
            "iam.evidence.form",
        ),
        ("deep", login_with(keys, options(), &"[".repeat(9)), "iam.evidence.form"),
    ]
}

/// What is signed with other credentials, or at another time.
fn of_others(scene: &Scene) -> Vec<Row> {
    let aws = &scene.stage.aws;
    let keys = &scene.session.credentials;
    let other = aws.create_role("Other");
    let other = aws.session(&other, "s").credentials;
    let user = aws.create_user("mallory").credentials;
    let mixed = Credentials { session_token: other.session_token.clone(), ..keys.clone() };
    let signed_by = |signer: &Credentials| of(signer, [get_role("App")]).login(keys, options());
    let signed_at =
        |offset: Duration| of(keys, [get_role("App").date(aws.now() + offset)]).login(keys, options());
    let mut later = of(keys, [get_role("App")]);
    let day_before = of(keys, [get_role("App").date(aws.now() - Duration::days(1))]);
    later.requests[0]["iam_request_headers"]["X-Amz-Date"] =
        day_before.requests[0]["iam_request_headers"]["X-Amz-Date"].clone();
    vec![
        ("another session", signed_by(&other), "iam.evidence.signer"),
        ("a user", signed_by(&user), "iam.evidence.signer"),
        ("the token of another session", signed_by(&mixed), "iam.evidence.signer"),
        ("old", signed_at(-Duration::minutes(16)), "iam.request_too_old"),
        ("of the future", signed_at(Duration::minutes(6)), "iam.request_from_the_future"),
        ("two days", later.login(keys, options()), "iam.evidence.signature"),
    ]
}

/// Somebody on the way changes what binds the requests to the login.
fn on_the_way(scene: &Scene) -> Vec<Row> {
    let keys = &scene.session.credentials;
    let evidence = scene.of_session();
    let honest = evidence.login(keys, options());
    let encoded = |text: &str| json!(STANDARD.encode(text));
    let replaced = |evidence: &Evidence| with(&honest, json!({"iam_evidence": encoded(&evidence.text())}));
    let changed = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = evidence.clone();
        change(&mut evidence);
        replaced(&evidence)
    };
    let member = |name: &'static str, value: &'static str| {
        changed(&move |evidence| evidence.requests[0][name] = json!(value))
    };
    let named = |edit: &dyn Fn(&mut Headers)| {
        let mut login = honest.clone();
        edit_headers(&mut login, |headers| edit(headers));
        login
    };
    let hash = |edit: &dyn Fn(&str) -> Vec<String>| {
        named(&|headers| {
            let (_, values) = headers.iter_mut().find(|(name, _)| name == HASH).expect("the header");
            *values = edit(&values[0].clone());
        })
    };
    let presigned = LoginOptions { form: RequestForm::PresignedGet, ..options() };
    let unsigned = LoginOptions { unsigned_headers: Vec::new(), ..options() };
    let mut not_named = testkit::aws::sign_login(keys, &options());
    not_named["iam_evidence"] = honest["iam_evidence"].clone();
    let mut not_signed = testkit::aws::sign_login(keys, &unsigned);
    let value = testkit::aws::login_headers(&honest).into_iter().find(|(name, _)| name == HASH).unwrap();
    edit_headers(&mut not_signed, |headers| headers.push(value.clone()));
    not_signed["iam_evidence"] = honest["iam_evidence"].clone();
    let code = "iam.evidence.unbound";
    vec![
        ("method", member("iam_http_request_method", "GET"), code),
        ("url", member("iam_request_url", "aHR0cHM6Ly9ldmlsLmV4YW1wbGUv"), code),
        ("body", member("iam_request_body", "e30="), code),
        ("headers", changed(&|evidence| evidence.requests[0]["iam_request_headers"] = json!({})), code),
        ("one taken out", changed(&|evidence| evidence.requests.truncate(1)), code),
        ("all taken out", changed(&|evidence| evidence.requests.clear()), code),
        ("another order", changed(&|evidence| evidence.requests.reverse()), code),
        ("other requests of the same client", replaced(&of(keys, [get_role("App")])), code),
        ("a blank", with(&honest, json!({"iam_evidence": encoded(&format!("{} ", evidence.text()))})), code),
        ("no evidence", with(&honest, json!({"iam_evidence": null})), code),
        ("empty evidence", with(&honest, json!({"iam_evidence": ""})), code),
        ("no base64", with(&honest, json!({"iam_evidence": "*"})), "iam.evidence.form"),
        ("not named", not_named, code),
        ("named and not signed", not_signed, code),
        ("name left out", named(&|headers| headers.retain(|(name, _)| name != HASH)), code),
        ("another hash", hash(&|value| vec![value.replace(|c: char| c.is_ascii_digit(), "a")]), code),
        ("a hash in capital letters", hash(&|value| vec![value.to_uppercase()]), code),
        ("two hashes", hash(&|value| vec![value.to_owned(), value.to_owned()]), "iam.strict.repeated"),
        ("a presigned login", evidence.login(keys, presigned), code),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_is_refused_before_aws_is_asked() {
    let scene = Scene::open().await;
    scene.stage.write_config(&json!({"iam_strict_request": true})).await;
    scene
        .bind(json!({"bound_iam_principal_tags": "team=payments", "bound_organization_ids": "o-abcdefghij"}))
        .await;
    let rows = [dishonest(&scene), of_others(&scene), on_the_way(&scene)].concat();
    let mut wrong = Vec::new();
    for (what, login, code) in &rows {
        let answer = scene.stage.mount.login_only(login).await;
        let is_right = answer.status == 400
            && answer.auth.is_none()
            && answer.error().contains(&format!("(code {code}, id "))
            && !answer.error().contains(SERVER_ID)
            && scene.stage.aws.total_calls() == 0;
        if !is_right {
            wrong.push(format!("{what}: {}: {}", answer.status, answer.error()));
            scene.stage.aws.clear_calls();
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    // And nothing of that is left behind.
    let honest = scene.of_session().login(&scene.session.credentials, options());
    scene.stage.mount.login_only(&honest).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_aws_can_tell_is_refused_by_aws() {
    let scene = Scene::open().await;
    scene.stage.write_config(&json!({"iam_strict_request": true})).await;
    scene.bind(json!({"bound_iam_principal_tags": "team=payments"})).await;
    let keys = &scene.session.credentials;
    scene.stage.aws.create_role("Other");
    let signed = |options: LoginOptions| sign(keys, &options.server_id(SERVER_ID));
    let mut body = signed(get_role("App"));
    body.body = "Version=2010-05-08&Action=GetRole&RoleName=App".to_owned();
    let length = body.body.len().to_string();
    body.headers
        .iter_mut()
        .filter(|(name, _)| name == "Content-Length")
        .for_each(|(_, value)| value.clone_from(&length));
    let mut signature = signed(get_role("App"));
    for (_, value) in signature.headers.iter_mut().filter(|(name, _)| name == "Authorization") {
        let last = if value.ends_with('0') { '1' } else { '0' };
        value.pop();
        value.push(last);
    }
    let mut moved = signed(get_role("Other"));
    moved.body = "Action=GetRole&RoleName=App&Version=2010-05-08".to_owned();
    let length = moved.body.len().to_string();
    moved
        .headers
        .iter_mut()
        .filter(|(name, _)| name == "Content-Length")
        .for_each(|(_, value)| value.clone_from(&length));
    for (what, request, code, calls) in [
        ("body", body, "iam.evidence.refused", 1),
        ("signature", signature, "iam.evidence.refused", 1),
        ("name in the body", moved, "iam.evidence.refused", 1),
        // Who the caller is, STS has said: IAM is not asked about others.
        ("another role", signed(get_role("Other")), "iam.evidence.principal", 0),
        ("the role in other letters", signed(get_role("app")), "iam.evidence.principal", 0),
        ("a user", signed(get_user()), "iam.evidence.principal", 0),
        (
            "another partition",
            signed(get_role("App").region("us-gov-west-1").url("https://iam.us-gov.amazonaws.com/")),
            "iam.evidence.principal",
            0,
        ),
    ] {
        let login = Evidence::default().with(&request).login(keys, options());
        let answer = scene.stage.mount.login_only(&login).await;
        assert_eq!((answer.status, &answer.auth), (400, &None), "{what}");
        assert!(answer.error().contains(&format!("(code {code}, id ")), "{what}: {}", answer.error());
        assert_eq!(scene.stage.aws.call_count("GetCallerIdentity"), 1, "{what}");
        assert_eq!(scene.stage.aws.total_calls(), 1 + calls, "{what}");
        scene.stage.aws.clear_calls();
    }
}

/// A login that was changed on the way, hash and all, is none that AWS takes.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_name_other_requests() {
    let scene = Scene::open().await;
    scene.bind(json!({"bound_iam_principal_tags": "team=payments"})).await;
    let keys = &scene.session.credentials;
    let honest = of(keys, [describe_organization()]).login(keys, options());
    let stolen = of(keys, [get_role("App")]).login(keys, options());
    let value = testkit::aws::login_headers(&stolen).into_iter().find(|(name, _)| name == HASH).unwrap();
    let mut login = with(&honest, json!({"iam_evidence": stolen["iam_evidence"]}));
    edit_headers(&mut login, |headers| {
        headers.retain(|(name, _)| name != HASH);
        headers.push(value);
    });
    let text = scene.stage.mount.login_only(&login).await.expect(400).error().to_owned();
    assert!(text.contains("SignatureDoesNotMatch"), "{text}");
    assert_eq!(scene.stage.aws.total_calls(), 1, "IAM is not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_takes_no_evidence_is_the_built_in_method() {
    let scene = Scene::open().await;
    let mount = &scene.stage.mount;
    scene.stage.role_for("r", &scene.session_role_arn()).await;
    let honest = scene.of_session().login(&scene.session.credentials, options());
    mount.login_only(&honest).await.expect(200);
    let stored = |mount: &testkit::host::Mount| mount.storage().json("config/client").unwrap();
    assert_eq!(mount.read("config/client").await.data["iam_accept_evidence"], true);
    mount.write("config/client", &json!({"iam_accept_evidence": false})).await.expect_written();
    assert!(mount.read("config/client").await.data.get("iam_accept_evidence").is_none());
    assert!(stored(mount).get("iam_accept_evidence").is_none());
    scene.stage.aws.clear_calls();
    let text = mount.login_only(&honest).await.expect(400).error().to_owned();
    assert_eq!(text, "iam_evidence is not taken: iam_accept_evidence of config/client is off");
    assert_eq!(scene.stage.aws.total_calls(), 0);
    // A header that means nothing there is passed on, as any other.
    mount.login_only(&with(&honest, json!({"iam_evidence": null}))).await.expect(200);
    mount.login_only(&with(&honest, json!({"iam_evidence": ""}))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_what_is_wrong_with_evidence() {
    let scene = Scene::open().await;
    scene.bind(json!({"bound_iam_principal_tags": "team=payments"})).await;
    let keys = &scene.session.credentials;
    let honest = of(keys, [get_role("App")]).login(keys, options());
    let mut not_named = testkit::aws::sign_login(keys, &options());
    not_named["iam_evidence"] = honest["iam_evidence"].clone();
    let of_one = |options: LoginOptions| of(keys, [options]).login(keys, self::options());
    let other = scene.stage.aws.create_user("mallory").credentials;
    let mut unsigned = sign(keys, &get_role("App").server_id(SERVER_ID));
    for (_, value) in unsigned.headers.iter_mut().filter(|(name, _)| name == "Authorization") {
        *value = value.replacen("content-type;", "", 1);
    }
    for (login, text) in [
        (not_named, "missing header X-Vault-AWS-IAM-Evidence-SHA256, which iam_evidence needs"),
        (
            with(&honest, json!({"iam_evidence": null})),
            "missing iam_evidence, whose hash the header X-Vault-AWS-IAM-Evidence-SHA256 has",
        ),
        (
            with(&honest, json!({"iam_evidence": "W10="})),
            "invalid request header: X-Vault-AWS-IAM-Evidence-SHA256 is not the SHA-256 of iam_evidence in hexadecimal digits",
        ),
        (with(&honest, json!({"iam_evidence": "*"})), "failed to base64 decode iam_evidence"),
        (
            login_with(keys, options(), "{}"),
            "invalid iam_evidence: not a JSON list of signed requests with the four fields of a login each",
        ),
        (Evidence::default().login(keys, options()), "invalid iam_evidence: it must have one or 2 requests"),
        (
            of_one(get_role("App").url("https://iam.amazonaws.com/x")),
            "invalid iam_evidence: request 1: the URL must be https, with a host and nothing else",
        ),
        (
            of_one(get_role("App").url("https://evil.example/")),
            "invalid iam_evidence: request 1: \"evil.example\" is not the host that is asked, \"iam.amazonaws.com\"",
        ),
        (
            Evidence::default().with(&unsigned).login(keys, options()),
            "invalid iam_evidence: request 1: header \"Content-Type\" is not signed",
        ),
        (
            of_one(get_role("App").parameters("Action=ListRoles&Version=2010-05-08")),
            "invalid iam_evidence: request 1: the action must be GetRole, GetUser or DescribeOrganization",
        ),
        (
            of_one(get_role("App").region("eu-west-1")),
            "invalid iam_evidence: request 1: the signature must be for the region us-east-1",
        ),
        (
            of(&other, [get_role("App")]).login(keys, options()),
            "invalid iam_evidence: request 1: it must be signed with the key and session of the login",
        ),
        (
            Evidence::default().with(&sign(keys, &get_role("App"))).login(keys, options()),
            "invalid iam_evidence: request 1: error validating X-Vault-AWS-IAM-Server-ID header: missing header \"X-Vault-AWS-IAM-Server-ID\"",
        ),
    ] {
        assert_eq!(scene.stage.mount.login_only(&login).await.expect(400).error(), text);
        assert_eq!(scene.stage.aws.total_calls(), 0, "{text}");
    }
    let arn = &scene.session.arn;
    let text =
        format!("invalid iam_evidence: request 1: GetRole of \"Other\" is not about the caller, {arn}");
    let answer = scene.stage.mount.login_only(&of_one(get_role("Other"))).await.expect(400);
    assert_eq!(answer.error(), text);
}
