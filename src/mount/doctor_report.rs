//! What a run of the doctor found. The probes themselves are in [`doctor`](crate::doctor).

use std::time::Duration;

use crate::refusal::{Blame, Coded};

/// Longest text of a finding, in characters: it may quote AWS.
const MAX_SHOWN: usize = 1024;

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// Logins fail by it, or will.
    Failed,
    /// It was not tried; `seen` says why.
    Skipped,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it ended.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// Who must act, if anybody.
    pub who_acts: Option<Blame>,
    /// What helps; empty if nothing must be done.
    pub hint: String,
}

impl Finding {
    /// As it should be.
    pub fn ok(seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, seen: seen.into(), who_acts: None, hint: String::new() }
    }

    /// Not tried.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(why) }
    }

    /// Something for somebody to do.
    pub fn to_do(
        verdict: Verdict,
        seen: impl Into<String>,
        who_acts: Blame,
        hint: impl Into<String>,
    ) -> Self {
        Self { verdict, seen: seen.into(), who_acts: Some(who_acts), hint: hint.into() }
    }

    /// What an error says.
    pub fn of_error(verdict: Verdict, error: &dyn Coded) -> Self {
        let code = error.code();
        let hint = error.hint().map_or_else(|| code.hint().to_owned(), |hint| hint.to_string());
        Self::to_do(verdict, one_line(&error.to_string()), code.blame(), hint)
    }

    /// A failure, as an error says it.
    pub fn failed(error: &dyn Coded) -> Self {
        Self::of_error(Verdict::Failed, error)
    }
}

/// A text without line breaks and not too long.
fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(MAX_SHOWN).collect()
}

/// One probe that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its name.
    pub name: String,
    /// What should be seen.
    pub wanted: String,
    /// What it found.
    pub finding: Finding,
    /// How long it took.
    pub duration: Duration,
}

/// What is wanted of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Names of probes, or what they begin with up to a dot; none means all.
    pub only: Vec<String>,
    /// How long each probe may take.
    pub limit: Duration,
}

impl Wishes {
    /// Whether a probe is wanted.
    #[must_use]
    pub fn include(&self, probe: &str) -> bool {
        let named = |wanted: &String| {
            probe.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.only.is_empty() || self.only.iter().any(named)
    }

    /// Whether any probe of a group may be wanted.
    #[must_use]
    pub fn include_some_of(&self, group: &str) -> bool {
        let of_group = |wanted: &String| wanted.split('.').next() == Some(group);
        self.only.is_empty() || self.only.iter().any(of_group)
    }
}

/// What a run found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorReport {
    /// What was wanted of it.
    pub wishes: Wishes,
    /// The probes, in an order that does not depend on how fast they were.
    pub probes: Vec<Probe>,
}

impl DoctorReport {
    /// Whether nothing failed.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.with(Verdict::Failed).next().is_none()
    }

    /// The outcome in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        for (verdict, is_named) in [
            (Verdict::Failed, true),
            (Verdict::Warning, true),
            (Verdict::Ok, false),
            (Verdict::Skipped, false),
        ] {
            let names: Vec<&str> = self.with(verdict).map(|probe| probe.name.as_str()).collect();
            match names.len() {
                0 => {}
                count if is_named => {
                    parts.push(format!("{count} {} ({})", verdict.as_str(), names.join(", ")));
                }
                count => parts.push(format!("{count} {}", verdict.as_str())),
            }
        }
        if parts.is_empty() { "no probe is of such a name".to_owned() } else { parts.join(", ") }
    }

    fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Probe> {
        self.probes.iter().filter(move |probe| probe.finding.verdict == verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_wanted_by_name_and_by_what_stands_before_a_dot() {
        let wishes = |only: &[&str]| Wishes {
            only: only.iter().map(|name| (*name).to_owned()).collect(),
            limit: Duration::ZERO,
        };
        assert!(wishes(&[]).include("dns.sts") && wishes(&[]).include_some_of("dns"));
        let some = wishes(&["dns", "account.1"]);
        for (probe, is_wanted) in
            [("dns.sts", true), ("account.1", true), ("account.12", false), ("dnsx", false)]
        {
            assert_eq!(some.include(probe), is_wanted, "{probe}");
        }
        assert!(some.include_some_of("account") && !some.include_some_of("clock"));
    }

    #[test]
    fn the_summary_names_what_is_to_be_done() {
        let probe = |name: &str, verdict| Probe {
            name: name.to_owned(),
            wanted: String::new(),
            finding: Finding { verdict, ..Finding::ok("") },
            duration: Duration::ZERO,
        };
        let mut report = DoctorReport {
            wishes: Wishes { only: Vec::new(), limit: Duration::ZERO },
            probes: vec![probe("a", Verdict::Ok), probe("b", Verdict::Warning), probe("c", Verdict::Skipped)],
        };
        assert_eq!(
            (report.summary().as_str(), report.is_healthy()),
            ("1 warning (b), 1 ok, 1 skipped", true)
        );
        report.probes.push(probe("d", Verdict::Failed));
        assert!(report.summary().starts_with("1 failed (d), ") && !report.is_healthy());
        report.probes.clear();
        assert_eq!(report.summary(), "no probe is of such a name");
    }
}
