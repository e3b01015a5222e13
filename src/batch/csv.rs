//! A block's records of CSV, answered: the same bytes, with the result's cells behind each.

use super::Columns;
use super::blocks::{self, Answered};
use super::marks::Marks;
use super::screener::{Cells, Clear, Row, Screener, WINDOW};
use crate::source::reject::Reason;
use csv_core::{ReadRecordResult, Reader};
use memchr::{memchr, memchr_iter, memchr3, memmem};
use std::ops::Range;

/// Cells of one record.
const CELLS_MAX: usize = 1 << 14;

/// How a file is written, as its headings show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dialect {
    /// Parts cells.
    pub delimiter: u8,
    /// Lines end with a carriage return too.
    pub crlf: bool,
}

impl Dialect {
    fn line_end(self) -> &'static [u8] {
        if self.crlf { b"\r\n" } else { b"\n" }
    }

    /// Append cells behind a record, each after a delimiter, and end the line.
    fn write(self, cells: &[&str], out: &mut Vec<u8>) {
        let start = out.len();
        // As they are; all anew where one turns out to need quotes, which few do.
        for cell in cells {
            out.push(self.delimiter);
            out.extend_from_slice(cell.as_bytes());
        }
        let written = &out[start..];
        let delimiters = memchr_iter(self.delimiter, written).count();
        if delimiters > cells.len() || memchr3(b'"', b'\r', b'\n', written).is_some() {
            out.truncate(start);
            for cell in cells {
                out.push(self.delimiter);
                self.write_quoted(cell, out);
            }
        }
        out.extend_from_slice(self.line_end());
    }

    /// Append a cell, in quotes where it needs them.
    fn write_quoted(self, cell: &str, out: &mut Vec<u8>) {
        let is_special = |byte| byte == self.delimiter || matches!(byte, b'"' | b'\r' | b'\n');
        if cell.bytes().any(is_special) {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
    }

    /// The headings of a file with those of the results.
    pub fn write_headings(self, head: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(without_line_end(head));
        self.write(&Cells::headings().each_ref().map(String::as_str), out);
    }
}

/// The cells of the first record.
pub fn headings(head: &[u8], delimiter: u8) -> Option<Vec<String>> {
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    let mut record = Record::new(delimiter);
    let blank = head.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    record.read(&head[blank..]);
    let cell = |at| std::str::from_utf8(record.cell(at)).map(|cell| cell.trim().to_owned()).ok();
    let is_sound = !record.is_beyond && !record.is_open;
    is_sound.then(|| (0..record.count).map(cell).collect()).flatten()
}

/// Answers blocks.
pub struct CsvScreener<'a> {
    screener: Screener<'a>,
    columns: Columns,
    dialect: Dialect,
    hits_only: bool,
    record: Record,
    /// Where the delimiters stand in a line without quotes.
    delimiters: Vec<usize>,
    behind: Behind,
    window: Vec<Line>,
}

/// Writes what is behind a line.
struct Behind {
    dialect: Dialect,
    /// That of a subject who is clear, which nearly all are, and of which.
    clear: (Option<Clear>, Vec<u8>),
}

impl Behind {
    fn write(&mut self, row: Row, cells: &Cells, out: &mut Vec<u8>) {
        let Row::Clear(clear) = row else { return self.dialect.write(&cells.all(), out) };
        if self.clear.0 != Some(clear) {
            self.clear.1.clear();
            self.dialect.write(&clear.cells().all(), &mut self.clear.1);
            self.clear.0 = Some(clear);
        }
        out.extend_from_slice(&self.clear.1);
    }
}

/// A line without quotes that has a cell for each heading, and that of its identifier.
struct Line {
    range: Range<usize>,
    cell: Range<usize>,
}

