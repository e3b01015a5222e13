//! What is known of each source and of each kept snapshot: one JSON file, replaced atomically.
//!
//! ```text
//! <deliveries>/states.json             this
//! <deliveries>/<source>/<delivery>/    the files of a delivery that a kept snapshot was built of, or
//!                                      that is held
//! ```

use super::guards::{Figures, Trip};
use crate::output;
use crate::record::Instant;
use crate::source::fetch::Memory;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// See the [module](self).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct States {
    /// Each source, by its code.
    pub sources: BTreeMap<String, SourceState>,
    /// Each kept snapshot, by its id.
    pub builds: BTreeMap<String, Build>,
    /// The snapshot that serves.
    pub current: Option<String>,
}

/// A kept snapshot.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Build {
    /// The last change it contains.
    pub change: u64,
    /// When it was built.
    pub built: Instant,
    /// What it was built of, by source.
    pub sources: BTreeMap<String, Delivery>,
}

/// A delivery that was brought.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Its folder.
    pub name: String,
    /// XXH3-64 of its contents.
    pub hash: u64,
    /// When its origin last said that this is what it has.
    pub fetched: Instant,
    /// What reading it told.
    #[serde(default)]
    pub figures: Figures,
    /// What its fetch remembers for the next.
    #[serde(default)]
    pub memory: Memory,
}

impl Delivery {
    /// Its contents as they are named among machines.
    pub fn hash_name(&self) -> String {
        format!("{:016x}", self.hash)
    }
}

/// What is known of a source, beside what it delivered.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceState {
    /// When it was last asked.
    pub attempted: Option<Instant>,
    /// When it last answered, with news or without.
    pub succeeded: Option<Instant>,
    /// Attempts that failed since.
    pub failures: u32,
    /// Why the last attempt failed.
    pub failure: Option<String>,
    /// Files that are awaited: a delivery is on its way.
    pub awaited: Vec<String>,
    /// A delivery that does not serve, and why.
    pub held: Option<Held>,
    /// The delivery that an operator discarded: its contents are not taken again.
    pub discarded: Option<Delivery>,
}

/// A delivery that does not serve.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// It.
    pub delivery: Delivery,
    /// Since when.
    pub since: Instant,
    /// Why, all reasons.
    pub trips: Vec<Trip>,
}

const FILE: &str = "states.json";

impl States {
    /// The states of a folder; none when there is no file yet.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not one of ours: it is replaced atomically, so a crash does not
    /// explain that.
    pub fn load(folder: &Path) -> io::Result<States> {
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let why = format!("{}: {error}", folder.join(FILE).display());
                io::Error::new(io::ErrorKind::InvalidData, why)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(States::default()),
            Err(error) => Err(error),
        }
    }

    /// Replace the file: whole or as it was, whenever the machine stops.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        output::replace(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// What serves now of a source.
    pub fn accepted(&self, code: &str) -> Option<&Delivery> {
        self.accepted_all().and_then(|sources| sources.get(code))
    }

    /// The same, to be told more of.
    pub fn accepted_mut(&mut self, code: &str) -> Option<&mut Delivery> {
        let build = self.builds.get_mut(self.current.as_ref()?)?;
        build.sources.get_mut(code)
    }

    /// What serves now, by source.
    pub fn accepted_all(&self) -> Option<&BTreeMap<String, Delivery>> {
        let current = self.current.as_ref()?;
        self.builds.get(current).map(|build| &build.sources)
    }

    /// Forget snapshots that are no longer there.
    pub fn forget(&mut self, is_kept: impl Fn(&str) -> bool) {
        let current = self.current.clone();
        self.builds.retain(|id, _| is_kept(id) || current.as_ref() == Some(id));
    }

    /// The last change that the oldest kept snapshot contains: the ledger is needed from there on.
    pub fn oldest_change(&self) -> u64 {
        self.builds.values().map(|build| build.change).min().unwrap_or(0)
    }

    /// Remove the folders of deliveries that nothing speaks of and whose names are not busy.
    pub fn sweep(&self, folder: &Path, is_busy: &dyn Fn(&str) -> bool) -> io::Result<()> {
        let accepted = self.builds.values().flat_map(|build| &build.sources);
        let held = self
            .sources
            .iter()
            .filter_map(|(code, state)| state.held.as_ref().map(|held| (code, &held.delivery)));
        let needed: BTreeSet<PathBuf> = accepted
            .chain(held)
            .map(|(code, delivery)| folder.join(code).join(&delivery.name))
            .collect();
        for source in fs::read_dir(folder)? {
            let source = source?.path();
            if !source.is_dir() {
                continue;
            }
            for delivery in fs::read_dir(&source)? {
                let delivery = delivery?.path();
                let name = delivery.file_name().unwrap_or_default().to_string_lossy();
                if !needed.contains(&delivery) && !is_busy(&name) {
                    fs::remove_dir_all(&delivery)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(name: &str) -> Delivery {
        Delivery {
            name: name.to_owned(),
            hash: 1,
            fetched: Instant(0),
            figures: Figures::default(),
            memory: Memory::default(),
        }
    }

    #[test]
    fn what_is_saved_is_loaded_and_what_nothing_speaks_of_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(States::load(folder.path()).unwrap(), States::default());
        let mut states = States::default();
        for (id, change, name) in [("1", 7, "a"), ("2", 9, "b")] {
            let sources = BTreeMap::from([("court".to_owned(), delivery(name))]);
            states.builds.insert(id.to_owned(), Build { change, built: Instant(0), sources });
        }
        states.current = Some("2".to_owned());
        let held = Held { delivery: delivery("c"), since: Instant(1), trips: vec![Trip::Empty] };
        states.sources.entry("court".to_owned()).or_default().held = Some(held);
        states.save(folder.path()).unwrap();
        assert_eq!(States::load(folder.path()).unwrap(), states);
        assert_eq!(states.accepted("court").unwrap().name, "b");
        assert_eq!(states.oldest_change(), 7);
        for name in ["a", "b", "c", "d", "busy"] {
            fs::create_dir_all(folder.path().join("court").join(name)).unwrap();
        }
        states.forget(|id| id != "1");
        assert_eq!(states.oldest_change(), 9);
        states.sweep(folder.path(), &|name| name == "busy").unwrap();
        let left = fs::read_dir(folder.path().join("court")).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["b", "busy", "c"]);
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(States::load(folder.path()).unwrap_err().to_string().contains("states.json"));
    }
}
