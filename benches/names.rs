//! **Question.** Of damaged names of listed companies, how many are found, at a threshold that lets 1 %
//! of strangers through? How long does a search take, how many bytes does a name take, and does a score
//! mean the probability that it says?
//!
//! **Corpus.** With `XINCHA_NAMES=folder`: `listed.tsv` (code, name) and `queries.tsv` (text, the code
//! that it means or `-`, class), labelled real names. Without: invented names, damaged here. With
//! `XINCHA_NAMES_MORE=file` (code, name) so many more names are listed, for scale.
//!
//! **How to read it.** A query counts as found when the company that it means comes first and its score
//! is above the threshold; `other` and `neighbour` mean nobody, the latter being one character from a
//! listed name. The weights of the score were fitted on the queries of even number; the figures are those
//! of odd number, which the fit has not seen. `-- --fit` fits again and prints the weights. The rival,
//! plain edit distance over all names, answers a sample of the same queries in the same run. Searches
//! are timed one by one, end to end: folding, retrieval, score.

use rapidfuzz::distance::levenshtein::BatchComparator;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;
use xincha::index::{Index, Likes, Listed, Overlay};
use xincha::record::{Entry, Identifier, SubjectKind};
use xincha::snapshot::Snapshot;
use xincha::text::likeness::{PARTS, Part};

#[path = "support/corpus.rs"]
mod corpus;

/// Share of strangers that may alert.
const FALSE_ALERTS: f64 = 0.01;
/// Queries that the rival answers.
const RIVAL_QUERIES: usize = 1_500;
/// What keeps the weights from growing without bound where a part decides alone.
const RIDGE: f64 = 1.0;

struct Query {
    text: String,
    means: Option<u32>,
    class: String,
}

fn main() {
    let fits = std::env::args().any(|argument| argument == "--fit");
    let folder = std::env::var_os("XINCHA_NAMES").map(PathBuf::from);
    let (names, queries) = match &folder {
        Some(folder) => labelled(folder),
        None => invented(if corpus::is_measured() { 20_000 } else { 500 }),
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
        return fit(listed, &queries);
    }
    let unseen: Vec<&Query> = queries.iter().skip(1).step_by(2).collect();
    let answers: Vec<Answer> = unseen
        .par_iter()
        .map_init(Likes::default, |likes, query| Answer::of(likes, listed, query))
        .collect();
    let threshold = report("xincha", &unseen, &answers);
    calibration(&answers);
    if folder.is_none() {
        // Damage of one edit is found, whatever else is listed.
        let lost = unseen.iter().zip(&answers).filter(|(q, a)| q.means.is_some() && !a.is_found);
        assert_eq!(lost.count(), 0, "names were lost");
    }
    let graded = unseen.iter().zip(&answers).filter(|(query, _)| query.class == "neighbour");
    let same = graded.filter(|(_, answer)| answer.is_same).count();
    assert_eq!(same, 0, "a neighbour was taken for the name itself");
    println!("threshold {threshold:.4}");
    times(listed, &unseen);
    rival(&names, &unseen);
}

/// What a search answered.
struct Answer {
    /// Of the first: its score, and whether it is the one that was meant.
    score: f64,
    is_right: bool,
    /// Its key is that of the query.
    is_same: bool,
    /// The one that was meant is among all.
    is_found: bool,
    /// Score and truth of all.
    all: Vec<(f64, bool)>,
}

impl Answer {
    fn of(likes: &mut Likes, listed: Listed, query: &Query) -> Answer {
        let found = likes.of(listed, &query.text);
        let is_meant = |no: u32| {
            let entry = listed.entry(xincha::index::EntryNo(no)).expect("an entry");
            entry.id().parse().ok() == query.means
        };
        let all: Vec<(f64, bool)> =
            found.iter().map(|like| (like.probability, is_meant(like.entry.0))).collect();
        Answer {
            score: all.first().map_or(0.0, |first| first.0),
            is_right: all.first().is_some_and(|first| first.1),
            is_same: found.first().is_some_and(|first| first.is_same),
            is_found: all.iter().any(|one| one.1),
            all,
        }
    }
}

