//! Which way requests go, and whom they trust at the other end.

use serde_json::json;

use super::socks_proxy::SocksProxy;
use crate::login_scene::{Canary, LoginScene, login_as, watched_by};
use crate::stub::{Reply, Stub};
use testkit::aws::{Call, Instance, LoginOptions, RefusingPort, sign_login};

/// Host and TLS name of a call that came through the proxy.
fn way(call: &Call) -> (&str, &str) {
    (call.proxied_to.as_deref().unwrap_or_default(), call.tls_name.as_deref().unwrap_or_default())
}

/// Every endpoint that is not configured is computed, and reached through the proxy by its own name.
#[tokio::test(flavor = "multi_thread")]
async fn computed_endpoints_are_reached_through_the_proxy() {
    let scene = LoginScene::behind_proxy().await;
    let role = scene.aws.create_role("App");
    let session = scene.aws.session(&role, "i-0123456789abcdef0");
    scene.aws.run_instance(Instance::with_id("i-0123456789abcdef0").region("eu-west-1"));
    let computed = json!({"endpoint": "", "iam_endpoint": "", "sts_endpoint": ""});
    scene.configure(&scene.mount, &computed).await;
    let inferred = json!({
        "bound_iam_principal_arn": role.arn,
        "inferred_entity_type": "ec2_instance",
        "inferred_aws_region": "eu-west-1",
    });
    scene.write_role("app", &inferred).await;
    scene.admitted(&login_as(&session.credentials, "app")).await;
    let calls = scene.aws.all_calls();
    let seen: Vec<_> = calls.iter().map(|call| (call.action.as_str(), way(call))).collect();
    for expected in [
        ("GetRole", ("iam.amazonaws.com:443", "iam.amazonaws.com")),
        ("DescribeInstances", ("ec2.eu-west-1.amazonaws.com:443", "ec2.eu-west-1.amazonaws.com")),
        // The login, as any client of the global endpoint signs it; and the server's own question.
        ("GetCallerIdentity", ("sts.amazonaws.com:443", "sts.amazonaws.com")),
        ("GetCallerIdentity", ("sts.us-east-1.amazonaws.com:443", "sts.us-east-1.amazonaws.com")),
    ] {
        assert!(seen.contains(&expected), "{expected:?} is not among {seen:#?}");
    }
    assert_eq!(scene.aws.malformed_requests(), Vec::<String>::new());
}

/// A request signed for the global host is sent to the region of its signature, under its own Host.
#[tokio::test(flavor = "multi_thread")]
async fn the_region_of_the_client_chooses_the_endpoint_if_the_operator_says_so() {
    let scene = LoginScene::behind_proxy().await;
    scene.configure(&scene.mount, &json!({"use_sts_region_from_client": true})).await;
    scene.aws.clear_calls();
    let regional = "https://sts.eu-central-1.amazonaws.com/";
    for form in [LoginOptions::vault_cli(), LoginOptions::presigned_get()] {
        for url in ["https://sts.amazonaws.com/", regional] {
            let options = form.clone().role("dev").region("eu-central-1").url(url);
            scene.admitted(&sign_login(&scene.alice.credentials, &options)).await;
        }
    }
    let calls = scene.aws.all_calls();
    assert_eq!(calls.len(), 4);
    for (number, call) in calls.iter().enumerate() {
        assert_eq!(way(call), ("sts.eu-central-1.amazonaws.com:443", "sts.eu-central-1.amazonaws.com"));
        let signed_host =
            if number % 2 == 0 { "sts.amazonaws.com" } else { "sts.eu-central-1.amazonaws.com" };
        assert_eq!(call.header("Host"), Some(signed_host));
    }
}

/// The name goes to the proxy, which alone can resolve it, and the user is the one of the URL.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_goes_through_a_socks_proxy() {
    let trusted = tempfile::NamedTempFile::new().unwrap();
    let socks = SocksProxy::bind("user", "p@ss").await;
    let url = format!("socks5://user:p%40ss@{}", socks.address());
    let scene = LoginScene::launch(|launch, aws| {
        std::fs::write(trusted.path(), aws.ca_pem()).unwrap();
        socks.lead_to(aws.address());
        launch.env("HTTPS_PROXY", url).env("SSL_CERT_FILE", trusted.path())
    })
    .await;
    scene.configure(&scene.mount, &json!({"sts_endpoint": "", "iam_endpoint": ""})).await;
    scene.aws.clear_calls();
    scene.write_role("other", &json!({"bound_iam_principal_arn": scene.alice.arn})).await;
    scene.admitted(&login_as(&scene.alice.credentials, "other")).await;
    let calls = scene.aws.all_calls();
    let names: Vec<_> = calls.iter().filter_map(|call| call.tls_name.as_deref()).collect();
    assert!(names.contains(&"sts.amazonaws.com") && names.contains(&"iam.amazonaws.com"), "{names:?}");
    let asked = socks.asked();
    for name in names {
        assert!(asked.contains(&format!("{name}:443")), "{name} is not among {asked:?}");
    }
}

