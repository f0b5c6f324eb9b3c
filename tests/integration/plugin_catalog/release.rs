//! The script that makes a release.

use std::process::{Command, Output};

use super::folder;

fn release(arguments: &[&str]) -> Output {
    Command::new(folder().join("release.sh")).args(arguments).output().unwrap()
}

/// Most machines lack something; then it is said what, and nothing is built.
#[test]
fn it_says_what_is_missing() {
    let output = release(&["--check"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    if output.status.success() {
        assert_eq!(output.stdout, b"Everything is there for: amd64 arm64.\n");
        return;
    }
    let (missing, last) = errors.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(last, "error: nothing was built.");
    for line in missing.lines() {
        let rest = line.strip_prefix("missing for ").unwrap_or_else(|| panic!("{errors}"));
        assert!(rest.starts_with("amd64: ") || rest.starts_with("arm64: "), "{line}");
    }
}

#[test]
fn it_fails_with_a_sentence() {
    for arguments in [&["--bogus"][..], &["mips"], &["--output"]] {
        let output = release(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(errors.starts_with("error: ") && errors.lines().count() == 1, "{arguments:?}: {errors}");
    }
}
