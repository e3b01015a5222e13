//! `xincha recall`: past answers that relied on an entry, and who is to be told.

use super::Outcome;
use super::remote::Remote;
use crate::config::Config;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The arguments of `recall`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
After a revocation or a correction: every answer that relied on the entry, by client and case. The recall is
kept, and clients read theirs at GET /v1/recalls?after=<the last number they know>.
撤销或更正之后：列出依据该记录作出的每一次回答，按客户端与办件归集；客户端经 /v1/recalls 获知。

Examples / 示例:
  xincha recall --list sxbzxr --entry sxbzxr-2ee24935544946e86266 --reason 法院撤销
  xincha recall --list sxbzxr --entry sxbzxr-2ee2… --reason 更正 --since 2026-11-01T00:00:00+08:00 --json")]
pub struct Recall {
    /// 名单编码 / code of the list
    #[arg(long)]
    list: String,
    /// 记录编号 / id of the entry
    #[arg(long)]
    entry: String,
    /// 原因 / why it does not hold
    #[arg(long)]
    reason: String,
    /// 起始时间 / answers from this moment on, RFC 3339; default: all that are kept
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// 服务地址 / the service, instead of the configured address: http://host:port
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// 输出 JSON / print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Recall {
    /// Make the recall and print who relied on the entry.
    pub fn run(&self, config: &Config) -> Outcome {
        let remote = Remote::new(config, self.server.as_deref())?;
        let request = json!({
            "list": self.list, "entry": self.entry, "reason": self.reason, "since": self.since,
        });
        let notice = remote.post("/v1/recalls", serde_json::to_vec(&request)?)?.good()?;
        if self.json {
            println!("{notice:#}");
            return Ok(ExitCode::SUCCESS);
        }
        let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| match value.as_str().unwrap_or_default() {
            "" => "—".to_owned(),
            text => text.to_owned(),
        };
        println!("通告 / recall {}　{}", notice["number"], text(&notice["time"]));
        let mut answers = 0;
        for relied in all(&notice["relied"]) {
            println!("{}　办件 / case {}", text(&relied["client"]), text(&relied["case"]));
            for past in all(&relied["answers"]) {
                answers += 1;
                println!(
                    "  {}　{}　{}　{}　{}",
                    text(&past["time"]),
                    text(&past["outcome"]),
                    text(&past["department"]),
                    text(&past["operator"]),
                    text(&past["receipt"]),
                );
            }
        }
        println!("{answers} 次回答 / answers relied on it");
        Ok(ExitCode::SUCCESS)
    }
}
