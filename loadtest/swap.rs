//! **Question.** What do callers notice of a snapshot that is opened, verified, warmed and swapped in
//! while they ask? And how long does it take from a snapshot in the local folder to an answer, with
//! every change since it was built?
//!
//! **Corpus.** The snapshot of the look-up bench (`XINCHA_BENCH_ENTRIES`, default 1,000,000) and a
//! copy of it, which are swapped in turn so that every swap brings pages that no check has touched;
//! 10,000 changes in a ledger, replayed at every swap.
//!
//! **How to read it.** An open loop at half of what the closed loop reached, over 64 connections to
//! one worker: waiting counts as latency. Runs without swaps, and with one every second, take turns;
//! "opened, not swapped" does all the reading and nothing more, so what remains is the swap's. The
//! swap does what the loader does: opens, replays and unmaps on threads that give way, swaps by the
//! recorder. The client never sleeps and takes a core, so where there are two, all of that fits into
//! what the worker leaves of the other. Every answer is checked; one that fails ends the run with code
//! 1, a missed target does not.
//!
//! To be ready: medians; the first check on a new view prepares what the others reuse, which is all
//! that a swap makes a worker do; the bytes are in the page cache, as those just brought are, the process is
//! warm. Beside it, the mere reading of the file.
//!
//! Without `--bench`, as in `cargo test --benches`, it runs tiny.

use client::{Client, Order};
use feed::Feed;
use requests::Kind;
use servers::Running;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;
use xincha::catalogue::Catalogue;
use xincha::http::Worker;
use xincha::ledger::FileLedger;
use xincha::live::{Generation, Live, Recorder};
use xincha::snapshot::{Signature, SigningKey, TrustedKeys};

mod client;
mod connection;
#[path = "../benches/support/corpus.rs"]
mod corpus;
#[allow(dead_code)] // The pace is the other bench's.
mod feed;
mod requests;
#[allow(dead_code)] // The rival is the other bench's.
mod servers;

/// As shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: usize = 64;
/// Of what the closed loop reached.
const OPEN_LOAD: f64 = 0.5;
/// Changes of a commit in the ledger that is replayed.
const COMMIT: usize = 100;

/// How much is asked.
struct Size {
    entries: usize,
    rounds: usize,
    changes: usize,
    ring: usize,
    /// Requests of a closed run.
    count: usize,
    seconds: f64,
    /// Between two swaps.
    pause: Duration,
    /// Times that it becomes ready.
    ready: usize,
}

