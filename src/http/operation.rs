//! What departments and operators ask for: changes, refresh, rollback, approval, the state of it all.

use super::changes;
use super::problem::{Code, Problem};
use super::request::parse;
use super::routes::{self, Asked, document, told};
use super::who::Who;
use super::witness::Remark;
use crate::clock;
use crate::live::states::{Delivery, SourceState, States};
use crate::live::{Loader, LoaderError, RecordError};
use crate::record::{Instant, limits};
use crate::traces;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// Record changes: see [`changes`].
pub(super) async fn changes(State(asked): State<Asked>, request: Request) -> Response {
    answered(record(&asked, request).await)
}

async fn record(asked: &Asked, request: Request) -> Result<(StatusCode, Value), Problem> {
    let who = Who::of(&request)?;
    let body = read(asked, request).await?;
    let recorder = asked.desk.recorder.as_ref().ok_or(Code::NotLoadedHere.whole())?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    let changes = changes::read(&body, &view.generation.ground.catalogue)?;
    for (place, change) in changes.iter().enumerate() {
        who.may_change(&change.list, || format!("/changes/{place}/list"))?;
    }
    let part = traces::child("changes record");
    let recorded = match recorder.record(changes.clone()) {
        Ok(answer) => answer.await.unwrap_or(Err(RecordError::NotReady)),
        Err(refused) => Err(refused),
    };
    drop(part);
    let recorded = recorded.map_err(|error| {
        match error {
            RecordError::Full => Code::Overloaded,
            RecordError::NotReady => Code::NotReady,
            RecordError::Ledger(_) => Code::LedgerUnavailable,
        }
        .whole()
    })?;
    Ok((StatusCode::OK, changes::answer(&changes, &recorded)))
}

/// `{"source": …}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfSource {
    source: String,
}

/// `{}`, or `{"source": …}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAnySource {
    source: Option<String>,
}

/// `{}`, or `{"snapshot": …}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfSnapshot {
    snapshot: Option<String>,
}

/// Ask a source, or all, now.
pub(super) async fn refresh(State(asked): State<Asked>, request: Request) -> Response {
    let begin = async {
        let body = read(&asked, request).await?;
        let OfAnySource { source } = parse(or_empty(&body))?;
        loader(&asked)?.refresh(source.as_deref()).map_err(problem)?;
        let answer = json!({"refreshing": true, "follow": "/v1/data"});
        Ok((StatusCode::ACCEPTED, answer, source.unwrap_or_default()))
    };
    noted(begin.await)
}

/// Serve a kept snapshot again.
pub(super) async fn rollback(State(asked): State<Asked>, request: Request) -> Response {
    let roll = async {
        let body = read(&asked, request).await?;
        let OfSnapshot { snapshot } = parse(or_empty(&body))?;
        let loader = loader(&asked)?.clone();
        // It opens a file and waits for that: not on the thread that answers checks.
        let rolled = tokio::task::spawn_blocking(move || loader.rollback(snapshot.as_deref()));
        let rolled = rolled.await.map_err(|_| Code::Internal.whole())?;
        let snapshot = rolled.map_err(problem)?;
        Ok((StatusCode::OK, json!({"snapshot": snapshot}), snapshot))
    };
    noted(roll.await)
}

/// Take a held delivery.
pub(super) async fn approve(State(asked): State<Asked>, request: Request) -> Response {
    let approve = async {
        let OfSource { source } = parse(&read(&asked, request).await?)?;
        loader(&asked)?.approve(&source).map_err(problem)?;
        let answer = json!({"approved": source, "follow": "/v1/data"});
        Ok((StatusCode::ACCEPTED, answer, source))
    };
    noted(approve.await)
}

/// Drop a held delivery.
pub(super) async fn discard(State(asked): State<Asked>, request: Request) -> Response {
    let discard = async {
        let OfSource { source } = parse(&read(&asked, request).await?)?;
        loader(&asked)?.discard(&source).map_err(problem)?;
        Ok((StatusCode::OK, json!({"discarded": source}), source))
    };
    noted(discard.await)
}

/// The view that answers, how much is searched, the sources, the kept snapshots, the present refresh.
pub(super) async fn data(State(asked): State<Asked>) -> Response {
    let Some(view) = asked.desk.live.current() else {
        return told(&Code::NotReady.whole());
    };
    let now = Instant(clock::seconds());
    let mut data = routes::data(&view, now);
    let searches = asked.searchers.searches();
    data["searches"] = json!({
        "threads": searches.threads,
        "waiting": searches.waiting,
        "served": searches.served,
        "refused": searches.refused,
    });
    if let Some(loader) = &asked.desk.loader {
        add_loader(&mut data, loader, now);
    }
    document(StatusCode::OK, &data)
}

