//! Parquet: record batches, every column as text. Only the columns that the mapping knows are read.

use super::SourceError;
use super::batch::Fault;
use super::column::Column;
use super::file::{BATCH_ROWS, Batches, OnHeadings, ROW_BYTES_MAX, Sink, beginning};
use super::mapper::{Wanted, folded};
use super::pages::rows_at_once;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as Physical;
use std::fs::File;
use std::path::Path;

pub(super) fn read(
    path: &Path,
    wanted: &Wanted,
    on_headings: &mut OnHeadings,
    sink: &mut Sink,
) -> Result<(), SourceError> {
    let damaged = |why: String| SourceError::format(path, "Parquet", why);
    let open = || File::open(path).and_then(|file| Ok((file.try_clone()?, file)));
    let (file, pages) =
        open().map_err(|source| SourceError::Io { file: path.to_owned(), source })?;
    // The types of Parquet itself: what the writer called them in memory (dictionaries, views) would
    // only be more kinds of the same text.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .map_err(|error| damaged(error.to_string()))?;
    let fields = builder.schema().fields().clone();
    let all_folded =
        |all: &[String]| all.iter().map(|heading| folded(heading)).collect::<Vec<String>>();
    let (known, carried) = (all_folded(&wanted.headings), all_folded(&wanted.carried));
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
            let of = match carried.contains(&folded(fields[at].name())) {
                true => Column::carried,
                false => Column::of,
            };
            of(fields[at].data_type(), is_int96).ok_or_else(|| SourceError::ColumnType {
                file: path.to_owned(),
                column: fields[at].name().clone(),
                kind: fields[at].data_type().to_string(),
            })
        })
        .collect::<Result<Vec<Column>, SourceError>>()?;
    let mask = ProjectionMask::roots(schema, chosen.iter().copied());
    let is_read = |at| chosen.contains(&schema.get_column_root_idx(at));
    let rows = rows_at_once(pages, builder.metadata(), is_read, BATCH_ROWS)
        .map_err(|error| damaged(error.to_string()))?;
    let reader = builder
        .with_projection(mask)
        .with_batch_size(rows)
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
                if row_text.len() <= ROW_BYTES_MAX {
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
