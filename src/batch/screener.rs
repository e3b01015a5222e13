//! A row's subject → its result.

use super::Tally;
use super::columns::PREFIX;
use crate::catalogue::{ListNo, MatterNo};
use crate::index::{EntryView, Listed};
use crate::record::{
    Identifier, IdentifierError, IdentifierKind, Instant, MaskedIdentifier, SubjectKind, limits,
};
use crate::screen::alone::Window;
use crate::screen::find::Scratch;
use crate::screen::{
    self, Basis, Decision, Hit, Question, SubjectDecision, Unaskable, Verdict, alone,
};
use crate::source::date;
use crate::source::mapper::{has_lost_digits, is_cell_error, is_garbage};
use crate::source::reject::Reason;
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// What all rows are decided on and for.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The lists as they stand.
    pub basis: Basis<'a>,
    /// For what; [all lists](crate::catalogue::Catalogue::all_lists) where it is nothing in particular.
    pub matter: MatterNo,
    /// For when.
    pub at: Instant,
    /// What all subjects are, where the asker knows.
    pub kind: Option<SubjectKind>,
    /// Codes of the lists that are told of; none: all.
    pub only: Option<&'a BTreeSet<String>>,
}

impl Terms<'_> {
    /// Lists that are to be consulted and are not to be relied on then.
    pub fn stale_lists(&self) -> impl Iterator<Item = ListNo> {
        self.basis.stale(self.matter, self.at).map(|stale| stale.list)
    }
}

/// What follows for a row, as cells: entries in the order of strength, parted by semicolons.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cells {
    /// The word for what follows.
    pub verdict: &'static str,
    /// Codes of the lists.
    pub lists: String,
    /// How surely each is met.
    pub grades: String,
    /// Their ids.
    pub entries: String,
    /// First days; nothing where none is recorded.
    pub from: String,
    /// Last days; nothing where there is none.
    pub to: String,
    /// What is to be known besides: of the identifiers, of how entries are met.
    pub flags: String,
}

impl Cells {
    /// What each is headed by, after the [prefix](PREFIX).
    pub const HEADINGS: [&str; 7] =
        ["verdict", "lists", "grades", "entries", "from", "to", "flags"];

    /// The same with the prefix.
    pub fn headings() -> [String; Cells::HEADINGS.len()] {
        Cells::HEADINGS.map(|word| format!("{PREFIX}{word}"))
    }

    /// All, in the order of the headings.
    pub fn all(&self) -> [&str; 7] {
        let Cells { verdict, lists, grades, entries, from, to, flags } = self;
        [verdict, lists, grades, entries, from, to, flags]
    }

    fn clear(&mut self) {
        let Cells { verdict, lists, grades, entries, from, to, flags } = self;
        *verdict = "";
        [lists, grades, entries, from, to, flags].into_iter().for_each(String::clear);
    }
}

/// Subjects of whom the first look at memory is under way before it is waited for: so many that of those who are
/// found a good part is too.
pub const WINDOW: usize = 256;

/// The flag of whoever is asked about by numbers alone.
const NUMBER_ONLY: &str = "number_only";

/// What follows for a subject that meets nothing, and of whom nothing else is to be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clear {
    /// What follows.
    pub verdict: Verdict,
    /// It is asked about by numbers alone.
    pub number_only: bool,
}

impl Clear {
    /// The cell of flags.
    pub fn flags(self) -> &'static str {
        if self.number_only { NUMBER_ONLY } else { "" }
    }

    /// Its cells.
    pub fn cells(self) -> Cells {
        Cells { verdict: self.verdict.code(), flags: self.flags().to_owned(), ..Cells::default() }
    }
}

/// What a row came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Row {
    /// Decided: nothing is met.
    Clear(Clear),
    /// Decided.
    Told,
    /// Its subject cannot be asked about.
    Unaskable(Reason),
}

impl Row {
    /// Why its subject cannot be asked about.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Row::Unaskable(reason) => Some(reason),
            Row::Clear(_) | Row::Told => None,
        }
    }
}

