//! `xincha doctor`: what is wrong with an installation, and what to do about it.
//!
//! Nothing is changed by it, and nothing that runs is in its way. Each finding stands for itself: one that
//! needs what another found to be missing is left out.

use super::Outcome;
use super::remote::Remote;
use crate::audit::reader::Reader;
use crate::audit::{AuditConfig, AuditKey};
use crate::catalogue::Catalogue;
use crate::clients::Clients;
use crate::clock;
use crate::config::{Config, ConfigError};
use crate::ledger::{FileLedger, Ledger, LedgerError};
use crate::live::{Generation, ReplicasConfig, View};
use crate::record::Instant;
use crate::snapshot::{SigningKey, Store, TrustedKeys};
use crate::traces::TracesConfig;
use rustix::fs::{Access, access, statvfs};
use rustix::process::geteuid;
use serde::Serialize;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

/// For whoever is asked over the network.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of space below which a folder is called full, whatever is in it.
const SPACE_MIN: u64 = 1 << 30;
/// Files beside connections: snapshots, the ledger, jobs, fetches, listeners.
const FILES_BESIDE: u64 = 512;

/// The arguments of `doctor`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong, 3 something is; what is only doubtful is marked ! and counts as 0.

Examples / 示例:
  xincha doctor
  xincha --config /etc/xincha/xincha.toml doctor --json")]
pub struct Doctor {
    /// 输出 JSON / print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// How a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Well,
    Doubtful,
    Wrong,
}

impl Level {
    fn mark(self) -> char {
        match self {
            Level::Well => '✓',
            Level::Doubtful => '!',
            Level::Wrong => '✗',
        }
    }
}

/// One line.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at, one word.
    of: &'static str,
    level: Level,
    /// What was found, in Chinese and English.
    found: String,
    /// What to do, in Chinese and English.
    advice: Option<&'static str>,
}

/// What is found, one after the other.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn well(&mut self, of: &'static str, found: impl Into<String>) {
        self.0.push(Finding { of, level: Level::Well, found: found.into(), advice: None });
    }

    fn doubt(&mut self, of: &'static str, found: impl Into<String>, advice: &'static str) {
        let (level, found) = (Level::Doubtful, found.into());
        self.0.push(Finding { of, level, found, advice: Some(advice) });
    }

    fn wrong(&mut self, of: &'static str, found: impl Into<String>, advice: &'static str) {
        let (level, found) = (Level::Wrong, found.into());
        self.0.push(Finding { of, level, found, advice: Some(advice) });
    }
}

impl Doctor {
    /// Look and tell.
    pub fn run(&self, config: Result<Config, ConfigError>) -> Outcome {
        let mut findings = Findings::default();
        match &config {
            Ok(config) => {
                findings.well("config", "配置可用 / the configuration can be read");
                installation(config, &mut findings);
            }
            Err(error) => {
                let advice = "改正配置文件 / correct the file";
                findings.wrong("config", error.to_string(), advice);
            }
        }
        clock(&mut findings);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&findings.0)?);
        } else {
            for Finding { of, level, found, advice } in &findings.0 {
                println!("{} {of:<10} {found}", level.mark());
                if let Some(advice) = advice {
                    println!("  {:<10} → {advice}", "");
                }
            }
        }
        let is_well = findings.0.iter().all(|finding| finding.level != Level::Wrong);
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}

fn installation(config: &Config, findings: &mut Findings) {
    let catalogue = match config.load_catalogue() {
        Ok(catalogue) => {
            let [lists, matters] = [catalogue.lists().len(), catalogue.matters().len()];
            let found =
                format!("{lists} 个名单、{matters} 个事项 / {lists} lists, {matters} matters");
            findings.well("catalogue", found);
            Some(catalogue)
        }
        Err(error) => {
            let advice = "改正目录文件 / correct the files of the catalogue";
            findings.wrong("catalogue", error.to_string(), advice);
            None
        }
    };
    match config.loader().mappings() {
        Ok(sources) => {
            let sources = sources.len();
            findings.well("sources", format!("{sources} 个来源 / {sources} sources"));
        }
        Err(error) => {
            let advice = "改正映射或 [source] / correct the mapping or [source]";
            findings.wrong("sources", error.to_string(), advice);
        }
    }
    folders(config, findings);
    keys(config, findings);
    clients(config, findings);
    owners(config, findings);
    audit(&config.audit, findings);
    if let Some(catalogue) = catalogue {
        snapshot(config, catalogue, findings);
    }
    match &config.replicas {
        Some(replicas) => others(replicas, findings),
        None => ledger(&config.data.ledger, findings),
    }
    if let Some(traces) = &config.traces {
        collector(traces, findings);
    }
    files(config, findings);
    address(config, findings);
}

