//! The signed `sts:GetCallerIdentity` request a client hands over.
//!
//! The client controls every byte of it, and the answer to it is trusted. So it is parsed once,
//! here, into a [`SignedRequest`], which can only ask for `GetCallerIdentity`; and it is only ever
//! sent to an endpoint that the server chose. What is forwarded is what was signed: AWS checks the
//! signature over exactly these bytes.

mod authorization;
mod error;
pub mod evidence;
mod form;
pub mod freshness;
mod headers;
mod other_product;
mod outgoing;
mod presigned;
mod query;
mod server_id;
mod server_id_error;
mod shape;
mod signature;
mod signature_facts;
mod strict;
mod strict_error;
mod target;
#[cfg(test)]
mod tests;

use authorization::Authorization;
pub use error::SignedRequestError;
pub use form::FormError;
pub use headers::ClientHeaders;
pub use presigned::PresignedQuery;
use query::ActionQuery;
pub use server_id_error::ServerIdError;
use shape::Shape;
pub use signature::Signature;
pub use signature_facts::SignatureFacts;
pub use strict_error::StrictError;
use target::Target;

use crate::aws::endpoint::Endpoint;
use crate::aws::sts::{Forwarded, Unsendable};
use crate::entry::ClientConfig;
use crate::framework::{Fields, HostFlavor};
use crate::go::text::decode_base64;
use crate::ports::HttpRequest;

/// `X-Amz-` headers that are accepted without configuration.
const ALLOWED_HEADERS: [&str; 8] = [
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-User-Agent",
];

/// Names of the login fields that make up a signed request.
pub const FIELDS: [&str; 4] =
    ["iam_http_request_method", "iam_request_url", "iam_request_body", "iam_request_headers"];

/// A parsed signed request for `GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    target: Target,
    headers: ClientHeaders,
    shape: Shape,
}

impl SignedRequest {
    /// Parses the login fields.
    ///
    /// ```
    /// use vault_plugin_auth_aws::framework::{FieldValue, Fields, HostFlavor};
    /// use vault_plugin_auth_aws::proof::signed_request::SignedRequest;
    ///
    /// let login = |body: &str| {
    ///     let mut fields = Fields::new();
    ///     let text = |text: &str| FieldValue::Text(text.to_owned());
    ///     fields.insert("iam_http_request_method", text("POST"));
    ///     fields.insert("iam_request_url", text("aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8="));
    ///     fields.insert("iam_request_body", text(body));
    ///     let date = ("X-Amz-Date".to_owned(), vec!["20260101T000000Z".to_owned()]);
    ///     fields.insert("iam_request_headers", FieldValue::Headers(vec![date]));
    ///     SignedRequest::parse(&fields, HostFlavor::Vault)
    /// };
    /// // Action=GetCallerIdentity
    /// assert!(login("QWN0aW9uPUdldENhbGxlcklkZW50aXR5").is_ok());
    /// // Action=GetUser
    /// let refused = login("QWN0aW9uPUdldFVzZXI=").map_err(|failure| failure.to_string());
    /// assert_eq!(refused.err().as_deref(), Some("iam request body is invalid"));
    /// ```
    ///
    /// # Errors
    /// What the client must change, in the words of the host.
    pub fn parse(fields: &Fields, host: HostFlavor) -> Result<Self, SignedRequestError> {
        let text = |name| fields.text(name).unwrap_or("");
        let get = match text("iam_http_request_method") {
            "" => return Err(SignedRequestError::NoMethod),
            "POST" => false,
            "GET" => true,
            _ => return Err(SignedRequestError::OtherMethod),
        };
        let url = text("iam_request_url");
        if url.is_empty() {
            return Err(SignedRequestError::NoUrl);
        }
        let url = decode_base64(url).ok_or(SignedRequestError::UrlNotBase64)?;
        let target =
            String::from_utf8(url).ok().and_then(|url| Target::parse(&url)).ok_or(SignedRequestError::Url)?;
        let headers = ClientHeaders::collect(fields.headers("iam_request_headers").unwrap_or_default());
        let presigned = if get {
            query_of_get(&target.raw_query, &headers)?
        } else if target.raw_query.is_empty() {
            None
        } else {
            return Err(SignedRequestError::QueryOfPost);
        };
        let body = text("iam_request_body");
        if body.is_empty() && !get {
            return Err(if host.explains_missing_body() {
                SignedRequestError::NoBodyOfPost
            } else {
                SignedRequestError::NoBody
            });
        }
        let body = decode_base64(body).ok_or(SignedRequestError::BodyNotBase64)?;
        check_body(&body)?;
        if headers.is_empty() {
            return Err(SignedRequestError::NoHeaders);
        }
        // A presigned request has its signature in the query; with a second one AWS would choose.
        let signatures_in_headers = if presigned.is_some() { 0 } else { 1 };
        if headers.values("Authorization").len() > signatures_in_headers {
            return Err(SignedRequestError::TwoSignatures);
        }
        if let Some(name) = other_product::bound_by(&headers) {
            return Err(SignedRequestError::OtherProduct(name.to_owned()));
        }
        let shape = match presigned {
            // Some servers do not expect a body here and would take it for the next request, which on a
            // shared connection is another client's.
            Some(_) if !body.is_empty() => return Err(SignedRequestError::BodyOfPresigned),
            Some(query) => Shape::PresignedGet(query),
            // Clients that know one body send it with every method; none is signed with a GET.
            None if get => Shape::Get,
            None => Shape::Post(body),
        };
        Ok(Self { target, headers, shape })
    }

