//! What every ledger does, by the same rows; and what only the shared one can be asked.

use super::*;
use Step::*;
use xincha::ledger::FileLedger;

/// A call and its answer.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The last change.
    Last(u64),
    /// Append so many changes from a number on.
    Append(u64, usize),
    /// The same, refused: the ledger ends there.
    Behind(u64, usize, u64),
    /// First and last change of each commit that is read after a number.
    Read(u64, &'static [(u64, u64)]),
    /// What is after a number is gone.
    Gap(u64),
    Wait(u64, bool),
    Truncate(u64),
}

const STEPS: &[Step] = &[
    Last(0),
    Read(0, &[]),
    Wait(0, false),
    Behind(2, 1, 0),
    Append(1, 3),
    Last(3),
    Behind(1, 3, 3),
    Behind(5, 1, 3),
    Append(4, 3),
    Append(7, 1),
    Append(8, 2),
    Behind(9, 1, 9),
    Last(9),
    Read(0, &[(1, 3), (4, 6), (7, 7), (8, 9)]),
    Read(1, &[(1, 3), (4, 6), (7, 7), (8, 9)]),
    Read(3, &[(4, 6), (7, 7), (8, 9)]),
    Read(5, &[(4, 6), (7, 7), (8, 9)]),
    Read(7, &[(8, 9)]),
    Read(8, &[(8, 9)]),
    Read(9, &[]),
    Wait(8, true),
    Wait(9, false),
    Truncate(0),
    Truncate(2),
    Read(0, &[(1, 3), (4, 6), (7, 7), (8, 9)]),
    Truncate(4),
    Gap(0),
    Gap(2),
    Read(3, &[(4, 6), (7, 7), (8, 9)]),
    Truncate(6),
    Truncate(3),
    Gap(3),
    Read(6, &[(7, 7), (8, 9)]),
    Last(9),
    // Everything; the last commit may stay.
    Truncate(9),
    Gap(0),
    Gap(6),
    Last(9),
    Read(9, &[]),
    Behind(1, 1, 9),
    Append(10, 2),
    Last(11),
    Gap(6),
    Read(9, &[(10, 11)]),
];

fn check(ledger: &dyn Ledger) {
    for (at, step) in STEPS.iter().enumerate() {
        let keys = |first: u64, count: usize| {
            (0..count as u64).map(|more| format!("k{}", first + more)).collect::<Vec<_>>()
        };
        let told = format!("step {at}: {step:?}");
        match *step {
            Last(last) => assert_eq!(ledger.last(), Ok(last), "{told}"),
            Append(first, count) => {
                assert_eq!(ledger.append(&commit(first, &keys(first, count))), Ok(()), "{told}");
            }
            Behind(first, count, last) => {
                let answer = ledger.append(&commit(first, &keys(first, count)));
                assert_eq!(answer, Err(LedgerError::Behind { last, first }), "{told}");
            }
            Read(after, expected) => {
                let read = ledger.read(after).expect(&told);
                let got: Vec<_> = read.iter().map(|commit| (commit.first, commit.last())).collect();
                assert_eq!(got, expected, "{told}");
                for commit in read {
                    assert_eq!(commit.changes[0].key, format!("k{}", commit.first), "{told}");
                }
            }
            Gap(after) => {
                let answer = ledger.read(after);
                let is_gap = matches!(&answer, Err(LedgerError::Gap { after: told, kept })
                    if *told == after && *kept > after + 1);
                assert!(is_gap, "{told}: {answer:?}");
            }
            Wait(after, expected) => {
                let answer = ledger.wait(after, Duration::from_millis(200));
                assert_eq!(answer, Ok(expected), "{told}");
            }
            Truncate(through) => assert_eq!(ledger.truncate(through), Ok(()), "{told}"),
        }
    }
}

#[test]
fn both_ledgers_do_the_same() {
    let folder = tempfile::tempdir().unwrap();
    check(&FileLedger::open(&folder.path().join("ledger")).unwrap());
    let nats = Nats::start();
    check(&open(&nats));
}

