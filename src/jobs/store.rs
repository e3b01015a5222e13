//! The folder: what is kept of jobs from one process to the next.

use super::{Job, State};
use crate::output;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// The folder of all jobs, held by one process.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Locked as long as this lives.
    _lock: File,
}

const JOB: &str = "job.json";

impl Store {
    /// Open the folder, made where it is not there, and read what is in it. Uploads that did not end are
    /// removed, and jobs that cannot be read once they have not changed for so long: they hold subjects.
    ///
    /// # Errors
    ///
    /// The folder cannot be used, or another process holds it.
    pub fn open(folder: &Path, kept: Duration) -> io::Result<(Store, Vec<Job>)> {
        make(folder)?;
        let lock = private().create(true).truncate(false).open(folder.join("lock"))?;
        lock.try_lock().map_err(|_| {
            let why = "另一进程正在使用任务目录 / another process holds the folder of jobs";
            io::Error::new(io::ErrorKind::AddrInUse, why)
        })?;
        let store = Store { folder: folder.to_owned(), _lock: lock };
        let mut jobs = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let id = path.file_name().and_then(|name| name.to_str()?.parse::<Uuid>().ok());
            // Nothing else is ours.
            let Some(id) = id else { continue };
            match store.read(id) {
                Ok(job) => jobs.push(job),
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir_all(&path)?,
                Err(error) if store.age(id)? > kept => {
                    tracing::error!(%id, %error, "任务无法读取，已到期删除 / a job cannot be read, and is removed: its time is over");
                    store.remove(id)?;
                }
                // Of another version perhaps: what is in it may be wanted.
                Err(error) => {
                    tracing::error!(%id, %error, "任务无法读取，到期后删除 / a job cannot be read, and is left until its time is over");
                }
            }
        }
        Ok((store, jobs))
    }

    fn read(&self, id: Uuid) -> io::Result<Job> {
        Ok(serde_json::from_slice(&fs::read(self.path(id, JOB))?)?)
    }

    /// Since when a job has not changed.
    fn age(&self, id: Uuid) -> io::Result<Duration> {
        let changed = fs::metadata(self.path(id, JOB))?.modified()?;
        Ok(SystemTime::now().duration_since(changed).unwrap_or_default())
    }

    /// Make the folder of a job.
    pub fn make(&self, id: Uuid) -> io::Result<()> {
        make(&self.folder.join(id.to_string()))?;
        File::open(&self.folder)?.sync_all()
    }

    /// A file of a job.
    pub fn path(&self, id: Uuid, name: &str) -> PathBuf {
        self.folder.join(id.to_string()).join(name)
    }

    /// What the paths of all its files begin with.
    pub fn prefix(&self, job: &Job) -> String {
        self.path(job.id, "").display().to_string()
    }

    /// Its input.
    pub fn input(&self, job: &Job) -> PathBuf {
        self.path(job.id, &format!("input.{}", job.order.format))
    }

    /// Its result.
    pub fn result(&self, job: &Job) -> PathBuf {
        self.path(job.id, &format!("result.{}", job.order.output_format))
    }

    /// Its rejects.
    pub fn rejects(&self, job: &Job) -> PathBuf {
        self.path(job.id, "rejects.csv")
    }

    /// Begin to write a file that only its owner may read.
    pub fn create(&self, path: &Path) -> io::Result<File> {
        private().create_new(true).open(path)
    }

    /// Keep a job as it is now: when this returns, it outlives a loss of power.
    pub fn keep(&self, job: &Job) -> io::Result<()> {
        output::replace(&self.path(job.id, JOB), &serde_json::to_vec(job)?)
    }

    /// Remove what a process that ended may have left beside the files of a job.
    pub fn tidy(&self, job: &Job) -> io::Result<()> {
        let kept = match job.state {
            State::Done => vec![self.result(job), self.rejects(job)],
            State::Failed | State::Cancelled => Vec::new(),
            _ => vec![self.input(job)],
        };
        for entry in fs::read_dir(self.path(job.id, ""))? {
            let path = entry?.path();
            if path != self.path(job.id, JOB) && !kept.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Make what was written of a result outlive a loss of power.
    pub fn sync(&self, job: &Job) -> io::Result<()> {
        File::open(self.result(job))?.sync_all()?;
        match File::open(self.rejects(job)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            rejects => rejects?.sync_all(),
        }
    }

    /// Remove a file that may not be there.
    pub fn remove_file(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "任务文件无法删除 / a file of a job cannot be removed");
        }
    }

    /// Remove all of a job; what says that there is one first, so that no half of it is found again.
    pub fn remove(&self, id: Uuid) -> io::Result<()> {
        let found = |removed: io::Result<()>| match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        found(fs::remove_file(self.path(id, JOB)))?;
        found(fs::remove_dir_all(self.folder.join(id.to_string())))
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
