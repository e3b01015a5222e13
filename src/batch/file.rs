//! A file to a file. What is written appears under its name when it is whole.

use super::answers::{Answers, schema_of_text};
use super::batches::{
    Readers, Results, Rows, Texts, Writer, headings as headings_of, schema_of_results, written,
};
use super::blocks::{self, Answered, Blocks, Records};
use super::chunks::{Chunks, Unwritten};
use super::csv::{CsvScreener, Dialect, headings, is_text};
use super::jsonl::JsonScreener;
use super::late::Late;
use super::screener::{Cells, Screener, Terms};
use super::{BatchError, ColumnError, Columns, Tally, Told, arrow, parquet};
use crate::output::{Output, Table, part_of};
use crate::private;
use crate::source::excel::LOST;
use crate::source::file;
use crate::source::mapper::{Wanted, reason_of};
use crate::source::mapping::{Encoding, Layout};
use crate::source::reject::{Reason, Reject, RejectFile};
use crate::source::{Batch, Feed, SourceError, Survey, decoding};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};
use rayon::prelude::*;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `.csv`, `.txt`
    Csv,
    /// `.jsonl`
    JsonLines,
    /// `.xlsx`, and `.xls` to be read
    Excel,
    /// `.parquet`
    Parquet,
    /// `.arrows`, a stream, and `.arrow`, a file of batches, to be read
    Arrow,
}

impl Format {
    /// How names of files end that are read.
    pub const READ: &str = "csv, txt, jsonl, ndjson, xlsx, xls, parquet, arrows, arrow";
    /// How names of files end that are written.
    pub const WRITTEN: &str = "csv, jsonl, xlsx, parquet, arrows";

    /// By the name of a file.
    pub fn of(path: &Path) -> Option<Format> {
        Format::of_ending(path.extension()?.to_str()?)
    }

    /// By how the name of a file ends, without the dot.
    pub fn of_ending(ending: &str) -> Option<Format> {
        Some(match &*ending.to_ascii_lowercase() {
            "csv" | "txt" => Format::Csv,
            "jsonl" | "ndjson" => Format::JsonLines,
            "xlsx" | "xls" => Format::Excel,
            "parquet" => Format::Parquet,
            "arrows" | "arrow" => Format::Arrow,
            _ => return None,
        })
    }

    /// How the name of a file that is written ends.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
            Format::Excel => "xlsx",
            Format::Parquet => "parquet",
            Format::Arrow => "arrows",
        }
    }

    /// The media type of what is written.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::JsonLines => "application/jsonl",
            Format::Excel => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// What is read as this can be written as that.
    ///
    /// # Errors
    ///
    /// It cannot: [`BatchError::Format`] says what can.
    pub fn check_output(self, output: Format) -> Result<(), BatchError> {
        let refuse = |why: &str| Err(BatchError::Format(why.to_owned()));
        match (self, output) {
            (Format::JsonLines, Format::JsonLines)
            | (Format::Arrow, Format::Arrow | Format::Parquet) => Ok(()),
            (Format::JsonLines, _) | (_, Format::JsonLines) => refuse(
                "JSON lines 只能输出为 JSON lines / JSON lines are written as JSON lines, and nothing else is",
            ),
            (Format::Arrow, _) => refuse(
                "Arrow 只能输出为 Arrow 或 Parquet / Arrow is written as Arrow or Parquet: write .arrows or .parquet",
            ),
            _ => Ok(()),
        }
    }
}

/// What is to be screened, and where to.
pub struct Job<'a> {
    /// The file; `None`: standard input.
    pub input: Option<&'a Path>,
    /// What it holds.
    pub input_format: Format,
    /// The file; `None`: standard output.
    pub output: Option<&'a Path>,
    /// What it will hold.
    pub output_format: Format,
    /// Where rows go that cannot be used. Made when the first comes.
    pub rejects: Option<&'a Path>,
    /// How the input is read.
    pub layout: &'a Layout,
    /// What is known of its columns.
    pub told: &'a Told,
    /// Only rows that meet an entry are written.
    pub hits_only: bool,
    /// Rows decided side by side.
    pub threads: usize,
    /// Told now and then of bytes read and rows decided.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Turns true when all is to be given up.
    pub cancelled: &'a AtomicBool,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// What was met.
    pub tally: Tally,
    /// Rows in the rejects file.
    pub rejects: u64,
}

