//! **Question.** How long does it take to compare lists with lists: who is in force on a day, all lists against
//! all, an expression over two lists, one more over regions?
//!
//! **Corpus.** Fifty lists with `XINCHA_BENCH_ENTRIES` entries (default 1,000,000): of eleven one is a second
//! entry of a subject that is on another list, of eleven one has expired. Built anew, in the system's folder for
//! temporary files.
//!
//! **How to read it.** One thread; medians of five. The pass over all entries is made once for a day, whatever is
//! asked then. The counts are checked against those that the corpus was made with.
//!
//! **Rivals.** In the same run sets of identifiers in the hash sets of the standard library, of which only the
//! two lists that are compared are filled beforehand. With `XINCHA_DUCKDB=python`, an interpreter that has
//! duckdb, its joins of a table of the same entries, on one thread.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;
use xincha::catalogue::{Catalogue, ListNo};
use xincha::cross::{Crossing, Expression, InForce};
use xincha::index::{Index, ListMeta, Listed, Overlay};
use xincha::record::{Day, Entry, ListKind};
use xincha::screen::Ground;
use xincha::snapshot::Snapshot;

#[path = "support/corpus.rs"]
mod corpus;

const LISTS: u64 = 50;
/// Of so many entries one is a second one of its subject, and one has expired.
const EVERY: u64 = 11;

fn main() {
    let entries = corpus::entries() as u64;
    let folder = tempfile::tempdir().expect("a folder");
    let ground = ground(entries, &folder.path().join("lists.xcs"));
    let overlay = Overlay::of(&ground.index);
    let listed = Listed::new(&ground.index, &overlay);
    let subjects = ground.index.meta().subjects;
    println!("{entries} entries, {subjects} subjects, {LISTS} lists, one thread");
    println!("| | median ms | found |\n|---|---|---|");
    let day = corpus::noon().day();
    let in_force = told("the pass over all entries", || {
        let in_force = InForce::on(&ground, listed, day);
        let pairs = on_both(&in_force);
        (in_force, pairs)
    });
    let matrix = told("the matrix, after it", || (on_both(&in_force), on_both(&in_force)));
    let crossing = Crossing::new(&ground, listed, &in_force);
    let asked = |text: &str| Expression::parse(text, &ground.catalogue).expect("an expression");
    let ask = |text: &str| {
        let expression = asked(text);
        told(text, || {
            let found = crossing.subjects(&expression).len();
            (found, found)
        })
    };
    let two = ask("list:l00 & list:l01");
    ask("red & black");
    ask("black - list:l01");
    ask("black & region:3205");
    let expected = expected(entries);
    assert_eq!(matrix, expected.iter().map(|all| all.len() as u64).sum::<u64>());
    assert_eq!(two, expected[0].len() as u64);
    let sets = [0, 1].map(|list| identifiers_of(listed, list));
    let hashed = told("hash sets: the two lists", || {
        let found = sets[0].intersection(&sets[1]).count() as u64;
        (found, found)
    });
    assert_eq!(hashed, two);
    duckdb(listed, day, folder.path(), two, matrix);
}

