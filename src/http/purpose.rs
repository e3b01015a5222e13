//! For what a client asks about natural persons, and about how many who are on no list.
//!
//! A person who is on no list is nobody's business: whoever asks about one after the other is slowed.

use super::problem::{Code, Problem};
use super::request::{CheckRequest, text};
use super::who::Who;
use crate::clients::{Client, Digest};
use crate::record::{Identifier, Instant, MaskedIdentifier, SubjectKind};
use crate::screen::{Decision, Question};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of the reason of a search.
pub(super) const REASON_BYTES_MAX: usize = 200;

/// Persons are known by a hash that nobody can make again.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));

/// A search says for what, where its client must.
pub(super) fn check_reason(who: &Who, reason: Option<&str>, at: &str) -> Result<(), Problem> {
    let reason = reason.unwrap_or_default();
    if reason.len() > REASON_BYTES_MAX {
        return Err(Code::ValueTooLong.at(at).beyond(REASON_BYTES_MAX));
    }
    if reason.trim().is_empty() && client(who).is_some() {
        return Err(Code::MissingPurpose.at(at));
    }
    Ok(())
}

/// A check of natural persons says for what, where its client must, and is none of too many. Cost where
/// nobody is a natural person: a look at each question.
pub(super) fn check(
    who: &Who,
    request: &CheckRequest<'_>,
    questions: &[Question<'_>],
    now: Instant,
) -> Result<(), Problem> {
    let Some(client) = client(who) else { return Ok(()) };
    let asks_about_person =
        questions.iter().any(is_person) || request.identifiers().any(|text| person(text).is_some());
    if !asks_about_person {
        return Ok(());
    }
    for (at, told) in [("/case", &request.case), ("/operator", &request.operator)] {
        if text(told).trim().is_empty() {
            return Err(Code::MissingPurpose.at(at));
        }
    }
    match client.pace.probing(operator(request), now.0) {
        Some(wait) => Err(Code::TooManyRequests.at("/operator").after(wait)),
        None => Ok(()),
    }
}

/// Note the natural persons who are on no list. `places` are those of the questions among identifiers.
pub(super) fn note(
    who: &Who,
    request: &CheckRequest<'_>,
    questions: &[Question<'_>],
    places: &[u32],
    decision: &Decision,
    now: Instant,
) {
    let Some(client) = client(who) else { return };
    let decided = &decision.subjects;
    if request.has_identifiers() {
        let all = request.each_identifier(places, decided);
        let missed =
            all.filter(|(_, decided)| decided.is_none_or(|decided| decided.hits.is_empty()));
        let missed = missed.filter_map(|(number, _)| person(number));
        return note_all(client, request, missed, now);
    }
    let missed = questions.iter().zip(decided).filter(|(_, decided)| decided.hits.is_empty());
    let persons = missed.filter(|(asked, _)| is_person(asked)).map(|(asked, _)| hash(asked));
    note_all(client, request, persons, now);
}

fn note_all(
    client: &Client,
    request: &CheckRequest<'_>,
    persons: impl Iterator<Item = u64>,
    now: Instant,
) {
    let mut persons = persons.peekable();
    if persons.peek().is_none() {
        return;
    }
    let operator = operator(request);
    let is_beyond =
        persons.fold(false, |is, person| client.pace.miss(operator, person, now.0) | is);
    if is_beyond {
        tracing::warn!(
            client = client.name,
            operator = format!("{operator:016x}"),
            most = client.pace.bounds.misses,
            "大量查询不在名单的自然人，已限制 / one operator asks about many persons on no list, and is slowed"
        );
    }
}

/// The client, where it must say for what it asks.
fn client(who: &Who) -> Option<&Client> {
    who.client.as_deref().filter(|client| client.purpose)
}

/// A digest of who asks there.
fn operator(request: &CheckRequest<'_>) -> u64 {
    Digest::of(text(&request.operator).as_bytes()).place()
}

fn is_person(question: &Question<'_>) -> bool {
    question.kind == Some(SubjectKind::NaturalPerson)
        || question.masked.is_some()
        || question.ids.iter().any(is_personal)
}

/// A number of 18 digits that is a person's by its form is one, whatever kind is stated.
fn is_personal(id: &Identifier) -> bool {
    const RESIDENT_CHARS: usize = 18;
    let is_one = |id: &Identifier| id.kind().is_personal_of(id.text().len());
    is_one(id)
        || (id.text().len() == RESIDENT_CHARS
            && Identifier::recognise(id.text()).is_ok_and(|id| is_one(&id)))
}

/// The hash of the person who has this number, if a person has it.
fn person(number: &str) -> Option<u64> {
    match Identifier::recognise(number) {
        Ok(id) if is_personal(&id) => Some(hash_of(id.text())),
        Ok(_) => None,
        Err(_) => MaskedIdentifier::parse(number).map(|masked| hash_of(masked.text())),
    }
}

/// Of a person, by what is surest of it.
fn hash(question: &Question<'_>) -> u64 {
    let id = question.ids.iter().find(|id| is_personal(id)).or(question.ids.first());
    let id = id.map(Identifier::text).or(question.masked.as_ref().map(MaskedIdentifier::text));
    hash_of(id.or(question.name).unwrap_or_default())
}

fn hash_of(text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), *SEED)
}
