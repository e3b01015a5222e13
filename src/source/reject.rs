//! What could not be used, and why.

use crate::formula::neutral;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A row that was not used.
#[derive(Clone, PartialEq, Eq)]
pub struct Reject {
    /// Code of the source.
    pub source: String,
    /// File name, without its folder.
    pub file: String,
    /// Row in the file: 1 is the first row of data.
    pub row: u64,
    /// Heading of the column at fault, empty where it is the row.
    pub column: String,
    /// Why.
    pub reason: Reason,
    /// The original text of the row.
    pub text: String,
}

impl fmt::Debug for Reject {
    /// Without the text, which belongs in the rejects file and in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reject { source, file, row, column, reason, .. } = self;
        write!(f, "Reject({source} {file}:{row} {column:?} {})", reason.code())
    }
}

/// Why a row was not used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reason {
    /// No name: the one thing that is guaranteed.
    NameMissing,
    /// A day of the term or of the state that cannot be read. A term is never guessed.
    DateUnreadable,
    /// A last day before the first.
    TermReversed,
    /// A word that the mapping does not know.
    ValueUnknown,
    /// A value longer than the limits allow.
    ValueTooLong,
    /// An identifier of which Excel kept 15 digits or a power of ten.
    DigitsLost,
    /// Bytes that are no characters in the file's encoding.
    EncodingBroken,
    /// A cell that a spreadsheet shows as an error: what stood there is not known.
    CellError,
    /// More cells than headings: a separator inside a cell.
    TooManyCells,
    /// Fewer cells than headings: a row cut short.
    TooFewCells,
    /// Longer than any real row.
    RowTooLong,
    /// Not the format's syntax.
    Syntax,
    /// Of a subject that is asked about: neither an identifier nor a name.
    SubjectUnidentified,
    /// Of a subject that is asked about: its identifier is none.
    IdentifierInvalid,
    /// Of a subject that is asked about: digits are hidden and there is no name.
    MaskedNeedsName,
    /// A row that has a result already.
    AlreadyScreened,
    /// Of two columns of a row either may be the one that is asked by.
    ColumnTwice,
}

impl Reason {
    /// The word in the rejects file and in reports.
    pub fn code(self) -> &'static str {
        match self {
            Reason::NameMissing => "name_missing",
            Reason::DateUnreadable => "date_unreadable",
            Reason::TermReversed => "term_reversed",
            Reason::ValueUnknown => "value_unknown",
            Reason::ValueTooLong => "value_too_long",
            Reason::DigitsLost => "digits_lost",
            Reason::EncodingBroken => "encoding_broken",
            Reason::CellError => "cell_error",
            Reason::TooManyCells => "too_many_cells",
            Reason::TooFewCells => "too_few_cells",
            Reason::RowTooLong => "row_too_long",
            Reason::Syntax => "syntax",
            Reason::SubjectUnidentified => "subject_unidentified",
            Reason::IdentifierInvalid => "identifier_invalid",
            Reason::MaskedNeedsName => "masked_needs_name",
            Reason::AlreadyScreened => "already_screened",
            Reason::ColumnTwice => "column_twice",
        }
    }

    /// In words, Chinese and English.
    pub fn text(self) -> &'static str {
        match self {
            Reason::NameMissing => "缺少名称 / no name",
            Reason::DateUnreadable => "日期无法识别 / the date cannot be read",
            Reason::TermReversed => "截止日期早于起始日期 / the last day is before the first",
            Reason::ValueUnknown => "取值不在映射中 / a value that the mapping does not know",
            Reason::ValueTooLong => "内容过长 / longer than allowed",
            Reason::DigitsLost => {
                "号码被表格软件改为数字，末位已丢失 / Excel turned the number into a figure and lost digits"
            }
            Reason::EncodingBroken => "字符编码错误 / bytes that are no characters",
            Reason::CellError => "单元格为错误值 / a spreadsheet's error instead of a value",
            Reason::TooManyCells => "列数多于表头 / more cells than headings",
            Reason::TooFewCells => {
                "列数少于表头，可能被截断 / fewer cells than headings, cut short perhaps"
            }
            Reason::RowTooLong => "行过长 / the row is longer than any real one",
            Reason::Syntax => "格式错误 / not the format's syntax",
            Reason::SubjectUnidentified => {
                "既无证件号码也无名称 / neither an identifier nor a name"
            }
            Reason::IdentifierInvalid => "证件号码无效 / the identifier is none",
            Reason::MaskedNeedsName => {
                "号码有隐藏位，须同时有名称 / digits are hidden, a name is needed beside them"
            }
            Reason::AlreadyScreened => "该行已有比对结果 / the row has a result already",
            Reason::ColumnTwice => {
                "两列括号外的名称相同，须指定其一 / two columns are one but for what is in brackets: one is to be named"
            }
        }
    }
}

/// Writes rejects as CSV: source, file, row, column, reason, explanation, text.
pub struct RejectWriter<W: Write> {
    out: csv::Writer<W>,
    count: u64,
}

impl<W: Write> RejectWriter<W> {
    /// Begin with the heading. UTF-8 with a byte order mark, so that Excel reads it.
    pub fn new(mut out: W) -> io::Result<RejectWriter<W>> {
        out.write_all("\u{feff}".as_bytes())?;
        let mut out = csv::Writer::from_writer(out);
        out.write_record(["source", "file", "row", "column", "reason", "explanation", "text"])?;
        Ok(RejectWriter { out, count: 0 })
    }

    /// Write one.
    pub fn write(&mut self, reject: &Reject) -> io::Result<()> {
        self.count += 1;
        let row = reject.row.to_string();
        let record = [
            &*reject.source,
            &reject.file,
            &row,
            &reject.column,
            reject.reason.code(),
            reject.reason.text(),
            &reject.text,
        ];
        Ok(self.out.write_record(record.map(neutral).iter().map(|cell| cell.as_bytes()))?)
    }

    /// Rejects so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Write what is held back.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.count)
    }
}

/// A file of rejects, made with the first.
pub struct RejectFile {
    path: PathBuf,
    writer: Option<RejectWriter<BufWriter<File>>>,
}

impl RejectFile {
    /// At a path.
    pub fn new(path: &Path) -> RejectFile {
        RejectFile { path: path.to_owned(), writer: None }
    }

    /// Write one.
    pub fn write(&mut self, reject: &Reject) -> io::Result<()> {
        if self.writer.is_none() {
            // Rejects hold what departments wrote of people: for the service's own user alone.
            let mut options = File::options();
            options.create(true).truncate(true).write(true).mode(0o600);
            let file = options.open(&self.path)?;
            self.writer = Some(RejectWriter::new(BufWriter::new(file))?);
        }
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write(reject))
    }

    /// How many, and where. One of an earlier time that no longer holds is removed.
    pub fn finish(self) -> io::Result<(u64, Option<PathBuf>)> {
        match self.writer {
            Some(writer) => Ok((writer.finish()?, Some(self.path))),
            None => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok((0, None)),
            },
        }
    }
}
