//! Rust sources as a graph of imports, read as text.
//!
//! Enough of Rust is understood for code that rustfmt has formatted: `use` declarations with their
//! groups, and paths that are written out where they are used. Names that a module re-exports lead to
//! the file that defines them. Unit tests are left out: they may look wherever they want.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module by its path from the root of the crate; the root itself is empty.
pub(crate) type Module = Vec<String>;

/// The crate's name where another crate of the package imports it.
const LIBRARY: &str = "vault_plugin_auth_aws";

/// A folder of sources, one text for each module.
pub(crate) struct Sources {
    texts: BTreeMap<Module, String>,
}

/// One imported path, and whether its name is passed on.
struct Import {
    path: Module,
    name: String,
    is_public: bool,
}

impl Sources {
    /// All Rust files below a folder, without their tests.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut sources = Self { texts: BTreeMap::new() };
        sources.add_folder(folder, folder);
        sources
    }

    fn add_folder(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add_folder(root, &path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(root).unwrap().to_str().unwrap();
                self.append(file, &fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// Adds text at the end of a file, which is made if there is none.
    pub(crate) fn append(&mut self, file: &str, text: &str) {
        if !is_test(file) {
            self.texts.entry(module_of(file)).or_default().push_str(&without_tests(text));
        }
    }

    /// How many lines each file has.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = (Module, usize)> {
        self.texts.iter().map(|(module, text)| (module.clone(), text.lines().count()))
    }

    /// The files that each file imports from. The root, which only declares, is left out.
    pub(crate) fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let declared: BTreeMap<&Module, Vec<Import>> =
            self.texts.iter().map(|(module, text)| (module, self.declared(module, text))).collect();
        let passed_on: BTreeMap<(&Module, &str), &Module> = declared
            .iter()
            .flat_map(|(module, imports)| {
                let public = imports.iter().filter(|import| import.is_public);
                public.map(|import| ((*module, import.name.as_str()), &import.path))
            })
            .collect();
        let files = |(module, imports): (&&Module, &Vec<Import>)| {
            let targets = imports.iter().filter_map(|import| self.file_of(&import.path, &passed_on, 8));
            let others = targets.filter(|target| target != *module && !target.is_empty()).collect();
            ((*module).clone(), others)
        };
        declared
            .iter()
            .map(files)
            .filter(|(module, _): &(Module, BTreeSet<Module>)| !module.is_empty())
            .collect()
    }

    /// The file in which a path's name is defined.
    fn file_of(
        &self,
        path: &[String],
        passed_on: &BTreeMap<(&Module, &str), &Module>,
        hops: usize,
    ) -> Option<Module> {
        let length = (0..=path.len()).rev().find(|length| self.texts.contains_key(&path[..*length]))?;
        let module = path[..length].to_vec();
        if let (Some(name), Some(hops)) = (path.get(length), hops.checked_sub(1))
            && let Some(elsewhere) = passed_on.get(&(&module, name.as_str()))
        {
            let full: Module = elsewhere.iter().chain(&path[length + 1..]).cloned().collect();
            return self.file_of(&full, passed_on, hops);
        }
        Some(module)
    }

    fn declared(&self, module: &Module, text: &str) -> Vec<Import> {
        let mut imports = Vec::new();
        let mut rest = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some((visibility, start)) = use_declaration(line) else {
                rest.push_str(line);
                rest.push('\n');
                continue;
            };
            let mut tree = start.to_owned();
            while !tree.ends_with(';') {
                let Some(line) = lines.next() else { break };
                tree.push_str(line.trim());
            }
            let is_public = visibility.starts_with("pub");
            for (path, name) in flattened(tree.trim_end_matches(';'), &[]) {
                if let Some(path) = self.absolute(module, &path) {
                    imports.push(Import { path, name, is_public });
                }
            }
        }
        for path in written_out(&rest) {
            if let Some(path) = self.absolute(module, &path) {
                imports.push(Import { path, name: String::new(), is_public: false });
            }
        }
        imports
    }

    /// A path from the root of the crate; `None` if it leads to another crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | LIBRARY => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            "super" => {
                let (mut base, mut rest) = (module.as_slice(), path);
                while rest.first().is_some_and(|segment| segment == "super") {
                    (base, rest) = (base.split_last()?.1, &rest[1..]);
                }
                Some([base, rest].concat())
            }
            child => {
                let mut inner = module.clone();
                inner.push(child.to_owned());
                self.texts.contains_key(&inner).then(|| [inner.as_slice(), rest].concat())
            }
        }
    }
}

/// A module as a file below the root, without its extension.
pub(crate) fn name(module: &[String]) -> String {
    module.join("/")
}

fn module_of(file: &str) -> Module {
    let mut module: Module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    if module == ["lib"] || module == ["main"] { Module::new() } else { module }
}

fn is_test(file: &str) -> bool {
    ["tests.rs", "testing.rs", "test_routes.rs", "test_servers.rs"]
        .iter()
        .any(|name| file == *name || file.ends_with(&format!("/{name}")))
}

/// The text without comments, and without the unit tests, which stand at the end.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let begins_tests = line == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if begins_tests {
            break;
        }
        let code = line.find("//").map_or(line, |start| &line[..start]);
        kept.push_str(if code.trim().is_empty() { "" } else { code });
        kept.push('\n');
    }
    kept
}

/// What stands before and behind the word of a `use` declaration.
fn use_declaration(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let (before, tree) =
        if let Some(tree) = line.strip_prefix("use ") { ("", tree) } else { line.split_once(" use ")? };
    (before.is_empty() || before == "pub" || (before.starts_with("pub(") && before.ends_with(')')))
        .then_some((before, tree))
}

/// The paths of a tree `a::{b, c::{d as e}}`, each with the name it gets.
fn flattened(tree: &str, before: &[String]) -> Vec<(Module, String)> {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path: Module = before.iter().cloned().chain(segments(path)).collect();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let last = path.last().cloned().unwrap_or_default();
        let name = if alias.is_empty() { last } else { alias.trim().to_owned() };
        return vec![(path, name)];
    };
    let before: Module = before.iter().cloned().chain(segments(head)).collect();
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut depth, mut part, mut found) = (0_usize, String::new(), Vec::new());
    for c in group.chars().chain([',']) {
        match c {
            ',' if depth == 0 => {
                if !part.trim().is_empty() {
                    found.extend(flattened(&part, &before));
                }
                part.clear();
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        part.push(c);
    }
    found
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned)
}

/// The paths of at least two segments in code.
fn written_out(code: &str) -> Vec<Module> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(|c: char| !is_part(c))
        .filter(|word| word.contains("::") && !word.starts_with(':'))
        .map(|word| segments(word).collect())
        .collect()
}
