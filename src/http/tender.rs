//! All bidders of a section at once: `POST /v1/screen`.

use super::check::{self, Worker};
use super::check_id::CheckIds;
use super::operation::{answered, read};
use super::problem::{Code, Problem};
use super::request::{Bounded, Object, identify, parse};
use super::routes::Asked;
use super::searchers::Searcher;
use super::who::Who;
use crate::clock;
use crate::live::View;
use crate::record::{IdentifierKind, Instant, Role, SubjectKind, limits};
use crate::screen::{Question, Verdict};
use crate::tender::{self, Bidder, Contacts, Party};
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Bidders of one section.
const BIDDERS_MAX: usize = 200;
/// Identifiers in `ids` of all of them: each is compared with each.
const IDENTIFIERS_MAX: usize = 2_000;
/// Persons, members, contacts of one kind of one bidder.
const OF_BIDDER_MAX: usize = 50;

/// A section, its matter, its bidders.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenderRequest {
    matter: String,
    section: Option<String>,
    case: Option<String>,
    department: Option<String>,
    operator: Option<String>,
    at: Option<String>,
    min_change: Option<u64>,
    bidders: Bounded<[Object<BidderRequest>; 4], BIDDERS_MAX>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BidderRequest {
    #[serde(rename = "ref")]
    reference: String,
    kind: Option<String>,
    name: Option<String>,
    id: Option<String>,
    ids: Option<Ids>,
    persons: Option<Bounded<[Object<PersonRequest>; 4], OF_BIDDER_MAX>>,
    members: Option<Bounded<[Object<MemberRequest>; 4], OF_BIDDER_MAX>>,
    contacts: Option<Object<ContactsRequest>>,
}

/// Who manages or controls a bidder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonRequest {
    role: String,
    kind: Option<String>,
    name: Option<String>,
    id: Option<String>,
    ids: Option<Ids>,
}

/// A member of a consortium.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberRequest {
    kind: Option<String>,
    name: Option<String>,
    id: Option<String>,
    ids: Option<Ids>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactsRequest {
    #[serde(default)]
    phones: Vec<String>,
    #[serde(default)]
    emails: Vec<String>,
    #[serde(default)]
    addresses: Vec<String>,
}

type Ids = Bounded<[Object<IdRequest>; 2], { limits::IDENTIFIERS_MAX }>;

/// An identifier of a stated kind.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct IdRequest {
    kind: String,
    value: String,
}

/// Whoever is asked about: a bidder, a member, a person.
struct Subject<'r> {
    bidder: usize,
    part: Part<'r>,
    /// Where it stands in the request.
    pointer: String,
    kind: &'r Option<String>,
    name: &'r Option<String>,
    id: &'r Option<String>,
    ids: &'r Option<Ids>,
}

/// What it is of the bidder.
#[derive(Clone, Copy)]
enum Part<'r> {
    Itself,
    Member(usize),
    Person(usize, &'r str, Role),
}

/// Screen: see the [module](self).
pub(super) async fn screen(State(asked): State<Asked>, request: Request) -> Response {
    answered(run(&asked, request).await)
}

/// Where names are searched, since bids name persons.
async fn run(asked: &Asked, request: Request) -> Result<(StatusCode, Value), Problem> {
    let who = Who::of(&request)?;
    let body = read(asked, request).await?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    let screen = move |searcher: &mut Searcher| {
        let millis = clock::millis();
        let now = Instant::of_millis(millis);
        answer_to(&who, &view, now, CheckIds::new().next(millis), &body, &mut searcher.worker)
    };
    Ok((StatusCode::OK, asked.searchers.run(screen).await??))
}

/// Screen the bidders of a section. The worker must be one that searches.
///
/// Each bidder, member and person is decided as a check of it is; what a check says of a person never gives
/// the bidder more than a review, since it is not the bidder that is listed.
///
/// # Errors
///
/// Those of a check, each with its place in this request.
pub fn answer(
    view: &View,
    now: Instant,
    id: Uuid,
    body: &[u8],
    worker: &mut Worker,
) -> Result<Value, Problem> {
    answer_to(&Who::ANYBODY, view, now, id, body, worker)
}

