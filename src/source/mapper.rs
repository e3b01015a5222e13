//! Row → entry or reject. Pure: rows are mapped side by side.

use super::SourceError;
use super::batch::{Fault, Row};
use super::date;
use super::excel::LOST;
use super::mapping::{FeedSpec, Headings, Mapping, Parts, StateWord};
use super::reject::{Reason, Reject};
use crate::record::{
    Day, Entry, FormerName, Identifier, IdentifierError, IdentifierKind, MaskedIdentifier,
    Provenance, Related, Role, State, Subject, SubjectKind, Term, limits, region,
};
use pinyin::{Pinyin, ToPinyin};
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

/// Former names of one subject: more are a cell that was split wrongly.
const FORMER_NAMES_MAX: usize = 32;

/// Syllables of pinyin, ü as passports write it.
static SYLLABLES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let pinyin = ('\u{4e00}'..='\u{9fff}').filter_map(|c| c.to_pinyin());
    pinyin.map(Pinyin::plain).chain(["lv", "nv", "lyu", "nyu"]).collect()
});

/// A row that was used.
#[derive(Clone, PartialEq, Debug)]
pub struct Mapped {
    /// What it says.
    pub entry: Entry,
    /// Cells left out: dates that are only informative and could not be read, identifiers that are
    /// none or are hidden where only full ones are kept, words that the mapping does not know.
    pub warnings: u32,
}

/// Positions of a field's alternatives that are there, in the order in which they count.
type Field = SmallVec<[usize; 2]>;

/// The columns of a file, resolved, and what its feed adds.
pub struct Mapper<'a> {
    mapping: &'a Mapping,
    feed: &'a FeedSpec,
    file: String,
    headings: Vec<String>,
    at: Positions,
    identifiers: Vec<IdentifierAt>,
    related: Vec<RelatedAt>,
}

/// Positions of the simple fields.
struct Positions {
    name: Field,
    entry_id: Field,
    kind: Field,
    former_names: Field,
    reason: Vec<Field>,
    document: Field,
    authority: Field,
    region: Field,
    decided: Field,
    published: Field,
    from: Field,
    to: Field,
    publicity_until: Field,
    state: Field,
    state_on: Field,
    state_until: Field,
}

struct IdentifierAt {
    column: Field,
    kind: Option<IdentifierKind>,
    kind_column: Field,
}

struct RelatedAt {
    role: Role,
    name: Field,
    id: Field,
    id_kind: Field,
}

/// The headings that a mapping knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// All of them, each once.
    pub headings: Vec<String>,
    /// Those of the fields that must be there, each with its alternatives: the name, the first day,
    /// the identifiers.
    pub needed: Vec<Vec<String>>,
    /// Rows of CSV whose cells are all empty are rows too; else nobody hears of them.
    pub blank_rows: bool,
    /// Those whose cells are shown and not looked at: they may be of any type that has a text.
    pub carried: Vec<String>,
}

impl Wanted {
    /// Those of a file's headings that are known, for errors. Others are not shown: where a file has
    /// no headings, its first row stands there.
    fn known(&self, headings: &[String]) -> String {
        let keys: Vec<String> = self.headings.iter().map(|heading| folded(heading)).collect();
        let known: Vec<&str> = headings
            .iter()
            .filter(|heading| keys.contains(&folded(heading)))
            .map(String::as_str)
            .collect();
        let (count, known) = (headings.len(), known.join(", "));
        if headings.is_empty() {
            "nothing: 文件为空 / the file is empty".to_owned()
        } else if known.is_empty() {
            format!(
                "{count} columns, none of which the mapping knows: another layout, delimiter or encoding?"
            )
        } else {
            format!("{count} columns, known are {known}")
        }
    }

    /// The error for a field that is not there.
    pub(super) fn missing(
        &self,
        path: &Path,
        needed: &[String],
        headings: &[String],
    ) -> SourceError {
        SourceError::MissingColumn {
            file: path.to_owned(),
            column: needed.join(" | "),
            found: self.known(headings),
        }
    }
}

