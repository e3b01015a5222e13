//! A chain of records, one for each thread that answers: none waits for another's.

use super::log::Unrecorded;
use super::reader::begun;
use super::record::RECORD_BYTES_MAX;
use super::seal::Sealed;
use super::segment::{End, Frames, HEADER, Header, Next, Segment, Spare, segments};
use super::{Algorithm, AuditError, Broken, Hash, ReceiptNo, Record};
use crate::clock;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records that are not sealed: more wait only where the disk takes none, and none are taken then.
const UNSEALED_MAX: usize = 8 << 20;

/// See the [module](self).
pub struct Lane {
    number: u32,
    folder: PathBuf,
    algorithm: Algorithm,
    segment_bytes: usize,
    state: Mutex<State>,
}

struct State {
    segment: Segment,
    /// What the next segment is made of.
    spare: Option<Spare>,
    end: End,
    /// The time of its latest record, in milliseconds since 1970.
    latest: u64,
    /// Hashes of the records since the last seal.
    unsealed: Vec<Hash>,
    /// Files that were begun or finished, and the folders of those begun, since the last sync.
    turned: Vec<Arc<File>>,
    payload: Vec<u8>,
}

impl State {
    /// Files with something that may not be on the disk: the current one where it was written to.
    fn dirty(&mut self, is_written: bool) -> Vec<Arc<File>> {
        let mut files = std::mem::take(&mut self.turned);
        files.extend(is_written.then(|| self.segment.file()));
        files
    }
}

/// What a lane did since it was last asked.
pub(super) struct Since {
    /// Where it ends.
    pub end: End,
    /// The time of its latest record, in milliseconds since 1970.
    pub latest: u64,
    /// Hashes of its records.
    pub hashes: Vec<Hash>,
    /// Files with something that may not be on the disk.
    pub files: Vec<Arc<File>>,
}

/// A lane as it was found, and what was torn off its end.
pub(super) struct Found {
    pub lane: Lane,
    /// Bytes that were no whole frame.
    pub torn: usize,
}

/// The folder of a lane.
pub(super) fn folder(log: &Path, number: u32) -> PathBuf {
    log.join("lanes").join(format!("{number:02}"))
}

impl Lane {
    /// Go on with a lane, which holds at least what was sealed of it. What came after that and is no record is set
    /// aside beside its files.
    ///
    /// # Errors
    ///
    /// A file cannot be used, or what was sealed is not there as it was.
    pub(super) fn open(
        log: &Path,
        number: u32,
        algorithm: Algorithm,
        segment_bytes: usize,
        sealed: Option<&Sealed>,
    ) -> Result<Found, AuditError> {
        let folder = folder(log, number);
        std::fs::create_dir_all(&folder).map_err(AuditError::io(&folder))?;
        let (kept, sealed) = sealed.map_or((0, End::default()), |it| (it.kept, it.end()));
        let lost = |position| Broken {
            file: folder.clone(),
            position,
            why: "已封存的记录缺失或被改动 / what was sealed is missing or altered".to_owned(),
        };
        let segments = segments(&folder)?;
        if segments.first().is_some_and(|(start, _)| *start > kept) {
            return Err(lost(kept).into());
        }
        // One that begins where the lane was sealed holds nothing that was.
        let first = segments.partition_point(|(start, _)| *start < sealed.position);
        let of_unsealed = &segments[first.saturating_sub(1)..];
        let (mut end, mut unsealed, mut torn, mut latest) = (End::default(), Vec::new(), 0, 0);
        let mut segment = None;
        for (at, (start, path)) in of_unsealed.iter().enumerate() {
            let frames = match Frames::read(path) {
                Ok(frames) if at == 0 || (torn == 0 && frames.header.end_before() == end) => frames,
                Err(error @ AuditError::Io { .. }) => return Err(error),
                Err(error) if at == 0 && sealed.position > 0 => return Err(error),
                // What came after something that the disk lost was not sealed, nor was a file without a
                // header.
                _ => {
                    torn += std::fs::metadata(path).map_err(AuditError::io(path))?.len() as usize;
                    set_aside(path, *start, |aside| std::fs::rename(path, aside))?;
                    continue;
                }
            };
            end = frames.header.end_before();
            let mut is_sealed = end == sealed;
            loop {
                match frames.next(end.position - start, &end.head) {
                    Next::Frame(frame) => {
                        end = end.after(&frame).ok_or_else(|| lost(end.position))?;
                        is_sealed |= end == sealed;
                        if end.position > sealed.position {
                            unsealed.push(end.head);
                        }
                        let record = Record::read(frame.payload);
                        latest = latest.max(record.map_or(0, |record| record.millis));
                    }
                    Next::End => break,
                    Next::Other => {
                        let rest = frames.rest(end.position - start);
                        torn += rest.len();
                        if is_sealed {
                            set_aside(path, end.position, |aside| std::fs::write(aside, rest))?;
                        }
                        break;
                    }
                }
            }
            if at == 0 && !is_sealed {
                return Err(lost(sealed.position).into());
            }
            segment = Some(Segment::open(path, HEADER + (end.position - start) as usize)?);
        }
        if end.position < sealed.position {
            return Err(lost(sealed.position).into());
        }
        // With room set aside a disk that runs full does not stop it at once.
        let segment = match segment {
            Some(segment) => segment,
            None => {
                let header = Header::new(algorithm, number, &end);
                let segment = Segment::create(&folder, &header, segment_bytes, None)?;
                // Nothing may follow for long that brings its name to the disk.
                let synced = File::open(&folder).and_then(|it| it.sync_all());
                synced.map_err(AuditError::io(&folder))?;
                segment
            }
        };
        let state = State {
            segment,
            spare: None,
            end,
            latest,
            unsealed,
            turned: Vec::new(),
            payload: Vec::new(),
        };
        let lane = Lane { number, folder, algorithm, segment_bytes, state: Mutex::new(state) };
        Ok(Found { lane, torn })
    }

