//! A file of frames, mapped: what is written to it is the system's at once, without a call; `unsafe`
//! maps it.
//!
//! ```text
//! file    = header frame* zeros
//! header  = magic(8) algorithm(u8) zeros(3) lane(u32) start(u64) records(u64) previous(32)    64 bytes
//! frame   = length(u32) payload hash(32)          the hash links the payload to the hash before it
//! ```
//!
//! `start` is the position of the first frame among all frames of the lane, `records` how many are before
//! it. All of a file's room is reserved when it is begun, so that no disk runs full under a mapping; one whose
//! zeros were [written](Spare) aside costs half as much to fill. Numbers are little-endian.

#![allow(unsafe_code)]

use super::record::RECORD_BYTES_MAX;
use super::{Algorithm, AuditError, Broken, Hash};
use memmap2::MmapMut;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First bytes of a file.
const MAGIC: [u8; 8] = *b"XCAUDIT2";
/// Bytes of a header.
pub(super) const HEADER: usize = size_of::<Header>();
/// Bytes of a frame beside its payload.
const FRAME: usize = size_of::<u32>() + size_of::<Hash>();
/// How the name of a segment ends.
const SUFFIX: &str = "xca";
/// The name of a spare file.
const SPARE: &str = "spare";
/// Zeros that are written at once.
const SPARE_PIECE: usize = 1 << 20;

/// What a file begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Header {
    magic: [u8; 8],
    algorithm: u8,
    zeros: [u8; 3],
    lane: u32,
    start: u64,
    records: u64,
    previous: Hash,
}

impl Header {
    pub fn new(algorithm: Algorithm, lane: u32, end: &End) -> Header {
        let End { position, records, head } = *end;
        let (magic, algorithm) = (MAGIC, algorithm as u8);
        Header { magic, algorithm, zeros: [0; 3], lane, start: position, records, previous: head }
    }

    /// The hash of its log; `None` where it is no header.
    pub fn algorithm(&self) -> Option<Algorithm> {
        let is_header = self.magic == MAGIC && self.zeros == [0; 3];
        Algorithm::from_number(self.algorithm).filter(|_| is_header)
    }

    /// It is one of a log, by a version that writes otherwise.
    fn is_of_another_version(&self) -> bool {
        let (name, version) = MAGIC.split_at(MAGIC.len() - 1);
        self.magic.starts_with(name) && !self.magic.ends_with(version)
    }

    pub fn lane(&self) -> u32 {
        self.lane
    }

    /// Where its first frame follows.
    pub fn end_before(&self) -> End {
        End { position: self.start, records: self.records, head: self.previous }
    }
}

/// Where a lane ends, or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct End {
    /// Bytes of all its frames.
    pub position: u64,
    /// How many there are.
    pub records: u64,
    /// The hash of the last.
    pub head: Hash,
}

impl End {
    /// Where it ends after one more frame; `None` where there is no such number.
    pub(super) fn after(&self, frame: &Frame) -> Option<End> {
        let position = self.position.checked_add(frame.bytes as u64)?;
        Some(End { position, records: self.records.checked_add(1)?, head: *frame.hash })
    }
}

/// A file of zeros that becomes a segment.
pub(super) struct Spare(File);

impl Spare {
    /// Write one of so many bytes. Takes some ten milliseconds.
    pub fn write(folder: &Path, bytes: usize) -> Result<Spare, AuditError> {
        let path = folder.join(SPARE);
        let write = || {
            let file = create(&path)?;
            write_zeros(&file, bytes)?;
            Ok(Spare(file))
        };
        write().map_err(AuditError::io(&path))
    }
}

fn write_zeros(mut file: &File, bytes: usize) -> io::Result<()> {
    let zeros = vec![0; SPARE_PIECE];
    (0..bytes / SPARE_PIECE).try_for_each(|_| file.write_all(&zeros))?;
    file.write_all(&zeros[..bytes % SPARE_PIECE])
}

