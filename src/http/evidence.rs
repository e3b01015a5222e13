//! An answer as a page to print and file, or as a table: `POST /v1/evidence`, and `-o` on the command line.
//!
//! The page says what was asked, on which data and catalogue, and of each subject what is listed, what
//! follows and on which basis. It needs no script and nothing from elsewhere, and prints on A4.

mod page;
mod table;

use super::check::{Unanswered, Worker, answer as check};
use super::check_id::CheckIds;
use super::operation::read;
use super::person;
use super::problem::{Code, Problem};
use super::routes::{Asked, told};
use super::searchers::Searcher;
use super::service::clock;
use super::tender;
use crate::catalogue::Catalogue;
use crate::live::View;
use crate::output::Table;
use crate::record::{Identifier, IdentifierKind, Instant, MaskedIdentifier, Role, SubjectKind};
use crate::text::Name;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::{Value, json};
use std::io;

/// What a page shows of natural persons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Surnames, and numbers with hidden digits: 6 and 4 characters of an ID are shown.
    Masked,
    /// Everything that was asked.
    Whole,
}

/// What a page tells.
pub struct Evidence<'a> {
    catalogue: &'a Catalogue,
    request: Value,
    answer: &'a Value,
    shown: Shown,
}

/// Whoever was asked about, and what was decided.
struct Subject<'a> {
    /// What it is of a bidder, or the role in which it stands before the matter.
    role: Option<&'a str>,
    asked: &'a Value,
    decided: &'a Value,
}

/// Subjects that belong together: one subject of a check, a bidder with its members and persons.
struct Party<'a> {
    reference: &'a str,
    verdict: &'a str,
    subjects: Vec<Subject<'a>>,
}

impl<'a> Evidence<'a> {
    /// Of a request and its answer: a check's, or that of a section's bidders.
    pub fn new(
        catalogue: &'a Catalogue,
        mut request: Value,
        answer: &'a Value,
        shown: Shown,
    ) -> Evidence<'a> {
        if let Some(identifiers) = request["identifiers"].as_array() {
            let subjects = identifiers.iter().enumerate();
            let subjects = subjects.map(|(at, id)| json!({"ref": at.to_string(), "id": id}));
            request["subjects"] = subjects.collect();
        }
        Evidence { catalogue, request, answer, shown }
    }

    /// The page, HTML.
    pub fn page(&self) -> String {
        page::page(self).into_string()
    }

    /// The rows of a table, headings first.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub fn write(&self, table: &mut Table) -> io::Result<()> {
        table::write(self, table)
    }

    fn is_section(&self) -> bool {
        self.answer["bidders"].is_array()
    }

    fn parties<'s>(&'s self) -> Vec<Party<'s>> {
        fn all(value: &Value) -> &[Value] {
            value.as_array().map_or(&[], Vec::as_slice)
        }
        let word = |value: &'s Value| value.as_str().unwrap_or_default();
        let (request, answer) = (&self.request, self.answer);
        if !self.is_section() {
            // Some may be left out of the answer; who is not stands in the order asked.
            let mut asked = all(&request["subjects"]).iter();
            let party = |decided: &'s Value| {
                let asked = asked.find(|asked| asked["ref"] == decided["ref"])?;
                Some(Party {
                    reference: word(&asked["ref"]),
                    verdict: word(&decided["verdict"]),
                    subjects: vec![Subject { role: asked["role"].as_str(), asked, decided }],
                })
            };
            return all(&answer["subjects"]).iter().filter_map(party).collect();
        }
        let pairs = all(&request["bidders"]).iter().zip(all(&answer["bidders"]));
        let party = |(asked, decided): (&'s Value, &'s Value)| {
            let of = |decided: &'s Value| {
                let place = decided["place"].as_u64().map(|place| place as usize);
                let asked = match (word(&decided["as"]), place) {
                    ("bidder", _) => asked,
                    ("member", Some(at)) => &asked["members"][at],
                    (_, Some(at)) => &asked["persons"][at],
                    (_, None) => &Value::Null,
                };
                Subject { role: decided["as"].as_str(), asked, decided }
            };
            let subjects = all(&decided["direct"]).iter().chain(all(&decided["related"]));
            Party {
                reference: word(&asked["ref"]),
                verdict: word(&decided["verdict"]),
                subjects: subjects.map(of).collect(),
            }
        };
        pairs.map(party).collect()
    }
}

