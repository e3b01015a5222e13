//! What changes say of one entry, as far as the feeds do not say it yet.
//!
//! ```text
//! feeds ───► base ─────┐
//!                      ├─► effective: the entry as it is answered
//! changes ─► standing ─┘
//!               │ folded, at every build: what the base says by now is let go of
//! ```
//!
//! Where a feed and a change tell different stories (DOMAIN 5):
//!
//! - An end stands for ever: a delivery that does not know yet of a repair or a revocation does not
//!   bring the record back. Of two ends the stronger counts: revoked, repaired, exited.
//! - A listing stands until a feed carries the entry; from then on the feeds' word counts.
//! - A changed field stands as long as the feed says what was known before the change; once it says
//!   the same as the change, or something new, the feed has moved on and counts.

use super::change::{Act, Change, Field};
use super::{Day, Entry, State, Term};
use serde::{Deserialize, Serialize};

/// See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// It is over, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// The entry as a change listed it, while no feed has carried it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<Box<Entry>>,
    /// Changed fields, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<Altered>,
}

/// What stands of one entry, named by its list and its id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stood {
    /// Code of the list.
    pub list: String,
    /// Id of the entry.
    pub entry: String,
    /// What stands.
    pub standing: Standing,
}

/// How an entry ended, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Off the list from a day on.
    Exited(Day),
    /// Repaired.
    Repaired,
    /// Void from the beginning.
    Revoked,
}

impl End {
    /// How an entry in this state ended; `None` while it has not.
    pub fn of(state: State) -> Option<End> {
        match state {
            State::InForce | State::Suspended(_) => None,
            // Off the list, and nobody wrote down since when.
            State::Exited(on) => Some(End::Exited(on.unwrap_or(Day(i32::MIN)))),
            State::Repaired => Some(End::Repaired),
            State::Revoked => Some(End::Revoked),
        }
    }

    /// The state of an entry that ended so.
    pub fn state(self) -> State {
        match self {
            End::Exited(on) => State::Exited(Some(on)),
            End::Repaired => State::Repaired,
            End::Revoked => State::Revoked,
        }
    }

    /// The state of an entry in this one that ends so. Of a suspension that lasts until the exit nothing comes
    /// back in between.
    fn of_one(self, before: State) -> State {
        match (self, before) {
            (End::Exited(on), State::Suspended(pause))
                if pause.to.is_none_or(|to| on <= to.plus(1)) =>
            {
                State::Exited(pause.from.map(|from| from.min(on)))
            }
            _ => self.state(),
        }
    }

    /// This end may follow that one: it is a stronger kind of end.
    fn follows(self, before: Option<End>) -> bool {
        match (before, self) {
            (None, _) => true,
            (Some(End::Exited(_)), End::Exited(_)) => false,
            (Some(before), end) => before < end,
        }
    }
}

/// A changed field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Altered {
    /// What it was, from the first value to the last but one.
    pub was: Vec<Field>,
    /// What it is.
    pub now: Field,
}

impl Altered {
    /// The feeds do not know of it yet.
    fn stands_over(&self, base: &Entry) -> bool {
        let here = self.now.of(base);
        self.was.iter().any(|was| was.covers(&here)) || self.now.covers(&here)
    }

    /// The feeds say the same. A field that came back to an earlier value always seems so.
    fn is_agreed(&self, base: &Entry) -> bool {
        self.now.covers(&self.now.of(base)) && !self.was.contains(&self.now)
    }
}

/// Why a change does not fit the state that it meets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Refusal {
    /// No entry of the list has this id, and only an entry that is there can be changed so.
    #[error("no entry of the list has this id")]
    UnknownEntry,
    /// It is on the list already.
    #[error("the entry is on the list already")]
    AlreadyListed,
    /// It ended: exited, repaired or revoked.
    #[error("the entry has ended")]
    Ended,
    /// The new last day is not later than the one it has.
    #[error("the new last day is not later than the present one")]
    NotLater,
    /// An objection is noted already.
    #[error("an objection is noted already")]
    ObjectionNoted,
    /// No objection is noted.
    #[error("no objection is noted")]
    NoObjection,
    /// It is suspended already.
    #[error("the entry is suspended already")]
    AlreadySuspended,
    /// It is not suspended.
    #[error("the entry is not suspended")]
    NotSuspended,
    /// Every field has the value already.
    #[error("the fields have these values already")]
    NothingChanged,
    /// The last day lies before the first.
    #[error("the last day lies before the first")]
    EmptyTerm,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Refusal; 10] = [
        Refusal::UnknownEntry,
        Refusal::AlreadyListed,
        Refusal::Ended,
        Refusal::NotLater,
        Refusal::ObjectionNoted,
        Refusal::NoObjection,
        Refusal::AlreadySuspended,
        Refusal::NotSuspended,
        Refusal::NothingChanged,
        Refusal::EmptyTerm,
    ];

    /// The word used in the API.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::UnknownEntry => "unknown_entry",
            Refusal::AlreadyListed => "already_listed",
            Refusal::Ended => "entry_ended",
            Refusal::NotLater => "not_later",
            Refusal::ObjectionNoted => "objection_noted",
            Refusal::NoObjection => "no_objection",
            Refusal::AlreadySuspended => "already_suspended",
            Refusal::NotSuspended => "not_suspended",
            Refusal::NothingChanged => "nothing_changed",
            Refusal::EmptyTerm => "empty_term",
        }
    }
}

