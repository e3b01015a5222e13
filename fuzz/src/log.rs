//! The audit log.
//!
//! | letter | the rest is |
//! |---|---|
//! | `m` | alterations of a log, each of eight bytes: which file, where, what stands there then |
//! | `f` | payloads of a lane, parted by bytes 255, chained as if they were recorded; first 16 bytes of its header |
//! | `r` | a receipt |
//! | `s` | a line of a seal |

use crate::{Corpus, folder};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use xincha::audit::find::Sought;
use xincha::audit::reader::Reader;
use xincha::audit::seal::Line;
use xincha::audit::verify::{Proven, verify};
use xincha::audit::{Act, Algorithm, AuditConfig, AuditKey, Cited, Log, Receipt, Record, recall};
use xincha::snapshot::{SigningKey, TrustedKeys};

/// A log that was written, sealed and closed, twice.
struct Sound {
    /// Its files below its folder, without the zeros behind their frames.
    files: Vec<(PathBuf, Vec<u8>)>,
    trusted: TrustedKeys,
    key: AuditKey,
    proven: Proven,
    seals: Vec<Line>,
    receipts: Vec<Receipt>,
}

static SOUND: LazyLock<Sound> = LazyLock::new(sound);
static FOLDER: LazyLock<PathBuf> = LazyLock::new(folder);

fn sound() -> Sound {
    let root = folder();
    let config = AuditConfig { segment_mib: 1, ..AuditConfig::at(&root) };
    let mut numbers = Vec::new();
    for round in 0..2 {
        let (log, keeping) = Log::open(config.clone(), 1).expect("a log");
        for at in 0..4 {
            let cited = [Cited { list: "sxbzxr", entry: "e-1" }];
            let act = if at % 2 == 0 { Act::Check } else { Act::Search };
            let record = Record { client: "portal", cited: cited[..].into(), ..log.now(act) };
            numbers.push(log.append((at + round) % 2, &record).expect("a record"));
        }
        drop(keeping);
    }
    let trusted = TrustedKeys::of(&SigningKey::load(&config.signing_key_path()).expect("a key"));
    let key = AuditKey::load(&config.key_path(), Algorithm::Sha256).expect("a key");
    let mut files = Vec::new();
    for part in ["lanes/00", "lanes/01", "seals"] {
        for file in fs::read_dir(root.join(part)).expect("a folder") {
            let path = file.expect("a file").path();
            let mut bytes = fs::read(&path).expect("a file");
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            files.push((Path::new(part).join(path.file_name().expect("a name")), bytes));
        }
    }
    files.retain(|(_, bytes)| !bytes.is_empty());
    files.sort();
    let reader = Reader::new(&root);
    let proven = verify(&reader, &trusted, |_| {}).expect("a sound log");
    let mut seals = Vec::new();
    let each = |_: &Path, _, line| {
        seals.push(line);
        std::ops::ControlFlow::Continue(())
    };
    reader.seals(0, each).expect("seals");
    let of = |no| Receipt::of(&reader, &key, no).expect("a log").expect("a record");
    let receipts = numbers.iter().map(of).collect();
    Sound { files, trusted, key, proven, seals, receipts }
}

/// What is altered is noticed; what is read is written as it was.
pub fn run(data: &[u8]) -> Corpus {
    match data.split_first() {
        Some((b'm', alterations)) => altered(alterations),
        Some((b'f', payloads)) => chained(payloads),
        Some((b'r', text)) => receipt(text),
        Some((b's', text)) => seal(text),
        _ => return Corpus::Reject,
    }
    Corpus::Keep
}

