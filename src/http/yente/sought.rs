//! Whom a query asks about: properties → names, identifiers, days of birth.

use super::super::problem::{Code, Problem, escape_part};
use super::super::request::identify;
use super::birth::Birth;
use super::body::{Properties, Query, VALUES_MAX};
use crate::audit::{AuditKey, Digest};
use crate::record::{Identifier, IdentifierKind, MaskedIdentifier, SubjectKind, limits};
use crate::screen::Question;
use crate::text::Keys;
use serde_json::{Map, Value, json};
use smallvec::SmallVec;

/// Properties that hold identifiers, each with what kind it says they are.
const IDENTIFIERS: [(&str, Option<IdentifierKind>); 5] = [
    ("uscCode", None),
    ("registrationNumber", None),
    ("idNumber", None),
    ("taxNumber", Some(IdentifierKind::TaxpayerNumber)),
    ("passportNumber", Some(IdentifierKind::Passport)),
];

/// Schemas of the FollowTheMoney model of which nothing is listed.
const OTHERS: [&str; 62] = [
    "Address",
    "Analyzable",
    "Article",
    "Assessment",
    "Associate",
    "Audio",
    "BankAccount",
    "Call",
    "CallForTenders",
    "Contract",
    "ContractAward",
    "CourtCase",
    "CourtCaseParty",
    "CryptoWallet",
    "Debt",
    "Directorship",
    "Document",
    "Documentation",
    "EconomicActivity",
    "Email",
    "Employment",
    "Event",
    "Family",
    "Folder",
    "HyperText",
    "Identification",
    "Image",
    "Interest",
    "Interval",
    "License",
    "Membership",
    "Mention",
    "Message",
    "Note",
    "Occupancy",
    "Ownership",
    "Package",
    "Page",
    "Pages",
    "Passport",
    "Payment",
    "PlainText",
    "Position",
    "Post",
    "Project",
    "ProjectParticipant",
    "RealEstate",
    "Representation",
    "Risk",
    "Sanction",
    "Security",
    "Similar",
    "Succession",
    "Table",
    "TaxRoll",
    "Territory",
    "Trip",
    "UnknownLink",
    "UserAccount",
    "Value",
    "Video",
    "Workbook",
];

/// Days of birth in one query: each is a guess at a person's number.
const BIRTHS_MAX: usize = 4;

/// See the [module](self).
pub(super) struct Sought {
    /// The names, each once.
    pub names: Vec<AskedName>,
    /// Days of birth that are possible, where a person may be meant.
    pub births: Vec<Birth>,
    /// Kind and identifiers; without a name.
    question: Question<'static>,
    echo: Value,
}

/// A name with its keys.
pub(super) struct AskedName {
    pub name: String,
    pub keys: Keys,
}

impl Sought {
    /// Read a query of an id.
    ///
    /// # Errors
    ///
    /// The schema, or a bound that a property passes. A value of no use, such as an identifier that is
    /// none, is left out, here and where the query is repeated.
    pub fn of(id: &str, query: &Query) -> Result<Sought, Problem> {
        let at = |field: &str| format!("/queries/{}/{field}", escape_part(id));
        let kind = kind_of(&query.schema);
        if kind.is_none() && !OTHERS.contains(&&*query.schema) {
            return Err(Code::UnknownSchema.at(at("schema")));
        }
        if let Some(property) = query.properties.beyond() {
            let pointer = at(&format!("properties/{property}"));
            return Err(Code::TooManyValues.at(pointer).beyond(VALUES_MAX));
        }
        let Some(kind) = kind else {
            let (names, births, question) = Default::default();
            return Ok(Sought { names, births, question, echo: echo(query) });
        };
        let mut question = Question { kind, ..Question::default() };
        let within = |property: &str| at(&format!("properties/{property}"));
        for (property, stated) in IDENTIFIERS {
            for value in query.properties.of(property) {
                let stated = stated_kind(property, stated, kind);
                match identify(stated, value, &mut question) {
                    Ok(()) => {}
                    Err(fault) if fault.code == Code::InvalidIdentifier => {}
                    Err(fault) => {
                        let problem = fault.code.at(within(property));
                        return Err(Problem { max: fault.max, ..problem });
                    }
                }
                if question.ids.len() > limits::IDENTIFIERS_MAX {
                    let problem = Code::TooManyIdentifiers.at(within(property));
                    return Err(problem.beyond(limits::IDENTIFIERS_MAX));
                }
            }
        }
        let names = names_of(&query.properties, kind, within)?;
        let births = query.properties.of("birthDate").iter().filter(|_| may_be_person(kind));
        let births: Vec<Birth> = births.filter_map(|text| Birth::parse(text)).collect();
        if births.len() > BIRTHS_MAX {
            return Err(Code::TooManyValues.at(within("birthDate")).beyond(BIRTHS_MAX));
        }
        Ok(Sought { names, births, question, echo: echo(query) })
    }

