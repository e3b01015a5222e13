//! One row an entry, and its text.
//!
//! ```text
//! entries  = row*                one cache line each, ordered by subject, list, day
//! text     = record*             a row knows where its record begins and how long it is
//! record   = string(id) string(name) string(document) string(reason) string(mask)
//!            count(u8) (until(i32) string(name))*                   former names
//!            count(u8) (role(u8) string(name) kind(u8) string(id))* related, kind 0xff: no identifier
//! string   = length(LEB128) UTF-8
//! ```

use super::{EntryNo, SnapshotListNo, SubjectNo};
use crate::record::{
    Day, Entry, FormerName, Identifier, IdentifierKind, MaskedIdentifier, Provenance, Related,
    Role, State, Subject, SubjectKind, Term,
};
use crate::text::Keys;
use compact_str::CompactString;
use std::cmp::Reverse;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// See the [module](self). Days are days since 1970, `NO_DAY` where there is none.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Clone, Copy, Default)]
#[repr(C)]
pub struct Row {
    pub(super) text_start: u64,
    pub(super) text_length: u32,
    pub(super) subject: u32,
    pub(super) list: u16,
    pub(super) file: u16,
    pub(super) file_row: u32,
    pub(super) authority: u32,
    pub(super) region: u32,
    pub(super) from: i32,
    pub(super) to: i32,
    pub(super) decided: i32,
    pub(super) published: i32,
    pub(super) publicity_until: i32,
    pub(super) state_from: i32,
    pub(super) state_to: i32,
    pub(super) state: u8,
    pub(super) flags: u8,
    pub(super) kind: u8,
    pub(super) zero: u8,
}

const _: () = assert!(size_of::<Row>() == 64);

const NO_DAY: i32 = i32::MIN;
const OBJECTION: u8 = 1;
const EXTENDED: u8 = 2;
const NO_IDENTIFIER: u8 = 0xff;

fn day_number(day: Option<Day>) -> i32 {
    day.map_or(NO_DAY, |day| day.0)
}

fn day(number: i32) -> Option<Day> {
    (number != NO_DAY).then_some(Day(number))
}

impl Row {
    /// The row of an entry, apart from what only the builder knows.
    pub(super) fn of(entry: &Entry) -> Row {
        let (state, pause) = match entry.state {
            State::InForce => (0, Term::default()),
            State::Suspended(pause) => (1, pause),
            State::Exited(on) => (2, Term { from: on, to: None }),
            State::Repaired => (3, Term::default()),
            State::Revoked => (4, Term::default()),
        };
        let objection = if entry.objection { OBJECTION } else { 0 };
        let extended = if entry.extended { EXTENDED } else { 0 };
        Row {
            file_row: u32::try_from(entry.provenance.row).unwrap_or(u32::MAX),
            region: entry.region,
            from: day_number(entry.term.from),
            to: day_number(entry.term.to),
            decided: day_number(entry.decided),
            published: day_number(entry.published),
            publicity_until: day_number(entry.publicity_until),
            state_from: day_number(pause.from),
            state_to: day_number(pause.to),
            state,
            flags: objection | extended,
            kind: entry.subject.kind as u8,
            ..Row::default()
        }
    }

    /// This row under the number of another: of the same list, subject, file.
    pub(super) fn in_place_of(self, other: &Row) -> Row {
        Row {
            subject: other.subject,
            list: other.list,
            file: other.file,
            file_row: other.file_row,
            ..self
        }
    }

    /// This row of a subject, on the list of a number.
    pub(super) fn of_subject(self, subject: SubjectNo, list: u16) -> Row {
        Row { subject: subject.0, list, ..self }
    }

    /// What is listed.
    pub(super) fn kind(&self) -> SubjectKind {
        SubjectKind::from_number(self.kind).unwrap_or(SubjectKind::Organisation)
    }

    fn state(&self) -> Option<State> {
        let pause = Term { from: day(self.state_from), to: day(self.state_to) };
        Some(match self.state {
            0 => State::InForce,
            1 => State::Suspended(pause),
            2 => State::Exited(pause.from),
            3 => State::Repaired,
            4 => State::Revoked,
            _ => return None,
        })
    }

    pub(super) fn list_and_from(&self) -> (u16, i32) {
        (self.list, self.from)
    }
}

