//! Row → entry or reject. Pure: rows are mapped side by side.

use super::SourceError;
use super::batch::{Fault, Row};
use super::date;
use super::excel::LOST;
use super::mapping::{Columns, FeedSpec, Headings, Mapping, StateWord};
use super::reject::{Reason, Reject};
use crate::record::{
    Day, Entry, FormerName, Identifier, IdentifierError, IdentifierKind, MaskedIdentifier,
    Provenance, Related, Role, State, Subject, SubjectKind, Term, limits,
};
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// A row that was used.
#[derive(Clone, PartialEq, Debug)]
pub struct Mapped {
    /// What it says.
    pub entry: Entry,
    /// Cells left out: dates that are only informative and could not be read, identifiers that are none.
    pub warnings: u32,
}

/// The columns of a file, resolved, and what its feed adds.
pub struct Mapper<'a> {
    mapping: &'a Mapping,
    feed: &'a FeedSpec,
    file: String,
    headings: Vec<String>,
    at: Positions,
    identifiers: Vec<(usize, Option<IdentifierKind>, Option<usize>)>,
    related: Vec<(Role, usize, Option<usize>, Option<usize>)>,
}

/// Positions of the simple fields.
struct Positions {
    name: usize,
    entry_id: Option<usize>,
    kind: Option<usize>,
    former_names: Option<usize>,
    reason: Option<usize>,
    document: Option<usize>,
    authority: Option<usize>,
    region: Option<usize>,
    decided: Option<usize>,
    published: Option<usize>,
    from: Option<usize>,
    to: Option<usize>,
    publicity_until: Option<usize>,
    state: Option<usize>,
    state_on: Option<usize>,
}

/// A heading as it is compared: NFKC, without spaces.
fn folded(heading: &str) -> String {
    heading.nfkc().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect()
}

