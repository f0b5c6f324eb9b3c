//! The own tags of an IAM role or user.

use std::sync::Arc;

use thiserror::Error;

use super::xml::Node;
use crate::go::text::quote;

/// Tags by key. Keys are compared as they are written, and no two are equal but for case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalTags(Vec<(String, String)>);

/// Why tags are not what they should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TagsFault {
    /// They are not written as AWS writes them.
    #[error("the tags could not be read")]
    Unreadable,
    /// IAM takes such keys for one, so an answer that has both is not IAM's or leaves open which counts.
    #[error("the tag keys {} and {} differ in case alone", quote(.0), quote(.1))]
    Ambiguous(String, String),
}

/// Tags as one answer has them. What is wrong with them concerns only who asks for tags.
pub type ReadTags = Result<Arc<PrincipalTags>, TagsFault>;

impl PrincipalTags {
    fn of(tags: Vec<(String, String)>) -> Result<Self, TagsFault> {
        let mut keys: Vec<(String, &str)> =
            tags.iter().map(|(key, _)| (key.to_lowercase(), key.as_str())).collect();
        keys.sort_unstable();
        for (one, other) in keys.iter().zip(keys.iter().skip(1)) {
            if one.0 == other.0 {
                return Err(TagsFault::Ambiguous(one.1.to_owned(), other.1.to_owned()));
            }
        }
        Ok(Self(tags))
    }

    /// The value of the tag with exactly this key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(present, _)| present == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
impl PrincipalTags {
    pub(crate) fn for_test(tags: &[(&str, &str)]) -> Self {
        Self::of(tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()).unwrap()
    }
}

/// Reads the tags of an answer while it is walked.
#[derive(Default)]
pub(super) struct TagReader {
    tags: Vec<(Option<String>, Option<String>)>,
    is_unreadable: bool,
}

impl TagReader {
    /// Takes what stands below the element of the tags.
    pub(super) fn visit(&mut self, path: &[&str], node: &Node<'_>) {
        let part = match (path, node, self.tags.last_mut()) {
            (["member"], Node::Open, _) => return self.tags.push((None, None)),
            (["member", "Key"], Node::Close(text), Some((key, _))) => (key, *text),
            (["member", "Value"], Node::Close(text), Some((_, value))) => (value, *text),
            _ => return,
        };
        self.is_unreadable |= part.0.replace(part.1.to_owned()).is_some();
    }

    /// What was read.
    pub(super) fn read(self) -> ReadTags {
        let whole =
            self.tags.into_iter().map(|(key, value)| Some((key.filter(|key| !key.is_empty())?, value?)));
        match whole.collect::<Option<Vec<_>>>() {
            Some(tags) if !self.is_unreadable => PrincipalTags::of(tags).map(Arc::new),
            _ => Err(TagsFault::Unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::walk;
    use super::*;

    fn read(members: &str) -> ReadTags {
        let mut reader = TagReader::default();
        walk(&format!("<R><Tags>{members}</Tags></R>"), "R", |path, node| {
            if let ["Tags", inner @ ..] = path {
                reader.visit(inner, &node);
            }
            Ok(())
        })
        .unwrap();
        reader.read()
    }

    fn member(key: &str, value: &str) -> String {
        format!("<member><Key>{key}</Key><Value>{value}</Value></member>")
    }

    #[test]
    fn tags_are_read_by_their_exact_key() {
        let tags = read(&(member("Team", "a b") + &member("stage", ""))).unwrap();
        assert_eq!(tags.value("Team"), Some("a b"));
        assert_eq!(tags.value("stage"), Some(""));
        assert_eq!((tags.value("team"), tags.value("Stage"), tags.value("")), (None, None, None));
        assert_eq!(read("").unwrap().value("Team"), None);
    }

    #[test]
    fn keys_that_differ_in_case_alone_are_a_fault() {
        for (one, other) in [("team", "Team"), ("team", "team"), ("É", "é")] {
            let fault = read(&(member(one, "a") + &member("other", "x") + &member(other, "b"))).unwrap_err();
            assert!(matches!(fault, TagsFault::Ambiguous(..)), "{fault}");
        }
    }

    #[test]
    fn what_is_not_whole_is_a_fault() {
        for members in [
            "<member/>",
            "<member><Key>k</Key></member>",
            "<member><Value>v</Value></member>",
            "<member><Key/><Value>v</Value></member>",
            "<member><Key>k</Key><Key>l</Key><Value>v</Value></member>",
            "<member><Key>k</Key><Value>v</Value><Value>w</Value></member>",
        ] {
            assert_eq!(read(members), Err(TagsFault::Unreadable), "{members}");
        }
    }
}
