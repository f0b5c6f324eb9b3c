//! What a token claims.

use serde_json::{Map, Value};

use super::error::TokenError;
use super::json;
use crate::aws::arn::{Arn, EntityKind};
use crate::aws::region::Partition;

/// How far the clocks of AWS and of this server may be apart, in seconds.
pub const MAX_SKEW: i64 = 60;
/// Where AWS's own claims stand.
const OF_AWS: &str = "https://sts.amazonaws.com/";
/// Longest id of a token, in bytes.
const MAX_ID: usize = 256;
/// Audiences of a token at the most, as AWS takes them.
const MAX_AUDIENCES: usize = 10;
/// Longest life of a token, in seconds. AWS issues them for an hour at the most.
const MAX_LIFE: i64 = 2 * 60 * 60;

/// The claims that are needed, each of the right type. All others are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    subject: String,
    pub(super) id: String,
    pub(super) issued: i64,
    pub(super) expires: i64,
    not_before: Option<i64>,
    pub(super) account: String,
    /// Empty if it is not told.
    pub(super) region: String,
}

impl Claims {
    /// Reads claims.
    ///
    /// # Errors
    /// One that is needed is not there, or of another type.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, TokenError> {
        let all = json::object(bytes)
            .ok_or(TokenError::Form("its claims are no JSON object with every name once"))?;
        let Some(Value::Object(of_aws)) = all.get(OF_AWS) else { return Err(TokenError::Claim(OF_AWS)) };
        let not_before = match all.get("nbf") {
            None => None,
            Some(_) => Some(time(&all, "nbf")?),
        };
        Ok(Self {
            issuer: text(&all, "iss")?,
            audiences: audiences(&all)?,
            subject: text(&all, "sub")?,
            id: text(&all, "jti").ok().filter(|id| is_id(id)).ok_or(TokenError::Claim("jti"))?,
            issued: time(&all, "iat")?,
            expires: time(&all, "exp")?,
            not_before,
            account: text(of_aws, "aws_account")?,
            region: text(of_aws, "source_region").ok().filter(|region| is_region(region)).unwrap_or_default(),
        })
    }

    /// Checks that it is good at a time, in seconds since 1970.
    ///
    /// # Errors
    /// It is not yet, or no more.
    pub(super) fn check_time(&self, now: i64) -> Result<(), TokenError> {
        let Self { issued, expires, not_before, .. } = *self;
        if expires <= issued || expires.saturating_sub(issued) > MAX_LIFE {
            return Err(TokenError::Claim("exp"));
        }
        let from = issued.max(not_before.unwrap_or(issued));
        if from > now.saturating_add(MAX_SKEW) {
            return Err(TokenError::Future { from, now });
        }
        if expires.saturating_add(MAX_SKEW) <= now {
            return Err(TokenError::Expired { expires, now });
        }
        Ok(())
    }

    /// The IAM role or user that it was issued for.
    ///
    /// # Errors
    /// It names none.
    pub(super) fn principal(&self) -> Result<Arn, TokenError> {
        let arn = Arn::parse(&self.subject).ok().filter(|arn| {
            matches!(arn.kind(), EntityKind::Role | EntityKind::User)
                && arn.as_str().split(':').nth(2) == Some("iam")
                && Partition::of(arn).is_ok()
        });
        arn.ok_or(TokenError::Claim("sub"))
    }
}

fn text(members: &Map<String, Value>, name: &'static str) -> Result<String, TokenError> {
    match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(TokenError::Claim(name)),
    }
}

/// Whole seconds since 1970.
fn time(members: &Map<String, Value>, name: &'static str) -> Result<i64, TokenError> {
    members.get(name).and_then(Value::as_i64).filter(|time| *time >= 0).ok_or(TokenError::Claim(name))
}

/// One text, or a list of texts.
fn audiences(members: &Map<String, Value>) -> Result<Vec<String>, TokenError> {
    let audience = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let list: Option<Vec<String>> = match members.get("aud") {
        Some(Value::Array(list)) if (1..=MAX_AUDIENCES).contains(&list.len()) => {
            list.iter().map(audience).collect()
        }
        Some(one) => audience(one).map(|one| vec![one]),
        None => None,
    };
    list.ok_or(TokenError::Claim("aud"))
}

