//! For what a client asks about natural persons, and about how many who are on no list.
//!
//! A person who is on no list is nobody's business: whoever asks about one after the other is slowed.

use super::problem::{Code, Problem};
use super::request::{CheckRequest, text};
use super::who::Who;
use crate::clients::{Beyond, Client, Digest};
use crate::jobs::Order;
use crate::record::{Identifier, Instant, MaskedIdentifier, SubjectKind};
use crate::screen::{Decision, Question};
use smallvec::SmallVec;
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

/// A file, which may hold anybody, is handed in for a case and by an operator, or for a reason, where its client
/// must say for what it asks.
pub(super) fn check_order(who: &Who, order: &Order) -> Result<(), Problem> {
    let is_told = |text: &Option<String>| text.as_ref().is_some_and(|it| !it.trim().is_empty());
    if is_told(&order.case) && is_told(&order.operator) {
        return Ok(());
    }
    check_reason(who, order.reason.as_deref(), "/reason")
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
    match client.pace.probing(operator(text(&request.operator)), now.0) {
        Some(wait) => Err(Code::TooManyRequests.at("/operator").after(wait)),
        None => Ok(()),
    }
}

/// A match of natural persons is none of too many: query by query the hash of its person. Each comes with whether it
/// tells a day of birth, which persons alone have. Where no operator is told the client is one; of a client that need
/// not say for what it asks there is nothing.
pub(super) fn check_match<'q>(
    who: &Who,
    queries: impl Iterator<Item = (Question<'q>, bool)>,
    now: Instant,
) -> Result<Vec<Option<u64>>, Problem> {
    let Some(client) = client(who) else { return Ok(Vec::new()) };
    let hash = |(asked, is_born): (Question<'q>, bool)| {
        (is_born || is_person(&asked)).then(|| hash(&asked))
    };
    let persons: Vec<_> = queries.map(hash).collect();
    if persons.iter().all(Option::is_none) {
        return Ok(persons);
    }
    match client.pace.probing(operator(""), now.0) {
        Some(wait) => Err(Code::TooManyRequests.at("/queries").after(wait)),
        None => Ok(persons),
    }
}

/// The hash of who has this name and was born on this day.
pub(super) fn born(name: &str, day: &[u8]) -> u64 {
    xxh3_64_with_seed(day, hash_of(name))
}

/// Note those of them who are on no list.
pub(super) fn note_match(who: &Who, missed: impl Iterator<Item = u64>, now: Instant) {
    if let Some(client) = client(who) {
        note_all(client, operator(""), missed, now);
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
        return note_all(client, operator(text(&request.operator)), missed, now);
    }
    let missed = questions.iter().zip(decided).filter(|(_, decided)| decided.hits.is_empty());
    let persons = missed.filter(|(asked, _)| is_person(asked)).map(|(asked, _)| hash(asked));
    let persons = persons.chain(questions.iter().flat_map(guesses));
    note_all(client, operator(text(&request.operator)), persons, now);
}

fn note_all(client: &Client, operator: u64, persons: impl Iterator<Item = u64>, now: Instant) {
    let noted =
        persons.fold(None, |beyond, person| client.pace.miss(operator, person, now.0).or(beyond));
    let Some(beyond) = noted else { return };
    let most = match beyond {
        Beyond::Operator => client.pace.bounds.misses,
        Beyond::Client => client.pace.bounds.misses_total,
    };
    tracing::warn!(
        client = client.name,
        operator = format!("{operator:016x}"),
        ?beyond,
        most,
        "大量查询不在名单的自然人，已限制 / many persons on no list are asked about: slowed"
    );
}

/// The client, where it must say for what it asks.
fn client(who: &Who) -> Option<&Client> {
    who.client.as_deref().filter(|client| client.purpose)
}

/// A digest of who asks there.
fn operator(name: &str) -> u64 {
    Digest::of(name.as_bytes()).place()
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

/// Hashes of the numbers by which a question names a person after another as long, whatever kinds are stated: each is
/// a guess, whoever is met by the first.
pub(super) fn guesses(question: &Question<'_>) -> SmallVec<[u64; 2]> {
    let ids = &question.ids;
    let is_guess = |&(at, id): &(usize, &Identifier)| {
        let is_as_long = |before: &Identifier| before.text().len() == id.text().len();
        is_personal(id) && ids[..at].iter().any(|before| is_as_long(before) && before != id)
    };
    ids.iter().enumerate().filter(is_guess).map(|(_, id)| hash_of(id.text())).collect()
}

fn hash_of(text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), *SEED)
}
