//! Threads that search names, so that no search delays a check: their number and their queue are bounded.

use super::check::Worker;
use super::problem::{Code, Problem};
use crate::index::Likes;
use crate::live::aside::stand_back;
use crate::text;
use crate::traces::{self, Span};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Searches that wait, for each thread.
const WAITING: usize = 64;

type Search = Box<dyn FnOnce(&mut Searcher) + Send>;

/// What a thread searches with.
pub struct Searcher {
    /// For names alone.
    pub likes: Likes,
    /// For checks.
    pub worker: Worker,
}

impl Default for Searcher {
    fn default() -> Searcher {
        Searcher { likes: Likes::default(), worker: Worker::searching() }
    }
}

/// Why a search was not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsearched {
    /// Too many wait already.
    Full,
    /// A fault of ours.
    Fault,
}

impl From<Unsearched> for Problem {
    fn from(why: Unsearched) -> Problem {
        match why {
            Unsearched::Full => Code::Overloaded.whole(),
            Unsearched::Fault => Code::Internal.whole(),
        }
    }
}

/// A handle of the threads, which end with the last of it. Cloning shares.
#[derive(Clone)]
pub struct Searchers {
    waiting: SyncSender<Search>,
    counted: Arc<Counted>,
}

/// What is counted since the start.
#[derive(Default)]
struct Counted {
    threads: AtomicUsize,
    /// Searches that wait or did.
    accepted: AtomicU64,
    /// Those of them that were begun.
    begun: AtomicU64,
    /// Those that came to an answer.
    served: AtomicU64,
    refused: AtomicU64,
}

/// How much is searched. Each number is read for itself: together they are those of no one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Searches {
    /// Threads that search.
    pub threads: usize,
    /// Searches that wait now.
    pub waiting: u64,
    /// Searches that came to an answer since the start.
    pub served: u64,
    /// Those that were told that too many wait.
    pub refused: u64,
}

impl Searchers {
    /// Start so many threads. Where the system refuses one, there are fewer; where it refuses all, every
    /// search is told that too many wait.
    pub fn start(threads: usize) -> Searchers {
        let (waiting, searches) = sync_channel::<Search>(threads.max(1) * WAITING);
        let searches = Arc::new(Mutex::new(searches));
        let counted = Arc::new(Counted::default());
        for number in 0..threads.max(1) {
            let searches = searches.clone();
            let name = format!("search-{number}");
            match std::thread::Builder::new().name(name).spawn(move || search(&searches)) {
                Ok(_) => counted.threads.fetch_add(1, Relaxed),
                Err(error) => {
                    tracing::error!("检索线程无法启动 / a thread cannot start: {error}");
                    continue;
                }
            };
        }
        Searchers { waiting, counted }
    }

    /// Search on one of the threads.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce(&mut Searcher) -> T + Send + 'static,
    ) -> Result<T, Unsearched> {
        let (reply, answer) = oneshot::channel();
        let counted = self.counted.clone();
        let (asked, waiting) = (traces::current(), traces::child("search wait"));
        let search = Box::new(move |searcher: &mut Searcher| {
            counted.begun.fetch_add(1, Relaxed);
            drop(waiting);
            let (_asked, part) = (asked.as_ref().map(Span::enter), traces::child("search"));
            let found = search(searcher);
            drop(part);
            // Before the answer, so that whoever has it finds it counted.
            counted.served.fetch_add(1, Relaxed);
            // Whoever asked may be gone.
            let _ = reply.send(found);
        });
        if self.waiting.try_send(search).is_err() {
            self.counted.refused.fetch_add(1, Relaxed);
            return Err(Unsearched::Full);
        }
        self.counted.accepted.fetch_add(1, Relaxed);
        answer.await.map_err(|_| Unsearched::Fault)
    }

    /// What was counted. Cost: some loads.
    pub fn searches(&self) -> Searches {
        let of = |count: &AtomicU64| count.load(Relaxed);
        let Counted { threads, accepted, begun, served, refused } = &*self.counted;
        Searches {
            threads: threads.load(Relaxed),
            // A thread may be faster than whoever counts what it was given.
            waiting: of(accepted).saturating_sub(of(begun)),
            served: of(served),
            refused: of(refused),
        }
    }
}

fn search(searches: &Mutex<Receiver<Search>>) {
    stand_back();
    // Before the first search asks for them.
    text::prepare();
    let mut searcher = Searcher::default();
    loop {
        let next = searches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        let search = std::panic::AssertUnwindSafe(|| next(&mut searcher));
        if std::panic::catch_unwind(search).is_err() {
            // A fault may leave it in any state.
            searcher = Searcher::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn searches_are_answered_or_told_that_too_many_wait() {
        let searchers = Searchers::start(1);
        assert_eq!(searchers.run(|_| 7).await, Ok(7));
        assert_eq!(searchers.run::<()>(|_| panic!("a fault")).await, Err(Unsearched::Fault));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let busy = searchers.clone();
        let first = tokio::spawn(async move {
            let hold = move |_: &mut Searcher| begun.send(()).is_ok() && held.recv().is_err();
            busy.run(hold).await
        });
        begins.await.unwrap();
        let others: Vec<_> = (0..2 * WAITING)
            .map(|n| {
                let searchers = searchers.clone();
                tokio::spawn(async move { searchers.run(move |_| n).await })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let most = WAITING as u64;
        let counted = Searches { threads: 1, waiting: most, served: 1, refused: most };
        assert_eq!(searchers.searches(), counted, "a fault is not served, and one is held");
        drop(release);
        assert_eq!(first.await.unwrap(), Ok(true));
        let mut full = 0;
        for (n, other) in others.into_iter().enumerate() {
            match other.await.unwrap() {
                Ok(answer) => assert_eq!(answer, n),
                Err(why) => full += usize::from(why == Unsearched::Full),
            }
        }
        assert_eq!(full, WAITING, "one is made, as many wait as may");
        let counted = Searches { waiting: 0, served: 2 + most, ..counted };
        assert_eq!(searchers.searches(), counted);
    }
}
