//! Regions and partitions that come from clients, roles or ARNs, on their way to a host name.

use serde_json::json;

use crate::login_scene::{Canary, LoginScene, login_as, watched_by};
use testkit::aws::{Entity, Identity, LoginOptions, edit_headers, sign_login};

/// What an attacker would like to stand in front of `.amazonaws.com`, or instead of it.
const NO_REGIONS: [&str; 18] = [
    "evil.example#",
    "evil.example?",
    "evil.example\\",
    "evil.example:443#",
    "us-east-1.evil.example",
    "us-east-1@evil.example",
    "us-east-1.evil.example#-1",
    "us-east-1\u{0}",
    "us-east-1%2eevil.example",
    "US-EAST-1",
    "us-east-1.",
    ".us-east-1",
    "us-east-1-evil",
    "us--1",
    "-1",
    "localhost",
    "127.0.0.1",
    "fake-region-1",
];

/// The region stood in the client's signature, matched a loose pattern, and the request went to the
/// attacker's host.
#[tokio::test(flavor = "multi_thread")]
async fn accident_03_nothing_but_a_region_of_the_signature_makes_a_host() {
    let scene = LoginScene::behind_proxy().await;
    scene.configure(&scene.mount, &json!({"sts_endpoint": "", "use_sts_region_from_client": true})).await;
    let alice = &scene.alice.credentials;
    let post = LoginOptions::vault_cli().role("dev");
    let presigned = LoginOptions::presigned_get().role("dev");
    let get = LoginOptions::curl_get().role("dev");
    let connections = scene.aws.connections();

    for region in NO_REGIONS {
        for options in [&post, &presigned, &get] {
            let text = scene.refused(&sign_login(alice, &options.clone().region(region))).await;
            assert_eq!(text, format!("unable to get regional STS endpoint for region: {region}"));
        }
    }
    for credential in [
        "Credential=x",
        "Credential=AKID/20260101",
        "Credential=AKID/20260101/",
        "Credential=AKID/20260101//sts/aws4_request",
        "Credential=/evil.example/#/us-east-1/sts/aws4_request",
        "X-Credential=AKID/20260101/us-east-1/sts/aws4_request",
        "",
    ] {
        let mut login = sign_login(alice, &post);
        edit_headers(&mut login, |headers| {
            headers.retain(|(name, _)| name != "Authorization");
            headers.push((
                "Authorization".to_owned(),
                vec![format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00")],
            ));
        });
        scene.refused(&login).await;
    }
    assert_eq!(scene.aws.connections(), connections, "somebody was asked: {:#?}", scene.aws.all_calls());

    // A region reaches the endpoint of that region, whatever host was signed. STS there takes it only
    // if it was signed for that host.
    for (region, host) in [
        ("eu-west-1", "sts.eu-west-1.amazonaws.com"),
        ("mx-central-1", "sts.mx-central-1.amazonaws.com"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-west-2-fips", "sts-fips.us-west-2.amazonaws.com"),
        ("aws-global", "sts.amazonaws.com"),
    ] {
        scene.aws.clear_calls();
        let login = sign_login(alice, &post.clone().region(region).url(&format!("https://{host}/")));
        scene.mount.login_only(&login).await;
        let calls = scene.aws.all_calls();
        assert_eq!(calls.len(), 1, "{region}");
        assert_eq!(calls[0].proxied_to.as_deref(), Some(format!("{host}:443").as_str()));
        assert_eq!(calls[0].tls_name.as_deref(), Some(host));
    }
}

/// A region or partition that somebody wrote down was put into a host name as it was.
#[tokio::test(flavor = "multi_thread")]
async fn accident_04_no_other_text_becomes_a_label_of_a_host() {
    let canary = Canary::start();
    let scene = LoginScene::launch(|launch, _| watched_by(launch, &canary)).await;
    // The endpoints of EC2 and IAM are computed; those of STS stay, so that logins get that far.
    scene.configure(&scene.mount, &json!({"endpoint": "", "iam_endpoint": ""})).await;
    let role = scene.aws.create_role("App");
    let session = scene.aws.session(&role, "i-0123456789abcdef0");
    for region in NO_REGIONS {
        let inferred = json!({
            "auth_type": "iam",
            "inferred_entity_type": "ec2_instance",
            "inferred_aws_region": region,
            "bound_account_id": "111122223333",
        });
        let written = scene.mount.write("role/inferred", &inferred).await;
        if written.status == 204 {
            let text = scene.refused(&login_as(&session.credentials, "inferred")).await;
            assert!(text.contains("could not find region"), "{text}");
        }
        scene.configure(&scene.mount, &json!({"sts_region": region, "iam_endpoint": ""})).await;
        let answer = scene.mount.write("role/exact", &json!({"bound_iam_principal_arn": role.arn})).await;
        assert!(answer.error().contains("is not a region"), "{}", answer.error());
        let computed = json!({"endpoint": "", "iam_endpoint": "", "sts_region": ""});
        scene.configure(&scene.mount, &computed).await;
    }

    // The partition of an ARN decides where IAM is asked: of the bound one, and of the caller's.
    for partition in ["aws-evil", "evil.example#", "aws.evil.example", "", "AWS"] {
        let arn = format!("arn:{partition}:iam::111122223333:role/App");
        let answer = scene.mount.write("role/exact", &json!({"bound_iam_principal_arn": arn})).await;
        assert!(answer.error().contains("unable to resolve partition"), "{}", answer.error());
        let caller = Identity {
            arn: format!("arn:{partition}:iam::111122223333:user/eve"),
            user_id: "AIDAEVE".to_owned(),
            account: "111122223333".to_owned(),
            partition: "aws".to_owned(),
        };
        let eve = scene.aws.add_identity(caller, None);
        scene
            .write_role("wild", &json!({"bound_iam_principal_arn": "arn:aws:iam::111122223333:user/*"}))
            .await;
        let text = scene.refused(&login_as(&eve, "wild")).await;
        assert!(text.contains("unable to resolve partition"), "{text}");
    }
    canary.assert_untouched();

    // The watch works: a real region does leave for its host, and finds only the canary.
    let other = scene.aws.create_role(Entity::named("Other").path("/x/"));
    let mount = scene.mount.clone();
    let write = tokio::spawn(async move {
        mount.write("role/exact", &json!({"bound_iam_principal_arn": other.arn})).await;
    });
    canary.touched().await;
    write.abort();
}
