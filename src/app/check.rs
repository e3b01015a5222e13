//! `xincha check`: one check, offline, with the very code that answers `POST /v1/check`.

use super::Outcome;
use super::remote::Remote;
use super::report::Report;
use crate::catalogue::Catalogue;
use crate::clock;
use crate::config::Config;
use crate::http::{CheckIds, Unanswered, Worker, answer};
use crate::ledger::{FileLedger, LedgerError};
use crate::record::Instant;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The arguments of `check`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes: 0 clear or remind, 3 review, restrict or prohibit, 4 undetermined, 1 failed.

Examples / 示例:
  xincha check --matter 11320500000000019Y3000123456001 --id 91320500MA0000015D
  xincha check --matter 其他-02491-006 --name 苏州明珠建设有限公司 --id 91320505MA0000023G --json
  xincha check --matter 其他-02491-007 --name 李四 --id 110101190001010006 --at 2026-01-01T12:00:00+08:00
  xincha check --matter 11320500000000019Y3000123456001 --name 苏州星和科技有限责任公司      by name alone
  xincha check --matter 其他-02491-006 --id 91320505MA0000023G -o 核查记录.html       a page to print and file
  xincha check --file request.json        a whole request, as POST /v1/check takes it; - is stdin

An identifier on the command line is seen by others on this machine (ps); --file - is not.")]
pub struct Check {
    /// 事项编码 / code of the matter
    #[arg(long, required_unless_present = "file")]
    matter: Option<String>,
    /// 证件号码 / an identifier, its kind recognised; may be given more than once
    #[arg(long, value_name = "NUMBER")]
    id: Vec<String>,
    /// 名称 / the subject's name
    #[arg(long)]
    name: Option<String>,
    /// 主体类型 / organisation, individual_business, natural_person, vehicle
    #[arg(long)]
    kind: Option<String>,
    /// 角色 / the subject's role in the matter
    #[arg(long)]
    role: Option<String>,
    /// 核查时点 / the instant to decide for, RFC 3339; default: now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// 办件编号 / number of the case; a running service may ask for it and the operator
    #[arg(long)]
    case: Option<String>,
    /// 经办人 / who asks
    #[arg(long)]
    operator: Option<String>,
    /// 请求文件 / a whole request as JSON; - reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["matter", "id", "name", "kind", "role", "at", "case", "operator"])]
    file: Option<PathBuf>,
    /// 输出 JSON / print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    report: Report,
}

impl Check {
    /// Ask the current snapshot and print the answer.
    pub fn run(&self, config: &Config) -> Outcome {
        let request = self.request()?;
        let catalogue = config.load_catalogue()?;
        let answered = match super::ledger(config) {
            // Whoever holds the ledger knows of the changes since the snapshot.
            Err(LedgerError::Held(_)) => {
                let answer = Remote::new(config, None)?.post("/v1/check", request.clone())?;
                if answer.status == 200 { Ok(answer.document) } else { Err(answer.document) }
            }
            ledger => offline(config, &catalogue, ledger?, &request)?,
        };
        let answer = answered.map_err(|problem| {
            let mut told = told(&problem);
            if problem["code"] == "unknown_matter" {
                told += &format!("\n{}", config.catalogue.join("matters.toml").display());
            }
            told
        })?;
        self.report.write(&catalogue, &request, &answer)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&answer)?);
        } else {
            print(&answer);
        }
        Ok(match answer["verdict"].as_str() {
            Some("clear" | "remind") => ExitCode::SUCCESS,
            Some("undetermined") => ExitCode::from(4),
            _ => ExitCode::from(3),
        })
    }

    fn request(&self) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        match &self.file {
            Some(path) => {
                self.report.check(path)?;
                super::request_of(path)
            }
            None => {
                let mut subject = json!({"ref": "1"});
                let given = [("name", &self.name), ("kind", &self.kind), ("role", &self.role)];
                for (field, value) in given {
                    if let Some(value) = value {
                        subject[field] = json!(value);
                    }
                }
                match &self.id[..] {
                    [] => {}
                    [id] => subject["id"] = json!(id),
                    ids => {
                        let all = ids.iter().map(|id| json!({"kind": "other", "value": id}));
                        subject["ids"] = all.collect();
                    }
                }
                let request = json!({
                    "matter": self.matter,
                    "case": self.case,
                    "operator": self.operator,
                    "at": self.at,
                    "subjects": [subject],
                });
                Ok(serde_json::to_vec(&request)?)
            }
        }
    }
}

