//! One table of a file: typed fields, each fault noted at its line, a harmless value in its stead.

use super::mistake::{Fault, What};
use super::page::{COUNT_MAX, Page, Table};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table while it is read.
pub(super) struct Row<'r, 'p, 'd> {
    page: &'r mut Page<'p>,
    cells: &'d DeTable<'d>,
    span: Range<usize>,
}

/// A text and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Given<'d> {
    pub text: &'d str,
    pub at: usize,
}

impl<'r, 'p, 'd> Row<'r, 'p, 'd> {
    /// A row, its unknown fields noted.
    pub fn new(
        page: &'r mut Page<'p>,
        cells: &'d DeTable<'d>,
        span: Range<usize>,
        known: &[&str],
    ) -> Self {
        for key in cells.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                let fault = Fault::UnknownField {
                    field: key.get_ref().to_string(),
                    known: known.join(", "),
                };
                page.refuse(key.span().start, fault);
            }
        }
        Row { page, cells, span }
    }

    /// Where a field's value stands, or the row when it has no such field.
    pub fn at(&self, field: &str) -> usize {
        self.cells.get(field).map_or(self.span.start, |value| value.span().start)
    }

    /// A field is given.
    pub fn has(&self, field: &str) -> bool {
        self.cells.contains_key(field)
    }

    /// Notes a mistake at a byte offset.
    pub fn refuse(&mut self, offset: usize, fault: Fault) {
        self.page.refuse(offset, fault);
    }

    /// Notes a mistake at a field.
    pub fn refuse_field(&mut self, field: &str, fault: Fault) {
        self.refuse(self.at(field), fault);
    }

    /// A text that must be there and say something; empty when it does not.
    pub fn text(&mut self, field: &'static str) -> &'d str {
        match self.optional_text(field) {
            Some(given) => given.text,
            None if self.has(field) => "",
            None => {
                self.refuse(self.span.start, Fault::MissingField { field });
                ""
            }
        }
    }

    /// A text that says something where it is given.
    pub fn optional_text(&mut self, field: &'static str) -> Option<Given<'d>> {
        let value = self.cells.get(field)?;
        let Some(text) = value.get_ref().as_str() else {
            self.page.refuse_type(field, "string", value);
            return None;
        };
        if text.trim().is_empty() {
            self.refuse_field(field, Fault::EmptyField { field });
            return None;
        }
        Some(Given { text, at: value.span().start })
    }

    /// Texts without repetition; none where the field is not given.
    pub fn texts(&mut self, field: &'static str) -> Vec<Given<'d>> {
        let Some(value) = self.cells.get(field) else {
            return Vec::new();
        };
        let DeValue::Array(values) = value.get_ref() else {
            self.page.refuse_type(field, "array of strings", value);
            return Vec::new();
        };
        if values.len() > COUNT_MAX {
            let fault =
                Fault::TooMany { field: field.to_owned(), count: values.len(), max: COUNT_MAX };
            self.refuse_field(field, fault);
            return Vec::new();
        }
        let mut texts: Vec<Given<'d>> = Vec::with_capacity(values.len());
        for value in values.iter() {
            let at = value.span().start;
            match value.get_ref().as_str() {
                None => self.page.refuse_type(field, "string", value),
                Some(text) if texts.iter().any(|given| given.text == text) => {
                    self.refuse(at, Fault::RepeatedValue { field, value: text.to_owned() });
                }
                Some(text) => texts.push(Given { text, at }),
            }
        }
        texts
    }

    /// A whole number from 1 that must be there; 1 in the stead of anything else.
    pub fn count(&mut self, field: &'static str, max: u32) -> u32 {
        if !self.has(field) {
            self.refuse(self.span.start, Fault::MissingField { field });
        }
        self.count_or(field, max, 1)
    }

    /// The same, where it need not be there.
    pub fn count_or(&mut self, field: &'static str, max: u32, absent: u32) -> u32 {
        let Some(value) = self.cells.get(field) else { return absent };
        let Some(integer) = value.get_ref().as_integer() else {
            self.page.refuse_type(field, "integer", value);
            return 1;
        };
        match u32::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if (1..=max).contains(&number) => number,
            _ => {
                self.refuse_field(
                    field,
                    Fault::OutOfRange { field, found: integer.to_string(), max },
                );
                1
            }
        }
    }

    /// Yes or no; no where the field is not given.
    pub fn flag(&mut self, field: &'static str) -> bool {
        let Some(value) = self.cells.get(field) else {
            return false;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.page.refuse_type(field, "boolean", value);
            false
        })
    }

    /// One of a set of words that must be there.
    pub fn word<T: Copy>(
        &mut self,
        field: &'static str,
        all: &[T],
        code: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(field);
        if text.is_empty() {
            return None;
        }
        let found = all.iter().copied().find(|one| code(*one) == text);
        if found.is_none() {
            let known: Vec<&str> = all.iter().map(|one| code(*one)).collect();
            let fault =
                Fault::UnknownWord { field, word: text.to_owned(), known: known.join(", ") };
            self.refuse_field(field, fault);
        }
        found
    }

    /// The numbers of codes of another table, each with where it is named.
    pub fn codes<T>(
        &mut self,
        field: &'static str,
        what: What,
        table: &Table<T>,
    ) -> Vec<(usize, Given<'d>)> {
        let mut numbers = Vec::new();
        for given in self.texts(field) {
            match table.number(given.text) {
                Ok(Some(number)) => numbers.push((number, given)),
                Ok(None) => {}
                Err(()) => {
                    self.refuse(given.at, Fault::UnknownCode { what, code: given.text.to_owned() })
                }
            }
        }
        numbers
    }

    /// A field that is not there, or is an array without a value.
    pub fn names_nothing(&self, field: &str) -> bool {
        match self.cells.get(field).map(Spanned::get_ref) {
            None => true,
            Some(DeValue::Array(values)) => values.is_empty(),
            Some(_) => false,
        }
    }
}
