//! Texts that begin with the key of a tag.

/// The key of a tag and what stands behind it; the key ends at the first `=`. `None` without a key.
#[must_use]
pub fn tag_pair(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(key, _)| !key.is_empty())
}
