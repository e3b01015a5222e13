//! `xincha audit`: the log proven, searched, exported.

use super::Outcome;
use super::progress::RowProgress;
use crate::audit::find::Sought;
use crate::audit::reader::Reader;
use crate::audit::receipt::tell;
use crate::audit::verify::{Proven, verify};
use crate::audit::{Act, AuditConfig, AuditKey, Digest};
use crate::config::Config;
use crate::output::Output;
use crate::record::{Identifier, Instant, MaskedIdentifier};
use crate::snapshot::{SigningKey, TrustedKeys};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `audit`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The log may be read while the service writes it. Whoever keeps the last seal elsewhere can show later that
nothing was cut off: it is printed by `verify`.
服务运行时也可读取。verify 会打印最后一次封存，另处保存后可证明日志未被截断。

Examples / 示例:
  xincha audit verify                                          every link, every seal, every signature
  xincha audit verify --folder /backup/audit --public-key 9fKq…=   a copy, with the public half of the key
  xincha audit find --id 91320500MA0000015D                    who asked about this subject, and what was answered
  xincha audit find --list sxbzxr --entry sxbzxr-2ee2…         which answers rest on this entry
  xincha audit find --client portal --since 2026-11-01T00:00:00+08:00 -o portal.jsonl
  xincha audit export -o audit.jsonl                           all records, one JSON object a line")]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// 校验 / prove that nothing was altered, or name the first record that was
    Verify(Verify),
    /// 查找 / find records of a subject, an entry, a client, a case, a time
    Find(Box<Find>),
    /// 导出 / write all records as JSON lines
    Export(Export),
}

/// The arguments of `audit verify`.
#[derive(clap::Args, Debug)]
struct Verify {
    /// 日志目录 / folder of the log; default: the configured one
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// 公钥 / public half of the key that signs seals (base64 or PEM), may be given more than once; default: that
    /// of the configured key
    #[arg(long, value_name = "KEY")]
    public_key: Vec<String>,
}

/// The arguments of `audit find`.
#[derive(clap::Args, Debug)]
struct Find {
    /// 证件号码 / an identifier of the subject, whole or as it was given with hidden digits
    #[arg(long, value_name = "NUMBER")]
    id: Option<String>,
    /// 名称 / the name by which it was asked about; where identifiers were given those are recorded
    #[arg(long)]
    name: Option<String>,
    /// 名单编码 / code of the list of a cited entry
    #[arg(long)]
    list: Option<String>,
    /// 记录编号 / id of a cited entry
    #[arg(long)]
    entry: Option<String>,
    /// 客户端 / name of the client
    #[arg(long)]
    client: Option<String>,
    /// 办件编号 / number of the case
    #[arg(long)]
    case: Option<String>,
    /// 事项编码 / code of the matter
    #[arg(long)]
    matter: Option<String>,
    /// 经办人 / who handled it
    #[arg(long)]
    operator: Option<String>,
    /// 行为 / what was done, may be given more than once
    #[arg(long)]
    act: Vec<Act>,
    #[command(flatten)]
    within: Within,
}

/// The arguments of `audit export`.
#[derive(clap::Args, Debug)]
struct Export {
    #[command(flatten)]
    within: Within,
}

/// Which part of the log, and where it goes.
#[derive(clap::Args, Debug)]
struct Within {
    /// 起始时间 / from this moment on, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<Instant>,
    /// 截止时间 / before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Instant>,
    /// 日志目录 / folder of the log; default: the configured one
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// 输出文件 / file to write, JSON lines; default: stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Audit {
    /// Run one of them.
    pub fn run(&self, config: &Config) -> Outcome {
        match &self.command {
            Command::Verify(verify) => verify.run(&config.audit),
            Command::Find(find) => find.run(&config.audit),
            Command::Export(export) => export.within.write(&config.audit, Sought::default()),
        }
    }
}

