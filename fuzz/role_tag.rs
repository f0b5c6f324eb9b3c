//! Role tags: texts that whoever may edit the tags of an instance can write.

use vault_plugin_auth_aws::entry::Role;
use vault_plugin_auth_aws::proof::role_tag::UnverifiedRoleTag;

use crate::target::{Target, Verdict};

const KEY: &str = "00010203-0405-0607-0809-0a0b0c0d0e0f";
/// Tags that were issued with the key.
const ISSUED: [&str; 2] = [
    "v1:AAECAwQFBgc=:r=dev:d=false:m=false:6G6EhRZJrJwAhFWjC7AS+9homVMtB4oB5CNpNmnKos8=",
    "v1:AAECAwQFBgc=:r=dev:d=true:m=false:p=a,b:i=i-0123456789abcdef0:t=3600:QjzWALdyu2BWBRve7CrJyP8RO5OKd6OPk+a/vnuyXPk=",
];

const TARGET: Target<1> = Target {
    accepted: &[[ISSUED[0]], [ISSUED[1]]],
    refused: &[["v1:x"], ["v2:AAECAwQFBgc=:r=dev:d=false:m=false:x"]],
    tokens: &[&[
        ":", "=", ",", "v1:", ":r=", ":p=", ":i=", ":d=", ":m=", ":t=", "true", "false", "1", "T", ":t=0",
        ":t=-5", "\n", "\0", "é",
    ]],
    check,
};

#[test]
fn role_tag() {
    TARGET.run();
}

/// What verifies is one of the tags that were issued, letter by letter.
fn check([input]: [&[u8]; 1]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    let unverified = match UnverifiedRoleTag::parse(&text) {
        Ok(unverified) => unverified,
        Err(error) => return Verdict::refused(&error.to_string()),
    };
    assert!(!unverified.role().is_empty());
    let role = Role { hmac_key: KEY.to_owned().into(), ..Role::default() };
    match unverified.verify(&role) {
        Ok(tag) => {
            assert_eq!(tag.text(), text);
            assert!(ISSUED.contains(&tag.text()));
            Verdict::accepted(tag.content().role.clone())
        }
        Err(error) => Verdict::refused(&error.to_string()),
    }
}
