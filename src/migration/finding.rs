//! One finding, and the kind it is of.

/// Longest text of an entry that a finding shows, in bytes.
const MAX_SEEN: usize = 256;

/// What a finding means for whoever may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// One of the methods admits, or sends its keys to, more than it should.
    Danger,
    /// Some callers or writes have another outcome.
    Change,
    /// Good to know; nobody is admitted or refused otherwise.
    Info,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Danger, Self::Change, Self::Info];

    /// Its name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Danger => "danger",
            Self::Change => "change",
            Self::Info => "info",
        }
    }
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name, which never changes.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What the built-in method does.
    pub built_in: &'static str,
    /// What this plugin does.
    pub here: &'static str,
    /// What helps. `PATH` stands for the path of the entry in the host's API, `CLI` for the host's command line.
    pub to_do: &'static str,
}

/// Something about one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The path of the API by which the entry is written, such as `role/dev`.
    pub path: String,
    /// What kind it is of.
    pub row: &'static Row,
    /// What of the entry it is about; never a secret. May be empty.
    pub seen: String,
}

impl Finding {
    /// A finding; what is seen is cut where it is too long.
    pub(super) fn new(path: &str, row: &'static Row, seen: impl Into<String>) -> Self {
        let mut seen = seen.into();
        if seen.len() > MAX_SEEN {
            seen.truncate(seen.floor_char_boundary(MAX_SEEN));
            seen.push('…');
        }
        Self { path: path.to_owned(), row, seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::ROWS;

    #[test]
    fn what_is_seen_is_bounded() {
        let [row, ..] = ROWS;
        let seen = |text: String| Finding::new("role/r", row, text).seen;
        assert_eq!(seen("é".repeat(128)), "é".repeat(128));
        assert_eq!(seen(format!("x{}", "é".repeat(200))), format!("x{}…", "é".repeat(127)));
    }
}
