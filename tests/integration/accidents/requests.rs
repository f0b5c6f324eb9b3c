//! Requests that the server and AWS could read differently.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::login_scene::{Canary, LoginScene, watched_by};
use testkit::aws::{
    Ambiguity, Fault, Form, GET_CALLER_IDENTITY, LoginOptions, Repeated, RequestForm, WebIdentity,
    edit_headers, sign, sign_login,
};

/// Names and values.
type Headers = Vec<(String, Vec<String>)>;

fn decoded(login: &Value, field: &str) -> String {
    let text = STANDARD.decode(login[field].as_str().unwrap()).unwrap();
    String::from_utf8(text).unwrap()
}

fn set(login: &mut Value, field: &str, text: &str) {
    login[field] = STANDARD.encode(text).into();
}

/// The document STS would answer if the caller were alice.
fn forged_answer(scene: &LoginScene) -> String {
    let (arn, id) = (&scene.alice.arn, &scene.alice.unique_id);
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{id}</UserId><Account>111122223333</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
}

/// The client chose the action, and had its own words reflected in an answer that was believed.
#[tokio::test(flavor = "multi_thread")]
async fn accident_01_the_client_does_not_choose_the_action() {
    let scene = LoginScene::open().await;
    let mallory = scene.aws.create_user("mallory");
    let role = scene.aws.create_role("Open");
    // Needs no keys at all, and repeats what the token's issuer says.
    scene.aws.register_web_identity(WebIdentity {
        token: "token".to_owned(),
        role_arn: role.arn.clone(),
        subject: forged_answer(&scene),
        audience: "x".to_owned(),
        provider: "x".to_owned(),
    });
    let reflecting = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName=s&WebIdentityToken=token",
        role.arn
    );
    let post = LoginOptions { host_entry: true, ..LoginOptions::vault_cli().role("dev") };
    let actions = [
        reflecting.as_str(),
        "Action=AssumeRole&Version=2011-06-15",
        "Action=getcalleridentity&Version=2011-06-15",
        "action=GetSessionToken&Action=GetCallerIdentity&Version=2011-06-15",
        "Action=GetCallerIdentity&Action=GetSessionToken&Version=2011-06-15",
        "Action=GetSessionToken&Action=GetCallerIdentity&Version=2011-06-15",
        "Action=GetCallerIdentity&Version=2011-06-15&RoleArn=x",
        "Action=GetCallerIdentity%00&Version=2011-06-15",
        "Action=GetCallerIdentity;Action=GetUser&Version=2011-06-15",
    ];
    for action in actions {
        let body = sign_login(&mallory.credentials, &post.clone().parameters(action));
        scene.refused(&body).await;
        let mut query = sign_login(&mallory.credentials, &post);
        let url = format!("{}?{action}", decoded(&query, "iam_request_url"));
        set(&mut query, "iam_request_url", &url);
        assert_eq!(scene.refused(&query).await, "invalid request");
        let presigned = LoginOptions::presigned_get().role("dev").parameters(action);
        scene.refused(&sign_login(&mallory.credentials, &presigned)).await;
        let get = LoginOptions::curl_get().role("dev").parameters(action);
        scene.refused(&sign_login(&mallory.credentials, &get)).await;
    }
    assert_eq!(scene.aws.total_calls(), 0, "{:#?}", scene.aws.all_calls());

    // What does not name an action, or names it elsewhere, reaches STS and fails there.
    for (name, value) in [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Type", "application/json"),
        ("X-Http-Method-Override", "GET"),
        ("Accept", "application/json"),
        ("Accept", "text/xml, application/json"),
    ] {
        let mut login = sign_login(&mallory.credentials, &post);
        edit_headers(&mut login, |headers| {
            headers.retain(|(present, _)| present != name);
            headers.push((name.to_owned(), vec![value.to_owned()]));
        });
        scene.refused(&login).await;
    }
    let targeted = post.clone().signed_header("X-Amz-Target", "AWSSecurityTokenServiceV20110615.AssumeRole");
    let text = scene.refused(&sign_login(&mallory.credentials, &targeted)).await;
    assert_eq!(text, "invalid request header: X-Amz-Target");
    // A body without an action is left to STS, which knows none.
    let nothing = sign_login(&mallory.credentials, &post.parameters("Version=2011-06-15"));
    assert!(scene.refused(&nothing).await.contains("MissingAction"));
    let asked: Vec<String> = scene.aws.all_calls().into_iter().map(|call| call.action).collect();
    assert!(asked.iter().all(|action| action.is_empty() || action == "GetCallerIdentity"), "{asked:?}");
}

