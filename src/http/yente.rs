//! `POST /match/{dataset}`, `GET /catalog`, `GET /algorithms` in the shape that OpenSanctions' yente
//! serves, so that a client of it can ask here too. Errors are problem documents like all others: their
//! `detail` is what yente's errors have.
//!
//! ```text
//! body, query string ─► body ─► terms ───────┐
//!                         └───► sought ─► candidates ─► entity ─► answer
//! ```
//!
//! | file | noun |
//! |---|---|
//! | `body` | bytes → values |
//! | `terms` | what is asked of every query |
//! | `sought` | whom a query asks about |
//! | `birth` | days of birth, and how two agree |
//! | `candidates` | listed subjects that may be the one, scored |
//! | `named` | how sure a subject is by its name |
//! | `entity` | a candidate as it is answered |
//! | `verdict` | what follows for it |
//! | `catalog` | the lists as datasets, and the algorithm |

mod birth;
mod body;
mod candidates;
mod catalog;
mod entity;
mod named;
mod sought;
mod terms;
mod verdict;

pub(super) use catalog::{algorithms, catalog};

use super::operation::{read, remarked};
use super::problem::{Code, Problem};
use super::purpose;
use super::request::parse;
use super::routes::{Asked, document, stale_json, told};
use super::search::data_used;
use super::who::Who;
use super::witness::{Matched, Remark};
use crate::audit::{self, AuditKey, Digest, Log};
use crate::catalogue::WhenStale;
use crate::clock;
use crate::index::{EntryNo, Likes};
use crate::live::View;
use crate::record::Instant;
use crate::screen::{Stale, Verdict};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use body::{Body, Params};
use candidates::Search;
use entity::Pen;
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use smallvec::SmallVec;
use sought::Sought;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use terms::Terms;

/// Of the candidates that are not shown, so many of a query are cited, those from which most follows: where there are
/// more, what follows does not rest on one of them.
const CITED_MAX: usize = 100;

type Dataset = Result<Path<String>, PathRejection>;

/// Match: see the [module](self).
pub(super) async fn answer(
    State(asked): State<Asked>,
    dataset: Dataset,
    request: Request,
) -> Response {
    match matched(&asked, dataset, request).await {
        Ok((found, remark)) => remarked(document(StatusCode::OK, &found), remark),
        Err(problem) => told(&problem),
    }
}

/// The answer, and what its record says of a request that says it elsewhere than others.
async fn matched(
    asked: &Asked,
    dataset: Dataset,
    request: Request,
) -> Result<(Value, Remark), Problem> {
    // Whatever is wrong with it, the body is read first: the connection of an unread one must be closed.
    let who = Who::of(&request)?;
    let params = Params::of_query_string(request.uri().query().unwrap_or_default());
    let Body { queries, params: others, .. } =
        parse::<Body>(&read(asked, request).await?)?.check()?;
    let params = params?.or(others.map(|others| others.0).unwrap_or_default());
    purpose::check_reason(&who, params.reason.as_deref(), "/params/reason")?;
    let Path(dataset) = dataset.map_err(|_| Code::UnknownDataset.whole())?;
    let (matter, reason) = (params.matter.clone(), params.reason.clone());
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    let catalogue = &view.generation.ground.catalogue;
    let terms = Terms::of(params, &dataset, catalogue)?;
    if let Some(matter) = terms.matter {
        who.may_handle(catalogue, matter, "/params/matter")?;
    }
    who.may_consult(catalogue, terms.searched(catalogue), "/params/include_dataset")?;
    let sought = queries.items.into_iter().map(|(id, query)| Ok((Sought::of(&id, &query)?, id)));
    let sought = sought.collect::<Result<Vec<_>, Problem>>()?;
    let now = Instant(clock::seconds());
    let questions = sought.iter().map(|(sought, _)| (sought.question(), !sought.births.is_empty()));
    let persons = purpose::check_match(&who, questions, now)?;
    let guesses: Vec<u64> =
        sought.iter().flat_map(|(sought, _)| purpose::guesses(&sought.question())).collect();
    let (audit, used) = (asked.desk.audit.clone(), view.clone());
    let (found, noted) = asked
        .searchers
        .run(move |searcher| {
            let key = audit.as_ref().map(Log::key);
            respond(&view, &mut searcher.likes, sought, &terms, key, now)
        })
        .await?;
    let missed = persons.iter().zip(&noted).flat_map(|(&person, noted)| noted.missed(person));
    purpose::note_match(&who, missed.chain(guesses), now);
    let remark = Remark {
        matter: matter.unwrap_or_default(),
        reason: reason.unwrap_or_default(),
        note: dataset,
        matched: Some(matched_by(used, noted)),
    };
    Ok((found, remark))
}

