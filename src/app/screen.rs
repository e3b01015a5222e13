//! `xincha screen`: a whole file against all lists.

use super::Outcome;
use super::job::Handed;
use super::progress::FileProgress;
use super::remote::Remote;
use crate::batch::{self, BatchError, Format, Job};
use crate::catalogue::{Catalogue, List};
use crate::clock;
use crate::config::Config;
use crate::jobs::{Order, Summary};
use crate::ledger::LedgerError;
use crate::output::part_of;
use crate::record::{Instant, SubjectKind};
use crate::screen::{Grade, Verdict};
use crate::source::mapping::{Encoding, Layout};
use indicatif::HumanCount;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

/// The arguments of `screen`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The rows of INPUT with what each subject meets: xincha_verdict, xincha_lists, xincha_grades, xincha_entries,
xincha_from, xincha_to, xincha_flags; several entries are parted by semicolons. JSON lines get one key more,
\"xincha\". Without --matter all lists are consulted and no measure follows: a listed subject is `remind`.
Columns of identifiers and names are known by their headings, Chinese and English.
输出保留原有各行各列，追加比对结果；未指定事项时查询全部名单。

Examples / 示例:
  xincha screen 企业.csv -o 结果.csv
  xincha screen suppliers.xlsx -o hits.xlsx --hits-only --matter 11320500000000019Y3000123456001
  xincha screen register.csv -o out.csv --id-column 主体代码 --no-names
  xincha screen people.jsonl -o out.jsonl --kind natural_person --at 2026-01-01T12:00:00+08:00
  cat list.csv | xincha screen - --format csv > out.csv
  producer | xincha screen - --format arrow --snapshot-only | consumer")]
pub struct Screen {
    /// 输入文件 / .csv .txt .jsonl .xlsx .xls .parquet .arrows .arrow; - reads stdin
    input: PathBuf,
    /// 输出文件 / .csv .jsonl .xlsx .parquet .arrows; standard output where it is not given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// 输入的格式 / what the input holds, where its name does not say it
    #[arg(long, value_name = "csv|jsonl|arrow")]
    format: Option<PipedFormat>,
    /// 事项编码 / code of the matter; all lists where it is not given
    #[arg(long)]
    matter: Option<String>,
    /// 核查时点 / the instant to decide for, RFC 3339; default: now
    #[arg(long, value_name = "TIME")]
    at: Option<Instant>,
    /// 主体类型 / organisation, individual_business, natural_person, vehicle
    #[arg(long, value_parser = kind)]
    kind: Option<SubjectKind>,
    /// 证件号码列 / heading of a column of identifiers; may be given more than once
    #[arg(long, value_name = "HEADING")]
    id_column: Vec<String>,
    /// 名称列 / heading of the column of names
    #[arg(long, value_name = "HEADING", conflicts_with = "no_names")]
    name_column: Option<String>,
    /// 不使用名称 / ask by identifiers alone
    #[arg(long)]
    no_names: bool,
    /// 仅输出命中行 / write only rows that meet an entry
    #[arg(long)]
    hits_only: bool,
    /// 无法使用的行 / rows that cannot be used; default: beside the output, .rejects.csv; to standard output: counted
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// 字符编码 / utf-8, gb18030; default: by the bytes
    #[arg(long, value_parser = encoding)]
    encoding: Option<Encoding>,
    /// CSV 分隔符 / what parts cells of CSV; default: a comma
    #[arg(long, value_parser = delimiter)]
    delimiter: Option<char>,
    /// Excel 工作表 / name of the sheet; default: the first
    #[arg(long)]
    sheet: Option<String>,
    /// 办件编号 / number of the case; a running service may ask for it and the operator, or for a reason
    #[arg(long)]
    case: Option<String>,
    /// 经办人 / who handles it
    #[arg(long)]
    operator: Option<String>,
    /// 用途 / why it is asked, where there is no case
    #[arg(long)]
    reason: Option<String>,
    /// 仅用快照 / the snapshot alone, without the changes since it was built
    #[arg(long)]
    snapshot_only: bool,
}

/// What standard input may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum PipedFormat {
    Csv,
    Jsonl,
    Arrow,
}

impl PipedFormat {
    fn format(self) -> Format {
        match self {
            PipedFormat::Csv => Format::Csv,
            PipedFormat::Jsonl => Format::JsonLines,
            PipedFormat::Arrow => Format::Arrow,
        }
    }
}

