//! A folder of snapshots with a pointer to the current one.
//!
//! ```text
//! <folder>/<id>.xcs         published snapshots, immutable
//! <folder>/CURRENT          the id of the one to serve, replaced atomically
//! <folder>/building-<id>    being written; a wreck after a crash, removed by the next build
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const POINTER: &str = "CURRENT";
const SUFFIX: &str = "xcs";
const BUILDING: &str = "building-";

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store of a folder, which is created when absent.
    pub fn open(folder: &Path) -> io::Result<Store> {
        fs::create_dir_all(folder)?;
        Ok(Store { folder: folder.to_path_buf() })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new file to build in, readable by its owner alone. Wrecks of builds that died are removed first, so one build at a time
    /// may run in a folder.
    pub fn building(&self, id: &str) -> io::Result<(PathBuf, File)> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(BUILDING) {
                fs::remove_file(entry.path())?;
            }
        }
        let path = self.folder.join(format!("{BUILDING}{id}"));
        let file =
            File::options().create_new(true).read(true).write(true).mode(0o600).open(&path)?;
        Ok((path, file))
    }

    /// Publish a finished file under its id and point to it. Crash-safe: sync the body, rename it,
    /// sync the folder, and only then replace the pointer.
    pub fn publish(&self, building: &Path, id: &str) -> io::Result<PathBuf> {
        File::open(building)?.sync_all()?;
        let published = self.path_of(id);
        fs::rename(building, &published)?;
        self.sync_folder()?;
        self.point_to(id)?;
        Ok(published)
    }

    /// Place the signature that came with a snapshot, durable before the snapshot is published; after
    /// [`Store::building`], which removes signatures of no snapshot.
    pub fn place_signature(&self, id: &str, bytes: &[u8]) -> io::Result<()> {
        let aside = self.folder.join(format!("{BUILDING}{id}.sig"));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, self.path_of(id).with_extension("sig"))?;
        self.sync_folder()
    }

    /// The file of a published snapshot, `None` when there is none of this id.
    pub fn published(&self, id: &str) -> Option<PathBuf> {
        Some(self.path_of(id)).filter(|path| path.is_file())
    }

    /// Replace the pointer.
    pub fn point_to(&self, id: &str) -> io::Result<()> {
        let aside = self.folder.join(format!("{POINTER}.new"));
        let mut file = File::create(&aside)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        fs::rename(&aside, self.folder.join(POINTER))?;
        self.sync_folder()
    }

    /// The file of the current snapshot, `None` when nothing was published yet. Errors when the
    /// pointer names a file that is not there.
    pub fn current(&self) -> io::Result<Option<PathBuf>> {
        let id = match fs::read_to_string(self.folder.join(POINTER)) {
            Ok(text) => text.trim_end().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let path = self.path_of(&id);
        if id.is_empty() || id.contains(['/', '\\']) || !path.is_file() {
            let why = format!("{POINTER} names a snapshot that is not there: {}", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(Some(path))
    }

    /// Remove published snapshots but the current and the newest `keep` others (ids sort by time).
    pub fn prune(&self, keep: usize) -> io::Result<()> {
        let current = self.current()?;
        let mut others: Vec<PathBuf> = fs::read_dir(&self.folder)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|suffix| suffix == SUFFIX))
            .filter(|path| Some(path) != current.as_ref())
            .collect();
        others.sort();
        let surplus = others.len().saturating_sub(keep);
        others[..surplus].iter().try_for_each(fs::remove_file)
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.{SUFFIX}"))
    }

    /// A rename is durable once its folder is.
    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}