/// Screen all rows.
///
/// # Errors
///
/// The input cannot be read, its columns are not known, the output cannot be written: no output is left
/// then, and what stood under its name still stands.
pub fn screen(job: &Job, terms: Terms) -> Result<Outcome, BatchError> {
    check_paths(job.input, job.output, job.rejects)?;
    job.input_format.check_output(job.output_format)?;
    let surveyed = |path: &Path| -> Result<Reading, BatchError> {
        let survey =
            Survey::of(path).map_err(|source| SourceError::Io { file: path.to_owned(), source });
        Ok(Reading::Is(survey?.encoding))
    };
    let is_text = matches!(job.input_format, Format::Csv | Format::JsonLines);
    let first = match (job.layout.encoding, job.input.filter(|path| path.is_file())) {
        (Encoding::Gb18030, _) => Reading::Is(encoding_rs::GB18030),
        (Encoding::Utf8, _) => Reading::Is(encoding_rs::UTF_8),
        // What is piped, or is no file, is read once.
        (Encoding::Auto, None) => Reading::Head,
        // What was written to standard output stays.
        (Encoding::Auto, Some(path)) if job.output.is_none() && is_text => surveyed(path)?,
        (Encoding::Auto, Some(_)) => Reading::Guess,
    };
    match attempt(job, terms, first) {
        Err(Stopped::IsNoText(path)) => {
            attempt(job, terms, surveyed(path)?).map_err(Stopped::into_error)
        }
        outcome => outcome.map_err(Stopped::into_error),
    }
}

/// What text is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// UTF-8, as most is, until some is none: all of a file must be looked at to tell its encoding, which
    /// would cost as much again as to screen it.
    Guess,
    /// What its beginning is in, or, where that is ASCII, the [first bytes that are not](Late).
    Head,
    Is(&'static encoding_rs::Encoding),
}

/// Rows that are decided side by side, and whose results are kept until all of them are.
const SIDE_BY_SIDE_ROWS: usize = 16 << 10;

/// Bytes of a beginning.
pub(super) const HEAD_BYTES: u64 = 4 << 20;

/// No two of the files are one, and what is written can be.
///
/// # Errors
///
/// [`BatchError::Format`] says which are, or what can.
pub fn check_paths(
    input: Option<&Path>,
    output: Option<&Path>,
    rejects: Option<&Path>,
) -> Result<(), BatchError> {
    let refuse = |what: &str| Err(BatchError::Format(what.to_owned()));
    let whole = |path: &Path| {
        let path = private::folder_of(path).canonicalize().ok()?.join(path.file_name()?);
        Some(path.canonicalize().unwrap_or(path))
    };
    let suffix = output.and_then(Path::extension).unwrap_or_default();
    let [input, output, rejects] = [input, output, rejects].map(|path| path.and_then(whole));
    let are_one = |a: &Option<PathBuf>, b: &Option<PathBuf>| a.is_some() && a == b;
    if are_one(&input, &output) {
        return refuse("输出文件即输入文件 / the output is the input: name another");
    }
    if are_one(&rejects, &input) || are_one(&rejects, &output) {
        return refuse(
            "--rejects 即输入或输出文件 / the rejects would be the input or the output: name another",
        );
    }
    if suffix.eq_ignore_ascii_case("xls") {
        return refuse("不能写 .xls，请输出 .xlsx / .xls is read, not written: write .xlsx");
    }
    if suffix.eq_ignore_ascii_case("arrow") {
        return refuse(
            "不能写 .arrow，请输出 .arrows / .arrow is read, not written: write .arrows",
        );
    }
    Ok(())
}

/// Why an attempt ended.
enum Stopped<'a> {
    Failed(BatchError),
    /// The guess was wrong, or some of the file is broken.
    IsNoText(&'a Path),
}

impl Stopped<'_> {
    fn into_error(self) -> BatchError {
        match self {
            Stopped::Failed(error) => error,
            Stopped::IsNoText(_) => unreachable!("the encoding was no guess"),
        }
    }
}

impl<E: Into<BatchError>> From<E> for Stopped<'_> {
    fn from(error: E) -> Self {
        Stopped::Failed(error.into())
    }
}