/// However the answer carries the forged document, only STS's own one is read.
#[tokio::test(flavor = "multi_thread")]
async fn accident_01_the_client_does_not_choose_how_the_answer_is_read() {
    let scene = LoginScene::open().await;
    let mallory = scene.aws.create_user("mallory");
    let login = sign_login(&mallory.credentials, &LoginOptions::vault_cli().role("dev"));
    let forged = forged_answer(&scene);
    let inner = forged.split_once('>').unwrap().1.replace("</GetCallerIdentityResponse>", "");
    let escaped = forged.replace('<', "\\u003c");
    let web_identity = |subject: &str| {
        format!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>\
             <SubjectFromWebIdentityToken>{subject}</SubjectFromWebIdentityToken>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )
    };
    let believed = Fault::xml(&forged);
    scene.aws.fault("GetCallerIdentity", 1, believed);
    assert_eq!(
        scene.admitted(&login).await.alias,
        scene.alice.unique_id,
        "the forged document is a good one"
    );

    let answers = [
        format!("{{\"x\":\"{forged}\"}}"),
        format!("{{\"x\":\"{escaped}\"}}"),
        format!("<?xml version=\"1.0\"?>{{\"x\":\"{forged}\"}}"),
        format!("junk{forged}"),
        format!("{forged}junk"),
        format!("{forged}{forged}"),
        format!("\u{feff}{forged}"),
        web_identity(&forged),
        web_identity(&format!("<![CDATA[{forged}]]>")),
        format!("<!--{forged}-->"),
        format!("<GetCallerIdentityResponse><!--{inner}--></GetCallerIdentityResponse>"),
        format!("<GetCallerIdentityResponse><x>{inner}</x></GetCallerIdentityResponse>"),
        format!("<GetCallerIdentityResponse>{inner}{inner}</GetCallerIdentityResponse>"),
        format!("<!DOCTYPE a [<!ENTITY e \"{}\">]>{forged}", scene.alice.arn),
    ];
    for answer in answers {
        scene.aws.fault("GetCallerIdentity", 1, Fault::xml(&answer));
        let text = scene.refused(&login).await;
        assert_eq!(text, "error making upstream request: error parsing STS response", "{answer}");
    }
    for content_type in ["application/json", "text/html", "text/xml; charset=utf-16", "TEXT/XML", ""] {
        scene.aws.fault("GetCallerIdentity", 1, Fault::ContentType(content_type.to_owned()));
        let text = scene.refused(&login).await;
        assert_eq!(text, "error making upstream request: body of GetCallerIdentity is invalid");
    }
    for (status, body) in [(400, &forged), (403, &forged), (201, &forged), (302, &forged), (500, &forged)] {
        let Fault::Answer(mut answer) = Fault::xml(body) else { unreachable!() };
        answer.status = status;
        scene.aws.fault("GetCallerIdentity", 3, Fault::Answer(answer));
        scene.refused(&login).await;
        scene.aws.clear_faults();
    }
}

/// The host that the client signed decides nothing but the Host header.
#[tokio::test(flavor = "multi_thread")]
async fn accident_01_the_client_does_not_choose_the_host() {
    let canary = Canary::start();
    let scene = LoginScene::launch(|launch, _| watched_by(launch, &canary)).await;
    let address = canary.address();
    for url in [
        format!("http://{address}/"),
        format!("https://{address}/"),
        format!("//{address}/"),
        format!("https://sts.amazonaws.com@{address}/"),
        format!("https://sts.amazonaws.com:443@{address}/"),
        format!("https://{address}#@sts.amazonaws.com/"),
        format!("https://sts.amazonaws.com/@{address}/"),
        format!("https://sts.amazonaws.com//{address}/"),
        format!("@{address}/"),
        format!("x:@{address}/"),
        format!("x:{address}/"),
        format!("x:.{address}"),
        format!("x://{address}"),
        format!("\\\\{address}\\"),
        "https://evil.example/".to_owned(),
        "https://sts.amazonaws.com.evil.example/".to_owned(),
    ] {
        let mut login = scene.alice_login();
        set(&mut login, "iam_request_url", &url);
        scene.refused(&login).await;
        let options = LoginOptions::vault_cli().role("dev").url(&url);
        // Signed for that host it may be admitted: AWS was asked, and it vouches for alice.
        scene.mount.login_only(&sign_login(&scene.alice.credentials, &options)).await;
    }
    canary.assert_untouched();
    assert!(scene.aws.all_calls().iter().all(|call| call.proxied_to.is_none()));
}

