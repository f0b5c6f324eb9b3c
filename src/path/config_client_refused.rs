//! Why the configuration of the client is not written.

use thiserror::Error;

use super::cron::CronError;
use crate::framework::{Failure, HostFlavor};
use crate::issuer::IssuerError;
use crate::ports::SystemViewError;
use crate::refusal::{Code, Coded, Hint};

/// Why the configuration of the client is not written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum ClientRefused {
    /// A schedule and a period.
    #[error(
        "mutually exclusive fields rotation_schedule and rotation_period were both specified; only one of them can be provided"
    )]
    ScheduleAndPeriod,
    /// No cron expression.
    #[error("failed to parse provided rotation_schedule: {0}")]
    Schedule(#[from] CronError),
    /// Rotations by period have no window.
    #[error("rotation_window does not apply to period")]
    WindowOfPeriod,
    /// A window of no schedule.
    #[error("cannot use rotation_window without rotation_schedule")]
    WindowAlone,
    /// Two kinds of credentials.
    #[error("only one of 'access_key' or 'identity_token_audience' can be set")]
    KeyAndIdentityToken,
    /// An identity token for no role.
    #[error("role_arn must be set when identity_token_audience is set")]
    NoRoleArn,
    /// This server makes no identity tokens.
    #[error("{}", .0.no_identity_tokens())]
    NoIdentityTokens(HostFlavor),
    /// The server made no identity token.
    #[error(transparent)]
    IdentityToken(SystemViewError),
    /// The mount, which is an issuer of its own, made no identity token.
    #[error(transparent)]
    OwnToken(IssuerError),
    /// This server has no rotation manager.
    #[error("error registering rotation job: {}", .0.no_rotation_manager())]
    NoRotationManager(HostFlavor),
    /// The rotation manager did not take the job.
    #[error("error registering rotation job: {0}")]
    NotRegistered(String),
    /// The rotation manager did not drop the job.
    #[error("error deregistering rotation job: {0}")]
    NotDeregistered(String),
    /// The plugin is to rotate, and the server has a rotation manager.
    #[error(
        "rotate_in_plugin is for servers without a rotation manager, and this one has one: it rotates the access key by the same fields"
    )]
    HasRotationManager,
    /// The plugin is to rotate by this, which is too short.
    #[error("with rotate_in_plugin, {0} is ten minutes or more")]
    TooOften(&'static str),
    /// The plugin is to rotate at times that never come.
    #[error(
        "with rotate_in_plugin, rotation_schedule needs times that come: ranges that rise, names in the fields for months and days of the week, and days that there are"
    )]
    NoTimes,
}

impl Coded for ClientRefused {
    fn code(&self) -> Code {
        match self {
            Self::ScheduleAndPeriod | Self::WindowOfPeriod | Self::WindowAlone => Code::ConfigRotation,
            Self::HasRotationManager | Self::TooOften(_) => Code::ConfigRotateInPlugin,
            Self::Schedule(_) | Self::NoTimes => Code::ConfigRotationSchedule,
            Self::KeyAndIdentityToken | Self::NoRoleArn => Code::ConfigCredentials,
            Self::NoIdentityTokens(_) => Code::ConfigIdentityToken,
            Self::IdentityToken(error) => error.code(),
            Self::OwnToken(error) => error.code(),
            Self::NoRotationManager(_) | Self::NotRegistered(_) | Self::NotDeregistered(_) => {
                Code::ConfigRotationManager
            }
        }
    }

    fn hint(&self) -> Option<Hint> {
        matches!(self, Self::NoIdentityTokens(_)).then_some(Hint::OwnIssuer)
    }
}

impl From<ClientRefused> for Failure {
    fn from(error: ClientRefused) -> Self {
        match error {
            ClientRefused::IdentityToken(_) | ClientRefused::OwnToken(_) => Self::internal(&error),
            _ => Self::refused(&error),
        }
    }
}
