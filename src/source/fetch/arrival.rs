//! A delivery while it is written: streamed, counted, hashed, synced.

use super::memory::{Mark, Memory, Remembered};
use super::watch::Watch;
use super::{FetchError, Fetched};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use xxhash_rust::xxh3::Xxh3;

/// Bytes copied at once.
const PIECE: usize = 1 << 18;
/// The longest name of a file that file systems take, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The same contents are a new delivery when they were written so much later than before.
const RENEWED_SECONDS: i64 = 3_600;

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs() as i64
}

/// See the [module](self).
pub(super) struct Arrival<'a> {
    into: &'a Path,
    watch: &'a Watch<'a>,
    origin: u64,
    files: BTreeMap<String, Remembered>,
    /// When the oldest file was written, seconds since 1970.
    oldest: Option<i64>,
}

/// A file of it while it is written.
pub(super) struct Incoming<'a> {
    name: String,
    path: PathBuf,
    file: File,
    /// When its origin wrote it, where that is known.
    written: Option<SystemTime>,
    watch: &'a Watch<'a>,
    /// Of the files before.
    bytes_before: u64,
    bytes: u64,
    hash: Xxh3,
    sha256: Option<Sha256>,
}

impl<'a> Arrival<'a> {
    pub fn new(into: &'a Path, watch: &'a Watch<'a>, origin: u64) -> Arrival<'a> {
        Arrival { into, watch, origin, files: BTreeMap::new(), oldest: None }
    }

    /// Begin a file, or begin it again.
    pub fn begin(&mut self, name: &str) -> Result<Incoming<'a>, FetchError> {
        check_name(name)?;
        self.files.remove(name);
        let path = self.into.join(name);
        let file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| FetchError::io(&path, source))?;
        Ok(Incoming {
            name: name.to_owned(),
            path,
            file,
            written: None,
            watch: self.watch,
            bytes_before: self.bytes(),
            bytes: 0,
            hash: Xxh3::new(),
            sha256: None,
        })
    }

    /// A file is all there: sync it and keep it.
    pub fn keep(&mut self, file: Incoming, mark: Option<Mark>) -> Result<(), FetchError> {
        let failed = |source| FetchError::io(&file.path, source);
        if let Some(written) = file.written {
            // How old a list is goes by this: a copy is as old as its origin.
            file.file.set_modified(written).map_err(failed)?;
        }
        file.file.sync_all().map_err(failed)?;
        self.oldest = match (self.oldest, file.written.map(seconds)) {
            (Some(oldest), Some(written)) => Some(written.min(oldest)),
            (oldest, written) => oldest.or(written),
        };
        let kept = Remembered { bytes: file.bytes, hash: file.hash.digest(), mark };
        self.files.insert(file.name, kept);
        Ok(())
    }

    /// What an earlier attempt brought of other names is not wanted any more.
    pub fn keep_only(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.files.retain(|name, _| is_wanted(name));
    }

    /// An earlier attempt brought this very file.
    pub fn has(&self, name: &str, mark: &Mark) -> bool {
        self.files.get(name).is_some_and(|kept| kept.mark.as_ref() == Some(mark))
    }

    /// Take a file of the last delivery once more; false where it is not there as it was.
    pub fn take_again(
        &mut self,
        previous: Option<&Path>,
        memory: &Memory,
        name: &str,
    ) -> Result<bool, FetchError> {
        let (Some(folder), Some(known)) = (previous, memory.files.get(name)) else {
            return Ok(false);
        };
        let Ok(mut from) = File::open(folder.join(name)) else { return Ok(false) };
        let written = from.metadata().and_then(|metadata| metadata.modified()).ok();
        let mut copy = self.begin(name)?.written(written);
        copy.write_all_of(&mut from, &folder.join(name))?;
        if (copy.bytes, copy.hash.digest()) != (known.bytes, known.hash) {
            return Ok(false);
        }
        self.keep(copy, known.mark.clone())?;
        Ok(true)
    }

    /// The delivery is all there. `also` are marks of files that are not part of it.
    pub fn conclude(
        self,
        before: &Memory,
        also: impl IntoIterator<Item = (String, Remembered)>,
    ) -> Result<Fetched, FetchError> {
        self.sweep()?;
        let (bytes, hash) = (self.bytes(), self.hash());
        let files: Vec<PathBuf> = self.files.keys().map(|name| self.into.join(name)).collect();
        let mut memory = Memory {
            origin: Some(self.origin),
            hash: Some(hash),
            files: self.files,
            position: None,
            written: self.oldest,
        };
        memory.files.extend(also);
        // The same contents written anew are as new as that, and worth a build now and then.
        let is_renewed = match (before.written, memory.written) {
            (Some(before), Some(now)) => now - before >= RENEWED_SECONDS,
            _ => false,
        };
        if before.hash == Some(hash) && !is_renewed {
            memory.written = before.written.or(memory.written);
            return Ok(Fetched::Unchanged { memory });
        }
        File::open(self.into)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| FetchError::io(self.into, source))?;
        Ok(Fetched::Delivery { files, bytes, hash, memory })
    }

    /// Remove what attempts left that came to nothing.
    fn sweep(&self) -> Result<(), FetchError> {
        let failed = |source| FetchError::io(self.into, source);
        for entry in std::fs::read_dir(self.into).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_kept = |name: &str| self.files.contains_key(name);
            if !entry.file_name().to_str().is_some_and(is_kept) {
                std::fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    fn hash(&self) -> u64 {
        let mut hash = Xxh3::new();
        for (name, file) in &self.files {
            hash.update(name.as_bytes());
            hash.update(&[0]);
            hash.update(&file.bytes.to_le_bytes());
            hash.update(&file.hash.to_le_bytes());
        }
        hash.digest()
    }
}

impl Incoming<'_> {
    /// When its origin wrote it, where that is known.
    pub fn written(mut self, written: Option<SystemTime>) -> Self {
        self.written = written;
        self
    }

    /// Compute its SHA-256 too.
    pub fn with_sha256(mut self) -> Self {
        self.sha256 = Some(Sha256::new());
        self
    }

    /// Its bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Errors beyond the limit of the whole delivery.
    pub fn check_room(&self, bytes: u64) -> Result<(), FetchError> {
        let max = self.watch.limits.bytes_max;
        if self.bytes_before.saturating_add(self.bytes).saturating_add(bytes) > max {
            return Err(FetchError::TooLarge { at: self.name.clone(), max });
        }
        Ok(())
    }

    pub fn write(&mut self, piece: &[u8]) -> Result<(), FetchError> {
        self.check_room(piece.len() as u64)?;
        self.file.write_all(piece).map_err(|source| FetchError::io(&self.path, source))?;
        self.hash.update(piece);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(piece);
        }
        self.bytes += piece.len() as u64;
        self.watch.arrived(self.bytes_before + self.bytes)
    }

    /// All of a file, which errors name `path`.
    pub fn write_all_of(&mut self, from: &mut impl Read, path: &Path) -> Result<(), FetchError> {
        let mut piece = vec![0; PIECE];
        loop {
            match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => self.write(&piece[..read])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(FetchError::io(path, source)),
            }
        }
    }

    /// In hexadecimal digits; empty unless it was asked for.
    pub fn sha256(&self) -> String {
        let digest = self.sha256.clone().map(|sha256| sha256.finalize().to_vec());
        hex::encode(digest.unwrap_or_default())
    }
}