impl<'a> CsvScreener<'a> {
    /// Of a file of such columns.
    pub fn new(
        screener: Screener<'a>,
        columns: Columns,
        dialect: Dialect,
        hits_only: bool,
    ) -> CsvScreener<'a> {
        let record = Record::new(dialect.delimiter);
        let behind = Behind { dialect, clear: (None, Vec::new()) };
        let (delimiters, window) = (Vec::new(), Vec::new());
        CsvScreener { screener, columns, dialect, hits_only, record, delimiters, behind, window }
    }

    /// Answer a block.
    pub fn answer(&mut self, block: &[u8], out: &mut Vec<u8>) -> Answered {
        let text = text(block);
        let (bytes, is_text) = (block.len() as u64, text.is_some());
        let mut answered = Answered { bytes, is_text, ..Answered::default() };
        out.reserve(block.len() * 3 / 2);
        match (&self.columns.identifiers[..], self.columns.name, text) {
            (&[identifier], None, Some(text)) => {
                self.answer_text(text, identifier, &mut answered, out);
            }
            _ => self.answer_records(block, &mut answered, out),
        }
        answered.tally = std::mem::take(&mut self.screener.tally);
        answered
    }

    /// Text that is asked by one identifier: stretches of lines without quotes, and other records between them.
    fn answer_text(
        &mut self,
        text: &str,
        identifier: usize,
        answered: &mut Answered,
        out: &mut Vec<u8>,
    ) {
        let mut rest = text;
        while !rest.is_empty() {
            let lines = blocks::lines(rest.as_bytes());
            self.answer_lines(&rest[..lines], identifier, answered, out);
            rest = &rest[lines..];
            if !rest.is_empty() {
                let end = self.record.read(rest.as_bytes());
                self.answer_record(&rest.as_bytes()[..end], false, answered, out);
                rest = &rest[end..];
            }
        }
    }

    /// Lines without quotes that are asked by one identifier: most are clear, which one look at memory tells,
    /// and the looks of a window are under way at once.
    fn answer_lines(
        &mut self,
        text: &str,
        identifier: usize,
        answered: &mut Answered,
        out: &mut Vec<u8>,
    ) {
        let (block, count) = (text.as_bytes(), self.columns.count);
        let (mut start, mut cells, mut cell) = (0, 0, 0..0);
        let mut cell_start = 0;
        let mut ends = Marks::new([self.dialect.delimiter, b'\n'], block);
        while start < block.len() {
            let end = ends.next().unwrap_or(block.len());
            if cells == identifier {
                cell = cell_start..end;
            }
            cells += 1;
            cell_start = end + 1;
            if block.get(end).is_some_and(|&byte| byte != b'\n') {
                continue;
            }
            let range = start..(end + 1).min(block.len());
            let line = without_line_end(&block[range.clone()]);
            if cells == count && (count > 1 || !line.trim_ascii().is_empty()) {
                cell.end = cell.end.min(start + line.len());
                self.window.push(Line { range: start..start + line.len(), cell: cell.clone() });
            } else {
                self.answer_window(text, answered, out);
                self.answer_record(&block[range], true, answered, out);
            }
            (start, cells) = (end + 1, 0);
            if self.window.len() == WINDOW {
                self.answer_window(text, answered, out);
            }
        }
        self.answer_window(text, answered, out);
    }

    fn answer_window(&mut self, text: &str, answered: &mut Answered, out: &mut Vec<u8>) {
        let CsvScreener { screener, window, behind, hits_only, .. } = self;
        let cell = |at: usize| &text[window[at].cell.clone()];
        screener.screen_all(window.len(), cell, |at, row, cells| {
            let line = &text[window[at].range.clone()];
            if let Row::Unaskable(reason) = row {
                answered.rejects.push((answered.records, reason, line.to_owned()));
            }
            answered.records += 1;
            if !*hits_only || (row == Row::Told && !cells.entries.is_empty()) {
                out.extend_from_slice(line.as_bytes());
                behind.write(row, cells, out);
            }
        });
        window.clear();
    }

    fn answer_records(&mut self, block: &[u8], answered: &mut Answered, out: &mut Vec<u8>) {
        let mut rest = block;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let is_plain = blocks::are_lines(&rest[..end]);
            let end = if is_plain { end } else { self.record.read(rest) };
            let (record, after) = rest.split_at(end);
            rest = after;
            self.answer_record(record, is_plain, answered, out);
        }
    }

    /// Answer a record, which stands in [`Record`] unless it is plain: [a line](blocks::are_lines).
    fn answer_record(
        &mut self,
        record: &[u8],
        is_plain: bool,
        answered: &mut Answered,
        out: &mut Vec<u8>,
    ) {
        let line = without_line_end(record);
        answered.records += 1;
        let delimiter = self.dialect.delimiter;
        if line.iter().all(|&byte| byte.is_ascii_whitespace() && byte != delimiter) {
            return;
        }
        let fault = if is_plain { self.split(line) } else { self.record.fault(&self.columns) };
        let count = if is_plain { self.delimiters.len() + 1 } else { self.record.count };
        let whole = without_blank_cells(line, count.saturating_sub(self.columns.count), delimiter);
        let fault = fault.or(whole.is_none().then_some(Reason::TooManyCells));
        let broken = (!answered.is_text && !is_text(line)).then_some(Reason::EncodingBroken);
        let reject = |reason: Reason, answered: &mut Answered| {
            let shown = String::from_utf8_lossy(line).into_owned();
            answered.rejects.push((answered.records - 1, reason, shown));
        };
        if !is_plain && self.record.is_open {
            answered.open_quote = Some(answered.records);
        }
        if let Some(reason) = broken.or(fault) {
            self.screener.tally.count_rejected();
            return reject(reason, answered);
        }
        let row = self.decide(line, is_plain);
        if let Row::Unaskable(reason) = row {
            reject(reason, answered);
        }
        if !self.hits_only || self.screener.has_hits() {
            out.extend_from_slice(whole.unwrap_or(line));
            self.behind.write(row, &self.screener.cells, out);
        }
    }

    fn decide(&mut self, line: &[u8], is_plain: bool) -> Row {
        let CsvScreener { screener, columns, record, delimiters, .. } = self;
        let cell = |at: usize| {
            let cell = if is_plain { plain_cell(line, delimiters, at) } else { record.cell(at) };
            // Of a line that is text.
            std::str::from_utf8(cell).unwrap_or_default()
        };
        let identifiers = columns.identifiers.iter().map(|&at| cell(at));
        screener.screen(identifiers, columns.name.map_or("", cell))
    }

    /// Find the cells of a line without quotes; what is wrong with their number.
    fn split(&mut self, line: &[u8]) -> Option<Reason> {
        self.delimiters.clear();
        self.delimiters.extend(memchr_iter(self.dialect.delimiter, line));
        let count = self.delimiters.len() + 1;
        let behind = |at: usize| &line[self.delimiters[at - 1]..];
        let is_blank = |cells: &[u8]| {
            cells.iter().all(|byte| byte.is_ascii_whitespace() || *byte == self.dialect.delimiter)
        };
        fault(count, self.columns.count, |at| is_blank(behind(at)))
    }
}