/// Append the record of an entry, whose id is given.
pub(super) fn write_text(entry: &Entry, id: &str, out: &mut Vec<u8>) {
    let subject = &entry.subject;
    write_string(id, out);
    write_string(&subject.name, out);
    write_string(&entry.document, out);
    write_string(&entry.reason, out);
    write_string(subject.masked.as_ref().map_or("", MaskedIdentifier::text), out);
    let other_names = &subject.other_names[..subject.other_names.len().min(255)];
    out.push(other_names.len() as u8);
    for former in other_names {
        out.extend_from_slice(&day_number(former.until).to_le_bytes());
        write_string(&former.name, out);
    }
    let related = &subject.related[..subject.related.len().min(255)];
    out.push(related.len() as u8);
    for person in related {
        out.push(person.role as u8);
        write_string(&person.name, out);
        out.push(person.id.as_ref().map_or(NO_IDENTIFIER, |id| id.kind() as u8));
        write_string(person.id.as_ref().map_or("", Identifier::text), out);
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    let mut length = text.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(text.as_bytes());
}

/// Reads a record from its first to its last byte; what is damaged reads as empty.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        byte
    }

    fn day(&mut self) -> Option<Day> {
        let number = [self.byte(), self.byte(), self.byte(), self.byte()];
        day(i32::from_le_bytes(number))
    }

    fn string(&mut self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or("")
    }

    fn bytes(&mut self) -> &'a [u8] {
        let mut length = 0;
        for shift in (0..28).step_by(7) {
            let byte = self.byte();
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((&[], &[]));
        self.rest = rest;
        text
    }
}

/// An entry as the index holds it. Reading a field costs a walk over the text before it.
#[derive(Clone, Copy)]
pub struct EntryView<'a> {
    /// Its number.
    pub no: EntryNo,
    pub(super) row: &'a Row,
    pub(super) text: &'a [u8],
    pub(super) authority: &'a str,
}

/// How a subject bears a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Borne {
    /// Only as a former name or an alias.
    pub former: bool,
    /// The last day on which it was borne, where one is recorded.
    pub until: Option<Day>,
    /// The name is equal but for its script or its legal form: by its K2 key alone.
    pub variant: bool,
}

/// The strings of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryText<'a> {
    /// Stable id.
    pub id: &'a str,
    /// The subject's name as recorded.
    pub name: &'a str,
    /// Document or case number.
    pub document: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The identifier with hidden digits, where that is all that was published.
    pub masked: Option<MaskedIdentifier>,
}

impl<'a> EntryView<'a> {
    /// Whose entry it is.
    pub fn subject(&self) -> SubjectNo {
        SubjectNo(self.row.subject)
    }

    /// The list it is on.
    pub fn list(&self) -> SnapshotListNo {
        SnapshotListNo(self.row.list)
    }

    /// What the subject is.
    pub fn kind(&self) -> SubjectKind {
        self.row.kind()
    }

