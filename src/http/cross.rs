//! Lists against lists: `POST /v1/cross`, and its documents, which the command line writes too.

use super::operation::{answered, read};
use super::person;
use super::problem::{Code, Problem};
use super::request::parse;
use super::routes::{Asked, numbered};
use super::search::data_used;
use super::service::clock;
use crate::catalogue::{Catalogue, ListNo};
use crate::cross::crossing::Met;
use crate::cross::{Crossing, Expression, Finding, InForce, expression};
use crate::index::SubjectSet;
use crate::live::View;
use crate::record::{Day, Identifier};
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// Findings answered where nothing is said.
const LIMIT: usize = 20;
/// Findings answered at most.
const LIMIT_MAX: usize = 1_000;

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
}

/// A request whose words are known.
struct Wanted {
    expression: Option<Expression>,
    day: Day,
    limit: usize,
    offset: usize,
    matrix: bool,
}

/// Who is on which list, kept from one request to the next.
#[derive(Clone, Default)]
pub(super) struct Crossings(Arc<Mutex<Option<Kept>>>);

/// Of a generation, a change, a day.
struct Kept {
    of: (u64, u64, Day),
    in_force: Arc<InForce>,
}

impl Crossings {
    /// On a day, as the view has it. The first to ask waits for it, others for the first.
    fn on(&self, view: &View, day: Day) -> Arc<InForce> {
        let of = (view.generation.number(), view.overlay.change(), day);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(known) if known.of == of => known.in_force.clone(),
            _ => {
                let in_force = Arc::new(InForce::on(&view.generation.ground, view.listed(), day));
                *kept = Some(Kept { of, in_force: in_force.clone() });
                in_force
            }
        }
    }
}

/// Cross: see the [module](self).
pub(super) async fn cross(State(asked): State<Asked>, request: Request) -> Response {
    answered(find(&asked, request).await)
}

/// Where names are searched, so that no check waits for it.
async fn find(asked: &Asked, request: Request) -> Result<(StatusCode, Value), Problem> {
    let request = parse(&read(asked, request).await?)?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    let wanted = check(&request, &view.generation.ground.catalogue)?;
    let crossings = asked.crossings.clone();
    let answer = move |_: &mut _| answer(&view, &crossings.on(&view, wanted.day), &wanted);
    Ok((StatusCode::OK, asked.searchers.run(answer).await?))
}

fn check(request: &CrossRequest, catalogue: &Catalogue) -> Result<Wanted, Problem> {
    let text = request.expression.as_deref();
    if text.is_some_and(|text| text.len() > expression::BYTES_MAX) {
        return Err(Code::ValueTooLong.at("/expression").beyond(expression::BYTES_MAX));
    }
    if text.is_none() && !request.matrix {
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
        day: day.transpose()?.unwrap_or_else(|| clock().0.day()),
        limit,
        offset: request.offset,
        matrix: request.matrix,
    })
}

fn answer(view: &View, in_force: &InForce, wanted: &Wanted) -> Value {
    let mut answer = json!({"data": data_used(view), "day": wanted.day});
    let crossing = Crossing::new(&view.generation.ground, view.listed(), in_force);
    let catalogue = &view.generation.ground.catalogue;
    if let Some(expression) = &wanted.expression {
        let subjects = crossing.subjects(expression);
        let all = subjects.iter().skip(wanted.offset).take(wanted.limit);
        let findings: Vec<Value> = all
            .filter_map(|subject| crossing.finding(expression, subject))
            .map(|finding| finding_json(&finding, true))
            .collect();
        answer["subjects"] = json!(subjects.len());
        answer["unidentified"] = json!(crossing.unidentified(expression));
        answer["lists"] = lists(catalogue, in_force, Some(&subjects));
        answer["findings"] = json!(findings);
    }
    if wanted.matrix {
        answer["matrix"] = matrix_json(catalogue, in_force);
    }
    answer
}

/// All lists against all on a day: how many are on both, and who cannot be compared.
pub fn matrix_json(catalogue: &Catalogue, in_force: &InForce) -> Value {
    let all = || numbered(catalogue);
    let row = |a: ListNo| all().map(|b| in_force.on_both(a, b)).collect::<Vec<u64>>();
    json!({
        "lists": lists(catalogue, in_force, None),
        "on_both": all().map(row).collect::<Vec<_>>(),
    })
}

/// The lists with their subjects, or with those among some.
fn lists(catalogue: &Catalogue, in_force: &InForce, among: Option<&SubjectSet>) -> Value {
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
    let told = numbered(catalogue).map(list);
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
            "authority": authority(red, &list.authority),
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

/// Who decided, or keeps the list where that is not recorded.
pub fn authority<'a>(entry: &crate::index::EntryView<'a>, of_list: &'a str) -> &'a str {
    if entry.authority().is_empty() { of_list } else { entry.authority() }
}

fn met_json((entry, list): &Met) -> Value {
    let term = entry.term();
    let text = entry.text();
    json!({
        "entry": text.id,
        "list": {"code": list.code, "name": list.name, "kind": list.kind.code()},
        "authority": authority(entry, &list.authority),
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
