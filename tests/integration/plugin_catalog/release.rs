//! The script that makes a release.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

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

fn program(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The script with stand-ins for cargo, the compilers and the targets of Rust; the build writes what a shell
/// expression says.
fn released(content: &str) -> (Output, TempDir) {
    let work = TempDir::new().unwrap();
    let built = "$CARGO_TARGET_DIR/$7/release";
    let cargo =
        format!("#!/bin/sh\nmkdir -p \"{built}\"\necho \"{content}\" > \"{built}/vault-plugin-auth-aws\"\n");
    program(work.path(), "stand-in", &cargo);
    program(work.path(), "rustc", &format!("#!/bin/sh\necho {}\n", work.path().display()));
    for architecture in ["x86_64", "aarch64"] {
        program(work.path(), &format!("{architecture}-linux-musl-gcc"), "#!/bin/sh\n");
        let target = format!("lib/rustlib/{architecture}-unknown-linux-musl/lib");
        fs::create_dir_all(work.path().join(target)).unwrap();
    }
    let path = format!("{}:{}", work.path().display(), std::env::var("PATH").unwrap());
    let output = Command::new(folder().join("release.sh"))
        .args(["--output", work.path().join("out").to_str().unwrap()])
        .env("PATH", path)
        .env("CARGO", work.path().join("stand-in"))
        .env("CARGO_TARGET_DIR", work.path().join("built"))
        .env("RUSTFLAGS", "-Ctarget-cpu=native")
        .env("CFLAGS", "-march=native")
        .output()
        .unwrap();
    (output, work)
}

#[test]
fn flags_of_the_caller_have_no_part_in_a_build_and_folders_are_renamed() {
    let (output, work) = released("flags [$RUSTFLAGS$CFLAGS] $RUSTC_WRAPPER");
    assert!(output.status.success(), "{output:?}");
    let wrapper = folder().join("release/rustc.sh");
    for architecture in ["amd64", "arm64"] {
        let binary = work.path().join("out").join(architecture).join("vault-plugin-auth-aws");
        assert_eq!(fs::read_to_string(binary).unwrap(), format!("flags [] {}\n", wrapper.display()));
    }
    let sums = fs::read_to_string(work.path().join("out/SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 4, "{sums}");
}

#[test]
fn a_binary_that_wants_a_loader_is_none() {
    let (output, work) = released("/lib/ld-musl-x86_64.so.1");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(errors.starts_with("error: ") && errors.contains(" is not linked statically."), "{errors}");
    assert!(!work.path().join("out/SHA256SUMS").exists());
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
