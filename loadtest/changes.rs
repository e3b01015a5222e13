//! **Question.** How many changes a second are recorded and durable, and what do checks pay for it?
//! First: clients that send batches, or single changes, each as soon as its last is acknowledged,
//! beside a plain file that gets the same JSON and is synced at every batch. Second: the processor
//! time of a check while 5,000 changes a second are recorded, beside one where nothing changes; and
//! the same over HTTP, with the waiting of its callers.
//!
//! **Corpus.** The snapshot of the look-up bench (`XINCHA_BENCH_ENTRIES`, default 1,000,000). A
//! quarter of the changes list somebody new; the others note an objection, correct a reason or take
//! off an entry of the index. The ledger is a file in the system's folder for temporary ones.
//!
//! **How to read it.** A value is the median of the rounds, with the least and the greatest; those
//! compared take turns. The time of a check is that of its thread alone: what recording costs another
//! core is not in it. "kept" is a view that holds the changes while nobody sends more, so that the
//! price of a grown overlay and that of its growing are apart. A recorder does more than the plain
//! file: it validates, makes visible and answers for each change. Afterwards every acknowledged
//! change must be in the ledger, opened anew, and be seen by a check; else the run ends with code 1.
//! A missed target does not.
//!
//! Without `--bench`, as in `cargo test --benches`, it runs tiny.

use client::{Client, Order, Outcome};
use feed::{Feed, Pace};
use requests::Kind;
use rustix::time::{ClockId, clock_gettime};
use servers::Running;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use uuid::Uuid;
use xincha::http::Worker;
use xincha::ledger::{FileLedger, Ledger};
use xincha::live::{Follower, Generation, Live, Recorder, View};

mod client;
mod connection;
#[path = "../benches/support/corpus.rs"]
mod corpus;
mod feed;
mod requests;
#[allow(dead_code)] // The rival is the other bench's.
mod servers;

/// As shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Changes a second beside which checks are measured, and how many are sent together.
const RATE: f64 = 5_000.0;
const RATE_BATCH: usize = 50;
const CONNECTIONS: usize = 64;
/// Of what the closed loop reached.
const OPEN_LOAD: f64 = 0.5;

/// How much is asked.
struct Size {
    entries: usize,
    rounds: usize,
    /// Clients, changes in a batch, batches of all.
    sustained: [(usize, usize, usize); 3],
    /// Checks of a round.
    checks: usize,
    /// Requests over HTTP of a round.
    requests: usize,
    ring: usize,
}

