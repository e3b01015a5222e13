//! Parquet to Parquet: the chunks of its columns as they stand, those of the results behind them.
//!
//! ```text
//! row group ─┬─ chunks of all columns ──────────────── copied, as encoded as they were ─► row group
//!            └─ those that are asked by ─► parts ─┬─► screener ─┬─► results, encoded ────────┘
//!                                                 └─► screener ─┘   (in order)
//! ```
//!
//! Only the columns that are asked by are decoded. What is carried along is neither looked at nor changed: its
//! encoding, compression, statistics, bloom filters and page indexes are those of the input, and so are the row
//! groups. Where not all rows are wanted this is no way: [`batches`](super::batches) are written then.

use super::batches::{Readers, Results, Texts, guarded};
use super::parquet::{noted, said};
use super::screener::{Row, Screener};
use super::{BatchError, Tally};
use crate::source::SourceError;
use crate::source::pages::rows_at_once;
use crate::source::reject::Reason;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::Schema;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, ProjectionMask, add_encoded_arrow_schema_to_metadata};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Rows of a part. What a writer makes a row group of by default is of one, or of a few.
const PART_ROWS: usize = 1 << 17;
/// Rows that are decoded together at most.
const BATCH_ROWS: usize = 16 << 10;
/// Parts that wait behind each screener.
const WAITING: usize = 2;
/// Bytes that are read at once of what is read on and on.
const AHEAD_BYTES: usize = 64 << 10;

/// A file whose chunks are carried along.
pub struct Chunks {
    path: PathBuf,
    file: Shared,
    metadata: ArrowReaderMetadata,
    schema: Schema,
    said: Schema,
}

/// Rows of a row group that are answered together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    group: usize,
    start: usize,
    rows: usize,
}

/// What a part came to.
#[derive(Default)]
pub struct Answered {
    /// The columns of the results.
    results: Vec<ArrayRef>,
    /// Which of its rows are rejected (the first is 0), why, and their cells.
    pub rejects: Vec<(u64, Reason, String)>,
    /// What was met.
    pub tally: Tally,
    /// Bytes of the chunks that it is of, as far as it goes.
    pub bytes: u64,
}

/// What is read of the file.
struct Needed {
    columns: Vec<usize>,
    /// How they are read where there are no others.
    readers: Readers,
    /// So many rows are decoded together.
    rows: usize,
}

/// Why no whole file was written.
pub enum Unwritten {
    /// The input cannot be read.
    Source(SourceError),
    /// The output cannot be written.
    Output(io::Error),
    /// Whoever collects wants no more.
    Stopped(BatchError),
}

impl From<SourceError> for Unwritten {
    fn from(error: SourceError) -> Unwritten {
        Unwritten::Source(error)
    }
}

impl Chunks {
    /// Open a file. The types are those of Parquet itself, as a writer's own would only be more names for the
    /// same.
    pub fn open(path: &Path) -> Result<Chunks, SourceError> {
        let failed = |source| SourceError::Io { file: path.to_owned(), source };
        let file = Shared(Arc::new(File::open(path).map_err(failed)?));
        let metadata = guarded(path, "Parquet", || {
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            Ok(ArrowReaderMetadata::load(&file, options)?)
        })?;
        let schema = Schema::new(metadata.schema().fields().clone());
        let said = said(path, &metadata);
        let chunks = Chunks { path: path.to_owned(), file, metadata, schema, said };
        guarded(path, "Parquet", || Ok(chunks.check()?))?;
        Ok(chunks)
    }

    /// The columns as they are read.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The columns as their writer called them, and what else it said.
    pub fn said(&self) -> &Schema {
        &self.said
    }

