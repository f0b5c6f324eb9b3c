//! `agent`: keeps a token alive, and brings it where programs look for it.

mod backoff;
mod delivery;
mod hook;
mod keeper;
mod log;
mod notify;
#[cfg(test)]
mod recipes;
mod schedule;
mod sink;
mod split;

use std::io;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use self::delivery::Delivery;
use self::hook::{Hook, Hooks};
use self::keeper::{Identity, Keeper};
use self::log::{Log, LogFormat};
use self::notify::Notifier;
use self::sink::Sink;
use super::aws_settings::{self, AwsSettings};
use super::environment::Environment;
use super::exit::{CODES, Failure};
use super::host_address::{self, HostAddress};
use super::login;

const LONG: &str = "\
Keeps a token of Vault or OpenBao alive. It logs in as `login` does, with the same words and options, writes the token \
to files (sinks), renews it after two thirds of its time, and logs in again before its maximum, or when it is gone.

While the server is away or refuses, the agent tries again, after a second at first and after a minute at most, and \
says so on standard error. AWS credentials are looked for anew with each login, so they may change and end.

Options may begin with one hyphen or two.";

const EXAMPLES: &str = "\
Examples:
  A token for the group 1000, renewed as long as the service runs:
    vault-plugin-auth-aws agent -sink=file:/run/vault/token,mode=0640,owner=:1000 role=dev

  A service that reads its token at its start is told to do so again:
    vault-plugin-auth-aws agent -sink=file:/run/app/token -exec='systemctl reload app' role=dev

  Once, before something else is started:
    vault-plugin-auth-aws agent -once -sink=file:/run/vault/token role=dev

Signals:
  TERM, INT  end, with exit code 0
  HUP        log in again at once

Without -once the agent ends by itself only where it cannot begin (exit code 2).";

/// The options of `login` that say what proves the identity.
const OF_LOGIN: [&str; 5] = ["type", "signature", "nonce-file", "method", "non-interactive"];

/// The definition.
pub(crate) fn command() -> Command {
    let heading = "Agent";
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help).help_heading(heading)
    };
    let login = login::command();
    let of_login = login.get_arguments().filter(|argument| OF_LOGIN.contains(&argument.get_id().as_str()));
    Command::new("agent")
        .about("Keep a token alive, and files that hold it up to date")
        .long_about(LONG)
        .after_help(format!("{EXAMPLES}\n\n{CODES}"))
        .args([
            Arg::new("sink")
                .long("sink")
                .value_name("file:PATH[,KEY=VALUE...]")
                .action(ArgAction::Append)
                .value_parser(Sink::parse)
                .help(
                    "Write the token to this file, any number of times. Keys: mode=0640 [default: 0600], \
                     owner=UID:GID, wrap-ttl=5m (the file then holds JSON whose token unwraps to the token, once)",
                )
                .help_heading(heading),
            Arg::new("exec")
                .long("exec")
                .value_name("COMMAND")
                .action(ArgAction::Append)
                .value_parser(Hook::parse)
                .help(
                    "Run this when there is another token, the first one included, any number of times. Quotes \
                     are understood; anything else of a shell needs one: -exec=\"sh -c '...'\"",
                )
                .help_heading(heading),
            switch("exec-with-token", "Give these commands the token as VAULT_TOKEN and BAO_TOKEN"),
            switch("once", "Log in, write the sinks, run the commands and end, with the exit codes of login"),
            Arg::new("ready-file")
                .long("ready-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with("once")
                .help("A file that is there from the first token in all sinks until the agent ends")
                .help_heading(heading),
            switch("revoke-on-exit", "Revoke the token at the end").conflicts_with("once"),
            Arg::new("log-format")
                .long("log-format")
                .value_name("FORMAT")
                .default_value("text")
                .value_parser(value_parser!(LogFormat))
                .help("How events are told on standard error")
                .help_heading(heading),
        ])
        .args(of_login)
        .args(aws_settings::arguments())
        .args(host_address::arguments())
        // A sink has its own.
        .mut_arg("wrap-ttl", |argument| argument.hide(true))
}

/// Keeps a token.
///
/// # Errors
/// Of the only login, or what was asked for cannot be.
pub(crate) async fn run(matches: &ArgMatches, environment: Environment) -> Result<(), Failure> {
    let log = Log::new(*matches.get_one::<LogFormat>("log-format").unwrap_or(&LogFormat::Text));
    let sinks = many::<Sink>(matches, "sink");
    let hooks = Hooks { list: many(matches, "exec"), with_token: matches.get_flag("exec-with-token"), log };
    if matches.get_one::<String>("wrap-ttl").is_some() {
        return Err(Failure::Usage("a sink is wrapped by itself: -sink=file:PATH,wrap-ttl=5m".to_owned()));
    }
    if sinks.is_empty() && (hooks.list.is_empty() || !hooks.with_token) {
        return Err(Failure::Usage(
            "nobody would have the token: give -sink=file:PATH, or -exec with -exec-with-token".to_owned(),
        ));
    }
    for sink in sinks.iter().filter(|sink| sink.is_public()) {
        let path = sink.path().display().to_string();
        log.warn("every user of this machine may read the sink", &[("path", path)]);
    }
    let settings = AwsSettings::read(matches, &mut io::stdin().lock())?;
    let server = HostAddress { wrap_ttl: None, ..HostAddress::read(matches, environment)? };
    let once = matches.get_flag("once");
    // An agent has its own time for trying again.
    let retries = if once { server.retries } else { 0 };
    let server = HostAddress { retries, ..server };
    let delivery = Delivery::new(sinks, server.clone());
    let identity = Identity { matches, settings, environment, server };
    if once {
        return run_once(&identity, delivery, &hooks).await;
    }
    let file = matches.get_one::<PathBuf>("ready-file");
    let notifier = Notifier::new(environment, file)
        .map_err(|error| Failure::Usage(format!("the file of -ready-file cannot be removed: {error}")))?;
    let mut signals =
        Signals::new().map_err(|error| Failure::Usage(format!("signals cannot be listened to: {error}")))?;
    let (sender, _running) = hooks.start();
    let mut keeper = Keeper::new(identity, delivery, notifier, sender, log);
    loop {
        tokio::select! {
            biased;
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.hang_up.recv() => keeper.log_in_now(),
            result = keeper.step() => result?,
        }
    }
    keeper.stop(matches.get_flag("revoke-on-exit")).await;
    Ok(())
}

async fn run_once(identity: &Identity<'_>, mut delivery: Delivery, hooks: &Hooks) -> Result<(), Failure> {
    let auth = identity.log_in(hooks.log).await?;
    let token = Zeroizing::new(auth.client_token);
    delivery.deliver(&token).await?;
    hooks.run(&token).await;
    Ok(())
}

fn many<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<T> {
    matches.get_many::<T>(name).into_iter().flatten().cloned().collect()
}

/// What the agent is told from outside.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}
