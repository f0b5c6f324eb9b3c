//! All figures of a run, with where and how they were measured.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::abuse::row::{self as abuse, Row};
use crate::curves::{Curve, Point};
use crate::figure::Measured;
use crate::machine;
use crate::options::Options;
use crate::row;
use testkit::host::Host;

/// A plugin that was measured.
pub(crate) struct Binary {
    path: PathBuf,
    /// What it says of itself; may be empty.
    version: String,
}

impl Binary {
    async fn ask(options: &Options, path: &Path) -> Self {
        let host = Host::launch(options.launch(path)).await;
        let registration = host.register().await.unwrap_or_else(|error| panic!("{error}"));
        let mut version = registration.version;
        // This plugin leaves its version to the catalog.
        if version.is_empty() && path == Path::new(testkit::binary!()) {
            env!("CARGO_PKG_VERSION").clone_into(&mut version);
        }
        Self { path: path.to_owned(), version }
    }

    /// File name and version.
    #[must_use]
    pub(crate) fn name(&self) -> String {
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!("{file} {}", self.version).trim_end().to_owned()
    }

    fn json(&self) -> Value {
        json!({"path": self.path, "version": self.version})
    }
}

/// All of a run.
pub(crate) struct Report {
    plugin: Binary,
    /// The other binary.
    pub other: Option<Binary>,
    options: Options,
    /// The figures.
    pub measured: Vec<Measured>,
    /// The curves.
    pub curves: Vec<Curve>,
    /// Honest logins under attack.
    pub abuse: Vec<Row>,
    /// What a reader must know beside them.
    pub notes: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    pub(crate) async fn new(options: &Options) -> Self {
        let mut notes = Vec::new();
        if options.quick {
            notes.push("A quick run: these figures mean nothing.".to_owned());
        }
        if cfg!(debug_assertions) {
            notes.push("Built without optimisation: these figures mean nothing.".to_owned());
        }
        let other = match &options.other {
            Some(other) => Some(Binary::ask(options, other).await),
            None => None,
        };
        Self {
            plugin: Binary::ask(options, &options.plugin).await,
            other,
            options: options.clone(),
            measured: Vec::new(),
            curves: Vec::new(),
            abuse: Vec::new(),
            notes,
        }
    }

    /// What was measured, where and how, in lines.
    #[must_use]
    pub(crate) fn title(&self) -> String {
        let other = self.other.as_ref().map(|other| format!(", beside {}", other.name())).unwrap_or_default();
        let Options { clients, logins, rounds, roles, mounts, delay, .. } = &self.options;
        format!(
            "{}{other}\n{}\n{rounds} rounds of {logins} logins by {clients} clients; many roles are {roles}, many \
             mounts {mounts}; STS answers after {delay} ms",
            self.plugin.name(),
            machine::line(),
        )
    }

    /// Writes the JSON file.
    ///
    /// # Panics
    /// If it cannot be written.
    pub(crate) fn write(&self, path: &Path) {
        let folder = path.parent().expect("a file stands in a folder");
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let text = format!("{:#}\n", self.json());
        std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    fn json(&self) -> Value {
        json!({
            "plugin": self.plugin.json(),
            "other": self.other.as_ref().map(Binary::json),
            "date": OffsetDateTime::now_utc().format(&Rfc3339).expect("a date can be written"),
            "machine": machine::description(),
            "optimised": !cfg!(debug_assertions),
            "options": {
                "delay_ms": self.options.delay,
                "mounts": self.options.mounts,
                "roles": self.options.roles,
                "clients": self.options.clients,
                "rounds": self.options.rounds,
                "logins": self.options.logins,
                "quick": self.options.quick,
            },
            "figures": self.measured.iter().map(figure).collect::<Vec<_>>(),
            "curves": self.curves.iter().map(curve).collect::<Vec<_>>(),
            "abuse": abuse::json(&self.abuse),
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
        "target": row::target(measured.figure.aim, measured.figure.unit),
        "met": measured.met(),
        "other": measured.other(),
        "other_rounds": measured.others,
        "ratio_to_other": measured.ratio_to_other(),
    })
}
