//! **Question.** How long does a build from feeds take, how much memory, and how soon does a service
//! answer from the snapshot that is there?
//!
//! **Corpus.** `xincha synth`'s city of `XINCHA_BENCH_ENTRIES` rows (default 1,000,000) as CSV, written
//! once a size into the system's folder for temporary files.
//!
//! **How to read it.** Build and start each run in a process of their own (this program again), whose
//! peak and resident memory the system counts. The rival of the build only reads: the `csv` crate over
//! the same files on one core, every record a `StringRecord`. The answers are checked: rows and rejects
//! are what the city says, and a started index finds the first listed subject.
//!
//! Not a criterion bench: a run is seconds long and is repeated three times, the median is printed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use xincha::config::Config;
use xincha::ingest::{self, Order, Plan};
use xincha::live::Generation;
use xincha::snapshot::Store;
use xincha::synth;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "support/corpus.rs"]
mod corpus;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--child-build") => child_build(Path::new(&arguments[2])),
        Some("--child-start") => child_start(Path::new(&arguments[2])),
        Some("--child-csv") => child_csv(Path::new(&arguments[2])),
        _ => bench(),
    }
}

/// A figure of a child: it prints `name value` lines.
fn run(mode: &str, folder: &Path) -> Vec<(String, f64)> {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).args([mode]).arg(folder).output().expect("a child");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{mode}: {errors}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

/// The same three times; the median of each figure.
fn medians(mode: &str, folder: &Path) -> Vec<(String, f64)> {
    let times = if corpus::is_measured() { 3 } else { 1 };
    let runs: Vec<Vec<(String, f64)>> = (0..times).map(|_| run(mode, folder)).collect();
    runs[0]
        .iter()
        .enumerate()
        .map(|(at, (name, _))| {
            let mut values: Vec<f64> = runs.iter().map(|run| run[at].1).collect();
            values.sort_by(f64::total_cmp);
            (name.clone(), values[values.len() / 2])
        })
        .collect()
}

fn bench() {
    let entries = corpus::entries();
    let folder = std::env::temp_dir().join(format!("xincha-bench-city-{entries}"));
    let feeds = folder.join("feeds");
    let plan = plan(entries);
    if !feeds.join("truth.jsonl").exists() {
        eprintln!("writing the city of {entries} rows …");
        synth::write(&plan, &feeds, &|_| {}).expect("a city");
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{entries} rows, {cores} cores; medians of three processes each");
    for mode in ["--child-csv", "--child-build", "--child-start"] {
        for (name, value) in medians(mode, &folder) {
            println!("  {name:<44} {value:>10.2}");
        }
    }
}

fn plan(entries: usize) -> synth::Plan {
    synth::Plan { entries, seed: 7, formats: synth::Formats::Csv, ..synth::Plan::default() }
}

fn config() -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/xincha.toml");
    Config::load(&file, None).expect("the shipped configuration")
}

fn child_build(folder: &Path) {
    let config = config();
    let catalogue = config.load_catalogue().expect("the shipped catalogue");
    let store = Store::open(&folder.join("snapshots")).expect("a folder");
    let start = Instant::now();
    let plan = Plan::of(&folder.join("feeds"), &config.data.sources).expect("a plan");
    let order = Order {
        plan: &plan,
        kind_of: &|code| catalogue.list_no(code).map(|no| catalogue.list(no).kind),
        store: &store,
        rejects: &folder.join("rejects.csv"),
        now: corpus::noon(),
        standing: &[],
        keys: &[],
        change: 0,
        as_of_build: true,
    };
    let report = ingest::build(&order, &()).expect("a snapshot");
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(report.rows, report.meta.entries + report.meta.superseded + report.rejects);
    assert!(report.meta.entries > 0);
    store.prune(0).expect("one snapshot");
    println!("build, seconds {seconds:.3}");
    println!("build, µs a row {:.3}", seconds * 1e6 / report.rows as f64);
    println!("build, peak MiB {:.1}", status("VmHWM") / 1024.0);
    println!("snapshot, bytes an entry {:.1}", report.bytes as f64 / report.meta.entries as f64);
}

fn child_start(folder: &Path) {
    let catalogue = config().load_catalogue().expect("the shipped catalogue");
    let before = status("VmRSS");
    let start = Instant::now();
    let store = Store::open(&folder.join("snapshots")).expect("a folder");
    let path: PathBuf = store.current().expect("readable").expect("built before");
    let generation = Generation::open(&path, catalogue, None).expect("a generation");
    let seconds = start.elapsed().as_secs_f64();
    let index = &generation.ground.index;
    let mut found = 0;
    let first = index.identifiers().get(xincha::index::IdentifierNo(0)).expect("one");
    index.identify(&first, |_, _, _| found += 1);
    assert!(found >= 1);
    let entries = index.meta().entries as f64;
    let text = generation
        .snapshot
        .sections()
        .find(|(name, _)| *name == "text")
        .map_or(0, |(_, bytes)| bytes);
    let resident = (status("VmRSS") - before) * 1024.0 - text as f64;
    println!("start, seconds {seconds:.3}");
    println!("resident beyond the mapped text, bytes an entry {:.1}", resident / entries);
    println!(
        "of it not mapped from the file, bytes an entry {:.1}",
        status("RssAnon") * 1024.0 / entries
    );
}

/// What the rival does: read every record, on one core.
fn child_csv(folder: &Path) {
    let start = Instant::now();
    let mut rows = 0u64;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder.join("feeds"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "csv"))
        .collect();
    paths.sort();
    for path in paths {
        let mut reader = csv::Reader::from_path(path).expect("a file");
        rows += reader
            .records()
            .map(|record| record.expect("a record").len().min(1) as u64)
            .sum::<u64>();
    }
    println!("rival: reading alone, seconds {:.3}", start.elapsed().as_secs_f64());
    println!("rival: rows {rows}");
}

/// A figure of `/proc/self/status` in KiB.
fn status(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(0.0)
}
