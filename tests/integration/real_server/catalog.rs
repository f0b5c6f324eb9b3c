//! `plugin-catalog` on real servers: the scenes are programs of `tests/catalog`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::under_test::PLUGIN;
use testkit::server::{Flavor, Installation, Server};

/// Runs a scene, with nothing of this process's environment but `PATH`.
fn scene(python: &Path, name: &str, environment: &[(&str, &Path)]) {
    let folder = tempfile::Builder::new().prefix("cat").tempdir_in("/tmp").unwrap();
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog").join(name))
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PLUGIN", PLUGIN)
        .env("WORK", folder.path())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{name}:\n{stdout}\n{stderr}");
}

async fn manage(test: &str, flavor: Flavor) {
    let installation = Installation::of_this_checkout();
    let Some(binary) = installation.server(test, flavor) else { return };
    let Some(python) = installation.python_tool(test, "python") else { return };
    let server = Server::start(&binary, PLUGIN).await;
    let (address, plugins) = (server.url(), server.plugin_folder());
    let environment = [
        ("ADDRESS", Path::new(&address)),
        ("TOKEN", Path::new(server.root_token())),
        ("CLI", &binary.path),
        ("FLAVOR", Path::new(flavor.command())),
        ("PLUGINS", &plugins),
    ];
    scene(&python, "manage.py", &environment);
}

#[tokio::test]
async fn manage_registers_upgrades_and_goes_back_openbao() {
    let test = concat!(module_path!(), "::manage_registers_upgrades_and_goes_back_openbao");
    manage(test, Flavor::OpenBao).await;
}

#[tokio::test]
async fn manage_registers_upgrades_and_goes_back_vault() {
    let test = concat!(module_path!(), "::manage_registers_upgrades_and_goes_back_vault");
    manage(test, Flavor::Vault).await;
}

#[test]
fn an_image_gets_into_openbao_up_to_a_login() {
    let test = concat!(module_path!(), "::an_image_gets_into_openbao_up_to_a_login");
    let installation = Installation::of_this_checkout();
    let Some(binary) = installation.server(test, Flavor::OpenBao) else { return };
    let Some(python) = installation.python_tool(test, "python") else { return };
    let Some(moto) = installation.python_tool(test, "moto_server") else { return };
    scene(&python, "oci.py", &[("CLI", &binary.path), ("MOTO", &moto)]);
}
