//! `xincha cross`: lists against lists.

use super::Outcome;
use crate::batch::Format;
use crate::catalogue::{Catalogue, List};
use crate::clock;
use crate::config::Config;
use crate::cross::crossing::{Met, authority};
use crate::cross::{Change, Crossing, Expression, Finding, Findings, InForce};
use crate::http::cross::{finding_json, matrix_json, shown_name, stale};
use crate::index::SubjectSet;
use crate::live::{Generation, View};
use crate::output::{Output, Table, part_of};
use crate::record::{Day, Instant};
use crate::snapshot::Store;
use indicatif::HumanCount;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The arguments of `cross`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
An expression asks for subjects: `a & b` on both, `a | b` on any, `a - b` on the first and not on the second,
brackets for more. Its words are black, ban, focus, red, record, all; list:CODE, region:3205 (by prefix),
authority:TEXT, decided:, published:, from:, to: with 2026, 2026-11, 2026-01..2026-06, 2026.. ; several in
square brackets hold for one entry: black[region:3205 decided:2026]. `to:2027..` has those without an end,
`from:..2020` those without a beginning. A hyphen is a part of a value: put blanks around a minus sign.
A place on a red list that stands against a black list or a ban is told with the authority that withdraws it.
表达式：& 同时在册，| 任一在册，- 在前者且不在后者。红名单与黑名单冲突的，列出应撤出的红名单及其认定部门。

Examples / 示例:
  xincha cross 'red & black'                           counts, and the first of them
  xincha cross 'red & (black | ban)' -o 红黑冲突.xlsx
  xincha cross 'list:sxbzxr & list:tqnmggz & region:3205' --day 2026-01-01 -o both.csv
  xincha cross 'black - ban' -o all.jsonl --since 20261101T0400Z-1a2b3c4d
  xincha cross --matrix                                all lists against all
  xincha cross --matrix -o matrix.csv")]
pub struct Cross {
    /// 表达式 / what is asked of the lists
    #[arg(required_unless_present = "matrix")]
    expression: Option<String>,
    /// 全部名单两两比对 / all lists against all
    #[arg(long, conflicts_with_all = ["expression", "since"])]
    matrix: bool,
    /// 比对日期 / the day on which entries count; default: today
    #[arg(long)]
    day: Option<Day>,
    /// 输出文件 / .csv .xlsx .jsonl; without it the first findings are shown
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// 与此前快照相比的增减 / who is new and who is gone since an earlier snapshot: its id, or its file; there the
    /// day is that of its build
    #[arg(long, value_name = "SNAPSHOT")]
    since: Option<String>,
    /// 屏幕显示条数 / findings shown where there is no output
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// 仅用快照 / the snapshot alone, without the changes since it was built
    #[arg(long)]
    snapshot_only: bool,
}

/// What is found in a view.
struct Found {
    view: View,
    in_force: InForce,
    subjects: SubjectSet,
    unidentified: u64,
}

impl Found {
    fn crossing(&self) -> Crossing<'_> {
        Crossing::new(&self.view.generation.ground, self.view.listed(), &self.in_force)
    }
}

impl Cross {
    /// Compare and tell.
    pub fn run(&self, config: &Config) -> Outcome {
        let form = self.output.as_deref().map(form_of).transpose()?;
        let catalogue = config.load_catalogue()?;
        let expression = self.expression.as_deref();
        let expression = expression.map(|text| Expression::parse(text, &catalogue)).transpose()?;
        let view = super::view_for(config, &catalogue, self.snapshot_only)?;
        let day = self.day.unwrap_or_else(|| Instant(clock::seconds()).day());
        let in_force = InForce::on(&view.generation.ground, view.listed(), day);
        tell_stale(&view, Instant(clock::seconds()), expression.as_ref());
        let Some(expression) = expression else {
            self.matrix(&catalogue, &view, &in_force, form)?;
            return Ok(ExitCode::SUCCESS);
        };
        let found = find(view, in_force, &expression);
        let earlier = match &self.since {
            None => None,
            Some(name) => Some(earlier(config, &catalogue, name, &expression)?),
        };
        let before = earlier.as_ref().map(|earlier| (earlier.crossing(), &earlier.subjects));
        let findings = Findings::of(&expression, (found.crossing(), &found.subjects), before);
        let all = All { findings, found: &found, earlier: earlier.as_ref() };
        let withdrawn = match (self.output.as_deref(), form) {
            (Some(path), Some(form)) => {
                let mut output = begun(Some(path))?;
                let withdrawn = all.write(form, &mut output)?;
                output.finish()?;
                withdrawn
            }
            _ => all.show(self.limit)?,
        };
        all.summarise(&catalogue, &withdrawn);
        Ok(ExitCode::SUCCESS)
    }

