//! What AWS says is wrong with a signature, where it says more than that.

use time::format_description::well_known::Rfc2822;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::refusal::Skew;

/// Longest message that is looked at, in bytes. AWS's are far shorter.
const MAX_MESSAGE: usize = 512;
/// Length of a date in a signature and in AWS's messages, such as `20220127T001427Z`.
const DATE_LENGTH: usize = 16;

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// Its region is not that of the endpoint.
    Region,
    /// Its date is too far from AWS's clock.
    Clock(Skew),
}

impl SignatureFault {
    /// Reads AWS's message. `date` is the `Date` header of the answer, which counts where the message does
    /// not name AWS's time.
    #[must_use]
    pub fn read(message: &str, date: Option<&str>) -> Option<Self> {
        if message.len() > MAX_MESSAGE {
            return None;
        }
        let message = message.trim();
        if message.starts_with("Credential should be scoped to a valid region") {
            return Some(Self::Region);
        }
        let (signed, now) = clock_of(message, "Signature expired: ", " is now earlier than ")
            .or_else(|| clock_of(message, "Signature not yet current: ", " is still later than "))?;
        let now = now.or_else(|| OffsetDateTime::parse(date?.trim(), &Rfc2822).ok())?;
        let seconds = signed.unix_timestamp().checked_sub(now.unix_timestamp())?;
        Some(Self::Clock(Skew { seconds }))
    }
}

/// The date of the signature and AWS's time out of `<start>SIGNED<middle>LIMIT (NOW - 15 min.)`. The last part
/// may be missing.
fn clock_of(message: &str, start: &str, middle: &str) -> Option<(OffsetDateTime, Option<OffsetDateTime>)> {
    let (signed, rest) = message.strip_prefix(start)?.split_once(middle)?;
    let (signed, _limit) = (date_of(signed)?, date_of(rest.get(..DATE_LENGTH)?)?);
    let now = rest.get(DATE_LENGTH..).and_then(|rest| rest.strip_prefix(" ("));
    let now = now.and_then(|now| date_of(now.split(' ').next().unwrap_or_default()));
    Some((signed, now))
}

fn date_of(text: &str) -> Option<OffsetDateTime> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    // The years of the library may have a sign, those of AWS do not.
    let is_date = text.len() == DATE_LENGTH && text.starts_with(|c: char| c.is_ascii_digit());
    is_date.then(|| PrimitiveDateTime::parse(text, &format).ok().map(PrimitiveDateTime::assume_utc)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skew(message: &str, date: Option<&str>) -> Option<i64> {
        match SignatureFault::read(message, date) {
            Some(SignatureFault::Clock(skew)) => Some(skew.seconds),
            _ => None,
        }
    }

    const EXPIRED: &str = "Signature expired: 20220127T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)";
    const FUTURE: &str = "Signature not yet current: 20210502T183640Z is still later than 20210502T175140Z (20210502T173640Z + 15 min.)";

    #[test]
    fn the_distance_to_the_clock_of_aws_is_read() {
        assert_eq!(skew(EXPIRED, None), Some(-6_301));
        assert_eq!(skew(FUTURE, Some("Wed, 26 Nov 2025 10:00:00 GMT")), Some(3_600));
    }

    #[test]
    fn the_date_of_the_answer_counts_where_the_message_has_none() {
        let message = "Signature expired: 20251126T094000Z is now earlier than 20251126T094500Z";
        for (date, seconds) in [
            (Some("Wed, 26 Nov 2025 10:00:00 GMT"), Some(-1_200)),
            (Some("26.11.2025"), None),
            (Some(""), None),
            (None, None),
        ] {
            assert_eq!(skew(message, date), seconds, "{date:?}");
        }
    }

    #[test]
    fn a_wrong_region_is_read_with_and_without_its_name() {
        for message in [
            "Credential should be scoped to a valid region. ",
            "Credential should be scoped to a valid region, not 'eu-west-1'. ",
        ] {
            assert_eq!(SignatureFault::read(message, None), Some(SignatureFault::Region));
        }
    }

    #[test]
    fn every_other_message_says_nothing() {
        let date = Some("Wed, 26 Nov 2025 10:00:00 GMT");
        for message in [
            "",
            "Credential should be scoped to correct service: 'sts'. ",
            "Signature expired: ",
            "Signature expired: 20220127T001427Z is now earlier than now",
            "Signature expired: 20220127T001427Z is now earlier than 20220127T01442",
            "Signature expired: 20220127T001427Z is now earlier than 20220127T01442é (20220127T015928Z - 15 min.)",
            "Signature expired: 20221327T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)",
            "Signature expired: +0220127T00142Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)",
            "Signature expired: 20220127T001427Z is still later than 20220127T014428Z (20220127T015928Z - 15 min.)",
        ] {
            assert_eq!(SignatureFault::read(message, date), None, "{message}");
        }
        assert_eq!(SignatureFault::read(&format!("{EXPIRED}{}", " ".repeat(MAX_MESSAGE)), None), None);
    }

    #[test]
    fn no_part_and_no_broken_copy_of_a_message_does_harm() {
        let dates =
            [None, Some("Wed, 26 Nov 9999 23:59:59 GMT"), Some("Wed, 26 Nov 2025 10:00:00 +9999"), Some("é")];
        for message in [EXPIRED, FUTURE, "Credential should be scoped to a valid region. "] {
            for at in 0..message.len() {
                let (head, tail) = message.split_at(at);
                for inserted in ["", "é", "\0", "9", "-", " (", "\u{1f600}"] {
                    for date in dates {
                        let _ = SignatureFault::read(head, date);
                        let _ = SignatureFault::read(&format!("{head}{inserted}{tail}"), date);
                        let _ = SignatureFault::read(
                            &format!("{head}{inserted}{}", tail.get(1..).unwrap()),
                            date,
                        );
                    }
                }
            }
        }
    }
}
