//! **Question.** What do honest callers notice of hostile traffic: slow heads and bodies, connections that say
//! nothing, too many of them, huge heads, hidden requests, broken chunks, bodies that are nothing?
//!
//! **Corpus.** A synthetic city of `XINCHA_BENCH_ENTRIES` rows (default 100,000), built by the service itself.
//!
//! **How to read it.** The command `serve` in a process of its own, with one worker, an audit log and a client
//! that is known by its key; 2,000 connections at most, heads and bodies within 5 seconds. Honest checks come in
//! an open loop at 30 % of the capacity over 64 connections that stand before the abuse begins; a ratio is of their
//! p99 beside the abuse and alone, right before it. The honest sender takes a core, and the abuse shares the
//! other with the service, as everything does here: part of a ratio is the price of sending the abuse.
//! Every honest answer is checked, every hostile one must be a refusal, and afterwards no connection is left; else
//! the run ends with code 1. A missed target does not end it.
//!
//! `cargo bench --bench hostile -- --seconds 10`, of each run. Without `--bench` it runs tiny.

use abuse::Abuse;
use flood::{Flood, Stream, Told};
use requests::Kind;
use service::Service;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

mod abuse;
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
const LOAD: f64 = 0.3;
const CONNECTIONS: usize = 64;
const SETTINGS: &str =
    "workers = 1\nconnections_max = 2000\nheader_timeout_ms = 5000\nbody_timeout_ms = 5000";
/// Until the abuse is under way.
const WARM: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    flood::main(10.0, 0.5, measure)
}

fn measure(entries: usize, seconds: f64) -> Result<(), String> {
    let service = Service::start_measured(entries, SETTINGS)?;
    let capacity = checks(&service, None, seconds / 2.0)?.served_a_second();
    let rate = LOAD * capacity;
    println!(
        "{entries} rows, {} cores, 1 worker; capacity {capacity:.0} checks/s, honest {rate:.0}/s, {seconds} s a run\n",
        options::cores()
    );
    println!("| abuse | connections | p99 µs alone | beside it | ratio | to reach |");
    println!("|---|---|---|---|---|---|");
    for (abuse, name) in Abuse::ALL {
        let alone = checks(&service, Some(rate), seconds)?;
        let stopped = AtomicBool::new(false);
        let (told, made) = std::thread::scope(|scope| {
            let (service, stopped) = (&service, &stopped);
            let Service { address, key, .. } = service;
            let abusing = scope.spawn(move || {
                // The honest stand already where nobody else is let in, and are not measured yet.
                while service.metric("xincha_connections")? < CONNECTIONS as f64 {
                    std::thread::sleep(WARM / 50);
                }
                abuse.run(*address, key, stopped)
            });
            let told = checks(service, Some(rate), seconds);
            stopped.store(true, Relaxed);
            let made = abusing.join().map_err(|_| "the abuse panicked".to_owned())??;
            Ok::<_, String>((told?, made))
        })?;
        println!(
            "| {name} | {made} | {:.0} | {:.0} | {:.2} | ≤ 2 |",
            alone.served.p99,
            told.served.p99,
            told.served.p99 / alone.served.p99
        );
        is_left_alone(&service)?;
    }
    println!("\nresident {:.1} MiB; drained in {:.2} s", service.resident()?, service.stop()?);
    Ok(())
}

/// Honest checks, all of which must be served.
fn checks(service: &Service, rate: Option<f64>, seconds: f64) -> Result<Told, String> {
    let stream = Stream { kind: Kind::Clear, rate, connections: CONNECTIONS, depth: 1 };
    let (warm, key) = (WARM.as_secs_f64(), service.key.clone());
    let (address, patient) = (service.address, rate.is_some());
    let flood = Flood { address, key, warm, seconds, patient, streams: vec![stream] };
    let told = flood.run()?.pop().ok_or("nothing was told")?;
    match told.refused.count + told.lost + told.unsent {
        0 => Ok(told),
        _ => Err(format!("not all the honest were served: {told:?}")),
    }
}

/// Wait until nobody is connected but whoever asks, and nothing is being answered but that.
fn is_left_alone(service: &Service) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let left = ["xincha_connections", "xincha_requests_in_flight"]
            .map(|name| service.metric(name).unwrap_or(f64::NAN));
        if left == [1.0, 1.0] {
            return Ok(());
        }
        if begun.elapsed() > Duration::from_secs(60) {
            return Err(format!("connections and requests are left: {left:?}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