    fn matrix(
        &self,
        catalogue: &Catalogue,
        view: &View,
        in_force: &InForce,
        form: Option<Format>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let snapshot = &view.generation.ground.index.meta().id;
        let mut output = begun(self.output.as_deref())?;
        if form == Some(Format::JsonLines) {
            let mut told = matrix_json(catalogue, in_force);
            told["day"] = json!(in_force.day());
            told["data"] = json!({"snapshot": snapshot, "change": view.overlay.change()});
            output.put(format!("{told}\n").as_bytes())?;
            return Ok(output.finish()?);
        }
        let shown = output.shown();
        let mut table = table(form, &mut output)?;
        let headings = ["list", "name", "subjects", "without_identifier"].into_iter();
        table.head(headings.chain(catalogue.lists().iter().map(|list| list.code.as_str())))?;
        for a in catalogue.list_numbers() {
            let list = catalogue.list(a);
            let on = in_force.list(a);
            let counts = [on.len(), on.common(in_force.unidentified())];
            let both = catalogue.list_numbers().map(|b| in_force.on_both(a, b));
            let cells: Vec<String> =
                counts.into_iter().chain(both).map(|n| n.to_string()).collect();
            let named = [list.code.as_str(), list.name.as_str()].into_iter();
            table.row(named.chain(cells.iter().map(String::as_str)), false)?;
        }
        table.finish()?;
        output.finish()?;
        eprintln!("快照 / snapshot     {snapshot}，变更 / change {}", view.overlay.change());
        eprintln!("日期 / day          {}", in_force.day());
        eprintln!("输出 / output       {}", shown.display());
        Ok(())
    }
}

/// How an output is written, by its name.
fn form_of(path: &Path) -> Result<Format, String> {
    match Format::of(path) {
        Some(form @ (Format::Csv | Format::Excel | Format::JsonLines)) => Ok(form),
        _ => Err(format!("{}: 无法识别的格式 / unknown format: .csv .xlsx .jsonl", path.display())),
    }
}

/// An output of which nothing is left after Ctrl-C.
fn begun(path: Option<&Path>) -> Result<Output, Box<dyn std::error::Error>> {
    if let Some(part) = path.map(part_of) {
        super::at_stop(move || {
            let _ = std::fs::remove_file(part);
            eprintln!("已取消，未留下结果 / cancelled, no result is left");
            std::process::exit(130);
        })?;
    }
    Ok(Output::create(path)?)
}

fn table(form: Option<Format>, output: &mut Output) -> std::io::Result<Table<'_>> {
    match form {
        Some(Format::Excel) => Table::excel(&mut output.writer),
        _ => Table::csv(&mut output.writer),
    }
}

fn find(view: View, in_force: InForce, expression: &Expression) -> Found {
    let ground = &view.generation.ground;
    let crossing = Crossing::new(ground, view.listed(), &in_force);
    let (subjects, unidentified) = crossing.subjects_and_unidentified(expression);
    Found { view, in_force, subjects, unidentified }
}

