//! A department's bytes → entries, and rejects with row and reason.
//!
//! ```text
//! file ─► format (csv | excel | json lines | parquet) ─► batches of rows of cells ─► mapper ─► Entry
//!                        ▲ encoding                                  ▲                  └────► Reject
//!                        └──────────────── mapping (TOML) ───────────┘
//! ```
//!
//! Reading is sequential and streams: memory does not grow with the file, apart from the shared
//! strings of an .xlsx and the sheets of an .xls, which are bounded, and one page a column of a
//! Parquet file. Mapping a row is pure and runs side by side.
//!
//! Nothing is lost or guessed in silence. Every row that is not blank is an entry or a reject; what is
//! left out of an entry is counted as a warning; a cell that cannot be told never passes for an empty
//! one, since an empty last day means "for ever". A file of which that could not be said is refused.
//!
//! | file | noun |
//! |---|---|
//! | [`mapping`] | which column is what, for which list: `config/sources/*.toml` |
//! | [`mod@file`] | a feed's file: format; rows in batches |
//! | [`survey`] | its bytes in one pass: content hash, encoding |
//! | [`batch`] | rows of cells |
//! | `column` | a column of a record batch, cell by cell as text |
//! | `csv`, `excel`, `jsonl`, `parquet` | the formats |
//! | `pages` | a Parquet file's dictionaries, looked at before rows are made of it |
//! | `package` | a workbook's parts, looked at before they are unpacked into memory |
//! | `records` | an old workbook's records, looked at before its sheets are laid out in memory |
//! | [`date`] | the forms of dates and of nothing (DOMAIN 2) |
//! | [`mapper`] | row → entry or reject |
//! | [`reject`] | what could not be used, and why |
//! | [`mod@fetch`] | where files come from, and bringing them: folder, HTTP, object storage, table |

pub mod batch;
pub(crate) mod column;
mod csv;
pub mod date;
pub(crate) mod excel;
pub mod fetch;
pub mod file;
pub(crate) mod jsonl;
pub mod mapper;
pub mod mapping;
mod package;
pub(crate) mod pages;
mod parquet;
mod records;
pub mod reject;
pub mod survey;

pub use batch::Batch;
pub use csv::decoding;
pub use file::Feed;
pub use mapper::{Mapped, Mapper, Wanted};
pub use mapping::{AsOf, FeedSpec, Mapping, MappingError, Mode};
pub use reject::{Reject, RejectFile, RejectWriter};
pub use survey::Survey;

use std::io;
use std::path::{Path, PathBuf};

/// Why a file cannot be read. Nothing of it is used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system refuses.
    #[error("{file}: 无法读取 / cannot be read: {source}")]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not of the format that its name says, or damaged.
    #[error(
        "{file}: 不是有效的 {format} 文件（可能被截断） / not a sound {format} file, cut short perhaps: {why}"
    )]
    Format {
        /// The file.
        file: PathBuf,
        /// What it should be.
        format: &'static str,
        /// What its reader said.
        why: String,
    },
    /// A name that ends in none of the known formats.
    #[error(
        "{file}: 无法识别的格式 / unknown format: .csv .txt .xlsx .xls .jsonl .parquet are read"
    )]
    UnknownFormat {
        /// The file.
        file: PathBuf,
    },
    /// A column that the mapping needs is not there.
    #[error("{file}: 缺少列 {column:?} / column {column:?} is missing; it has {found}")]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The heading looked for.
        column: String,
        /// The headings found.
        found: String,
    },
    /// A column that the mapping needs is there twice.
    #[error("{file}: 列 {column:?} 出现两次 / column {column:?} is there twice")]
    ColumnTwice {
        /// The file.
        file: PathBuf,
        /// The heading.
        column: String,
    },
    /// A column that the mapping needs holds what cannot be read as text.
    #[error(
        "{file}: 列 {column:?} 的类型无法读取 / column {column:?} is of type {kind}, which is not read"
    )]
    ColumnType {
        /// The file.
        file: PathBuf,
        /// The heading.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A row longer than anything real.
    #[error("{file}: 第 {row} 行过长 / row {row} is longer than {max} bytes: an unbalanced quote?")]
    RowTooLong {
        /// The file.
        file: PathBuf,
        /// The row.
        row: u64,
        /// The limit.
        max: usize,
    },
}

impl SourceError {
    /// A file that is not sound, and what it looks like instead.
    fn format(file: &Path, format: &'static str, why: impl Into<String>) -> SourceError {
        let mut why = why.into();
        if let Some(hint) = looks_like(file, format) {
            why = format!("{hint} ({why})");
        }
        SourceError::Format { file: file.to_owned(), format, why }
    }
}

/// What a file's first bytes say that its name does not.
fn looks_like(file: &Path, format: &str) -> Option<&'static str> {
    let mut head = [0; 512];
    let length = io::Read::read(&mut std::fs::File::open(file).ok()?, &mut head).ok()?;
    let head = &head[..length];
    let is_markup = head.trim_ascii_start().starts_with(b"<");
    match format {
        ".xlsx" if head.starts_with(b"\xd0\xcf\x11\xe0") => {
            Some("是 .xls 或加了密码 / an .xls under another name, or under a password")
        }
        ".xls" if head.starts_with(b"PK") => Some("实为 .xlsx / an .xlsx under another name"),
        ".xls" if is_markup => Some("实为 HTML 或 XML / HTML or XML under another name"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