/// The same for a client, which may not ask everything.
pub(super) fn answer_to(
    who: &Who,
    view: &View,
    now: Instant,
    id: Uuid,
    body: &[u8],
    worker: &mut Worker,
) -> Result<Value, Problem> {
    let fault = || Code::Internal.whole();
    let request: TenderRequest = parse(body)?;
    let subjects = request.subjects()?;
    let body = serde_json::to_vec(&request.check_of(&subjects)).map_err(|_| fault())?;
    let decided = check::value(who, view, now, id, &body, worker);
    let decided = decided.map_err(|problem| placed(problem, &subjects))?;
    let relations = tender::relations(&request.compared(&subjects));
    Ok(request.answer(&subjects, &decided, &relations))
}

impl TenderRequest {
    /// All who are asked about, in order.
    fn subjects(&self) -> Result<Vec<Subject<'_>>, Problem> {
        if self.bidders.items.is_empty() {
            return Err(Code::EmptySubjects.at("/bidders"));
        }
        if self.bidders.beyond {
            return Err(Code::TooManySubjects.at("/bidders").beyond(BIDDERS_MAX));
        }
        let section = self.section.as_deref().unwrap_or_default();
        if section.len() > limits::CONTEXT_BYTES_MAX {
            return Err(Code::ValueTooLong.at("/section").beyond(limits::CONTEXT_BYTES_MAX));
        }
        let mut subjects = Vec::new();
        for (place, Object(bidder)) in self.bidders.items.iter().enumerate() {
            let at = format!("/bidders/{place}");
            let reference = &bidder.reference;
            if reference.is_empty() {
                return Err(Code::EmptyValue.at(format!("{at}/ref")));
            }
            if reference.len() > limits::CONTEXT_BYTES_MAX {
                let max = limits::CONTEXT_BYTES_MAX;
                return Err(Code::ValueTooLong.at(format!("{at}/ref")).beyond(max));
            }
            let before = &self.bidders.items[..place];
            if before.iter().any(|Object(other)| other.reference == *reference) {
                return Err(Code::DuplicateRef.at(format!("{at}/ref")));
            }
            bidder.check_bounds(&at)?;
            bidder.add_subjects(place, &at, &mut subjects)?;
        }
        let given = |subject: &Subject| subject.ids.as_ref().map_or(0, |ids| ids.items.len());
        if subjects.iter().map(given).sum::<usize>() > IDENTIFIERS_MAX {
            return Err(Code::TooManyIdentifiers.at("/bidders").beyond(IDENTIFIERS_MAX));
        }
        if subjects.len() > limits::SUBJECTS_MAX {
            return Err(Code::TooManySubjects.at("/bidders").beyond(limits::SUBJECTS_MAX));
        }
        Ok(subjects)
    }

    /// The check that asks about all of them.
    fn check_of(&self, subjects: &[Subject]) -> Value {
        let subjects = subjects.iter().enumerate();
        json!({
            "matter": self.matter,
            "case": self.case,
            "department": self.department,
            "operator": self.operator,
            "at": self.at,
            "min_change": self.min_change,
            "subjects": subjects.map(|(place, subject)| subject.asked(place)).collect::<Vec<_>>(),
        })
    }

    /// The bidders as they are compared with one another.
    fn compared(&self, subjects: &[Subject]) -> Vec<Bidder> {
        let mut bidders = vec![Bidder::default(); self.bidders.items.len()];
        for subject in subjects {
            let bidder = &mut bidders[subject.bidder];
            let party = subject.party();
            match subject.part {
                Part::Itself => bidder.itself = party,
                Part::Member(_) => bidder.members.push(party),
                Part::Person(_, _, role) => bidder.persons.push((role, party)),
            }
        }
        for (bidder, Object(asked)) in bidders.iter_mut().zip(&self.bidders.items) {
            if let Some(Object(ContactsRequest { phones, emails, addresses })) = &asked.contacts {
                bidder.contacts = Contacts::new(phones, emails, addresses);
            }
        }
        bidders
    }

    fn answer(&self, subjects: &[Subject], decided: &Value, found: &[tender::Relation]) -> Value {
        let reference = |bidder: usize| &self.bidders.items[bidder].0.reference;
        let mut bidders = vec![Answered::default(); self.bidders.items.len()];
        let all = decided["subjects"].as_array().into_iter().flatten();
        for (subject, decided) in subjects.iter().zip(all) {
            bidders[subject.bidder].add(subject.part, decided);
        }
        let told = |relation: &tender::Relation| {
            json!({
                "kind": relation.kind.code(),
                "certainty": relation.certainty.code(),
                "article": relation.kind.article(),
                "bidders": [reference(relation.bidders.0), reference(relation.bidders.1)],
            })
        };
        let strongest = bidders.iter().map(|bidder| bidder.verdict).max();
        let bidders = bidders.into_iter().enumerate().map(|(bidder, answered)| {
            let is_its = |(a, b): (usize, usize)| a == bidder || b == bidder;
            let relations = found.iter().filter(|relation| is_its(relation.bidders));
            json!({
                "ref": reference(bidder),
                "verdict": answered.verdict.code(),
                "direct": answered.direct,
                "related": answered.related,
                "relations": relations.map(told).collect::<Vec<_>>(),
            })
        });
        json!({
            "check": decided["check"],
            "section": self.section,
            "matter": self.matter,
            "at": decided["at"],
            "data": decided["data"],
            "verdict": strongest.unwrap_or_default().code(),
            "bidders": bidders.collect::<Vec<_>>(),
            "relations": found.iter().map(told).collect::<Vec<_>>(),
            "receipt": decided["receipt"],
        })
    }
}