/// What an earlier snapshot, kept or given as a file, had on the day of its build.
fn earlier(
    config: &Config,
    catalogue: &Arc<Catalogue>,
    name: &str,
    expression: &Expression,
) -> Result<Found, Box<dyn std::error::Error>> {
    let store = Store::open(&config.data.snapshots)?;
    let path = match store.published(name) {
        Some(path) => path,
        None if Path::new(name).is_file() => PathBuf::from(name),
        None => {
            let kept = store.kept()?.join(" ");
            return Err(
                format!("{name}: 无此快照，现有 / no such snapshot, there are: {kept}").into()
            );
        }
    };
    let generation = Generation::open(&path, catalogue.clone(), config.data.trusted())?;
    let view = View::of(Arc::new(generation));
    let ground = &view.generation.ground;
    let day = Instant(ground.index.meta().built).day();
    let in_force = InForce::on(ground, view.listed(), day);
    tell_stale(&view, Instant(ground.index.meta().built), Some(expression));
    Ok(find(view, in_force, expression))
}

/// Say which lists cannot be relied on: who is on one of these, or on none, cannot be told.
fn tell_stale(view: &View, at: Instant, expression: Option<&Expression>) {
    let catalogue = &view.generation.ground.catalogue;
    let snapshot = &view.generation.ground.index.meta().id;
    for stale in stale(view, at, expression) {
        let List { code, name, .. } = catalogue.list(stale.list);
        eprintln!("名单数据不可靠 / not to be relied on: {code} {name} ({snapshot})");
    }
}

/// What is found, and what it is compared with.
struct All<'a> {
    findings: Findings<'a>,
    found: &'a Found,
    earlier: Option<&'a Found>,
}

/// Places on red lists that are to be withdrawn: how many, by authority and list.
type Withdrawn = BTreeMap<(String, String), u64>;