/// The threshold that lets so many strangers through, and what it finds; one row.
fn report(name: &str, queries: &[&Query], answers: &[Answer]) -> f64 {
    let of = |class: &'static str| {
        queries.iter().zip(answers).filter(move |(query, _)| query.class == class)
    };
    let mut strangers: Vec<f64> = of("other").map(|(_, answer)| answer.score).collect();
    strangers.sort_by(|a, b| b.total_cmp(a));
    let at = (strangers.len() as f64 * FALSE_ALERTS) as usize;
    let threshold = strangers.get(at).copied().unwrap_or(0.0);
    let mut classes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (query, answer) in queries.iter().zip(answers) {
        let (hits, all) = classes.entry(&query.class).or_default();
        let counts = query.means.is_none() || answer.is_right;
        *hits += usize::from(answer.score > threshold && counts);
        *all += 1;
    }
    let is_damage = |class: &&&str| !matches!(**class, "other" | "neighbour");
    let damaged = || classes.iter().filter(|(class, _)| is_damage(class));
    let hits: usize = damaged().map(|(_, (hits, _))| hits).sum();
    let all: usize = damaged().map(|(_, (_, all))| all).sum();
    println!("\n| {name} | share above the threshold |\n|---|---|");
    println!("| all damage | {:.4} |", hits as f64 / all as f64);
    for (class, (hits, all)) in &classes {
        println!("| {class} | {:.3} |", *hits as f64 / *all as f64);
    }
    threshold
}

/// Does a score mean the share of pairs that are true?
fn calibration(answers: &[Answer]) {
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

/// Each search by itself.
fn times(listed: Listed, queries: &[&Query]) {
    let mut likes = Likes::default();
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut compared = Vec::new();
    for query in queries {
        let start = Instant::now();
        std::hint::black_box(likes.of(listed, &query.text).len());
        let micros = start.elapsed().as_secs_f64() * 1e6;
        let kind = if query.means.is_some() { "meant" } else { "strangers" };
        times.entry(kind).or_default().push(micros);
        compared.push(likes.compared() as f64);
    }
    println!("\n| searches | p50 µs | p99 | max |\n|---|---|---|---|");
    for (kind, mut times) in times {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!("| {kind} | {:.1} | {:.1} | {:.1} |", at(0.5), at(0.99), at(1.0));
    }
    compared.sort_by(f64::total_cmp);
    let at = |share: f64| compared[((compared.len() - 1) as f64 * share) as usize];
    println!("compared a search: p50 {}, p99 {}", at(0.5), at(0.99));
}

/// Plain edit distance: the likest of all names.
fn rival(names: &[String], queries: &[&Query]) {
    let names: Vec<Vec<char>> = names.iter().map(|name| name.chars().collect()).collect();
    let step = (queries.len() / RIVAL_QUERIES).max(1);
    let sample: Vec<&Query> = queries.iter().step_by(step).copied().collect();
    let start = Instant::now();
    let answers: Vec<Answer> = sample
        .par_iter()
        .map(|query| {
            let scorer = BatchComparator::new(query.text.chars());
            let score = |name: &Vec<char>| scorer.normalized_similarity(name.iter().copied());
            let scores = names.iter().map(score).enumerate();
            let (at, score) = scores.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
            let is_right = query.means == Some(at as u32);
            let is_same = score >= 1.0;
            Answer { score, is_right, is_same, is_found: is_right, all: Vec::new() }
        })
        .collect();
    let each = start.elapsed().as_secs_f64() / sample.len() as f64;
    report("edit distance", &sample, &answers);
    println!("{:.0} µs a query on {} threads", each * 1e6, rayon::current_num_threads());
}

/// Fit the weights on queries of even number and print them.
fn fit(listed: Listed, queries: &[Query]) {
    let seen: Vec<&Query> = queries.iter().step_by(2).collect();
    let pairs: Vec<([f64; PARTS], bool)> = seen
        .par_iter()
        .map_init(Likes::default, |likes, query| {
            let found = likes.of(listed, &query.text).to_vec();
            let truth = Answer::of(likes, listed, query);
            found
                .into_iter()
                .zip(truth.all)
                .map(|(like, (_, is_true))| (like.likeness.parts, is_true))
                .collect::<Vec<_>>()
        })
        .flatten()
        .collect();
    println!("{} pairs, {} of them true", pairs.len(), pairs.iter().filter(|pair| pair.1).count());
    let mut weights = [0.0; PARTS];
    for round in 0..40 {
        let moved = newton(&pairs, &mut weights);
        println!("round {round}: moved by {moved:.6}");
        if moved < 1e-6 {
            break;
        }
    }
    for weight in weights {
        println!("    {weight:.3},");
    }
}

/// A step of Newton's method for logistic regression with a ridge; how far it moved.
fn newton(pairs: &[([f64; PARTS], bool)], weights: &mut [f64; PARTS]) -> f64 {
    let now = *weights;
    let zero = || (vec![0.0; PARTS], vec![0.0; PARTS * PARTS]);
    let (mut gradient, mut hessian) = pairs
        .par_iter()
        .fold(zero, |(mut gradient, mut hessian), (parts, is_true)| {
            let odds: f64 = parts.iter().zip(&now).map(|(part, weight)| part * weight).sum();
            let probability = 1.0 / (1.0 + (-odds).exp());
            let (error, spread) =
                (f64::from(*is_true) - probability, probability * (1.0 - probability));
            let seen: Vec<usize> = (0..PARTS).filter(|&part| parts[part] != 0.0).collect();
            for &i in &seen {
                gradient[i] += error * parts[i];
                for &j in &seen {
                    hessian[i * PARTS + j] += spread * parts[i] * parts[j];
                }
            }
            (gradient, hessian)
        })
        .reduce(zero, |(mut a, mut b), (c, d)| {
            a.iter_mut().zip(c).for_each(|(a, c)| *a += c);
            b.iter_mut().zip(d).for_each(|(b, d)| *b += d);
            (a, b)
        });
    for i in (0..PARTS).filter(|&i| i != Part::Base as usize) {
        gradient[i] -= RIDGE * now[i];
        hessian[i * PARTS + i] += RIDGE;
    }
    let step = solve(&mut hessian, &mut gradient);
    // A step too long would overshoot where classes are nearly apart.
    let longest = step.iter().fold(0.0, |longest: f64, step| longest.max(step.abs()));
    let scale = if longest > 2.0 { 2.0 / longest } else { 1.0 };
    weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += step * scale);
    longest
}

