//! A chain of records, one for each thread that answers: none waits for another's.

use super::log::Unrecorded;
use super::record::RECORD_BYTES_MAX;
use super::segment::{End, Frames, HEADER, Header, Next, Segment, Spare, segments};
use super::{Algorithm, AuditError, Broken, Hash, ReceiptNo, Record};
use std::fs::File;
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
    /// Hashes of the records since the last seal.
    unsealed: Vec<Hash>,
    /// Files that were finished, and folders in which some were begun, since the last sync.
    finished: Vec<Arc<File>>,
    payload: Vec<u8>,
}

impl State {
    /// Files with something that may not be on the disk.
    fn dirty(&mut self) -> Vec<Arc<File>> {
        let mut files = std::mem::take(&mut self.finished);
        files.push(self.segment.file());
        files
    }
}

/// What a lane did since it was last asked.
pub(super) struct Since {
    /// Where it ends.
    pub end: End,
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
    /// Go on with a lane, which holds at least what was sealed of it.
    ///
    /// # Errors
    ///
    /// A file cannot be used, or what was sealed is not there as it was.
    pub(super) fn open(
        log: &Path,
        number: u32,
        algorithm: Algorithm,
        segment_bytes: usize,
        sealed: &End,
    ) -> Result<Found, AuditError> {
        let folder = folder(log, number);
        std::fs::create_dir_all(&folder).map_err(AuditError::io(&folder))?;
        let lost = || Broken {
            file: folder.clone(),
            position: sealed.position,
            why: "已封存的记录缺失或被改动 / what was sealed is missing or altered".to_owned(),
        };
        let segments = segments(&folder)?;
        let of_unsealed = segments.partition_point(|(start, _)| *start <= sealed.position);
        let of_unsealed = &segments[of_unsealed.saturating_sub(1)..];
        let (mut end, mut unsealed, mut torn, mut segment) = (End::default(), Vec::new(), 0, None);
        for (at, (start, path)) in of_unsealed.iter().enumerate() {
            let frames = match Frames::read(path) {
                Ok(frames) if at == 0 || (torn == 0 && frames.header.end_before() == end) => frames,
                Err(error) if *start <= sealed.position && sealed.position > 0 => {
                    return Err(error);
                }
                // What came after something that the disk lost was not sealed, nor was a file without a
                // header.
                _ => {
                    torn += std::fs::metadata(path).map_err(AuditError::io(path))?.len() as usize;
                    std::fs::remove_file(path).map_err(AuditError::io(path))?;
                    continue;
                }
            };
            end = frames.header.end_before();
            let mut is_sealed = end == *sealed;
            loop {
                match frames.next(end.position - start, &end.head) {
                    Next::Frame(frame) => {
                        end = end.after(&frame).ok_or_else(lost)?;
                        is_sealed |= end == *sealed;
                        if end.position > sealed.position {
                            unsealed.push(end.head);
                        }
                    }
                    Next::End => break,
                    Next::Other => {
                        torn += frames.len() - HEADER - (end.position - start) as usize;
                        break;
                    }
                }
            }
            if at == 0 && !is_sealed {
                return Err(lost().into());
            }
            segment = Some(Segment::open(path, HEADER + (end.position - start) as usize)?);
        }
        if end.position < sealed.position {
            return Err(lost().into());
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
            unsealed,
            finished: Vec::new(),
            payload: Vec::new(),
        };
        let lane = Lane { number, folder, algorithm, segment_bytes, state: Mutex::new(state) };
        Ok(Found { lane, torn })
    }

    /// Append a record: it outlives this process from here on. Cost: a hash of its bytes, and a
    /// copy.
    pub(super) fn append(&self, record: &Record) -> Result<ReceiptNo, Unrecorded> {
        let mut state = self.state();
        let State { segment, spare, end, unsealed, finished, payload } = &mut *state;
        if unsealed.len() >= UNSEALED_MAX {
            return Err(Unrecorded);
        }
        payload.clear();
        record.write(payload);
        if payload.len() > RECORD_BYTES_MAX {
            return Err(Unrecorded);
        }
        if !segment.has_room(payload.len()) {
            let next = self.begin(end, spare.take(), finished).map_err(|error| {
                tracing::error!(%error, "审计日志无法写入 / the audit log cannot be written");
                Unrecorded
            })?;
            // Its room is all that is at stake.
            finished.extend(std::mem::replace(segment, next).close());
        }
        let hash = self.algorithm.link(&end.head, payload);
        let receipt = ReceiptNo::new(self.number, end.position, &hash);
        end.position += segment.append(payload, &hash) as u64;
        end.records += 1;
        end.head = hash;
        unsealed.push(hash);
        Ok(receipt)
    }

    fn begin(
        &self,
        end: &End,
        spare: Option<Spare>,
        unsynced: &mut Vec<Arc<File>>,
    ) -> Result<Segment, AuditError> {
        let header = Header::new(self.algorithm, self.number, end);
        let segment = Segment::create(&self.folder, &header, self.segment_bytes, spare)?;
        let folder = File::open(&self.folder).map_err(AuditError::io(&self.folder))?;
        unsynced.push(Arc::new(folder));
        Ok(segment)
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
        Since { end: state.end, hashes, files: state.dirty() }
    }

    /// Where it ends, and its files with something that may not be on the disk.
    pub(super) fn dirty(&self) -> (u64, Vec<Arc<File>>) {
        let mut state = self.state();
        (state.end.position, state.dirty())
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
