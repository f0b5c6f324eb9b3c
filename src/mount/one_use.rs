//! A proof that may be used once, whatever kind of proof it is.

use aws_lc_rs::digest::{SHA256, digest};

use crate::entry::RequestRules;
use crate::proof::signed_request::Signature;

/// Length of a minute, in seconds.
const MINUTE: i64 = 60;
/// How long after the longest age a use is still kept, in seconds: the clocks of two nodes may be five
/// minutes off, either way.
const CLOCKS: i64 = 600;
/// Bytes of a hash that are kept in memory.
const KEPT: usize = 16;

/// What is kept in memory of a proof.
pub(super) type Fingerprint = [u8; KEPT];

/// A proof that may be used once: who it is, and the minute of its date, after which it is looked for no
/// more. The kind keeps the names of one kind of proofs apart from those of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneUse {
    minute: i64,
    hash: [u8; 32],
    date: i64,
}

impl OneUse {
    /// A proof of this kind with these parts, each of which has one spelling, and this date in seconds since
    /// 1970. Whoever asks must refuse it when it is older than [`RequestRules::AWS_MAX_AGE`].
    #[must_use]
    pub fn new(kind: &'static str, parts: &[&str], date: i64) -> Self {
        let mut text = Vec::from(kind.as_bytes());
        for part in parts {
            // No part holds a line break.
            text.push(b'\n');
            text.extend_from_slice(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &text).as_ref());
        Self { minute: date.div_euclid(MINUTE), hash, date }
    }

    /// That of a signature of AWS.
    #[must_use]
    pub fn of_signature(signature: &Signature) -> Self {
        let [key_id, date, scope, signed] = &signature.parts;
        Self::new("sigv4", &[key_id, date, scope, signed], signature.signed_at)
    }

    /// Its date, in seconds since 1970.
    pub(super) fn date(&self) -> i64 {
        self.date
    }

    /// The minute of its date since 1970.
    pub(super) fn minute(&self) -> i64 {
        self.minute
    }

    /// What is kept in memory of it.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut kept = [0; KEPT];
        for (to, from) in kept.iter_mut().zip(self.hash) {
            *to = from;
        }
        kept
    }

    /// Its name in storage, below its minute.
    pub(super) fn name(&self) -> String {
        use std::fmt::Write as _;

        self.hash.iter().fold(String::with_capacity(64), |mut name, byte| {
            // Writing to a text cannot fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
    }

    /// What is kept in memory of what has this name in storage.
    pub(super) fn fingerprint_of(name: &str) -> Option<Fingerprint> {
        let is_name = name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let digits = is_name.then(|| name.get(..32)).flatten()?;
        u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
    }

    /// Whether what is dated in a minute is too old for anybody to take it.
    pub(super) fn is_expired(minute: i64, now: i64) -> bool {
        let end = minute.saturating_add(1).saturating_mul(MINUTE);
        end.saturating_add(i64::from(RequestRules::AWS_MAX_AGE)).saturating_add(CLOCKS) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_storage_leads_to_what_is_kept_in_memory() {
        let one = OneUse::new("kind", &["a", "b"], 125);
        assert_eq!(one.minute(), 2);
        assert_eq!(one.name().len(), 64);
        assert_eq!(OneUse::fingerprint_of(&one.name()), Some(one.fingerprint()));
        for name in ["", "x", &one.name()[1..], &one.name().to_uppercase(), &format!("+{}", &one.name()[1..])]
        {
            assert_eq!(OneUse::fingerprint_of(name), None, "{name}");
        }
    }

    #[test]
    fn kind_and_parts_tell_apart() {
        let name = |kind, parts: &[&str]| OneUse::new(kind, parts, 0).name();
        assert_ne!(name("a", &["b", "c"]), name("a", &["bc"]));
        assert_ne!(name("a", &["b"]), name("c", &["b"]));
    }
}
