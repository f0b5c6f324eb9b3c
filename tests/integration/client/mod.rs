//! The binary called by hand: the client of the method.

mod agent;
mod by_hand;
mod credential_sources;
mod instance_login;
mod login;
mod sign;
mod token_places;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use testkit::aws::Credentials;
use testkit::server::{Flavor, Installation, SERVER_ID, Scene, Server};

const PROGRAM: &str = testkit::binary!();

/// A server with the plugin, and its own tool.
struct HostScene {
    scene: Scene,
    flavor: Flavor,
    /// The server's binary, which is also its command line.
    tool: PathBuf,
}

impl HostScene {
    /// `None` if there is no such server here and the test is skipped.
    async fn open(test: &'static str, flavor: Flavor, plugin: &'static str) -> Option<Self> {
        let tool = Installation::of_this_checkout().server(test, flavor)?.path;
        Some(Self { scene: Scene::open(test, flavor, plugin).await?, flavor, tool })
    }

    /// Alice, in front of this server.
    fn alice(&self) -> Caller {
        Caller::new().on(&self.scene.server).with_keys(&self.scene.alice.credentials)
    }
}

impl std::ops::Deref for HostScene {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

/// The word for the header that the mounts want.
fn server_id() -> String {
    format!("header_value={SERVER_ID}")
}

/// Somebody who calls the program: with a home folder of his own, and nothing of the environment of the
/// tests.
struct Caller {
    home: TempDir,
    environment: Vec<(String, OsString)>,
}

/// What a call came to.
#[derive(Debug)]
struct Called {
    code: i32,
    output: String,
    said: String,
}

impl Caller {
    /// Without credentials, and on no instance.
    fn new() -> Self {
        let caller = Self { home: TempDir::new().unwrap(), environment: Vec::new() };
        let home = caller.home().to_owned();
        caller.with("HOME", home).with("AWS_EC2_METADATA_DISABLED", "true").with("VAULT_MAX_RETRIES", "0")
    }

    fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    fn on(self, server: &Server) -> Self {
        self.with("VAULT_ADDR", server.url())
    }

    fn with_keys(self, credentials: &Credentials) -> Self {
        let caller = self
            .with("AWS_ACCESS_KEY_ID", &credentials.access_key_id)
            .with("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key);
        match &credentials.session_token {
            Some(token) => caller.with("AWS_SESSION_TOKEN", token),
            None => caller,
        }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in the home folder.
    fn file(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// Writes a file of the home folder.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Another program, in the same circumstances.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home());
        command
    }

    async fn call(&self, arguments: &[&str]) -> Called {
        self.call_with_input(arguments, "").await
    }

    /// Calls the program; servers of the test run meanwhile.
    async fn call_with_input(&self, arguments: &[&str], input: &str) -> Called {
        let mut command = self.command(PROGRAM);
        command.args(arguments);
        run(command, input).await
    }

    /// A call that must succeed; its output.
    async fn done(&self, arguments: &[&str]) -> String {
        let called = self.call(arguments).await;
        assert_eq!(called.code, 0, "{arguments:?}: {called:#?}");
        called.output
    }

    /// A call that must end with this code and print nothing; what it said.
    async fn failed(&self, code: i32, arguments: &[&str]) -> String {
        let called = self.call(arguments).await;
        assert_eq!((called.code, called.output.as_str()), (code, ""), "{arguments:?}: {}", called.said);
        called.said
    }

    /// A call that must print JSON.
    async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.done(arguments).await;
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }
}

async fn run(mut command: Command, input: &str) -> Called {
    let input = input.to_owned();
    let running = move || {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(running).await.unwrap();
    Called {
        code: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}
