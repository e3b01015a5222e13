//! A change to one entry, as its owner sends it between two deliveries of the list.

use super::{Day, Entry, State, Subject, Term};
use serde::{Deserialize, Serialize};

/// One change to one entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// The sender's own name for this change: the same key sent again is the same change.
    pub key: String,
    /// Code of the list.
    pub list: String,
    /// Id of the entry, known or not yet.
    pub entry: String,
    /// What is changed.
    pub act: Act,
    /// Who sent it and why.
    #[serde(default, skip_serializing_if = "Sender::is_empty")]
    pub sender: Sender,
}

/// Who sent a change and why, kept with it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sender {
    /// The department that owns the list.
    pub department: String,
    /// Who did it.
    pub operator: String,
    /// The decision behind it, a document number.
    pub document: String,
}

impl Sender {
    /// Nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == Sender::default()
    }
}

/// What is changed (DOMAIN 5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// 列入: put on the list.
    List(Box<Entry>),
    /// 更正: some of its fields are corrected.
    Amend(Vec<Field>),
    /// 延长: the term ends later, or never.
    Extend {
        /// The new last day; `None`: without end.
        to: Option<Day>,
    },
    /// 异议标注: an objection is noted; the mark travels with every answer.
    NoteObjection,
    /// 异议处理完毕: the mark is taken off.
    LiftObjection,
    /// 暂停: measures are lifted for a time.
    Suspend(Term),
    /// 恢复: a suspension ends before its time.
    Resume,
    /// 移出: off the list from a day on.
    Exit {
        /// The first day on which it no longer counts.
        on: Day,
    },
    /// 信用修复: never returned again, for any day.
    Repair,
    /// 撤销: void from the beginning.
    Revoke,
}

impl Act {
    /// The word used in the API and the documents.
    pub fn code(&self) -> &'static str {
        match self {
            Act::List(_) => "list",
            Act::Amend(_) => "amend",
            Act::Extend { .. } => "extend",
            Act::NoteObjection => "note_objection",
            Act::LiftObjection => "lift_objection",
            Act::Suspend(_) => "suspend",
            Act::Resume => "resume",
            Act::Exit { .. } => "exit",
            Act::Repair => "repair",
            Act::Revoke => "revoke",
        }
    }

    /// Every [`Act::code`], in the order of the acts.
    pub const CODES: [&str; 10] = [
        "list",
        "amend",
        "extend",
        "note_objection",
        "lift_objection",
        "suspend",
        "resume",
        "exit",
        "repair",
        "revoke",
    ];
}

/// One field of an entry with a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Who is listed: names, identifiers, related persons, all of it.
    Subject(Box<Subject>),
    /// Why.
    Reason(String),
    /// Document or case number. The entry's id stays what it is.
    Document(String),
    /// Who decided.
    Authority(String),
    /// Six digits of GB/T 2260.
    Region(u32),
    /// Day of the decision.
    Decided(Option<Day>),
    /// Day of publication.
    Published(Option<Day>),
    /// First day of the term.
    From(Option<Day>),
    /// Last day of the term; `None`: without end.
    To(Option<Day>),
    /// Last day of publication.
    PublicityUntil(Option<Day>),
    /// Where it stands.
    State(State),
    /// An objection is noted.
    Objection(bool),
    /// The term was extended.
    Extended(bool),
}

impl Field {
    /// The same field as an entry has it.
    pub fn of(&self, entry: &Entry) -> Field {
        match self {
            Field::Subject(_) => Field::Subject(Box::new(entry.subject.clone())),
            Field::Reason(_) => Field::Reason(entry.reason.clone()),
            Field::Document(_) => Field::Document(entry.document.clone()),
            Field::Authority(_) => Field::Authority(entry.authority.clone()),
            Field::Region(_) => Field::Region(entry.region),
            Field::Decided(_) => Field::Decided(entry.decided),
            Field::Published(_) => Field::Published(entry.published),
            Field::From(_) => Field::From(entry.term.from),
            Field::To(_) => Field::To(entry.term.to),
            Field::PublicityUntil(_) => Field::PublicityUntil(entry.publicity_until),
            Field::State(_) => Field::State(entry.state),
            Field::Objection(_) => Field::Objection(entry.objection),
            Field::Extended(_) => Field::Extended(entry.extended),
        }
    }

    /// Give the entry this value.
    pub fn set(&self, entry: &mut Entry) {
        match self.clone() {
            Field::Subject(subject) => entry.subject = *subject,
            Field::Reason(reason) => entry.reason = reason,
            Field::Document(document) => entry.document = document,
            Field::Authority(authority) => entry.authority = authority,
            Field::Region(region) => entry.region = region,
            Field::Decided(day) => entry.decided = day,
            Field::Published(day) => entry.published = day,
            Field::From(day) => entry.term.from = day,
            Field::To(day) => entry.term.to = day,
            Field::PublicityUntil(day) => entry.publicity_until = day,
            Field::State(state) => entry.state = state,
            Field::Objection(noted) => entry.objection = noted,
            Field::Extended(extended) => entry.extended = extended,
        }
    }

    /// Both are the same field, whatever their values.
    pub fn is_same(&self, other: &Field) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// A feed that says `other` says no more than this. The index keeps the identifiers of a subject
    /// and not of each entry, so a subject read from it may carry more than the feed's row.
    pub fn covers(&self, other: &Field) -> bool {
        let (Field::Subject(ours), Field::Subject(theirs)) = (self, other) else {
            return self == other;
        };
        let has = |id| ours.ids.contains(id);
        theirs.ids.iter().all(has)
            && (ours.kind, &ours.name, &ours.masked) == (theirs.kind, &theirs.name, &theirs.masked)
            && (&ours.other_names, &ours.related) == (&theirs.other_names, &theirs.related)
    }
}