/// Folders are there or can be made, can be used, and have space.
fn folders(config: &Config, findings: &mut Findings) {
    let data = &config.data;
    let advice =
        "建立该目录并授权给运行服务的用户 / make it, and let the user of the service use it";
    for folder in [&data.feeds, &data.sources] {
        let shown = folder.display();
        match std::fs::read_dir(folder) {
            Ok(_) => findings.well("folder", format!("{shown}: 可读 / can be read")),
            Err(error) => {
                let found = format!("{shown}: 无法读取 / cannot be read: {error}");
                findings.wrong("folder", found, advice);
            }
        }
    }
    let of_ledger = data.ledger.parent().unwrap_or(Path::new("."));
    let written = [&data.snapshots, &data.deliveries, of_ledger, &config.jobs.folder];
    for folder in written.into_iter().chain([config.audit.folder.as_path()]) {
        let shown = folder.display();
        // What is missing is made in the nearest that is there.
        let there = folder.ancestors().find(|folder| folder.exists());
        let there = there.filter(|there| !there.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let usable = if there.is_dir() {
            access(there, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
        } else {
            Err(rustix::io::Errno::NOTDIR)
        };
        if let Err(error) = usable {
            let found = format!("{shown}: 不可写 / cannot be written to: {error}");
            findings.wrong("folder", found, advice);
            continue;
        }
        let Ok(space) = statvfs(there) else { continue };
        let (free, needed) = (space.f_bavail * space.f_frsize, needed(folder, config));
        let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
        let found = format!("{shown}: 可用 / free {:.1} GiB", gib(free));
        if free >= needed {
            findings.well("folder", found);
        } else {
            let found = format!("{found}，建议 / advised {:.1} GiB", gib(needed));
            findings.doubt("folder", found, "释放或扩充空间 / make room");
        }
    }
}

/// Bytes that should be free in a folder: a further snapshot beside the largest, the most that jobs may keep.
fn needed(folder: &Path, config: &Config) -> u64 {
    if *folder == config.jobs.folder {
        return config.jobs.bytes_max;
    }
    let largest = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let largest = largest.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).max();
    SPACE_MIN.max(2 * largest.unwrap_or(0))
}

fn keys(config: &Config, findings: &mut Findings) {
    match config.data.load_signing_key() {
        Ok(Some(key)) => {
            findings.well("key", format!("签名密钥 {} / signs with it", key.id()));
        }
        Ok(None) => findings.well("key", "不签名 / snapshots are not signed"),
        // A machine that only serves has keys to trust and none to sign with.
        Err(crate::snapshot::KeyError::NoneToSign) if !config.loader().builds => {
            findings.well("key", "只核验签名，不构建 / signatures are asked for, nothing is built");
        }
        Err(error) => {
            let advice = "改正 data.signing_key、data.trusted_keys / correct these settings";
            findings.wrong("key", error.to_string(), advice);
        }
    }
}

/// What its owner alone may read is the service's: root reads all of it, and would not notice. Whose the service is,
/// its log tells.
fn owners(config: &Config, findings: &mut Findings) {
    let Ok(log) = config.audit.folder.metadata() else { return };
    if !geteuid().is_root() || log.uid() == 0 {
        return;
    }
    let of_log = [config.audit.key_path(), config.audit.signing_key_path()];
    let tls = config.http.tls.as_ref().map(|tls| &tls.key);
    let others = [Some(&config.clients.file), config.data.signing_key.as_ref(), tls];
    for path in of_log.iter().chain(others.into_iter().flatten()) {
        let Ok(file) = path.metadata() else { continue };
        let is_private = file.mode() & 0o077 == 0;
        if is_private && file.uid() != log.uid() {
            let (path, uid) = (path.display(), log.uid());
            let found = format!(
                "{path}: 运行服务的用户（uid {uid}）无法读取 / the user of the service (uid {uid}) cannot read it"
            );
            let advice =
                "移入服务自己的目录并 chown / move it below the service's own folder, and chown it";
            findings.wrong("owner", found, advice);
        }
    }
}

/// The keys of an audit log that is begun are there, and its last seal holds.
fn audit(config: &AuditConfig, findings: &mut Findings) {
    let reader = Reader::new(&config.folder);
    let shown = config.folder.display();
    let algorithm = match reader.lanes().is_ok().then(|| reader.algorithm()).transpose() {
        Ok(Some(Some(algorithm))) => algorithm,
        Ok(_) => return findings.well("audit", format!("{shown}: 尚未开始 / not begun yet")),
        Err(error) => {
            let advice = "xincha audit verify 指出损坏之处 / xincha audit verify says where";
            return findings.wrong("audit", error.to_string(), advice);
        }
    };
    let advice = "由备份恢复密钥 / restore the keys from a backup";
    if let Err(error) = AuditKey::load(&config.key_path(), algorithm) {
        return findings.wrong("audit", error.to_string(), advice);
    }
    let key = match SigningKey::load(&config.signing_key_path()) {
        Ok(key) => key,
        Err(error) => return findings.wrong("audit", error.to_string(), advice),
    };
    match reader.last_seal() {
        Ok(Some(line)) if line.verify(&TrustedKeys::of(&key)).is_err() => {
            let found =
                format!("{shown}: 最后的封存由另一密钥签名 / the last seal is another key's");
            findings.doubt(
                "audit",
                found,
                "确认签名密钥已更换 / see that the key was changed on purpose",
            );
        }
        Ok(_) => findings.well("audit", format!("{shown}: 可用 / can be used")),
        Err(error) => {
            let advice = "xincha audit verify 指出损坏之处 / xincha audit verify says where";
            findings.wrong("audit", error.to_string(), advice);
        }
    }
}

/// Who may ask can be read, and there is somebody where others than this machine can.
fn clients(config: &Config, findings: &mut Findings) {
    let file = config.clients.file.display();
    match Clients::open(&config.clients.file) {
        Ok(clients) if !clients.are_none() => {
            findings.well("clients", format!("{file}: 可用 / can be used"));
        }
        Ok(_) if config.http.address.ip().to_canonical().is_loopback() => {
            let found = "未设客户端，本机任何人均可访问 / none: anybody on this machine may ask";
            findings.doubt("clients", found, "xincha client add NAME --scope check");
        }
        Ok(_) => {
            let found = "未设客户端而对外监听，服务不会启动 / none, and others can connect: it does not start";
            findings.wrong("clients", found, "xincha client add NAME --scope check");
        }
        Err(error) => {
            findings.wrong("clients", error.to_string(), "改正该文件 / correct the file");
        }
    }
}

/// The current snapshot is whole, signed where that is asked, and fresh.
fn snapshot(config: &Config, catalogue: Arc<Catalogue>, findings: &mut Findings) {
    let folder = &config.data.snapshots;
    let current = match folder.is_dir().then(|| Store::open(folder)?.current()).transpose() {
        Ok(current) => current.flatten(),
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            findings.wrong("snapshot", found, "检查该目录 / look at the folder");
            return;
        }
    };
    let Some(path) = current else {
        let found = format!("{}: 还没有快照 / no snapshot yet", folder.display());
        let advice = "服务启动时构建，或执行 xincha build / a start of the service builds one, or xincha build";
        findings.doubt("snapshot", found, advice);
        return;
    };
    let generation = match Generation::open(&path, catalogue, config.data.trusted()) {
        Ok(generation) => Arc::new(generation),
        Err(error) => {
            let advice = "重新构建：xincha build / build anew";
            findings.wrong("snapshot", error.to_string(), advice);
            return;
        }
    };
    let meta = generation.ground.index.meta();
    let (built, signed) = (Instant(meta.built), generation.snapshot.signed_by());
    let by = signed.map_or_else(
        || "未核验签名 / signature not asked for".to_owned(),
        |key| format!("签名密钥 {key} / signed by it"),
    );
    findings.well("snapshot", format!("{}，构建于 / built {built}，{by}", meta.id));
    let (view, at) = (View::of(generation.clone()), Instant(clock::seconds()));
    let (basis, catalogue) = (view.basis(at), &generation.ground.catalogue);
    let lists = catalogue.list_numbers().filter(|&list| basis.stale_list(list, at).is_some());
    let stale: Vec<&str> = lists.map(|list| catalogue.list(list).code.as_str()).collect();
    if stale.is_empty() {
        findings.well("lists", "均在有效期内 / none is stale");
    } else {
        let found = format!("已过期 / stale: {}", stale.join(" "));
        findings.doubt("lists", found, "刷新来源：xincha refresh / let the sources be asked");
    }
}

