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

/// Other requests, as they come in between: connections have buffers, and the last message stands in them until the
/// next one comes.
async fn other_requests(mount: &Mount) {
    for _ in 0..8 {
        mount.write("config/identity", &json!({"iam_alias": "unique_id"})).await.expect(204);
        mount.read("config/identity").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_key_leaves_no_copies_behind() {
    let stage = under_test::stage().await;
    let secret = format!("{:032x}{:08x}", 0x5ec2_e7a1_b3d4_96f8_u128.pow(2), 0x0c0f_fee5);
    let pid = stage.host.pid();
    for _ in 0..3 {
        stage.mount.write(KEY, &json!({"access_key": "AKIAEXAMPLE", "secret_key": secret})).await.expect(204);
        if copies(pid, &secret).is_none() {
            return;
        }
    }
    other_requests(&stage.mount).await;
    println!("after writes {:?}", copies(pid, &secret));
    stage.mount.read(KEY).await.expect(200);
    other_requests(&stage.mount).await;
    println!("after read {:?}", copies(pid, &secret));
    stage.mount.delete(KEY).await.expect(204);
    println!("after deletion at once {:?}", copies(pid, &secret));
    other_requests(&stage.mount).await;
    println!("after deletion {:?}", copies(pid, &secret));
}