fn put(root: &Path, name: &Path, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

/// A log in which something else stands is not proven, but where its end, which no seal covers, was cut.
fn altered(alterations: &[u8]) {
    let (sound, root) = (&*SOUND, FOLDER.join("altered"));
    let mut files = sound.files.clone();
    for alteration in alterations.as_chunks::<8>().0 {
        let [file, low, high, ends, value @ ..] = *alteration;
        let at = usize::from(file) % files.len();
        let bytes = &mut files[at].1;
        let at = usize::from(u16::from_le_bytes([low, high])) % bytes.len().max(1);
        if ends == 255 {
            bytes.truncate(at);
        } else {
            bytes[at..].iter_mut().zip(value).for_each(|(byte, value)| *byte = value);
        }
    }
    files.iter().for_each(|(name, bytes)| put(&root, name, bytes));
    let reader = Reader::new(&root);
    let _ = reader.records();
    let _ = Receipt::of(&reader, &sound.key, &sound.receipts[3].receipt.parse().expect("a number"));
    if let Ok(proven) = verify(&reader, &sound.trusted, |_| {}) {
        assert!(proven.seals <= sound.proven.seals && proven.sealed <= sound.proven.sealed);
        assert!(proven.last.is_none_or(|last| sound.seals.contains(&last)));
        // What is proven is what was recorded.
        let seals_are_whole = proven.seals == sound.proven.seals;
        assert!(
            !seals_are_whole || files.iter().zip(&sound.files).all(|(it, was)| it == was),
            "altered unseen"
        );
    }
}

/// Records that somebody chained who does not know how records are made.
fn chained(data: &[u8]) {
    let Some((head, payloads)) = data.split_first_chunk::<16>() else { return };
    let (mut previous, algorithm) = ([0; 32], Algorithm::Sha256);
    let mut bytes = [b"XCAUDIT2".as_slice(), &[0; 8], head, &previous].concat();
    let mut is_sound = true;
    for payload in payloads.split(|byte| *byte == 255).filter(|payload| !payload.is_empty()) {
        if let Ok(record) = Record::read(payload) {
            let mut written = Vec::new();
            record.write(&mut written);
            assert_eq!(Record::read(&written).as_ref(), Ok(&record));
        } else {
            is_sound = false;
        }
        previous = algorithm.link(&previous, payload);
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(payload);
        bytes.extend(previous);
    }
    let root = FOLDER.join("chained");
    let _ = fs::remove_dir_all(&root);
    let start = u64::from_le_bytes(*head.first_chunk().expect("eight bytes"));
    put(&root, Path::new(&format!("lanes/00/{start:016x}.xca")), &bytes);
    let reader = Reader::new(&root);
    let (mut found, mut kept) = (0, Vec::new());
    let each = Sought::default().each(&reader, |record| {
        found += 1;
        kept.push(record.no);
    });
    assert!(each.is_err() || is_sound);
    for no in &kept {
        let receipt = Receipt::of(&reader, &SOUND.key, no).expect("a log that was read");
        let receipt = receipt.expect("a record that was found");
        assert!(receipt.opened(&mut Vec::new()).is_ok() && receipt.verify(&SOUND.trusted).is_err());
    }
    let _ = recall::recall(&reader, "sxbzxr", "e-1", 0);
    if let Ok(proven) = verify(&reader, &SOUND.trusted, |_| {}) {
        assert_eq!((proven.sealed, proven.unsealed), (0, found));
    }
}

/// None but the log's own is proven.
fn receipt(text: &[u8]) {
    let Ok(receipt) = serde_json::from_slice::<Receipt>(text) else { return };
    let written = serde_json::to_vec(&receipt).expect("a receipt");
    assert_eq!(serde_json::from_slice::<Receipt>(&written).expect("a receipt"), receipt);
    let _ = receipt.verify_texts(text, text);
    if receipt.verify(&SOUND.trusted).is_ok() {
        let known = |it: &&Receipt| it.receipt == receipt.receipt;
        let known = SOUND.receipts.iter().find(known).expect("a receipt of the log");
        assert_eq!((&receipt.record, &receipt.payload), (&known.record, &known.payload));
    }
}

fn seal(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(line) = Line::parse(text) else { return };
    assert_eq!(line.text(), text);
    assert_eq!(line.verify(&SOUND.trusted).is_ok(), SOUND.seals.contains(&line));
}
