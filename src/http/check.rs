//! `POST /v1/check` without its socket: the bytes of a request → the bytes of an answer.

use super::fragments::Fragments;
use super::problem::{Code, Problem};
use super::request::{self, CheckRequest, Object};
use super::who::Who;
use super::witness::{Checked, Witness};
use super::{json, likeness, person, purpose};
use crate::audit::{self, ReceiptNo};
use crate::catalogue::Catalogue;
use crate::index::{EntryNo, EntryView, Listed};
use crate::live::View;
use crate::record::{Instant, SubjectKind};
use crate::screen::find::Scratch;
use crate::screen::{
    self, Applied, Conflict, Decision, Ground, Hit, Lag, MustSearch, Question, Stale,
    SubjectDecision, Verdict,
};
use crate::text::{self, Likeness};
use serde_json::Value;
use std::ops::Range;
use uuid::Uuid;

/// Space that a worker reuses from check to check. See [`answer`].
#[derive(Default)]
pub struct Worker {
    scratch: Scratch,
    decision: Decision,
    questions: Vec<Question<'static>>,
    order: Vec<u32>,
    fragments: Option<Fragments>,
    pen: Pen,
    asked: Vec<audit::Asked<'static>>,
}

impl Worker {
    /// One that may search names, which takes longer.
    pub fn searching() -> Worker {
        Worker { scratch: Scratch::searching(), ..Worker::default() }
    }
}

/// Why a check was not answered.
#[derive(Debug)]
pub enum Unanswered {
    /// Something is wrong with it.
    Problem(Problem),
    /// A name must be searched, and the worker is none that [searches](Worker::searching).
    MustSearch,
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Unanswered {
        Unanswered::Problem(problem)
    }
}

impl From<MustSearch> for Unanswered {
    fn from(MustSearch: MustSearch) -> Unanswered {
        Unanswered::MustSearch
    }
}

/// What writing needs beside the answer.
#[derive(Default)]
struct Pen {
    /// Where the id of each hit's entry stands in the answer, quotes and all.
    entries: Vec<Range<usize>>,
    asked: String,
    listed: String,
    /// The instant written last, as written: most checks of a second are decided for that second.
    at: Option<Instant>,
    at_json: Vec<u8>,
}

/// Decide a check. `out` is overwritten with the answer; after a problem it is empty.
///
/// Every bound is checked here except the length of the body. Cost: about a microsecond for a
/// subject that is clear and another half for each hit; half a microsecond a subject where there are
/// many. Allocates nothing for a clear check of up to 4 subjects without escapes in its strings,
/// once the worker has served one.
///
/// # Errors
///
/// The first problem of the request, in the order: form, the change asked for, context, subjects from
/// the first. Or that a name must be searched.
pub fn answer(
    view: &View,
    now: Instant,
    check_id: Uuid,
    body: &[u8],
    worker: &mut Worker,
    out: &mut Vec<u8>,
) -> Result<(), Unanswered> {
    let witness = Witness { who: &Who::ANYBODY, log: None, lane: 0 };
    answer_to(&witness, view, now, check_id, body, worker, out).map(|_| ())
}

