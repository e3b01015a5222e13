//! A column of a record batch, cell by cell as text.

use super::date::write_time;
use super::excel::{LOST, of_number};
use super::file::ROW_BYTES_MAX;
use crate::record::{Day, Instant};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, FieldRef, TimeUnit};
use std::fmt::{Display, Write};

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
    TimeOfDay(TimeUnit),
    WideDecimal(i8),
    /// Bytes that are text perhaps.
    Blob,
    /// Bytes of one length, which are no text.
    FixedBytes,
    /// This and the following as JSON.
    List(Box<Column>),
    Struct(Vec<(String, Column)>),
    Map(Box<[Column; 2]>),
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

    /// The same of a column that is shown and not looked at, nested ones too. `None` for what has no text.
    pub(crate) fn carried(data_type: &DataType, is_int96: bool) -> Option<Column> {
        let inner = |data_type: &DataType| Column::carried(data_type, false);
        Some(match data_type {
            DataType::Time32(unit) | DataType::Time64(unit) => Column::TimeOfDay(*unit),
            DataType::Decimal256(_, scale) => Column::WideDecimal(*scale),
            DataType::Binary => Column::Blob,
            DataType::FixedSizeBinary(_) => Column::FixedBytes,
            DataType::List(item) => Column::List(Box::new(inner(item.data_type())?)),
            DataType::Struct(fields) => {
                let column =
                    |field: &FieldRef| Some((field.name().clone(), inner(field.data_type())?));
                Column::Struct(fields.iter().map(column).collect::<Option<_>>()?)
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(pair) if pair.len() == 2 => {
                    let [key, value] = [&pair[0], &pair[1]].map(|field| inner(field.data_type()));
                    Column::Map(Box::new([key?, value?]))
                }
                _ => return None,
            },
            other => return Column::of(other, is_int96),
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
                if number.abs() > FLOAT32_EXACT {
                    out.push(LOST);
                }
                let _ = match number.abs() >= 1e15 {
                    true => write!(out, "{number:e}"),
                    false => write!(out, "{number}"),
                };
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
                let (seconds, nanos) = seconds(array, row, *unit);
                let (date, start) = match is_instant {
                    true => {
                        let day = Instant(seconds).day();
                        (day, Instant::start_of(day).0)
                    }
                    false => (local_day(seconds), 0),
                };
                day(out, date);
                out.push(if *is_instant { 'T' } else { ' ' });
                write_time((seconds - start).rem_euclid(86_400), nanos, out);
                out.push_str(if *is_instant { "+08:00" } else { "" });
            }
            Column::Nothing => {}
            Column::Dictionary(column) => {
                let dictionary = array.as_any_dictionary();
                // The keys of a sound array are places among its values.
                let at = integer(dictionary.keys(), row) as usize;
                column.write(dictionary.values(), at, out);
            }
            Column::TimeOfDay(unit) => {
                let (seconds, nanos) = seconds(array, row, *unit);
                write_time(seconds, nanos, out);
            }
            Column::WideDecimal(scale) => {
                out.push_str(&decimal(array.as_primitive::<Decimal256Type>().value(row), *scale));
            }
            Column::Blob => {
                let bytes = array.as_binary::<i32>().value(row);
                match std::str::from_utf8(bytes) {
                    Ok(text) => out.push_str(text),
                    Err(_) => out.push_str(&hex::encode(bytes)),
                }
            }
            Column::FixedBytes => {
                out.push_str(&hex::encode(array.as_fixed_size_binary().value(row)));
            }
            Column::List(_) | Column::Struct(_) | Column::Map(_) => {
                self.write_json(array, row, out)
            }
        }
    }

    /// Write a value as JSON; no more of it than a row may be long.
    fn write_json(&self, array: &ArrayRef, row: usize, out: &mut String) {
        if out.len() > ROW_BYTES_MAX {
            return;
        }
        if array.is_null(row) {
            out.push_str("null");
            return;
        }
        let comma = |at: usize, out: &mut String| out.push_str(if at > 0 { "," } else { "" });
        match self {
            Column::List(item) => {
                let items = array.as_list::<i32>().value(row);
                out.push('[');
                for at in 0..items.len() {
                    comma(at, out);
                    item.write_json(&items, at, out);
                }
                out.push(']');
            }
            Column::Struct(fields) => {
                out.push('{');
                for (at, (name, column)) in fields.iter().enumerate() {
                    comma(at, out);
                    quote(name, out);
                    out.push(':');
                    column.write_json(array.as_struct().column(at), row, out);
                }
                out.push('}');
            }
            Column::Map(pair) => {
                let [key, value] = &**pair;
                let entries = array.as_map().value(row);
                out.push('{');
                for at in 0..entries.len() {
                    comma(at, out);
                    quote(&key.text(entries.column(0), at), out);
                    out.push(':');
                    value.write_json(entries.column(1), at, out);
                }
                out.push('}');
            }
            other => {
                let text = other.text(array, row);
                // A float may be none.
                let is_figure = text.ends_with(|c: char| c.is_ascii_digit());
                match other.is_number() && is_figure || matches!(other, Column::Boolean) {
                    true => out.push_str(&text),
                    false => quote(&text, out),
                }
            }
        }
    }

    fn text(&self, array: &ArrayRef, row: usize) -> String {
        let mut text = String::new();
        self.write(array, row, &mut text);
        text.replace(LOST, "")
    }

    fn is_number(&self) -> bool {
        match self {
            Column::Dictionary(column) => column.is_number(),
            Column::Integer | Column::Float32 | Column::Float64 => true,
            Column::Decimal(_) | Column::WideDecimal(_) => true,
            _ => false,
        }
    }
}