/// A heading as it is compared: NFKC, without spaces.
pub(super) fn folded(heading: &str) -> String {
    heading.nfkc().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect()
}

/// The headings that a mapping knows.
pub fn wanted(mapping: &Mapping) -> Wanted {
    let c = &mapping.columns;
    let simple = [
        Some(&c.name),
        c.entry_id.as_ref(),
        c.kind.as_ref(),
        c.former_names.as_ref(),
        c.document.as_ref(),
        c.authority.as_ref(),
        c.region.as_ref(),
        c.decided.as_ref(),
        c.published.as_ref(),
        c.from.as_ref(),
        c.to.as_ref(),
        c.publicity_until.as_ref(),
        c.state.as_ref(),
        c.state_on.as_ref(),
        c.state_until.as_ref(),
    ];
    let identifiers =
        mapping.identifiers.iter().flat_map(|id| [Some(&id.column), id.kind_column.as_ref()]);
    let related =
        mapping.related.iter().flat_map(|r| [Some(&r.name), r.id.as_ref(), r.id_kind.as_ref()]);
    let reason = c.reason.iter().flat_map(Parts::each).flatten();
    let fields = simple.into_iter().chain(identifiers).chain(related).flatten();
    let mut headings: Vec<String> = Vec::new();
    for heading in fields.flat_map(Headings::each).chain(reason) {
        if !headings.contains(heading) {
            headings.push(heading.clone());
        }
    }
    let needed = [Some(&c.name), c.from.as_ref()]
        .into_iter()
        .flatten()
        .chain(mapping.identifiers.iter().map(|id| &id.column))
        .map(|headings| headings.each().to_vec())
        .collect();
    Wanted { headings, needed, ..Wanted::default() }
}

impl<'a> Mapper<'a> {
    /// Resolve the mapping's columns in a file's headings. Errors when the name's, an identifier's, or
    /// the first day's column is not there: a feed of another layout must not come out as an empty one.
    pub fn new(
        mapping: &'a Mapping,
        feed: &'a FeedSpec,
        path: &Path,
        headings: &[String],
    ) -> Result<Mapper<'a>, SourceError> {
        let wanted = wanted(mapping);
        let keys: Vec<String> = headings.iter().map(|heading| folded(heading)).collect();
        for heading in &wanted.headings {
            if keys.iter().filter(|key| **key == folded(heading)).count() > 1 {
                let (file, column) = (path.to_owned(), heading.clone());
                return Err(SourceError::ColumnTwice { file, column });
            }
        }
        let position = |heading: &String| keys.iter().position(|key| *key == folded(heading));
        for needed in &wanted.needed {
            if !needed.iter().any(|heading| position(heading).is_some()) {
                return Err(wanted.missing(path, needed, headings));
            }
        }
        let alternatives =
            |wanted: &[String]| wanted.iter().filter_map(position).collect::<Field>();
        let find = |wanted: &Option<Headings>| {
            wanted.as_ref().map_or_else(Field::new, |wanted| alternatives(wanted.each()))
        };
        let c = &mapping.columns;
        let at = Positions {
            name: alternatives(c.name.each()),
            entry_id: find(&c.entry_id),
            kind: find(&c.kind),
            former_names: find(&c.former_names),
            reason: c.reason.iter().flat_map(Parts::each).map(alternatives).collect(),
            document: find(&c.document),
            authority: find(&c.authority),
            region: find(&c.region),
            decided: find(&c.decided),
            published: find(&c.published),
            from: find(&c.from),
            to: find(&c.to),
            publicity_until: find(&c.publicity_until),
            state: find(&c.state),
            state_on: find(&c.state_on),
            state_until: find(&c.state_until),
        };
        let identifiers = mapping
            .identifiers
            .iter()
            .map(|id| IdentifierAt {
                column: alternatives(id.column.each()),
                kind: id.kind,
                kind_column: find(&id.kind_column),
            })
            .collect();
        let related = mapping
            .related
            .iter()
            .map(|r| RelatedAt {
                role: r.role,
                name: alternatives(r.name.each()),
                id: find(&r.id),
                id_kind: find(&r.id_kind),
            })
            .collect();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Mapper { mapping, feed, file, headings: headings.to_vec(), at, identifiers, related })
    }

    /// The entry of a row, or why there is none.
    pub fn map(&self, row: Row) -> Result<Mapped, Box<Reject>> {
        Reading { mapper: self, row, warnings: 0 }.read().map_err(|(column, reason)| {
            Box::new(Reject {
                source: self.mapping.code.clone(),
                file: self.file.clone(),
                row: row.number,
                column: column.and_then(|at| self.headings.get(at)).cloned().unwrap_or_default(),
                reason,
                text: row.original().replace(LOST, ""),
            })
        })
    }
}

