//! Which field somebody meant who wrote another name.

/// Fewest bytes by which a beginning or end stands for a whole name.
const MIN_PART: usize = 5;
/// Most letters that are wrong, missing or too many.
const MAX_EDITS: usize = 2;

/// The field that a name is near to: the same but for case, `_` and `-`; else the nearest one of two edits
/// or less; else the only one that begins or ends with the name, or with which the name begins or ends.
pub(super) fn nearest<'a>(name: &str, fields: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    let letters = letters_of(&name);
    if let Some(same) = fields.clone().find(|field| letters_of(field) == letters) {
        return Some(same);
    }
    let edited = fields
        .clone()
        // Names are as long as clients make them, so most are told apart by their length.
        .filter(|field| field.len().abs_diff(name.len()) <= MAX_EDITS)
        .map(|field| (edits(field.as_bytes(), name.as_bytes()), field))
        .min_by_key(|&(edits, _)| edits)
        .filter(|&(edits, _)| edits <= MAX_EDITS);
    if let Some((_, field)) = edited {
        return Some(field);
    }
    let mut alike = fields.filter(|field| is_part(&name, field) || is_part(field, &name));
    let field = alike.next()?;
    alike.next().is_none().then_some(field)
}

fn is_part(part: &str, whole: &str) -> bool {
    part.len() >= MIN_PART && (whole.starts_with(part) || whole.ends_with(part))
}

fn letters_of(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '_' | '-')).collect()
}

/// How many bytes must be replaced, inserted or removed to make one name of the other.
fn edits(one: &[u8], other: &[u8]) -> usize {
    // What it costs to make each beginning of `other` of the beginning of `one` that was read so far.
    let mut costs: Vec<usize> = (0..=other.len()).collect();
    for (read, byte) in one.iter().enumerate() {
        let mut before = read;
        let mut left = read.saturating_add(1);
        if let Some(first) = costs.first_mut() {
            *first = left;
        }
        for (cost, wanted) in costs.iter_mut().skip(1).zip(other) {
            let replaced = before.saturating_add(usize::from(byte != wanted));
            before = *cost;
            left = replaced.min(left.saturating_add(1)).min(before.saturating_add(1));
            *cost = left;
        }
    }
    costs.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let fields = [
            "access_key",
            "secret_key",
            "endpoint",
            "iam_endpoint",
            "sts_endpoint",
            "rotation_period",
            "rotation_window",
            "max_retries",
            "type",
        ];
        for (name, field) in [
            ("acess_key", Some("access_key")),
            ("acces_key", Some("access_key")),
            ("accesskey", Some("access_key")),
            ("Access-Key", Some("access_key")),
            ("ACCESSKEY", Some("access_key")),
            ("_access___key-", Some("access_key")),
            ("access_keys", Some("access_key")),
            ("access_yek", Some("access_key")),
            ("Acess_Key", Some("access_key")),
            ("tpye", Some("type")),
            ("iam_endpont", Some("iam_endpoint")),
            // One edit to the first, three to the second.
            ("endpoints", Some("endpoint")),
            ("access", Some("access_key")),
            ("retries", Some("max_retries")),
            ("sts_end", Some("sts_endpoint")),
            ("access_key_id", Some("access_key")),
            ("aws_secret_key", Some("secret_key")),
            // Two fields are its end.
            ("my_iam_endpoint", None),
            // Two fields begin or end with these.
            ("rotation", None),
            ("point", None),
            // Too short to stand for a name.
            ("acce", None),
            ("tries_", None),
            ("acc_yek", None),
            ("unknown_field", None),
            ("role", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(nearest(name, fields.into_iter()), field, "{name}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "ab", 1),
            ("abc", "xabc", 1),
            ("kitten", "sitting", 3),
            ("abcd", "dcba", 4),
        ] {
            assert_eq!(edits(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }
    }
}