impl Size {
    fn new(tiny: bool) -> Size {
        match tiny {
            true => Size {
                entries: 10_000,
                rounds: 1,
                sustained: [(2, 1_000, 2), (2, 100, 8), (8, 1, 64)],
                checks: 4_096,
                requests: 1_024,
                ring: 1 << 12,
            },
            false => Size {
                entries: corpus::entries(),
                rounds: 7,
                sustained: [(4, 1_000, 100), (8, 100, 600), (64, 1, 10_000)],
                checks: 100_000,
                requests: 60_000,
                ring: 1 << 18,
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

fn measure(size: &Size) -> Result<(), String> {
    let path = corpus::snapshot(size.entries);
    let generation = Generation::open(&path, corpus::catalogue(), None);
    let generation = Arc::new(generation.map_err(text)?);
    let feed = Feed::new(size.entries);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{} entries, {cores} cores, {} rounds\n", size.entries, size.rounds);
    sustained(size, &feed, &generation)?;
    checks(size, &feed, &generation)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Changes a second, and the plain file's.
fn sustained(size: &Size, feed: &Feed, generation: &Arc<Generation>) -> Result<(), String> {
    println!("| changes recorded and durable | changes/s | least–greatest | plain file | ratio |");
    println!("|---|---|---|---|---|");
    for (clients, batch, batches) in size.sustained {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..size.rounds.min(3) {
            ours.push(recorded(feed, generation, clients, batch, batches)?);
            plain.push(appended(feed, clients, batch, batches)?);
        }
        let (rate, rival) = (median(&ours), median(&plain));
        println!(
            "| {clients} clients, batches of {batch} | {rate:.0} | {} | {rival:.0} | {:.2} |",
            range(&ours, 0),
            rate / rival
        );
    }
    println!("to reach: 20,000/s in batches\n");
    Ok(())
}

/// Let clients do a number of things, each the next one that nobody has begun: things a second.
fn by_clients(
    clients: usize,
    count: usize,
    act: impl Fn(usize) -> Result<(), String> + Sync,
) -> Result<f64, String> {
    let next = AtomicU64::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let client = || {
            loop {
                match next.fetch_add(1, Ordering::Relaxed) as usize {
                    number if number < count => act(number)?,
                    _ => return Ok::<(), String>(()),
                }
            }
        };
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no client panics"))
    })?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// By a recorder over a file that is new: changes a second.
fn recorded(
    feed: &Feed,
    generation: &Arc<Generation>,
    clients: usize,
    batch: usize,
    batches: usize,
) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(text)?;
    let path = folder.path().join("changes.ledger");
    let live = Live::new(Some(Arc::new(View::of(generation.clone()))));
    let ledger = Arc::new(FileLedger::open(&path).map_err(text)?);
    let (recorder, recording) = Recorder::start(live.clone(), ledger).map_err(text)?;
    let sent: Vec<_> =
        (0..batches).map(|number| feed.changes((number * batch) as u64, batch)).collect();
    let sent: Vec<_> = sent.into_iter().map(|changes| Mutex::new(Some(changes))).collect();
    let rate = by_clients(clients, batches, |number| {
        let changes = sent[number].lock().map_err(text)?.take().expect("sent once");
        let told = feed::record(&recorder, changes)?;
        // Who is told so sees it from now on.
        let seen = live.current().map_or(0, |view| view.overlay.change());
        if seen >= told.change { Ok(()) } else { Err(format!("{} is not seen", told.change)) }
    })?;
    recording.stop();
    drop(recorder);
    feed::check_visible(&live, feed, 0..(batches * batch) as u64)?;
    check_kept(&path, feed, batches * batch)?;
    Ok(rate * batch as f64)
}

/// The ledger of a file holds the first so many changes of the feed, each once.
fn check_kept(path: &std::path::Path, feed: &Feed, count: usize) -> Result<(), String> {
    let ledger = FileLedger::open(path).map_err(text)?;
    let mut kept = Vec::with_capacity(count);
    loop {
        let commits = ledger.read(kept.len() as u64).map_err(text)?;
        if commits.is_empty() {
            break;
        }
        for commit in commits {
            kept.extend_from_slice(commit.after(kept.len() as u64));
        }
    }
    kept.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    let expected = (0..count as u64).map(|number| feed.change(number));
    if kept.len() == count && kept.into_iter().eq(expected) {
        Ok(())
    } else {
        Err("the ledger holds something else than what was acknowledged".to_owned())
    }
}

/// By a plain file which is synced at every batch: changes a second.
fn appended(feed: &Feed, clients: usize, batch: usize, batches: usize) -> Result<f64, String> {
    let file = Mutex::new(tempfile::tempfile().map_err(text)?);
    let sent: Vec<_> =
        (0..batches).map(|number| feed.changes((number * batch) as u64, batch)).collect();
    let append = |number: usize| -> std::io::Result<()> {
        let bytes = serde_json::to_vec(&sent[number])?;
        let mut file = file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        file.write_all(&bytes)?;
        file.sync_data()
    };
    let rate = by_clients(clients, batches, |number| append(number).map_err(text))?;
    Ok(rate * batch as f64)
}

/// What is measured of a check: its processor time, and over HTTP how long callers waited.
#[derive(Default)]
struct Figure {
    us: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    max: Vec<f64>,
}

/// Checks with and without changes, in-process and over HTTP, in turns.
fn checks(size: &Size, feed: &Feed, generation: &Arc<Generation>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(text)?;
    let view = Arc::new(View::of(generation.clone()));
    let (still, changing) = (Live::new(Some(view.clone())), Live::new(Some(view)));
    let ledger = FileLedger::open(&folder.path().join("changes.ledger")).map_err(text)?;
    let (recorder, recording) =
        Recorder::start(changing.clone(), Arc::new(ledger)).map_err(text)?;
    let bodies: Vec<String> = (0..size.ring / 4)
        .map(|number| requests::body(Kind::Clear, number, size.entries))
        .collect();
    let mut http = Http::start(size, &still, &changing)?;
    let pace = Pace::default();
    let (mut rates, mut figures) = (Vec::new(), [(); 6].map(|()| Figure::default()));
    let [alone, beside, kept, http_alone, http_beside, http_kept] = &mut figures;
    answered(&still, &bodies, 0, size.checks)?;
    for round in 0..3 * size.rounds {
        let first = round * size.checks;
        alone.us.push(answered(&still, &bodies, first, size.checks)?);
        rates.push(during(&pace, feed, &recorder, || {
            beside.us.push(answered(&changing, &bodies, first, size.checks)?);
            Ok(())
        })?);
        kept.us.push(answered(&changing, &bodies, first, size.checks)?);
    }
    let mut closed = 0.0;
    http.ask(false, &mut closed)?;
    http.rate = Some(OPEN_LOAD * closed);
    for _ in 0..size.rounds {
        http_alone.add(http.ask(false, &mut closed)?);
        rates.push(during(&pace, feed, &recorder, || {
            http_beside.add(http.ask(true, &mut closed)?);
            Ok(())
        })?);
        http_kept.add(http.ask(true, &mut closed)?);
    }
    recording.stop();
    let sent = pace.next.load(Ordering::Relaxed);
    feed::check_visible(&changing, feed, 0..sent)?;
    print(&figures, &rates, sent, http.rate.unwrap_or_default());
    http.stop()
}

/// Do something while changes are recorded: the rate at which they were.
fn during(
    pace: &Pace,
    feed: &Feed,
    recorder: &Recorder,
    act: impl FnOnce() -> Result<(), String>,
) -> Result<f64, String> {
    std::thread::scope(|scope| {
        let sending = pace.run(scope, feed, recorder, (RATE, RATE_BATCH));
        let acted = act();
        pace.stop();
        let rate = sending.join().expect("the sender does not panic")?;
        acted.map(|()| rate)
    })
}

/// Microseconds of this thread a check, bytes to bytes, each on the view that is current then.
fn answered(live: &Live, bodies: &[String], first: usize, count: usize) -> Result<f64, String> {
    let (mut worker, mut out) = (Worker::default(), Vec::new());
    let mut follower: Follower = live.follow();
    let now = corpus::noon();
    let before = clock(ClockId::ThreadCPUTime);
    for number in first..first + count {
        let view = follower.current().ok_or("no view")?;
        let body = bodies[number % bodies.len()].as_bytes();
        xincha::http::answer(view, now, Uuid::nil(), body, &mut worker, &mut out)
            .map_err(|why| format!("{why:?}"))?;
        if number % 512 == 0
            && memchr::memmem::find(&out, Kind::Clear.verdict().as_bytes()).is_none()
        {
            return Err(format!("not clear: {}", String::from_utf8_lossy(&out)));
        }
    }
    Ok((clock(ClockId::ThreadCPUTime) - before).as_secs_f64() * 1e6 / count as f64)
}

fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Two servers, one over what changes, and who asks them.
struct Http<'a> {
    size: &'a Size,
    client: Client,
    servers: [(Running, String); 2],
    /// Requests a second; none at first: as fast as answered.
    rate: Option<f64>,
}

impl<'a> Http<'a> {
    fn start(size: &'a Size, still: &Live, changing: &Live) -> Result<Http<'a>, String> {
        let start = |live: &Live| {
            let before = workers()?;
            let server = servers::xincha(live.clone()).map_err(text)?;
            loop {
                if let Some(new) = workers()?.into_iter().find(|new| !before.contains(new)) {
                    return Ok::<_, String>((server, new));
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        Ok(Http {
            size,
            client: Client::start(size.ring, size.entries)?,
            servers: [start(still)?, start(changing)?],
            rate: None,
        })
    }

    /// One run: microseconds of the worker an answer, and what callers waited.
    fn ask(&mut self, changing: bool, closed: &mut f64) -> Result<(f64, Outcome), String> {
        let (server, worker) = &self.servers[usize::from(changing)];
        let order = Order {
            address: server.address,
            connections: CONNECTIONS,
            depth: 1,
            count: self.size.requests,
            first: 0,
            kind: Kind::Clear,
            fixed: false,
            rate: self.rate,
        };
        let mut before = 0.0;
        let outcome = self.client.run(&order, || before = worker_us(worker).unwrap_or_default())?;
        if outcome.answers < order.count {
            return Err(format!("{} answers to {} requests", outcome.answers, order.count));
        }
        *closed = outcome.answers as f64 / outcome.seconds;
        Ok(((worker_us(worker)? - before) / outcome.answers as f64, outcome))
    }

    fn stop(self) -> Result<(), String> {
        self.servers.into_iter().try_for_each(|(server, _)| server.stop())
    }
}

/// The folders of `/proc` of this process's HTTP workers.
fn workers() -> Result<Vec<String>, String> {
    let tasks = std::fs::read_dir("/proc/self/task").map_err(text)?;
    let folders = tasks.flatten().map(|task| task.path().display().to_string());
    let is_worker = |folder: &String| {
        std::fs::read_to_string(format!("{folder}/comm")).is_ok_and(|name| name.trim() == "http-0")
    };
    Ok(folders.filter(is_worker).collect())
}

/// Processor time of a thread so far, to ten milliseconds.
fn worker_us(folder: &str) -> Result<f64, String> {
    let stat = std::fs::read_to_string(format!("{folder}/stat")).map_err(text)?;
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    let ticks: u64 =
        fields.into_iter().flatten().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    Ok(ticks as f64 * 10_000.0)
}

impl Figure {
    fn add(&mut self, (us, outcome): (f64, Outcome)) {
        let [p50, p99, _, max] = outcome.latencies;
        self.us.push(us);
        self.p50.push(p50);
        self.p99.push(p99);
        self.max.push(max);
    }
}

fn print(figures: &[Figure; 6], rates: &[f64], sent: u64, open: f64) {
    println!(
        "checks under {:.0} changes/s in batches of {RATE_BATCH}, {sent} in the end; open loop at {open:.0} requests/s",
        median(rates)
    );
    println!("| check | µs of processor | least–greatest | ratio | p50 µs | p99 | max |");
    println!("|---|---|---|---|---|---|---|");
    let names = ["nothing changes", "changes come", "changes are kept"];
    for (at, figure) in figures.iter().enumerate() {
        let over = if at < 3 { "in-process" } else { "HTTP" };
        let ratio = median(&figure.us) / median(&figures[at / 3 * 3].us);
        let waits = [&figure.p50, &figure.p99, &figure.max].map(|waits| match waits.is_empty() {
            true => String::new(),
            false => format!("{:.0}", median(waits)),
        });
        println!(
            "| {over}, {} | {:.2} | {} | {ratio:.2} | {} |",
            names[at % 3],
            median(&figure.us),
            range(&figure.us, 2),
            waits.join(" | ")
        );
    }
    println!("to reach: a ratio ≤ 1.10 where changes come");
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The least and the greatest.
fn range(values: &[f64], digits: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    format!("{least:.digits$}–{:.digits$}", values.iter().copied().fold(0.0, f64::max))
}
