//! PEM: a text that is one block, and the base64 inside.

use crate::go::text::decode_base64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The bytes of a PEM block with nothing after it but the end of its last line. Text before it is
/// skipped, its label may be any; `None` for everything else.
pub(super) fn single_block(text: &str) -> Option<Vec<u8>> {
    let start = if text.starts_with(BEGIN) { 0 } else { text.find("\n-----BEGIN ")?.checked_add(1)? };
    let (first_line, rest) = text.get(start..)?.split_once('\n')?;
    let label = first_line.trim_end().strip_prefix(BEGIN)?.strip_suffix(DASHES)?;
    let (body, last_line) = match rest.strip_prefix(END) {
        Some(last_line) => ("", last_line),
        None => rest.split_once("\n-----END ")?,
    };
    let after = last_line.strip_prefix(label)?.strip_prefix(DASHES)?.trim_start_matches([' ', '\t']);
    if !matches!(after, "" | "\n" | "\r\n") {
        return None;
    }
    base64_of_lines(body)
}

/// Standard base64 as PEM has it: line breaks, blanks and tabs are ignored.
pub(super) fn base64_of_lines(text: &str) -> Option<Vec<u8>> {
    decode_base64(&text.replace([' ', '\t'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_is_read_whatever_stands_before_it() {
        for text in [
            "-----BEGIN X-----\nAQID\n-----END X-----\n",
            "-----BEGIN X-----\nAQID\n-----END X-----",
            "-----BEGIN X-----\r\nAQ\r\nID\r\n-----END X-----\r\n",
            "a comment\n-----BEGIN X-----\nAQ ID\t\n-----END X----- \n",
            "-----BEGIN -----\nAQID\n-----END -----\n",
        ] {
            assert_eq!(single_block(text).as_deref(), Some([1, 2, 3].as_slice()), "{text:?}");
        }
        assert_eq!(single_block("-----BEGIN X-----\n-----END X-----\n").as_deref(), Some([].as_slice()));
    }

    #[test]
    fn anything_else_is_refused() {
        let block = "-----BEGIN X-----\nAQID\n-----END X-----\n";
        for text in [
            String::new(),
            "AQID".to_owned(),
            block.repeat(2),
            format!("{block}\n"),
            format!("{block}trailing"),
            block.replace("END X", "END Y"),
            block.replace("AQID", "A*ID"),
            block.replace("AQID", "AQI"),
            block.replace("AQID", "Name: value\n\nAQID"),
            block.replace("-----END X-----", ""),
            format!("x{block}"),
            "-----BEGIN X-----".to_owned(),
        ] {
            assert_eq!(single_block(&text), None, "{text:?}");
        }
    }
}