/// Reserve room, which not all file systems do without writing it.
fn reserve(file: &File, bytes: usize) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes as u64) {
        Err(Errno::OPNOTSUPP) if file.metadata()?.len() == 0 => write_zeros(file, bytes),
        // Whoever begun it reserved it.
        Err(Errno::OPNOTSUPP) => Ok(()),
        reserved => Ok(reserved?),
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// A segment that is written.
pub(super) struct Segment {
    file: Arc<File>,
    map: MmapMut,
    at: usize,
}

impl Segment {
    /// Begin one of so many bytes, of a spare file where there is one. Its folder is to be synced.
    pub fn create(
        folder: &Path,
        header: &Header,
        bytes: usize,
        spare: Option<Spare>,
    ) -> Result<Segment, AuditError> {
        let path = folder.join(file_name(header.start));
        let begin = || {
            let (part, file) = match spare {
                Some(Spare(file)) => (folder.join(SPARE), file),
                None => {
                    let part = path.with_extension("new");
                    let file = create(&part)?;
                    (part, file)
                }
            };
            reserve(&file, bytes)?;
            let mut segment = Segment { map: map(&file)?, file: Arc::new(file), at: HEADER };
            segment.map[..HEADER].copy_from_slice(header.as_bytes());
            std::fs::rename(&part, &path)?;
            Ok(segment)
        };
        begin().map_err(AuditError::io(&path))
    }

    /// Go on with one after its last frame, whatever follows there.
    pub fn open(path: &Path, at: usize) -> Result<Segment, AuditError> {
        let open = || {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let mut map = map(&file)?;
            // Where the room is not all there a store would find no page.
            reserve(&file, map.len())?;
            if map[at..].iter().any(|&byte| byte != 0) {
                map[at..].fill(0);
            }
            Ok(Segment { map, file: Arc::new(file), at })
        };
        open().map_err(AuditError::io(path))
    }

    /// One of so many bytes takes a payload of so many.
    pub fn takes(bytes: usize, payload: usize) -> bool {
        HEADER + FRAME + payload <= bytes
    }

    /// It holds no record.
    pub fn is_empty(&self) -> bool {
        self.at == HEADER
    }

    /// A payload of so many bytes finds room.
    pub fn has_room(&self, payload: usize) -> bool {
        self.at + FRAME + payload <= self.map.len()
    }

    /// More than half of it is taken.
    pub fn is_half_full(&self) -> bool {
        self.at > self.map.len() / 2
    }

    /// Append a frame, for which there must be room; how many bytes it takes. The length is written last: what
    /// the process left half done is no frame.
    pub fn append(&mut self, payload: &[u8], hash: &Hash) -> usize {
        let bytes = FRAME + payload.len();
        let frame = &mut self.map[self.at..self.at + bytes];
        let (length, rest) = frame.split_at_mut(size_of::<u32>());
        let (of_payload, of_hash) = rest.split_at_mut(payload.len());
        of_payload.copy_from_slice(payload);
        of_hash.copy_from_slice(hash);
        length.copy_from_slice(&(payload.len() as u32).to_le_bytes());
        self.at += bytes;
        bytes
    }

    /// Its file, to be synced.
    pub fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// Give back the room that it does not take.
    pub fn close(self) -> io::Result<()> {
        let Segment { file, map, at } = self;
        drop(map);
        file.set_len(at as u64)
    }
}

fn map(file: &File) -> io::Result<MmapMut> {
    // SAFETY: the log is held by a lock that one process has, which never shortens a file while it is mapped;
    // readers read the file and map nothing.
    unsafe { MmapMut::map_mut(file) }
}

/// The name of a segment that starts there.
fn file_name(start: u64) -> String {
    format!("{start:016x}.{SUFFIX}")
}

/// The segments of a lane's folder, in order. What was begun and not finished is none.
pub(super) fn segments(folder: &Path) -> Result<Vec<(u64, PathBuf)>, AuditError> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(AuditError::io(folder))?,
    };
    for entry in entries {
        let path = entry.map_err(AuditError::io(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let start = name.strip_suffix(SUFFIX).and_then(|name| name.strip_suffix('.'));
        if let Some(start) = start.and_then(|start| u64::from_str_radix(start, 16).ok()) {
            found.push((start, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A frame of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub payload: &'a [u8],
    pub hash: &'a Hash,
    /// With all that belongs to it.
    pub bytes: usize,
}

/// A segment that is read.
pub(super) struct Frames {
    path: PathBuf,
    pub header: Header,
    bytes: Vec<u8>,
}

/// What stands where a frame may.
pub(super) enum Next<'a> {
    Frame(Frame<'a>),
    /// Nothing but zeros.
    End,
    /// Something that is no frame: a length beyond the file, or a hash of other bytes.
    Other,
}

impl Frames {
    /// All of a file.
    pub fn read(path: &Path) -> Result<Frames, AuditError> {
        Frames::read_at_most(path, u64::MAX)
    }

    /// The header and the first frame.
    pub fn read_first(path: &Path) -> Result<Frames, AuditError> {
        Frames::read_at_most(path, (HEADER + FRAME + RECORD_BYTES_MAX) as u64)
    }

    fn read_at_most(path: &Path, most: u64) -> Result<Frames, AuditError> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        read.map_err(AuditError::io(path))?;
        let broken = |why: &str| Broken { file: path.to_owned(), position: 0, why: why.to_owned() };
        let (header, _) = Header::read_from_prefix(&bytes)
            .map_err(|_| broken("没有文件头 / there is no header"))?;
        if header.is_of_another_version() {
            return Err(broken("由另一版本写成 / was written by another version").into());
        }
        if header.algorithm().is_none()
            || path.file_name() != Some(file_name(header.start).as_ref())
        {
            return Err(broken("不是审计日志 / is no segment of an audit log").into());
        }
        Ok(Frames { path: path.to_owned(), header, bytes })
    }

    /// What follows so many bytes of frames, without the zeros at its end.
    pub fn rest(&self, at: u64) -> &[u8] {
        let rest = self.bytes.get(HEADER + at as usize..).unwrap_or_default();
        &rest[..rest.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)]
    }

    /// What follows so many bytes of frames, after that hash.
    pub fn next(&self, at: u64, previous: &Hash) -> Next<'_> {
        let rest = self.bytes.get(HEADER + at as usize..).unwrap_or_default();
        let frame = frame(rest);
        let algorithm = self.header.algorithm().unwrap_or_default();
        match frame {
            Some(frame) if algorithm.link(previous, frame.payload) == *frame.hash => {
                Next::Frame(frame)
            }
            _ if rest.iter().all(|&byte| byte == 0) => Next::End,
            _ => Next::Other,
        }
    }

    /// The frame there, unproven.
    pub fn frame(&self, at: u64) -> Option<Frame<'_>> {
        frame(self.bytes.get(HEADER + at as usize..)?)
    }

    /// Something is wrong at a position of the lane.
    pub fn broken(&self, position: u64, why: impl Into<String>) -> Broken {
        Broken { file: self.path.clone(), position, why: why.into() }
    }
}

fn frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length == 0 {
        return None;
    }
    let (payload, rest) = rest.split_at_checked(length)?;
    let (hash, _) = rest.split_first_chunk()?;
    Some(Frame { payload, hash, bytes: FRAME + length })
}
