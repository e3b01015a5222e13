//! The thread that syncs what was written, seals it, and removes what is too old.

use super::config::Sync;
use super::log::{Log, Shared, unrecorded};
use super::record::{Act, Record};
use super::seal::{self, Sealed, Seals};
use super::segment::End;
use super::{AuditError, Hash, merkle};
use crate::clock;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks for segments whose time is over.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Milliseconds of a day.
const DAY_MILLIS: u64 = 86_400_000;

/// The thread that syncs and seals; dropped, it seals what there is and stops.
pub struct Keeping {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Keeping {
    /// Seal what was found and begin, with how each lane was sealed last. A process that is gone before its first
    /// seal, again and again, would otherwise leave the next ever more to read.
    pub(super) fn begin(
        shared: Arc<Shared>,
        seals: Seals,
        sealed: BTreeMap<u32, Sealed>,
    ) -> Result<Keeping, AuditError> {
        let mut keeper = Keeper {
            shared: shared.clone(),
            seals,
            unsealed_since: None,
            kept: sealed.iter().map(|(&lane, sealed)| (lane, sealed.kept)).collect(),
            sealed,
            waiting: Vec::new(),
            latest: 0,
        };
        keeper.seal();
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let thread =
            thread.spawn(|| keeper.run()).map_err(AuditError::io(&shared.config.folder))?;
        let _ = shared.keeper.set(thread.thread().clone());
        Ok(Keeping { shared, thread: Some(thread) })
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It tells its faults itself.
            let _ = thread.join();
            // Whoever waits for the disk waits no longer.
            self.shared.stopped.store(true, Ordering::Release);
            self.shared.syncs.send_modify(|syncs| *syncs += 1);
        }
    }
}

/// Syncs and seals.
struct Keeper {
    shared: Arc<Shared>,
    seals: Seals,
    /// Since when none can be written.
    unsealed_since: Option<Instant>,
    /// How each lane was sealed last.
    sealed: BTreeMap<u32, Sealed>,
    /// From where on each is kept, as the next seal tells.
    kept: BTreeMap<u32, u64>,
    /// Synced, and to be sealed: of each lane its end and the hashes of its records.
    waiting: Vec<(End, Vec<Hash>)>,
    /// The time of the latest record among them.
    latest: u64,
}

impl Keeper {
    fn run(mut self) {
        let interval = Duration::from_millis(self.shared.config.seal_ms.max(1));
        self.sweep();
        let (mut seal_at, mut sweep_at) = (Instant::now() + interval, Instant::now() + SWEEP_EVERY);
        loop {
            let is_last = self.shared.stopping.load(Ordering::Acquire);
            if is_last || Instant::now() >= seal_at {
                self.seal();
                seal_at = Instant::now() + interval;
            } else if self.shared.config.sync == Sync::Answer {
                self.sync();
            }
            if is_last {
                return;
            }
            // Without one the next segment is begun all the same, if it can be.
            for lane in &self.shared.lanes {
                if let Err(error) = lane.provide() {
                    tracing::warn!(%error, "审计日志无法预留空间 / no room is set aside for the audit log");
                }
            }
            if Instant::now() >= sweep_at {
                self.sweep();
                sweep_at = Instant::now() + SWEEP_EVERY;
            }
            std::thread::park_timeout(seal_at.saturating_duration_since(Instant::now()));
        }
    }

    /// Bring to the disk what was written, for those who wait for it.
    fn sync(&self) {
        if self.shared.failed.load(Ordering::Relaxed) {
            return;
        }
        let mut ends = Vec::new();
        for (lane, synced) in self.shared.lanes.iter().zip(&self.shared.synced) {
            let (end, files) = lane.dirty(synced.load(Ordering::Relaxed));
            if !files.is_empty() {
                if let Err(error) = files.iter().try_for_each(|file| file.sync_data()) {
                    return self.fail(&error);
                }
                ends.push((synced, end));
            }
        }
        if !ends.is_empty() {
            ends.iter().for_each(|(synced, end)| synced.store(*end, Ordering::Release));
            self.shared.syncs.send_modify(|syncs| *syncs += 1);
        }
    }

