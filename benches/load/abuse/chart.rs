//! Honest logins without and with each attack at a pace, as a picture.

use std::path::{Path, PathBuf};

use plotters::coord::Shift;
use plotters::prelude::*;

use super::plan::Form;
use super::row::Row;
use super::scene::Honest;
use testkit::statistics::as_f64;

const SIZE: (u32, u32) = (960, 460);
/// Colours that are told apart without seeing red and green.
const WITHOUT: RGBColor = RGBColor(0, 114, 178);
const WITH: RGBColor = RGBColor(213, 94, 0);
const TEXT: (&str, i32) = ("sans-serif", 13);
const TITLE: (&str, i32) = ("sans-serif", 18);

/// Honest logins without or with the attack.
type Side = fn(&Row) -> &Honest;

/// Draws them into a folder; the file.
///
/// # Panics
/// If the file cannot be written.
pub(crate) fn draw(rows: &[Row], folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let path = folder.join("logins-under-attack.svg");
    {
        let area = SVGBackend::new(&path, SIZE).into_drawing_area();
        area.fill(&WHITE).expect("a picture");
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let rows: Vec<&Row> = rows.iter().filter(|row| !row.is_other && row.form == Form::Paced).collect();
        panel(&left, &rows, "Honest logins, 95th percentile", |honest| honest.plain.p95);
        panel(&right, &rows, "… that are looked up in EC2", |honest| honest.inferred.p95);
        area.present().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    path
}

fn panel(area: &DrawingArea<SVGBackend<'_>, Shift>, rows: &[&Row], title: &str, of: fn(&Honest) -> f64) {
    let values = rows.iter().flat_map(|row| [of(&row.quiet), of(&row.attacked)]);
    let (lowest, highest) =
        values.fold((f64::MAX, 1.0), |(low, high), value| (f64::min(low, value), f64::max(high, value)));
    let bottom = lowest / 3.0;
    let mut chart = ChartBuilder::on(area)
        .caption(title, TITLE)
        .margin(14)
        .x_label_area_size(110)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..as_f64(rows.len()), (bottom..highest * 8.0).log_scale())
        .expect("a chart");
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .label_style(TEXT)
        .x_labels(0)
        .y_desc("ms")
        .y_label_formatter(&|value| format!("{value}"))
        .draw()
        .expect("axes");
    let sides: [(&str, RGBColor, f64, Side); 2] =
        [("without", WITHOUT, 0.14, |row| &row.quiet), ("with the attack", WITH, 0.5, |row| &row.attacked)];
    for (label, color, from, side) in sides {
        let bar = |(place, row): (usize, &&Row)| {
            let left = as_f64(place) + from;
            Rectangle::new([(left, bottom), (left + 0.36, of(side(row)))], color.filled())
        };
        chart
            .draw_series(rows.iter().enumerate().map(bar))
            .expect("bars")
            .label(label)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], color.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .label_font(TEXT)
        .draw()
        .expect("a legend");
    let style = TEXT.into_text_style(area).transform(FontTransform::Rotate90);
    for (place, row) in rows.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(as_f64(place) + 0.55, bottom));
        let (left, top) = area.get_base_pixel();
        area.draw(&Text::new(row.attack.id(), (x - left, y - top + 6), style.clone())).expect("a name");
    }
}