    /// Chunks are in the file, and of as many rows as their row group.
    fn check(&self) -> Result<()> {
        let wrong = |why: &str| Err(ParquetError::General(why.to_owned()));
        for group in self.metadata.metadata().row_groups() {
            if group.num_rows() < 0 {
                return wrong("a row group has less than no rows");
            }
            for chunk in group.columns() {
                let (start, length) = chunk.byte_range();
                if start.checked_add(length).is_none_or(|end| end > self.file.len()) {
                    return wrong("a column is cut off");
                }
                let is_flat = chunk.column_descr().max_rep_level() == 0;
                if is_flat && chunk.num_values() != group.num_rows() {
                    return wrong("a column has not as many rows as the others");
                }
            }
        }
        Ok(())
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let groups = self.metadata.metadata().row_groups().iter().enumerate();
        groups.flat_map(|(group, of)| {
            let rows = of.num_rows() as usize;
            let part = move |start| Part { group, start, rows: PART_ROWS.min(rows - start) };
            (0..rows).step_by(PART_ROWS).map(part)
        })
    }

    /// Answer all rows and write them with their results: `screener` makes one for each of so many threads,
    /// `collect` takes what each part came to, in order.
    pub fn screen<'s, W: Write + Send>(
        &self,
        readers: Readers,
        schema: &Arc<Schema>,
        out: W,
        threads: usize,
        screener: impl Fn() -> Screener<'s> + Sync,
        mut collect: impl FnMut(&Answered) -> Result<(), BatchError>,
    ) -> Result<(), Unwritten> {
        let unwritten = |error| self.unwritten(error);
        let mut writer = Writer::new(self, schema, out).map_err(unwritten)?;
        let (threads, screener, needed) = (threads.max(1), &screener, &self.needed(readers)?);
        std::thread::scope(|scope| {
            let mut from = Vec::new();
            for thread in 0..threads {
                let (answer, answered) = sync_channel(WAITING);
                let parts = self.parts().skip(thread).step_by(threads);
                let serve = move || self.serve(parts, needed, screener(), &answer);
                let started = std::thread::Builder::new().name("screener".to_owned());
                started
                    .spawn_scoped(scope, serve)
                    .map_err(|source| SourceError::Io { file: self.path.clone(), source })?;
                from.push(answered);
            }
            for (part, thread) in self.parts().zip((0..threads).cycle()) {
                // Whoever serves ends with the last of its parts, or with an error.
                let answered = from[thread].recv();
                let answered = answered.unwrap_or_else(|_| unreachable!("a screener has left"))?;
                writer.put(part, &answered).map_err(unwritten)?;
                collect(&answered).map_err(Unwritten::Stopped)?;
            }
            Ok(())
        })
        .and_then(|()| writer.finish().map_err(unwritten))
    }

    fn serve(
        &self,
        parts: impl Iterator<Item = Part>,
        needed: &Needed,
        mut screener: Screener,
        answer: &SyncSender<Result<Answered, SourceError>>,
    ) {
        for part in parts {
            let answered = self.answer(part, needed, &mut screener);
            let is_last = answered.is_err();
            if answer.send(answered).is_err() || is_last {
                return;
            }
        }
    }

    fn answer(
        &self,
        part: Part,
        needed: &Needed,
        screener: &mut Screener,
    ) -> Result<Answered, SourceError> {
        let (mut results, mut rejects, mut rows) = (Results::default(), Vec::new(), 0);
        let mut reader = guarded(&self.path, "Parquet", || Ok(self.read(part, needed)?))?;
        while let Some(batch) = guarded(&self.path, "Parquet", || reader.next().transpose())? {
            answer_batch(&batch, &needed.readers, screener, &mut results, |row, reason, text| {
                rejects.push((rows + row as u64, reason, text));
            });
            rows += batch.num_rows() as u64;
        }
        if rows != part.rows as u64 {
            let why = format!("a row group ends after {} of {} rows", rows, part.rows);
            let (file, format) = (self.path.clone(), "Parquet");
            return Err(SourceError::Format { file, format, why });
        }
        let group = self.metadata.metadata().row_group(part.group);
        let bytes = group.compressed_size() as u64 * rows / (group.num_rows() as u64).max(1);
        let tally = std::mem::take(&mut screener.tally);
        Ok(Answered { results: results.columns(), rejects, tally, bytes })
    }

    fn needed(&self, readers: Readers) -> Result<Needed, SourceError> {
        let (columns, readers) = readers.alone();
        let rows = guarded(&self.path, "Parquet", || {
            let metadata = self.metadata.metadata();
            let schema = metadata.file_metadata().schema_descr();
            let is_read = |at| columns.contains(&schema.get_column_root_idx(at));
            Ok(rows_at_once(self.file.clone(), metadata, is_read, BATCH_ROWS)?)
        })?;
        Ok(Needed { columns, readers, rows })
    }

    fn read(&self, part: Part, needed: &Needed) -> Result<ParquetRecordBatchReader> {
        let metadata = self.metadata.clone();
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), metadata);
        let columns = needed.columns.iter().copied();
        let columns = ProjectionMask::roots(builder.parquet_schema(), columns);
        let selected = [RowSelector::skip(part.start), RowSelector::select(part.rows)];
        builder
            .with_projection(columns)
            .with_row_groups(vec![part.group])
            .with_row_selection(RowSelection::from(selected.to_vec()))
            .with_batch_size(needed.rows)
            .build()
    }

    fn unwritten(&self, error: ParquetError) -> Unwritten {
        let error = match error {
            ParquetError::External(error) => match error.downcast::<io::Error>() {
                Ok(error) => *error,
                Err(error) => io::Error::other(error),
            },
            error => io::Error::other(error),
        };
        match error.downcast::<Unread>() {
            Ok(Unread(source)) => SourceError::Io { file: self.path.clone(), source }.into(),
            Err(error) => Unwritten::Output(error),
        }
    }
}

