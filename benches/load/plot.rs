//! The curves as pictures.

use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::curves::{Curve, Point};
use crate::subject::Cost;
use testkit::statistics::as_f64;

const SIZE: (u32, u32) = (960, 400);
/// Colours that are told apart without seeing red and green.
const MEDIAN: RGBColor = RGBColor(0, 114, 178);
const P99: RGBColor = RGBColor(213, 94, 0);
const CPU: RGBColor = RGBColor(0, 158, 115);
const TEXT: (&str, i32) = ("sans-serif", 15);
const TITLE: (&str, i32) = ("sans-serif", 18);

/// A line of a panel.
struct Line {
    label: &'static str,
    color: RGBColor,
    of: fn(&Cost) -> f64,
}

/// Draws a curve into a folder; the file.
///
/// # Panics
/// If the file cannot be written.
pub(crate) fn draw(curve: &Curve, folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let path = folder.join(format!("logins-by-{}.svg", curve.id));
    {
        let area = SVGBackend::new(&path, SIZE).into_drawing_area();
        area.fill(&WHITE).expect("a picture");
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let latency = [
            Line { label: "99th percentile", color: P99, of: |cost| cost.p99 },
            Line { label: "median", color: MEDIAN, of: |cost| cost.median },
        ];
        panel(&left, curve, "Latency of a login", &latency);
        let cpu = [Line { label: "user and system", color: CPU, of: |cost| cost.cpu }];
        panel(&right, curve, "CPU per login", &cpu);
        area.present().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    path
}

fn panel(area: &DrawingArea<SVGBackend<'_>, Shift>, curve: &Curve, title: &str, lines: &[Line]) {
    let all = || curve.points.iter().chain(curve.others.iter().flatten());
    let values = || all().flat_map(|point| lines.iter().map(|line| (line.of)(&point.cost)));
    // The legend stands above all lines.
    let labels = lines.len() * if curve.others.is_some() { 2 } else { 1 };
    let top = values().fold(0.0, f64::max) * (1.1 + 0.1 * as_f64(labels));
    // The numbers grow by a factor: each has its place, at equal distances.
    let last = curve.points.len() - 1;
    let mut chart = ChartBuilder::on(area)
        .caption(title, TITLE)
        .margin(14)
        .margin_right(30)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0..last, 0.0..top)
        .expect("a chart");
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .label_style(TEXT)
        .axis_desc_style(TEXT)
        .x_desc(curve.of)
        .x_labels(curve.points.len())
        .y_desc("ms")
        .x_label_formatter(&|place| thousands(curve.points[*place].number))
        .y_label_formatter(&|value| format!("{}", (value * 1e6).round() / 1e6))
        .draw()
        .expect("axes");
    for line in lines {
        let points = |points: &[Point]| -> Vec<(usize, f64)> {
            points.iter().map(|point| (line.of)(&point.cost)).enumerate().collect()
        };
        let style = ShapeStyle::from(line.color).stroke_width(2);
        let color = line.color;
        chart
            .draw_series(LineSeries::new(points(&curve.points), style).point_size(3))
            .expect("a line")
            .label(line.label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
        if let Some(others) = &curve.others {
            let style = ShapeStyle::from(color.mix(0.6)).stroke_width(2);
            chart
                .draw_series(DashedLineSeries::new(points(others), 6, 5, style))
                .expect("a line")
                .label(format!("{}, the other plugin", line.label))
                .legend(move |(x, y)| DashedPathElement::new([(x, y), (x + 20, y)], 6, 5, style));
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .label_font(TEXT)
        .draw()
        .expect("a legend");
}

/// A whole number with its thousands apart.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
