//! **Question.** How many rows a second does a file take against all lists, CSV to CSV and Parquet to Parquet: by
//! identifier alone; with names where the identifier is missing? How much memory?
//!
//! **Corpus.** `XINCHA_BENCH_ENTRIES` entries (default 1,000,000) and ten times as many rows of a register,
//! 10 % of them listed; `XINCHA_BENCH_ROWS` sets another number. Written into the system's folder for temporary
//! files and removed after.
//!
//! **How to read it.** Medians of three runs, files in the page cache, none written in place of another: what the
//! file system does with that one is not counted. Peak memory is that of the process beyond
//! what it had before, the snapshot being mapped. The answers are checked: every listed row is a hit and no
//! other.
//!
//! **Rival.** With `XINCHA_DUCKDB=python`, an interpreter that has duckdb, its join of the same rows with a
//! table of the same entries, on as many threads: CSV to CSV, Parquet to Parquet. Its table is loaded before.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use xincha::batch::{self, Format, Job, Outcome, Terms, Told};
use xincha::index::Overlay;
use xincha::screen::Basis;
use xincha::source::mapping::Layout;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "support/corpus.rs"]
mod corpus;

/// Of so many rows one is listed.
const LISTED_EVERY: u64 = 10;
/// Of so many rows one has no identifier, where some have none.
const NAMELESS_EVERY: u64 = 20;

fn main() {
    let entries = corpus::entries() as u64;
    let given = std::env::var("XINCHA_BENCH_ROWS").ok();
    let rows =
        given.map_or(entries * 10, |text| text.parse().expect("XINCHA_BENCH_ROWS is a number"));
    let rows = if corpus::is_measured() { rows } else { rows.min(100_000) };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let ground = corpus::ground(entries as usize);
    let overlay = Overlay::of(&ground.index);
    let basis = Basis::new(&ground, &overlay);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    println!("{rows} rows × {entries} entries, {threads} cores");
    println!("| CSV to CSV | rows/s | MB/s | peak MiB |\n|---|---|---|---|");
    let mut ours = 0.0;
    for (what, no_names, nameless) in [("by identifier", true, false), ("5 % by name", false, true)]
    {
        write_rows(&path("in.csv"), rows, entries, nameless).expect("rows");
        let told = Told { no_names, ..Told::default() };
        let bytes = fs::metadata(path("in.csv")).expect("rows").len() as f64;
        let before = peak();
        let time = median(&path("out.csv"), |out| {
            let outcome = screen(&path("in.csv"), out, &told, basis, threads);
            check(&outcome, rows, nameless);
        });
        if no_names {
            ours = time;
        }
        println!(
            "| {what} | {:.0} | {:.0} | {:.0} |",
            rows as f64 / time,
            bytes / time / 1e6,
            (peak() - before) / 1024.0
        );
    }
    write_rows(&path("in.csv"), rows, entries, false).expect("rows");
    write_entries(&path("entries.csv"), entries).expect("entries");
    let ours_of_parquet = || {
        median(&path("out.parquet"), |out| {
            let told = Told { no_names: true, ..Told::default() };
            check(&screen(&path("in.parquet"), out, &told, basis, threads), rows, false);
        })
    };
    rival(folder.path(), rows, threads, ours, ours_of_parquet);
}

/// Median seconds of three runs that write a file; of one where no figure is wanted.
fn median(out: &Path, mut run: impl FnMut(&Path)) -> f64 {
    let mut times: Vec<f64> = (0..if corpus::is_measured() { 3 } else { 1 })
        .map(|_| {
            // There is none before the first.
            let _ = fs::remove_file(out);
            let start = Instant::now();
            run(out);
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn screen(input: &Path, output: &Path, told: &Told, basis: Basis, threads: usize) -> Outcome {
    let job = Job {
        input: Some(input),
        input_format: Format::of(input).expect("a format"),
        output: Some(output),
        output_format: Format::of(output).expect("a format"),
        rejects: None,
        layout: &Layout::default(),
        told,
        hits_only: false,
        threads,
        progress: &|_, _| {},
        cancelled: &AtomicBool::new(false),
    };
    let matter = basis.ground.catalogue.all_lists();
    let terms = Terms { basis, matter, at: corpus::noon(), kind: None, only: None };
    batch::screen(&job, terms).expect("screened")
}

fn check(outcome: &Outcome, rows: u64, nameless: bool) {
    let tally = &outcome.tally;
    assert_eq!((tally.rows, outcome.rejects), (rows, 0));
    let identified = tally.grades[xincha::screen::Grade::Identifier as usize];
    let expected = (0..rows)
        .filter(|at| at % LISTED_EVERY == 0 && !(nameless && at % NAMELESS_EVERY == 0))
        .count() as u64;
    assert_eq!(identified, expected, "rows of listed subjects");
}

fn write_rows(path: &Path, rows: u64, entries: u64, nameless: bool) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(out, "number,uscc,name,amount")?;
    for (at, listed) in (0..rows).zip(corpus::shuffled(entries)) {
        let number = if at % LISTED_EVERY == 0 { 2 * listed } else { 2 * at + 1 };
        let id = corpus::identifier(number);
        let id = if nameless && at % NAMELESS_EVERY == 0 { "" } else { id.text() };
        writeln!(out, "{at},{id},{},{}.00", corpus::name(number), at % 100_000)?;
    }
    out.flush()
}

fn write_entries(path: &Path, entries: u64) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(out, "uscc,entry")?;
    for number in 0..entries {
        writeln!(out, "{},{number}", corpus::listed(number).text())?;
    }
    out.flush()
}

/// KiB that the process ever had.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0.0)
}

fn rival(
    folder: &Path,
    rows: u64,
    threads: usize,
    ours: f64,
    ours_of_parquet: impl FnOnce() -> f64,
) {
    let Some(python) = std::env::var_os("XINCHA_DUCKDB") else {
        println!(
            "\nDuckDB: skipped; XINCHA_DUCKDB=python names an interpreter with duckdb (pip install duckdb)"
        );
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rivals/duckdb_join.py");
    let answered = Command::new(python)
        .arg(script)
        .arg(folder)
        .arg(threads.to_string())
        .stderr(Stdio::inherit())
        .output()
        .expect("DuckDB");
    assert!(answered.status.success(), "duckdb_join.py failed");
    // Of the file of Parquet that it has written.
    let ours_of_parquet = ours_of_parquet();
    println!("\n| DuckDB | rows/s | xincha, rows/s | so many times as fast |\n|---|---|---|---|");
    let text = String::from_utf8(answered.stdout).expect("text");
    for line in text.lines() {
        let [what, seconds, hits] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line} is no answer")
        };
        let seconds: f64 = seconds.parse().expect("seconds");
        assert_eq!(hits.parse(), Ok(rows.div_ceil(LISTED_EVERY)), "{what}: the same answers");
        let ours = if what.starts_with("Parquet") { ours_of_parquet } else { ours };
        let [theirs, ours] = [seconds, ours].map(|seconds| rows as f64 / seconds);
        println!("| {what} | {theirs:.0} | {ours:.0} | {:.2} |", ours / theirs);
    }
}