#[test]
fn it_begins_after_a_snapshot_and_tells_readers_of_what_is_before() {
    let nats = Nats::start();
    let (ledger, other) = (open(&nats), open(&nats));
    assert_eq!(ledger.begin_after(500), Ok(true));
    assert_eq!(other.begin_after(500), Ok(false));
    assert_eq!(other.begin_after(499), Ok(false));
    assert_eq!(other.last(), Ok(500));
    assert_eq!(other.append(&commit(501, &["a".to_owned()])), Ok(()));
    assert_eq!(ledger.read(500).unwrap().len(), 1);
    assert_eq!(ledger.read(499), Err(LedgerError::Gap { after: 499, kept: 501 }));
    assert_eq!(ledger.begin_after(800), Ok(true));
    assert_eq!(other.append(&commit(801, &["b".to_owned()])), Ok(()));
    // What is before the mark is read, and then the gap is told.
    assert_eq!(ledger.read(500).unwrap().len(), 1);
    assert_eq!(ledger.read(501), Err(LedgerError::Gap { after: 501, kept: 801 }));
    assert_eq!(ledger.read(600), Err(LedgerError::Gap { after: 600, kept: 801 }));
    assert_eq!(keys_of(&ledger.read(800).unwrap()), ["b"]);
    // A reader that has more than there is was fed by another stream.
    assert!(matches!(ledger.read(900), Err(LedgerError::Damaged(_))));
}

#[test]
fn a_commit_beyond_the_servers_limit_is_refused_and_nothing_of_it_kept() {
    let nats = Nats::start();
    let ledger = open(&nats);
    let large = commit(1, &["k".repeat(2 << 20)]);
    let answer = ledger.append(&large);
    assert!(
        matches!(&answer, Err(LedgerError::TooLarge { bytes, most }) if bytes > most),
        "{answer:?}"
    );
    assert_eq!(ledger.last(), Ok(0));
    assert_eq!(ledger.append(&commit(1, &["k".to_owned()])), Ok(()));
}

#[test]
fn the_password_is_used_and_never_shown() {
    let nats = Nats::start_with(&["--user", "xincha", "--pass", "hush-hush"]);
    let of = |user: &str, password: &str| {
        let (user, password) = (Some(Secret::new(user)), Some(Secret::new(password)));
        StreamLedger::open(StreamConfig { user, password, ..config_of(&nats.url()) }).unwrap()
    };
    assert_eq!(of("xincha", "hush-hush").append(&commit(1, &["k".to_owned()])), Ok(()));
    for refused in [of("xincha", "hush-wrong").last(), open(&nats).last()] {
        assert!(is_unavailable(&refused), "{refused:?}");
        assert!(!refused.unwrap_err().to_string().contains("hush"));
    }
}

#[test]
fn mistakes_in_the_settings_are_told_at_once() {
    let user = Some(Secret::new("xincha"));
    let password = Some(Secret::new("env:XINCHA_NO_SUCH_VARIABLE"));
    let credentials = Some("/nowhere/xincha.creds".into());
    let base = || config_of("nats://127.0.0.1:1");
    for (config, expected) in [
        (config_of("nats://xincha:hush-hush@127.0.0.1:1"), "servers"),
        (config_of("nats://:hush-hush@127.0.0.1:1"), "servers"),
        (config_of("nats://"), "servers"),
        (config_of("http://127.0.0.1"), "servers"),
        (StreamConfig { servers: Vec::new(), ..base() }, "servers"),
        (StreamConfig { user, password, ..base() }, "XINCHA_NO_SUCH_VARIABLE"),
        (StreamConfig { credentials, ..base() }, "/nowhere/xincha.creds"),
    ] {
        let refused = StreamLedger::open(config).err().expect(expected);
        assert!(matches!(refused, LedgerError::Config(_)), "{refused:?}");
        let told = refused.to_string();
        assert!(told.contains(expected) && !told.contains("hush"), "{told}");
    }
}
