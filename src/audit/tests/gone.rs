//! What is gone: by its time, with the power, or by somebody's hand.

use super::super::receipt::Unproven;
use super::*;
use crate::clock;

/// So many records of a moment, each a sixth of a segment.
fn append_large(log: &Log, lane: usize, count: usize, millis: u64) -> Vec<ReceiptNo> {
    let note = "x".repeat(160_000);
    let record = || Record { note: &note, millis, ..log.now(Act::Change) };
    (0..count).map(|_| log.append(lane, &record()).unwrap()).collect()
}

/// A log of two lanes of several segments, sealed some times.
fn begun(config: &AuditConfig, millis: u64) -> Vec<ReceiptNo> {
    let mut receipts = Vec::new();
    for _ in 0..3 {
        let (log, _keeping) = Log::open(config.clone(), 1).unwrap();
        receipts.extend((0..2).flat_map(|lane| append_large(&log, lane, 8, millis)));
    }
    receipts
}

/// The seals of a log, the first of them in files of earlier days.
fn split_seals(config: &AuditConfig) -> Vec<PathBuf> {
    let folder = config.folder.join("seals");
    let path = seal::files(&folder).unwrap().pop().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() >= 3);
    let (last, earlier) = lines.split_last().unwrap();
    for (day, line) in (1..).zip(earlier) {
        fs::write(folder.join(format!("1970-01-{day:02}.jsonl")), format!("{line}\n")).unwrap();
    }
    fs::write(&path, format!("{last}\n")).unwrap();
    seal::files(&folder).unwrap()
}

fn lane_segments(config: &AuditConfig, lane: u32) -> Vec<PathBuf> {
    let segments = segment::segments(&lane::folder(&config.folder, lane)).unwrap();
    segments.into_iter().map(|(_, path)| path).collect()
}

#[test]
fn a_lane_or_its_first_files_or_seals_that_are_gone_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    begun(&config, 5_000);
    let seals = split_seals(&config);
    check(&config).unwrap();
    let without = |path: &Path| {
        let (_copied, of_copy) = copy(&config);
        let path = of_copy.folder.join(path.strip_prefix(&config.folder).unwrap());
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        (check(&of_copy), Log::open(of_copy, 1).map(drop))
    };
    for lane in 0..2 {
        let segments = lane_segments(&config, lane);
        assert!(segments.len() >= 3);
        for path in [segments[0].parent().unwrap(), &segments[0], &segments[1]] {
            let (proof, open) = without(path);
            assert!(proof.is_err(), "{}", path.display());
            // A start looks at the first file and those since the last seal.
            assert!(open.is_err() || *path == segments[1], "{}", path.display());
        }
    }
    for path in &seals[..seals.len() - 1] {
        assert!(without(path).0.is_err(), "{}", path.display());
    }
}

#[test]
fn what_is_too_old_goes_and_nothing_else_can() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let old = begun(&config, 5_000);
    let seals = split_seals(&config);
    let sweeping = AuditConfig { keep_days: 1, ..config.clone() };
    drop(Log::open(sweeping.clone(), 1).unwrap());
    let (log, keeping) = Log::open(sweeping.clone(), 1).unwrap();
    let mut kept = append(&log, 0, 0..5);
    drop((log, keeping));
    let proven = check(&config).unwrap();
    assert!(proven.sealed >= 5, "{proven:?}");
    assert_eq!(seal::files(&config.folder.join("seals")).unwrap(), seals[seals.len() - 1..]);
    let reader = Reader::new(&config.folder);
    let swept = Sought { acts: vec![Act::Swept], ..Sought::default() };
    let mut notes = Vec::new();
    swept.each(&reader, |kept| notes.push(kept.record.note.to_owned())).unwrap();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].starts_with("0: ") && notes[0].contains("; 1: "), "{notes:?}");

    // It goes on: in the lane that had been idle too, and after a further start.
    for _ in 0..2 {
        let (log, keeping) = Log::open(sweeping.clone(), 1).unwrap();
        kept.extend(append_large(&log, 0, 8, clock::millis()));
        kept.extend(append(&log, 1, 5..8));
        drop((log, keeping));
        check(&config).unwrap();
    }
    let (log, keeping) = Log::open(sweeping, 1).unwrap();
    for no in &kept {
        let receipt = Receipt::of(&reader, log.key(), no).unwrap().unwrap();
        receipt.verify(&trusted(&config)).unwrap();
    }
    for no in &old {
        assert!(Receipt::of(&reader, log.key(), no).unwrap().is_none());
    }
    drop((log, keeping));

    // What is not too old is missed as ever.
    let (_copied, of_copy) = copy(&config);
    fs::remove_file(&lane_segments(&of_copy, 0)[0]).unwrap();
    assert!(check(&of_copy).is_err());
    let (_copied, of_copy) = copy(&config);
    fs::remove_dir_all(lane::folder(&of_copy.folder, 1)).unwrap();
    assert!(check(&of_copy).is_err());
}

