//! Path patterns in the notation of Go plugins: made into regular expressions for routing, and into
//! path templates for OpenAPI.

use regex_lite::Regex;

/// Most path templates one pattern may stand for; beyond, it is shown as it is.
const MAX_TEMPLATES: usize = 64;

/// The pattern with `^` before it and `$` behind it, where they are missing. This is how help shows
/// it. The rule is textual: `a|b` becomes `^a|b$`.
pub(super) fn anchored(pattern: &str) -> String {
    let start = if pattern.starts_with('^') { "" } else { "^" };
    let end = if pattern.ends_with('$') { "" } else { "$" };
    format!("{start}{pattern}{end}")
}

/// Compiles an anchored pattern.
///
/// # Errors
/// The pattern is not a regular expression.
pub(super) fn compile(anchored: &str) -> Result<Regex, String> {
    Regex::new(&with_literal_hyphens(anchored)).map_err(|error| format!("{anchored}: {error}"))
}

/// The text with which every path begins that a pattern matches. It tells most paths apart, far cheaper than the
/// pattern as a whole.
pub(super) fn beginning(pattern: &str) -> &str {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    let rest = pattern.trim_start_matches(is_plain);
    let plain = pattern.strip_suffix(rest).unwrap_or_default();
    if rest.contains('|') {
        // It may stand outside of groups.
        ""
    } else if rest.starts_with(['?', '*', '+', '{']) {
        // The last character need not be there.
        plain.get(..plain.len().saturating_sub(1)).unwrap_or_default()
    } else {
        plain
    }
}

/// Go takes the hyphen in `[\w-.]` for itself, as no range can start at a class; here it has to be
/// escaped.
fn with_literal_hyphens(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let (mut in_class, mut after_class_escape) = (false, false);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                translated.push(c);
                let escaped = chars.next();
                translated.extend(escaped);
                after_class_escape = in_class && matches!(escaped, Some('w' | 'W' | 'd' | 'D' | 's' | 'S'));
                continue;
            }
            '[' if !in_class => in_class = true,
            ']' => in_class = false,
            '-' if after_class_escape => translated.push('\\'),
            _ => {}
        }
        after_class_escape = false;
        translated.push(c);
    }
    translated
}

/// The path templates a pattern stands for: named groups become `{name}`, optional parts and
/// alternatives give one template each, anchors vanish. Templates that differ only by a slash at
/// the end give one, without it.
///
/// `None` if the pattern has anything else outside named groups, such as `.*` or a class.
pub(super) fn templates(pattern: &str) -> Option<Vec<String>> {
    let mut parser = Parser { rest: pattern };
    let all = parser.alternatives()?;
    if !parser.rest.is_empty() {
        return None;
    }
    let mut templates = Vec::new();
    for template in &all {
        let doubled = template.strip_suffix('/').is_some_and(|short| all.iter().any(|other| other == short));
        if !doubled && !templates.contains(template) {
            templates.push(template.clone());
        }
    }
    Some(templates)
}

