//! Lists against lists: `POST /v1/cross`, and its documents, which the command line writes too.

use super::operation::{answered, read};
use super::person;
use super::problem::{Code, Problem};
use super::request::parse;
use super::routes::{self, Asked, stale_json};
use super::search::data_used;
use super::turns::Turns;
use super::who::Who;
use crate::catalogue::{Catalogue, ListNo};
use crate::clock;
use crate::cross::crossing::{Met, authority};
use crate::cross::{Change, Crossing, Expression, Finding, Findings, InForce, expression};
use crate::index::SubjectSet;
use crate::live::{Loader, View};
use crate::record::{Day, Identifier, Instant};
use crate::screen::Stale;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Findings answered where nothing is said.
const LIMIT: usize = 20;
/// Findings answered at most.
const LIMIT_MAX: usize = 1_000;
/// Requests that are worked on or wait for that.
const WAITING_MAX: usize = 16;

/// `{"expression": …}`, and what is wanted of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CrossRequest {
    /// None where only the matrix is wanted.
    expression: Option<String>,
    /// Today where it is absent.
    day: Option<String>,
    limit: Option<usize>,
    /// How many findings are left out before the first.
    #[serde(default)]
    offset: usize,
    /// All lists against all.
    #[serde(default)]
    matrix: bool,
    /// Id of a kept snapshot: what has changed since.
    since: Option<String>,
}

/// A request whose words are known.
struct Wanted {
    expression: Option<Expression>,
    day: Day,
    limit: usize,
    offset: usize,
    matrix: bool,
    since: Option<String>,
}

/// One at a time is worked on.
#[derive(Clone)]
pub(super) struct Crossings {
    turns: Turns,
    /// Who is on which list, kept from one request to the next.
    kept: Arc<Mutex<Option<Kept>>>,
}

/// Of a generation, a change, a day.
struct Kept {
    of: (u64, u64, Day),
    in_force: Arc<InForce>,
}

impl Default for Crossings {
    fn default() -> Crossings {
        Crossings { turns: Turns::of(WAITING_MAX), kept: Arc::default() }
    }
}

impl Crossings {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Crossings) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let crossings = self.clone();
        self.turns.run(move || work(&crossings)).await?
    }

    /// On a day, as the view has it.
    fn on(&self, view: &View, day: Day) -> Arc<InForce> {
        let of = (view.generation.number(), view.overlay.change(), day);
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().as_ref().filter(|known| known.of == of) {
            return known.in_force.clone();
        }
        let in_force = Arc::new(InForce::on(&view.generation.ground, view.listed(), day));
        *kept() = Some(Kept { of, in_force: in_force.clone() });
        in_force
    }
}

/// Cross: see the [module](self).
pub(super) async fn cross(State(asked): State<Asked>, request: Request) -> Response {
    answered(find(&asked, request).await)
}

async fn find(asked: &Asked, request: Request) -> Result<(StatusCode, Value), Problem> {
    let who = Who::of(&request)?;
    let request = parse(&read(asked, request).await?)?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    let catalogue = &view.generation.ground.catalogue;
    let wanted = check(request, catalogue)?;
    let is_asked = |list: &ListNo| {
        let kind = catalogue.list(*list).kind;
        wanted.expression.as_ref().is_none_or(|all| all.speaks_of(*list, kind)) || wanted.matrix
    };
    who.may_consult(catalogue, catalogue.list_numbers().filter(is_asked), "/expression")?;
    let loader = asked.desk.loader.clone();
    let work = move |crossings: &Crossings| {
        let since = wanted.since.as_deref();
        let earlier = since.map(|id| earlier(loader.as_ref(), id)).transpose()?;
        let in_force = crossings.on(&view, wanted.day);
        Ok(answer(&view, &in_force, &wanted, earlier.as_ref(), who.lists()))
    };
    Ok((StatusCode::OK, asked.crossings.run(work).await?))
}

