//! Parquet: record batches, every column as text. Only the columns that the mapping knows are read.

use super::SourceError;
use super::batch::Fault;
use super::excel::of_number;
use super::file::{BATCH_ROWS, Batches, OnHeadings, ROW_BYTES_MAX, Sink, beginning};
use super::mapper::{Wanted, folded};
use crate::record::{Day, Instant};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as Physical;
use std::fmt::Write;
use std::fs::File;
use std::path::Path;

/// Whole numbers that a float of 32 bits holds exactly.
const FLOAT32_EXACT: f32 = 16_777_216.0;

pub(super) fn read(
    path: &Path,
    wanted: &Wanted,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let damaged = |why: String| SourceError::format(path, "Parquet", why);
    let file =
        File::open(path).map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
    // The types of Parquet itself: what the writer called them in memory (dictionaries, views) would
    // only be more kinds of the same text.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .map_err(|error| damaged(error.to_string()))?;
    let fields = builder.schema().fields().clone();
    let known: Vec<String> = wanted.headings.iter().map(|heading| folded(heading)).collect();
    let chosen: Vec<usize> =
        (0..fields.len()).filter(|&at| known.contains(&folded(fields[at].name()))).collect();
    // The headings are those of all columns where none is known, so that the error can name them.
    let named: Vec<usize> =
        if chosen.is_empty() { (0..fields.len()).collect() } else { chosen.clone() };
    let headings: Vec<String> =
        named.iter().map(|&at| fields[at].name().trim().to_owned()).collect();
    on_headings(&headings)?;
    let schema = builder.parquet_schema();
    let columns = chosen
        .iter()
        .map(|&at| {
            let physical = schema.root_schema().get_fields()[at].clone();
            let is_int96 =
                physical.is_primitive() && physical.get_physical_type() == Physical::INT96;
            Column::of(fields[at].data_type(), is_int96).ok_or_else(|| SourceError::ColumnType {
                file: path.to_owned(),
                column: fields[at].name().clone(),
                kind: fields[at].data_type().to_string(),
            })
        })
        .collect::<Result<Vec<Column>, SourceError>>()?;
    let mask = ProjectionMask::roots(schema, chosen.iter().copied());
    let reader = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| damaged(error.to_string()))?;
    let mut batches = Batches::new(sink);
    let (mut row_text, mut ends) = (String::new(), Vec::new());
    for record_batch in reader {
        let record_batch = record_batch.map_err(|error| damaged(error.to_string()))?;
        for row in 0..record_batch.num_rows() {
            row_text.clear();
            ends.clear();
            for (column, array) in columns.iter().zip(record_batch.columns()) {
                if !array.is_null(row) && row_text.len() <= ROW_BYTES_MAX {
                    column.write(array, row, &mut row_text);
                }
                ends.push(row_text.len());
            }
            let batch = batches.next()?;
            if row_text.len() > ROW_BYTES_MAX {
                batch.cell(beginning(&row_text));
                batch.end_faulty_row(Fault::TooLong);
                continue;
            }
            let mut start = 0;
            for &end in &ends {
                batch.cell(&row_text[start..end]);
                start = end;
            }
            if row_text.contains('\u{fffd}') {
                batch.end_faulty_row(Fault::Encoding);
            } else {
                batch.end_row();
            }
        }
    }
    batches.finish()
}

/// How a column becomes text.
pub(crate) enum Column {
    Text,
    Bytes,
    Integer,
    Float32,
    Float64,
    Decimal(i8),
    Boolean,
    Date32,
    Date64,
    /// A time of day and date; an instant where Parquet says that it is adjusted to UTC.
    Time {
        unit: TimeUnit,
        is_instant: bool,
    },
    Nothing,
}

impl Column {
    /// `None` for nested and other types, which hold nothing that a mapping could use.
    ///
    /// INT96 is the old form of timestamps, which says nothing of its zone; the engines that write it
    /// (Spark, Hive) adjust it to UTC.
    pub(crate) fn of(data_type: &DataType, is_int96: bool) -> Option<Column> {
        Some(match data_type {
            DataType::Utf8 => Column::Text,
            DataType::Binary => Column::Bytes,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Column::Integer,
            DataType::Float32 => Column::Float32,
            DataType::Float64 => Column::Float64,
            DataType::Decimal128(_, scale) => Column::Decimal(*scale),
            DataType::Boolean => Column::Boolean,
            DataType::Date32 => Column::Date32,
            DataType::Date64 => Column::Date64,
            DataType::Timestamp(unit, zone) => {
                Column::Time { unit: *unit, is_instant: zone.is_some() || is_int96 }
            }
            DataType::Null => Column::Nothing,
            _ => return None,
        })
    }

    pub(crate) fn write(&self, array: &ArrayRef, row: usize, out: &mut String) {
        let day = |out: &mut String, day: Day| {
            let _ = write!(out, "{day}");
        };
        match self {
            Column::Text => out.push_str(array.as_string::<i32>().value(row)),
            Column::Bytes => {
                out.push_str(&String::from_utf8_lossy(array.as_binary::<i32>().value(row)));
            }
            Column::Integer => {
                let _ = write!(out, "{}", integer(array, row));
            }
            Column::Float32 => {
                let number = array.as_primitive::<Float32Type>().value(row);
                // what 32 bits have rounded is lost as surely as what Excel has
                let scale = if number.abs() > FLOAT32_EXACT { 1e15 } else { 1.0 };
                out.push_str(&of_number(f64::from(number) * scale));
            }
            Column::Float64 => {
                out.push_str(&of_number(array.as_primitive::<Float64Type>().value(row)));
            }
            Column::Decimal(scale) => {
                out.push_str(&decimal(array.as_primitive::<Decimal128Type>().value(row), *scale));
            }
            Column::Boolean => {
                out.push_str(if array.as_boolean().value(row) { "true" } else { "false" });
            }
            Column::Date32 => day(out, Day(array.as_primitive::<Date32Type>().value(row))),
            Column::Date64 => {
                let seconds = array.as_primitive::<Date64Type>().value(row).div_euclid(1_000);
                day(out, local_day(seconds));
            }
            Column::Time { unit, is_instant } => {
                let seconds = seconds(array, row, *unit);
                day(out, if *is_instant { Instant(seconds).day() } else { local_day(seconds) });
            }
            Column::Nothing => {}
        }
    }
}

fn local_day(seconds: i64) -> Day {
    Day(seconds.div_euclid(86_400).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32)
}

fn seconds(array: &ArrayRef, row: usize, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().value(row).div_euclid(1_000)
        }
        TimeUnit::Microsecond => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000_000)
        }
        TimeUnit::Nanosecond => {
            array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000_000_000)
        }
    }
}

fn integer(array: &ArrayRef, row: usize) -> i128 {
    match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        _ => array.as_primitive::<Int64Type>().value(row).into(),
    }
}

fn decimal(unscaled: i128, scale: i8) -> String {
    let places = usize::try_from(scale).unwrap_or(0);
    let zeros = usize::from(scale.unsigned_abs()) * usize::from(scale < 0);
    let digits = unscaled.unsigned_abs().to_string() + &"0".repeat(zeros);
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let sign = if unscaled < 0 { "-" } else { "" };
    // a number of whole things is written as one
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_written_as_they_are() {
        for (unscaled, scale, text) in [
            (20250102, 0, "20250102"),
            (150, 2, "1.5"),
            (-5, 2, "-0.05"),
            (100, 2, "1"),
            (7, -2, "700"),
        ] {
            assert_eq!(decimal(unscaled, scale), text);
        }
    }
}
