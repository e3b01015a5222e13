//! What a query was answered.

use crate::query::Query;
use xincha::index::{EntryNo, Likes, Listed};

#[derive(Default)]
pub struct Answer {
    /// Of the first: its score, and whether it is the one that was meant.
    pub score: f64,
    pub is_right: bool,
    /// Its key is that of the query.
    pub is_same: bool,
    /// The one that was meant is among all.
    pub is_found: bool,
    /// Score and truth of all.
    pub all: Vec<(f64, bool)>,
}

impl Answer {
    /// Xincha's.
    pub fn of(likes: &mut Likes, listed: Listed, query: &Query) -> Answer {
        let found = likes.of(listed, &query.text);
        let is_meant = |no| Some(number(listed, no)) == query.means;
        let all: Vec<(f64, bool)> =
            found.iter().map(|like| (like.probability, is_meant(like.entry))).collect();
        Answer {
            score: all.first().map_or(0.0, |first| first.0),
            is_right: all.first().is_some_and(|first| first.1),
            is_same: found.first().is_some_and(|first| first.is_same),
            is_found: all.iter().any(|one| one.1),
            all,
        }
    }

    /// Of one who names only the likest, if any, and its score.
    pub fn first(query: &Query, likest: Option<(u32, f64)>) -> Answer {
        let is_right = likest.is_some_and(|(name, _)| Some(name) == query.means);
        Answer { score: likest.map_or(0.0, |(_, score)| score), is_right, ..Answer::default() }
    }
}

/// The number of an entry's name: its id, which the index does not order by.
pub fn number(listed: Listed, no: EntryNo) -> u32 {
    listed.entry(no).expect("an entry").id().parse().expect("a number")
}

/// Does a score mean the share of pairs that are true?
pub fn calibration(answers: &[Answer]) {
    println!("\n| score | pairs | true | off by |\n|---|---|---|---|");
    let mut tenths = [(0usize, 0usize, 0.0f64); 10];
    for &(score, is_true) in answers.iter().flat_map(|answer| &answer.all) {
        let tenth = &mut tenths[((score * 10.0) as usize).min(9)];
        *tenth = (tenth.0 + 1, tenth.1 + usize::from(is_true), tenth.2 + score);
    }
    for (tenth, (pairs, truths, scores)) in tenths.into_iter().enumerate() {
        let (pairs_f, truths) = (pairs.max(1) as f64, truths as f64);
        let off = (truths - scores) / pairs_f;
        println!("| 0.{tenth} | {pairs} | {:.3} | {off:+.3} |", truths / pairs_f);
    }
}
