//! A feed's file: format, encoding, content hash; its rows in batches.

use super::mapping::{Encoding, Layout};
use super::{Batch, SourceError, csv, excel, jsonl, parquet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

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
}

/// What one pass over the bytes of a file tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Survey {
    /// Bytes.
    pub bytes: u64,
    /// XXH3-64 of them.
    pub hash: u64,
    /// All of it is UTF-8.
    pub is_utf8: bool,
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
        let survey =
            survey(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
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
    pub fn read(
        &self,
        wanted: &[String],
        on_headings: &mut OnHeadings,
        sink: &mut Sink,
    ) -> Result<(), SourceError> {
        match self.format {
            Format::Csv => {
                let encoding = self.encoding();
                let delimiter = self.layout.delimiter.unwrap_or(',') as u8;
                csv::read(&self.path, encoding, delimiter, on_headings, sink)
            }
            Format::Xlsx => {
                excel::read_xlsx(&self.path, self.layout.sheet.as_deref(), on_headings, sink)
            }
            Format::Xls => {
                excel::read_xls(&self.path, self.layout.sheet.as_deref(), on_headings, sink)
            }
            Format::JsonLines => {
                jsonl::read(&self.path, self.encoding(), wanted, on_headings, sink)
            }
            Format::Parquet => parquet::read(&self.path, on_headings, sink),
        }
    }

    fn encoding(&self) -> &'static encoding_rs::Encoding {
        match self.layout.encoding {
            Encoding::Utf8 => encoding_rs::UTF_8,
            Encoding::Gb18030 => encoding_rs::GB18030,
            Encoding::Auto if self.survey.is_utf8 => encoding_rs::UTF_8,
            Encoding::Auto => encoding_rs::GB18030,
        }
    }
}

/// One pass: a head alone would not do, since the first Chinese character may stand far behind.
fn survey(path: &Path) -> io::Result<Survey> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0u8; 1 << 18];
    let (mut kept, mut bytes, mut is_utf8) = (0, 0, true);
    let mut hash = Xxh3::new();
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[kept..kept + read]);
        bytes += read as u64;
        let filled = kept + read;
        kept = 0;
        if is_utf8 && let Err(error) = std::str::from_utf8(&buffer[..filled]) {
            // a character cut by the end of the buffer is looked at with the next
            is_utf8 = error.error_len().is_none();
            buffer.copy_within(error.valid_up_to()..filled, 0);
            kept = if is_utf8 { filled - error.valid_up_to() } else { 0 };
        }
    }
    Ok(Survey { bytes, hash: hash.digest(), is_utf8: is_utf8 && kept == 0 })
}

/// Hands a batch over when it is full; the last one at the end.
pub(super) struct Batches<'a, 'b> {
    batch: Batch,
    sink: &'a mut Sink<'b>,
}

impl<'a, 'b> Batches<'a, 'b> {
    pub fn new(sink: &'a mut Sink<'b>) -> Batches<'a, 'b> {
        Batches { batch: Batch::starting_at(1), sink }
    }

    /// The batch to fill, after the full one was handed over.
    pub fn next(&mut self) -> Result<&mut Batch, SourceError> {
        if self.batch.len() == BATCH_ROWS || self.batch.bytes() >= BATCH_BYTES {
            let next = Batch::starting_at(self.batch.first_row + self.batch.len() as u64);
            (self.sink)(std::mem::replace(&mut self.batch, next))?;
        }
        Ok(&mut self.batch)
    }

    /// The number of the next row.
    pub fn row(&self) -> u64 {
        self.batch.first_row + self.batch.len() as u64
    }

    pub fn finish(self) -> Result<(), SourceError> {
        if self.batch.is_empty() { Ok(()) } else { (self.sink)(self.batch) }
    }
}
