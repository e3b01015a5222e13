//! Several writers, and a reader that waits.

use super::*;
use std::sync::mpsc::channel;
use std::thread;

const COMMITS: usize = 200;

#[test]
fn three_writers_make_one_gapless_order_that_all_see() {
    let nats = Nats::start();
    let ledgers = [open(&nats), open(&nats), open(&nats)];
    thread::scope(|scope| {
        for (writer, ledger) in ledgers.iter().enumerate() {
            scope.spawn(move || write(writer, ledger));
        }
    });
    let seen = ledgers.each_ref().map(|ledger| read_all(ledger));
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    assert_eq!(seen[0].len(), 3 * COMMITS);
    for (writer, _) in ledgers.iter().enumerate() {
        let own = format!("w{writer}-");
        let mut keys = keys_of(&seen[0]);
        keys.retain(|key| key.starts_with(&own));
        assert_eq!(keys, (0..COMMITS).flat_map(|at| keys_at(writer, at)).collect::<Vec<_>>());
    }
}

/// One change to three.
fn keys_at(writer: usize, commit: usize) -> Vec<String> {
    (0..=commit % 3).map(|change| format!("w{writer}-{commit}-{change}")).collect()
}

fn write(writer: usize, ledger: &StreamLedger) {
    let mut next = 1;
    for at in 0..COMMITS {
        loop {
            let commit = commit(next, &keys_at(writer, at));
            match ledger.append(&commit) {
                Ok(()) => {
                    next = commit.last() + 1;
                    break;
                }
                Err(LedgerError::Behind { last, first }) => {
                    assert!(last >= first, "{last} {first}");
                    next = last + 1;
                }
                Err(failed) => panic!("{failed}"),
            }
        }
    }
}

#[test]
fn whoever_waits_is_woken_by_the_commit_of_another() {
    let nats = Nats::start();
    let (writer, reader) = (open(&nats), open(&nats));
    let started = Instant::now();
    assert_eq!(reader.wait(0, Duration::from_millis(300)), Ok(false));
    assert!(started.elapsed() >= Duration::from_millis(300));
    let (woken, wakes) = channel();
    let mut lags = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for after in 0..100 {
                assert_eq!(reader.wait(after, Duration::from_secs(20)), Ok(true));
                woken.send(Instant::now()).unwrap();
            }
        });
        for first in 1..=100 {
            thread::sleep(Duration::from_millis(5));
            writer.append(&commit(first, &[format!("k{first}")])).unwrap();
            let kept = Instant::now();
            lags.push(wakes.recv().unwrap().saturating_duration_since(kept));
        }
    });
    lags.sort();
    println!("woken after the acknowledgement: median {:?}, worst {:?}", lags[50], lags[99]);
    // A poll would take at least its period; two noisy cores are given some slack.
    assert!(lags[50] < Duration::from_millis(5), "{lags:?}");
}

#[test]
fn many_commits_are_found_from_any_number() {
    let nats = Nats::start();
    let ledger = open(&nats);
    for first in (1..=1_500).step_by(3) {
        let keys = [0, 1, 2].map(|more| format!("k{}", first + more));
        ledger.append(&commit(first, &keys)).unwrap();
    }
    ledger.truncate(300).unwrap();
    // Without what was read before to go by.
    let other = open(&nats);
    for after in [300, 302, 750, 1_001, 1_499, 303] {
        let read = other.read(after).unwrap();
        assert_eq!(read[0].after(after)[0].key, format!("k{}", after + 1));
        assert_eq!(read.last().unwrap().last(), 1_500);
    }
}
