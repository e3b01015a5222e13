//! The city on disk: feeds, `truth.jsonl`, `README.md`.
//!
//! ```text
//! <feed>-0001.<csv|jsonl|xlsx|parquet>   at most Format::rows_max rows each
//! truth.jsonl                            one object per row of all feeds, in the order of the city
//! README.md                              what the folder is, its feeds, its traps with counts
//! ```

use super::city::{City, Expect, Listing};
use super::feed::{FEEDS, Feed, Format, Layout};
use super::row::{self, Cell, Typed};
use super::trap::Trap;
use super::{Plan, rates};
use crate::record::{Day, State};
use arrow_array::builder::{Date32Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format as Style, Workbook};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Rows of all feeds.
    pub rows: u64,
    /// Rows that must become entries.
    pub entries: u64,
    /// Rows that must be rejected.
    pub rejects: u64,
    /// Files of the feeds with their rows, in order.
    pub files: Vec<(String, u64)>,
    /// How often each trap occurs, in the order of [`Trap::ALL`].
    pub traps: Vec<(Trap, u64)>,
}

/// Rows between two calls of `progress`, and of one Parquet batch.
const BATCH: u64 = 8_192;

/// Writes a city into a folder, which is made where it is missing. Files of the same names are
/// overwritten, others left alone. `progress` is told how many rows are done.
pub fn write(plan: &Plan, out: &Path, progress: &dyn Fn(u64)) -> io::Result<Summary> {
    let city = City::new(plan);
    fs::create_dir_all(out)?;
    let mut truth = BufWriter::new(File::create(out.join("truth.jsonl"))?);
    let mut summary = Summary {
        traps: Trap::ALL.iter().map(|&(trap, _)| (trap, 0)).collect(),
        ..Summary::default()
    };
    for feed in FEEDS {
        let format = feed.format_in(plan.formats);
        let range = city.rows_of(feed);
        let mut number = range.start;
        while number < range.end {
            let end = range.end.min(number + format.rows_max());
            let name = city.provenance(city.slot(number)).file;
            let mut sheet = Sheet::create(&out.join(&name), feed.layout, format)?;
            summary.files.push((name, end - number));
            for number in number..end {
                let listing = city.listing(number);
                let cells = row::cells(city.plan().seed, &listing, feed.layout, sheet.typed());
                sheet.push(&cells)?;
                serde_json::to_writer(&mut truth, &truth_of(&listing))?;
                truth.write_all(b"\n")?;
                summary.count(&listing);
                if summary.rows.is_multiple_of(BATCH) {
                    progress(summary.rows);
                }
            }
            sheet.finish()?;
            number = end;
        }
    }
    truth.into_inner()?.sync_all()?;
    fs::write(out.join("README.md"), readme(&city, &summary))?;
    progress(summary.rows);
    Ok(summary)
}

impl Summary {
    fn count(&mut self, listing: &Listing) {
        self.rows += 1;
        match listing.expect {
            Expect::Entry => self.entries += 1,
            Expect::Reject => self.rejects += 1,
        }
        for trap in listing.traps.iter() {
            self.traps[trap as usize].1 += 1;
        }
    }
}

/// The line of `truth.jsonl` about one row.
#[derive(serde::Serialize)]
struct Truth<'a> {
    list: &'a str,
    file: &'a str,
    row: u64,
    expect: &'static str,
    kind: &'static str,
    name: &'a str,
    /// As the row writes it, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<&'a str>,
    identifiers: Vec<Number<'a>>,
    from: Option<String>,
    to: Option<String>,
    state: &'static str,
    /// The first day off the list, where the row gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exited: Option<String>,
    traps: Vec<&'static str>,
}

#[derive(serde::Serialize)]
struct Number<'a> {
    kind: &'static str,
    value: &'a str,
}

fn truth_of(listing: &Listing) -> Truth<'_> {
    let entry = &listing.entry;
    let day = |day: Option<Day>| day.map(|day| day.to_string());
    let (state, exited) = match entry.state {
        State::InForce => ("in_force", None),
        State::Suspended(_) => ("suspended", None),
        State::Exited(on) => ("exited", on),
        State::Repaired => ("repaired", None),
        State::Revoked => ("revoked", None),
    };
    Truth {
        list: &entry.list,
        file: &entry.provenance.file,
        row: entry.provenance.row,
        expect: match listing.expect {
            Expect::Entry => "entry",
            Expect::Reject => "reject",
        },
        kind: entry.subject.kind.code(),
        name: listing.real_name(),
        written: listing.real_name.as_ref().map(|_| entry.subject.name.as_str()),
        identifiers: listing
            .real_ids
            .iter()
            .map(|id| Number { kind: id.kind().code(), value: id.text() })
            .collect(),
        from: day(entry.term.from),
        to: day(entry.term.to),
        state,
        exited: day(exited),
        traps: listing.traps.iter().map(Trap::code).collect(),
    }
}