fn fault(count: usize, headings: usize, is_blank_from: impl Fn(usize) -> bool) -> Option<Reason> {
    if count < headings {
        Some(Reason::TooFewCells)
    } else if count > headings && !is_blank_from(headings) {
        Some(Reason::TooManyCells)
    } else {
        None
    }
}

/// The line without so many blank cells at its end, which would put the result under other headings; `None`
/// where something stands in them, quotes at least.
fn without_blank_cells(line: &[u8], cells: usize, delimiter: u8) -> Option<&[u8]> {
    let mut whole = line;
    for _ in 0..cells {
        let end = whole.iter().rposition(|&byte| byte == delimiter)?;
        let (before, cell) = whole.split_at(end);
        if !cell[1..].iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        whole = before;
    }
    Some(whole)
}

fn plain_cell<'l>(line: &'l [u8], delimiters: &[usize], at: usize) -> &'l [u8] {
    let start = at.checked_sub(1).map_or(0, |before| delimiters[before] + 1);
    let end = delimiters.get(at).copied().unwrap_or(line.len());
    &line[start..end]
}

/// Characters, none of which stands for bytes that were none.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = simdutf8::basic::from_utf8(bytes).ok()?;
    memmem::find(bytes, "\u{fffd}".as_bytes()).is_none().then_some(text)
}