/// The server read one of two parameters, AWS the other.
#[tokio::test(flavor = "multi_thread")]
async fn accident_02_a_repeated_parameter_reaches_nobody() {
    let scene = LoginScene::open().await;
    for repeated in [Repeated::First, Repeated::Last] {
        scene.aws.set_ambiguity(Ambiguity { repeated_parameter: repeated, both_forms: Some(Form::Query) });
        let presigned = LoginOptions::presigned_get().role("dev");
        scene.admitted(&sign_login(&scene.alice.credentials, &presigned)).await;
        scene.aws.clear_calls();

        let good = sign_login(&scene.alice.credentials, &presigned);
        let url = decoded(&good, "iam_request_url");
        let (base, query) = url.split_once('?').unwrap();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let escaped = format!("%{:02X}{}", name.as_bytes()[0], &name[1..]);
            for again in [
                format!("{name}={value}"),
                format!("{name}=other"),
                format!("{name}="),
                format!("{}={value}", name.to_lowercase()),
                format!("{}={value}", name.to_uppercase()),
                format!("{escaped}={value}"),
                format!("{escaped}=other"),
                format!("x=y;{name}=other"),
                format!("{name}=other;x=y"),
                format!("{name}=%zz"),
            ] {
                for query in [format!("{query}&{again}"), format!("{again}&{query}")] {
                    let mut login = good.clone();
                    set(&mut login, "iam_request_url", &format!("{base}?{query}"));
                    scene.refused(&login).await;
                }
            }
        }
        // Signed with the repetition in it, as an attacker with keys of his own can.
        for parameters in [
            "Action=GetCallerIdentity&Version=2011-06-15&Action=GetCallerIdentity",
            "Action=GetCallerIdentity&Version=2011-06-15&Version=2011-06-15",
            "Action=GetCallerIdentity&Version=2011-06-15&action=AssumeRole",
            "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date=20200101T000000Z",
            "Action=GetCallerIdentity&Version=2011-06-15&x-amz-credential=x",
        ] {
            let options = presigned.clone().parameters(parameters);
            scene.refused(&sign_login(&scene.alice.credentials, &options)).await;
        }
        // The other place where AWS reads parameters.
        for body in [GET_CALLER_IDENTITY, "Action=AssumeRole", "Version=1", "=", "&"] {
            let mut login = good.clone();
            set(&mut login, "iam_request_body", body);
            if body == "Version=1" || body == GET_CALLER_IDENTITY || body == "&" {
                // Nothing but what was asked for, and yet more than a GET has.
                let text = "invalid iam_request_body: a presigned GET request has none";
                assert_eq!(scene.refused(&login).await, text);
            } else {
                assert_eq!(scene.refused(&login).await, "iam request body is invalid");
            }
        }
    }
    let asked: Vec<String> = scene.aws.all_calls().into_iter().map(|call| call.action).collect();
    assert!(asked.is_empty(), "a repeated parameter was sent on: {asked:?}");
}

/// The same of a GET that is signed in a header; the repetition is signed too.
#[tokio::test(flavor = "multi_thread")]
async fn accident_02_a_repeated_parameter_reaches_nobody_behind_a_signed_header() {
    let scene = LoginScene::open().await;
    for repeated in [Repeated::First, Repeated::Last] {
        scene.aws.set_ambiguity(Ambiguity { repeated_parameter: repeated, both_forms: Some(Form::Header) });
        let get = LoginOptions::curl_get().role("dev");
        scene.admitted(&sign_login(&scene.alice.credentials, &get)).await;
        scene.aws.clear_calls();
        for pair in GET_CALLER_IDENTITY.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let escaped = format!("%{:02X}{}", name.as_bytes()[0], &name[1..]);
            for again in [
                format!("{name}={value}"),
                format!("{name}=other"),
                format!("{name}="),
                name.to_owned(),
                format!("{}={value}", name.to_lowercase()),
                format!("{}={value}", name.to_uppercase()),
                format!("{escaped}={value}"),
                format!("{escaped}=other"),
                format!("{name}%20=other"),
                format!("{name}%00=other"),
                format!("x=y;{name}=other"),
                format!("{name}=other;x=y"),
                format!("{name}=%zz"),
            ] {
                for query in
                    [format!("{GET_CALLER_IDENTITY}&{again}"), format!("{again}&{GET_CALLER_IDENTITY}")]
                {
                    let options = get.clone().parameters(&query);
                    scene.refused(&sign_login(&scene.alice.credentials, &options)).await;
                }
            }
        }
        for more in ["x=y", "=", "%00", "X-Amz-Date=20200101T000000Z", "x-amz-credential=x", "Signature=x"] {
            let options = get.clone().parameters(&format!("{GET_CALLER_IDENTITY}&{more}"));
            scene.refused(&sign_login(&scene.alice.credentials, &options)).await;
        }
        assert_eq!(scene.aws.total_calls(), 0, "{:#?}", scene.aws.all_calls());
    }
}

const SERVER_ID: &str = "vault.example.com";
const SERVER_ID_HEADER: &str = "X-Vault-AWS-IAM-Server-ID";