/// Gauss with pivots; the matrix is destroyed.
fn solve(matrix: &mut [f64], right: &mut [f64]) -> Vec<f64> {
    let n = right.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|&a, &b| matrix[a * n + column].abs().total_cmp(&matrix[b * n + column].abs()))
            .expect("a row");
        (0..n).for_each(|at| matrix.swap(column * n + at, pivot * n + at));
        right.swap(column, pivot);
        let divisor = matrix[column * n + column];
        if divisor.abs() < 1e-12 {
            continue;
        }
        for row in (0..n).filter(|&row| row != column) {
            let factor = matrix[row * n + column] / divisor;
            (column..n).for_each(|at| matrix[row * n + at] -= factor * matrix[column * n + at]);
            right[row] -= factor * right[column];
        }
    }
    (0..n)
        .map(|at| {
            let divisor = matrix[at * n + at];
            if divisor.abs() < 1e-12 { 0.0 } else { right[at] / divisor }
        })
        .collect()
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

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn labelled(folder: &Path) -> (Vec<String>, Vec<Query>) {
    let (mut names, mut numbers) = (Vec::new(), HashMap::new());
    let listed = read(&folder.join("listed.tsv"));
    let more = std::env::var_os("XINCHA_NAMES_MORE").map(|file| read(Path::new(&file)));
    for line in listed.lines().chain(more.iter().flat_map(|more| more.lines())) {
        let (code, name) = line.split_once('\t').expect("code and name");
        numbers.entry(code.to_owned()).or_insert(names.len() as u32);
        names.push(name.to_owned());
    }
    let queries = read(&folder.join("queries.tsv"));
    let queries = queries.lines().map(|line| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut cell = || cells.next().expect("three cells");
        let (text, code, class) = (cell(), cell(), cell());
        Query { text, means: numbers.get(&code).copied(), class }
    });
    let queries = queries.collect();
    (names, queries)
}

/// Invented names, each damaged by one edit of its core.
fn invented(count: u64) -> (Vec<String>, Vec<Query>) {
    let names: Vec<String> = (0..count).map(|number| corpus::name(number * 10)).collect();
    let mut queries = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let chars: Vec<char> = name.chars().collect();
        let place = 2 + at % 5;
        let edited = |class: &str, chars: Vec<char>| Query {
            text: chars.into_iter().collect(),
            means: Some(at as u32),
            class: class.to_owned(),
        };
        let with = |edit: &dyn Fn(&mut Vec<char>)| {
            let mut chars = chars.clone();
            edit(&mut chars);
            chars
        };
        queries.push(edited("same", chars.clone()));
        queries.push(edited("substitute", with(&|chars| chars[place] = '鑫')));
        queries.push(edited(
            "drop",
            with(&|chars| {
                chars.remove(place);
            }),
        ));
        queries.push(edited("insert", with(&|chars| chars.insert(place, '鑫'))));
        queries.push(edited("swap", with(&|chars| chars.swap(place, place + 1))));
        let stranger = format!("无锡{}商行", corpus::name(at as u64 * 10 + 9));
        queries.push(Query { text: stranger, means: None, class: "other".to_owned() });
    }
    (names, queries)
}
