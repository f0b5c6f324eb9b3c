//! `login`: a token for whoever the AWS credentials, or the instance, prove the caller to be.

use std::io;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;

use super::aws_settings::{self, AwsSettings};
use super::environment::Environment;
use super::exit::{CODES, Failure};
use super::host_address::{self, HostAddress};
use super::host_client::{HostClient, HostRequest};
use super::output::{Answer, Format, print, say};
use super::proof::Proof;
use super::token_store::{Host, TokenStore};

const NAME: &str = "login";

const LONG: &str = "\
Logs in to Vault or OpenBao with AWS credentials, as `vault login -method=aws` does, and keeps the token where the \
server's own command line finds it.

The credentials are those of the environment, a profile (with SSO and roles of roles), a web identity, the container \
or the instance. What proves them is a signed request to AWS that the server makes; the secret key stays here.

Options may begin with one hyphen or two.";

/// The definition.
pub(crate) fn command() -> Command {
    let heading = "Login";
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help).help_heading(heading)
    };
    Command::new(NAME)
        .about("Log in and keep the token for the server's own command line")
        .long_about(LONG)
        .after_help(CODES)
        .args(aws_settings::arguments())
        .args([
            Arg::new("type")
                .long("type")
                .value_name("TYPE")
                .default_value("iam")
                .value_parser(PossibleValuesParser::new(["iam", "ec2"]))
                .help("What proves the identity: AWS credentials, or the identity document of this instance")
                .help_heading(heading),
            Arg::new("signature")
                .long("signature")
                .value_name("FORM")
                .default_value("pkcs7")
                .value_parser(PossibleValuesParser::new(["pkcs7", "rsa2048", "identity"]))
                .help("With -type=ec2: how the identity document is signed")
                .help_heading(heading),
            Arg::new("nonce-file")
                .long("nonce-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("With -type=ec2: where the nonce is kept [default: below ~/.local/state]")
                .help_heading(heading),
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(value_parser!(Format))
                .help("How the answer is printed [env: BAO_FORMAT, VAULT_FORMAT; default: table]")
                .help_heading(heading),
            Arg::new("field")
                .long("field")
                .value_name("NAME")
                .help("Print this field alone")
                .help_heading(heading),
            switch("token-only", "Print the token alone and keep it nowhere: -field=token -no-store"),
            switch("no-print", "Print nothing"),
            switch("no-store", "Keep the token nowhere"),
            // Scripts written for the tools of the hosts say these.
            Arg::new("method").long("method").hide(true).value_parser(PossibleValuesParser::new(["aws"])),
            switch("non-interactive", "Nothing is ever asked").hide(true),
        ])
        .args(host_address::arguments())
}

/// Logs in.
///
/// # Errors
/// See [`Failure`].
pub(crate) async fn run(matches: &ArgMatches, environment: Environment) -> Result<(), Failure> {
    let wishes = Wishes::read(matches, environment)?;
    let settings = AwsSettings::read(matches, &mut io::stdin().lock())?;
    let client = HostClient::new(HostAddress::read(matches, environment)?)?;
    let mount = settings.mount.clone();
    let proof = Proof::of(matches, settings, environment).await?;
    let mut answer = proof.log_in(&client, &mount).await?;
    if answer.wrap_info.is_some() && wishes.store {
        answer = unwrap(&client, &answer).await?;
    }
    for warning in answer.warnings.iter().flatten() {
        say(&format!("warning of the server: {warning}"));
    }
    let token = usable_token(&answer)?;
    let host = Host::of_token(token);
    let mut kept = String::new();
    if wishes.store {
        let store = TokenStore::of_host(host, environment)?;
        store.keep(token, &client.address().url)?;
        kept = store.to_string();
    }
    if wishes.print {
        wishes.print_answer(&answer, host, &kept)?;
    }
    if wishes.store {
        warn_of_other_token(host, environment);
    }
    Ok(())
}

/// What to do with the token.
struct Wishes {
    format: Format,
    field: Option<String>,
    store: bool,
    print: bool,
}

impl Wishes {
    fn read(matches: &ArgMatches, environment: Environment) -> Result<Self, Failure> {
        let token_only = matches.get_flag("token-only");
        let format = match matches.get_one::<Format>("format") {
            Some(format) => *format,
            None => match environment.host_setting("FORMAT") {
                None => Format::Table,
                Some(name) => <Format as clap::ValueEnum>::from_str(&name, true).map_err(|_| {
                    Failure::Usage(format!(
                        "the format {name:?} of the environment is none of table, json, yaml"
                    ))
                })?,
            },
        };
        let field = matches.get_one::<String>("field").cloned();
        Ok(Self {
            format: if token_only { Format::Table } else { format },
            field: if token_only { Some("token".to_owned()) } else { field },
            store: !token_only && !matches.get_flag("no-store"),
            print: token_only || !matches.get_flag("no-print"),
        })
    }

    fn print_answer(&self, answer: &Answer, host: Host, kept: &str) -> Result<(), Failure> {
        if let Some(field) = &self.field {
            return print(&answer.field_text(field, self.format)?);
        }
        if self.format == Format::Table {
            say(&if self.store {
                format!("Logged in. The token is kept in {kept}, where `{}` finds it.\n", host.command())
            } else {
                format!("Logged in. The token is kept nowhere; {} takes it.\n", host.token_variable())
            });
        }
        print(&answer.text(self.format)?)
    }
}

/// The answer that was wrapped.
async fn unwrap(client: &HostClient, wrapped: &Answer) -> Result<Answer, Failure> {
    let token = wrapped.token().map(str::to_owned);
    let answer = client
        .put(async || {
            let path = "sys/wrapping/unwrap".to_owned();
            Ok(HostRequest { path, body: json!({}), token: token.clone(), wrapped: false })
        })
        .await?;
    Answer::parse(answer)
}

/// The token of an answer.
///
/// # Errors
/// There is none, or not before a second factor is given.
pub(crate) fn usable_token(answer: &Answer) -> Result<&str, Failure> {
    if let Some(requirement) = answer.auth.as_ref().and_then(|auth| auth.mfa_requirement.as_ref()) {
        return Err(Failure::Refused(format!(
            "the server wants a second factor before it gives the token: {requirement}\n\nhint: give it with \
             -mfa=METHOD:VALUE, or finish by a write to sys/mfa/validate"
        )));
    }
    answer.token().ok_or_else(|| Failure::Refused("the server's answer holds no token".to_owned()))
}

/// A variable wins over what is kept, in all tools.
fn warn_of_other_token(host: Host, environment: Environment) {
    let variables: &[&str] = match host {
        Host::OpenBao => &["BAO_TOKEN", "VAULT_TOKEN"],
        Host::Vault => &["VAULT_TOKEN"],
    };
    for variable in variables.iter().filter(|variable| environment.text(variable).is_some()) {
        say(&format!("warning: {variable} is set, and wins over the token that was kept"));
    }
}
