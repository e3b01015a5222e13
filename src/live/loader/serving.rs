//! What answers: at the start, after a build, after a rollback, and what other machines built.

use super::{LoaderError, Work, lock};
use crate::clock;
use crate::ingest::Built;
use crate::live::Generation;
use crate::live::guards::Trip;
use crate::live::replicas::Replicas;
use crate::live::states::{Delivery, Held};
use crate::record::Instant;
use crate::snapshot::Current;
use crate::traces;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tracing::{info, warn};

/// Why what another machine built does not answer here.
enum Unfollowed {
    /// It cannot be opened.
    Wreck(String),
    /// The ledger does not answer.
    NotNow(String),
}

impl Work {
    /// Serve what is there.
    pub(super) fn begin(&mut self) {
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

    /// Where nothing serves, the snapshot before may.
    pub(super) fn fall_back(&self) {
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

    /// The snapshot that answers now.
    fn serving(&self) -> Option<String> {
        let view = self.recorder.live().current()?;
        Some(view.generation.ground.index.meta().id.clone())
    }

    /// Let a published snapshot answer; its id.
    fn serve(&self, path: &Path) -> Result<String, String> {
        self.open(path).and_then(|generation| self.answer_with(generation))
    }

    pub(super) fn open(&self, path: &Path) -> Result<Generation, String> {
        let (catalogue, trusted) = (self.catalogue.clone(), self.trusted.as_ref());
        let _part = traces::child("build open");
        let opened = self.recorder.live().aside(|| Generation::open(path, catalogue, trusted));
        opened.map_err(|error| error.to_string())
    }

    /// Let it answer, with the changes that it lacks; its id.
    fn answer_with(&self, generation: Generation) -> Result<String, String> {
        let meta = generation.ground.index.meta();
        let (id, change, built) = (meta.id.clone(), meta.change, Instant(meta.built));
        let part = traces::child("build swap");
        self.recorder.swap(Arc::new(generation)).map_err(|error| error.to_string())?;
        drop(part);
        if let Some(span) = traces::current() {
            span.set("xincha.snapshot", id.clone());
        }
        let mut states = lock(&self.shared.states);
        let build = states.builds.entry(id.clone()).or_default();
        (build.change, build.built) = (change, built);
        info!(snapshot = %id, change, "快照已就绪 / snapshot serves");
        Ok(id)
    }

    /// Serve what another machine built.
    pub(super) fn follow_replicas(&mut self) {
        let news = self.replicas.as_mut().and_then(|replicas| replicas.news(&self.store));
        let Some((current, path)) = news else { return };
        let followed = self.follow(&current, &path);
        let Some(replicas) = &mut self.replicas else { return };
        match followed {
            Ok(()) => replicas.took(current),
            Err(Unfollowed::Wreck(why)) => replicas.refuse(current, why),
            Err(Unfollowed::NotNow(why)) => replicas.postpone(current, why),
        }
    }

    fn follow(&self, current: &Current, path: &Path) -> Result<(), Unfollowed> {
        if self.serving().as_ref() != Some(&current.id) {
            let generation = match self.open(path) {
                Ok(generation) => generation,
                Err(why) => {
                    // Neither a restart nor a rollback is to come upon it.
                    if let Err(error) = self.store.remove(&current.id) {
                        warn!("{}: 未能删除 / cannot be removed: {error}", path.display());
                    }
                    return Err(Unfollowed::Wreck(why));
                }
            };
            self.answer_with(generation).map_err(Unfollowed::NotNow)?;
        }
        if let Err(error) = self.store.point_to(&current.id) {
            warn!(snapshot = current.id, "快照指针未能更新 / cannot be pointed to: {error}");
        }
        lock(&self.shared.states).current = Some(current.id.clone());
        self.tell_first(Ok(()));
        self.tidy();
        self.save();
        Ok(())
    }

    /// Publish, open, swap. What served before serves on where that fails.
    pub(super) fn publish(
        &mut self,
        built: Built,
        sources: BTreeMap<String, Delivery>,
    ) -> Result<(), String> {
        lock(&self.shared.refresh).building = Some("publish".to_owned());
        let before = self.store.current().ok().flatten();
        let part = traces::child("build publish");
        let report = built.publish(&self.store).map_err(|error| error.to_string())?;
        drop(part);
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
        aside.extend(left.iter().map(|(code, of)| (code.clone(), of.hash_name())));
        aside.retain(|code, hash| built_of.get(code).is_none_or(|of| of.hash_name() != *hash));
        aside
    }

    /// Old snapshots go, and the changes that no kept one needs.
    pub(super) fn settle(&self) {
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

    pub(super) fn roll_back(&mut self, to: Option<String>) -> Result<String, LoaderError> {
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
                let held = Held {
                    delivery,
                    since: Instant(clock::seconds()),
                    trips: vec![Trip::RolledBack],
                };
                states.sources.entry(code).or_default().held = Some(held);
            }
        }
        warn!(snapshot = %target, "已回退 / rolled back");
        Ok(target)
    }
}
