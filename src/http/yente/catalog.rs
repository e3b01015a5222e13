//! The lists as datasets, and the algorithm.

use super::super::likeness::word;
use super::terms::{ALGORITHM, DEFAULT};
use crate::live::View;
use crate::record::Instant;
use crate::text::likeness::{Part, WEIGHTS};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Map, Value, json};

/// Features beside the parts of a likeness: what each says, and the score it gives at most.
const FEATURES: [(&str, &str, f64); 6] = [
    ("identifier", "a full identifier is equal, or one contains the other", 1.0),
    ("same_name", "the names are the same, apart from script, width and legal form", 0.95),
    ("similar_name", "the names are alike: the parts tell why", 1.0),
    ("masked_identifier", "an identifier fits one of which digits are hidden", 0.85),
    ("name_taken_over", "the name was given up, and another listed subject bears it now", 0.5),
    ("birth_date", "the day of birth agrees", 0.85),
];

/// Every list as a dataset, and all of them as the collection `default`.
pub fn catalog(view: &View, now: Instant) -> Value {
    let basis = view.basis(now);
    let ground = basis.ground;
    let meta = ground.index.meta();
    let version = version(meta.built, &meta.id);
    let (mut current, mut outdated) = (Vec::new(), Vec::new());
    let mut datasets = Vec::new();
    for no in ground.catalogue.list_numbers() {
        let list = ground.catalogue.list(no);
        let of_age = if basis.lag(no, now).is_none() { &mut current } else { &mut outdated };
        of_age.push(list.code.as_str());
        let delivered = meta.lists.iter().find(|meta| meta.code == list.code);
        let as_of = ground.as_of(no).map(|at| utc(at.0));
        datasets.push(json!({
            "name": list.code,
            "title": list.name,
            "summary": list.basis,
            "publisher": {"name": list.authority, "official": true},
            "load": delivered.is_some(),
            "version": version,
            "index_version": delivered.map(|_| &version),
            "index_current": delivered.is_some(),
            "entity_count": delivered.map(|meta| meta.entries),
            "thing_count": delivered.map(|meta| meta.entries),
            "updated_at": as_of,
            "last_export": as_of,
            "last_change": null,
            "children": [],
            "resources": [],
            "xincha": {"kind": list.kind.code()},
        }));
    }
    let children: Vec<&str> =
        ground.catalogue.lists().iter().map(|list| list.code.as_str()).collect();
    let built = utc(meta.built);
    datasets.push(json!({
        "name": DEFAULT,
        "title": "全部名单 / all lists",
        "summary": null,
        "publisher": null,
        "load": true,
        "version": version,
        "index_version": version,
        "index_current": true,
        "entity_count": meta.subjects,
        "thing_count": meta.subjects,
        "updated_at": built,
        "last_export": built,
        "last_change": null,
        "children": children,
        "resources": [],
        "xincha": {"kind": null},
    }));
    json!({
        "datasets": datasets,
        "current": current,
        "outdated": outdated,
        "index_stale": !outdated.is_empty(),
    })
}

/// The algorithm that there is, and what it looks at.
pub fn algorithms() -> Value {
    let description = "Equal identifiers are certain, contradicting ones rule out; names by the likeness of their sounds, shapes, places and forms; a natural person's name alone matches nobody.";
    let features = features(|_| true);
    json!({
        "algorithms": [{
            "name": ALGORITHM,
            "description": description,
            "features": features,
            "docs": {"name": ALGORITHM, "description": description, "config": {}, "features": features},
        }],
        "default": ALGORITHM,
        "best": ALGORITHM,
    })
}

/// The features of these names.
pub(super) fn features(wanted: impl Fn(&str) -> bool) -> Value {
    let mut features = Map::new();
    let mut add = |name: &str, description: Option<&str>, coefficient: f64| {
        if wanted(name) {
            let feature = json!({"description": description, "coefficient": coefficient, "url": "/algorithms"});
            features.insert(name.to_owned(), feature);
        }
    };
    for (name, description, score) in FEATURES {
        add(name, Some(description), score);
    }
    for (part, weight) in Part::ALL.into_iter().zip(WEIGHTS) {
        add(&word(part), None, weight);
    }
    Value::Object(features)
}

/// `20261122020000-4f1c`: clients read the time before the hyphen.
fn version(built: i64, snapshot: &str) -> String {
    let tag = snapshot.rsplit('-').next().unwrap_or_default();
    let digits: String = utc(built).chars().filter(char::is_ascii_digit).collect();
    format!("{digits}-{tag}")
}

/// `2026-11-22T02:00:00`, in UTC without saying so, as theirs are.
fn utc(at: i64) -> String {
    let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
