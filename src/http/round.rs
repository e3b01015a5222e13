//! How far a worker is behind: whoever comes while it is too far is told so, unparsed.
//!
//! A worker takes up what is ready in the order in which it became so. The first request of a round puts a mark
//! behind all of that; when the mark has its turn, the round is over. So the age of a round is about what the
//! requests of it have waited, without a look at any queue. A process that the machine did not let run for a while
//! is not behind: only where the round before was as long is anything put off. The work of others is put off first:
//! a file, a section or a name can wait, and costs more than a check.
//!
//! Reading a request and refusing it costs half of a small check. A worker that refused whatever is too much would
//! do nothing else; so one check is refused for each [`REFUSAL`] that the round has lasted, which is about a tenth
//! of the time, and the others are answered late.
//!
//! Cost: some plain loads a request; one wake-up and one look at the clock a round.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Paths whose `POST` is put off before any check.
pub(super) const ASIDE: [&str; 7] = [
    "/v1/search",
    "/v1/suggest",
    "/v1/screen",
    "/v1/evidence",
    "/v1/cross",
    "/v1/jobs",
    "/match/{dataset}",
];

/// The time of a round for which one check may be refused in it.
const REFUSAL: Duration = Duration::from_micros(30);

/// A worker that was without work for so long is behind nobody.
const IDLE: Duration = Duration::from_millis(1);

/// See the [module](self). Used on one thread.
pub(super) struct Round {
    /// Checks are refused from this age on.
    check_max: Duration,
    /// Whatever else, from this.
    aside_max: Duration,
    begun: Cell<Option<Instant>>,
    /// How long the one before took, and when it ended.
    last: Cell<(Duration, Option<Instant>)>,
    /// Checks that were refused in this round.
    refused: Cell<u32>,
    mark: RefCell<Waker>,
}

impl Round {
    /// With these bounds, in milliseconds.
    pub fn new(check_ms_max: u64, aside_ms_max: u64) -> Round {
        Round {
            check_max: Duration::from_millis(check_ms_max),
            aside_max: Duration::from_millis(aside_ms_max),
            begun: Cell::new(None),
            last: Cell::new((Duration::ZERO, None)),
            refused: Cell::new(0),
            mark: RefCell::new(Waker::noop().clone()),
        }
    }

    /// A request is taken up. The first of a round begins it.
    pub fn enter(&self, now: Instant) {
        if self.begun.get().is_none() {
            self.begun.set(Some(now));
            let idle = self.last.get().1.map(|ended| now.saturating_duration_since(ended));
            if idle.is_none_or(|idle| idle > IDLE) {
                self.last.set((Duration::ZERO, None));
            }
            self.mark.borrow().wake_by_ref();
        }
    }

    /// Whether a check is answered now; one that is not counts as refused.
    pub fn takes_check(&self, now: Instant) -> bool {
        let (age, refused) = (self.age(now), self.refused.get());
        let takes = self.behind(now) < self.check_max || REFUSAL.saturating_mul(refused + 1) > age;
        self.refused.set(refused + u32::from(!takes));
        takes
    }

    /// Whether anything else is.
    pub fn takes_aside(&self, now: Instant) -> bool {
        self.behind(now) < self.aside_max
    }

    /// As long as both this round and the one before last.
    fn behind(&self, now: Instant) -> Duration {
        self.age(now).min(self.last.get().0)
    }

    fn age(&self, now: Instant) -> Duration {
        self.begun.get().map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun))
    }

    /// Be the mark, as a task among those that it measures.
    pub async fn mark(&self) -> Infallible {
        self.mark_by(Instant::now).await
    }

    async fn mark_by(&self, clock: impl Fn() -> Instant) -> Infallible {
        poll_fn(|cx| {
            let now = clock();
            self.last.set((self.age(now), Some(now)));
            self.begun.set(None);
            self.refused.set(0);
            self.mark.borrow_mut().clone_from(cx.waker());
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    #[tokio::test]
    async fn a_round_ends_when_whatever_was_ready_has_had_its_turn() {
        let round = Rc::new(Round::new(100, 10));
        let start = Instant::now();
        let clock = Rc::new(Cell::new(start));
        let (measured, watch) = (round.clone(), clock.clone());
        let work = async move {
            let marking = measured.clone();
            spawn_local(async move { marking.mark_by(move || watch.get()).await });
            yield_now().await;
            let at = |ms| start + Duration::from_millis(ms);
            let takes = |ms| [measured.takes_check(at(ms)), measured.takes_aside(at(ms))];
            // The mark has its turn now.
            let end = async |ms| {
                clock.set(at(ms));
                yield_now().await;
            };
            measured.enter(at(0));
            assert_eq!(takes(1_000), [true; 2], "the first, however long");
            end(1_000).await;
            // The second that is too long.
            measured.enter(at(1_000));
            assert_eq!((takes(1_009), takes(1_010)), ([true; 2], [true, false]));
            assert_eq!((takes(1_099), takes(1_100)), ([true, false], [false; 2]));
            // Not all are refused: what is refused takes little of the time.
            let refused = (0..50_000).filter(|_| !measured.takes_check(at(1_300))).count();
            assert_eq!(refused + 1, 10_000);
            end(1_000).await;
            measured.enter(at(1_000));
            assert_eq!(takes(2_000), [true; 2], "the last took no time");
            end(2_000).await;
            measured.enter(at(2_000) + 2 * IDLE);
            assert_eq!(
                takes(3_000),
                [true; 2],
                "nor counts a long one after which nothing was to do"
            );
        };
        LocalSet::new().run_until(work).await;
    }
}