impl BidderRequest {
    fn add_subjects<'r>(
        &'r self,
        bidder: usize,
        at: &str,
        subjects: &mut Vec<Subject<'r>>,
    ) -> Result<(), Problem> {
        let BidderRequest { kind, name, id, ids, .. } = self;
        let pointer = at.to_owned();
        subjects.push(Subject { bidder, part: Part::Itself, pointer, kind, name, id, ids });
        let members = self.members.iter().flat_map(|all| &all.items);
        for (place, Object(MemberRequest { kind, name, id, ids })) in members.enumerate() {
            let (part, pointer) = (Part::Member(place), format!("{at}/members/{place}"));
            subjects.push(Subject { bidder, part, pointer, kind, name, id, ids });
        }
        let persons = self.persons.iter().flat_map(|all| &all.items);
        for (place, Object(PersonRequest { role, kind, name, id, ids })) in persons.enumerate() {
            let pointer = format!("{at}/persons/{place}");
            // A branch is no person, and manages nobody.
            let known = Role::from_code(role).filter(|role| *role != Role::Branch);
            let known = known.ok_or_else(|| Code::UnknownRole.at(format!("{pointer}/role")))?;
            let part = Part::Person(place, role, known);
            subjects.push(Subject { bidder, part, pointer, kind, name, id, ids });
        }
        Ok(())
    }

    /// What a check does not look at.
    fn check_bounds(&self, at: &str) -> Result<(), Problem> {
        let persons = self.persons.as_ref().is_some_and(|all| all.beyond);
        let members = self.members.as_ref().is_some_and(|all| all.beyond);
        for (field, is_beyond) in [("persons", persons), ("members", members)] {
            if is_beyond {
                let at = format!("{at}/{field}");
                return Err(Code::TooManySubjects.at(at).beyond(OF_BIDDER_MAX));
            }
        }
        let Some(Object(ContactsRequest { phones, emails, addresses })) = &self.contacts else {
            return Ok(());
        };
        for (field, texts) in [("phones", phones), ("emails", emails), ("addresses", addresses)] {
            let (at, max) = (format!("{at}/contacts/{field}"), limits::NAME_BYTES_MAX);
            if texts.len() > OF_BIDDER_MAX {
                return Err(Code::TooManyValues.at(at).beyond(OF_BIDDER_MAX));
            }
            if let Some(place) = texts.iter().position(|text| text.len() > max) {
                return Err(Code::ValueTooLong.at(format!("{at}/{place}")).beyond(max));
            }
        }
        Ok(())
    }
}

