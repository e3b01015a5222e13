//! Parquet to Parquet: the columns as they are, those of the results behind them.

use super::columns::Columns;
use super::screener::Cells;
use crate::source::SourceError;
use crate::source::parquet::Column;
use arrow_array::builder::StringBuilder;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a batch.
const BATCH_ROWS: usize = 16 << 10;

/// A file that is read batch by batch.
pub struct Rows {
    file: PathBuf,
    reader: ParquetRecordBatchReader,
    schema: Arc<Schema>,
}

impl Rows {
    /// The types are those of Parquet itself, as a writer's own would only be more names for the same.
    pub fn open(path: &Path) -> Result<Rows, SourceError> {
        let file =
            File::open(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
        let (file_name, options) =
            (path.to_owned(), ArrowReaderOptions::new().with_skip_arrow_metadata(true));
        guarded(path, || {
            let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
                .map_err(|error| error.to_string())?;
            let schema = builder.schema().clone();
            let reader = builder.with_batch_size(BATCH_ROWS).build();
            let reader = reader.map_err(|error| error.to_string())?;
            Ok(Rows { file: file_name, reader, schema })
        })
    }

    /// The headings.
    pub fn headings(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().trim().to_owned()).collect()
    }

    /// How the needed columns become text.
    ///
    /// # Errors
    ///
    /// One is of a type that holds no identifier and no name.
    pub fn readers(&self, columns: &Columns) -> Result<Readers, SourceError> {
        let text = |at: usize| {
            let field = &self.schema.fields()[at];
            let column = Column::of(field.data_type(), false);
            column.map(|column| (at, column)).ok_or_else(|| SourceError::ColumnType {
                file: self.file.clone(),
                column: field.name().clone(),
                kind: field.data_type().to_string(),
            })
        };
        let identifiers = columns.identifiers.iter().map(|&at| text(at));
        let identifiers = identifiers.collect::<Result<_, _>>()?;
        Ok(Readers { identifiers, name: columns.name.map(text).transpose()? })
    }

    /// The next batch, `None` after the last.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let Rows { file, reader, .. } = self;
        guarded(file, || reader.next().transpose().map_err(|error| error.to_string()))
    }
}

/// Others' code over others' bytes: where it panics, the file is damaged.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, String>) -> Result<T, SourceError> {
    let damaged =
        |why: String| SourceError::Format { file: path.to_owned(), format: "Parquet", why };
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("its reader gave up".to_owned()))
        .map_err(damaged)
}

/// Reads the needed cells as text.
pub struct Readers {
    identifiers: Vec<(usize, Column)>,
    name: Option<(usize, Column)>,
}

/// The needed cells of a row as text, nothing for what is null. Reused from row to row.
#[derive(Default)]
pub struct Texts {
    text: String,
    /// Where those of identifiers end; the name is behind them.
    ends: Vec<usize>,
}

impl Readers {
    /// Read those of a row.
    pub fn read(&self, batch: &RecordBatch, row: usize, texts: &mut Texts) {
        let Texts { text, ends } = texts;
        text.clear();
        ends.clear();
        let write = |(at, column): &(usize, Column), text: &mut String| {
            let array = batch.column(*at);
            if !array.is_null(row) {
                column.write(array, row, text);
            }
        };
        for identifier in &self.identifiers {
            write(identifier, text);
            ends.push(text.len());
        }
        if let Some(name) = &self.name {
            write(name, text);
        }
    }
}

impl Texts {
    /// Those of identifiers.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end])
    }

    /// That of the name.
    pub fn name(&self) -> &str {
        &self.text[self.ends.last().copied().unwrap_or(0)..]
    }

    /// All, for the rejects file.
    pub fn original(&self) -> String {
        let cells: Vec<&str> = self.identifiers().chain([self.name()]).collect();
        cells.join("\t")
    }
}

/// Takes batches with their results.
pub struct Writer<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: Arc<Schema>,
}

impl<W: Write + Send> Writer<W> {
    /// Of the rows of a file.
    pub fn new(rows: &Rows, out: W) -> io::Result<Writer<W>> {
        // The verdict, which is the first, is never missing.
        let result = |(at, heading)| Arc::new(Field::new(heading, DataType::Utf8, at > 0));
        let results = Cells::headings().into_iter().enumerate().map(result);
        let fields = rows.schema.fields().iter().cloned();
        let fields: Vec<_> = fields.chain(results).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties));
        Ok(Writer { writer: writer.map_err(io::Error::other)?, schema })
    }

    /// Write a batch with a result for each row; only those that are wanted.
    pub fn write<'c>(
        &mut self,
        batch: &RecordBatch,
        results: impl Iterator<Item = &'c Cells> + Clone,
        is_wanted: impl Fn(&Cells) -> bool,
    ) -> io::Result<()> {
        let column = |at: usize| -> ArrayRef {
            let mut column = StringBuilder::with_capacity(batch.num_rows(), 0);
            for cells in results.clone() {
                let cell = cells.all()[at];
                column.append_option((at == 0 || !cell.is_empty()).then_some(cell));
            }
            Arc::new(column.finish())
        };
        let columns = batch.columns().iter().cloned().chain((0..Cells::HEADINGS.len()).map(column));
        let whole = RecordBatch::try_new(self.schema.clone(), columns.collect());
        let mut whole = whole.map_err(io::Error::other)?;
        let wanted: BooleanArray = results.map(|cells| Some(is_wanted(cells))).collect();
        if wanted.true_count() < whole.num_rows() {
            whole = filter_record_batch(&whole, &wanted).map_err(io::Error::other)?;
        }
        self.writer.write(&whole).map_err(io::Error::other)
    }

    /// Write what is held back.
    pub fn finish(self) -> io::Result<()> {
        self.writer.close().map(|_| ()).map_err(io::Error::other)
    }
}