fn attempt<'a>(job: &'a Job<'a>, terms: Terms, reading: Reading) -> Result<Outcome, Stopped<'a>> {
    use Format::{Arrow, Csv, JsonLines, Parquet};
    let mut output = Output::create(job.output)?;
    let rejects = Rejects::of(job);
    let encoding = match reading {
        Reading::Is(encoding) => encoding,
        _ => encoding_rs::UTF_8,
    };
    let outcome = Outcome::default();
    let mut run =
        Run { job, terms, reading, encoding, rejects, outcome, bytes: 0, records: 0, told_seen: 0 };
    match (job.input_format, job.output_format) {
        (Csv, Csv) => run.csv(&mut output)?,
        (JsonLines, _) => run.json_lines(&mut output)?,
        (Parquet | Arrow, Parquet | Arrow) => run.columns(&mut output)?,
        _ => run.cells(&mut output)?,
    }
    let Run { rejects, mut outcome, .. } = run;
    outcome.rejects = rejects.finish()?;
    output.finish()?;
    Ok(outcome)
}

struct Run<'a, 't> {
    job: &'a Job<'a>,
    terms: Terms<'t>,
    reading: Reading,
    /// What the text of the input is in.
    encoding: &'static encoding_rs::Encoding,
    rejects: Rejects<'a>,
    outcome: Outcome,
    bytes: u64,
    records: u64,
    /// Which of the columns that were told any object had.
    told_seen: u64,
}

