//! **Question.** Of damaged names of listed companies, how many are found, at a threshold that lets 1 %
//! of strangers through? How long does a search take, how many bytes does a name take, and does a score
//! mean the probability that it says? How do others fare?
//!
//! **Corpus.** With `XINCHA_NAMES=folder`: `listed.tsv` (code, name) and `queries.tsv` (text, the code
//! that it means or `-`, class), labelled real names. Without: invented names, damaged here. With
//! `XINCHA_NAMES_MORE=file` (code, name) so many more names are listed, for scale.
//!
//! **How to read it.** A query counts as found when the company that it means comes first and its score
//! is above the threshold; `other` and `neighbour` mean nobody, the latter being one character from a
//! listed name. The weights of the score were fitted on the queries of even number; the figures are those
//! of odd number, which the fit has not seen. `-- --fit` fits again and prints the weights. Searches are
//! timed one by one, end to end: folding, retrieval, score, of what a search asks for where it says
//! nothing, one edit away as checks look and two as searches do; whatever else is found is in the table of scores.
//!
//! **Rivals** answer a sample of the same queries in the same run, one by one as xincha does: plain edit
//! distance over all names; of real names, where a server is installed, PostgreSQL's trigrams, timed over
//! a connection; with `XINCHA_LOGIC_V2=python`, an interpreter that has nomenklatura, its logic-v2 over the
//! names that xincha retrieved, timed without retrieval. The last table holds each to 1 % of strangers
//! and then to xincha's recall, or to the highest that it reaches, and says who alerts there; beside it,
//! how many neighbours alert with xincha at the same recall. A ratio is of medians. In a sample 1 % of
//! strangers is a handful: its thresholds are coarser than xincha's over all queries.

use crate::answer::{Answer, SCORE_MIN, calibration, number};
use crate::query::Query;
use crate::trial::Trial;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use xincha::index::{Distance, Index, Likes, Listed, Overlay};
use xincha::record::{Entry, Identifier, SubjectKind};
use xincha::snapshot::Snapshot;
use xincha::text::likeness::Part;

mod answer;
#[path = "../support/corpus.rs"]
mod corpus;
mod edit_distance;
mod fit;
mod logic_v2;
mod pg_trgm;
mod query;
#[path = "../../tests/servers/mod.rs"]
#[expect(unused_imports, reason = "tests start more of them")]
mod servers;
mod trial;

/// Queries that rivals answer.
const RIVAL_QUERIES: usize = 1_500;

fn main() {
    let fits = std::env::args().any(|argument| argument == "--fit");
    let folder = std::env::var_os("XINCHA_NAMES").map(PathBuf::from);
    let (names, queries) = match &folder {
        Some(folder) => query::labelled(folder),
        None => query::invented(if corpus::is_measured() { 20_000 } else { 500 }),
    };
    let built = tempfile::tempdir().expect("a folder");
    let index = index(&names, &built.path().join("names.xcs"));
    let overlay = Overlay::of(&index);
    let listed = Listed::new(&index, &overlay);
    let similar = index.similar();
    println!(
        "{} names listed, {} queries; {:.1} bytes a name",
        names.len(),
        queries.len(),
        similar.bytes() as f64 / similar.len() as f64
    );
    if fits {
        return fit::fit(listed, &queries);
    }
    let unseen: Vec<&Query> = queries.iter().skip(1).step_by(2).collect();
    let answers_of = |queries: &[&Query]| -> Vec<Answer> {
        let answer = |likes: &mut Likes, query: &&Query| Answer::of(likes, listed, query);
        queries.par_iter().map_init(Likes::default, answer).collect()
    };
    let answers = answers_of(&unseen);
    let all = Trial { name: "xincha", queries: &unseen, answers, micros: Vec::new() };
    all.report();
    println!("\nscores of queries that the fit has not seen:");
    calibration(&all.answers);
    let seen: Vec<&Query> = queries.iter().step_by(2).collect();
    println!("\nthose of the others, of which {} weights were fitted:", Part::ALL.len());
    calibration(&answers_of(&seen));
    if folder.is_none() {
        // Damage of one edit is found, whatever else is listed.
        let lost =
            unseen.iter().zip(&all.answers).filter(|(q, a)| q.means.is_some() && !a.is_found);
        assert_eq!(lost.count(), 0, "names were lost");
    }
    times(listed, &unseen, Distance::OneEdit);
    times(listed, &unseen, Distance::TwoEdits);
    // Among more names strangers and neighbours are listed too.
    if std::env::var_os("XINCHA_NAMES_MORE").is_some() {
        return;
    }
    let graded = unseen.iter().zip(&all.answers).filter(|(query, _)| query.class == "neighbour");
    let same = graded.filter(|(_, answer)| answer.is_same).count();
    assert_eq!(same, 0, "a neighbour was taken for the name itself");
    rivals(listed, &names, &unseen, folder.is_some());
}

/// Each search by itself.
fn times(listed: Listed, queries: &[&Query], distance: Distance) {
    let mut likes = Likes::default();
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut compared = Vec::new();
    for query in queries {
        let start = Instant::now();
        std::hint::black_box(likes.of(listed, &query.text, SCORE_MIN, distance).len());
        let micros = start.elapsed().as_secs_f64() * 1e6;
        let kind = if query.means.is_some() { "meant" } else { "strangers" };
        times.entry(kind).or_default().push(micros);
        compared.push(likes.compared() as f64);
    }
    println!("\n| searches, {distance:?} | p50 µs | p99 | max |\n|---|---|---|---|");
    for (kind, mut times) in times {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!("| {kind} | {:.1} | {:.1} | {:.1} |", at(0.5), at(0.99), at(1.0));
    }
    compared.sort_by(f64::total_cmp);
    let at = |share: f64| compared[((compared.len() - 1) as f64 * share) as usize];
    println!("compared a search: p50 {}, p99 {}", at(0.5), at(0.99));
}

/// Others, and xincha once more, on a sample.
fn rivals(listed: Listed, names: &[String], queries: &[&Query], are_real: bool) {
    let asked = RIVAL_QUERIES.min(queries.len());
    let sample: Vec<&Query> = (0..asked).map(|at| queries[at * queries.len() / asked]).collect();
    let mut likes = Likes::default();
    let xincha = Trial::timed("xincha", &sample, |text| {
        let first = likes.of(listed, text, SCORE_MIN, Distance::TwoEdits).first()?;
        Some((number(listed, first.entry), first.probability))
    });
    let mut rivals = vec![edit_distance::trial(names, &sample)];
    if are_real {
        rivals.extend(pg_trgm::trial(names, &sample));
    } else {
        println!("\npg_trgm: skipped, invented names have nearly all trigrams in common");
    }
    rivals.extend(logic_v2::trial(listed, names, &sample));
    rivals.iter().for_each(Trial::report);
    trial::beside(&xincha, &rivals);
}

/// A snapshot of names, the number of each as the id of its entry.
fn index(names: &[String], path: &Path) -> Index {
    let lists = corpus::lists(&corpus::catalogue());
    let entries = names.iter().enumerate().map(|(at, name)| {
        let mut entry: Entry = corpus::entry(0, &lists);
        entry.id = at.to_string();
        entry.list.clone_from(&lists[0].code);
        entry.subject.kind = SubjectKind::Organisation;
        entry.subject.name.clone_from(name);
        entry.subject.ids = Vec::<Identifier>::new();
        (entry, 0)
    });
    corpus::write(path, "20261101T0400Z-names", &lists, entries);
    let snapshot = Snapshot::open(path).expect("a sound snapshot");
    Index::open(&snapshot).expect("an index")
}
