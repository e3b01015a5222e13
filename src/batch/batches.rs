//! Batches of columns with their results: the columns as they are, those of the results behind them.

use super::columns::{Columns, PREFIX};
use super::screener::{Cells, Clear, Terms};
use crate::source::SourceError;
use crate::source::column::Column;
use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use arrow_select::filter::filter_record_batch;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a batch that are answered together. What is longer is answered in several: the results of so many,
/// a few kilobytes each at the most, have room in a column.
const ROWS_MAX: usize = 1 << 17;

/// Gives batches.
pub trait Reader {
    /// Its columns.
    fn schema(&self) -> Arc<Schema>;

    /// The next batch, `None` after the last. Waits for no more than that batch.
    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError>;

    /// There is nothing behind the last batch.
    fn end(&mut self) -> Result<(), ArrowError> {
        Ok(())
    }
}

/// Takes batches.
pub trait Writer {
    /// Write one. What reads as they come has it then.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError>;

    /// Write what is held back, and that it was the last.
    fn finish(self: Box<Self>) -> Result<(), ArrowError>;
}

/// An input that is read batch by batch.
pub struct Rows {
    file: PathBuf,
    format: &'static str,
    reader: Box<dyn Reader>,
    schema: Arc<Schema>,
    /// What is not yet given of the batch read last.
    rest: Option<RecordBatch>,
}

impl Rows {
    /// Of a reader, in a file that is named so in errors.
    pub fn open<R: Reader + 'static>(
        file: &Path,
        format: &'static str,
        open: impl FnOnce() -> Result<R, ArrowError>,
    ) -> Result<Rows, SourceError> {
        let reader = guarded(file, format, open)?;
        let (file, schema) = (file.to_owned(), reader.schema());
        Ok(Rows { file, format, reader: Box::new(reader), schema, rest: None })
    }

    /// The columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How the needed columns become text.
    ///
    /// # Errors
    ///
    /// One is of a type that holds no identifier and no name.
    pub fn readers(&self, columns: &Columns) -> Result<Readers, SourceError> {
        Readers::of(&self.file, &self.schema, columns)
    }

    /// The next batch, `None` after the last.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, SourceError> {
        let Rows { file, format, reader, rest, .. } = self;
        let batch = match rest.take() {
            Some(batch) => Some(batch),
            None => guarded(file, format, || reader.next())?,
        };
        let Some(batch) = batch else { return Ok(None) };
        let rows = batch.num_rows();
        *rest = (rows > ROWS_MAX).then(|| batch.slice(ROWS_MAX, rows - ROWS_MAX));
        Ok(Some(batch.slice(0, rows.min(ROWS_MAX))))
    }

    /// There is nothing behind the last batch.
    pub fn end(&mut self) -> Result<(), SourceError> {
        let Rows { file, format, reader, .. } = self;
        guarded(file, format, || reader.end())
    }
}

/// The headings of columns.
pub fn headings(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().trim().to_owned()).collect()
}

/// Others' code over others' bytes: where it panics, the file is damaged.
pub fn guarded<T>(
    file: &Path,
    format: &'static str,
    read: impl FnOnce() -> Result<T, ArrowError>,
) -> Result<T, SourceError> {
    let damaged = |why: String| SourceError::Format { file: file.to_owned(), format, why };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(ArrowError::IoError(_, source)))
            if source.kind() != io::ErrorKind::UnexpectedEof =>
        {
            Err(SourceError::Io { file: file.to_owned(), source })
        }
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("its reader gave up".to_owned())),
    }
}

