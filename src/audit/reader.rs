//! The log as it lies on disk, also while it is written.

use super::lane::folder;
use super::record::Record;
use super::seal::{self, Line};
use super::segment::{End, Frame, Frames, Next, segments};
use super::{Algorithm, AuditError, Broken, Hash, ReceiptNo};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Reader {
    root: PathBuf,
}

/// A record where it lies.
#[derive(Clone, Debug)]
pub struct Kept<'a> {
    /// The number by which it is asked for.
    pub no: ReceiptNo,
    /// The record.
    pub record: Record<'a>,
    /// Its bytes.
    pub payload: &'a [u8],
    /// The hash of the record before it in its lane.
    pub previous: Hash,
    /// Its own.
    pub hash: Hash,
    /// The position at which the next begins.
    pub next: u64,
}

/// Goes along a lane and proves each link.
pub(super) struct Walk {
    lane: u32,
    segments: std::vec::IntoIter<(u64, PathBuf)>,
    frames: Option<Frames>,
    pub end: End,
    is_last: bool,
}

impl Reader {
    /// Of the log in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Reader {
        Reader { root: root.into() }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The numbers of its lanes, in order.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn lanes(&self) -> Result<Vec<u32>, AuditError> {
        let folder = self.root.join("lanes");
        let mut lanes = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(AuditError::io(&folder))? {
            let name = entry.map_err(AuditError::io(&folder))?.file_name();
            lanes.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        lanes.sort_unstable();
        Ok(lanes)
    }

    /// The hash of a log that is begun.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn algorithm(&self) -> Result<Option<Algorithm>, AuditError> {
        for lane in self.lanes()? {
            if let Some((_, segment)) = segments(&folder(&self.root, lane))?.first()
                && let Ok(frames) = Frames::read_first(segment)
            {
                return Ok(frames.header.algorithm());
            }
        }
        Ok(None)
    }

    /// About how many records are kept: those that the last seal counts, the ones that are no longer kept
    /// among them.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn records(&self) -> Result<u64, AuditError> {
        let last = self.last_seal()?;
        let lanes = last.iter().flat_map(|line| &line.seal.lanes);
        Ok(lanes.map(|lane| lane.records).fold(0, u64::saturating_add))
    }

    /// The last seal.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or the last file holds something else.
    pub fn last_seal(&self) -> Result<Option<Line>, AuditError> {
        seal::last(&self.root.join("seals"))
    }

    /// Tell `each` of the records of a lane from the segment in which a moment lies, in order. What is being
    /// written is not there yet.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or something in it is not as it was written.
    pub fn each(
        &self,
        lane: u32,
        since: u64,
        mut each: impl FnMut(Kept) -> ControlFlow<()>,
    ) -> Result<(), AuditError> {
        let mut walk = self.walk_since(lane, since)?;
        while let Some(kept) = walk.next()? {
            if each(kept).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Along a lane from its first segment that is kept.
    pub(super) fn walk(&self, lane: u32) -> Result<Walk, AuditError> {
        Walk::new(lane, segments(&folder(&self.root, lane))?)
    }

    /// From the segment in which a moment lies, in milliseconds since 1970.
    fn walk_since(&self, lane: u32, since: u64) -> Result<Walk, AuditError> {
        let mut segments = segments(&folder(&self.root, lane))?;
        let (mut low, mut high) = (0, segments.len());
        // The last whose first record is no later.
        while high - low > 1 {
            let middle = low.midpoint(high);
            match begun(&segments[middle].1)? {
                Some(begun) if begun <= since => low = middle,
                _ => high = middle,
            }
        }
        Walk::new(lane, segments.split_off(low))
    }

    /// From the segment in which a position lies.
    pub(super) fn walk_from(&self, lane: u32, position: u64) -> Result<Walk, AuditError> {
        let mut segments = segments(&folder(&self.root, lane))?;
        let first = segments.partition_point(|(start, _)| *start <= position);
        Walk::new(lane, segments.split_off(first.saturating_sub(1)))
    }

    /// All seals that are kept, of a day and those after it, in order.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or a line of it is no seal.
    pub fn seals(
        &self,
        since: u64,
        mut each: impl FnMut(&Path, u64, Line) -> ControlFlow<()>,
    ) -> Result<(), AuditError> {
        let folder = self.root.join("seals");
        let first = seal::file_of(&folder, since);
        for path in seal::files(&folder)?.into_iter().filter(|path| *path >= first) {
            for (at, line) in (1..).zip(seal::read(&path)?) {
                if each(&path, at, line).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// When the first record of a segment was made, in milliseconds since 1970.
pub(super) fn begun(segment: &Path) -> Result<Option<u64>, AuditError> {
    let frames = Frames::read_first(segment)?;
    let first = frames.frame(0).and_then(|frame| Record::read(frame.payload).ok());
    Ok(first.map(|record| record.millis))
}

impl Walk {
    fn new(lane: u32, segments: Vec<(u64, PathBuf)>) -> Result<Walk, AuditError> {
        let mut walk = Walk {
            lane,
            is_last: segments.is_empty(),
            segments: segments.into_iter(),
            frames: None,
            end: End::default(),
        };
        if let Some((_, path)) = walk.segments.next() {
            let frames = Frames::read(&path)?;
            walk.end = frames.header.end_before();
            walk.take(frames)?;
        }
        Ok(walk)
    }

    fn take(&mut self, frames: Frames) -> Result<(), Broken> {
        if frames.header.lane() != self.lane || frames.header.end_before() != self.end {
            let why = "与前一文件不衔接 / does not follow the file before it";
            return Err(frames.broken(self.end.position, why));
        }
        self.is_last = self.segments.len() == 0;
        self.frames = Some(frames);
        Ok(())
    }

    /// The next record.
    pub fn next(&mut self) -> Result<Option<Kept<'_>>, AuditError> {
        loop {
            let Some(frames) = &self.frames else { return Ok(None) };
            let at = self.end.position - frames.header.end_before().position;
            match frames.next(at, &self.end.head) {
                Next::Frame(_) => break,
                // It may be written now.
                Next::Other if self.is_last => return Ok(None),
                Next::Other => {
                    let why = "记录被改动 / a record is not as it was written";
                    return Err(frames.broken(self.end.position, why).into());
                }
                Next::End => match self.segments.next() {
                    None => return Ok(None),
                    Some((_, path)) => {
                        let frames = Frames::read(&path)?;
                        self.take(frames)?;
                    }
                },
            }
        }
        self.step()
    }

    fn step(&mut self) -> Result<Option<Kept<'_>>, AuditError> {
        let Walk { lane, frames, end, .. } = self;
        let Some(frames) = frames else { return Ok(None) };
        let (position, previous) = (end.position, end.head);
        let Some(frame) = frames.frame(position - frames.header.end_before().position) else {
            return Ok(None);
        };
        let broken = |why: &str| frames.broken(position, why);
        let Frame { payload, hash, .. } = frame;
        let record = Record::read(payload)
            .map_err(|_| broken("无法读取的记录 / a record that cannot be read"))?;
        *end = end.after(&frame).ok_or_else(|| broken("超出最大编号 / beyond the last number"))?;
        let no = ReceiptNo::new(*lane, position, hash);
        Ok(Some(Kept { no, record, payload, previous, hash: *hash, next: end.position }))
    }

    /// Something is wrong where it stands.
    pub fn broken(&self, why: impl Into<String>) -> Broken {
        match &self.frames {
            Some(frames) => frames.broken(self.end.position, why),
            None => Broken { file: PathBuf::new(), position: self.end.position, why: why.into() },
        }
    }
}
