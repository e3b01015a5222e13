//! The log as a whole.

mod gone;

use super::find::Sought;
use super::reader::Reader;
use super::recall::{Notices, Revocation};
use super::receipt::Unproven;
use super::verify::{Proven, verify};
use super::*;
use crate::clock;
use crate::record::{Identifier, Instant};
use crate::snapshot::{SigningKey, TrustedKeys};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use uuid::Uuid;
use zerocopy::IntoBytes;

const REQUEST: &[u8] = br#"{"matter":"m","subjects":[{"ref":"1","id":"91320500MA0000015D"}]}"#;
const ANSWER: &[u8] = br#"{"check":"c","receipt":null}"#;

fn config(folder: &Path) -> AuditConfig {
    AuditConfig { segment_mib: 1, seal_ms: 20, ..AuditConfig::at(folder) }
}

fn trusted(config: &AuditConfig) -> TrustedKeys {
    TrustedKeys::of(&SigningKey::load(&config.signing_key_path()).unwrap())
}

fn check(config: &AuditConfig) -> Result<Proven, String> {
    let reader = Reader::new(&config.folder);
    verify(&reader, &trusted(config), |_| ()).map_err(|error| error.to_string())
}

fn identifier(number: usize) -> Identifier {
    Identifier::recognise(&format!("{:08}0", 10_000_000 + number)).unwrap()
}

/// Append so many to a lane; their receipts.
fn append(log: &Log, lane: usize, numbers: std::ops::Range<usize>) -> Vec<ReceiptNo> {
    let append = |number: usize| {
        let id = Uuid::from_u128(number as u128 + 1);
        let entry = format!("e-{}", number % 3);
        let case = format!("case-{number}");
        let digests = [log.key().identifier(&identifier(number))].into_iter().collect();
        let record = Record {
            id,
            client: "portal",
            purpose: Purpose { case: &case, matter: "m", ..Purpose::default() },
            outcome: "restrict",
            subjects: vec![Asked { verdict: "restrict", digests }].into(),
            cited: vec![Cited { list: "sxbzxr", entry: &entry }].into(),
            texts: Some(log.algorithm().commit(&log.key().salt(id), REQUEST, &[ANSWER])),
            ..log.now(Act::Check)
        };
        log.append(lane, &record).unwrap()
    };
    numbers.map(append).collect()
}

/// The files as they are now: what another process would find if this one were killed.
fn copy(config: &AuditConfig) -> (TempDir, AuditConfig) {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&config.folder, folder.path());
    let of_copy = AuditConfig { folder: folder.path().to_owned(), ..config.clone() };
    (folder, of_copy)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn segments_of(config: &AuditConfig) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for lane in fs::read_dir(config.folder.join("lanes")).unwrap() {
        found.extend(segment::segments(&lane.unwrap().path()).unwrap().into_iter().map(|it| it.1));
    }
    found.sort();
    found
}