/// Why a batch cannot be written.
pub fn written(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, source) => source,
        error => io::Error::other(error),
    }
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
    /// Of columns, in a file that is named so in errors.
    ///
    /// # Errors
    ///
    /// One is of a type that holds no identifier and no name.
    pub fn of(file: &Path, schema: &Schema, columns: &Columns) -> Result<Readers, SourceError> {
        let text = |at: usize| {
            let field = &schema.fields()[at];
            let column = Column::of(field.data_type(), false);
            column.map(|column| (at, column)).ok_or_else(|| SourceError::ColumnType {
                file: file.to_owned(),
                column: field.name().clone(),
                kind: field.data_type().to_string(),
            })
        };
        let identifiers = columns.identifiers.iter().map(|&at| text(at));
        let identifiers = identifiers.collect::<Result<_, _>>()?;
        Ok(Readers { identifiers, name: columns.name.map(text).transpose()? })
    }

    /// The columns that are read, and how to read them where there are no others.
    pub fn alone(mut self) -> (Vec<usize>, Readers) {
        let all = self.identifiers.iter().chain(&self.name).map(|(at, _)| *at);
        let mut needed: Vec<usize> = all.collect();
        needed.sort_unstable();
        needed.dedup();
        for (at, _) in self.identifiers.iter_mut().chain(&mut self.name) {
            *at = needed.partition_point(|before| before < at);
        }
        (needed, self)
    }

    /// The cells, where nothing but one column of text is read.
    pub fn only<'b>(&self, batch: &'b RecordBatch) -> Option<&'b StringArray> {
        match (&self.identifiers[..], &self.name) {
            ([(at, Column::Text)], None) => Some(batch.column(*at).as_string()),
            _ => None,
        }
    }

    /// Read those of a row.
    pub fn read(&self, batch: &RecordBatch, row: usize, texts: &mut Texts) {
        let Texts { text, ends } = texts;
        text.clear();
        ends.clear();
        for (at, column) in &self.identifiers {
            column.write(batch.column(*at), row, text);
            ends.push(text.len());
        }
        if let Some((at, column)) = &self.name {
            column.write(batch.column(*at), row, text);
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

/// What the rows of a batch came to, in their order.
#[derive(Default)]
pub struct Results {
    columns: [StringBuilder; Cells::HEADINGS.len()],
    /// Rows of clear subjects that are not yet in the columns: most follow one another.
    clear: Option<(Clear, usize)>,
    wanted: BooleanBuilder,
    /// Some are not wanted.
    is_partial: bool,
}

impl Results {
    /// Add that of the next row, which is written or not.
    pub fn push(&mut self, cells: &Cells, is_wanted: bool) {
        self.fill();
        for (at, (column, cell)) in self.columns.iter_mut().zip(cells.all()).enumerate() {
            column.append_option((at == 0 || !cell.is_empty()).then_some(cell));
        }
        self.wanted.append_value(is_wanted);
        self.is_partial |= !is_wanted;
    }

    /// Add that of a row whose subject is clear, which is written.
    pub fn push_clear(&mut self, clear: Clear) {
        match &mut self.clear {
            Some((of, rows)) if *of == clear => *rows += 1,
            _ => {
                self.fill();
                self.clear = Some((clear, 1));
            }
        }
    }

    fn fill(&mut self) {
        let Some((clear, rows)) = self.clear.take() else { return };
        let [verdicts, others @ .., flags] = &mut self.columns;
        verdicts.append_value_n(clear.verdict.code(), rows);
        others.iter_mut().for_each(|column| column.append_nulls(rows));
        match clear.flags() {
            "" => flags.append_nulls(rows),
            told => flags.append_value_n(told, rows),
        }
        self.wanted.append_n(rows, true);
    }

    /// The columns of all rows.
    pub fn columns(mut self) -> Vec<ArrayRef> {
        self.fill();
        self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect()
    }

    /// Those rows of the batch that are wanted, with their results. A batch of none is one too.
    pub fn beside(
        mut self,
        batch: &RecordBatch,
        schema: &Arc<Schema>,
    ) -> Result<RecordBatch, ArrowError> {
        self.fill();
        let (wanted, is_partial) = (self.wanted.finish(), self.is_partial);
        let columns = batch.columns().iter().cloned().chain(self.columns()).collect();
        let whole = RecordBatch::try_new(schema.clone(), columns)?;
        if is_partial { filter_record_batch(&whole, &wanted) } else { Ok(whole) }
    }
}

/// The columns with those of the results behind them. What all rows are decided on stands beside, for whoever
/// compares answers of several machines: the snapshot, the last change, the digest of the catalogue, the
/// instant, and the matter where there is one.
pub fn schema_of_results(schema: &Schema, terms: &Terms) -> Arc<Schema> {
    // The verdict, which is the first, is never missing.
    let result = |(at, heading)| Arc::new(Field::new(heading, DataType::Utf8, at > 0));
    let results = Cells::headings().into_iter().enumerate().map(result);
    let fields: Vec<_> = schema.fields().iter().cloned().chain(results).collect();
    let mut metadata = schema.metadata().clone();
    let Terms { basis, matter, at, .. } = terms;
    let catalogue = &basis.ground.catalogue;
    let is_matter = *matter != catalogue.all_lists();
    let told = [
        ("snapshot", Some(basis.ground.index.meta().id.clone())),
        ("change", Some(basis.overlay.change().to_string())),
        ("catalogue", Some(catalogue.digest().to_owned())),
        ("at", Some(at.to_string())),
        ("matter", is_matter.then(|| catalogue.matter(*matter).code.clone())),
    ];
    let given = told.into_iter().filter_map(|(word, value)| Some((word, value?)));
    metadata.extend(given.map(|(word, value)| (format!("{PREFIX}{word}"), value)));
    Arc::new(Schema::new_with_metadata(fields, metadata))
}