impl<'a> Run<'a, '_> {
    fn csv(&mut self, output: &mut Output) -> Result<(), Stopped<'a>> {
        let job = self.job;
        let delimiter = job.layout.delimiter.unwrap_or(',') as u8;
        let mut blocks = self.blocks(Records::Csv(delimiter))?;
        let head = blocks.head()?;
        self.is_as_guessed(is_text(&head))?;
        let headings = headings(&head, delimiter).ok_or_else(|| SourceError::Format {
            file: self.file().to_owned(),
            format: "CSV",
            why: "表头无法读取 / the headings cannot be read".to_owned(),
        })?;
        let columns = self.find(&headings)?;
        let dialect = Dialect { delimiter, crlf: head.ends_with(b"\r\n") };
        let mut written = Vec::new();
        if self.encoding != encoding_rs::UTF_8 {
            // Whoever wrote another encoding reads UTF-8 by this mark.
            written.extend_from_slice("\u{feff}".as_bytes());
        }
        dialect.write_headings(&head, &mut written);
        output.put(&written)?;
        let (terms, hits_only) = (self.terms, job.hits_only);
        let screener = || {
            let mut screener =
                CsvScreener::new(Screener::new(terms), columns.clone(), dialect, hits_only);
            move |block: &[u8], out: &mut Vec<u8>| screener.answer(block, out)
        };
        blocks::run(blocks, job.threads, screener, |answered, out| self.take(answered, out, output))
    }

    fn json_lines(&mut self, output: &mut Output) -> Result<(), Stopped<'a>> {
        let job = self.job;
        let blocks = self.blocks(Records::Lines)?;
        let (terms, told, hits_only) = (self.terms, job.told, job.hits_only);
        let screener = || {
            let mut screener = JsonScreener::new(Screener::new(terms), told, hits_only);
            move |block: &[u8], out: &mut Vec<u8>| screener.answer(block, out)
        };
        blocks::run(blocks, job.threads, screener, |answered, out| {
            self.take(answered, out, output)
        })?;
        let error = match told.unseen(self.told_seen) {
            _ if self.outcome.tally.rows == 0 => ColumnError::Empty,
            Some(told) => ColumnError::Missing { told: told.clone(), found: Vec::new() },
            None => return Ok(()),
        };
        Err(Stopped::Failed(BatchError::Columns { file: self.file().to_owned(), error }))
    }

    fn is_as_guessed(&self, is_text: bool) -> Result<(), Stopped<'a>> {
        match (self.reading, self.job.input) {
            (Reading::Guess, Some(path)) if !is_text => Err(Stopped::IsNoText(path)),
            _ => Ok(()),
        }
    }

    /// The text of the input, as UTF-8.
    fn blocks(&mut self, records: Records) -> Result<Blocks<Box<dyn Read + Send>>, BatchError> {
        let mut input: Box<dyn Read + Send> = match self.job.input {
            None => Box::new(io::stdin()),
            Some(path) => Box::new(File::open(path).map_err(|source| self.unreadable(source))?),
        };
        if self.reading == Reading::Head {
            let mut head = Vec::new();
            let read = input.by_ref().take(HEAD_BYTES).read_to_end(&mut head);
            let survey = read.and_then(|_| Survey::of_bytes(&head));
            self.encoding = survey.map_err(|source| self.unreadable(source))?.encoding;
            if head.is_ascii() {
                input = Box::new(Late::new(input));
            }
            input = Box::new(io::Cursor::new(head).chain(input));
        }
        Ok(Blocks::new(self.file(), decoding(input, self.encoding), records))
    }

    fn unreadable(&self, source: io::Error) -> SourceError {
        SourceError::Io { file: self.file().to_owned(), source }
    }

    fn take(
        &mut self,
        answered: Answered,
        out: &[u8],
        output: &mut Output,
    ) -> Result<(), Stopped<'a>> {
        self.is_as_guessed(answered.is_text)?;
        self.go_on(answered.bytes, &answered.tally)?;
        output.put(out)?;
        if let Some(record) = answered.open_quote {
            let row = self.records + record;
            return Err(Stopped::Failed(BatchError::from(SourceError::Format {
                file: self.file().to_owned(),
                format: "CSV",
                why: format!("第 {row} 行的引号未闭合 / the quotes of row {row} are not closed"),
            })));
        }
        self.told_seen |= answered.told_seen;
        for (record, reason, text) in answered.rejects {
            self.rejects.put(self.records + record + 1, reason, text)?;
        }
        self.records += answered.records;
        Ok(())
    }

    fn go_on(&mut self, bytes: u64, tally: &Tally) -> Result<(), BatchError> {
        self.bytes += bytes;
        self.outcome.tally.add(tally);
        (self.job.progress)(self.bytes, self.outcome.tally.rows);
        match self.job.cancelled.load(Ordering::Relaxed) {
            true => Err(BatchError::Cancelled),
            false => Ok(()),
        }
    }

    fn cells(&mut self, output: &mut Output) -> Result<(), BatchError> {
        let Some(path) = self.job.input else {
            return Err(not_from_standard_input());
        };
        let feed = match self.job.input_format {
            Format::Csv => Feed::open_as(path, file::Format::Csv, self.job.layout)?,
            _ => Feed::open(path, self.job.layout)?,
        };
        let all = all_headings(&feed)?;
        let columns = self.find(&all)?;
        let asked = |at: &usize| columns.identifiers.contains(at) || columns.name == Some(*at);
        let carried = (0..all.len()).filter(|at| !asked(at)).map(|at| all[at].clone()).collect();
        let wanted =
            Wanted { headings: all.clone(), blank_rows: true, carried, ..Wanted::default() };
        let file = output.shown();
        let failed = |source| BatchError::Output { file: file.clone(), source };
        let mut table = match self.job.output_format {
            Format::Excel => {
                Table::excel(&mut output.writer).map(Answers::Table).map_err(failed)?
            }
            Format::Parquet | Format::Arrow => self.strings(&all, output)?,
            _ => Table::carried(&mut output.writer).map(Answers::Table).map_err(failed)?,
        };
        table.head(&all).map_err(failed)?;
        // A sink can only say what the source's reader knows: the rest is kept aside.
        let mut stopped = None;
        let read = feed.read(&wanted, &mut |_| Ok(()), &mut |batch| {
            self.batch(&batch, &columns, &mut table, &failed).map_err(|error| {
                stopped = Some(error);
                SourceError::Io { file: path.to_owned(), source: io::Error::other("stopped") }
            })
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        read?;
        table.finish().map_err(failed)
    }

    /// Whoever reads columns finds them by their headings.
    fn strings<'o>(
        &self,
        headings: &[String],
        output: &'o mut Output,
    ) -> Result<Answers<'o>, BatchError> {
        let is_twice = |at: &usize| headings[..*at].contains(&headings[*at]);
        if let Some(at) = (0..headings.len()).find(is_twice) {
            let error = ColumnError::Twice(headings[at].clone());
            return Err(BatchError::Columns { file: self.file().to_owned(), error });
        }
        let given = schema_of_text(headings);
        let whole = schema_of_results(&given, &self.terms);
        let file = output.shown();
        let writer = self.writer(output, &whole);
        let writer = writer.map_err(|error| BatchError::Output { file, source: written(error) })?;
        Ok(Answers::columns(writer, given, whole))
    }

    fn batch(
        &mut self,
        batch: &Batch,
        columns: &Columns,
        table: &mut Answers,
        failed: &dyn Fn(io::Error) -> BatchError,
    ) -> Result<(), BatchError> {
        let decided = self.side_by_side(batch.len(), |screener, _, at| {
            let row = batch.row(at);
            if let Some(fault) = row.fault {
                screener.tally.count_rejected();
                screener.cells = Cells::default();
                return Some(reason_of(fault));
            }
            let identifiers = columns.identifiers.iter().map(|&at| row.cell(at));
            let name = columns.name.map_or("", |at| row.cell(at));
            screener.screen(identifiers, name).reason()
        })?;
        for ((cells, reason), row) in decided.iter().zip(batch.rows()) {
            if let Some(reason) = reason {
                self.rejects.put(row.number, *reason, row.original())?;
            }
            if row.fault.is_none() && self.is_wanted(cells) {
                table.row((0..columns.count).map(|at| row.cell(at)), cells).map_err(failed)?;
            }
        }
        table.end_batch().map_err(failed)?;
        self.go_on(batch.bytes() as u64, &Tally::default())
    }

    fn columns(&mut self, output: &mut Output) -> Result<(), BatchError> {
        let mut rows = match (self.job.input, self.job.input_format, self.job.output_format) {
            (Some(path), Format::Parquet, Format::Parquet) if !self.job.hits_only => {
                return self.chunks(path, output);
            }
            _ => self.batches()?,
        };
        let columns = self.find(&headings_of(rows.schema()))?;
        let readers = rows.readers(&columns)?;
        let schema = schema_of_results(rows.schema(), &self.terms);
        let file = output.shown();
        let failed = |error| BatchError::Output { file: file.clone(), source: written(error) };
        let mut writer = self.writer(output, &schema).map_err(failed)?;
        while let Some(batch) = rows.next()? {
            let results = self.results(&batch, &readers)?;
            let whole = results.beside(&batch, &schema).map_err(failed)?;
            writer.write(&whole).map_err(failed)?;
            self.go_on(batch.get_array_memory_size() as u64, &Tally::default())?;
        }
        // Whoever waits for the end of the results may end the input after that only.
        writer.finish().map_err(failed)?;
        Ok(rows.end()?)
    }

    fn chunks(&mut self, path: &Path, output: &mut Output) -> Result<(), BatchError> {
        let chunks = Chunks::open(path)?;
        let columns = self.find(&headings_of(chunks.schema()))?;
        let readers = Readers::of(path, chunks.schema(), &columns)?;
        let schema = schema_of_results(chunks.said(), &self.terms);
        let (terms, threads, file) = (self.terms, self.job.threads, output.shown());
        let screener = || Screener::new(terms);
        let out = &mut output.writer;
        let screened = chunks.screen(readers, &schema, out, threads, screener, |answered| {
            for (row, reason, text) in &answered.rejects {
                self.rejects.put(self.records + row + 1, *reason, text.clone())?;
            }
            self.records += answered.tally.rows;
            self.go_on(answered.bytes, &answered.tally)
        });
        screened.map_err(|error| match error {
            Unwritten::Source(error) => BatchError::Source(error),
            Unwritten::Output(source) => BatchError::Output { file, source },
            Unwritten::Stopped(error) => error,
        })
    }

    fn batches(&self) -> Result<Rows, BatchError> {
        Ok(match (self.job.input_format, self.job.input) {
            (Format::Arrow, input) => arrow::open(input)?,
            (_, Some(path)) => parquet::open(path)?,
            (_, None) => return Err(not_from_standard_input()),
        })
    }

    fn writer<'o>(
        &self,
        output: &'o mut Output,
        schema: &Arc<Schema>,
    ) -> Result<Box<dyn Writer + 'o>, ArrowError> {
        match self.job.output_format {
            Format::Arrow => arrow::writer(&mut output.writer, schema),
            _ => parquet::writer(&mut output.writer, schema.clone()),
        }
    }

    fn results(&mut self, batch: &RecordBatch, readers: &Readers) -> Result<Results, BatchError> {
        let (mut results, mut row) = (Results::default(), Texts::default());
        let rows = batch.num_rows();
        for start in (0..rows).step_by(SIDE_BY_SIDE_ROWS) {
            let decided =
                self.side_by_side(SIDE_BY_SIDE_ROWS.min(rows - start), |screener, row, at| {
                    readers.read(batch, start + at, row);
                    screener.screen(row.identifiers(), row.name()).reason()
                })?;
            for (at, (cells, reason)) in decided.iter().enumerate() {
                if let Some(reason) = reason {
                    readers.read(batch, start + at, &mut row);
                    self.rejects.put(self.records + at as u64 + 1, *reason, row.original())?;
                }
                results.push(cells, self.is_wanted(cells));
            }
            self.records += decided.len() as u64;
        }
        Ok(results)
    }

    fn is_wanted(&self, cells: &Cells) -> bool {
        !self.job.hits_only || !cells.entries.is_empty()
    }

    /// Decide so many rows on all threads: what each came to, and why it is rejected.
    fn side_by_side(
        &mut self,
        rows: usize,
        decide: impl Fn(&mut Screener, &mut Texts, usize) -> Option<Reason> + Sync,
    ) -> Result<Vec<(Cells, Option<Reason>)>, BatchError> {
        let (terms, length) = (self.terms, rows.div_ceil(self.job.threads.max(1)).max(1));
        let starts: Vec<usize> = (0..rows).step_by(length).collect();
        let of_part = |start: usize| {
            let (mut screener, mut texts) = (Screener::new(terms), Texts::default());
            let decided: Vec<(Cells, Option<Reason>)> = (start..(start + length).min(rows))
                .map(|at| {
                    let reason = decide(&mut screener, &mut texts, at);
                    (screener.cells.clone(), reason)
                })
                .collect();
            (decided, screener.tally)
        };
        let parts: Vec<_> = starts.into_par_iter().map(of_part).collect();
        let mut all = Vec::with_capacity(rows);
        for (decided, tally) in parts {
            self.go_on(0, &tally)?;
            all.extend(decided);
        }
        Ok(all)
    }

    fn find(&self, headings: &[String]) -> Result<Columns, BatchError> {
        let failed =
            |error: ColumnError| BatchError::Columns { file: self.file().to_owned(), error };
        Columns::find(headings, self.job.told).map_err(failed)
    }

    fn file(&self) -> &Path {
        self.job.input.unwrap_or(Path::new("-"))
    }
}

