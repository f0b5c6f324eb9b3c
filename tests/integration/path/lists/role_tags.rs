//! `role/<role>/tag`.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{issued_tag, mounted, write_role};
use testkit::host::Mount;

/// What a tag says between its nonce and its signature, once both are as they should be.
fn content_of(mount: &Mount, role: &str, tag: &str) -> String {
    let (plaintext, mac) = tag.rsplit_once(':').unwrap();
    let role = mount.storage().json(&format!("role/{role}")).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, role["hmac_key"].as_str().unwrap().as_bytes());
    assert_eq!(mac, STANDARD.encode(hmac::sign(&key, plaintext.as_bytes())), "{tag}");
    let (nonce, content) = plaintext.strip_prefix("v1:").unwrap().split_once(':').unwrap();
    assert_eq!(STANDARD.decode(nonce).unwrap().len(), 8, "{tag}");
    content.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_says_what_was_asked_for_and_is_signed_by_the_role() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    for (asked, content) in [
        (json!({}), "r=dev:d=false:m=false"),
        (json!({"policies": ""}), "r=dev:d=false:m=false"),
        (json!({"policies": "OPS, dev,ops"}), "r=dev:d=false:m=false:p=dev,ops"),
        (json!({"max_ttl": "1h"}), "r=dev:d=false:m=false:t=3600"),
        (json!({"max_ttl": "500ms"}), "r=dev:d=false:m=false"),
        (json!({"instance_id": "I-0ABC"}), "r=dev:d=false:m=false:i=i-0abc"),
        (json!({"disallow_reauthentication": true}), "r=dev:d=true:m=false"),
        (
            json!({"policies": "dev", "max_ttl": 60, "instance_id": "i-1", "disallow_reauthentication": true}),
            "r=dev:d=true:m=false:p=dev:i=i-1:t=60",
        ),
    ] {
        let answer = mount.write("role/dev/tag", &asked).await.expect(200);
        assert_eq!(answer.data["tag_key"], "VaultRole");
        assert_eq!(answer.warnings, [""; 0], "{asked}");
        let tag = answer.data["tag_value"].as_str().unwrap();
        assert_eq!(content_of(&mount, "dev", tag), content, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn issuing_stores_nothing_and_never_repeats_itself() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    let before = mount.storage().entries();
    let [one, other] =
        [issued_tag(&mount, "dev", &json!({})).await, issued_tag(&mount, "DEV", &json!({})).await];
    assert_ne!(one, other);
    assert_eq!(content_of(&mount, "dev", &one), content_of(&mount, "dev", &other));
    assert_eq!(mount.storage().entries(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_role_does_not_allow_is_a_warning() {
    const POLICIES: &str = "Policies on the tag are not a subset of the policies set on the role. Login will not be allowed with this tag unless the role policies are updated.";
    const MIGRATION: &str = "Role does not allow instance migration. Login will not be allowed with this tag unless the role value is updated.";
    const MOUNT: &str = "Given max TTL of 2768400 is greater than the mount maximum of 2764800 seconds, and will be capped at login time.";
    const ROLE: &str = "Given max TTL of 2768400 is greater than the role maximum of 36000 seconds, and will be capped at login time.";
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    let asked = json!({"policies": "root,dev", "allow_instance_migration": true, "max_ttl": "769h"});
    let answer = mount.write("role/dev/tag", &asked).await.expect(200);
    assert_eq!(answer.warnings, [POLICIES, MIGRATION, MOUNT, ROLE]);
    let tag = answer.data["tag_value"].as_str().unwrap();
    assert_eq!(content_of(&mount, "dev", tag), "r=dev:d=false:m=true:p=root:t=2768400");

    let allowing = json!({"allow_instance_migration": true, "token_max_ttl": 0});
    assert_eq!(mount.write("role/dev", &allowing).await.status, 204);
    let asked = json!({"allow_instance_migration": true, "max_ttl": "768h", "unknown": 1});
    let answer = mount.write("role/dev/tag", &asked).await.expect(200);
    assert_eq!(answer.warnings, ["Endpoint ignored these unrecognized parameters: [unknown]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_their_texts() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    let plain = json!({"auth_type": "ec2", "bound_ami_id": "ami-1"});
    assert_eq!(mount.write("role/plain", &plain).await.status, 204);
    let both = json!({"disallow_reauthentication": true, "allow_instance_migration": true});
    let long = json!({"instance_id": "i".repeat(200)});
    for (path, asked, status, text) in [
        ("role/None/tag", json!({}), 400, "entry not found for role none"),
        ("role/plain/tag", json!({}), 400, "tag creation is not enabled for this role"),
        ("role/dev/tag", both, 400, "cannot set both disallow_reauthentication and allow_instance_migration"),
        ("role/dev/tag", long, 500, "role tag 'value' exceeding the limit of 255 characters"),
    ] {
        let answer = mount.write(path, &asked).await;
        assert_eq!((answer.status, answer.error()), (status, text));
    }
    let mut role = mount.storage().json("role/dev").unwrap();
    role["hmac_key"] = json!("");
    mount.storage().put_json("role/dev", &role);
    mount.invalidate("role/dev").await.unwrap();
    let answer = mount.write("role/dev/tag", &json!({})).await;
    assert_eq!((answer.status, answer.error()), (500, "failed to find the HMAC key"));
    assert_eq!(mount.write("role/dev/tag", &json!({"max_ttl": -1})).await.status, 400);
    assert_eq!(mount.ask("read", "role/dev/tag", &Value::Null).await.status, 405);
}
