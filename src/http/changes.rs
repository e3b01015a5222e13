//! `POST /v1/changes`: the body of a request → changes; what became of them → an answer.

use super::problem::{Code, Problem};
use super::request::{Bounded, Object, parse};
use crate::catalogue::Catalogue;
use crate::index::id_of;
use crate::live::{Outcome, Recorded};
use crate::record::{
    Act, Change, Day, Entry, Field, FormerName, Identifier, IdentifierKind, MaskedIdentifier,
    Provenance, Refusal, Related, Role, Sender, State, Subject, SubjectKind, Term, limits,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangesRequest {
    changes: Bounded<[Object<ChangeRequest>; 1], { limits::CHANGES_MAX }>,
}

/// One change. Which of the later fields it may have is said by `change`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRequest {
    key: String,
    change: String,
    list: String,
    entry: Option<String>,
    department: Option<String>,
    operator: Option<String>,
    document: Option<String>,
    record: Option<Object<RecordRequest>>,
    fields: Option<Object<FieldsRequest>>,
    #[serde(default, deserialize_with = "given")]
    from: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    to: Option<Option<String>>,
    on: Option<String>,
}

/// Who is listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectRequest {
    kind: Option<String>,
    name: String,
    #[serde(default)]
    former_names: Vec<FormerNameRequest>,
    id: Option<String>,
    #[serde(default)]
    ids: Vec<Object<IdentifierRequest>>,
    #[serde(default)]
    related: Vec<Object<RelatedRequest>>,
}

