//! A folder of snapshots with a pointer to the current one.
//!
//! ```text
//! <folder>/<id>.xcs         published snapshots, immutable
//! <folder>/<id>.sig         the signature of each, where there is a key to sign with
//! <folder>/CURRENT          the id of the one to serve, replaced atomically
//! <folder>/building-<id>    being written; a wreck after a crash, removed by the next build
//! ```
//!
//! A publish is these steps, and a crash between any two of them leaves what is current current and
//! signed:
//!
//! | step | what a crash after it leaves | removed by |
//! |---|---|---|
//! | 1. sync the body | `building-<id>` | the next build |
//! | 2. write the signature aside, sync it | `building-<id>.sig` too | the next build |
//! | 3. rename the signature, sync the folder | `<id>.sig` of no snapshot | the next build |
//! | 4. rename the body, sync the folder | a whole signed snapshot that nothing points to | pruning |
//! | 5. replace the pointer, sync the folder | the new snapshot is current | |
//!
//! So a snapshot is never seen under its name before its signature is durable. Pruning goes the
//! other way: first the snapshot, then its signature.

use super::array::Mapped;
use super::key::SigningKey;
use super::signature::{self, Signature};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const POINTER: &str = "CURRENT";
const SUFFIX: &str = "xcs";
const BUILDING: &str = "building-";

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    /// Signs what is published; shared, because a key is not copied.
    signing: Option<Arc<SigningKey>>,
}

impl Store {
    /// The store of a folder, which is created when absent.
    pub fn open(folder: &Path) -> io::Result<Store> {
        fs::create_dir_all(folder)?;
        Ok(Store { folder: folder.to_path_buf(), signing: None })
    }

    /// Sign with this key what is published from now on.
    pub fn signing(self, key: Option<SigningKey>) -> Store {
        Store { signing: key.map(Arc::new), ..self }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A new file to build in, readable by its owner alone. Wrecks of builds that died are removed
    /// first, so one build at a time may run in a folder.
    pub fn building(&self, id: &str) -> io::Result<(PathBuf, File)> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if is_wreck(&path) {
                fs::remove_file(path)?;
            }
        }
        let path = self.folder.join(format!("{BUILDING}{id}"));
        let file =
            File::options().create_new(true).read(true).write(true).mode(0o600).open(&path)?;
        Ok((path, file))
    }

    /// Publish a finished file under its id and point to it, signed where there is a key. Crash-safe:
    /// the steps are in the [module](self).
    pub fn publish(&self, building: &Path, id: &str) -> io::Result<PathBuf> {
        let published = self.place(building, id)?;
        self.point_to(id)?;
        Ok(published)
    }

    /// The same without pointing to it: for what has to be looked at first.
    pub fn place(&self, building: &Path, id: &str) -> io::Result<PathBuf> {
        File::open(building)?.sync_all()?;
        let published = self.path_of(id);
        if let Some(key) = &self.signing {
            self.sign(building, id, key)?;
        }
        fs::rename(building, &published)?;
        self.sync_folder()?;
        Ok(published)
    }

    /// Remove a published snapshot that nothing points to, with its signature.
    pub fn remove(&self, id: &str) -> io::Result<()> {
        remove(&self.path_of(id))
    }

    /// The durable signature of a file that is not published yet.
    fn sign(&self, building: &Path, id: &str, key: &SigningKey) -> io::Result<()> {
        let signature = Signature::sign(Mapped::map(building)?.bytes(), id, key);
        self.place_signature(id, signature.to_string().as_bytes())
    }

    /// Place the signature of a snapshot, durable before the snapshot is published; after
    /// [`Store::building`], which removes signatures of no snapshot.
    pub fn place_signature(&self, id: &str, bytes: &[u8]) -> io::Result<()> {
        let aside = self.folder.join(format!("{BUILDING}{id}.{}", signature::SUFFIX));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, Signature::path_of(&self.path_of(id)))?;
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

    /// Remove published snapshots but the current and the newest `keep` others (ids sort by time),
    /// each with its signature.
    pub fn prune(&self, keep: usize) -> io::Result<()> {
        let current = self.current()?;
        let mut others: Vec<PathBuf> = fs::read_dir(&self.folder)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|suffix| suffix == SUFFIX))
            .filter(|path| Some(path) != current.as_ref())
            .collect();
        others.sort();
        let surplus = others.len().saturating_sub(keep);
        others[..surplus].iter().try_for_each(|path| remove(path))
    }

    /// The ids of the published snapshots, oldest first.
    pub fn kept(&self) -> io::Result<Vec<String>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let id = path.file_stem().and_then(|id| id.to_str()).map(str::to_owned);
            kept.extend(id.filter(|_| path.extension().is_some_and(|suffix| suffix == SUFFIX)));
        }
        kept.sort();
        Ok(kept)
    }

    /// The file of a snapshot, whether it is there or not.
    pub fn path_of(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.{SUFFIX}"))
    }

    /// A rename is durable once its folder is.
    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

/// A file of a build that died: begun, or a signature whose snapshot was never published.
fn is_wreck(path: &Path) -> bool {
    let is_begun =
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BUILDING));
    let is_signature = path.extension().is_some_and(|suffix| suffix == signature::SUFFIX);
    is_begun || is_signature && !path.with_extension(SUFFIX).exists()
}

/// A snapshot and then its signature: the other way round a crash would leave it unsigned.
fn remove(snapshot: &Path) -> io::Result<()> {
    fs::remove_file(snapshot)?;
    match fs::remove_file(Signature::path_of(snapshot)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
