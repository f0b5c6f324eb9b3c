//! How many copies of a secret stand in the memory of the process.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use memchr::memmem;
use serde_json::json;

use crate::under_test;
use testkit::host::Mount;

const KEY: &str = "config/client";

/// Copies of a text in what the process can write to; `None` if this user may not read it.
fn copies(pid: u32, text: &str) -> Option<usize> {
    let memory = match File::open(format!("/proc/{pid}/mem")) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        opened => opened.unwrap(),
    };
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut found = 0;
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // A part that went away meanwhile holds nothing.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            found += memmem::find_iter(&bytes, text).count();
        }
    }
    Some(found)
}

/// Other requests, as they come in between. Connections have buffers of 16 KiB and less, in which the last message stands
/// until others have come; these go through all of them.
async fn other_requests(mount: &Mount) {
    let policies: Vec<String> = (0..3000).map(|number| format!("a-policy-of-many-{number:04}")).collect();
    let role = json!({"bound_iam_principal_arn": "arn:aws:iam::1:*", "token_policies": policies});
    for _ in 0..4 {
        mount.write("role/large", &role).await.expect(204);
        mount.read("role/large").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_key_stands_where_it_is_used_and_leaves_no_copies_behind() {
    let stage = under_test::stage().await;
    let user = stage.aws.create_user("dev");
    stage.role_for("dev", &user.arn).await;
    let secret = &stage.server_user.credentials.secret_access_key;
    let pid = stage.host.pid();
    let count = async || {
        other_requests(&stage.mount).await;
        copies(pid, secret)
    };
    for _ in 0..3 {
        stage.mount.write(KEY, &stage.keys()).await.expect(204);
    }
    let Some(after_writes) = count().await else {
        return;
    };
    assert_eq!(after_writes, 0, "nothing has used what was written");
    // A login reads the configuration and keeps it; looking up the path of its principal uses the key.
    stage.role("dev", json!({"bound_iam_principal_arn": "arn:aws:iam::111122223333:user/*"})).await;
    stage.admitted(&user.credentials, "dev").await;
    let in_use = count().await.unwrap();
    assert!((1..=2).contains(&in_use), "{in_use}");
    stage.mount.delete(KEY).await.expect(204);
    assert_eq!(count().await, Some(0));
}
