//! What binds all lanes at a moment, signed (Ed25519).
//!
//! ```text
//! line     = {"seal":{…},"key":"…","signature":"…"} LF
//! message  = "xincha audit seal v1" LF the seal as it stands in the line
//! ```
//!
//! Each names the hash of the line before it. Seals lie in a file a day (Asia/Shanghai); a line that its end
//! is missing of was never finished.

use super::segment::End;
use super::{Algorithm, AuditError, Hash, lines};
use crate::record::Instant;
use crate::snapshot::{KeyId, SigningKey, TrustedKeys};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// First line of every signed message.
const PURPOSE: &str = "xincha audit seal v1";
/// How the name of a file of seals ends.
const SUFFIX: &str = "jsonl";

/// All lanes at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Counts from 1.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub millis: u64,
    /// The hash of the log.
    pub algorithm: Algorithm,
    /// That of the line of the seal before, zeros for the first.
    #[serde(with = "hex")]
    pub previous: Hash,
    /// All lanes that have a record, in order.
    pub lanes: Vec<Sealed>,
    /// Records since the seal before.
    pub records: u64,
    /// The [tree](super::merkle) over them, lane after lane.
    #[serde(with = "hex")]
    pub root: Hash,
}

/// A lane from one seal to the next. One that did not go on ends where it began.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Its number.
    pub lane: u32,
    /// The position at which its first record since begins.
    pub from: u64,
    /// The position at which its last one ends.
    pub to: u64,
    /// Its records from the beginning.
    pub records: u64,
    /// The hash of the last.
    #[serde(with = "hex")]
    pub head: Hash,
    /// The position from which on its records are kept; before it they are too old.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub kept: u64,
}

fn is_zero(position: &u64) -> bool {
    *position == 0
}

impl Sealed {
    /// A lane that went on from a position to its end, and is kept from another.
    pub(super) fn new(lane: u32, from: u64, end: &End, kept: u64) -> Sealed {
        let End { position: to, records, head } = *end;
        Sealed { lane, from, to, records, head, kept }
    }

    /// Where the lane ended.
    pub fn end(&self) -> End {
        End { position: self.to, records: self.records, head: self.head }
    }
}

/// A seal as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What is sealed.
    pub seal: Seal,
    /// Which key signed.
    pub key: String,
    /// Base64 of its 64 bytes.
    pub signature: String,
}

impl Line {
    /// Sign a seal.
    pub fn sign(seal: Seal, key: &SigningKey) -> Line {
        let signature = BASE64_STANDARD.encode(key.sign(&message(&seal)));
        Line { seal, key: key.id().to_string(), signature }
    }

    /// The line of a text.
    ///
    /// # Errors
    ///
    /// It is none, or spelt otherwise than a seal is.
    pub fn parse(text: &str) -> Result<Line, String> {
        let line: Line = serde_json::from_str(text)
            .map_err(|error| format!("不是封存记录 / is no seal: {error}"))?;
        if line.text() == text {
            Ok(line)
        } else {
            Err("写法不同 / spelt otherwise".to_owned())
        }
    }

    /// As it is written, without its end.
    pub fn text(&self) -> String {
        // Nothing of it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Its hash.
    pub fn hash(&self) -> Hash {
        self.seal.algorithm.line(self.text().as_bytes())
    }

    /// Whether somebody who is trusted signed it.
    ///
    /// # Errors
    ///
    /// Which it is not: the key, or the signature.
    pub fn verify(&self, trusted: &TrustedKeys) -> Result<(), String> {
        let id = KeyId::parse(&self.key).ok_or("密钥编号无效 / its key")?;
        let key = trusted
            .find(id)
            .ok_or_else(|| format!("签名密钥 {id} 不受信任 / signed by key {id}, not trusted"))?;
        let signature = BASE64_STANDARD.decode(&self.signature).ok();
        let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let signature = signature.ok_or("签名无效 / its signature")?;
        key.verify_strict(&message(&self.seal), &signature.into())
            .map_err(|_| "签名不成立 / the signature does not hold".to_owned())
    }
}

fn message(seal: &Seal) -> Vec<u8> {
    let seal = serde_json::to_string(seal).unwrap_or_default();
    format!("{PURPOSE}\n{seal}").into_bytes()
}

/// A file of seals and its day.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(AuditError::io(folder))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(AuditError::io(folder))?.path();
        if path.extension().is_some_and(|ending| ending == SUFFIX) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The file in which a seal of that moment stands.
pub(super) fn file_of(folder: &Path, millis: u64) -> PathBuf {
    let day = Instant::of_millis(millis).day();
    folder.join(format!("{day}.{SUFFIX}"))
}

/// The seals of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, AuditError> {
    lines::read(path, Line::parse)
}

