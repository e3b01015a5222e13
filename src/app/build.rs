//! `xincha build`: feeds → a published snapshot.

use super::Outcome;
use super::progress::FileProgress;
use crate::catalogue::Catalogue;
use crate::clock;
use crate::config::Config;
use crate::ingest::{self, IngestError, Order, Plan, Report};
use crate::ledger::Ledger;
use crate::live::{Generation, View};
use crate::record::Instant;
use crate::snapshot::Store;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tracing::{info, warn};

/// The arguments of `build`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples / 示例:
  xincha build                                    the configured feeds
  xincha build --feeds /data/feeds --out /data/snapshots
  xincha build --rejects /tmp/rejects.csv --as-of-build")]
pub struct Build {
    /// 数据文件目录 / folder of the feeds, instead of the configured one
    #[arg(long, value_name = "DIR")]
    feeds: Option<PathBuf>,
    /// 映射目录 / folder of the mappings
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
    /// 快照目录 / folder of the snapshots
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// 拒收文件 / where rejected rows go; default: rejects.csv beside the snapshots
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// 以构建时刻为数据时点 / take every feed as true at this moment
    #[arg(long)]
    as_of_build: bool,
}

impl Build {
    /// Build and print the report.
    pub fn run(&self, mut config: Config) -> Outcome {
        let given = [
            (&self.feeds, &mut config.data.feeds),
            (&self.sources, &mut config.data.sources),
            (&self.out, &mut config.data.snapshots),
        ];
        for (given, configured) in given {
            if let Some(given) = given {
                configured.clone_from(given);
            }
        }
        config.data.as_of_build |= self.as_of_build;
        let catalogue = config.load_catalogue()?;
        let report = build(&config, &catalogue, self.rejects.clone())?;
        println!("{report}");
        Ok(ExitCode::SUCCESS)
    }
}

/// The current snapshot with every change of the ledger: what the next build has to take along. `None`
/// where there is no snapshot yet.
fn standing(
    config: &Config,
    catalogue: &Arc<Catalogue>,
    store: &Store,
) -> Result<Option<View>, Box<dyn std::error::Error>> {
    let ledger = super::ledger(config)?;
    let generation = match store.current()? {
        Some(path) => match Generation::open(&path, catalogue.clone(), config.data.trusted()) {
            Ok(generation) => Some(generation),
            Err(error) => {
                warn!("上一快照不可用 / the snapshot before cannot be used: {error}");
                None
            }
        },
        None => None,
    };
    let Some(generation) = generation else {
        // What the ledger no longer keeps was in the snapshots: without them it is not known.
        ledger.read(0)?;
        return Ok(None);
    };
    let mut view = View::of(Arc::new(generation));
    view.catch_up(&ledger)?;
    Ok(Some(view))
}

/// Build the configured feeds and publish. What was published before stays when it fails.
pub fn build(
    config: &Config,
    catalogue: &Arc<Catalogue>,
    rejects: Option<PathBuf>,
) -> Result<Report, Box<dyn std::error::Error>> {
    let folder = &config.data.snapshots;
    let io = |source| IngestError::Io { path: folder.clone(), source };
    let signing = config.data.load_signing_key()?;
    if let Some(key) = &signing {
        info!(key = %key.id(), "快照将签名 / the snapshot will be signed");
    }
    let store = Store::open(folder).map_err(io)?.signing(signing);
    let view = standing(config, catalogue, &store)?;
    let standing = view.as_ref().map(|view| view.overlay.standing()).unwrap_or_default();
    let keys = view.as_ref().map(View::keys).unwrap_or_default();
    let plan = Plan::of(&config.data.feeds, &config.data.sources)?;
    let progress = FileProgress::new(plan.bytes());
    let order = Order {
        plan: &plan,
        kind_of: &|code| catalogue.list_no(code).map(|no| catalogue.list(no).kind),
        store: &store,
        rejects: &rejects.unwrap_or_else(|| folder.join("rejects.csv")),
        now: Instant(clock::seconds()),
        standing: &standing,
        keys: &keys,
        change: view.map_or(0, |view| view.overlay.change()),
        as_of_build: config.data.as_of_build,
    };
    let report = ingest::build(&order, &progress);
    progress.finish();
    let mut report = report?;
    let delivered = |code: &String| report.meta.lists.iter().any(|list| list.code == *code);
    report.missing = catalogue
        .lists()
        .iter()
        .map(|list| list.code.clone())
        .filter(|code| !delivered(code))
        .collect();
    store.prune(config.data.keep).map_err(io)?;
    Ok(report)
}
