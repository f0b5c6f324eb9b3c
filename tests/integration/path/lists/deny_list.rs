//! `roletag-denylist`, also by its old name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{DENY_LIST, FAR_FUTURE, issued_tag, mounted, write_role};

const NAMES: [&str; 2] = ["roletag-denylist", "roletag-blacklist"];

fn key(tag: &str) -> String {
    format!("{DENY_LIST}{}", STANDARD.encode(tag))
}

fn seconds(time: &Value) -> i64 {
    OffsetDateTime::parse(time.as_str().unwrap(), &Rfc3339).unwrap().unix_timestamp()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_goes_on_the_list_and_off_again() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    for name in NAMES {
        let tag = issued_tag(&mount, "dev", &json!({"policies": "dev"})).await;
        for spelling in [tag.clone(), STANDARD.encode(&tag)] {
            let path = format!("{name}/{tag}");
            assert_eq!(mount.read(&path).await.status, 404);
            let before = OffsetDateTime::now_utc().unix_timestamp();
            assert_eq!(mount.write(&format!("{name}/{spelling}"), &json!({})).await.status, 204);
            let stored = mount.storage().json(&key(&tag)).unwrap();
            let created = seconds(&stored["creation_time"]);
            assert!((before..before + 60).contains(&created), "{stored}");
            // The mount's maximum is the longest of the three.
            assert_eq!(seconds(&stored["expiration_time"]) - created, 768 * 3600);
            assert!(stored["creation_time"].as_str().unwrap().ends_with('Z'), "{stored}");

            assert_eq!(mount.read(&path).await.expect(200).data, stored);
            assert_eq!(mount.list(name).await.expect(200).data, json!({"keys": [tag]}));
            assert_eq!(mount.delete(&path).await.status, 204);
            assert_eq!(mount.storage().get(&key(&tag)), None);
            assert_eq!(mount.delete(&path).await.status, 204);
        }
        assert_eq!(mount.list(name).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_life_counts_and_the_first_day_stays() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    mount.system_view().update(|values| values.max_lease_ttl = std::time::Duration::from_secs(60));
    for (asked, hours) in [(json!({}), 10), (json!({"max_ttl": "5h"}), 10), (json!({"max_ttl": "20h"}), 20)] {
        let tag = issued_tag(&mount, "dev", &asked).await;
        let created = "2020-01-02T03:04:05.000000006+02:00";
        let old = json!({"creation_time": created, "expiration_time": created, "later": [1]});
        mount.storage().put_json(&key(&tag), &old);
        let before = OffsetDateTime::now_utc().unix_timestamp();
        assert_eq!(mount.write(&format!("roletag-denylist/{tag}"), &json!({})).await.status, 204);
        let stored = mount.storage().json(&key(&tag)).unwrap();
        let life = seconds(&stored["expiration_time"]) - before;
        assert!((hours * 3600..hours * 3600 + 60).contains(&life), "{life}");
        assert_eq!((&stored["creation_time"], &stored["later"]), (&json!(created), &json!([1])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_tags_of_this_mount_get_on_the_list() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    let tag = issued_tag(&mount, "dev", &json!({"instance_id": "i-1"})).await;
    let forged = tag.replace("i=i-1", "i=i-2");
    let gone = tag.replace("r=dev", "r=gone");
    for (given, text) in [
        ("none", "invalid tag"),
        ("v2:n:r=dev:mac", "invalid role tag version"),
        ("v1:n:r=dev:x=1:mac", "unrecognized item \"x=1\" in tag"),
        ("v1:r=dev:d=false:m=false:", "missing role name"),
        (&gone, "entry not found for \"gone\""),
        (&forged, "role tag signature verification failed"),
    ] {
        for spelling in [given.to_owned(), STANDARD.encode(given)] {
            let answer = mount.write(&format!("roletag-denylist/{spelling}"), &json!({})).await;
            assert_eq!((answer.status, answer.error()), (500, text), "{spelling}");
        }
    }
    assert_eq!(mount.write("roletag-denylist/", &json!({})).await.status, 405);
    assert!(mount.storage().keys().iter().all(|key| !key.starts_with(DENY_LIST)));
}

/// Whoever may edit the tags of an instance could otherwise go on with another spelling of a tag
/// that is on the list.
#[tokio::test(flavor = "multi_thread")]
async fn accident_16_respelled_tags_are_no_tags() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    let tag = issued_tag(&mount, "dev", &json!({"disallow_reauthentication": true})).await;
    for (was, becomes) in [
        ("m=false", "m=false:t=0"),
        ("m=false", "m=false:t=-5"),
        ("d=true", "d=1"),
        ("d=true:m=false", "m=false:d=true"),
    ] {
        let respelled = tag.replacen(was, becomes, 1);
        let answer = mount.write(&format!("roletag-denylist/{respelled}"), &json!({})).await;
        assert_eq!((answer.status, answer.error()), (500, "role tag signature verification failed"));
    }
    assert_eq!(mount.write(&format!("roletag-denylist/{tag}"), &json!({})).await.status, 204);
    assert_eq!(mount.list("roletag-denylist").await.data, json!({"keys": [tag]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_slashes_are_listed_and_foreign_ones_are_an_error() {
    let (_host, mount) = mounted().await;
    // `??>` is `Pz8+`, and with a letter before it there is a slash.
    let tag = "v1:?:r=x??>";
    assert!(STANDARD.encode(tag).contains('/'), "{}", STANDARD.encode(tag));
    let entry = json!({"creation_time": "2026-01-02T03:04:05+02:00", "expiration_time": FAR_FUTURE});
    mount.storage().put_json(&key(tag), &entry);
    assert_eq!(mount.list("roletag-denylist").await.expect(200).data, json!({"keys": [tag]}));
    assert_eq!(mount.read(&format!("roletag-denylist/{tag}")).await.expect(200).data, entry);
    mount.storage().put_json(&format!("{DENY_LIST}not base64"), &entry);
    assert_eq!(mount.list("roletag-denylist").await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_hands_the_request_on() {
    let (_host, mount) = mounted().await;
    write_role(&mount, "dev").await;
    let tag = issued_tag(&mount, "dev", &json!({})).await;
    mount.storage().set_read_only(true);
    let path = format!("roletag-denylist/{tag}");
    for answer in [mount.write(&path, &json!({})).await, mount.delete(&path).await] {
        assert_eq!(answer.error(), testkit::host::READ_ONLY);
    }
}
