//! The headers a client signed.

use std::collections::BTreeMap;

use crate::budget::Name;
use crate::go::canonical_name;

/// Headers with canonical names; names that differ only in case are one header with several values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHeaders(Vec<(String, Vec<String>)>);

impl ClientHeaders {
    /// Collects headers as sent; a header without values contributes nothing.
    #[must_use]
    pub fn collect(sent: &[(String, Vec<String>)]) -> Self {
        let mut headers: Vec<(String, Vec<String>)> = Vec::new();
        let mut places: BTreeMap<Name, usize> = BTreeMap::new();
        for (name, values) in sent.iter().filter(|(_, values)| !values.is_empty()) {
            let name = canonical_name(name);
            let place = *places.entry(Name(name.clone())).or_insert(headers.len());
            match headers.get_mut(place) {
                Some((_, known)) => known.extend(values.iter().cloned()),
                None => headers.push((name, values.clone())),
            }
        }
        Self(headers)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Canonical names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The values of a header, by its canonical name; empty if it is absent.
    #[must_use]
    pub fn values(&self, canonical_name: &str) -> &[String] {
        self.0.iter().find(|(name, _)| name == canonical_name).map_or(&[], |(_, values)| values)
    }

    /// The signature, if it stands in a header.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.values("Authorization").first().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_one_header() {
        let sent = [("a-b", vec!["1"]), ("A-B", vec!["2", "3"]), ("c", vec![])];
        let sent =
            sent.map(|(name, values)| (name.to_owned(), values.into_iter().map(str::to_owned).collect()));
        let headers = ClientHeaders::collect(&sent);
        assert_eq!(headers.values("A-B"), ["1", "2", "3"]);
        assert_eq!(headers.iter().count(), 1);
    }
}
