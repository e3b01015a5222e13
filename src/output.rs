//! What a long work leaves: a file that appears when it is whole, and tables of cells in it.

pub mod table;

pub use table::Table;

use crate::private;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that appears under its name when it is whole, or standard output.
pub struct Output {
    /// Where to write.
    pub writer: BufWriter<Box<dyn Write + Send>>,
    place: Option<Place>,
}

struct Place {
    path: PathBuf,
    part: PathBuf,
}

/// Something cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{file}: 无法写入 / cannot be written: {source}")]
pub struct OutputError {
    /// The file, `-` for standard output.
    pub file: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Output {
    /// Begin to write; without a path to standard output.
    pub fn create(path: Option<&Path>) -> Result<Output, OutputError> {
        let Some(path) = path else {
            let writer = BufWriter::new(Box::new(io::stdout()) as Box<dyn Write + Send>);
            return Ok(Output { writer, place: None });
        };
        Output::begin(path, 0o666)
    }

    /// Begin to write a file that its owner alone may use.
    pub fn private(path: &Path) -> Result<Output, OutputError> {
        Output::begin(path, 0o600)
    }

    fn begin(path: &Path, mode: u32) -> Result<Output, OutputError> {
        let part = part_of(path);
        let failed = |source| OutputError { file: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(mode);
        let file = options.open(&part).map_err(failed)?;
        let writer = BufWriter::new(Box::new(file) as Box<dyn Write + Send>);
        Ok(Output { writer, place: Some(Place { path: path.to_owned(), part }) })
    }

    /// Append bytes.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.writer.write_all(bytes).map_err(|source| self.failed(source))
    }

    /// It is whole. Until then nothing stands under its name, and if this is never said nothing is left.
    pub fn finish(mut self) -> Result<(), OutputError> {
        self.writer.flush().map_err(|source| self.failed(source))?;
        if let Some(Place { path, part }) = &self.place {
            fs::rename(part, path).map_err(|source| self.failed(source))?;
        }
        // There is nothing left to be removed.
        self.place = None;
        Ok(())
    }

    /// Its name, as a message tells it.
    pub fn shown(&self) -> PathBuf {
        self.place.as_ref().map_or(PathBuf::from("-"), |place| place.path.clone())
    }

    /// The error of what the system said.
    pub fn failed(&self, source: io::Error) -> OutputError {
        OutputError { file: self.shown(), source }
    }
}

impl Drop for Output {
    /// What is not whole goes.
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            let _ = fs::remove_file(&place.part);
        }
    }
}

/// Put a file, which its owner alone may use, in the place of another: whenever the machine stops, it is whole or
/// as it was. It is on the disk when this returns. One at a time may do so with one file.
///
/// # Errors
///
/// What the system said; the file is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Of a fixed name, so that of a machine that stops often no more than one is left.
    let part = path.with_added_extension("part");
    let put = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    put().inspect_err(|_| drop(fs::remove_file(&part)))?;
    File::open(private::folder_of(path))?.sync_all()
}

/// Where a file is written before it is whole.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("states.json");
        fs::write(path.with_added_extension("part"), "what a machine left that stopped").unwrap();
        for text in ["longer than the next", "next"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        // A folder in its place cannot be replaced, and nothing is left beside it.
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("full")).unwrap();
        replace(&taken, b"x").unwrap_err();
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert!(taken.is_dir() && left == 2, "{left}");
    }
}
