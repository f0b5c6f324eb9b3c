//! An unreachable database is no failure, a finding always is.

use tempfile::TempDir;

use super::{path_with, program, script, text};

/// Stands in for cargo with cargo-deny: what it says and its status with the network, and without.
fn asked_with(online: (&str, u8), offline: (&str, u8)) -> (bool, String) {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "cargo-deny", "#!/bin/sh\nexit 99\n");
    let stand_in = format!(
        "#!/bin/sh\ncase \"$*\" in\n*--offline*) echo '{}'; exit {};;\n*) echo '{}'; exit {};;\nesac\n",
        offline.0, offline.1, online.0, online.1
    );
    program(folder.path(), "cargo", &stand_in);
    let home = folder.path().join("home");
    std::fs::create_dir_all(home.join("advisory-dbs/of-a-stand-in")).unwrap();
    let output = script("tests/tools/advisories.sh")
        .env("PATH", path_with(folder.path()))
        .env("CARGO_HOME", home)
        .output()
        .unwrap();
    (output.status.success(), text(&output))
}

const UNREACHABLE: (&str, u8) = ("fatal: unable to access the database: no such host", 1);
const NOT_THERE: (&str, u8) = ("[ERROR] there is no copy", 1);
const OK: (&str, u8) = ("advisories ok", 0);
const FOUND: (&str, u8) = ("error[vulnerability]: a hole\nadvisories FAILED", 1);

#[test]
fn a_database_that_cannot_be_had_is_a_skip_with_its_reason() {
    let (well, said) = asked_with(UNREACHABLE, NOT_THERE);
    assert!(well, "{said}");
    assert!(
        said.starts_with("skipped: ") && said.contains("no such host") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn what_is_known_fails_the_test_command_from_the_network_and_from_the_copy() {
    let (well, said) = asked_with(FOUND, OK);
    assert!(!well && said.contains("a hole"), "{said}");
    let (well, said) = asked_with(UNREACHABLE, FOUND);
    assert!(!well && said.contains("a hole") && said.contains("asked is the copy of unknown date"), "{said}");
}

#[test]
fn without_findings_it_says_so() {
    assert_eq!(asked_with(OK, FOUND), (true, "advisories ok\n".to_owned()));
    let (well, said) = asked_with(UNREACHABLE, OK);
    assert!(well && said.ends_with("\nadvisories ok\n"), "{said}");
}

#[test]
fn without_cargo_deny_it_is_skipped() {
    let folder = TempDir::new().unwrap();
    for tool in ["bash", "dirname", "env"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), folder.path().join(tool)).unwrap();
    }
    let output = script("tests/tools/advisories.sh").env("PATH", folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output), "skipped: cargo deny check advisories: cargo-deny is not installed\n");
}