impl Subject<'_> {
    /// As a check asks about it.
    fn asked(&self, place: usize) -> Value {
        let mut asked = Map::new();
        asked.insert("ref".to_owned(), json!(place.to_string()));
        let kind = self.kind.as_deref().or(self.usual_kind());
        let (name, id) = (self.name.as_deref(), self.id.as_deref());
        for (field, value) in [("kind", kind), ("name", name), ("id", id)] {
            if let Some(value) = value {
                asked.insert(field.to_owned(), json!(value));
            }
        }
        if let Some(Bounded { items, beyond }) = self.ids {
            let mut ids: Vec<Value> = items.iter().map(|Object(id)| json!(id)).collect();
            if *beyond {
                // More than it takes, so that it says so.
                ids.extend(ids.last().cloned());
            }
            asked.insert("ids".to_owned(), json!(ids));
        }
        Value::Object(asked)
    }

    /// Who represents or leads a bidder is a natural person where nothing else is known; who controls it may
    /// be anybody.
    fn usual_kind(&self) -> Option<&'static str> {
        let Part::Person(_, _, Role::LegalRepresentative | Role::PersonInCharge) = self.part else {
            return None;
        };
        // Identifiers say it themselves.
        let is_identified = self.id.is_some() || self.ids.is_some();
        (!is_identified).then_some(SubjectKind::NaturalPerson.code())
    }

    /// As it is compared with others. The check would have refused what is no identifier.
    fn party(&self) -> Party {
        let mut question = Question::default();
        let given = self.id.iter().map(|id| (None, id));
        let stated = self.ids.iter().flat_map(|ids| &ids.items);
        let stated = stated.map(|Object(id)| (IdentifierKind::from_code(&id.kind), &id.value));
        for (kind, value) in given.chain(stated) {
            let _ = identify(kind, value, &mut question);
        }
        let name = self.name.as_deref().unwrap_or_default();
        Party::new(name, question.ids.to_vec(), question.masked)
    }
}

/// What is said of a bidder.
#[derive(Clone, Default)]
struct Answered {
    verdict: Verdict,
    direct: Vec<Value>,
    related: Vec<Value>,
}

impl Answered {
    fn add(&mut self, part: Part, decided: &Value) {
        let mut told = decided.clone();
        if let Some(told) = told.as_object_mut() {
            told.remove("ref");
        }
        let is_its = |verdict: &Verdict| decided["verdict"] == verdict.code();
        let verdict = Verdict::ALL.into_iter().find(is_its).unwrap_or(Verdict::Undetermined);
        let place = |told: &mut Value, what: &str, place: Option<usize>| {
            told["as"] = json!(what);
            told["place"] = json!(place);
        };
        match part {
            Part::Itself => place(&mut told, "bidder", None),
            Part::Member(at) => place(&mut told, "member", Some(at)),
            Part::Person(at, role, _) => place(&mut told, role, Some(at)),
        }
        if let Part::Person(..) = part {
            // What cannot be told of a person is not told of its bidder.
            let counts = match verdict {
                Verdict::Undetermined => verdict,
                found => found.min(Verdict::Review),
            };
            self.verdict = self.verdict.max(counts);
            self.related.push(told);
        } else {
            self.verdict = self.verdict.max(verdict);
            self.direct.push(told);
        }
    }
}

/// A problem of the check, with the place of its subject in this request.
fn placed(problem: Problem, subjects: &[Subject]) -> Problem {
    let place = |pointer: &str| {
        let rest = pointer.strip_prefix("/subjects/")?;
        let end = rest.find('/').unwrap_or(rest.len());
        let subject = subjects.get(rest[..end].parse::<usize>().ok()?)?;
        Some(format!("{}{}", subject.pointer, &rest[end..]))
    };
    match problem.pointer.as_deref().and_then(place) {
        Some(pointer) => Problem { pointer: Some(pointer), ..problem },
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_of_a_person_is_a_review_and_what_cannot_be_told_is_not_told() {
        let person = Part::Person(0, "controller", Role::Controller);
        for (found, part, expected) in [
            ("prohibit", Part::Itself, Verdict::Prohibit),
            ("restrict", Part::Member(0), Verdict::Restrict),
            ("prohibit", person, Verdict::Review),
            ("remind", person, Verdict::Remind),
            ("undetermined", person, Verdict::Undetermined),
            ("a word of later", Part::Itself, Verdict::Undetermined),
        ] {
            let mut answered = Answered::default();
            answered.add(part, &json!({"ref": "0", "verdict": found}));
            assert_eq!(answered.verdict, expected, "{found}");
        }
    }
}