#[test]
fn what_was_answered_is_found_and_proven_by_either_hash() {
    for hash in [Algorithm::Sha256, Algorithm::Sm3] {
        let folder = tempfile::tempdir().unwrap();
        let config = AuditConfig { hash, ..config(folder.path()) };
        let (log, keeping) = Log::open(config.clone(), 2).unwrap();
        let receipts: Vec<ReceiptNo> = std::thread::scope(|scope| {
            let lanes = (0..3usize).map(|lane| {
                let log = &log;
                scope.spawn(move || append(log, lane, lane * 100..lane * 100 + 40))
            });
            let threads: Vec<_> = lanes.collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        drop(keeping);
        let proven = check(&config).unwrap();
        assert_eq!((proven.sealed, proven.unsealed), (120, 0));

        let (reader, key) = (Reader::new(&config.folder), log.key());
        let found = |sought: Sought| {
            let mut found = Vec::new();
            sought.each(&reader, |kept| found.push(kept.no)).unwrap();
            found
        };
        assert_eq!(found(Sought::default()).len(), 120);
        let of_entry = Sought { entry: Some("e-1".to_owned()), ..Sought::default() };
        assert_eq!(found(of_entry).len(), 40);
        let of_case = Sought { case: Some("case-107".to_owned()), ..Sought::default() };
        assert_eq!(found(of_case), [receipts[47]]);
        let of_subject =
            Sought { subjects: vec![key.identifier(&identifier(203))], ..Sought::default() };
        assert_eq!(found(of_subject), [receipts[83]]);
        let later = Sought { since: clock::millis() + 10_000, ..Sought::default() };
        assert!(found(later).is_empty());

        let relied = recall::recall(&reader, "sxbzxr", "e-2", 0).unwrap();
        assert_eq!(relied.len(), 40);
        assert!(relied.iter().all(|relied| relied.client == "portal" && relied.answers.len() == 1));
        assert!(recall::recall(&reader, "nsxy_a", "e-2", 0).unwrap().is_empty());

        for no in &receipts {
            let receipt = Receipt::of(&reader, key, no).unwrap().unwrap();
            receipt.verify(&trusted(&config)).unwrap();
            let answer = format!(r#"{{"check":"c","receipt":"{no}"}}"#);
            receipt.verify_texts(REQUEST, answer.as_bytes()).unwrap();
            let other = answer.replace("\"c\"", "\"d\"");
            for (request, answer) in [(REQUEST, other.as_bytes()), (b"{}", answer.as_bytes())] {
                assert_eq!(receipt.verify_texts(request, answer), Err(Unproven::OtherTexts));
            }
        }
    }
}

#[test]
fn an_altered_receipt_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    let receipts = append(&log, 0, 0..9);
    drop(keeping);
    let reader = Reader::new(&config.folder);
    let of = |no: &ReceiptNo| Receipt::of(&reader, log.key(), no).unwrap();
    let (receipt, other) = (of(&receipts[4]).unwrap(), of(&receipts[5]).unwrap());
    let trusted = trusted(&config);
    let with = |alter: &dyn Fn(&mut Receipt)| {
        let mut altered = receipt.clone();
        alter(&mut altered);
        altered.verify(&trusted).unwrap_err()
    };
    assert!(matches!(with(&|it| it.record["outcome"] = "clear".into()), Unproven::Damaged(_)));
    assert!(matches!(
        with(&|it| (it.payload, it.record) = (other.payload.clone(), other.record.clone())),
        Unproven::Damaged(_)
    ));
    assert!(matches!(with(&|it| it.previous[0] ^= 1), Unproven::Damaged(_)));
    assert_eq!(with(&|it| it.sealed.as_mut().unwrap().index ^= 1), Unproven::NotInSeal);
    assert_eq!(with(&|it| it.sealed.as_mut().unwrap().path.clear()), Unproven::NotInSeal);
    assert_eq!(with(&|it| it.sealed = None), Unproven::NotSealed);
    // The same record in another lane, or further along.
    for (part, other) in [(0, "7"), (1, "ffff")] {
        let moved = |it: &mut Receipt| {
            let mut parts: Vec<&str> = receipt.receipt.split('-').collect();
            parts[part] = other;
            it.receipt = parts.join("-");
            it.record["receipt"] = it.receipt.as_str().into();
        };
        assert_eq!(with(&moved), Unproven::NotInSeal);
    }
    let root = |it: &mut Receipt| it.sealed.as_mut().unwrap().line.seal.root[0] ^= 1;
    assert!(matches!(with(&root), Unproven::Seal(_)));
    // A number that another record has, or none.
    let mut no = receipts[4].to_string();
    no.replace_range(no.len() - 1.., if no.ends_with('0') { "1" } else { "0" });
    assert_eq!(of(&no.parse().unwrap()), None);
    assert_eq!(of(&ReceiptNo::new(7, 0, &[0; 32])), None);
}

#[test]
fn every_altered_byte_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (log, keeping) = Log::open(config.clone(), 1).unwrap();
    append(&log, 0, 0..20);
    append(&log, 1, 20..40);
    drop(keeping);
    assert_eq!(check(&config).unwrap().sealed, 40);
    let reader = Reader::new(&config.folder);
    for (lane, path) in (0..).zip(segments_of(&config)) {
        let bytes = fs::read(&path).unwrap();
        let mut starts = Vec::new();
        let mut walk = reader.walk(lane).unwrap();
        while let Some(kept) = walk.next().unwrap() {
            starts.push((kept.no, kept.next));
        }
        let used = segment::HEADER + starts.last().unwrap().1 as usize;
        for at in (0..used).filter(|at| *at < segment::HEADER || at % 7 == 0) {
            let mut altered = bytes.clone();
            altered[at] ^= 4;
            fs::write(&path, &altered).unwrap();
            let error = check(&config).unwrap_err();
            if let Some(at) = at.checked_sub(segment::HEADER) {
                let of = starts.partition_point(|(_, next)| *next <= at as u64);
                let start = if of == 0 { 0 } else { starts[of - 1].1 };
                assert!(error.contains(&format!("position {start}:")), "{at}: {error}");
            }
        }
        // One taken out of the middle, the rest moved up.
        let [first, second] = [starts[3].1, starts[4].1].map(|at| segment::HEADER + at as usize);
        let mut altered = [&bytes[..first], &bytes[second..]].concat();
        altered.resize(bytes.len(), 0);
        fs::write(&path, &altered).unwrap();
        assert!(check(&config).unwrap_err().contains("sealed"));
        fs::write(&path, &bytes).unwrap();
    }
    check(&config).unwrap();
}

#[test]
fn a_lane_that_goes_beyond_the_last_number_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::new(folder.path());
    let lane = folder.path().join("lanes/00");
    fs::create_dir_all(&lane).unwrap();
    let mut payload = Vec::new();
    Record::new(Uuid::nil(), 0, Act::Check).write(&mut payload);
    let hash = Algorithm::Sha256.link(&[0; 32], &payload);
    for (position, records) in [(u64::MAX - 1, 0), (0, u64::MAX)] {
        let before = segment::End { position, records, head: [0; 32] };
        let header = segment::Header::new(Algorithm::Sha256, 0, &before);
        let length = (payload.len() as u32).to_le_bytes();
        let bytes = [header.as_bytes(), &length[..], &payload, &hash].concat();
        let path = lane.join(format!("{position:016x}.xca"));
        fs::write(&path, bytes).unwrap();
        let error = Sought::default().each(&reader, |_| ()).unwrap_err();
        assert!(matches!(error, AuditError::Broken(_)), "{error}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn records_that_a_seal_counts_beyond_the_last_number_are_as_many_as_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let end = segment::End { position: 9, records: u64::MAX, head: [0; 32] };
    let seal = Seal {
        number: 1,
        millis: 0,
        algorithm: Algorithm::Sha256,
        previous: [0; 32],
        lanes: [0, 1].map(|lane| seal::Sealed::new(lane, 0, &end, 0)).to_vec(),
        records: 0,
        root: [0; 32],
    };
    let line = seal::Line::sign(seal, &SigningKey::generate().unwrap());
    fs::create_dir(folder.path().join("seals")).unwrap();
    fs::write(folder.path().join("seals/1970-01-01.jsonl"), line.text() + "\n").unwrap();
    assert_eq!(Reader::new(folder.path()).records().unwrap(), u64::MAX);
}

#[test]
fn altered_seals_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    for round in 0..4 {
        append(&log, 0, round * 5..round * 5 + 5);
        let sealed = || log.standing().unsealed == 0 && log.standing().sealed > 0;
        while !sealed() {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
    drop(keeping);
    let proven = check(&config).unwrap();
    assert!(proven.seals >= 4 && proven.sealed == 20, "{proven:?}");
    let path = seal::files(&config.folder.join("seals")).unwrap().pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut rows = vec![
        [&lines[1..2], &lines[..1], &lines[2..]].concat().join("\n") + "\n",
        [&lines[..1], &lines[2..]].concat().join("\n") + "\n",
        text.replace("\"records\":5", "\"records\":6"),
        text.replace("{\"seal\"", "{ \"seal\""),
    ];
    // Signed by somebody else.
    let mut line = seal::Line::parse(lines[3]).unwrap();
    line = seal::Line::sign(line.seal, &SigningKey::generate().unwrap());
    rows.push([&lines[..3], &[line.text().as_str()][..]].concat().join("\n") + "\n");
    for altered in rows {
        assert_ne!(altered, text);
        fs::write(&path, &altered).unwrap();
        check(&config).unwrap_err();
    }
    // Without its last seals the log is shorter and whole: the last seal must be kept elsewhere.
    fs::write(&path, lines[..2].join("\n") + "\n").unwrap();
    let shorter = check(&config).unwrap();
    assert_eq!((shorter.seals, shorter.sealed + shorter.unsealed), (2, 20));
    assert_ne!(shorter.last, proven.last);
}

#[test]
fn nothing_is_lost_when_the_process_is_gone_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = AuditConfig { seal_ms: 3_600_000, ..config(folder.path()) };
    let (log, _keeping) = Log::open(config.clone(), 1).unwrap();
    let mut receipts = append(&log, 1, 0..10);
    let (_copied, of_copy) = copy(&config);
    assert_eq!(check(&of_copy).unwrap().unsealed, 10);
    let (next, keeping) = Log::open(of_copy.clone(), 1).unwrap();
    // A process that is gone soon after every start leaves no more than what it wrote.
    assert_eq!((next.standing().unsealed, check(&of_copy).unwrap().sealed), (0, 10));
    receipts.extend(append(&next, 1, 10..15));
    drop(keeping);
    let proven = check(&of_copy).unwrap();
    assert_eq!((proven.sealed, proven.unsealed), (15, 0));
    for no in &receipts {
        let receipt = Receipt::of(&Reader::new(&of_copy.folder), next.key(), no).unwrap().unwrap();
        receipt.verify(&trusted(&of_copy)).unwrap();
    }
    assert!(matches!(Log::open(config, 1), Err(AuditError::Held(_))));
}

#[test]
fn what_was_half_written_is_cut_off_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = AuditConfig { seal_ms: 3_600_000, ..config(folder.path()) };
    let (log, _keeping) = Log::open(config.clone(), 0).unwrap();
    let receipts = append(&log, 0, 0..10);
    let end = receipts[9].position();
    for (alter, kept) in [(1usize, 9u64), (40, 9)] {
        let (_copied, of_copy) = copy(&config);
        let path = segments_of(&of_copy).pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let at = segment::HEADER + end as usize + alter;
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        drop(Log::open(of_copy.clone(), 0).unwrap());
        let proven = check(&of_copy).unwrap();
        assert_eq!((proven.sealed, proven.unsealed), (kept + 1, 0));
        let torn = Sought { acts: vec![Act::Torn], ..Sought::default() };
        let mut notes = Vec::new();
        let reader = Reader::new(&of_copy.folder);
        torn.each(&reader, |kept| notes.push(kept.record.note.to_owned())).unwrap();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].ends_with(" bytes"), "{notes:?}");
    }
}

