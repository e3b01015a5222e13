//! What is counted of requests: every worker counts in a shard of its own, which whoever is asked for
//! metrics reads.
//!
//! No two workers write one cache line. A request costs two looks at the clock and some plain additions:
//! a shard has one writer, so nothing is locked. Labels are numbers until they are read.

use super::admission::Admission;
use super::problem::Code;
use super::routes::PATHS;
use crate::clock;
use hyper::StatusCode;
use std::array::from_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Every route, and what was no route.
const ROUTES: usize = PATHS.len() + 1;
/// The classes of statuses that are answered.
pub const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
/// The first bound of a histogram: 2 to this many nanoseconds, about a microsecond.
const FIRST_BITS: usize = 10;
/// Buckets with a bound, two for each doubling: from 1 µs to 8.6 s.
pub const BOUNDS: usize = 47;

/// The path that a request took, as it is written in [`PATHS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route(u8);

impl Route {
    /// The check, which is not routed.
    pub const CHECK: Route = Route(0);
    /// No path of ours.
    pub const OTHER: Route = Route(PATHS.len() as u8);

    /// The route of a pattern. Cost: looks through all of them.
    pub fn of(pattern: &str) -> Route {
        let at = PATHS.iter().position(|(path, _)| *path == pattern);
        at.map_or(Route::OTHER, |at| Route(at as u8))
    }

    /// Every route.
    pub fn all() -> impl Iterator<Item = Route> {
        (0..ROUTES).map(|at| Route(at as u8))
    }

    /// Its pattern, such as `/v1/jobs/{id}`; `other` for what is no path of ours.
    pub fn pattern(self) -> &'static str {
        PATHS.get(usize::from(self.0)).map_or("other", |(path, _)| path)
    }
}

/// What one worker counts. Only that worker writes it; anyone may read it, each number for itself.
#[repr(align(128))]
pub struct Shard {
    in_flight: AtomicU64,
    abandoned: AtomicU64,
    latencies: [[Cells; CLASSES.len()]; ROUTES],
    refusals: [[AtomicU64; Code::COUNT]; ROUTES],
}

/// A histogram as it is written.
struct Cells {
    nanos: AtomicU64,
    counts: [AtomicU64; BOUNDS + 1],
}

impl Default for Shard {
    fn default() -> Shard {
        let zeros = || AtomicU64::new(0);
        let cells = || Cells { nanos: zeros(), counts: from_fn(|_| zeros()) };
        Shard {
            in_flight: zeros(),
            abandoned: zeros(),
            latencies: from_fn(|_| from_fn(|_| cells())),
            refusals: from_fn(|_| from_fn(|_| zeros())),
        }
    }
}

/// Its one writer needs no addition that others would see whole.
fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Relaxed).wrapping_add(more), Relaxed);
}

impl Shard {
    /// A request begins. Call it on the shard's own worker.
    #[inline]
    pub fn begin(&self) -> Measured<'_> {
        add(&self.in_flight, 1);
        Measured { shard: self, begun: Instant::now(), is_answered: false }
    }
}

/// A request under way. Dropped without an end its peer was gone before it was answered.
pub struct Measured<'a> {
    shard: &'a Shard,
    begun: Instant,
    is_answered: bool,
}

impl Measured<'_> {
    /// When it began.
    #[inline]
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// The answer is there: its head and, unless it is a file, its body.
    #[inline]
    pub fn end(mut self, route: Route, status: StatusCode, refused: Option<Code>) {
        self.is_answered = true;
        let nanos = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let class = (usize::from(status.as_u16()) / 100).clamp(2, 5) - 2;
        let route = usize::from(route.0);
        let cells = &self.shard.latencies[route][class];
        add(&cells.nanos, nanos);
        add(&cells.counts[bucket(nanos)], 1);
        if let Some(code) = refused {
            add(&self.shard.refusals[route][code as usize], 1);
        }
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        add(&self.shard.in_flight, 1_u64.wrapping_neg());
        if !self.is_answered {
            add(&self.shard.abandoned, 1);
        }
    }
}

/// The number of the bucket of so many nanoseconds: where the first set bit is, and the bit after it.
#[inline]
fn bucket(nanos: u64) -> usize {
    // A bound belongs to the bucket below it.
    let scaled = nanos.saturating_sub(1) >> (FIRST_BITS - 1);
    if scaled < 2 {
        return 0;
    }
    let octave = scaled.ilog2() as usize;
    let half = (scaled >> (octave - 1)) as usize & 1;
    (2 * octave - 1 + half).min(BOUNDS)
}

