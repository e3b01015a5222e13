//! Refreshes the lists while they are served: fetch, build aside, prove, guard, swap.
//!
//! ```text
//! schedule | refresh | wake ─► fetch (a thread a source) ─► candidate
//!                                                            │  all that is there
//!                                             build of accepted and candidates ─► guards ──► held
//!                                                            │                     (built again
//!                                     publish ─► open, warm ─► Recorder::swap       without it)
//! ```
//!
//! One thread decides; fetches run beside it. A source that fails, lingers or delivers what trips a
//! guard holds back nothing but itself: of it what was accepted before is built in again, with its age.

mod builds;
mod fetches;
mod serving;
mod work;

use super::guards::Guards;
use super::replicas::Replicas;
use super::schedule::Schedule;
use super::states::{Delivery, States};
use super::{Generation, Recorder};
use crate::catalogue::Catalogue;
use crate::ingest::IngestError;
use crate::record::Instant;
use crate::snapshot::{OpenError, Store, TrustedKeys};
use crate::source::Mapping;
use crate::source::fetch::{FetchError, Fetched, Limits, OriginConfig, Wake};
use crate::traces::Traces;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest sleep, after which clocks that were set are noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What the loader is told.
#[derive(Clone, Debug)]
pub struct LoaderConfig {
    /// Folder of the mappings, each of which is a source.
    pub sources: PathBuf,
    /// Folder of the feeds of every source that has no origin of its own.
    pub feeds: PathBuf,
    /// Where accepted and held deliveries are kept.
    pub deliveries: PathBuf,
    /// Snapshots kept beside the current one.
    pub keep: usize,
    /// Fetch and build. Where not, what others built is served: a machine that trusts keys and has none.
    pub builds: bool,
    /// Build at start even where there is a snapshot.
    pub build_on_start: bool,
    /// Take every feed as true at the moment of the build.
    pub as_of_build: bool,
    /// What is told of single sources, by code.
    pub source: BTreeMap<String, SourceConfig>,
}

impl LoaderConfig {
    /// Load the mappings and hold the settings of sources against them.
    ///
    /// # Errors
    ///
    /// Every mistake of either.
    pub fn mappings(&self) -> Result<Vec<Mapping>, IngestError> {
        let mappings = Mapping::load_folder(&self.sources)?;
        check_sources(self, &mappings.iter().map(|mapping| mapping.code.clone()).collect())?;
        Ok(mappings)
    }
}

/// What is told of one source: `[source.CODE]`, where CODE is that of its mapping.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// Where its files come from. Default: the folder of feeds.
    pub origin: Option<OriginConfig>,
    /// When it is asked. Default: every 60 seconds.
    pub schedule: Schedule,
    /// How long a fetch may take, how much it may bring, how often it tries.
    pub limits: Limits,
    /// What must be so of a delivery.
    pub guards: Guards,
}

/// How far a refresh is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refresh {
    /// Requests that the loader has not begun yet.
    pub asked: usize,
    /// Sources that wait for others to be fetched.
    pub waiting: usize,
    /// Bytes brought so far, by source that is being fetched.
    pub fetching: BTreeMap<String, u64>,
    /// The step of the build, where one runs.
    pub building: Option<String>,
    /// Bytes and rows read by it.
    pub read: (u64, u64),
    /// Bytes it will read.
    pub bytes: u64,
    /// Why the last build failed, until one succeeds.
    pub failure: Option<String>,
    /// Names in the folder of feeds that no source reads, or that two claim.
    pub unread: Vec<String>,
    /// Builds that were published.
    pub published: u64,
}

impl Refresh {
    /// Something is asked for, being fetched or built.
    pub fn is_running(&self) -> bool {
        self.asked + self.waiting > 0 || !self.fetching.is_empty() || self.building.is_some()
    }
}

/// Why the loader did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoaderError {
    /// A refresh is under way.
    #[error("正在刷新 / a refresh is under way")]
    Running,
    /// No mapping has this code.
    #[error("没有这个来源 / there is no such source")]
    UnknownSource,
    /// No delivery of the source is held.
    #[error("没有被搁置的数据 / nothing is held")]
    NothingHeld,
    /// Another machine builds.
    #[error("由另一台机器构建 / another machine builds")]
    NotBuilder,
    /// No such snapshot is kept.
    #[error("没有这个快照 / no such snapshot is kept")]
    NoSuchSnapshot,
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

/// A handle of the loader. Cloning shares.
#[derive(Clone)]
pub struct Loader {
    shared: Arc<Shared>,
    events: Sender<Event>,
}

struct Shared {
    states: Mutex<States>,
    refresh: Mutex<Refresh>,
    /// Turns `Some` when the first data serves, or could not be had.
    first: Mutex<Option<Result<(), String>>>,
    told: Condvar,
    stopped: AtomicBool,
    /// This machine is the one that builds.
    builds: AtomicBool,
    codes: BTreeSet<String>,
    /// What opens a kept snapshot.
    store: Store,
    trusted: Option<TrustedKeys>,
    catalogue: Arc<Catalogue>,
}