fn matched_by(view: Arc<View>, noted: Vec<Noted>) -> Matched {
    let cited = noted.iter().flat_map(|noted| noted.cited.iter().copied()).collect();
    let subjects = noted.into_iter().filter(|noted| !noted.digests.is_empty());
    let subjects = subjects
        .map(|Noted { verdict, digests, .. }| audit::Asked { verdict: verdict.code(), digests });
    Matched { view, subjects: subjects.collect(), cited }
}

/// What is noted of a query when it was answered.
struct Noted {
    /// Nobody was found.
    is_nobody: bool,
    /// Hashes of names with days of birth that are those of nobody of the name.
    births: Vec<u64>,
    /// What follows.
    verdict: Verdict,
    /// Of whom it asks about; none where nothing is recorded.
    digests: SmallVec<[Digest; 2]>,
    /// Entries on which the answer rests, shown or not.
    cited: BTreeSet<EntryNo>,
}

impl Noted {
    /// Hashes of the natural persons on no list, where the query asks about one of this hash.
    fn missed(&self, person: Option<u64>) -> impl Iterator<Item = u64> {
        let nobody = person.filter(|_| self.is_nobody && self.births.is_empty());
        self.births.iter().copied().chain(nobody)
    }
}

fn respond(
    view: &View,
    likes: &mut Likes,
    queries: Vec<(Sought, String)>,
    terms: &Terms,
    key: Option<&AuditKey>,
    now: Instant,
) -> (Value, Vec<Noted>) {
    let basis = view.basis(now);
    let stale: Vec<Stale> = terms
        .consulted(&basis.ground.catalogue)
        .into_iter()
        .filter_map(|list| basis.stale_list(list, now))
        .collect();
    let is_undetermined = stale.iter().any(|stale| stale.effect == WhenStale::Undetermined);
    let (responses, noted): (Map<String, Value>, Vec<Noted>) = queries
        .into_iter()
        .map(|(sought, id)| {
            let (response, noted) = response(view, likes, sought, terms, key, is_undetermined, now);
            ((id, response), noted)
        })
        .unzip();
    let is_named = |feature: &str| {
        let results = responses.values().filter_map(|response| response["results"].as_array());
        results.flatten().any(|result| result["features"].get(feature).is_some())
    };
    let matcher = catalog::features(is_named);
    let answer = json!({
        "responses": responses,
        "matcher": matcher,
        "limit": terms.limit,
        "algorithm": terms::ALGORITHM,
        "xincha": {"data": data_used(view), "stale": stale_json(view, &stale)},
    });
    (answer, noted)
}

fn response(
    view: &View,
    likes: &mut Likes,
    sought: Sought,
    terms: &Terms,
    key: Option<&AuditKey>,
    is_undetermined: bool,
    now: Instant,
) -> (Value, Noted) {
    let question = sought.question();
    let found = Search::new(view, &sought, &question, terms, now.day()).run(likes);
    let ground = &view.generation.ground;
    let pen = Pen { ground, listed: view.listed(), sought: &sought, question: &question, terms };
    let wanted = found
        .candidates
        .iter()
        .filter(|candidate| !terms.excludes_schema(entity::schema(candidate.entries[0].0.kind())));
    let wanted: Vec<_> = wanted.map(|candidate| (candidate, pen.verdict(candidate))).collect();
    let (shown, others) = wanted.split_at(terms.limit.min(wanted.len()));
    let results: Vec<Value> = shown.iter().map(|(candidate, _)| pen.entity(candidate)).collect();
    // None of these depends on how many results are wanted.
    let matches = wanted.iter().filter(|(candidate, _)| pen.is_match(candidate)).count();
    let verdicts = wanted.iter().map(|(_, verdict)| *verdict);
    let verdict = verdicts.fold(pen.verdict_of_related(&found), Verdict::max);
    let verdict = if is_undetermined || sought.is_nobody() {
        verdict::undetermined(verdict, terms)
    } else {
        verdict
    };
    let mut others = others.to_vec();
    others.sort_by_key(|(_, verdict)| Reverse(*verdict));
    let cited = shown.iter().chain(others.iter().take(CITED_MAX));
    let cited = cited.flat_map(|(candidate, _)| &candidate.entries).map(|(entry, _)| entry.no);
    let births = found.births.iter().filter(|(_, is_ones)| !**is_ones);
    let noted = Noted {
        is_nobody: wanted.is_empty() && found.related.is_empty(),
        births: births.map(|((name, birth), _)| purpose::born(name, birth.digits())).collect(),
        verdict,
        digests: key.map(|key| sought.digests(key)).unwrap_or_default(),
        cited: cited.chain(found.related.iter().map(|(_, entry, _)| entry.no)).collect(),
    };
    let related = pen.related(&found);
    let response = json!({
        "status": 200,
        "results": results,
        "total": {"value": matches, "relation": "eq"},
        "xincha": {"verdict": verdict.code(), "related": related},
        "query": sought.echo(),
    });
    (response, noted)
}
