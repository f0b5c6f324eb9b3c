//! `key=value` words, as the tools of the hosts take them.
//!
//! A value `@path` is read from a file and `-` from standard input, so that a secret need not stand
//! among the arguments, which every user of the machine can list. A word `-` alone is a JSON object on
//! standard input. `\@` stands for `@` at the beginning of a value.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;
use zeroize::Zeroizing;

use super::exit::Failure;

/// A value, and whether it stood among the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The value.
    pub(crate) value: Zeroizing<String>,
    /// Whether others could have listed it.
    pub(crate) listed: bool,
}

/// Reads words. Each key must be one of `known`.
///
/// # Errors
/// A word that is none, an unknown key, or a file that cannot be read.
pub(crate) fn read<'a>(
    words: impl IntoIterator<Item = &'a str>,
    known: &[&str],
    input: &mut dyn Read,
) -> Result<BTreeMap<String, Word>, Failure> {
    let mut read = BTreeMap::new();
    let mut add = |key: &str, word: Word| match known.contains(&key) {
        true => {
            read.insert(key.to_owned(), word);
            Ok(())
        }
        false => Err(Failure::Usage(format!(
            "{key} is not known here; the words are: {}",
            known.iter().map(|key| format!("{key}=")).collect::<Vec<_>>().join(", ")
        ))),
    };
    for word in words {
        if word == "-" {
            let text = all_of(input)?;
            for (key, value) in object(&text)? {
                add(&key, Word { value: Zeroizing::new(value), listed: false })?;
            }
            continue;
        }
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            // It may be a secret whose key was forgotten.
            return Err(Failure::Usage(
                "an argument is neither an option nor of the form key=value".to_owned(),
            ));
        };
        let (value, listed) = match (value, value.strip_prefix('@'), value.strip_prefix("\\@")) {
            ("-", ..) => (all_of(input)?, false),
            (_, Some(path), _) => (contents(key, path)?, false),
            (_, _, Some(rest)) => (Zeroizing::new(format!("@{rest}")), true),
            (value, ..) => (Zeroizing::new(value.to_owned()), true),
        };
        add(key, Word { value, listed })?;
    }
    Ok(read)
}

/// The contents of a file without the line end of its last line.
fn contents(key: &str, path: &str) -> Result<Zeroizing<String>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("the file for {key}, {path}, cannot be read: {error}")))?;
    Ok(without_line_end(text))
}

fn all_of(input: &mut dyn Read) -> Result<Zeroizing<String>, Failure> {
    let mut text = String::new();
    input
        .read_to_string(&mut text)
        .map_err(|error| Failure::Usage(format!("standard input cannot be read: {error}")))?;
    Ok(without_line_end(text))
}

fn without_line_end(text: String) -> Zeroizing<String> {
    let text = Zeroizing::new(text);
    Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn object(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let parsed: Result<BTreeMap<String, Value>, _> = serde_json::from_str(text);
    let object = parsed
        .map_err(|_| Failure::Usage("standard input is not a JSON object of keys and values".to_owned()))?;
    object
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            Value::Number(number) => Ok((key, number.to_string())),
            _ => Err(Failure::Usage(format!("the value of {key} on standard input is not a string"))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["role", "key"];

    fn words(given: &[&str], input: &str) -> Result<Vec<(String, String, bool)>, String> {
        let read = read(given.iter().copied(), &KNOWN, &mut input.as_bytes());
        let list = read.map_err(|error| error.to_string())?;
        Ok(list.into_iter().map(|(key, word)| (key, word.value.to_string(), word.listed)).collect())
    }

    fn one(key: &str, value: &str, listed: bool) -> Result<Vec<(String, String, bool)>, String> {
        Ok(vec![(key.to_owned(), value.to_owned(), listed)])
    }

    #[test]
    fn values_stand_in_arguments_files_or_on_standard_input() {
        assert_eq!(words(&["role=dev=x"], ""), one("role", "dev=x", true));
        assert_eq!(words(&["role=\\@dev"], ""), one("role", "@dev", true));
        assert_eq!(words(&["key=-"], "s3cret\n"), one("key", "s3cret", false));
        assert_eq!(words(&["-"], r#"{"key": "s3cret"}"#), one("key", "s3cret", false));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\r\n").unwrap();
        assert_eq!(words(&[&format!("key=@{}", file.path().display())], ""), one("key", "s3cret", false));
    }

    #[test]
    fn what_is_no_word_is_refused_and_not_shown() {
        let refusal = words(&["s3cret"], "").unwrap_err();
        assert!(!refusal.contains("s3cret"), "{refusal}");
        assert!(words(&["rol=dev"], "").unwrap_err().contains("role="));
        assert!(words(&["-"], "[]").is_err());
        assert!(words(&["-"], r#"{"key": ["x"]}"#).is_err());
        assert!(words(&["key=@/no/such/file"], "").unwrap_err().contains("/no/such/file"));
    }
}
