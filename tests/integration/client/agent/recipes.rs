//! The recipes, read by those they are for.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::PROGRAM;
use testkit::server::Installation;

fn recipe(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "plugin-catalog", "recipes", name].iter().collect()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    assert!(output.stderr.is_empty(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// With the program where this machine has it.
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    const TEST: &str = concat!(module_path!(), "::systemd_finds_nothing_wrong_with_the_unit");
    let Some(tool) = Installation::of_this_checkout().command(TEST, "systemd-analyze") else { return };
    let unit = fs::read_to_string(recipe("vault-token.service")).unwrap();
    let installed = "/usr/local/bin/vault-plugin-auth-aws";
    assert!(unit.contains(installed));
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("vault-token.service");
    fs::write(&copy, unit.replace(installed, PROGRAM)).unwrap();
    output(Command::new(tool).args(["verify", "--man=no"]).arg(copy));
}

#[test]
fn the_pod_is_yaml() {
    const TEST: &str = concat!(module_path!(), "::the_pod_is_yaml");
    let Some(python) = Installation::of_this_checkout().python_tool(TEST, "python") else { return };
    let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let text = output(Command::new(python).args(["-c", script]).arg(recipe("kubernetes-sidecar.yaml")));
    let documents: Value = serde_json::from_str(&text).unwrap();
    let pod = &documents[1]["spec"];
    assert_eq!(pod["serviceAccountName"], documents[0]["metadata"]["name"]);
    let sidecar = &pod["initContainers"][0];
    assert_eq!((&sidecar["restartPolicy"], &sidecar["args"][0]), (&"Always".into(), &"agent".into()));
    assert!(sidecar["args"].as_array().unwrap().iter().all(Value::is_string), "{sidecar}");
}