/// A proxy has another idea of what loopback is.
#[tokio::test(flavor = "multi_thread")]
async fn loopback_is_never_reached_through_a_proxy() {
    let canary = Canary::start();
    let scene = LoginScene::behind_proxy_with(|launch, _| watched_by(launch, &canary)).await;
    let port = scene.aws.address().port();
    for endpoint in [
        format!("http://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("http://LOCALHOST:{port}/"),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
    ] {
        scene.configure(&scene.mount, &json!({"sts_endpoint": endpoint, "iam_endpoint": endpoint})).await;
        scene.aws.clear_calls();
        scene.admitted(&scene.alice_login()).await;
        scene.write_role("other", &json!({"bound_iam_principal_arn": scene.alice.arn})).await;
        assert!(scene.aws.all_calls().iter().all(|call| call.proxied_to.is_none()), "{endpoint}");
        assert_eq!(scene.aws.call_count("GetUser"), 1);
    }
    canary.assert_untouched();
}

/// Certificates of nobody the machine trusts.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_without_a_trusted_certificate_is_not_believed() {
    let scene = LoginScene::launch(|launch, aws| launch.env("HTTPS_PROXY", aws.proxy_url())).await;
    scene.configure(&scene.mount, &json!({"sts_endpoint": ""})).await;
    scene.aws.clear_calls();
    let text = scene.refused(&scene.alice_login()).await;
    let expected = "error making upstream request: error making request: POST https://sts.amazonaws.com// giving up \
                    after 1 attempt(s): ";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(scene.aws.total_calls(), 0);
    scene.configure(&scene.mount, &json!({"sts_endpoint": scene.aws.tls_url()})).await;
    scene.refused(&scene.alice_login()).await;
    assert_eq!(scene.aws.total_calls(), 0);
}

/// What a proxy refuses is not asked for in another way, and its password stays where it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_a_refusal_without_its_password() {
    let refusing = RefusingPort::start();
    let stub = Stub::start().await;
    stub.answer(|_| Reply::new(407, "no entry"));
    for proxy in [refusing.url(), stub.url()] {
        let with_password = proxy.replace("http://", "http://user:opensesame@");
        let scene = LoginScene::launch(|launch, _| launch.env("HTTPS_PROXY", &with_password)).await;
        scene.configure(&scene.mount, &json!({"sts_endpoint": "", "max_retries": 0})).await;
        let text = scene.refused(&scene.alice_login()).await;
        let address = proxy.trim_start_matches("http://");
        assert!(
            text.contains(&format!("connecting to sts.amazonaws.com:443 through proxy {address}")),
            "{text}"
        );
        let logged = format!("{:?}", scene.host.plugin().process.stderr());
        for secret in ["opensesame", "dXNlcjpvcGVuc2VzYW1l"] {
            assert!(!text.contains(secret) && !logged.contains(secret), "{text}\n{logged}");
        }
    }
    let asked = stub.requests();
    assert!(asked.iter().all(|request| request.method == "CONNECT"), "{asked:?}");
    assert!(asked.iter().all(|request| request.header("Authorization").is_none()), "{asked:?}");
    assert_eq!(asked[0].header("Proxy-Authorization"), Some("Basic dXNlcjpvcGVuc2VzYW1l"));
}

/// A setting that cannot be used is told, not passed by.
#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_proxy_is_never_passed_by() {
    for (value, expected) in [
        (
            "socks4://127.0.0.1:1",
            "HTTPS_PROXY has scheme socks4; only http, https, socks5, socks5h proxies are supported",
        ),
        ("not a url", "HTTPS_PROXY is not a URL"),
    ] {
        let scene = LoginScene::launch(|launch, _| launch.env("HTTPS_PROXY", value)).await;
        scene.configure(&scene.mount, &json!({"sts_endpoint": ""})).await;
        let text = scene.refused(&scene.alice_login()).await;
        assert!(text.contains(expected), "{text}");
    }
}