/// The ledger can be read, or whoever runs holds it.
fn ledger(path: &Path, findings: &mut Findings) {
    if !path.exists() {
        let found = format!("{}: 尚无变更 / no changes yet", path.display());
        return findings.well("ledger", found);
    }
    match FileLedger::open(path).and_then(|ledger| ledger.last()) {
        Ok(last) => findings.well("ledger", format!("最新变更 {last} / last change {last}")),
        Err(LedgerError::Held(_)) => {
            findings.well("ledger", "由运行中的服务持有 / held by the service that runs");
        }
        Err(error) => {
            let advice = "由备份恢复该文件 / restore the file from a backup";
            findings.wrong("ledger", error.to_string(), advice);
        }
    }
}

/// The other machines' servers can be connected to. No credential is sent.
fn others(replicas: &ReplicasConfig, findings: &mut Findings) {
    let servers = replicas.stream.servers.iter().filter_map(|server| server.reveal().ok());
    let streams = servers.map(|url| (url, 4222));
    let shelf = replicas.shelf.endpoint.clone();
    let port = if shelf.starts_with("https") { 443 } else { 80 };
    for (of, url, port) in
        streams.map(|(url, port)| ("stream", url, port)).chain([("shelf", shelf, port)])
    {
        let url = reqwest::Url::parse(&url).ok();
        let place =
            url.as_ref().and_then(|url| Some((url.host_str()?, url.port().unwrap_or(port))));
        let Some((host, port)) = place else {
            findings.wrong(of, "不是 URL / no URL", "改正 [replicas] / correct [replicas]");
            continue;
        };
        match connect(host.trim_matches(['[', ']']), port) {
            Ok(()) => findings.well(of, format!("{host}:{port} 可连接 / can be reached")),
            Err(error) => {
                let found = format!("{host}:{port} 无法连接 / cannot be reached: {error}");
                findings.wrong(of, found, "检查网络与该服务 / look at the network and that server");
            }
        }
    }
}