/// The same for whoever may not ask everything; where there is a log it is recorded, and the answer has a
/// receipt, whose number is returned too.
///
/// # Errors
///
/// Those of [`answer`], that the client may not ask this, or that it cannot be recorded.
pub fn answer_to(
    witness: &Witness,
    view: &View,
    now: Instant,
    check_id: Uuid,
    body: &[u8],
    worker: &mut Worker,
    out: &mut Vec<u8>,
) -> Result<Option<ReceiptNo>, Unanswered> {
    out.clear();
    let Worker {
        scratch,
        decision,
        questions: space,
        order,
        fragments,
        pen,
        asked: space_of_record,
    } = worker;
    let (who, basis) = (witness.who, view.basis(now));
    let ground = basis.ground;
    let request: CheckRequest = request::parse(body)?;
    let mut questions = emptied(std::mem::take(space));
    let asked = request
        .reached(view.overlay.change())
        .and_then(|()| request.ask(&ground.catalogue, now, &mut questions, order));
    let asked = asked.map_err(Unanswered::from).and_then(|asked| {
        who.may_handle(&ground.catalogue, asked.matter, "/matter")?;
        purpose::check(who, &request, &questions, now)?;
        let at = asked.at.unwrap_or(now);
        if asked.by_identifiers {
            // Where lists are missing, nobody is clear.
            let all = screen::verdict_of_clear(&basis, asked.matter, at) != Verdict::Clear;
            request.ask_identifiers(basis.listed(), all, &mut questions, order)?;
        }
        screen::check(&basis, asked.matter, at, &questions, scratch, decision)?;
        decision.tell_only(&basis, who.lists());
        purpose::note(who, &request, &questions, order, decision, now);
        Ok((at, asked))
    });
    let mut receipt = Ok(None);
    if let Ok((at, asked)) = asked.as_ref() {
        let (at, by_identifiers) = (*at, asked.by_identifiers);
        let generation = &view.generation;
        if !fragments.as_ref().is_some_and(|fragments| fragments.belong_to(generation)) {
            *fragments = None;
        }
        let fragments = fragments.get_or_insert_with(|| Fragments::of(generation));
        let mut answer = Answer { ground, listed: basis.listed(), fragments, pen, out };
        answer.head(check_id, at, decision, view.behind);
        let decided = questions.iter().zip(&decision.subjects);
        if by_identifiers {
            let decided =
                order.iter().zip(decided).filter(|(_, (_, decided))| !decided.is_nothing());
            let mut told = 0;
            for (place, (question, decided)) in decided {
                answer.part(told > 0);
                answer.subject(&place.to_string(), question, decided);
                told += 1;
            }
            answer.raw("],\"left_out\":");
            json::number(request.count() - told, answer.out);
        } else {
            let subjects = request.subjects().iter().zip(decided);
            for (at, (Object(subject), (question, decided))) in subjects.enumerate() {
                answer.part(at > 0);
                answer.subject(subject.reference.as_str(), question, decided);
            }
            answer.raw("]");
        }
        answer.raw(",\"receipt\":");
        let checked = Checked {
            view,
            id: check_id,
            request: &request,
            matter: asked.matter,
            at,
            questions: &questions,
            places: by_identifiers.then_some(order),
            decision,
            body,
            answer: out,
        };
        receipt = witness.check(&checked, space_of_record);
        match &receipt {
            Ok(None) => out.extend_from_slice(b"null}"),
            Ok(Some(no)) => {
                out.push(b'"');
                no.write(out);
                out.extend_from_slice(b"\"}");
            }
            // Nothing is answered that is not recorded.
            Err(_) => out.clear(),
        }
    }
    *space = emptied(questions);
    asked.and_then(|_| receipt.map_err(Unanswered::from))
}

/// The answer as a value, for whoever tells it in another way and records that. The worker must be one that
/// searches.
pub(super) fn value(
    who: &Who,
    view: &View,
    now: Instant,
    check_id: Uuid,
    body: &[u8],
    worker: &mut Worker,
) -> Result<Value, Problem> {
    let mut out = Vec::new();
    let witness = Witness { who, log: None, lane: 0 };
    answer_to(&witness, view, now, check_id, body, worker, &mut out).map_err(|unanswered| {
        match unanswered {
            Unanswered::Problem(problem) => problem,
            Unanswered::MustSearch => Code::Internal.whole(),
        }
    })?;
    serde_json::from_slice(&out).map_err(|_| Code::Internal.whole())
}

/// The same space without its questions, free of what they borrowed: collecting into the space that
/// is consumed costs nothing.
fn emptied<'b>(mut questions: Vec<Question<'_>>) -> Vec<Question<'b>> {
    questions.clear();
    questions.into_iter().map(|_| unreachable!("there is none")).collect()
}

