//! Names of HTTP headers, as Go's servers write them.

/// A header name as Go's servers write it: the first letter and each one after a hyphen upper-case,
/// the others lower-case. A name that is none stays untouched.
#[must_use]
pub fn canonical_name(name: &str) -> String {
    if !name.bytes().all(is_of_token) {
        return name.to_owned();
    }
    let mut canonical = name.to_ascii_lowercase();
    let mut after_hyphen = 0;
    // Word by word: a name may be long.
    while let Some(word) = canonical.get_mut(after_hyphen..).filter(|word| !word.is_empty()) {
        if let Some(first) = word.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let Some(hyphen) = memchr::memchr(b'-', word.as_bytes()) else { break };
        after_hyphen = after_hyphen.saturating_add(hyphen).saturating_add(1);
    }
    canonical
}

/// Whether a byte may stand in the name of a header.
const fn is_of_token(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'!'
            | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_canonical() {
        for (name, canonical) in [
            ("X-Vault-AWS-IAM-Server-ID", "X-Vault-Aws-Iam-Server-Id"),
            ("x-amz-SIGNEDHEADERS", "X-Amz-Signedheaders"),
            ("content-type", "Content-Type"),
            ("", ""),
            ("-", "-"),
            ("--a-", "--A-"),
            ("a--bC", "A--Bc"),
            ("with space", "with space"),
            ("näme", "näme"),
        ] {
            assert_eq!(canonical_name(name), canonical);
        }
    }
}
