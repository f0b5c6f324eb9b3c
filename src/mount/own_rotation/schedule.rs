//! Times of a cron expression.

use time::{Date, OffsetDateTime, Weekday};

/// How far ahead a time is looked for, in days: eight years may lie between two days of February the 29th.
const HORIZON: u32 = 366 * 9;

/// The minutes of a cron expression of five fields, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    minutes: Numbers,
    hours: Numbers,
    days: Numbers,
    months: Numbers,
    weekdays: Numbers,
}

impl Schedule {
    /// The schedule of an expression; `None` if it is none, or there is no such time.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] =
            ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let mut fields = text.split_whitespace();
        let mut field = |low, high, names: &[&str]| Numbers::parse(fields.next()?, low, high, names);
        let schedule = Self {
            minutes: field(0, 59, &[])?,
            hours: field(0, 23, &[])?,
            days: field(1, 31, &[])?,
            months: field(1, 12, &MONTHS)?,
            weekdays: field(0, 6, &WEEKDAYS)?,
        };
        let is_whole = fields.next().is_none();
        (is_whole && schedule.next_after(OffsetDateTime::UNIX_EPOCH).is_some()).then_some(schedule)
    }

    /// The first time after another one.
    pub(crate) fn next_after(&self, time: OffsetDateTime) -> Option<OffsetDateTime> {
        let mut date = time.date();
        for _ in 0..HORIZON {
            if self.has_day(date)
                && let Some(next) = self.times(date).find(|next| *next > time)
            {
                return Some(next);
            }
            date = date.next_day()?;
        }
        None
    }

    fn times(&self, date: Date) -> impl Iterator<Item = OffsetDateTime> {
        let Self { minutes, hours, .. } = *self;
        hours.each().flat_map(move |hour| {
            minutes.each().filter_map(move |minute| Some(date.with_hms(hour, minute, 0).ok()?.assume_utc()))
        })
    }

    /// A star in one of the two fields for days leaves the other one alone; else either of them will do.
    fn has_day(&self, date: Date) -> bool {
        let weekday: Weekday = date.weekday();
        let in_month = self.days.has(date.day());
        let in_week = self.weekdays.has(weekday.number_days_from_sunday());
        let is_day = if self.days.is_star || self.weekdays.is_star {
            in_month && in_week
        } else {
            in_month || in_week
        };
        self.months.has(u8::from(date.month())) && is_day
    }
}

/// The numbers of one field, all below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    bits: u64,
    /// Whether it has a star, which leaves the choice to other fields.
    is_star: bool,
}

impl Numbers {
    fn parse(text: &str, low: u8, high: u8, names: &[&str]) -> Option<Self> {
        let mut numbers = Self { bits: 0, is_star: false };
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|step| *step > 0)?)),
                None => (part, None),
            };
            let number = |text: &str| {
                let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
                let named = named.and_then(|place| u8::try_from(place).ok()?.checked_add(low));
                named.or_else(|| text.parse().ok()).filter(|number| (low..=high).contains(number))
            };
            let (first, last) = match (range, range.split_once('-')) {
                ("*" | "?", _) => {
                    numbers.is_star |= step.is_none_or(|step| step == 1);
                    (low, high)
                }
                (_, Some((first, last))) => (number(first)?, number(last)?),
                // A number with a step goes on to the end.
                (_, None) => (number(range)?, if step.is_some() { high } else { number(range)? }),
            };
            if first > last {
                return None;
            }
            for number in (first..=last).step_by(usize::from(step.unwrap_or(1))) {
                numbers.bits |= 1_u64.checked_shl(u32::from(number))?;
            }
        }
        Some(numbers)
    }

    fn has(self, number: u8) -> bool {
        self.bits.checked_shr(u32::from(number)).is_some_and(|bits| bits & 1 == 1)
    }

    fn each(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |number| self.has(*number))
    }
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;

    fn time(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    #[test]
    fn the_next_time_is_the_first_one_after() {
        for (schedule, after, next) in [
            // 2026-01-01 is a Thursday.
            ("0 0 * * *", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("0 0 * * *", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
            ("* * * * *", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"),
            ("*/15 * * * *", "2026-01-01T00:46:00Z", "2026-01-01T01:00:00Z"),
            ("5/20 3 * * *", "2026-01-01T03:25:00Z", "2026-01-01T03:45:00Z"),
            ("0 4 * * SAT", "2026-01-01T00:00:00Z", "2026-01-03T04:00:00Z"),
            ("30 1-3,7 * jan-mar mon", "2026-03-30T07:30:00Z", "2027-01-04T01:30:00Z"),
            // Both fields for days: either will do.
            ("0 0 15 * 5", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("0 0 15 * 5", "2026-01-09T00:00:00Z", "2026-01-15T00:00:00Z"),
            // With a star in one of them the other one counts; a star with a step is none.
            ("0 0 ? * 0", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
            ("0 0 */2 * 5", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"),
            ("0 0 1 1 *", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let found = Schedule::parse(schedule).unwrap().next_after(time(after));
            assert_eq!(found, Some(time(next)), "{schedule} after {after}");
        }
    }

    #[test]
    fn what_has_no_time_is_no_schedule() {
        for text in [
            "",
            "@daily",
            "0 0 * *",
            "0 0 * * * *",
            "60 0 * * *",
            "0 24 * * *",
            "0 0 0 * *",
            "0 0 * 13 *",
            "0 0 * * 7",
            "*/0 * * * *",
            "jan 0 * * *",
            "0 0 * mon *",
            "5-3 0 * * *",
            "0 0 30 2 *",
            "0 0 31 4,6,9,11 *",
            "0 0 * * x",
            "-1 0 * * *",
            "0 0 , * *",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }
}
