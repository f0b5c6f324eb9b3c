//! Where the token goes: where the host's own tool finds it.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{HostScene, run, server_id};
use testkit::server::{Flavor, on_each_server};

on_each_server! {
    HostScene:
    the_hosts_own_tool_finds_the_token,
    a_token_helper_of_the_hosts_tool_keeps_it,
    a_configuration_that_cannot_be_read_is_wrong_use,
    a_file_for_the_token_can_be_named_on_openbao,
    a_token_in_the_environment_is_warned_of,
}

async fn the_hosts_own_tool_finds_the_token(scene: HostScene) {
    let caller = scene.alice();
    caller.write(".vault-token", "an older one");
    let called = caller.call(&["login", "role=dev", &server_id()]).await;
    assert_eq!(called.code, 0, "{called:#?}");
    assert!(called.said.contains(".vault-token"), "{}", called.said);
    let file = caller.file(".vault-token");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(called.output.contains(&std::fs::read_to_string(&file).unwrap()));
    let files = std::fs::read_dir(caller.home()).unwrap().count();
    assert_eq!(files, 1, "nothing else is left behind");

    let mut tool = caller.command(&scene.tool);
    tool.args(["token", "lookup", "-format=json"]);
    let called = run(tool, "").await;
    let own: Value = serde_json::from_str(&called.output).unwrap_or_else(|_| panic!("{called:#?}"));
    assert_eq!(own["data"]["display_name"], "aws-alice");
}

/// Names of the configuration of the host's tool, and of that of the other host.
fn configurations(flavor: Flavor) -> (&'static str, &'static str) {
    match flavor {
        Flavor::OpenBao => (".bao", ".vault"),
        Flavor::Vault => (".vault", ".bao"),
    }
}

async fn a_token_helper_of_the_hosts_tool_keeps_it(scene: HostScene) {
    let caller = scene.alice();
    let helper = caller.write(
        "helper",
        "#!/bin/sh\ncase $1 in\nstore) cat > \"$HOME/kept\"; echo \"$VAULT_ADDR\" > \"$HOME/address\";;\nget) cat \"$HOME/kept\" 2>/dev/null || true;;\nesac\n",
    );
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (own, other) = configurations(scene.flavor);
    caller.write(own, &format!("token_helper = \"{}\"\n", helper.display()));
    caller.write(other, "token_helper = \"/no/such/helper\"\n");
    let token = caller.done(&["login", "-field=token", "role=dev", &server_id()]).await;
    assert_eq!(std::fs::read_to_string(caller.file("kept")).unwrap(), token);
    assert_eq!(std::fs::read_to_string(caller.file("address")).unwrap().trim(), scene.server.url());
    assert!(!caller.file(".vault-token").exists());

    let mut tool = caller.command(&scene.tool);
    tool.args(["token", "lookup", "-format=json"]);
    let found = run(tool, "").await;
    assert!(found.output.contains("aws-alice"), "{found:#?}");

    std::fs::write(&helper, "#!/bin/sh\necho no room >&2\nexit 3\n").unwrap();
    let said = caller.failed(2, &["login", "role=dev", &server_id()]).await;
    assert!(said.contains("no room"), "{said}");
}

async fn a_configuration_that_cannot_be_read_is_wrong_use(scene: HostScene) {
    let caller = scene.alice();
    let (own, _) = configurations(scene.flavor);
    caller.write(own, "$ANSIBLE_VAULT;1.1;AES256\n6162\n");
    let said = caller.failed(2, &["login", "role=dev", &server_id()]).await;
    assert!(said.contains(own), "{said}");
    caller.done(&["login", "-no-store", "role=dev", &server_id()]).await;
}

async fn a_file_for_the_token_can_be_named_on_openbao(scene: HostScene) {
    let caller = scene.alice();
    let named = caller.file("named");
    let caller = caller.with("VAULT_TOKEN_PATH", named.clone());
    let token = caller.done(&["login", "-field=token", "role=dev", &server_id()]).await;
    let place = if scene.flavor == Flavor::OpenBao { named } else { caller.file(".vault-token") };
    assert_eq!(std::fs::read_to_string(place).unwrap(), token);
}

async fn a_token_in_the_environment_is_warned_of(scene: HostScene) {
    let caller = scene.alice().with("VAULT_TOKEN", "another");
    let called = caller.call(&["login", "-no-print", "role=dev", &server_id()]).await;
    assert_eq!((called.code, called.output.as_str()), (0, ""), "{}", called.said);
    assert!(called.said.contains("VAULT_TOKEN"), "{}", called.said);
}