/// The column at fault, where it is one, and the reason.
type Refused = (Option<usize>, Reason);

/// One row while it is read.
struct Reading<'a> {
    mapper: &'a Mapper<'a>,
    row: Row<'a>,
    warnings: u32,
}

/// A cell and where it stands: the first of a field's alternatives that is not null, else "".
#[derive(Clone, Copy)]
struct Cell<'a> {
    at: Option<usize>,
    text: &'a str,
}

impl<'a> Reading<'a> {
    fn read(mut self) -> Result<Mapped, Refused> {
        if let Some(fault) = self.row.fault {
            return Err((None, reason_of(fault)));
        }
        let mapper = self.mapper;
        let (at, feed) = (&mapper.at, mapper.feed);
        let name = self.text(&at.name, limits::NAME_BYTES_MAX)?;
        if name.is_empty() {
            return Err((at.name.first().copied(), Reason::NameMissing));
        }
        let (ids, masked) = self.identifiers()?;
        let kind = self.kind(&ids, masked.is_some(), &name)?;
        let term = self.term()?;
        let (state, objection, extended) = self.state()?;
        let region = self.region(&ids)?;
        let authority = self.text(&at.authority, limits::NAME_BYTES_MAX)?;
        let entry = Entry {
            id: self.number(&at.entry_id)?,
            list: feed.list.clone(),
            reason: self.reason()?,
            document: self.number(&at.document)?,
            authority: if authority.is_empty() { feed.authority.clone() } else { authority },
            region,
            decided: self.informative_day(&at.decided, date::read)?,
            published: self.informative_day(&at.published, date::read)?,
            publicity_until: self.informative_day(&at.publicity_until, date::read_end)?,
            term,
            state,
            objection,
            extended,
            provenance: Provenance {
                source: mapper.mapping.code.clone(),
                file: mapper.file.clone(),
                row: self.row.number,
            },
            subject: Subject {
                kind,
                name,
                other_names: self.former_names()?,
                ids,
                masked,
                related: self.related()?,
            },
        };
        Ok(Mapped { entry, warnings: self.warnings })
    }