/// An answer being written.
struct Answer<'a> {
    ground: &'a Ground,
    listed: Listed<'a>,
    fragments: &'a Fragments,
    pen: &'a mut Pen,
    out: &'a mut Vec<u8>,
}

impl Answer<'_> {
    fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Everything before the subjects.
    fn head(&mut self, check_id: Uuid, at: Instant, decision: &Decision, behind: Option<Instant>) {
        self.raw("{\"check\":\"");
        let mut text = Uuid::encode_buffer();
        self.out.extend_from_slice(check_id.hyphenated().encode_lower(&mut text).as_bytes());
        self.raw("\",\"verdict\":");
        json::word(decision.verdict.code(), self.out);
        self.raw(",\"at\":");
        if self.pen.at != Some(at) {
            self.pen.at_json.clear();
            json::instant(at, &mut self.pen.at_json);
            self.pen.at = Some(at);
        }
        self.out.extend_from_slice(&self.pen.at_json);
        self.raw(",\"data\":");
        self.out.extend_from_slice(&self.fragments.snapshot);
        json::number(self.listed.change(), self.out);
        self.out.extend_from_slice(&self.fragments.catalogue);
        match behind {
            None => self.raw("null"),
            Some(since) => json::instant(since, self.out),
        }
        self.raw(",\"stale\":[");
        for (place, stale) in decision.stale.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            write_stale(&self.ground.catalogue, stale, self.out);
        }
        self.raw("]},\"subjects\":[");
    }

    fn part(&mut self, is_next: bool) {
        if is_next {
            self.out.push(b',');
        }
    }

    fn subject(&mut self, reference: &str, question: &Question<'_>, decided: &SubjectDecision) {
        self.raw("{\"ref\":");
        json::string(reference, self.out);
        self.raw(",\"verdict\":");
        json::word(decided.verdict.code(), self.out);
        self.raw(",\"flags\":");
        let flags = [
            (decided.quality.check_digit, "check_digit"),
            (decided.quality.region, "region"),
            (decided.quality.birth_date, "birth_date"),
            (decided.vetoed, "identifier_conflict"),
            (decided.name_only, "name_only"),
            (decided.number_only, "number_only"),
        ];
        json::flags(&flags, self.out);
        if decided.hits.is_empty() && decided.conflicts.is_empty() {
            self.raw(",\"hits\":[],\"measures\":[],\"incentives\":[],\"conflicts\":[]}");
            return;
        }
        self.raw(",\"hits\":[");
        self.pen.entries.clear();
        self.pen.asked.clear();
        for (place, hit) in decided.hits.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            self.hit(hit, &decided.likenesses, question.name);
        }
        self.raw("],\"measures\":[");
        self.applied(&decided.measures, decided);
        self.raw("],\"incentives\":[");
        self.applied(&decided.incentives, decided);
        self.raw("],\"conflicts\":[");
        for (place, conflict) in decided.conflicts.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            self.conflict(conflict);
        }
        self.raw("]}");
    }

    fn hit(&mut self, hit: &Hit, likenesses: &[Likeness], asked: Option<&str>) {
        let Some(entry) = self.listed.entry(hit.entry) else {
            // Found a moment ago in the same immutable bytes.
            unreachable!("a hit without its entry");
        };
        let text = entry.text();
        self.raw("{\"entry\":");
        let start = self.out.len();
        json::string(text.id, self.out);
        self.pen.entries.push(start..self.out.len());
        self.raw(",\"list\":");
        self.out.extend_from_slice(self.fragments.list(hit.list));
        self.raw(",\"grade\":");
        json::word(hit.grade.code(), self.out);
        self.raw(",\"likeness\":");
        match hit.likeness.and_then(|at| likenesses.get(at)) {
            None => self.raw("null"),
            Some(likeness) => self.raw(&likeness::likeness(likeness).to_string()),
        }
        self.raw(",\"on\":");
        json::recorded(hit.on.map_or("", |kind| kind.code()), self.out);
        self.raw(",\"relation\":");
        match hit.relation {
            None => self.raw("null"),
            Some(role) => {
                self.raw("{\"role\":");
                json::word(role.code(), self.out);
                self.raw(",\"to\":");
                self.name(&entry, text.name, asked);
                self.raw("}");
            }
        }
        self.raw(",\"name\":");
        self.name(&entry, text.name, asked);
        self.raw(",\"document\":");
        json::recorded(text.document, self.out);
        self.raw(",\"authority\":");
        json::recorded(entry.authority(), self.out);
        self.raw(",\"reason\":");
        json::recorded(text.reason, self.out);
        let term = entry.term();
        self.raw(",\"from\":");
        json::day(term.from, self.out);
        self.raw(",\"to\":");
        json::day(term.to, self.out);
        self.raw(",\"objection\":");
        json::flag(entry.objection(), self.out);
        self.raw(",\"flags\":");
        let flags = [
            (hit.derived, "derived"),
            (hit.name_differs, "name_differs"),
            (hit.name_variant, "name_variant"),
            (hit.former_name, "former_name"),
            (hit.name_taken_over, "name_taken_over"),
            (entry.extended(), "extended"),
        ];
        json::flags(&flags, self.out);
        self.raw("}");
    }

    /// The listed name. A natural person's is masked, unless it is the name that was asked about.
    fn name(&mut self, entry: &EntryView<'_>, name: &str, asked: Option<&str>) {
        if entry.kind() != SubjectKind::NaturalPerson
            || asked.is_some_and(|asked| self.is_same_name(asked, name))
        {
            return json::string(name, self.out);
        }
        self.pen.listed.clear();
        person::mask(name, &mut self.pen.listed);
        json::string(&self.pen.listed, self.out);
    }

    fn is_same_name(&mut self, asked: &str, listed: &str) -> bool {
        asked == listed || {
            text::fold(asked, &mut self.pen.asked);
            text::fold(listed, &mut self.pen.listed);
            self.pen.asked == self.pen.listed
        }
    }

    fn applied(&mut self, applied: &[Applied], decided: &SubjectDecision) {
        for (place, applied) in applied.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(self.fragments.measure(applied.measure));
            self.out.extend_from_slice(self.fragments.list_code(decided.hits[applied.hit].list));
            self.raw(",\"entry\":");
            self.out.extend_from_within(self.pen.entries[applied.hit].clone());
            self.raw("}");
        }
    }

    fn conflict(&mut self, conflict: &Conflict) {
        self.raw("{\"red\":");
        self.side(conflict.red);
        self.raw(",\"black\":");
        self.side(conflict.black);
        self.raw("}");
    }

    fn side(&mut self, no: EntryNo) {
        let entry = self.listed.entry(no);
        let list = entry.and_then(|entry| self.ground.list(entry.list()));
        let (Some(entry), Some(list)) = (entry, list) else {
            unreachable!("a conflict without its entry");
        };
        self.raw("{\"entry\":");
        json::string(entry.text().id, self.out);
        self.raw(",\"list\":");
        self.out.extend_from_slice(self.fragments.list_code(list));
        self.raw("}");
    }
}

/// Append a list that cannot be relied on.
pub(super) fn write_stale(catalogue: &Catalogue, stale: &Stale, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"list\":");
    json::string(&catalogue.list(stale.list).code, out);
    out.extend_from_slice(b",\"reason\":");
    match stale.lag {
        Lag::Unavailable => out.extend_from_slice(b"\"unavailable\",\"as_of\":null"),
        Lag::TooOld { as_of } => {
            out.extend_from_slice(b"\"too_old\",\"as_of\":");
            json::instant(as_of, out);
        }
        Lag::Behind { since } => {
            out.extend_from_slice(b"\"behind\",\"as_of\":");
            json::instant(since, out);
        }
    }
    out.extend_from_slice(b",\"effect\":");
    json::word(stale.effect.code(), out);
    out.push(b'}');
}
