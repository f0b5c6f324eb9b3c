//! Names of HTTP headers, as Go's servers write them.

/// A header name as Go's servers write it: the first letter and each one after a hyphen upper-case,
/// the others lower-case. A name that is none stays untouched.
#[must_use]
pub fn canonical_name(name: &str) -> String {
    let is_token =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_token {
        return name.to_owned();
    }
    let mut upper = true;
    name.chars()
        .map(|c| {
            let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            upper = c == '-';
            c
        })
        .collect()
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
            ("with space", "with space"),
            ("näme", "näme"),
        ] {
            assert_eq!(canonical_name(name), canonical);
        }
    }
}
