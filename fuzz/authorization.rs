//! The `Authorization` header of a signed request: which headers and which region it says are
//! signed, and the header that binds a request to one server.

use vault_plugin_auth_aws::aws::endpoint::Endpoint;
use vault_plugin_auth_aws::entry::ClientConfig;
use vault_plugin_auth_aws::framework::HostFlavor;
use vault_plugin_auth_aws::proof::signed_request::SignedRequest;

use crate::login_requests::{BODY, URL, fields};
use crate::target::{Target, Verdict};

const SERVER_ID: &str = "vault.example.com";

/// Value of `Authorization`, name and value of a further header.
const TARGET: Target<3> = Target {
    accepted: &[
        [
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-vault-aws-iam-server-id, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "X-Vault-AWS-IAM-Server-ID",
            SERVER_ID,
        ],
        [
            "AWS4-HMAC-SHA256 Credential=AKIA/20260101/cn-north-1/sts/aws4_request,SignedHeaders=x-vault-aws-iam-server-id,Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "x-vault-aws-iam-server-id",
            SERVER_ID,
        ],
    ],
    refused: &[
        [
            "AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, Credential=AKIA/20260101/us-gov-west-1/sts/aws4_request, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "X-Vault-AWS-IAM-Server-ID",
            SERVER_ID,
        ],
        [
            "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=SignedHeaders=x-vault-aws-iam-server-id",
            "X-Vault-AWS-IAM-Server-ID",
            SERVER_ID,
        ],
        ["Bearer x", "A", "b"],
    ],
    tokens: &[&[
        "SignedHeaders=",
        "SignedHeaders=x-vault-aws-iam-server-id",
        "X-Amz-SignedHeaders=x-vault-aws-iam-server-id",
        ";x-vault-aws-iam-server-id",
        "x-vault-aws-iam-server-id;",
        "X-Vault-AWS-IAM-Server-ID",
        "Credential=",
        " Credential=AKIA/20260101/eu-west-1/sts/aws4_request",
        ", ",
        ",",
        ";",
        "=",
        "/",
        " ",
        "\n",
        "\t",
        "host",
        "Signature=",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "eu-west-1",
        "evil.example/",
        "us-east-1-fips",
        "0123456789abcdef",
        "vault.example.com",
        "vault.example.com,",
        "Authorization",
        "é",
    ]],
    check,
};

#[test]
fn authorization() {
    TARGET.run();
}

fn check([authorization, name, value]: [&[u8]; 3]) -> Verdict {
    let [authorization, name, value] = [authorization, name, value].map(String::from_utf8_lossy);
    let headers = vec![
        ("Authorization".to_owned(), vec![authorization.clone().into_owned()]),
        (name.clone().into_owned(), vec![value.clone().into_owned()]),
    ];
    let Ok(request) =
        SignedRequest::parse(&fields(b"POST", URL.as_bytes(), BODY.as_bytes(), headers), HostFlavor::Vault)
    else {
        // A second value of the header.
        assert!(name.eq_ignore_ascii_case("Authorization"));
        return Verdict::refused("two authorizations");
    };
    let mut config = ClientConfig::absent();
    config.use_sts_region_from_client = true;
    let region = request.endpoint(&config).ok().map(|endpoint| endpoint.authority().to_owned());
    config.iam_server_id_header_value = SERVER_ID.to_owned();
    let bound = request.check(&config).is_ok();

    let has_id = name.eq_ignore_ascii_case("X-Vault-AWS-IAM-Server-ID") && value == SERVER_ID;
    let reading = Reading::of(&authorization);
    if bound {
        assert!(has_id);
        assert!(
            lists(&authorization).any(|list| list.split(';').any(|name| name == "x-vault-aws-iam-server-id"))
        );
    }
    if let Some(reading) = reading {
        let is_signed = reading.signed_headers.contains(&"x-vault-aws-iam-server-id");
        let other = name.to_ascii_lowercase();
        let other_is_allowed = !other.starts_with("x-amz-");
        assert_eq!(bound, has_id && is_signed && other_is_allowed, "{reading:?}");
        let is_region = Endpoint::sts_of_client_region(reading.region).is_some();
        assert_eq!(region.is_some(), is_region, "{reading:?}");
        if let Some(authority) = &region {
            let region = reading.region.strip_suffix("-fips").unwrap_or(reading.region);
            let is_global = reading.region == "aws-global" && authority == "sts.amazonaws.com";
            assert!(is_global || authority.split('.').nth(1) == Some(region), "{authority} for {reading:?}");
        }
    }
    match (bound, region) {
        (true, Some(_)) => Verdict::accepted("id and region"),
        (true, None) => Verdict::accepted("id"),
        (false, Some(_)) => Verdict::refused("id"),
        (false, None) => Verdict::refused("id and region"),
    }
}

/// An authorization of the one form that AWS documents.
#[derive(Debug)]
struct Reading<'a> {
    signed_headers: Vec<&'a str>,
    region: &'a str,
}

impl<'a> Reading<'a> {
    fn of(authorization: &'a str) -> Option<Self> {
        let parameters = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let mut parameters = parameters.split(',').enumerate();
        let mut next = |name: &str| {
            let (number, parameter) = parameters.next()?;
            let parameter =
                if number == 0 { parameter } else { parameter.strip_prefix(' ').unwrap_or(parameter) };
            parameter.strip_prefix(name)?.strip_prefix('=')
        };
        let (credential, signed_headers) = (next("Credential")?, next("SignedHeaders")?);
        let signature = next("Signature");
        if parameters.next().is_some() {
            return None;
        }
        let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        signature.filter(|signature| is_hex(signature))?;
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let parts: Vec<&str> = credential.split('/').collect();
        let [key, date, region, "sts", "aws4_request"] = parts.as_slice() else { return None };
        let is_region = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_word(key) || !is_word(date) || !is_region {
            return None;
        }
        let signed_headers: Vec<&str> = signed_headers.split(';').collect();
        let is_name = |name: &&str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
        };
        (signed_headers.len() <= 64 && signed_headers.iter().all(is_name))
            .then_some(Self { signed_headers, region })
    }
}

/// What stands under the name of the list, between commas: all that AWS could take for it.
fn lists(authorization: &str) -> impl Iterator<Item = &str> {
    let parameters = authorization.trim_start().split_once(' ').map_or("", |(_, parameters)| parameters);
    parameters.split(',').filter_map(|parameter| parameter.trim().strip_prefix("SignedHeaders="))
}
