//! The body of a match and its query string: bytes → values. What is not known here is read over, as
//! yente does: its clients send what later versions of it take.

use super::super::problem::{Code, Problem};
use super::super::request::Object;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Queries in one request.
pub(super) const QUERIES_MAX: usize = 100;
/// Values of one property, and names in one query. Lists of transliterations run to about 40.
pub(super) const VALUES_MAX: usize = 50;
/// Values of one parameter: ids that a client's users have decided about.
const PARAMETERS_MAX: usize = 10_000;

/// Properties that are read; others decide nothing.
const PROPERTIES: [&str; 13] = [
    "name",
    "previousName",
    "alias",
    "firstName",
    "lastName",
    "birthDate",
    "uscCode",
    "registrationNumber",
    "idNumber",
    "taxNumber",
    "passportNumber",
    "country",
    "address",
];

/// `POST /match/{dataset}`.
#[derive(Deserialize)]
pub(super) struct Body {
    pub queries: Queries,
    pub params: Option<Object<Params>>,
    /// Settings of an algorithm, of which ours has none.
    config: Option<BTreeMap<String, IgnoredAny>>,
}

impl Body {
    /// # Errors
    ///
    /// The number of queries, or a setting: to ignore one would answer another question.
    pub fn check(self) -> Result<Body, Problem> {
        if self.queries.beyond {
            return Err(Code::TooManyQueries.at("/queries").beyond(QUERIES_MAX));
        }
        if self.queries.items.is_empty() {
            return Err(Code::EmptyQueries.at("/queries"));
        }
        if self.config.as_ref().is_some_and(|config| !config.is_empty()) {
            return Err(Code::UnknownField.at("/config"));
        }
        Ok(self)
    }
}

/// Queries by their ids, in the order of the body.
pub(super) struct Queries {
    pub items: Vec<(String, Query)>,
    /// There were more than [`QUERIES_MAX`].
    beyond: bool,
}

/// An entity as far as it is known to who asks.
#[derive(Deserialize)]
pub(super) struct Query {
    pub id: Option<String>,
    pub schema: String,
    pub properties: Properties,
}

/// Values by the name of their property, of those that are read.
pub(super) struct Properties(Vec<(&'static str, Values<VALUES_MAX>)>);

impl Properties {
    /// Every property given.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.0.iter().map(|(name, values)| (*name, &*values.items))
    }

    /// The values of one.
    pub fn of(&self, name: &str) -> &[String] {
        self.all().find(|(of, _)| *of == name).map_or(&[], |(_, values)| values)
    }

    /// One that has too many values.
    pub fn beyond(&self) -> Option<&'static str> {
        self.0.iter().find(|(_, values)| values.beyond).map(|(name, _)| *name)
    }
}

/// One value or several, as text. At most `MAX` are kept, the rest is read over.
#[derive(Default)]
pub(super) struct Values<const MAX: usize> {
    pub items: Vec<String>,
    /// There were more.
    pub beyond: bool,
}

impl<const MAX: usize> Values<MAX> {
    fn push(&mut self, value: String) {
        if self.items.len() < MAX { self.items.push(value) } else { self.beyond = true }
    }
}

/// What is asked of every query, by names of the query string; each is optional.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Params {
    pub limit: Option<usize>,
    pub threshold: Option<f64>,
    pub cutoff: Option<f64>,
    pub algorithm: Option<String>,
    /// Ours: the matter for which a verdict is wanted.
    pub matter: Option<String>,
    /// Ours: for what it is asked. Never in a query string, which logs of others keep.
    pub reason: Option<String>,
    // The plural is that of motiva's bodies.
    #[serde(alias = "include_datasets")]
    pub include_dataset: Option<Values<PARAMETERS_MAX>>,
    #[serde(alias = "exclude_datasets")]
    pub exclude_dataset: Option<Values<PARAMETERS_MAX>>,
    pub exclude_schema: Option<Values<PARAMETERS_MAX>>,
    pub exclude_entity_ids: Option<Values<PARAMETERS_MAX>>,
    pub topics: Option<Values<PARAMETERS_MAX>>,
}

