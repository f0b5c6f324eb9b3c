//! Circles among the imports of files.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Module, name};

/// The groups of files that reach each other, each sorted by name.
pub(crate) fn circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        imports.keys().map(|file| (file, reachable(imports, file))).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (file, others) in &reached {
        if seen.contains(file) || !others.contains(*file) {
            continue;
        }
        let circle: Vec<&Module> = others
            .iter()
            .copied()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(*file)))
            .collect();
        found.push(circle.iter().map(|module| name(module)).collect());
        seen.extend(circle);
    }
    found
}

/// What a file imports, and what that imports, and so on. The file itself only by a circle.
fn reachable<'a>(imports: &'a BTreeMap<Module, BTreeSet<Module>>, file: &Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = imports.get(file).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(imports.get(next).into_iter().flatten());
        }
    }
    reached
}