impl Size {
    fn new(tiny: bool) -> Size {
        match tiny {
            true => Size {
                entries: 10_000,
                rounds: 1,
                changes: 1_000,
                ring: 1 << 12,
                count: 2_048,
                seconds: 0.2,
                pause: Duration::from_millis(50),
                ready: 1,
            },
            false => Size {
                entries: corpus::entries(),
                rounds: 5,
                changes: 10_000,
                ring: 1 << 18,
                count: 100_000,
                seconds: 5.0,
                pause: Duration::from_secs(1),
                ready: 11,
            },
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok());
    let ended = match (arguments.first().map(String::as_str), number(1), number(2)) {
        (Some(client::ARGUMENT), Some(ring), Some(entries)) => client::serve(ring, entries),
        _ => measure(&Size::new(!corpus::is_measured())),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The two files, and the ledger of what changed since.
struct Files {
    paths: [PathBuf; 2],
    ledger: PathBuf,
    catalogue: Arc<Catalogue>,
    trusted: TrustedKeys,
    _folder: tempfile::TempDir,
}

impl Files {
    /// Copy and sign the snapshot, and record changes over it.
    fn prepare(size: &Size, feed: &Feed) -> Result<Files, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        let original = corpus::snapshot(size.entries);
        let paths = ["one.xcs", "other.xcs"].map(|name| folder.path().join(name));
        let key = SigningKey::generate().map_err(text)?;
        for path in &paths {
            std::fs::copy(&original, path).map_err(text)?;
            let bytes = std::fs::read(path).map_err(text)?;
            let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let signature = Signature::sign(&bytes, id, &key);
            std::fs::write(Signature::path_of(path), signature.to_string()).map_err(text)?;
        }
        let files = Files {
            paths,
            ledger: folder.path().join("changes.ledger"),
            catalogue: corpus::catalogue(),
            trusted: TrustedKeys::parse(&[key.public()]).map_err(text)?,
            _folder: folder,
        };
        let (recorder, recording) = files.recorder(Live::new(None))?;
        recorder.swap(files.open(0, false)?).map_err(text)?;
        for first in (0..size.changes).step_by(COMMIT) {
            feed::record(&recorder, feed.changes(first as u64, COMMIT))?;
        }
        recording.stop();
        Ok(files)
    }

    fn recorder(&self, live: Live) -> Result<(Recorder, xincha::live::Recording), String> {
        let ledger = FileLedger::open(&self.ledger).map_err(text)?;
        Recorder::start(live, Arc::new(ledger)).map_err(text)
    }

    fn open(&self, which: usize, signed: bool) -> Result<Arc<Generation>, String> {
        let trusted = signed.then_some(&self.trusted);
        let opened = Generation::open(&self.paths[which % 2], self.catalogue.clone(), trusted);
        opened.map(Arc::new).map_err(text)
    }
}

fn measure(size: &Size) -> Result<(), String> {
    let feed = Feed::new(size.entries);
    let files = Files::prepare(size, &feed)?;
    let bytes = std::fs::metadata(&files.paths[0]).map_err(text)?.len();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{} entries, {} MiB, {} changes, {cores} cores, {} rounds\n",
        size.entries,
        bytes >> 20,
        size.changes,
        size.rounds
    );
    ready(size, &feed, &files)?;
    swaps(size, &feed, &files)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// From the file to the first answer, in milliseconds by step.
fn ready(size: &Size, feed: &Feed, files: &Files) -> Result<(), String> {
    let body = requests::body(Kind::Clear, 0, size.entries);
    println!("| to be ready, ms | opened | replayed | answers | first check alone | to reach |");
    println!("|---|---|---|---|---|---|");
    for (name, signed) in [("unsigned", false), ("signature verified", true)] {
        let mut steps = [(); 3].map(|()| Vec::new());
        for run in 0..size.ready {
            let start = Instant::now();
            let mut step = |at: usize| steps[at].push(start.elapsed().as_secs_f64() * 1e3);
            let live = Live::new(None);
            let (recorder, recording) = files.recorder(live.clone())?;
            let generation = files.open(run, signed)?;
            step(0);
            let view = recorder.swap(generation).map_err(text)?;
            step(1);
            let (mut worker, mut out) = (Worker::default(), Vec::new());
            let (now, body) = (corpus::noon(), body.as_bytes());
            xincha::http::answer(&view, now, Uuid::nil(), body, &mut worker, &mut out)
                .map_err(|why| format!("{why:?}"))?;
            step(2);
            if memchr::memmem::find(&out, Kind::Clear.verdict().as_bytes()).is_none() {
                return Err(format!("not clear: {}", String::from_utf8_lossy(&out)));
            }
            if view.overlay.change() != size.changes as u64 {
                return Err(format!("{} changes were replayed", view.overlay.change()));
            }
            feed::check_visible(&live, feed, 0..size.changes as u64)?;
            recording.stop();
        }
        let first: Vec<f64> = steps[2].iter().zip(&steps[1]).map(|(to, from)| to - from).collect();
        let [opened, replayed, answers] = steps.map(|step| median(&step));
        println!(
            "| {name} | {opened:.1} | {replayed:.1} | {answers:.1} | {:.2} | ≤ 1,000 |",
            median(&first)
        );
    }
    let mut read = Vec::new();
    for run in 0..size.ready {
        let start = Instant::now();
        let bytes = std::fs::read(&files.paths[run % 2]).map_err(text)?;
        std::hint::black_box(bytes);
        read.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("| the file read, nothing else | {:.1} | | | | |\n", median(&read));
    Ok(())
}

/// What goes on beside the requests of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    Opening,
    Swapping,
}

/// Open loops without and with swaps.
fn swaps(size: &Size, feed: &Feed, files: &Files) -> Result<(), String> {
    let live = Live::new(None);
    let (recorder, recording) = files.recorder(live.clone())?;
    recorder.swap(files.open(0, true)?).map_err(text)?;
    let server = servers::xincha(live.clone()).map_err(text)?;
    let mut client = Client::start(size.ring, size.entries)?;
    let closed = client.run(&order(size, &server, None), || {})?;
    let rate = OPEN_LOAD * closed.answers as f64 / closed.seconds;
    let kinds = [
        ("nothing beside", Beside::Nothing),
        ("opened, not swapped", Beside::Opening),
        ("opened and swapped", Beside::Swapping),
    ];
    let mut waits = kinds.map(|_| [(); 4].map(|()| Vec::new()));
    let mut durations = Vec::new();
    for _ in 0..size.rounds {
        for (at, (_, beside)) in kinds.iter().enumerate() {
            let order = order(size, &server, Some(rate));
            let outcome = beside_requests(size, files, &recorder, *beside, &mut durations, || {
                client.run(&order, || {})
            })?;
            if outcome.answers < order.count {
                return Err(format!("{} answers to {} requests", outcome.answers, order.count));
            }
            for (waits, wait) in waits[at].iter_mut().zip(outcome.latencies) {
                waits.push(wait);
            }
        }
    }
    println!(
        "open loop at {rate:.0} requests/s, {} swaps: {:.1} ms to replay and swap, at most {:.1}",
        durations.len(),
        median(&durations),
        durations.iter().copied().fold(0.0, f64::max)
    );
    println!("| beside the requests | p50 µs | p99 | p99.9 | max | greatest of all rounds |");
    println!("|---|---|---|---|---|---|");
    for ((name, _), waits) in kinds.iter().zip(&waits) {
        let [p50, p99, p999, max] = [0, 1, 2, 3].map(|at| median(&waits[at]));
        let greatest = waits[3].iter().copied().fold(0.0, f64::max);
        println!("| {name} | {p50:.0} | {p99:.0} | {p999:.0} | {max:.0} | {greatest:.0} |");
    }
    println!("to reach: swapping at most 1,000 µs more than nothing beside");
    feed::check_visible(&live, feed, 0..size.changes as u64)?;
    server.stop()?;
    recording.stop();
    Ok(())
}

/// Ask, while another thread opens and swaps.
fn beside_requests<T>(
    size: &Size,
    files: &Files,
    recorder: &Recorder,
    beside: Beside,
    durations: &mut Vec<f64>,
    ask: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| {
            let mut which = 0;
            while beside != Beside::Nothing && !ended.load(Ordering::Relaxed) {
                std::thread::sleep(size.pause);
                which += 1;
                let generation = recorder.live().aside(|| files.open(which, true))?;
                if beside == Beside::Swapping {
                    let start = Instant::now();
                    recorder.swap(generation).map_err(text)?;
                    durations.push(start.elapsed().as_secs_f64() * 1e3);
                    while recorder.live().reap() > 0 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }
            Ok::<(), String>(())
        });
        let asked = ask();
        ended.store(true, Ordering::Relaxed);
        loading.join().expect("the loading thread does not panic")?;
        asked
    })
}

fn order(size: &Size, server: &Running, rate: Option<f64>) -> Order {
    Order {
        address: server.address,
        connections: CONNECTIONS,
        depth: 1,
        count: rate.map_or(size.count, |rate| (rate * size.seconds) as usize),
        first: 0,
        kind: Kind::Clear,
        fixed: false,
        rate,
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