/// Something that can stand in a line by itself.
fn is_id(text: &str) -> bool {
    text.len() <= MAX_ID && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_region(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As a real token has them.
    fn claims() -> Value {
        json!({
            "aud": "vault.example.com", "sub": "arn:aws:iam::123456789012:role/App", "iss": "https://i.example",
            "exp": 1_300, "iat": 1_000, "jti": "6d1f",
            "https://sts.amazonaws.com/": {
                "aws_account": "123456789012", "source_region": "eu-west-1", "org_id": "o-abcdefghij",
                "ou_path": ["o-abcdefghij/r-abcd/"], "principal_id": "arn:aws:iam::123456789012:role/App",
                "request_tags": {"team": "admins"},
            },
        })
    }

    fn read(claims: &Value) -> Result<Claims, TokenError> {
        Claims::read(claims.to_string().as_bytes())
    }

    fn with(path: &str, value: Value) -> Result<Claims, TokenError> {
        let mut claims = claims();
        *claims.pointer_mut(path).unwrap() = value;
        read(&claims)
    }

    #[test]
    fn claims_of_aws_are_read() {
        let read = read(&claims()).unwrap();
        assert_eq!((read.issuer.as_str(), read.id.as_str()), ("https://i.example", "6d1f"));
        assert_eq!((read.issued, read.expires, read.not_before), (1_000, 1_300, None));
        assert_eq!((read.account.as_str(), read.region.as_str()), ("123456789012", "eu-west-1"));
        assert_eq!(read.audiences, ["vault.example.com"]);
        assert_eq!(read.principal().unwrap().as_str(), "arn:aws:iam::123456789012:role/App");
        assert_eq!(with("/aud", json!(["a", "b"])).unwrap().audiences, ["a", "b"]);
        assert_eq!(with("/https:~1~1sts.amazonaws.com~1/source_region", json!("a\nb")).unwrap().region, "");
    }

    #[test]
    fn a_claim_that_is_needed_is_never_guessed() {
        for name in ["aud", "sub", "iss", "exp", "iat", "jti", OF_AWS] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(name);
            assert_eq!(read(&claims), Err(TokenError::Claim(name)));
        }
        let aws_account = "/https:~1~1sts.amazonaws.com~1/aws_account";
        for (path, value, name) in [
            ("/aud", json!([]), "aud"),
            ("/aud", json!(["a", 1]), "aud"),
            ("/aud", json!([""]), "aud"),
            ("/aud", json!(vec!["a"; 11]), "aud"),
            ("/aud", json!({"a": "b"}), "aud"),
            ("/sub", json!(""), "sub"),
            ("/iss", json!(["https://i.example"]), "iss"),
            ("/exp", json!("1300"), "exp"),
            ("/exp", json!(1300.5), "exp"),
            ("/exp", json!(-1), "exp"),
            ("/exp", json!(1e300), "exp"),
            ("/iat", Value::Null, "iat"),
            ("/jti", json!(""), "jti"),
            ("/jti", json!(7), "jti"),
            ("/jti", json!("a\nb"), "jti"),
            ("/jti", json!("x".repeat(257)), "jti"),
            (aws_account, json!(123_456_789_012_u64), "aws_account"),
            (aws_account, json!(""), "aws_account"),
        ] {
            assert_eq!(with(path, value.clone()), Err(TokenError::Claim(name)), "{path} {value}");
        }
    }

    #[test]
    fn times_hold_with_a_minute_for_clocks() {
        let good = read(&claims()).unwrap();
        let times = |now: i64| good.check_time(now);
        assert_eq!([940, 1_000, 1_300, 1_359].map(times), [Ok(()), Ok(()), Ok(()), Ok(())]);
        assert_eq!(times(939), Err(TokenError::Future { from: 1_000, now: 939 }));
        assert_eq!(times(1_360), Err(TokenError::Expired { expires: 1_300, now: 1_360 }));
        for (path, value) in [("/exp", 1_000), ("/exp", 999), ("/exp", 44_201), ("/iat", 1_300)] {
            let claims = with(path, json!(value)).unwrap();
            assert_eq!(claims.check_time(1_100), Err(TokenError::Claim("exp")), "{path} {value}");
        }
        let mut later = claims();
        later["nbf"] = json!(1_200);
        assert_eq!(
            read(&later).unwrap().check_time(1_100),
            Err(TokenError::Future { from: 1_200, now: 1_100 })
        );
        later["nbf"] = json!("soon");
        assert_eq!(read(&later), Err(TokenError::Claim("nbf")));
    }

    #[test]
    fn only_roles_and_users_of_iam_are_principals() {
        for (subject, is_one) in [
            ("arn:aws:iam::1:role/team/App", true),
            ("arn:aws-cn:iam::1:user/u", true),
            ("arn:aws:sts::1:assumed-role/App/s", false),
            ("arn:aws:sts::1:role/App", false),
            ("arn:aws:iam::1:instance-profile/App", false),
            ("arn:aws:iam::1:root", false),
            ("arn:aws-mars:iam::1:role/App", false),
            ("App", false),
        ] {
            assert_eq!(with("/sub", json!(subject)).unwrap().principal().is_ok(), is_one, "{subject}");
        }
    }
}