/// Decides rows, one after the other. See the [module](self).
pub struct Screener<'a> {
    terms: Terms<'a>,
    /// Of whoever is asked about by one number and meets nothing.
    clear: Clear,
    scratch: Scratch,
    decision: Decision,
    /// Whom the looks at memory are under way for.
    window: Window,
    /// Where what is found is read.
    found: Vec<u32>,
    /// Of the row decided last.
    pub cells: Cells,
    /// Of all rows.
    pub tally: Tally,
}

impl<'a> Screener<'a> {
    /// One that has decided nothing yet.
    pub fn new(terms: Terms<'a>) -> Screener<'a> {
        Screener {
            clear: Clear {
                verdict: screen::verdict_of_clear(&terms.basis, terms.matter, terms.at),
                number_only: true,
            },
            terms,
            scratch: Scratch::searching(),
            decision: Decision::default(),
            window: Window::default(),
            found: Vec::new(),
            cells: Cells::default(),
            tally: Tally::default(),
        }
    }

    /// Decide for a subject by its identifiers and its name, as they stand in their cells: empty ones are
    /// none. Cost: 50 ns for one that is clear by one sound identifier alone, under a microsecond for one that
    /// has a name too.
    pub fn screen<'t>(&mut self, identifiers: impl Iterator<Item = &'t str>, name: &str) -> Row {
        let identifiers: SmallVec<[&str; 4]> = identifiers.collect();
        if let (&[identifier], "") = (&identifiers[..], name)
            && alone::spot(identifier).is_some_and(|spot| !self.terms.basis.listed().may_find(spot))
        {
            self.tally.count_clear(self.clear.verdict);
            self.cells.clear();
            self.cells.verdict = self.clear.verdict.code();
            self.cells.flags.push_str(self.clear.flags());
            return Row::Clear(self.clear);
        }
        self.decide(identifiers.into_iter(), name)
    }

    /// Decide for so many, each by one identifier alone, which is this text, and tell `each` in their order: of
    /// which, what it came to, and its cells unless it is clear. The looks of a [window](WINDOW) at memory are
    /// under way at once: 30 ns for one that is clear, half a microsecond for one that is found.
    pub fn screen_all<'t>(
        &mut self,
        count: usize,
        text: impl Fn(usize) -> &'t str,
        mut each: impl FnMut(usize, Row, &Cells),
    ) {
        let listed = self.terms.basis.listed();
        for start in (0..count).step_by(WINDOW) {
            let window_count = WINDOW.min(count - start);
            self.window.look(listed, window_count, |at| text(start + at));
            listed.prefetch_found(self.window.met(), &mut self.found);
            for at in 0..window_count {
                let row = if self.window.is_clear(at) {
                    self.tally.count_clear(self.clear.verdict);
                    Row::Clear(self.clear)
                } else {
                    self.decide(std::iter::once(text(start + at)), "")
                };
                each(start + at, row, &self.cells);
            }
        }
    }

    /// Decide for whoever may be found.
    fn decide<'t>(&mut self, identifiers: impl Iterator<Item = &'t str>, name: &str) -> Row {
        self.cells.clear();
        let (question, wrong) = match ask(self.terms.kind, identifiers, name) {
            Ok(asked) => asked,
            Err(reason) => {
                self.cells.verdict = Verdict::Undetermined.code();
                self.cells.flags.push_str(reason.code());
                self.tally.count_unaskable();
                return Row::Unaskable(reason);
            }
        };
        let Terms { basis, matter, at, only, .. } = self.terms;
        let questions = [question];
        let Screener { scratch, decision, .. } = self;
        if screen::check(&basis, matter, at, &questions, scratch, decision).is_err() {
            unreachable!("this scratch searches");
        }
        decision.tell_only(&basis, only);
        let subject = &self.decision.subjects[0];
        self.tally.count(subject);
        self.cells.verdict = subject.verdict.code();
        if let Some(reason) = wrong {
            self.cells.flags.push_str(reason.code());
        }
        write_flags(subject, &mut self.cells.flags);
        let clear = Clear { verdict: subject.verdict, number_only: subject.number_only };
        if subject.hits.is_empty() && self.cells.flags == clear.flags() {
            return Row::Clear(clear);
        }
        let listed = basis.listed();
        for hit in &subject.hits {
            write_hit(&self.terms, listed, hit, &mut self.cells);
        }
        Row::Told
    }

    /// The row decided last meets an entry.
    pub fn has_hits(&self) -> bool {
        !self.cells.entries.is_empty()
    }

    /// What was decided for it.
    pub fn decided(&self) -> Option<&SubjectDecision> {
        self.decision.subjects.first()
    }

    /// What all rows are decided on.
    pub fn terms(&self) -> &Terms<'a> {
        &self.terms
    }
}