/// Reads the part of the regular expression syntax that has a meaning in path templates.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    /// Sequences between `|`, up to the end or a closing parenthesis.
    fn alternatives(&mut self) -> Option<Vec<String>> {
        let mut all = self.sequence()?;
        while self.eat("|") {
            all.append(&mut self.sequence()?);
        }
        Some(all)
    }

    fn sequence(&mut self) -> Option<Vec<String>> {
        let mut built = vec![String::new()];
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let mut variants = self.atom()?;
            if self.eat("?") {
                // A lazy one is as optional.
                self.eat("?");
                variants.insert(0, String::new());
            }
            if variants.len().saturating_mul(built.len()) > MAX_TEMPLATES {
                return None;
            }
            built = variants
                .iter()
                .flat_map(|variant| built.iter().map(move |start| format!("{start}{variant}")))
                .collect();
        }
        Some(built)
    }

    fn atom(&mut self) -> Option<Vec<String>> {
        match self.next()? {
            '(' if self.eat("?P<") || self.eat("?<") => {
                let (name, _) = self.rest.split_once('>')?;
                let template = format!("{{{name}}}");
                self.skip_group()?;
                Some(vec![template])
            }
            '(' => {
                if self.rest.starts_with('?') && !self.eat("?:") {
                    return None;
                }
                let variants = self.alternatives()?;
                self.eat(")").then_some(variants)
            }
            '^' | '$' => Some(vec![String::new()]),
            '\\' => match self.next()? {
                'A' | 'z' | 'b' | 'B' => Some(vec![String::new()]),
                c if c.is_ascii_alphanumeric() => None,
                c => Some(vec![c.to_string()]),
            },
            '.' | '[' | '*' | '+' | '{' | '?' => None,
            c => Some(vec![c.to_string()]),
        }
    }

    /// Goes behind the parenthesis that closes the group it stands in.
    fn skip_group(&mut self) -> Option<()> {
        let (mut depth, mut in_class) = (1_usize, false);
        while depth > 0 {
            match self.next()? {
                '\\' => {
                    self.next()?;
                }
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => depth = depth.saturating_add(1),
                ')' if !in_class => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_added_where_they_are_missing() {
        for (pattern, expected) in
            [("login$", "^login$"), ("^login", "^login$"), ("a|b", "^a|b$"), ("role/?", "^role/?$")]
        {
            assert_eq!(anchored(pattern), expected);
        }
    }

    #[test]
    fn a_pattern_begins_with_what_each_of_its_paths_begins_with() {
        for (pattern, expected) in [
            ("login$", "login"),
            ("^login$", "login"),
            ("config/sts/?", "config/sts"),
            (r"identity-accesslist/(?P<id>\w+)/tag$", "identity-accesslist/"),
            ("(?P<id>a)", ""),
            ("", ""),
            ("login|logout", ""),
            ("login(a|b)", ""),
            ("ab*", "a"),
            ("ab+", "a"),
            ("ab{0,1}", "a"),
            (r"ab\.c", "ab"),
            ("a.c", "a"),
        ] {
            assert_eq!(beginning(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn hyphens_behind_a_class_stand_for_themselves() {
        for (pattern, expected) in [
            (r"\w(([\w-.]+)?\w)?", r"\w(([\w\-.]+)?\w)?"),
            (r"[\w-.@]", r"[\w\-.@]"),
            (r"[\w.-]", r"[\w.-]"),
            (r"[a-z-]", r"[a-z-]"),
            (r"\w-\w", r"\w-\w"),
            (r"[\\-z]", r"[\\-z]"),
            (r"[\w\-.]", r"[\w\-.]"),
        ] {
            assert_eq!(with_literal_hyphens(pattern), expected);
        }
    }

    #[test]
    fn names_are_ascii_and_whole() {
        let regex = compile(&anchored(r"role/(?P<role>\w(([\w-.]+)?\w)?)")).unwrap();
        for (path, expected) in [
            ("role/a", Some("a")),
            ("role/a-b.c_D9", Some("a-b.c_D9")),
            ("role/-a", None),
            ("role/a.", None),
            ("role/", None),
            ("role/a/b", None),
            ("role/é", None),
            ("role/aéb", None),
            ("role/a\n", None),
            ("xrole/a", None),
        ] {
            let role = regex.captures(path).and_then(|found| found.name("role")).map(|found| found.as_str());
            assert_eq!(role, expected, "{path}");
        }
        assert!(compile("^(a$").is_err());
    }

    #[test]
    fn templates_cover_options_and_alternatives() {
        let expand = |pattern: &str| templates(&anchored(pattern));
        let some = |all: &[&str]| Some(all.iter().map(|&t| t.to_owned()).collect::<Vec<_>>());
        for (pattern, expected) in [
            ("login$", some(&["login"])),
            ("role/?", some(&["role"])),
            (r"role/(?P<role>\w(([\w-.]+)?\w)?)", some(&["role/{role}"])),
            (r"role/(?P<role>\w(([\w-.]+)?\w)?)/tag$", some(&["role/{role}/tag"])),
            ("roletag-denylist/(?P<role_tag>.*)", some(&["roletag-denylist/{role_tag}"])),
            (r"x(/(?P<name>\w(([\w-.]+)?\w)?))?", some(&["x", "x/{name}"])),
            ("(creds|sts)/(?P<name>.+)", some(&["creds/{name}", "sts/{name}"])),
            ("issuer/crl(/pem|/der)?", some(&["issuer/crl", "issuer/crl/pem", "issuer/crl/der"])),
            ("a/b?/c", some(&["a//c", "a/b/c"])),
            ("(?:a|b)/?", some(&["a", "b"])),
            (r"a\.b/\(c", some(&["a.b/(c"])),
            ("only/", some(&["only/"])),
            (r"(?P<x>[)(])y", some(&["{x}y"])),
            (r"(?P<x>\))y??", some(&["{x}", "{x}y"])),
            ("a|b", some(&["a", "b"])),
            (".*", None),
            ("a+", None),
            ("a/[bc]", None),
            ("a{2}", None),
            (r"a\d", None),
            ("(?i:a)", None),
            ("a)", None),
            ("(a", None),
            ("(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)", None),
        ] {
            assert_eq!(expand(pattern), expected, "{pattern}");
        }
    }
}