/// The collector of traces can be connected to. Without it the service is none the worse.
fn collector(traces: &TracesConfig, findings: &mut Findings) {
    let (host, port) = traces.endpoint.place();
    match connect(host, port) {
        Ok(()) => findings.well("traces", format!("{host}:{port} 可连接 / can be reached")),
        Err(error) => {
            let found = format!("{host}:{port} 无法连接 / cannot be reached: {error}");
            let advice = "启动收集器或改正 traces.endpoint / start the collector, or correct traces.endpoint";
            findings.doubt("traces", found, advice);
        }
    }
}

fn connect(host: &str, port: u16) -> std::io::Result<()> {
    let mut last = std::io::Error::other("no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// As many files may be open as connections held, and some more.
fn files(config: &Config, findings: &mut Findings) {
    #[cfg(target_os = "linux")]
    if let Ok(process) = procfs::process::Process::myself()
        && let Ok(limits) = process.limits()
        && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        let needed = config.http.connections_max as u64 + FILES_BESIDE;
        let found = format!("可打开 / may be open: {most}，需要 / needed: {needed}");
        if most >= needed {
            findings.well("files", found);
        } else {
            let advice = "提高 ulimit -n（LimitNOFILE）或降低 http.connections_max / raise the one or lower the other";
            findings.wrong("files", found, advice);
        }
    }
}

/// The address is free, or a service of ours answers there.
fn address(config: &Config, findings: &mut Findings) {
    let address = config.http.address;
    let Err(error) = TcpListener::bind(address) else {
        return findings.well("address", format!("{address} 空闲 / free"));
    };
    if error.kind() != std::io::ErrorKind::AddrInUse {
        let found = format!("{address}: 无法监听 / cannot listen: {error}");
        return findings.wrong("address", found, "改正 http.address / correct http.address");
    }
    let remote = match Remote::new(config, None) {
        Ok(remote) => remote.within(PATIENCE),
        Err(error) => {
            let advice = "改正 http.tls、XINCHA_KEY / correct http.tls, XINCHA_KEY";
            return findings.wrong("address", error.to_string(), advice);
        }
    };
    let is_ours = remote.get("/healthz").is_ok_and(|answer| answer.document["alive"] == true);
    if !is_ours {
        let found = format!("{address}: 被其他程序占用 / used by another program");
        let advice = "停止该程序或改用其他地址 / stop it, or listen elsewhere";
        return findings.wrong("address", found, advice);
    }
    match remote.get("/readyz") {
        Ok(answer) if answer.status == 200 => {
            findings.well("address", format!("{address}: 服务已就绪 / a service is ready there"));
        }
        _ => {
            let found =
                format!("{address}: 服务运行但未就绪 / a service runs there and is not ready");
            findings.wrong("address", found, "见 xincha status / see xincha status");
        }
    }
}

/// The clock follows others: terms and the age of lists are told by it.
fn clock(findings: &mut Findings) {
    let told =
        Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).output();
    let said = told.ok().filter(|told| told.status.success());
    match said.as_ref().map(|told| told.stdout.trim_ascii()) {
        Some(b"yes") => findings.well("clock", "已同步 / synchronised"),
        Some(b"no") => {
            let advice =
                "启用 chrony 或 systemd-timesyncd / let chrony or systemd-timesyncd set it";
            findings.wrong("clock", "未同步 / not synchronised", advice);
        }
        _ => {
            let advice =
                "请确认本机与时间服务器同步 / see that something sets this machine's clock";
            findings.doubt("clock", "无法得知是否同步 / cannot tell whether it is set", advice);
        }
    }
}
