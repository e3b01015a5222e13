//! What is asked of every query of a match: how many results, how sure, of which lists.

use super::super::problem::{Code, Problem};
use super::body::Params;
use super::entity;
use crate::catalogue::{Catalogue, ListNo, MatterNo};
use std::collections::BTreeSet;

/// The algorithm: there is one.
pub(super) const ALGORITHM: &str = "xincha";
/// Other names of it: yente's and motiva's clients name one of theirs in every request, and the answer
/// says which it was.
const ALIASES: [&str; 9] = [
    "best",
    "default",
    "logic-v1",
    "logic-v2",
    "name-based",
    "name-qualified",
    "regression-v1",
    "regression-v2",
    "regression-v3",
];
/// All lists.
pub(super) const DEFAULT: &str = "default";

const LIMIT: usize = 5;
const LIMIT_MAX: usize = 500;
const THRESHOLD: f64 = 0.7;
/// So low that a natural person's name alone is answered, which matches nobody.
const CUTOFF: f64 = 0.5;

/// See the [module](self).
pub(super) struct Terms {
    /// Results a query at most.
    pub limit: usize,
    /// Of this score and above a result matches.
    pub threshold: f64,
    /// Below this score there is no result.
    pub cutoff: f64,
    /// The matter for which a verdict is wanted.
    pub matter: Option<MatterNo>,
    /// By list of the catalogue: its entries count.
    wanted: Vec<bool>,
    excluded_schemas: Vec<String>,
    excluded: BTreeSet<String>,
}

impl Terms {
    /// Check everything that the catalogue and the bounds say of parameters.
    ///
    /// # Errors
    ///
    /// The first problem.
    pub fn of(params: Params, dataset: &str, catalogue: &Catalogue) -> Result<Terms, Problem> {
        let mut wanted = lists_of(catalogue, dataset).ok_or(Code::UnknownDataset.whole())?;
        if let Some(algorithm) = &params.algorithm
            && algorithm != ALGORITHM
            && !ALIASES.contains(&&**algorithm)
        {
            return Err(Code::UnknownAlgorithm.at("/params/algorithm"));
        }
        let limit = params.limit.unwrap_or(LIMIT);
        if limit > LIMIT_MAX {
            return Err(Code::OutOfRange.at("/params/limit").beyond(LIMIT_MAX));
        }
        let score = |score: Option<f64>, pointer: &str, otherwise: f64| match score {
            Some(score) if !(0.0..=1.0).contains(&score) => {
                Err(Code::OutOfRange.at(pointer).beyond(1))
            }
            score => Ok(score.unwrap_or(otherwise)),
        };
        let threshold = score(params.threshold, "/params/threshold", THRESHOLD)?;
        let cutoff = score(params.cutoff, "/params/cutoff", CUTOFF)?.min(threshold);
        let matter = match &params.matter {
            None => None,
            Some(code) => Some(
                catalogue
                    .matter_no(code)
                    .ok_or_else(|| Code::UnknownMatter.at("/params/matter"))?,
            ),
        };
        if let Some(datasets) = params.include_dataset.filter(|datasets| !datasets.items.is_empty())
        {
            let included = union(catalogue, &datasets.items, "/params/include_dataset")?;
            wanted.iter_mut().zip(included).for_each(|(wanted, included)| *wanted &= included);
        }
        if let Some(datasets) = params.exclude_dataset {
            let excluded = union(catalogue, &datasets.items, "/params/exclude_dataset")?;
            wanted.iter_mut().zip(excluded).for_each(|(wanted, excluded)| *wanted &= !excluded);
        }
        if let Some(topics) = params.topics.filter(|topics| !topics.items.is_empty()) {
            for (list, wanted) in catalogue.lists().iter().zip(&mut wanted) {
                let topic = entity::topic(list.kind);
                *wanted &= topic.is_some_and(|topic| topics.items.iter().any(|of| of == topic));
            }
        }
        let excluded = params.exclude_entity_ids.unwrap_or_default().items.into_iter().collect();
        let excluded_schemas = params.exclude_schema.unwrap_or_default().items;
        Ok(Terms { limit, threshold, cutoff, matter, wanted, excluded_schemas, excluded })
    }

    /// Entries of the list count.
    pub fn wants(&self, list: ListNo) -> bool {
        self.wanted[usize::from(list.0)]
    }

    /// Results of the schema are not wanted.
    pub fn excludes_schema(&self, schema: &str) -> bool {
        self.excluded_schemas.iter().any(|excluded| excluded == schema)
    }

    /// The entity of this id is not wanted.
    pub fn excludes(&self, id: &str) -> bool {
        self.excluded.contains(id)
    }

    /// Some entity is not wanted.
    pub fn excludes_any(&self) -> bool {
        !self.excluded.is_empty()
    }

    /// The lists whose data an answer rests on: those that the matter consults, else those searched.
    pub fn consulted(&self, catalogue: &Catalogue) -> Vec<ListNo> {
        match self.matter {
            Some(matter) => catalogue.matter(matter).consults.clone(),
            None => self.searched(catalogue).collect(),
        }
    }

    /// The lists whose entries count.
    pub fn searched(&self, catalogue: &Catalogue) -> impl Iterator<Item = ListNo> {
        catalogue.list_numbers().filter(|&list| self.wants(list))
    }
}

/// By list: it belongs to the dataset.
fn lists_of(catalogue: &Catalogue, dataset: &str) -> Option<Vec<bool>> {
    let only = catalogue.list_no(dataset);
    if only.is_none() && dataset != DEFAULT && dataset != "all" {
        return None;
    }
    let belongs = |list: ListNo| only.is_none_or(|only| only == list);
    Some(catalogue.list_numbers().map(belongs).collect())
}

/// An unknown one is a slip: to read over it would search less than was meant, and find nothing there.
fn union(catalogue: &Catalogue, datasets: &[String], pointer: &str) -> Result<Vec<bool>, Problem> {
    let mut union = vec![false; catalogue.lists().len()];
    for dataset in datasets {
        let lists = lists_of(catalogue, dataset).ok_or_else(|| Code::UnknownDataset.at(pointer))?;
        union.iter_mut().zip(lists).for_each(|(any, belongs)| *any |= belongs);
    }
    Ok(union)
}
