//! An answer as a page to print and file, or as a table: `POST /v1/evidence`, and `-o` on the command line.
//!
//! The page says what was asked, on which data and catalogue, and of each subject what is listed, what
//! follows and on which basis. It needs no script and nothing from elsewhere, and prints on A4.
//!
//! The record of a page commits to the page itself, with `null` in both places of its receipt's number: whoever
//! holds the page can hold it against the receipt ([`unnumbered`]).

mod page;
mod table;

use super::check::{self, Worker};
use super::check_id::CheckIds;
use super::operation::read;
use super::paper;
use super::person;
use super::problem::{Code, Problem};
use super::routes::{Asked, told};
use super::searchers::Searcher;
use super::tender;
use super::who::Who;
use super::witness::{Documents, RECEIPT, Witness};
use crate::audit::Act;
use crate::catalogue::Catalogue;
use crate::clients::Scope;
use crate::clock;
use crate::live::View;
use crate::output::Table;
use crate::record::Instant;
use crate::record::{Identifier, IdentifierKind, MaskedIdentifier, Role, SubjectKind};
use crate::screen::Verdict;
use crate::text::Name;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper::header::HeaderValue;
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
        let (request, answer) = (&self.request, self.answer);
        if !self.is_section() {
            // Who is clear may be left out of the answer; the others stand in the order asked.
            let mut decided = list(&answer["subjects"]).iter().peekable();
            let party = |asked: &'s Value| {
                let decided = decided.next_if(|decided| decided["ref"] == asked["ref"]);
                Party {
                    reference: text(&asked["ref"]),
                    verdict: decided
                        .map_or(Verdict::Clear.code(), |decided| text(&decided["verdict"])),
                    subjects: vec![Subject {
                        role: asked["role"].as_str(),
                        asked,
                        decided: decided.unwrap_or(&Value::Null),
                    }],
                }
            };
            return list(&request["subjects"]).iter().map(party).collect();
        }
        let pairs = list(&request["bidders"]).iter().zip(list(&answer["bidders"]));
        let party = |(asked, decided): (&'s Value, &'s Value)| {
            let of = |decided: &'s Value| {
                let place = decided["place"].as_u64().map(|place| place as usize);
                let asked = match (text(&decided["as"]), place) {
                    ("bidder", _) => asked,
                    ("member", Some(at)) => &asked["members"][at],
                    (_, Some(at)) => &asked["persons"][at],
                    (_, None) => &Value::Null,
                };
                Subject { role: decided["as"].as_str(), asked, decided }
            };
            let subjects = list(&decided["direct"]).iter().chain(list(&decided["related"]));
            Party {
                reference: text(&asked["ref"]),
                verdict: text(&decided["verdict"]),
                subjects: subjects.map(of).collect(),
            }
        };
        pairs.map(party).collect()
    }
}

impl Subject<'_> {
    /// What was asked is taken for a natural person unless something sound says that it is none: to hide a
    /// company's name does no harm. A number that only looks like a body's says nothing: passports do, and IDs
    /// with a slip.
    fn is_person(&self) -> bool {
        let leads = [Role::LegalRepresentative, Role::PersonInCharge];
        let kind = self.asked["kind"].as_str();
        if self.identifiers().any(|(kind, value)| is_personal(kind, value))
            || leads.iter().any(|role| self.role == Some(role.code()))
            || kind == Some(SubjectKind::NaturalPerson.code())
        {
            return true;
        }
        let bodies = [SubjectKind::Organisation, SubjectKind::IndividualBusiness];
        if bodies.iter().any(|body| kind == Some(body.code()))
            || self.identifiers().any(|(_, value)| is_of_body(value))
        {
            return false;
        }
        let name = Name::new(self.asked["name"].as_str().unwrap_or_default());
        let parts = &name.parts;
        parts.form.is_none() && parts.places.is_empty() && !parts.is_branch
    }

    /// Each with its kind, stated or recognised.
    fn identifiers(&self) -> impl Iterator<Item = (IdentifierKind, &str)> {
        let one = self.asked["id"].as_str().map(|value| (recognised(value), value));
        let stated = self.asked["ids"].as_array().into_iter().flatten().filter_map(|id| {
            Some((IdentifierKind::from_code(id["kind"].as_str()?), id["value"].as_str()?))
        });
        one.into_iter()
            .chain(stated)
            .map(|(kind, value)| (kind.unwrap_or(IdentifierKind::Other), value))
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
        let show = |(kind, value): (IdentifierKind, &str)| {
            let is_hidden = is_person && !is_of_body(value) || is_personal(kind, value);
            match (shown, MaskedIdentifier::parse(value)) {
                (Shown::Masked, Some(masked)) => masked.hidden(),
                (Shown::Masked, None) if is_hidden => Identifier::of(IdentifierKind::Other, value)
                    .map_or_else(|_| "*".repeat(value.chars().count()), |id| id.hidden()),
                _ => value.to_owned(),
            }
        };
        self.identifiers().map(show).collect()
    }

    /// A name of a hit: the listed one, or that of whom it is related to. The answer masks persons' but one
    /// that was asked about.
    fn shown_of_hit(&self, hit: &Value, name: &Value, shown: Shown) -> String {
        let name = name.as_str().unwrap_or_default();
        let is_asked = || {
            let keys = [name, self.asked["name"].as_str().unwrap_or_default()]
                .map(|text| Name::new(text).keys.unified);
            keys[0] == keys[1]
        };
        let is_hidden =
            shown == Shown::Masked && self.is_person() && (hit["relation"].is_null() || is_asked());
        if is_hidden { masked(name) } else { name.to_owned() }
    }
}