/// The most nanoseconds of a bucket.
fn bound(at: usize) -> u64 {
    (2 + (at as u64 & 1)) << (FIRST_BITS - 1 + at / 2)
}

/// How long requests took.
#[derive(Clone, PartialEq, Debug)]
pub struct Latencies {
    /// All of them together, in seconds.
    pub seconds: f64,
    /// The most seconds of each bucket, and how many requests it has.
    pub buckets: Vec<(f64, u64)>,
}

impl Latencies {
    /// How many requests.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

/// The shards of all workers. Cloning shares.
#[derive(Clone)]
pub struct Metrics {
    shards: Arc<[Arc<Shard>]>,
    admission: Arc<Admission>,
    /// When the process began to count, in seconds since 1970.
    pub started: i64,
}

impl Metrics {
    /// A shard for each of so many workers.
    pub(super) fn new(workers: usize, admission: Arc<Admission>) -> Metrics {
        let shards = (0..workers).map(|_| Arc::default()).collect();
        Metrics { shards, admission, started: clock::seconds() }
    }

    /// The shard of a worker.
    pub(super) fn shard(&self, worker: usize) -> Arc<Shard> {
        self.shards[worker].clone()
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    fn sum(&self, of: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|shard| of(shard).load(Relaxed)).fold(0, u64::wrapping_add)
    }

    /// Requests that are being answered.
    pub fn in_flight(&self) -> u64 {
        self.sum(|shard| &shard.in_flight)
    }

    /// Requests whose peer was gone before the answer.
    pub fn abandoned(&self) -> u64 {
        self.sum(|shard| &shard.abandoned)
    }

    /// How long requests of a route took that were answered with a class of statuses, a number into
    /// [`CLASSES`].
    pub fn latencies(&self, route: Route, class: usize) -> Latencies {
        let route = usize::from(route.0);
        let of = |at: usize| {
            let most = if at < BOUNDS { bound(at) as f64 / 1e9 } else { f64::INFINITY };
            (most, self.sum(|shard| &shard.latencies[route][class].counts[at]))
        };
        Latencies {
            seconds: self.sum(|shard| &shard.latencies[route][class].nanos) as f64 / 1e9,
            buckets: (0..=BOUNDS).map(of).collect(),
        }
    }

    /// Requests of a route that were refused with a code.
    pub fn refusals(&self, route: Route, code: Code) -> u64 {
        self.sum(|shard| &shard.refusals[usize::from(route.0)][code as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_is_in_the_first_bucket_whose_bound_it_does_not_pass(nanos: u64, shift in 0..64_u32) {
            let nanos = nanos >> shift;
            let expected = (0..BOUNDS).find(|&at| nanos <= bound(at)).unwrap_or(BOUNDS);
            prop_assert_eq!(bucket(nanos), expected);
        }
    }

    #[test]
    fn bounds_are_their_own_buckets_and_reach_from_a_microsecond_to_seconds() {
        for at in 0..BOUNDS {
            assert_eq!((bucket(bound(at)), bucket(bound(at) + 1)), (at, at + 1));
        }
        assert_eq!((bound(0), bound(1), bound(BOUNDS - 1)), (1_024, 1_536, 1 << 33));
    }

    #[test]
    fn what_two_workers_count_is_summed_and_who_left_is_no_latency() {
        let metrics = Metrics::new(2, Arc::new(Admission::new(1, false)));
        let (one, other) = (metrics.shard(0), metrics.shard(1));
        let route = Route::of("/v1/jobs/{id}");
        assert_eq!(route.pattern(), "/v1/jobs/{id}");
        one.begin().end(route, StatusCode::OK, None);
        other.begin().end(route, StatusCode::NOT_FOUND, Some(Code::NoSuchJob));
        drop(other.begin());
        let under_way = one.begin();
        assert_eq!((metrics.in_flight(), metrics.abandoned()), (1, 1));
        assert_eq!(metrics.refusals(route, Code::NoSuchJob), 1);
        assert_eq!(metrics.refusals(Route::CHECK, Code::NoSuchJob), 0);
        let counts = [0, 1, 2, 3].map(|class| metrics.latencies(route, class).count());
        assert_eq!(counts, [1, 0, 1, 0]);
        drop(under_way);
        assert_eq!((metrics.in_flight(), metrics.abandoned()), (0, 2));
        assert_eq!(Route::of("/v1/check"), Route::CHECK);
        assert_eq!(Route::of("/v1/jobs/1").pattern(), "other");
        assert_eq!(Route::all().count(), ROUTES);
    }
}
