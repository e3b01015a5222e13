//! What is recorded of a request and its answer, before the answer is sent.

use super::operation::read;
use super::problem::{Code, Problem};
use super::request::{CheckRequest, text};
use super::routes::{Asked as Given, told};
use super::who::Who;
use crate::audit::{
    Act, Asked, AuditKey, Cited, Ground, Log, Purpose, ReceiptNo, Record, with_target,
};
use crate::catalogue::MatterNo;
use crate::index::EntryNo;
use crate::live::View;
use crate::record::{Identifier, IdentifierKind, Instant, MaskedIdentifier};
use crate::screen::{Decision, Question, Verdict};
use crate::traces::{self, Span};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use serde_json::{Value, json};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// The header that bears the number of a receipt.
pub const RECEIPT: HeaderName = HeaderName::from_static("receipt");
/// Bytes of a request and its answer that a thread that answers checks records itself.
const AT_ONCE_BYTES: usize = 16 * 1024;
/// How an act stands that is recorded before it is done.
const BEGUN: &str = "begun";
/// How an act ended of which the answer says no more.
const DONE: &str = "done";
/// What stands in an answer where its receipt is told.
const NULL: &[u8] = b"\"receipt\":null";

/// Who asks, and where it is recorded.
#[derive(Clone, Copy)]
pub struct Witness<'w> {
    /// Who asks.
    pub who: &'w Who,
    /// The log; without one nothing is recorded.
    pub log: Option<&'w Log>,
    /// The lane of the thread that answers.
    pub lane: usize,
}

/// A check that was decided.
pub(super) struct Checked<'a, 'r> {
    pub view: &'a View,
    pub id: Uuid,
    pub request: &'a CheckRequest<'r>,
    pub matter: MatterNo,
    pub at: Instant,
    pub questions: &'a [Question<'a>],
    /// Of questions by numbers alone the places of their numbers.
    pub places: Option<&'a [u32]>,
    pub decision: &'a Decision,
    pub body: &'a [u8],
    /// As far as it is written.
    pub answer: &'a [u8],
}

/// What a route says of its request for the record, where that does not stand in the body as such: told in an
/// extension of its answer.
#[derive(Clone, Default)]
pub(super) struct Remark {
    /// Code of the matter.
    pub matter: String,
    /// Why it was asked.
    pub reason: String,
    /// What else is to be known: the code of a source or a dataset, the id of a snapshot.
    pub note: String,
    /// What a match knows of itself.
    pub matched: Option<Matched>,
}

/// What was sought and found by a match, whose request is read more laxly than as JSON, and whose answer does not show
/// all that it rests on.
#[derive(Clone)]
pub(super) struct Matched {
    /// On which it was answered.
    pub view: Arc<View>,
    /// Whoever was sought, and what follows.
    pub subjects: Vec<Asked<'static>>,
    /// Entries on which the answer rests.
    pub cited: BTreeSet<EntryNo>,
}

/// A request and its answer, JSON both.
#[derive(Clone, Copy)]
pub(super) struct Documents<'d> {
    pub act: Act,
    pub view: Option<&'d View>,
    /// Of an act with two records, else that of the answer.
    pub id: Option<Uuid>,
    /// How it ended, where the answer does not say.
    pub outcome: Option<&'d str>,
    /// The path with its query, where these belong to the question.
    pub target: Option<&'d str>,
    pub request: &'d [u8],
    /// Empty before there is one.
    pub answer: &'d [u8],
    /// What is sent in the place of the answer.
    pub shown: Option<&'d [u8]>,
    /// Absent where all is in the body.
    pub remark: Option<&'d Remark>,
}

impl<'d> Documents<'d> {
    /// These, and no more to say of them.
    pub fn new(
        act: Act,
        view: Option<&'d View>,
        request: &'d [u8],
        answer: &'d [u8],
    ) -> Documents<'d> {
        let (id, outcome, target, shown, remark) = (None, None, None, None, None);
        Documents { act, view, id, outcome, target, request, answer, shown, remark }
    }
}

