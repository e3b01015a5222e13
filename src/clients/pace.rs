//! How much a client asks: a second, at once, and for persons who are on no list.

use dashmap::DashMap;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use rustc_hash::{FxBuildHasher, FxHashSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// How long misses of one operator are counted together.
pub const MISSES_SECONDS: i64 = 600;
/// Operators of one client of whom misses are counted.
const OPERATORS_MAX: usize = 10_000;

/// What the file bounds. `None` is no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Requests a second, on the average.
    pub per_second: Option<NonZeroU32>,
    /// Requests that may come at one moment after a silence. As many as a second's where it is not told.
    pub burst: Option<NonZeroU32>,
    /// Requests that are answered at one time.
    pub concurrency: Option<NonZeroU32>,
    /// Natural persons on no list that one operator may ask about in [`MISSES_SECONDS`].
    pub misses: u32,
}

/// What is known of a client's asking. Shared by all workers.
pub struct Pace {
    /// What bounds it.
    pub bounds: Bounds,
    rate: Option<DefaultDirectRateLimiter>,
    at_work: AtomicU32,
    /// By a digest of the operator.
    misses: DashMap<u64, Misses, FxBuildHasher>,
}

struct Misses {
    since: i64,
    persons: FxHashSet<u64>,
}

/// Leave to answer one request, given back when dropped.
#[derive(Debug)]
pub struct Permit(Option<Arc<Pace>>);

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pace) = &self.0 {
            pace.at_work.fetch_sub(1, Relaxed);
        }
    }
}

impl Pace {
    /// Of a client that has asked nothing.
    pub fn new(bounds: Bounds) -> Pace {
        let quota = |per_second: NonZeroU32| {
            Quota::per_second(per_second).allow_burst(bounds.burst.unwrap_or(per_second))
        };
        let rate = bounds.per_second.map(|per_second| RateLimiter::direct(quota(per_second)));
        Pace { bounds, rate, at_work: AtomicU32::new(0), misses: DashMap::default() }
    }

    /// Take up one request, or say when it may come again.
    pub fn admit(self: &Arc<Pace>) -> Result<Permit, Duration> {
        const AT_WORK: Duration = Duration::from_secs(1);
        let permit = match self.bounds.concurrency {
            None => Permit(None),
            Some(most) => {
                let permit = (self.at_work.fetch_add(1, Relaxed), Permit(Some(self.clone())));
                if permit.0 >= most.get() {
                    return Err(AT_WORK);
                }
                permit.1
            }
        };
        let Some(rate) = &self.rate else { return Ok(permit) };
        rate.check().map_err(|early| early.wait_time_from(DefaultClock::default().now()))?;
        Ok(permit)
    }

    /// How long the operator must wait who asked about too many persons on no list; `None`: not at all.
    pub fn probing(&self, operator: u64, now: i64) -> Option<Duration> {
        let misses = self.misses.get(&operator)?;
        let left = misses.since + MISSES_SECONDS - now;
        let is_beyond = left > 0 && misses.persons.len() > self.bounds.misses as usize;
        is_beyond.then(|| Duration::from_secs(left.unsigned_abs()))
    }

    /// Note that a natural person is on no list; `true` at the first beyond the bound.
    pub fn miss(&self, operator: u64, person: u64, now: i64) -> bool {
        // Where there are more operators than anybody has, they are one.
        let operator = if self.misses.len() < OPERATORS_MAX { operator } else { 0 };
        let mut misses = self
            .misses
            .entry(operator)
            .or_insert_with(|| Misses { since: now, persons: FxHashSet::default() });
        if misses.since + MISSES_SECONDS <= now {
            *misses = Misses { since: now, persons: FxHashSet::default() };
        }
        let most = self.bounds.misses as usize;
        misses.persons.len() <= most && misses.persons.insert(person) && misses.persons.len() > most
    }

    /// Forget misses whose time is over. Cost: all operators; not for a worker.
    pub(super) fn sweep(&self, now: i64) {
        self.misses.retain(|_, misses| misses.since + MISSES_SECONDS > now);
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bounds.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Bounds = Bounds { per_second: None, burst: None, concurrency: None, misses: 2 };

    #[test]
    fn a_burst_passes_and_what_follows_is_told_when_to_come_again() {
        let per_second = NonZeroU32::new(1);
        let bounds = Bounds { per_second, burst: NonZeroU32::new(3), ..FREE };
        let pace = Arc::new(Pace::new(bounds));
        for _ in 0..3 {
            pace.admit().unwrap();
        }
        let wait = pace.admit().unwrap_err();
        assert!(wait > Duration::from_millis(500) && wait <= Duration::from_secs(1), "{wait:?}");
    }

    #[test]
    fn as_many_are_at_work_as_may_be() {
        let pace = Arc::new(Pace::new(Bounds { concurrency: NonZeroU32::new(2), ..FREE }));
        let first = pace.admit().unwrap();
        let _second = pace.admit().unwrap();
        assert!(pace.admit().is_err() && pace.admit().is_err());
        drop(first);
        assert!(pace.admit().is_ok());
    }

    #[test]
    fn many_distinct_misses_of_one_operator_are_noticed_once() {
        let pace = Pace::new(FREE);
        assert!([1, 1, 2, 2].iter().all(|&person| !pace.miss(7, person, 100)));
        assert_eq!(pace.probing(7, 100), None);
        assert!(pace.miss(7, 3, 160) && !pace.miss(7, 4, 160));
        assert_eq!(pace.probing(7, 160), Some(Duration::from_secs(540)));
        assert_eq!((pace.probing(8, 160), pace.probing(7, 700)), (None, None));
        assert!(!pace.miss(7, 5, 700), "another ten minutes");
        pace.sweep(2_000);
        assert!(pace.misses.is_empty());
    }
}
