//! OpenBao's own agent, which knows no method `aws`, with the token that this one keeps.

use std::fs::{self, File};
use std::process::Stdio;

use super::{Agent, HostScene, look_up};
use crate::client::server_id;
use testkit::server::Flavor;

/// The agent of OpenBao with the method `token_file`.
const CONFIGURATION: &str = r#"
auto_auth {
  method "token_file" {
    config = {
      token_file_path = "TOKEN"
    }
  }
  sink "file" {
    config = {
      path = "SINK"
    }
  }
}
"#;

#[tokio::test]
async fn openbaos_agent_takes_the_token() {
    const TEST: &str = concat!(module_path!(), "::openbaos_agent_takes_the_token");
    let Some(scene) = HostScene::open(TEST, Flavor::OpenBao, testkit::binary!()).await else { return };
    let caller = scene.alice();
    let agent = Agent::start(&caller, &["role=dev", &server_id()]);
    let token = agent.first_token().await;

    let sink = caller.file("of-their-agent");
    let configuration = CONFIGURATION
        .replace("TOKEN", &agent.sink.display().to_string())
        .replace("SINK", &sink.display().to_string());
    let file = caller.write("agent.hcl", &configuration);
    let mut command = caller.command(&scene.tool);
    let log = caller.file("their.log");
    command
        .arg("agent")
        .arg(format!("-config={}", file.display()))
        .stdin(Stdio::null())
        .stdout(File::create(&log).unwrap())
        .stderr(Stdio::null());
    let theirs = Agent { child: command.spawn().unwrap(), sink, log };
    let taken = theirs.first_token().await;
    assert_eq!(taken, token);
    assert!(look_up(&scene.server, &taken).await.is_some());
    assert!(fs::metadata(&agent.sink).is_ok(), "it leaves the file alone");
}
