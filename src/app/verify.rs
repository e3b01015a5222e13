//! `xincha verify`: every byte and every invariant of a snapshot.

use super::Outcome;
use crate::config::{Config, ConfigError, DataConfig};
use crate::index::Index;
use crate::snapshot::{Signature, SignatureError, Snapshot, Store};
use std::error::Error;
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
    /// Verify and say what is in it. A file that is given is verified without a configuration too,
    /// and then its signature is not: no key is trusted.
    pub fn run(&self, config: impl FnOnce() -> Result<Config, ConfigError>) -> Outcome {
        let (path, data) = match (&self.file, config()) {
            (Some(file), Ok(config)) => (file.clone(), config.data),
            (Some(file), Err(error)) => {
                eprintln!("xincha: {error}\n不核对签名 / the signature is not checked");
                (file.clone(), DataConfig::default())
            }
            (None, config) => {
                let data = config?.data;
                (current(&data)?, data)
            }
        };
        let started = std::time::Instant::now();
        let snapshot = Snapshot::open_trusting(&path, data.trusted())?;
        let index = Index::open(&snapshot)?;
        index.validate().map_err(|why| format!("{}: {why}", path.display()))?;
        let meta = index.meta();
        println!("{}", path.display());
        println!(
            "完好 / sound        {} bytes, contents {:016x}",
            snapshot.length(),
            snapshot.contents()
        );
        println!("签名 / signature    {}", signature(&snapshot));
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

/// The current snapshot of the configured folder.
fn current(data: &DataConfig) -> Result<PathBuf, Box<dyn Error>> {
    let folder = &data.snapshots;
    let current = Store::open(folder)?.current()?;
    Ok(current.ok_or_else(|| {
        format!("{}: 还没有快照 / no snapshot yet: run `xincha build`", folder.display())
    })?)
}

/// Who signed, in words.
fn signature(snapshot: &Snapshot) -> String {
    match (snapshot.signed_by(), Signature::beside(snapshot.path())) {
        (Some(key), _) => format!("有效，密钥 {key} / signed by key {key}"),
        (None, Ok(signature)) => {
            let key = signature.key();
            format!("未核对，自称密钥 {key} / not checked, says key {key}: no trusted_keys are set")
        }
        (None, Err(SignatureError::Unsigned { .. })) => "未签名 / unsigned".to_owned(),
        (None, Err(error)) => error.to_string(),
    }
}
