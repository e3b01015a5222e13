//! A department's bytes → entries, and rejects with row and reason.
//!
//! ```text
//! file ─► format (csv | excel | json lines | parquet) ─► batches of rows of cells ─► mapper ─► Entry
//!                        ▲ encoding                                  ▲                  └────► Reject
//!                        └──────────────── mapping (TOML) ───────────┘
//! ```
//!
//! Reading is sequential and streams: memory does not grow with the file, apart from the shared
//! strings of an .xlsx and the whole of an .xls, which its format allows only 65,536 rows.
//! Mapping a row is pure and runs side by side.
//!
//! | file | noun |
//! |---|---|
//! | [`mapping`] | which column is what, for which list: `config/sources/*.toml` |
//! | [`file`] | a feed's file: format, encoding, content hash; rows in batches |
//! | [`batch`] | rows of cells |
//! | `csv`, `excel`, `jsonl`, `parquet` | the formats |
//! | [`date`] | the forms of dates and of nothing (DOMAIN 2) |
//! | [`mapper`] | row → entry or reject |
//! | [`reject`] | what could not be used, and why |

pub mod batch;
mod csv;
pub mod date;
mod excel;
pub mod file;
mod jsonl;
pub mod mapper;
pub mod mapping;
mod parquet;
pub mod reject;

pub use batch::Batch;
pub use file::{Feed, Survey};
pub use mapper::{Mapped, Mapper};
pub use mapping::{AsOf, FeedSpec, Mapping, MappingError, Mode};
pub use reject::{Reject, RejectWriter};

use std::io;
use std::path::PathBuf;

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
