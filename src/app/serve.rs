//! `xincha serve`: the service, from the configuration to the drained end.

use super::Outcome;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::http::Server;
use crate::live::{Generation, Live, View};
use crate::snapshot::Store;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

/// What to do when the current snapshot cannot be used.
const ADVICE: &str = "可运行 `xincha build` 重新构建 / run `xincha build` to build it anew";

/// Serve until SIGTERM or Ctrl-C, then drain.
pub fn run(config: &Config) -> Outcome {
    let catalogue = config.load_catalogue()?;
    info!(
        lists = catalogue.lists().len(),
        measures = catalogue.measures().len(),
        matters = catalogue.matters().len(),
        "目录已加载 / catalogue loaded"
    );
    if config.data.build_on_start {
        // A wrong key is a mistake of the configuration, not a failed build to get over.
        config.data.load_signing_key()?;
    }
    let path = snapshot(config, &catalogue)?;
    let generation = Generation::open(&path, catalogue, config.data.trusted())
        .map_err(|error| format!("{error}\n{ADVICE}"))?;
    let meta = generation.ground.index.meta();
    info!(snapshot = %meta.id, entries = meta.entries, subjects = meta.subjects, "快照已就绪 / snapshot ready");
    let live = Live::new(Some(Arc::new(View::of(Arc::new(generation)))));
    let bound = Server::bind(config.http.clone(), live)
        .map_err(|error| format!("{}: 无法监听 / cannot listen: {error}", config.http.address))?;
    info!("服务地址 / serving on http://{}", bound.local_addr());
    let drained = bound.run(stopped()?)?;
    info!(cut = drained.cut, "已停止 / stopped");
    Ok(ExitCode::SUCCESS)
}

/// The snapshot to serve: the current one, or a new one when there is none or the configuration
/// wants it. A build that fails leaves the one before it in service.
fn snapshot(config: &Config, catalogue: &Catalogue) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let store = Store::open(&config.data.snapshots)?;
    let current = match store.current() {
        Err(error) if config.data.build_on_start => {
            warn!("将重新构建 / building anew: {error}");
            None
        }
        current => current.map_err(|error| format!("{error}\n{ADVICE}"))?,
    };
    match current {
        Some(path) if !config.data.build_on_start => Ok(path),
        current => match super::build::build(config, catalogue, None) {
            Ok(report) => {
                info!(
                    rows = report.rows,
                    rejects = report.rejects,
                    seconds = report.seconds,
                    "快照已构建 / snapshot built"
                );
                Ok(report.path)
            }
            Err(error) => match current {
                Some(path) => {
                    warn!(
                        "构建失败，沿用上一快照 / build failed, the snapshot before it is served: {error}"
                    );
                    Ok(path)
                }
                None => Err(error.into()),
            },
        },
    }
}

/// Turns true at the first SIGTERM or SIGINT.
fn stopped() -> std::io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminated, mut interrupted) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
        });
        info!("正在停止 / stopping");
        sender.send_replace(true);
        // The sender stays until the process ends: dropping it would say nothing new.
    })?;
    Ok(receiver)
}
