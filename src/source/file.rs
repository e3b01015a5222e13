//! A feed's file: format, encoding, content hash; its rows in batches.

use super::mapper::Wanted;
use super::mapping::{Encoding, Layout};
use super::{Batch, SourceError, Survey, csv, excel, jsonl, parquet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Bytes of one row: far above any real one, so that an unbalanced quote does not take the memory.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// Rows handed over at once.
pub(super) const BATCH_ROWS: usize = 4096;
/// Bytes after which a batch is handed over before it is full.
pub(super) const BATCH_BYTES: usize = 4 << 20;

/// The formats that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `.csv`, `.txt`
    Csv,
    /// `.xlsx`
    Xlsx,
    /// `.xls`
    Xls,
    /// `.jsonl`
    JsonLines,
    /// `.parquet`
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Option<Format> {
        let suffix = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match &*suffix {
            "csv" | "txt" => Format::Csv,
            "xlsx" => Format::Xlsx,
            "xls" => Format::Xls,
            "jsonl" => Format::JsonLines,
            "parquet" => Format::Parquet,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Format::Csv => "CSV",
            Format::Xlsx => ".xlsx",
            Format::Xls => ".xls",
            Format::JsonLines => "JSON lines",
            Format::Parquet => "Parquet",
        }
    }
}

/// A file to be read.
#[derive(Clone, Debug)]
pub struct Feed {
    path: PathBuf,
    format: Format,
    layout: Layout,
    survey: Survey,
}

/// Takes batches; an error stops the reading.
pub type Sink<'a> = dyn FnMut(Batch) -> Result<(), SourceError> + 'a;

/// Takes the headings, before the first batch.
pub type OnHeadings<'a> = dyn FnMut(&[String]) -> Result<(), SourceError> + 'a;

impl Feed {
    /// Look at a file: its format by its name, its bytes in one pass.
    pub fn open(path: &Path, layout: &Layout) -> Result<Feed, SourceError> {
        let format =
            Format::of(path).ok_or_else(|| SourceError::UnknownFormat { file: path.to_owned() })?;
        Feed::open_as(path, format, layout)
    }

    /// Look at a file whose format is known.
    pub fn open_as(path: &Path, format: Format, layout: &Layout) -> Result<Feed, SourceError> {
        let survey =
            Survey::of(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
        Ok(Feed { path: path.to_owned(), format, layout: layout.clone(), survey })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the pass told.
    pub fn survey(&self) -> Survey {
        self.survey
    }

    /// Read all rows. `wanted` are the headings that the mapping knows: JSON lines have no others.
    ///
    /// The readers of the binary formats are others' code over others' bytes: where one panics on a
    /// damaged file, the file is damaged, and the process goes on.
    pub fn read(
        &self,
        wanted: &Wanted,
        on_headings: &mut OnHeadings,
        sink: &mut Sink,
    ) -> Result<(), SourceError> {
        let (path, sheet) = (&*self.path, self.layout.sheet.as_deref());
        let delimiter = self.layout.delimiter.unwrap_or(',') as u8;
        let format = self.format.name();
        let guarded = |read: &mut dyn FnMut() -> Result<(), SourceError>| {
            catch_unwind(AssertUnwindSafe(read))
                .unwrap_or_else(|_| Err(SourceError::format(path, format, "its reader gave up")))
        };
        match self.format {
            Format::Csv => {
                let (encoding, blank_rows) = (self.encoding(), wanted.blank_rows);
                csv::read(path, encoding, delimiter, blank_rows, on_headings, sink)
            }
            Format::JsonLines => jsonl::read(path, self.encoding(), wanted, on_headings, sink),
            Format::Xlsx => guarded(&mut || excel::read_xlsx(path, sheet, on_headings, sink)),
            Format::Xls => guarded(&mut || excel::read_xls(path, sheet, on_headings, sink)),
            Format::Parquet => guarded(&mut || parquet::read(path, wanted, on_headings, sink)),
        }
    }

    fn encoding(&self) -> &'static encoding_rs::Encoding {
        match self.layout.encoding {
            Encoding::Utf8 => encoding_rs::UTF_8,
            Encoding::Gb18030 => encoding_rs::GB18030,
            Encoding::Auto => self.survey.encoding,
        }
    }
}

/// Hands a batch over when it is full; the last one at the end.
pub(super) struct Batches<'a, 'b> {
    batch: Batch,
    row: u64,
    sink: &'a mut Sink<'b>,
}

impl<'a, 'b> Batches<'a, 'b> {
    pub fn new(sink: &'a mut Sink<'b>) -> Batches<'a, 'b> {
        Batches { batch: Batch::default(), row: 1, sink }
    }

    /// The batch to fill with the next row, after the full one was handed over.
    pub fn next(&mut self) -> Result<&mut Batch, SourceError> {
        if self.batch.len() == BATCH_ROWS || self.batch.bytes() >= BATCH_BYTES {
            (self.sink)(std::mem::take(&mut self.batch))?;
        }
        self.batch.begin_row(self.row);
        self.row += 1;
        Ok(&mut self.batch)
    }

    /// The number of the next row.
    pub fn row(&self) -> u64 {
        self.row
    }

    /// The next row is this one: blank rows hold nothing and count all the same.
    pub fn go_to(&mut self, row: u64) {
        self.row = row;
    }

    pub fn finish(self) -> Result<(), SourceError> {
        if self.batch.is_empty() { Ok(()) } else { (self.sink)(self.batch) }
    }
}

/// What is kept of a row that is too long, for the rejects file.
pub(super) fn beginning(text: &str) -> &str {
    let mut end = text.len().min(4096);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
