//! Names that begin so, for a search box. Never a natural person's: see [`Completions`].

use super::operation::{answered, read};
use super::problem::{Code, Problem};
use super::purpose;
use super::request::parse;
use super::routes::Asked;
use super::search::{counts, data_used, known};
use super::who::Who;
use crate::clock;
use crate::index::{Completion, Completions, EntryView};
use crate::live::View;
use crate::record::Instant;
use crate::record::{Day, limits};
use crate::text::Keys;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// Names answered where nothing is said.
const LIMIT: usize = 10;
/// Names answered at most.
const LIMIT_MAX: usize = 50;

/// `{"prefix": …}`, and what is wanted of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuggestRequest {
    prefix: String,
    /// Code of a list; all where it is absent.
    list: Option<String>,
    limit: Option<usize>,
    /// For what it is asked.
    reason: Option<String>,
}

/// Suggest: see the [module](self).
pub(super) async fn suggest(State(asked): State<Asked>, request: Request) -> Response {
    answered(complete(&asked, request).await)
}

/// Where names are searched: a short prefix may lead through thousands of names of persons.
async fn complete(asked: &Asked, request: Request) -> Result<(StatusCode, Value), Problem> {
    let who = Who::of(&request)?;
    let request = check(parse(&read(asked, request).await?)?)?;
    purpose::check_reason(&who, request.reason.as_deref(), "/reason")?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    known(request.list.as_deref(), &who, &view)?;
    let today = Instant(clock::seconds()).day();
    let found = asked.searchers.run(move |_| answer(&view, &request, today)).await?;
    Ok((StatusCode::OK, found))
}

fn check(request: SuggestRequest) -> Result<SuggestRequest, Problem> {
    if request.prefix.len() > limits::NAME_BYTES_MAX {
        return Err(Code::ValueTooLong.at("/prefix").beyond(limits::NAME_BYTES_MAX));
    }
    // Spaces and dots are nothing that a name begins with.
    if Keys::from(&*request.prefix).is_empty() {
        return Err(Code::EmptyValue.at("/prefix"));
    }
    if request.limit.is_some_and(|limit| !(1..=LIMIT_MAX).contains(&limit)) {
        return Err(Code::OutOfRange.at("/limit").beyond(LIMIT_MAX));
    }
    Ok(request)
}

fn answer(view: &View, request: &SuggestRequest, today: Day) -> Value {
    let wanted = request.list.as_deref();
    let is_wanted = |entry: &EntryView| counts(view, entry, wanted, today).is_some();
    let limit = request.limit.unwrap_or(LIMIT);
    let found = Completions::of(view.listed(), &request.prefix, limit, is_wanted);
    let name = |found: &Completion| json!({"name": found.name, "former_name": found.former, "entries": found.entries});
    let names: Vec<Value> = found.names.iter().map(name).collect();
    json!({"data": data_used(view), "names": names, "incomplete": found.incomplete})
}
