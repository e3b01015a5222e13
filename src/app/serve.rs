//! `xincha serve`: the service, from the configuration to the drained end.

use super::Outcome;
use super::log::Log;
use super::reload::{Reload, Running};
use crate::audit::{self, Act, Record};
use crate::clients::Clients;
use crate::config::Config;
use crate::herald::Herald;
use crate::http::{Desk, Refusals, Server};
use crate::jobs::Jobs;
use crate::ledger::{Ledger, LedgerError, StreamLedger};
use crate::live::{Live, Loader, Recorder, Replicas, Revocations};
use crate::snapshot::{SigningKey, Store};
use crate::traces::Traces;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::{info, warn};

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
    let clients = clients(config)?;
    let (traces, sending) = config.traces.as_ref().map(Traces::start).transpose()?.unzip();
    if let Some(config) = &config.traces {
        info!(sample = config.sample, "追踪发往 / traces are sent to {}", config.endpoint);
    }
    let live = Live::new(None);
    let ledger = ledger(config)?;
    let (recorder, recording) = Recorder::start(live.clone(), ledger.clone())?;
    let builds = config.loader().builds;
    let replicas = config.replicas.as_ref().map(|others| Replicas::open(others, builds));
    let replicas = replicas.transpose()?;
    let is_alone = replicas.is_none();
    // A wrong key is a mistake of the configuration, not a failed build to get over.
    let key = if builds { config.data.load_signing_key()? } else { None };
    let store = Store::open(&config.data.snapshots)?.signing(key);
    let trusted = config.data.trusted().cloned();
    let of_loader = config.loader();
    let (loader, loading) = Loader::start(
        of_loader,
        catalogue,
        store,
        trusted,
        recorder.clone(),
        replicas,
        traces.clone(),
    )?;
    if is_alone {
        // One of several listens before it has data: /readyz tells.
        loader.first().map_err(|why| format!("没有可用的数据 / no data to serve:\n{why}"))?;
    }
    let (audit, keeping) = audit::Log::open(config.audit.clone(), config.http.worker_count())?;
    let version = concat!("xincha ", env!("CARGO_PKG_VERSION"));
    audit.append(0, &Record { note: version, ..audit.now(Act::Start) })?;
    let edited = audit.clone();
    let watching = clients.watch(config.clients.file.clone(), move |count| {
        note_configured(&edited, &format!("{count} clients"));
    })?;
    if let Some(view) = live.current() {
        audit.append(0, &Record { ground: Some(view.recorded()), ..audit.now(Act::Serve) })?;
    }
    let folder = config.jobs.folder.display();
    let recorded = Some(audit.clone());
    let (of_jobs, of_clients) = (config.jobs.clone(), clients.clone());
    let jobs = Jobs::start(of_jobs, live.clone(), recorded, of_clients, traces.clone());
    let (jobs, working) = jobs.map_err(|error| {
        format!("{folder}: 任务目录无法使用 / cannot be used for jobs: {error}")
    })?;
    let key = SigningKey::load(&config.audit.signing_key_path())?;
    let (herald, crying) =
        Herald::start(config.herald.clone(), clients.clone(), audit.clone(), key)?;
    let noting = Revocations::start(live.clone(), ledger, audit.folder())?;
    let (of_jobs, of_herald) = (jobs.clone(), herald.clone());
    let desk = Desk {
        live,
        recorder: Some(recorder),
        loader: Some(loader),
        jobs: Some(jobs),
        audit: Some(audit.clone()),
        herald: Some(herald),
        traces: traces.clone(),
        clients,
        refusals: Refusals::recorded(audit.clone()),
    };
    let bound = Server::bind(config.http.clone(), desk)
        .map_err(|error| format!("{}: 无法监听 / cannot listen: {error}", config.http.address))?;
    let (capacity, times) = (bound.capacity(), bound.times());
    let running =
        Running { log: log.clone(), capacity, times, jobs: of_jobs, herald: of_herald, traces };
    let mut reload = Reload::new(path.to_path_buf(), &digest, running)?;
    let configured = audit.clone();
    super::at_hangup(move || {
        if let Some(taken) = reload.again() {
            note_configured(&configured, &taken);
        }
    })?;
    let scheme = if config.http.tls.is_some() { "https" } else { "http" };
    info!("服务地址 / serving on {scheme}://{}", bound.local_addr());
    let drained = bound.run(stopped()?)?;
    drop(watching);
    drop(noting);
    drop(crying);
    drop(working);
    drop(loading);
    recording.stop();
    // Nothing is answered any more: a log that takes nothing has told so already.
    let _ = audit.append(0, &audit.now(Act::Stop));
    drop(keeping);
    // Whatever was traced has ended.
    drop(sending);
    info!(cut = drained.cut, "已停止 / stopped");
    Ok(ExitCode::SUCCESS)
}

/// Record what is another than before.
fn note_configured(log: &audit::Log, note: &str) {
    // A log that takes nothing says so itself.
    let _ = log.append(0, &Record { note, ..log.now(Act::Configured) });
}

/// Who may ask. Where there is nobody, only this machine may reach the service.
fn clients(config: &Config) -> Result<Clients, Box<dyn std::error::Error>> {
    let file = &config.clients.file;
    let clients = Clients::open(file)?;
    let (address, shown) = (config.http.address, file.display());
    if !clients.are_none() {
        info!("客户端文件 / clients of {shown}");
    } else if address.ip().to_canonical().is_loopback() {
        warn!("未设客户端，本机任何人均可访问 / no clients: anybody on this machine may ask");
    } else {
        return Err(format!(
            "{address}: 未设客户端，任何能连到此地址的人都可访问，服务不启动；请先 xincha client add（{shown}），\
             或只在本机监听 / there are no clients, so whoever reaches this address could ask for everything, and \
             the service does not start: add one by xincha client add ({shown}), or listen on 127.0.0.1"
        )
        .into());
    }
    Ok(clients)
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
