//! When a source is asked next.

use crate::record::Instant;
use chrono::{DateTime, FixedOffset};
use croner::Cron;
use serde::Deserialize;
use std::str::FromStr;

/// Seconds between two fetches, unless told.
const EVERY_SECONDS: u64 = 60;
/// The longest pause after failures.
const BACKOFF_SECONDS_MAX: i64 = 3_600;

/// `every_seconds`, or a cron expression in the time of Shanghai.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Seconds from one fetch to the next. Default: 60.
    pub every_seconds: Option<u64>,
    /// Minute, hour, day of month, month, day of week: `30 6 * * 1-5` is 6:30 on working days.
    pub cron: Option<String>,
}

impl Schedule {
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        match (&self.every_seconds, &self.cron) {
            (Some(_), Some(_)) => {
                Err("every_seconds 与 cron 只能设一个 / only one of every_seconds and cron"
                    .to_owned())
            }
            (Some(0), None) => Err("every_seconds 必须大于 0 / must be above 0".to_owned()),
            (_, Some(cron)) => Cron::from_str(cron)
                .map(|_| ())
                .map_err(|error| format!("cron = {cron:?}: {error}")),
            _ => Ok(()),
        }
    }

    /// When it is due after an attempt, of which the last `failures` failed: those of an interval are
    /// tried again sooner at first and ever later then, an hour at most.
    pub fn after(&self, attempted: Instant, failures: u32) -> Instant {
        let every = self.every_seconds.unwrap_or(EVERY_SECONDS) as i64;
        if failures > 0 {
            let pause = 5i64.saturating_mul(1 << failures.min(12));
            let regular = self.regular(attempted, every).0 - attempted.0;
            let longest = BACKOFF_SECONDS_MAX.max(every.min(regular));
            return Instant(attempted.0 + pause.min(longest));
        }
        self.regular(attempted, every)
    }

    fn regular(&self, attempted: Instant, every: i64) -> Instant {
        let cron = self.cron.as_deref().and_then(|cron| Cron::from_str(cron).ok());
        let next = cron.and_then(|cron| next_of(&cron, attempted));
        next.unwrap_or(Instant(attempted.0.saturating_add(every)))
    }
}

/// The expression's time is that of Shanghai, like every day here.
fn next_of(cron: &Cron, after: Instant) -> Option<Instant> {
    let zone = FixedOffset::east_opt(8 * 3_600)?;
    let after = DateTime::from_timestamp(after.0, 0)?.with_timezone(&zone);
    let next = cron.find_next_occurrence(&after, false).ok()?;
    Some(Instant(next.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn intervals_crons_and_failures() {
        let every = Schedule { every_seconds: Some(600), cron: None };
        let noon = at("2026-11-25T12:00:00+08:00");
        assert_eq!(every.after(noon, 0).0 - noon.0, 600);
        let pauses: Vec<i64> = (1..=12).map(|n| every.after(noon, n).0 - noon.0).collect();
        assert_eq!(pauses[..4], [10, 20, 40, 80]);
        assert_eq!(*pauses.last().unwrap(), 3_600);
        let cron = Schedule { every_seconds: None, cron: Some("30 6 * * 1-5".to_owned()) };
        assert_eq!(cron.after(noon, 0), at("2026-11-26T06:30:00+08:00"));
        assert_eq!(cron.after(at("2026-11-27T06:30:00+08:00"), 0), at("2026-11-30T06:30:00+08:00"));
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |every_seconds, cron: Option<&str>| {
            Schedule { every_seconds, cron: cron.map(str::to_owned) }.check().unwrap_err()
        };
        assert!(wrong(None, Some("61 * * * *")).contains("61"));
        assert!(wrong(Some(1), Some("* * * * *")).contains("only one"));
        assert!(wrong(Some(0), None).contains("above 0"));
        assert!(Schedule::default().check().is_ok());
    }
}
