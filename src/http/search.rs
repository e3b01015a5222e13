//! Names that are like a given one, for a person to look through: no verdict follows from them.

use super::likeness;
use super::operation::{answered, read};
use super::person;
use super::problem::{Code, Problem};
use super::purpose;
use super::request::parse;
use super::routes::Asked;
use super::searchers::Searcher;
use super::who::Who;
use crate::catalogue::List;
use crate::clock;
use crate::index::{Distance, EntryView, Like, Likes, Mention};
use crate::live::View;
use crate::record::Instant;
use crate::record::{Day, SubjectKind, limits};
use crate::text::Keys;
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
    /// For what it is asked.
    reason: Option<String>,
}

/// Search: see the [module](self).
pub(super) async fn search(State(asked): State<Asked>, request: Request) -> Response {
    answered(find(&asked, request).await)
}

async fn find(asked: &Asked, request: Request) -> Result<(StatusCode, Value), Problem> {
    let who = Who::of(&request)?;
    let request = check(parse(&read(asked, request).await?)?)?;
    purpose::check_reason(&who, request.reason.as_deref(), "/reason")?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    known(request.list.as_deref(), &who, &view)?;
    let today = Instant(clock::seconds()).day();
    let search = move |searcher: &mut Searcher| answer(&view, &mut searcher.likes, &request, today);
    Ok((StatusCode::OK, asked.searchers.run(search).await?))
}

/// The list that is asked for is of the catalogue, and the client may use it; without one, all of them.
pub(super) fn known(list: Option<&str>, who: &Who, view: &View) -> Result<(), Problem> {
    let catalogue = &view.generation.ground.catalogue;
    let Some(code) = list else {
        return who.may_consult(catalogue, catalogue.list_numbers(), "/list");
    };
    let list = catalogue.list_no(code).ok_or_else(|| Code::UnknownList.at("/list"))?;
    who.may_consult(catalogue, [list], "/list")
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
    let asked = Keys::from(&*request.name);
    let mut results = Vec::new();
    let mut answered = BTreeSet::new();
    let mut add = |key: &str, like: Option<&Like>| {
        let wanted = results.len() < request.limit.unwrap_or(LIMIT);
        if wanted && answered.insert(key.to_owned()) {
            results.extend(result(view, request, &asked, today, key, like));
        }
    };
    let found = likes.of(listed, &request.name, score_min, Distance::TwoEdits);
    // Short names are not scored: whoever bears one is nobody in particular.
    let mut same = found.iter().filter(|like| like.is_same);
    if same.next().is_none() {
        add(&asked.unified, None);
    }
    let mut other = Keys::default();
    if asked.with_other_surname(&mut other) {
        add(&other.unified, None);
    }
    for like in found {
        add(&like.key(listed), Some(like));
    }
    json!({"data": data_used(view), "results": results})
}

/// What an answer rests on.
pub(super) fn data_used(view: &View) -> Value {
    let meta = view.generation.ground.index.meta();
    json!({"snapshot": meta.id, "change": view.overlay.change()})
}

/// A name with the entries in force whose subjects bear it; `None` where there is none. By a surname that is written
/// the other way persons alone are named.
fn result(
    view: &View,
    request: &SearchRequest,
    asked: &Keys,
    today: Day,
    key: &str,
    like: Option<&Like>,
) -> Option<Value> {
    let listed = view.listed();
    let is_same = like.map_or(key == asked.unified, |like| like.is_same);
    let described = |mention: Mention| {
        let entry = listed.entry(mention.entry)?;
        if like.is_none() && !is_same && entry.kind() != SubjectKind::NaturalPerson {
            return None;
        }
        let list = counts(view, &entry, request.list.as_deref(), today)?;
        let mut described = entry_json(list, &entry, mention.former);
        let is_asked = Keys::from(entry.name()).folded == asked.folded;
        described["name"] = json!(person::shown(entry.kind(), entry.name(), is_asked));
        Some(described)
    };
    let entries: Vec<Value> = listed.named(key).filter_map(described).collect();
    if entries.is_empty() {
        return None;
    }
    Some(json!({
        "score": like.map(|like| likeness::rounded(like.probability)),
        "same_name": is_same,
        "entries": entries,
        "parts": like.filter(|_| request.explain).map(|like| likeness::parts(&like.likeness)),
    }))
}

/// The list of an entry in force today, if that is the wanted one or any is.
pub(super) fn counts<'a>(
    view: &'a View,
    entry: &EntryView,
    wanted: Option<&str>,
    today: Day,
) -> Option<&'a List> {
    let ground = &view.generation.ground;
    let list = ground.catalogue.list(ground.list(entry.list())?);
    (wanted.is_none_or(|code| code == list.code) && entry.counts_on(today)).then_some(list)
}

/// An entry in force, its subject's name apart.
pub(super) fn entry_json(list: &List, entry: &EntryView, former_name: bool) -> Value {
    let term = entry.term();
    json!({
        "entry": entry.id(),
        "list": {"code": list.code, "name": list.name, "kind": list.kind.code()},
        "former_name": former_name,
        "authority": entry.authority(),
        "from": term.from.map(|day| day.to_string()),
        "to": term.to.map(|day| day.to_string()),
    })
}
