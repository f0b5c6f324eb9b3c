//! THREATMODEL.md: each test that it names exists.

use std::fs;
use std::path::Path;

/// The tests that a text names, `path::name` in backticks, of which nothing has the name in the file.
fn missing_tests(root: &Path, text: &str) -> Vec<String> {
    let named = text.split('`').skip(1).step_by(2).filter(|code| code.contains("::"));
    named.filter(|test| !exists(root, test)).map(str::to_owned).collect()
}

fn exists(root: &Path, test: &str) -> bool {
    let Some((path, name)) = test.rsplit_once("::") else { return false };
    let file = if path.starts_with("src/") {
        root.join(path)
    } else {
        root.join("tests/integration").join(path).with_extension("rs")
    };
    let text = fs::read_to_string(file).unwrap_or_default();
    [format!("fn {name}("), format!("fn {name}<")].iter().any(|head| text.contains(head.as_str()))
}

#[test]
fn every_test_of_the_threat_model_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("THREATMODEL.md")).unwrap();
    assert_eq!(missing_tests(root, &text), [""; 0]);
    let broken = text.replace("accident_12_operations", "accident_12_no_operations");
    assert_eq!(
        missing_tests(root, &broken),
        ["accidents/operations::accident_12_no_operations_of_the_host_give_nothing_away"; 2]
    );
}

#[test]
fn every_row_of_the_threat_model_that_forbids_names_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("THREATMODEL.md")).unwrap();
    let (_, rest) = text.split_once("## Actors").unwrap();
    let rows = rest.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let without: Vec<&str> =
        rows.filter(|line| !line.ends_with("| Test |") && !line.contains("::")).collect();
    assert_eq!(without, [""; 0]);
}
