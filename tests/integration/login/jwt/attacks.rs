//! What somebody tries who has a token for something else, or none.

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{AUDIENCE, Scene};
use testkit::aws::{ACCOUNT, AWS_CLAIMS, OTHER_ACCOUNT, TokenIssuer, compact};
use testkit::stage::with;

const SIGNATURE: (&str, &str) = ("the signature of the token is wrong", "jwt.signature");
const KEY: (&str, &str) = ("the issuer of the token has no key of its kid and algorithm", "jwt.key");
const FORM: &str = "the value of jwt is no web identity token: ";

impl Scene {
    async fn assert_refused(&self, token: &str, (text, code): (&str, &str)) {
        let (seen_text, seen_code) = self.refused(token, "app").await;
        assert!(seen_text.starts_with(text), "{seen_text}");
        assert_eq!(seen_code, code, "{seen_text}");
    }

    /// Times since now, as claims.
    fn times(&self, issued: i64, expires: i64) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        with(&self.claims(), json!({"iat": now + issued, "exp": now + expires}))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn algorithms_are_not_confused() {
    let scene = Scene::open().await;
    let (claims, keys) = (scene.claims().to_string(), scene.issuer.keys());
    for alg in ["none", "None", "nOnE"] {
        let unsigned = compact(&json!({"alg": alg, "kid": "RSA_1"}).to_string(), &claims, |_| Vec::new());
        let text = format!("the token is signed by an algorithm that is not taken: {alg}");
        scene.assert_refused(&unsigned, (&text, "jwt.algorithm")).await;
    }
    let modulus = keys["keys"][0]["n"].as_str().unwrap().as_bytes();
    for (alg, expected) in [
        ("HS256", ("the token is signed by an algorithm that is not taken: HS256", "jwt.algorithm")),
        ("RS256", SIGNATURE),
    ] {
        let mac = compact(&json!({"alg": alg, "kid": "RSA_1"}).to_string(), &claims, |message| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, modulus), message).as_ref().to_vec()
        });
        scene.assert_refused(&mac, expected).await;
    }
    // The key of one algorithm under the name of the other.
    let rs = |kid: &str| json!({"alg": "RS256", "kid": kid}).to_string();
    let es = |kid: &str| json!({"alg": "ES384", "kid": kid}).to_string();
    scene.assert_refused(&scene.issuer.sign_rs256(&es("EC_1"), &claims), SIGNATURE).await;
    scene.assert_refused(&scene.issuer.sign_es384(&rs("RSA_1"), &claims), SIGNATURE).await;
    scene.assert_refused(&scene.issuer.sign_rs256(&rs("EC_1"), &claims), KEY).await;
    // Only what is allowed.
    let path = format!("config/jwt-issuer/{ACCOUNT}");
    scene.stage.mount.write(&path, &json!({"allowed_algorithms": "ES384"})).await.expect(204);
    let text = "the token is signed by an algorithm that is not taken: RS256";
    scene.assert_refused(&scene.issuer.rs256(&scene.claims()), (text, "jwt.algorithm")).await;
    scene.admitted("app").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_nothing_of_where_its_key_is() {
    let scene = Scene::open().await;
    let mallory = TokenIssuer::named("other-mallory");
    mallory.publish(&scene.stage.aws);
    let jwk = mallory.keys()["keys"][0].clone();
    for (name, value) in [
        ("jku", json!(mallory.jwks_url())),
        ("x5u", json!(mallory.jwks_url())),
        ("jwk", jwk),
        ("x5c", json!([])),
    ] {
        let mut header = json!({"alg": "RS256", "kid": "RSA_1"});
        header[name] = value;
        let token = mallory.sign_rs256(&header.to_string(), &scene.claims().to_string());
        scene.assert_refused(&token, (&format!("{FORM}its header has a member"), "jwt.form")).await;
    }
    let header = r#"{"alg":"RS256","kid":"RSA_1","crit":["exp"]}"#;
    let token = scene.issuer.sign_rs256(header, &scene.claims().to_string());
    scene.assert_refused(&token, (FORM, "jwt.form")).await;
    assert_eq!(scene.stage.aws.call_count(&mallory.jwks_url()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_vouches_for_its_own_account_alone() {
    let scene = Scene::open().await;
    let other = TokenIssuer::named("other");
    other.publish(&scene.stage.aws);
    // Not configured: whatever it signs, and whosever claims these are.
    let foreign = other.claims(&scene.app.arn, AUDIENCE);
    let unknown = ("the issuer of the token is not configured", "jwt.issuer");
    scene.assert_refused(&other.rs256(&foreign), unknown).await;
    assert_eq!(scene.stage.aws.call_count(&other.jwks_url()), 0, "nobody is asked whom nobody configured");
    scene.assert_refused(&other.rs256(&scene.claims()), SIGNATURE).await;
    // Configured for another account: same kid, other keys, other account.
    scene.configure(&scene.stage.mount, OTHER_ACCOUNT, &other).await;
    scene.assert_refused(&other.rs256(&scene.claims()), SIGNATURE).await;
    scene.assert_refused(&scene.issuer.rs256(&foreign), SIGNATURE).await;
    let account = ("the token is not of the account of its issuer", "jwt.account");
    scene.assert_refused(&other.rs256(&foreign), account).await;
    let half = with(&foreign, json!({AWS_CLAIMS: {"aws_account": OTHER_ACCOUNT}}));
    scene.assert_refused(&other.rs256(&half), account).await;
    let own = other.claims(&format!("arn:aws:iam::{OTHER_ACCOUNT}:role/App"), AUDIENCE);
    let (_, code) = scene.refused(&other.rs256(&own), "app").await;
    assert_eq!(code, "iam.principal_not_bound");
    // A name that differs in a slash is another issuer.
    for url in [format!("{}/", scene.issuer.url), scene.issuer.url.to_uppercase()] {
        let token = scene.issuer.rs256(&with(&scene.claims(), json!({"iss": url})));
        scene.assert_refused(&token, unknown).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_somebody_else_is_refused() {
    let scene = Scene::open().await;
    let audience = ("the token is for another audience", "jwt.audience");
    for aud in [json!("sts.amazonaws.com"), json!(["a", "VAULT.example.com"]), json!("vault.example.com ")] {
        let token = scene.issuer.rs256(&with(&scene.claims(), json!({"aud": aud})));
        scene.assert_refused(&token, audience).await;
    }
    scene.with_claims(json!({"aud": ["a", AUDIENCE]})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_in_its_time_alone() {
    let scene = Scene::open().await;
    let path = format!("config/jwt-issuer/{ACCOUNT}");
    let stored = scene.stage.mount.storage().json(&path).unwrap();
    let forgotten = with(&stored, json!({"taken_since": 0})).to_string();
    scene.stage.mount.storage().put(&path, forgotten.as_bytes());
    scene.stage.mount.invalidate(&path).await.unwrap();
    let expired = ("the token has expired", "jwt.expired");
    let future = ("the token is of the future: the clocks of AWS and of this server differ", "jwt.future");
    for (issued, expires, refused) in [
        (-3_600, -65, Some(expired)),
        (-3_600, -30, None),
        (30, 300, None),
        (70, 300, Some(future)),
        (-10, -20, Some(("the token has no usable claim exp", "jwt.claim"))),
        (-10, 86_400, Some(("the token has no usable claim exp", "jwt.claim"))),
    ] {
        let token = scene.issuer.rs256(&scene.times(issued, expires));
        match refused {
            Some(refused) => scene.assert_refused(&token, refused).await,
            None => {
                scene.login(&token, "app").await.expect(200);
            }
        }
    }
    let soon = with(&scene.claims(), json!({"nbf": OffsetDateTime::now_utc().unix_timestamp() + 90}));
    scene.assert_refused(&scene.issuer.rs256(&soon), future).await;
    for name in ["exp", "iat", "jti", "aud", "sub", AWS_CLAIMS] {
        let token = scene.issuer.rs256(&with(&scene.claims(), json!({name: null})));
        let text = format!("the token has no usable claim {name}");
        scene.assert_refused(&token, (&text, "jwt.claim")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_chose_is_never_looked_at() {
    let scene = Scene::open().await;
    let mut claims = scene.claims();
    claims[AWS_CLAIMS]["request_tags"] = json!({
        "team": "admins", "aws_account": OTHER_ACCOUNT, "sub": "arn:aws:iam::1:role/Admin",
    });
    let auth = scene.login(&scene.issuer.rs256(&claims), "app").await.expect(200).auth.unwrap();
    let told = format!("{auth:?}");
    assert!(!told.contains("admins") && !told.contains("Admin\""), "{told}");
    // And no role can bind it.
    let tags = json!({"bound_iam_principal_tags": "team=admins"});
    let answer = scene.stage.mount.write("role/app", &tags).await.expect(400);
    assert!(answer.error().ends_with("demands by bound_iam_principal_tags"), "{}", answer.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_is_refused() {
    let scene = Scene::open().await;
    let claims = scene.claims().to_string();
    let twice = |member: &str| format!("{},{member}}}", claims.strip_suffix('}').unwrap());
    let header = r#"{"alg":"RS256","kid":"RSA_1"}"#;
    for (header, claims) in [
        (r#"{"alg":"none","alg":"RS256","kid":"RSA_1"}"#, claims.as_str()),
        (r#"{"alg":"RS256","kid":"x","kid":"RSA_1"}"#, &claims),
        (header, &twice(r#""sub":"arn:aws:iam::1:role/Admin""#)),
        (header, &twice(r#""\u0073ub":"arn:aws:iam::1:role/Admin""#)),
        (header, &twice(r#""https://sts.amazonaws.com/":{"aws_account":"1"}"#)),
        (header, &twice(r#""x":{"a":1,"a":2}"#)),
        (header, "[]"),
        ("null", &claims),
    ] {
        let token = scene.issuer.sign_rs256(header, claims);
        scene.assert_refused(&token, (FORM, "jwt.form")).await;
    }
    let good = scene.issuer.rs256(&scene.claims());
    for token in [format!("{good}="), format!("{good}."), format!(" {good}"), "a.b".to_owned(), String::new()]
    {
        scene.assert_refused(&token, (FORM, "jwt.form")).await;
    }
    let long = format!("{good}{}", "A".repeat(16 * 1024));
    let answer = scene.login(&long, "app").await.expect(400);
    assert!(answer.error().contains("jwt"), "{}", answer.error());
    scene.login(&good, "app").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_comes_alone() {
    let scene = Scene::open().await;
    let session = scene.stage.aws.session(&scene.app, "s");
    let signed = scene.stage.login_data(&session.credentials, "app");
    let token = scene.issuer.rs256(&scene.claims());
    let text = "supplied jwt beside the values of another login type";
    for login in [
        with(&signed, json!({"jwt": token})),
        with(&signed, json!({"jwt": ""})),
        json!({"jwt": token, "role": "app", "iam_request_url": "x"}),
        json!({"jwt": token, "role": "app", "pkcs7": "x"}),
        json!({"jwt": token, "role": "app", "identity": "x"}),
        json!({"jwt": token, "role": "app", "signature": "x"}),
    ] {
        assert_eq!(scene.stage.mount.login_only(&login).await.expect(400).error(), text);
    }
    assert_eq!(scene.stage.aws.total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_the_issuer_is_found_and_an_old_one_forgotten() {
    let mut scene = Scene::open().await;
    scene.admitted("app").await;
    let mut next = TokenIssuer::named("other-next");
    next.url.clone_from(&scene.issuer.url);
    next.key_ids = ["RSA_2", "EC_2"].map(str::to_owned);
    // Signed, and not published yet.
    let early = next.rs256(&next.claims(&scene.app.arn, AUDIENCE));
    scene.assert_refused(&early, KEY).await;
    std::mem::swap(&mut scene.issuer, &mut next);
    scene.issuer.publish(&scene.stage.aws);
    // Looked for again at most every half minute, so begin with a mount that knows nothing.
    scene.stage.mount.reload().await.unwrap();
    scene.login(&early, "app").await.expect(200);
    let old = next.rs256(&next.claims(&scene.app.arn, AUDIENCE));
    scene.assert_refused(&old, KEY).await;
    // A key that comes while others are known is found at once.
    scene.stage.mount.reload().await.unwrap();
    scene.admitted("app").await;
    next.publish(&scene.stage.aws);
    scene.login(&old, "app").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_keys_are_not_there_nobody_is_admitted() {
    let scene = Scene::open().await;
    let not_fetched = ("the keys of the token's issuer could not be fetched", "jwt.keys_not_fetched");
    for document in ["", "{}", "no JSON", r#"{"keys":[{"kty":"RSA"}]}"#] {
        scene.stage.aws.publish_text(&scene.issuer.jwks_url(), document);
        scene.stage.mount.reload().await.unwrap();
        let expected = if document.contains("RSA") { KEY } else { not_fetched };
        scene.assert_refused(&scene.issuer.rs256(&scene.claims()), expected).await;
    }
    scene.issuer.publish(&scene.stage.aws);
    scene.stage.mount.reload().await.unwrap();
    let (one, other) = (scene.issuer.rs256(&scene.claims()), scene.issuer.es384(&scene.claims()));
    scene.login(&one, "app").await.expect(200);
    scene.stage.aws.publish_text(&scene.issuer.jwks_url(), "");
    scene.login(&other, "app").await.expect(200);
}