impl Standing {
    /// Nothing stands any more.
    pub fn is_empty(&self) -> bool {
        *self == Standing::default()
    }

    /// The entry as it is answered, from what the feeds say of it; `None` when there is none yet.
    pub fn effective(&self, base: Option<&Entry>) -> Option<Entry> {
        let base = base.or(self.listed.as_deref())?;
        let mut entry = base.clone();
        for altered in self.altered.iter().filter(|altered| altered.stands_over(base)) {
            altered.now.set(&mut entry);
        }
        if let Some(end) = self.end
            && end.follows(End::of(entry.state))
        {
            entry.state = end.of_one(entry.state);
        }
        Some(entry)
    }

    /// What still stands once the feeds have delivered the entry so.
    pub fn folded(mut self, base: &Entry) -> Standing {
        self.listed = None;
        self.altered.retain(|altered| altered.stands_over(base) && !altered.is_agreed(base));
        self
    }

    /// What stands after one more change, from what the feeds say of the entry.
    ///
    /// # Errors
    ///
    /// The change does not fit the state that it meets.
    pub fn after(&self, change: &Change, base: Option<&Entry>) -> Result<Standing, Refusal> {
        let current = self.effective(base);
        let mut next = self.clone();
        match &change.act {
            Act::List(entry) => next.list(entry, current.as_ref())?,
            Act::Exit { on } => next.finish(End::Exited(*on), current.as_ref())?,
            Act::Repair => next.finish(End::Repaired, current.as_ref())?,
            Act::Revoke => next.finish(End::Revoked, current.as_ref())?,
            act => {
                let current = current.ok_or(Refusal::UnknownEntry)?;
                let fields = altered_fields(act, &current)?;
                let base = base.or(self.listed.as_deref()).unwrap_or(&current);
                fields.into_iter().for_each(|now| next.alter(now, base));
            }
        }
        Ok(next)
    }

    /// A listing after its withdrawal is taken and never counts; after the end of an entry that was
    /// there it is refused, since a new listing is a new decision with an id of its own.
    fn list(&mut self, entry: &Entry, current: Option<&Entry>) -> Result<(), Refusal> {
        match current {
            None if is_empty(entry.term) => Err(Refusal::EmptyTerm),
            None => {
                self.listed = Some(Box::new(entry.clone()));
                Ok(())
            }
            Some(current) if End::of(current.state).is_some() => Err(Refusal::Ended),
            Some(_) => Err(Refusal::AlreadyListed),
        }
    }

    /// An end may come before its listing, and a stronger one after a weaker one.
    fn finish(&mut self, end: End, current: Option<&Entry>) -> Result<(), Refusal> {
        let before = current.and_then(|entry| End::of(entry.state)).max(self.end);
        if !end.follows(before) {
            return Err(Refusal::Ended);
        }
        self.end = Some(end);
        Ok(())
    }

    fn alter(&mut self, now: Field, base: &Entry) {
        match self.altered.iter_mut().find(|altered| altered.now.is_same(&now)) {
            Some(altered) => {
                let before = std::mem::replace(&mut altered.now, now);
                if !altered.was.contains(&before) {
                    altered.was.push(before);
                }
            }
            None => self.altered.push(Altered { was: vec![now.of(base)], now }),
        }
    }
}

/// The fields that a change alters in an entry as it is answered now, with their new values.
fn altered_fields(act: &Act, current: &Entry) -> Result<Vec<Field>, Refusal> {
    let end = End::of(current.state);
    let may_amend = matches!(act, Act::Amend(_)) && matches!(end, Some(End::Exited(_)));
    if end.is_some() && !may_amend {
        return Err(Refusal::Ended);
    }
    let suspended = matches!(current.state, State::Suspended(_));
    match act {
        Act::Amend(fields) => {
            let mut next = current.clone();
            fields.iter().for_each(|field| field.set(&mut next));
            match () {
                () if next == *current => Err(Refusal::NothingChanged),
                () if is_empty(next.term) => Err(Refusal::EmptyTerm),
                () => Ok(fields.clone()),
            }
        }
        Act::Extend { to } if !is_later(*to, current.term.to) => Err(Refusal::NotLater),
        Act::Extend { to } => Ok(vec![Field::To(*to), Field::Extended(true)]),
        Act::NoteObjection if current.objection => Err(Refusal::ObjectionNoted),
        Act::NoteObjection => Ok(vec![Field::Objection(true)]),
        Act::LiftObjection if !current.objection => Err(Refusal::NoObjection),
        Act::LiftObjection => Ok(vec![Field::Objection(false)]),
        Act::Suspend(pause) if is_empty(*pause) => Err(Refusal::EmptyTerm),
        Act::Suspend(_) if suspended => Err(Refusal::AlreadySuspended),
        Act::Suspend(pause) => Ok(vec![Field::State(State::Suspended(*pause))]),
        Act::Resume if !suspended => Err(Refusal::NotSuspended),
        Act::Resume => Ok(vec![Field::State(State::InForce)]),
        Act::List(_) | Act::Exit { .. } | Act::Repair | Act::Revoke => Ok(Vec::new()),
    }
}

/// `a` ends later than `b`, where `None` is no end at all.
fn is_later(a: Option<Day>, b: Option<Day>) -> bool {
    match (a, b) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(a), Some(b)) => a > b,
    }
}

/// No day lies within it.
fn is_empty(term: Term) -> bool {
    matches!((term.from, term.to), (Some(from), Some(to)) if to < from)
}
