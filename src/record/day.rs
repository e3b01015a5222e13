//! A calendar day in Asia/Shanghai, and the instant of a question.

use compact_str::CompactString;
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// China keeps one time all year (since 1991), so an offset serves where a zone database would.
const SHANGHAI: Offset = Offset::constant(8);

/// A calendar day in Asia/Shanghai: days since 1970-01-01. Terms are kept and compared as days,
/// ends inclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day that no term reaches: 2099-12-31 and everything after it is read as "no end".
    pub const FOREVER_FROM: Day = Day(47_481);

    /// The day of a civil date, or `None` outside years 1800..=2200, where only mistakes live.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Day> {
        if !(1800..=2200).contains(&year) {
            return None;
        }
        let date = Date::new(year, month, day).ok()?;
        Some(Day::from_date(date))
    }

    /// There is such a day in the calendar, of whatever year. Cheaper than to make it.
    #[inline]
    pub fn exists(year: i16, month: i8, day: i8) -> bool {
        Date::new(year, month, day).is_ok()
    }

    fn from_date(date: Date) -> Day {
        let since = date.duration_since(Date::constant(1970, 1, 1));
        Day((since.as_secs() / 86_400) as i32)
    }

    fn to_date(self) -> Date {
        let epoch = Date::constant(1970, 1, 1);
        epoch
            .checked_add(SignedDuration::from_hours(24 * i64::from(self.0)))
            .unwrap_or(if self.0 < 0 { Date::MIN } else { Date::MAX })
    }

    /// Year, month, day.
    pub fn ymd(self) -> (i16, i8, i8) {
        let date = self.to_date();
        (date.year(), date.month(), date.day())
    }

    /// As it is displayed. Files of millions of rows are full of them.
    pub fn iso(self) -> CompactString {
        let (year, month, day) = self.ymd();
        let (Ok(year @ 0..=9999), Ok(month), Ok(day)) =
            (u16::try_from(year), u8::try_from(month), u8::try_from(day))
        else {
            return compact_str::format_compact!("{year:04}-{month:02}-{day:02}");
        };
        let digit = |number: u16| b'0' + (number % 10) as u8;
        let [month, day] = [month, day].map(u16::from);
        let of_year = [year / 1000, year / 100, year / 10, year].map(digit);
        let [m, d] = [month, day].map(|number| [number / 10, number].map(digit));
        let text =
            [of_year[0], of_year[1], of_year[2], of_year[3], b'-', m[0], m[1], b'-', d[0], d[1]];
        // Digits and hyphens are text.
        CompactString::from_utf8(text).unwrap_or_default()
    }

    /// This day moved by so many days.
    pub fn plus(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }
}

impl fmt::Display for Day {
    /// ISO 8601: `2026-03-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Day, jiff::Error> {
        text.parse::<Date>().map(Day::from_date)
    }
}

impl Serialize for Day {
    /// As it is displayed.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The instant for which a check is decided: whole seconds since 1970-01-01T00:00:00Z.
/// Made by the edge; nothing below it reads a clock.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Instant(pub i64);

impl Instant {
    /// That of milliseconds since 1970.
    pub fn of_millis(millis: u64) -> Instant {
        Instant((millis / 1_000) as i64)
    }

    /// The calendar day of this instant in Asia/Shanghai.
    pub fn day(self) -> Day {
        let local = self.0.saturating_add(i64::from(SHANGHAI.seconds()));
        Day(local.div_euclid(86_400).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32)
    }

    /// The first instant of a day in Asia/Shanghai.
    pub fn start_of(day: Day) -> Instant {
        Instant(i64::from(day.0) * 86_400 - i64::from(SHANGHAI.seconds()))
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 with the offset of Asia/Shanghai: `2026-11-22T10:00:00+08:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = SHANGHAI.to_datetime(timestamp);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+08:00",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second()
        )
    }
}

impl std::str::FromStr for Instant {
    type Err = jiff::Error;

    /// RFC 3339 with any offset.
    fn from_str(text: &str) -> Result<Instant, jiff::Error> {
        text.parse::<Timestamp>().map(|timestamp| Instant(timestamp.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_turn_over_at_midnight_in_shanghai() {
        let before: Instant = "2026-03-31T23:59:59+08:00".parse().unwrap();
        let after: Instant = "2026-04-01T00:00:00+08:00".parse().unwrap();
        assert_eq!(before.day(), Day::from_ymd(2026, 3, 31).unwrap());
        assert_eq!(after.day(), before.day().plus(1));
        assert_eq!(Instant::start_of(after.day()), after);
        assert_eq!(after.to_string(), "2026-04-01T00:00:00+08:00");
    }

    #[test]
    fn days_read_back_as_written() {
        for text in ["1900-01-01", "1970-01-01", "2024-02-29", "2099-12-31"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        assert_eq!("2099-12-31".parse::<Day>().unwrap(), Day::FOREVER_FROM);
        assert_eq!(Day::from_ymd(2025, 2, 29), None);
        assert_eq!(Day::from_ymd(20, 1, 1), None);
    }
}
