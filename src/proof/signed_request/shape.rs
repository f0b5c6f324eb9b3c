//! The three shapes in which AWS takes the signed request: method, place of the signature, and body.

use http::Method;

use super::presigned::PresignedQuery;

/// What of a signed request depends on where its signature stands. Parameters stand in the body of a
/// POST and in the query of a GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A POST of this body, signed in the `Authorization` header.
    Post(Vec<u8>),
    /// A GET, signed in the `Authorization` header. It has no body.
    Get,
    /// A GET, signed in the query. It has no body.
    PresignedGet(PresignedQuery),
}

impl Shape {
    /// The method that was signed.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Post(_) => Method::POST,
            Self::Get | Self::PresignedGet(_) => Method::GET,
        }
    }

    /// What is sent behind the headers.
    pub(super) fn body(&self) -> &[u8] {
        match self {
            Self::Post(body) => body,
            Self::Get | Self::PresignedGet(_) => &[],
        }
    }

    /// The query that holds the signature; without one the `Authorization` header does.
    pub(super) fn presigned(&self) -> Option<&PresignedQuery> {
        match self {
            Self::PresignedGet(query) => Some(query),
            Self::Post(_) | Self::Get => None,
        }
    }
}