/// The headings that a mapping knows, each once.
pub fn wanted(mapping: &Mapping) -> Vec<String> {
    let c = &mapping.columns;
    let simple = [
        Some(&c.name),
        c.entry_id.as_ref(),
        c.kind.as_ref(),
        c.former_names.as_ref(),
        c.reason.as_ref(),
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
    ];
    let identifiers =
        mapping.identifiers.iter().flat_map(|id| [Some(&id.column), id.kind_column.as_ref()]);
    let related =
        mapping.related.iter().flat_map(|r| [Some(&r.name), r.id.as_ref(), r.id_kind.as_ref()]);
    let mut wanted: Vec<String> = Vec::new();
    for heading in
        simple.into_iter().chain(identifiers).chain(related).flatten().flat_map(Headings::each)
    {
        if !wanted.contains(heading) {
            wanted.push(heading.clone());
        }
    }
    wanted
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
        let keys: Vec<String> = headings.iter().map(|heading| folded(heading)).collect();
        let find = |wanted: &Headings| {
            wanted
                .each()
                .iter()
                .find_map(|wanted| keys.iter().position(|key| *key == folded(wanted)))
        };
        let optional = |wanted: &Option<Headings>| wanted.as_ref().and_then(find);
        let needed = |wanted: &Headings| {
            find(wanted).ok_or_else(|| SourceError::MissingColumn {
                file: path.to_owned(),
                column: wanted.each().join(" | "),
                found: match headings {
                    [] => "nothing: 文件为空 / the file is empty".to_owned(),
                    headings => headings.join(", "),
                },
            })
        };
        let Columns { name, from, .. } = &mapping.columns;
        let c = &mapping.columns;
        let at = Positions {
            name: needed(name)?,
            from: from.as_ref().map(needed).transpose()?,
            entry_id: optional(&c.entry_id),
            kind: optional(&c.kind),
            former_names: optional(&c.former_names),
            reason: optional(&c.reason),
            document: optional(&c.document),
            authority: optional(&c.authority),
            region: optional(&c.region),
            decided: optional(&c.decided),
            published: optional(&c.published),
            to: optional(&c.to),
            publicity_until: optional(&c.publicity_until),
            state: optional(&c.state),
            state_on: optional(&c.state_on),
        };
        let identifiers = mapping
            .identifiers
            .iter()
            .map(|id| Ok((needed(&id.column)?, id.kind, optional(&id.kind_column))))
            .collect::<Result<_, SourceError>>()?;
        let related = mapping
            .related
            .iter()
            .filter_map(|r| Some((r.role, find(&r.name)?, optional(&r.id), optional(&r.id_kind))))
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

impl<'a> Reading<'a> {
    fn read(mut self) -> Result<Mapped, Refused> {
        match self.row.fault {
            None => {}
            Some(Fault::Encoding) => return Err((None, Reason::EncodingBroken)),
            Some(Fault::TooManyCells) => return Err((None, Reason::TooManyCells)),
            Some(Fault::Syntax) => return Err((None, Reason::Syntax)),
        }
        let at = &self.mapper.at;
        let name = self.text(Some(at.name), limits::NAME_BYTES_MAX)?;
        if name.is_empty() {
            return Err((Some(at.name), Reason::NameMissing));
        }
        let (ids, masked) = self.identifiers()?;
        let kind = self.kind(&ids, masked.as_ref(), &name)?;
        let term = self.term()?;
        let (state, objection, extended) = self.state()?;
        let region = self.region(&ids);
        let authority = self.text(at.authority, limits::NAME_BYTES_MAX)?;
        let feed = self.mapper.feed;
        let entry = Entry {
            id: self.text(at.entry_id, limits::DOCUMENT_BYTES_MAX)?,
            list: feed.list.clone(),
            reason: self.text(at.reason, limits::TEXT_BYTES_MAX)?,
            document: self.text(at.document, limits::DOCUMENT_BYTES_MAX)?,
            authority: if authority.is_empty() { feed.authority.clone() } else { authority },
            region,
            decided: self.informative_day(at.decided),
            published: self.informative_day(at.published),
            publicity_until: date::read_end(self.cell(at.publicity_until)).unwrap_or(None),
            term,
            state,
            objection,
            extended,
            provenance: Provenance {
                source: self.mapper.mapping.code.clone(),
                file: self.mapper.file.clone(),
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

    /// A cell without the spaces around it; empty where it is null.
    fn cell(&self, at: Option<usize>) -> &'a str {
        let cell = at.map_or("", |at| self.row.cell(at)).trim();
        if date::is_null(cell) { "" } else { cell }
    }

    fn text(&self, at: Option<usize>, max: usize) -> Result<String, Refused> {
        let cell = self.cell(at);
        if cell.len() > max {
            return Err((at, Reason::ValueTooLong));
        }
        if cell.starts_with(LOST) {
            return Err((at, Reason::DigitsLost));
        }
        Ok(cell.to_owned())
    }

    fn identifiers(&mut self) -> Result<(Vec<Identifier>, Option<MaskedIdentifier>), Refused> {
        let (mut ids, mut masked): (Vec<Identifier>, _) = (Vec::new(), None);
        let mapper = self.mapper;
        for &(at, kind, kind_at) in &mapper.identifiers {
            match self.identifier(at, kind, kind_at)? {
                None => {}
                Some(Found::Full(id)) if ids.contains(&id) => {}
                Some(Found::Full(id)) => ids.push(id),
                Some(Found::Masked(mask)) => masked = Some(mask),
            }
        }
        Ok((ids, masked))
    }

    fn identifier(
        &mut self,
        at: usize,
        kind: Option<IdentifierKind>,
        kind_at: Option<usize>,
    ) -> Result<Option<Found>, Refused> {
        let cell = self.cell(Some(at));
        if cell.is_empty() {
            return Ok(None);
        }
        if cell.starts_with(LOST) || is_power_of_ten(cell) {
            return Err((Some(at), Reason::DigitsLost));
        }
        let stated = kind_at
            .and_then(|at| self.mapper.mapping.values.identifier_kind.get(self.cell(Some(at))));
        let read = match kind.or(stated.copied()) {
            Some(kind) => Identifier::of(kind, cell),
            None => Identifier::recognise(cell),
        };
        match read {
            Ok(id) => Ok(Some(Found::Full(id))),
            Err(IdentifierError::Empty) => Ok(None),
            Err(IdentifierError::TooLong { .. }) => Err((Some(at), Reason::ValueTooLong)),
            Err(IdentifierError::Masked) => {
                let mask = MaskedIdentifier::parse(cell);
                self.warnings += u32::from(mask.is_none());
                Ok(mask.map(Found::Masked))
            }
            Err(IdentifierError::TooShort) => {
                self.warnings += 1;
                Ok(None)
            }
        }
    }

    fn kind(
        &self,
        ids: &[Identifier],
        masked: Option<&MaskedIdentifier>,
        name: &str,
    ) -> Result<SubjectKind, Refused> {
        let at = self.mapper.at.kind;
        let word = self.cell(at);
        if !word.is_empty() {
            let kind = self.mapper.mapping.values.kind.get(word).copied();
            return kind.ok_or((at, Reason::ValueUnknown));
        }
        let of_id = ids.iter().find_map(|id| match id.kind() {
            IdentifierKind::Uscc if id.text().starts_with("92") => {
                Some(SubjectKind::IndividualBusiness)
            }
            IdentifierKind::Uscc | IdentifierKind::OrgCode => Some(SubjectKind::Organisation),
            IdentifierKind::VehiclePlate => Some(SubjectKind::Vehicle),
            kind if kind.is_personal() => Some(SubjectKind::NaturalPerson),
            _ => None,
        });
        Ok(of_id.unwrap_or_else(|| {
            let personal = masked
                .is_some_and(|masked| masked.text().bytes().take(6).all(|b| b.is_ascii_digit()))
                && looks_personal(name);
            if personal || (ids.is_empty() && looks_personal(name)) {
                SubjectKind::NaturalPerson
            } else {
                SubjectKind::Organisation
            }
        }))
    }

    fn term(&self) -> Result<Term, Refused> {
        let at = &self.mapper.at;
        let from = date::read(self.cell(at.from)).map_err(|_| (at.from, Reason::DateUnreadable))?;
        let to = date::read_end(self.cell(at.to)).map_err(|_| (at.to, Reason::DateUnreadable))?;
        match (from, to) {
            (Some(from), Some(to)) if to < from => Err((at.to, Reason::TermReversed)),
            _ => Ok(Term { from, to }),
        }
    }

    /// State, objection, extension.
    fn state(&self) -> Result<(State, bool, bool), Refused> {
        let at = &self.mapper.at;
        let word = self.cell(at.state);
        if word.is_empty() {
            return Ok((State::InForce, false, false));
        }
        let meaning =
            self.mapper.mapping.values.state.get(word).ok_or((at.state, Reason::ValueUnknown))?;
        let on = date::read(self.cell(at.state_on))
            .map_err(|_| (at.state_on, Reason::DateUnreadable))?;
        Ok(match meaning {
            StateWord::InForce => (State::InForce, false, false),
            StateWord::Exited => (State::Exited(on), false, false),
            StateWord::Repaired => (State::Repaired, false, false),
            StateWord::Revoked => (State::Revoked, false, false),
            StateWord::Suspended => (State::Suspended(Term { from: on, to: None }), false, false),
            StateWord::Objection => (State::InForce, true, false),
            StateWord::Extended => (State::InForce, false, true),
        })
    }

    /// A day from which nothing follows: what cannot be read is left out and counted.
    fn informative_day(&mut self, at: Option<usize>) -> Option<Day> {
        date::read(self.cell(at)).unwrap_or_else(|_| {
            self.warnings += 1;
            None
        })
    }

    /// The column, else the feed, else the region in the USCC.
    fn region(&mut self, ids: &[Identifier]) -> u32 {
        let cell = self.cell(self.mapper.at.region);
        if cell.len() == 6 && cell.bytes().all(|b| b.is_ascii_digit()) {
            return cell.parse().unwrap_or(0);
        }
        if self.mapper.feed.region != 0 {
            return self.mapper.feed.region;
        }
        let uscc = ids.iter().find(|id| id.kind() == IdentifierKind::Uscc);
        uscc.and_then(|id| id.text().get(2..8)).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    fn former_names(&self) -> Result<Vec<FormerName>, Refused> {
        let cell = self.text(self.mapper.at.former_names, limits::TEXT_BYTES_MAX)?;
        let names = cell.split(['、', ';', '；']).map(str::trim).filter(|name| !name.is_empty());
        Ok(names.map(|name| FormerName { name: name.to_owned(), until: None }).collect())
    }

    fn related(&mut self) -> Result<Vec<Related>, Refused> {
        let mut related = Vec::new();
        let mapper = self.mapper;
        for &(role, name_at, id_at, kind_at) in &mapper.related {
            let name = self.text(Some(name_at), limits::NAME_BYTES_MAX)?;
            let id = match id_at {
                Some(at) => self.identifier(at, None, kind_at)?,
                None => None,
            };
            let id = match id {
                Some(Found::Full(id)) => Some(id),
                _ => None,
            };
            if !name.is_empty() || id.is_some() {
                related.push(Related { role, name, id });
            }
        }
        Ok(related)
    }
}

enum Found {
    Full(Identifier),
    Masked(MaskedIdentifier),
}

/// `3.2E+17`: what a spreadsheet makes of 18 digits.
fn is_power_of_ten(cell: &str) -> bool {
    let lower = cell.to_ascii_lowercase();
    let Some((mantissa, exponent)) = lower.split_once('e') else { return false };
    mantissa.contains('.')
        && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && exponent.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit())
        && !exponent.is_empty()
}

/// Two to four Han characters, or dotted parts, without a word that only bodies bear.
fn looks_personal(name: &str) -> bool {
    const BODY: [&str; 12] =
        ["公司", "厂", "店", "行", "社", "中心", "学校", "医院", "协会", "银行", "部", "局"];
    let dotted = name.contains('·') || name.contains('•') || name.contains('・');
    let han = name.chars().filter(|c| ('\u{3400}'..='\u{9fff}').contains(c)).count();
    !BODY.iter().any(|word| name.ends_with(word))
        && ((2..=4).contains(&han) || (dotted && han <= 16))
}
