//! Parquet: record batches, every column as text.

use super::SourceError;
use super::date::of_serial;
use super::file::{BATCH_ROWS, Batches, OnHeadings, Sink};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;

/// Excel's serial of 1970-01-01, in which [`of_serial`] counts.
const UNIX_SERIAL: f64 = 25_569.0;

pub(super) fn read(
    path: &Path,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let damaged =
        |why: String| SourceError::Format { file: path.to_owned(), format: "Parquet", why };
    let file =
        File::open(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| damaged(error.to_string()))?;
    let headings: Vec<String> =
        builder.schema().fields().iter().map(|field| field.name().trim().to_owned()).collect();
    on_headings(&headings)?;
    let reader =
        builder.with_batch_size(BATCH_ROWS).build().map_err(|error| damaged(error.to_string()))?;
    let mut batches = Batches::new(sink);
    for record_batch in reader {
        let record_batch = record_batch.map_err(|error| damaged(error.to_string()))?;
        for row in 0..record_batch.num_rows() {
            let batch = batches.next()?;
            for column in record_batch.columns() {
                match string_at(column, row) {
                    Some(text) => batch.cell(text),
                    None => batch.cell(&text_of(column, row)),
                }
            }
            batch.end_row();
        }
    }
    batches.finish()
}

/// The common case without a copy.
fn string_at(column: &ArrayRef, row: usize) -> Option<&str> {
    if column.is_null(row) {
        return Some("");
    }
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(column.as_string::<i64>().value(row)),
        DataType::Utf8View => Some(column.as_string_view().value(row)),
        _ => None,
    }
}

fn text_of(column: &ArrayRef, row: usize) -> String {
    let day_of_seconds = |seconds: i64| of_serial(UNIX_SERIAL + seconds.div_euclid(86_400) as f64);
    let day = match column.data_type() {
        DataType::Date32 => {
            of_serial(UNIX_SERIAL + f64::from(column.as_primitive::<Date32Type>().value(row)))
        }
        DataType::Timestamp(unit, _) => day_of_seconds(match unit {
            TimeUnit::Second => column.as_primitive::<TimestampSecondType>().value(row),
            TimeUnit::Millisecond => {
                column.as_primitive::<TimestampMillisecondType>().value(row).div_euclid(1_000)
            }
            TimeUnit::Microsecond => {
                column.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000_000)
            }
            TimeUnit::Nanosecond => column
                .as_primitive::<TimestampNanosecondType>()
                .value(row)
                .div_euclid(1_000_000_000),
        }),
        _ => None,
    };
    if let Some(day) = day {
        return day.to_string();
    }
    match column.data_type() {
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float32 => column.as_primitive::<Float32Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        // nested and binary columns hold nothing that a mapping could use
        _ => String::new(),
    }
}
