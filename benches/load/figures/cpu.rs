//! Processor time of a login, user and system, in the process of the plugin.

use std::path::Path;

use crate::Bench;
use crate::driver::{Part, closed_loop};
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::statistics::{as_f64, milliseconds};
use crate::subject::{ROLE, Subject};

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("cpu_per_login", "CPU per iam login", "ms", Aim::OfRecorded(0.20)).recorded(1.3),
    Figure::information("cpu_per_login_call", "CPU per iam login, the login call alone", "ms"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let subject = Subject::open(bench, binary).await;
    let logins = Logins::of_role(ROLE);
    let mut values = Vec::new();
    for part in [Part::Whole, Part::Login] {
        subject.warm_up(&logins, bench.options.clients).await;
        values.push(per_login(bench, &subject, &logins, part).await);
    }
    values
}

/// Milliseconds of one login.
pub(super) async fn per_login(bench: &Bench, subject: &Subject, logins: &Logins, part: Part) -> f64 {
    let options = &bench.options;
    let begun = subject.cpu();
    closed_loop(&subject.mount, logins, part, options.clients, options.logins).await;
    milliseconds(subject.cpu().since(begun)) / as_f64(options.logins)
}
