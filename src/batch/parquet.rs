//! Parquet, batch by batch.

use super::batches::{Reader, Rows, Writer, guarded};
use crate::source::SourceError;
use crate::source::pages::rows_at_once;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, FieldRef, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowWriter, parquet_to_arrow_schema};
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch at most.
const BATCH_ROWS: usize = 16 << 10;

/// Under these names writers state all columns of a file, and readers believe them more than the file: those of the
/// results would be hidden.
const STATED: [&str; 5] = [
    "avro.schema",
    "huggingface",
    "iceberg.schema",
    "org.apache.spark.sql.parquet.row.metadata",
    "parquet.avro.schema",
];

/// Open a file. The types are those of Parquet itself, as a writer's own would only be more names for the same; but a
/// duration would be a number.
pub fn open(path: &Path) -> Result<Rows, SourceError> {
    let file =
        File::open(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
    Rows::open(path, "Parquet", || {
        let pages = file.try_clone()?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let mut metadata = ArrowReaderMetadata::load(&file, options)?;
        let said = said(path, &metadata);
        let own = metadata.schema().fields().iter().zip(said.fields());
        let is_duration = |of: &FieldRef| matches!(of.data_type(), DataType::Duration(_));
        let fields: Vec<FieldRef> =
            own.map(|(own, said)| if is_duration(said) { said } else { own }.clone()).collect();
        if fields.iter().any(is_duration) {
            let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
            metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
        }
        let rows = rows_at_once(pages, metadata.metadata(), |_| true, BATCH_ROWS)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let reader = builder.with_batch_size(rows).build()?;
        let fields = RecordBatchReader::schema(&reader).fields().clone();
        Ok(Given { reader, schema: Arc::new(Schema::new_with_metadata(fields, said.metadata)) })
    })
}

/// A file that is read.
struct Given {
    reader: ParquetRecordBatchReader,
    schema: Arc<Schema>,
}

impl Reader for Given {
    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.reader.next().transpose()
    }
}

/// What a writer said of a file: the types that its columns had in memory, and whatever else it noted, but for what is
/// wrong of columns with results.
pub fn said(path: &Path, metadata: &ArrowReaderMetadata) -> Schema {
    let noted = metadata.metadata().file_metadata().key_value_metadata();
    let types =
        guarded(path, "Parquet", || Ok(parquet_to_arrow_schema(metadata.parquet_schema(), noted)?));
    // Where it makes no sense it said nothing.
    let mut said = types.unwrap_or_else(|_| Schema::new(metadata.schema().fields().clone()));
    said.metadata.retain(|key, _| !STATED.contains(&&**key));
    said
}

/// All that a schema says beside its columns, also for readers that know no Arrow.
pub fn noted(schema: &Schema) -> Option<Vec<KeyValue>> {
    let all: BTreeMap<_, _> = schema.metadata().iter().collect();
    let all = all.into_iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Some(all.collect())
}

/// A file of these columns.
pub fn writer<'w, W: Write + Send + 'w>(
    out: W,
    schema: Arc<Schema>,
) -> Result<Box<dyn Writer + 'w>, ArrowError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(noted(&schema))
        .build();
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
