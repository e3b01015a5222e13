//! `xincha tender`: all bidders of a section.

use super::Outcome;
use super::check::{print_subject, told, verdict};
use super::remote::Remote;
use super::report::Report;
use crate::clock;
use crate::config::Config;
use crate::http::{CheckIds, Worker, tender};
use crate::ledger::LedgerError;
use crate::record::Instant;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `tender`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
FILE is what POST /v1/screen takes. Each bidder gets the verdict of its own check and of its consortium\'s
members; what is found of its persons gives it no more than a review. Relations among bidders are told with the
article that they touch: established by identifiers, suspected by names and contacts.
每个投标人按其自身及联合体成员的核查定结论；其负责人、控制人的记录至多为需审查。投标人之间的关系列明所涉条款。

Example / 示例:
  xincha tender section.json
  xincha tender section.json -o 核查记录.html        a page to print and file; .xlsx and .csv are tables
  {\"matter\": \"11320500000000019Y3000123456001\", \"section\": \"E3205-001\", \"bidders\": [
    {\"ref\": \"1\", \"name\": \"苏州星河科技有限公司\", \"id\": \"91320500MA0000015D\",
     \"persons\": [{\"role\": \"legal_representative\", \"name\": \"张三\", \"id\": \"110101190001010014\"}],
     \"members\": [], \"contacts\": {\"phones\": [\"0512-65123456\"]}}]}

Exit codes: 0 clear or remind, 3 review, restrict or prohibit, or related bidders; 4 undetermined, 1 failed.")]
pub struct Tender {
    /// 请求文件 / the section as JSON; - is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// 输出 JSON / print the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    report: Report,
}

impl Tender {
    /// Screen the bidders and print what was found.
    pub fn run(&self, config: &Config) -> Outcome {
        self.report.check(&self.file)?;
        let request = super::request_of(&self.file)?;
        let catalogue = config.load_catalogue()?;
        let answer = match super::ledger(config) {
            // Whoever holds the ledger knows of the changes since the snapshot.
            Err(LedgerError::Held(_)) => {
                let answer = Remote::new(config, None)?.post("/v1/screen", request.clone())?;
                if answer.status == 200 { Ok(answer.document) } else { Err(answer.document) }
            }
            ledger => {
                let view = super::view(config, &catalogue, Some(ledger?))?;
                let id = CheckIds::new().next(clock::millis());
                match tender::answer(
                    &view,
                    Instant(clock::seconds()),
                    id,
                    &request,
                    &mut Worker::searching(),
                ) {
                    Ok(answer) => Ok(answer),
                    Err(problem) => Err(serde_json::from_slice(&problem.to_json())?),
                }
            }
        };
        let answer = answer.map_err(|problem| told(&problem))?;
        self.report.write(&catalogue, &request, &answer)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&answer)?);
        } else {
            print(&answer);
        }
        let is_related = answer["relations"].as_array().is_some_and(|all| !all.is_empty());
        Ok(match answer["verdict"].as_str() {
            Some("clear" | "remind") if !is_related => ExitCode::SUCCESS,
            Some("undetermined") => ExitCode::from(4),
            _ => ExitCode::from(3),
        })
    }
}

fn print(answer: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    println!("标段 / section      {}", text(&answer["section"]));
    println!("结论 / verdict      {}", verdict(&answer["verdict"]));
    println!("时点 / at           {}", text(&answer["at"]));
    println!("数据 / data         {}", text(&answer["data"]["snapshot"]));
    for bidder in list(&answer["bidders"]) {
        println!("\n投标人 / bidder {}   {}", text(&bidder["ref"]), verdict(&bidder["verdict"]));
        for subject in list(&bidder["direct"]).iter().chain(&list(&bidder["related"])) {
            let is_quiet = list(&subject["hits"]).is_empty() && list(&subject["flags"]).is_empty();
            if !is_quiet || subject["verdict"] != "clear" {
                let place =
                    subject["place"].as_u64().map_or(String::new(), |at| format!(" {}", at + 1));
                println!("  {}{place}   {}", text(&subject["as"]), verdict(&subject["verdict"]));
                print_subject(subject);
            }
        }
    }
    for relation in list(&answer["relations"]) {
        let bidders: Vec<String> = list(&relation["bidders"]).iter().map(text).collect();
        println!(
            "\n关系 / relation     {}: {} ({})\n                    {}",
            bidders.join(" × "),
            text(&relation["kind"]),
            text(&relation["certainty"]),
            text(&relation["article"])
        );
    }
}
