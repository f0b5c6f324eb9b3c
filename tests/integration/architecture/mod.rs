//! The floors of `src/`: who may import whom, no circle between files, no file too large.
//!
//! ARCHITECTURE.md explains the floors; this is the table that holds them. Each check is a function of
//! a tree of sources, so that the tests at the end can plant a mistake in a copy and see it found.

mod circles;
mod sources;
mod threat_model;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use circles::circles;
use sources::{Sources, name};

/// Longest file of `src/` without its tests, in lines.
const MAX_LINES: usize = 500;

/// The floors from the ground up. A file imports from its own floor, and from those that its row
/// names; all of them stand below.
const FLOORS: &[(&str, &[&str])] = &[
    ("heap", &[]),
    ("refusal", &[]),
    ("budget", &[]),
    ("go", &[]),
    ("concurrency", &[]),
    ("ports", &["refusal"]),
    ("https", &["ports", "concurrency"]),
    ("aws", &["ports", "go", "refusal"]),
    ("framework", &["ports", "go", "budget", "refusal"]),
    ("entry", &["framework", "aws", "ports", "go", "refusal"]),
    ("proof", &["entry", "framework", "aws", "ports", "go", "budget", "refusal"]),
    ("store", &["entry", "framework", "aws", "ports", "concurrency", "refusal"]),
    ("issuer", &["store", "entry", "framework", "ports", "refusal"]),
    ("accounts", &["issuer", "store", "entry", "aws", "ports", "concurrency", "go", "refusal"]),
    ("binding", &["accounts", "entry", "aws", "go", "refusal"]),
    (
        "mount",
        &[
            "accounts",
            "issuer",
            "store",
            "proof",
            "entry",
            "framework",
            "aws",
            "ports",
            "concurrency",
            "go",
            "refusal",
        ],
    ),
    ("migration", &["binding", "store", "proof", "entry", "framework", "aws", "ports", "go"]),
    ("doctor", &["mount", "binding", "accounts", "issuer", "store", "entry", "aws", "ports", "refusal"]),
    (
        "login",
        &[
            "mount",
            "binding",
            "accounts",
            "store",
            "proof",
            "entry",
            "framework",
            "aws",
            "ports",
            "go",
            "refusal",
        ],
    ),
    (
        "path",
        &[
            "migration",
            "doctor",
            "login",
            "mount",
            "issuer",
            "proof",
            "entry",
            "framework",
            "aws",
            "ports",
            "concurrency",
            "go",
            "refusal",
        ],
    ),
    ("method", &["path", "login", "mount", "entry", "framework", "refusal"]),
    ("plugin", &["method", "mount", "framework", "ports", "concurrency", "https", "go", "refusal"]),
    ("command", &["accounts", "aws", "ports", "https", "go"]),
];

/// What a file imports against the table, and what the table allows for nothing.
fn mistakes_of_floors(sources: &Sources) -> Vec<String> {
    let rows: BTreeMap<&str, &[&str]> = FLOORS.iter().copied().collect();
    let mut mistakes = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (file, imports) in sources.imports() {
        let Some(floor) = file.first() else { continue };
        let Some(allowed) = rows.get(floor.as_str()) else {
            mistakes.insert(format!("{floor} has no row in the table of floors"));
            continue;
        };
        for import in imports {
            let Some(other) = import.first().filter(|other| *other != floor) else { continue };
            if allowed.contains(&other.as_str()) {
                used.insert((floor.clone(), other.clone()));
            } else {
                mistakes.insert(format!("{} imports {}", name(&file), name(&import)));
            }
        }
    }
    for (floor, allowed) in FLOORS {
        for other in *allowed {
            if !used.contains(&((*floor).to_owned(), (*other).to_owned())) {
                mistakes.insert(format!("{floor} may import {other}, and nobody does: strike it"));
            }
        }
    }
    mistakes.into_iter().collect()
}

/// Rows that allow what does not stand below them.
fn mistakes_of_table() -> Vec<String> {
    let mut below = BTreeSet::new();
    let mut mistakes = Vec::new();
    for (floor, allowed) in FLOORS {
        for other in *allowed {
            if !below.contains(other) {
                mistakes.push(format!("{other} does not stand below {floor}"));
            }
        }
        below.insert(*floor);
    }
    mistakes
}

fn too_long(sources: &Sources) -> Vec<String> {
    let lengths = sources.lengths();
    lengths
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| format!("{} has {lines} lines", name(&file)))
        .collect()
}

fn src() -> Sources {
    Sources::read(&root().join("src"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn assert_none(mistakes: &[String]) {
    assert!(mistakes.is_empty(), "\n{}\n", mistakes.join("\n"));
}

#[test]
fn every_row_of_the_table_stands_on_those_above_it() {
    assert_none(&mistakes_of_table());
}

#[test]
fn every_file_imports_from_the_floors_below_it_alone() {
    assert_none(&mistakes_of_floors(&src()));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for folder in ["src", "tests/integration", "tests/testkit/src", "benches/load", "benches/micro", "fuzz"] {
        let found = circles(&Sources::read(&root().join(folder)).imports());
        assert!(found.is_empty(), "circles in {folder}: {found:#?}");
    }
}

#[test]
fn no_file_is_too_long_to_be_read_at_once() {
    assert_none(&too_long(&src()));
}

#[test]
fn a_planted_climb_is_found() {
    let mut sources = src();
    sources.append("aws/arn.rs", "\nuse crate::mount::Mount;\n");
    assert_eq!(mistakes_of_floors(&sources), ["aws/arn imports mount"]);
}

#[test]
fn a_climb_written_out_where_it_is_used_is_found() {
    let mut sources = src();
    sources.append("go/text.rs", "\nfn climb() { let _ = crate::aws::arn::Arn::parse(\"\"); }\n");
    assert_eq!(mistakes_of_floors(&sources), ["go/text imports aws/arn"]);
}

#[test]
fn a_planted_circle_is_found_through_a_re_export() {
    let mut sources = src();
    sources.append("entry/json.rs", "\nuse super::{Entry as _, StoredTime};\n");
    sources.append("entry/stored_time.rs", "\nuse crate::entry::Entry;\n");
    let found = circles(&sources.imports());
    assert_eq!(found, [["entry/json", "entry/stored_time"]]);
}

#[test]
fn a_folder_without_a_row_is_found() {
    let mut sources = src();
    sources.append("util/strings.rs", "fn nothing() {}\n");
    assert_eq!(mistakes_of_floors(&sources), ["util has no row in the table of floors"]);
}

#[test]
fn a_long_file_is_found() {
    let mut sources = src();
    sources.append("go/text.rs", &"fn line() {}\n".repeat(MAX_LINES));
    assert_eq!(too_long(&sources).len(), 1);
}
