//! The embedded ledger on a disk that stops at any point: what was acknowledged is there afterwards,
//! nothing is there by half, and work goes on.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::StorageBackend;
use std::io;
use std::sync::{Arc, Mutex};
use xincha::ledger::{Commit, FileLedger, Ledger, LedgerError};
use xincha::record::{Act, Change, Instant, Sender};

/// What was done to a disk, in order.
enum Done {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

#[derive(Default)]
struct Disk {
    bytes: Vec<u8>,
    done: Vec<Done>,
    /// Bytes that it holds at most.
    room: Option<usize>,
}

/// A handle of a disk that notes everything.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Disk>>);

impl std::fmt::Debug for Noted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Noted")
    }
}

impl Noted {
    fn of(bytes: Vec<u8>) -> Noted {
        Noted(Arc::new(Mutex::new(Disk { bytes, ..Disk::default() })))
    }

    fn points(&self) -> usize {
        self.0.lock().unwrap().done.len()
    }

    fn full_at(&self, room: Option<usize>) {
        self.0.lock().unwrap().room = room;
    }

    /// What the disk holds when it stops after so many steps: all that was synced; of what was
    /// written since, each write is there, gone, or torn.
    fn after_crash(&self, steps: usize, random: &mut StdRng) -> Vec<u8> {
        let disk = self.0.lock().unwrap();
        let done = &disk.done[..steps];
        let synced =
            done.iter().rposition(|done| matches!(done, Done::Sync)).map_or(0, |at| at + 1);
        let mut bytes = Vec::new();
        for (at, done) in done.iter().enumerate() {
            match done {
                Done::Sync => {}
                Done::Length(length) => {
                    if at < synced || random.random_bool(0.5) {
                        bytes.resize(*length as usize, 0);
                    }
                }
                Done::Write(offset, data) => {
                    let whole = at < synced;
                    let (from, to) = match random.random_range(0..4) {
                        _ if whole => (0, data.len()),
                        0 => (0, 0),
                        1 => (0, random.random_range(0..=data.len())),
                        2 => (random.random_range(0..=data.len()), data.len()),
                        _ => (0, data.len()),
                    };
                    let start = *offset as usize;
                    if from < to {
                        let end = start + to;
                        if bytes.len() < end {
                            bytes.resize(end, 0);
                        }
                        bytes[start + from..end].copy_from_slice(&data[from..to]);
                    }
                }
            }
        }
        bytes
    }
}

impl StorageBackend for Noted {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let disk = self.0.lock().unwrap();
        let start = offset as usize;
        let bytes = disk.bytes.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        let mut disk = self.0.lock().unwrap();
        if disk.room.is_some_and(|room| length as usize > room) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        disk.bytes.resize(length as usize, 0);
        disk.done.push(Done::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.lock().unwrap().done.push(Done::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut disk = self.0.lock().unwrap();
        let start = offset as usize;
        if disk.room.is_some_and(|room| start + data.len() > room) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        disk.bytes[start..start + data.len()].copy_from_slice(data);
        disk.done.push(Done::Write(offset, data.to_vec()));
        Ok(())
    }
}

fn commit(first: u64, changes: usize, bytes: usize) -> Commit {
    let change = |n| Change {
        key: format!("k{n}"),
        list: "court".to_owned(),
        entry: "e".repeat(bytes),
        act: Act::Repair,
        sender: Sender::default(),
    };
    let changes = (first..first + changes as u64).map(change).collect();
    Commit { first, at: Instant(1_795_312_800), changes }
}

/// Everything in a ledger, which has to be whole and without a gap.
fn all(ledger: &FileLedger) -> Vec<Commit> {
    let (mut all, mut after): (Vec<Commit>, u64) = (Vec::new(), 0);
    loop {
        let read = ledger.read(after).unwrap();
        let Some(last) = read.last() else { break };
        after = last.last();
        all.extend(read);
    }
    let mut next = 1;
    for commit in &all {
        assert_eq!(commit.first, next, "a gap");
        next = commit.last() + 1;
    }
    assert_eq!(ledger.last().unwrap(), after);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    /// Fifty crash points of each of twenty histories.
    #[test]
    fn a_crash_at_any_point_loses_nothing_that_was_acknowledged(
        commits in prop::collection::vec((1usize..20, 1usize..400), 1..12),
        seed: u64,
    ) {
        let disk = Noted::default();
        let ledger = FileLedger::over(disk.clone()).unwrap();
        // Steps of the disk when each commit was acknowledged.
        let (mut acknowledged, mut first) = (Vec::new(), 1);
        let mut written = Vec::new();
        let opened = disk.points();
        for (changes, bytes) in commits {
            let commit = commit(first, changes, bytes);
            first = commit.last() + 1;
            ledger.append(&commit).unwrap();
            acknowledged.push(disk.points());
            written.push(commit);
        }
        let mut random = StdRng::seed_from_u64(seed);
        let points = disk.points();
        for _ in 0..50 {
            let steps = random.random_range(opened..=points);
            let wreck = disk.after_crash(steps, &mut random);
            let ledger = FileLedger::over(Noted::of(wreck)).unwrap();
            let kept = all(&ledger);
            let surely = acknowledged.iter().filter(|&&at| at <= steps).count();
            prop_assert!(kept.len() >= surely, "{} of {surely} after {steps} of {points}", kept.len());
            prop_assert_eq!(&kept[..], &written[..kept.len()], "what is there is what was written");
            let next = kept.last().map_or(1, |commit| commit.last() + 1);
            ledger.append(&commit(next, 3, 10)).unwrap();
            prop_assert_eq!(all(&ledger).len(), kept.len() + 1, "work goes on");
        }
    }
}

#[test]
fn a_full_disk_refuses_and_keeps_what_is_there() {
    let disk = Noted::default();
    let ledger = FileLedger::over(disk.clone()).unwrap();
    for n in 0..3 {
        ledger.append(&commit(1 + 10 * n, 10, 100)).unwrap();
    }
    disk.full_at(Some(disk.len().unwrap() as usize));
    let large = commit(31, 4_000, 400);
    assert!(matches!(ledger.append(&large), Err(LedgerError::Unavailable(_))));
    drop(ledger);
    let bytes = disk.0.lock().unwrap().bytes.clone();
    let ledger = FileLedger::over(Noted::of(bytes)).unwrap();
    assert_eq!(all(&ledger).len(), 3);
    ledger.append(&large).unwrap();
    assert_eq!(ledger.last(), Ok(4_030));
}

#[test]
fn a_file_that_failed_is_opened_again_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let ledger = FileLedger::open(&path).unwrap();
    ledger.append(&commit(1, 5, 10)).unwrap();
    assert!(matches!(FileLedger::open(&path), Err(LedgerError::Held(_))), "one process at a time");
    assert_eq!(
        ledger.append(&commit(9, 1, 1)),
        Err(LedgerError::Behind { last: 5, first: 9 }),
        "no gap"
    );
    drop(ledger);
    let ledger = FileLedger::open(&path).unwrap();
    assert_eq!(all(&ledger).len(), 1);
    // Bytes that no program of ours wrote are refused, not read.
    drop(ledger);
    std::fs::write(&path, vec![0x5a; 64 * 1024]).unwrap();
    assert!(matches!(FileLedger::open(&path), Err(LedgerError::Unavailable(_))));
}