/// Answer rows that have but the columns that are read.
fn answer_batch(
    batch: &RecordBatch,
    readers: &Readers,
    screener: &mut Screener,
    results: &mut Results,
    mut reject: impl FnMut(usize, Reason, String),
) {
    let mut texts = Texts::default();
    let mut reject = |row: usize, reason: Reason, texts: &mut Texts| {
        readers.read(batch, row, texts);
        reject(row, reason, texts.original());
    };
    if let Some(identifiers) = readers.only(batch) {
        let text = |row| if identifiers.is_null(row) { "" } else { identifiers.value(row) };
        screener.screen_all(batch.num_rows(), text, |row, came_to, cells| {
            match came_to {
                Row::Clear(clear) => results.push_clear(clear),
                Row::Told | Row::Unaskable(_) => results.push(cells, true),
            }
            if let Some(reason) = came_to.reason() {
                reject(row, reason, &mut texts);
            }
        });
        return;
    }
    for row in 0..batch.num_rows() {
        readers.read(batch, row, &mut texts);
        let came_to = screener.screen(texts.identifiers(), texts.name());
        results.push(&screener.cells, true);
        if let Some(reason) = came_to.reason() {
            reject(row, reason, &mut texts);
        }
    }
}

/// Writes row groups.
struct Writer<'c, W: Write + Send> {
    chunks: &'c Chunks,
    schema: Arc<Schema>,
    out: SerializedFileWriter<W>,
    results: ArrowRowGroupWriterFactory,
    /// Of the row group that is being answered, one a column of the results.
    columns: Vec<ArrowColumnWriter>,
    /// With the page indexes, where there are any.
    indexed: Option<ParquetMetaData>,
}