    /// Append a record: it outlives this process from here on. Cost: a hash of its bytes, and a
    /// copy.
    pub(super) fn append(&self, record: &Record) -> Result<ReceiptNo, Unrecorded> {
        let mut state = self.state();
        let State { segment, spare, end, latest, unsealed, turned, payload } = &mut *state;
        if unsealed.len() >= UNSEALED_MAX {
            return Err(Unrecorded);
        }
        payload.clear();
        record.write(payload);
        if payload.len() > RECORD_BYTES_MAX || !Segment::takes(self.segment_bytes, payload.len()) {
            return Err(Unrecorded);
        }
        if !segment.has_room(payload.len()) {
            self.turn(segment, end, spare.take(), turned).map_err(|error| {
                tracing::error!(%error, "审计日志无法写入 / the audit log cannot be written");
                Unrecorded
            })?;
        }
        let hash = self.algorithm.link(&end.head, payload);
        let receipt = ReceiptNo::new(self.number, end.position, &hash);
        end.position += segment.append(payload, &hash) as u64;
        end.records += 1;
        end.head = hash;
        *latest = record.millis.max(*latest);
        unsealed.push(hash);
        Ok(receipt)
    }

    /// Go on in another segment.
    fn turn(
        &self,
        segment: &mut Segment,
        end: &End,
        spare: Option<Spare>,
        turned: &mut Vec<Arc<File>>,
    ) -> Result<(), AuditError> {
        let header = Header::new(self.algorithm, self.number, end);
        let next = Segment::create(&self.folder, &header, self.segment_bytes, spare)?;
        let folder = File::open(&self.folder).map_err(AuditError::io(&self.folder))?;
        turned.extend([Arc::new(folder), next.file(), segment.file()]);
        // The room that it gives back is all that is at stake.
        let _ = std::mem::replace(segment, next).close();
        Ok(())
    }

    /// Where all of its last segment is older than a moment, in milliseconds since 1970, go on in another.
    pub(super) fn leave(&self, oldest: u64) -> Result<(), AuditError> {
        let mut state = self.state();
        let State { segment, spare, end, latest, turned, .. } = &mut *state;
        if *latest < oldest && !segment.is_empty() {
            self.turn(segment, end, spare.take(), turned)?;
        }
        Ok(())
    }

    /// The position from which on it would be kept without segments of which even the last record is older.
    pub(super) fn kept_since(&self, oldest: u64) -> Result<u64, AuditError> {
        let segments = segments(&self.folder)?;
        let latest = self.state().latest;
        let mut kept = segments.first().map_or(0, |(start, _)| *start);
        for pair in segments.windows(2) {
            // The one after it begins with a record that came later, or has none yet.
            if begun(&pair[1].1)?.unwrap_or(latest) >= oldest {
                break;
            }
            kept = pair[1].0;
        }
        Ok(kept)
    }

    /// Remove segments of which all is before a position.
    pub(super) fn remove_before(&self, position: u64) -> Result<(), AuditError> {
        for pair in segments(&self.folder)?.windows(2) {
            if pair[1].0 <= position {
                std::fs::remove_file(&pair[0].1).map_err(AuditError::io(&pair[0].1))?;
            }
        }
        Ok(())
    }

    /// Write a file for its next segment, where it will soon need one.
    pub(super) fn provide(&self) -> Result<(), AuditError> {
        let is_wanted = {
            let state = self.state();
            state.spare.is_none() && state.segment.is_half_full()
        };
        if is_wanted {
            let spare = Spare::write(&self.folder, self.segment_bytes)?;
            self.state().spare = Some(spare);
        }
        Ok(())
    }

    /// What it did since this was last called.
    pub(super) fn since(&self) -> Since {
        let mut state = self.state();
        let hashes = std::mem::take(&mut state.unsealed);
        let files = state.dirty(!hashes.is_empty());
        Since { end: state.end, latest: state.latest, hashes, files }
    }

    /// Where it ends, and its files with something that may not be on the disk, which is up to a position.
    pub(super) fn dirty(&self, synced: u64) -> (u64, Vec<Arc<File>>) {
        let mut state = self.state();
        let end = state.end.position;
        (end, state.dirty(end > synced))
    }

    /// Its number.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Records that are not sealed.
    pub(super) fn unsealed(&self) -> usize {
        self.state().unsealed.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between two steps of an append panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keep what was no record at a position, for whoever wants to know.
fn set_aside(
    segment: &Path,
    position: u64,
    keep: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), AuditError> {
    let aside = segment.with_file_name(format!("{position:016x}.{}.torn", clock::millis()));
    keep(&aside).map_err(AuditError::io(&aside))
}
