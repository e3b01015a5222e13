//! The parts that replicas share: the ledger in NATS JetStream, the lease, the shelf; and replicas that
//! share them. A binary of its own, since it starts servers.

#[path = "../servers"]
mod servers {
    pub mod nats;
    pub mod proxy;
    #[allow(dead_code, reason = "other test binaries use more of it")]
    pub mod s3;

    /// A port that was free a moment ago.
    pub fn free_port() -> u16 {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    }
}

mod cluster;
mod contract;
mod fleet;
mod lease;
mod outage;
mod race;
mod shelf;

use servers::nats::Nats;
use std::time::{Duration, Instant};
use xincha::ledger::{Commit, Ledger, LedgerError, StreamConfig, StreamLedger};
use xincha::record::{Act, Change, Instant as At, Sender};
use xincha::secret::Secret;

fn config_of(url: &str) -> StreamConfig {
    StreamConfig { servers: vec![Secret::new(url)], ..StreamConfig::default() }
}

fn open(nats: &Nats) -> StreamLedger {
    StreamLedger::open(config_of(&nats.url())).unwrap()
}

fn change(key: &str) -> Change {
    let (list, entry) = ("sxbzxr".to_owned(), "e1".to_owned());
    Change { key: key.to_owned(), list, entry, act: Act::Repair, sender: Sender::default() }
}

fn commit(first: u64, keys: &[String]) -> Commit {
    Commit { first, at: At(1_795_312_800), changes: keys.iter().map(|key| change(key)).collect() }
}

/// Every commit from the beginning; fails where the ledger is not gapless.
fn read_all(ledger: &dyn Ledger) -> Vec<Commit> {
    let (mut all, mut last): (Vec<Commit>, u64) = (Vec::new(), 0);
    loop {
        let read = ledger.read(last).unwrap();
        if read.is_empty() {
            return all;
        }
        for commit in read {
            assert_eq!(commit.first, last + 1);
            last = commit.last();
            all.push(commit);
        }
    }
}

fn keys_of(commits: &[Commit]) -> Vec<String> {
    commits.iter().flat_map(|commit| &commit.changes).map(|change| change.key.clone()).collect()
}

/// Wait until it is so; fails after two minutes, which is for busy cores: a build gives way to everybody.
fn eventually<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_unavailable<T>(answer: &Result<T, LedgerError>) -> bool {
    matches!(answer, Err(LedgerError::Unavailable(_)))
}
