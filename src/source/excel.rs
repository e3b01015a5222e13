//! Excel. `.xlsx` streams cell by cell (its shared strings stay in memory); `.xls` is read whole,
//! which its format bounds to 65,536 rows.
//!
//! Workbooks that count their days from 1904 (old Macintosh files) are refused: a day in a cell that
//! is not formatted as one would be read four years off.

use super::SourceError;
use super::batch::Fault;
use super::date::{of_serial, write_time};
use super::file::{Batches, OnHeadings, ROW_BYTES_MAX, Sink, beginning};
use super::{package, records};
use calamine::{Data, DataRef, ExcelDateTime, Reader, Xls, Xlsx};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// How a number that lost digits is written, so that the mapper sees it: Excel keeps 15.
pub(crate) const LOST: char = '\u{1a}';

const OF_1904: &str =
    "使用 1904 日期系统 / it counts days from 1904: save it with the 1900 date system";

/// Columns of a sheet, of which a workbook has no more.
const COLUMNS_MAX: u32 = 1 << 14;

pub(super) fn read_xlsx(
    path: &Path,
    sheet: Option<&str>,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let damaged = |why: String| SourceError::format(path, ".xlsx", why);
    let file =
        File::open(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
    package::check(path).map_err(damaged)?;
    let mut book = Xlsx::new(BufReader::new(file)).map_err(|error| damaged(error.to_string()))?;
    if book.has_1904_epoch() {
        return Err(damaged(OF_1904.to_owned()));
    }
    let name = sheet_name(sheet, &book.sheet_names())
        .ok_or_else(|| damaged("工作表不存在 / no such sheet".to_owned()))?;
    let mut cells =
        book.worksheet_cells_reader(&name).map_err(|error| damaged(error.to_string()))?;
    let mut rows = Rows::new(on_headings, sink);
    while let Some(cell) = cells.next_cell().map_err(|error| damaged(error.to_string()))? {
        let (row, column) = cell.get_position();
        if column >= COLUMNS_MAX {
            return Err(damaged(format!(
                "多于 {COLUMNS_MAX} 列 / more than {COLUMNS_MAX} columns"
            )));
        }
        let text = match cell.get_value() {
            DataRef::Empty => continue,
            // as it is shown (`#N/A`): a cell in error is no empty cell
            DataRef::Error(error) => error.to_string(),
            DataRef::Int(number) => number.to_string(),
            DataRef::Float(number) => of_number(*number),
            DataRef::String(text) => text.clone(),
            DataRef::SharedString(text) => (*text).to_owned(),
            DataRef::Bool(value) => value.to_string(),
            DataRef::DateTime(time) => of_time(time),
            DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        };
        rows.cell(row, column, text)?;
    }
    rows.finish()
}

pub(super) fn read_xls(
    path: &Path,
    sheet: Option<&str>,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let damaged = |why: String| SourceError::format(path, ".xls", why);
    let file =
        File::open(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
    let book = records::checked(file).map_err(damaged)?;
    let mut book = Xls::new(book).map_err(|error| damaged(error.to_string()))?;
    if book.has_1904_epoch() {
        return Err(damaged(OF_1904.to_owned()));
    }
    let name = sheet_name(sheet, &book.sheet_names())
        .ok_or_else(|| damaged("工作表不存在 / no such sheet".to_owned()))?;
    let range = book.worksheet_range(&name).map_err(|error| damaged(error.to_string()))?;
    let first_row = range.start().map_or(0, |(row, _)| row);
    let mut rows = Rows::new(on_headings, sink);
    for (row, cells) in (first_row..).zip(range.rows()) {
        for (column, value) in cells.iter().enumerate() {
            let text = match value {
                Data::Empty => continue,
                Data::Error(error) => error.to_string(),
                Data::Int(number) => number.to_string(),
                Data::Float(number) => of_number(*number),
                Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
                    text.clone()
                }
                Data::Bool(value) => value.to_string(),
                Data::DateTime(time) => of_time(time),
            };
            rows.cell(row, column as u32, text)?;
        }
    }
    rows.finish()
}

fn sheet_name(wanted: Option<&str>, names: &[String]) -> Option<String> {
    match wanted {
        Some(wanted) => names.iter().find(|name| *name == wanted).cloned(),
        None => names.first().cloned(),
    }
}

/// Whole numbers without a fraction; from 16 digits on Excel has lost some, and the cell says so.
pub(super) fn of_number(number: f64) -> String {
    if number.fract() != 0.0 {
        return number.to_string();
    }
    if number.abs() >= 1e15 { format!("{LOST}{number:e}") } else { format!("{number:.0}") }
}

/// A day, with the time of day where it has one; a time alone where there is no day.
fn of_time(time: &ExcelDateTime) -> String {
    const DAY_MILLIS: i64 = 86_400_000;
    let millis = (time.as_f64() * DAY_MILLIS as f64).round() as i64;
    let is_time = millis >= 0 && (time.is_duration() || millis < DAY_MILLIS);
    let (mut text, behind) = match of_serial(millis / DAY_MILLIS) {
        _ if is_time => (String::new(), millis),
        None => return time.as_f64().to_string(),
        Some(day) => (day.to_string(), millis % DAY_MILLIS),
    };
    if is_time || behind > 0 {
        text.push_str(if is_time { "" } else { " " });
        write_time(behind / 1_000, (behind % 1_000 * 1_000_000) as u32, &mut text);
    }
    text
}

/// Cells as they come, row by row, into batches; the first row that has any is the headings.
struct Rows<'a, 'b, 'c> {
    on_headings: &'a mut OnHeadings<'c>,
    headings: Option<Headings>,
    batches: Batches<'a, 'b>,
    row: Option<u32>,
    cells: Vec<String>,
    /// Of the row's cells as they came.
    bytes: usize,
}

