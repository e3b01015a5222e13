//! **Question.** What becomes of checks when three times as much is asked as can be answered: how many are served,
//! how soon are the others refused, is what is no check put off first, and how soon is all as before?
//!
//! **Corpus.** A synthetic city of `XINCHA_BENCH_ENTRIES` rows (default 100,000), built by the service itself.
//!
//! **How to read it.** The command `serve` in a process of its own, with one worker, an audit log and a client
//! that is known by its key. A capacity is what a closed loop reaches over the same connections with as many
//! requests in a write; an open loop then offers three times that, or it together with a flood of other work. A
//! request that finds no connection free waits, and its waiting counts; "not sent" is what still waited in the end.
//! The sender takes a core for itself. Refusing is work too: where a check costs little more than reading and
//! answering a request at all, as one of one subject does, nobody can refuse twice the capacity and serve
//! all of it. Where a refusal costs the share `r` of a check, at most `(1 - 3r) / (1 - r)` of the capacity can be
//! served at three times of it; checks of 200 and of 1,000 numbers show what is left of that. Every answer is
//! checked; one that is wrong, or neither 200 nor 503 nor 429, ends the run with code 1, a missed target does not.
//!
//! `cargo bench --bench overload -- --seconds 10`, of each run. Without `--bench` it runs tiny.

use flood::{Flood, Stream, Told};
use requests::Kind;
use service::{Service, UNBOUND};
use std::process::ExitCode;

#[allow(dead_code)] // Other benches do more with it.
mod caller;
mod connection;
#[path = "../benches/support/corpus.rs"]
mod corpus;
mod flood;
mod options;
mod requests;
#[allow(dead_code)] // Other benches do more with it.
mod service;

/// Of the capacity.
const OVERLOAD: f64 = 3.0;
/// Bounds of waiting that are loaded.
const BOUNDS: [(&str, &str); 2] = [
    ("as shipped", ""),
    ("of checks 1 ms, of all else 1 ms", "check_wait_ms_max = 1\naside_wait_ms_max = 1\n"),
];

/// Checks over 64 connections, one at a time.
const SINGLE: Stream = Stream { kind: Kind::Clear, rate: None, connections: 64, depth: 1 };
/// Names, which are searched.
const NAMED: Stream = Stream { kind: Kind::Named, rate: None, connections: 48, depth: 1 };
/// Checks of many numbers.
const MANY: Stream = Stream { kind: Kind::Many(200), rate: None, connections: 256, depth: 1 };
/// Of as many as there may be in one.
const FULL: Stream = Stream { kind: Kind::Many(1_000), ..MANY };
/// Checks over 256 connections, sixteen in a write: the only way in which one core sends more than another answers.
const PIPED: Stream = Stream { kind: Kind::Clear, rate: None, connections: 256, depth: 16 };

fn main() -> ExitCode {
    flood::main(10.0, 0.5, measure)
}

fn measure(entries: usize, seconds: f64) -> Result<(), String> {
    println!("{entries} rows, {} cores, 1 worker, {seconds} s a run\n", options::cores());
    let capacities = {
        let service = Service::start(entries, &format!("workers = 1\n{UNBOUND}"))?;
        let overload = Overload { service: &service, seconds };
        overload.head("nothing is refused");
        let names =
            ["checks", "names", "checks of 200 numbers", "of 1,000", "checks, 16 in a write"];
        let mut capacities = Vec::new();
        for (name, stream) in names.into_iter().zip([SINGLE, NAMED, MANY, FULL, PIPED]) {
            capacities.push(overload.run(name, f64::NAN, vec![stream])?[0].served_a_second());
        }
        service.stop()?;
        capacities
    };
    let [single, names, many, full, piped] = capacities[..] else {
        unreachable!("all were measured")
    };
    for (bounds, settings) in BOUNDS {
        let service = Service::start(entries, &format!("workers = 1\n{settings}"))?;
        let overload = Overload { service: &service, seconds };
        overload.head(bounds);
        let at = |stream: Stream, rate: f64| Stream { rate: Some(rate), ..stream };
        let half = || vec![at(SINGLE, single / 2.0)];
        let before = overload.run("checks at half", single, half())?[0].served.p99;
        let many_names = Stream { connections: 256, ..at(NAMED, OVERLOAD * names) };
        let beside = [half(), vec![many_names]].concat();
        overload.run("the same, three times the names beside", single, beside)?;
        let mut recovered = Vec::new();
        let rows = [
            ("checks of 200 numbers", MANY, many),
            ("of 1,000", FULL, full),
            ("checks, 16 in a write", PIPED, piped),
        ];
        for (name, stream, capacity) in rows {
            let streams = vec![at(stream, OVERLOAD * capacity)];
            overload.run(&format!("{name}, three times"), capacity, streams)?;
            let after = overload.run("at once after it: checks at half", single, half())?;
            recovered.push(after[0].served.p99 / before);
        }
        println!("p99 of checks at once after an overload, to that before: {recovered:.2?}");
        println!("drained in {:.2} s", service.stop()?);
    }
    Ok(())
}

struct Overload<'s> {
    service: &'s Service,
    seconds: f64,
}

impl Overload<'_> {
    fn head(&self, bounds: &str) {
        println!("\nbounds of waiting: {bounds}");
        println!(
            "| run | offered/s | served/s | of capacity | served p50 µs | p99 | refused/s | refused p50 µs | p99 | not sent/s |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
    }

    /// Send streams, and tell what came of each; the first is compared with a capacity.
    fn run(&self, name: &str, capacity: f64, streams: Vec<Stream>) -> Result<Vec<Told>, String> {
        let rates: Vec<Option<f64>> = streams.iter().map(|stream| stream.rate).collect();
        let flood = Flood {
            address: self.service.address,
            key: self.service.key.clone(),
            warm: self.seconds / 10.0,
            seconds: self.seconds,
            patient: false,
            streams,
        };
        let told = flood.run()?;
        for (number, (told, rate)) in told.iter().zip(rates).enumerate() {
            let (name, capacity) =
                if number == 0 { (name, capacity) } else { ("· beside", f64::NAN) };
            row(name, capacity, rate, told);
        }
        Ok(told)
    }
}

fn row(name: &str, capacity: f64, rate: Option<f64>, told: &Told) {
    let a_second = |count: u64| count as f64 / told.seconds;
    let offered = rate.map_or("closed".to_owned(), |rate| format!("{rate:.0}"));
    let share = told.served_a_second() / capacity * 100.0;
    let share = if share.is_nan() { String::new() } else { format!("{share:.0} %") };
    println!(
        "| {name} | {offered} | {:.0} | {share} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
        told.served_a_second(),
        told.served.p50,
        told.served.p99,
        a_second(told.refused.count),
        told.refused.p50,
        told.refused.p99,
        a_second(told.unsent + told.lost),
    );
}