/// They are [text].
pub(super) fn is_text(bytes: &[u8]) -> bool {
    text(bytes).is_some()
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A record with quotes, read by `csv-core`.
struct Record {
    parser: Reader,
    /// Its cells, one behind the other, as far as `filled`.
    cells: Vec<u8>,
    filled: usize,
    /// Where each ends, as far as `count`.
    ends: Vec<usize>,
    count: usize,
    /// It has more cells than there is room for, or longer ones.
    is_beyond: bool,
    /// Its quotes are open where the bytes end.
    is_open: bool,
}

impl Record {
    fn new(delimiter: u8) -> Record {
        Record {
            parser: blocks::parser(delimiter),
            cells: vec![0; blocks::RECORD_BYTES_MAX],
            filled: 0,
            ends: vec![0; CELLS_MAX],
            count: 0,
            is_beyond: false,
            is_open: false,
        }
    }

    /// Read the first record of the bytes; answers how many it takes, its line end with it. A blank line is one.
    fn read(&mut self, bytes: &[u8]) -> usize {
        self.parser.reset();
        (self.filled, self.count, self.is_beyond, self.is_open) = (0, 0, false, false);
        // The parser would pass over it.
        match bytes {
            [b'\r', b'\n', ..] => return 2,
            [b'\r' | b'\n', ..] => return 1,
            _ => {}
        }
        let (mut taken, mut is_ended) = (0, false);
        loop {
            // What the bytes leave open a line end closes, unless quotes are open.
            let rest = if is_ended { b"\n" } else { &bytes[taken..] };
            let (result, read, filled, count) = self.parser.read_record(
                rest,
                &mut self.cells[self.filled..],
                &mut self.ends[self.count..],
            );
            self.filled += filled;
            self.count += count;
            taken += if is_ended { 0 } else { read };
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::InputEmpty if is_ended => {
                    self.is_open = true;
                    break;
                }
                ReadRecordResult::InputEmpty => is_ended = true,
                ReadRecordResult::OutputFull => (self.filled, self.is_beyond) = (0, true),
                ReadRecordResult::OutputEndsFull => (self.count, self.is_beyond) = (0, true),
            }
        }
        let is_crlf = taken > 0 && bytes[taken - 1] == b'\r' && bytes.get(taken) == Some(&b'\n');
        taken + usize::from(is_crlf)
    }

    fn cell(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        if at < self.count { &self.cells[start..self.ends[at]] } else { &[] }
    }

    fn fault(&self, columns: &Columns) -> Option<Reason> {
        if self.is_open {
            return Some(Reason::Syntax);
        }
        if self.is_beyond {
            return Some(Reason::RowTooLong);
        }
        let is_blank =
            |at: usize| self.cells[self.ends[at - 1]..self.filled].trim_ascii().is_empty();
        fault(self.count, columns.count, is_blank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_behind_a_record_are_read_as_they_were(
            // Few are special, that one alone is too.
            cells in proptest::collection::vec(
                prop_oneof![8 => "[a名]{0,3}", 1 => "[a,;\"\n\r名]{0,3}"], 7
            ),
            delimiter in prop_oneof![Just(b','), Just(b';')],
            crlf: bool,
        ) {
            let dialect = Dialect { delimiter, crlf };
            let mut out = b"first".to_vec();
            dialect.write(&cells.iter().map(String::as_str).collect::<Vec<_>>(), &mut out);
            let mut record = Record::new(delimiter);
            prop_assert_eq!(record.read(&out), out.len());
            let read: Vec<&[u8]> = (0..record.count).map(|at| record.cell(at)).collect();
            let written = cells.iter().map(String::as_bytes);
            prop_assert_eq!(read, std::iter::once(&b"first"[..]).chain(written).collect::<Vec<_>>());
            prop_assert!(out.ends_with(dialect.line_end()));
        }
    }
}
