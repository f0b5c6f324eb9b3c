//! What a mount, or one of its roles, demands of the time and the number of uses of a signed request.

use serde::{Deserialize, Serialize};

/// How old a signed request may be, and whether it admits once only. The members stand among those of the
/// entry that has them, and only where they say something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestRules {
    /// Longest age in seconds; zero leaves it to AWS.
    #[serde(rename = "iam_request_max_age", skip_serializing_if = "is_zero")]
    pub max_age: u32,
    /// Whether it admits once only.
    #[serde(rename = "iam_request_single_use", skip_serializing_if = "is_false")]
    pub single_use: bool,
}

impl RequestRules {
    /// The longest age that AWS takes, in seconds.
    pub const AWS_MAX_AGE: u32 = 900;

    /// The rules where both of these hold: neither loosens the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let max_age = match (self.max_age, other.max_age) {
            (0, age) | (age, 0) => age,
            (one, other) => one.min(other),
        };
        Self { max_age, single_use: self.single_use || other.single_use }
    }

    /// The longest age that is to be checked here; `None` where that is left to AWS. With single use it is
    /// never left to AWS, which lets a presigned request be older.
    #[must_use]
    pub fn checked_age(self) -> Option<u32> {
        match (self.max_age, self.single_use) {
            (0, false) => None,
            (0, true) => Some(Self::AWS_MAX_AGE),
            (age, _) => Some(age.min(Self::AWS_MAX_AGE)),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(max_age: u32, single_use: bool) -> RequestRules {
        RequestRules { max_age, single_use }
    }

    #[test]
    fn together_they_only_tighten() {
        for (one, other, both) in [
            (rules(0, false), rules(0, false), rules(0, false)),
            (rules(0, false), rules(60, true), rules(60, true)),
            (rules(60, true), rules(0, false), rules(60, true)),
            (rules(600, false), rules(60, false), rules(60, false)),
            (rules(60, true), rules(600, false), rules(60, true)),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both));
        }
    }

    #[test]
    fn an_age_is_checked_where_it_is_set_and_under_single_use() {
        for (rules, age) in [
            (rules(0, false), None),
            (rules(0, true), Some(900)),
            (rules(60, true), Some(60)),
            (rules(60, false), Some(60)),
            (rules(5_000, false), Some(900)),
        ] {
            assert_eq!(rules.checked_age(), age);
        }
    }

    #[test]
    fn what_says_nothing_is_not_stored() {
        let stored = |rules: RequestRules| serde_json::to_string(&rules).unwrap();
        assert_eq!(stored(rules(0, false)), "{}");
        assert_eq!(stored(rules(60, true)), r#"{"iam_request_max_age":60,"iam_request_single_use":true}"#);
    }
}