/// What parts several identifiers in one cell, beside [line feeds](lines).
const SEPARATORS: [char; 6] = ['；', ';', '、', '，', ',', '|'];
/// So many letters and digits in a row are a number, whatever else is written beside it.
const NUMBER_CHARS_MIN: usize = 15;
/// No number is longer.
const NUMBER_CHARS_MAX: usize = 20;
/// No number of an unknown kind is shorter.
const UNKNOWN_CHARS_MIN: usize = 6;
/// No number of an unknown kind has fewer digits.
const UNKNOWN_DIGITS_MIN: usize = 4;

/// The question of a row, and what is wrong with a cell that is left out of it; or why there is none.
fn ask<'t, 'n>(
    kind: Option<SubjectKind>,
    identifiers: impl Iterator<Item = &'t str>,
    name: &'n str,
) -> Result<(Question<'n>, Option<Reason>), Reason> {
    let mut question = Question { kind, ..Question::default() };
    let (mut wrong, mut count) = (None, 0);
    for cell in identifiers {
        // Most cells are of one, with which nothing is wrong; nothing below finds fault with those.
        let sound = Identifier::of_sound(cell);
        let values = sound.is_none().then(|| cell.split(SEPARATORS).flat_map(lines));
        count += usize::from(sound.is_some());
        sound.into_iter().for_each(|identifier| question.identified_by(identifier));
        for value in values.into_iter().flatten().filter(|value| !value.is_empty()) {
            count += 1;
            if count <= limits::IDENTIFIERS_MAX
                && let Err(reason) = give(&mut question, value)
            {
                wrong = wrong.or(Some(reason));
            }
        }
        if count > limits::IDENTIFIERS_MAX {
            return Err(Reason::IdentifierInvalid);
        }
    }
    // Another that decides tells who is asked about.
    if let Some(reason) = wrong.filter(|_| !question.is_decided()) {
        return Err(reason);
    }
    let name = name.trim();
    let (name, wrong) = match fault(name) {
        Some(reason) if question.ids.is_empty() => return Err(reason),
        Some(reason) => ("", wrong.or(Some(reason))),
        None => (name, wrong),
    };
    if name.len() > limits::NAME_BYTES_MAX {
        return Err(Reason::ValueTooLong);
    }
    question.name = (!name.is_empty()).then_some(name);
    match (&question.name, &question.masked, question.ids.is_empty()) {
        (None, Some(_), _) => Err(Reason::MaskedNeedsName),
        (None, None, true) => Err(Reason::SubjectUnidentified),
        _ => Ok((question, wrong)),
    }
}

/// The lines of a value, each an identifier, or all of it where one goes on from line to line.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    let value = value.trim();
    let is_one = value.contains('\n') && is_broken(value);
    value.splitn(if is_one { 1 } else { usize::MAX }, '\n').map(str::trim)
}

/// These lines are one number, or may be: not each of them decides, and all are no longer than one.
fn is_broken(lines: &str) -> bool {
    let decides = |text: &str| Identifier::recognise(text).is_ok_and(|id| id.decides());
    let chars = lines.chars().filter(|&c| !c.is_whitespace() && c != '-').count();
    decides(lines) || (chars <= NUMBER_CHARS_MAX && !lines.split('\n').all(decides))
}

