//! A folder of this machine, or one that is mounted.
//!
//! Files are copied, not linked: departments overwrite them in place.

use super::arrival::{Arrival, Incoming};
use super::manifest::BYTES_MAX;
use super::memory::Mark;
use super::shelf::{self, Listing, Seen, Shelf};
use super::{Complete, FetchError, Fetched, Visit};
use serde::Deserialize;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds within which two writes may leave the same times, on the coarsest file systems.
const TICK_NS: i64 = 2_000_000_000;

/// A folder.
///
/// ```toml
/// kind = "folder"
/// path = "/srv/exchange/sxbzxr"
/// complete = "ok"                 # any | ok | manifest
/// settled_seconds = 5
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// The folder. Files directly in it count; folders in it, and names that are not UTF-8, do not.
    pub path: PathBuf,
    /// When files count as a delivery. Default: `any`.
    #[serde(default)]
    pub complete: Complete,
    /// A file that was written to less than so many seconds ago is awaited. Default: 0. Reads the
    /// clock of this machine against that of the folder.
    #[serde(default)]
    pub settled_seconds: u64,
}

impl FolderConfig {
    pub(super) fn identity(&self) -> String {
        format!("folder {}", self.path.display())
    }
}

pub(super) async fn bring(
    config: &FolderConfig,
    visit: &Visit<'_>,
    arrival: Arrival<'_>,
) -> Result<Fetched, FetchError> {
    shelf::bring(&Folder { config }, config.complete, visit, arrival).await
}

struct Folder<'a> {
    config: &'a FolderConfig,
}

impl Folder<'_> {
    fn seen(&self, of: &Metadata, now_ns: i64) -> Seen {
        let (modified_ns, changed_ns) =
            (ns(of.mtime(), of.mtime_nsec()), ns(of.ctime(), of.ctime_nsec()));
        let settled_ns = self.config.settled_seconds.saturating_mul(1_000_000_000);
        Seen {
            bytes: of.len(),
            mark: Mark::File { bytes: of.len(), modified_ns, changed_ns, inode: of.ino() },
            lasting: now_ns.saturating_sub(modified_ns.max(changed_ns)) > TICK_NS,
            settled: settled_ns == 0
                || now_ns.saturating_sub(modified_ns)
                    >= i64::try_from(settled_ns).unwrap_or(i64::MAX),
            written: of.modified().ok(),
        }
    }

    /// What is at `path` now; none where that is no file, or gone.
    fn look(&self, path: &Path) -> Result<Option<Seen>, FetchError> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(self.seen(&metadata, now_ns()))),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FetchError::io(path, source)),
        }
    }
}

impl Shelf for Folder<'_> {
    fn at(&self) -> String {
        self.config.path.display().to_string()
    }

    async fn list(&self, _asked: &dyn Fn(&str) -> bool) -> Result<Listing, FetchError> {
        let failed = |source| FetchError::io(&self.config.path, source);
        let mut listing = Listing::new();
        for entry in std::fs::read_dir(&self.config.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(seen) = self.look(&entry.path())? {
                listing.insert(name, seen);
            }
        }
        Ok(listing)
    }

    async fn read(&self, name: &str) -> Result<Vec<u8>, FetchError> {
        let path = self.config.path.join(name);
        let mut bytes = Vec::new();
        open(&path)?
            .take(BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|source| FetchError::io(&path, source))?;
        Ok(bytes)
    }

    async fn copy(
        &self,
        name: &str,
        seen: &Seen,
        into: &mut Incoming<'_>,
    ) -> Result<(), FetchError> {
        let path = self.config.path.join(name);
        let mut file = open(&path)?;
        into.write_all_of(&mut file, &path)?;
        let is_still = self.look(&path)?.is_some_and(|now| now.mark == seen.mark);
        if is_still && into.bytes() == seen.bytes { Ok(()) } else { Err(changed(&path)) }
    }
}

/// It was there a moment ago.
fn open(path: &Path) -> Result<File, FetchError> {
    File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => changed(path),
        _ => FetchError::io(path, source),
    })
}

fn changed(path: &Path) -> FetchError {
    FetchError::Changed { file: path.display().to_string() }
}

fn ns(seconds: i64, ns: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(ns)
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
