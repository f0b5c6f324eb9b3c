//! What the documents show: their fenced blocks, and the commands in their sentences.

use std::fs;
use std::path::{Path, PathBuf};

/// Something to type or to put into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Example {
    /// File it stands in.
    pub(super) document: String,
    /// Language of the block; `inline` for a command in a sentence.
    pub(super) language: String,
    /// As it stands there.
    pub(super) text: String,
}

/// What commands begin with.
const PROGRAMS: [&str; 9] =
    ["aws", "bao", "cargo", "curl", "install", "setcap", "vault", "vault-plugin-auth-aws", "sha256sum"];

impl Example {
    /// Its first line, by which it is known.
    pub(super) fn key(&self) -> &str {
        let line = self.text.lines().next().unwrap_or("");
        line.strip_prefix("$ ").unwrap_or(line).trim_end_matches(['\\', '|', ' '])
    }

    /// The commands as a shell reads them. Each begins behind `$ `, and goes on in the next line only where
    /// a shell would read on.
    pub(super) fn script(&self) -> String {
        if self.language == "inline" {
            return self.text.replace('\n', " ");
        }
        let mut open = false;
        let mut script = String::new();
        for line in self.text.lines() {
            let command = match line.strip_prefix("$ ") {
                Some(command) if !open => command,
                None if open => line,
                _ => panic!("{}: neither a command nor the rest of one: {line}", self.document),
            };
            open = ["\\", "|", "&&"].iter().any(|end| command.ends_with(end));
            script.push_str(command);
            script.push('\n');
        }
        script
    }
}

/// The examples of the README and of everything in `docs/`, in the order in which a reader meets them.
pub(super) fn all() -> Vec<Example> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents: Vec<PathBuf> =
        fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    documents.sort();
    documents.insert(0, root.join("README.md"));
    let examples =
        |path: &PathBuf| of(path.file_name().unwrap().to_str().unwrap(), &fs::read_to_string(path).unwrap());
    documents.iter().flat_map(examples).collect()
}

fn of(document: &str, text: &str) -> Vec<Example> {
    let example = |language: &str, text: &str| Example {
        document: document.to_owned(),
        language: language.to_owned(),
        text: text.to_owned(),
    };
    let mut examples = Vec::new();
    for (number, part) in format!("\n{text}").split("\n```").enumerate() {
        if number % 2 == 1 {
            let (language, block) = part.split_once('\n').unwrap();
            examples.push(example(language, block));
        } else {
            let spans = part.split('`').skip(1).step_by(2);
            examples.extend(spans.filter(|span| is_command(span)).map(|span| example("inline", span)));
        }
    }
    examples
}

/// Whether it can be typed as it stands; `vault login` is but the name of something.
fn is_command(span: &str) -> bool {
    let mut words = span.split_whitespace().skip_while(|word| word.contains('='));
    let program = words.next().unwrap_or("");
    let rest: Vec<&str> = words.collect();
    PROGRAMS.contains(&program) && (rest.len() > 1 || rest.iter().any(|word| word.starts_with('-')))
}

#[test]
fn blocks_and_commands_in_sentences_are_found() {
    let text = "Say `a`, `vault login` or `X=1 vault read\nsecret/x`:\n\n```console\n$ a |\n    b\n$ c\n```\nAnd `bao -h`.\n\n```json\n{}\n```\n";
    let found = of("D", text);
    let shown: Vec<_> = found.iter().map(|example| (example.language.as_str(), example.key())).collect();
    let expected = [("inline", "X=1 vault read"), ("console", "a"), ("inline", "bao -h"), ("json", "{}")];
    assert_eq!(shown, expected);
    assert_eq!(found[0].script(), "X=1 vault read secret/x");
    assert_eq!(found[1].script(), "a |\n    b\nc\n");
}