    /// The cell of a field.
    fn cell(&self, field: &[usize]) -> Result<Cell<'a>, Refused> {
        for &at in field {
            let text = date::trimmed(self.row.cell(at));
            if date::is_null(text) {
                continue;
            }
            if is_cell_error(text) {
                return Err((Some(at), Reason::CellError));
            }
            return Ok(Cell { at: Some(at), text });
        }
        Ok(Cell { at: field.first().copied(), text: "" })
    }

    fn text(&self, field: &[usize], max: usize) -> Result<String, Refused> {
        let Cell { at, text } = self.cell(field)?;
        if text.len() > max {
            return Err((at, Reason::ValueTooLong));
        }
        if text.starts_with(LOST) {
            return Err((at, Reason::DigitsLost));
        }
        Ok(text.to_owned())
    }

    /// A text that tells records apart, so that lost digits would make one of several.
    fn number(&self, field: &[usize]) -> Result<String, Refused> {
        let Cell { at, text } = self.cell(field)?;
        if is_power_of_ten(text) {
            return Err((at, Reason::DigitsLost));
        }
        self.text(field, limits::DOCUMENT_BYTES_MAX)
    }

    /// All parts that say something, each once.
    fn reason(&self) -> Result<String, Refused> {
        let parts = &self.mapper.at.reason;
        let mut reason = String::new();
        for (at, field) in parts.iter().enumerate() {
            let part = self.text(field, limits::TEXT_BYTES_MAX)?;
            if part.is_empty() || reason.split('；').any(|said| said == part) {
                continue;
            }
            if reason.len() + part.len() + 3 > limits::TEXT_BYTES_MAX && at > 0 {
                return Err((field.first().copied(), Reason::ValueTooLong));
            }
            if !reason.is_empty() {
                reason.push('；');
            }
            reason.push_str(&part);
        }
        Ok(reason)
    }

    fn identifiers(&mut self) -> Result<(Vec<Identifier>, Option<MaskedIdentifier>), Refused> {
        let (mut ids, mut masked): (Vec<Identifier>, _) = (Vec::new(), None);
        let mapper = self.mapper;
        for IdentifierAt { column, kind, kind_column } in &mapper.identifiers {
            match self.identifier(column, *kind, kind_column)? {
                None => {}
                Some(Found::Full(id)) if ids.contains(&id) => {}
                Some(Found::Full(id)) => ids.push(id),
                Some(Found::Masked(mask)) if masked.is_none() => masked = Some(mask),
                Some(Found::Masked(_)) => self.warnings += 1,
            }
        }
        Ok((ids, masked))
    }

    fn identifier(
        &mut self,
        field: &[usize],
        kind: Option<IdentifierKind>,
        kind_field: &[usize],
    ) -> Result<Option<Found>, Refused> {
        let Cell { at, text } = self.cell(field)?;
        if text.is_empty() {
            return Ok(None);
        }
        if has_lost_digits(text) {
            return Err((at, Reason::DigitsLost));
        }
        let word = self.cell(kind_field)?.text;
        let stated = meaning(&self.mapper.mapping.values.identifier_kind, word);
        self.warnings += u32::from(!word.is_empty() && stated.is_none());
        match identified(text, kind.or(stated)) {
            Ok(Found::Full(id)) if is_garbage(&id) => {
                self.warnings += 1;
                Ok(None)
            }
            Ok(found) => Ok(Some(found)),
            Err(IdentifierError::Empty) => Ok(None),
            Err(IdentifierError::TooLong { .. }) => Err((at, Reason::ValueTooLong)),
            Err(IdentifierError::Masked | IdentifierError::TooShort) => {
                self.warnings += 1;
                Ok(None)
            }
        }
    }

    fn kind(
        &mut self,
        ids: &[Identifier],
        is_masked: bool,
        name: &str,
    ) -> Result<SubjectKind, Refused> {
        let word = self.cell(&self.mapper.at.kind)?.text;
        if let Some(kind) = meaning(&self.mapper.mapping.values.kind, word) {
            return Ok(kind);
        }
        self.warnings += u32::from(!word.is_empty());
        // The strongest word of each kind of number counts, in whatever column it stands: an
        // individual business may give its owner's ID beside its own code.
        let of = |wanted: &[IdentifierKind]| ids.iter().find(|id| wanted.contains(&id.kind()));
        if let Some(uscc) = of(&[IdentifierKind::Uscc]) {
            let is_individual = uscc.text().starts_with("92");
            return Ok(if is_individual {
                SubjectKind::IndividualBusiness
            } else {
                SubjectKind::Organisation
            });
        }
        if of(&[IdentifierKind::OrgCode, IdentifierKind::RegistrationNumber]).is_some() {
            return Ok(SubjectKind::Organisation);
        }
        if let Some(number) = of(&[IdentifierKind::TaxpayerNumber]) {
            // 17 and 20 characters are a person's ID and digits: a business in a person's name
            let is_organisation = number.text().len() == 15;
            return Ok(if is_organisation {
                SubjectKind::Organisation
            } else {
                SubjectKind::IndividualBusiness
            });
        }
        if of(&[IdentifierKind::VehiclePlate]).is_some() {
            return Ok(SubjectKind::Vehicle);
        }
        let is_person = ids.iter().any(|id| id.kind().is_personal())
            || is_masked && !names_a_body(name)
            || looks_personal(name)
            || looks_pinyin(name);
        Ok(if is_person { SubjectKind::NaturalPerson } else { SubjectKind::Organisation })
    }

    /// A day that decides: what cannot be read refuses the row.
    fn day(
        &self,
        field: &[usize],
        read: impl Fn(&str) -> Result<Option<Day>, date::Unreadable>,
    ) -> Result<Option<Day>, Refused> {
        let Cell { at, text } = self.cell(field)?;
        read(text).map_err(|_| (at, Reason::DateUnreadable))
    }

    /// A day from which nothing follows: what cannot be read is left out and counted.
    fn informative_day(
        &mut self,
        field: &[usize],
        read: impl Fn(&str) -> Result<Option<Day>, date::Unreadable>,
    ) -> Result<Option<Day>, Refused> {
        Ok(read(self.cell(field)?.text).unwrap_or_else(|_| {
            self.warnings += 1;
            None
        }))
    }

    fn term(&self) -> Result<Term, Refused> {
        let at = &self.mapper.at;
        let (from, to) = (self.day(&at.from, date::read)?, self.day(&at.to, date::read_end)?);
        self.ordered(Term { from, to }, &at.to)
    }

    fn ordered(&self, term: Term, to: &[usize]) -> Result<Term, Refused> {
        match (term.from, term.to) {
            (Some(from), Some(to_day)) if to_day < from => {
                Err((self.cell(to)?.at, Reason::TermReversed))
            }
            _ => Ok(term),
        }
    }

    /// State, objection, extension.
    fn state(&mut self) -> Result<(State, bool, bool), Refused> {
        let mapper = self.mapper;
        let at = &mapper.at;
        let on = self.day(&at.state_on, date::read)?;
        let until = self.day(&at.state_until, date::read_end)?;
        let Cell { at: column, text: word } = self.cell(&at.state)?;
        let meaning = if word.is_empty() {
            // a day of exit without a word is an exit
            let exited = on.is_some() && mapper.feed.state == StateWord::InForce;
            if exited { StateWord::Exited } else { mapper.feed.state }
        } else {
            meaning(&mapper.mapping.values.state, word).ok_or((column, Reason::ValueUnknown))?
        };
        if let StateWord::InForce | StateWord::Objection | StateWord::Extended = meaning {
            // the word says one thing and the day another: the word counts, and it is told
            self.warnings += u32::from(on.is_some());
        }
        Ok(match meaning {
            StateWord::InForce => (State::InForce, false, false),
            StateWord::Exited => (State::Exited(on), false, false),
            StateWord::Repaired => (State::Repaired, false, false),
            StateWord::Revoked => (State::Revoked, false, false),
            StateWord::Suspended => {
                let pause = self.ordered(Term { from: on, to: until }, &at.state_until)?;
                (State::Suspended(pause), false, false)
            }
            StateWord::Objection => (State::InForce, true, false),
            StateWord::Extended => (State::InForce, false, true),
        })
    }

    /// The column, else the feed, else the region in the USCC.
    fn region(&mut self, ids: &[Identifier]) -> Result<u32, Refused> {
        let cell = self.cell(&self.mapper.at.region)?.text;
        if region::known(cell.as_bytes()) {
            return Ok(cell.parse().unwrap_or(0));
        }
        self.warnings += u32::from(!cell.is_empty());
        if self.mapper.feed.region != 0 {
            return Ok(self.mapper.feed.region);
        }
        let uscc = ids.iter().find(|id| id.kind() == IdentifierKind::Uscc);
        let digits = uscc.and_then(|id| id.text().get(2..8));
        Ok(digits
            .filter(|digits| region::known(digits.as_bytes()))
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0))
    }

    fn former_names(&self) -> Result<Vec<FormerName>, Refused> {
        let Cell { at, text } = self.cell(&self.mapper.at.former_names)?;
        let mut names = Vec::new();
        for name in text.split(['、', ';', '；']).map(date::trimmed).filter(|name| !name.is_empty())
        {
            if name.len() > limits::NAME_BYTES_MAX || names.len() == FORMER_NAMES_MAX {
                return Err((at, Reason::ValueTooLong));
            }
            let (name, until) = dated(name);
            names.push(FormerName { name: name.to_owned(), until });
        }
        Ok(names)
    }

    fn related(&mut self) -> Result<Vec<Related>, Refused> {
        let mut related = Vec::new();
        let mapper = self.mapper;
        for at in &mapper.related {
            let name = self.text(&at.name, limits::NAME_BYTES_MAX)?;
            let id = match self.identifier(&at.id, None, &at.id_kind)? {
                Some(Found::Full(id)) => Some(id),
                Some(Found::Masked(_)) => {
                    self.warnings += 1;
                    None
                }
                None => None,
            };
            if !name.is_empty() || id.is_some() {
                related.push(Related { role: at.role, name, id });
            }
        }
        Ok(related)
    }
}

