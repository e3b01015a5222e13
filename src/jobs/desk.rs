//! Takes uploads, tells how far jobs are, cancels and removes them.

use super::store::Store;
use super::{Job, JobsConfig, Order, State, worker};
use crate::audit::Log;
use crate::clients::Clients;
use crate::clock;
use crate::live::Live;
use crate::traces::Traces;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Uploads at one time, of all clients.
const UPLOADS_MAX: usize = 16;
/// Jobs of one client, those that have ended among them.
const KEPT_MAX: usize = 100;
/// Between two looks for jobs whose time is over.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// After so long a client counts as never served.
const FORGOTTEN_SECONDS: i64 = 3_600;

/// All jobs. Cloning shares.
#[derive(Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
}

/// The thread that works on them; dropped, it stops: what it was working on waits for the next start.
pub struct Working {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What both have.
pub(super) struct Shared {
    config: RwLock<JobsConfig>,
    /// Threads that work on a job.
    pub threads: usize,
    pub store: Store,
    pub live: Live,
    /// Where what was decided is recorded.
    pub audit: Option<Log>,
    /// Who may have a file screened.
    pub clients: Clients,
    /// Where work is traced.
    pub traces: Option<Traces>,
    all: Mutex<BTreeMap<Uuid, Held>>,
    /// Held while a job is written, so that the latest is written last.
    writing: Mutex<()>,
    changed: Condvar,
    /// When work was last begun for each client.
    served: Mutex<HashMap<String, i64>>,
    /// Jobs whose files are to be removed, by a thread that may wait for the disk.
    gone: Sender<Uuid>,
    stopping: AtomicBool,
}

#[derive(Clone)]
struct Held {
    job: Job,
    at_work: Arc<AtWork>,
}

/// How far the work on a job is, and whether it is to go on.
#[derive(Debug, Default)]
pub(super) struct AtWork {
    /// Bytes of the input that were read.
    pub bytes: AtomicU64,
    /// Rows that were decided.
    pub rows: AtomicU64,
    /// It is to end at once.
    pub stop: AtomicBool,
    /// For good: its client wants no result.
    pub given_up: AtomicBool,
}

/// A job as it is told, and how far the work on it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// The job.
    pub job: Job,
    /// Bytes of its input that were read.
    pub bytes: u64,
    /// Rows that were decided.
    pub rows: u64,
}

/// Why a client does not get what it asks for.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No job of this client has this id.
    #[error("no such job")]
    NoSuchJob,
    /// It has none of these files.
    #[error("nothing to fetch")]
    NoResult,
    /// So many jobs of the client have not ended.
    #[error("{0} jobs have not ended")]
    TooManyUnfinished(usize),
    /// So many jobs are kept for a client at most.
    #[error("{0} jobs are kept")]
    TooManyKept(usize),
    /// So many bytes are kept for a client at most.
    #[error("more than {0} bytes of one client")]
    TooManyBytes(u64),
    /// So many bytes has an input at most.
    #[error("an input of more than {0} bytes")]
    InputTooLarge(u64),
    /// The service takes no more for now.
    #[error("full")]
    Full,
    /// The folder cannot be used.
    #[error(transparent)]
    Storage(#[from] io::Error),
}

impl Jobs {
    /// Open the folder and begin to work on what waits there.
    ///
    /// # Errors
    ///
    /// The folder cannot be used, another process holds it, or no thread can be started.
    pub fn start(
        config: JobsConfig,
        live: Live,
        audit: Option<Log>,
        clients: Clients,
        traces: Option<Traces>,
    ) -> io::Result<(Jobs, Working)> {
        let (store, found) = Store::open(&config.folder, config.kept())?;
        let mut all = BTreeMap::new();
        for mut job in found {
            // One that cannot be used must not keep the service from starting.
            if let Err(error) = recover(&store, &mut job) {
                tracing::error!(id = %job.id, %error, "任务无法恢复 / a job cannot be recovered");
                job.fail(format!("无法恢复 / it cannot be recovered: {error}"));
            }
            all.insert(job.id, Held { job, at_work: Arc::default() });
        }
        let (gone, removed) = channel();
        let shared = Arc::new(Shared {
            threads: config.thread_count(),
            config: RwLock::new(config),
            store,
            live,
            audit,
            clients,
            traces,
            all: Mutex::new(all),
            writing: Mutex::default(),
            changed: Condvar::new(),
            served: Mutex::default(),
            gone,
            stopping: AtomicBool::new(false),
        });
        let work = worker::start(shared.clone())?;
        let weak = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("jobs-gone".to_owned())
            .spawn(move || clear(&weak, &removed))?;
        Ok((Jobs { shared: shared.clone() }, Working { shared, thread: Some(work) }))
    }

