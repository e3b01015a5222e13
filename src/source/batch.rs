//! Rows of cells, in flat storage.

use std::fmt;

/// What is wrong with a row before anyone looks at its cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Bytes that are no characters in the file's encoding.
    Encoding,
    /// More cells than there are headings.
    TooManyCells,
    /// Fewer cells than there are headings: a row cut short would lose the end of its term.
    TooFewCells,
    /// Longer than any real row.
    TooLong,
    /// Not the format's syntax (a JSON line that is no object).
    Syntax,
}

/// Rows of cells. One string holds all of them; a row is a run of cells, a cell a run of bytes.
#[derive(Clone, Default)]
pub struct Batch {
    text: String,
    cell_ends: Vec<u32>,
    row_ends: Vec<u32>,
    numbers: Vec<u64>,
    faults: Vec<(u32, Fault)>,
}

impl fmt::Debug for Batch {
    /// Sizes only: rows hold what no log may.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} rows, {} bytes)", self.len(), self.bytes())
    }
}

impl Batch {
    /// Rows in it.
    pub fn len(&self) -> usize {
        self.row_ends.len()
    }

    /// None in it.
    pub fn is_empty(&self) -> bool {
        self.row_ends.is_empty()
    }

    /// Bytes of its cells.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Begin a row: its number in the file, 1 for the first row of data.
    pub(super) fn begin_row(&mut self, number: u64) {
        self.numbers.push(number);
    }

    /// Add a cell to the row that is being filled.
    pub(super) fn cell(&mut self, text: &str) {
        self.text.push_str(text);
        self.cell_ends.push(self.text.len() as u32);
    }

    /// End the row that is being filled.
    pub(super) fn end_row(&mut self) {
        self.row_ends.push(self.cell_ends.len() as u32);
    }

    /// End a row that cannot be used; its cells are what can be shown of it.
    pub(super) fn end_faulty_row(&mut self, fault: Fault) {
        self.faults.push((self.row_ends.len() as u32, fault));
        self.end_row();
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|at| self.row(at))
    }

    /// One of them, below [`Batch::len`].
    pub fn row(&self, at: usize) -> Row<'_> {
        let start = at.checked_sub(1).map_or(0, |before| self.row_ends[before]) as usize;
        let end = self.row_ends[at] as usize;
        let first_byte = start.checked_sub(1).map_or(0, |before| self.cell_ends[before]) as usize;
        let fault = self.faults.binary_search_by_key(&(at as u32), |(row, _)| *row).ok();
        Row {
            number: self.numbers[at],
            text: &self.text,
            first_byte,
            ends: &self.cell_ends[start..end],
            fault: fault.map(|found| self.faults[found].1),
        }
    }
}

/// A row of a batch.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// Its number in the file.
    pub number: u64,
    /// What is wrong with it as a whole.
    pub fault: Option<Fault>,
    text: &'a str,
    first_byte: usize,
    ends: &'a [u32],
}

impl fmt::Debug for Row<'_> {
    /// Its place only: it holds what no log may.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}, {} cells, {:?})", self.number, self.len(), self.fault)
    }
}

impl<'a> Row<'a> {
    /// Cells in it.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// None in it.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A cell, empty past the end of the row.
    pub fn cell(&self, at: usize) -> &'a str {
        let Some(&end) = self.ends.get(at) else { return "" };
        let start = at.checked_sub(1).map_or(self.first_byte, |before| self.ends[before] as usize);
        &self.text[start..end as usize]
    }

    /// All of it, for the rejects file.
    pub fn original(&self) -> String {
        let cells: Vec<&str> = (0..self.len()).map(|at| self.cell(at)).collect();
        cells.join("\t")
    }
}