/// A former name and its last day, where one stands in brackets behind it: `旧名（至2024-01-01）`,
/// `旧名（2019-07-13至2024-01-01）`; none where it is borne still: `别名（2019-07-13至今）`. Any other
/// bracket is the name's.
fn dated(text: &str) -> (&str, Option<Day>) {
    let dated = text.strip_suffix(['）', ')']).and_then(|text| text.rsplit_once(['（', '(']));
    let term = dated.and_then(|(name, term)| {
        let (from, until) = term.rsplit_once('至')?;
        let until = match until {
            "今" if date::read(from).is_ok() => None,
            until => Some(date::read(until).ok()??),
        };
        Some((date::trimmed(name), until))
    });
    term.filter(|(name, _)| !name.is_empty()).unwrap_or((text, None))
}

pub(crate) fn reason_of(fault: Fault) -> Reason {
    match fault {
        Fault::Encoding => Reason::EncodingBroken,
        Fault::TooManyCells => Reason::TooManyCells,
        Fault::TooFewCells => Reason::TooFewCells,
        Fault::TooLong => Reason::RowTooLong,
        Fault::Syntax => Reason::Syntax,
    }
}

/// What a word of the feed means, compared as headings are.
fn meaning<T: Copy>(words: &HashMap<String, T>, word: &str) -> Option<T> {
    if word.is_empty() {
        return None;
    }
    let folded_word = || {
        let word = folded(word);
        words.iter().find(|(known, _)| folded(known) == word).map(|(_, meaning)| meaning)
    };
    words.get(word).or_else(folded_word).copied()
}

