//! What an attack does to honest logins, in numbers and as a table.

use serde_json::{Value, json};

use super::attack::Attack;
use super::plan::Form;
use super::scene::Honest;

/// By how much an attack may make honest logins slower, at the 95th percentile.
const MOST: f64 = 2.0;

/// Honest logins without and with an attack.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The attack.
    pub attack: Attack,
    /// How often strangers sent.
    pub form: Form,
    /// Whether it is the other binary that was attacked.
    pub is_other: bool,
    /// Without it.
    pub quiet: Honest,
    /// With it.
    pub attacked: Honest,
}

impl Row {
    /// By what the 95th percentile of honest logins is multiplied: of the plain, and of those that are looked up.
    fn ratios(&self) -> [f64; 2] {
        let Self { quiet, attacked, .. } = self;
        [attacked.plain.p95 / quiet.plain.p95, attacked.inferred.p95 / quiet.inferred.p95]
    }

    fn is_within(&self) -> bool {
        self.ratios().into_iter().all(|ratio| ratio <= MOST) && self.attacked.refused() == 0
    }
}

/// The tables: one for each form, with one line for each attack.
#[must_use]
pub(crate) fn table(rows: &[Row]) -> String {
    let of = |form: Form| rows.iter().filter(move |row| row.form == form);
    let paced: Vec<&Row> = of(Form::Paced).filter(|row| !row.is_other).collect();
    let within = paced.iter().filter(|row| row.is_within()).count();
    format!(
        "\nAt a pace:\n\n{}\n{within} of {} of these attacks at most double p95 and refuse nobody.\n\n\
         As fast as they are answered:\n\n{}",
        lines(of(Form::Paced)),
        paced.len(),
        lines(of(Form::Flood)),
    )
}

fn lines<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut text = String::from(
        "| Attack | Sent per second | Plain logins, p50 | p95 | Inferred logins, p50 | p95 | p95 × | Refused | EC2 calls | CPU |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let (quiet, attacked) = (&row.quiet, &row.attacked);
        let other = if row.is_other { ", the other plugin" } else { "" };
        let times = |of: fn(&Honest) -> f64| format!("{:.1} → {:.1} ms", of(quiet), of(attacked));
        let [plain, inferred] = row.ratios();
        text.push_str(&format!(
            "| {}{other} | {:.0} | {} | {} | {} | {} | {plain:.1}, {inferred:.1} | {} of {} | {:.0} → {:.0} | {:.0} → {:.0} % |\n",
            row.attack.title(),
            attacked.strangers.map_or(0.0, |rates| rates.sent),
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
        let [plain, inferred] = row.ratios();
        json!({
            "attack": row.attack.id(),
            "form": row.form.id(),
            "other": row.is_other,
            "without": row.quiet.json(),
            "with": row.attacked.json(),
            "plain_p95_ratio": plain,
            "inferred_p95_ratio": inferred,
        })
    };
    rows.iter().map(row).collect()
}
