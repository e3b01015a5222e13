//! `xincha serve`: the service, from the configuration to the drained end.

use super::Outcome;
use super::log::Log;
use super::reload::Reload;
use crate::config::Config;
use crate::http::{Desk, Server};
use crate::jobs::Jobs;
use crate::ledger::{Ledger, LedgerError, StreamLedger};
use crate::live::{Live, Loader, Recorder, Replicas};
use crate::snapshot::Store;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::info;

/// Serve until SIGTERM or Ctrl-C, then drain. SIGHUP reads the file at `path`, of the configuration, again.
pub fn run(config: &Config, path: &Path, log: &Log) -> Outcome {
    let catalogue = config.load_catalogue()?;
    let digest = catalogue.digest().to_owned();
    info!(
        lists = catalogue.lists().len(),
        measures = catalogue.measures().len(),
        matters = catalogue.matters().len(),
        "目录已加载 / catalogue loaded"
    );
    let live = Live::new(None);
    let (recorder, recording) = Recorder::start(live.clone(), ledger(config)?)?;
    let builds = config.loader().builds;
    let replicas = config.replicas.as_ref().map(|others| Replicas::open(others, builds));
    let replicas = replicas.transpose()?;
    let is_alone = replicas.is_none();
    // A wrong key is a mistake of the configuration, not a failed build to get over.
    let key = if builds { config.data.load_signing_key()? } else { None };
    let store = Store::open(&config.data.snapshots)?.signing(key);
    let trusted = config.data.trusted().cloned();
    let of_loader = config.loader();
    let (loader, loading) =
        Loader::start(of_loader, catalogue, store, trusted, recorder.clone(), replicas)?;
    if is_alone {
        // One of several listens before it has data: /readyz tells.
        loader.first().map_err(|why| format!("没有可用的数据 / no data to serve:\n{why}"))?;
    }
    let folder = config.jobs.folder.display();
    let (jobs, working) = Jobs::start(config.jobs.clone(), live.clone()).map_err(|error| {
        format!("{folder}: 任务目录无法使用 / cannot be used for jobs: {error}")
    })?;
    let desk = Desk { live, recorder: Some(recorder), loader: Some(loader), jobs: Some(jobs) };
    let bound = Server::bind(config.http.clone(), desk)
        .map_err(|error| format!("{}: 无法监听 / cannot listen: {error}", config.http.address))?;
    let mut reload = Reload::new(path.to_path_buf(), &digest, log.clone(), bound.capacity())?;
    super::at_hangup(move || reload.again())?;
    info!("服务地址 / serving on http://{}", bound.local_addr());
    let drained = bound.run(stopped()?)?;
    drop(working);
    drop(loading);
    recording.stop();
    info!(cut = drained.cut, "已停止 / stopped");
    Ok(ExitCode::SUCCESS)
}

/// The ledger of changes: a file, or the stream that several machines share.
fn ledger(config: &Config) -> Result<Arc<dyn Ledger>, LedgerError> {
    Ok(match &config.replicas {
        Some(replicas) => Arc::new(StreamLedger::open(replicas.stream.clone())?),
        None => Arc::new(super::ledger(config)?),
    })
}

/// Turns true at the first SIGTERM or SIGINT.
fn stopped() -> std::io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    super::at_stop(move || {
        info!("正在停止 / stopping");
        sender.send_replace(true);
    })?;
    Ok(receiver)
}
