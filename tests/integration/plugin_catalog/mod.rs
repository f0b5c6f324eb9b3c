//! What `plugin-catalog` gives to operators, as far as it can be looked at without a server.

mod containers;
mod policies;
mod release;
mod terraform;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin-catalog")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files in a folder and below it that end in this.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn what_the_documents_link_to_is_there() {
    for document in files(&folder(), ".md") {
        for link in text(&document).split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                let path = document.parent().unwrap().join(file);
                assert!(path.exists(), "{}: no {target}", document.display());
            }
        }
    }
}

#[test]
fn every_file_has_its_place_in_a_readme() {
    let documents: String = files(&folder(), "README.md").iter().map(|path| text(path)).collect();
    for name in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap())
    {
        assert!(name == "README.md" || documents.contains(&name), "no README.md says what {name} is");
    }
}