impl<'w> Witness<'w> {
    /// Record a check. `space` is scratch.
    pub(super) fn check(
        &self,
        checked: &Checked,
        space: &mut Vec<Asked<'static>>,
    ) -> Result<Option<ReceiptNo>, Problem> {
        let Some(log) = self.log else { return Ok(None) };
        let Checked { view, request, decision, .. } = checked;
        let ground = &view.generation.ground;
        space.clear();
        let subjects = &decision.subjects;
        match checked.places {
            None => space.extend(
                checked
                    .questions
                    .iter()
                    .zip(subjects)
                    .map(|(question, decided)| asked(log, question, decided.verdict)),
            ),
            Some(places) => {
                space.extend(request.each_identifier(places, subjects).map(|(text, decided)| {
                    let verdict = decided.map_or(Verdict::Clear, |decided| decided.verdict);
                    let identifier = Identifier::recognise(text).ok();
                    let digests = identifier.map(|id| log.key().identifier(&id));
                    Asked { verdict: verdict.code(), digests: digests.into_iter().collect() }
                }));
            }
        }
        let mut cited: Vec<Cited> = subjects
            .iter()
            .flat_map(|decided| {
                let hits = decided.hits.iter().map(|hit| hit.entry);
                // Those of conflicts need not be hits that this matter asks about.
                let conflicts = decided.conflicts.iter().flat_map(|it| [it.red, it.black]);
                hits.chain(conflicts)
            })
            .filter_map(|no| view.cited(no))
            .collect();
        cited.sort_unstable();
        cited.dedup();
        let salt = log.key().salt(checked.id);
        let answer = [checked.answer, b"null}"];
        let record = Record {
            purpose: Purpose {
                matter: &ground.catalogue.matter(checked.matter).code,
                case: text(&request.case),
                department: text(&request.department),
                operator: text(&request.operator),
                reason: "",
            },
            ground: Some(view.recorded()),
            at: Some(checked.at.0),
            outcome: decision.verdict.code(),
            subjects: (&**space).into(),
            cited: cited.into(),
            texts: Some(log.algorithm().commit(&salt, checked.body, &answer)),
            ..self.of(checked.id, millis_of(checked.id), Act::Check)
        };
        self.append(log, &record)
    }

    /// Record a request and an answer that are JSON: whoever is named in the one, whatever entry in the other.
    pub(super) fn documents(&self, documents: &Documents) -> Result<Option<ReceiptNo>, Problem> {
        let Some(log) = self.log else { return Ok(None) };
        let Documents { act, view, target, request, answer, remark, .. } = *documents;
        let matched = remark.and_then(|remark| remark.matched.as_ref());
        // Before it is known to be sound nothing of it is taken but what it is committed to.
        let is_read = documents.outcome.is_none() && matched.is_none() && !request.is_empty();
        let asked: Value = if is_read {
            // An answer to what cannot be recorded as it was asked is not told.
            serde_json::from_slice(request).map_err(|_| Code::Internal.whole())?
        } else {
            Value::Null
        };
        let answered: Value = serde_json::from_slice(answer).unwrap_or_default();
        let (mut subjects, mut cited) = (Vec::new(), BTreeSet::new());
        match matched {
            Some(matched) => {
                subjects.clone_from(&matched.subjects);
                cited.extend(matched.cited.iter().filter_map(|&no| matched.view.cited(no)));
            }
            None => {
                subjects_of(log.key(), &asked, &mut subjects);
                cited_of(&answered, &mut cited);
            }
        }
        let view = matched.map(|matched| &*matched.view).or(view);
        let data = &answered["data"];
        let named = |field: &str| asked[field].as_str().unwrap_or_default();
        let id = documents.id.or_else(|| answered["check"].as_str()?.parse().ok());
        let new = log.now(act);
        let id = id.unwrap_or(new.id);
        let salt = log.key().salt(id);
        let asked_at = target.map(|target| with_target(target, request));
        let record = Record {
            purpose: match remark {
                Some(Remark { matter, reason, .. }) => {
                    Purpose { matter, reason, ..Purpose::default() }
                }
                None => Purpose {
                    matter: named("matter"),
                    case: named("case"),
                    department: named("department"),
                    operator: named("operator"),
                    reason: named("reason"),
                },
            },
            ground: view.map(View::recorded).map(|now| Ground {
                snapshot: data["snapshot"].as_str().unwrap_or(now.snapshot),
                change: data["change"].as_u64().unwrap_or(now.change),
                ..now
            }),
            at: answered["at"].as_str().and_then(|at| at.parse::<Instant>().ok()).map(|at| at.0),
            outcome: documents.outcome.or(answered["verdict"].as_str()).unwrap_or(DONE),
            subjects: subjects.into(),
            cited: cited.into_iter().collect(),
            texts: Some(log.algorithm().commit(
                &salt,
                asked_at.as_deref().unwrap_or(request),
                &[documents.shown.unwrap_or(answer)],
            )),
            note: remark.map_or("", |remark| &remark.note),
            ..self.of(id, new.millis, act)
        };
        self.append(log, &record)
    }

