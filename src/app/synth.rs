//! `xincha synth`: a synthetic city on disk.

use super::Outcome;
use super::progress::RowProgress;
use crate::record::Day;
use crate::synth::{self, Formats, Plan};
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `synth`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The same arguments write the same bytes. Nobody in it is real: every person is born in 1900.

Examples / 示例:
  xincha synth --entries 1200 --seed 1 --out /tmp/city
  xincha synth --entries 10000000 --csv --out /data/city    (about 4 GB)")]
pub struct Synth {
    /// 记录数 / rows of all lists together
    #[arg(long, default_value_t = Plan::default().entries, value_name = "N")]
    entries: usize,
    /// 种子 / another seed, another city
    #[arg(long, default_value_t = Plan::default().seed, value_name = "S")]
    seed: u64,
    /// 目标目录 / folder to write to, made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// 基准日 / the day on which terms are in force, expired or yet to come
    #[arg(long, default_value_t = Plan::default().today, value_name = "YYYY-MM-DD")]
    today: Day,
    /// 目标目录非空时仍写入 / write although the folder is not empty
    #[arg(long)]
    force: bool,
    /// 全部写为 UTF-8 CSV / CSV in UTF-8 for every feed
    #[arg(long)]
    csv: bool,
}

impl Synth {
    /// Write the city and say what is in it.
    pub fn run(&self) -> Outcome {
        let is_used = std::fs::read_dir(&self.out).is_ok_and(|mut found| found.next().is_some());
        if is_used && !self.force {
            let out = self.out.display();
            return Err(format!("{out}: 目录非空 / is not empty, and two cities in one folder are one mixed list: --force writes all the same").into());
        }
        let formats = if self.csv { Formats::Csv } else { Formats::Varied };
        let plan = Plan { entries: self.entries, seed: self.seed, today: self.today, formats };
        let progress = RowProgress::new(plan.entries as u64);
        let summary = synth::write(&plan, &self.out, &|rows| progress.done(rows));
        progress.finish();
        let summary = summary.map_err(|error| format!("{}: {error}", self.out.display()))?;
        println!("{}", self.out.display());
        println!(
            "行 / rows           {}: {} entries, {} to be rejected",
            summary.rows, summary.entries, summary.rejects
        );
        for (name, rows) in &summary.files {
            println!("  {name:<24} {rows:>10}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