    /// Bounds that count from now on, for what is kept already too. Not the folder, nor the threads.
    pub fn set(&self, config: &JobsConfig) {
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = config.clone();
    }

    /// A client may hand in one more file.
    pub fn check_quota(&self, client: &str) -> Result<(), Refused> {
        self.shared.check_quota(&self.shared.all(), client)
    }

    /// Begin to take a client's file.
    pub fn accept(&self, client: &str, order: Order) -> Result<Upload, Refused> {
        let store = &self.shared.store;
        let job = Job {
            id: Uuid::now_v7(),
            client: client.to_owned(),
            order,
            state: State::Uploading,
            attempts: 0,
            created: clock::seconds(),
            started: None,
            ended: None,
            input_bytes: 0,
            input_sha256: String::new(),
            result_bytes: 0,
            summary: None,
            failure: None,
        };
        let (id, input) = (job.id, store.input(&job));
        let mut all = self.shared.all();
        self.shared.check_quota(&all, client)?;
        all.insert(id, Held { job, at_work: Arc::default() });
        drop(all);
        let mut upload = Upload {
            shared: self.shared.clone(),
            id,
            hash: Sha256::new(),
            file: None,
            is_whole: false,
        };
        upload.reserve(0)?;
        store.make(id)?;
        upload.file = Some(store.create(&input)?);
        Ok(upload)
    }

    /// How many jobs there are in each state, of all clients.
    pub fn states(&self) -> [(State, usize); State::ALL.len()] {
        let all = self.shared.all();
        State::ALL.map(|state| (state, all.values().filter(|held| held.job.state == state).count()))
    }

    /// The jobs of a client, the oldest first.
    pub fn list(&self, client: &str) -> Vec<Told> {
        let all = self.shared.all();
        let taken = of(&all, client).filter(|held| held.job.state != State::Uploading);
        taken.map(Held::told).collect()
    }

    /// A job of a client.
    pub fn get(&self, client: &str, id: Uuid) -> Result<Told, Refused> {
        self.shared
            .all()
            .get(&id)
            .filter(|held| held.is_of(client))
            .map(Held::told)
            .ok_or(Refused::NoSuchJob)
    }

    /// Give up a job that has not ended; of one that has, nothing changes. One that is worked on ends soon.
    pub fn cancel(&self, client: &str, id: Uuid) -> Result<Told, Refused> {
        let mut all = self.shared.all();
        let held = all.get_mut(&id).filter(|held| held.is_of(client)).ok_or(Refused::NoSuchJob)?;
        held.give_up();
        let (is_over, told) = (held.job.state == State::Cancelled, held.told());
        drop(all);
        if is_over {
            self.shared.keep(id)?;
            self.shared.store.remove_file(&self.shared.store.input(&told.job));
        }
        Ok(told)
    }

    /// Remove a job with its input and its result; one that has not ended is given up.
    pub fn remove(&self, client: &str, id: Uuid) -> Result<(), Refused> {
        let mut all = self.shared.all();
        let held = all.get_mut(&id).filter(|held| held.is_of(client)).ok_or(Refused::NoSuchJob)?;
        held.give_up();
        all.remove(&id);
        drop(all);
        Ok(self.shared.remove(id)?)
    }

    /// Where the result of a job is.
    pub fn result(&self, client: &str, id: Uuid) -> Result<PathBuf, Refused> {
        let job = self.get(client, id)?.job;
        if job.state == State::Done {
            Ok(self.shared.store.result(&job))
        } else {
            Err(Refused::NoResult)
        }
    }

    /// Where the rejects of a job are, which it may not have.
    pub fn rejects(&self, client: &str, id: Uuid) -> Result<PathBuf, Refused> {
        let job = self.get(client, id)?.job;
        let has_any = job.summary.as_ref().is_some_and(|summary| summary.rejects > 0);
        if has_any { Ok(self.shared.store.rejects(&job)) } else { Err(Refused::NoResult) }
    }

    /// The instant at which a job that has ended is removed.
    pub fn expires(&self, job: &Job) -> Option<i64> {
        self.shared.expires(job)
    }
}

