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
const CELLS_MAX: usize = 1024;

pub(super) fn read(
    path: &Path,
    encoding: &'static Encoding,
    delimiter: u8,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let mut rows = Rows::open(path, encoding, delimiter)?;
    let mut cells = Vec::new();
    if !rows.next()? {
        on_headings(&[])?;
        return Ok(());
    }
    rows.cells(|cell| cells.push(cell.trim_start_matches('\u{feff}').trim().to_owned()))
        .map_err(|_| rows.format_error("the headings are no characters in the file's encoding"))?;
    on_headings(&cells)?;
    let mut batches = Batches::new(sink);
    loop {
        rows.row = batches.row();
        if !rows.next()? {
            break;
        }
        if rows.is_blank() {
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
    row: u64,
}

impl Rows<'_> {
    fn open<'a>(
        path: &'a Path,
        encoding: &'static Encoding,
        delimiter: u8,
    ) -> Result<Rows<'a>, SourceError> {
        let input = decoded(path, encoding)
            .map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
        let parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        let (output, ends) = (vec![0; ROW_BYTES_MAX], vec![0; CELLS_MAX]);
        Ok(Rows { path, input, parser, output, ends, filled: 0, count: 0, row: 0 })
    }

    /// Read a record; false at the end.
    fn next(&mut self) -> Result<bool, SourceError> {
        (self.filled, self.count) = (0, 0);
        loop {
            let input = self
                .input
                .fill_buf()
                .map_err(|source| SourceError::Io { file: self.path.to_owned(), source })?;
            let (result, read, written, ended) = self.parser.read_record(
                input,
                &mut self.output[self.filled..],
                &mut self.ends[self.count..],
            );
            self.input.consume(read);
            self.filled += written;
            self.count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::End => return Ok(false),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
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

    fn is_blank(&self) -> bool {
        self.output[..self.filled].iter().all(u8::is_ascii_whitespace)
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