enum Found {
    Full(Identifier),
    Masked(MaskedIdentifier),
}

/// The identifier in a cell, whose column or neighbour may state its kind.
///
/// The stated kind counts unless the form says otherwise beyond doubt: columns for USCCs hold
/// organisation codes and older numbers in the field, and an 18-character number whose check digit
/// holds is what it says.
fn identified(text: &str, stated: Option<IdentifierKind>) -> Result<Found, IdentifierError> {
    let shows_hiding = text.contains(['*', '＊', '●', '•', '×', '#']);
    // XXXX hides digits too, unless it is part of a code, whose check digit then holds
    let is_crossed = text.as_bytes().windows(4).any(|four| matches!(four, b"XXXX" | b"xxxx"))
        && !Identifier::recognise(text).is_ok_and(|id| id.quality().is_good());
    if shows_hiding || is_crossed {
        return MaskedIdentifier::parse(text).map(Found::Masked).ok_or(IdentifierError::Masked);
    }
    let seen = Identifier::recognise(text)?;
    let Some(stated) = stated.filter(|stated| *stated != seen.kind()) else {
        return Ok(Found::Full(seen));
    };
    let is_18 = seen.text().len() == 18;
    let is_sure = is_18 && !seen.quality().check_digit;
    if is_sure || (stated == IdentifierKind::Uscc && !is_18) {
        return Ok(Found::Full(seen));
    }
    Identifier::of(stated, text).map(Found::Full)
}

