//! Parquet, batch by batch.

use super::batches::{Reader, Rows, Writer};
use crate::source::SourceError;
use crate::source::pages::rows_at_once;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch at most.
const BATCH_ROWS: usize = 16 << 10;

/// Open a file. The types are those of Parquet itself, as a writer's own would only be more names for the same.
pub fn open(path: &Path) -> Result<Rows, SourceError> {
    let file =
        File::open(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    Rows::open(path, "Parquet", || {
        let pages = file.try_clone()?;
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
        let rows = rows_at_once(pages, builder.metadata(), |_| true, BATCH_ROWS)?;
        Ok(builder.with_batch_size(rows).build()?)
    })
}

impl Reader for ParquetRecordBatchReader {
    /// What a writer said of its columns would be wrong of those with results.
    fn schema(&self) -> Arc<Schema> {
        Arc::new(Schema::new(RecordBatchReader::schema(self).fields().clone()))
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        Iterator::next(self).transpose()
    }
}

/// A file of these columns.
pub fn writer<'w, W: Write + Send + 'w>(
    out: W,
    schema: Arc<Schema>,
) -> Result<Box<dyn Writer + 'w>, ArrowError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    Ok(Box::new(ArrowWriter::try_new(out, schema, Some(properties))?))
}

impl<W: Write + Send> Writer for ArrowWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        Ok(ArrowWriter::write(self, batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), ArrowError> {
        self.close()?;
        Ok(())
    }
}
