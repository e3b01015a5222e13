//! A column of a record batch, cell by cell as text.

use super::excel::of_number;
use crate::record::{Day, Instant};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use std::fmt::Write;

/// Whole numbers that a float of 32 bits holds exactly.
const FLOAT32_EXACT: f32 = 16_777_216.0;

/// How a column becomes text.
pub(crate) enum Column {
    Text,
    LargeText,
    TextView,
    Bytes,
    LargeBytes,
    BytesView,
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
    /// Numbers of values that stand once.
    Dictionary(Box<Column>),
}

impl Column {
    /// `None` for nested and other types, which hold nothing that a mapping could use.
    ///
    /// INT96 is the old form of timestamps, which says nothing of its zone; the engines that write it
    /// (Spark, Hive) adjust it to UTC.
    pub(crate) fn of(data_type: &DataType, is_int96: bool) -> Option<Column> {
        Some(match data_type {
            DataType::Utf8 => Column::Text,
            DataType::LargeUtf8 => Column::LargeText,
            DataType::Utf8View => Column::TextView,
            DataType::Binary => Column::Bytes,
            DataType::LargeBinary => Column::LargeBytes,
            DataType::BinaryView => Column::BytesView,
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
            DataType::Dictionary(_, values) => {
                Column::Dictionary(Box::new(Column::of(values, is_int96)?))
            }
            _ => return None,
        })
    }

    /// Write a cell behind what is there; nothing for what is null.
    pub(crate) fn write(&self, array: &ArrayRef, row: usize, out: &mut String) {
        if array.is_null(row) {
            return;
        }
        let day = |out: &mut String, day: Day| {
            let _ = write!(out, "{day}");
        };
        match self {
            Column::Text => out.push_str(array.as_string::<i32>().value(row)),
            Column::LargeText => out.push_str(array.as_string::<i64>().value(row)),
            Column::TextView => out.push_str(array.as_string_view().value(row)),
            Column::Bytes => bytes(array.as_binary::<i32>().value(row), out),
            Column::LargeBytes => bytes(array.as_binary::<i64>().value(row), out),
            Column::BytesView => bytes(array.as_binary_view().value(row), out),
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
            Column::Dictionary(column) => {
                let dictionary = array.as_any_dictionary();
                // The keys of a sound array are places among its values.
                let at = integer(dictionary.keys(), row) as usize;
                column.write(dictionary.values(), at, out);
            }
        }
    }
}

fn bytes(bytes: &[u8], out: &mut String) {
    out.push_str(&String::from_utf8_lossy(bytes));
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

fn integer(array: &dyn Array, row: usize) -> i128 {
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
