//! How far a worker is behind: whoever comes while it is too far is told so, unread.
//!
//! A worker takes up what is ready in the order in which it became so. The first request of a round puts a mark
//! behind all of that; when the mark has its turn, the round is over. So the age of a round is about what the
//! requests of it have waited, without a look at any queue. The work of others is put off first: a file, a
//! section or a name can wait, and costs more than a check.
//!
//! Reading a request and refusing it costs half of a small check. A worker that refused whatever is too much would
//! do nothing else; so one check is refused for each [`REFUSAL`] that the round has lasted, which is about a tenth
//! of the time, and the others are answered late.
//!
//! Cost: some plain loads a request, and one wake-up a round.

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

/// See the [module](self). Used on one thread.
pub(super) struct Round {
    /// Checks are refused from this age on.
    check_max: Duration,
    /// Whatever else, from this.
    aside_max: Duration,
    begun: Cell<Option<Instant>>,
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
            refused: Cell::new(0),
            mark: RefCell::new(Waker::noop().clone()),
        }
    }

    /// A request is taken up. The first of a round begins it.
    pub fn enter(&self, now: Instant) {
        if self.begun.get().is_none() {
            self.begun.set(Some(now));
            self.mark.borrow().wake_by_ref();
        }
    }

    /// Whether a check is answered now; one that is not counts as refused.
    pub fn takes_check(&self, now: Instant) -> bool {
        let (age, refused) = (self.age(now), self.refused.get());
        let takes = age < self.check_max || REFUSAL.saturating_mul(refused + 1) > age;
        self.refused.set(refused + u32::from(!takes));
        takes
    }

    /// Whether anything else is.
    pub fn takes_aside(&self, now: Instant) -> bool {
        self.age(now) < self.aside_max
    }

    fn age(&self, now: Instant) -> Duration {
        self.begun.get().map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun))
    }

    /// Be the mark, as a task among those that it measures.
    pub async fn mark(&self) -> Infallible {
        poll_fn(|cx| {
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
        let measured = round.clone();
        let work = async move {
            let marking = measured.clone();
            spawn_local(async move { marking.mark().await });
            yield_now().await;
            let start = Instant::now();
            let after = |ms| start + Duration::from_millis(ms);
            measured.enter(start);
            assert!(measured.takes_check(start));
            assert!(measured.takes_check(after(99)) && !measured.takes_check(after(100)));
            assert!(measured.takes_aside(after(9)) && !measured.takes_aside(after(10)));
            yield_now().await;
            // Another round, whatever the one before has refused.
            measured.enter(after(1_000));
            assert!(measured.takes_check(after(1_000)) && measured.takes_aside(after(1_000)));
            assert!(!measured.takes_check(after(1_100)));
            // Not all are refused: what is refused takes little of the time.
            let refused = (0..50_000).filter(|_| !measured.takes_check(after(1_300))).count();
            assert_eq!(refused + 1, 10_000);
        };
        LocalSet::new().run_until(work).await;
    }
}
