//! What an attack does to honest logins, in numbers and as a table.

use serde_json::{Value, json};

use super::attack::Attack;
use super::scene::Honest;

/// Honest logins without and with an attack.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The attack.
    pub attack: Attack,
    /// Whether it is the other binary that was attacked.
    pub is_other: bool,
    /// Without it.
    pub quiet: Honest,
    /// With it.
    pub attacked: Honest,
}

/// The table: one line for each attack.
#[must_use]
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "\n| Attack | Plain logins, p50 | p95 | Inferred logins, p50 | p95 | Refused | EC2 calls | CPU |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let (quiet, attacked) = (&row.quiet, &row.attacked);
        let other = if row.is_other { ", the other plugin" } else { "" };
        let times = |of: fn(&Honest) -> f64| format!("{:.1} → {:.1} ms", of(quiet), of(attacked));
        text.push_str(&format!(
            "| {}{other} | {} | {} | {} | {} | {} of {} | {} → {} | {:.0} → {:.0} % |\n",
            row.attack.title(),
            times(|honest| honest.plain.p50),
            times(|honest| honest.plain.p95),
            times(|honest| honest.inferred.p50),
            times(|honest| honest.inferred.p95),
            attacked.refused(),
            attacked.count(),
            quiet.describe_calls,
            attacked.describe_calls,
            100.0 * quiet.cores,
            100.0 * attacked.cores,
        ));
    }
    text
}

/// The rows for the JSON file.
#[must_use]
pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "attack": row.attack.id(),
            "other": row.is_other,
            "without": row.quiet.json(),
            "with": row.attacked.json(),
        })
    };
    rows.iter().map(row).collect()
}
