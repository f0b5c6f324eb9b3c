//! What strangers send.

use serde_json::Value;

use testkit::host::Mount;

/// How often strangers send what they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As often as it takes to do harm where nothing is done against it, whatever comes of it.
    Paced,
    /// As fast as they are answered: each client comes again at once.
    Flood,
}

impl Form {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Paced, Self::Flood];

    /// Name in the JSON file.
    #[must_use]
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Paced => "paced",
            Self::Flood => "flood",
        }
    }
}

/// What is sent by whom, and how often.
pub(super) struct Plan {
    /// To this mount.
    pub mount: Mount,
    /// These, and then the first again.
    pub logins: Vec<Value>,
    /// How often if they are paced.
    pub paced: Pace,
    /// How many clients there are if they send as fast as they are answered.
    pub clients: usize,
}

impl Plan {
    /// How often in a form of the attack.
    pub(super) fn pace(&self, form: Form) -> Pace {
        match form {
            Form::Paced => self.paced,
            Form::Flood => Pace::Clients(self.clients),
        }
    }
}

/// How often strangers send something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// So many per second, whether or not earlier ones have ended.
    PerSecond(f64),
    /// So many at a time, each of which comes again at once.
    Clients(usize),
    /// All at once, and no more.
    Once,
}
