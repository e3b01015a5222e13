//! What a client wants of its file.

use crate::audit::Purpose;
use crate::batch::{Format, Told};
use crate::record::{Instant, SubjectKind};
use crate::source::mapping::{Encoding, Layout};
use serde::{Deserialize, Serialize};

/// How a file is screened, as `xincha screen` is told on the command line. Everything was checked when it was
/// taken.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Order {
    /// What the input is, as the ending of a file's name: `csv`.
    pub format: String,
    /// What the result will be, likewise.
    pub output_format: String,
    /// Code of the matter; all lists where there is none.
    pub matter: Option<String>,
    /// What all subjects are, where the client knows: the code of a kind.
    pub kind: Option<String>,
    /// The instant to decide for; when the work begins where it is not given.
    pub at: Option<i64>,
    /// Rows without an identifier are asked by name.
    pub names: bool,
    /// Only rows that meet an entry are wanted.
    pub hits_only: bool,
    /// Headings of identifiers; known ones where there are none.
    pub id_columns: Vec<String>,
    /// Heading of names.
    pub name_column: Option<String>,
    /// `utf-8`, `gb18030`; by the bytes where it is not given.
    pub encoding: Option<String>,
    /// What parts cells of CSV.
    pub delimiter: Option<char>,
    /// The sheet of a workbook; the first where it is not given.
    pub sheet: Option<String>,
    /// Number of the case that it is asked for.
    pub case: Option<String>,
    /// The department that handles it.
    pub department: Option<String>,
    /// Who handles it there.
    pub operator: Option<String>,
    /// Why, where there is no case.
    pub reason: Option<String>,
}

impl Order {
    /// An encoding has this name.
    pub fn encoding_of(name: &str) -> Option<Encoding> {
        Encoding::from_name(name)
    }

    /// What parts cells: a character, or the word `tab`.
    pub fn delimiter_of(text: &str) -> Option<char> {
        Layout::delimiter_from(text)
    }

    pub(super) fn formats(&self) -> Option<(Format, Format)> {
        Some((Format::of_ending(&self.format)?, Format::of_ending(&self.output_format)?))
    }

    pub(super) fn kind(&self) -> Option<SubjectKind> {
        self.kind.as_deref().and_then(SubjectKind::from_code)
    }

    pub(super) fn at(&self) -> Option<Instant> {
        self.at.map(Instant)
    }

    /// What it is asked for, as it is recorded.
    pub fn purpose(&self) -> Purpose<'_> {
        let [matter, case, department, operator, reason] =
            [&self.matter, &self.case, &self.department, &self.operator, &self.reason]
                .map(|text| text.as_deref().unwrap_or_default());
        Purpose { matter, case, department, operator, reason }
    }

    /// What is known of the columns.
    pub fn told(&self) -> Told {
        Told {
            identifiers: self.id_columns.clone(),
            name: self.name_column.clone(),
            no_names: !self.names,
        }
    }

    /// How the input is read.
    pub fn layout(&self) -> Layout {
        let encoding = self.encoding.as_deref().and_then(Order::encoding_of);
        Layout {
            encoding: encoding.unwrap_or_default(),
            delimiter: self.delimiter,
            sheet: self.sheet.clone(),
        }
    }
}
