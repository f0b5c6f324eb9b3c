//! Texts of others as log lines show them: on one line and short, whatever somebody sent.

/// Longest word of somebody else, in bytes: a name, a path, a line of a document.
const MAX_WORD: usize = 128;
/// Longest reason, in bytes. Most of it are the words of the API.
const MAX_REASON: usize = 512;

/// A value that a client chose.
pub(super) fn value(text: &str) -> String {
    let (mut shown, is_whole) = one_line(text, MAX_WORD);
    if !is_whole {
        shown.push('…');
    }
    shown
}

/// The reason of a refusal, which may quote what a client chose.
pub(super) fn reason(text: &str) -> String {
    let (line, is_whole) = one_line(text, MAX_REASON.saturating_mul(64));
    let mut shown = String::new();
    for (number, word) in line.split(' ').enumerate() {
        if number > 0 {
            shown.push(' ');
        }
        let kept = word.get(..word.floor_char_boundary(MAX_WORD)).unwrap_or_default();
        shown.push_str(kept);
        if kept.len() < word.len() {
            shown.push('…');
        }
    }
    if shown.len() > MAX_REASON || !is_whole {
        shown.truncate(shown.floor_char_boundary(MAX_REASON));
        shown.push('…');
    }
    shown
}

/// The beginning of a text with its control characters and line breaks escaped, and whether it is all.
fn one_line(text: &str, max_bytes: usize) -> (String, bool) {
    let mut line = String::new();
    for character in text.chars() {
        let breaks = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        let before = line.len();
        if breaks {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        if line.len() > max_bytes {
            line.truncate(before);
            return (line, false);
        }
    }
    (line, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_short_and_on_its_line() {
        assert_eq!(value("dev"), "dev");
        assert_eq!(value("a\r\n\u{1b}[1m\u{2028}"), "a\\r\\n\\u{1b}[1m\\u{2028}");
        let long = value(&"\n".repeat(4_000));
        assert_eq!(long, format!("{}…", "\\n".repeat(64)));
        assert_eq!(value(&"ä".repeat(65)), format!("{}…", "ä".repeat(64)));
    }

    #[test]
    fn a_reason_keeps_its_words_around_what_is_long() {
        let path = "x".repeat(10_000);
        let text = format!("error making request: POST https://sts/{path} giving up\n\t* at last");
        let shown = format!("https://sts/{}", "x".repeat(116));
        assert_eq!(reason(&text), format!("error making request: POST {shown}… giving up\\n\\t* at last"));
        let words = reason(&"many words ".repeat(1_000));
        assert_eq!(words.len(), MAX_REASON + "…".len());
        assert_eq!(reason("short"), "short");
    }
}