impl<'c, W: Write + Send> Writer<'c, W> {
    fn new(chunks: &'c Chunks, schema: &Arc<Schema>, out: W) -> Result<Writer<'c, W>> {
        let given = chunks.metadata.parquet_schema().root_schema();
        let of_results = Schema::new(schema.fields()[chunks.schema.fields().len()..].to_vec());
        let of_results = ArrowSchemaConverter::new().convert(&of_results)?;
        let fields = given.get_fields().iter().chain(of_results.root_schema().get_fields());
        let whole = Type::group_type_builder(given.name()).with_fields(fields.cloned().collect());
        // Only where all columns have one do readers use it; a damaged one is none.
        let with_index = || {
            let reader = ParquetMetaDataReader::new();
            let reader = reader.with_page_index_policy(PageIndexPolicy::Optional);
            Ok(reader.parse_and_finish(&chunks.file)?)
        };
        let indexed = guarded(&chunks.path, "Parquet", with_index).ok().filter(|metadata| {
            metadata.page_index().is_some_and(|index| index.has_offset_indexes())
        });
        let statistics =
            indexed.as_ref().map_or(EnabledStatistics::Chunk, |_| EnabledStatistics::Page);
        let mut properties = WriterProperties::builder()
            .set_compression(parquet::basic::Compression::SNAPPY)
            .set_statistics_enabled(statistics)
            .set_offset_index_disabled(indexed.is_none())
            .set_key_value_metadata(noted(schema))
            .build();
        add_encoded_arrow_schema_to_metadata(schema, &mut properties);
        let out = SerializedFileWriter::new(out, Arc::new(whole.build()?), Arc::new(properties))?;
        let results = ArrowRowGroupWriterFactory::new(&out, schema.clone());
        Ok(Writer { chunks, schema: schema.clone(), out, results, columns: Vec::new(), indexed })
    }

    /// Write the results of a part; behind the last of a row group all of the row group.
    fn put(&mut self, part: Part, answered: &Answered) -> Result<()> {
        let given = self.chunks.schema.fields().len();
        if part.start == 0 {
            let mut columns = self.results.create_column_writers(part.group)?;
            self.columns = columns.split_off(columns.len() - (self.schema.fields().len() - given));
        }
        let fields = &self.schema.fields()[given..];
        for ((column, field), cells) in self.columns.iter_mut().zip(fields).zip(&answered.results) {
            for leaf in compute_leaves(field, cells)? {
                column.write(&leaf)?;
            }
        }
        let rows = self.chunks.metadata.metadata().row_group(part.group).num_rows();
        if (part.start + part.rows) as i64 == rows { self.put_group(part.group) } else { Ok(()) }
    }

    fn put_group(&mut self, number: usize) -> Result<()> {
        let Chunks { path, file, metadata, .. } = self.chunks;
        let metadata = metadata.metadata();
        let (mut group, given) = (self.out.next_row_group()?, metadata.row_group(number));
        let index = self.indexed.as_ref().and_then(|metadata| metadata.page_index());
        for (at, column) in given.columns().iter().enumerate() {
            // A damaged one is none.
            let bloom_filter = || Ok(Sbbf::read_from_column_chunk(column, file)?);
            let carried = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: given.num_rows() as u64,
                metadata: with_ordered_statistics(column, metadata)?,
                bloom_filter: guarded(path, "Parquet", bloom_filter).ok().flatten(),
                column_index: index.and_then(|index| index.column_index(number, at)).cloned(),
                offset_index: index.and_then(|index| index.offset_index(number, at)).cloned(),
            };
            group.append_column(file, carried)?;
        }
        for column in self.columns.drain(..) {
            column.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    fn finish(self) -> Result<()> {
        self.out.close()?;
        Ok(())
    }
}

/// Statistics of a file that does not say how its values are ordered say nothing; in one that says it they would.
fn with_ordered_statistics(
    column: &ColumnChunkMetaData,
    metadata: &ParquetMetaData,
) -> Result<ColumnChunkMetaData> {
    match metadata.file_metadata().column_orders() {
        Some(_) => Ok(column.clone()),
        None => column.clone().into_builder().clear_statistics().build(),
    }
}

/// A file that several threads read, each where it wants to.
#[derive(Clone)]
struct Shared(Arc<File>);

/// Reads on from some place.
struct Ahead {
    file: Arc<File>,
    at: u64,
}

/// The input could not be read, where both were at work.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unread(io::Error);

impl Read for Ahead {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at);
        let read = read.map_err(|error| io::Error::new(error.kind(), Unread(error)))?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Length for Shared {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for Shared {
    type T = BufReader<Ahead>;

    fn get_read(&self, start: u64) -> Result<BufReader<Ahead>> {
        let from = Ahead { file: self.0.clone(), at: start };
        Ok(BufReader::with_capacity(AHEAD_BYTES, from))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let ends_before = || ParquetError::EOF(format!("the file ends before {start} + {length}"));
        if start.checked_add(length as u64).is_none_or(|end| end > self.len()) {
            return Err(ends_before());
        }
        let mut bytes = Vec::with_capacity(length);
        let from = Ahead { file: self.0.clone(), at: start };
        if from.take(length as u64).read_to_end(&mut bytes)? != length {
            return Err(ends_before());
        }
        Ok(bytes.into())
    }
}
