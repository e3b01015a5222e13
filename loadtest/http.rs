//! **Question.** What does the server's processor spend on a check over HTTP, beside a hyper server
//! that reads the same requests and answers something fixed; how much of it does pipelining save;
//! and how long does a caller wait at half of the capacity?
//!
//! **Corpus.** The snapshot of the look-up bench: `XINCHA_BENCH_ENTRIES` entries (default 1,000,000;
//! the figures are quoted at 10,000,000). Half a million distinct requests, each about another
//! stranger with name, identifier, matter, case, department and operator. Decided for the corpus's
//! own noon, when its lists are fresh.
//!
//! **How to read it.** The client is another process, so the processor time is the server's alone,
//! kernel included; on loopback the kernel is most of it. One worker against 64 connections. Both
//! servers get the same bytes, take turns in every round and answer with as many bytes. A value is
//! the median of the rounds, with the least and the greatest; a ratio is of medians. Trust ratios of
//! one run, not microseconds of two. Every answer is checked: one that is not 200 or has another
//! verdict ends the run with code 1. A missed target does not.
//!
//! **What stands in the way of 1.20.** On a machine whose kernel answers a fixed body in 6.9 µs the check
//! itself, 1.35 µs at ten million entries, is all that 1.20 allows. 0.9 µs more go to the time, the
//! response's headers and body, and the gathering of answers; where the floor is 12 µs the same
//! distance is a ratio of 1.18. What would close it: reading the request without a general JSON parser.
//!
//! Without `--bench`, as in `cargo test --benches`, it runs tiny.

use client::{Client, Order, Outcome};
use requests::Kind;
use rustix::time::{ClockId, clock_gettime};
use servers::Running;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use xincha::http::Worker;
use xincha::live::{Generation, Live, View};

mod client;
mod connection;
#[path = "../benches/support/corpus.rs"]
mod corpus;
mod requests;
mod servers;

/// As shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: usize = 64;
const DEPTH: usize = 16;
/// Rounds that are always run, and those that are run while there is time.
const ROUNDS_MIN: usize = 5;
const ROUNDS_MAX: usize = 9;
const ROUNDS_TIME: Duration = Duration::from_secs(70);
const OPEN_SECONDS: f64 = 5.0;
/// Of what the closed loop reached.
const OPEN_LOAD: f64 = 0.5;

/// How much is asked.
struct Size {
    entries: usize,
    /// Distinct requests: a power of two.
    ring: usize,
    /// Requests of a run.
    count: usize,
    open_seconds: f64,
}

impl Size {
    fn new(tiny: bool) -> Size {
        match tiny {
            true => Size { entries: 10_000, ring: 1 << 12, count: 2_048, open_seconds: 0.2 },
            false => Size {
                entries: corpus::entries(),
                ring: 1 << 19,
                count: 100_000,
                open_seconds: OPEN_SECONDS,
            },
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok());
    let ended = match (arguments.first().map(String::as_str), number(1), number(2)) {
        (Some(client::ARGUMENT), Some(ring), Some(entries)) => client::serve(ring, entries),
        _ => measure(&Size::new(!arguments.iter().any(|argument| argument == "--bench"))),
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
    let started = |error: std::io::Error| format!("starting: {error}");
    let path = corpus::snapshot(size.entries);
    let generation = Generation::open(&path, corpus::catalogue(), None);
    let generation = Arc::new(generation.map_err(|error| error.to_string())?);
    let view = Arc::new(View::of(generation));
    let fixed = answer(&view, &requests::body(Kind::Clear, 0, size.entries))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{} entries, {cores} cores, 1 worker, {CONNECTIONS} connections, {} bytes a request, {} an answer",
        size.entries,
        requests::Requests::new(Kind::Clear, 1, size.entries).range(0, 1).len(),
        fixed.len(),
    );
    let checked =
        Figure { cpu: without_socket(&view, size)?, ..Figure::of("clear, without a socket") };
    let mut bench = Bench {
        size,
        client: Client::start(size.ring, size.entries)?,
        xincha: servers::xincha(Live::new(Some(view))).map_err(started)?,
        rival: servers::rival(fixed).map_err(started)?,
    };
    bench.rounds(checked)?;
    bench.xincha.stop()?;
    bench.rival.stop()
}

/// What the service answers, decided without a socket.
fn answer(view: &View, body: &str) -> Result<Vec<u8>, String> {
    let (mut worker, mut out) = (Worker::default(), Vec::new());
    xincha::http::answer(view, now(), Uuid::nil(), body.as_bytes(), &mut worker, &mut out)
        .map_err(told)?;
    Ok(out)
}

/// Microseconds a clear check, bytes to bytes, of some runs with subjects of their own each.
fn without_socket(view: &View, size: &Size) -> Result<Vec<f64>, String> {
    let (mut worker, mut out) = (Worker::default(), Vec::new());
    let now = now();
    let mut run = |first: usize| {
        let numbers = first..first + size.ring / 16;
        let bodies = numbers.map(|number| requests::body(Kind::Clear, number, size.entries));
        let bodies: Vec<String> = bodies.collect();
        let before = cpu();
        for body in &bodies {
            let (id, body) = (Uuid::nil(), body.as_bytes());
            xincha::http::answer(view, now, id, body, &mut worker, &mut out).map_err(told)?;
        }
        Ok((cpu() - before).as_secs_f64() * 1e6 / bodies.len() as f64)
    };
    (0..ROUNDS_MIN).map(|round| run(round * size.ring / 16)).collect()
}

fn told(why: xincha::http::Unanswered) -> String {
    format!("{why:?}")
}

fn now() -> xincha::record::Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    xincha::record::Instant(since.unwrap_or_default().as_secs() as i64)
}

