//! The text of a role tag, and its verification. A role tag is the value of an EC2 tag that narrows a
//! role down for the instances that carry it.
//!
//! ```text
//! v1:<nonce>:r=<role>:d=<bool>:m=<bool>[:p=<policy>,<policy>…][:i=<instance>][:t=<seconds>]:<mac>
//! ```
//!
//! The role's key signs everything before the last colon. Whoever may edit the tags of an instance
//! can copy a tag, so a tag has one spelling only: the deny list knows tags by their text, and one
//! that could be written differently would slip past it. A [`RoleTag`] exists only for text that
//! this server, or another one with the same key, has issued.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::entry::Role;
use crate::framework::Failure;
use crate::go::GoDuration;
use crate::go::text::quote;
use crate::ports::Random;
use crate::refusal::{Code, Coded};

const VERSION: &str = "v1";
const NONCE_BYTES: usize = 8;
/// Longest value EC2 accepts for a tag, in bytes.
const MAX_BYTES: usize = 255;

/// Why a text is no role tag, or none could be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RoleTagError {
    /// Too few parts.
    #[error("invalid tag")]
    Malformed,
    /// Not of the only version there is.
    #[error("invalid role tag version")]
    Version,
    /// Empty nonce.
    #[error("missing nonce")]
    Nonce,
    /// A part of no known kind.
    #[error("unrecognized item {} in tag", quote(.0))]
    Item(String),
    /// A part whose value does not read.
    #[error("{0}")]
    Value(String),
    /// No role in it.
    #[error("missing role name")]
    Role,
    /// The role has no key.
    #[error("invalid HMAC key")]
    Key,
    /// Not issued with this key, or not spelled as it was issued.
    #[error("role tag signature verification failed")]
    Signature,
    /// Longer than an EC2 tag may be.
    #[error("role tag 'value' exceeding the limit of {MAX_BYTES} characters")]
    TooLong,
    /// The source of randomness failed.
    #[error("failed to generate a nonce")]
    Randomness,
}

impl Coded for RoleTagError {
    fn code(&self) -> Code {
        match self {
            Self::Malformed | Self::Version | Self::Nonce | Self::Item(_) | Self::Value(_) | Self::Role => {
                Code::RoleTagMalformed
            }
            Self::Key => Code::RoleStored,
            Self::Signature => Code::RoleTagSignature,
            Self::TooLong => Code::TagTooLong,
            Self::Randomness => Code::RandomFailed,
        }
    }
}

impl From<RoleTagError> for Failure {
    fn from(error: RoleTagError) -> Self {
        Self::internal(&error)
    }
}

/// What a role tag says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagContent {
    /// Name of the role, in lower case.
    pub role: String,
    /// Policies instead of the role's; empty leaves the role's.
    pub policies: Vec<String>,
    /// Upper bound of the token's life, in whole seconds; zero is none.
    pub max_ttl: GoDuration,
    /// The only instance that may use the tag; empty is any.
    pub instance_id: String,
    /// Whether the instance may log in only once.
    pub disallow_reauthentication: bool,
    /// Whether an instance that was restored elsewhere may take over.
    pub allow_instance_migration: bool,
}

impl TagContent {
    /// The one spelling of this content; what is signed.
    fn plaintext(&self, nonce: &str) -> String {
        let Self { role, disallow_reauthentication: d, allow_instance_migration: m, .. } = self;
        let mut text = format!("{VERSION}:{nonce}:r={role}:d={d}:m={m}");
        if !self.policies.is_empty() {
            text.push_str(":p=");
            text.push_str(&self.policies.join(","));
        }
        if !self.instance_id.is_empty() {
            text.push_str(":i=");
            text.push_str(&self.instance_id);
        }
        if self.max_ttl.as_secs() > 0 {
            text.push_str(&format!(":t={}", self.max_ttl.as_secs()));
        }
        text
    }
}

/// A tag that was issued with the key of its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleTag {
    content: TagContent,
    text: String,
}

