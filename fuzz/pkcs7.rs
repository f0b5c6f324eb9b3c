//! PKCS#7 messages with identity documents.

use vault_plugin_auth_aws::proof::identity_document::ClaimedDocument;

use crate::target::{Target, Verdict};

/// A document that AWS signed, and messages of OpenSSL, whose signers nobody here trusts.
const TARGET: Target<1> = Target {
    accepted: &[[include_str!("../tests/data/identity-documents/aws-2016-us-east-1.p7.b64")]],
    refused: &[
        [include_str!("../tests/data/identity-documents/pkcs7.p7.b64")],
        [include_str!("../tests/data/identity-documents/dsa1024-sha1-attributes-certificate.p7.b64")],
        [include_str!("../tests/data/identity-documents/dsa1024-and-rsa2048-attributes.p7.b64")],
        ["MIAGCSqGSIb3DQEHAqCAMIAAAAAA"],
    ],
    tokens: &[&[
        "MIA",
        "MII",
        "AAAA",
        "AAA=",
        "KCA",
        "JIA",
        "gAA",
        "//8",
        "\n",
        " ",
        "-----BEGIN PKCS7-----",
        "=",
        "!",
    ]],
    check,
};

#[test]
fn pkcs7() {
    TARGET.run();
}

/// Of all messages, only the one that AWS signed says what it says.
fn check([input]: [&[u8]; 1]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    match ClaimedDocument::pkcs7(&text).and_then(|claimed| claimed.verify([])) {
        Ok(verified) => {
            let document = verified.document();
            assert_eq!(
                (document.instance_id.as_str(), document.account_id.as_str(), document.region.as_str()),
                ("i-f79fe56c", "121659014334", "us-east-1")
            );
            Verdict::accepted("AWS")
        }
        Err(error) => Verdict::refused(&error.to_string()),
    }
}
