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
    /// The same of all operators together, whose names are the client's to choose.
    pub misses_total: u32,
}

/// Who asked about too many persons on no list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beyond {
    /// One operator.
    Operator,
    /// All of the client together.
    Client,
}

/// What is known of a client's asking. Shared by all workers.
pub struct Pace {
    /// What bounds it.
    pub bounds: Bounds,
    rate: Option<DefaultDirectRateLimiter>,
    at_work: AtomicU32,
    misses: DashMap<Counted, Misses, FxBuildHasher>,
}

/// Whose misses are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    /// Those of one operator, by a digest of its name.
    Operator(u64),
    /// Those of all operators for whom there is no room.
    Others,
    /// All of the client.
    All,
}

struct Misses {
    since: i64,
    persons: FxHashSet<u64>,
}

impl Misses {
    fn new(since: i64) -> Misses {
        Misses { since, persons: FxHashSet::default() }
    }

    /// Note a person; `true` at the first beyond the bound.
    fn note(&mut self, person: u64, now: i64, most: u32) -> bool {
        if self.since + MISSES_SECONDS <= now {
            *self = Misses::new(now);
        }
        let (persons, most) = (&mut self.persons, most as usize);
        persons.len() <= most && persons.insert(person) && persons.len() > most
    }

    /// How long until they are forgotten, where they are beyond the bound.
    fn wait(&self, now: i64, most: u32) -> Option<Duration> {
        let left = self.since + MISSES_SECONDS - now;
        let is_beyond = left > 0 && self.persons.len() > most as usize;
        is_beyond.then(|| Duration::from_secs(left.unsigned_abs()))
    }
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

    /// How long the operator must wait who asked, or whose client did, about too many persons on no list; `None`:
    /// not at all.
    pub fn probing(&self, operator: u64, now: i64) -> Option<Duration> {
        let Bounds { misses, misses_total, .. } = self.bounds;
        let counted = [(self.counted(operator), misses), (Counted::All, misses_total)];
        let wait = |(counted, most)| self.misses.get(&counted)?.wait(now, most);
        counted.into_iter().filter_map(wait).max()
    }

    /// Note that a natural person is on no list; who is beyond the bound by the first that is.
    pub fn miss(&self, operator: u64, person: u64, now: i64) -> Option<Beyond> {
        let Bounds { misses, misses_total, .. } = self.bounds;
        let note = |counted, most| {
            let mut misses = self.misses.entry(counted).or_insert_with(|| Misses::new(now));
            misses.note(person, now, most)
        };
        let is_operator = note(self.counted(operator), misses);
        let is_client = note(Counted::All, misses_total);
        match (is_operator, is_client) {
            (_, true) => Some(Beyond::Client),
            (true, false) => Some(Beyond::Operator),
            (false, false) => None,
        }
    }

    /// Where the misses of an operator are counted. Where there are more operators than anybody has, new ones are
    /// counted as one.
    fn counted(&self, operator: u64) -> Counted {
        let own = Counted::Operator(operator);
        // Room is asked for last: that goes through all shards.
        let has_room = self.misses.contains_key(&own) || self.misses.len() < OPERATORS_MAX;
        if has_room { own } else { Counted::Others }
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

    const FREE: Bounds =
        Bounds { per_second: None, burst: None, concurrency: None, misses: 2, misses_total: 100 };

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
    fn misses_of_all_operators_are_counted_together_too() {
        let pace = Pace::new(Bounds { misses_total: 3, ..FREE });
        for (operator, person) in [(1, 1), (2, 1), (2, 2), (3, 3)] {
            assert_eq!(pace.miss(operator, person, 100), None);
        }
        assert_eq!(pace.probing(9, 100), None);
        assert_eq!(pace.miss(4, 4, 160), Some(Beyond::Client));
        assert_eq!(pace.probing(9, 160), Some(Duration::from_secs(540)));
        assert_eq!(pace.probing(9, 700), None);
    }

    #[test]
    fn operators_beyond_those_that_are_counted_are_slowed_as_one() {
        let pace = Pace::new(FREE);
        for operator in 0..OPERATORS_MAX as u64 {
            pace.miss(operator, 1, 100);
        }
        let (known, new) = (7, u64::MAX);
        for person in 1..=3 {
            assert_eq!((pace.probing(known, 100), pace.probing(new, 100)), (None, None));
            pace.miss(new, person, 100);
        }
        assert!(pace.probing(new, 100).is_some() && pace.probing(new - 1, 100).is_some());
        assert_eq!(pace.probing(known, 100), None);
        pace.miss(known, 2, 100);
        pace.miss(known, 3, 100);
        assert!(pace.probing(known, 100).is_some(), "whoever is counted stays counted");
    }

    #[test]
    fn many_distinct_misses_of_one_operator_are_noticed_once() {
        let pace = Pace::new(FREE);
        assert!([1, 1, 2, 2].iter().all(|&person| pace.miss(7, person, 100).is_none()));
        assert_eq!(pace.probing(7, 100), None);
        assert_eq!(pace.miss(7, 3, 160), Some(Beyond::Operator));
        assert_eq!(pace.miss(7, 4, 160), None);
        assert_eq!(pace.probing(7, 160), Some(Duration::from_secs(540)));
        assert_eq!((pace.probing(8, 160), pace.probing(7, 700)), (None, None));
        assert_eq!(pace.miss(7, 5, 700), None, "another ten minutes");
        pace.sweep(2_000);
        assert!(pace.misses.is_empty());
    }
}