/// A name of its own in the folder, and no hidden one.
fn check_name(name: &str) -> Result<(), FetchError> {
    let sound = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0']);
    if sound { Ok(()) } else { Err(FetchError::Name { name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fetch::Limits;

    #[test]
    fn what_came_to_nothing_is_no_part_of_it() {
        let (folder, limits) = (tempfile::tempdir().unwrap(), Limits::default());
        let watch = Watch::start(&limits, &|_| {}, &|| false);
        let mut arrival = Arrival::new(folder.path(), &watch, 0);
        for (name, is_kept) in [("a", true), ("gone", true), ("b", true), ("broken", false)] {
            let mut file = arrival.begin(name).unwrap();
            file.write(name.as_bytes()).unwrap();
            if is_kept {
                arrival.keep(file, None).unwrap();
            }
        }
        arrival.keep_only(|name| name != "gone");
        let delivered = arrival.conclude(&Memory::default(), None).unwrap();
        let Fetched::Delivery { files, bytes, .. } = delivered else { panic!("{delivered:?}") };
        assert_eq!(files, [folder.path().join("a"), folder.path().join("b")]);
        assert_eq!((std::fs::read_dir(folder.path()).unwrap().count(), bytes), (2, 2));
    }

    #[test]
    fn a_name_stays_in_the_folder() {
        let (folder, limits) = (tempfile::tempdir().unwrap(), Limits::default());
        let watch = Watch::start(&limits, &|_| {}, &|| false);
        let mut arrival = Arrival::new(folder.path(), &watch, 0);
        for name in
            ["", ".", "..", "../a", "/a", "a/b", "a\\b", ".hidden", "a\0b", &"a".repeat(256)]
        {
            assert!(arrival.begin(name).is_err(), "{name:?}");
        }
        assert!(arrival.begin("失信-1.csv").is_ok());
    }
}
