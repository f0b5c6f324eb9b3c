//! The Terraform configurations: formatted, and valid where their providers are.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use testkit::server::Installation;

use super::policies::{actions_in, called};
use super::{files, folder, text};

/// Names a folder of providers, as `terraform providers mirror` makes it. Nothing is downloaded for a test.
const PROVIDERS: &str = "TERRAFORM_PLUGIN_DIR";

fn terraform(program: &PathBuf, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).env("CHECKPOINT_DISABLE", "1").output().unwrap()
}

#[test]
fn configurations_are_formatted() {
    let test = concat!(module_path!(), "::configurations_are_formatted");
    let Some(program) = Installation::of_this_checkout().command(test, "terraform") else { return };
    let folder = folder().join("terraform");
    let output = terraform(&program, &["fmt", "-check", "-diff", "-recursive", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn configurations_are_valid() {
    let test = "plugin_catalog::terraform::configurations_are_valid";
    let Some(program) = Installation::of_this_checkout().command(test, "terraform") else { return };
    let Some(providers) = std::env::var_os(PROVIDERS) else {
        let line =
            format!("skipped: {test}: no providers of Terraform: ${PROVIDERS} names no folder of them\n");
        std::io::stderr().lock().write_all(line.as_bytes()).unwrap();
        return;
    };
    for module in std::fs::read_dir(folder().join("terraform")).unwrap() {
        let copy = tempfile::tempdir().unwrap();
        for file in files(&module.unwrap().path(), ".tf") {
            std::fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
        }
        let at = format!("-chdir={}", copy.path().display());
        let providers = format!("-plugin-dir={}", providers.display());
        for arguments in
            [&[&at, "init", "-backend=false", "-input=false", &providers][..], &[&at, "validate"]]
        {
            let output = terraform(&program, arguments);
            assert!(output.status.success(), "{arguments:?}: {output:?}");
        }
    }
}

/// `sts:AssumeRole` also stands where AWS itself takes the server's role.
#[test]
fn nothing_is_allowed_that_is_not_called() {
    let called = called();
    for file in files(&folder().join("terraform"), ".tf") {
        for action in actions_in(&text(&file), '"') {
            // What follows the service there is the name of a condition.
            assert!(called.contains(&action) || action == "sts:ExternalId", "{}: {action}", file.display());
        }
    }
}