    /// Record something that needs no more words.
    pub(super) fn note(
        &self,
        act: Act,
        purpose: Purpose,
        outcome: &str,
        note: &str,
    ) -> Result<Option<ReceiptNo>, Problem> {
        let Some(log) = self.log else { return Ok(None) };
        let new = log.now(act);
        let record = Record { purpose, outcome, note, ..self.of(new.id, new.millis, act) };
        self.append(log, &record)
    }

    fn of<'a>(&self, id: Uuid, millis: u64, act: Act) -> Record<'a>
    where
        'w: 'a,
    {
        let client = self.who.client.as_ref().map_or("", |client| &client.name);
        Record { client, peer: Some(self.who.peer), ..Record::new(id, millis, act) }
    }

    fn append(&self, log: &Log, record: &Record) -> Result<Option<ReceiptNo>, Problem> {
        let receipt = log.append(self.lane, record);
        // What is begun is told of when it ends.
        if let Some(span) = traces::current().filter(|_| record.outcome != BEGUN) {
            tell(&span, record, receipt.as_ref().ok());
        }
        receipt.map(Some).map_err(|_| Code::AuditUnavailable.whole())
    }
}

/// Tell of a request that is traced what its record tells, subjects and texts apart.
fn tell(span: &Span, record: &Record, receipt: Option<&ReceiptNo>) {
    span.set("xincha.record", record.id.to_string());
    span.set("xincha.outcome", record.outcome.to_owned());
    if let Some(ground) = &record.ground {
        span.set("xincha.snapshot", ground.snapshot.to_owned());
        span.set("xincha.change", i64::try_from(ground.change).unwrap_or(i64::MAX));
    }
    if let Some(receipt) = receipt {
        span.set("xincha.receipt", receipt.to_string());
    }
}

fn asked(log: &Log, question: &Question, verdict: Verdict) -> Asked<'static> {
    let key = log.key();
    let mut digests: SmallVec<_> = question.ids.iter().map(|id| key.identifier(id)).collect();
    if digests.is_empty() {
        digests.extend(question.masked.iter().map(|masked| key.masked(masked)));
        digests.extend(question.name.map(|name| key.name(name)));
    }
    Asked { verdict: verdict.code(), digests }
}

/// Whoever is named in a document, object by object.
fn subjects_of(key: &AuditKey, value: &Value, out: &mut Vec<Asked<'static>>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| subjects_of(key, value, out)),
        Value::Object(fields) => {
            let mut digests = SmallVec::new();
            for (field, value) in fields {
                let texts = match value {
                    Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
                    _ => Vec::from_iter(value.as_str()),
                };
                let kind = fields.get("kind").and_then(Value::as_str);
                for text in texts {
                    let identifier = match &**field {
                        "id" | "identifiers" => Identifier::recognise(text).ok(),
                        "value" => kind
                            .and_then(IdentifierKind::from_code)
                            .and_then(|kind| Identifier::of(kind, text).ok()),
                        _ => None,
                    };
                    digests.extend(identifier.map(|id| key.identifier(&id)));
                    if matches!(&**field, "id" | "identifiers" | "value") {
                        let masked = MaskedIdentifier::parse(text);
                        digests.extend(masked.map(|masked| key.masked(&masked)));
                    }
                    if field == "name" {
                        digests.push(key.name(text));
                    }
                }
                subjects_of(key, value, out);
            }
            if !digests.is_empty() {
                out.push(Asked { verdict: "", digests });
            }
        }
        _ => {}
    }
}

/// Entries that an answer names beside their lists. Not what it repeats of a request that met none: that is a
/// text of its sender.
fn cited_of<'v>(value: &'v Value, out: &mut BTreeSet<Cited<'v>>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| cited_of(value, out)),
        Value::Object(fields) => {
            let is_refused = fields.get("status").is_some_and(|status| status == "refused");
            let is_of_nobody = fields.get("relied").is_some_and(|relied| *relied == json!([]));
            if is_refused || is_of_nobody {
                return;
            }
            let list = fields.get("list");
            let list = list.and_then(|list| list.as_str().or_else(|| list["code"].as_str()));
            let entry = fields.get("entry").and_then(Value::as_str);
            out.extend(list.zip(entry).map(|(list, entry)| Cited { list, entry }));
            fields.values().for_each(|value| cited_of(value, out));
        }
        _ => {}
    }
}