#[test]
fn a_slow_lane_keeps_the_seals_of_its_days() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (log, keeping) = Log::open(config.clone(), 1).unwrap();
    // Lane 1 has one file, whose last record is not too old.
    append_large(&log, 1, 1, 5_000);
    drop((log, keeping));
    begun(&config, 5_000);
    let (log, keeping) = Log::open(config.clone(), 1).unwrap();
    let [first, last] = [5_000, clock::millis()].map(|millis| append_large(&log, 1, 1, millis)[0]);
    drop((log, keeping));
    let seals = split_seals(&config);
    drop(Log::open(AuditConfig { keep_days: 1, ..config.clone() }, 1).unwrap());
    let proven = check(&config).unwrap();
    assert!(proven.partly > 0, "{proven:?}");
    let left = seal::files(&config.folder.join("seals")).unwrap().len();
    assert!(left > 1 && left < seals.len(), "{left} of {}", seals.len());
    let (log, _keeping) = Log::open(config.clone(), 1).unwrap();
    for no in [first, last] {
        let receipt = Receipt::of(&Reader::new(&config.folder), log.key(), &no).unwrap().unwrap();
        receipt.verify(&trusted(&config)).unwrap();
    }
}

#[test]
fn of_a_seal_that_is_kept_in_part_no_receipt_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let config = AuditConfig { seal_ms: 3_600_000, ..config(folder.path()) };
    let (log, keeping) = Log::open(config.clone(), 1).unwrap();
    append_large(&log, 0, 20, 5_000);
    let no = append(&log, 1, 0..1)[0];
    drop((log, keeping));
    let (log, keeping) = Log::open(AuditConfig { keep_days: 1, ..config.clone() }, 1).unwrap();
    drop(keeping);
    check(&config).unwrap();
    let receipt = Receipt::of(&Reader::new(&config.folder), log.key(), &no).unwrap().unwrap();
    assert_eq!(receipt.verify(&trusted(&config)), Err(Unproven::NotSealed));
}

/// A log whose last segment begins where it was sealed, and holds records that are not.
fn with_unsealed(folder: &Path) -> (AuditConfig, Log, Keeping) {
    let config = AuditConfig { seal_ms: 3_600_000, ..config(folder) };
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    append_large(&log, 0, 6, 5_000);
    drop((log, keeping));
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    append_large(&log, 0, 2, 5_000);
    assert_eq!(lane_segments(&config, 0).len(), 2);
    (config, log, keeping)
}

#[test]
fn a_file_that_lost_its_header_with_the_power_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (config, _log, _keeping) = with_unsealed(folder.path());
    let (_copied, of_copy) = copy(&config);
    let path = lane_segments(&of_copy, 0).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[..segment::HEADER].fill(0);
    fs::write(&path, &bytes).unwrap();
    drop(Log::open(of_copy.clone(), 0).unwrap());
    assert_eq!(check(&of_copy).unwrap().sealed, 6 + 1);
    // Somebody may make something of it.
    let aside = |folder: &Path| {
        let entries = fs::read_dir(lane::folder(folder, 0)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut torn = paths.filter(|path| path.extension().is_some_and(|it| it == "torn"));
        (torn.next().unwrap(), torn.next())
    };
    let (kept, None) = aside(&of_copy.folder) else { panic!("more than one") };
    assert_eq!(fs::read(kept).unwrap(), bytes);

    // And what is cut off the end of a file that goes on.
    let (_copied, of_copy) = copy(&config);
    let path = lane_segments(&of_copy, 0).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    bytes[used - 1] ^= 1;
    fs::write(&path, &bytes).unwrap();
    drop(Log::open(of_copy.clone(), 0).unwrap());
    let (kept, None) = aside(&of_copy.folder) else { panic!("more than one") };
    let kept = fs::read(kept).unwrap();
    assert!(kept.len() > 160_000 && bytes[..used].ends_with(&kept));
}

#[test]
fn a_file_that_cannot_be_read_now_stays_and_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (config, log, _keeping) = with_unsealed(folder.path());
    append_large(&log, 0, 6, 5_000);
    let (_copied, of_copy) = copy(&config);
    let path = lane_segments(&of_copy, 0).pop().unwrap();
    fs::remove_file(&path).unwrap();
    // Reading it from its beginning is an error of the device.
    std::os::unix::fs::symlink("/proc/self/mem", &path).unwrap();
    assert!(matches!(Log::open(of_copy, 0).map(drop), Err(AuditError::Io { .. })));
    assert!(path.is_symlink());
}

#[test]
fn a_record_that_no_segment_takes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (log, keeping) = Log::open(config.clone(), 0).unwrap();
    let note = "x".repeat(1 << 20);
    let record = Record { note: &note, ..log.now(Act::Change) };
    assert_eq!(log.append(0, &record), Err(log::Unrecorded));
    append(&log, 0, 0..2);
    drop(keeping);
    assert_eq!(lane_segments(&config, 0).len(), 1);
    assert_eq!(check(&config).unwrap().sealed, 2);
}
