//! Sources → snapshot, with a report.
//!
//! ```text
//! folder ─► plan (which file is which feed) ─► read ══► map, encode ══► append ─► finish ─► publish
//!                                            a thread     all cores      in order
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`plan`] | the files of a folder, each with its mapping and list |
//! | [`mod@build`] | one build, from the plan to the published snapshot |
//! | [`delta`] | the delta feeds of a delivery as changes, before the next build |
//! | [`fold`] | changes that feeds do not know of yet, folded into what they deliver |
//! | [`sample`] | entries by which a snapshot is asked whether it knows what was delivered |
//! | [`report`] | what was read, used, rejected |

pub mod build;
pub mod delta;
pub mod fold;
pub mod plan;
pub mod report;
pub mod sample;

pub use build::{Built, CHANGES, Order, Progress, build, prepare};
pub use delta::{Delta, DeltaOrder};
pub use plan::{Delivered, Plan};
pub use report::Report;

use crate::snapshot::KeyError;
use crate::source::{MappingError, SourceError};
use std::io;
use std::path::PathBuf;

/// Why nothing was built. What was published before stays.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A mapping is wrong.
    #[error("{0}")]
    Mapping(#[from] MappingError),
    /// A file cannot be read.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// Files that no mapping claims, or that two do.
    #[error("{0}")]
    Plan(String),
    /// A folder or the snapshot cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One source's delivery cannot be used.
    #[error("{code}: {error}")]
    Delivery {
        /// Code of the source.
        code: String,
        /// Why.
        error: Box<IngestError>,
    },
    /// There is no key to sign with, or the wrong one.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// Someone asked to stop.
    #[error("已取消 / cancelled: nothing was published")]
    Cancelled,
}

impl IngestError {
    /// This error in a source's delivery, unless it is nobody's.
    fn of(self, code: &str) -> IngestError {
        match self {
            IngestError::Cancelled | IngestError::Io { .. } => self,
            error => IngestError::Delivery { code: code.to_owned(), error: Box::new(error) },
        }
    }
}