/// A remark in an identifier's column (待补充信息): every real number has a digit.
pub fn is_garbage(id: &Identifier) -> bool {
    id.kind() != IdentifierKind::VehiclePlate && !id.text().bytes().any(|b| b.is_ascii_digit())
}

/// A spreadsheet made a figure of the number in this cell, and its last digits are gone.
pub fn has_lost_digits(cell: &str) -> bool {
    cell.starts_with(LOST) || is_power_of_ten(cell)
}

/// `3.2E+17`: what a spreadsheet makes of 18 digits.
fn is_power_of_ten(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    whole.len() == 1
        && digits(whole)
        && digits(fraction)
        && matches!(exponent.len(), 1 | 2)
        && digits(exponent)
}

/// `#N/A`, `#REF!`: what a spreadsheet shows where it has no value.
pub fn is_cell_error(text: &str) -> bool {
    text.starts_with('#')
        && matches!(
            text,
            "#N/A"
                | "#REF!"
                | "#VALUE!"
                | "#NAME?"
                | "#DIV/0!"
                | "#NUM!"
                | "#NULL!"
                | "#DATA!"
                | "#GETTING_DATA"
        )
}

/// A word that only bodies bear.
fn names_a_body(name: &str) -> bool {
    const ANYWHERE: [&str; 12] = [
        "公司",
        "集团",
        "合作社",
        "银行",
        "医院",
        "学校",
        "中心",
        "协会",
        "企业",
        "合伙",
        "委员会",
        "经营部",
    ];
    const AT_THE_END: &[char] =
        &['厂', '店', '铺', '馆', '吧', '坊', '局', '院', '校', '所', '社', '站'];
    ANYWHERE.iter().any(|word| name.contains(word)) || name.ends_with(AT_THE_END)
}

/// A name in pinyin, as passports have it: a syllable and one or two more as one word, or three, each capitalised.
/// Other names in Latin letters are taken for bodies': who is wrongly taken for a person is met by name hardly
/// anywhere, who is wrongly taken for a body is a suspicion too many.
fn looks_pinyin(name: &str) -> bool {
    let capitalised =
        name.split_whitespace().filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    let words: SmallVec<[String; 3]> =
        capitalised.map(|word| word.replace(['-', '\''], "").to_ascii_lowercase()).collect();
    let is_syllable = |word: &str| SYLLABLES.contains(word);
    let is_given = |word: &str| {
        let mut cuts = (1..word.len()).map(|at| word.split_at(at));
        is_syllable(word) || cuts.any(|(one, two)| is_syllable(one) && is_syllable(two))
    };
    name.is_ascii()
        && words.len() == name.split_whitespace().count()
        && match &words[..] {
            [one, two] => {
                (is_syllable(one) && is_given(two)) || (is_given(one) && is_syllable(two))
            }
            [_, _, _] => words.iter().all(|word| is_syllable(word)),
            _ => false,
        }
}

/// Two to four Han characters, or dotted parts, without a word that only bodies bear. Four are rarely
/// a person's, so there the endings count that given names share (行, 会, 楼).
fn looks_personal(name: &str) -> bool {
    const OF_FOUR: &[char] = &[
        '行', '会', '部', '队', '场', '园', '楼', '屋', '房', '室', '城', '市', '庄', '学', '业',
        '组',
    ];
    if names_a_body(name) {
        return false;
    }
    let is_dot = |c: char| {
        matches!(
            c,
            '\u{b7}'
                | '\u{2022}'
                | '\u{2027}'
                | '\u{30fb}'
                | '\u{ff65}'
                | '\u{2219}'
                | '\u{22c5}'
                | '\u{387}'
        )
    };
    let is_han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}');
    let count = name.chars().filter(|&c| is_han(c)).count();
    let is_dotted = name.contains(is_dot);
    if !name.chars().all(|c| is_han(c) || is_dot(c) || c.is_whitespace()) {
        return false;
    }
    match count {
        2 | 3 => true,
        4 => is_dotted || !name.ends_with(OF_FOUR),
        _ => is_dotted && count <= 16,
    }
}
