//! Names that are like a given one, for a person to look through: no verdict follows from them.

use super::operation::{answered, read};
use super::problem::{Code, Problem};
use super::request::parse;
use super::routes::Asked;
use super::searchers::Unsearched;
use super::service::clock;
use crate::index::{EntryView, Like, Likes, Listed, Mention};
use crate::live::View;
use crate::record::{Day, limits};
use crate::text;
use crate::text::likeness::{Part, WEIGHTS};
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Names answered where nothing is said.
const LIMIT: usize = 10;
/// Names answered at most.
const LIMIT_MAX: usize = 100;
/// A score below which a name is not worth a look.
const SCORE_MIN: f64 = 0.1;

/// `{"name": …}`, and what is wanted of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchRequest {
    name: String,
    /// Code of a list; all where it is absent.
    list: Option<String>,
    limit: Option<usize>,
    score_min: Option<f64>,
    /// Tell what speaks for and against each.
    #[serde(default)]
    explain: bool,
}

/// Search: see the [module](self).
pub(super) async fn search(State(asked): State<Asked>, request: Request) -> Response {
    answered(find(&asked, request).await)
}

async fn find(asked: &Asked, request: Request) -> Result<(StatusCode, Value), Problem> {
    let request = check(parse(&read(asked, request).await?)?)?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    if let Some(list) = &request.list
        && view.generation.ground.catalogue.list_no(list).is_none()
    {
        return Err(Code::UnknownList.at("/list"));
    }
    let today = clock().0.day();
    let found = asked.searchers.run(move |likes| answer(&view, likes, &request, today)).await;
    let found = found.map_err(|why| match why {
        Unsearched::Full => Code::Overloaded.whole(),
        Unsearched::Fault => Code::Internal.whole(),
    })?;
    Ok((StatusCode::OK, found))
}

fn check(request: SearchRequest) -> Result<SearchRequest, Problem> {
    if request.name.trim().is_empty() {
        return Err(Code::EmptyValue.at("/name"));
    }
    if request.name.len() > limits::NAME_BYTES_MAX {
        return Err(Code::ValueTooLong.at("/name").beyond(limits::NAME_BYTES_MAX));
    }
    if request.limit.is_some_and(|limit| !(1..=LIMIT_MAX).contains(&limit)) {
        return Err(Code::OutOfRange.at("/limit").beyond(LIMIT_MAX));
    }
    if request.score_min.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
        return Err(Code::OutOfRange.at("/score_min").beyond(1));
    }
    Ok(request)
}

fn answer(view: &View, likes: &mut Likes, request: &SearchRequest, today: Day) -> Value {
    let listed = view.listed();
    let score_min = request.score_min.unwrap_or(SCORE_MIN);
    let mut key = String::new();
    text::fold(&request.name, &mut key);
    let mut results = Vec::new();
    let mut answered = BTreeSet::new();
    let mut add = |key: &str, like: Option<&Like>| {
        let wanted = results.len() < request.limit.unwrap_or(LIMIT);
        if wanted && answered.insert(key.to_owned()) {
            results.extend(result(view, listed, request, today, key, like));
        }
    };
    let found = likes.of(listed, &request.name);
    // Short names are not scored: whoever bears one is nobody in particular.
    let mut same = found.iter().filter(|like| like.is_same);
    if same.all(|like| key_of(listed, like).as_deref() != Some(&*key)) {
        add(&key, None);
    }
    for like in found.iter().filter(|like| like.probability >= score_min) {
        if let Some(key) = key_of(listed, like) {
            add(&key, Some(like));
        }
    }
    let meta = view.generation.ground.index.meta();
    json!({
        "data": {"snapshot": meta.id, "change": view.overlay.change()},
        "results": results,
    })
}

/// The folded name that was found.
fn key_of(listed: Listed, like: &Like) -> Option<String> {
    let entry = listed.entry(like.entry)?;
    let name = match like.name {
        0 => entry.name(),
        other => entry.other_names().nth(other - 1)?.0,
    };
    let mut key = String::new();
    text::fold(name, &mut key);
    Some(key)
}

/// A name with the entries in force whose subjects bear it; `None` where there is none.
fn result(
    view: &View,
    listed: Listed,
    request: &SearchRequest,
    today: Day,
    key: &str,
    like: Option<&Like>,
) -> Option<Value> {
    let ground = &view.generation.ground;
    let described = |mention: Mention| {
        let entry: EntryView = listed.entry(mention.entry)?;
        let list = ground.catalogue.list(ground.list(entry.list())?);
        let is_wanted = request.list.as_ref().is_none_or(|code| *code == list.code);
        (is_wanted && entry.counts_on(today)).then(|| {
            json!({
                "entry": entry.id(),
                "list": {"code": list.code, "name": list.name, "kind": list.kind.code()},
                "name": entry.name(),
                "former_name": mention.former,
                "authority": entry.authority(),
                "from": entry.term().from.map(|day| day.to_string()),
                "to": entry.term().to.map(|day| day.to_string()),
            })
        })
    };
    let entries: Vec<Value> = listed.named(key).filter_map(described).collect();
    if entries.is_empty() {
        return None;
    }
    Some(json!({
        "score": like.map(|like| rounded(like.probability)),
        "same_name": like.is_none_or(|like| like.is_same),
        "entries": entries,
        "parts": like.filter(|_| request.explain).map(parts),
    }))
}

/// What spoke for and against it, the weightiest first.
fn parts(like: &Like) -> Vec<Value> {
    let counts = Part::ALL.into_iter().zip(like.likeness.parts);
    let mut parts: Vec<(Part, f64, f64)> = counts
        .zip(WEIGHTS)
        .filter(|((_, count), _)| *count != 0.0)
        .map(|((part, count), weight)| (part, count, count * weight))
        .collect();
    parts.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
    let told = |(part, count, adds): (Part, f64, f64)| json!({"part": part, "count": rounded(count), "log_odds": rounded(adds)});
    parts.into_iter().map(told).collect()
}

/// To three digits, which is more than is known.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
