//! The paths that are asked now and then, over the same hyper as the check.

use super::check::write_stale;
use super::cross::Crossings;
use super::desk::Desk;
use super::metrics::{Metrics, Route};
use super::problem::{self, Code, Problem};
use super::receipts::{self, Readers};
use super::searchers::Searchers;
use super::times::Times;
use super::turns::Turns;
use super::who::Who;
use super::witness::Witness;
use super::{
    OPENAPI, cross, evidence, exposition, jobs, operation, search, suggest, tender, witness, yente,
};
use crate::audit::{Act, ReceiptNo};
use crate::catalogue::{ListNo, Reach};
use crate::clock;
use crate::live::View;
use crate::record::Instant;
use crate::screen::Stale;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

/// Every path with its methods, `HEAD` apart, which goes wherever `GET` does.
pub const PATHS: [(&str, &[&str]); 31] = [
    ("/v1/check", &["POST"]),
    ("/v1/screen", &["POST"]),
    ("/v1/evidence", &["POST"]),
    ("/v1/search", &["POST"]),
    ("/v1/suggest", &["POST"]),
    ("/v1/cross", &["POST"]),
    ("/v1/jobs", &["GET", "POST"]),
    ("/v1/jobs/{id}", &["DELETE", "GET"]),
    ("/v1/jobs/{id}/cancel", &["POST"]),
    ("/v1/jobs/{id}/result", &["GET"]),
    ("/v1/jobs/{id}/rejects", &["GET"]),
    ("/v1/jobs/{id}/page", &["GET"]),
    ("/match/{dataset}", &["POST"]),
    ("/catalog", &["GET"]),
    ("/algorithms", &["GET"]),
    ("/v1/changes", &["POST"]),
    ("/v1/receipts/{id}", &["GET"]),
    ("/v1/recalls", &["GET", "POST"]),
    ("/v1/lists", &["GET"]),
    ("/v1/measures", &["GET"]),
    ("/v1/matters", &["GET"]),
    ("/v1/data", &["GET"]),
    ("/v1/data/refresh", &["POST"]),
    ("/v1/data/rollback", &["POST"]),
    ("/v1/data/approve", &["POST"]),
    ("/v1/data/discard", &["POST"]),
    ("/v1/problems", &["GET"]),
    ("/healthz", &["GET"]),
    ("/readyz", &["GET"]),
    ("/metrics", &["GET"]),
    ("/openapi.json", &["GET"]),
];

