//! `xincha change`: changes sent to the running service.

use super::Outcome;
use super::remote::Remote;
use crate::config::Config;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `change`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Changes / 变更类型: list amend extend note_objection lift_objection suspend resume exit repair revoke
Exit codes: 0 all recorded or known already, 1 failed, 3 some refused (the reasons are printed).

Examples / 示例:
  xincha change repair --list sxbzxr --entry sxbzxr-2ee24935544946e86266 --key 2026-修复-0007
  xincha change extend --list tqnmggz --entry tqnmggz-026fb40f5bb987596646 --to 2028-06-30 --key k1
  xincha change exit --list sxbzxr --entry sxbzxr-2ee24935544946e86266 --on 2026-11-25 --key k2
  xincha change --file changes.json     a whole request, as POST /v1/changes takes it; - is stdin")]
pub struct Change {
    /// 变更类型 / what is changed
    #[arg(required_unless_present = "file")]
    change: Option<String>,
    /// 名单编码 / code of the list
    #[arg(long, required_unless_present = "file")]
    list: Option<String>,
    /// 记录编号 / id of the entry, as an answer of a check names it
    #[arg(long, required_unless_present = "file")]
    entry: Option<String>,
    /// 幂等键 / the sender's name for this change: sent twice, it is recorded once
    #[arg(long, required_unless_present = "file")]
    key: Option<String>,
    /// 起始日期 / first day of a suspension
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// 截止日期 / last day; `none` for without end
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// 移出日期 / first day off the list
    #[arg(long, value_name = "DAY")]
    on: Option<String>,
    /// 决定文书 / the decision behind it
    #[arg(long)]
    document: Option<String>,
    /// 部门 / the department that owns the list
    #[arg(long)]
    department: Option<String>,
    /// 经办人 / who did it
    #[arg(long)]
    operator: Option<String>,
    /// 请求文件 / a whole request as JSON; - reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["change", "list", "entry", "key"])]
    file: Option<PathBuf>,
    /// 服务地址 / the service, instead of the configured address: http://host:port
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// 输出 JSON / print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Change {
    /// Send and print what became of it.
    pub fn run(&self, config: &Config) -> Outcome {
        let remote = Remote::new(config, self.server.as_deref())?;
        let answer = remote.post("/v1/changes", self.request()?)?.good()?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&answer)?);
        } else {
            print(&answer);
        }
        Ok(if answer["refused"] == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }

    fn request(&self) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        match &self.file {
            Some(path) => super::request_of(path),
            None => Ok(serde_json::to_vec(&json!({"changes": [self.one()]}))?),
        }
    }

    fn one(&self) -> Value {
        let mut change = json!({});
        let given = [
            ("change", &self.change),
            ("list", &self.list),
            ("entry", &self.entry),
            ("key", &self.key),
            ("from", &self.from),
            ("to", &self.to),
            ("on", &self.on),
            ("document", &self.document),
            ("department", &self.department),
            ("operator", &self.operator),
        ];
        for (field, value) in given {
            match value.as_deref() {
                Some("none") if field == "to" || field == "from" => change[field] = Value::Null,
                Some(value) => change[field] = json!(value),
                None => {}
            }
        }
        change
    }
}

fn print(answer: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for result in answer["results"].as_array().into_iter().flatten() {
        let (status, entry) = (text(&result["status"]), text(&result["entry"]));
        let told = match &*status {
            "recorded" => format!("已登记 / recorded  {}", result["change"]),
            "repeated" => format!("重复提交 / repeated  {}", result["change"]),
            _ => {
                let refusal = &result["refusal"];
                format!(
                    "被拒绝 / refused  {} / {}",
                    text(&refusal["title_zh"]),
                    text(&refusal["title"])
                )
            }
        };
        println!("{entry}  {told}");
    }
    println!("最新变更 / last change  {}", answer["change"]);
}
