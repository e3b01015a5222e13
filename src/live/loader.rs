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

use super::aside::aside;
use super::guards::{Figures, Guards, Trip};
use super::replicas::Replicas;
use super::schedule::Schedule;
use super::states::{Delivery, Held, States};
use super::{Generation, Outcome, Recorder};
use crate::catalogue::Catalogue;
use crate::ingest::{
    self, Built, Delivered, Delta, DeltaOrder, IngestError, Order, Plan, Progress,
};
use crate::record::{Instant, limits};
use crate::snapshot::{Current, Store, TrustedKeys};
use crate::source::Mapping;
use crate::source::fetch::{
    self, Fetch, FetchError, Fetched, FolderConfig, Limits, Memory, OriginConfig, Wake,
};
use globset::GlobMatcher;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::{error, info, warn};

/// Begins the names of folders that are being filled.
const INCOMING: &str = "incoming-";
/// Fetches at once.
const FETCHES_MAX: usize = 4;
/// How long candidates wait for the fetches that are under way.
const CANDIDATES_WAIT: Duration = Duration::from_secs(10);
/// The longest sleep, after which clocks that were set are noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Changes beside the index from which on they are folded into a new snapshot without any delivery.
const CHANGES_MAX: u64 = 200_000;
/// A source that is as old as its last fetch is built in anew when that is so much later.
const CONFIRMED_SECONDS: i64 = 6 * 3_600;

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
    ) -> Result<(Loader, Loading), IngestError> {
        let mappings = Mapping::load_folder(&config.sources)?;
        let codes: BTreeSet<String> = mappings.iter().map(|mapping| mapping.code.clone()).collect();
        check_sources(&config, &codes)?;
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

/// The clock, read where something is decided.
fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(since.as_secs() as i64)
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

impl Work {
    fn run(mut self, events: &Receiver<Event>) {
        self.begin();
        self.follow_replicas();
        self.fetch_due();
        loop {
            match events.recv_timeout(SLEEP_MAX) {
                Ok(Event::Stop) => break,
                Ok(event) => self.take(event),
                Err(_) if self.shared.stopped.load(Ordering::Relaxed) => break,
                Err(_) => {}
            }
            self.follow_replicas();
            self.fetch_due();
            if self.is_builder() && self.is_time_to_build() {
                self.build();
            }
            self.recorder.live().reap();
        }
        if let Some(replicas) = self.replicas.take() {
            replicas.leave();
        }
    }

    /// This machine is the one that builds.
    fn is_builder(&mut self) -> bool {
        let builds = match &mut self.replicas {
            Some(replicas) => replicas.held().is_some() && self.config.builds,
            None => self.config.builds,
        };
        self.shared.builds.store(builds, Ordering::Relaxed);
        if !builds {
            self.forget_deliveries();
        }
        builds
    }

    /// While another builds, what was brought here ages: all is asked for anew once it is built here.
    fn forget_deliveries(&mut self) {
        self.candidates.clear();
        self.approved.clear();
        self.waiting.clear();
        lock(&self.shared.refresh).waiting = 0;
        self.waited = None;
        self.due.values_mut().for_each(|due| *due = Instant(i64::MIN));
        lock(&self.shared.refresh).failure = None;
    }

    /// Serve what another machine built.
    fn follow_replicas(&mut self) {
        let Some(mut replicas) = self.replicas.take() else { return };
        if let Some((current, path)) = replicas.news(&self.store) {
            self.follow(&mut replicas, current, &path);
        }
        self.replicas = Some(replicas);
    }

    fn follow(&self, replicas: &mut Replicas, current: Current, path: &Path) {
        if self.serving().as_ref() != Some(&current.id) {
            let generation = match self.open(path) {
                Ok(generation) => generation,
                Err(why) => {
                    // Neither a restart nor a rollback is to come upon it.
                    if let Err(error) = self.store.remove(&current.id) {
                        warn!("{}: 未能删除 / cannot be removed: {error}", path.display());
                    }
                    return replicas.refuse(current, why);
                }
            };
            if let Err(why) = self.answer_with(generation) {
                return replicas.postpone(current, why);
            }
        }
        if let Err(error) = self.store.point_to(&current.id) {
            warn!(snapshot = current.id, "快照指针未能更新 / cannot be pointed to: {error}");
        }
        lock(&self.shared.states).current = Some(current.id.clone());
        replicas.took(current);
        self.tell_first(Ok(()));
        self.tidy();
        self.save();
    }

    /// The snapshot that answers now.
    fn serving(&self) -> Option<String> {
        let view = self.recorder.live().current()?;
        Some(view.generation.ground.index.meta().id.clone())
    }

    /// Serve what is there.
    fn begin(&mut self) {
        self.sweep(&|_| false);
        self.anew = self.config.build_on_start && self.config.builds;
        let current = match self.store.current() {
            Ok(current) => current,
            Err(error) => {
                warn!("将重新构建 / building anew: {error}");
                None
            }
        };
        let Some(path) = current else { return };
        match self.serve(&path) {
            Ok(id) => {
                lock(&self.shared.states).current = Some(id);
                // A new one is built over it, which knows what stands by it.
                if !self.anew {
                    self.tell_first(Ok(()));
                }
            }
            Err(why) if !self.config.builds => self.tell_first(Err(why)),
            Err(why) => warn!("将重新构建 / building anew: {why}"),
        }
    }

    fn tell_first(&self, outcome: Result<(), String>) {
        lock(&self.shared.first).get_or_insert(outcome);
        self.shared.told.notify_all();
    }

    /// Let a published snapshot answer; its id.
    fn serve(&self, path: &Path) -> Result<String, String> {
        self.open(path).and_then(|generation| self.answer_with(generation))
    }

    fn open(&self, path: &Path) -> Result<Generation, String> {
        let (catalogue, trusted) = (self.catalogue.clone(), self.trusted.as_ref());
        aside(|| Generation::open(path, catalogue, trusted)).map_err(|error| error.to_string())
    }

    /// Let it answer, with the changes that it lacks; its id.
    fn answer_with(&self, generation: Generation) -> Result<String, String> {
        let meta = generation.ground.index.meta();
        let (id, change, built) = (meta.id.clone(), meta.change, Instant(meta.built));
        self.recorder.swap(Arc::new(generation)).map_err(|error| error.to_string())?;
        let mut states = lock(&self.shared.states);
        let build = states.builds.entry(id.clone()).or_default();
        (build.change, build.built) = (change, built);
        info!(snapshot = %id, change, "快照已就绪 / snapshot serves");
        Ok(id)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Refresh(code, asker) => {
                let asked = |of: &&String| code.as_ref().is_none_or(|code| code == *of);
                let asked: Vec<String> = self.due.keys().filter(asked).cloned().collect();
                let now = now();
                for code in asked {
                    let due = self.due.entry(code.clone()).or_insert(now);
                    *due = (*due).min(now);
                    if lock(&self.shared.refresh).fetching.contains_key(&code) {
                        self.again.insert(code);
                    }
                }
                self.fetch_due();
                if asker == Asker::Operator {
                    lock(&self.shared.refresh).asked -= 1;
                }
            }
            Event::Discarded => self.save(),
            Event::Fetched { code, folder, base, result } => {
                let fetched = self.fetched(&code, &folder, base, *result);
                if let Err(error) = fetched {
                    error!(source = code, "交付无法保存 / a delivery cannot be kept: {error}");
                }
                // From one to the other without a moment at which nothing seems to run.
                let mut refresh = lock(&self.shared.refresh);
                if !self.candidates.is_empty() {
                    refresh.building.get_or_insert_with(|| "wait".to_owned());
                }
                refresh.fetching.remove(&code);
                drop(refresh);
                self.save();
            }
            Event::Approve(code) => {
                let held = lock(&self.shared.states)
                    .sources
                    .get_mut(&code)
                    .and_then(|state| state.held.take());
                if let Some(held) = held {
                    info!(source = code, "已批准 / approved");
                    self.candidates.entry(code.clone()).or_insert(held.delivery);
                    self.approved.insert(code);
                    self.build();
                }
            }
            Event::Rollback { to, reply } => {
                let _ = reply.send(self.roll_back(to));
                self.save();
            }
            Event::Stop => {}
        }
    }

    fn save(&self) {
        let states = lock(&self.shared.states).clone();
        if let Err(error) = states.save(&self.config.deliveries) {
            error!("状态无法保存 / the states cannot be saved: {error}");
        }
    }

    fn source(&self, code: &str) -> SourceConfig {
        self.config.source.get(code).cloned().unwrap_or_default()
    }

    /// Tell of files that nobody reads.
    fn look_for_unread(&self) {
        let unread = Plan::unread(&self.mappings, &self.config.feeds).unwrap_or_default();
        let mut refresh = lock(&self.shared.refresh);
        if refresh.unread != unread && !unread.is_empty() {
            info!("未读取的文件 / files that no source reads: {}", unread.join(", "));
        }
        refresh.unread = unread;
    }

    /// Begin the fetches that are due, as far as there is room.
    fn fetch_due(&mut self) {
        if !self.is_builder() {
            return;
        }
        let now = now();
        let fetching = lock(&self.shared.refresh).fetching.clone();
        if fetching.is_empty() && self.due.values().any(|due| *due <= now) {
            self.look_for_unread();
        }
        let states = lock(&self.shared.states);
        for (code, due) in &mut self.due {
            // A clock that was set back does not put a source off.
            let schedule = self.config.source.get(code).map(|source| source.schedule.clone());
            let failures = states.sources.get(code).map_or(0, |state| state.failures);
            *due = (*due).min(schedule.unwrap_or_default().after(now, failures));
            let is_new = !fetching.contains_key(code) && !self.waiting.contains(code);
            if *due <= now && is_new && !self.candidates.contains_key(code) {
                self.waiting.push_back(code.clone());
            }
        }
        drop(states);
        let mut room = FETCHES_MAX.saturating_sub(fetching.len());
        while room > 0
            && let Some(code) = self.waiting.pop_front()
        {
            room -= 1;
            if let Err(error) = self.begin_fetch(&code) {
                error!(source = code, "无法开始获取 / a fetch cannot begin: {error}");
                lock(&self.shared.refresh).fetching.remove(&code);
                self.due.insert(code.clone(), self.source(&code).schedule.after(now, 1));
            }
        }
        lock(&self.shared.refresh).waiting = self.waiting.len();
    }

    fn begin_fetch(&mut self, code: &str) -> io::Result<()> {
        self.fetches += 1;
        let source = self.source(code);
        let of_source = self.config.deliveries.join(code);
        let folder = of_source.join(format!("{INCOMING}{}", self.fetches));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let (base, delivery) = self.base(code);
        let previous = delivery.as_ref().map(|delivery| of_source.join(&delivery.name));
        let memory = delivery.map(|delivery| delivery.memory).unwrap_or_default();
        let is_shared = source.origin.is_none();
        let origin = source.origin.unwrap_or_else(|| {
            let path = self.config.feeds.clone();
            let complete = fetch::Complete::default();
            OriginConfig::Folder(FolderConfig { path, complete, settled_seconds: 0 })
        });
        let mappings = self.mappings.clone();
        lock(&self.shared.refresh).fetching.insert(code.to_owned(), 0);
        lock(&self.shared.states).sources.entry(code.to_owned()).or_default().attempted =
            Some(now());
        let (shared, events, code) = (self.shared.clone(), self.events.clone(), code.to_owned());
        let fetching = Fetching {
            origin,
            is_shared,
            limits: source.limits,
            memory,
            previous,
            folder,
            mappings,
        };
        std::thread::Builder::new().name(format!("fetch-{code}")).spawn(move || {
            let result = Box::new(fetching.run(&shared, &code));
            let folder = fetching.folder;
            let _ = events.send(Event::Fetched { code, folder, base, result });
        })?;
        Ok(())
    }

    /// What a fetch is compared with: the delivery brought last that is still of use.
    fn base(&self, code: &str) -> (Base, Option<Delivery>) {
        let states = lock(&self.shared.states);
        let state = states.sources.get(code);
        let held = state.and_then(|state| state.held.as_ref()).map(|held| &held.delivery);
        let discarded = state.and_then(|state| state.discarded.as_ref());
        let found = [
            (Base::Held, held),
            (Base::Discarded, discarded),
            (Base::Accepted, states.accepted(code)),
        ];
        let found = found.into_iter().find_map(|(base, of)| of.map(|of| (base, of.clone())));
        found.map_or((Base::Nothing, None), |(base, delivery)| (base, Some(delivery)))
    }

    /// What a fetch brought: a candidate, a confirmation, a failure.
    fn fetched(
        &mut self,
        code: &str,
        folder: &Path,
        base: Base,
        result: Result<Fetched, FetchError>,
    ) -> io::Result<()> {
        let now = now();
        let mut states = lock(&self.shared.states);
        let state = states.sources.entry(code.to_owned()).or_default();
        match &result {
            Ok(_) => {
                (state.succeeded, state.failures, state.failure) = (Some(now), 0, None);
                state.awaited.clear();
            }
            Err(error) => {
                state.failures = state.failures.saturating_add(1);
                let why = error.to_string();
                if state.failure.as_ref() != Some(&why) {
                    warn!(source = code, "获取失败 / a fetch failed: {why}");
                }
                state.failure = Some(why);
            }
        }
        let schedule = self.config.source.get(code).map(|source| source.schedule.clone());
        let due = schedule.unwrap_or_default().after(now, state.failures);
        // Asked for once more while it was under way: what is new may have come after its look.
        let due = if self.again.remove(code) { now } else { due };
        self.due.insert(code.to_owned(), due);
        match result {
            Ok(Fetched::Delivery { hash, memory, .. }) => {
                let is_discarded = state.discarded.as_ref().is_some_and(|of| of.hash == hash);
                let is_held = state.held.as_ref().is_some_and(|held| held.delivery.hash == hash);
                if !is_discarded && !is_held {
                    drop(states);
                    return self.candidate(code, folder, hash, memory);
                }
                std::fs::remove_dir_all(folder)
            }
            Ok(Fetched::Unchanged { memory }) => {
                if let Some(accepted) = states.accepted_mut(code)
                    && base == Base::Accepted
                {
                    (accepted.fetched, accepted.memory) = (now, memory);
                }
                std::fs::remove_dir_all(folder)
            }
            Ok(Fetched::Incomplete { awaited }) => {
                state.awaited = awaited;
                std::fs::remove_dir_all(folder)
            }
            Err(_) => std::fs::remove_dir_all(folder),
        }
    }

    fn candidate(
        &mut self,
        code: &str,
        folder: &Path,
        hash: u64,
        memory: Memory,
    ) -> io::Result<()> {
        let fetched = now();
        let name = format!("{}-{:08x}-{}", fetched.0, hash >> 32, self.fetches);
        let kept = folder.with_file_name(&name);
        std::fs::rename(folder, &kept)?;
        if let Some(parent) = kept.parent() {
            std::fs::File::open(parent)?.sync_all()?;
        }
        info!(source = code, delivery = name, "收到新数据 / new data was brought");
        let figures = Figures::default();
        let delivery = Delivery { name, hash, fetched, figures, memory };
        if let Err(trip) = self.record_delta(code, &kept) {
            self.candidates.insert(code.to_owned(), delivery);
            self.hold(BTreeMap::from([(code.to_owned(), vec![trip])]));
            return Ok(());
        }
        self.candidates.insert(code.to_owned(), delivery);
        self.waited.get_or_insert_with(std::time::Instant::now);
        Ok(())
    }

    /// The delta feeds of a delivery take effect at once, unless they say too much.
    fn record_delta(&self, code: &str, folder: &Path) -> Result<(), Trip> {
        let mapping = self.mappings.iter().find(|mapping| mapping.code == code);
        let (Some(mapping), Some(view)) = (mapping, self.recorder.live().current()) else {
            return Ok(());
        };
        let accepted = lock(&self.shared.states).accepted(code).cloned();
        let previous = accepted.map(|of| self.config.deliveries.join(code).join(of.name));
        let listed = view.listed();
        let delta = Delta::read(&DeltaOrder {
            mapping,
            folder,
            previous: previous.as_deref(),
            current: &|list, id| listed.record(list, id),
            today: now().day(),
        });
        let delta = delta.map_err(|error| Trip::Unreadable { why: error.to_string() })?;
        let guards = self.source(code).guards;
        if delta.rejects > guards.few
            && delta.rejects as f64 > guards.rejects_max * delta.rows as f64
        {
            return Err(Trip::Rejects { rejects: delta.rejects, rows: delta.rows });
        }
        for (list, &ends) in &delta.ends {
            let lists = &view.generation.ground.index.meta().lists;
            let before = lists.iter().find(|of| of.code == *list).map_or(0, |of| of.entries);
            if ends > guards.few && ends as f64 > guards.shrink_max * before as f64 {
                let now = before.saturating_sub(ends);
                return Err(Trip::Shrunk { list: list.clone(), before, now });
            }
        }
        for changes in delta.changes.chunks(limits::CHANGES_MAX) {
            let answer =
                self.recorder.record(changes.to_vec()).map(|answer| answer.blocking_recv());
            match answer {
                Ok(Ok(Ok(recorded))) => {
                    let taken = |outcome: &&Outcome| matches!(outcome, Outcome::Recorded(_));
                    let taken = recorded.outcomes.iter().filter(taken).count();
                    info!(
                        source = code,
                        taken,
                        of = changes.len(),
                        "增量已登记 / delta rows are recorded"
                    );
                }
                // They are in the build that follows, all the same.
                failed => warn!(
                    source = code,
                    "增量未能登记 / delta rows could not be recorded: {failed:?}"
                ),
            }
        }
        Ok(())
    }

    /// There is something to build, and nothing worth waiting for.
    fn is_time_to_build(&mut self) -> bool {
        let is_fetching =
            !lock(&self.shared.refresh).fetching.is_empty() || !self.waiting.is_empty();
        let waited = self.waited.is_some_and(|since| since.elapsed() >= CANDIDATES_WAIT);
        if is_fetching && !waited {
            return false;
        }
        if !self.candidates.is_empty() {
            return true;
        }
        if self.anew && !is_fetching {
            self.anew = false;
            if !self.accepted().is_empty() {
                return true;
            }
            self.tell_if_serving();
        }
        match self.recorder.live().current() {
            // What was accepted before is there still.
            None if !is_fetching && !self.accepted().is_empty() => true,
            // Every source was asked and none has anything.
            None if !is_fetching => {
                let why = self.nothing();
                self.tell_first(Err(why));
                false
            }
            None => false,
            Some(view) => {
                let folded = view.generation.ground.index.meta().change;
                view.overlay.change() - folded > CHANGES_MAX || self.is_confirmed_later()
            }
        }
    }

    /// Why there is no data at all.
    fn nothing(&self) -> String {
        let states = lock(&self.shared.states);
        let failures: Vec<String> = states
            .sources
            .iter()
            .filter_map(|(code, state)| Some(format!("{code}: {}", state.failure.as_ref()?)))
            .collect();
        let held = states.sources.iter().filter_map(|(code, state)| {
            let trips = state.held.as_ref()?.trips.iter().map(ToString::to_string);
            Some(format!("{code}: {}", trips.collect::<Vec<_>>().join("; ")))
        });
        let failure = lock(&self.shared.refresh).failure.clone();
        let whys: Vec<String> = failures.into_iter().chain(held).chain(failure).collect();
        if whys.is_empty() {
            let feeds = self.config.feeds.display();
            return format!("{feeds}: 没有可用的数据文件 / no file that a mapping claims");
        }
        whys.join("\n")
    }

    /// A source whose data is as old as its last fetch was confirmed long after the build.
    fn is_confirmed_later(&self) -> bool {
        let states = lock(&self.shared.states);
        let Some(build) = states.current.as_ref().and_then(|id| states.builds.get(id)) else {
            return false;
        };
        let is_of_fetch = |code: &str| {
            if self.config.as_of_build {
                return true;
            }
            let mapping = self.mappings.iter().find(|mapping| mapping.code == code);
            mapping.is_some_and(|mapping| {
                mapping.feeds.iter().any(|feed| feed.as_of == crate::source::AsOf::Build)
            })
        };
        build.sources.iter().any(|(code, delivery)| {
            delivery.fetched.0 - build.built.0 > CONFIRMED_SECONDS && is_of_fetch(code)
        })
    }

    /// Build what is there; what trips a guard is held, and the rest built again without it.
    fn build(&mut self) {
        (self.waited, self.anew) = (None, false);
        loop {
            match self.build_once() {
                Ok(Ok(())) => {
                    lock(&self.shared.refresh).failure = None;
                    self.tell_first(Ok(()));
                    self.settle();
                    break;
                }
                Ok(Err(tripped)) => {
                    self.hold(tripped);
                    let serves = self.recorder.live().current().is_some();
                    if self.candidates.is_empty() && (serves || self.accepted().is_empty()) {
                        break;
                    }
                }
                Err(why) => {
                    error!(
                        "构建失败，沿用上一快照 / build failed, the snapshot before it serves: {why}"
                    );
                    lock(&self.shared.refresh).failure = Some(why.clone());
                    // They are brought again, with the pauses of a failure.
                    for code in std::mem::take(&mut self.candidates).into_keys() {
                        let state = &mut lock(&self.shared.states).sources;
                        let state = state.entry(code.clone()).or_default();
                        state.failures += 1;
                        let due = self.source(&code).schedule.after(now(), state.failures);
                        self.due.insert(code, due);
                    }
                    self.fall_back();
                    break;
                }
            }
        }
        self.approved.clear();
        self.tell_if_serving();
        let mut refresh = lock(&self.shared.refresh);
        (refresh.building, refresh.read, refresh.bytes) = (None, (0, 0), 0);
        drop(refresh);
        self.save();
        self.sweep(&|name| name.starts_with(INCOMING));
    }

    fn sweep(&self, is_busy: &dyn Fn(&str) -> bool) {
        let states = lock(&self.shared.states).clone();
        if let Err(error) = states.sweep(&self.config.deliveries, is_busy) {
            warn!("旧交付未能清理 / old deliveries cannot be removed: {error}");
        }
    }

    fn tell_if_serving(&self) {
        if self.recorder.live().current().is_some() {
            self.tell_first(Ok(()));
        }
    }

    /// Where nothing serves, the snapshot before may.
    fn fall_back(&self) {
        if self.recorder.live().current().is_some() {
            return;
        }
        let failure = lock(&self.shared.refresh).failure.clone().unwrap_or_default();
        let current = self.store.current().ok().flatten();
        let served = current.ok_or(failure).and_then(|path| self.serve(&path));
        if let Ok(id) = &served {
            lock(&self.shared.states).current = Some(id.clone());
        }
        self.tell_first(served.map(|_| ()));
    }

    fn accepted(&self) -> BTreeMap<String, Delivery> {
        lock(&self.shared.states).accepted_all().cloned().unwrap_or_default()
    }

    /// One build, which serves then, or what trips which guards.
    fn build_once(&mut self) -> Result<Result<(), BTreeMap<String, Vec<Trip>>>, String> {
        let mut deliveries = self.accepted();
        deliveries.extend(self.candidates.clone());
        self.check_none_is_lost(&deliveries)?;
        let folder = |code: &str, of: &Delivery| self.config.deliveries.join(code).join(&of.name);
        let delivered: Vec<Delivered> = deliveries
            .iter()
            .map(|(code, of)| Delivered {
                code: code.clone(),
                folder: folder(code, of),
                fetched: of.fetched,
            })
            .collect();
        let built = match self.prepare(&delivered) {
            Ok(built) => built,
            Err(IngestError::Delivery { code, error }) if self.candidates.contains_key(&code) => {
                let trip = Trip::Unreadable { why: error.to_string() };
                return Ok(Err(BTreeMap::from([(code, vec![trip])])));
            }
            Err(error) => return Err(error.to_string()),
        };
        for source in &built.report.meta.sources {
            if let Some(delivery) = deliveries.get_mut(&source.code) {
                delivery.figures = Figures::of(source);
            }
            if let Some(candidate) = self.candidates.get_mut(&source.code) {
                candidate.figures = Figures::of(source);
            }
        }
        let tripped = self.judge();
        if !tripped.is_empty() {
            let _ = std::fs::remove_file(&built.building);
            return Ok(Err(tripped));
        }
        self.publish(built, deliveries).map(Ok)
    }

    /// What serves may have been built elsewhere: a source of it of which nothing was brought here yet
    /// must not vanish.
    fn check_none_is_lost(&self, deliveries: &BTreeMap<String, Delivery>) -> Result<(), String> {
        let Some(view) = self.recorder.live().current() else { return Ok(()) };
        let sources = &view.generation.ground.index.meta().sources;
        let lost = sources
            .iter()
            .map(|source| &source.code)
            .find(|code| self.shared.codes.contains(*code) && !deliveries.contains_key(*code));
        lost.map_or(Ok(()), |code| {
            Err(format!(
                "{code}: 尚未取得数据，不能重建 / nothing was brought yet, and what serves has it"
            ))
        })
    }

    fn prepare(&self, delivered: &[Delivered]) -> Result<Built, IngestError> {
        let plan = Plan::of_delivered(&self.mappings, delivered)?;
        lock(&self.shared.refresh).bytes = plan.bytes();
        let view = self.recorder.live().current();
        let standing = view.as_ref().map(|view| view.overlay.standing()).unwrap_or_default();
        let keys = view.as_ref().map(|view| view.keys()).unwrap_or_default();
        let order = Order {
            plan: &plan,
            kind_of: &|code| self.catalogue.list_no(code).map(|no| self.catalogue.list(no).kind),
            store: &self.store,
            rejects: &self.store.folder().join("rejects.csv"),
            now: now(),
            standing: &standing,
            keys: &keys,
            change: view.map_or(0, |view| view.overlay.change()),
            as_of_build: self.config.as_of_build,
        };
        ingest::prepare(&order, &Following(&self.shared))
    }

    /// Why candidates are held, those apart that an operator approved.
    fn judge(&self) -> BTreeMap<String, Vec<Trip>> {
        let states = lock(&self.shared.states);
        let aside = self.replicas.as_ref().map(Replicas::set_aside).unwrap_or_default();
        let judged = self.candidates.iter().filter(|(code, _)| !self.approved.contains(*code));
        judged
            .map(|(code, delivery)| {
                let accepted = states.accepted(code).map(|of| of.figures.clone());
                let before = accepted.or_else(|| self.figures_that_serve(code));
                let mut trips = self.source(code).guards.judge(&delivery.figures, before.as_ref());
                if aside.get(code).is_some_and(|hash| *hash == hash_of(delivery)) {
                    trips.push(Trip::RolledBack);
                }
                (code.clone(), trips)
            })
            .filter(|(_, trips)| !trips.is_empty())
            .collect()
    }

    /// The figures of a source in the snapshot that serves, wherever it was built.
    fn figures_that_serve(&self, code: &str) -> Option<Figures> {
        let view = self.recorder.live().current()?;
        let sources = &view.generation.ground.index.meta().sources;
        sources.iter().find(|source| source.code == code).map(Figures::of)
    }

    fn hold(&mut self, tripped: BTreeMap<String, Vec<Trip>>) {
        let mut states = lock(&self.shared.states);
        for (code, trips) in tripped {
            let Some(delivery) = self.candidates.remove(&code) else { continue };
            let shown: Vec<String> = trips.iter().map(ToString::to_string).collect();
            warn!(source = code, "数据被搁置 / a delivery is held: {}", shown.join("; "));
            let state = states.sources.entry(code).or_default();
            state.held = Some(Held { delivery, since: now(), trips });
        }
    }

    /// Publish, open, swap. What served before serves on where that fails.
    fn publish(&mut self, built: Built, sources: BTreeMap<String, Delivery>) -> Result<(), String> {
        lock(&self.shared.refresh).building = Some("publish".to_owned());
        let before = self.store.current().ok().flatten();
        let report = built.publish(&self.store).map_err(|error| error.to_string())?;
        let aside = self.set_aside(&sources, &BTreeMap::new());
        let id = match self.hand_over(&report.path, &report.meta.id, report.meta.change, aside) {
            Ok(id) => id,
            Err(why) => {
                let id = before.as_ref().and_then(|path| path.file_stem()?.to_str());
                if let Some(id) = id {
                    self.store.point_to(id).map_err(|error| error.to_string())?;
                }
                return Err(why);
            }
        };
        let mut states = lock(&self.shared.states);
        for code in std::mem::take(&mut self.candidates).into_keys() {
            let state = states.sources.entry(code).or_default();
            (state.held, state.discarded) = (None, None);
        }
        states.builds.entry(id.clone()).or_default().sources = sources;
        states.current = Some(id.clone());
        drop(states);
        lock(&self.shared.refresh).published += 1;
        info!(
            snapshot = %id, rows = report.rows, rejects = report.rejects, seconds = report.seconds,
            "快照已构建 / snapshot built"
        );
        Ok(())
    }

    /// Let a snapshot of ours answer, here and, while this machine still builds, at the others; its id.
    /// Opened before the others are told of it, so that none is told of a wreck; told before it answers
    /// here, so that this machine never serves for long what the others do not.
    fn hand_over(
        &mut self,
        path: &Path,
        id: &str,
        change: u64,
        set_aside: BTreeMap<String, String>,
    ) -> Result<String, String> {
        let generation = self.open(path)?;
        let Some(replicas) = &mut self.replicas else { return self.answer_with(generation) };
        let held = replicas.held().ok_or_else(|| LoaderError::NotBuilder.to_string())?;
        let put = replicas.put(path, id, change, held.token, set_aside);
        let current = put.map_err(|error| error.to_string())?;
        // Where this fails, it is taken from the shelf as soon as it can be.
        let id = self.answer_with(generation)?;
        if let Some(replicas) = &mut self.replicas {
            replicas.took(current);
        }
        Ok(id)
    }

    /// What no machine builds in unasked, by source, once something serves that was built of these and
    /// leaves those: it outlives the builder that was told to roll back.
    fn set_aside(
        &self,
        built_of: &BTreeMap<String, Delivery>,
        left: &BTreeMap<String, Delivery>,
    ) -> BTreeMap<String, String> {
        let mut aside = self.replicas.as_ref().map(Replicas::set_aside).unwrap_or_default();
        aside.extend(left.iter().map(|(code, of)| (code.clone(), hash_of(of))));
        aside.retain(|code, hash| built_of.get(code).is_none_or(|of| hash_of(of) != *hash));
        aside
    }

    /// Old snapshots go, and the changes that no kept one needs.
    fn settle(&self) {
        if let Some(Err(error)) = self.replicas.as_ref().map(|all| all.prune(self.config.keep)) {
            warn!("快照存储未能清理 / the shelf cannot be tidied: {error}");
        }
        let Some(kept) = self.tidy() else { return };
        let states = lock(&self.shared.states);
        // Of a snapshot that somebody else put there it is not known what it contains.
        if kept.iter().all(|id| states.builds.contains_key(id)) {
            let through = states.oldest_change();
            drop(states);
            if let Err(error) = self.recorder.truncate(through) {
                warn!("变更台账未能截断 / the ledger cannot be truncated: {error}");
            }
        }
    }

    /// Old snapshots of this machine go; those that are kept.
    fn tidy(&self) -> Option<Vec<String>> {
        if let Err(error) = self.store.prune(self.config.keep) {
            warn!("旧快照未能清理 / old snapshots cannot be removed: {error}");
        }
        match self.store.kept() {
            Ok(kept) => {
                lock(&self.shared.states).forget(|id| kept.iter().any(|kept| kept == id));
                Some(kept)
            }
            Err(error) => {
                warn!("快照目录无法读取 / the snapshots cannot be listed: {error}");
                None
            }
        }
    }

    fn roll_back(&mut self, to: Option<String>) -> Result<String, LoaderError> {
        let kept = self.store.kept().map_err(|error| LoaderError::Failed(error.to_string()))?;
        let current = lock(&self.shared.states).current.clone();
        let before = |id: &&String| current.as_ref().is_none_or(|current| *id < current);
        let target = match &to {
            Some(to) => kept.iter().find(|id| *id == to),
            None => kept.iter().rev().find(before),
        };
        let target = target.ok_or(LoaderError::NoSuchSnapshot)?.clone();
        let path = self.store.path_of(&target);
        let build_of = |id: &String| lock(&self.shared.states).builds.get(id).cloned();
        let build = build_of(&target).unwrap_or_default();
        let left = current.as_ref().and_then(build_of).unwrap_or_default();
        let aside = self.set_aside(&build.sources, &left.sources);
        self.hand_over(&path, &target, build.change, aside).map_err(LoaderError::Failed)?;
        let pointed = self.store.point_to(&target);
        pointed.map_err(|error| LoaderError::Failed(error.to_string()))?;
        self.candidates.clear();
        let mut states = lock(&self.shared.states);
        states.current = Some(target.clone());
        for (code, delivery) in left.sources {
            if states.accepted(&code).is_none_or(|of| of.hash != delivery.hash) {
                let held = Held { delivery, since: now(), trips: vec![Trip::RolledBack] };
                states.sources.entry(code).or_default().held = Some(held);
            }
        }
        warn!(snapshot = %target, "已回退 / rolled back");
        Ok(target)
    }
}

