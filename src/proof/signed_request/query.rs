//! The query of a GET, which asks for `GetCallerIdentity` and nothing else.
//!
//! Server and AWS must read the same query, so it is parsed strictly: no semicolons, no bad escapes,
//! one action, no parameter twice in any spelling, no parameter that is not part of the form.

use super::error::SignedRequestError;
use super::form::{self, FormError};
use crate::budget::{Step, took};

/// Parameters of which each one makes AWS look for the signature in the query.
const OF_A_SIGNATURE: [&str; 4] =
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders"];

/// The parameters of such a query, decoded, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActionQuery(Vec<(String, String)>);

impl ActionQuery {
    /// Reads a query as written, without `?`.
    pub(super) fn parse(raw_query: &str) -> Result<Self, SignedRequestError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in parsed(raw_query)? {
            let (Ok(name), Ok(value)) = (String::from_utf8(name), String::from_utf8(value)) else {
                return Err(SignedRequestError::Url);
            };
            pairs.push((name, value));
        }
        let actions: Vec<&str> =
            pairs.iter().filter(|(name, _)| name == "Action").map(|(_, value)| value.as_str()).collect();
        match actions.as_slice() {
            [] => return Err(SignedRequestError::NoAction),
            ["GetCallerIdentity"] => {}
            [other] => return Err(SignedRequestError::OtherAction((*other).to_owned())),
            _ => return Err(SignedRequestError::ManyActions),
        }
        Ok(Self(pairs))
    }

    /// Whether any part of a signature stands here.
    pub(super) fn has_signature(&self) -> bool {
        self.names().any(|name| OF_A_SIGNATURE.iter().any(|part| part.eq_ignore_ascii_case(name)))
    }

    /// Refuses a parameter that stands twice, and one that is neither the action, its version, nor
    /// one of the others that the form has.
    pub(super) fn check_names(&self, is_other: impl Fn(&str) -> bool) -> Result<(), SignedRequestError> {
        for (position, name) in self.names().enumerate() {
            let again = self.names().take(position).any(|earlier| {
                took(Step::NamesCompared);
                earlier.eq_ignore_ascii_case(name)
            });
            let of_the_form = name == "Action" || name == "Version" || is_other(name);
            if again || !of_the_form {
                return Err(SignedRequestError::QueryParameter(name.to_owned()));
            }
        }
        Ok(())
    }

    /// The names, decoded.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value of the first parameter of that name.
    pub(super) fn value(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

fn parsed(raw_query: &str) -> Result<Vec<form::Pair>, SignedRequestError> {
    form::parse(raw_query.as_bytes()).map_err(|error| match error {
        FormError::TooManyPairs => SignedRequestError::TooManyParameters,
        FormError::Semicolon | FormError::Escape(_) => SignedRequestError::Url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Action=GetCallerIdentity&Version=2011-06-15";

    fn unsigned(query: &str) -> Result<(), SignedRequestError> {
        ActionQuery::parse(query)?.check_names(|_| false)
    }

    #[test]
    fn one_action_and_its_version_are_all() {
        for query in [
            GOOD,
            "Version=2011-06-15&Action=GetCallerIdentity",
            "Action=GetCallerIdentity",
            "%41ction=Get%43aller%49dentity&%56ersion=",
            "&&Action=GetCallerIdentity&",
        ] {
            assert_eq!(unsigned(query), Ok(()), "{query}");
        }
        for (more, text) in [
            ("Action=GetCallerIdentity", "found multiple actions"),
            ("%41ction=GetUser", "found multiple actions"),
            ("action=GetCallerIdentity", "invalid request query param: action"),
            ("Version=2011-06-15", "invalid request query param: Version"),
            ("VERSION=2011-06-15", "invalid request query param: VERSION"),
            ("%56ersion=1", "invalid request query param: Version"),
            ("Action%20=GetUser", "invalid request query param: Action "),
            ("+Action=GetUser", "invalid request query param:  Action"),
            ("Action%00=GetUser", "invalid request query param: Action\0"),
            ("%2541ction=GetUser", "invalid request query param: %41ction"),
            ("Foo=1", "invalid request query param: Foo"),
            ("=", "invalid request query param: "),
            ("X-Amz-Date=20250101T000000Z", "invalid request query param: X-Amz-Date"),
            ("X-Amz-Security-Token=t", "invalid request query param: X-Amz-Security-Token"),
            ("Foo=1;Action=GetUser", "error parsing iam_request_url"),
            ("Foo=%zz", "error parsing iam_request_url"),
            ("Foo=%ff", "error parsing iam_request_url"),
        ] {
            for query in [format!("{GOOD}&{more}"), format!("{more}&{GOOD}")] {
                assert_eq!(unsigned(&query).unwrap_err().to_string(), text, "{query}");
            }
        }
        for (query, text) in [
            ("", "no action found in request"),
            ("Version=2011-06-15", "no action found in request"),
            ("Action", "unexpected action parameter, "),
            ("Action=GetUser", "unexpected action parameter, GetUser"),
            ("Action=GetCallerIdentity+", "unexpected action parameter, GetCallerIdentity "),
            ("Action=getcalleridentity", "unexpected action parameter, getcalleridentity"),
            ("Action=Get%2543allerIdentity", "unexpected action parameter, Get%43allerIdentity"),
        ] {
            assert_eq!(unsigned(query).unwrap_err().to_string(), text, "{query}");
        }
    }

    #[test]
    fn a_part_of_a_signature_is_seen_in_every_spelling() {
        let signed = |more: &str| ActionQuery::parse(&format!("{GOOD}&{more}")).unwrap().has_signature();
        for part in OF_A_SIGNATURE {
            assert!(signed(part) && signed(&format!("{part}=x")) && signed(&part.to_lowercase()));
            assert!(signed(&part.replace('-', "%2D")) && signed(&part.to_uppercase()));
        }
        assert!(!signed("X-Amz-Date=x") && !signed("Signature=x") && !signed(""));
    }
}