fn kind(code: &str) -> Result<SubjectKind, String> {
    let all = "organisation, individual_business, natural_person, vehicle";
    SubjectKind::from_code(code).ok_or_else(|| format!("one of {all}"))
}

fn encoding(name: &str) -> Result<Encoding, String> {
    Encoding::from_name(name).ok_or_else(|| "utf-8, gb18030".to_owned())
}

fn delimiter(text: &str) -> Result<char, String> {
    Layout::delimiter_from(text).ok_or_else(|| "one ASCII character, or tab".to_owned())
}

impl Screen {
    /// Screen the file and tell what was met.
    pub fn run(&self, config: &Config) -> Outcome {
        let input = (self.input.as_os_str() != "-").then_some(&*self.input);
        let input_format = self.input_format(input)?;
        let output_format = match &self.output {
            None => input_format,
            Some(path) => Format::of(path).ok_or_else(|| {
                format!(
                    "{}: 无法识别的格式 / unknown format: .csv .jsonl .xlsx .parquet .arrows",
                    path.display()
                )
            })?,
        };
        let is_placed = matches!(output_format, Format::Excel | Format::Parquet);
        if self.output.is_none() && is_placed {
            return Err("请用 -o 指定输出文件 / say where to with -o: .csv .xlsx .parquet".into());
        }
        let order = self.order(input, input_format, output_format);
        let catalogue = config.load_catalogue()?;
        if let Some(path) = input.filter(|_| !self.snapshot_only)
            && matches!(super::ledger(config), Err(LedgerError::Held(_)))
        {
            // Whoever holds the ledger knows of the changes since the snapshot.
            return self.hand_in(config, path, &order, &catalogue);
        }
        let matter = match &self.matter {
            None => catalogue.all_lists(),
            Some(code) => catalogue.matter_no(code).ok_or_else(|| {
                let matters = config.catalogue.join("matters.toml");
                format!("{code}: 无此事项 / no such matter\n{}", matters.display())
            })?,
        };
        let view = super::view_for(config, &catalogue, self.snapshot_only)?;
        let at = self.at.unwrap_or_else(|| Instant(clock::seconds()));
        let terms = batch::Terms { basis: view.basis(at), matter, at, kind: self.kind, only: None };
        terms.stale_lists().for_each(|list| tell_stale(catalogue.list(list)));
        let bytes = input.and_then(|path| path.metadata().ok()).map_or(0, |file| file.len());
        let progress = FileProgress::new(bytes);
        let rejects = self.rejects();
        let begun = [self.output.as_deref(), rejects.as_deref()];
        let parts = begun.into_iter().flatten().map(part_of).collect();
        let cancelled = cancelled_by_signal(parts)?;
        let (layout, told) = (order.layout(), order.told());
        let job = Job {
            input,
            input_format,
            output: self.output.as_deref(),
            output_format,
            rejects: rejects.as_deref(),
            layout: &layout,
            told: &told,
            hits_only: self.hits_only,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            progress: &|bytes, rows| progress.read(bytes, rows),
            cancelled: &cancelled,
        };
        let started = Clock::now();
        let outcome = batch::screen(&job, terms);
        progress.finish();
        match outcome {
            Err(BatchError::Cancelled) => {
                eprintln!("{}", BatchError::Cancelled);
                Ok(ExitCode::from(130))
            }
            outcome => {
                let summary = Summary::new(&view, terms, &outcome?, started.elapsed());
                summarise(&summary, &catalogue, rejects.as_deref());
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    fn rejects(&self) -> Option<PathBuf> {
        self.rejects.clone().or_else(|| self.output.as_deref().map(beside))
    }

    /// What is wanted, whoever does it.
    fn order(&self, input: Option<&Path>, read: Format, written: Format) -> Order {
        let ending = input.filter(|_| self.format.is_none()).and_then(Path::extension);
        let ending = ending.map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        Order {
            format: ending.unwrap_or_else(|| read.ending().to_owned()),
            output_format: written.ending().to_owned(),
            matter: self.matter.clone(),
            kind: self.kind.map(|kind| kind.code().to_owned()),
            at: self.at.map(|at| at.0),
            names: !self.no_names,
            hits_only: self.hits_only,
            id_columns: self.id_column.clone(),
            name_column: self.name_column.clone(),
            encoding: self.encoding.map(|encoding| encoding.name().to_owned()),
            delimiter: self.delimiter,
            sheet: self.sheet.clone(),
            case: self.case.clone(),
            department: None,
            operator: self.operator.clone(),
            reason: self.reason.clone(),
        }
    }

    /// Let the running service screen it.
    fn hand_in(
        &self,
        config: &Config,
        input: &Path,
        order: &Order,
        catalogue: &Catalogue,
    ) -> Outcome {
        let rejects = self.rejects();
        let (output, rejects) = (self.output.as_deref(), rejects.as_deref());
        batch::check_paths(Some(input), output, rejects)?;
        eprintln!("服务正在运行，交由服务处理 / the service runs: it screens the file");
        let progress = FileProgress::new(input.metadata().map_or(0, |file| file.len()));
        let parts = [output, rejects].into_iter().flatten().map(part_of).collect();
        let cancelled = cancelled_by_signal(parts)?;
        let service = &Remote::new(config, None)?;
        let handed = Handed { service, input, order, output, rejects, cancelled: &cancelled };
        let job = handed.screen(&progress);
        progress.finish();
        let Some(job) = job? else {
            eprintln!("{}", BatchError::Cancelled);
            return Ok(ExitCode::from(130));
        };
        let summary: Summary = serde_json::from_value(job["summary"].clone())?;
        let stale = catalogue.lists().iter().filter(|list| summary.stale.contains(&list.code));
        stale.for_each(tell_stale);
        summarise(&summary, catalogue, rejects);
        Ok(ExitCode::SUCCESS)
    }

    fn input_format(&self, input: Option<&Path>) -> Result<Format, String> {
        if let Some(format) = self.format {
            return Ok(format.format());
        }
        match input {
            None => Err("请用 --format 说明标准输入的格式 / say what standard input holds with --format csv, \
                         jsonl or arrow"
                .to_owned()),
            Some(path) => Format::of(path).ok_or_else(|| {
                let path = path.display();
                format!(
                    "{path}: 无法识别的格式 / unknown format: .csv .txt .jsonl .xlsx .xls .parquet .arrows .arrow"
                )
            }),
        }
    }
}

/// `结果.csv` → `结果.rejects.csv`.
fn beside(output: &Path) -> PathBuf {
    output.with_extension("rejects.csv")
}

/// Turns true at the first SIGINT or SIGTERM. Whoever cannot stop, since nothing comes to be read, is ended
/// soon after, and what it had begun to write is removed.
fn cancelled_by_signal(parts: Vec<PathBuf>) -> std::io::Result<Arc<AtomicBool>> {
    const GRACE: Duration = Duration::from_secs(2);
    let cancelled = Arc::new(AtomicBool::new(false));
    let seen = cancelled.clone();
    super::at_stop(move || {
        seen.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
        for part in parts {
            let _ = std::fs::remove_file(part);
        }
        eprintln!("{}", BatchError::Cancelled);
        std::process::exit(130);
    })?;
    Ok(cancelled)
}

fn tell_stale(list: &List) {
    eprintln!("名单数据不可靠 / not to be relied on: {} {}", list.code, list.name);
}

fn summarise(summary: &Summary, catalogue: &Catalogue, rejects: Option<&Path>) {
    let seconds = summary.millis as f64 / 1e3;
    let rate = summary.rows as f64 / seconds.max(1e-3);
    let shown = |count: u64| HumanCount(count).to_string();
    eprintln!("快照 / snapshot     {}，变更 / change {}", summary.snapshot, summary.change);
    eprintln!(
        "行数 / rows         {} ({seconds:.1} s, {}/s)",
        shown(summary.rows),
        shown(rate as u64)
    );
    eprintln!("命中 / hits         {}", shown(summary.hits));
    for grade in Grade::ALL {
        if let Some(&count) = summary.grades.get(grade.code()) {
            eprintln!("  {:<18} {}", grade.code(), shown(count));
        }
    }
    for list in catalogue.lists() {
        if let Some(&count) = summary.lists.get(&list.code) {
            eprintln!("  {:<18} {}  {}", list.code, shown(count), list.name);
        }
    }
    eprintln!("结论 / verdicts");
    for verdict in Verdict::ALL {
        if let Some(&count) = summary.verdicts.get(verdict.code()) {
            eprintln!("  {:<18} {}", verdict.code(), shown(count));
        }
    }
    if summary.rejects > 0 {
        let place = match rejects {
            Some(path) => path.display().to_string(),
            None => "用 --rejects 指定文件 / kept with --rejects FILE".to_owned(),
        };
        eprintln!(
            "不可用 / rejects    {}: 无法读取 / unreadable {}, 无法核查 / not to be asked about {} → {place}",
            shown(summary.rejects),
            shown(summary.unreadable),
            shown(summary.unaskable)
        );
    }
}
