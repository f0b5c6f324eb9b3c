//! A figure: what it is called, what it should be, and what was measured.

use crate::Bench;
use testkit::statistics::{median, median_ratio};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// Name in the JSON file.
    pub id: &'static str,
    /// Name in the table.
    pub title: &'static str,
    /// Unit; empty for counts and ratios.
    pub unit: &'static str,
    /// The same of the Go plugin, as recorded behind OpenBao 2.7.2 on two cores.
    pub recorded: Option<f64>,
    /// What it should be.
    pub aim: Aim,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// Nothing; it is told because it explains others.
    Information,
    /// At most that part of what was recorded of the Go plugin.
    OfRecorded(f64),
    /// At most that.
    AtMost(f64),
    /// Below that.
    Below(f64),
    /// Exactly that.
    Exactly(f64),
}

impl Figure {
    /// A figure without an aim.
    #[must_use]
    pub(crate) const fn information(id: &'static str, title: &'static str, unit: &'static str) -> Self {
        Self { id, title, unit, recorded: None, aim: Aim::Information }
    }

    /// A figure with an aim.
    #[must_use]
    pub(crate) const fn aimed(id: &'static str, title: &'static str, unit: &'static str, aim: Aim) -> Self {
        Self { id, title, unit, recorded: None, aim }
    }

    /// With what was recorded of the Go plugin.
    #[must_use]
    pub(crate) const fn recorded(self, value: f64) -> Self {
        Self { recorded: Some(value), ..self }
    }

    /// Whether a value is what it should be; `None` if nothing is asked of it.
    #[must_use]
    pub(crate) fn met(&self, value: f64) -> Option<bool> {
        match self.aim {
            Aim::Information => None,
            Aim::OfRecorded(ratio) => Some(value <= ratio * self.recorded.unwrap_or(f64::NAN)),
            Aim::AtMost(limit) => Some(value <= limit),
            Aim::Below(limit) => Some(value < limit),
            Aim::Exactly(wanted) => Some((value - wanted).abs() < 1e-9),
        }
    }
}

/// A figure and the values of all rounds.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// The figure.
    pub figure: &'static Figure,
    /// Values of the plugin, round by round.
    pub values: Vec<f64>,
    /// Values of the other one.
    pub others: Option<Vec<f64>>,
}

impl Measured {
    /// Nothing yet.
    #[must_use]
    pub(crate) fn new(figure: &'static Figure, bench: &Bench) -> Self {
        Self { figure, values: Vec::new(), others: bench.options.other.as_ref().map(|_| Vec::new()) }
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, value: f64, other: Option<f64>) {
        self.values.push(value);
        self.others.as_mut().zip(other).into_iter().for_each(|(others, other)| others.push(other));
    }

    /// The value: the median of the rounds.
    #[must_use]
    pub(crate) fn value(&self) -> f64 {
        median(&self.values)
    }

    /// The value of the other one.
    #[must_use]
    pub(crate) fn other(&self) -> Option<f64> {
        self.others.as_deref().map(median)
    }

    /// To what was recorded of the Go plugin.
    #[must_use]
    pub(crate) fn ratio_to_recorded(&self) -> Option<f64> {
        self.figure.recorded.map(|recorded| self.value() / recorded)
    }

    /// To the other one: the median of the ratios of the rounds.
    #[must_use]
    pub(crate) fn ratio_to_other(&self) -> Option<f64> {
        self.others.as_deref().map(|others| median_ratio(&self.values, others))
    }

    /// Whether it is what it should be.
    #[must_use]
    pub(crate) fn met(&self) -> Option<bool> {
        self.figure.met(self.value())
    }
}
