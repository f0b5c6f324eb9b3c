//! Logins to roles that want a role tag on the instance.

use serde_json::{Value, json};

use super::{HOUR, INSTANCE, MOUNT_MAX, SECOND, SHORT_INSTANCE, Scene, T2, document, seconds, times};
use testkit::host::Call;
use testkit::identity::base64;
use testkit::proto::pb::Auth;
use testkit::stage::with;

const TAG_KEY: &str = "VaultRole";
const FORGED: &str = "role tag signature verification failed";

impl Scene {
    /// As [`Scene::open`]; the role has the policies `dev` and `prod` and wants a role tag.
    pub(super) async fn with_tags() -> Self {
        let scene = Self::open().await;
        scene.tagged_role(json!({})).await;
        scene
    }

    async fn tagged_role(&self, fields: Value) {
        self.stage
            .role("ec2r", with(&json!({"role_tag": TAG_KEY, "token_policies": "dev,prod"}), fields))
            .await;
    }

    /// A tag that the mount issues for `ec2r`.
    pub(super) async fn issued(&self, content: Value) -> String {
        let answer = self.stage.mount.write("role/ec2r/tag", &content).await.expect(200);
        assert_eq!(answer.data["tag_key"], TAG_KEY);
        answer.data["tag_value"].as_str().unwrap().to_owned()
    }

