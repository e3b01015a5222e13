//! `xincha build`: feeds → a published snapshot.

use super::progress::BuildProgress;
use super::{Outcome, now};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::ingest::{self, IngestError, Order, Plan, Report};
use crate::snapshot::Store;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::info;

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

/// Build the configured feeds and publish. What was published before stays when it fails.
pub fn build(
    config: &Config,
    catalogue: &Catalogue,
    rejects: Option<PathBuf>,
) -> Result<Report, IngestError> {
    let folder = &config.data.snapshots;
    let io = |source| IngestError::Io { path: folder.clone(), source };
    let signing = config.data.load_signing_key()?;
    if let Some(key) = &signing {
        info!(key = %key.id(), "快照将签名 / the snapshot will be signed");
    }
    let store = Store::open(folder).map_err(io)?.signing(signing);
    let plan = Plan::of(&config.data.feeds, &config.data.sources)?;
    let progress = BuildProgress::new(plan.bytes());
    let order = Order {
        plan: &plan,
        kind_of: &|code| catalogue.list_no(code).map(|no| catalogue.list(no).kind),
        store: &store,
        rejects: &rejects.unwrap_or_else(|| folder.join("rejects.csv")),
        now: now(),
        standing: &[],
        change: 0,
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
