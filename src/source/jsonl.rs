//! JSON lines: one object a line, its keys the headings.

use super::SourceError;
use super::batch::Fault;
use super::csv::{decoded, read_line};
use super::file::{Batches, OnHeadings, ROW_BYTES_MAX, Sink};
use super::mapper::Wanted;
use encoding_rs::Encoding;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::Path;

/// Lines in which every needed key must be seen once. Which keys a line has says little, since many
/// leave out what is null.
const HEAD_LINES: u64 = 1_000;

pub(super) fn read(
    path: &Path,
    encoding: &'static Encoding,
    wanted: &Wanted,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    check_keys(path, encoding, wanted)?;
    on_headings(&wanted.headings)?;
    let mut lines = Lines::open(path, encoding)?;
    let mut batches = Batches::new(sink);
    let mut cells = Vec::with_capacity(wanted.headings.len());
    while lines.next()? {
        let text = lines.text();
        if text.is_empty() {
            continue;
        }
        batches.go_to(lines.number);
        let batch = batches.next()?;
        cells.clear();
        let read = object(text).and_then(|object| {
            for key in &wanted.headings {
                cells.push(cell(object.get(key))?);
            }
            Ok(())
        });
        match read {
            Ok(()) => {
                cells.iter().for_each(|cell| batch.cell(cell));
                batch.end_row();
            }
            Err(fault) => {
                batch.cell(&String::from_utf8_lossy(text));
                batch.end_faulty_row(fault);
            }
        }
    }
    batches.finish()
}

pub(crate) fn object(text: &[u8]) -> Result<Map<String, Value>, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::Encoding)?;
    if text.contains('\u{fffd}') {
        return Err(Fault::Encoding);
    }
    serde_json::from_str(text).map_err(|_| Fault::Syntax)
}

/// A feed of another layout must not come out as a list without terms or identifiers.
fn check_keys(
    path: &Path,
    encoding: &'static Encoding,
    wanted: &Wanted,
) -> Result<(), SourceError> {
    let mut seen = HashSet::new();
    let mut lines = Lines::open(path, encoding)?;
    while lines.number < HEAD_LINES && lines.next()? {
        if let Ok(object) = object(lines.text()) {
            seen.extend(object.into_iter().map(|(key, _)| key));
        }
    }
    let missing = |needed: &&Vec<String>| !needed.iter().any(|key| seen.contains(key));
    let Some(needed) = wanted.needed.iter().find(missing) else { return Ok(()) };
    let found: Vec<String> = seen.into_iter().collect();
    Err(wanted.missing(path, needed, &found))
}

/// One line after the other.
struct Lines<'a> {
    path: &'a Path,
    input: Box<dyn std::io::BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl Lines<'_> {
    fn open<'a>(path: &'a Path, encoding: &'static Encoding) -> Result<Lines<'a>, SourceError> {
        let input = decoded(path, encoding)
            .map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
        Ok(Lines { path, input, line: Vec::new(), number: 0 })
    }

    /// Read a line; false at the end.
    fn next(&mut self) -> Result<bool, SourceError> {
        let read = read_line(&mut *self.input, &mut self.line, ROW_BYTES_MAX)
            .map_err(|source| SourceError::Io { file: self.path.to_owned(), source })?;
        let Some(whole) = read else { return Ok(false) };
        self.number += 1;
        if whole {
            return Ok(true);
        }
        let file = self.path.to_owned();
        Err(SourceError::RowTooLong { file, row: self.number, max: ROW_BYTES_MAX })
    }

    fn text(&self) -> &[u8] {
        self.line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&self.line).trim_ascii()
    }
}

/// Texts and numbers, and lists of them; anything else is not what a mapping could mean.
pub(crate) fn cell(value: Option<&Value>) -> Result<String, Fault> {
    Ok(match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => match number.as_f64() {
            Some(float) if number.is_f64() => super::excel::of_number(float),
            _ => number.to_string(),
        },
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Array(values)) if !values.iter().any(|v| v.is_array() || v.is_object()) => {
            let cells: Result<Vec<String>, Fault> =
                values.iter().map(|value| cell(Some(value))).collect();
            cells?.join("；")
        }
        Some(Value::Array(_) | Value::Object(_)) => return Err(Fault::Syntax),
    })
}
