//! What the issuer publishes, and what AWS has to be told of it.

use serde_json::{Map, Value, json};

use super::signing_key::web_key;
use super::url::IssuerUrl;
use crate::entry::{Issuer, TokenAlgorithm};

/// The discovery document, which stands at the issuer's URL and this path.
pub const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";
/// So do the keys.
pub const KEYS_PATH: &str = "/.well-known/keys";

/// The discovery document.
#[must_use]
pub fn openid_configuration(issuer: &Issuer) -> Value {
    let url = &issuer.issuer;
    json!({
        "issuer": url,
        "jwks_uri": format!("{url}{KEYS_PATH}"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": TokenAlgorithm::NAMES,
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"],
    })
}

/// The public keys, of which each is there as long as anybody may need it.
#[must_use]
pub fn web_keys(issuer: &Issuer) -> Value {
    let keys: Vec<Map<String, Value>> = issuer.keys.iter().map(web_key).collect();
    json!({ "keys": keys })
}

/// The parameters of `CreateOpenIDConnectProvider`.
#[must_use]
pub fn provider_request(issuer: &Issuer, audience: &str) -> Value {
    json!({"Url": issuer.issuer, "ClientIDList": [audience]})
}

/// The ARN of the provider in an account.
#[must_use]
pub fn provider_arn(url: &IssuerUrl<'_>, partition: &str, account: &str) -> String {
    format!("arn:{partition}:iam::{account}:oidc-provider/{}", url.provider())
}

/// The trust policy of the role that this mount alone may assume.
#[must_use]
pub fn trust_policy(issuer: &Issuer, url: &IssuerUrl<'_>, provider_arn: &str, audience: &str) -> Value {
    let provider = url.provider();
    let condition = Map::from_iter([
        (format!("{provider}:aud"), json!(audience)),
        (format!("{provider}:sub"), json!(issuer.subject)),
    ]);
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": condition},
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_trusts_this_subject_and_audience_alone() {
        let issuer = Issuer {
            issuer: "https://keys.example.com/a/oidc".to_owned(),
            subject: "auth-mount:c:m".to_owned(),
            ..Issuer::default()
        };
        let url = IssuerUrl::parse(&issuer.issuer).unwrap();
        let arn = provider_arn(&url, "aws", "111122223333");
        assert_eq!(arn, "arn:aws:iam::111122223333:oidc-provider/keys.example.com/a/oidc");
        let policy = trust_policy(&issuer, &url, &arn, "sts.amazonaws.com");
        assert_eq!(policy["Statement"][0]["Principal"], json!({ "Federated": arn }));
        assert_eq!(
            policy["Statement"][0]["Condition"],
            json!({"StringEquals": {
                "keys.example.com/a/oidc:aud": "sts.amazonaws.com",
                "keys.example.com/a/oidc:sub": "auth-mount:c:m",
            }})
        );
        let configuration = openid_configuration(&issuer);
        assert_eq!(configuration["issuer"], "https://keys.example.com/a/oidc");
        assert_eq!(configuration["jwks_uri"], "https://keys.example.com/a/oidc/.well-known/keys");
    }
}
