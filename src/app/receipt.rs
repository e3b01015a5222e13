//! `xincha receipt`: what proves an answer, fetched and held against it.

use super::Outcome;
use super::audit::trusted;
use super::remote::Remote;
use crate::audit::{Act, Receipt, Record, with_target};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::http::evidence::unnumbered;
use crate::http::{Unanswered, Worker, answer};
use crate::live::{Generation, View};
use crate::output::Output;
use crate::record::Instant;
use crate::snapshot::Store;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The arguments of `receipt`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes: 0 proven, 1 not.

Examples / 示例:
  xincha receipt get 1-1f3a0-5d0c… -o receipt.json          from the running service
  xincha receipt verify receipt.json                        its record was in the log when that was sealed
  xincha receipt verify receipt.json --request request.json --answer answer.json      and of these texts
  xincha receipt verify receipt.json --request section.json --answer 核查记录.html     a page of evidence
  xincha receipt verify receipt.json --request match.json --answer answer.json --target '/match/default?limit=5'
  xincha receipt verify receipt.json --request request.json --replay    and the kept snapshot answers the same
  xincha receipt verify receipt.json --public-key 9fKq…=    on another machine, offline")]
pub struct ReceiptCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// 取回 / fetch a receipt
    Get(Get),
    /// 验证 / prove a receipt, offline
    Verify(Verify),
}

/// The arguments of `receipt get`.
#[derive(clap::Args, Debug)]
struct Get {
    /// 回执编号 / number of the receipt, as an answer tells it
    number: String,
    /// 输出文件 / file to write; default: stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// 服务地址 / the service, instead of the configured address: http://host:port
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// The arguments of `receipt verify`.
#[derive(clap::Args, Debug)]
struct Verify {
    /// 回执文件 / a receipt, as `receipt get` writes it; - reads stdin
    file: PathBuf,
    /// 请求文件 / the body of the request
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// 回答文件 / the body of the answer; of /v1/evidence the page
    #[arg(long, value_name = "FILE", requires = "request")]
    answer: Option<PathBuf>,
    /// 路径与查询串 / path and query of the request, where it went to /match: they are part of the question
    #[arg(long, value_name = "PATH", requires = "answer")]
    target: Option<String>,
    /// 重放 / decide the request again on the kept snapshot: the answer must be the same
    #[arg(long, requires = "request")]
    replay: bool,
    /// 公钥 / public half of the key that signs seals (base64 or PEM), may be given more than once; default: that
    /// of the configured key
    #[arg(long, value_name = "KEY")]
    public_key: Vec<String>,
}

impl ReceiptCommand {
    /// Run one of them.
    pub fn run(&self, config: &Config) -> Outcome {
        match &self.command {
            Command::Get(get) => get.run(config),
            Command::Verify(verify) => verify.run(config),
        }
    }
}

impl Get {
    fn run(&self, config: &Config) -> Outcome {
        let remote = Remote::new(config, self.server.as_deref())?;
        let receipt = remote.get(&format!("/v1/receipts/{}", self.number))?.good()?;
        let mut output = Output::create(self.output.as_deref())?;
        output.put(format!("{receipt:#}\n").as_bytes())?;
        output.finish()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    fn run(&self, config: &Config) -> Outcome {
        let name = self.file.display();
        let receipt: Receipt = serde_json::from_slice(&super::request_of(&self.file)?)
            .map_err(|error| format!("{name}: 不是回执 / is no receipt: {error}"))?;
        receipt.verify(&trusted(&config.audit, &self.public_key)?)?;
        println!("{:#}", receipt.record);
        println!("✓ 记录在已签名的封存之中 / the record is among those of a signed seal");
        if let (Some(request), Some(answer)) = (&self.request, &self.answer) {
            let (request, answer) = self.as_recorded(&receipt, read(request)?, read(answer)?)?;
            receipt.verify_texts(&request, &answer)?;
            println!(
                "✓ 请求与回答即所记录者 / the request and the answer are those that were recorded"
            );
        }
        if let (true, Some(request)) = (self.replay, &self.request) {
            let request = read(request)?;
            let mut payload = Vec::new();
            let answer = replay(config, &receipt.opened(&mut payload)?, &request)?;
            receipt.verify_texts(&request, &answer).map_err(|_| {
                "重放的回答与记录不同 / decided again, the answer is another than the recorded one"
            })?;
            println!("✓ 重放结果相同 / decided again, the answer is the same");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    /// The request and the answer as their record commits to them.
    fn as_recorded(
        &self,
        receipt: &Receipt,
        body: Vec<u8>,
        answer: Vec<u8>,
    ) -> Result<(Vec<u8>, Vec<u8>), Box<dyn Error>> {
        let mut payload = Vec::new();
        match (receipt.opened(&mut payload)?.act, &self.target) {
            (Act::Match, Some(target)) => Ok((with_target(target, &body), answer)),
            (Act::Match, None) => {
                Err("--target: 需要请求的路径与查询串 / the path and query are needed: /match/…"
                    .into())
            }
            (Act::Evidence, _) => Ok((body, unnumbered(&answer, &receipt.receipt))),
            (_, _) => Ok((body, answer)),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Decide a recorded check again on the data of then.
fn replay(config: &Config, record: &Record, request: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let (Act::Check, Some(ground)) = (record.act, record.ground) else {
        return Err("只有核查可以重放 / only a check can be decided again".into());
    };
    let catalogue = config.load_catalogue()?;
    if *catalogue.hash() != ground.catalogue {
        return Err(format!(
            "目录已变更，重放需要当时的目录 / the catalogue is another than then: replay with {}",
            Catalogue::digest_of(&ground.catalogue)
        )
        .into());
    }
    let store = Store::open(&config.data.snapshots)?;
    let path = store.published(ground.snapshot).ok_or_else(|| {
        format!("快照 {0} 已不再保留 / the snapshot {0} is no longer kept", ground.snapshot)
    })?;
    let mut view = View::of(Arc::new(Generation::open(&path, catalogue, config.data.trusted())?));
    if view.overlay.change() != ground.change {
        view.catch_up_to(&super::ledger(config)?, ground.change)?;
    }
    view.behind = ground.behind.map(Instant);
    let mut out = Vec::new();
    let now = Instant::of_millis(record.millis);
    match answer(&view, now, record.id, request, &mut Worker::searching(), &mut out) {
        Ok(()) => Ok(out),
        Err(Unanswered::Problem(problem)) => {
            Err(super::check::told(&serde_json::from_slice(&problem.to_json())?).into())
        }
        Err(Unanswered::MustSearch) => unreachable!("this worker searches"),
    }
}
