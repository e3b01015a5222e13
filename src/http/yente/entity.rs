//! A candidate as an entity of the answer.

use super::super::likeness::{rounded, weighed, word};
use super::super::person;
use super::super::search::entry_json;
use super::birth::Agreement;
use super::candidates::{Candidate, Evidence, Found, id_of};
use super::sought::Sought;
use super::terms::Terms;
use crate::catalogue::List;
use crate::index::{EntryView, Listed};
use crate::record::{IdentifierKind, ListKind, SubjectKind};
use crate::screen::{Ground, Question};
use serde_json::{Map, Value, json};

/// What writing an entity needs beside it.
#[derive(Clone, Copy)]
pub(super) struct Pen<'a> {
    pub ground: &'a Ground,
    pub listed: Listed<'a>,
    pub sought: &'a Sought,
    pub question: &'a Question<'a>,
    pub terms: &'a Terms,
}

/// The topic of a list's kind in OpenSanctions' vocabulary; none for what is not adverse.
pub(super) fn topic(kind: ListKind) -> Option<&'static str> {
    match kind {
        ListKind::Black => Some("reg.action"),
        ListKind::Ban => Some("debarment"),
        ListKind::Focus => Some("reg.warn"),
        ListKind::Red | ListKind::Record => None,
    }
}

/// The schema of a kind of subject.
pub(super) fn schema(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Organisation => "Organization",
        SubjectKind::IndividualBusiness => "Company",
        SubjectKind::NaturalPerson => "Person",
        SubjectKind::Vehicle => "Vehicle",
    }
}

impl Pen<'_> {
    /// The candidate matches: a natural person's name alone never does, whatever the threshold.
    pub fn is_match(self, candidate: &Candidate) -> bool {
        candidate.score >= self.terms.threshold && !candidate.by_persons_name
    }

    /// The entity, scored.
    pub fn entity(self, candidate: &Candidate) -> Value {
        let (first, first_list) = &candidate.entries[0];
        let mut datasets: Vec<&str> =
            candidate.entries.iter().map(|(_, list)| list.code.as_str()).collect();
        datasets.dedup();
        let referents: Vec<String> =
            candidate.entries[1..].iter().map(|(entry, list)| id_of(list, entry)).collect();
        let entries: Vec<Value> = candidate
            .entries
            .iter()
            .map(|(entry, list)| entry_whole(list, entry, candidate.is_former(entry, self.sought)))
            .collect();
        let explanations = self.explanations(candidate, first.kind());
        let features: Map<String, Value> = explanations
            .iter()
            .map(|(name, explanation)| (name.clone(), explanation["score"].clone()))
            .collect();
        json!({
            "id": id_of(first_list, first),
            "caption": self.shown(first.kind(), first.name()),
            "schema": schema(first.kind()),
            "properties": self.properties(candidate),
            "datasets": datasets,
            "referents": referents,
            "target": candidate.entries.iter().any(|(_, list)| list.kind.is_adverse()),
            "first_seen": null,
            "last_seen": null,
            "last_change": null,
            "score": rounded(candidate.score),
            "match": self.is_match(candidate),
            "features": features,
            "explanations": explanations,
            "xincha": {
                "verdict": self.verdict(candidate).code(),
                "grade": candidate.grade.code(),
                "entries": entries,
            },
        })
    }

    /// Entries of those to whom the one asked about is related.
    pub fn related(self, found: &Found) -> Vec<Value> {
        let told = found.related.iter().map(|(role, entry, list)| {
            json!({
                "role": role.code(),
                "name": self.shown(entry.kind(), entry.name()),
                "entry": entry_whole(list, entry, false),
            })
        });
        told.collect()
    }

    fn shown(self, kind: SubjectKind, name: &str) -> String {
        person::shown(kind, name, self.sought.is_named(name))
    }

    fn properties(self, candidate: &Candidate) -> Value {
        let (first, _) = &candidate.entries[0];
        let mut properties: Map<String, Value> = Map::new();
        let mut add = |property: &str, value: String| {
            let values = properties.entry(property).or_insert_with(|| json!([]));
            if let Some(values) = values.as_array_mut()
                && !values.iter().any(|known| *known == value)
            {
                values.push(json!(value));
            }
        };
        for (entry, list) in &candidate.entries {
            add("name", self.shown(entry.kind(), entry.name()));
            for (name, until) in entry.other_names() {
                let property = if until.is_some() { "previousName" } else { "alias" };
                add(property, self.shown(entry.kind(), name));
            }
            if let Some(topic) = topic(list.kind) {
                add("topics", topic.to_owned());
            }
        }
        for id in self.listed.identifiers_of(first.subject()) {
            let property = match id.kind() {
                IdentifierKind::Uscc => "uscCode",
                IdentifierKind::TaxpayerNumber => "taxNumber",
                IdentifierKind::Passport => "passportNumber",
                kind if kind.is_personal() => "idNumber",
                _ => "registrationNumber",
            };
            add(property, id.masked());
        }
        for masked in candidate.entries.iter().filter_map(|(entry, _)| entry.text().masked) {
            add("idNumber", masked.hidden());
        }
        Value::Object(properties)
    }

    fn explanations(self, candidate: &Candidate, kind: SubjectKind) -> Map<String, Value> {
        let told = |score: f64, detail: &str, query: &str, listed: &str| json!({"score": score, "detail": detail, "query": query, "candidate": listed});
        let mut all = Map::new();
        match &candidate.evidence {
            Evidence::Identifier(asked, stored) => {
                let detail = stored.kind().code();
                all.insert(
                    "identifier".to_owned(),
                    told(1.0, detail, &asked.masked(), &stored.masked()),
                );
            }
            Evidence::Name { asked, listed, likeness, named } => {
                let listed = self.shown(kind, listed);
                let (name, detail) = if named.same {
                    ("same_name", "the names are the same")
                } else {
                    ("similar_name", "the names are alike")
                };
                all.insert(name.to_owned(), told(rounded(candidate.score), detail, asked, &listed));
                if named.mask_fits {
                    let detail = "the identifiers fit as far as both are known";
                    all.insert("masked_identifier".to_owned(), compared(1.0, detail));
                }
                if named.taken_over {
                    let detail = "the name was given up, and another listed subject bears it now";
                    all.insert("name_taken_over".to_owned(), compared(1.0, detail));
                }
                if let Some(birth) = named.birth {
                    let (score, detail) = match birth {
                        Agreement::Day => (1.0, "the days of birth are equal"),
                        Agreement::Year => (0.5, "the years of birth are equal"),
                        Agreement::Differs => (0.0, "the days of birth differ"),
                    };
                    all.insert("birth_date".to_owned(), compared(score, detail));
                }
                for (part, count, adds) in likeness.iter().flat_map(|likeness| weighed(likeness)) {
                    let detail = format!("log odds {adds:+.3}");
                    all.insert(word(part), compared(rounded(count), &detail));
                }
            }
        }
        all
    }
}

fn compared(score: f64, detail: &str) -> Value {
    json!({"score": score, "detail": detail, "query": null, "candidate": null})
}

fn entry_whole(list: &List, entry: &EntryView, former_name: bool) -> Value {
    let text = entry.text();
    let mut whole = entry_json(list, entry, former_name);
    whole["document"] = json!(text.document);
    whole["reason"] = json!(text.reason);
    whole
}
