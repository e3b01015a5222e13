//! CSV. `csv-core` parses; rows are bounded, which the comfortable reader of `csv` cannot do.

use super::SourceError;
use super::batch::Fault;
use super::file::{Batches, OnHeadings, ROW_BYTES_MAX, Sink};
use csv_core::{ReadRecordResult, Reader};
use encoding_rs::Encoding;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Cells in one row.
const CELLS_MAX: usize = 1 << 14;

pub(super) fn read(
    path: &Path,
    encoding: &'static Encoding,
    delimiter: u8,
    blank_rows: bool,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let mut rows = Rows::open(path, encoding, delimiter)?;
    let mut cells = Vec::new();
    rows.skip_blank_lines()?;
    if !rows.next()? {
        on_headings(&[])?;
        return Ok(());
    }
    rows.cells(|cell| cells.push(cell.trim_start_matches('\u{feff}').trim().to_owned()))
        .map_err(|_| rows.format_error("the headings are no characters in the file's encoding"))?;
    on_headings(&cells)?;
    let mut batches = Batches::new(sink);
    loop {
        batches.go_to(batches.row() + rows.skip_blank_lines()?);
        rows.row = batches.row();
        if !rows.next()? {
            break;
        }
        if rows.is_blank(blank_rows) {
            batches.go_to(batches.row() + 1);
            continue;
        }
        let batch = batches.next()?;
        match rows.cells(|cell| batch.cell(cell)) {
            Err(fault) => batch.end_faulty_row(fault),
            Ok(count) if count < cells.len() => batch.end_faulty_row(Fault::TooFewCells),
            Ok(count) if count > cells.len() && !rows.is_blank_from(cells.len()) => {
                batch.end_faulty_row(Fault::TooManyCells);
            }
            Ok(_) => batch.end_row(),
        }
    }
    batches.finish()
}

/// A reader that turns the file's encoding to UTF-8; UTF-8 itself passes as it is.
pub(super) fn decoded(path: &Path, encoding: &'static Encoding) -> io::Result<Box<dyn BufRead>> {
    let file = File::open(path)?;
    Ok(Box::new(BufReader::with_capacity(1 << 18, decoding(file, encoding))))
}

/// The same of any input.
pub fn decoding(
    input: impl Read + Send + 'static,
    encoding: &'static Encoding,
) -> Box<dyn Read + Send> {
    if encoding == encoding_rs::UTF_8 {
        return Box::new(input);
    }
    let decoder: DecodeReaderBytes<_, Vec<u8>> =
        DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(input);
    Box::new(decoder)
}

/// One record after the other, each in one buffer.
struct Rows<'a> {
    path: &'a Path,
    input: Box<dyn BufRead>,
    parser: Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
    filled: usize,
    count: usize,
    /// Bytes of it as it stands there, with one of its line end.
    taken: usize,
    row: u64,
}

