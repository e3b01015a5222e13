//! Fetches: when each source is asked, and what becomes of what it brings.

use super::{Base, Event, Shared, Work, lock};
use crate::clock;
use crate::ingest::{Delta, DeltaOrder, Plan};
use crate::live::Outcome;
use crate::live::guards::{Figures, Trip};
use crate::live::states::Delivery;
use crate::record::{Instant, limits};
use crate::source::Mapping;
use crate::source::fetch::{
    self, Fetch, FetchError, Fetched, FolderConfig, Limits, Memory, OriginConfig,
};
use globset::GlobMatcher;
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use tracing::{error, info, warn};

/// Begins the names of folders that are being filled.
pub(super) const INCOMING: &str = "incoming-";
/// Fetches at once.
const FETCHES_MAX: usize = 4;

impl Work {
    /// While another builds, what was brought here ages: all is asked for anew once it is built here.
    pub(super) fn forget_deliveries(&mut self) {
        self.candidates.clear();
        self.approved.clear();
        self.waiting.clear();
        lock(&self.shared.refresh).waiting = 0;
        self.waited = None;
        self.due.values_mut().for_each(|due| *due = Instant(i64::MIN));
        lock(&self.shared.refresh).failure = None;
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
    pub(super) fn fetch_due(&mut self) {
        if !self.is_builder() {
            return;
        }
        let now = Instant(clock::seconds());
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
            Some(Instant(clock::seconds()));
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
            let run = AssertUnwindSafe(|| fetching.run(&shared, &code));
            let result = Box::new(catch_unwind(run).unwrap_or(Err(FetchError::Fault)));
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
    pub(super) fn fetched(
        &mut self,
        code: &str,
        folder: &Path,
        base: Base,
        result: Result<Fetched, FetchError>,
    ) -> io::Result<()> {
        let now = Instant(clock::seconds());
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
        let fetched = Instant(clock::seconds());
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
            current: &|list, id| (listed.record(list, id), listed.standing_of(list, id).cloned()),
            today: Instant(clock::seconds()).day(),
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
