//! Further requests that a client signs beside its login, so that AWS tells this server what the login alone does
//! not, without credentials of the server.
//!
//! The client controls every byte of them, as of the login, and the answers to them are trusted. So each can ask for
//! nothing but who its own signer is or in which organization, is only ever sent to an endpoint that the server
//! chose, and is signed with the key of the login. The login signs the hash of all of them: they belong to it and to
//! no other, and nobody can take one out, or put one in.

mod bounds;
mod error;
mod not_taken;
mod question;
mod request;
mod signer;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

use bounds::MAX_REQUESTS;
pub use bounds::{FIELD, MAX_BYTES};
pub use error::{EvidenceError, Unbound};
pub use not_taken::NotTaken;
pub use question::Question;
pub use request::EvidenceRequest;
use request::Written;
use signer::{Signer, authorization, is_signed, sha256};

use super::SignedRequest;
use super::freshness::check_date;
use crate::aws::region::Partition;
use crate::entry::{ClientConfig, RequestRules};
use crate::framework::{Fields, check_json_shape};
use crate::go::text::decode_base64;
use crate::proof::verified_caller::VerifiedCaller;

/// Most structural characters of the JSON text: two requests of a dozen headers have about a hundred.
const MAX_VALUES: usize = 1_000;
/// Deepest nesting: a list of requests with an object of lists.
const MAX_DEPTH: usize = 4;
/// The header by which a login names its evidence, in canonical form.
const HASH: &str = "X-Vault-Aws-Iam-Evidence-Sha256";
/// The same among signed headers.
const SIGNED_HASH: &str = "x-vault-aws-iam-evidence-sha256";

/// The evidence of one login. It can be made from nothing but a login that has signed its hash.
#[derive(Clone, Debug)]
pub struct Evidence {
    requests: Vec<EvidenceRequest>,
}

/// One request, as the login writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    iam_http_request_method: String,
    iam_request_url: String,
    iam_request_body: String,
    iam_request_headers: Value,
}

impl Evidence {
    /// The evidence that a login brings, if it brings any.
    ///
    /// # Errors
    /// The mount does not take any, it is not that which the login has signed, or one of its requests is none that
    /// this server sends.
    pub fn of(
        fields: &Fields,
        signed: &SignedRequest,
        config: &ClientConfig,
    ) -> Result<Option<Self>, EvidenceError> {
        let written = fields.text(FIELD).unwrap_or("");
        if !config.iam_accept_evidence {
            return if written.is_empty() { Ok(None) } else { Err(EvidenceError::Off) };
        }
        let named = signed.headers.values(HASH);
        if written.is_empty() {
            return if named.is_empty() { Ok(None) } else { Err(Unbound::NoEvidence.into()) };
        }
        if written.len() > MAX_BYTES {
            return Err(EvidenceError::TooLong);
        }
        let bundle = decode_base64(written).ok_or(EvidenceError::NotBase64)?;
        let signer = check_bound(&bundle, named, signed)?;
        Self::read(&bundle, signer, config).map(Some)
    }

    fn read(bundle: &[u8], signer: Signer<'_>, config: &ClientConfig) -> Result<Self, EvidenceError> {
        let text = std::str::from_utf8(bundle).map_err(|_| EvidenceError::NotJson)?;
        check_json_shape(text, MAX_VALUES, MAX_DEPTH).map_err(|_| EvidenceError::NotJson)?;
        let all: Vec<Members> = serde_json::from_str(text).map_err(|_| EvidenceError::NotJson)?;
        if all.is_empty() || all.len() > MAX_REQUESTS {
            return Err(EvidenceError::Count);
        }
        let mut requests: Vec<EvidenceRequest> = Vec::new();
        for (number, members) in (1_usize..).zip(all) {
            let written = Written {
                method: &members.iam_http_request_method,
                url: &members.iam_request_url,
                body: &members.iam_request_body,
                headers: members.iam_request_headers,
            };
            let request = EvidenceRequest::read(written, signer, config)
                .map_err(|cause| EvidenceError::Request { number, cause })?;
            let is_of_kind = |other: &EvidenceRequest| {
                other.question().is_about_organization() == request.question().is_about_organization()
            };
            if requests.iter().any(is_of_kind) {
                return Err(EvidenceError::Twice);
            }
            requests.push(request);
        }
        Ok(Self { requests })
    }

    /// The request about the principal.
    #[must_use]
    pub fn about_principal(&self) -> Option<&EvidenceRequest> {
        self.requests.iter().find(|request| !request.question().is_about_organization())
    }

    /// The request about the organization of the account.
    #[must_use]
    pub fn about_organization(&self) -> Option<&EvidenceRequest> {
        self.requests.iter().find(|request| request.question().is_about_organization())
    }

    /// What AWS would be asked, for people.
    #[must_use]
    pub fn calls(&self) -> String {
        self.requests.iter().map(|request| request.question().api().name()).collect::<Vec<_>>().join(",")
    }

    /// Checks the dates against a clock, in seconds since 1970: as old as the login may be, and never older than
    /// AWS takes requests.
    ///
    /// # Errors
    /// One is too old, or dated too far ahead.
    pub fn check_dates(&self, now: i64, rules: RequestRules) -> Result<(), EvidenceError> {
        let max_age = rules.checked_age().unwrap_or(RequestRules::AWS_MAX_AGE);
        for (number, request) in (1_usize..).zip(&self.requests) {
            check_date(request.signed_at(), now, max_age)
                .map_err(|cause| EvidenceError::NotFresh { number, cause })?;
        }
        Ok(())
    }

    /// Checks that it asks about nobody but the caller.
    ///
    /// # Errors
    /// A request is about another principal, or for another partition.
    pub fn check_caller(&self, caller: &VerifiedCaller) -> Result<(), EvidenceError> {
        let partition = Partition::of(caller.arn()).ok();
        for (number, request) in (1_usize..).zip(&self.requests) {
            if partition != Some(request.partition()) || !request.question().is_about(caller.arn()) {
                return Err(EvidenceError::AnotherPrincipal {
                    number,
                    asked: request.question().shown(),
                    caller: caller.arn().as_str().to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Checks that a login has signed the hash of exactly these bytes, and with what.
fn check_bound<'a>(
    bundle: &[u8],
    named: &[String],
    signed: &'a SignedRequest,
) -> Result<Signer<'a>, EvidenceError> {
    if signed.shape.presigned().is_some() {
        return Err(Unbound::Presigned.into());
    }
    let [named] = named else {
        return Err(if named.is_empty() { Unbound::NoHeader } else { Unbound::Repeated }.into());
    };
    let authorization = authorization(&signed.headers).ok_or(Unbound::NotSigned)?;
    if !is_signed(&authorization, SIGNED_HASH) {
        return Err(Unbound::NotSigned.into());
    }
    if *named != sha256(bundle) {
        return Err(Unbound::OtherHash.into());
    }
    Signer::of(&signed.headers, &authorization).ok_or_else(|| Unbound::NotSigned.into())
}
