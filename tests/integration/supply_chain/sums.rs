//! `plugin-catalog/sums.sh`: archives that are the same from the same files, and the sums of all.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{program, script, text};

const NAME: &str = "vault-plugin-auth-aws_0.1.0_x86_64-unknown-linux-gnu";

/// Packs a binary as somebody with that mask finds it, and gives the sums.
fn packed(folder: &Path, mask: &str, age: Duration) -> String {
    let binary = program(folder, "built", "abc");
    File::options().append(true).open(&binary).unwrap().set_modified(SystemTime::now() - age).unwrap();
    let output_folder = folder.join("out");
    fs::create_dir(&output_folder).unwrap();
    fs::write(output_folder.join("BUILDINFO"), "rustc: 1\n").unwrap();
    let command = format!("umask {mask}; exec \"$@\"");
    let sums = script("plugin-catalog/sums.sh");
    let output = Command::new("bash")
        .args(["-c", &command, "bash"])
        .arg(sums.get_program())
        .args(["--name", NAME, "--output"])
        .args([&output_folder, &binary])
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let written = fs::read_to_string(output_folder.join("SHA256SUMS")).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), written);
    written
}

#[test]
fn the_same_binary_makes_the_same_archive_whoever_packs_it_and_when() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let sums = packed(one.path(), "022", Duration::ZERO);
    assert_eq!(packed(other.path(), "077", Duration::from_secs(86_400)), sums);
}

#[test]
fn the_sum_of_the_binary_stands_beside_that_of_the_archive() {
    let folder = TempDir::new().unwrap();
    let sums = packed(folder.path(), "022", Duration::ZERO);
    let names: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(names, ["BUILDINFO", NAME, &format!("{NAME}.tar.gz")]);
    let raw = format!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  {NAME}\n");
    assert!(sums.contains(&raw), "what a catalog wants: {sums}");

    let check = || {
        let mut command = Command::new("sha256sum");
        command.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(folder.path().join("out"));
        command.output().unwrap().status.success()
    };
    assert!(check());
    fs::write(folder.path().join("out").join(NAME), "abd").unwrap();
    assert!(!check());
}

#[test]
fn the_archive_holds_the_binary_under_the_name_of_the_program() {
    let folder = TempDir::new().unwrap();
    packed(folder.path(), "077", Duration::ZERO);
    let archive = folder.path().join("out").join(format!("{NAME}.tar.gz"));
    let list = Command::new("tar")
        .args(["--list", "--verbose", "--utc", "--gzip", "--file"])
        .arg(archive)
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    for (name, mode) in
        [("BUILDINFO", "-rw-r--r--"), ("LICENSE", "-rw-r--r--"), ("vault-plugin-auth-aws", "-rwxr-xr-x")]
    {
        let line = list
            .lines()
            .find(|line| line.ends_with(&format!("./{name}")))
            .unwrap_or_else(|| panic!("{list}"));
        assert!(line.starts_with(&format!("{mode} 0/0 ")) && line.contains(" 1970-01-01 00:00 "), "{line}");
    }
}

#[test]
fn what_is_missing_is_said() {
    for (arguments, said) in [
        (&["--name", NAME] as &[&str], "error: no binary is named; see --help.\n"),
        (&["--name", NAME, "absent"], "error: absent is not a file.\n"),
        (&["--name", "../x", "Cargo.toml"], "error: --name wants a file name; see --help.\n"),
        (&["--nome"], "error: unknown argument --nome; see --help.\n"),
    ] {
        let output =
            script("plugin-catalog/sums.sh").args(arguments).current_dir(super::checkout()).output().unwrap();
        assert_eq!((output.status.code(), text(&output).as_str()), (Some(1), said));
    }
}
