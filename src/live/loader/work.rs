//! The loader's thread: what it holds, and what it does with what it is told.

use super::{Asker, Event, SLEEP_MAX, SourceConfig, Work, lock};
use crate::clock;
use crate::live::states::Delivery;
use crate::record::Instant;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use tracing::{error, info, warn};

impl Work {
    pub(super) fn run(mut self, events: &Receiver<Event>) {
        self.begin();
        self.follow_replicas();
        self.fetch_due();
        loop {
            let event = match events.recv_timeout(SLEEP_MAX) {
                Ok(Event::Stop) => break,
                Ok(event) => Some(event),
                Err(_) if self.shared.stopped.load(Ordering::Relaxed) => break,
                Err(_) => None,
            };
            let fetched = match &event {
                Some(Event::Fetched { code, .. }) => Some(code.clone()),
                _ => None,
            };
            // A fault of ours must not end all refreshes: what serves goes on, and says so.
            if catch_unwind(AssertUnwindSafe(|| self.step(event))).is_err() {
                self.recover(fetched);
            }
        }
        if let Some(replicas) = self.replicas.take() {
            replicas.leave();
        }
    }

    fn step(&mut self, event: Option<Event>) {
        if let Some(event) = event {
            self.take(event);
        }
        self.follow_replicas();
        self.fetch_due();
        if self.is_builder() && self.is_time_to_build() {
            self.build();
        }
        self.recorder.live().reap();
    }

    /// After a fault in a step, which may have been told of a fetch that has ended.
    fn recover(&mut self, fetched: Option<String>) {
        let mut refresh = lock(&self.shared.refresh);
        refresh.asked = 0;
        if let Some(code) = fetched {
            refresh.fetching.remove(&code);
        }
        drop(refresh);
        self.give_up("内部错误，详见日志 / a fault of ours, see the log".to_owned());
        self.end_build();
    }

    /// This machine is the one that builds.
    pub(super) fn is_builder(&mut self) -> bool {
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

    fn take(&mut self, event: Event) {
        match event {
            Event::Refresh(code, asker) => {
                let asked = |of: &&String| code.as_ref().is_none_or(|code| code == *of);
                let asked: Vec<String> = self.due.keys().filter(asked).cloned().collect();
                let now = Instant(clock::seconds());
                for code in asked {
                    let due = self.due.entry(code.clone()).or_insert(now);
                    *due = (*due).min(now);
                    if lock(&self.shared.refresh).fetching.contains_key(&code) {
                        self.again.insert(code);
                    }
                }
                self.fetch_due();
                if asker == Asker::Operator {
                    let mut refresh = lock(&self.shared.refresh);
                    refresh.asked = refresh.asked.saturating_sub(1);
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

    pub(super) fn save(&self) {
        let states = lock(&self.shared.states).clone();
        if let Err(error) = states.save(&self.config.deliveries) {
            error!("状态无法保存 / the states cannot be saved: {error}");
        }
    }

    pub(super) fn sweep(&self, is_busy: &dyn Fn(&str) -> bool) {
        let states = lock(&self.shared.states).clone();
        if let Err(error) = states.sweep(&self.config.deliveries, is_busy) {
            warn!("旧交付未能清理 / old deliveries cannot be removed: {error}");
        }
    }

    pub(super) fn source(&self, code: &str) -> SourceConfig {
        self.config.source.get(code).cloned().unwrap_or_default()
    }

    pub(super) fn accepted(&self) -> BTreeMap<String, Delivery> {
        lock(&self.shared.states).accepted_all().cloned().unwrap_or_default()
    }

    pub(super) fn tell_first(&self, outcome: Result<(), String>) {
        lock(&self.shared.first).get_or_insert(outcome);
        self.shared.told.notify_all();
    }

    pub(super) fn tell_if_serving(&self) {
        if self.recorder.live().current().is_some() {
            self.tell_first(Ok(()));
        }
    }
}
