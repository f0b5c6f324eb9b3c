//! Options as the tools of the hosts take them: `-format=json` is `--format=json`, and a switch may
//! be given a truth (`-no-store=true`).

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::{ArgAction, Command};

/// The arguments in the notation of the parser. The first is the program's name.
pub(crate) fn normalized(arguments: impl IntoIterator<Item = OsString>, command: &Command) -> Vec<OsString> {
    let switches = switches(command);
    let mut ended = false;
    let mut normalized = Vec::new();
    for (position, argument) in arguments.into_iter().enumerate() {
        let text = argument.to_str().filter(|_| position > 0 && !ended);
        ended = ended || text == Some("--");
        match text.and_then(|text| long_option(text, &switches)) {
            Some(Long::Option(text)) => normalized.push(text.into()),
            Some(Long::Nothing) => {}
            None => normalized.push(argument),
        }
    }
    normalized
}

enum Long {
    Option(String),
    /// A switch that is said to be off.
    Nothing,
}

/// What an argument is if it is an option of more than one letter.
fn long_option(argument: &str, switches: &BTreeSet<String>) -> Option<Long> {
    let bare = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
    let (name, value) = match bare.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (bare, None),
    };
    if name.len() < 2 || name.starts_with('-') {
        return None;
    }
    let name = name.replace('_', "-");
    Some(match value {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") if switches.contains(&name) => {
            Long::Option(format!("--{name}"))
        }
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") if switches.contains(&name) => Long::Nothing,
        Some(value) => Long::Option(format!("--{name}={value}")),
        None => Long::Option(format!("--{name}")),
    })
}

/// The names of all options without a value.
fn switches(command: &Command) -> BTreeSet<String> {
    let own = command
        .get_arguments()
        .filter(|argument| matches!(argument.get_action(), ArgAction::SetTrue))
        .filter_map(|argument| argument.get_long().map(str::to_owned));
    own.chain(command.get_subcommands().flat_map(switches)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn read(arguments: &[&str]) -> Vec<String> {
        let login =
            Command::new("login").arg(Arg::new("no-store").long("no-store").action(ArgAction::SetTrue));
        let command = Command::new("program").subcommand(login);
        let arguments = std::iter::once("-program").chain(arguments.iter().copied()).map(OsString::from);
        normalized(arguments, &command).into_iter().skip(1).map(|text| text.into_string().unwrap()).collect()
    }

    #[test]
    fn one_hyphen_is_as_good_as_two() {
        assert_eq!(
            read(&["login", "-format=json", "--field", "token"]),
            ["login", "--format=json", "--field", "token"]
        );
        assert_eq!(read(&["-header_value=a_b"]), ["--header-value=a_b"]);
    }

    #[test]
    fn a_switch_may_be_given_a_truth() {
        assert_eq!(
            read(&["-no-store=true", "-no-store=0", "-no-store=maybe"]),
            ["--no-store", "--no-store=maybe"]
        );
    }

    #[test]
    fn words_letters_and_what_follows_two_hyphens_stay() {
        for argument in ["-", "-h", "role=-x", "--"] {
            assert_eq!(read(&[argument]), [argument]);
        }
        assert_eq!(read(&["--", "-format=json"]), ["--", "-format=json"]);
    }
}
