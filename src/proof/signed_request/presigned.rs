//! The query of a presigned GET: the second form in which AWS accepts a signature.

use super::error::SignedRequestError;
use super::query::ActionQuery;

/// The parts of a presigned query that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedQuery {
    /// Names as written.
    pub names: Vec<String>,
    /// `X-Amz-SignedHeaders`.
    pub signed_headers: String,
    /// Region out of `X-Amz-Credential`.
    pub region: String,
    /// `X-Amz-Algorithm`.
    pub algorithm: String,
    /// `X-Amz-Credential`.
    pub credential: String,
    /// `X-Amz-Date`.
    pub date: String,
    /// `X-Amz-Signature`.
    pub signature: String,
}

const REQUIRED: [&str; 6] = [
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

impl PresignedQuery {
    pub(super) fn parse(query: &ActionQuery) -> Result<Self, SignedRequestError> {
        query.check_names(starts_with_x_amz)?;
        let value = |wanted: &str| query.value(wanted);
        if let Some(missing) = REQUIRED.iter().find(|name| value(name).is_none_or(str::is_empty)) {
            return Err(SignedRequestError::NoQueryParameter(missing));
        }
        let credential: Vec<&str> = value("X-Amz-Credential").unwrap_or("").split('/').collect();
        let [_, _, region, "sts", "aws4_request"] = credential.as_slice() else {
            return Err(SignedRequestError::QueryParameter("X-Amz-Credential".to_owned()));
        };
        let owned = |wanted: &str| value(wanted).unwrap_or("").to_owned();
        Ok(Self {
            algorithm: owned("X-Amz-Algorithm"),
            credential: owned("X-Amz-Credential"),
            date: owned("X-Amz-Date"),
            signature: owned("X-Amz-Signature"),
            signed_headers: owned("X-Amz-SignedHeaders"),
            region: (*region).to_owned(),
            names: query.names().map(str::to_owned).collect(),
        })
    }
}

/// Whether the canonical form of a name starts with `X-Amz-`.
pub(super) fn starts_with_x_amz(name: &str) -> bool {
    name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("X-Amz-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<PresignedQuery, SignedRequestError> {
        PresignedQuery::parse(&ActionQuery::parse(query)?)
    }

    const GOOD: &str = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20250101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20250101T000000Z&X-Amz-SignedHeaders=host%3Bx-vault-aws-iam-server-id&X-Amz-Signature=00";

    #[test]
    fn the_form_is_read() {
        let query = parsed(GOOD).unwrap();
        assert_eq!(query.signed_headers, "host;x-vault-aws-iam-server-id");
        assert_eq!(query.region, "us-east-1");
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (query, text) in [
            (GOOD.replace("Action=GetCallerIdentity&", ""), "no action found in request"),
            (format!("{GOOD}&Action=GetCallerIdentity"), "found multiple actions"),
            (GOOD.replace("GetCallerIdentity", "GetUser"), "unexpected action parameter, GetUser"),
            (format!("{GOOD}&action=GetUser"), "invalid request query param: action"),
            (format!("{GOOD}&x-amz-date=1"), "invalid request query param: x-amz-date"),
            (format!("{GOOD}&Foo=1"), "invalid request query param: Foo"),
            (format!("{GOOD}&Action=Foo;x"), "error parsing iam_request_url"),
            (format!("{GOOD}&a=%zz"), "error parsing iam_request_url"),
            (GOOD.replace("&X-Amz-Signature=00", ""), "missing request query param: X-Amz-Signature"),
            (GOOD.replace("%2Fsts%2F", "%2Fiam%2F"), "invalid request query param: X-Amz-Credential"),
        ] {
            assert_eq!(parsed(&query).unwrap_err().to_string(), text, "{query}");
        }
    }
}
