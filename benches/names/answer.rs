//! What a query was answered.

use crate::query::Query;
use xincha::index::{Distance, EntryNo, Like, Likes, Listed};

/// What a search asks for where it says nothing.
pub const SCORE_MIN: f64 = 0.1;

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
        let is_meant = |no| Some(number(listed, no)) == query.means;
        let mut likely = likes.of(listed, &query.text, SCORE_MIN, Distance::TwoEdits).iter();
        let is_told = likely.any(|like| is_meant(like.entry));
        let found = likes.of(listed, &query.text, 0.0, Distance::TwoEdits);
        let is_passed_over =
            |like: &Like| is_meant(like.entry) && like.probability >= SCORE_MIN && !is_told;
        assert!(!found.iter().any(is_passed_over), "{} was passed over", query.text);
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

/// Does a score mean the share of pairs that are true? Beside it, how far a sample of so many pairs may
/// be off by chance, in 95 of 100 (normal approximation of the binomial).
pub fn calibration(answers: &[Answer]) {
    println!("\n| score | pairs | true | off by | by chance |\n|---|---|---|---|---|");
    let mut tenths = [(0usize, 0usize, 0.0f64); 10];
    for &(score, is_true) in answers.iter().flat_map(|answer| &answer.all) {
        let tenth = &mut tenths[((score * 10.0) as usize).min(9)];
        *tenth = (tenth.0 + 1, tenth.1 + usize::from(is_true), tenth.2 + score);
    }
    for (tenth, (pairs, truths, scores)) in tenths.into_iter().enumerate() {
        let (pairs_f, truths) = (pairs.max(1) as f64, truths as f64);
        let off = (truths - scores) / pairs_f;
        let share = truths / pairs_f;
        let chance = 1.96 * (share * (1.0 - share) / pairs_f).sqrt();
        println!("| 0.{tenth} | {pairs} | {share:.3} | {off:+.3} | ±{chance:.3} |");
    }
}
