//! The patterns of paths that need no token, as a host reads them.

/// Whether the host accepts an unauthenticated path: `*` only at the end, `+` only as a whole segment.
pub(super) fn is_acceptable(pattern: &str) -> bool {
    let (stem, _) = split_star(pattern);
    !stem.contains('*')
        && !pattern.contains("+*")
        && pattern.split('/').all(|segment| segment == "+" || !segment.contains('+'))
}

fn split_star(pattern: &str) -> (&str, bool) {
    pattern.strip_suffix('*').map_or((pattern, false), |stem| (stem, true))
}

/// Whether a path matches an unauthenticated path.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (stem, prefix) = split_star(pattern);
    let mut wanted = stem.split('/').peekable();
    let mut seen = path.split('/');
    while let Some(pattern) = wanted.next() {
        let Some(segment) = seen.next() else { return false };
        let last = wanted.peek().is_none();
        let fits =
            if last && prefix { segment.starts_with(pattern) } else { pattern == "+" || pattern == segment };
        if !fits {
            return false;
        }
    }
    prefix || seen.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_paths_match_as_in_the_host() {
        assert!(matches("login", "login"));
        assert!(!matches("login", "login/x"));
        assert!(!matches("login", "logi"));
        assert!(matches("login*", "login/x"));
        assert!(matches("login*", "loginx"));
        assert!(matches("oidc/*", "oidc/a/b"));
        assert!(!matches("oidc/*", "oidc"));
        assert!(matches("role/+/jwks", "role/a/jwks"));
        assert!(!matches("role/+/jwks", "role/a/b/jwks"));
        for bad in ["a*b", "a+", "x/+*", "**"] {
            assert!(!is_acceptable(bad), "{bad}");
        }
        for good in ["login", "x/+/y", "x/*"] {
            assert!(is_acceptable(good), "{good}");
        }
    }
}