/// Record a request that is answered with JSON, and tell its receipt: in a header, and in the answer where
/// that has a place for it. What alters something is recorded before it is done as well.
pub(super) async fn witnessed(
    State((given, act)): State<(Given, Act)>,
    request: Request,
    next: Next,
) -> Response {
    if given.desk.audit.is_none() {
        return next.run(request).await;
    }
    let heard = async {
        let who = Who::of(&request)?;
        let (head, body) = request.into_parts();
        let body = read(&given, Request::new(body)).await?;
        given.must_record()?;
        let target = head.uri.path_and_query().filter(|_| act == Act::Match);
        let target = target.map(ToString::to_string);
        let request = Request::from_parts(head, Body::from(body.clone()));
        Ok((Heard { given, who, act, target, body }, request))
    };
    let answered = match heard.await {
        Ok((heard, request)) if act.alters() => {
            // Whoever asked may be gone: what was begun is recorded to its end.
            let altered = tokio::spawn(traces::carried(heard.alter(request, next))).await;
            altered.unwrap_or_else(|_| Err(Code::Internal.whole()))
        }
        Ok((heard, request)) => heard.tell(None, next.run(request).await).await,
        Err(problem) => Err(problem),
    };
    answered.unwrap_or_else(|problem| told(&problem))
}

/// A request that is to be recorded.
#[derive(Clone)]
struct Heard {
    given: Given,
    who: Who,
    act: Act,
    target: Option<String>,
    body: Bytes,
}

impl Heard {
    /// Do what alters something between two records of one id.
    async fn alter(self, request: Request, next: Next) -> Result<Response, Problem> {
        let id = Uuid::now_v7();
        let (id, answer) = (Some(id), Bytes::new());
        self.record(Ended { id, outcome: Some(BEGUN), answer: answer.clone(), remark: None })
            .await?;
        let response = next.run(request).await;
        if response.status().is_success() {
            return self.tell(id, response).await;
        }
        let code = response.extensions().get::<Code>().copied().unwrap_or(Code::Internal);
        self.record(Ended { id, outcome: Some(code.name()), answer, remark: None }).await?;
        Ok(response)
    }

    /// The answer once it is recorded; what was not answered tells nothing.
    async fn tell(self, id: Option<Uuid>, response: Response) -> Result<Response, Problem> {
        if !response.status().is_success() {
            return Ok(response);
        }
        let (mut head, answer) = response.into_parts();
        let answer = to_bytes(answer, usize::MAX).await.map_err(|_| Code::Internal.whole())?;
        let remark = head.extensions.remove::<Remark>();
        let ended = Ended { id, outcome: None, answer: answer.clone(), remark };
        let Some(receipt) = self.record(ended).await? else {
            return Ok(Response::from_parts(head, Body::from(answer)));
        };
        let number = receipt.to_string();
        let answer = with_number(answer, &number);
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.len()));
        head.headers.extend(HeaderValue::from_str(&number).map(|value| (RECEIPT, value)));
        Ok(Response::from_parts(head, Body::from(answer)))
    }

    async fn record(&self, ended: Ended) -> Result<Option<ReceiptNo>, Problem> {
        let bytes = self.body.len() + ended.answer.len();
        let receipt = if bytes <= AT_ONCE_BYTES {
            self.append(&ended)?
        } else {
            let heard = self.clone();
            self.given.recordings.wait(move || heard.append(&ended)).await??
        };
        self.given.durable(receipt).await
    }

    /// Cost: a digest of every name and number of the request, which of the largest are tens of thousands.
    fn append(&self, ended: &Ended) -> Result<Option<ReceiptNo>, Problem> {
        let view = self.given.desk.live.current();
        self.given.witness(&self.who).documents(&Documents {
            id: ended.id,
            outcome: ended.outcome,
            target: self.target.as_deref(),
            remark: ended.remark.as_ref(),
            ..Documents::new(self.act, view.as_deref(), &self.body, &ended.answer)
        })
    }
}

/// How far a request is, or how it ended.
struct Ended {
    id: Option<Uuid>,
    outcome: Option<&'static str>,
    answer: Bytes,
    remark: Option<Remark>,
}

/// Wait for the disk, where answers do.
pub(super) async fn durable(log: &Log, receipt: Option<ReceiptNo>) -> Result<(), Problem> {
    match receipt {
        Some(receipt) if !log.is_ahead() => {
            let _part = traces::child("audit sync");
            log.durable(receipt).await.map_err(|_| Code::AuditUnavailable.whole())
        }
        _ => Ok(()),
    }
}

/// An answer with the number of its receipt in the place that it has for it.
fn with_number(answer: Bytes, number: &str) -> Bytes {
    match memchr::memmem::rfind(&answer, NULL) {
        None => answer,
        Some(at) => {
            let (before, after) = (&answer[..at], &answer[at + NULL.len()..]);
            [before, b"\"receipt\":\"", number.as_bytes(), b"\"", after].concat().into()
        }
    }
}

/// When an id of version 7 was made.
fn millis_of(id: Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}
