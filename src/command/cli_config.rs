//! The configuration file of the hosts' command lines, `~/.vault` or `~/.bao`: HCL or JSON in which one
//! key is known, `token_helper`.

use std::iter::Peekable;
use std::str::Chars;

/// The token helper that a configuration names; none if it is not named or empty.
///
/// # Errors
/// The text is no such file. Ansible Vault is known to keep its own things under the same name.
pub(crate) fn token_helper(text: &str) -> Result<Option<String>, String> {
    let mut reader = Reader { rest: text.chars().peekable() };
    let is_json = reader.next_is('{');
    let mut helper = None;
    while let Some(key) = reader.key()? {
        if key == "}" && is_json {
            break;
        }
        if key != "token_helper" {
            return Err(format!("unknown key {key:?}"));
        }
        if !(reader.next_is('=') || (is_json && reader.next_is(':'))) {
            return Err("token_helper has no value".to_owned());
        }
        helper = Some(reader.string().ok_or("the value of token_helper is no string in double quotes")?);
        reader.next_is(',');
    }
    Ok(helper.filter(|helper| !helper.is_empty()))
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    /// Passes white space and comments.
    fn skip(&mut self) {
        loop {
            match self.rest.peek() {
                Some(c) if c.is_whitespace() => {
                    self.rest.next();
                }
                Some('#') => self.skip_line(),
                Some('/') => {
                    self.rest.next();
                    if self.rest.next_if_eq(&'*').is_some() {
                        self.skip_block();
                    } else {
                        self.skip_line();
                    }
                }
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        while self.rest.next().is_some_and(|c| c != '\n') {}
    }

    fn skip_block(&mut self) {
        let mut last = ' ';
        for c in self.rest.by_ref() {
            if last == '*' && c == '/' {
                return;
            }
            last = c;
        }
    }

    /// Takes this character if it is the next.
    fn next_is(&mut self, wanted: char) -> bool {
        self.skip();
        self.rest.next_if_eq(&wanted).is_some()
    }

    /// A key, bare or quoted, or the brace that ends an object.
    fn key(&mut self) -> Result<Option<String>, String> {
        self.skip();
        match self.rest.peek() {
            None => Ok(None),
            Some('"') => self.string().map(Some).ok_or_else(|| "a string does not end".to_owned()),
            Some('}') => {
                self.rest.next();
                Ok(Some("}".to_owned()))
            }
            Some(_) => {
                let mut key = String::new();
                while let Some(c) =
                    self.rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'))
                {
                    key.push(c);
                }
                if key.is_empty() { Err("a key was expected".to_owned()) } else { Ok(Some(key)) }
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if !self.next_is('"') {
            return None;
        }
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                '"' => return Some(text),
                '\\' => match self.rest.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    other => text.push(other),
                },
                '\n' => return None,
                c => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_helper_is_found_in_hcl_and_json() {
        for text in [
            r#"token_helper = "/bin/helper""#,
            "# mine\ntoken_helper=\"/bin/helper\" // really\n/* and\n no more */",
            r#"{"token_helper": "/bin/helper"}"#,
            r#""token_helper" = "/bin/helper""#,
        ] {
            assert_eq!(token_helper(text), Ok(Some("/bin/helper".to_owned())), "{text}");
        }
        for text in ["", "\n# nothing\n", "token_helper = \"\"", "{}"] {
            assert_eq!(token_helper(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_configuration_is_an_error() {
        for text in [
            "unknown = 1",
            "token_helper = [",
            "token_helper = 5",
            "token_helper = \"/bin/helper",
            "token_helper \"x\" { a = \"b\" }",
            "$ANSIBLE_VAULT;1.1;AES256\n6162",
        ] {
            assert!(token_helper(text).is_err(), "{text}");
        }
    }
}