    /// The same as a question of a check, by the first name.
    pub fn question(&self) -> Question<'_> {
        Question {
            kind: self.question.kind,
            name: self.names.first().map(|first| &*first.name),
            ids: self.question.ids.clone(),
            masked: self.question.masked.clone(),
        }
    }

    /// The digests of all by which somebody is sought.
    pub fn digests(&self, key: &AuditKey) -> SmallVec<[Digest; 2]> {
        let ids = self.question.ids.iter().map(|id| key.identifier(id));
        let masked = self.question.masked.iter().map(|masked| key.masked(masked));
        let names = self.names.iter().map(|name| key.name(&name.name));
        ids.chain(masked).chain(names).collect()
    }

    /// Nothing by which anybody could be found.
    pub fn is_nobody(&self) -> bool {
        self.names.is_empty() && self.question.ids.is_empty()
    }

    /// The name is one of those asked about.
    pub fn is_named(&self, name: &str) -> bool {
        let keys = Keys::from(name);
        self.names.iter().any(|asked| asked.keys.folded == keys.folded)
    }

    /// The query as it was understood: what is missing was not.
    pub fn echo(self) -> Value {
        self.echo
    }
}

/// What a subject of a schema is, `None` where it may be of several kinds. No answer: nobody listed has it.
fn kind_of(schema: &str) -> Option<Option<SubjectKind>> {
    Some(match schema {
        "Thing" | "LegalEntity" | "Asset" => None,
        "Organization" | "Company" | "PublicBody" => Some(SubjectKind::Organisation),
        "Person" => Some(SubjectKind::NaturalPerson),
        "Vehicle" | "Airplane" | "Vessel" => Some(SubjectKind::Vehicle),
        _ => return None,
    })
}

fn may_be_person(kind: Option<SubjectKind>) -> bool {
    kind.is_none_or(|kind| kind == SubjectKind::NaturalPerson)
}

fn stated_kind(
    property: &str,
    stated: Option<IdentifierKind>,
    kind: Option<SubjectKind>,
) -> Option<IdentifierKind> {
    let is_plate = kind == Some(SubjectKind::Vehicle) && property == "registrationNumber";
    if is_plate { Some(IdentifierKind::VehiclePlate) } else { stated }
}

fn names_of(
    properties: &Properties,
    kind: Option<SubjectKind>,
    within: impl Fn(&str) -> String,
) -> Result<Vec<AskedName>, Problem> {
    let mut names: Vec<AskedName> = Vec::new();
    let mut add = |property: &str, name: &str, most: usize| {
        if name.len() > limits::NAME_BYTES_MAX {
            return Err(Code::ValueTooLong.at(within(property)).beyond(limits::NAME_BYTES_MAX));
        }
        let keys = Keys::from(name);
        if keys.is_empty() || names.iter().any(|known| known.keys == keys) {
            return Ok(());
        }
        if names.len() == most {
            return Err(Code::TooManyValues.at(within(property)).beyond(VALUES_MAX));
        }
        names.push(AskedName { name: name.to_owned(), keys });
        Ok(())
    };
    for property in ["name", "previousName", "alias"] {
        for name in properties.of(property) {
            add(property, name, VALUES_MAX)?;
        }
    }
    if may_be_person(kind) {
        let (lasts, firsts) = (properties.of("lastName"), properties.of("firstName"));
        let parts = || lasts.iter().flat_map(|last| firsts.iter().map(move |first| (last, first)));
        for (last, first) in parts() {
            add("firstName", &full_name(last, first), VALUES_MAX)?;
        }
        // Who is no Chinese may be listed with the surname first.
        for (last, first) in parts() {
            add("firstName", &format!("{last} {first}"), 2 * VALUES_MAX)?;
        }
    }
    Ok(names)
}

/// The surname stands first in a Chinese name, and nothing between.
fn full_name(last: &str, first: &str) -> String {
    let is_han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}' | '·');
    if last.chars().chain(first.chars()).all(is_han) {
        format!("{last}{first}")
    } else {
        format!("{first} {last}")
    }
}

fn echo(query: &Query) -> Value {
    let mut properties = Map::new();
    for (property, values) in query.properties.all() {
        let holds_identifiers = IDENTIFIERS.iter().any(|(name, _)| *name == property);
        let understood = values.iter().filter_map(|value| match property {
            "birthDate" => Birth::parse(value).map(|_| value.clone()),
            _ if holds_identifiers => masked(value),
            _ => Some(value.clone()),
        });
        properties.insert(property.to_owned(), understood.collect());
    }
    let mut echo = json!({"schema": query.schema, "properties": properties});
    if let Some(id) = &query.id {
        echo["id"] = json!(id);
    }
    echo
}

fn masked(value: &str) -> Option<String> {
    match Identifier::recognise(value) {
        Ok(identifier) => Some(identifier.masked()),
        Err(_) => MaskedIdentifier::parse(value).map(|masked| masked.text().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_name_are_joined_as_its_language_does() {
        for (last, first, full) in [
            ("王", "小明", "王小明"),
            ("欧阳", "修", "欧阳修"),
            ("Zacharov", "Aleksandr", "Aleksandr Zacharov"),
        ] {
            assert_eq!(full_name(last, first), full);
        }
    }
}
