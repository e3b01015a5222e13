//! Plain edit distance: the likest of all names.

use crate::query::Query;
use crate::trial::Trial;
use rapidfuzz::distance::levenshtein::BatchComparator;

pub fn trial<'a>(names: &[String], queries: &'a [&'a Query]) -> Trial<'a> {
    let names: Vec<Vec<char>> = names.iter().map(|name| name.chars().collect()).collect();
    for name in names.iter().step_by((names.len() / 10).max(1)) {
        let (itself, score) = likest(&names, name.iter().copied()).expect("a name");
        assert!(score == 1.0 && names[itself as usize] == *name, "{name:?} is not likest itself");
    }
    Trial::timed("edit distance", queries, |text| likest(&names, text.chars()))
}

/// Its number and similarity.
fn likest(names: &[Vec<char>], text: impl Iterator<Item = char> + Clone) -> Option<(u32, f64)> {
    let scorer = BatchComparator::new(text);
    let score = |name: &Vec<char>| scorer.normalized_similarity(name.iter().copied());
    let scores = names.iter().enumerate().map(|(at, name)| (at as u32, score(name)));
    scores.max_by(|a, b| a.1.total_cmp(&b.1))
}
