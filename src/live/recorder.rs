//! Takes changes: validates each against the state it meets, makes it durable, makes it visible.
//!
//! ```text
//! record ─► queue ─► (thread) fits? ─► ledger.append ─► Live::publish ─► outcome
//!                      all that waits goes into one commit
//! swap ──► replay what the snapshot does not hold ─► Live::swap
//! ```
//!
//! A change is acknowledged after the next check sees it. The newest view belongs to whoever holds
//! the lock: the thread that records, the one that follows the others of a shared ledger, a swap.

use super::{Generation, Live, View};
use crate::clock;
use crate::index::Unfit;
use crate::ledger::{Commit, Ledger, LedgerError};
use crate::record::{Change, Instant, Refusal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

/// Requests that wait for the recorder; beyond it they are refused.
const WAITING_MAX: usize = 1_024;
/// Changes in one commit, unless one request alone holds more.
const COMMIT_CHANGES_MAX: usize = 4_096;
/// Bytes of the changes of one commit: NATS takes messages of a mebibyte unless told otherwise.
const COMMIT_BYTES_MAX: usize = 512 * 1024;
/// How long a follower waits for news at once, and so how long a stop takes.
const FOLLOW_WAIT: Duration = Duration::from_millis(500);
/// Between attempts to reach a lost ledger.
const LOST_PAUSE: Duration = Duration::from_millis(200);

/// What became of one change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Recorded under this number.
    Recorded(u64),
    /// It was sent before and is this change.
    Repeated(u64),
    /// Another change was sent under its key before: this one.
    KeyReused(u64),
    /// It does not fit the state that it meets.
    Refused(Refusal),
}

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// One for each change, in order.
    pub outcomes: Vec<Outcome>,
    /// The last change that the next check sees.
    pub change: u64,
}

/// Why a request was not recorded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    /// Too many requests wait.
    #[error("too many requests wait to be recorded")]
    Full,
    /// No data has been loaded yet.
    #[error("no data has been loaded yet")]
    NotReady,
    /// It is not known whether it was kept: it may be sent again under the same keys.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
}

/// See the [module](self). Cloning shares.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    queue: SyncSender<Submission>,
}

struct Shared {
    live: Live,
    ledger: Arc<dyn Ledger>,
    newest: Mutex<Option<View>>,
    stopped: AtomicBool,
}

struct Submission {
    changes: Vec<Change>,
    reply: oneshot::Sender<Result<Recorded, RecordError>>,
}

/// The threads of a recorder; they end when this is stopped.
pub struct Recording {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Recording {
    /// End the threads and wait for them. Changes that wait are dropped unanswered.
    pub fn stop(self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

impl Recorder {
    /// Begin with no data: [`Recorder::swap`] brings the first.
    pub fn start(live: Live, ledger: Arc<dyn Ledger>) -> std::io::Result<(Recorder, Recording)> {
        let (queue, submissions) = sync_channel(WAITING_MAX);
        let newest = Mutex::new(live.current().map(|view| View::clone(&view)));
        let shared = Arc::new(Shared { live, ledger, newest, stopped: AtomicBool::new(false) });
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let recording = shared.clone();
        let mut threads = vec![thread("recorder").spawn(move || recording.record(&submissions))?];
        if shared.ledger.is_shared() {
            let following = shared.clone();
            threads.push(thread("follower").spawn(move || following.follow())?);
        }
        let recording = Recording { shared: shared.clone(), threads };
        Ok((Recorder { shared, queue }, recording))
    }

    /// What answers now.
    pub fn live(&self) -> &Live {
        &self.shared.live
    }

    /// Record changes, together durable, each by itself taken or refused. Returns at once; the answer
    /// comes when the next check sees them.
    pub fn record(
        &self,
        changes: Vec<Change>,
    ) -> Result<oneshot::Receiver<Result<Recorded, RecordError>>, RecordError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(Submission { changes, reply }) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(RecordError::Full),
        }
    }

    /// Forget changes up to and with this number, which every kept snapshot contains.
    pub fn truncate(&self, through: u64) -> Result<(), LedgerError> {
        self.shared.ledger.truncate(through)
    }