/// Do it five times and tell the median; the second of the answer is shown.
fn told<T>(what: &str, mut ask: impl FnMut() -> (T, u64)) -> T {
    let rounds = if corpus::is_measured() { 5 } else { 1 };
    let (mut times, mut last) = (Vec::new(), None);
    for _ in 0..rounds {
        let start = Instant::now();
        last = Some(std::hint::black_box(ask()));
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let (answer, shown) = last.expect("a round");
    println!("| {what} | {:.3} | {shown} |", times[times.len() / 2]);
    answer
}

/// Subjects on two different lists, counted for each pair of them.
fn on_both(in_force: &InForce) -> u64 {
    let pairs = (0..LISTS as u16).flat_map(|a| (0..a).map(move |b| (ListNo(a), ListNo(b))));
    pairs.map(|(a, b)| in_force.on_both(a, b)).sum()
}

/// The list of an entry; whose second entry it is, if it is one.
fn place(number: u64, entries: u64) -> (u64, Option<u64>) {
    let first = entries - entries / EVERY;
    match number.checked_sub(first) {
        None => (number * 7 % LISTS, None),
        Some(second) => {
            let of = second * (EVERY - 1) % first;
            ((of * 7 + 1 + second % (LISTS - 1)) % LISTS, Some(of))
        }
    }
}

fn is_expired(number: u64) -> bool {
    number % EVERY == 3
}

/// The subjects on two lists in force, for each pair of lists, the pair of the first two first.
fn expected(entries: u64) -> Vec<HashSet<u64>> {
    let mut pairs = std::collections::HashMap::<(u64, u64), HashSet<u64>>::new();
    pairs.entry((0, 1)).or_default();
    for number in entries - entries / EVERY..entries {
        let (list, of) = place(number, entries);
        let of = of.expect("a second entry");
        let (first, _) = place(of, entries);
        if list != first && !is_expired(number) && !is_expired(of) {
            pairs.entry((list.min(first), list.max(first))).or_default().insert(of);
        }
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(pair, _)| *pair);
    pairs.into_iter().map(|(_, all)| all).collect()
}

fn entry(number: u64, entries: u64, lists: &[ListMeta]) -> Entry {
    let (list, of) = place(number, entries);
    let mut entry = corpus::entry(of.unwrap_or(number), lists);
    let list = &lists[list as usize];
    entry.id = format!("{}-{number:010}", list.code);
    entry.list.clone_from(&list.code);
    entry.region = if number.is_multiple_of(3) { 320_500 } else { 330_100 };
    if is_expired(number) {
        entry.term.to = Day::from_ymd(2026, 1, 1);
    }
    entry
}

/// Fifty lists, a snapshot of them.
fn ground(entries: u64, path: &Path) -> Ground {
    let kinds = [ListKind::Black, ListKind::Ban, ListKind::Focus, ListKind::Red];
    let kind = |list: u64| kinds[(list % 4) as usize];
    let rows = (0..LISTS).map(|list| {
        let kind = kind(list).code();
        format!(
            "[[list]]\ncode = \"l{list:02}\"\nname = \"名单{list}\"\nkind = \"{kind}\"\nauthority = \"各部门\"\n\
             basis = \"管理办法\"\nmax_age_days = 30\nwhen_stale = \"warn\"\n"
        )
    });
    let texts = [("lists.toml", rows.collect::<String>()), ("measures.toml", String::new())];
    let matter = "[[matter]]\ncode = \"11320500000000019Y3000123456001\"\nname = \"投标\"\ndepartment = \"财政局\"\nconsults = [\"l00\"]\nroles = [\"applicant\"]\n";
    let files: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .chain([("matters.toml", matter)])
        .collect();
    let catalogue = Catalogue::parse(&files).unwrap_or_else(|error| panic!("{error}"));
    let lists: Vec<ListMeta> = (0..LISTS)
        .map(|list| ListMeta {
            code: format!("l{list:02}"),
            kind: kind(list),
            as_of: corpus::noon().0,
            entries: 0,
        })
        .collect();
    let all = (0..entries).map(|number| {
        let (list, _) = place(number, entries);
        (entry(number, entries, &lists), list as u16)
    });
    corpus::write(path, "20261101T0400Z-lists", &lists, all);
    let snapshot = Snapshot::open(path).expect("a sound snapshot");
    Ground::new(Index::open(&snapshot).expect("an index"), Arc::new(catalogue))
}

/// The identifiers of those on a list.
fn identifiers_of(listed: Listed, list: u16) -> HashSet<String> {
    let day = corpus::noon().day();
    let on = listed.entries().filter(|entry| entry.list().0 == list && entry.counts_on(day));
    let all = on.flat_map(|entry| listed.identifiers_of(entry.subject()));
    all.map(|id| id.text().to_owned()).collect()
}

fn duckdb(listed: Listed, day: Day, folder: &Path, two: u64, matrix: u64) {
    let Some(python) = std::env::var_os("XINCHA_DUCKDB") else {
        println!("\nDuckDB: skipped, XINCHA_DUCKDB names no interpreter");
        return;
    };
    let mut out = BufWriter::new(File::create(folder.join("entries.csv")).expect("a file"));
    writeln!(out, "id,list,starts,ends").expect("written");
    for entry in listed.entries() {
        let term = entry.term();
        let id = listed.identifiers_of(entry.subject()).next().expect("an identifier");
        let (from, to) = (term.from.expect("a day"), term.to.expect("a day"));
        writeln!(out, "{},{},{from},{to}", id.text(), entry.list().0).expect("written");
    }
    out.flush().expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rivals/duckdb_cross.py");
    let output = Command::new(python)
        .args([script.as_os_str(), folder.as_os_str(), day.to_string().as_ref()])
        .output()
        .expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (line, expected) in String::from_utf8_lossy(&output.stdout).lines().zip([two, matrix]) {
        let cells: Vec<&str> = line.split('\t').collect();
        println!("| DuckDB: {} | {} | {} |", cells[0], cells[1], cells[2]);
        assert_eq!(cells[2], expected.to_string(), "{line}");
    }
}