/// The check for a signed header looked at one form of the signature, AWS at the other.
#[tokio::test(flavor = "multi_thread")]
async fn accident_05_the_server_id_is_signed_in_the_form_that_counts() {
    let scene = LoginScene::open().await;
    scene.configure(&scene.mount, &json!({"iam_server_id_header_value": SERVER_ID})).await;
    let post = LoginOptions::vault_cli().role("dev");
    let get = LoginOptions::presigned_get().role("dev");
    let in_header = LoginOptions::curl_get().role("dev");
    let alice = &scene.alice.credentials;
    for options in [&post, &get, &in_header] {
        scene.admitted(&sign_login(alice, &options.clone().server_id(SERVER_ID))).await;
    }

    // Logins that somebody got hold of: made for nobody in particular, or for another server.
    let captured = [
        sign_login(alice, &post),
        sign_login(alice, &get),
        sign_login(alice, &in_header),
        sign_login(alice, &post.clone().server_id("other.example.com")),
        sign_login(alice, &get.clone().server_id("other.example.com")),
        sign_login(alice, &in_header.clone().server_id("other.example.com")),
    ];
    let forms = [None, Some(Form::Header), Some(Form::Query)];
    for both_forms in forms {
        scene.aws.set_ambiguity(Ambiguity { both_forms, ..Ambiguity::default() });
        for login in &captured {
            for fraud in frauds(login) {
                let text = scene.refused(&fraud).await;
                assert!(!text.is_empty());
            }
        }
        // A signature of one's own in the query vouches for nothing in the header, nor the reverse.
        let header_form = LoginOptions { form: RequestForm::Get, ..get.clone() }
            .unsigned_header(SERVER_ID_HEADER, SERVER_ID);
        let url = sign(alice, &get.clone().server_id(SERVER_ID)).url;
        let (base, query) = url.split_once('?').unwrap();
        let twice = LoginOptions { url: base.to_owned(), parameters: query.to_owned(), ..header_form };
        scene.refused(&sign_login(alice, &twice)).await;
    }
}

/// The ways to make a server believe that its id was signed.
fn frauds(login: &Value) -> Vec<Value> {
    let mut frauds = Vec::new();
    let mut with = |change: &dyn Fn(&mut Headers)| {
        let mut fraud = login.clone();
        edit_headers(&mut fraud, |headers| {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case(SERVER_ID_HEADER));
            headers.push((SERVER_ID_HEADER.to_owned(), vec![SERVER_ID.to_owned()]));
            change(headers);
        });
        frauds.push(fraud);
    };
    let lists = "SignedHeaders=host;x-vault-aws-iam-server-id";
    with(&|_| {});
    for (name, value) in [
        ("Authorization", lists.to_owned()),
        (
            "Authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/sts/aws4_request, {lists}, Signature=00"
            ),
        ),
        ("X-Amz-SignedHeaders", "host;x-vault-aws-iam-server-id".to_owned()),
        ("X-Note", lists.to_owned()),
    ] {
        with(&|headers| headers.push((name.to_owned(), vec![value.clone()])));
        with(&|headers| headers.push((name.to_lowercase(), vec![value.clone()])));
    }
    // The list that is found last, or in another part of the value, is not the one AWS goes by.
    for change in [
        |value: &str| format!("{value}, SignedHeaders=host;x-vault-aws-iam-server-id"),
        |value: &str| format!("{value}, X=SignedHeaders=x-vault-aws-iam-server-id"),
        |value: &str| format!("{value}, X-Amz-SignedHeaders=x-vault-aws-iam-server-id"),
        |value: &str| value.replace("SignedHeaders=", "SignedHeaders=x-vault-aws-iam-server-id;"),
        |value: &str| {
            value.replace("Signature=", "Signature=SignedHeaders=x-vault-aws-iam-server-id,Signature=")
        },
        |value: &str| format!("{value}\nSignedHeaders=x-vault-aws-iam-server-id"),
    ] {
        with(&|headers| {
            for (_, values) in headers.iter_mut().filter(|(name, _)| name == "Authorization") {
                *values = values.iter().map(|value| change(value)).collect();
            }
        });
    }
    if login["iam_http_request_method"] == "GET" {
        for change in [
            |url: &str| url.replace("SignedHeaders=", "SignedHeaders=x-vault-aws-iam-server-id%3B"),
            |url: &str| format!("{url}&X-Amz-SignedHeaders=host%3Bx-vault-aws-iam-server-id"),
            |url: &str| format!("{url}&x-amz-signedheaders=host%3Bx-vault-aws-iam-server-id"),
        ] {
            let mut fraud = frauds[0].clone();
            let url = change(&decoded(&fraud, "iam_request_url"));
            set(&mut fraud, "iam_request_url", &url);
            frauds.push(fraud);
        }
    }
    frauds
}
