//! Rows of cells with their results: a table, or columns of text.

use super::batches::{Results, Writer, written};
use super::screener::Cells;
use crate::output::Table;
use crate::source::excel::LOST;
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use std::io;
use std::sync::Arc;

/// Takes a head and rows.
pub enum Answers<'a> {
    /// CSV, Excel.
    Table(Table<'a>),
    /// Columns of text, batch by batch.
    Columns(Box<Strings<'a>>),
}

/// Columns that are being filled.
pub struct Strings<'a> {
    writer: Box<dyn Writer + 'a>,
    given: Arc<Schema>,
    whole: Arc<Schema>,
    cells: Vec<StringBuilder>,
    results: Results,
}

impl<'a> Answers<'a> {
    /// What takes columns of text, and those of the results behind them.
    pub fn columns(
        writer: Box<dyn Writer + 'a>,
        given: Arc<Schema>,
        whole: Arc<Schema>,
    ) -> Answers<'a> {
        let cells = given.fields().iter().map(|_| StringBuilder::new()).collect();
        let results = Results::default();
        Answers::Columns(Box::new(Strings { writer, given, whole, cells, results }))
    }

    /// The headings of the input; those of the results come behind.
    pub fn head(&mut self, headings: &[String]) -> io::Result<()> {
        let results = Cells::headings();
        match self {
            Answers::Table(table) => {
                table.head(headings.iter().chain(&results).map(String::as_str))
            }
            // They are in its schema.
            Answers::Columns(_) => Ok(()),
        }
    }

    /// A row of so many columns and its result.
    pub fn row<'r>(
        &mut self,
        cells: impl Iterator<Item = &'r str>,
        result: &Cells,
    ) -> io::Result<()> {
        // A number of which digits are lost stays as it was shown.
        let cells = cells.map(|cell| cell.strip_prefix(LOST).unwrap_or(cell));
        match self {
            Answers::Table(table) => {
                table.row(cells.chain(result.all()), !result.entries.is_empty())
            }
            Answers::Columns(strings) => {
                strings.row(cells, result);
                Ok(())
            }
        }
    }

    /// So many rows as fit into memory are there.
    pub fn end_batch(&mut self) -> io::Result<()> {
        match self {
            Answers::Table(_) => Ok(()),
            Answers::Columns(strings) => strings.write(),
        }
    }

    /// Write what is held back.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Answers::Table(table) => table.finish(),
            Answers::Columns(strings) => strings.writer.finish().map_err(written),
        }
    }
}

/// The schema of columns of text.
pub fn schema_of_text(headings: &[String]) -> Arc<Schema> {
    let text = |heading: &String| Field::new(heading, DataType::Utf8, true);
    Arc::new(Schema::new(headings.iter().map(text).collect::<Vec<Field>>()))
}

impl Strings<'_> {
    /// An empty cell is nothing.
    fn row<'r>(&mut self, cells: impl Iterator<Item = &'r str>, result: &Cells) {
        for (column, cell) in self.cells.iter_mut().zip(cells) {
            column.append_option((!cell.is_empty()).then_some(cell));
        }
        self.results.push(result, true);
    }

    fn write(&mut self) -> io::Result<()> {
        let columns = self.cells.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let given = RecordBatch::try_new(self.given.clone(), columns.collect());
        let results = std::mem::take(&mut self.results);
        let whole = given.and_then(|given| results.beside(&given, &self.whole));
        whole.and_then(|whole| self.writer.write(&whole)).map_err(written)
    }
}
