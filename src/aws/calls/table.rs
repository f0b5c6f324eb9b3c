//! A bounded table of lines, found without making a key.

use std::cmp::Ordering;
use std::num::NonZeroUsize;

use super::api::{Api, Purpose};

/// What the calls of a line have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineKey<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) api: Api,
    pub(super) purpose: Purpose,
}

struct Row<T> {
    account: Box<str>,
    region: Box<str>,
    api: Api,
    purpose: Purpose,
    used: u64,
    line: T,
}

impl<T> Row<T> {
    fn key(&self) -> LineKey<'_> {
        LineKey { account: &self.account, region: &self.region, api: self.api, purpose: self.purpose }
    }
}

/// Lines, sorted by key. When there are too many, the one that was used least recently goes. A table
/// without lines takes no memory.
pub(super) struct Table<T> {
    rows: Vec<Row<T>>,
    capacity: NonZeroUsize,
    /// Counts uses.
    used: u64,
}

impl<T> Table<T> {
    pub(super) const fn new(capacity: NonZeroUsize) -> Self {
        Self { rows: Vec::new(), capacity, used: 0 }
    }

    /// The line, if there is one.
    pub(super) fn find(&mut self, key: LineKey<'_>) -> Option<&mut T> {
        let place = self.place(key).ok()?;
        self.touch(place)
    }

    /// The line; a new one if there is none. `None` cannot happen.
    pub(super) fn find_or_insert(&mut self, key: LineKey<'_>, new: impl FnOnce() -> T) -> Option<&mut T> {
        let place = match self.place(key) {
            Ok(place) => place,
            Err(_) => {
                if self.rows.len() >= self.capacity.get() {
                    self.remove_least_recently_used();
                }
                let LineKey { account, region, api, purpose } = key;
                let place = self.place(key).unwrap_or_else(|place| place);
                let (account, region) = (account.into(), region.into());
                let row = Row { account, region, api, purpose, used: 0, line: new() };
                self.rows.insert(place, row);
                place
            }
        };
        self.touch(place)
    }

    /// All lines, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = (LineKey<'_>, &T)> {
        self.rows.iter().map(|row| (row.key(), &row.line))
    }

    fn place(&self, key: LineKey<'_>) -> Result<usize, usize> {
        self.rows.binary_search_by(|row| -> Ordering { row.key().cmp(&key) })
    }

    fn touch(&mut self, place: usize) -> Option<&mut T> {
        self.used = self.used.saturating_add(1);
        let row = self.rows.get_mut(place)?;
        row.used = self.used;
        Some(&mut row.line)
    }

    fn remove_least_recently_used(&mut self) {
        let oldest = self.rows.iter().enumerate().min_by_key(|(_, row)| row.used).map(|(place, _)| place);
        if let Some(oldest) = oldest {
            self.rows.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(account: &'a str, region: &'a str) -> LineKey<'a> {
        LineKey { account, region, api: Api::GetRole, purpose: Purpose::General }
    }

    fn accounts(table: &Table<u8>) -> Vec<&str> {
        table.iter().map(|(key, _)| key.account).collect()
    }

    #[test]
    fn the_line_that_was_used_least_recently_goes() {
        let mut table = Table::new(NonZeroUsize::new(2).unwrap());
        table.find_or_insert(key("2", ""), || 2);
        table.find_or_insert(key("1", ""), || 1);
        assert_eq!(accounts(&table), ["1", "2"]);
        assert_eq!(table.find(key("2", "")), Some(&mut 2));
        table.find_or_insert(key("3", ""), || 3);
        assert_eq!(accounts(&table), ["2", "3"]);
        assert_eq!(table.find_or_insert(key("2", ""), || 9), Some(&mut 2));
    }

    #[test]
    fn every_part_of_a_key_tells_lines_apart() {
        let mut table = Table::new(NonZeroUsize::new(9).unwrap());
        table.find_or_insert(key("1", "r"), || 1);
        assert_eq!(table.find(key("1", "r")), Some(&mut 1));
        for other in [
            key("2", "r"),
            key("1", "s"),
            key("1r", ""),
            LineKey { api: Api::GetUser, ..key("1", "r") },
            LineKey { purpose: Purpose::RoleWrite, ..key("1", "r") },
        ] {
            assert_eq!(table.find(other), None, "{other:?}");
        }
    }
}