/// A kept snapshot, and who was on which list on the day of its build.
fn earlier(loader: Option<&Loader>, id: &str) -> Result<(View, InForce), Problem> {
    let loader = loader.ok_or(Code::NotLoadedHere.whole())?;
    let opened = loader.kept(id).ok_or_else(|| Code::NoSuchSnapshot.at("/since"))?;
    let generation = opened.map_err(|error| {
        tracing::warn!("快照无法打开 / a kept snapshot cannot be opened: {error}");
        Code::NoSuchSnapshot.at("/since")
    })?;
    let view = View::of(Arc::new(generation));
    let ground = &view.generation.ground;
    let day = Instant(ground.index.meta().built).day();
    let in_force = InForce::on(ground, view.listed(), day);
    Ok((view, in_force))
}

fn check(request: CrossRequest, catalogue: &Catalogue) -> Result<Wanted, Problem> {
    let text = request.expression.as_deref();
    if text.is_some_and(|text| text.len() > expression::BYTES_MAX) {
        return Err(Code::ValueTooLong.at("/expression").beyond(expression::BYTES_MAX));
    }
    if text.is_none() && (!request.matrix || request.since.is_some()) {
        return Err(Code::MissingField.at("/expression"));
    }
    let expression = text.map(|text| {
        Expression::parse(text, catalogue).map_err(|error| {
            let [fault_zh, fault] = error.told();
            Code::InvalidExpression.at("/expression").because(fault, fault_zh)
        })
    });
    let limit = request.limit.unwrap_or(LIMIT);
    if limit > LIMIT_MAX {
        return Err(Code::OutOfRange.at("/limit").beyond(LIMIT_MAX));
    }
    let day =
        request.day.as_deref().map(|day| day.parse().map_err(|_| Code::InvalidDay.at("/day")));
    Ok(Wanted {
        expression: expression.transpose()?,
        day: day.transpose()?.unwrap_or_else(|| Instant(clock::seconds()).day()),
        limit,
        offset: request.offset,
        matrix: request.matrix,
        since: request.since,
    })
}

fn answer(
    view: &View,
    in_force: &InForce,
    wanted: &Wanted,
    earlier: Option<&(View, InForce)>,
    only: Option<&BTreeSet<String>>,
) -> Value {
    let mut answer = json!({"data": data_used(view), "day": wanted.day});
    let expression = wanted.expression.as_ref().filter(|_| !wanted.matrix);
    answer["data"]["stale"] = stale_json(view, &stale(view, Instant(clock::seconds()), expression));
    let crossing = Crossing::new(&view.generation.ground, view.listed(), in_force).telling(only);
    let catalogue = &view.generation.ground.catalogue;
    if let Some(expression) = &wanted.expression {
        let (subjects, unidentified) = crossing.subjects_and_unidentified(expression);
        answer["subjects"] = json!(subjects.len());
        answer["unidentified"] = json!(unidentified);
        answer["lists"] = lists(catalogue, in_force, Some(&subjects), only);
        let earlier = earlier.map(|(view, in_force)| {
            let crossing =
                Crossing::new(&view.generation.ground, view.listed(), in_force).telling(only);
            (view, crossing, crossing.subjects(expression))
        });
        let before = earlier.as_ref().map(|(_, crossing, subjects)| (*crossing, subjects));
        let all = Findings::of(expression, (crossing, &subjects), before);
        let told = |(change, finding): (Option<Change>, Finding)| {
            let mut told = finding_json(&finding, true);
            if earlier.is_some() {
                told["change"] = json!(change.map(Change::code));
            }
            told
        };
        let findings: Vec<Value> = all.skip(wanted.offset).take(wanted.limit).map(told).collect();
        if let Some(((view, ..), since)) = earlier.as_ref().zip(all.since()) {
            let meta = view.generation.ground.index.meta();
            let built = Instant(meta.built);
            answer["since"] = json!({
                "snapshot": meta.id,
                "day": built.day(),
                "stale": stale_json(view, &stale(view, built, Some(expression))),
                "new": since.new.len(),
                "gone": since.gone.len(),
            });
        }
        answer["findings"] = json!(findings);
    }
    if wanted.matrix {
        answer["matrix"] = matrix_json(catalogue, in_force);
    }
    answer
}