fn recognised(value: &str) -> Option<IdentifierKind> {
    Identifier::recognise(value).ok().map(|id| id.kind())
}

/// A natural person's by its form, whatever it was stated to be, or as it was stated.
fn is_personal(kind: IdentifierKind, value: &str) -> bool {
    let is = |kind: IdentifierKind| kind.is_personal_of(value.trim().len());
    is(kind) || recognised(value).is_some_and(is)
}

/// A unified code with which nothing is wrong.
fn is_of_body(value: &str) -> bool {
    let recognised = Identifier::recognise(value);
    recognised.is_ok_and(|id| id.kind() == IdentifierKind::Uscc && id.quality().is_good())
}

fn masked(name: &str) -> String {
    person::shown(SubjectKind::NaturalPerson, name, false)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What stands in a page where its receipt is told.
const NULL: &str = "null";

/// A page as its record commits to it: as it was before it was told the number of its receipt. Any other is as it
/// is. The code is looked for as this version draws it: a page is held against its receipt by the version that it
/// names, or one that draws alike.
///
/// Cost: two codes drawn, and a look through the page.
pub fn unnumbered(page: &[u8], receipt: &str) -> Vec<u8> {
    page::renumbered(page, receipt, NULL)
}

/// Decide what is asked, as `POST /v1/check` or `POST /v1/screen` does, and tell it as a page.
pub(super) async fn evidence(State(asked): State<Asked>, request: Request) -> Response {
    match run(&asked, request).await {
        Ok((page, receipt)) => {
            let mut response = paper::sent(page);
            let number = receipt.map(|receipt| HeaderValue::from_str(&receipt));
            let number = number.and_then(Result::ok).map(|number| (RECEIPT, number));
            response.headers_mut().extend(number);
            response
        }
        Err(problem) => told(&problem),
    }
}

/// The page, and the number of its receipt.
async fn run(asked: &Asked, request: Request) -> Result<(Vec<u8>, Option<String>), Problem> {
    let who = Who::of(&request)?;
    let body = read(asked, request).await?;
    asked.must_record()?;
    let view = asked.desk.live.current().ok_or(Code::NotReady.whole())?;
    let (audit, lane) = (asked.desk.audit.clone(), asked.lane);
    let page = move |searcher: &mut Searcher| {
        let request: Value =
            serde_json::from_slice(&body).map_err(|_| Code::InvalidJson.whole())?;
        let is_section = request.get("bidders").is_some();
        if is_section {
            who.must_have(Scope::Screen)?;
        }
        let mut answer = decide(&who, &view, &body, is_section, &mut searcher.worker)?;
        let decided = answer.to_string();
        answer["receipt"] = json!(audit.as_ref().map(|_| NULL));
        let catalogue = &view.generation.ground.catalogue;
        let may_see = who.client.as_ref().is_some_and(|client| client.may(Scope::Unmasked));
        let shown = if may_see { Shown::Whole } else { Shown::Masked };
        let page = Evidence::new(catalogue, request, &answer, shown).page();
        let witness = Witness { who: &who, log: audit.as_ref(), lane };
        let receipt = witness.documents(&Documents {
            shown: Some(page.as_bytes()),
            ..Documents::new(Act::Evidence, Some(&view), &body, decided.as_bytes())
        })?;
        Ok::<_, Problem>((page.into_bytes(), receipt))
    };
    let (page, receipt) = asked.searchers.run(page).await??;
    let Some(receipt) = asked.durable(receipt).await? else { return Ok((page, None)) };
    let number = receipt.to_string();
    Ok((page::renumbered(&page, NULL, &number), Some(number)))
}

/// The answer to a check, or to a section. The worker must be one that searches.
fn decide(
    who: &Who,
    view: &View,
    body: &[u8],
    is_section: bool,
    worker: &mut Worker,
) -> Result<Value, Problem> {
    let millis = clock::millis();
    let now = Instant::of_millis(millis);
    let id = CheckIds::new().next(millis);
    let decide = if is_section { tender::answer_to } else { check::value };
    decide(who, view, now, id, body, worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_after_whom_a_listed_business_is_named_is_masked_there_too() {
        let asked = json!({"name": "欧阳丰", "id": "110101190001010022"});
        let decided = Value::Null;
        let subject = Subject { role: None, asked: &asked, decided: &decided };
        let related = json!({"relation": {"role": "legal_representative", "to": "欧阳丰"}});
        let itself = json!({"relation": null});
        for (hit, name, masked) in [
            (&related, "欧阳丰", "欧阳*"),
            (&related, "歐陽丰", "歐**"),
            (&related, "苏州欧阳丰商贸有限公司", "苏州欧阳丰商贸有限公司"),
            (&itself, "欧阳丰", "欧阳*"),
            (&itself, "某某某", "某**"),
        ] {
            let shown = |shown| subject.shown_of_hit(hit, &json!(name), shown);
            assert_eq!(shown(Shown::Masked), masked);
            assert_eq!(shown(Shown::Whole), name);
        }
    }
}
