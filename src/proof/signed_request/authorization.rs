//! The `Authorization` header, read in one way.

/// Most names in a list of signed headers. Signed requests have about ten.
const MAX_SIGNED_HEADERS: usize = 64;

/// The parts of a signature that stands in a header: `Credential`, `SignedHeaders` and `Signature`, once each
/// and in this order behind the algorithm, as the clients of AWS write them. A value that another reader
/// could read in another way is none. Whether a part says what AWS takes is for AWS to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    /// Name of the algorithm.
    pub(super) algorithm: &'a str,
    /// Key id and scope, as written.
    pub(super) credential: &'a str,
    /// In hexadecimal digits.
    pub(super) signature: &'a str,
    /// The region that was signed for.
    pub(super) region: &'a str,
    /// Names of the signed headers, in lower case, between semicolons.
    pub(super) signed_headers: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the value of the header; `None` if it is anything else.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        let (algorithm, parts) = value.split_once(' ')?;
        let (credential, rest) = part(parts, "Credential=")?;
        let (signed_headers, rest) = part(rest?, "SignedHeaders=")?;
        let (signature, None) = part(rest?, "Signature=")? else { return None };
        let region = region(credential)?;
        let is_algorithm = !algorithm.is_empty()
            && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_signature = !signature.is_empty() && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_algorithm && is_signature && is_list(signed_headers)).then_some(Self {
            algorithm,
            credential,
            signature,
            region,
            signed_headers,
        })
    }
}

/// The value of the part with this name at the beginning of a text, and what follows the comma behind it.
fn part<'a>(text: &'a str, name: &str) -> Option<(&'a str, Option<&'a str>)> {
    let text = text.strip_prefix(name)?;
    Some(match text.split_once(',') {
        Some((value, rest)) => (value, Some(rest.strip_prefix(' ').unwrap_or(rest))),
        None => (text, None),
    })
}

/// The region of a credential: key id, date, region, service and an end that is always the same.
fn region(credential: &str) -> Option<&str> {
    let mut pieces = credential.split('/');
    let known: [&str; 5] = [pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?, pieces.next()?];
    let [_, _, region, _, _] = known;
    let is_whole = pieces.next().is_none() && known.iter().all(|piece| !piece.is_empty());
    (is_whole && !credential.contains([' ', '\t', '='])).then_some(region)
}

fn is_list(signed_headers: &str) -> bool {
    let is_name = |name: &str| {
        let is_of_name = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
        };
        !name.is_empty() && name.bytes().all(is_of_name)
    };
    signed_headers.split(';').nth(MAX_SIGNED_HEADERS).is_none() && signed_headers.split(';').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=0a";

    #[test]
    fn the_parts_are_read() {
        let expected = Authorization {
            algorithm: "AWS4-HMAC-SHA256",
            credential: "AKID/20260101/eu-west-1/sts/aws4_request",
            signature: "0a",
            region: "eu-west-1",
            signed_headers: "host;x-amz-date",
        };
        assert_eq!(Authorization::parse(GOOD), Some(expected));
        assert_eq!(Authorization::parse(&GOOD.replace(", ", ",")), Some(expected));
    }

    #[test]
    fn another_writing_is_none() {
        for (from, to) in [
            ("AWS4-HMAC-SHA256", " AWS4-HMAC-SHA256"),
            ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256  "),
            ("AWS4-HMAC-SHA256 ", ""),
            ("Credential=", "credential="),
            ("Credential=AKID/20260101/eu-west-1/sts/aws4_request, ", ""),
            ("AKID/", ""),
            ("AKID", ""),
            ("/eu-west-1/", "//"),
            ("/sts/", "/"),
            ("/sts/", "//"),
            ("aws4_request", "aws4_request/x"),
            ("AKID", "A=D"),
            ("AKID", "A D"),
            (", SignedHeaders=host;x-amz-date", ""),
            (", SignedHeaders", ",  SignedHeaders"),
            (", SignedHeaders", " ,SignedHeaders"),
            (", SignedHeaders", ",\tSignedHeaders"),
            (", SignedHeaders", ", SignedHeaders=host, SignedHeaders"),
            (", SignedHeaders", ", X=SignedHeaders=host, SignedHeaders"),
            ("SignedHeaders=", "SignedHeaders ="),
            ("SignedHeaders=", "SignedHeaders=SignedHeaders="),
            ("host;", "Host;"),
            ("host;", "host;;"),
            ("host;", "host "),
            ("host;x-amz-date", ""),
            (", Signature=0a", ""),
            ("Signature=0a", "Signature="),
            ("Signature=0a", "Signature=0g"),
            ("Signature=0a", "Signature=0a,"),
            ("Signature=0a", "Signature=0a "),
            ("Signature=0a", "Signature=0a, Signature=0a"),
            ("Signature=0a", "Signature=0a, SignedHeaders=host"),
            ("Signature=0a", "Signature=0a, X=y"),
        ] {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD);
            assert_eq!(Authorization::parse(&changed), None, "{changed}");
        }
        let reversed =
            "AWS4-HMAC-SHA256 Signature=0a, SignedHeaders=host, Credential=A/B/us-east-1/sts/aws4_request";
        for value in [reversed, "", "x", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 "] {
            assert_eq!(Authorization::parse(value), None, "{value}");
        }
    }

    #[test]
    fn a_list_has_an_end() {
        let with = |names: usize| GOOD.replace("host;", &"a;".repeat(names - 1));
        assert!(Authorization::parse(&with(64)).is_some());
        assert!(Authorization::parse(&with(65)).is_none());
        assert!(Authorization::parse(&with(60_000)).is_none());
    }
}