/// One file of a feed, being written.
enum Sheet {
    Csv { out: csv::Writer<BufWriter<File>>, gb18030: bool },
    JsonLines { out: BufWriter<File>, headings: &'static [&'static str] },
    Xlsx { book: Box<Workbook>, path: std::path::PathBuf, row: u32, day: Style },
    Parquet { out: ArrowWriter<File>, batch: Batch },
}

impl Sheet {
    fn create(path: &Path, layout: Layout, format: Format) -> io::Result<Sheet> {
        let headings = row::headings(layout);
        let file = || File::create(path).map(BufWriter::new);
        match format {
            Format::Csv | Format::CsvBom | Format::CsvGb18030 => {
                let mut file = file()?;
                if format == Format::CsvBom {
                    file.write_all("\u{feff}".as_bytes())?;
                }
                let mut sheet = Sheet::Csv {
                    out: csv::WriterBuilder::new()
                        .terminator(csv::Terminator::CRLF)
                        .from_writer(file),
                    gb18030: format == Format::CsvGb18030,
                };
                let cells: Vec<_> =
                    headings.iter().map(|&heading| Cell::Text(heading.into())).collect();
                sheet.push(&cells)?;
                Ok(sheet)
            }
            Format::JsonLines => Ok(Sheet::JsonLines { out: file()?, headings }),
            Format::Xlsx => {
                let mut book = Box::new(Workbook::new());
                let made = ExcelDateTime::from_ymd(2020, 1, 1).map_err(io::Error::other)?;
                book.set_properties(&DocProperties::new().set_creation_datetime(&made));
                book.add_worksheet()
                    .write_row(0, 0, headings.iter().copied())
                    .map_err(io::Error::other)?;
                let day = Style::new().set_num_format("yyyy-mm-dd");
                Ok(Sheet::Xlsx { book, path: path.to_owned(), row: 1, day })
            }
            Format::ParquetZstd | Format::ParquetSnappy => {
                let batch = Batch::new(layout);
                let compression = match format {
                    Format::ParquetZstd => Compression::ZSTD(ZstdLevel::default()),
                    _ => Compression::SNAPPY,
                };
                let properties = WriterProperties::builder().set_compression(compression).build();
                let out = ArrowWriter::try_new(
                    File::create(path)?,
                    batch.schema.clone(),
                    Some(properties),
                )
                .map_err(io::Error::other)?;
                Ok(Sheet::Parquet { out, batch })
            }
        }
    }

    fn typed(&self) -> Typed {
        match self {
            Sheet::Csv { .. } | Sheet::JsonLines { .. } => Typed::No,
            Sheet::Xlsx { .. } => Typed::Mixed,
            Sheet::Parquet { .. } => Typed::Column,
        }
    }

