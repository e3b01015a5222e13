//! **Question.** How long do callers wait in the long run at 70 % of the capacity, while lists are refreshed,
//! changes come and names are searched; and does the memory of the service grow?
//!
//! **Corpus.** A synthetic city of `XINCHA_BENCH_ENTRIES` rows (default 100,000), built by the service itself.
//!
//! **How to read it.** The command `serve` in a process of its own, with one worker, an audit log and a client
//! that is known by its key. The capacity is what a closed loop over 64 connections reaches in the same set-up;
//! then an open loop at its 70 %, of checks of one subject by number and name, over 64 connections: waiting
//! counts as latency. The sender never sleeps and takes a core; where there are two, what goes on beside shares
//! the other with the service. A feed is delivered and served anew every 20 seconds, ten changes come every
//! second, and a name is searched fifty times a second. The resident size is that of what is the process' own,
//! files apart, every two seconds; its slope is of least squares over the last three quarters of the time. Every answer is
//! checked: an error of any kind ends the run with code 1, a missed target does not.
//!
//! The audit log takes about 20 MB a second at this rate: ten minutes need 20 GB of disk. Where there is less, the
//! service refuses in the end, as it must, and the run ends with that.
//!
//! `cargo bench --bench soak -- --seconds 600`. Without `--bench`, as in `cargo test --benches`, it runs tiny.

use beside::Beside;
use flood::{Flood, Stream};
use requests::Kind;
use service::Service;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

mod beside;
mod caller;
mod connection;
#[path = "../benches/support/corpus.rs"]
mod corpus;
mod flood;
mod options;
mod requests;
mod service;

/// Of the capacity.
const LOAD: f64 = 0.7;
const CONNECTIONS: usize = 64;
const WORKERS: &str = "workers = 1";

fn main() -> ExitCode {
    flood::main(600.0, 3.0, measure)
}

fn measure(entries: usize, seconds: f64) -> Result<(), String> {
    let service = Service::start_measured(entries, WORKERS)?;
    let closed = checks(&service, None, (seconds / 10.0).min(5.0))?;
    let capacity = closed.served_a_second();
    let rate = LOAD * capacity;
    println!(
        "{entries} rows, {} cores, 1 worker, {CONNECTIONS} connections; capacity {capacity:.0} checks/s, offered {rate:.0}/s for {seconds} s",
        options::cores()
    );
    let beside = Beside::default();
    let (told, sizes) = std::thread::scope(|scope| {
        let each = [
            scope.spawn(|| beside.refresh(&service, Duration::from_secs(20))),
            scope.spawn(|| beside.change(&service, Duration::from_secs(1))),
            scope.spawn(|| beside.search(&service, Duration::from_millis(20))),
        ];
        let sizes = scope.spawn(|| sizes(&service, seconds));
        let told = checks(&service, Some(rate), seconds);
        beside.stop();
        let sizes = sizes.join().map_err(|_| "sampling panicked".to_owned())?;
        for thread in each {
            thread.join().map_err(|_| "a thread beside panicked".to_owned())??;
        }
        Ok::<_, String>((told?, sizes?))
    })?;
    if told.refused.count + told.lost + told.unsent > 0 {
        return Err(format!("not all were served: {told:?}"));
    }
    println!("| checks | p50 µs | p99 | p99.9 | p99.99 | max | errors |");
    println!("|---|---|---|---|---|---|---|");
    let waits = &told.served;
    println!(
        "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | 0 |",
        waits.count, waits.p50, waits.p99, waits.p999, waits.p9999, waits.max
    );
    println!(
        "beside: {} refreshes served, {} changes, {} searches, {} more refused",
        beside.refreshes.load(Relaxed),
        beside.changes.load(Relaxed),
        beside.searches.load(Relaxed),
        beside.refused.load(Relaxed)
    );
    let late = &sizes[sizes.len() / 4..];
    let most = sizes.iter().map(|(_, size)| *size).fold(0.0, f64::max);
    println!(
        "resident: {:.1} MiB at first, {:.1} in the end, {most:.1} at most; slope {:.2} MiB/min (to reach: 0)",
        sizes[0].1,
        sizes[sizes.len() - 1].1,
        slope(late)
    );
    let problems = service.metric("xincha_refusals_total")?;
    println!(
        "refusals that the service counted: {problems:.0}; drained in {:.2} s",
        service.stop()?
    );
    Ok(())
}

fn checks(service: &Service, rate: Option<f64>, seconds: f64) -> Result<flood::Told, String> {
    let stream = Stream { kind: Kind::Clear, rate, connections: CONNECTIONS, depth: 1 };
    let flood = Flood {
        address: service.address,
        key: service.key.clone(),
        warm: 0.0,
        seconds,
        patient: rate.is_some(),
        streams: vec![stream],
    };
    flood.run()?.pop().ok_or("nothing was told".to_owned())
}

/// The resident size every two seconds: minutes since the beginning, and MiB.
fn sizes(service: &Service, seconds: f64) -> Result<Vec<(f64, f64)>, String> {
    let started = Instant::now();
    let mut sizes = vec![(0.0, service.resident()?)];
    while started.elapsed().as_secs_f64() < seconds {
        std::thread::sleep(Duration::from_secs_f64(2.0_f64.min(seconds / 10.0)));
        sizes.push((started.elapsed().as_secs_f64() / 60.0, service.resident()?));
    }
    Ok(sizes)
}

/// By least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let own: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    both / own
}
