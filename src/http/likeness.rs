//! A likeness as JSON, with what spoke for and against it.

use crate::text::Likeness;
use crate::text::likeness::{Part, WEIGHTS};
use serde_json::{Value, json};

/// The score and its parts.
pub(super) fn likeness(likeness: &Likeness) -> Value {
    json!({"score": rounded(likeness.probability()), "parts": parts(likeness)})
}

/// The parts that were seen, the weightiest first.
pub(super) fn parts(likeness: &Likeness) -> Vec<Value> {
    let told = |(part, count, adds): (Part, f64, f64)| json!({"part": part, "count": rounded(count), "log_odds": rounded(adds)});
    weighed(likeness).into_iter().map(told).collect()
}

/// What spoke for and against it, the weightiest first: how often, and what it adds to the logarithm of
/// the odds.
pub(super) fn weighed(likeness: &Likeness) -> Vec<(Part, f64, f64)> {
    let counts = Part::ALL.into_iter().zip(likeness.parts);
    let mut parts: Vec<(Part, f64, f64)> = counts
        .zip(WEIGHTS)
        .filter(|((_, count), _)| *count != 0.0)
        .map(|((part, count), weight)| (part, count, count * weight))
        .collect();
    parts.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
    parts
}

/// The word for a part, as in [`parts`].
pub(super) fn word(part: Part) -> String {
    serde_json::to_value(part)
        .ok()
        .and_then(|word| Some(word.as_str()?.to_owned()))
        .unwrap_or_default()
}

/// A number to three digits, which is more than is known.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