    /// Checks what the operator configured, or what holds without: the server id and the allowed headers.
    ///
    /// # Errors
    /// What the client must change.
    pub fn check(&self, config: &ClientConfig) -> Result<(), SignedRequestError> {
        self.check_server_id(config)?;
        self.check_headers(config)
    }

    /// Checks that it was signed for this server, if the operator configured an id of the server.
    ///
    /// # Errors
    /// What the client must change.
    pub fn check_server_id(&self, config: &ClientConfig) -> Result<(), SignedRequestError> {
        if config.iam_server_id_header_value.is_empty() {
            return Ok(());
        }
        server_id::check(&self.headers, &self.shape, &config.iam_server_id_header_value)
            .map_err(SignedRequestError::ServerId)
    }

    /// Checks that the operator allows all headers and parameters, or that they are allowed without.
    ///
    /// # Errors
    /// What the client must change.
    pub fn check_headers(&self, config: &ClientConfig) -> Result<(), SignedRequestError> {
        let configured = |name: &str| config.allowed_header_values().iter().any(|allowed| allowed == name);
        for (name, _) in self.headers.iter() {
            let known = ALLOWED_HEADERS.contains(&name) || name == "X-Amz-Signedheaders";
            if presigned::starts_with_x_amz(name) && !known && !configured(name) {
                return Err(SignedRequestError::HeaderNotAllowed(name.to_owned()));
            }
        }
        if let Some(query) = self.shape.presigned() {
            let of_the_form =
                |name: &str| !presigned::starts_with_x_amz(name) || ALLOWED_HEADERS.contains(&name);
            if let Some(name) = query.names.iter().find(|name| !of_the_form(name) && !configured(name)) {
                return Err(SignedRequestError::QueryParameter(name.clone()));
            }
        }
        Ok(())
    }

    /// Checks the same, and what strict mode demands beyond that. No text tells the server id.
    ///
    /// # Errors
    /// What the client must change.
    pub fn check_strictly(&self, config: &ClientConfig) -> Result<(), SignedRequestError> {
        self.check(config).map_err(|error| match error {
            SignedRequestError::ServerId(error) => SignedRequestError::ServerId(error.not_revealing()),
            error => error,
        })?;
        strict::check(&self.target, &self.headers, &self.shape, config)
    }

