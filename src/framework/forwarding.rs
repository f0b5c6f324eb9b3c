//! Texts by which hosts recognise that a request is for another node.

use crate::ports::StorageError;

/// A host that finds one of these anywhere in an error sends the request to another node, or answers with a
/// redirection to it.
const TEXTS: [&str; 4] = [
    StorageError::READ_ONLY,
    "please forward to the active node",
    "node is not the leader",
    // Before it stands the name of the product.
    "is in standby mode",
];
/// Stands where one was. It has characters that are in none of them, so what is around it is no new one.
const CUT: &str = "[…]";

/// The text without any that the host would follow. Names and values that a client chose are in error
/// texts, and a refusal must stay one.
pub(super) fn cut(mut text: String) -> String {
    for forwarding in TEXTS {
        if text.contains(forwarding) {
            text = text.replace(forwarding, CUT);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_host_would_follow_is_left() {
        for text in TEXTS {
            let (head, tail) = text.split_at(5);
            for said in [text.to_owned(), format!("a {text}{text} b"), format!("{head}{text}{tail}")] {
                let cut = cut(said.clone());
                assert!(!TEXTS.iter().any(|text| cut.contains(text)), "{said} -> {cut}");
            }
        }
        assert_eq!(
            cut("entry for role node is not the leader not found".to_owned()),
            "entry for role […] not found"
        );
        assert_eq!(cut("Vault is in standby mode".to_owned()), "Vault […]");
        assert_eq!(cut("as it was".to_owned()), "as it was");
    }
}
