//! The attacks, by name.

use super::plan::Plan;
use super::scene::Scene;
use super::{dead_ids, garbage, hanging_logins, many_signers, name_storm, presigned_pairs, slow_names};
use testkit::host::Launch;

/// What strangers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    /// One principal with ever other session names, none of which is an instance.
    NameStorm,
    /// Presigned requests with a great many parameters.
    PresignedPairs,
    /// Documents that need as many signature checks as can be.
    ManySigners,
    /// Documents of instances that are gone.
    DeadIds,
    /// Regions that nobody has, and a name server that takes its time.
    SlowNames,
    /// Logins of which only the log line is large.
    Garbage,
    /// Large logins that STS does not answer.
    HangingLogins,
}

impl Attack {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::NameStorm,
        Self::PresignedPairs,
        Self::ManySigners,
        Self::DeadIds,
        Self::SlowNames,
        Self::Garbage,
        Self::HangingLogins,
    ];

    /// Name in the JSON file and in the options.
    #[must_use]
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::NameStorm => "name-storm",
            Self::PresignedPairs => "presigned-pairs",
            Self::ManySigners => "many-signers",
            Self::DeadIds => "dead-ids",
            Self::SlowNames => "slow-names",
            Self::Garbage => "garbage",
            Self::HangingLogins => "hanging-logins",
        }
    }

    /// Name in the table.
    #[must_use]
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::NameStorm => "Session names that are no instances",
            Self::PresignedPairs => "Presigned requests of 1,296 parameters",
            Self::ManySigners => "PKCS#7 of 8 signers and garbage signatures",
            Self::DeadIds => "Documents of instances that are gone",
            Self::SlowNames => "Invented regions at a name server that takes 10 s",
            Self::Garbage => "Garbage that is logged",
            Self::HangingLogins => "Logins of 393 KB that STS does not answer",
        }
    }

    /// Whether honest clients have logged in before it begins.
    pub(super) fn finds_open_connections(self) -> bool {
        self != Self::SlowNames
    }

    /// What of the start of the plugin belongs to it; `None` if that is not possible here.
    pub(super) fn launched(self, launch: Launch) -> Option<Launch> {
        match self {
            Self::SlowNames => Some(launch.env("LD_PRELOAD", slow_names::library()?)),
            _ => Some(launch),
        }
    }

    /// What is done.
    pub(super) async fn plan(self, scene: &Scene) -> Plan {
        match self {
            Self::NameStorm => name_storm::plan(scene),
            Self::PresignedPairs => presigned_pairs::plan(scene),
            Self::ManySigners => many_signers::plan(scene).await,
            Self::DeadIds => dead_ids::plan(scene).await,
            Self::SlowNames => slow_names::plan(scene).await,
            Self::Garbage => garbage::plan(scene),
            Self::HangingLogins => hanging_logins::plan(scene).await,
        }
    }
}