/// A name, with its last day where that is known.
#[derive(Deserialize)]
#[serde(untagged)]
enum FormerNameRequest {
    Name(String),
    Dated(Object<DatedNameRequest>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DatedNameRequest {
    name: String,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentifierRequest {
    kind: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelatedRequest {
    role: String,
    name: String,
    id: Option<String>,
}

/// An entry to be listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordRequest {
    subject: Object<SubjectRequest>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    document: String,
    #[serde(default)]
    authority: String,
    #[serde(default)]
    region: u32,
    decided: Option<String>,
    published: Option<String>,
    from: Option<String>,
    to: Option<String>,
    publicity_until: Option<String>,
    #[serde(default)]
    objection: bool,
}

/// Fields to be corrected: those that are given, days also to `null`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsRequest {
    subject: Option<Object<SubjectRequest>>,
    reason: Option<String>,
    document: Option<String>,
    authority: Option<String>,
    region: Option<u32>,
    #[serde(default, deserialize_with = "given")]
    decided: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    published: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    from: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    to: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    publicity_until: Option<Option<String>>,
}

/// `null` is given, an absent field is not.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The changes of a body.
///
/// # Errors
///
/// The first problem of its form: then nothing is recorded. Whether a change fits the state that it
/// meets is not said here.
pub fn read(body: &[u8], catalogue: &Catalogue) -> Result<Vec<Change>, Problem> {
    let ChangesRequest { changes } = parse(body)?;
    if changes.items.is_empty() {
        return Err(Code::EmptyChanges.at("/changes"));
    }
    if changes.beyond {
        return Err(Code::TooManyChanges.at("/changes").beyond(limits::CHANGES_MAX));
    }
    let each = changes.items.into_iter().enumerate();
    each.map(|(place, Object(change))| change.read(&At::new(place), catalogue)).collect()
}

/// Where in the body, for problems.
struct At(String);

impl At {
    fn new(place: usize) -> At {
        At(format!("/changes/{place}"))
    }

    fn of(&self, part: impl std::fmt::Display) -> At {
        At(format!("{}/{part}", self.0))
    }

    fn problem(&self, code: Code) -> Problem {
        code.at(self.0.clone())
    }

    /// A text within its bound.
    fn text(&self, text: String, max: usize) -> Result<String, Problem> {
        if text.len() > max { Err(self.problem(Code::ValueTooLong).beyond(max)) } else { Ok(text) }
    }

    fn day(&self, text: &str) -> Result<Day, Problem> {
        // One form only: the parser takes others too.
        let day = Some(text).filter(|text| text.len() == 10).and_then(|text| text.parse().ok());
        day.filter(|day: &Day| (1800..=2200).contains(&day.ymd().0))
            .ok_or_else(|| self.problem(Code::InvalidDay))
    }

    fn optional_day(&self, text: &Option<String>) -> Result<Option<Day>, Problem> {
        text.as_deref().map(|text| self.day(text)).transpose()
    }
}

impl ChangeRequest {
    fn read(self, at: &At, catalogue: &Catalogue) -> Result<Change, Problem> {
        let key = at.of("key").text(self.key, limits::CONTEXT_BYTES_MAX)?;
        if key.is_empty() {
            return Err(at.of("key").problem(Code::EmptyValue));
        }
        if catalogue.list_no(&self.list).is_none() {
            return Err(at.of("list").problem(Code::UnknownList));
        }
        let context = |field: &str, text: Option<String>| {
            at.of(field).text(text.unwrap_or_default(), limits::CONTEXT_BYTES_MAX)
        };
        let sender = Sender {
            department: context("department", self.department)?,
            operator: context("operator", self.operator)?,
            document: context("document", self.document)?,
        };
        let wanted: &[&str] = match self.change.as_str() {
            "list" => &["record"],
            "amend" => &["fields"],
            "extend" => &["to"],
            "suspend" => &["from", "to"],
            "exit" => &["on"],
            "note_objection" | "lift_objection" | "resume" | "repair" | "revoke" => &[],
            _ => return Err(at.of("change").problem(Code::UnknownChange)),
        };
        let there = [
            ("record", self.record.is_some()),
            ("fields", self.fields.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("on", self.on.is_some()),
        ];
        for (field, is_there) in there {
            let names_entry = field == "record" && self.entry.is_none();
            if is_there && !wanted.contains(&field) && !names_entry {
                return Err(at.of(field).problem(Code::UnknownField));
            }
            if !is_there && wanted.contains(&field) && self.change != "suspend" {
                return Err(at.of(field).problem(Code::MissingField));
            }
        }
        let record = self.record.map(|Object(record)| record.read(&at.of("record"), &self.list));
        let record = record.transpose()?;
        let entry = match (&self.entry, &record) {
            (Some(entry), _) => at.of("entry").text(entry.clone(), limits::DOCUMENT_BYTES_MAX)?,
            (None, Some(record)) => id_of(record),
            (None, None) => return Err(at.of("entry").problem(Code::MissingField)),
        };
        if entry.is_empty() {
            return Err(at.of("entry").problem(Code::EmptyValue));
        }
        let day = |field: &str, text: &Option<Option<String>>| {
            at.of(field).optional_day(text.as_ref().unwrap_or(&None))
        };
        let act = match (self.change.as_str(), record, self.fields) {
            ("list", Some(record), _) => Act::List(Box::new(Entry { id: entry.clone(), ..record })),
            ("amend", _, Some(Object(fields))) => Act::Amend(fields.read(&at.of("fields"))?),
            ("extend", ..) => Act::Extend { to: day("to", &self.to)? },
            ("suspend", ..) => {
                Act::Suspend(Term { from: day("from", &self.from)?, to: day("to", &self.to)? })
            }
            ("exit", ..) => Act::Exit { on: at.of("on").day(&self.on.unwrap_or_default())? },
            ("note_objection", ..) => Act::NoteObjection,
            ("lift_objection", ..) => Act::LiftObjection,
            ("resume", ..) => Act::Resume,
            ("repair", ..) => Act::Repair,
            _ => Act::Revoke,
        };
        Ok(Change { key, list: self.list, entry, act, sender })
    }
}

impl RecordRequest {
    /// The entry, without its id.
    fn read(self, at: &At, list: &str) -> Result<Entry, Problem> {
        let day = |field: &str, text: &Option<String>| at.of(field).optional_day(text);
        Ok(Entry {
            id: String::new(),
            list: list.to_owned(),
            subject: self.subject.0.read(&at.of("subject"))?,
            decided: day("decided", &self.decided)?,
            published: day("published", &self.published)?,
            term: Term { from: day("from", &self.from)?, to: day("to", &self.to)? },
            publicity_until: day("publicity_until", &self.publicity_until)?,
            reason: at.of("reason").text(self.reason, limits::TEXT_BYTES_MAX)?,
            document: at.of("document").text(self.document, limits::DOCUMENT_BYTES_MAX)?,
            authority: at.of("authority").text(self.authority, limits::NAME_BYTES_MAX)?,
            region: region(&at.of("region"), self.region)?,
            state: State::InForce,
            objection: self.objection,
            extended: false,
            provenance: Provenance { source: "changes".into(), file: "changes".into(), row: 0 },
        })
    }
}

fn region(at: &At, region: u32) -> Result<u32, Problem> {
    if region > 999_999 { Err(at.problem(Code::WrongType)) } else { Ok(region) }
}

impl FieldsRequest {
    fn read(self, at: &At) -> Result<Vec<Field>, Problem> {
        let mut fields = Vec::new();
        if let Some(Object(subject)) = self.subject {
            fields.push(Field::Subject(Box::new(subject.read(&at.of("subject"))?)));
        }
        type Texts = (&'static str, Option<String>, usize, fn(String) -> Field);
        let texts: [Texts; 3] = [
            ("reason", self.reason, limits::TEXT_BYTES_MAX, Field::Reason),
            ("document", self.document, limits::DOCUMENT_BYTES_MAX, Field::Document),
            ("authority", self.authority, limits::NAME_BYTES_MAX, Field::Authority),
        ];
        for (name, text, max, field) in texts {
            if let Some(text) = text {
                fields.push(field(at.of(name).text(text, max)?));
            }
        }
        if let Some(code) = self.region {
            fields.push(Field::Region(region(&at.of("region"), code)?));
        }
        type Days = (&'static str, Option<Option<String>>, fn(Option<Day>) -> Field);
        let days: [Days; 5] = [
            ("decided", self.decided, Field::Decided),
            ("published", self.published, Field::Published),
            ("from", self.from, Field::From),
            ("to", self.to, Field::To),
            ("publicity_until", self.publicity_until, Field::PublicityUntil),
        ];
        for (name, day, field) in days {
            if let Some(day) = day {
                fields.push(field(at.of(name).optional_day(&day)?));
            }
        }
        if fields.is_empty() { Err(at.problem(Code::EmptyValue)) } else { Ok(fields) }
    }
}

impl SubjectRequest {
    fn read(self, at: &At) -> Result<Subject, Problem> {
        let name = at.of("name").text(self.name, limits::NAME_BYTES_MAX)?;
        if name.trim().is_empty() {
            return Err(at.of("name").problem(Code::EmptyValue));
        }
        let (mut ids, mut masked) = (Vec::new(), None);
        if self.ids.len() + usize::from(self.id.is_some()) > limits::IDENTIFIERS_MAX {
            return Err(at
                .of("ids")
                .problem(Code::TooManyIdentifiers)
                .beyond(limits::IDENTIFIERS_MAX));
        }
        if let Some(id) = &self.id {
            identified(&at.of("id"), None, id, &mut ids, &mut masked)?;
        }
        for (place, Object(id)) in self.ids.iter().enumerate() {
            let at = at.of("ids").of(place);
            let kind = IdentifierKind::from_code(&id.kind)
                .ok_or_else(|| at.of("kind").problem(Code::UnknownIdentifierKind))?;
            identified(&at.of("value"), Some(kind), &id.value, &mut ids, &mut masked)?;
        }
        let kind = match &self.kind {
            Some(kind) => SubjectKind::from_code(kind)
                .ok_or_else(|| at.of("kind").problem(Code::UnknownSubjectKind))?,
            None => kind_of(&ids, masked.is_some()),
        };
        let mut other_names = Vec::new();
        for (place, former) in self.former_names.into_iter().enumerate() {
            let at = at.of("former_names").of(place);
            let (name, until) = match former {
                FormerNameRequest::Name(name) => (at.text(name, limits::NAME_BYTES_MAX)?, None),
                FormerNameRequest::Dated(Object(dated)) => (
                    at.of("name").text(dated.name, limits::NAME_BYTES_MAX)?,
                    at.of("until").optional_day(&dated.until)?,
                ),
            };
            other_names.push(FormerName { name, until });
        }
        let mut related = Vec::new();
        for (place, Object(person)) in self.related.into_iter().enumerate() {
            related.push(person.read(&at.of("related").of(place))?);
        }
        Ok(Subject { kind, name, other_names, ids, masked, related })
    }
}

/// What a subject is, where it is not told: as its identifiers say.
fn kind_of(ids: &[Identifier], masked: bool) -> SubjectKind {
    let is_person = ids.iter().any(|id| id.kind().is_personal()) || (ids.is_empty() && masked);
    let is_small =
        |id: &Identifier| id.kind() == IdentifierKind::Uscc && id.text().starts_with("92");
    match () {
        () if is_person => SubjectKind::NaturalPerson,
        () if ids.iter().any(is_small) => SubjectKind::IndividualBusiness,
        () if ids.iter().any(|id| id.kind() == IdentifierKind::VehiclePlate) => {
            SubjectKind::Vehicle
        }
        () => SubjectKind::Organisation,
    }
}

fn identified(
    at: &At,
    kind: Option<IdentifierKind>,
    value: &str,
    ids: &mut Vec<Identifier>,
    masked: &mut Option<MaskedIdentifier>,
) -> Result<(), Problem> {
    let identifier = match kind {
        Some(kind) => Identifier::of(kind, value),
        None => Identifier::recognise(value),
    };
    match (identifier, MaskedIdentifier::parse(value)) {
        (Ok(identifier), _) if !value.contains('*') => ids.push(identifier),
        (_, Some(mask)) if masked.is_none() => *masked = Some(mask),
        _ => return Err(at.problem(Code::InvalidIdentifier)),
    }
    Ok(())
}

impl RelatedRequest {
    fn read(self, at: &At) -> Result<Related, Problem> {
        let role =
            Role::from_code(&self.role).ok_or_else(|| at.of("role").problem(Code::UnknownRole))?;
        let name = at.of("name").text(self.name, limits::NAME_BYTES_MAX)?;
        let id = self.id.as_deref().map(Identifier::recognise).transpose();
        let id = id.map_err(|_| at.of("id").problem(Code::InvalidIdentifier))?;
        Ok(Related { role, name, id })
    }
}

/// What became of the changes, in their order.
pub fn answer(changes: &[Change], recorded: &Recorded) -> Value {
    let results = changes.iter().zip(&recorded.outcomes).map(|(change, outcome)| {
        let (status, number, refusal) = match outcome {
            Outcome::Recorded(number) => ("recorded", Some(number), None),
            Outcome::Repeated(number) => ("repeated", Some(number), None),
            Outcome::KeyReused(number) => ("refused", Some(number), Some(KEY_REUSED)),
            Outcome::Refused(refusal) => ("refused", None, Some(told(*refusal))),
        };
        let refusal = refusal.map(
            |(code, title, title_zh)| json!({"code": code, "title": title, "title_zh": title_zh}),
        );
        json!({
            "key": change.key,
            "list": change.list,
            "entry": change.entry,
            "status": status,
            "change": number,
            "refusal": refusal,
        })
    });
    let results: Vec<Value> = results.collect();
    let refused = results.iter().filter(|result| result["status"] == "refused").count();
    json!({"change": recorded.change, "refused": refused, "results": results})
}

type Told = (&'static str, &'static str, &'static str);

const KEY_REUSED: Told =
    ("key_reused", "Another change was sent under this key", "此键已用于另一变更");

/// A refusal in words: code, English, Chinese.
pub fn told(refusal: Refusal) -> Told {
    let (title, title_zh) = match refusal {
        Refusal::UnknownEntry => ("No entry of the list has this id", "名单中没有此记录"),
        Refusal::AlreadyListed => ("The entry is on the list already", "该记录已列入"),
        Refusal::Ended => ("The entry has ended", "该记录已移出、修复或撤销"),
        Refusal::NotLater => ("The new last day is not later", "新的截止日期不晚于现有日期"),
        Refusal::ObjectionNoted => ("An objection is noted already", "已标注异议"),
        Refusal::NoObjection => ("No objection is noted", "未标注异议"),
        Refusal::AlreadySuspended => ("The entry is suspended already", "该记录已暂停"),
        Refusal::NotSuspended => ("The entry is not suspended", "该记录未暂停"),
        Refusal::NothingChanged => ("The fields have these values already", "各字段已是所给的值"),
        Refusal::EmptyTerm => ("The last day lies before the first", "截止日期早于起始日期"),
    };
    (refusal.code(), title, title_zh)
}
