//! The refusals as others know them: `tests/data/refusals.tsv`.
//!
//! Codes stand in logs and documents of operators, so a code that was released is never renamed. The
//! file also says which test reaches each code, and with which text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use vault_plugin_auth_aws::refusal::Code;

/// One line of the file.
struct Row {
    code: String,
    blame: String,
    status: String,
    /// The text of the answer, with `{}` for what differs from one to the next, and escapes for lines.
    text: String,
    /// A test that reaches it.
    test: String,
    hint: String,
}

const HEADING: &str = "code\tblame\tstatus\ttext\ttest\thint";

fn rows() -> Vec<Row> {
    let file = fs::read_to_string(root().join("tests/data/refusals.tsv")).unwrap();
    let mut lines = file.lines();
    assert_eq!(lines.next(), Some(HEADING));
    lines
        .map(|line| {
            let columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            let columns: [String; 6] = columns.try_into().unwrap_or_else(|_| panic!("six columns: {line}"));
            let [code, blame, status, text, test, hint] = columns;
            Row { code, blame, status, text, test, hint }
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources in which tests stand, by the names of their test functions.
fn tests_by_name() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut open: Vec<PathBuf> =
        ["src", "tests/integration", "tests/testkit/src"].map(|folder| root().join(folder)).into();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            for name in functions(&source) {
                tests.entry(name).or_default().push(source.clone());
            }
        }
    }
    tests
}

/// The names of the functions behind a `#[test]` or `#[tokio::test]`.
fn functions(source: &str) -> Vec<String> {
    let mut lines = source.lines().map(str::trim_start);
    let mut names = Vec::new();
    while let Some(line) = lines.next() {
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            let signature = lines.by_ref().find(|line| line.contains("fn ")).unwrap_or("");
            let name = signature.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// The longest part of a text that is always the same, as a source writes it.
fn fixed_part(text: &str) -> String {
    let marks = text.replace("\\n", "{}").replace("\\t", "{}");
    let part = marks.split("{}").max_by_key(|part| part.len()).unwrap_or("").trim();
    part.replace('\\', "\\\\").replace('"', "\\\"")
}

#[test]
fn every_code_stands_in_the_file_with_its_blame_and_hint() {
    let file: Vec<(String, String, String)> =
        rows().into_iter().map(|row| (row.code, row.blame, row.hint)).collect();
    let code =
        |code: &Code| (code.as_str().to_owned(), code.blame().as_str().to_owned(), code.hint().to_owned());
    let mut codes: Vec<(String, String, String)> = Code::ALL.iter().map(code).collect();
    codes.sort();
    assert_eq!(file, codes);
}

#[test]
fn every_code_is_reached_by_a_test_that_knows_its_text() {
    let tests = tests_by_name();
    let mut mistakes = Vec::new();
    for Row { code, text, test, .. } in rows() {
        let fixed = fixed_part(&text);
        match tests.get(&test) {
            None => mistakes.push(format!("{code}: there is no test {test}")),
            Some(sources) if !sources.iter().any(|source| source.contains(&fixed)) => {
                mistakes.push(format!("{code}: the file of {test} does not have {fixed:?}"));
            }
            Some(_) => {}
        }
    }
    assert!(mistakes.is_empty(), "\n{}\n", mistakes.join("\n"));
}

#[test]
fn every_status_is_one_that_hosts_answer() {
    for Row { code, status, .. } in rows() {
        assert!(
            ["400", "403", "404", "405", "409", "429", "500", "none"].contains(&status.as_str()),
            "{code}: {status}"
        );
    }
}
