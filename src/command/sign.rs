//! `sign`: what a login would send, for whoever sends it by other means.

use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};
use vault_plugin_auth_aws::https::Authorities;

use super::aws_settings::{self, AwsSettings};
use super::environment::Environment;
use super::exit::{CODES, Failure};
use super::host_address::{self, HostAddress};
use super::output::{print, say};
use super::signer::Signer;
use super::signing::Form;

const NAME: &str = "sign";

const LONG: &str = "\
Prints the payload of a login and sends nothing. Whoever has it can log in with it, for a quarter of an hour.

  vault-plugin-auth-aws sign role=dev | bao write auth/aws/login -
  vault-plugin-auth-aws sign role=dev | curl --request PUT --data @- \"$BAO_ADDR/v1/auth/aws/login\"
  bao write auth/aws/login $(vault-plugin-auth-aws sign -format=kv role=dev)

The last form puts it among the arguments of a command, where other users can see it.";

/// The definition.
pub(crate) fn command() -> Command {
    let heading = "Signing";
    Command::new(NAME)
        .about("Print what a login would send, for curl, bao write or vault write")
        .long_about(LONG)
        .after_help(CODES)
        .args(aws_settings::arguments())
        .args([
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .default_value("json")
                .value_parser(PossibleValuesParser::new(["json", "curl", "kv"]))
                .help("JSON, a curl command, or one key=value for each line")
                .help_heading(heading),
            Arg::new("http-method")
                .long("http-method")
                .value_name("METHOD")
                .default_value("POST")
                .ignore_case(true)
                .value_parser(PossibleValuesParser::new(["POST", "GET"]))
                .help("A POST, signed in its headers, or a presigned GET")
                .help_heading(heading),
            Arg::new("explain")
                .long("explain")
                .action(ArgAction::SetTrue)
                .help("Say on standard error what is signed, with whose credentials, and how long it is good")
                .help_heading(heading),
        ])
        .args(host_address::arguments())
}

/// Signs.
///
/// # Errors
/// See [`Failure`].
pub(crate) async fn run(matches: &ArgMatches, environment: Environment) -> Result<(), Failure> {
    let word = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let form = if word("http-method").eq_ignore_ascii_case("GET") { Form::Get } else { Form::Post };
    let settings = AwsSettings::read(matches, &mut io::stdin().lock())?;
    let address = HostAddress::read(matches, environment)?;
    let path = settings.login_path();
    let signed = Signer::new(settings, environment).await?.sign(form).await?;
    let text = match word("format") {
        "curl" => curl(&address, &path, &Value::Object(signed.payload)),
        "kv" => words(&signed.payload)?,
        _ => format!("{}\n", Value::Object(signed.payload)),
    };
    if matches.get_flag("explain") {
        say(&signed.explanation);
    }
    print(&text)
}

/// A command for a shell. The payload goes to standard input, where no other user sees it.
fn curl(address: &HostAddress, path: &str, payload: &Value) -> String {
    let mut parts =
        vec!["curl --request PUT".to_owned(), "--header 'Content-Type: application/json'".to_owned()];
    if !address.namespace.is_empty() {
        parts.push(format!("--header {}", quoted(&format!("X-Vault-Namespace: {}", address.namespace))));
    }
    if let Some(ttl) = &address.wrap_ttl {
        parts.push(format!("--header {}", quoted(&format!("X-Vault-Wrap-TTL: {ttl}"))));
    }
    match &address.tls.authorities {
        Authorities::File(file) => parts.push(format!("--cacert {}", quoted(&file.to_string_lossy()))),
        Authorities::Directory(folder) => {
            parts.push(format!("--capath {}", quoted(&folder.to_string_lossy())))
        }
        Authorities::System | Authorities::Pem(_) => {}
    }
    if address.tls.skip_verify {
        parts.push("--insecure".to_owned());
    }
    parts.push("--data @-".to_owned());
    parts.push(quoted(&format!("{}/v1/{path}", address.url)));
    format!("{} <<'PAYLOAD'\n{payload}\nPAYLOAD\n", parts.join(" "))
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// One `key=value` on each line. A shell that splits them again must find the same words.
fn words(payload: &Map<String, Value>) -> Result<String, Failure> {
    let mut text = String::new();
    for (key, value) in payload {
        let value = value.as_str().unwrap_or_default();
        if value.chars().any(|c| c.is_whitespace() || matches!(c, '*' | '?' | '[' | '\\'))
            || value.starts_with('@')
        {
            return Err(Failure::Usage(format!(
                "the value of {key} cannot be one word of a shell; take -format=json"
            )));
        }
        text.push_str(&format!("{key}={value}\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(fields: &[(&str, &str)]) -> Result<String, Failure> {
        words(&fields.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect())
    }

    #[test]
    fn words_are_words_for_every_shell() {
        assert_eq!(words_of(&[("a", "x=="), ("role", "dev")]), Ok("a=x==\nrole=dev\n".to_owned()));
        for role in ["a b", "a*", "@file", "-\n"] {
            assert!(words_of(&[("role", role)]).is_err(), "{role}");
        }
    }

    #[test]
    fn a_quoted_word_is_one() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