    /// Let another generation answer, with every change that its snapshot does not hold. Requests
    /// under way end on the one they began with. Cost: microseconds a change; while the last of them
    /// are replayed no other is recorded.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read, or no longer keeps what the snapshot lacks. What answered before
    /// goes on answering.
    pub fn swap(&self, generation: Arc<Generation>) -> Result<Arc<View>, LedgerError> {
        let mut next = View::of(generation);
        if self.shared.ledger.begin_after(next.overlay.change())? {
            warn!(
                change = next.overlay.change(),
                "变更台账比快照旧，从快照之后开始 / the ledger knew less than the snapshot: it was lost, or is new"
            );
        }
        // Most of it without the lock, so that changes are taken meanwhile.
        self.live().aside(|| next.catch_up(&*self.shared.ledger))?;
        let mut newest = self.shared.newest();
        next.catch_up(&*self.shared.ledger)?;
        next.behind = newest.as_ref().and_then(|view| view.behind);
        let view = Arc::new(next.clone());
        *newest = Some(next);
        self.shared.live.swap(view.clone());
        Ok(view)
    }
}

impl Shared {
    fn newest(&self) -> MutexGuard<'_, Option<View>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The thread that records: all that waits goes into one commit.
    fn record(&self, submissions: &Receiver<Submission>) {
        while !self.is_stopped() {
            let Ok(first) = submissions.recv_timeout(FOLLOW_WAIT) else { continue };
            let mut batch = vec![first];
            let mut changes = batch[0].changes.len();
            while changes < COMMIT_CHANGES_MAX
                && let Ok(next) = submissions.try_recv()
            {
                changes += next.changes.len();
                batch.push(next);
            }
            let outcome = self.commit(&batch);
            if let Err(failed) = &outcome {
                error!("变更未能登记 / changes could not be recorded: {failed}");
            }
            let mut recorded = outcome.map(Vec::into_iter);
            for submission in batch {
                let answer = match &mut recorded {
                    Ok(recorded) => recorded.next().ok_or(RecordError::NotReady),
                    Err(failed) => Err(failed.clone()),
                };
                // Whoever asked may be gone; what was recorded stays so.
                let _ = submission.reply.send(answer);
            }
        }
    }

    /// Validate, append, publish; again from a newer state as long as others append first.
    fn commit(&self, batch: &[Submission]) -> Result<Vec<Recorded>, RecordError> {
        let mut newest = self.newest();
        let mut view = newest.clone().ok_or(RecordError::NotReady)?;
        loop {
            let mut next = view.clone();
            let mut commit = Commit {
                first: view.overlay.change() + 1,
                at: Instant(clock::seconds()),
                changes: Vec::new(),
            };
            let outcomes: Vec<Vec<Outcome>> = batch
                .iter()
                .map(|submission| {
                    submission.changes.iter().map(|c| take(c, &mut next, &mut commit)).collect()
                })
                .collect();
            match parts(commit).iter().try_for_each(|part| self.ledger.append(part)) {
                Ok(()) => view = next,
                Err(LedgerError::Behind { last, first }) if last >= first => {
                    view.catch_up(&*self.ledger)?;
                    continue;
                }
                Err(failed) => return Err(failed.into()),
            }
            let change = view.overlay.change();
            self.live.publish(Arc::new(view.clone()));
            *newest = Some(view);
            let recorded = outcomes.into_iter().map(|outcomes| Recorded { outcomes, change });
            return Ok(recorded.collect());
        }
    }

    /// The thread that follows the others of a shared ledger.
    fn follow(&self) {
        while !self.is_stopped() {
            let Some(change) = self.newest().as_ref().map(|view| view.overlay.change()) else {
                std::thread::sleep(LOST_PAUSE);
                continue;
            };
            match self.ledger.wait(change, FOLLOW_WAIT) {
                Ok(news) => {
                    if let Err(lost) = self.caught_up(news) {
                        self.lose(&lost);
                    }
                }
                Err(lost) => self.lose(&lost),
            }
        }
    }

    /// Take what others recorded; say that nothing is missing any more, where that was said.
    fn caught_up(&self, news: bool) -> Result<(), LedgerError> {
        let mut newest = self.newest();
        let Some(mut view) = newest.clone() else { return Ok(()) };
        let was_behind = view.behind.take().is_some();
        if news || was_behind {
            view.catch_up(&*self.ledger)?;
            if was_behind {
                info!("变更台账恢复 / the ledger is reached again");
            }
            self.live.publish(Arc::new(view.clone()));
            *newest = Some(view);
        }
        Ok(())
    }

    /// Say that changes may be missing from now on, and wait a little.
    fn lose(&self, why: &LedgerError) {
        let mut newest = self.newest();
        if let Some(view) = newest.as_mut().filter(|view| view.behind.is_none()) {
            warn!("变更台账中断 / the ledger is lost: {why}");
            view.behind = Some(Instant(clock::seconds()));
            self.live.publish(Arc::new(view.clone()));
        }
        drop(newest);
        std::thread::sleep(LOST_PAUSE);
    }
}

/// A commit as several that are no larger than a shared ledger takes; none of one without changes.
fn parts(commit: Commit) -> Vec<Commit> {
    let Commit { mut first, at, changes } = commit;
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for change in changes {
        let more = serde_json::to_vec(&change).map_or(0, |change| change.len());
        if bytes + more > COMMIT_BYTES_MAX && !part.is_empty() {
            let changes: Vec<Change> = std::mem::take(&mut part);
            let count = changes.len() as u64;
            parts.push(Commit { first, at, changes });
            (first, bytes) = (first + count, 0);
        }
        bytes += more;
        part.push(change);
    }
    if !part.is_empty() {
        parts.push(Commit { first, at, changes: part });
    }
    parts
}

/// Take one change into the view and the commit, if it fits.
fn take(change: &Change, view: &mut View, commit: &mut Commit) -> Outcome {
    match view.apply(change) {
        Ok(number) => {
            commit.changes.push(change.clone());
            Outcome::Recorded(number)
        }
        Err(Unfit::Repeated(number)) => Outcome::Repeated(number),
        Err(Unfit::KeyReused(number)) => Outcome::KeyReused(number),
        Err(Unfit::Refused(refusal)) => Outcome::Refused(refusal),
    }
}
