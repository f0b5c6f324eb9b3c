//! Processor time of a login, user and system, in the process of the plugin.

use std::path::Path;

use serde_json::json;

use crate::Bench;
use crate::driver::Part;
use crate::figure::{Aim, Figure};
use crate::login::Logins;
use crate::subject::{ROLE, Subject};

pub(super) const FIGURES: &[Figure] = &[
    Figure::aimed("cpu_per_login", "CPU per iam login", "ms", Aim::OfRecorded(0.20)).recorded(1.3),
    Figure::information("cpu_per_login_call", "CPU per iam login, the login call alone", "ms"),
    Figure::information("cpu_per_empty_login_call", "CPU of the login call without any data", "ms"),
    Figure::information("cpu_per_login_plain", "CPU per iam login, STS without TLS", "ms"),
];

pub(super) async fn measure(bench: &Bench, binary: &Path) -> Vec<f64> {
    let subject = Subject::open(bench, binary).await;
    let logins = Logins::of_role(ROLE);
    let (clients, count) = (bench.options.clients, bench.options.logins);
    let mut values = Vec::new();
    for part in [Part::Whole, Part::Login] {
        subject.warm_up(&logins, clients).await;
        values.push(subject.cost(&logins, part, clients, count).await.cpu);
    }
    let empty = Logins::signed(vec![json!({})]);
    values.push(subject.cost(&empty, Part::Refused, clients, count).await.cpu);
    let subject = Subject::without_tls(bench, binary).await;
    subject.warm_up(&logins, clients).await;
    values.push(subject.cost(&logins, Part::Whole, clients, count).await.cpu);
    values
}