/// The last seal of a file.
pub(super) fn last_of(path: &Path) -> Result<Option<Line>, AuditError> {
    lines::last(path, Line::parse)
}

/// The last of a folder.
pub(super) fn last(folder: &Path) -> Result<Option<Line>, AuditError> {
    for path in files(folder)?.iter().rev() {
        if let Some(last) = read(path)?.pop() {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

/// Appends seals.
pub(super) struct Seals {
    folder: PathBuf,
    key: SigningKey,
    algorithm: Algorithm,
    number: u64,
    /// The time of the last.
    millis: u64,
    previous: Hash,
    open: Option<Open>,
    /// Brings a file to the disk.
    sync: fn(&File) -> io::Result<()>,
}

/// A file of seals that is written.
struct Open {
    path: PathBuf,
    file: File,
    /// Bytes of the seals that are on the disk.
    whole: u64,
}

impl Seals {
    /// Go on after the last, which is answered with.
    pub fn open(
        folder: PathBuf,
        key: SigningKey,
        algorithm: Algorithm,
        last: Option<&Line>,
    ) -> Seals {
        let (number, millis, previous) =
            last.map_or((0, 0, Hash::default()), |it| (it.seal.number, it.seal.millis, it.hash()));
        let (open, sync) = (None, File::sync_data as fn(&File) -> io::Result<()>);
        Seals { folder, key, algorithm, number, millis, previous, open, sync }
    }

    /// Append one, and wait for the disk; its time. That is never before the last one's, whatever the clock
    /// says: seals follow one another in their files too.
    pub fn append(
        &mut self,
        millis: u64,
        lanes: Vec<Sealed>,
        records: u64,
        root: Hash,
    ) -> io::Result<u64> {
        let millis = millis.max(self.millis);
        let seal = Seal {
            number: self.number + 1,
            millis,
            algorithm: self.algorithm,
            previous: self.previous,
            lanes,
            records,
            root,
        };
        let line = Line::sign(seal, &self.key);
        let text = format!("{}\n", line.text());
        // What is there of one that failed would stand before it.
        if let Some(open) = &self.open {
            open.file.set_len(open.whole)?;
        }
        let path = file_of(&self.folder, millis);
        let open = match self.open.take() {
            Some(open) if open.path == path => open,
            _ => {
                let file = lines::open(&path)?;
                Open { whole: file.metadata()?.len(), path, file }
            }
        };
        let open = self.open.insert(open);
        open.file.write_all(text.as_bytes())?;
        (self.sync)(&open.file)?;
        open.whole += text.len() as u64;
        (self.number, self.millis, self.previous) = (self.number + 1, millis, line.hash());
        Ok(millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        let lane = Sealed { lane: 1, from: 0, to: 77, records: 1, head: [4; 32], kept: 0 };
        Seal {
            number: 1,
            millis: 1_795_312_800_000,
            algorithm: Algorithm::Sm3,
            previous: [0; 32],
            lanes: vec![lane],
            records: 1,
            root: [4; 32],
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written_and_holds_for_one_key_and_one_seal() {
        let key = SigningKey::generate().unwrap();
        let line = Line::sign(seal(), &key);
        let trusted = TrustedKeys::of(&key);
        assert_eq!(Line::parse(&line.text()).unwrap(), line);
        line.verify(&trusted).unwrap();
        let mut altered = line.clone();
        altered.seal.lanes[0].to += 1;
        assert!(altered.verify(&trusted).unwrap_err().contains("does not hold"));
        assert_ne!(altered.hash(), line.hash());
        let strangers = TrustedKeys::of(&SigningKey::generate().unwrap());
        assert!(line.verify(&strangers).unwrap_err().contains("not trusted"));
        assert!(Line::parse(&line.text().replace(":1,", ": 1,")).unwrap_err().contains("spelt"));
        assert!(Line::parse("{}").is_err());
    }

    #[test]
    fn what_was_not_finished_is_cut_off_and_the_next_follows() {
        let folder = tempfile::tempdir().unwrap();
        let at = 1_795_312_800_000;
        let open = |last: Option<&Line>| {
            let key = SigningKey::generate().unwrap();
            Seals::open(folder.path().to_owned(), key, Algorithm::Sha256, last)
        };
        open(None).append(at, Vec::new(), 0, [1; 32]).unwrap();
        let path = file_of(folder.path(), at);
        assert!(path.ends_with("2026-11-22.jsonl"), "{}", path.display());
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"seal\":{\"number\":2");
        std::fs::write(&path, text).unwrap();
        let kept = read(&path).unwrap();
        assert_eq!(kept.len(), 1);
        open(kept.last()).append(at, Vec::new(), 0, [2; 32]).unwrap();
        let kept = read(&path).unwrap();
        assert_eq!(kept[1].seal.previous, kept[0].hash());
        assert_eq!(kept[1].seal.number, 2);
    }

    #[test]
    fn one_that_the_disk_did_not_take_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (at, next_day) = (1_795_312_800_000, 1_795_312_800_000 + 86_400_000);
        let key = SigningKey::generate().unwrap();
        let mut seals = Seals::open(folder.path().to_owned(), key, Algorithm::Sha256, None);
        seals.append(at, Vec::new(), 0, [1; 32]).unwrap();
        for at in [at, next_day] {
            seals.sync = |_| Err(io::ErrorKind::StorageFull.into());
            seals.append(at, Vec::new(), 0, [2; 32]).unwrap_err();
            seals.append(at, Vec::new(), 0, [2; 32]).unwrap_err();
            seals.sync = File::sync_data;
            seals.append(at, Vec::new(), 0, [3; 32]).unwrap();
        }
        seals.sync = |_| Err(io::ErrorKind::StorageFull.into());
        seals.append(next_day, Vec::new(), 0, [2; 32]).unwrap_err();
        seals.sync = File::sync_data;
        seals.append(next_day + 86_400_000, Vec::new(), 0, [3; 32]).unwrap();
        chain(folder.path(), &[1, 3, 3, 3]);
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_the_chain_whole() {
        let folder = tempfile::tempdir().unwrap();
        let midnight = 1_795_363_200_000;
        let mut last = None;
        for (root, millis) in [(1, midnight - 1), (2, midnight), (3, midnight - 1)] {
            let key = SigningKey::generate().unwrap();
            let open = |last: Option<&Line>| {
                Seals::open(folder.path().to_owned(), key, Algorithm::Sha256, last)
            };
            let mut seals = open(last.as_ref());
            for millis in [millis, millis - 2] {
                seals.append(millis, Vec::new(), 0, [root; 32]).unwrap();
            }
            last = super::last(folder.path()).unwrap();
        }
        assert_eq!(files(folder.path()).unwrap().len(), 2);
        chain(folder.path(), &[1, 1, 2, 2, 3, 3]);
    }

    /// The seals of a folder follow one another, with these roots.
    fn chain(folder: &Path, roots: &[u8]) {
        let files = files(folder).unwrap();
        let lines: Vec<Line> = files.iter().flat_map(|path| read(path).unwrap()).collect();
        let kept: Vec<u8> = lines.iter().map(|line| line.seal.root[0]).collect();
        assert_eq!(kept, roots);
        for pair in lines.windows(2) {
            assert_eq!(pair[1].seal.number, pair[0].seal.number + 1);
            assert_eq!(pair[1].seal.previous, pair[0].hash());
            assert!(pair[1].seal.millis >= pair[0].seal.millis);
        }
    }
}