    /// The STS endpoint for this request: by the region of its signature if the configuration says
    /// so, else the configured one, else the global one.
    ///
    /// # Errors
    /// The client's region is missing or unknown, or the operator's endpoint is no URL.
    pub fn endpoint(&self, config: &ClientConfig) -> Result<Endpoint, SignedRequestError> {
        if config.use_sts_region_from_client {
            let region = self.client_region().ok_or(SignedRequestError::NoRegion)?;
            return Endpoint::sts_of_client_region(region)
                .ok_or_else(|| SignedRequestError::UnknownRegion(region.to_owned()));
        }
        if config.sts_endpoint.is_empty() {
            return Ok(Endpoint::global_sts());
        }
        Ok(Endpoint::configured(&config.sts_endpoint)?)
    }

    /// The region of [that endpoint](Self::endpoint); empty where the operator's endpoint has none.
    #[must_use]
    fn endpoint_region<'a>(&'a self, config: &'a ClientConfig) -> &'a str {
        if config.use_sts_region_from_client {
            self.client_region().unwrap_or("")
        } else if config.sts_endpoint.is_empty() {
            "aws-global"
        } else {
            &config.sts_region
        }
    }

    /// The request as it goes out under a configuration.
    ///
    /// # Errors
    /// As [`SignedRequest::endpoint`].
    pub fn outgoing<'a>(&'a self, config: &'a ClientConfig) -> Result<Forwarded<'a>, SignedRequestError> {
        let endpoint = self.endpoint(config)?;
        Ok(Forwarded {
            request: self.forwarded_to(&endpoint),
            description: format!("{} {endpoint}/{}", self.shape.method(), self.target.request_uri),
            region: self.endpoint_region(config),
            signed_region: self.client_region().unwrap_or(""),
            region_by_client: config.use_sts_region_from_client,
        })
    }

    /// The request as it goes to an endpoint. The connection is made to the endpoint; the client's
    /// host is only what the `Host` header says, as it was signed.
    ///
    /// # Errors
    /// When the client's path or headers cannot be sent in HTTP.
    pub fn forwarded_to(&self, endpoint: &Endpoint) -> Result<HttpRequest, Unsendable> {
        let path = format!("/{}", self.target.request_uri);
        outgoing::request(&path, &self.target.host, (&self.headers, &self.shape), endpoint)
    }

    /// What its signature says of itself.
    #[must_use]
    pub fn signature_facts(&self) -> SignatureFacts {
        if let Some(query) = self.shape.presigned() {
            return SignatureFacts::of(&query.credential, &query.date);
        }
        let date = match self.headers.values(signature::DATE) {
            [date] => date.as_str(),
            _ => "",
        };
        let authorization = self.headers.authorization().and_then(Authorization::parse);
        SignatureFacts::of(authorization.map_or("", |authorization| authorization.credential), date)
    }

    /// What identifies the signature; `None` if any part of it is missing, not signed, there twice, or in
    /// another spelling than that of AWS's own clients.
    #[must_use]
    pub fn signature(&self) -> Option<Signature> {
        Signature::of(&self.headers, &self.shape)
    }

    fn client_region(&self) -> Option<&str> {
        if let Some(query) = self.shape.presigned() {
            return Some(&query.region);
        }
        Authorization::parse(self.headers.authorization()?).map(|authorization| authorization.region)
    }
}

/// Reads the query of a GET: with the signature in it, or else without anything of one, if the headers
/// hold the signature.
fn query_of_get(
    raw_query: &str,
    headers: &ClientHeaders,
) -> Result<Option<PresignedQuery>, SignedRequestError> {
    let query = ActionQuery::parse(raw_query)?;
    if query.has_signature() || headers.authorization().is_none() {
        return PresignedQuery::parse(&query).map(Some);
    }
    query.check_names(|_| false)?;
    Ok(None)
}

/// The body may ask for nothing but `GetCallerIdentity`.
fn check_body(body: &[u8]) -> Result<(), SignedRequestError> {
    let pairs = form::parse(body)?;
    let mut actions: u32 = 0;
    for (name, value) in &pairs {
        let valid = match name.as_slice() {
            b"Action" => {
                actions = actions.saturating_add(1);
                value == b"GetCallerIdentity"
            }
            b"Version" => true,
            _ => false,
        };
        if !valid || actions > 1 {
            return Err(SignedRequestError::OtherBody);
        }
    }
    Ok(())
}