/// Whose signatures of seals are trusted: those that are given, or the configured key.
pub(super) fn trusted(
    config: &AuditConfig,
    given: &[String],
) -> Result<TrustedKeys, Box<dyn Error>> {
    if given.is_empty() {
        return Ok(TrustedKeys::of(&SigningKey::load(&config.signing_key_path())?));
    }
    Ok(TrustedKeys::parse(given)?)
}

fn folder(config: &AuditConfig, given: &Option<PathBuf>) -> PathBuf {
    given.clone().unwrap_or_else(|| config.folder.clone())
}

impl Verify {
    fn run(&self, config: &AuditConfig) -> Outcome {
        let reader = Reader::new(folder(config, &self.folder));
        let trusted = trusted(config, &self.public_key)?;
        let started = std::time::Instant::now();
        let progress = RowProgress::new(reader.records()?);
        let proven = verify(&reader, &trusted, |records| progress.done(records));
        progress.finish();
        let Proven { seals, sealed, unsealed, partly, last } = proven?;
        println!("{}", reader.root().display());
        println!("完好 / sound        {} 条 / records, {seals} 次封存 / seals", sealed + partly);
        if partly > 0 {
            println!(
                "部分 / partly       {partly} 条的封存区间已不完整保留，仅链与签名成立 / are of intervals of \
                 which a part is kept no more: their chain and the signatures hold"
            );
        }
        println!("未封存 / unsealed   {unsealed} 条，链成立，尚未签名 / chained, not signed yet");
        if let Some(line) = last {
            println!("最后封存 / last seal {}", line.text());
        }
        println!("用时 / time         {:.1} s", started.elapsed().as_secs_f64());
        Ok(ExitCode::SUCCESS)
    }
}

impl Find {
    fn run(&self, config: &AuditConfig) -> Outcome {
        let mut sought = Sought {
            list: self.list.clone(),
            entry: self.entry.clone(),
            client: self.client.clone(),
            case: self.case.clone(),
            matter: self.matter.clone(),
            operator: self.operator.clone(),
            acts: self.act.clone(),
            ..Sought::default()
        };
        if self.id.is_some() || self.name.is_some() {
            sought.subjects = self.digests(config)?;
        }
        self.within.write(config, sought)
    }

    /// What a record of the subject has one of.
    fn digests(&self, config: &AuditConfig) -> Result<Vec<Digest>, Box<dyn Error>> {
        let folder = folder(config, &self.within.folder);
        let algorithm = Reader::new(folder).algorithm()?.unwrap_or_default();
        let key = AuditKey::load(&config.key_path(), algorithm)?;
        let mut digests: Vec<Digest> = self.name.iter().map(|name| key.name(name)).collect();
        if let Some(text) = &self.id {
            digests.extend(MaskedIdentifier::parse(text).map(|masked| key.masked(&masked)));
            let identifier = Identifier::recognise(text);
            let derived = identifier.as_ref().ok().and_then(Identifier::derived);
            digests.extend(identifier.iter().chain(&derived).map(|id| key.identifier(id)));
        }
        match digests.is_empty() {
            true => Err("--id: 不是证件号码 / is no identifier".into()),
            false => Ok(digests),
        }
    }
}

impl Within {
    fn write(&self, config: &AuditConfig, sought: Sought) -> Outcome {
        let millis = |at: Instant| at.0.max(0) as u64 * 1_000;
        let sought =
            Sought { since: self.since.map_or(0, millis), until: self.until.map(millis), ..sought };
        let mut output = Output::create(self.output.as_deref())?;
        let (mut found, mut failed) = (0u64, None);
        sought.each(&Reader::new(folder(config, &self.folder)), |kept| {
            let line = format!("{}\n", tell(&kept.record, &kept.no));
            if failed.is_none() {
                failed = output.put(line.as_bytes()).err();
            }
            found += 1;
        })?;
        if let Some(failed) = failed {
            return Err(failed.into());
        }
        output.finish()?;
        eprintln!("{found} 条记录 / records");
        Ok(ExitCode::SUCCESS)
    }
}