struct Bench<'a> {
    size: &'a Size,
    client: Client,
    xincha: Running,
    rival: Running,
}

/// One kind of run, and what its rounds took.
struct Figure {
    name: &'static str,
    depth: usize,
    kind: Kind,
    rival: bool,
    /// Processor time of the server an answer, in microseconds.
    cpu: Vec<f64>,
    /// Answers a second.
    rate: Vec<f64>,
    bytes: usize,
}

impl Bench<'_> {
    fn rounds(&mut self, without_socket: Figure) -> Result<(), String> {
        let figure = |name, depth, kind, rival| Figure { depth, kind, rival, ..Figure::of(name) };
        let mut figures = [
            figure("clear", 1, Kind::Clear, false),
            figure("clear, rival", 1, Kind::Clear, true),
            figure("clear, pipelined by 16", DEPTH, Kind::Clear, false),
            figure("clear, pipelined by 16, rival", DEPTH, Kind::Clear, true),
            figure("two hits with measures", 1, Kind::Listed, false),
        ];
        let start = Instant::now();
        // Round 0 warms up.
        for round in 0..=ROUNDS_MAX {
            if round > ROUNDS_MIN && start.elapsed() > ROUNDS_TIME {
                break;
            }
            // Whoever goes first in one round goes last in the next.
            let mut order: Vec<&mut Figure> = figures.iter_mut().collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for figure in order {
                self.closed(round, figure)?;
            }
            if round == 0 {
                figures.iter_mut().for_each(Figure::forget);
            }
        }
        let [clear, rival, piped, piped_rival, _] = &figures;
        for (one, other) in [(clear, rival), (piped, piped_rival)] {
            if one.bytes != other.bytes {
                return Err(format!("{} bytes of answers, the rival {}", one.bytes, other.bytes));
            }
        }
        let rate = OPEN_LOAD * median(&clear.rate);
        let waits = [false, true].map(|rival| self.open(rate, rival));
        print(&figures, &without_socket);
        for (name, waits) in ["xincha", "rival"].iter().zip(waits) {
            let [p50, p99, p999, max] = waits?.latencies;
            println!(
                "open loop at {rate:.0}/s, {name}: p50 {p50:.0} µs, p99 {p99:.0}, p99.9 {p999:.0}, max {max:.0}"
            );
        }
        Ok(())
    }

    fn closed(&mut self, round: usize, figure: &mut Figure) -> Result<(), String> {
        let (kind, depth) = (figure.kind, figure.depth);
        let count = match kind {
            Kind::Listed => self.size.count / 2,
            _ => self.size.count.next_multiple_of(depth),
        };
        let order = Order {
            address: self.address(figure.rival),
            connections: CONNECTIONS,
            depth,
            count,
            first: round * self.size.count + depth,
            kind,
            fixed: figure.rival,
            rate: None,
        };
        let mut before = Duration::ZERO;
        let outcome = self.client.run(&order, || before = cpu())?;
        let spent = cpu() - before;
        let answers = outcome.answers as f64;
        if outcome.answers < count {
            return Err(format!("{} answers to {count} requests", outcome.answers));
        }
        figure.cpu.push(spent.as_secs_f64() * 1e6 / answers);
        figure.rate.push(answers / outcome.seconds);
        figure.bytes += outcome.bytes;
        Ok(())
    }

    fn open(&mut self, rate: f64, rival: bool) -> Result<Outcome, String> {
        let order = Order {
            address: self.address(rival),
            connections: CONNECTIONS,
            depth: 1,
            count: (rate * self.size.open_seconds) as usize,
            first: 0,
            kind: Kind::Clear,
            fixed: rival,
            rate: Some(rate),
        };
        self.client.run(&order, || {})
    }

    fn address(&self, rival: bool) -> SocketAddr {
        if rival { self.rival.address } else { self.xincha.address }
    }
}

impl Figure {
    fn of(name: &'static str) -> Figure {
        Figure {
            name,
            depth: 1,
            kind: Kind::Clear,
            rival: false,
            cpu: Vec::new(),
            rate: Vec::new(),
            bytes: 0,
        }
    }

    fn forget(&mut self) {
        self.cpu.clear();
        self.rate.clear();
        self.bytes = 0;
    }
}

/// Processor time of this process so far, of all its threads and in the kernel.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn print(figures: &[Figure; 5], without_socket: &Figure) {
    let [clear, rival, piped, piped_rival, _] = figures;
    println!("{} rounds; processor time of the server, µs an answer\n", clear.cpu.len());
    println!("| figure | value | least–greatest | answers/s | target | ratio |");
    println!("|---|---|---|---|---|---|");
    for figure in figures.iter().chain([without_socket]) {
        let range = range(figure.cpu.iter().copied());
        let rate =
            if figure.rate.is_empty() { "" } else { &format!("{:.0}", median(&figure.rate)) };
        println!("| {} | {:.2} | {range} | {rate} | | |", figure.name, median(&figure.cpu));
    }
    let rows = [
        ("clear / rival", clear, rival, "≤ 1.20"),
        ("pipelined / not", piped, clear, "≤ 0.40"),
        ("pipelined / rival pipelined", piped, piped_rival, ""),
    ];
    for (name, one, other, target) in rows {
        let range = range(one.cpu.iter().zip(&other.cpu).map(|(one, other)| one / other));
        let ratio = median(&one.cpu) / median(&other.cpu);
        println!("| {name} | | {range} | | {target} | {ratio:.2} |");
    }
    println!();
}

/// The least and the greatest.
fn range(values: impl Iterator<Item = f64> + Clone) -> String {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    format!("{least:.2}–{:.2}", values.fold(0.0, f64::max))
}