/// The loader's thread; dropping it ends the thread.
pub struct Loading {
    shared: Arc<Shared>,
    events: Sender<Event>,
    thread: Option<JoinHandle<()>>,
    _wakes: Vec<Wake>,
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        let _ = self.events.send(Event::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

enum Event {
    Refresh(Option<String>, Asker),
    Fetched { code: String, folder: PathBuf, base: Base, result: Box<Result<Fetched, FetchError>> },
    Approve(String),
    Discarded,
    Rollback { to: Option<String>, reply: Sender<Result<String, LoaderError>> },
    Stop,
}

/// Who wants a source to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asker {
    /// Somebody who follows it.
    Operator,
    /// The source itself.
    Notification,
}

/// What a fetch was compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Base {
    Nothing,
    Accepted,
    Held,
    Discarded,
}

impl Loader {
    /// Begin: serve the current snapshot where there is one, and refresh from then on.
    ///
    /// # Errors
    ///
    /// Mappings, settings of sources or the states cannot be used.
    pub fn start(
        config: LoaderConfig,
        catalogue: Arc<Catalogue>,
        store: Store,
        trusted: Option<TrustedKeys>,
        recorder: Recorder,
        replicas: Option<Replicas>,
        traces: Option<Traces>,
    ) -> Result<(Loader, Loading), IngestError> {
        let mappings = config.mappings()?;
        let codes: BTreeSet<String> = mappings.iter().map(|mapping| mapping.code.clone()).collect();
        let failed = |source| IngestError::Io { path: config.deliveries.clone(), source };
        std::fs::create_dir_all(&config.deliveries).map_err(failed)?;
        let states = States::load(&config.deliveries).map_err(failed)?;
        let shared = Arc::new(Shared {
            states: Mutex::new(states),
            refresh: Mutex::default(),
            first: Mutex::new(None),
            told: Condvar::new(),
            stopped: AtomicBool::new(false),
            builds: AtomicBool::new(config.builds && replicas.is_none()),
            codes,
            store: store.clone(),
            trusted: trusted.clone(),
            catalogue: catalogue.clone(),
        });
        let (events, received) = channel();
        let wakes = wakes(&config, &events)?;
        let work = Work {
            due: shared.codes.iter().map(|code| (code.clone(), Instant(i64::MIN))).collect(),
            config,
            mappings,
            catalogue,
            store,
            trusted,
            recorder,
            replicas,
            traces,
            shared: shared.clone(),
            events: events.clone(),
            again: BTreeSet::new(),
            waiting: VecDeque::new(),
            candidates: BTreeMap::new(),
            waited: None,
            approved: BTreeSet::new(),
            fetches: 0,
            anew: false,
        };
        let thread = std::thread::Builder::new()
            .name("loader".to_owned())
            .spawn(move || work.run(&received))
            .map_err(|source| IngestError::Io { path: "loader".into(), source })?;
        let loading = Loading {
            shared: shared.clone(),
            events: events.clone(),
            thread: Some(thread),
            _wakes: wakes,
        };
        Ok((Loader { shared, events }, loading))
    }

