//! One matcher's answers to a sample of queries, and what they are worth.

use crate::answer::Answer;
use crate::query::Query;
use std::collections::BTreeMap;
use std::time::Instant;

/// Share of strangers that may alert.
const FALSE_ALERTS: f64 = 0.01;

pub struct Trial<'a> {
    pub name: &'static str,
    pub queries: &'a [&'a Query],
    /// One a query.
    pub answers: Vec<Answer>,
    /// How long each took; empty where they were not timed.
    pub micros: Vec<f64>,
}

impl<'a> Trial<'a> {
    /// Of a search for the likest name, one after another.
    pub fn timed(
        name: &'static str,
        queries: &'a [&'a Query],
        mut likest: impl FnMut(&str) -> Option<(u32, f64)>,
    ) -> Trial<'a> {
        let (mut answers, mut micros) = (Vec::new(), Vec::new());
        for query in queries {
            let start = Instant::now();
            let found = likest(&query.text);
            micros.push(start.elapsed().as_secs_f64() * 1e6);
            answers.push(Answer::first(query, found));
        }
        Trial { name, queries, answers, micros }
    }

    /// The lowest threshold that lets no more strangers through than may alert.
    pub fn threshold(&self) -> f64 {
        let mut strangers: Vec<f64> = self.of("other").map(|answer| answer.score).collect();
        strangers.sort_by(|a, b| b.total_cmp(a));
        let at = (strangers.len() as f64 * FALSE_ALERTS) as usize;
        strangers.get(at).copied().unwrap_or(0.0)
    }

    /// The highest threshold at which this share of damaged names is found, or at which as many are as
    /// ever.
    pub fn threshold_reaching(&self, recall: f64) -> f64 {
        let damaged = self.damaged();
        let mut right: Vec<f64> = damaged
            .iter()
            .filter(|answer| answer.is_right && answer.score > 0.0)
            .map(|answer| answer.score)
            .collect();
        right.sort_by(|a, b| b.total_cmp(a));
        // What was a share of as many comes back as the same count.
        let needed = (recall * damaged.len() as f64 - 1e-6).ceil().max(1.0) as usize;
        let last = right.get(needed - 1).or(right.last());
        last.map_or(0.0, |score| score.next_down())
    }

    /// Share of all damaged names that are found at this threshold.
    pub fn recall(&self, threshold: f64) -> f64 {
        let damaged = self.damaged();
        let found = damaged.iter().filter(|answer| answer.is_right && answer.score > threshold);
        found.count() as f64 / damaged.len() as f64
    }

    /// Share of a class above the threshold, whoever was named.
    pub fn alerts(&self, class: &str, threshold: f64) -> f64 {
        let scores: Vec<f64> = self.of(class).map(|answer| answer.score).collect();
        scores.iter().filter(|&&score| score > threshold).count() as f64 / scores.len() as f64
    }

    /// So much of all took no longer, in µs.
    pub fn time(&self, share: f64) -> f64 {
        let mut micros = self.micros.clone();
        micros.sort_by(f64::total_cmp);
        micros[((micros.len() - 1) as f64 * share) as usize]
    }

    /// Print what is found, class by class.
    pub fn report(&self) {
        let threshold = self.threshold();
        let mut classes: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for (query, answer) in self.queries.iter().zip(&self.answers) {
            let [hits, found, all] = classes.entry(&query.class).or_default();
            let counts = query.means.is_none() || answer.is_right;
            *hits += usize::from(answer.score > threshold && counts);
            *found += usize::from(answer.is_found);
            *all += 1;
        }
        // Others name only the likest, so what else they may have found is not known.
        let tells_all = self.answers.iter().any(|answer| answer.is_found);
        let (heading, rule) = if tells_all { (" found at any score |", "---|") } else { ("", "") };
        println!("\n| {} | share above the threshold |{heading}\n|---|---|{rule}", self.name);
        println!("| all damage | {:.4} |", self.recall(threshold));
        for (class, [hits, found, all]) in &classes {
            let share = |of: usize| of as f64 / *all as f64;
            let found = if tells_all { format!(" {:.3} |", share(*found)) } else { String::new() };
            println!("| {class} | {:.3} |{found}", share(*hits));
        }
        println!("threshold {threshold:.4}");
    }

    fn of(&self, class: &str) -> impl Iterator<Item = &Answer> {
        let answers = self.queries.iter().zip(&self.answers);
        answers.filter(move |(query, _)| query.class == class).map(|(_, answer)| answer)
    }

    /// Answers to all queries but those that mean nobody.
    fn damaged(&self) -> Vec<&Answer> {
        let is_damage = |query: &Query| !matches!(query.class.as_str(), "other" | "neighbour");
        let answers = self.queries.iter().zip(&self.answers);
        answers.filter(|(query, _)| is_damage(query)).map(|(_, answer)| answer).collect()
    }
}

/// Print rivals beside xincha: at 1 % of strangers each; and at the highest threshold where each finds as
/// many damaged names as xincha does at its own, or as it ever finds.
pub fn beside(xincha: &Trial, rivals: &[Trial]) {
    println!(
        "\n| {} queries | at 1 % of strangers: recall | neighbours | at equal recall: recall | \
         neighbours | xincha's neighbours | strangers | p50 µs | p99 | ratio |\n\
         |---|---|---|---|---|---|---|---|---|---|",
        xincha.queries.len()
    );
    let held_to = xincha.recall(xincha.threshold());
    for trial in std::iter::once(xincha).chain(rivals) {
        let own = trial.threshold();
        let equal = trial.threshold_reaching(held_to);
        let reached = trial.recall(equal);
        let xinchas = xincha.threshold_reaching(reached);
        // A class that was not asked has no share.
        let share = |share: f64| if share.is_nan() { "-".into() } else { format!("{share:.3}") };
        let shares = [
            trial.recall(own),
            trial.alerts("neighbour", own),
            reached,
            trial.alerts("neighbour", equal),
            xincha.alerts("neighbour", xinchas),
            trial.alerts("other", equal),
        ];
        println!(
            "| {} | {} | {:.1} | {:.1} | {:.1} |",
            trial.name,
            shares.map(share).join(" | "),
            trial.time(0.5),
            trial.time(0.99),
            trial.time(0.5) / xincha.time(0.5),
        );
    }
}