fn not_from_standard_input() -> BatchError {
    BatchError::Format(
        "标准输入只能是 CSV、JSON lines 或 Arrow，并以原格式输出 / standard input is CSV, JSON lines or Arrow, and is \
         written so"
            .to_owned(),
    )
}

/// The headings of a file, known without its rows.
fn all_headings(feed: &Feed) -> Result<Vec<String>, SourceError> {
    let (nothing, mut all) = (Wanted::default(), None);
    let read = feed.read(
        &nothing,
        &mut |headings| {
            all = Some(headings.to_vec());
            Err(SourceError::UnknownFormat { file: PathBuf::new() })
        },
        &mut |_| Ok(()),
    );
    match all {
        Some(all) => Ok(all),
        None => read.map(|()| Vec::new()),
    }
}

/// The rejects. Their file too appears when it is whole.
struct Rejects<'a> {
    path: Option<&'a Path>,
    source: Option<&'a Path>,
    /// Where they are until then.
    part: Option<RejectFile>,
    count: u64,
}

impl<'a> Rejects<'a> {
    fn of(job: &Job<'a>) -> Rejects<'a> {
        let part = job.rejects.map(|path| RejectFile::new(&part_of(path)));
        Rejects { path: job.rejects, source: job.input, part, count: 0 }
    }

    fn put(&mut self, row: u64, reason: Reason, text: String) -> Result<(), BatchError> {
        self.count += 1;
        let name = self.source.and_then(Path::file_name).unwrap_or_default();
        let reject = Reject {
            source: String::new(),
            file: name.to_string_lossy().into_owned(),
            row,
            column: String::new(),
            reason,
            text: text.replace(LOST, ""),
        };
        let written = self.part.as_mut().map_or(Ok(()), |part| part.write(&reject));
        written.map_err(|source| self.failed(source))
    }

    /// Those of an earlier run go where there are none.
    fn finish(mut self) -> Result<u64, BatchError> {
        let (Some(path), Some(part)) = (self.path, self.part.take()) else { return Ok(self.count) };
        let (_, made) = part.finish().map_err(|source| self.failed(source))?;
        let placed = match made {
            Some(part) => fs::rename(part, path),
            None if path.is_file() => fs::remove_file(path),
            None => Ok(()),
        };
        placed.map_err(|source| self.failed(source))?;
        Ok(self.count)
    }

    fn failed(&self, source: io::Error) -> BatchError {
        let file = self.path.unwrap_or(Path::new("-")).to_owned();
        BatchError::Output { file, source }
    }
}

impl Drop for Rejects<'_> {
    /// What is not whole goes; where there is nothing, nothing goes.
    fn drop(&mut self) {
        if let Some(path) = self.path {
            let _ = fs::remove_file(part_of(path));
        }
    }
}
