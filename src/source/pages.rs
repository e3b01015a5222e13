//! The dictionaries of a Parquet file, looked at before rows are made of it: a long text that stands there once and
//! its number in every row are some bytes in the file, and gigabytes as rows.

use parquet::basic::Type;
use parquet::column::page::{Page, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use std::sync::Arc;

/// Bytes that rows read at once may take by values of dictionaries, all columns together.
const BYTES_MAX: usize = 256 << 20;

/// How many rows may be read at once of these columns (by their places among all that hold values), `most` where
/// their values are short.
///
/// Cost: the headers of their pages, and their dictionaries.
///
/// # Errors
///
/// A page cannot be read.
pub(crate) fn rows_at_once<R: ChunkReader + 'static>(
    file: R,
    metadata: &ParquetMetaData,
    is_read: impl Fn(usize) -> bool,
    most: usize,
) -> Result<usize> {
    let file = Arc::new(file);
    let columns = metadata.file_metadata().schema_descr().columns().iter().enumerate();
    let of_texts = columns.filter(|(_, column)| column.physical_type() == Type::BYTE_ARRAY);
    let mut row = 0;
    for (at, _) in of_texts.filter(|(at, _)| is_read(*at)) {
        let mut longest = 0;
        for group in metadata.row_groups() {
            let (chunk, rows) = (group.column(at), group.num_rows() as usize);
            let pages = SerializedPageReader::new(file.clone(), chunk, rows, None)?;
            longest = longest.max(longest_of(pages)?);
        }
        row += longest;
    }
    Ok((BYTES_MAX / row.max(1)).clamp(1, most))
}

/// Bytes of the longest value of a chunk's dictionaries.
fn longest_of(mut pages: impl PageReader) -> Result<usize> {
    let mut longest = 0;
    while let Some(page) = pages.peek_next_page()? {
        if !page.is_dict {
            pages.skip_next_page()?;
        } else if let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? {
            longest = lengths(&buf).fold(longest, usize::max);
        }
    }
    Ok(longest)
}

/// Those of values, each behind its own.
fn lengths(mut values: &[u8]) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let (length, rest) = values.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        values = rest.get(length..)?;
        Some(length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int32Type;
    use arrow_array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray};
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ArrowReaderMetadata;

    /// A column of so many rows that all hold one value.
    fn column(value: &str, rows: usize) -> ArrayRef {
        let keys = Int32Array::from(vec![0; rows]);
        let values = Arc::new(StringArray::from(vec![value]));
        Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
    }

    #[test]
    fn so_many_rows_are_read_that_their_values_have_room() {
        let mib = "x".repeat(1 << 20);
        let columns =
            [("long", column(&mib, 9)), ("short", column("x", 9)), ("other", column(&mib, 9))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = Bytes::from(bytes);
        let metadata = ArrowReaderMetadata::load(&file, Default::default()).unwrap();
        let rows = |read: &[usize]| {
            let is_read = |at| read.contains(&at);
            rows_at_once(file.clone(), metadata.metadata(), is_read, 4096).unwrap()
        };
        assert_eq!([rows(&[1]), rows(&[0]), rows(&[0, 2])], [4096, 256, 128]);
    }
}
