//! A command line as words, in the notation of shells, of which nothing else is understood.

/// Words between blanks. Between single quotes everything stands for itself; between double quotes, and outside, a
/// backslash lets the next character stand for itself.
///
/// # Errors
/// A quote has no end, or a backslash is the last character.
pub(super) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None | Some('"'), '\\') => {
                let next = characters.next().ok_or("a backslash at its end stands for nothing")?;
                word.get_or_insert_default().push(next);
            }
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("a quote in it has no end".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            ("", &[][..]),
            ("  systemctl   reload app ", &["systemctl", "reload", "app"]),
            (r#"sh -c 'kill -HUP "$(cat pid)"'"#, &["sh", "-c", r#"kill -HUP "$(cat pid)""#]),
            (r#""a b"c\ d '' "x\"y""#, &["a bc d", "", "x\"y"]),
            (r"'a\b' $HOME *", &[r"a\b", "$HOME", "*"]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_end_is_refused() {
        for text in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