    /// Who decided.
    pub fn authority(&self) -> &'a str {
        self.authority
    }

    /// Six digits, 0 where unknown.
    pub fn region(&self) -> u32 {
        self.row.region
    }

    /// When it counts.
    pub fn term(&self) -> Term {
        Term { from: day(self.row.from), to: day(self.row.to) }
    }

    /// Where it stands. What is damaged counts for nothing.
    pub fn state(&self) -> State {
        self.row.state().unwrap_or(State::Revoked)
    }

    /// Counts on a day: within its term and in force.
    pub fn counts_on(&self, day: Day) -> bool {
        self.term().covers(day) && self.state().in_force_on(day)
    }

    /// An objection is noted.
    pub fn objection(&self) -> bool {
        self.row.flags & OBJECTION != 0
    }

    /// The term was extended.
    pub fn extended(&self) -> bool {
        self.row.flags & EXTENDED != 0
    }

    /// Day of the decision.
    pub fn decided(&self) -> Option<Day> {
        day(self.row.decided)
    }

    /// Day of publication.
    pub fn published(&self) -> Option<Day> {
        day(self.row.published)
    }

    /// Last day of publication.
    pub fn publicity_until(&self) -> Option<Day> {
        day(self.row.publicity_until)
    }

    /// File number and row, for provenance.
    pub fn file(&self) -> (u16, u32) {
        (self.row.file, self.row.file_row)
    }

    /// Its strings.
    pub fn text(&self) -> EntryText<'a> {
        self.read_text().0
    }

    /// Its stable id.
    pub fn id(&self) -> &'a str {
        Cursor { rest: self.text }.string()
    }

    /// All of it as a record, with what only the index knows.
    pub(super) fn record(&self, list: &str, ids: Vec<Identifier>, provenance: Provenance) -> Entry {
        let text = self.text();
        let former =
            |(name, until): (&str, Option<Day>)| FormerName { name: name.to_owned(), until };
        let related = |(role, name, id): (Role, &str, Option<Identifier>)| Related {
            role,
            name: name.to_owned(),
            id,
        };
        Entry {
            id: text.id.to_owned(),
            list: list.to_owned(),
            subject: Subject {
                kind: self.kind(),
                name: text.name.to_owned(),
                other_names: self.other_names().map(former).collect(),
                ids,
                masked: text.masked,
                related: self.related().map(related).collect(),
            },
            reason: text.reason.to_owned(),
            document: text.document.to_owned(),
            authority: self.authority.to_owned(),
            region: self.region(),
            decided: self.decided(),
            published: self.published(),
            term: self.term(),
            publicity_until: self.publicity_until(),
            state: self.state(),
            objection: self.objection(),
            extended: self.extended(),
            provenance,
        }
    }

    /// The subject's name as recorded.
    pub fn name(&self) -> &'a str {
        let mut cursor = Cursor { rest: self.text };
        cursor.bytes();
        cursor.string()
    }

    /// Former names and aliases, each with the last day it was borne.
    pub fn other_names(&self) -> impl Iterator<Item = (&'a str, Option<Day>)> {
        let mut cursor = self.after_text();
        (0..cursor.byte()).map(move |_| {
            let until = cursor.day();
            (cursor.string(), until)
        })
    }

    /// All its names: its own, then former names and aliases in order.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.name()).chain(self.other_names().map(|(name, _)| name))
    }

    /// How the subject bears a name with the K2 key of `asked`: as its own, else as the one that it gave
    /// up last. `keys` is space. Cost: 0.2 µs a name.
    pub fn bears(&self, asked: &Keys, keys: &mut Keys) -> Option<Borne> {
        let mut is_equal = |name: &str| {
            keys.of(name);
            let variant = keys.folded != asked.folded;
            (keys.unified == asked.unified).then_some(variant)
        };
        if let Some(variant) = is_equal(self.name()) {
            return Some(Borne { former: false, until: None, variant });
        }
        let others = self.other_names().filter_map(|(name, until)| {
            is_equal(name).map(|variant| Borne { former: true, until, variant })
        });
        others.min_by_key(|borne| (borne.until.is_some(), Reverse(borne.until), borne.variant))
    }

    /// Related persons and bodies.
    pub fn related(&self) -> impl Iterator<Item = (Role, &'a str, Option<Identifier>)> {
        let mut cursor = self.after_text();
        for _ in 0..cursor.byte() {
            cursor.day();
            cursor.bytes();
        }
        (0..cursor.byte()).filter_map(move |_| {
            let role = Role::from_number(cursor.byte());
            let name = cursor.string();
            let kind = IdentifierKind::from_number(cursor.byte());
            let id = cursor.string();
            let id = kind.map(|kind| Identifier::trusted(kind, CompactString::from(id)));
            role.map(|role| (role, name, id))
        })
    }

    fn after_text(&self) -> Cursor<'a> {
        let mut cursor = Cursor { rest: self.text };
        for _ in 0..5 {
            cursor.bytes();
        }
        cursor
    }

    fn read_text(&self) -> (EntryText<'a>, Cursor<'a>) {
        let mut cursor = Cursor { rest: self.text };
        let [id, name, document, reason, masked] = [(); 5].map(|()| cursor.string());
        let masked =
            (!masked.is_empty()).then(|| MaskedIdentifier::trusted(CompactString::from(masked)));
        (EntryText { id, name, document, reason, masked }, cursor)
    }

    /// Its row and its record are readable to the last byte.
    pub(super) fn validate(&self) -> Result<(), String> {
        let (text, mut cursor) = self.read_text();
        for _ in 0..cursor.byte() {
            cursor.day();
            cursor.string();
        }
        for _ in 0..cursor.byte() {
            cursor.byte();
            cursor.string();
            cursor.byte();
            cursor.string();
        }
        let whole = cursor.rest.is_empty() && !text.id.is_empty() && self.row.state().is_some();
        if whole { Ok(()) } else { Err(format!("entry {} cannot be read", self.no.0)) }
    }
}