impl Rows<'_> {
    fn open<'a>(
        path: &'a Path,
        encoding: &'static Encoding,
        delimiter: u8,
    ) -> Result<Rows<'a>, SourceError> {
        let failed = |source| SourceError::Io { file: path.to_owned(), source };
        let mut input = decoded(path, encoding).map_err(failed)?;
        let mark = "\u{feff}".as_bytes();
        if input.fill_buf().map_err(failed)?.starts_with(mark) {
            input.consume(mark.len());
        }
        let parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        let (output, ends) = (vec![0; ROW_BYTES_MAX], vec![0; CELLS_MAX]);
        Ok(Rows { path, input, parser, output, ends, filled: 0, count: 0, taken: 0, row: 0 })
    }

    /// Read a record, which begins where no [blank line](Self::skip_blank_lines) does; false at the end.
    fn next(&mut self) -> Result<bool, SourceError> {
        (self.filled, self.count, self.taken) = (0, 0, 0);
        if self.peek()?.is_none() {
            return Ok(false);
        }
        loop {
            let input = self
                .input
                .fill_buf()
                .map_err(|source| SourceError::Io { file: self.path.to_owned(), source })?;
            let is_ended = input.is_empty();
            // What the input leaves open a line end closes, unless quotes are open.
            let (result, read, written, ended) = self.parser.read_record(
                if is_ended { b"\n" } else { input },
                &mut self.output[self.filled..],
                &mut self.ends[self.count..],
            );
            let ends_with = read.checked_sub(1).and_then(|last| input.get(last)).copied();
            self.input.consume(if is_ended { 0 } else { read });
            self.filled += written;
            self.count += ended;
            self.taken += read;
            match result {
                ReadRecordResult::InputEmpty if is_ended => {
                    return Err(self.wrong("的引号未闭合", "has quotes that are not closed"));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => {
                    self.end_line(ends_with)?;
                    return Ok(true);
                }
                ReadRecordResult::OutputEndsFull => {
                    let (chinese, english) = (
                        format!("多于 {CELLS_MAX} 列"),
                        format!("has more than {CELLS_MAX} cells"),
                    );
                    return Err(self.wrong(&chinese, &english));
                }
                ReadRecordResult::OutputFull => {
                    let file = self.path.to_owned();
                    return Err(SourceError::RowTooLong {
                        file,
                        row: self.row,
                        max: ROW_BYTES_MAX,
                    });
                }
            }
        }
    }

    /// Pass over lines of nothing, which the parser would not tell of; answers how many.
    fn skip_blank_lines(&mut self) -> Result<u64, SourceError> {
        let mut lines = 0;
        while let Some(end @ (b'\r' | b'\n')) = self.peek()? {
            self.input.consume(1);
            self.end_line(Some(end))?;
            lines += 1;
        }
        Ok(lines)
    }

    /// A line feed behind a carriage return ends the same line.
    fn end_line(&mut self, ends_with: Option<u8>) -> Result<(), SourceError> {
        if ends_with == Some(b'\r') && self.peek()? == Some(b'\n') {
            self.input.consume(1);
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>, SourceError> {
        let first = self.input.fill_buf().map(|input| input.first().copied());
        first.map_err(|source| SourceError::Io { file: self.path.to_owned(), source })
    }

    /// Nothing is in it; where rows of empty cells are rows, no delimiter and no quotes either.
    fn is_blank(&self, blank_rows: bool) -> bool {
        let is_blank = self.output[..self.filled].iter().all(u8::is_ascii_whitespace);
        is_blank && !(blank_rows && (self.count > 1 || self.taken > self.filled + 1))
    }

    /// Nothing stands behind so many cells.
    fn is_blank_from(&self, cells: usize) -> bool {
        let start = cells.checked_sub(1).map_or(0, |last| self.ends[last]);
        self.output[start..self.filled].iter().all(u8::is_ascii_whitespace)
    }

    /// The cells of the record; of one that is not text, what can be shown of it.
    fn cells(&self, mut each: impl FnMut(&str)) -> Result<usize, Fault> {
        let record = &self.output[..self.filled];
        let mut fault;
        match std::str::from_utf8(record) {
            Ok(text) => {
                // what the decoder could not read came out as U+FFFD
                fault = text.contains('\u{fffd}').then_some(Fault::Encoding);
                let mut start = 0;
                for &end in &self.ends[..self.count] {
                    match text.get(start..end) {
                        Some(cell) => each(cell),
                        None => fault = Some(Fault::Encoding),
                    }
                    start = end;
                }
            }
            Err(_) => {
                each(&String::from_utf8_lossy(record));
                fault = Some(Fault::Encoding);
            }
        }
        fault.map_or(Ok(self.count), Err)
    }

    /// What is wrong with the row, whose numbers begin behind the headings.
    fn wrong(&self, chinese: &str, english: &str) -> SourceError {
        self.format_error(&match self.row {
            0 => format!("表头{chinese} / the row of headings {english}"),
            row => format!("第 {row} 行{chinese} / row {row} {english}"),
        })
    }

    fn format_error(&self, why: &str) -> SourceError {
        SourceError::format(self.path, "CSV", why)
    }
}

/// All of a reader up to a line feed, bounded; `None` at the end.
pub(super) fn read_line(
    input: &mut dyn BufRead,
    line: &mut Vec<u8>,
    max: usize,
) -> io::Result<Option<bool>> {
    line.clear();
    let read = Read::take(&mut *input, max as u64 + 1).read_until(b'\n', line)?;
    Ok((read > 0).then_some(read <= max))
}
