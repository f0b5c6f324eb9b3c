//! Metadata as hosts take it for an alias.
//!
//! Both hosts fail a login, with an internal error, if the alias that comes with it has metadata beyond
//! their limits, and ARNs can be longer than a value may be. No login shall fail for that: what is too
//! long is cut, and what cannot be kept is left out. The metadata of the token has no such limits and
//! stays whole.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};

/// Pairs at the most.
const MAX_PAIRS: usize = 64;
/// Bytes of a key at the most.
const MAX_KEY: usize = 128;
/// Bytes of a value at the most.
const MAX_VALUE: usize = 512;
/// Keys that begin so are the host's own.
const RESERVED: &str = "vault-";

/// The pairs that an alias may have. A value that is too long is its beginning, a dash, and the SHA-256 of
/// the whole in hexadecimal digits, so that different values stay different.
pub(super) fn alias_metadata(metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    metadata
        .iter()
        .filter(|(key, _)| is_possible_key(key))
        .take(MAX_PAIRS)
        .map(|(key, value)| (key.clone(), shortened(value)))
        .collect()
}

fn is_possible_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len())
        && !key.starts_with(RESERVED)
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=/+_-".contains(&byte))
}

fn shortened(value: &str) -> String {
    if value.len() <= MAX_VALUE {
        return value.to_owned();
    }
    let whole = digest(&SHA256, value.as_bytes());
    let digits = whole.as_ref().iter().map(|byte| format!("{byte:02x}"));
    let end: String = std::iter::once("-".to_owned()).chain(digits).collect();
    let room = value.floor_char_boundary(MAX_VALUE.saturating_sub(end.len()));
    format!("{}{end}", value.get(..room).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_a_host_takes_is_kept_as_it_is() {
        let longest_key = "k".repeat(128);
        let longest = ["x".repeat(512), "é".repeat(256)];
        let pairs = of(&[
            ("client_arn", &longest[0]),
            ("a=/+_-9Z", &longest[1]),
            (&longest_key, ""),
            ("Vault-x", "\0"),
        ]);
        assert_eq!(alias_metadata(&pairs), pairs);
        assert_eq!(alias_metadata(&of(&[])), of(&[]));
    }

    #[test]
    fn a_long_value_is_cut_and_stays_different_from_others() {
        let cut = |value: &str| alias_metadata(&of(&[("k", value)])).remove("k").unwrap();
        let long = "x".repeat(513);
        // What `sha256sum` says of 513 times `x`.
        let expected = format!(
            "{}-{}",
            "x".repeat(447),
            "35ade0090e64e74d6ad04204009c23a4e34b82bdf0f4f317fbcc5f26f9b10241"
        );
        assert_eq!(cut(&long), expected);
        assert_eq!(expected.len(), 512);
        assert_ne!(cut(&format!("{long}x")), cut(&format!("{long}y")));
        // Characters of two, three and four bytes that would be cut through.
        for (character, kept) in [("é", 446), ("€", 447), ("😀", 444)] {
            let text = character.repeat(300);
            let cut = cut(&text);
            let (start, end) = cut.rsplit_once('-').unwrap();
            assert_eq!((start.len(), end.len()), (kept, 64), "{character}");
            assert!(text.starts_with(start));
        }
    }

    #[test]
    fn keys_that_no_host_takes_are_left_out() {
        let too_long = "k".repeat(129);
        let pairs = of(&[
            ("", "x"),
            (&too_long, "x"),
            ("vault-id", "x"),
            ("a b", "x"),
            ("a.b", "x"),
            ("é", "x"),
            ("a\n", "x"),
            ("region", "x"),
        ]);
        assert_eq!(alias_metadata(&pairs), of(&[("region", "x")]));
    }

    #[test]
    fn there_are_64_pairs_at_the_most() {
        let many: BTreeMap<String, String> =
            (100..200).map(|number| (format!("k{number}"), String::new())).collect();
        let kept = alias_metadata(&many);
        assert_eq!(kept.len(), 64);
        assert_eq!(kept.last_key_value().unwrap().0, "k163");
    }
}
