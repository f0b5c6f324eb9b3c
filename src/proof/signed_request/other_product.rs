//! Requests that were signed for another product.
//!
//! Many products take a signed `GetCallerIdentity` request as a proof of who is calling, and have their clients
//! sign a header that binds it to them. Who runs one of those could log in here as its clients; so a request
//! with such a header is none for this server, whatever else it holds.

use super::headers::ClientHeaders;

/// The headers, in lower case, with the product and where its clients or documents name them.
const HEADERS: [(&str, &str); 12] = [
    ("x-consul-iam-serverid", "Consul, agent/consul/authmethod/awsauth/aws.go"),
    ("x-consul-iam-getentity-method", "Consul, agent/consul/authmethod/awsauth/aws.go"),
    ("x-consul-iam-getentity-url", "Consul, agent/consul/authmethod/awsauth/aws.go"),
    ("x-consul-iam-getentity-headers", "Consul, agent/consul/authmethod/awsauth/aws.go"),
    ("x-consul-iam-getentity-body", "Consul, agent/consul/authmethod/awsauth/aws.go"),
    ("x-goog-cloud-target-resource", "Google Cloud, workload identity federation with AWS"),
    ("x-k8s-aws-id", "Amazon EKS, aws-iam-authenticator"),
    ("x-lakefs-server-id", "lakeFS, login with an AWS IAM role"),
    ("x-mongodb-gs2-cb-flag", "MongoDB, driver specification of MONGODB-AWS"),
    ("x-mongodb-server-nonce", "MongoDB, driver specification of MONGODB-AWS"),
    ("x-snowflake-audience", "Snowflake, workload identity federation of its connectors"),
    ("x-teleport-challenge", "Teleport, IAM join method"),
];

/// The name of a header that binds a request to another product.
pub(super) fn bound_by(headers: &ClientHeaders) -> Option<&str> {
    let is_bound = |name: &str| HEADERS.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
    headers.iter().map(|(name, _)| name).find(|name| is_bound(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_is_seen_in_every_spelling() {
        let bound = |name: &str| {
            let sent = ["Authorization", name, "X-Amz-Date"];
            let sent = sent.map(|name| (name.to_owned(), vec!["x".to_owned()]));
            bound_by(&ClientHeaders::collect(&sent)).map(str::to_owned)
        };
        for (header, product) in HEADERS {
            assert!(!product.is_empty() && header == header.to_lowercase());
            for name in [header.to_owned(), header.to_uppercase(), crate::go::canonical_name(header)] {
                let seen = bound(&name).unwrap();
                assert!(seen.eq_ignore_ascii_case(header), "{name}: {seen}");
            }
        }
        for name in ["X-Vault-AWS-IAM-Server-ID", "X-K8s-Aws-Id-2", "User-Agent", ""] {
            assert_eq!(bound(name), None, "{name}");
        }
    }
}