/// What a spreadsheet left of the cell.
fn fault(cell: &str) -> Option<Reason> {
    let is_error = is_cell_error(cell).then_some(Reason::CellError);
    is_error.or_else(|| has_lost_digits(cell).then_some(Reason::DigitsLost))
}

fn give(question: &mut Question, value: &str) -> Result<(), Reason> {
    if let Some(reason) = fault(value) {
        return Err(reason);
    }
    if Identifier::recognise(value).is_ok_and(|id| is_no_number(&id, value)) {
        return Err(Reason::IdentifierInvalid);
    }
    match question.give(None, value) {
        Ok(()) | Err(Unaskable::Invalid(IdentifierError::Empty)) => Ok(()),
        Err(Unaskable::Invalid(IdentifierError::TooLong { .. })) => Err(Reason::ValueTooLong),
        Err(_) => Err(Reason::IdentifierInvalid),
    }
}

/// Something else stands where a number should: it would meet nobody, and its subject pass for clear.
fn is_no_number(id: &Identifier, value: &str) -> bool {
    let is_unknown = id.kind() == IdentifierKind::Other;
    // A number with a remark beside it is equal to no number.
    let mut runs = value.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != ' ');
    let mut has_number =
        || runs.any(|run| run.len() >= NUMBER_CHARS_MIN && run.len() < value.len());
    if (is_unknown && has_number()) || (value.contains('\n') && !id.decides()) {
        return true;
    }
    let digits = id.text().bytes().filter(u8::is_ascii_digit).count();
    let is_short = digits < UNKNOWN_DIGITS_MIN || id.text().chars().count() < UNKNOWN_CHARS_MIN;
    // `20260101` may be a permit's number.
    let is_parted = value.bytes().any(|byte| !byte.is_ascii_alphanumeric());
    let is_day = || is_parted && !id.decides() && date::read(value).is_ok();
    (is_garbage(id) || (is_unknown && is_short) || is_day())
        && MaskedIdentifier::parse(value).is_none()
}

fn write_flags(subject: &SubjectDecision, out: &mut String) {
    let of_hits = |is: fn(&Hit) -> bool| subject.hits.iter().any(is);
    let flags = [
        (subject.quality.check_digit, "check_digit"),
        (subject.quality.region, "region"),
        (subject.quality.birth_date, "birth_date"),
        (subject.vetoed, "identifier_conflict"),
        (subject.name_only, "name_only"),
        (subject.number_only, NUMBER_ONLY),
        (!subject.conflicts.is_empty(), "red_and_black"),
        (of_hits(|hit| hit.relation.is_some()), "related"),
        (of_hits(|hit| hit.derived), "derived"),
        (of_hits(|hit| hit.name_differs), "name_differs"),
        (of_hits(|hit| hit.name_variant), "name_variant"),
        (of_hits(|hit| hit.former_name), "former_name"),
        (of_hits(|hit| hit.name_taken_over), "name_taken_over"),
    ];
    for (_, flag) in flags.into_iter().filter(|(is, _)| *is) {
        part(out, !out.is_empty());
        out.push_str(flag);
    }
}

fn write_hit(terms: &Terms, listed: Listed, hit: &Hit, cells: &mut Cells) {
    let Some(entry) = listed.entry(hit.entry) else {
        // Found a moment ago in the same immutable bytes.
        unreachable!("a hit without its entry");
    };
    let is_next = !cells.entries.is_empty();
    let term = EntryView::term(&entry);
    for (cell, text) in [
        (&mut cells.lists, &*terms.basis.ground.catalogue.list(hit.list).code),
        (&mut cells.grades, hit.grade.code()),
        (&mut cells.entries, entry.id()),
    ] {
        part(cell, is_next);
        cell.push_str(text);
    }
    for (cell, day) in [(&mut cells.from, term.from), (&mut cells.to, term.to)] {
        part(cell, is_next);
        if let Some(day) = day {
            cell.push_str(&day.iso());
        }
    }
}

fn part(cell: &mut String, is_next: bool) {
    if is_next {
        cell.push(';');
    }
}
