//! Regions out of signatures, and configured endpoints.

use vault_plugin_auth_aws::aws::endpoint::{Endpoint, Service};
use vault_plugin_auth_aws::aws::region::Region;

use crate::target::{Target, Verdict};

/// What host names end in, by what names of regions begin with; longer beginnings first.
const SUFFIXES: [(&str, &str); 8] = [
    ("us-gov-", "amazonaws.com"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-de-", "amazonaws.eu"),
    ("cn-", "amazonaws.com.cn"),
    ("", "amazonaws.com"),
];

const REGIONS: Target<1> = Target {
    accepted: &[
        ["us-east-1"],
        ["ap-southeast-12"],
        ["cn-northwest-1"],
        ["us-gov-west-1-fips"],
        ["us-west-2-fips"],
        ["aws-global"],
        ["us-iso-east-1"],
        ["us-isob-east-1"],
        ["eu-isoe-west-1"],
        ["us-isof-south-1"],
        ["eusc-de-east-1"],
    ],
    refused: &[["fake-region-1"], ["us-east-1."], ["us-east.x-1"], ["US-EAST-1"], ["us-east-1.evil.example"]],
    tokens: &[&[
        "-",
        "--",
        ".",
        "/",
        "@",
        "#",
        "?",
        ":443",
        "%2e",
        "\n",
        "\0",
        " ",
        "us-",
        "eu-",
        "cn-",
        "gov-",
        "iso-",
        "isob-",
        "-fips",
        "aws-global",
        "east",
        "1",
        "amazonaws.com",
        "evil.example",
        "é",
        "\u{131}",
    ]],
    check: check_region,
};

const CONFIGURED: Target<1> = Target {
    accepted: &[
        ["https://sts.eu-west-1.amazonaws.com"],
        ["http://127.0.0.1:8080/base/"],
        ["sts.example"],
        ["https://[::1]:8443"],
        ["https://sts.example/a/b//"],
    ],
    refused: &[["ftp://sts.example"], ["https://user:password@sts.example"], ["https://sts.example/?a=b"]],
    tokens: &[&[
        "http://",
        "https://",
        "://",
        ":",
        "/",
        "//",
        "@",
        "user:password@",
        "?",
        "?a=b",
        "#",
        "#x",
        "%",
        "%41",
        "[",
        "]",
        ":443",
        ":99999",
        " ",
        "\t",
        "\n",
        "\0",
        "\\",
        "é",
        "..",
    ]],
    check: check_configured,
};

#[test]
fn client_region() {
    REGIONS.run();
}

#[test]
fn configured_endpoint() {
    CONFIGURED.run();
}

fn check_region([input]: [&[u8]; 1]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    let Some(endpoint) = Endpoint::sts_of_client_region(&text) else {
        assert_eq!(Region::parse(&text), None);
        return Verdict::refused("no region");
    };
    if text == "aws-global" {
        assert_eq!(endpoint.to_string(), "https://sts.amazonaws.com");
        return Verdict::accepted("aws-global");
    }
    let (name, fips) = match text.strip_suffix("-fips") {
        Some(name) => (name, true),
        None => (text.as_ref(), false),
    };
    let words = words(name).expect("the form of a region");
    // `us-iso-1` would be a commercial region named `iso`.
    let is_of = |prefix: &str| name.starts_with(prefix) && words >= prefix.split('-').count();
    let (prefix, suffix) = SUFFIXES.into_iter().find(|(prefix, _)| is_of(prefix)).unwrap();
    let label = if fips && prefix.is_empty() { "sts-fips" } else { "sts" };
    assert_eq!(endpoint.authority(), format!("{label}.{name}.{suffix}"));
    let uri = endpoint.uri("/").expect("a URL");
    assert_eq!(uri.to_string(), format!("https://{}/", endpoint.authority()));

    let region = Region::parse(name).expect("what has an endpoint is a region");
    assert_eq!(region.name(), name);
    for service in [Service::Sts, Service::Iam, Service::Ec2] {
        let endpoint = Endpoint::of_service(service, &region).expect("an endpoint");
        let authority = endpoint.authority();
        assert!(authority.starts_with(&format!("{}.", service.signing_name())), "{authority}");
        assert!(authority.ends_with(&format!(".{suffix}")), "{authority}");
    }
    Verdict::accepted(suffix)
}

/// How many words of lower-case letters stand before the number of a region name.
fn words(name: &str) -> Option<usize> {
    let labels: Vec<&str> = name.split('-').collect();
    let (number, words) = labels.split_last()?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_number && (2..=3).contains(&words.len()) && words.iter().all(is_word)).then_some(words.len())
}

fn check_configured([input]: [&[u8]; 1]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    let endpoint = match Endpoint::configured(&text) {
        Ok(endpoint) => endpoint,
        Err(_) => return Verdict::refused("no URL"),
    };
    let shown = endpoint.to_string();
    assert_eq!(Endpoint::configured(&shown).as_ref(), Ok(&endpoint), "{shown}");
    let (scheme, rest) = shown.split_once("://").unwrap();
    assert!(["http", "https"].contains(&scheme), "{shown}");
    assert!(rest.starts_with(endpoint.authority()), "{shown}");
    // The host as it was written: nothing is added to it and nothing taken away.
    assert!(text.contains(endpoint.authority()), "{shown}");
    assert!(!endpoint.authority().contains(['/', '\\', '?', '#', ' ']), "{shown}");
    for path in ["/", "//", "/a?b"] {
        let uri = endpoint.uri(path).expect("a URL");
        assert_eq!(uri.authority().map(|authority| authority.as_str()), Some(endpoint.authority()));
        assert!(uri.to_string().ends_with(path), "{uri}");
    }
    Verdict::accepted(scheme)
}
