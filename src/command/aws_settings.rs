//! What a login says about AWS: the options and words of both commands.

use std::collections::BTreeMap;
use std::io::Read;

use clap::{Arg, ArgAction, ArgMatches};
use zeroize::Zeroizing;

use super::credentials::GivenKeys;
use super::exit::Failure;
use super::output::say;
use super::words::{self, Word};

const DEFAULT_MOUNT: &str = "aws";

/// The words of Vault's `login -method=aws`.
const WORDS: [&str; 8] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_security_token",
    "header_value",
    "log_level",
    "mount",
    "region",
    "role",
];

/// Words whose values nobody else may see.
const SECRETS: [&str; 2] = ["aws_secret_access_key", "aws_security_token"];

/// What was said.
#[derive(Clone)]
pub(crate) struct AwsSettings {
    /// Role of the mount; the server's choice if empty.
    pub(crate) role: String,
    /// Path of the mount, without slashes around it.
    pub(crate) mount: String,
    /// Value of `X-Vault-AWS-IAM-Server-ID`; none if empty.
    pub(crate) server_id: String,
    /// Region, as it was written.
    pub(crate) region: Option<String>,
    /// Profile.
    pub(crate) profile: Option<String>,
    /// Keys.
    pub(crate) keys: Option<GivenKeys>,
    /// Whether a random header is signed.
    pub(crate) with_nonce: bool,
}

/// The options, and the words.
pub(crate) fn arguments() -> Vec<Arg> {
    let heading = "AWS";
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).help_heading(heading)
    };
    vec![
        Arg::new("words").value_name("KEY=VALUE").num_args(0..).help(
            "role=, mount=, header_value=, region=, aws_access_key_id=, aws_secret_access_key=, aws_security_token=; \
             they win over options. A value @FILE is read from a file, - from standard input",
        ),
        option("role", "NAME", "Role to log in to [default: named after the principal]"),
        option("path", "PATH", "Where the method is mounted [default: aws]").visible_alias("mount"),
        option("header-value", "TEXT", "Value of the X-Vault-AWS-IAM-Server-ID header, if the mount wants one"),
        option("region", "NAME", "Region to sign for; auto looks for one [default: us-east-1]"),
        option("profile", "NAME", "AWS profile to take the credentials from, and nothing else"),
        option("aws-access-key-id", "ID", "Access key id; better leave keys to the environment or a profile"),
        option("aws-secret-access-key", "@FILE", "Secret access key: a file that holds it, or - for standard input"),
        option("aws-security-token", "@FILE", "Session token of temporary keys, in the same way"),
        Arg::new("nonce").long("nonce").action(ArgAction::SetTrue).help_heading(heading).help(
            "Sign a random X-Vault-AWS-IAM-Nonce header, so that two logins of one second differ; needed where requests admit once",
        ),
        Arg::new("log-level").long("log-level").hide(true),
    ]
}

impl AwsSettings {
    /// As options and words say; the words win. Says on standard error if a secret stood among them.
    ///
    /// # Errors
    /// What is said cannot be.
    pub(crate) fn read(matches: &ArgMatches, input: &mut dyn Read) -> Result<Self, Failure> {
        let given: Vec<String> = WORDS
            .iter()
            .filter_map(|word| {
                let option = if *word == "mount" { "path".to_owned() } else { word.replace('_', "-") };
                matches.get_one::<String>(&option).map(|value| format!("{word}={value}"))
            })
            .chain(matches.get_many::<String>("words").into_iter().flatten().cloned())
            .collect();
        let mut words = words::read(given.iter().map(String::as_str), &WORDS, input)?;
        for secret in SECRETS {
            if words.get(secret).is_some_and(|word| word.listed) {
                say(&format!(
                    "warning: {secret} stood among the arguments, which every user of this machine can list; \
                     {secret}=@FILE and {secret}=- are not seen"
                ));
            }
        }
        let mount = text(&mut words, "mount").unwrap_or_else(|| DEFAULT_MOUNT.to_owned());
        Ok(Self {
            role: text(&mut words, "role").unwrap_or_default(),
            mount: checked_mount(&mount)?,
            server_id: text(&mut words, "header_value").unwrap_or_default(),
            region: text(&mut words, "region"),
            profile: matches.get_one::<String>("profile").cloned(),
            keys: keys(&mut words)?,
            with_nonce: matches.get_flag("nonce"),
        })
    }

    /// Path of a login, below `/v1/`.
    pub(crate) fn login_path(&self) -> String {
        format!("auth/{}/login", self.mount)
    }
}

fn secret(words: &mut BTreeMap<String, Word>, key: &str) -> Option<Zeroizing<String>> {
    words.remove(key).map(|word| word.value).filter(|value| !value.is_empty())
}

fn text(words: &mut BTreeMap<String, Word>, key: &str) -> Option<String> {
    secret(words, key).map(|value| value.as_str().to_owned())
}

fn checked_mount(mount: &str) -> Result<String, Failure> {
    let trimmed = mount.trim_matches('/');
    let is_path = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%'))
    };
    if trimmed.split('/').all(is_path) {
        Ok(trimmed.to_owned())
    } else {
        Err(Failure::Usage(format!("{mount:?} is not the path of a mount")))
    }
}

fn keys(words: &mut BTreeMap<String, Word>) -> Result<Option<GivenKeys>, Failure> {
    let id = text(words, "aws_access_key_id");
    let secret_key = secret(words, "aws_secret_access_key");
    let session_token = secret(words, "aws_security_token");
    match (id, secret_key) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(Some(GivenKeys { access_key_id, secret_access_key, session_token }))
        }
        (None, None) if session_token.is_none() => Ok(None),
        _ => Err(Failure::Usage(
            "aws_access_key_id and aws_secret_access_key go together, and aws_security_token with both"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    fn read(given: &[&str], input: &str) -> Result<AwsSettings, String> {
        let command = Command::new("test").args(arguments());
        let matches = command.get_matches_from(std::iter::once("test").chain(given.iter().copied()));
        AwsSettings::read(&matches, &mut input.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn words_win_over_options() {
        let settings = read(&["--role=a", "--path=/x/y/", "role=b", "header_value=v"], "").unwrap();
        assert_eq!((settings.role.as_str(), settings.login_path().as_str()), ("b", "auth/x/y/login"));
        assert_eq!((settings.server_id.as_str(), settings.region), ("v", None));
        assert_eq!(read(&[], "").unwrap().login_path(), "auth/aws/login");
        assert_eq!(read(&["--path=x", "mount=y"], "").unwrap().mount, "y");
    }

    #[test]
    fn keys_go_together() {
        let settings = read(&["--aws-access-key-id=AKID", "--aws-secret-access-key=-"], "secret\n").unwrap();
        let keys = settings.keys.unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.as_str()), ("AKID", "secret"));
        assert!(read(&["aws_access_key_id=AKID"], "").is_err());
        assert!(read(&["aws_security_token=t"], "").is_err());
    }

    #[test]
    fn a_mount_is_a_path() {
        for mount in ["", "a//b", "a/../b", "a?b", "a b", "a%2fb"] {
            // An empty word is one that was not given.
            assert_eq!(read(&[&format!("mount={mount}")], "").is_ok(), mount.is_empty(), "{mount}");
        }
    }
}
