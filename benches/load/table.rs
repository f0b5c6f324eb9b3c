//! The figures as a table that reads well as it is and as Markdown.

use crate::figure::{Aim, Measured};
use crate::report::Report;

/// The whole text.
#[must_use]
pub(crate) fn text(report: &Report) -> String {
    let other = report.other.is_some();
    let mut header = vec!["Figure", "Value", "Go plugin, recorded", "Ratio", "Target", "Met"];
    if other {
        header.extend(["Other", "Ratio side by side"]);
    }
    let mut rows = vec![header.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(report.measured.iter().map(|measured| row(measured, other)));
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap())
        .collect();
    let mut text = format!("{}\n\n", report.title());
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if index == 0 {
            let lines: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            text.push_str(&format!("| {} |\n", lines.join(" | ")));
        }
    }
    let missed = report.measured.iter().filter(|measured| measured.met() == Some(false)).count();
    let aimed = report.measured.iter().filter(|measured| measured.met().is_some()).count();
    if aimed > 0 {
        text.push_str(&format!("\n{} of {aimed} targets met.\n", aimed - missed));
    }
    for note in &report.notes {
        text.push_str(&format!("{note}\n"));
    }
    text
}

fn row(measured: &Measured, other: bool) -> Vec<String> {
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
