//! How far each client was told.

use crate::output;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The last recall that each client took, by the client's name, in a file beside the recalls.
#[derive(Debug)]
pub struct Cursors {
    path: PathBuf,
    told: BTreeMap<String, u64>,
}

impl Cursors {
    /// Those of the log in a folder; none where there is no file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is none.
    pub fn open(root: &Path) -> io::Result<Cursors> {
        let path = root.join("told.json");
        let told = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            bytes => serde_json::from_slice(&bytes?)?,
        };
        Ok(Cursors { path, told })
    }

    /// The last that a client took; 0 before the first.
    pub fn of(&self, client: &str) -> u64 {
        self.told.get(client).copied().unwrap_or(0)
    }

    /// A client took all up to this one: it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// It cannot be written: the client is where it was.
    pub fn set(&mut self, client: &str, number: u64) -> io::Result<()> {
        let mut told = self.told.clone();
        told.insert(client.to_owned(), number);
        output::replace(&self.path, &serde_json::to_vec(&told)?)?;
        self.told = told;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut cursors = Cursors::open(folder.path()).unwrap();
        assert_eq!(cursors.of("a"), 0);
        cursors.set("a", 3).unwrap();
        cursors.set("b", 1).unwrap();
        let again = Cursors::open(folder.path()).unwrap();
        assert_eq!((again.of("a"), again.of("b"), again.of("c")), (3, 1, 0));
        fs::write(folder.path().join("told.json"), "{").unwrap();
        assert!(Cursors::open(folder.path()).is_err());
    }
}