/// Ask the current snapshot and the changes since: the answer, or the problem with the request.
fn offline(
    config: &Config,
    catalogue: &Arc<Catalogue>,
    ledger: FileLedger,
    request: &[u8],
) -> Result<Result<Value, Value>, Box<dyn std::error::Error>> {
    let view = super::view(config, catalogue, Some(ledger))?;
    let mut out = Vec::new();
    let id = CheckIds::new().next(clock::millis());
    let answered =
        answer(&view, Instant(clock::seconds()), id, request, &mut Worker::searching(), &mut out);
    Ok(match answered {
        Ok(()) => Ok(serde_json::from_slice(&out)?),
        Err(Unanswered::Problem(problem)) => Err(serde_json::from_slice(&problem.to_json())?),
        Err(Unanswered::MustSearch) => unreachable!("this worker searches"),
    })
}

/// A problem in two lines.
pub(super) fn told(problem: &Value) -> String {
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let pointer = text("pointer");
    let place = if pointer.is_empty() { String::new() } else { format!(" ({pointer})") };
    format!("{}{place}\n{}", text("detail_zh"), text("detail"))
}

/// The verdicts in words.
pub(super) fn verdict(code: &Value) -> &str {
    match code.as_str().unwrap_or_default() {
        "clear" => "无记录 / clear",
        "remind" => "提示 / remind",
        "review" => "需人工审查 / review",
        "restrict" => "限制 / restrict",
        "undetermined" => "无法确定 / undetermined",
        "prohibit" => "禁止 / prohibit",
        other => other,
    }
}

fn print(answer: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!("结论 / verdict      {}", verdict(&answer["verdict"]));
    println!("时点 / at           {}", text(&answer["at"]));
    println!("数据 / data         {}", text(&answer["data"]["snapshot"]));
    for stale in answer["data"]["stale"].as_array().into_iter().flatten() {
        println!("数据不可靠 / stale  {} ({})", text(&stale["list"]), text(&stale["reason"]));
    }
    for subject in answer["subjects"].as_array().into_iter().flatten() {
        println!("\n主体 / subject {}   {}", text(&subject["ref"]), verdict(&subject["verdict"]));
        print_subject(subject);
    }
}

/// What was found of a subject.
pub(super) fn print_subject(subject: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for hit in subject["hits"].as_array().into_iter().flatten() {
        let score = hit["likeness"]["score"].as_f64();
        println!(
            "  命中 / hit        {} [{}] {}{}  {} → {}",
            text(&hit["list"]["name"]),
            text(&hit["list"]["kind"]),
            text(&hit["grade"]),
            score.map(|score| format!(" {score}")).unwrap_or_default(),
            hit["from"].as_str().unwrap_or("…"),
            hit["to"].as_str().unwrap_or("无期限 / no end"),
        );
        if let Some(role) = hit["relation"]["role"].as_str() {
            let to = text(&hit["relation"]["to"]);
            println!("                    关系 / relation: {role} → {to}");
        }
        let parts = ["name", "document", "authority"].map(|field| text(&hit[field]));
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        println!("                    {}", parts.join("  "));
        if let Some(reason) = hit["reason"].as_str() {
            println!("                    {reason}");
        }
    }
    for measure in subject["measures"].as_array().into_iter().flatten() {
        println!("  措施 / measure    {} ({})", text(&measure["name"]), text(&measure["action"]));
        println!("                    依据 / basis: {}", text(&measure["basis"]));
    }
    for incentive in subject["incentives"].as_array().into_iter().flatten() {
        println!("  激励 / incentive  {}: {}", text(&incentive["name"]), text(&incentive["basis"]));
    }
    for conflict in subject["conflicts"].as_array().into_iter().flatten() {
        println!(
            "  红黑冲突 / red and black: {} × {}",
            text(&conflict["red"]["list"]),
            text(&conflict["black"]["list"])
        );
    }
    let flags: Vec<String> = subject["flags"].as_array().into_iter().flatten().map(text).collect();
    if !flags.is_empty() {
        println!("  标记 / flags      {}", flags.join(", "));
    }
}
