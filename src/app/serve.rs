//! `xincha serve`: the service, from the configuration to the drained end.

use super::Outcome;
use crate::audit::{Act, Log, Record};
use crate::config::Config;
use crate::http::{Desk, Server};
use crate::jobs::Jobs;
use crate::ledger::{Ledger, LedgerError, StreamLedger};
use crate::live::{Live, Loader, Recorder, Replicas};
use crate::snapshot::Store;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::info;

/// Serve until SIGTERM or Ctrl-C, then drain.
pub fn run(config: &Config) -> Outcome {
    let catalogue = config.load_catalogue()?;
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
    let (audit, keeping) = Log::open(config.audit.clone(), config.http.worker_count())?;
    let version = concat!("xincha ", env!("CARGO_PKG_VERSION"));
    audit.append(0, &Record { note: version, ..audit.now(Act::Start) })?;
    if let Some(view) = live.current() {
        audit.append(0, &Record { ground: Some(view.recorded()), ..audit.now(Act::Serve) })?;
    }
    let folder = config.jobs.folder.display();
    let jobs = Jobs::start(config.jobs.clone(), live.clone(), Some(audit.clone()));
    let (jobs, working) = jobs.map_err(|error| {
        format!("{folder}: 任务目录无法使用 / cannot be used for jobs: {error}")
    })?;
    let desk = Desk {
        live,
        recorder: Some(recorder),
        loader: Some(loader),
        jobs: Some(jobs),
        audit: Some(audit.clone()),
    };
    let bound = Server::bind(config.http.clone(), desk)
        .map_err(|error| format!("{}: 无法监听 / cannot listen: {error}", config.http.address))?;
    info!("服务地址 / serving on http://{}", bound.local_addr());
    let drained = bound.run(stopped()?)?;
    drop(working);
    drop(loading);
    recording.stop();
    // Nothing is answered any more: a log that takes nothing has told so already.
    let _ = audit.append(0, &audit.now(Act::Stop));
    drop(keeping);
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
