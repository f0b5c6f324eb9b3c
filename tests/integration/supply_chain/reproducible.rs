//! A binary says nothing of where it was built, and `plugin-catalog/reproduce.sh` sees what does.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{checkout, path_with, program, script, text};

/// A program with the places of a panic: its own, of generated code, and of a package.
const SOURCE: &str = r#"
include!(concat!(env!("OUT_DIR"), "/generated.rs"));
fn main() {
    println!("{} {}", generated(std::env::args().count()), file!());
    assert!(std::env::args().count() < 3, "{:?}", std::panic::Location::caller());
}
"#;
const GENERATED: &str = "fn generated(n: usize) -> usize { [1_usize, 2, 3][n] }";

/// The bytes of a program, compiled from files in this folder.
fn compiled(folder: &Path, wrapped: bool) -> Vec<u8> {
    let (generated, wrapper) = (folder.join("target/out"), folder.join("plugin-catalog/release"));
    fs::create_dir_all(&generated).unwrap();
    fs::create_dir_all(&wrapper).unwrap();
    fs::write(folder.join("main.rs"), SOURCE).unwrap();
    fs::write(generated.join("generated.rs"), GENERATED).unwrap();
    let wrapper = wrapper.join("rustc.sh");
    fs::copy(checkout().join("plugin-catalog/release/rustc.sh"), &wrapper).unwrap();
    let mut command = if wrapped { Command::new(wrapper) } else { Command::new("env") };
    let output = command
        .arg("rustc")
        .args(["--crate-name", "program", "--edition=2024", "-Cstrip=symbols", "-o", "program"])
        .arg(folder.join("main.rs"))
        .env("OUT_DIR", &generated)
        .env("CARGO_MANIFEST_DIR", folder)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::read(folder.join("program")).unwrap()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_binary_is_the_same_wherever_it_was_compiled() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let longer = other.path().join("a longer name");
    fs::create_dir(&longer).unwrap();
    let first = compiled(one.path(), true);
    assert!(first == compiled(&longer, true));
    assert!(contains(&first, "/src/main.rs") && contains(&first, "/generated/generated.rs"));
    assert!(!contains(&first, one.path().to_str().unwrap()));

    let plain = compiled(one.path(), false);
    assert!(contains(&plain, one.path().to_str().unwrap()), "else this test proves nothing");
}

/// The script with a stand-in for a build, which writes what a shell expression says.
fn reproduced(content: &str, arguments: &[&str]) -> Option<(Output, TempDir)> {
    let folder = TempDir::new().unwrap();
    let head = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "HEAD"]).output();
    if !head.is_ok_and(|output| output.status.success()) {
        // Past the harness, which keeps what passing tests print.
        let line = concat!("skipped: ", module_path!(), ": the checkout is no repository of git\n");
        std::io::stderr().lock().write_all(line.as_bytes()).unwrap();
        return None;
    }
    let stand_in = format!(
        "#!/bin/sh\nif [ \"$1\" != build ]; then exec '{}' \"$@\"; fi\n\
         mkdir -p \"$CARGO_TARGET_DIR/$7/release\"\n\
         echo \"{content}\" > \"$CARGO_TARGET_DIR/$7/release/vault-plugin-auth-aws\"\n",
        env!("CARGO")
    );
    let cargo = program(folder.path(), "stand-in", &stand_in);
    let output = script("plugin-catalog/reproduce.sh")
        .args(["--output", folder.path().join("out").to_str().unwrap()])
        .args(arguments)
        .env("CARGO", cargo)
        .env("PATH", path_with(folder.path()))
        .env("TMPDIR", folder.path())
        .env("RUSTFLAGS", "-Ctarget-cpu=native")
        .output()
        .unwrap();
    let left = fs::read_dir(&folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("tmp."));
    assert_eq!(left.count(), 0, "what it unpacked is gone again: {output:?}");
    Some((output, folder))
}

#[test]
fn equal_builds_are_given_out_with_what_they_are_made_of() {
    let Some((output, folder)) = reproduced("same $RUSTFLAGS", &[]) else { return };
    assert!(output.status.success(), "{output:?}");
    let out = folder.path().join("out");
    let sums = fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    let names: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(names.len(), 4, "{sums}");
    assert_eq!(
        fs::read_to_string(out.join(names[1])).unwrap(),
        "same \n",
        "flags of the caller are kept out"
    );
    let bill = fs::read_to_string(out.join(names[2])).unwrap();
    let raw = sums.lines().nth(1).unwrap().split_once(' ').unwrap().0;
    assert!(bill.contains(raw), "the bill of materials names the binary");
    let built = fs::read_to_string(out.join("BUILDINFO")).unwrap();
    assert!(built.starts_with("commit: ") && built.contains("\nrustc: release: "), "{built}");
}

#[test]
fn builds_that_differ_are_said_and_not_given_out() {
    let Some((output, folder)) = reproduced("$CARGO_TARGET_DIR", &[]) else { return };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output).contains("The sums differ: "), "{output:?}");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_build_is_compared_with_a_published_sum() {
    // Of "same" and a line feed.
    let published = "a6328afc76e9db71da297ebff4b0d3e7a7eb3b01d917c05a6573fef121b6ecb6";
    let Some((output, _)) = reproduced("same", &["--against", published]) else { return };
    assert!(output.status.success(), "{output:?}");
    assert!(!text(&output).contains("Building it again"), "{output:?}");
    let Some((output, _)) = reproduced("other", &["--against", published]) else { return };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let Some((output, _)) = reproduced("same", &["--against", "a6328afc"]) else { return };
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