impl All<'_> {
    /// Each with the word for what has changed, empty where nothing has.
    fn findings(&self) -> impl Iterator<Item = (&'static str, Finding<'_>)> {
        let word = |change: Option<Change>| change.map_or("", Change::code);
        self.findings.skip(0).map(move |(change, finding)| (word(change), finding))
    }

    fn write(
        &self,
        form: Format,
        output: &mut Output,
    ) -> Result<Withdrawn, Box<dyn std::error::Error>> {
        let mut withdrawn = Withdrawn::new();
        if form == Format::JsonLines {
            for (change, finding) in self.findings() {
                count(change, &finding, &mut withdrawn);
                let mut told = finding_json(&finding, false);
                if self.earlier.is_some() {
                    told["change"] = json!(change);
                }
                writeln!(output.writer, "{told}")?;
            }
            return Ok(withdrawn);
        }
        let mut table = table(Some(form), output)?;
        let sides = ["left", "right"]
            .iter()
            .flat_map(|side| MET.iter().map(move |heading| format!("{side}_{heading}")));
        let ends = ["to_withdraw", "withdrawn_by"].map(str::to_owned);
        let begins = ["change", "name", "kind", "identifiers"].map(str::to_owned);
        let headings: Vec<String> = begins.into_iter().chain(sides).chain(ends).collect();
        table.head(headings.iter().map(String::as_str))?;
        for (change, finding) in self.findings() {
            count(change, &finding, &mut withdrawn);
            let identifiers: Vec<&str> = finding.identifiers.iter().map(|id| id.text()).collect();
            let identifiers = identifiers.join(";");
            let subject = [change, finding.name, finding.kind.code(), &identifiers];
            let rights: Vec<Option<&Met>> = match &finding.right[..] {
                [] => vec![None],
                rights => rights.iter().map(Some).collect(),
            };
            let of = |(red, _): &(Met, Met)| format!("{} {}", red.1.code, red.0.id());
            let by = |(red, _): &(Met, Met)| authority(&red.0, red.1).to_owned();
            let all = &finding.withdrawn;
            let entries = all.iter().map(of).collect::<Vec<_>>().join(";");
            let by = all.iter().map(by).collect::<Vec<_>>().join(";");
            for left in &finding.left {
                for &right in &rights {
                    let (left, right) = (met_cells(Some(left)), met_cells(right));
                    let cells = left.iter().chain(&right).chain([&entries, &by]);
                    let cells = subject.into_iter().chain(cells.map(String::as_str));
                    table.row(cells, !all.is_empty())?;
                }
            }
        }
        table.finish()?;
        Ok(withdrawn)
    }

    /// The first of them on the terminal.
    fn show(&self, limit: usize) -> Result<Withdrawn, Box<dyn std::error::Error>> {
        let mut withdrawn = Withdrawn::new();
        let mut out = std::io::stdout().lock();
        for (at, (change, finding)) in self.findings().enumerate() {
            count(change, &finding, &mut withdrawn);
            if at >= limit {
                continue;
            }
            let identifiers: Vec<String> =
                finding.identifiers.iter().map(|id| id.masked()).collect();
            let change = if change.is_empty() { String::new() } else { format!("[{change}] ") };
            writeln!(out, "{change}{}  {}", shown_name(&finding), identifiers.join(" "))?;
            for met in finding.left.iter().chain(&finding.right) {
                let [list, name, .., from, to, _, _] = met_cells(Some(met));
                let by = authority(&met.0, met.1);
                let to = if to.is_empty() { "无期限 / no end" } else { &to };
                writeln!(out, "    {list} {name}  {} → {to}  {by}  {}", from, met.0.id())?;
            }
            for (red, black) in &finding.withdrawn {
                let by = authority(&red.0, red.1);
                let (red, black) = (&red.1.name, &black.1.name);
                writeln!(out, "    应撤出 / to be withdrawn: {red} ← {by}（{black}）")?;
            }
        }
        Ok(withdrawn)
    }

    fn summarise(&self, catalogue: &Catalogue, withdrawn: &Withdrawn) {
        let Found { view, in_force, subjects, unidentified } = self.found;
        let shown = |count: u64| HumanCount(count).to_string();
        let meta = view.generation.ground.index.meta();
        eprintln!("快照 / snapshot     {}，变更 / change {}", meta.id, view.overlay.change());
        eprintln!("日期 / day          {}", in_force.day());
        eprintln!("主体 / subjects     {}", shown(subjects.len()));
        for no in catalogue.list_numbers() {
            let List { code, name, .. } = catalogue.list(no);
            let count = in_force.list(no).common(subjects);
            if count > 0 {
                eprintln!("  {code:<18} {}  {name}", shown(count));
            }
        }
        if *unidentified > 0 {
            let count = shown(*unidentified);
            eprintln!(
                "无证件号码，无法互比 / without an identifier, compared with nobody: {count}"
            );
        }
        if let Some((earlier, since)) = self.earlier.zip(self.findings.since()) {
            let meta = earlier.view.generation.ground.index.meta();
            eprintln!("此前 / earlier      {} ({})", meta.id, earlier.in_force.day());
            let (new, gone) = (since.new.len(), since.gone.len());
            eprintln!("  新增 / new {}，消失 / gone {}", shown(new), shown(gone));
        }
        if !withdrawn.is_empty() {
            eprintln!("应撤出的红名单 / places on red lists to be withdrawn");
            for ((by, list), count) in withdrawn {
                eprintln!("  {list:<18} {}  {by}", shown(*count));
            }
        }
    }
}

fn count(change: &str, finding: &Finding, withdrawn: &mut Withdrawn) {
    for (red, _) in finding.withdrawn.iter().filter(|_| change != "gone") {
        let by = authority(&red.0, red.1).to_owned();
        *withdrawn.entry((by, red.1.code.clone())).or_default() += 1;
    }
}

/// What is told of an entry in a table.
const MET: [&str; 11] = [
    "list",
    "list_name",
    "list_kind",
    "entry",
    "authority",
    "region",
    "decided",
    "from",
    "to",
    "objection",
    "reason",
];

fn met_cells(met: Option<&Met>) -> [String; MET.len()] {
    let Some((entry, list)) = met else { return Default::default() };
    let (text, term) = (entry.text(), entry.term());
    let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let region = if entry.region() == 0 { String::new() } else { entry.region().to_string() };
    let objection = if entry.objection() { "objection" } else { "" };
    [
        list.code.clone(),
        list.name.clone(),
        list.kind.code().to_owned(),
        text.id.to_owned(),
        authority(entry, list).to_owned(),
        region,
        day(entry.decided()),
        day(term.from),
        day(term.to),
        objection.to_owned(),
        text.reason.to_owned(),
    ]
}
