//! All figures of a run, with where and how they were measured.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::curves::{Curve, Point};
use crate::figure::Measured;
use crate::machine;
use crate::options::Options;

/// All of a run.
pub struct Report {
    plugin: PathBuf,
    /// The other binary.
    pub other: Option<PathBuf>,
    options: Value,
    /// The figures.
    pub measured: Vec<Measured>,
    /// The curves.
    pub curves: Vec<Curve>,
    /// What a reader must know beside them.
    pub notes: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let mut notes = Vec::new();
        if options.quick {
            notes.push("A quick run: these figures mean nothing.".to_owned());
        }
        if cfg!(debug_assertions) {
            notes.push("Built without optimisation: these figures mean nothing.".to_owned());
        }
        Self {
            plugin: options.plugin.clone(),
            other: options.other.clone(),
            options: json!({
                "delay_ms": options.delay,
                "mounts": options.mounts,
                "roles": options.roles,
                "clients": options.clients,
                "rounds": options.rounds,
                "logins": options.logins,
                "quick": options.quick,
            }),
            measured: Vec::new(),
            curves: Vec::new(),
            notes,
        }
    }

    /// What was measured.
    #[must_use]
    pub fn title(&self) -> String {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let other =
            self.other.as_deref().map(|other| format!(", beside {}", name(other))).unwrap_or_default();
        format!("{} {}{other}", name(&self.plugin), env!("CARGO_PKG_VERSION"))
    }

    /// Writes the JSON file.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, path: &Path) {
        let folder = path.parent().expect("a file stands in a folder");
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let text = format!("{:#}\n", self.json());
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    fn json(&self) -> Value {
        json!({
            "plugin": self.plugin,
            "other": self.other,
            "version": env!("CARGO_PKG_VERSION"),
            "date": OffsetDateTime::now_utc().format(&Rfc3339).expect("a date can be written"),
            "machine": machine::description(),
            "optimised": !cfg!(debug_assertions),
            "options": self.options,
            "figures": self.measured.iter().map(figure).collect::<Vec<_>>(),
            "curves": self.curves.iter().map(curve).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

fn curve(curve: &Curve) -> Value {
    let points = |points: &Vec<Point>| -> Value {
        let point = |point: &Point| {
            json!({
                "number": point.number,
                "cpu_ms": point.cost.cpu,
                "median_ms": point.cost.median,
                "p99_ms": point.cost.p99,
            })
        };
        points.iter().map(point).collect()
    };
    json!({
        "id": curve.id,
        "points": points(&curve.points),
        "other_points": curve.others.as_ref().map(points),
    })
}

fn figure(measured: &Measured) -> Value {
    json!({
        "id": measured.figure.id,
        "title": measured.figure.title,
        "unit": measured.figure.unit,
        "value": measured.value(),
        "rounds": measured.values,
        "recorded": measured.figure.recorded,
        "ratio_to_recorded": measured.ratio_to_recorded(),
        "aim": format!("{:?}", measured.figure.aim),
        "met": measured.met(),
        "other": measured.other(),
        "other_rounds": measured.others,
        "ratio_to_other": measured.ratio_to_other(),
    })
}
