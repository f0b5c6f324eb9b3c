//! What strangers send.

use serde_json::Value;

use testkit::host::Mount;

/// What is sent by whom, and how often.
pub(super) struct Plan {
    /// To this mount.
    pub mount: Mount,
    /// These, and then the first again.
    pub logins: Vec<Value>,
    /// How often.
    pub pace: Pace,
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