/// Routes everything but the check, which the caller answers before it comes here.
pub(super) fn router(asked: Asked) -> Router {
    let recorded = |act: Act| from_fn_with_state((asked.clone(), act), witness::witnessed);
    Router::new()
        .route("/v1/check", post(|| async { told(&Code::Internal.whole()) }))
        .route("/v1/screen", post(tender::screen).layer(recorded(Act::Screen)))
        .route("/v1/evidence", post(evidence::evidence))
        .route("/v1/search", post(search::search).layer(recorded(Act::Search)))
        .route("/v1/suggest", post(suggest::suggest).layer(recorded(Act::Suggest)))
        .route("/v1/cross", post(cross::cross).layer(recorded(Act::Cross)))
        .route("/v1/jobs", get(jobs::list).post(jobs::upload).layer(DefaultBodyLimit::disable()))
        .route("/v1/jobs/{id}", get(jobs::status).delete(jobs::remove))
        .route("/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{id}/result", get(jobs::result))
        .route("/v1/jobs/{id}/rejects", get(jobs::rejects))
        .route("/v1/jobs/{id}/page", get(jobs::page))
        .route("/match/{dataset}", post(yente::answer).layer(recorded(Act::Match)))
        .route("/catalog", get(|State(asked)| of_view(asked, yente::catalog)))
        .route("/algorithms", get(|| async { document(StatusCode::OK, &yente::algorithms()) }))
        .route("/v1/changes", post(operation::changes).layer(recorded(Act::Change)))
        .route("/v1/receipts/{id}", get(receipts::receipt))
        .route(
            "/v1/recalls",
            post(receipts::recall).layer(recorded(Act::Recall)).get(receipts::recalls),
        )
        .route("/v1/lists", get(|State(asked)| of_view(asked, lists)))
        .route("/v1/measures", get(|State(asked)| of_view(asked, measures)))
        .route("/v1/matters", get(|State(asked)| of_view(asked, matters)))
        .route("/v1/data", get(operation::data))
        .route("/v1/data/refresh", post(operation::refresh).layer(recorded(Act::Refresh)))
        .route("/v1/data/rollback", post(operation::rollback).layer(recorded(Act::Rollback)))
        .route("/v1/data/approve", post(operation::approve).layer(recorded(Act::Approve)))
        .route("/v1/data/discard", post(operation::discard).layer(recorded(Act::Discard)))
        .route("/v1/problems", get(|| async { document(StatusCode::OK, &problems()) }))
        .route("/healthz", get(|| async { document(StatusCode::OK, &json!({"alive": true})) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(exposition::metrics))
        .route(
            "/openapi.json",
            get(|| async { bytes(StatusCode::OK, "application/json", OPENAPI) }),
        )
        .route_layer(from_fn(tell_route))
        .method_not_allowed_fallback(|| async { told(&Code::MethodNotAllowed.whole()) })
        .fallback(|| async { told(&Code::NotFound.whole()) })
        .with_state(asked)
}

/// Tell in an extension of the answer which route it is of.
async fn tell_route(pattern: MatchedPath, request: Request, next: Next) -> Response {
    let route = Route::of(pattern.as_str());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(route);
    response
}

/// What every route is given. Cloning shares, all threads that answer among them.
#[derive(Clone)]
pub(super) struct Asked {
    pub desk: Desk,
    /// Where names are searched.
    pub searchers: Searchers,
    /// What was counted.
    pub metrics: Metrics,
    /// Who is on which list.
    pub crossings: Crossings,
    /// How long a peer is waited for.
    pub times: Times,
    /// The lane of the audit log of the thread that answers.
    pub lane: usize,
    /// Who reads the audit log.
    pub readers: Readers,
    /// What is too much to be recorded by a thread that answers checks.
    pub recordings: Turns,
}

impl Asked {
    /// In no lane yet.
    pub fn new(desk: Desk, searchers: Searchers, metrics: Metrics, times: Times) -> Asked {
        Asked {
            desk,
            searchers,
            metrics,
            crossings: Crossings::default(),
            times,
            lane: 0,
            readers: Readers::default(),
            // All of them are to be recorded.
            recordings: Turns::of(0),
        }
    }

    /// What is asked can be recorded now: else it is neither answered nor done.
    pub fn must_record(&self) -> Result<(), Problem> {
        match &self.desk.audit {
            Some(log) if log.is_refusing() => Err(Code::AuditUnavailable.whole()),
            _ => Ok(()),
        }
    }

    /// Wait for the disk, where answers do: what was recorded.
    pub async fn durable(&self, receipt: Option<ReceiptNo>) -> Result<Option<ReceiptNo>, Problem> {
        let Some(log) = &self.desk.audit else { return Ok(receipt) };
        witness::durable(log, receipt).await.map(|()| receipt)
    }

    /// Who asks, and where that is recorded.
    pub fn witness<'w>(&'w self, who: &'w Who) -> Witness<'w> {
        Witness { who, log: self.desk.audit.as_ref(), lane: self.lane }
    }
}

async fn of_view(asked: Asked, describe: fn(&View, Instant) -> Value) -> Response {
    match asked.desk.live.current() {
        Some(view) => document(StatusCode::OK, &describe(&view, Instant(clock::seconds()))),
        None => told(&Code::NotReady.whole()),
    }
}

pub(super) fn bytes(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

pub(super) fn document(status: StatusCode, value: &Value) -> Response {
    bytes(status, "application/json", value.to_string())
}

pub(super) fn told(problem: &Problem) -> Response {
    let mut response = bytes(problem.code.status(), problem::MEDIA_TYPE, problem.to_json());
    problem.head(response.headers_mut());
    response.extensions_mut().insert(problem.code);
    response
}

fn lists(view: &View, _now: Instant) -> Value {
    let ground = &view.generation.ground;
    let delivered = &ground.index.meta().lists;
    let of = |no: ListNo| {
        let list = ground.catalogue.list(no);
        let entries = delivered.iter().find(|meta| meta.code == list.code).map(|meta| meta.entries);
        json!({
            "code": list.code,
            "name": list.name,
            "kind": list.kind.code(),
            "authority": list.authority,
            "basis": list.basis,
            "max_age_days": list.max_age_days,
            "when_stale": list.when_stale.code(),
            "as_of": ground.as_of(no).map(|at| at.to_string()),
            "entries": entries,
        })
    };
    let lists: Vec<Value> = ground.catalogue.list_numbers().map(of).collect();
    json!({"catalogue": ground.catalogue.digest(), "lists": lists})
}

fn measures(view: &View, _now: Instant) -> Value {
    let catalogue = &view.generation.ground.catalogue;
    let measures: Vec<Value> = catalogue
        .measures()
        .iter()
        .map(|measure| {
            let lists: Vec<&str> =
                measure.lists.iter().map(|&list| catalogue.list(list).code.as_str()).collect();
            let matters: Vec<&str> = measure
                .matters
                .iter()
                .map(|&matter| catalogue.matter(matter).code.as_str())
                .collect();
            let reach: Vec<&str> = measure.reach.iter().copied().map(Reach::code).collect();
            json!({
                "code": measure.code,
                "name": measure.name,
                "name_en": measure.name_en,
                "class": measure.class.map(|class| class.code()),
                "item": measure.item.as_ref().map(ToString::to_string),
                "basis": measure.basis,
                "action": measure.action.code(),
                "reach": reach,
                "lists": lists,
                "matters": matters,
            })
        })
        .collect();
    json!({"catalogue": catalogue.digest(), "measures": measures})
}

fn matters(view: &View, _now: Instant) -> Value {
    let catalogue = &view.generation.ground.catalogue;
    let matters: Vec<Value> = catalogue
        .matters()
        .iter()
        .map(|matter| {
            let consults: Vec<&str> =
                matter.consults.iter().map(|&list| catalogue.list(list).code.as_str()).collect();
            json!({
                "code": matter.code,
                "name": matter.name,
                "department": matter.department,
                "consults": consults,
                "roles": matter.roles,
                "persons_by_name": matter.persons_by_name,
                "similar_name_percent": matter.similar_name_percent,
            })
        })
        .collect();
    json!({"catalogue": catalogue.digest(), "matters": matters})
}

/// Every list of the catalogue that cannot be relied on at the instant.
pub(super) fn stale(view: &View, at: Instant) -> Vec<Stale> {
    let basis = view.basis(at);
    let lists = basis.ground.catalogue.list_numbers();
    lists.filter_map(|list| basis.stale_list(list, at)).collect()
}

pub(super) fn stale_json(view: &View, stale: &[Stale]) -> Value {
    let rendered = stale.iter().map(|stale| {
        let mut out = Vec::new();
        write_stale(&view.generation.ground.catalogue, stale, &mut out);
        serde_json::from_slice::<Value>(&out).unwrap_or_default()
    });
    Value::Array(rendered.collect())
}

/// The view that answers: the snapshot, what it was built of, the changes since.
pub(super) fn data(view: &View, now: Instant) -> Value {
    let generation = &view.generation;
    let ground = &generation.ground;
    let meta = ground.index.meta();
    let sources: Vec<Value> = meta
        .sources
        .iter()
        .map(|source| {
            json!({
                "code": source.code,
                "name": source.name,
                "rows": source.rows,
                "rejects": source.rejects,
                "warnings": source.warnings,
                "as_of": Instant(source.as_of).to_string(),
                "age_seconds": now.0.saturating_sub(source.as_of),
            })
        })
        .collect();
    let files: Vec<Value> = meta
        .files
        .iter()
        .map(|file| json!({"source": file.source, "name": file.name, "rows": file.rows, "hash": file.hash}))
        .collect();
    json!({
        "snapshot": meta.id,
        "contents": format!("{:016x}", generation.snapshot.contents()),
        "bytes": generation.snapshot.length(),
        "built": Instant(meta.built).to_string(),
        "change": view.overlay.change(),
        "change_of_snapshot": meta.change,
        "behind": view.behind.map(|since| since.to_string()),
        "catalogue": ground.catalogue.digest(),
        "counts": {
            "entries": meta.entries,
            "subjects": meta.subjects,
            "identifiers": meta.identifiers,
            "superseded": meta.superseded,
            "shared_identifiers": meta.shared_identifiers,
        },
        "sources": sources,
        "files": files,
        "stale": stale_json(view, &stale(view, now)),
    })
}

fn problems() -> Value {
    let problems: Vec<Value> = Code::all()
        .map(|code| serde_json::from_slice(&code.whole().to_json()).unwrap_or_default())
        .collect();
    json!({ "problems": problems })
}

/// Ready as long as some list can be relied on: a check says itself which ones cannot.
async fn ready(State(asked): State<Asked>) -> Response {
    let Some(view) = asked.desk.live.current() else {
        return document(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"ready": false, "reasons": ["no_data"], "behind": null, "stale": []}),
        );
    };
    let answer = readiness(&view, Instant(clock::seconds()));
    let status =
        if answer["ready"] == true { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    document(status, &answer)
}

/// Some list can be relied on.
pub(super) fn is_ready(view: &View, now: Instant) -> bool {
    stale(view, now).len() < view.generation.ground.catalogue.lists().len()
}

fn readiness(view: &View, now: Instant) -> Value {
    let (stale, all_stale) = (stale(view, now), !is_ready(view, now));
    let reasons = [(all_stale, "all_lists_stale"), (view.behind.is_some(), "behind")];
    let reasons: Vec<&str> =
        reasons.into_iter().filter(|(is, _)| *is).map(|(_, why)| why).collect();
    json!({
        "ready": !all_stale,
        "reasons": reasons,
        "behind": view.behind.map(|since| since.to_string()),
        "stale": stale_json(view, &stale),
    })
}