/// The lists that an expression speaks of, or all, that cannot be relied on at an instant: who is on one of
/// these, or on none, cannot be told.
pub fn stale(view: &View, at: Instant, expression: Option<&Expression>) -> Vec<Stale> {
    let catalogue = &view.generation.ground.catalogue;
    let mut stale = routes::stale(view, at);
    stale.retain(|Stale { list, .. }| {
        expression.is_none_or(|all| all.speaks_of(*list, catalogue.list(*list).kind))
    });
    stale
}

/// All lists against all on a day: how many are on both, and who cannot be compared.
pub fn matrix_json(catalogue: &Catalogue, in_force: &InForce) -> Value {
    let all = || catalogue.list_numbers();
    let row = |a: ListNo| all().map(|b| in_force.on_both(a, b)).collect::<Vec<u64>>();
    json!({
        "lists": lists(catalogue, in_force, None, None),
        "on_both": all().map(row).collect::<Vec<_>>(),
    })
}

/// The lists, or only those of these codes, with their subjects, or with those among some.
fn lists(
    catalogue: &Catalogue,
    in_force: &InForce,
    among: Option<&SubjectSet>,
    only: Option<&BTreeSet<String>>,
) -> Value {
    let list = |no: ListNo| {
        let list = catalogue.list(no);
        let on = in_force.list(no);
        let mut told = json!({
            "code": list.code,
            "name": list.name,
            "kind": list.kind.code(),
            "subjects": among.map_or(on.len(), |among| on.common(among)),
        });
        if among.is_none() {
            told["unidentified"] = json!(on.common(in_force.unidentified()));
        }
        told
    };
    let is_told = |no: &ListNo| only.is_none_or(|only| only.contains(&catalogue.list(*no).code));
    let told = catalogue.list_numbers().filter(is_told).map(list);
    told.filter(|told| among.is_none() || told["subjects"] != 0).collect()
}

/// A subject with both sides' entries and what follows; masked as an answer shows it, or as it is recorded.
pub fn finding_json(finding: &Finding, masked: bool) -> Value {
    let name = if masked { shown_name(finding) } else { finding.name.to_owned() };
    let identifier = |id: &Identifier| {
        let value = if masked { id.masked() } else { id.text().to_owned() };
        json!({"kind": id.kind().code(), "value": value})
    };
    let withdrawn = |(red, black): &(Met, Met)| {
        let (red, list) = red;
        json!({
            "entry": red.id(),
            "list": list.code,
            "authority": authority(red, list),
            "basis": list.basis,
            "because": {"entry": black.0.id(), "list": black.1.code},
        })
    };
    json!({
        "name": name,
        "kind": finding.kind.code(),
        "identifiers": finding.identifiers.iter().map(identifier).collect::<Vec<_>>(),
        "left": finding.left.iter().map(met_json).collect::<Vec<_>>(),
        "right": finding.right.iter().map(met_json).collect::<Vec<_>>(),
        "to_withdraw": finding.withdrawn.iter().map(withdrawn).collect::<Vec<_>>(),
    })
}

/// The name of a subject for display: a natural person's is masked.
pub fn shown_name(finding: &Finding) -> String {
    person::shown(finding.kind, finding.name, false)
}

fn met_json((entry, list): &Met) -> Value {
    let term = entry.term();
    let text = entry.text();
    json!({
        "entry": text.id,
        "list": {"code": list.code, "name": list.name, "kind": list.kind.code()},
        "authority": authority(entry, list),
        "region": entry.region(),
        "document": text.document,
        "reason": text.reason,
        "decided": entry.decided(),
        "published": entry.published(),
        "from": term.from,
        "to": term.to,
        "objection": entry.objection(),
    })
}