    fn push(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        match self {
            Sheet::Csv { out, gb18030 } => {
                for cell in cells {
                    let text = cell.text();
                    if *gb18030 {
                        out.write_field(&encoding_rs::GB18030.encode(&text).0)?;
                    } else {
                        out.write_field(text.as_bytes())?;
                    }
                }
                out.write_record(None::<&[u8]>)?;
            }
            Sheet::JsonLines { out, headings } => {
                for (at, (heading, cell)) in headings.iter().zip(cells).enumerate() {
                    out.write_all(if at == 0 { b"{" } else { b"," })?;
                    serde_json::to_writer(&mut *out, heading)?;
                    out.write_all(b":")?;
                    match cell.text() {
                        text if text.is_empty() => out.write_all(b"null")?,
                        text => serde_json::to_writer(&mut *out, &text)?,
                    }
                }
                out.write_all(b"}\n")?;
            }
            Sheet::Xlsx { book, row, day, .. } => {
                let sheet = book.worksheet_from_index(0).map_err(io::Error::other)?;
                for (column, cell) in (0..).zip(cells) {
                    match cell {
                        Cell::Text(text) if text.is_empty() => continue,
                        Cell::Text(text) => sheet.write_string(*row, column, text.as_ref()),
                        Cell::Serial(serial) => sheet.write_number(*row, column, *serial),
                        Cell::Day(date) => {
                            let serial = f64::from(date.0 + 25_569);
                            sheet.write_number_with_format(*row, column, serial, day)
                        }
                    }
                    .map_err(io::Error::other)?;
                }
                *row += 1;
            }
            Sheet::Parquet { out, batch } => {
                batch.push(cells);
                if batch.rows == BATCH {
                    out.write(&batch.take()?).map_err(io::Error::other)?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Sheet::Csv { out, .. } => {
                let out = out.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
                out.into_inner()?.sync_all()
            }
            Sheet::JsonLines { out, .. } => out.into_inner()?.sync_all(),
            Sheet::Xlsx { mut book, path, .. } => book.save(path).map_err(io::Error::other),
            Sheet::Parquet { mut out, mut batch } => {
                out.write(&batch.take()?).map_err(io::Error::other)?;
                out.close().map(drop).map_err(io::Error::other)
            }
        }
    }
}

/// Rows on their way into a Parquet file.
struct Batch {
    schema: Arc<Schema>,
    columns: Vec<Column>,
    rows: u64,
}

enum Column {
    Text(StringBuilder),
    Day(Date32Builder),
}

impl Batch {
    fn new(layout: Layout) -> Batch {
        let typed = row::typed_column(layout);
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for &heading in row::headings(layout) {
            let (kind, column) = if typed == Some(heading) {
                (DataType::Date32, Column::Day(Date32Builder::new()))
            } else {
                (DataType::Utf8, Column::Text(StringBuilder::new()))
            };
            fields.push(Field::new(heading, kind, true));
            columns.push(column);
        }
        Batch { schema: Arc::new(Schema::new(fields)), columns, rows: 0 }
    }

    fn push(&mut self, cells: &[Cell<'_>]) {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (Column::Day(days), Cell::Day(day)) => days.append_value(day.0),
                (Column::Day(days), _) => days.append_null(),
                (Column::Text(texts), cell) => match cell.text() {
                    text if text.is_empty() => texts.append_null(),
                    text => texts.append_value(text),
                },
            }
        }
        self.rows += 1;
    }

    fn take(&mut self) -> io::Result<RecordBatch> {
        self.rows = 0;
        let columns = self
            .columns
            .iter_mut()
            .map(|column| match column {
                Column::Text(texts) => Arc::new(texts.finish()) as ArrayRef,
                Column::Day(days) => Arc::new(days.finish()) as ArrayRef,
            })
            .collect();
        RecordBatch::try_new(self.schema.clone(), columns).map_err(io::Error::other)
    }
}

fn readme(city: &City, summary: &Summary) -> String {
    let plan = city.plan();
    let mut text = String::new();
    let _ = write!(
        text,
        "# A synthetic city\n\n\
         Lists of invented subjects, made by xincha from {} entries, seed {} and today = {}. The same three\n\
         give the same files, byte for byte.\n\n\
         Nobody in it is real: every natural person is born in 1900, passports and permits have numbers\n\
         that are never issued, names and records are drawn. Where a drawn organisation code is a real\n\
         one by chance, the name and the record beside it are still invented.\n\n\
         `truth.jsonl` holds one line per row, in the order below: list, file, row (1 is the first row of\n\
         data), whether the row must become an entry or be rejected, the subject's real name (and as\n\
         `written` in the row, where that differs) and identifiers (also those the row hides), from, to\n\
         (null: no end), state, and the row's traps.\n\n\
         {} rows: {} entries, {} to be rejected. Of ten thousand rows, about {} repeat a subject of an\n\
         earlier row.\n\n\
         ## Feeds\n\n\
         | file | rows | list | name | kind | layout | format |\n|---|---:|---|---|---|---|---|\n",
        plan.entries,
        plan.seed,
        plan.today,
        summary.rows,
        summary.entries,
        summary.rejects,
        rates::REPEATS,
    );
    for (file, rows) in &summary.files {
        let Some(feed) = feed_of(file) else { continue };
        let _ = writeln!(
            text,
            "| {file} | {rows} | {} | {} | {} | {:?} | {} |",
            feed.list,
            feed.name,
            feed.kind.code(),
            feed.layout,
            feed.format_in(plan.formats).description(),
        );
    }
    text.push_str("\n## Traps\n\n| trap | rows | per 10,000 rows |\n|---|---:|---:|\n");
    for &(trap, rows) in &summary.traps {
        let _ = writeln!(
            text,
            "| {} | {rows} | {} |",
            trap.code(),
            rows * 10_000 / summary.rows.max(1)
        );
    }
    text
}

fn feed_of(file: &str) -> Option<&'static Feed> {
    FEEDS.iter().find(|feed| file.strip_prefix(feed.code).is_some_and(|rest| rest.starts_with('-')))
}
