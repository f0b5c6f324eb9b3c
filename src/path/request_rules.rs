//! The fields by which a mount and its roles limit the age and the number of uses of a signed request.

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::entry::{ClientConfig, RequestRules};
use crate::framework::{Failure, Field, FieldKind, Fields};
use crate::mount::Mount;
use crate::refusal::{Code, Coded};

const MAX_AGE_NAME: &str = "iam_request_max_age";
const SINGLE_USE_NAME: &str = "iam_request_single_use";

/// Longest age of a signed request.
pub(super) const MAX_AGE: Field = Field::new(MAX_AGE_NAME, FieldKind::DurationSecond, "How old the signed request of a login may be, in seconds; 0 leaves it to AWS, which takes 900. The age counts from the signed date to the clock of the server, so below 300 clients whose clocks are minutes slow are refused. A role's value counts if it is lower than that of config/client.")
    .own();
/// Whether it admits once only.
pub(super) const SINGLE_USE: Field = Field::new(SINGLE_USE_NAME, FieldKind::Bool, "Whether a signed request admits once only. Each mount then needs an iam_server_id_header_value of its own. A role can switch it on, and cannot switch it off where config/client has it on.")
    .own();

/// Why the rules are not written.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum RulesRefused {
    /// Older than AWS takes.
    #[error("iam_request_max_age must be at most 900 seconds: AWS takes no older requests")]
    MaxAge,
    /// Only iam logins are signed requests.
    #[error("specified {0} when not using iam auth type")]
    WithoutIam(&'static str),
}

impl Coded for RulesRefused {
    fn code(&self) -> Code {
        match self {
            Self::MaxAge => Code::IamRequestMaxAge,
            Self::WithoutIam(_) => Code::IamRequestRules,
        }
    }
}

impl From<RulesRefused> for Failure {
    fn from(error: RulesRefused) -> Self {
        Self::refused(&error)
    }
}

/// Takes over what is given.
pub(super) fn set(rules: &mut RequestRules, fields: &Fields) -> Result<(), RulesRefused> {
    if let Some(seconds) = fields.seconds(MAX_AGE_NAME) {
        let age = u32::try_from(seconds).ok().filter(|age| *age <= RequestRules::AWS_MAX_AGE);
        rules.max_age = age.ok_or(RulesRefused::MaxAge)?;
    }
    if let Some(flag) = fields.bool(SINGLE_USE_NAME) {
        rules.single_use = flag;
    }
    Ok(())
}

/// The same for a role.
pub(super) fn set_of_role(
    rules: &mut RequestRules,
    fields: &Fields,
    is_iam: bool,
) -> Result<(), RulesRefused> {
    set(rules, fields)?;
    let misplaced = match rules {
        _ if is_iam => return Ok(()),
        RequestRules { max_age: 1.., .. } => MAX_AGE_NAME,
        RequestRules { single_use: true, .. } => SINGLE_USE_NAME,
        _ => return Ok(()),
    };
    Err(RulesRefused::WithoutIam(misplaced))
}

/// Shows what says something.
pub(super) fn show(rules: RequestRules, data: &mut Map<String, Value>) {
    if rules.max_age > 0 {
        data.insert(MAX_AGE_NAME.to_owned(), json!(rules.max_age));
    }
    if rules.single_use {
        data.insert(SINGLE_USE_NAME.to_owned(), json!(true));
    }
}

/// To be called before a change of `config/client` is stored: where uses are kept from then on, or for another
/// server id, nothing counts that was signed before.
pub(super) async fn keep_uses(
    mount: &Mount,
    stored: Option<&ClientConfig>,
    config: Option<&ClientConfig>,
) -> Result<(), Failure> {
    let single_use =
        |config: Option<&ClientConfig>| config.is_some_and(|config| config.request_rules.single_use);
    let server_id = |config: Option<&ClientConfig>| {
        config.map_or_else(String::new, |config| config.iam_server_id_header_value.clone())
    };
    let begins = single_use(config) && !single_use(stored);
    let moves = server_id(config) != server_id(stored);
    if begins || (moves && (single_use(config) || mount.has_kept_uses().await?)) {
        mount.keep_uses_from_now().await?;
    }
    Ok(())
}
