//! One file of the catalogue: its text, its lines, and what was found wrong with it.

use super::mistake::{Fault, Mistake};
use super::row::Row;
use std::collections::HashMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Rows of one file, and values of one field. A city knows some 30 lists and a few hundred matters;
/// the table of matters by lists stays below a few megabytes.
pub const COUNT_MAX: usize = 1024;

/// One file while it is read.
pub(super) struct Page<'a> {
    name: &'a str,
    line_starts: Vec<usize>,
    pub mistakes: Vec<Mistake>,
}

/// What was read of one file. A faulty row is here as well, so that its code is known and one
/// mistake does not cause others; nothing of it leaves the module, since a mistake was noted.
pub(super) struct Table<T> {
    /// The rows in the order of the file.
    pub rows: Vec<T>,
    sound: Vec<bool>,
    lines: Vec<usize>,
    numbers: HashMap<String, usize>,
    whole: bool,
}

impl<'a> Page<'a> {
    pub fn new(name: &'a str, text: &'a str) -> Page<'a> {
        let after_breaks =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Page {
            name,
            line_starts: std::iter::once(0).chain(after_breaks).collect(),
            mistakes: Vec::new(),
        }
    }

    /// The line of a byte offset, from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Notes a mistake at a byte offset.
    pub fn refuse(&mut self, offset: usize, fault: Fault) {
        let line = self.line(offset);
        self.refuse_line(line, fault);
    }

    /// Notes a mistake on a line; 0 is the file as a whole.
    pub fn refuse_line(&mut self, line: usize, fault: Fault) {
        self.mistakes.push(Mistake { file: self.name.to_owned(), line, fault });
    }

    /// Reads `[[section]]` after `[[section]]`. `read` makes a code and a value of a row.
    pub fn read<T>(
        &mut self,
        text: &str,
        section: &'static str,
        fields: &'static [&'static str],
        mut read: impl FnMut(&mut Row<'_, '_, '_>) -> (String, T),
    ) -> Table<T> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut table = Table { whole: errors.is_empty(), ..Table::absent() };
        for error in &errors {
            self.refuse(
                error.span().map_or(0, |span| span.start),
                Fault::Syntax(error.message().to_owned()),
            );
        }
        if !table.whole {
            return table;
        }
        let noted = self.mistakes.len();
        let sections = self.sections(document.get_ref(), section);
        table.whole = self.mistakes.len() == noted;
        for (span, cells) in sections {
            let before = self.mistakes.len();
            let mut row = Row::new(self, cells, span, fields);
            let (code, value) = read(&mut row);
            let code_at = row.at("code");
            let line = self.line(code_at);
            if let Some(first_line) = table.push(code.clone(), line, value) {
                self.refuse_line(line, Fault::DuplicateCode { code, first_line });
            }
            table.sound.push(self.mistakes.len() == before);
        }
        table
    }

    /// The rows of the one section a file has, each with its span.
    fn sections<'d>(
        &mut self,
        document: &'d DeTable<'d>,
        section: &'static str,
    ) -> Vec<(Range<usize>, &'d DeTable<'d>)> {
        let mut rows = Vec::new();
        for (key, value) in document {
            if key.get_ref().as_ref() != section {
                let fault = Fault::UnknownField {
                    field: key.get_ref().to_string(),
                    known: format!("[[{section}]]"),
                };
                self.refuse(key.span().start, fault);
            } else if let DeValue::Array(cells) = value.get_ref() {
                rows.extend(cells.iter());
            } else {
                self.refuse_type(section, "tables", value);
            }
        }
        if rows.len() > COUNT_MAX {
            let fault =
                Fault::TooMany { field: section.to_owned(), count: rows.len(), max: COUNT_MAX };
            self.refuse(rows[COUNT_MAX].span().start, fault);
            rows.truncate(COUNT_MAX);
        }
        rows.into_iter().filter_map(|row| self.table(section, row)).collect()
    }

    fn table<'d>(
        &mut self,
        section: &'static str,
        row: &'d Spanned<DeValue<'d>>,
    ) -> Option<(Range<usize>, &'d DeTable<'d>)> {
        if let DeValue::Table(cells) = row.get_ref() {
            return Some((row.span(), cells));
        }
        self.refuse_type(section, "table", row);
        None
    }

    /// Notes that a value is not what its field holds.
    pub fn refuse_type(
        &mut self,
        field: &'static str,
        expected: &'static str,
        value: &Spanned<DeValue<'_>>,
    ) {
        let found = value.get_ref().type_str();
        self.refuse(value.span().start, Fault::WrongType { field, expected, found });
    }
}

impl<T> Table<T> {
    /// A table that stands for a file that was not given.
    pub fn absent() -> Table<T> {
        Table {
            rows: Vec::new(),
            sound: Vec::new(),
            lines: Vec::new(),
            numbers: HashMap::new(),
            whole: false,
        }
    }

    /// Keeps a row; answers the line of an earlier row of the same code, which keeps the code.
    fn push(&mut self, code: String, line: usize, row: T) -> Option<usize> {
        let number = self.rows.len();
        self.rows.push(row);
        self.lines.push(line);
        if code.is_empty() {
            self.whole = false;
            return None;
        }
        let first = *self.numbers.entry(code).or_insert(number);
        (first != number).then(|| self.lines[first])
    }

    /// The line of a row's code.
    pub fn line(&self, number: usize) -> usize {
        self.lines[number]
    }

    /// The number of a code: `Ok(None)` where the code may be one of those that could not be read.
    pub fn number(&self, code: &str) -> Result<Option<usize>, ()> {
        match self.numbers.get(code) {
            Some(&number) => Ok(Some(number)),
            None if self.whole => Err(()),
            None => Ok(None),
        }
    }

    /// The row of a number, where nothing was wrong with it.
    pub fn sound(&self, number: usize) -> Option<&T> {
        self.sound[number].then(|| &self.rows[number])
    }
}
