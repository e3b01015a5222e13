//! Servers that die, hang and come back, with what they stored or without.

use super::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// An outage is found out within two seconds; the rest is for busy cores.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn what_is_acknowledged_outlives_a_kill_and_nothing_is_there_twice() {
    let mut nats = Nats::start();
    let ledger = open(&nats);
    let acknowledged = append_while(&ledger, || {
        for pause_ms in [300, 450, 700, 200] {
            thread::sleep(Duration::from_millis(pause_ms));
            nats.kill();
            thread::sleep(Duration::from_millis(100));
            nats.restart();
        }
        thread::sleep(Duration::from_millis(800));
    });
    check(&read_all(&open(&nats)), &acknowledged);
}

#[test]
fn three_servers_lose_nothing_when_one_after_the_other_is_killed() {
    let mut servers = Nats::cluster();
    let config = StreamConfig {
        servers: servers.iter().map(|nats| Secret::new(nats.url())).collect(),
        replicas: 3,
        ack_timeout_ms: 1_000,
        ..StreamConfig::default()
    };
    let ledger = StreamLedger::open(config.clone()).unwrap();
    // They elect a leader first.
    eventually("reached", || ledger.last().ok());
    let acknowledged = append_while(&ledger, || {
        for nats in &mut servers {
            thread::sleep(Duration::from_millis(1_000));
            nats.kill();
            thread::sleep(Duration::from_millis(1_500));
            nats.restart();
            let last = eventually("followed again", || ledger.last().ok());
            eventually("going on", || ledger.last().ok().filter(|&now| now > last + 50));
        }
    });
    let reader = StreamLedger::open(config).unwrap();
    eventually("reached", || reader.last().ok());
    check(&read_all(&reader), &acknowledged);
}

/// The keys that were acknowledged of changes appended during an outage.
fn append_while(ledger: &StreamLedger, outage: impl FnOnce()) -> Vec<String> {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut acknowledged, mut at) = (Vec::new(), 0);
            while !ended.load(Ordering::Relaxed) {
                let key = format!("k{at}");
                acknowledged.extend(append_once(ledger, &key).then_some(key));
                at += 1;
            }
            acknowledged
        });
        let end = End(&ended);
        outage();
        drop(end);
        writer.join().unwrap()
    })
}

/// Ends the writer, also when the outage fails the test.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn check(kept: &[Commit], acknowledged: &[String]) {
    let mut times = BTreeMap::new();
    for key in keys_of(kept) {
        *times.entry(key).or_insert(0) += 1;
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    assert!(acknowledged.iter().all(|key| times.contains_key(key)));
    assert!(times.values().all(|&times| times == 1), "{times:?}");
}

/// Append one change as a recorder does: whenever it is not known, read on before the next attempt.
/// Answers whether it was acknowledged.
fn append_once(ledger: &StreamLedger, key: &str) -> bool {
    loop {
        let Ok(last) = ledger.last() else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let known = ledger.read(last.saturating_sub(5)).unwrap_or_default();
        if keys_of(&known).iter().any(|known| known == key) {
            return false;
        }
        match ledger.append(&commit(last + 1, &[key.to_owned()])) {
            Ok(()) => return true,
            Err(LedgerError::Unavailable(_) | LedgerError::Behind { .. }) => {}
            Err(failed) => panic!("{failed}"),
        }
    }
}

#[test]
fn a_killed_server_is_told_and_a_restarted_one_followed_again() {
    let mut nats = Nats::start();
    let ledger = open(&nats);
    ledger.append(&commit(1, &["a".to_owned()])).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ledger.wait(1, LONG));
        thread::sleep(Duration::from_millis(300));
        nats.kill();
        let answer = waiting.join().unwrap();
        assert!(is_unavailable(&answer), "{answer:?}");
    });
    for answer in [ledger.last(), ledger.append(&commit(2, &["b".to_owned()])).map(|()| 0)] {
        assert!(is_unavailable(&answer), "{answer:?}");
    }
    assert!(is_unavailable(&ledger.read(0)));
    nats.restart();
    eventually("followed again", || ledger.wait(1, Duration::from_millis(50)).ok());
    let other = open(&nats);
    let last = other.last().unwrap();
    other.append(&commit(last + 1, &["c".to_owned()])).unwrap();
    assert_eq!(ledger.wait(last, LONG), Ok(true));
    assert_eq!(keys_of(&ledger.read(last).unwrap()), ["c"]);
}

#[test]
fn a_server_that_hangs_is_told() {
    let nats = Nats::start();
    let ledger = open(&nats);
    ledger.append(&commit(1, &["a".to_owned()])).unwrap();
    let started = Instant::now();
    nats.hang();
    let waited = ledger.wait(1, LONG);
    println!("told after {:?}", started.elapsed());
    nats.go_on();
    assert!(is_unavailable(&waited), "{waited:?}");
    eventually("followed again", || ledger.wait(1, Duration::from_millis(50)).ok());
    assert_eq!(ledger.last(), Ok(1));
}

#[test]
fn a_server_that_is_not_there_at_first_is_found_later() {
    let mut nats = Nats::start();
    nats.kill();
    let ledger = open(&nats);
    assert!(is_unavailable(&ledger.last()));
    assert!(is_unavailable(&ledger.wait(0, Duration::from_millis(10))));
    nats.restart();
    eventually("reached", || ledger.append(&commit(1, &["a".to_owned()])).ok());
}

#[test]
fn a_stream_that_was_wiped_is_never_followed_on() {
    let mut nats = Nats::start();
    let (ledger, empty) = (open(&nats), Nats::start());
    for first in 1..=3 {
        ledger.append(&commit(first, &[format!("k{first}")])).unwrap();
    }
    nats.wipe();
    let is_damaged = || match ledger.wait(3, Duration::from_millis(50)) {
        Err(LedgerError::Damaged(_)) => Some(()),
        Err(LedgerError::Unavailable(_)) | Ok(false) => None,
        other => panic!("{other:?}"),
    };
    eventually("told as damaged", is_damaged);
    // Longer than it was, and yet another stream.
    let other = open(&nats);
    assert_eq!(other.last(), Ok(0));
    for first in 1..=9 {
        other.append(&commit(first, &[format!("other-{first}")])).unwrap();
    }
    let until = Instant::now() + Duration::from_millis(600);
    while Instant::now() < until {
        let damaged = |answer: Result<u64, LedgerError>| {
            assert!(matches!(answer, Err(LedgerError::Damaged(_))), "{answer:?}");
        };
        damaged(ledger.last());
        damaged(ledger.wait(3, Duration::from_millis(50)).map(u64::from));
        damaged(ledger.read(3).map(|_| 0));
        damaged(ledger.append(&commit(4, &["k4".to_owned()])).map(|()| 0));
    }
    // Whoever comes anew with a snapshot that knows more is told as well.
    assert!(matches!(open(&empty).read(3), Err(LedgerError::Damaged(_))));
}
