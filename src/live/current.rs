//! Which view answers now, and how workers come to know.

use super::View;
use super::aside::aside;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The current view. Cloning shares.
///
/// Unusual: a view that was replaced is not dropped by whoever lets go of it last. One whose generation
/// was swapped out is kept until [`Live::reap`], which the loader calls, so that no worker ever unmaps
/// gigabytes between two requests; one of the same generation until a later [`Live::publish`], so that
/// no worker takes apart what a thousand changes left behind.
#[derive(Clone)]
pub struct Live {
    current: watch::Sender<Option<Arc<View>>>,
    /// How many swaps there were: changes come by the thousand a second and wake nobody, a swap does.
    swaps: watch::Sender<u64>,
    retired: Arc<Mutex<Vec<Arc<View>>>>,
}

impl Default for Live {
    fn default() -> Live {
        Live::new(None)
    }
}

impl Live {
    /// Begin with a view, or without one: then nothing can be answered yet.
    pub fn new(first: Option<Arc<View>>) -> Live {
        Live {
            current: watch::Sender::new(first),
            swaps: watch::Sender::new(0),
            retired: Arc::default(),
        }
    }

    /// Let this view, of another generation, answer from now on: requests that begin after this
    /// returns see it.
    pub fn swap(&self, next: Arc<View>) {
        let old = self.current.send_replace(Some(next));
        self.retired().extend(old);
        self.swaps.send_modify(|swaps| *swaps += 1);
    }

    /// Let this view, of the same generation, answer from now on.
    /// Drops those before it that nobody uses any more: as many are kept as there are workers, or few
    /// more.
    pub fn publish(&self, next: Arc<View>) {
        let generation = next.generation.number();
        let old = self.current.send_replace(Some(next));
        let mut retired = self.retired();
        let is_idle = |old: &mut Arc<View>| {
            old.generation.number() == generation && Arc::strong_count(old) == 1
        };
        let idle: Vec<_> = retired.extract_if(.., is_idle).collect();
        retired.extend(old);
        drop(retired);
        drop(idle);
    }

    /// Drop the views that nobody uses any more; answers how many of former generations are still in
    /// use. Takes as long as unmapping does: call it off the workers.
    pub fn reap(&self) -> usize {
        let mut retired = self.retired();
        let (idle, used) =
            std::mem::take(&mut *retired).into_iter().partition(|old| Arc::strong_count(old) == 1);
        *retired = used;
        let current = self.current().map(|view| view.generation.number());
        let is_former = |old: &&Arc<View>| Some(old.generation.number()) != current;
        let used = retired.iter().filter(is_former).count();
        drop(retired);
        let idle: Vec<Arc<View>> = idle;
        if !idle.is_empty() {
            self.aside(|| drop(idle));
        }
        used
    }

    /// Do something beside those who answer, and wait for it. As soon as there is a view to answer from it gives way
    /// to them; the first is got at once, however busy others are. See [`aside`](mod@super::aside).
    pub fn aside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let somebody_answers = self.current.borrow().is_some();
        aside(somebody_answers, act)
    }

    /// The current view, for whoever asks rarely: takes a shared lock.
    pub fn current(&self) -> Option<Arc<View>> {
        self.current.borrow().clone()
    }

    /// Wait until a view holds the change of this number; `false` when none does in time.
    pub async fn reached(&self, change: u64, within: Duration) -> bool {
        let mut views = self.current.subscribe();
        let holds = |view: &Option<Arc<View>>| {
            view.as_ref().is_some_and(|view| view.overlay.change() >= change)
        };
        tokio::time::timeout(within, views.wait_for(holds)).await.is_ok_and(|held| held.is_ok())
    }

    /// A handle of one worker.
    pub fn follow(&self) -> Follower {
        let receiver = self.current.subscribe();
        let current = receiver.borrow().clone();
        Follower { receiver, swaps: self.swaps.subscribe(), current }
    }

    fn retired(&self) -> std::sync::MutexGuard<'_, Vec<Arc<View>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's own handle of the current view.
#[derive(Clone)]
pub struct Follower {
    receiver: watch::Receiver<Option<Arc<View>>>,
    swaps: watch::Receiver<u64>,
    current: Option<Arc<View>>,
}

impl Follower {
    /// The current view; `None` when there is none yet. Cost: one atomic read while nothing changes,
    /// and no write that another worker sees. A request calls it once and keeps what it got.
    #[inline]
    pub fn current(&mut self) -> Option<&Arc<View>> {
        // An error means that the other end is gone: what was current stays so.
        if self.receiver.has_changed().unwrap_or(false) {
            self.current = self.receiver.borrow_and_update().clone();
        }
        self.current.as_ref()
    }

    /// Wait for the next generation; `false` when there will be none. An idle worker lets go of the
    /// old one so.
    pub async fn changed(&mut self) -> bool {
        let changed = self.swaps.changed().await.is_ok();
        self.current = self.receiver.borrow_and_update().clone();
        changed
    }
}
