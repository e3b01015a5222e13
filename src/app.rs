//! The subcommands.
//!
//! | file | noun |
//! |---|---|
//! | [`serve`] | the service, from the configuration to the drained end |
//! | [`build`] | feeds → a published snapshot |
//! | [`check`] | one check, offline |
//! | [`screen`] | a whole file against all lists |
//! | [`cross`] | lists against lists |
//! | [`tender`] | all bidders of a section |
//! | [`change`] | changes, sent to the running service |
//! | [`audit`] | the audit log proven, searched, exported |
//! | [`receipt`] | what proves an answer, fetched and held against it |
//! | [`recall`] | past answers that relied on an entry |
//! | [`client`] | clients and their keys, in their file |
//! | [`status`] | the state of a running service's data, and the commands that steer it |
//! | [`remote`] | the running service, asked over HTTP |
//! | [`job`] | a file that the running service screens |
//! | [`report`] | an answer in a file: a page to print, a table |
//! | [`doctor`] | what is wrong with an installation |
//! | [`verify`] | every byte and every invariant of a snapshot |
//! | [`keygen`] | a key to sign snapshots with |
//! | [`synth`] | a synthetic city on disk |
//! | [`reload`] | the configuration, read again at SIGHUP |
//! | [`log`] | what the service says of itself |
//! | [`fault`] | panics, logged without what they fell over |
//! | [`progress`] | how far a long work is, on the terminal or in lines |

pub mod audit;
pub mod build;
pub mod change;
pub mod check;
pub mod client;
pub mod cross;
pub mod doctor;
pub mod fault;
pub mod job;
pub mod keygen;
pub mod log;
pub mod progress;
pub mod recall;
pub mod receipt;
pub mod reload;
pub mod remote;
pub mod report;
pub mod screen;
pub mod serve;
pub mod status;
pub mod synth;
pub mod tender;
pub mod verify;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::ledger::{FileLedger, LedgerError};
use crate::live::{Generation, View};
use crate::snapshot::Store;
use clap::{Parser, Subcommand};
use log::Log;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// 信查: matching and screening for social-credit lists
#[derive(Parser, Debug)]
#[command(
    name = "xincha",
    version,
    about = "信查：信用名单比对服务 / matching and screening for social-credit lists",
    after_help = "\
Exit codes / 退出码:
  0  done; a check: clear or remind          完成；核查结果为无记录或提示
  1  failed, the reason is on stderr         失败，原因见标准错误
  2  wrong arguments                         参数错误
  3  a check: review, restrict or prohibit   核查结果为审查、限制或禁止
     a change refused; data not all well     变更被拒绝；数据状态异常
     doctor: something is wrong              检查发现问题
  4  a check: undetermined                   核查结果无法确定
  130 cancelled                              已取消

Environment / 环境变量:
  XINCHA_KEY        key of a client, for commands that ask the running service    客户端密钥
  XINCHA_KEY_FILE   the file that holds it                                        密钥文件
  XINCHA_ADDRESS    where to listen, instead of the configured address            监听地址

Examples / 示例:
  xincha                                     build the sample and serve on 127.0.0.1:8080
  xincha check --matter 11320500000000019Y3000123456001 --id 91320500MA0000015D
  xincha screen 企业.csv -o 结果.csv         a whole file against all lists
  xincha synth --entries 1000000 --seed 7 --out /tmp/city
  xincha build --feeds /tmp/city && xincha verify"
)]
pub struct Cli {
    /// 配置文件 / configuration file
    #[arg(long, short, global = true, default_value = "config/xincha.toml", value_name = "FILE")]
    config: PathBuf,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// 提供服务（默认） / serve over HTTP (the default)
    Serve,
    /// 由数据文件构建快照 / build a snapshot from the feeds and publish it
    Build(build::Build),
    /// 离线核查 / check subjects offline, the same answer as POST /v1/check
    Check(check::Check),
    /// 批量比对 / screen a whole file: CSV, Excel, JSON lines, Parquet, Arrow
    Screen(screen::Screen),
    /// 名单互比 / compare lists with lists: red against black, all against all
    Cross(cross::Cross),
    /// 投标人核查 / screen all bidders of a section, and what they have in common
    Tender(tender::Tender),
    /// 登记变更 / send changes to the running service: listing, repair, objection, revocation …
    Change(change::Change),
    /// 数据状态 / the data of the running service: sources, snapshots, what is held
    Status(status::Status),
    /// 立即刷新 / let the running service ask its sources now
    Refresh(status::Refresh),
    /// 回退快照 / let the running service serve an older snapshot
    Rollback(status::Rollback),
    /// 批准被搁置的数据 / take a held delivery
    Approve(status::Held),
    /// 丢弃被搁置的数据 / drop a held delivery
    Discard(status::Held),
    /// 审计日志 / the audit log: verify, find, export
    Audit(audit::Audit),
    /// 回执 / what proves an answer: fetch and verify
    Receipt(receipt::ReceiptCommand),
    /// 回溯通告 / list every past answer that relied on an entry, and note it for its client
    Recall(recall::Recall),
    /// 检查安装 / say what is wrong with this installation, and what to do
    Doctor(doctor::Doctor),
    /// 校验快照 / verify every byte and every invariant of a snapshot
    Verify(verify::Verify),
    /// 管理客户端 / clients that may ask the service, and their keys
    Client(client::Client),
    /// 生成签名密钥 / make a key to sign snapshots with, and say how to configure it
    Keygen(keygen::Keygen),
    /// 生成合成城市 / write a synthetic city: feeds in all layouts, and the truth about them
    Synth(synth::Synth),
}

