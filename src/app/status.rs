//! `xincha status`, and the commands that steer a running service's data.

use super::Outcome;
use super::remote::Remote;
use crate::config::Config;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// Between two looks at a refresh.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The arguments of `status`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes: 0 all is well, 3 something is held, failed, stale or behind, 1 failed.

Examples / 示例:
  xincha status
  xincha status --json --server http://127.0.0.1:8080")]
pub struct Status {
    /// 服务地址 / the service, instead of the configured address
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// 输出 JSON / print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Ask and print.
    pub fn run(&self, config: &Config) -> Outcome {
        let data = Remote::new(config, self.server.as_deref())?.get("/v1/data")?.good()?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&data)?);
        } else {
            print(&data);
        }
        Ok(if is_well(&data) { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}

fn is_well(data: &Value) -> bool {
    let sources = data["sources"].as_array();
    let is_ill = |source: &Value| {
        let state = &source["state"];
        !state["held"].is_null() || !state["failure"].is_null()
    };
    let stale = data["stale"].as_array().is_some_and(|stale| !stale.is_empty());
    !stale
        && data["behind"].is_null()
        && data["refresh"]["failure"].is_null()
        && !sources.into_iter().flatten().any(is_ill)
}

fn print(data: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or("—").to_owned();
    println!("快照 / snapshot     {}  ({})", text(&data["snapshot"]), text(&data["built"]));
    println!("变更 / change       {}", data["change"]);
    println!("记录 / entries      {}", data["counts"]["entries"]);
    if let Some(since) = data["behind"].as_str() {
        println!("落后 / behind       自 / since {since}");
    }
    for source in data["sources"].as_array().into_iter().flatten() {
        let state = &source["state"];
        println!(
            "来源 / source       {:<14} {:>9} 行 / rows {:>6} 拒收 / rejects  {}",
            text(&source["code"]),
            source["rows"],
            source["rejects"],
            text(&state["succeeded"]),
        );
        if let Some(why) = state["failure"].as_str() {
            println!("                    获取失败 / failed ({}): {why}", state["failures"]);
        }
        for trip in state["held"]["why"].as_array().into_iter().flatten() {
            println!("                    已搁置 / held: {}", text(&trip["text"]));
        }
    }
    for stale in data["stale"].as_array().into_iter().flatten() {
        println!("数据不可靠 / stale  {} ({})", text(&stale["list"]), text(&stale["reason"]));
    }
    for snapshot in data["snapshots"].as_array().into_iter().flatten() {
        let mark = if snapshot["current"] == true { "*" } else { " " };
        println!(
            "保留 / kept       {mark} {}  {}",
            text(&snapshot["id"]),
            text(&snapshot["built"])
        );
    }
    let refresh = &data["refresh"];
    for name in refresh["unread"].as_array().into_iter().flatten() {
        println!("未读取 / not read   {}", text(name));
    }
    if refresh["running"] == true {
        println!("正在刷新 / refreshing  {}", progress(refresh));
    }
    if let Some(why) = refresh["failure"].as_str() {
        println!("构建失败 / build failed: {why}");
    }
}

fn progress(refresh: &Value) -> String {
    match refresh["building"].as_str() {
        Some(step) => format!(
            "{step}  {} / {} bytes, {} rows",
            refresh["bytes"], refresh["bytes_total"], refresh["rows"]
        ),
        None => refresh["fetching"].to_string(),
    }
}

/// The arguments of `refresh`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples / 示例:
  xincha refresh              ask every source now and wait for what comes of it
  xincha refresh sxbzxr       one source")]
pub struct Refresh {
    /// 来源编码 / code of the source; all of them by default
    source: Option<String>,
    /// 不等待 / do not wait for it
    #[arg(long)]
    no_wait: bool,
    /// 服务地址 / the service, instead of the configured address
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl Refresh {
    /// Ask, follow, and print the state.
    pub fn run(&self, config: &Config) -> Outcome {
        let remote = Remote::new(config, self.server.as_deref())?;
        let body = serde_json::to_vec(&json!({"source": self.source}))?;
        remote.post("/v1/data/refresh", body)?.good()?;
        if self.no_wait {
            return Ok(ExitCode::SUCCESS);
        }
        let mut last = String::new();
        loop {
            std::thread::sleep(LOOK_EVERY);
            let data = remote.get("/v1/data")?.good()?;
            if data["refresh"]["running"] != true {
                print(&data);
                return Ok(if is_well(&data) { ExitCode::SUCCESS } else { ExitCode::from(3) });
            }
            let now = progress(&data["refresh"]);
            if now != last {
                eprintln!("{now}");
                last = now;
            }
        }
    }
}

/// The arguments of `rollback`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The deliveries that the older snapshot lacks are held until somebody approves or discards them.
Changes stay: what was repaired or revoked since does not come back.

Examples / 示例:
  xincha rollback                             the newest snapshot before the current one
  xincha rollback 20261122T020000Z-4f1c0a2b   this one")]
pub struct Rollback {
    /// 快照编号 / id of a kept snapshot
    snapshot: Option<String>,
    /// 服务地址 / the service, instead of the configured address
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl Rollback {
    /// Ask and print which snapshot serves.
    pub fn run(&self, config: &Config) -> Outcome {
        let body = serde_json::to_vec(&json!({"snapshot": self.snapshot}))?;
        let remote = Remote::new(config, self.server.as_deref())?;
        let answer = remote.post("/v1/data/rollback", body)?.good()?;
        println!("已回退 / rolled back  {}", answer["snapshot"].as_str().unwrap_or_default());
        Ok(ExitCode::SUCCESS)
    }
}

/// The arguments of `approve` and `discard`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples / 示例:
  xincha approve sxbzxr    take the held delivery all the same
  xincha discard sxbzxr    drop it; the same contents are not taken again")]
pub struct Held {
    /// 来源编码 / code of the source
    source: String,
    /// 服务地址 / the service, instead of the configured address
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl Held {
    /// Take it.
    pub fn approve(&self, config: &Config) -> Outcome {
        self.decide(config, "/v1/data/approve", "已批准 / approved")
    }

    /// Drop it.
    pub fn discard(&self, config: &Config) -> Outcome {
        self.decide(config, "/v1/data/discard", "已丢弃 / discarded")
    }

    fn decide(&self, config: &Config, path: &str, told: &str) -> Outcome {
        let body = serde_json::to_vec(&json!({"source": self.source}))?;
        Remote::new(config, self.server.as_deref())?.post(path, body)?.good()?;
        println!("{told}  {}", self.source);
        Ok(ExitCode::SUCCESS)
    }
}
