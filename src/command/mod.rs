//! What the binary does when no server started it: the client of the method.
//!
//! The definition of the command line stands in the modules of its commands; help, completions and man
//! page are made from it.

mod agent;
mod aws_settings;
mod cli_config;
mod credentials;
mod environment;
mod exit;
mod go_flags;
mod host_address;
mod host_client;
mod instance_nonce;
mod login;
mod metadata;
mod output;
mod presigning;
mod private_file;
mod proof;
mod region;
mod sign;
mod signer;
mod signing;
mod token_store;
mod words;
mod yaml;

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use self::environment::Environment;
use self::exit::{CODES, Failure};
use self::output::{print, say};

const PROGRAM: &str = env!("CARGO_PKG_NAME");

const ABOUT: &str = "The AWS auth method for HashiCorp Vault and OpenBao: its plugin, and its client";

const REGISTERING: &str = include_str!("../plugin/process/registering.txt");

const BY_HAND: &str = "\
By hand it is the client of the method, for any server that has it, whether by this plugin or built in:

  vault-plugin-auth-aws login role=dev";

/// The whole program, called by hand.
pub(crate) fn run() -> ExitCode {
    let definition = definition();
    let arguments = go_flags::normalized(std::env::args_os(), &definition);
    let matches = match definition.clone().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            say(&definition.clone().render_long_help().to_string());
            return ExitCode::from(error_code(&error));
        }
        Err(error) => {
            // Help and version come this way too, and are no errors.
            let _ = error.print();
            return ExitCode::from(error_code(&error));
        }
    };
    match dispatch(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("error: {failure}"));
            ExitCode::from(&failure)
        }
    }
}

/// That of wrong use, or none for what was asked for.
fn error_code(error: &clap::Error) -> u8 {
    u8::try_from(error.exit_code()).unwrap_or(2)
}

fn definition() -> Command {
    Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .long_about(format!("{ABOUT}.\n\n{REGISTERING}\n{BY_HAND}"))
        .after_help(CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(login::command())
        .subcommand(sign::command())
        .subcommand(agent::command())
        .subcommand(Command::new("completions").about("Print the completions of a shell").arg(
            Arg::new("shell").required(true).value_parser(PossibleValuesParser::new(["bash", "zsh", "fish"])),
        ))
        .subcommand(Command::new("man").about("Print a man page").arg(
            Arg::new("command").help("Of this command; without one, of the program").value_name("COMMAND"),
        ))
}

fn dispatch(matches: &ArgMatches) -> Result<(), Failure> {
    let environment = Environment::of_process();
    match matches.subcommand() {
        Some(("login", matches)) => block_on(login::run(matches, environment)),
        Some(("sign", matches)) => block_on(sign::run(matches, environment)),
        Some(("agent", matches)) => block_on(agent::run(matches, environment)),
        Some(("completions", matches)) => completions(matches),
        Some(("man", matches)) => man_page(matches),
        _ => Err(Failure::Usage("no such command".to_owned())),
    }
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Usage(format!("the runtime does not start: {error}")))?;
    let result = runtime.block_on(command);
    // A look-up of a name that does not end must not hold the process.
    runtime.shutdown_background();
    result
}

fn completions(matches: &ArgMatches) -> Result<(), Failure> {
    let shell = match matches.get_one::<String>("shell").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut definition(), PROGRAM, &mut text);
    print(&String::from_utf8_lossy(&text))
}

fn man_page(matches: &ArgMatches) -> Result<(), Failure> {
    let mut page = definition();
    if let Some(name) = matches.get_one::<String>("command") {
        let command = page.find_subcommand(name).cloned();
        let command = command.ok_or_else(|| Failure::Usage(format!("there is no command {name:?}")))?;
        page = command
            .display_name(format!("{PROGRAM}-{name}"))
            .bin_name(format!("{PROGRAM} {name}"))
            .version(env!("CARGO_PKG_VERSION"));
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .source(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")))
        .render(&mut text)
        .map_err(|error| Failure::Usage(format!("the page cannot be made: {error}")))?;
    print(&String::from_utf8_lossy(&text))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn what_scripts_say_to_vault_is_understood() {
        let words =
            "vault-plugin-auth-aws login -method=aws -path=aws2 -no-store=true -format=json -ns=x role=dev";
        let definition = definition();
        let arguments = go_flags::normalized(words.split(' ').map(OsString::from), &definition);
        let matches = definition.try_get_matches_from(arguments).unwrap();
        let (name, matches) = matches.subcommand().unwrap();
        assert_eq!(name, "login");
        assert!(matches.get_flag("no-store"));
        assert_eq!(matches.get_one::<String>("path").unwrap(), "aws2");
        assert_eq!(matches.get_one::<String>("namespace").unwrap(), "x");
    }
}
