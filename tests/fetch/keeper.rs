//! What the loader does around a fetch: a folder each, the last one and its memory kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use xincha::source::fetch::{Fetch, FetchError, Fetched, Limits, Memory, OriginConfig, fetch};

/// See the [module](self). Claims `sxbzxr-*.csv`.
pub struct Keeper {
    pub folder: TempDir,
    pub limits: Limits,
    pub memory: Memory,
    pub previous: Option<PathBuf>,
    fetches: u32,
}

/// What came, in short.
#[derive(Debug, PartialEq)]
pub enum Came {
    Unchanged,
    Incomplete(Vec<String>),
    Files(BTreeMap<String, String>),
}

impl Keeper {
    pub fn new() -> Keeper {
        let limits = Limits {
            timeout_seconds: 20,
            stall_seconds: 5,
            attempts: 3,
            backoff_first_ms: 10,
            backoff_max_ms: 40,
            ..Limits::default()
        };
        let folder = tempfile::tempdir().unwrap();
        Keeper { folder, limits, memory: Memory::default(), previous: None, fetches: 0 }
    }

    /// Fetch, and accept what came.
    pub fn fetch(&mut self, origin: &str) -> Result<Came, FetchError> {
        self.fetch_until(origin, &|| false)
    }

    /// Fetch until cancelled.
    pub fn fetch_until(
        &mut self,
        origin: &str,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Came, FetchError> {
        let origin: OriginConfig = toml::from_str(origin).unwrap();
        self.fetches += 1;
        let into = self.folder.path().join(self.fetches.to_string());
        std::fs::create_dir(&into).unwrap();
        let fetched = fetch(&Fetch {
            origin: &origin,
            limits: &self.limits,
            memory: &self.memory,
            previous: self.previous.as_deref(),
            into: &into,
            matches: &|name| name.starts_with("sxbzxr-") && name.ends_with(".csv"),
            progress: &|_| {},
            cancelled,
        });
        if !matches!(fetched, Ok(Fetched::Delivery { .. })) {
            assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0, "something is left");
        }
        let came = match fetched? {
            Fetched::Unchanged { memory } => {
                self.memory = through_json(&memory);
                Came::Unchanged
            }
            Fetched::Incomplete { awaited } => Came::Incomplete(awaited),
            Fetched::Delivery { files, bytes, memory, .. } => {
                self.memory = through_json(&memory);
                self.previous = Some(into.clone());
                assert_eq!(std::fs::read_dir(&into).unwrap().count(), files.len());
                let files: BTreeMap<String, String> = files.iter().map(read).collect();
                assert_eq!(bytes, files.values().map(|text| text.len() as u64).sum::<u64>());
                Came::Files(files)
            }
        };
        Ok(came)
    }
}

fn read(path: impl AsRef<Path>) -> (String, String) {
    let path = path.as_ref();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    (name, std::fs::read_to_string(path).unwrap())
}

/// As it is stored between two fetches.
fn through_json(memory: &Memory) -> Memory {
    let text = serde_json::to_string(memory).unwrap();
    let read: Memory = serde_json::from_str(&text).unwrap();
    assert_eq!(read, *memory);
    read
}

/// What should come.
pub fn files(files: &[(&str, &str)]) -> Came {
    Came::Files(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

/// Older than any file system's tick: marks of files count after that.
pub fn let_a_tick_pass() {
    std::thread::sleep(Duration::from_millis(2100));
}
