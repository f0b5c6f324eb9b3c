//! Tags of the caller as metadata of its alias.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};

use crate::aws::principal_tags::PrincipalTags;
use crate::entry::{IdentityConfig, tag_pair};

/// Bytes of a value at the most.
const MAX_VALUE: usize = 512;
/// Digits of the hash at the end of a value that was changed.
const HASH_DIGITS: usize = 64;

/// The metadata that the operator has chosen. A tag that is absent or empty has none.
pub(super) fn alias_tags(config: &IdentityConfig, tags: &PrincipalTags) -> BTreeMap<String, String> {
    let pairs = config.iam_alias_tags.iter().filter_map(|text| tag_pair(text));
    pairs
        .filter_map(|(tag, key)| Some((key.to_owned(), tags.value(tag).filter(|value| !value.is_empty())?)))
        .map(|(key, value)| (key, alias_value(value)))
        .collect()
}

/// A value as templates of policies take it on every host. Where that is another one, the SHA-256 of the tag's own
/// stands at its end. A value that looks as if it ended so is changed too, or it could be taken for another tag's.
fn alias_value(value: &str) -> String {
    let cleaned: String = value.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if cleaned == value && value.len() <= MAX_VALUE && !ends_like_a_hash(value) {
        return cleaned;
    }
    let whole = digest(&SHA256, value.as_bytes());
    let digits: String = whole.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let room = MAX_VALUE.saturating_sub(HASH_DIGITS).saturating_sub(1);
    // All of it is ASCII, so every byte is a character.
    format!("{}-{digits}", cleaned.get(..room).unwrap_or(&cleaned))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._=@-".contains(c)
}

fn ends_like_a_hash(value: &str) -> bool {
    value.rsplit_once('-').is_some_and(|(_, end)| {
        end.len() == HASH_DIGITS
            && end.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chosen_tags_stand_under_their_keys() {
        let tags = PrincipalTags::for_test(&[("team", "payments"), ("cost center", "a/b"), ("empty", "")]);
        let config = IdentityConfig {
            iam_alias_tags: ["team=aws_team", "team=t", "cost center=cc", "empty=e", "absent=a", "Team=T"]
                .map(str::to_owned)
                .into(),
            ..IdentityConfig::default()
        };
        let cleaned = "a_b-c14cddc033f64b9dea80ea675cf280a015e672516090a5626781153dc68fea11".to_owned();
        let expected = [("aws_team", "payments"), ("cc", &cleaned), ("t", "payments")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(alias_tags(&config, &tags), BTreeMap::from(expected));
    }

    #[test]
    fn what_templates_take_is_kept() {
        for value in ["payments", "a.b_c=d@e-f", "A1", "x-0", &"x".repeat(512)] {
            assert_eq!(alias_value(value), value);
        }
        assert_eq!(alias_value(&"x".repeat(513)).len(), 512);
    }

    #[test]
    fn nobody_can_name_a_tag_like_the_cleaned_one_of_another() {
        for value in ["a/b", "a b", "é", "*", "+", "\n"] {
            let cleaned = alias_value(value);
            assert_ne!(alias_value(&cleaned), cleaned, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn different_values_stay_different(one in any::<String>(), other in "[ab/_ -]{0,4}(-[0-9a-f]{64})?") {
            for (one, other) in [(one.as_str(), other.as_str()), (&alias_value(&one), &one), (&alias_value(&other), &other)] {
                prop_assert_eq!(one == other, alias_value(one) == alias_value(other));
            }
            let value = alias_value(&one);
            prop_assert!(value.len() <= 512 && value.chars().all(|c| is_plain(c) || c == '_'));
        }
    }
}
