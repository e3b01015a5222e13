//! JSON lines: one object a line, its keys the headings.

use super::SourceError;
use super::batch::Fault;
use super::csv::{decoded, read_line};
use super::file::{Batches, OnHeadings, ROW_BYTES_MAX, Sink};
use encoding_rs::Encoding;
use serde_json::{Map, Value};
use std::path::Path;

pub(super) fn read(
    path: &Path,
    encoding: &'static Encoding,
    wanted: &[String],
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let io = |source| SourceError::Io { file: path.to_owned(), source };
    let mut input = decoded(path, encoding).map_err(io)?;
    on_headings(wanted)?;
    let mut batches = Batches::new(sink);
    let mut line = Vec::new();
    while let Some(whole) = read_line(&mut *input, &mut line, ROW_BYTES_MAX).map_err(io)? {
        if !whole {
            let row = batches.row();
            return Err(SourceError::RowTooLong { file: path.to_owned(), row, max: ROW_BYTES_MAX });
        }
        let text = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let batch = batches.next()?;
        let object = std::str::from_utf8(text).map_err(|_| Fault::Encoding).and_then(|text| {
            serde_json::from_str::<Map<String, Value>>(text).map_err(|_| Fault::Syntax)
        });
        match object {
            Ok(object) => {
                for key in wanted {
                    batch.cell(&cell(object.get(key)));
                }
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

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| cell(Some(value))).collect::<Vec<_>>().join("；")
        }
        Some(other) => other.to_string(),
    }
}