/// What a command answers, beside what it prints.
pub type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

/// Run the command of the arguments.
pub fn run(cli: Cli) -> ExitCode {
    // Some commands go without it.
    let loaded = Config::load(&cli.config, std::env::var(Config::ADDRESS).ok());
    let of_log = loaded.as_ref().map(|config| config.log.clone()).unwrap_or_default();
    let log = Log::start(&of_log);
    fault::log_panics();
    let config = || loaded.clone();
    let with = |run: &dyn Fn(&Config) -> Outcome| run(&config()?);
    let outcome = match &cli.command {
        None | Some(Command::Serve) => with(&|config| serve::run(config, &cli.config, &log)),
        Some(Command::Build(build)) => {
            config().map_err(Into::into).and_then(|config| build.run(config))
        }
        Some(Command::Check(check)) => with(&|config| check.run(config)),
        Some(Command::Screen(screen)) => with(&|config| screen.run(config)),
        Some(Command::Cross(cross)) => with(&|config| cross.run(config)),
        Some(Command::Tender(tender)) => with(&|config| tender.run(config)),
        Some(Command::Change(change)) => with(&|config| change.run(config)),
        Some(Command::Status(status)) => with(&|config| status.run(config)),
        Some(Command::Refresh(refresh)) => with(&|config| refresh.run(config)),
        Some(Command::Rollback(rollback)) => with(&|config| rollback.run(config)),
        Some(Command::Approve(held)) => with(&|config| held.approve(config)),
        Some(Command::Discard(held)) => with(&|config| held.discard(config)),
        Some(Command::Audit(audit)) => with(&|config| audit.run(config)),
        Some(Command::Receipt(receipt)) => with(&|config| receipt.run(config)),
        Some(Command::Recall(recall)) => with(&|config| recall.run(config)),
        Some(Command::Doctor(doctor)) => doctor.run(config()),
        Some(Command::Verify(verify)) => verify.run(config),
        Some(Command::Client(client)) => with(&|config| client.run(config)),
        Some(Command::Keygen(keygen)) => keygen.run(),
        Some(Command::Synth(synth)) => synth.run(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xincha: {error}");
        ExitCode::FAILURE
    })
}

/// The embedded ledger of changes. One process at a time holds it.
fn ledger(config: &Config) -> Result<FileLedger, LedgerError> {
    if config.replicas.is_some() {
        // Changes go through the machines that run.
        return Err(LedgerError::Held("[replicas]".to_owned()));
    }
    let path = &config.data.ledger;
    if let Some(folder) = path.parent() {
        let failed = |error| LedgerError::Unavailable(format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    FileLedger::open(path)
}

/// The current snapshot with the changes of the ledger; without one, as it was built.
fn view(
    config: &Config,
    catalogue: &Arc<Catalogue>,
    ledger: Option<FileLedger>,
) -> Result<View, Box<dyn std::error::Error>> {
    let store = Store::open(&config.data.snapshots)?;
    let (current, ledger) = match store.current()? {
        Some(path) => (path, ledger),
        // The embedded default: the first to ask builds, for which the ledger is needed there.
        None => {
            let is_wanted = ledger.is_some();
            drop(ledger);
            let path = build::build(config, catalogue, None)?.path;
            (path, is_wanted.then(|| self::ledger(config)).transpose()?)
        }
    };
    let generation = Generation::open(&current, catalogue.clone(), config.data.trusted())?;
    let mut view = View::of(Arc::new(generation));
    if let Some(ledger) = ledger {
        view.catch_up(&ledger)?;
    }
    Ok(view)
}

/// The current snapshot and the changes since, or the snapshot alone. Whoever serves holds the changes.
fn view_for(
    config: &Config,
    catalogue: &Arc<Catalogue>,
    snapshot_only: bool,
) -> Result<View, Box<dyn std::error::Error>> {
    let ledger = match snapshot_only {
        true => None,
        false => Some(ledger(config).map_err(|error| match error {
            LedgerError::Held(_) => "服务正在运行并持有变更日志；仅用快照请加 --snapshot-only / the service runs and \
                                     holds the changes since the snapshot: stop it, or go without them by \
                                     --snapshot-only"
                .to_owned(),
            error => error.to_string(),
        })?),
    };
    view(config, catalogue, ledger)
}

/// A request in a file, or on stdin for `-`.
fn request_of(path: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    if path.as_os_str() != "-" {
        return Ok(std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    Ok(body)
}

/// Do this at the first SIGTERM or SIGINT, on a thread of its own.
fn at_stop(then: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
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
        then();
    })?;
    Ok(())
}

/// Do this at every SIGHUP, on a thread of its own.
fn at_hangup(mut then: impl FnMut() + Send + 'static) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut hung_up = {
        let _inside = runtime.enter();
        signal(SignalKind::hangup())?
    };
    std::thread::Builder::new().name("hangup".to_owned()).spawn(move || {
        while runtime.block_on(hung_up.recv()).is_some() {
            then();
        }
    })?;
    Ok(())
}
