//! Which key does what, and when a key comes or goes: a function of the stored keys and the time.

use crate::entry::{Issuer, IssuerKey};

/// How long a key is published before it signs, and after the last of its tokens ended, in seconds: AWS keeps the
/// published keys for a time that it does not tell.
pub const OVERLAP: i64 = 24 * 3600;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published and signs later.
    Next,
    /// It signs.
    Signing,
    /// It has signed, and is published until this time, in seconds since 1970.
    Retiring(i64),
}

impl KeyState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Signing => "signing",
            Self::Retiring(_) => "retiring",
        }
    }
}

/// What has to be done with the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Ids of the keys that nobody needs any more.
    pub outdated: Vec<String>,
    /// Whether the next key has to be made.
    pub begins: bool,
}

impl Plan {
    /// Whether there is anything to do.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.begins || !self.outdated.is_empty()
    }
}

/// Each key with what it does now.
#[must_use]
pub fn states(keys: &[IssuerKey], now: i64) -> Vec<(&IssuerKey, KeyState)> {
    let signer = signer(keys, now);
    keys.iter()
        .map(|key| {
            let state = match signer {
                Some(signer) if signer.id == key.id => KeyState::Signing,
                Some(signer) if key.signs_from < signer.signs_from => KeyState::Retiring(end(key, keys)),
                _ => KeyState::Next,
            };
            (key, state)
        })
        .collect()
}

/// The key that signs now: the latest whose time has come. With a clock that was put back before all of them, the
/// earliest, which is published for the longest time.
#[must_use]
pub fn signer(keys: &[IssuerKey], now: i64) -> Option<&IssuerKey> {
    let begun = keys.iter().filter(|key| key.signs_from <= now).max_by_key(|key| key.signs_from);
    begun.or_else(|| keys.iter().min_by_key(|key| key.signs_from))
}

/// The key that is published and signs later.
#[must_use]
pub fn next(keys: &[IssuerKey], now: i64) -> Option<&IssuerKey> {
    states(keys, now).into_iter().find_map(|(key, state)| (state == KeyState::Next).then_some(key))
}

/// Until when a key that another one follows is published.
fn end(key: &IssuerKey, keys: &[IssuerKey]) -> i64 {
    let followed = keys.iter().map(|other| other.signs_from).filter(|from| *from > key.signs_from).min();
    followed.map_or(i64::MAX, |from| from.saturating_add(key.longest_token).saturating_add(OVERLAP))
}

/// What has to be done now. To be asked again and again; what is late is done as soon as somebody asks.
#[must_use]
pub fn plan(issuer: &Issuer, now: i64) -> Plan {
    let states = states(&issuer.keys, now);
    let is_outdated = |state: &KeyState| matches!(state, KeyState::Retiring(end) if *end <= now);
    let outdated =
        states.iter().filter(|(_, state)| is_outdated(state)).map(|(key, _)| key.id.clone()).collect();
    let has_next = states.iter().any(|(_, state)| *state == KeyState::Next);
    let is_due = signer(&issuer.keys, now).is_some_and(|signer| {
        now >= signer.signs_from.saturating_add(issuer.rotation_period).saturating_sub(OVERLAP)
    });
    Plan { outdated, begins: is_due && !has_next }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    fn key(id: &str, signs_from: i64) -> IssuerKey {
        IssuerKey { id: id.to_owned(), signs_from, longest_token: HOUR, ..IssuerKey::default() }
    }

    fn issuer(keys: &[(&str, i64)]) -> Issuer {
        let keys = keys.iter().map(|(id, from)| key(id, *from)).collect();
        Issuer { rotation_period: 10 * DAY, token_ttl: HOUR, keys, ..Issuer::default() }
    }

    fn shown(issuer: &Issuer, now: i64) -> String {
        let states = states(&issuer.keys, now);
        let states: Vec<String> =
            states.iter().map(|(key, state)| format!("{}:{}", key.id, state.as_str())).collect();
        let plan = plan(issuer, now);
        let begins = if plan.begins { " begins" } else { "" };
        let outdated =
            if plan.outdated.is_empty() { String::new() } else { format!(" -{}", plan.outdated.join("-")) };
        format!("{}{begins}{outdated}", states.join(" "))
    }

    #[test]
    fn keys_come_and_go_with_overlap() {
        let one = issuer(&[("a", 0)]);
        let two = issuer(&[("a", 0), ("b", 10 * DAY)]);
        for (issuer, now, expected) in [
            (&one, 0, "a:signing"),
            (&one, 9 * DAY - 1, "a:signing"),
            // A day before its time is over the next one is made.
            (&one, 9 * DAY, "a:signing begins"),
            // Nobody asked for long: the old one goes on.
            (&one, 400 * DAY, "a:signing begins"),
            (&two, 9 * DAY, "a:signing b:next"),
            (&two, 10 * DAY - 1, "a:signing b:next"),
            (&two, 10 * DAY, "a:retiring b:signing"),
            // The last token of the old key ends after an hour; it stays a day more.
            (&two, 11 * DAY + HOUR - 1, "a:retiring b:signing"),
            (&two, 11 * DAY + HOUR, "a:retiring b:signing -a"),
            (&two, 19 * DAY, "a:retiring b:signing begins -a"),
            // A clock that was put back.
            (&one, -5 * DAY, "a:signing"),
            (&two, -5 * DAY, "a:signing b:next"),
        ] {
            assert_eq!(shown(issuer, now), expected, "{now}");
        }
        assert_eq!(signer(&[], 0), None);
        assert_eq!(plan(&issuer(&[]), 0), Plan::default());
    }

    /// Whatever the settings: what signs was published for a day, and what it signed can be verified to its end.
    #[test]
    fn a_whole_year_by_the_hour() {
        for period in [2 * DAY, 3 * DAY + HOUR, 90 * DAY] {
            for longest_token in [60, HOUR, 12 * HOUR] {
                let mut issuer = Issuer {
                    rotation_period: period,
                    keys: vec![IssuerKey { longest_token, ..key("0", 0) }],
                    ..Issuer::default()
                };
                let mut signed: Vec<(String, i64)> = Vec::new();
                let mut made = 0;
                for now in (0..365 * DAY).step_by(3600) {
                    let plan = plan(&issuer, now);
                    issuer.keys.retain(|key| !plan.outdated.contains(&key.id));
                    if plan.begins {
                        made += 1;
                        let next = IssuerKey {
                            created: now,
                            longest_token,
                            ..key(&made.to_string(), now + OVERLAP)
                        };
                        issuer.keys.push(next);
                    }
                    let signer = signer(&issuer.keys, now).unwrap();
                    assert!(signer.created == 0 || signer.created + DAY <= now, "published a day before");
                    signed.push((signer.id.clone(), now + longest_token + DAY));
                    signed.retain(|(_, end)| *end > now);
                    for (id, _) in &signed {
                        assert!(issuer.keys.iter().any(|key| key.id == *id), "{id} is gone too early");
                    }
                    assert!(issuer.keys.len() <= 4, "keys pile up");
                }
                let expected = 365 * DAY / period;
                assert!((expected - 1..=expected + 1).contains(&made), "{made} keys, not {expected}");
            }
        }
    }
}
