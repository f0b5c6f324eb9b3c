//! Role tags, the deny list, the access list, and the removal of their expired entries.

mod access_list;
mod config_tidy;
mod deny_list;
mod periodic;
mod role_tags;
mod tidy;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::under_test;
use testkit::host::{Host, Mount};

/// The longest that background work may take.
const DEADLINE: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

const DENY_LIST: &str = "blacklist/roletag/";
const ACCESS_LIST: &str = "whitelist/identity/";
/// Replication bits of a node.
const PERFORMANCE_SECONDARY: i32 = 64;
const PERFORMANCE_STANDBY: i32 = 16384;

async fn mounted() -> (Host, Mount) {
    under_test::mounted(under_test::open_bao()).await
}

/// Writes the ec2 role that tests issue tags with.
async fn write_role(mount: &Mount, name: &str) {
    let role = json!({
        "auth_type": "ec2", "bound_ami_id": "ami-1", "role_tag": "VaultRole",
        "token_policies": "dev,ops", "token_max_ttl": "10h",
    });
    assert_eq!(mount.write(&format!("role/{name}"), &role).await.status, 204);
}

/// A tag that the mount issued.
async fn issued_tag(mount: &Mount, role: &str, content: &Value) -> String {
    let answer = mount.write(&format!("role/{role}/tag"), content).await.expect(200);
    answer.data["tag_value"].as_str().unwrap().to_owned()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < DEADLINE, "{what} did not happen in time");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Stores entries of a list, of which only `bbbb` has not expired. A list is gone through in order, so
/// `zzzz` goes last.
fn put_entries(mount: &Mount, list: &str) {
    for (name, expiration) in
        [("aaaa", LONG_AGO), ("bbbb", FAR_FUTURE), ("cccc", "0001-01-01T00:00:00Z"), ("zzzz", LONG_AGO)]
    {
        mount.storage().put_json(&format!("{list}{name}"), &json!({"expiration_time": expiration}));
    }
}

const LONG_AGO: &str = "2001-02-03T04:05:06.7+05:30";
const FAR_FUTURE: &str = "2999-01-01T00:00:00Z";

/// The names left in a list.
fn left(mount: &Mount, list: &str) -> Vec<String> {
    mount.storage().keys().iter().filter_map(|key| key.strip_prefix(list).map(str::to_owned)).collect()
}