/// Write a text as JSON does.
fn quote(text: &str, out: &mut String) {
    let _ = write!(out, "{}", serde_json::Value::from(text));
}

fn bytes(bytes: &[u8], out: &mut String) {
    out.push_str(&String::from_utf8_lossy(bytes));
}

fn local_day(seconds: i64) -> Day {
    Day(seconds.div_euclid(86_400).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32)
}

/// Whole seconds, and the nanoseconds behind them.
fn seconds(array: &ArrayRef, row: usize, unit: TimeUnit) -> (i64, u32) {
    let is_of_day = !matches!(array.data_type(), DataType::Timestamp(..));
    let (count, in_a_second) = match unit {
        TimeUnit::Second if is_of_day => {
            (array.as_primitive::<Time32SecondType>().value(row).into(), 1)
        }
        TimeUnit::Millisecond if is_of_day => {
            (array.as_primitive::<Time32MillisecondType>().value(row).into(), 1_000)
        }
        TimeUnit::Microsecond if is_of_day => {
            (array.as_primitive::<Time64MicrosecondType>().value(row), 1_000_000)
        }
        TimeUnit::Nanosecond if is_of_day => {
            (array.as_primitive::<Time64NanosecondType>().value(row), 1_000_000_000)
        }
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 1),
        TimeUnit::Millisecond => {
            (array.as_primitive::<TimestampMillisecondType>().value(row), 1_000)
        }
        TimeUnit::Microsecond => {
            (array.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000)
        }
        TimeUnit::Nanosecond => {
            (array.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000)
        }
    };
    let nanos = count.rem_euclid(in_a_second) * (1_000_000_000 / in_a_second);
    (count.div_euclid(in_a_second), nanos as u32)
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

fn decimal(unscaled: impl Display, scale: i8) -> String {
    let unscaled = unscaled.to_string();
    let (sign, digits) = match unscaled.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", &*unscaled),
    };
    let places = usize::try_from(scale).unwrap_or(0);
    let zeros = usize::from(scale.unsigned_abs()) * usize::from(scale < 0);
    let digits = digits.to_owned() + &"0".repeat(zeros);
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
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