/// Where the headings stand, and how many they are.
#[derive(Clone, Copy)]
struct Headings {
    row: u32,
    width: usize,
}

impl<'a, 'b, 'c> Rows<'a, 'b, 'c> {
    fn new(on_headings: &'a mut OnHeadings<'c>, sink: &'a mut Sink<'b>) -> Rows<'a, 'b, 'c> {
        let batches = Batches::new(sink);
        Rows { on_headings, headings: None, batches, row: None, cells: Vec::new(), bytes: 0 }
    }

    fn cell(&mut self, row: u32, column: u32, text: String) -> Result<(), SourceError> {
        if self.row != Some(row) {
            self.end_row()?;
            self.row = Some(row);
        }
        let column = column as usize;
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        self.bytes += text.len();
        // Of a row that is too long only beginnings are shown, and of some cells.
        self.cells[column] = match self.bytes {
            0..=ROW_BYTES_MAX => text,
            bytes if bytes <= 8 * ROW_BYTES_MAX => beginning(&text).to_owned(),
            _ => String::new(),
        };
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), SourceError> {
        let (cells, bytes) = (std::mem::take(&mut self.cells), std::mem::take(&mut self.bytes));
        let row = self.row.unwrap_or(0);
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(());
        }
        let Some(headings) = self.headings else {
            let names: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
            self.headings = Some(Headings { row, width: names.len() });
            return (self.on_headings)(&names);
        };
        self.batches.go_to(u64::from(row.saturating_sub(headings.row)));
        let batch = self.batches.next()?;
        if bytes > ROW_BYTES_MAX {
            cells.iter().for_each(|cell| batch.cell(beginning(cell)));
            batch.end_faulty_row(Fault::TooLong);
            return Ok(());
        }
        cells.iter().for_each(|cell| batch.cell(cell));
        let behind = cells.get(headings.width..).unwrap_or_default();
        if cells.iter().any(|cell| cell.contains('\u{fffd}')) {
            batch.end_faulty_row(Fault::Encoding);
        } else if behind.iter().any(|cell| !cell.trim().is_empty()) {
            batch.end_faulty_row(Fault::TooManyCells);
        } else {
            batch.end_row();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), SourceError> {
        self.end_row()?;
        if self.headings.is_none() {
            (self.on_headings)(&[])?;
        }
        self.batches.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_row_no_more_is_held_than_any_real_one_has() {
        let (mut headings, mut faults) = (|_: &[String]| Ok(()), Vec::new());
        let mut sink = |batch: crate::source::Batch| {
            faults.extend(batch.rows().map(|row| row.fault));
            Ok(())
        };
        let mut rows = Rows::new(&mut headings, &mut sink);
        rows.cell(0, 0, "名称".to_owned()).unwrap();
        for column in 0..1_000 {
            rows.cell(1, column, "x".repeat(ROW_BYTES_MAX / 8)).unwrap();
        }
        let held: usize = rows.cells.iter().map(String::len).sum();
        assert!(held < 8 * ROW_BYTES_MAX, "{held}");
        rows.finish().unwrap();
        assert_eq!(faults, [Some(Fault::TooLong)]);
    }
}