    /// Bring all to the disk and seal it.
    fn seal(&mut self) {
        if self.shared.failed.load(Ordering::Relaxed) {
            return;
        }
        self.waiting.resize_with(self.shared.lanes.len(), Default::default);
        for (at, lane) in self.shared.lanes.iter().enumerate() {
            let since = lane.since();
            if since.files.is_empty() {
                continue;
            }
            // After a failed sync the system takes what was not written for written: to ask again proves
            // nothing.
            if let Err(error) = since.files.iter().try_for_each(|file| file.sync_data()) {
                return self.fail(&error);
            }
            self.shared.synced[at].store(since.end.position, Ordering::Release);
            self.latest = self.latest.max(since.latest);
            let (end, hashes) = &mut self.waiting[at];
            *end = since.end;
            hashes.extend(since.hashes);
        }
        self.shared.syncs.send_modify(|syncs| *syncs += 1);
        if self.waiting.iter().all(|(_, hashes)| hashes.is_empty()) {
            return;
        }
        let mut lanes = Vec::new();
        for (lane, (end, hashes)) in (0..).zip(&self.waiting) {
            let sealed = self.sealed.get(&lane).map(Sealed::end);
            let from = sealed.map_or(0, |end| end.position);
            let end = if hashes.is_empty() { sealed } else { Some(*end) };
            let kept = self.kept.get(&lane).copied().unwrap_or(0);
            lanes.extend(end.map(|end| Sealed::new(lane, from, &end, kept)));
        }
        let leaves: Vec<Hash> =
            self.waiting.iter().flat_map(|(_, hashes)| hashes).copied().collect();
        let root = merkle::root(self.shared.algorithm, &leaves);
        let sealed: Vec<_> = lanes.iter().map(|lane| (lane.lane, lane.clone())).collect();
        // No record is younger than its seal, by which it is looked for.
        match self.seals.append(clock::millis().max(self.latest), lanes, leaves.len() as u64, root)
        {
            Ok(millis) => {
                self.sealed.extend(sealed);
                self.waiting.iter_mut().for_each(|(_, hashes)| hashes.clear());
                self.shared.sealed.store(millis, Ordering::Relaxed);
                self.shared.stalled.store(false, Ordering::Relaxed);
                if self.unsealed_since.take().is_some() {
                    tracing::info!("审计日志恢复封存 / the audit log is sealed again");
                }
            }
            // The records are on the disk, in room that was set aside: they are sealed with the next.
            Err(error) => {
                let since = *self.unsealed_since.get_or_insert_with(Instant::now);
                let most = Duration::from_secs(self.shared.config.unsealed_seconds_max);
                self.shared.stalled.store(since.elapsed() >= most, Ordering::Relaxed);
                tracing::error!(%error, "审计日志无法封存 / the audit log cannot be sealed");
            }
        }
    }

    fn fail(&self, error: &io::Error) {
        self.shared.failed.store(true, Ordering::Relaxed);
        self.shared.syncs.send_modify(|syncs| *syncs += 1);
        tracing::error!(
            %error,
            "磁盘写入失败，审计日志停止，服务拒绝作答，直至重新启动 / \
             the disk failed: the audit log stops, and nothing is answered until a new start"
        );
    }

    fn sweep(&mut self) {
        if self.shared.config.keep_days > 0
            && let Err(error) = self.remove_old()
        {
            tracing::error!(%error, "审计日志无法清理 / old audit segments cannot be removed");
        }
    }

    /// Remove segments of which even the last record is too old, and the seals that were of such alone. From where
    /// on each lane is kept is recorded and sealed before: whatever else is gone is missed.
    fn remove_old(&mut self) -> Result<(), AuditError> {
        let kept = u64::from(self.shared.config.keep_days) * DAY_MILLIS;
        let Some(oldest) = clock::millis().checked_sub(kept) else { return Ok(()) };
        self.seal();
        let log = Log { shared: self.shared.clone() };
        let mut swept = Vec::new();
        for lane in &log.shared.lanes {
            lane.leave(oldest)?;
            let (number, position) = (lane.number(), lane.kept_since(oldest)?);
            let is_sealed = self.sealed.get(&number).is_some_and(|sealed| position <= sealed.to);
            let kept = self.kept.entry(number).or_default();
            if is_sealed && position > *kept {
                *kept = position;
                swept.push(format!("{number}: {position:x}"));
            }
        }
        if !swept.is_empty() {
            let record = Record { note: &swept.join("; "), ..log.now(Act::Swept) };
            log.append(0, &record).map_err(|why| unrecorded(log.folder(), why))?;
            self.seal();
        }
        for (lane, sealed) in &self.sealed {
            log.shared.lanes[*lane as usize].remove_before(sealed.kept)?;
        }
        let folder = log.folder().join("seals");
        let (first_kept, files) = (seal::file_of(&folder, oldest), seal::files(&folder)?);
        for path in files.split_last().map_or(&[][..], |(_, earlier)| earlier) {
            let last = seal::last_of(path)?;
            let lanes = last.iter().flat_map(|line| &line.seal.lanes);
            let kept = |lane| self.sealed.get(lane).map_or(0, |sealed: &Sealed| sealed.kept);
            if *path >= first_kept || { lanes }.any(|lane| lane.to > kept(&lane.lane)) {
                break;
            }
            std::fs::remove_file(path).map_err(AuditError::io(path))?;
        }
        Ok(())
    }
}
