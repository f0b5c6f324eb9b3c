//! Errors with the status, code and text of each service.

use super::endpoint::Service;

/// An error answer of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code.
    pub code: String,
    /// Text.
    pub message: String,
}

impl Refusal {
    /// Any error.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// Neither an Authorization header nor a signed query.
    pub fn missing_token() -> Self {
        Self::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    }

    /// Parts of the signature are missing or unreadable.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::new(400, "IncompleteSignature", message)
    }

    /// The access key or session token is not one of ours.
    pub fn invalid_token() -> Self {
        Self::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    /// The session has ended.
    pub fn expired_token() -> Self {
        Self::new(403, "ExpiredToken", "The security token included in the request is expired")
    }

    /// The signature is not the one that follows from the request.
    pub fn mismatch() -> Self {
        Self::mismatch_because(
            "The request signature we calculated does not match the signature you provided. Check your AWS \
             Secret Access Key and signing method. Consult the service documentation for details.",
        )
    }

    /// The signature cannot be accepted for a reason that is told.
    pub fn mismatch_because(message: impl Into<String>) -> Self {
        Self::new(403, "SignatureDoesNotMatch", message)
    }

    /// A parameter that the operation refuses.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// An IAM entity that does not exist.
    pub fn no_such_entity(message: impl Into<String>) -> Self {
        Self::new(404, "NoSuchEntity", message)
    }

    /// The same refusal as the given service words it. EC2 tells less than STS and IAM: whatever is
    /// wrong with key or signature is `AuthFailure`, and everything too old is `RequestExpired`.
    pub fn for_service(self, service: Service) -> Self {
        if service != Service::Ec2 {
            return self;
        }
        let expired = self.message.starts_with("Signature expired")
            || self.message.starts_with("Signature not yet current")
            || self.code == "ExpiredToken";
        match self.code.as_str() {
            _ if expired => Self::new(400, "RequestExpired", "Request has expired."),
            "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
                Self::new(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
            }
            _ => self,
        }
    }
}