#[test]
fn what_was_sealed_must_be_there_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    let receipts = append(&log, 0, 0..10);
    drop((log, keeping));
    let open = |config: &AuditConfig| Log::open(config.clone(), 0).map(drop);
    let (_copied, altered) = copy(&config);
    let path = segments_of(&altered).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[segment::HEADER + receipts[3].position() as usize + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(open(&altered), Err(AuditError::Broken(_))));
    let (_copied, without) = copy(&config);
    fs::remove_file(segments_of(&without).pop().unwrap()).unwrap();
    assert!(open(&without).is_err());
    let (_copied, earlier) = copy(&config);
    let path = segments_of(&earlier).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[7] = b'1';
    fs::write(&path, bytes).unwrap();
    assert!(open(&earlier).unwrap_err().to_string().contains("another version"));
    let (_copied, keyless) = copy(&config);
    fs::remove_file(keyless.key_path()).unwrap();
    assert!(open(&keyless).is_err() && !keyless.key_path().exists());
    open(&config).unwrap();
}

#[test]
fn segments_follow_one_another_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    // One seal, at the end: what is left of it does not hang on when it came.
    let config = AuditConfig { seal_ms: 3_600_000, ..config(folder.path()) };
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    let note = "x".repeat(100_000);
    for millis in 0..40 {
        let record = Record { note: &note, millis: 1_000 + millis, ..log.now(Act::Change) };
        log.append(0, &record).unwrap();
    }
    let record = Record { note: &note, ..log.now(Act::Change) };
    let last = log.append(0, &record).unwrap();
    drop((log, keeping));
    let all = segments_of(&config).len();
    assert!(all >= 4);
    assert_eq!(check(&config).unwrap().sealed, 41);
    let found = |since: u64| {
        let (mut found, sought) = (Vec::new(), Sought { since, ..Sought::default() });
        sought.each(&Reader::new(&config.folder), |kept| found.push(kept.no)).unwrap();
        found
    };
    assert_eq!(found(1_035).len(), 6);
    assert_eq!(found(2_000), [last]);

    let (log, keeping) = Log::open(AuditConfig { keep_days: 1, ..config.clone() }, 0).unwrap();
    append(&log, 0, 0..3);
    drop((log, keeping));
    assert!(segments_of(&config).len() < all);
    let proven = check(&config).unwrap();
    assert!(proven.partly > 0 && proven.sealed == 3 + 1, "{proven:?}");
    assert!(found(2_000).contains(&last));
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (log, _keeping) = Log::open(config.clone(), 0).unwrap();
    let note = "x".repeat(600_000);
    let record = Record { note: &note, ..log.now(Act::Change) };
    log.append(0, &record).unwrap();
    let lane = config.folder.join("lanes/00");
    fs::rename(&lane, config.folder.join("aside")).unwrap();
    fs::write(&lane, "no folder").unwrap();
    assert_eq!(log.append(0, &record), Err(log::Unrecorded));
    fs::remove_file(&lane).unwrap();
    fs::rename(config.folder.join("aside"), &lane).unwrap();
    log.append(0, &record).unwrap();
    let huge = "x".repeat(record::RECORD_BYTES_MAX);
    let huge = Record { note: &huge, ..log.now(Act::Change) };
    assert_eq!(log.append(0, &huge), Err(log::Unrecorded));
}