fn add_loader(data: &mut Value, loader: &Loader, now: Instant) {
    let (states, refresh) = (loader.states(), loader.progress());
    let known = data["sources"].as_array().cloned().unwrap_or_default();
    let sources = loader.sources().iter().map(|code| {
        let known = known.iter().find(|source| source["code"] == code.as_str());
        let mut source = known.cloned().unwrap_or_else(|| unbuilt(code));
        source["state"] = state(&states, code, now);
        source
    });
    data["sources"] = sources.collect();
    let snapshots = states.builds.iter().map(|(id, build)| {
        let is_current = states.current.as_ref() == Some(id);
        json!({"id": id, "change": build.change, "built": build.built.to_string(), "current": is_current})
    });
    data["snapshots"] = snapshots.collect();
    data["builds"] = json!(loader.is_builder());
    data["refresh"] = json!({
        "running": refresh.is_running(),
        "fetching": refresh.fetching,
        "building": refresh.building,
        "rows": refresh.read.1,
        "bytes": refresh.read.0,
        "bytes_total": refresh.bytes,
        "failure": refresh.failure,
        "published": refresh.published,
        "unread": refresh.unread,
    });
}

/// A source of which nothing is in the snapshot.
fn unbuilt(code: &str) -> Value {
    json!({"code": code, "name": null, "rows": 0, "rejects": 0, "warnings": 0, "as_of": null, "age_seconds": null})
}

fn state(states: &States, code: &str, now: Instant) -> Value {
    let none = SourceState::default();
    let state = states.sources.get(code).unwrap_or(&none);
    let at = |at: Option<Instant>| at.map(|at| at.to_string());
    let hash = |of: &Delivery| format!("{:016x}", of.hash);
    let held = state.held.as_ref().map(|held| {
        let trips = held.trips.iter().map(|trip| {
            let mut told = serde_json::to_value(trip).unwrap_or_default();
            told["text"] = json!(trip.to_string());
            told
        });
        json!({
            "since": held.since.to_string(),
            "hash": hash(&held.delivery),
            "rows": held.delivery.figures.rows,
            "rejects": held.delivery.figures.rejects,
            "why": trips.collect::<Value>(),
        })
    });
    json!({
        "attempted": at(state.attempted),
        "succeeded": at(state.succeeded),
        "since_success_seconds": state.succeeded.map(|at| now.0 - at.0),
        "failures": state.failures,
        "failure": state.failure,
        "awaited": state.awaited,
        "hash": states.accepted(code).map(hash),
        "held": held,
    })
}

fn loader(asked: &Asked) -> Result<&Loader, Problem> {
    asked.desk.loader.as_ref().ok_or(Code::NotLoadedHere.whole())
}

fn problem(error: LoaderError) -> Problem {
    match error {
        LoaderError::Running => Code::RefreshRunning.whole(),
        LoaderError::UnknownSource => Code::UnknownSource.at("/source"),
        LoaderError::NothingHeld => Code::NothingHeld.at("/source"),
        LoaderError::NotBuilder => Code::NotLoadedHere.whole(),
        LoaderError::NoSuchSnapshot => Code::NoSuchSnapshot.at("/snapshot"),
        LoaderError::Failed(why) => {
            tracing::error!("{why}");
            Code::Internal.whole()
        }
    }
}

/// A request without a body asks for the default.
fn or_empty(body: &Bytes) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}

/// All of a body, within its bound and its time.
pub(super) async fn read(asked: &Asked, request: Request) -> Result<Bytes, Problem> {
    let max = limits::BODY_BYTES_MAX;
    match tokio::time::timeout(asked.times.body(), to_bytes(request.into_body(), max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(Code::BodyTooLarge.whole().beyond(max)),
        Err(_) => Err(Code::RequestTimeout.whole()),
    }
}

/// An answer, and what its record notes.
fn noted(answer: Result<(StatusCode, Value, String), Problem>) -> Response {
    match answer {
        Ok((status, value, note)) => {
            remarked(document(status, &value), Remark { note, ..Remark::default() })
        }
        Err(problem) => told(&problem),
    }
}

/// An answer that says more to whoever records it.
pub(super) fn remarked(mut response: Response, remark: Remark) -> Response {
    response.extensions_mut().insert(remark);
    response
}

pub(super) fn answered(answer: Result<(StatusCode, Value), Problem>) -> Response {
    match answer {
        Ok((status, value)) => document(status, &value),
        Err(problem) => told(&problem),
    }
}
