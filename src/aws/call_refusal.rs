//! What it means that AWS refuses a call of the server itself.

use super::calls::Api;
use crate::refusal::Code;

/// The cause of a refusal by STS, IAM or EC2: by AWS's code and message, and the call if it is known.
#[must_use]
pub fn cause(code: &str, message: &str, call: Option<Api>) -> Code {
    if call == Some(Api::DescribeAccount) {
        return of_organizations(code);
    }
    let assumes = matches!(call, Some(Api::AssumeRole | Api::AssumeRoleWithWebIdentity));
    match code {
        "NoSuchEntity" => Code::IamEntityUnknown,
        "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed" => Code::InstanceUnknown,
        "RegionDisabledException" | "RegionDisabled" => Code::AwsRegionDisabled,
        "OptInRequired" | "Blocked" => Code::AwsAccountBlocked,
        "AccessDenied" | "AccessDeniedException" if message.contains("suspended") => Code::AwsAccountBlocked,
        "ValidationError"
            if message.contains("DurationSeconds exceeds") || message.contains("role chaining") =>
        {
            Code::AwsSessionDuration
        }
        "ValidationError" if assumes => Code::AwsRoleValue,
        "PackedPolicyTooLarge" | "MalformedPolicyDocument" if assumes => Code::AwsSessionPolicy,
        "InvalidIdentityToken" => of_identity_token(message),
        "ExpiredToken" | "ExpiredTokenException" if call == Some(Api::AssumeRoleWithWebIdentity) => {
            Code::IdentityTokenExpired
        }
        "IDPCommunicationError" => Code::IdentityTokenUnreachable,
        "IDPRejectedClaim" => Code::IdentityTokenClaim,
        _ => Code::ServerRefused,
    }
}

/// AWS says all of these by one code.
fn of_identity_token(message: &str) -> Code {
    if message.contains("No OpenIDConnect provider found") {
        Code::IdentityTokenIssuer
    } else if message.contains("verification key") {
        Code::IdentityTokenKeys
    } else if message.contains("audience") {
        Code::IdentityTokenAudience
    } else {
        Code::IdentityTokenRefused
    }
}

/// The cause of a refusal of `sts:GetWebIdentityToken`, by AWS's code: the token by which a caller proves itself
/// to others.
#[must_use]
pub fn of_outbound_token(code: &str) -> Code {
    match code {
        "OutboundWebIdentityFederationDisabledException" => Code::OutboundTokenDisabled,
        "SessionDurationEscalationException" => Code::OutboundTokenDuration,
        "JWTPayloadSizeExceededException" => Code::OutboundTokenSize,
        _ => Code::ServerRefused,
    }
}

/// The cause of a refusal by Organizations, by AWS's code: what follows the `#` of `__type`, if there is one.
#[must_use]
fn of_organizations(code: &str) -> Code {
    match code.rsplit('#').next().unwrap_or(code) {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => Code::OrganizationsDenied,
        "AccountNotFoundException" => Code::OrganizationNotBound,
        "AWSOrganizationsNotInUseException" => Code::OrganizationsNotInUse,
        "TooManyRequestsException" => Code::AwsThrottled,
        "ServiceException" => Code::AwsServerErrors,
        _ => Code::ServerRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(call: Api, code: &str, message: &str) -> Code {
        cause(code, message, Some(call))
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_told_apart() {
        for (code, message, cause) in [
            ("AccessDenied", "User: x is not authorized to perform: sts:AssumeRole", Code::ServerRefused),
            ("ValidationError", "1 validation error detected: Value 'x' at 'roleArn'", Code::AwsRoleValue),
            (
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                Code::AwsSessionDuration,
            ),
            (
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
                Code::AwsSessionDuration,
            ),
            ("PackedPolicyTooLarge", "Packed size of session tags consumes 103%", Code::AwsSessionPolicy),
            ("MalformedPolicyDocument", "Syntax errors in policy.", Code::AwsSessionPolicy),
            ("RegionDisabledException", "STS is not activated in this region", Code::AwsRegionDisabled),
            ("OptInRequired", "", Code::AwsAccountBlocked),
            ("AccessDenied", "The account is suspended", Code::AwsAccountBlocked),
        ] {
            assert_eq!(of(Api::AssumeRole, code, message), cause, "{code}: {message}");
        }
        assert_eq!(of(Api::GetUser, "ValidationError", "x"), Code::ServerRefused);
        assert_eq!(of(Api::DescribeInstances, "Blocked", ""), Code::AwsAccountBlocked);
    }

    #[test]
    fn what_is_wrong_with_an_identity_token_is_told_apart() {
        for (code, message, cause) in [
            (
                "InvalidIdentityToken",
                "No OpenIDConnect provider found in your account for https://vault.example",
                Code::IdentityTokenIssuer,
            ),
            (
                "InvalidIdentityToken",
                "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
                Code::IdentityTokenKeys,
            ),
            ("InvalidIdentityToken", "Incorrect token audience", Code::IdentityTokenAudience),
            ("InvalidIdentityToken", "Token must be signed", Code::IdentityTokenRefused),
            ("ExpiredTokenException", "Token expired: current date/time 2", Code::IdentityTokenExpired),
            ("IDPCommunicationError", "", Code::IdentityTokenUnreachable),
            ("IDPRejectedClaim", "", Code::IdentityTokenClaim),
            ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", Code::ServerRefused),
        ] {
            assert_eq!(of(Api::AssumeRoleWithWebIdentity, code, message), cause, "{code}: {message}");
        }
        assert_eq!(of(Api::GetUser, "ExpiredToken", ""), Code::ServerRefused);
    }

    #[test]
    fn a_token_for_others_is_refused_for_what_its_caller_can_change() {
        for (code, cause) in [
            ("OutboundWebIdentityFederationDisabledException", Code::OutboundTokenDisabled),
            ("SessionDurationEscalationException", Code::OutboundTokenDuration),
            ("JWTPayloadSizeExceededException", Code::OutboundTokenSize),
            ("Other", Code::ServerRefused),
        ] {
            assert_eq!(of_outbound_token(code), cause, "{code}");
        }
    }

    #[test]
    fn organizations_refuse_in_words_of_their_own() {
        for (code, cause) in [
            ("AccessDeniedException", Code::OrganizationsDenied),
            ("com.amazonaws.organizations#AccountNotFoundException", Code::OrganizationNotBound),
            ("AWSOrganizationsNotInUseException", Code::OrganizationsNotInUse),
            ("TooManyRequestsException", Code::AwsThrottled),
            ("ServiceException", Code::AwsServerErrors),
            ("Other", Code::ServerRefused),
        ] {
            assert_eq!(of_organizations(code), cause, "{code}");
        }
    }
}