impl Held {
    fn is_of(&self, client: &str) -> bool {
        self.job.client == client && self.job.state != State::Uploading
    }

    fn told(&self) -> Told {
        let AtWork { bytes, rows, .. } = &*self.at_work;
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Told { job: self.job.clone(), bytes: read(bytes), rows: read(rows) }
    }

    fn give_up(&mut self) {
        self.at_work.given_up.store(true, Ordering::Relaxed);
        self.at_work.stop.store(true, Ordering::Relaxed);
        if self.job.state == State::Queued {
            self.job.state = State::Cancelled;
            self.job.ended = Some(clock::seconds());
        }
    }
}

impl Shared {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Uuid, Held>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config(&self) -> RwLockReadGuard<'_, JobsConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_quota(&self, all: &BTreeMap<Uuid, Held>, client: &str) -> Result<(), Refused> {
        let most = self.config().unfinished_max;
        if all.values().filter(|held| held.job.state == State::Uploading).count() >= UPLOADS_MAX {
            return Err(Refused::Full);
        }
        if of(all, client).count() >= KEPT_MAX {
            return Err(Refused::TooManyKept(KEPT_MAX));
        }
        let unfinished = of(all, client).filter(|held| !held.job.state.has_ended()).count();
        if unfinished >= most { Err(Refused::TooManyUnfinished(most)) } else { Ok(()) }
    }

    /// Write a job as it is now, if it is there still.
    pub fn keep(&self, id: Uuid) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let job = self.all().get(&id).map(|held| held.job.clone());
        job.map_or(Ok(()), |job| self.store.keep(&job))
    }

    fn remove(&self, id: Uuid) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.store.remove(id)
    }

    /// Bytes that may be written for a client beside what is kept for it.
    pub fn room(&self, client: &str) -> u64 {
        let (of_client, of_all) = bytes_kept(&self.all(), client);
        let JobsConfig { client_bytes_max, bytes_max, .. } = *self.config();
        client_bytes_max.saturating_sub(of_client).min(bytes_max.saturating_sub(of_all))
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn expires(&self, job: &Job) -> Option<i64> {
        job.ended.map(|ended| ended + self.config().kept().as_secs() as i64)
    }

    /// Wait for a job to work on, and mark it as begun. `None` when all is to stop.
    ///
    /// Clients take turns: the job of whoever was not served for the longest time, of these the oldest.
    pub fn next(&self) -> Option<(Job, Arc<AtWork>)> {
        let mut all = self.all();
        loop {
            if self.is_stopping() {
                return None;
            }
            let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            let queued = all.values().filter(|held| held.job.state == State::Queued);
            let next = queued.min_by_key(|held| (served.get(&held.job.client), held.job.id));
            if let Some(id) = next.map(|held| held.job.id)
                && let Some(held) = all.get_mut(&id)
            {
                held.job.state = State::Running;
                held.job.attempts += 1;
                held.job.started = Some(clock::seconds());
                served.insert(held.job.client.clone(), clock::seconds());
                return Some((held.job.clone(), held.at_work.clone()));
            }
            drop(served);
            // Whoever adds a job or stops all wakes it.
            all = self.changed.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Note what came of a job: it is told when it is durable and its input is gone. What belongs to one that
    /// was removed meanwhile goes.
    ///
    /// # Errors
    ///
    /// It cannot be written. It is told all the same, and begun anew after a restart.
    pub fn end(&self, job: Job) -> io::Result<()> {
        let id = job.id;
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match self.all().contains_key(&id) {
            true => self.store.keep(&job),
            false => Ok(()),
        };
        if kept.is_ok() && job.state.has_ended() {
            self.store.remove_file(&self.store.input(&job));
        }
        match self.all().get_mut(&id) {
            Some(held) => held.job = job,
            None => self.store.remove(id)?,
        }
        kept
    }

    /// Remove the jobs whose time is over.
    fn sweep(&self) {
        let now = clock::seconds();
        let is_over = |held: &Held| self.expires(&held.job).is_some_and(|at| at <= now);
        let gone: Vec<Uuid> =
            self.all().extract_if(.., |_, held| is_over(held)).map(|(id, _)| id).collect();
        gone.into_iter().for_each(|id| self.remove_or_tell(id));
        // Who comes back after so long has waited as long as anyone.
        let forgotten = now - FORGOTTEN_SECONDS;
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.retain(|_, at| *at > forgotten);
    }

    fn remove_or_tell(&self, id: Uuid) {
        if let Err(error) = self.remove(id) {
            tracing::warn!(%id, %error, "任务无法删除 / a job cannot be removed");
        }
    }
}

/// Bring what is kept of a job to what it can be after the process that kept it ended.
fn recover(store: &Store, job: &mut Job) -> io::Result<()> {
    let before = job.state;
    match job.state {
        State::Running => worker::begin_anew(job),
        State::Done if !store.result(job).is_file() => {
            job.fail("结果已丢失 / the result is lost".to_owned());
        }
        _ => {}
    }
    // On a full disk this makes room for what is written.
    store.tidy(job)?;
    if job.state == before { Ok(()) } else { store.keep(job) }
}

/// Remove what is to be removed, until nobody has jobs any more.
fn clear(jobs: &Weak<Shared>, gone: &Receiver<Uuid>) {
    let (mut swept, mut next) = (None::<Instant>, None);
    loop {
        let Some(shared) = jobs.upgrade().filter(|shared| !shared.is_stopping()) else { return };
        if let Some(id) = next {
            shared.remove_or_tell(id);
        }
        if swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            shared.sweep();
            swept = Some(Instant::now());
        }
        drop(shared);
        next = match gone.recv_timeout(SWEEP_EVERY) {
            Ok(id) => Some(id),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let all = self.shared.all();
        self.shared.stopping.store(true, Ordering::Relaxed);
        all.values().for_each(|held| held.at_work.stop.store(true, Ordering::Relaxed));
        drop(all);
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of it was told where it happened.
            let _ = thread.join();
        }
    }
}

/// A file that arrives. Dropped before it is whole, it leaves nothing.
pub struct Upload {
    shared: Arc<Shared>,
    id: Uuid,
    hash: Sha256,
    file: Option<File>,
    is_whole: bool,
}

impl Upload {
    /// The job that it becomes.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Append bytes. Blocks as long as the disk does.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.reserve(bytes.len() as u64)?;
        self.hash.update(bytes);
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))?;
        Ok(())
    }

    /// Room for so many more.
    fn reserve(&mut self, more: u64) -> Result<(), Refused> {
        let JobsConfig { input_bytes_max, client_bytes_max, bytes_max, .. } = *self.shared.config();
        let mut all = self.shared.all();
        let Held { job, .. } = all.get_mut(&self.id).ok_or(Refused::NoSuchJob)?;
        job.input_bytes += more;
        if job.input_bytes > input_bytes_max {
            return Err(Refused::InputTooLarge(input_bytes_max));
        }
        let client = job.client.clone();
        let (of_client, of_all) = bytes_kept(&all, &client);
        if of_client > client_bytes_max {
            return Err(Refused::TooManyBytes(client_bytes_max));
        }
        if of_all > bytes_max {
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// It is whole: the job waits to be worked on, and outlives the process from now on. Blocks until the
    /// input is durable.
    pub fn finish(mut self) -> Result<Told, Refused> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        let digest = self.hash.clone().finalize();
        let mut all = self.shared.all();
        let held = all.get_mut(&self.id).ok_or(Refused::NoSuchJob)?;
        held.job.input_sha256 = hex::encode(digest);
        let queued = Job { state: State::Queued, ..held.job.clone() };
        drop(all);
        self.shared.store.keep(&queued)?;
        self.is_whole = true;
        let mut all = self.shared.all();
        let held = all.get_mut(&self.id).ok_or(Refused::NoSuchJob)?;
        held.job = queued;
        let told = held.told();
        drop(all);
        self.shared.changed.notify_all();
        Ok(told)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_whole {
            self.shared.all().remove(&self.id);
            // What is not removed now is at the next start.
            let _ = self.shared.gone.send(self.id);
        }
    }
}

fn of<'a>(all: &'a BTreeMap<Uuid, Held>, client: &'a str) -> impl Iterator<Item = &'a Held> {
    all.values().filter(move |held| held.job.client == client)
}

/// Bytes that are kept for a client, and for all.
fn bytes_kept(all: &BTreeMap<Uuid, Held>, client: &str) -> (u64, u64) {
    let bytes = |held: &Held| held.job.bytes();
    (of(all, client).map(bytes).sum(), all.values().map(bytes).sum())
}
