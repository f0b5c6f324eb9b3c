//! What it means that STS refuses the request of a client.

use super::error::ServiceError;
use crate::refusal::Code;

/// The cause of a refusal. `was_signed` says whether the request had a signature when it left this server.
#[must_use]
pub fn cause(error: &ServiceError, was_signed: bool) -> Code {
    let message = error.message.trim();
    match error.code.as_str() {
        _ if error.is_throttling() => Code::AwsThrottled,
        "InvalidClientTokenId" | "UnrecognizedClientException" => Code::StsUnknownKey,
        "SignatureDoesNotMatch" => of_signature(message),
        "IncompleteSignature" => Code::StsIncomplete,
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" if was_signed => {
            Code::StsSignatureDropped
        }
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => Code::StsNotSigned,
        "ExpiredToken" | "ExpiredTokenException" => Code::StsExpired,
        "OptInRequired" => Code::StsAccount,
        "AccessDenied" | "AccessDeniedException" if message.contains("suspended") => Code::StsAccount,
        "AccessDenied" | "AccessDeniedException" => Code::StsDenied,
        "RegionDisabledException" | "RegionDisabled" => Code::StsRegionDisabled,
        "InvalidAction" | "MissingAction" => Code::StsAction,
        _ => Code::StsRefused,
    }
}

/// AWS says all of these by one code.
fn of_signature(message: &str) -> Code {
    if message.starts_with("Signature expired") || message.starts_with("Signature not yet current") {
        Code::StsClock
    } else if message.starts_with("Credential should be scoped to a valid region") {
        Code::StsRegion
    } else if message.starts_with("Credential should be scoped to correct service") {
        Code::StsService
    } else if message.starts_with("Date in Credential scope does not match") {
        Code::StsScopeDate
    } else if message.contains("must be a 'SignedHeader'") {
        Code::StsHeaderUnsigned
    } else {
        Code::StsSignature
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn of(code: &str, message: &str, was_signed: bool) -> Code {
        let [code, message, request_id] = [code, message, "r"].map(str::to_owned);
        let error = ServiceError { code, message, status: StatusCode::FORBIDDEN, request_id, call: None };
        cause(&error, was_signed)
    }

    #[test]
    fn one_code_of_aws_has_many_causes() {
        for (message, code) in [
            (
                "The request signature we calculated does not match the signature you provided.",
                Code::StsSignature,
            ),
            ("", Code::StsSignature),
            ("Signature expired: A is now earlier than B", Code::StsClock),
            ("Signature not yet current: A is still later than B", Code::StsClock),
            ("Credential should be scoped to a valid region. ", Code::StsRegion),
            (
                "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'sts'. ",
                Code::StsRegion,
            ),
            ("Credential should be scoped to correct service: 'sts'. ", Code::StsService),
            (
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260101' != '20260102'",
                Code::StsScopeDate,
            ),
            ("'Host' must be a 'SignedHeader' in the AWS Authorization.", Code::StsHeaderUnsigned),
        ] {
            assert_eq!(of("SignatureDoesNotMatch", message, true), code, "{message}");
        }
    }

    #[test]
    fn a_signature_that_is_lost_was_there_before() {
        let lost = "Request is missing Authentication Token";
        assert_eq!(of("MissingAuthenticationToken", lost, true), Code::StsSignatureDropped);
        assert_eq!(of("MissingAuthenticationToken", lost, false), Code::StsNotSigned);
        assert_eq!(of("AccessDenied", "The account is suspended", true), Code::StsAccount);
        assert_eq!(of("AccessDenied", "no", true), Code::StsDenied);
        assert_eq!(of("Throttling", "Rate exceeded", true), Code::AwsThrottled);
        assert_eq!(of("Other", "", true), Code::StsRefused);
    }
}
