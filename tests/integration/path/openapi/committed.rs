//! Texts that are committed, and how they differ from what the plugin says now.

use std::fs;
use std::path::PathBuf;

/// Lines shown around a difference.
const CONTEXT: usize = 3;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/openapi")
}

fn updating() -> bool {
    std::env::var_os("UPDATE_OPENAPI").is_some()
}

/// Compares a text with the committed one, or commits it.
///
/// # Panics
/// With the difference, if there is one.
pub(super) fn compare(name: &str, text: &str) {
    let path = folder().join(name);
    if updating() {
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if committed != text {
        panic!(
            "tests/data/openapi/{name} differs; if that is meant, set UPDATE_OPENAPI=1 and run the test again\n{}",
            difference(&committed, text)
        );
    }
}

/// Asserts that a folder holds these files and no others; when they are written anew, removes others.
///
/// # Panics
/// If there are others.
pub(super) fn has_only(inner: &str, names: &[String]) {
    for entry in fs::read_dir(folder().join(inner)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{inner}/{}", entry.file_name().to_string_lossy());
        if names.contains(&name) {
            continue;
        }
        assert!(updating(), "tests/data/openapi/{name} belongs to no path");
        fs::remove_file(entry.path()).unwrap();
    }
}

/// Lines that are gone after `-`, new ones after `+`, with some lines around them.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = changes(&old, &new);
    let is_near = |at: usize| {
        let around = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len());
        lines[around].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut shown = String::new();
    let mut gap = false;
    for (at, (mark, line)) in lines.iter().enumerate() {
        if is_near(at) {
            shown.push_str(&format!("{mark} {line}\n"));
        } else if !gap {
            shown.push_str("  …\n");
        }
        gap = !is_near(at);
    }
    shown
}

/// All lines of both texts, each with a mark: the shortest way from one text to the other.
fn changes<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // The length of the longest common subsequence of what follows each pair of places.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for (i, left) in old.iter().enumerate().rev() {
        for (j, right) in new.iter().enumerate().rev() {
            common[i][j] =
                if left == right { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[test]
fn a_difference_shows_the_lines_around_it() {
    let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
    assert_eq!(difference(old, "a\nb\nc\nd\ne\nx\ng\nh\n"), "  …\n  c\n  d\n  e\n- f\n+ x\n  g\n  h\n");
    assert_eq!(difference("a\n", "a\nb\n"), "  a\n+ b\n");
    assert_eq!(difference(old, old), "  …\n");
}
