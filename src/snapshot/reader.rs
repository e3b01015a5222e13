//! Maps a file and verifies every byte of it before anyone uses one.

use super::array::{Array, Mapped};
use super::key::{KeyId, TrustedKeys};
use super::layout::{FORMAT, HEADER_BYTES, Header, MAGIC, ROW_BYTES, Row, SECTIONS_MAX, padded};
use super::signature::{Signature, SignatureError};
use rayon::prelude::*;
use std::io;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Why a file is not used. Each says what it likely means.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened or mapped.
    #[error("{path}: cannot be opened")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything that is wrong with the bytes.
    #[error("{path}: {fault}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Fault,
    },
    /// It should be signed by someone who is trusted, and is not.
    #[error("{path}: {fault}")]
    Signature {
        /// The file.
        path: PathBuf,
        /// Why its signature does not count.
        fault: SignatureError,
    },
}

/// What is wrong with the bytes of a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Shorter than a header.
    #[error("too short for a snapshot ({got} bytes): an interrupted copy?")]
    TooShort {
        /// Bytes of the file.
        got: u64,
    },
    /// Other first bytes.
    #[error("not a snapshot: the first bytes are others")]
    Magic,
    /// A header whose hash does not match.
    #[error("the header is damaged")]
    Header,
    /// Another layout.
    #[error(
        "format {got}, this program reads format {FORMAT}: built by another version? `xincha build` builds it anew / 快照由其他版本构建，请运行 xincha build 重新构建"
    )]
    Format {
        /// The file's format.
        got: u32,
    },
    /// Another length than the header says.
    #[error("{got} bytes, the header says {expected}: cut short or appended to")]
    Length {
        /// The header's length.
        expected: u64,
        /// The file's length.
        got: u64,
    },
    /// A table outside the file or whose hash does not match.
    #[error("the table of sections is damaged")]
    Table,
    /// A section outside its bounds, or whose hash does not match.
    #[error("section {name:?} is damaged")]
    Section {
        /// Its name.
        name: String,
    },
    /// A section that should be there and is not.
    #[error("section {name:?} is missing: built by another version?")]
    Missing {
        /// Its name.
        name: String,
    },
    /// A section whose bytes are not what its reader expects.
    #[error("section {name:?} is not as expected: {why}")]
    Contents {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// A verified snapshot. Cloning shares the mapping.
#[derive(Clone)]
pub struct Snapshot {
    mapped: Mapped,
    path: PathBuf,
    rows: Vec<Row>,
    contents: u64,
    signed_by: Option<KeyId>,
}

impl Snapshot {
    /// Map a file and verify all of it: length, magic, header, format, table, every section.
    /// Whether it is signed is not asked.
    /// Cost: one pass over the bytes, about 0.1 s per GiB in the page cache.
    pub fn open(path: &Path) -> Result<Snapshot, OpenError> {
        Snapshot::open_trusting(path, None)
    }

    /// The same, and before all else that it was signed under its name by one of these keys.
    pub fn open_signed(path: &Path, trusted: &TrustedKeys) -> Result<Snapshot, OpenError> {
        Snapshot::open_trusting(path, Some(trusted))
    }

    /// [`Snapshot::open_signed`] where there are keys to trust, [`Snapshot::open`] where not.
    ///
    /// The file is mapped once, and what is verified is that mapping: another file under the same
    /// name a moment later changes nothing. The signature comes first, so that no byte of an
    /// unsigned file is interpreted.
    pub fn open_trusting(
        path: &Path,
        trusted: Option<&TrustedKeys>,
    ) -> Result<Snapshot, OpenError> {
        let io = |source| OpenError::Io { path: path.to_path_buf(), source };
        let damaged = |fault| OpenError::Damaged { path: path.to_path_buf(), fault };
        // An empty file cannot be mapped on every system, so its length is asked first.
        let length = std::fs::metadata(path).map_err(io)?.len();
        if length < HEADER_BYTES as u64 {
            return Err(damaged(Fault::TooShort { got: length }));
        }
        let mapped = Mapped::map(path).map_err(io)?;
        let signed_by = trusted
            .map(|trusted| verify_signature(mapped.bytes(), path, trusted))
            .transpose()
            .map_err(|fault| OpenError::Signature { path: path.to_path_buf(), fault })?;
        let (rows, contents) = verify(mapped.bytes()).map_err(damaged)?;
        Ok(Snapshot { mapped, path: path.to_path_buf(), rows, contents, signed_by })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The hash that names the contents: equal contents, equal hash.
    pub fn contents(&self) -> u64 {
        self.contents
    }

    /// The trusted key that signed it; `None` when it was opened without asking.
    pub fn signed_by(&self) -> Option<KeyId> {
        self.signed_by
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.mapped.bytes().len() as u64
    }

    /// Name and bytes of every section, in file order.
    pub fn sections(&self) -> impl Iterator<Item = (&str, u64)> {
        self.rows.iter().map(|row| (row.name(), row.length.get()))
    }

    /// A section as values of `T`. Errors when it is missing or no whole number of them.
    pub fn array<T: FromBytes + Immutable>(&self, name: &str) -> Result<Array<T>, OpenError> {
        let row = self
            .rows
            .iter()
            .find(|row| row.name() == name)
            .ok_or_else(|| self.fault(Fault::Missing { name: name.to_owned() }))?;
        Array::new(&self.mapped, row.offset.get() as usize, row.length.get() as usize)
            .ok_or_else(|| self.unexpected(name, "no whole number of values"))
    }

    /// The error of a section whose bytes are not what its reader expects.
    pub fn unexpected(&self, name: &str, why: impl Into<String>) -> OpenError {
        self.fault(Fault::Contents { name: name.to_owned(), why: why.into() })
    }

    fn fault(&self, fault: Fault) -> OpenError {
        OpenError::Damaged { path: self.path.clone(), fault }
    }
}

/// The signature beside a file holds for these bytes under the file's name.
fn verify_signature(
    bytes: &[u8],
    path: &Path,
    trusted: &TrustedKeys,
) -> Result<KeyId, SignatureError> {
    let signature = Signature::beside(path)?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy();
    signature.verify(bytes, &id, trusted)?;
    Ok(signature.key())
}

/// Every check of a file's bytes, in order. Answers the rows of its table and the table's hash.
pub fn verify(bytes: &[u8]) -> Result<(Vec<Row>, u64), Fault> {
    let length = bytes.len() as u64;
    let (header, _) =
        Header::read_from_prefix(bytes).map_err(|_| Fault::TooShort { got: length })?;
    if header.magic != MAGIC {
        return Err(Fault::Magic);
    }
    if header.header_hash.get() != xxh3_64(&header.as_bytes()[..HEADER_BYTES - 8]) {
        return Err(Fault::Header);
    }
    if header.format.get() != FORMAT {
        return Err(Fault::Format { got: header.format.get() });
    }
    if header.file_length.get() != length {
        return Err(Fault::Length { expected: header.file_length.get(), got: length });
    }
    let (rows, contents) = verify_table(bytes, &header).ok_or(Fault::Table)?;
    rows.par_iter().try_for_each(|row| verify_section(bytes, row))?;
    Ok((rows, contents))
}

fn verify_table(bytes: &[u8], header: &Header) -> Option<(Vec<Row>, u64)> {
    let (offset, count) = (header.table_offset.get() as usize, header.sections.get());
    if count > SECTIONS_MAX {
        return None;
    }
    let table_bytes = count as usize * ROW_BYTES;
    let table = bytes.get(offset..)?;
    if table.len() != table_bytes + 8 {
        return None;
    }
    let (table, hash) = table.split_at(table_bytes);
    let contents = u64::from_le_bytes(hash.try_into().ok()?);
    if xxh3_64(table) != contents {
        return None;
    }
    let rows = <[Row]>::ref_from_bytes(table).ok()?.to_vec();
    // Sections lie one behind the other from the header to the table: no gap, no overlap.
    let mut at = HEADER_BYTES as u64;
    for row in &rows {
        if row.offset.get() != at {
            return None;
        }
        at = at.checked_add(padded(row.length.get())?)?;
    }
    (at == offset as u64).then_some((rows, contents))
}

fn verify_section(bytes: &[u8], row: &Row) -> Result<(), Fault> {
    let damaged = || Fault::Section { name: row.name().to_owned() };
    let start = row.offset.get() as usize;
    let end = start + padded(row.length.get()).ok_or_else(damaged)? as usize;
    let section = bytes.get(start..end).ok_or_else(damaged)?;
    if xxh3_64(section) == row.hash.get() { Ok(()) } else { Err(damaged()) }
}