    /// Wait for the first data.
    ///
    /// # Errors
    ///
    /// There is none, and why.
    pub fn first(&self) -> Result<(), String> {
        let mut first = lock(&self.shared.first);
        loop {
            if let Some(first) = &*first {
                return first.clone();
            }
            first = self.shared.told.wait(first).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is known of sources and snapshots.
    pub fn states(&self) -> States {
        lock(&self.shared.states).clone()
    }

    /// How far the present refresh is.
    pub fn progress(&self) -> Refresh {
        lock(&self.shared.refresh).clone()
    }

    /// This machine is the one that builds; of several it is one at a time.
    pub fn is_builder(&self) -> bool {
        self.shared.builds.load(Ordering::Relaxed)
    }

    /// The codes of all sources.
    pub fn sources(&self) -> &BTreeSet<String> {
        &self.shared.codes
    }

    /// Ask a source, or all, now. Returns at once; [`Loader::progress`] follows it.
    pub fn refresh(&self, code: Option<&str>) -> Result<(), LoaderError> {
        self.known(code)?;
        self.builder()?;
        {
            let mut refresh = lock(&self.shared.refresh);
            if refresh.is_running() {
                return Err(LoaderError::Running);
            }
            refresh.asked += 1;
        }
        self.send(Event::Refresh(code.map(str::to_owned), Asker::Operator))
    }

    /// Take the held delivery of a source all the same: it is built in at once, guards apart.
    pub fn approve(&self, code: &str) -> Result<(), LoaderError> {
        self.held(code)?;
        self.send(Event::Approve(code.to_owned()))
    }

    /// Drop the held delivery of a source; the same contents are not taken again.
    pub fn discard(&self, code: &str) -> Result<(), LoaderError> {
        self.held(code)?;
        let mut states = lock(&self.shared.states);
        let Some(state) = states.sources.get_mut(code) else { return Ok(()) };
        state.discarded = state.held.take().map(|held| held.delivery);
        drop(states);
        self.send(Event::Discarded)
    }

    /// Serve a kept snapshot again: the one of this id, or the newest before the current one. The
    /// deliveries that it lacks are held until somebody approves or discards them, or newer ones come.
    /// Answers its id once it serves. Blocks.
    pub fn rollback(&self, to: Option<&str>) -> Result<String, LoaderError> {
        self.builder()?;
        let (reply, answer) = channel();
        self.send(Event::Rollback { to: to.map(str::to_owned), reply })?;
        answer.recv().unwrap_or(Err(LoaderError::Failed("stopped".to_owned())))
    }

    /// A kept snapshot, opened anew beside the one that serves; `None` where none of this id is kept. Cost: all
    /// of its bytes are verified.
    pub fn kept(&self, id: &str) -> Option<Result<Generation, OpenError>> {
        let Shared { store, trusted, catalogue, .. } = &*self.shared;
        // Nothing but an id is a part of a path.
        store.kept().ok()?.iter().find(|kept| *kept == id)?;
        let path = store.published(id)?;
        Some(Generation::open(&path, catalogue.clone(), trusted.as_ref()))
    }

    fn known(&self, code: Option<&str>) -> Result<(), LoaderError> {
        match code {
            Some(code) if !self.shared.codes.contains(code) => Err(LoaderError::UnknownSource),
            _ => Ok(()),
        }
    }

    fn builder(&self) -> Result<(), LoaderError> {
        if self.is_builder() { Ok(()) } else { Err(LoaderError::NotBuilder) }
    }

    fn held(&self, code: &str) -> Result<(), LoaderError> {
        self.known(Some(code))?;
        self.builder()?;
        let states = lock(&self.shared.states);
        match states.sources.get(code) {
            Some(state) if state.held.is_some() => Ok(()),
            _ => Err(LoaderError::NothingHeld),
        }
    }

    fn send(&self, event: Event) -> Result<(), LoaderError> {
        self.events.send(event).map_err(|_| LoaderError::Failed("stopped".to_owned()))
    }
}

/// Every mistake of the settings of sources.
fn check_sources(config: &LoaderConfig, codes: &BTreeSet<String>) -> Result<(), IngestError> {
    let mut mistakes = Vec::new();
    for (code, source) in &config.source {
        if !codes.contains(code) {
            mistakes.push(format!("[source.{code}]: 没有此映射 / no mapping has this code"));
        }
        if let Err(why) = source.schedule.check() {
            mistakes.push(format!("[source.{code}.schedule]: {why}"));
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(IngestError::Plan(mistakes.join("\n"))) }
}

/// The listeners of sources that have one.
fn wakes(config: &LoaderConfig, events: &Sender<Event>) -> Result<Vec<Wake>, IngestError> {
    let mut wakes = Vec::new();
    for (code, source) in &config.source {
        let Some(OriginConfig::Postgres(origin)) = &source.origin else { continue };
        let (events, woken) = (events.clone(), code.clone());
        let wake = move || {
            let _ = events.send(Event::Refresh(Some(woken.clone()), Asker::Notification));
        };
        let listening = Wake::listen(origin, &source.limits, wake)
            .map_err(|error| IngestError::Plan(format!("[source.{code}.origin]: {error}")))?;
        wakes.extend(listening);
    }
    Ok(wakes)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the loader's thread holds.
struct Work {
    config: LoaderConfig,
    mappings: Vec<Mapping>,
    catalogue: Arc<Catalogue>,
    store: Store,
    trusted: Option<TrustedKeys>,
    recorder: Recorder,
    /// The other machines; none where this is the only one.
    replicas: Option<Replicas>,
    /// Where builds are traced.
    traces: Option<Traces>,
    shared: Arc<Shared>,
    events: Sender<Event>,
    /// When each source is asked next.
    due: BTreeMap<String, Instant>,
    /// Sources that were asked for while they were being fetched.
    again: BTreeSet<String>,
    /// Sources that are due and wait for a thread.
    waiting: VecDeque<String>,
    /// Deliveries that were brought and are not built in yet.
    candidates: BTreeMap<String, Delivery>,
    /// Since when the first of them waits.
    waited: Option<std::time::Instant>,
    /// Candidates that an operator approved.
    approved: BTreeSet<String>,
    /// Fetches begun, which names their folders.
    fetches: u64,
    /// Build once although there may be a snapshot.
    anew: bool,
}
