//! A figure in words.

use crate::figure::{Aim, Measured};

/// The cells of a figure; two more if there is another binary.
pub(crate) fn row(measured: &Measured, other: bool) -> Vec<String> {
    let figure = measured.figure;
    let optional =
        |value: Option<f64>, unit: &str| value.map(|value| with_unit(value, unit)).unwrap_or_default();
    let met = match measured.met() {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    let mut row = vec![
        figure.title.to_owned(),
        with_unit(measured.value(), figure.unit),
        optional(figure.recorded, figure.unit),
        optional(measured.ratio_to_recorded(), ""),
        target(figure.aim, figure.unit),
        met.to_owned(),
    ];
    if other {
        row.extend([optional(measured.other(), figure.unit), optional(measured.ratio_to_other(), "")]);
    }
    row
}

/// What a figure should be, in words; empty if nothing is asked of it.
#[must_use]
pub(crate) fn target(aim: Aim, unit: &str) -> String {
    match aim {
        Aim::Information => String::new(),
        Aim::OfRecorded(ratio) => format!("ratio ≤ {ratio}"),
        Aim::AtMost(limit) => format!("≤ {}", plain(limit, unit)),
        Aim::Below(limit) => format!("< {}", plain(limit, unit)),
        Aim::Exactly(wanted) => plain(wanted, unit),
    }
}

fn plain(value: f64, unit: &str) -> String {
    format!("{value} {unit}").trim_end().to_owned()
}

/// A value with as many digits as mean something.
#[must_use]
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$} {unit}").trim_end().to_owned()
}
