//! Builds: when there is something to build, of what, and what is held.

use super::fetches::INCOMING;
use super::{Shared, Work, lock};
use crate::clock;
use crate::ingest::{self, Built, Delivered, IngestError, Order, Plan, Progress};
use crate::live::guards::{Figures, Trip};
use crate::live::replicas::Replicas;
use crate::live::states::{Delivery, Held};
use crate::record::Instant;
use crate::traces::{self, Span};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tracing::{error, warn};

/// How long candidates wait for the fetches that are under way.
const CANDIDATES_WAIT: Duration = Duration::from_secs(10);
/// Changes beside the index from which on they are folded into a new snapshot without any delivery.
const CHANGES_MAX: u64 = 200_000;
/// A source that is as old as its last fetch is built in anew when that is so much later.
const CONFIRMED_SECONDS: i64 = 6 * 3_600;

impl Work {
    /// There is something to build, and nothing worth waiting for.
    pub(super) fn is_time_to_build(&mut self) -> bool {
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
    pub(super) fn build(&mut self) {
        (self.waited, self.anew) = (None, false);
        let span = self.traces.as_ref().map(|traces| traces.work("build"));
        let _work = span.as_ref().map(Span::enter);
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
                    if let Some(span) = &span {
                        span.fail("build_failed");
                    }
                    self.give_up(why);
                    break;
                }
            }
        }
        self.end_build();
    }

    /// What served before serves on, and the candidates are brought again, with the pauses of a failure.
    pub(super) fn give_up(&mut self, why: String) {
        error!("构建失败，沿用上一快照 / build failed, the snapshot before it serves: {why}");
        lock(&self.shared.refresh).failure = Some(why);
        for code in std::mem::take(&mut self.candidates).into_keys() {
            let state = &mut lock(&self.shared.states).sources;
            let state = state.entry(code.clone()).or_default();
            state.failures += 1;
            let due = self.source(&code).schedule.after(Instant(clock::seconds()), state.failures);
            self.due.insert(code, due);
        }
        self.fall_back();
    }

    pub(super) fn end_build(&mut self) {
        self.approved.clear();
        self.tell_if_serving();
        let mut refresh = lock(&self.shared.refresh);
        (refresh.building, refresh.read, refresh.bytes) = (None, (0, 0), 0);
        drop(refresh);
        self.save();
        self.sweep(&|name| name.starts_with(INCOMING));
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
        let _part = traces::child("build prepare");
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
            now: Instant(clock::seconds()),
            standing: &standing,
            keys: &keys,
            change: view.map_or(0, |view| view.overlay.change()),
            as_of_build: self.config.as_of_build,
        };
        let following = Following(&self.shared);
        self.recorder.live().aside(|| ingest::prepare(&order, &following))
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
                if aside.get(code).is_some_and(|hash| *hash == delivery.hash_name()) {
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

    pub(super) fn hold(&mut self, tripped: BTreeMap<String, Vec<Trip>>) {
        let mut states = lock(&self.shared.states);
        for (code, trips) in tripped {
            let Some(delivery) = self.candidates.remove(&code) else { continue };
            let shown: Vec<String> = trips.iter().map(ToString::to_string).collect();
            warn!(source = code, "数据被搁置 / a delivery is held: {}", shown.join("; "));
            let state = states.sources.entry(code).or_default();
            state.held = Some(Held { delivery, since: Instant(clock::seconds()), trips });
        }
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
