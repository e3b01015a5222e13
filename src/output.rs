//! What a long work leaves: a file that appears when it is whole, and tables of cells in it.

pub mod table;

pub use table::Table;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
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
        let part = part_of(path);
        let failed = |source| OutputError { file: path.to_owned(), source };
        let file = File::create(&part).map_err(failed)?;
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

/// Where a file is written before it is whole.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    PathBuf::from(name)
}
