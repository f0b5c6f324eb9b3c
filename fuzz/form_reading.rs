//! A reader of queries and bodies that is as generous as any: what it finds, some server might.

use percent_encoding::percent_decode;

/// Names and values; separated by `&` or `;`, decoded where that is possible, without
/// blanks and control characters around them.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    text.split(|byte| matches!(byte, b'&' | b';'))
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (decoded(&pair[..equals]), decoded(&pair[equals + 1..])),
            None => (decoded(pair), String::new()),
        })
        .filter(|(name, value)| !name.is_empty() || !value.is_empty())
        .collect()
}

fn decoded(text: &[u8]) -> String {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    let text = String::from_utf8_lossy(&decoded).into_owned();
    text.trim_matches(|c: char| c.is_whitespace() || c.is_control()).to_owned()
}