impl RoleTag {
    /// Issues a tag with a role's key.
    ///
    /// # Errors
    /// The role has no key, the tag would be too long for EC2, or there is no randomness.
    pub fn issue(content: TagContent, role: &Role, random: &dyn Random) -> Result<Self, RoleTagError> {
        let mut nonce = [0; NONCE_BYTES];
        if !random.fill(&mut nonce) {
            return Err(RoleTagError::Randomness);
        }
        let plaintext = content.plaintext(&STANDARD.encode(nonce));
        let text = format!("{plaintext}:{}", mac(&plaintext, role)?);
        if text.len() > MAX_BYTES { Err(RoleTagError::TooLong) } else { Ok(Self { content, text }) }
    }

    /// What it says.
    #[must_use]
    pub fn content(&self) -> &TagContent {
        &self.content
    }

    /// Its only spelling.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A text with the parts of a role tag. Nothing it says may be believed but for the name of the role
/// whose key it is to be verified with.
#[derive(Clone, Debug)]
pub struct UnverifiedRoleTag<'a> {
    plaintext: &'a str,
    mac: &'a str,
    nonce: &'a str,
    content: TagContent,
}

impl<'a> UnverifiedRoleTag<'a> {
    /// Takes a text apart.
    ///
    /// # Errors
    /// It is no role tag.
    pub fn parse(text: &'a str) -> Result<Self, RoleTagError> {
        let (plaintext, mac) = text.rsplit_once(':').ok_or(RoleTagError::Malformed)?;
        let mut parts = plaintext.split(':');
        let (Some(version), Some(nonce), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(RoleTagError::Malformed);
        };
        if version != VERSION {
            return Err(RoleTagError::Version);
        }
        let mut content = TagContent::default();
        for item in plaintext.split(':').skip(2) {
            read_item(item, &mut content)?;
        }
        if content.role.is_empty() {
            return Err(RoleTagError::Role);
        }
        Ok(Self { plaintext, mac, nonce, content })
    }

    /// Name of the role whose key must have signed it.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.content.role
    }

    /// Verifies that it was issued with the key of this role, and is spelled as it was issued.
    ///
    /// # Errors
    /// It was not.
    pub fn verify(self, role: &Role) -> Result<RoleTag, RoleTagError> {
        if self.nonce.is_empty() {
            return Err(RoleTagError::Nonce);
        }
        let expected = mac(self.plaintext, role)?;
        let signed: bool = expected.as_bytes().ct_eq(self.mac.as_bytes()).into();
        // A colon in a signed value would read as an item of its own.
        let canonical = self.content.plaintext(self.nonce) == self.plaintext;
        if !signed || !canonical {
            return Err(RoleTagError::Signature);
        }
        Ok(RoleTag { text: format!("{}:{expected}", self.plaintext), content: self.content })
    }
}

/// Reads one part; of parts of the same kind the last one counts.
fn read_item(item: &str, content: &mut TagContent) -> Result<(), RoleTagError> {
    let unrecognized = || RoleTagError::Item(item.to_owned());
    let (kind, value) = item.split_once('=').ok_or_else(unrecognized)?;
    match kind {
        "i" => value.clone_into(&mut content.instance_id),
        "r" => value.clone_into(&mut content.role),
        "p" => content.policies = value.split(',').map(str::to_owned).collect(),
        "d" => content.disallow_reauthentication = read_bool(value)?,
        "m" => content.allow_instance_migration = read_bool(value)?,
        "t" => content.max_ttl = read_seconds(value)?,
        _ => return Err(unrecognized()),
    }
    Ok(())
}

/// Reads the spellings Go accepts: text that would verify nowhere is told from text that is no tag.
fn read_bool(text: &str) -> Result<bool, RoleTagError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(RoleTagError::Value(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text)))),
    }
}

fn read_seconds(text: &str) -> Result<GoDuration, RoleTagError> {
    let text = format!("{text}s");
    GoDuration::parse(&text).map_err(|why| RoleTagError::Value(format!("{why} {}", quote(&text))))
}