#[test]
fn what_cannot_be_sealed_is_refused_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let config = AuditConfig { unsealed_seconds_max: 0, ..config(folder.path()) };
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    let seals = config.folder.join("seals");
    fs::rename(&seals, config.folder.join("aside")).unwrap();
    fs::write(&seals, "no folder").unwrap();
    append(&log, 0, 0..1);
    while !log.standing().refusing {
        std::thread::yield_now();
    }
    assert_eq!(log.append(0, &log.now(Act::Change)), Err(log::Unrecorded));
    fs::remove_file(&seals).unwrap();
    fs::rename(config.folder.join("aside"), &seals).unwrap();
    while log.standing().refusing {
        std::thread::yield_now();
    }
    append(&log, 0, 1..3);
    drop(keeping);
    assert_eq!(check(&config).unwrap().sealed, 3);
}

#[tokio::test]
async fn answers_can_wait_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let config = AuditConfig { sync: Sync::Answer, seal_ms: 60_000, ..config(folder.path()) };
    let (log, keeping) = Log::open(config.clone(), 1).unwrap();
    assert!(!log.is_ahead());
    for no in append(&log, 1, 0..5) {
        log.durable(no).await.unwrap();
    }
    assert!(log.durable(ReceiptNo::new(9, 0, &[0; 32])).await.is_err());
    drop(keeping);
}