impl Subject<'_> {
    /// What was asked is taken for a natural person unless something says that it is none: to hide a
    /// company's name does no harm.
    fn is_person(&self) -> bool {
        if let Some(kind) = self.asked["kind"].as_str() {
            return kind == SubjectKind::NaturalPerson.code();
        }
        let kinds: Vec<IdentifierKind> = self.identifiers().map(|(kind, _)| kind).collect();
        if kinds.iter().any(|kind| kind.is_personal()) {
            return true;
        }
        let says_nothing = |kind: &IdentifierKind| *kind == IdentifierKind::Other;
        if kinds.iter().any(|kind| !says_nothing(kind)) {
            return false;
        }
        let leads = [Role::LegalRepresentative, Role::PersonInCharge];
        if leads.iter().any(|role| self.role == Some(role.code())) {
            return true;
        }
        let mut name = Name::default();
        name.of(self.asked["name"].as_str().unwrap_or_default());
        let parts = &name.parts;
        parts.form.is_none() && parts.places.is_empty() && !parts.is_branch
    }

    /// Each with its kind, as the check took it, whole or with hidden digits.
    fn identifiers(&self) -> impl Iterator<Item = (IdentifierKind, &str)> {
        let one = self.asked["id"].as_str().map(|value| (None, value));
        let stated = self.asked["ids"].as_array().into_iter().flatten().filter_map(|id| {
            Some((IdentifierKind::from_code(id["kind"].as_str()?), id["value"].as_str()?))
        });
        let kind = |value: &str| {
            let recognised = Identifier::recognise(value).map(|id| id.kind());
            recognised.unwrap_or(IdentifierKind::Other)
        };
        one.into_iter()
            .chain(stated)
            .map(move |(stated, value)| (stated.unwrap_or_else(|| kind(value)), value))
    }

    fn shown_name(&self, shown: Shown) -> String {
        let name = self.asked["name"].as_str().unwrap_or_default();
        match shown {
            Shown::Masked if self.is_person() => masked(name),
            _ => name.to_owned(),
        }
    }

    fn shown_identifiers(&self, shown: Shown) -> Vec<String> {
        let is_person = self.is_person();
        let show = |(kind, value): (IdentifierKind, &str)| match shown {
            Shown::Whole => value.to_owned(),
            Shown::Masked => match Identifier::of(kind, value) {
                _ if MaskedIdentifier::parse(value).is_some() => value.to_owned(),
                Ok(id) if !is_person || kind.is_personal() => id.masked(),
                _ => Identifier::of(IdentifierKind::Other, value)
                    .map_or_else(|_| "*".repeat(value.chars().count()), |id| id.masked()),
            },
        };
        self.identifiers().map(show).collect()
    }

    /// The listed name of a hit. The answer masks persons' but one that was asked about.
    fn shown_hit(&self, hit: &Value, shown: Shown) -> String {
        let name = hit["name"].as_str().unwrap_or_default();
        let is_its = hit["relation"].is_null() && self.is_person();
        if is_its && shown == Shown::Masked { masked(name) } else { name.to_owned() }
    }
}

fn masked(name: &str) -> String {
    let mut out = String::new();
    person::mask(name, &mut out);
    out
}

/// Decide what is asked, as `POST /v1/check` or `POST /v1/screen` does, and tell it as a page.
pub(super) async fn evidence(State(asked): State<Asked>, request: Request) -> Response {
    match run(&asked, request).await {
        Ok(page) => {
            let mut response = Response::new(Body::from(page));
            let heads = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (CONTENT_SECURITY_POLICY, page::POLICY),
            ];
            for (name, value) in heads {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
        Err(problem) => told(&problem),
    }
}

async fn run(asked: &Asked, request: Request) -> Result<String, Problem> {
    let body = read(asked, request).await?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    let page = move |searcher: &mut Searcher| {
        let answer = decide(&view, clock().0, &body, &mut searcher.worker)?;
        let request = serde_json::from_slice(&body).map_err(|_| Code::InvalidJson.whole())?;
        let catalogue = &view.generation.ground.catalogue;
        Ok(Evidence::new(catalogue, request, &answer, Shown::Masked).page())
    };
    asked.searchers.run(page).await?
}

/// The answer to a check, or to a section where there are bidders. The worker must be one that searches.
fn decide(view: &View, now: Instant, body: &[u8], worker: &mut Worker) -> Result<Value, Problem> {
    let id = CheckIds::new().next(clock().1);
    let is_section =
        serde_json::from_slice::<Value>(body).is_ok_and(|request| request.get("bidders").is_some());
    if is_section {
        return tender::answer(view, now, id, body, worker);
    }
    let mut out = Vec::new();
    check(view, now, id, body, worker, &mut out).map_err(|unanswered| match unanswered {
        Unanswered::Problem(problem) => problem,
        Unanswered::MustSearch => Code::Internal.whole(),
    })?;
    serde_json::from_slice(&out).map_err(|_| Code::Internal.whole())
}
