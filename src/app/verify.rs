//! `xincha verify`: every byte and every invariant of a snapshot.

use super::Outcome;
use crate::config::{Config, ConfigError};
use crate::index::Index;
use crate::snapshot::{Snapshot, Store};
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `verify`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples / 示例:
  xincha verify                                   the current snapshot of the configured folder
  xincha verify /backup/20261122T020000Z-4f1c0a2b.xcs")]
pub struct Verify {
    /// 快照文件 / a snapshot; default: the current one
    file: Option<PathBuf>,
}

impl Verify {
    /// Verify and say what is in it. `config` is asked only when no file is given.
    pub fn run(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Outcome {
        let path = match &self.file {
            Some(file) => file.clone(),
            None => {
                let folder = config()?.data.snapshots;
                let current = Store::open(&folder)?.current()?;
                current.ok_or_else(|| {
                    format!(
                        "{}: 还没有快照 / no snapshot yet: run `xincha build`",
                        folder.display()
                    )
                })?
            }
        };
        let started = std::time::Instant::now();
        let snapshot = Snapshot::open(&path)?;
        let index = Index::open(&snapshot)?;
        index.validate().map_err(|why| format!("{}: {why}", path.display()))?;
        let meta = index.meta();
        println!("{}", path.display());
        println!(
            "完好 / sound        {} bytes, contents {:016x}",
            snapshot.length(),
            snapshot.contents()
        );
        println!("快照 / snapshot     {}", meta.id);
        println!(
            "记录 / entries      {}, {} subjects, {} identifiers",
            meta.entries, meta.subjects, meta.identifiers
        );
        for (name, bytes) in snapshot.sections() {
            println!("  {name:<14} {bytes:>14}");
        }
        println!("用时 / time         {:.1} s", started.elapsed().as_secs_f64());
        Ok(ExitCode::SUCCESS)
    }
}
