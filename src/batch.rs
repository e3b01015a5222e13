//! A whole file against all lists: rows in, the same rows out with what each subject meets.
//!
//! ```text
//! text     CSV, JSON lines ─► blocks of whole records ─┬─► screener ─┬─► the same bytes, results behind each
//!                             (one thread reads)       └─► screener ─┘   (in order)
//! cells    CSV, Excel, Parquet ─► batches of rows ─────► screeners ────► table: CSV, Excel, columns of text
//! columns  Parquet, Arrow ─► batches of columns ───────► screeners ────► the same columns, results behind them:
//!                                                                        Parquet, Arrow (each batch at once)
//! chunks   Parquet ─► only the columns that are asked by ─► screeners ─► the same chunks, those of results behind
//! ```
//!
//! Every row is decided by [`screen::check`](crate::screen::check), as a single check of its subject is. All
//! rows are decided on one basis and for one instant. Memory does not grow with the rows, but where a workbook is
//! written.
//!
//! Nothing is lost in silence: a row that cannot be read goes to the rejects with its reason; one whose
//! subject cannot be asked about stays among the rows, `undetermined`, and is in the rejects too.
//!
//! | file | noun |
//! |---|---|
//! | [`columns`] | which column is what, by its heading or as told |
//! | [`screener`] | a row's subject → its result |
//! | [`tally`] | what was met, counted |
//! | [`mod@file`] | a file to a file: formats, the output that appears when it is whole |
//! | `blocks` | text in blocks of whole records, answered side by side and written in order |
//! | `csv`, `jsonl` | a block's records, answered |
//! | `late` | text that is read once, whose encoding shows late |
//! | `marks` | where cells and lines end |
//! | `chunks` | Parquet to Parquet: chunks of columns as they are, those of the results behind them |
//! | `batches` | batches of columns with their results |
//! | `parquet`, `arrow` | what they are read from and written to |
//! | `answers` | rows of cells with their results: a table, or columns of text |

mod answers;
mod arrow;
mod batches;
mod blocks;
mod chunks;
pub mod columns;
mod csv;
pub mod file;
mod jsonl;
mod late;
mod marks;
mod parquet;
pub mod screener;
pub mod tally;

pub use columns::{ColumnError, Columns, Told};
pub use file::{Format, Job, Outcome, check_paths, screen};
pub use screener::{Screener, Terms};
pub use tally::Tally;

use crate::output::OutputError;
use crate::source::SourceError;
use std::io;
use std::path::PathBuf;

impl From<OutputError> for BatchError {
    fn from(OutputError { file, source }: OutputError) -> BatchError {
        BatchError::Output { file, source }
    }
}

/// Why nothing was screened. No output is left.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The input cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No column says who is asked about.
    #[error("{file}: {error}")]
    Columns {
        /// The file.
        file: PathBuf,
        /// What is wrong with its headings.
        error: ColumnError,
    },
    /// The output cannot be written.
    #[error("{file}: 无法写入 / cannot be written: {source}")]
    Output {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// These two formats do not go together.
    #[error("{0}")]
    Format(String),
    /// It was asked to stop.
    #[error("已取消，未留下结果 / cancelled, no result is left")]
    Cancelled,
}
