//! The CycloneDX document of `plugin-catalog/sbom.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use testkit::server::Installation;

use super::{checkout, program, script};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const TIME: &str = "1700000000";

/// What the script prints, called from another folder.
fn document(arguments: &[&str], epoch: &str) -> Option<String> {
    let python = Installation::of_this_checkout().python_tool(module_path!(), "python")?;
    let folder = TempDir::new().unwrap();
    let output = script("plugin-catalog/sbom.py")
        .env("PATH", format!("{}:{}", python.parent().unwrap().display(), std::env::var("PATH").unwrap()))
        .env("CARGO", env!("CARGO"))
        .env("SOURCE_DATE_EPOCH", epoch)
        .args(arguments)
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// `name version` of what a release build compiles, as cargo says it.
fn compiled(edges: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--target", TARGET, "--edges", edges])
        .current_dir(checkout())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let words = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ").replacen(" v", " ", 1);
    text.lines().map(words).filter(|package| !package.starts_with("vault-plugin-auth-aws ")).collect()
}

/// Checksums of `Cargo.lock`, by `name version`.
fn locked() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(checkout().join("Cargo.lock")).unwrap();
    let value = |block: &str, name: &str| {
        let start = format!("{name} = \"");
        block.lines().find_map(|line| Some(line.strip_prefix(&start)?.strip_suffix('"')?.to_owned()))
    };
    let row = |block: &str| {
        Some((format!("{} {}", value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
    };
    text.split("[[package]]").filter_map(row).collect()
}

fn str_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn it_has_every_package_of_the_release_and_no_other() {
    let Some(text) = document(&[], TIME) else { return };
    let document = parsed(&text);
    let (built, linked, locked) = (compiled("normal,build"), compiled("normal,no-proc-macro"), locked());
    let mut named = BTreeSet::new();
    for component in document["components"].as_array().unwrap() {
        let package = format!("{} {}", str_of(component, "name"), str_of(component, "version"));
        assert!(!str_of(&component["licenses"][0], "expression").contains('/'), "{component}");
        let purl = str_of(component, "purl");
        assert_eq!(purl, str_of(component, "bom-ref"));
        // The C library, which is a package of cargo within another.
        if purl.starts_with("pkg:github/aws/aws-lc@v") {
            continue;
        }
        let scope = if linked.contains(&package) { "required" } else { "excluded" };
        assert_eq!(str_of(component, "scope"), scope, "{component}");
        if let Some(checksum) = locked.get(&package) {
            assert_eq!(purl, format!("pkg:cargo/{}", package.replace(' ', "@").replace('+', "%2B")));
            assert_eq!(component["hashes"][0]["alg"], "SHA-256");
            assert_eq!(component["hashes"][0]["content"].as_str(), Some(checksum.as_str()));
        } else {
            assert!(purl.starts_with("pkg:generic/vault-plugin-auth-aws@"), "{component}");
        }
        assert!(named.insert(package), "twice: {component}");
    }
    assert_eq!(named, built);
    assert!(!built.iter().any(|package| package.starts_with("proptest ") || package.starts_with("clap ")));
}

#[test]
fn it_has_the_fields_that_cyclonedx_requires_and_a_whole_graph() {
    let Some(text) = document(&[], TIME) else { return };
    let document = parsed(&text);
    assert_eq!((str_of(&document, "bomFormat"), str_of(&document, "specVersion")), ("CycloneDX", "1.5"));
    assert_eq!(document["version"], 1);
    let serial = str_of(&document, "serialNumber").strip_prefix("urn:uuid:").unwrap();
    assert_eq!(serial.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(str_of(&document["metadata"], "timestamp"), "2023-11-14T22:13:20Z");
    let root = &document["metadata"]["component"];
    assert_eq!((str_of(root, "type"), str_of(root, "version")), ("application", env!("CARGO_PKG_VERSION")));
    assert_eq!(root.get("hashes"), None, "no binary was named");

    let reference = |component: &Value| str_of(component, "bom-ref").to_owned();
    let mut known: BTreeSet<_> = document["components"].as_array().unwrap().iter().map(reference).collect();
    known.insert(reference(root));
    let graph: BTreeMap<_, Vec<_>> = document["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let needed = row["dependsOn"].as_array().unwrap().iter();
            (str_of(row, "ref").to_owned(), needed.map(|name| name.as_str().unwrap().to_owned()).collect())
        })
        .collect();
    assert_eq!(graph.keys().cloned().collect::<BTreeSet<_>>(), known);
    let (mut reached, mut waiting) = (BTreeSet::new(), vec![reference(root)]);
    while let Some(next) = waiting.pop() {
        if reached.insert(next.clone()) {
            waiting.extend(graph[&next].iter().cloned());
        }
    }
    assert_eq!(reached, known, "the binary is made of all of it");
}

#[test]
fn the_same_checkout_gives_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let binary = program(folder.path(), "binary", "abc");
    let arguments = ["--binary", binary.to_str().unwrap()];
    let Some(first) = document(&arguments, TIME) else { return };
    assert_eq!(document(&arguments, TIME).unwrap(), first);
    assert!(!first.contains(checkout().to_str().unwrap()), "no folder of this machine is in it");
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(parsed(&first)["metadata"]["component"]["hashes"][0]["content"], digest);

    let serial = |text: &str| str_of(&parsed(text), "serialNumber").to_owned();
    for other in [document(&arguments, "1700000001"), document(&[], TIME)] {
        assert_ne!(serial(&other.unwrap()), serial(&first), "another content has another number");
    }
}

/// With the schema itself, of the package of CycloneDX for Python.
#[test]
fn it_obeys_the_schema_of_cyclonedx() {
    const TEST: &str = concat!(module_path!(), "::it_obeys_the_schema_of_cyclonedx");
    let Some(python) = Installation::of_this_checkout().python_tool(TEST, "python") else { return };
    let text = document(&[], TIME).unwrap();
    let folder = TempDir::new().unwrap();
    assert_eq!(errors(&python, folder.path(), &text), "None\n");
    let wrong = text.replace("\"scope\": \"required\"", "\"scope\": \"needed\"");
    assert!(errors(&python, folder.path(), &wrong).contains("'needed' is not one of"));
}

/// What the strict validator says, `None` if nothing.
fn errors(python: &Path, folder: &Path, document: &str) -> String {
    let file = program(folder, "document.json", document);
    let code = "import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
print(JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read()))";
    let output = Command::new(python).args(["-c", code]).arg(file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
