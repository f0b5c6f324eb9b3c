//! The figures as a table that reads well as it is and as Markdown.

use crate::report::Report;
use crate::row::row;

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
    if !report.abuse.is_empty() {
        text.push_str(&crate::abuse::row::table(&report.abuse));
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
