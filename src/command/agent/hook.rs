//! Commands that are run when there is another token.

use std::process::{Command, Stdio};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::log::Log;
use super::split;

/// A variable with which a command would use a token that is not the agent's.
const TOKEN_VARIABLES: [&str; 2] = ["VAULT_TOKEN", "BAO_TOKEN"];

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hook {
    program: String,
    arguments: Vec<String>,
}

impl Hook {
    /// Reads a command line. No shell is there unless it names one.
    ///
    /// # Errors
    /// It has no words, or a quote without an end.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut words = split::words(text)?.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or("it names no command")?;
        Ok(Self { program, arguments: words.collect() })
    }
}

/// Commands, and what they are told.
#[derive(Clone, Debug)]
pub(super) struct Hooks {
    /// In the order of their running.
    pub(super) list: Vec<Hook>,
    /// Whether they have the token in their environment.
    pub(super) with_token: bool,
    /// Where their ends are told.
    pub(super) log: Log,
}

impl Hooks {
    /// Runs all, each to its end. What fails is logged.
    pub(super) async fn run(&self, token: &Zeroizing<String>) {
        for hook in &self.list {
            let (hook, token) = (hook.clone(), self.with_token.then(|| token.clone()));
            let program = hook.program.clone();
            let running = tokio::task::spawn_blocking(move || run_one(&hook, token.as_deref()));
            match running.await {
                Ok(Ok(())) => self.log.info("command done", &[("command", program)]),
                Ok(Err(error)) => self.log.error("command failed", &[("command", program), ("error", error)]),
                Err(error) => {
                    self.log.error("command failed", &[("command", program), ("error", error.to_string())]);
                }
            }
        }
    }

    /// Runs them beside the agent, for each token that is sent. Tokens that come while they run are waited for,
    /// all but the last.
    pub(super) fn start(self) -> (watch::Sender<Option<Zeroizing<String>>>, JoinHandle<()>) {
        let (sender, mut receiver) = watch::channel(None);
        let running = tokio::spawn(async move {
            while receiver.changed().await.is_ok() {
                let token = receiver.borrow_and_update().clone();
                if let Some(token) = token {
                    self.run(&token).await;
                }
            }
        });
        (sender, running)
    }
}

fn run_one(hook: &Hook, token: Option<&String>) -> Result<(), String> {
    let mut command = Command::new(&hook.program);
    command.args(&hook.arguments).stdin(Stdio::null());
    for variable in TOKEN_VARIABLES {
        match token {
            Some(token) => command.env(variable, token),
            None => command.env_remove(variable),
        };
    }
    // Its child is no service of its own, and must not speak for this one.
    command.env_remove("NOTIFY_SOCKET");
    let status = command.status().map_err(|error| format!("it does not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::super::log::LogFormat;
    use super::*;

    fn hooks(texts: &[String], with_token: bool) -> Hooks {
        let list = texts.iter().map(|text| Hook::parse(text).unwrap()).collect();
        Hooks { list, with_token, log: Log::new(LogFormat::Text) }
    }

    #[test]
    fn a_command_has_a_name() {
        for text in ["", "  ", "''", "'a"] {
            assert!(Hook::parse(text).is_err(), "{text}");
        }
        let hook = Hook::parse("sh -c 'true; true'").unwrap();
        assert_eq!(
            (hook.program.as_str(), hook.arguments),
            ("sh", vec!["-c".to_owned(), "true; true".to_owned()])
        );
    }

    #[tokio::test]
    async fn the_token_is_given_if_that_is_wanted_and_failures_end_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        let texts = [
            "/no/such/command".to_owned(),
            "false".to_owned(),
            format!("sh -c 'printf %s \"$VAULT_TOKEN-$BAO_TOKEN\" > {}'", seen.display()),
        ];
        let token = Zeroizing::new("s.token".to_owned());
        hooks(&texts, true).run(&token).await;
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "s.token-s.token");
        hooks(&texts, false).run(&token).await;
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "-");
    }

    #[tokio::test]
    async fn beside_the_agent_they_run_for_the_last_token() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        let text = format!("sh -c 'printf %s \"$VAULT_TOKEN \" >> {}'", seen.display());
        let (sender, running) = hooks(&[text], true).start();
        sender.send(Some(Zeroizing::new("first".to_owned()))).unwrap();
        sender.send(Some(Zeroizing::new("second".to_owned()))).unwrap();
        drop(sender);
        running.await.unwrap();
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "second ");
    }
}