/// The signature. The key is the text of the role's key, not what it may encode.
fn mac(plaintext: &str, role: &Role) -> Result<String, RoleTagError> {
    if role.hmac_key.is_empty() {
        return Err(RoleTagError::Key);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, role.hmac_key.as_str().as_bytes());
    Ok(STANDARD.encode(hmac::sign(&key, plaintext.as_bytes())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ports::testing::{Exhausted, Same};

    fn role() -> Role {
        Role { hmac_key: "5a7dd2a3-7f5c-8e1d-31b0-70c9d3f3a111".to_owned().into(), ..Role::default() }
    }

    fn content() -> TagContent {
        TagContent {
            role: "dev".to_owned(),
            policies: vec!["a".to_owned(), "b".to_owned()],
            max_ttl: GoDuration::from_secs(3600),
            instance_id: "i-1".to_owned(),
            disallow_reauthentication: true,
            allow_instance_migration: false,
        }
    }

    fn issued(content: TagContent) -> String {
        RoleTag::issue(content, &role(), &Same(0)).unwrap().text().to_owned()
    }

    fn verified(text: &str) -> Result<RoleTag, RoleTagError> {
        UnverifiedRoleTag::parse(text)?.verify(&role())
    }

    /// Signed with the role's key, however it is spelled.
    fn signed(plaintext: &str) -> String {
        format!("{plaintext}:{}", mac(plaintext, &role()).unwrap())
    }

    #[test]
    fn a_tag_has_the_format_of_the_built_in_method() {
        let full = issued(content());
        // The signatures are those that `openssl dgst -sha256 -hmac` makes.
        assert_eq!(
            full,
            "v1:AAAAAAAAAAA=:r=dev:d=true:m=false:p=a,b:i=i-1:t=3600:DNEphszg7nhGTK4LQGgwG12Etlhb97umtk2PVH8aPro="
        );
        let bare = issued(TagContent { role: "dev".to_owned(), ..TagContent::default() });
        assert_eq!(
            bare,
            "v1:AAAAAAAAAAA=:r=dev:d=false:m=false:5ewnjvOW+pEON1Vh0cc8PS6qAfDbFbS2JHd3YlyZ/RQ="
        );
    }

    #[test]
    fn a_tag_reads_back_as_it_was_issued() {
        let bare = TagContent { role: "dev".to_owned(), ..TagContent::default() };
        for content in [content(), bare] {
            let text = issued(content.clone());
            let tag = verified(&text).unwrap();
            assert_eq!((tag.content(), tag.text()), (&content, text.as_str()));
        }
    }

    #[test]
    fn part_of_a_second_is_not_written() {
        let text = issued(TagContent { max_ttl: GoDuration(999_999_999), ..content() });
        assert!(!text.contains(":t="), "{text}");
    }

    #[test]
    fn texts_that_are_no_tags_are_told_apart() {
        for (text, error) in [
            ("", "invalid tag"),
            ("none", "invalid tag"),
            ("v1:n:mac", "invalid tag"),
            ("v2:n:r=dev:mac", "invalid role tag version"),
            ("v1:n:x=1:mac", "unrecognized item \"x=1\" in tag"),
            ("v1:n:dev:mac", "unrecognized item \"dev\" in tag"),
            ("v1:n::mac", "unrecognized item \"\" in tag"),
            ("v1:n:d=true:mac", "missing role name"),
            ("v1:r=dev:d=false:m=false:", "missing role name"),
            ("v1:n:r=dev:d=maybe:mac", "strconv.ParseBool: parsing \"maybe\": invalid syntax"),
            ("v1:n:r=dev:t=x:mac", "time: invalid duration \"xs\""),
        ] {
            assert_eq!(UnverifiedRoleTag::parse(text).unwrap_err().to_string(), error, "{text}");
        }
    }

    #[test]
    fn only_the_key_of_the_role_verifies() {
        let text = issued(content());
        let other = Role { hmac_key: "other".to_owned().into(), ..Role::default() };
        let parsed = || UnverifiedRoleTag::parse(&text).unwrap();
        assert_eq!(parsed().verify(&other), Err(RoleTagError::Signature));
        assert_eq!(parsed().verify(&Role::default()), Err(RoleTagError::Key));
        assert_eq!(RoleTag::issue(content(), &Role::default(), &Same(0)), Err(RoleTagError::Key));
        assert_eq!(verified(&signed("v1::r=dev:d=true:m=false")), Err(RoleTagError::Nonce));
    }

    #[test]
    fn a_tag_that_ec2_would_not_take_is_not_issued() {
        let with = |length| TagContent { instance_id: "i".repeat(length), ..content() };
        let room = MAX_BYTES - issued(content()).len() + "i-1".len();
        assert_eq!(issued(with(room)).len(), MAX_BYTES);
        let refused = RoleTag::issue(with(room + 1), &role(), &Same(0)).unwrap_err();
        assert_eq!(refused.to_string(), "role tag 'value' exceeding the limit of 255 characters");
    }

    #[test]
    fn without_randomness_there_is_no_tag() {
        let error = RoleTag::issue(content(), &role(), &Exhausted).unwrap_err();
        assert_eq!(error.to_string(), "failed to generate a nonce");
    }

    #[test]
    fn accident_16_respelled_tag_does_not_evade_the_deny_list() {
        let text = issued(content());
        let bare = issued(TagContent { role: "dev".to_owned(), ..TagContent::default() });
        for (text, was, becomes) in [
            (&text, "d=true", "d=1"),
            (&text, "d=true", "d=True"),
            (&text, "m=false", "m=f"),
            (&text, "t=3600", "t=3600.5"),
            (&text, "t=3600", "t=+3600"),
            (&text, "t=3600", "t=03600"),
            (&text, "d=true:m=false", "m=false:d=true"),
            (&text, "i=i-1", "i=i-2:i=i-1"),
            (&text, "r=dev", "r=dev:r=dev"),
            (&text, "r=dev", "r=DEV"),
            (&bare, "m=false", "m=false:t=0"),
            (&bare, "m=false", "m=false:t=-5"),
            (&bare, "m=false", "m=false:i="),
            (&bare, "m=false", "m=false:p="),
            (&bare, "=:", "=:d=true:"),
        ] {
            let respelled = text.replacen(was, becomes, 1);
            assert_ne!(respelled, *text);
            assert_eq!(verified(&respelled), Err(RoleTagError::Signature), "{respelled}");
        }
        // The same signature in other letters.
        let unpadded = text.trim_end_matches('=');
        let (start, last) = unpadded.split_at(unpadded.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        for respelled in [unpadded.to_owned(), format!("{start}{next}="), format!("{text}\n")] {
            assert_eq!(verified(&respelled), Err(RoleTagError::Signature), "{respelled}");
        }
    }

    #[test]
    fn a_value_that_reads_as_an_item_of_its_own_is_refused() {
        for content in [
            TagContent { instance_id: "i-1:p=admin".to_owned(), ..content() },
            TagContent { policies: vec!["a:d=false".to_owned()], ..content() },
        ] {
            assert_eq!(verified(&issued(content)), Err(RoleTagError::Signature));
        }
        let odd_order = signed("v1:AAAAAAAAAAA=:d=true:m=false:r=dev");
        assert_eq!(verified(&odd_order), Err(RoleTagError::Signature));
    }

    proptest! {
        #[test]
        fn no_edited_tag_is_verified(at in 0_usize..100, removed in 0_usize..3, added in "[ -~]{0,4}") {
            let text = issued(content());
            let at = at.min(text.len());
            let end = at.saturating_add(removed).min(text.len());
            let edited = format!("{}{added}{}", &text[..at], &text[end..]);
            prop_assume!(edited != text);
            prop_assert!(verified(&edited).is_err(), "{edited}");
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(v1:)?.{0,80}") {
            if let Ok(tag) = UnverifiedRoleTag::parse(&text) {
                prop_assert!(tag.verify(&role()).is_err());
            }
        }
    }
}