    /// Puts a tag on the instance.
    pub(super) fn wear(&self, tag: &str) {
        self.change_instance(|instance| {
            instance.tags = [("Name", "web"), (TAG_KEY, tag)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec();
        });
    }

    /// A login of the instance with a freshly issued tag, as if it were the first one.
    async fn admitted_with(&self, content: Value) -> Auth {
        let tag = self.issued(content).await;
        self.wear(&tag);
        self.forget().await;
        self.admitted(&self.login("a")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_must_wear_a_tag() {
    let scene = Scene::with_tags().await;
    let text = "missing tag with key \"VaultRole\" on the instance";
    scene.refused(&scene.login("a"), 500, text, "vector 106: no tags").await;
    let tag = scene.issued(json!({})).await;
    for (key, value) in [(TAG_KEY, ""), ("vaultrole", &*tag), ("Other", &*tag)] {
        scene.change_instance(|instance| instance.tags = vec![(key.to_owned(), value.to_owned())]);
        scene.refused(&scene.login("a"), 500, text, key).await;
    }
    scene.wear(&tag);
    scene.admitted(&scene.login("a")).await;
    // Later logins want it as well.
    scene.change_instance(|instance| instance.tags.clear());
    scene.refused(&scene.login("a"), 500, text, "again").await;
    // And roles without a tag key do not look.
    scene.tagged_role(json!({"role_tag": ""})).await;
    scene.admitted(&scene.login("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_this_role_did_not_issue_is_refused() {
    let scene = Scene::with_tags().await;
    let tag = scene.issued(json!({"policies": "dev"})).await;
    scene.named_role("other", json!({"role_tag": TAG_KEY, "token_policies": "dev,prod"})).await;
    let others = scene.stage.mount.write("role/other/tag", &json!({})).await.expect(200);
    let others = others.data["tag_value"].as_str().unwrap().to_owned();
    let changed_mac = {
        let (start, mac) = tag.rsplit_once(':').unwrap();
        let first = if mac.starts_with('A') { 'B' } else { 'A' };
        format!("{start}:{first}{}", &mac[1..])
    };
    let version_2 = tag.replacen("v1:", "v2:", 1);
    let wider = tag.replacen("p=dev", "p=dev,prod", 1);
    let gone = tag.replacen("r=ec2r", "r=gone", 1);
    let theirs = tag.replacen("r=ec2r", "r=other", 1);
    for (what, tag, text) in [
        ("vector 107", version_2.as_str(), "invalid role tag version"),
        ("vector 108", &changed_mac, FORGED),
        ("wider policies", &wider, FORGED),
        ("signed by another role", &theirs, FORGED),
        ("a role that does not exist", &gone, "entry not found for \"gone\""),
        ("no tag", "x", "invalid tag"),
        ("an unknown item", "v1:n:r=ec2r:x=1:mac", "unrecognized item \"x=1\" in tag"),
        ("no role", "v1:n:d=false:m=false:mac", "missing role name"),
        ("another role's", &others, "role on the tag is not matching the role supplied"),
    ] {
        scene.wear(tag);
        scene.refused(&scene.login("a"), 500, text, what).await;
    }
    scene.wear(&tag);
    let upper = with(&scene.login("a"), json!({"role": "EC2R"}));
    let text = "role on the tag is not matching the role supplied";
    scene.refused(&upper, 500, text, "tags carry the name in lower case").await;
    scene.admitted(&scene.login("a")).await;
    // A role made anew has another key.
    scene.role(json!({})).await;
    scene.tagged_role(json!({})).await;
    scene.refused(&scene.login("a"), 500, FORGED, "the role was made anew").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_may_be_for_one_instance() {
    let scene = Scene::with_tags().await;
    scene.wear(&scene.issued(json!({"instance_id": SHORT_INSTANCE})).await);
    let text = "role tag is being used by an unauthorized instance";
    scene.refused(&scene.login("a"), 500, text, "another instance").await;
    scene.wear(&scene.issued(json!({"instance_id": INSTANCE.to_uppercase()})).await);
    scene.admitted(&scene.login("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_narrows_policies_and_times() {
    let scene = Scene::with_tags().await;
    scene.tagged_role(json!({"token_ttl": "30m", "token_max_ttl": "10h"})).await;
    for (content, policies, told, shortest, longest) in [
        (json!({"policies": "dev", "max_ttl": 3600}), vec!["dev"], "1h0m0s", HOUR, MOUNT_MAX),
        (json!({"policies": "prod,dev"}), vec!["dev", "prod"], "0s", 10 * HOUR, MOUNT_MAX),
        (json!({}), vec!["dev", "prod"], "0s", 10 * HOUR, MOUNT_MAX),
        (json!({"policies": ""}), vec!["dev", "prod"], "0s", 10 * HOUR, MOUNT_MAX),
        (json!({"max_ttl": "1h30m"}), vec!["dev", "prod"], "1h30m0s", HOUR * 3 / 2, MOUNT_MAX),
        (json!({"max_ttl": "20h"}), vec!["dev", "prod"], "20h0m0s", 10 * HOUR, MOUNT_MAX),
        (json!({"max_ttl": "1000h"}), vec!["dev", "prod"], "1000h0m0s", 10 * HOUR, 1000 * HOUR),
    ] {
        let auth = scene.admitted_with(content.clone()).await;
        assert_eq!(auth.policies, policies, "vector 110: {content}");
        assert_eq!(auth.metadata["role_tag_max_ttl"], told, "vector 110: {content}");
        assert_eq!(times(&auth), (HOUR / 2, shortest), "vector 110: {content}");
        let entry = scene.entry(INSTANCE).unwrap();
        let life = seconds(&entry["expiration_time"]) - seconds(&entry["last_updated_time"]);
        assert_eq!(life * SECOND, longest, "{content}");
        // The renewal knows the tag by what the login left behind.
        scene.change_instance(|instance| instance.tags.clear());
        let renewed = scene.stage.mount.renew(&auth).await.expect(200).auth.unwrap();
        assert_eq!((times(&renewed).1, &renewed.policies), (shortest, &auth.policies), "{content}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_gives_no_policy_that_the_role_lacks() {
    const TEXT: &str = "policies on the role tag must be subset of policies on the role";
    let scene = Scene::with_tags().await;
    for policies in ["root", "dev,ops", "default"] {
        scene.wear(&scene.issued(json!({"policies": policies})).await);
        scene.refused(&scene.login("a"), 500, TEXT, &format!("vector 109: {policies}")).await;
    }
    scene.wear(&scene.issued(json!({"policies": "prod"})).await);
    scene.admitted(&scene.login("a")).await;
    scene.tagged_role(json!({"token_policies": "dev"})).await;
    scene.refused(&scene.login("a"), 500, TEXT, "the role's present policies count").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_may_allow_one_login_only() {
    let scene = Scene::with_tags().await;
    let text = "reauthentication is disabled";
    scene.wear(&scene.issued(json!({"disallow_reauthentication": true})).await);
    let nonceless = scene.message(&document(json!({})));
    let auth = scene.admitted(&nonceless).await;
    assert_eq!(auth.metadata.get("nonce"), None);
    let entry = scene.entry(INSTANCE).unwrap();
    assert_eq!((&entry["client_nonce"], &entry["disallow_reauthentication"]), (&json!(""), &json!(true)));
    scene.refused(&nonceless, 400, text, "the second").await;
    // Another tag does not take that back, nor does one soften the role.
    scene.wear(&scene.issued(json!({})).await);
    scene.refused(&nonceless, 400, text, "with another tag").await;
    scene.forget().await;
    scene.tagged_role(json!({"disallow_reauthentication": true})).await;
    scene.admitted(&scene.login("a")).await;
    scene.refused(&scene.login("a"), 400, text, "by the role").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_and_not_the_tag_allows_migration() {
    let scene = Scene::with_tags().await;
    scene.admitted_with(json!({"allow_instance_migration": true})).await;
    let migrated = with(&scene.message(&document(json!({"pendingTime": T2}))), json!({"nonce": "b"}));
    scene.refused(&migrated, 400, "client nonce mismatch", "by the tag").await;
    scene.tagged_role(json!({"allow_instance_migration": true})).await;
    scene.wear(&scene.issued(json!({})).await);
    scene.admitted(&migrated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deny_listed_tag_does_not_log_in_until_it_is_taken_off() {
    let scene = Scene::with_tags().await;
    let (tag, other) = (scene.issued(json!({})).await, scene.issued(json!({})).await);
    let path = format!("roletag-denylist/{tag}");
    scene.wear(&tag);
    let auth = scene.admitted(&scene.login("a")).await;
    scene.stage.mount.write(&path, &json!({})).await.expect(204);
    scene.refused(&scene.login("a"), 500, "role tag is deny listed", "a later login").await;
    scene.stage.mount.renew(&auth).await.expect(200);
    scene.forget().await;
    scene.refused(&scene.login("a"), 500, "role tag is deny listed", "a first login").await;
    scene.wear(&other);
    scene.admitted(&scene.login("a")).await;
    scene.wear(&tag);
    scene.stage.mount.delete(&path).await.expect(204);
    scene.admitted(&scene.login("a")).await;
    // What the list says cannot be read: no way in.
    let key = format!("blacklist/roletag/{}", base64(tag.as_bytes()));
    scene.stage.mount.storage().fail(Call::Get, &key, "unreadable");
    let answer = scene.answer(&scene.login("a")).await.expect(500);
    assert_eq!(answer.auth, None);
}
