//! Which generation answers now, and how workers come to know.

use super::Generation;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The current generation. Cloning shares.
///
/// Unusual: a generation that was swapped out is not dropped by whoever lets go of it last. It is
/// kept until [`Live::reap`], which the loader calls, so that no worker ever unmaps gigabytes
/// between two requests.
#[derive(Clone)]
pub struct Live {
    current: watch::Sender<Option<Arc<Generation>>>,
    retired: Arc<Mutex<Vec<Arc<Generation>>>>,
}

impl Default for Live {
    fn default() -> Live {
        Live::new(None)
    }
}

impl Live {
    /// Begin with a generation, or without one: then nothing can be answered yet.
    pub fn new(first: Option<Arc<Generation>>) -> Live {
        Live { current: watch::Sender::new(first), retired: Arc::default() }
    }

    /// Let this generation answer from now on: requests that begin after this returns see it.
    pub fn swap(&self, next: Arc<Generation>) {
        if let Some(old) = self.current.send_replace(Some(next)) {
            self.retired().push(old);
        }
    }

    /// Drop the generations that nobody uses any more; answers how many are still in use. Takes as
    /// long as unmapping does: call it off the workers.
    pub fn reap(&self) -> usize {
        let mut retired = self.retired();
        let (idle, used) =
            std::mem::take(&mut *retired).into_iter().partition(|old| Arc::strong_count(old) == 1);
        *retired = used;
        let used = retired.len();
        drop(retired);
        drop::<Vec<_>>(idle);
        used
    }

    /// The current generation, for whoever asks rarely: takes a shared lock.
    pub fn current(&self) -> Option<Arc<Generation>> {
        self.current.borrow().clone()
    }

    /// A handle of one worker.
    pub fn follow(&self) -> Follower {
        let receiver = self.current.subscribe();
        let current = receiver.borrow().clone();
        Follower { receiver, current }
    }

    fn retired(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Generation>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's own handle of the current generation.
#[derive(Clone)]
pub struct Follower {
    receiver: watch::Receiver<Option<Arc<Generation>>>,
    current: Option<Arc<Generation>>,
}

impl Follower {
    /// The current generation; `None` when there is none yet. Cost: one atomic read, no write that
    /// another worker sees. A request calls it once and keeps what it got.
    #[inline]
    pub fn current(&mut self) -> Option<&Arc<Generation>> {
        // An error means that the other end is gone: what was current stays so.
        if self.receiver.has_changed().unwrap_or(false) {
            self.current = self.receiver.borrow_and_update().clone();
        }
        self.current.as_ref()
    }

    /// Wait for the next generation; `false` when there will be none. An idle worker lets go of the
    /// old one so.
    pub async fn changed(&mut self) -> bool {
        let changed = self.receiver.changed().await.is_ok();
        self.current = self.receiver.borrow_and_update().clone();
        changed
    }
}