/// The contents of a delivery as they are named among machines.
fn hash_of(delivery: &Delivery) -> String {
    format!("{:016x}", delivery.hash)
}

/// One fetch on its thread.
struct Fetching {
    origin: OriginConfig,
    /// The origin is the folder of feeds of all sources.
    is_shared: bool,
    limits: Limits,
    memory: Memory,
    previous: Option<PathBuf>,
    folder: PathBuf,
    mappings: Vec<Mapping>,
}

impl Fetching {
    fn run(&self, shared: &Shared, code: &str) -> Result<Fetched, FetchError> {
        let matchers = |is_ours: bool| -> Vec<_> {
            let of = self.mappings.iter().filter(|mapping| (mapping.code == code) == is_ours);
            of.flat_map(|mapping| &mapping.feeds).filter_map(|feed| feed.matcher().ok()).collect()
        };
        // In a folder that all share, a file that two claim is nobody's.
        let ours = matchers(true);
        let others = if self.is_shared { matchers(false) } else { Vec::new() };
        let any = |matchers: &[GlobMatcher], name: &str| {
            matchers.iter().any(|matcher| matcher.is_match(name))
        };
        fetch::fetch(&Fetch {
            origin: &self.origin,
            limits: &self.limits,
            memory: &self.memory,
            previous: self.previous.as_deref().filter(|folder| folder.is_dir()),
            into: &self.folder,
            matches: &|name| any(&ours, name) && !any(&others, name),
            progress: &|bytes| {
                if let Some(so_far) = lock(&shared.refresh).fetching.get_mut(code) {
                    *so_far = bytes;
                }
            },
            cancelled: &|| shared.stopped.load(Ordering::Relaxed),
        })
    }
}

/// Tells the handles how far a build is.
struct Following<'a>(&'a Shared);

impl Progress for Following<'_> {
    fn file(&self, name: &str) {
        lock(&self.0.refresh).building = Some(name.to_owned());
    }

    fn read(&self, bytes: u64, rows: u64) {
        lock(&self.0.refresh).read = (bytes, rows);
    }

    fn step(&self, name: &'static str) {
        lock(&self.0.refresh).building = Some(name.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }
}