impl Params {
    /// Those of a query string.
    ///
    /// # Errors
    ///
    /// A number that is none.
    pub fn of_query_string(text: &str) -> Result<Params, Problem> {
        fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<Option<T>, Problem> {
            value.parse().map(Some).map_err(|_| Code::WrongType.at(format!("/params/{name}")))
        }
        let mut params = Params::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let several = match &*name {
                "limit" => {
                    params.limit = number(&name, &value)?;
                    continue;
                }
                "threshold" => {
                    params.threshold = number(&name, &value)?;
                    continue;
                }
                "cutoff" => {
                    params.cutoff = number(&name, &value)?;
                    continue;
                }
                "algorithm" => {
                    params.algorithm = Some(value.into_owned());
                    continue;
                }
                "matter" => {
                    params.matter = Some(value.into_owned());
                    continue;
                }
                "include_dataset" | "include_datasets" => &mut params.include_dataset,
                "exclude_dataset" | "exclude_datasets" => &mut params.exclude_dataset,
                "exclude_schema" => &mut params.exclude_schema,
                "exclude_entity_ids" => &mut params.exclude_entity_ids,
                "topics" => &mut params.topics,
                _ => continue,
            };
            several.get_or_insert_default().push(value.into_owned());
        }
        Ok(params)
    }

    /// These, and of others what these do not say.
    pub fn or(self, others: Params) -> Params {
        Params {
            limit: self.limit.or(others.limit),
            threshold: self.threshold.or(others.threshold),
            cutoff: self.cutoff.or(others.cutoff),
            algorithm: self.algorithm.or(others.algorithm),
            matter: self.matter.or(others.matter),
            reason: others.reason,
            include_dataset: self.include_dataset.or(others.include_dataset),
            exclude_dataset: self.exclude_dataset.or(others.exclude_dataset),
            exclude_schema: self.exclude_schema.or(others.exclude_schema),
            exclude_entity_ids: self.exclude_entity_ids.or(others.exclude_entity_ids),
            topics: self.topics.or(others.topics),
        }
    }
}

impl<'de> Deserialize<'de> for Queries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Queries, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Queries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Queries, A::Error> {
                let mut queries = Queries { items: Vec::new(), beyond: false };
                while let Some(id) = map.next_key::<String>()? {
                    if queries.items.len() == QUERIES_MAX {
                        queries.beyond = true;
                        map.next_value::<IgnoredAny>()?;
                    } else if let Some(Object(query)) = map.next_value::<Option<Object<Query>>>()? {
                        queries.items.push((id, query));
                    }
                }
                Ok(queries)
            }
        }
        deserializer.deserialize_map(Items)
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Properties, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut properties = Vec::new();
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match PROPERTIES.into_iter().find(|known| *known == name) {
                        Some(name) if properties.iter().any(|(known, _)| *known == name) => {
                            return Err(serde::de::Error::duplicate_field(name));
                        }
                        Some(name) => properties.push((name, map.next_value()?)),
                        None => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(Properties(properties))
            }
        }
        deserializer.deserialize_map(Items)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Values<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<const MAX: usize>;
        impl<'de, const MAX: usize> Visitor<'de> for Items<MAX> {
            type Value = Values<MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array")
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Values { items: vec![value.to_owned()], beyond: false })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut values = Values::default();
                while !values.beyond
                    && let Some(Scalar(value)) = seq.next_element()?
                {
                    value.into_iter().for_each(|value| values.push(value));
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(values)
            }
        }
        deserializer.deserialize_any(Items)
    }
}

/// A value as text; `None` for what is none, such as an entity within an entity.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        Ok(Scalar(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }))
    }
}