#[test]
fn a_log_is_proven_and_copied_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = AuditConfig { seal_ms: 1, ..config(folder.path()) };
    let (log, _keeping) = Log::open(config.clone(), 1).unwrap();
    let (log, (sender, stop)) = (&log, std::sync::mpsc::channel::<()>());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut number = 0;
            while stop.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                append(log, number % 2, number..number + 1);
                number += 1;
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        });
        let _stopping = sender;
        for _ in 0..20 {
            check(&config).unwrap();
        }
        let copied = tempfile::tempdir().unwrap();
        for part in ["seals", "lanes"] {
            copy_folder(&config.folder.join(part), &copied.path().join(part));
        }
        let copied = Reader::new(copied.path());
        assert!(verify(&copied, &trusted(&config), |_| ()).unwrap().sealed > 0);
    });
}

#[test]
fn a_revocation_has_one_notice_whatever_was_noted_of_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _keeping) = Log::open(config(folder.path()), 1).unwrap();
    let receipts = append(&log, 1, 0..9);
    let notices = Notices::of(folder.path());
    let all = || notices.after(0, usize::MAX, |_| true).unwrap();
    let revoked = |change: u64, entry: &str, at: i64| Revocation {
        change,
        at: Instant(at),
        list: "sxbzxr".to_owned(),
        entry: entry.to_owned(),
        reason: format!("撤销 / revoked ({change})"),
    };
    let at_once = [revoked(1, "e-1", 0), revoked(4, "e-1", 0), revoked(5, "e-9", 0)];
    assert_eq!(notices.note_revoked(&at_once).unwrap(), 3);
    let told: Vec<_> = all().iter().map(|it| (it.number, it.change, it.relied.len())).collect();
    assert_eq!(told, [(1, Some(1), 3), (2, Some(4), 3), (3, Some(5), 0)]);
    assert_eq!(all()[0].relied[0].answers[0].receipt, receipts[1].to_string());
    assert_eq!(notices.note_revoked(&at_once).unwrap(), 0);

    // Asked for, and so of no revocation, nor perhaps of all answers.
    notices.note("sxbzxr", "e-2", "更正", 0).unwrap();
    assert_eq!(notices.note_revoked(&[revoked(6, "e-2", 0)]).unwrap(), 1);
    // As it was noted when notices did not tell their change.
    notices.note("sxbzxr", "e-0", "撤销 / revoked (7)", 0).unwrap();
    assert_eq!(notices.note_revoked(&[revoked(7, "e-0", 0)]).unwrap(), 0);
    assert_eq!(notices.note_revoked(&[revoked(7, "e-0", clock::seconds() + 60)]).unwrap(), 1);
    // Numbers of a ledger that was lost are given again.
    assert_eq!(notices.note_revoked(&[revoked(1, "e-0", 0), revoked(1, "e-1", 0)]).unwrap(), 1);
    assert!(all().iter().map(|it| it.number).eq(1..=8));
}
