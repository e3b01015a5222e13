//! A small town for tests: a catalogue with every kind of list and measure, and entries in memory
//! and in a snapshot.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use xincha::catalogue::Catalogue;
use xincha::index::{Builder, Encoder, Index, ListMeta, Overlay};
use xincha::record::{
    Day, Entry, Identifier, Instant, ListKind, Provenance, State, Subject, SubjectKind, Term,
};
use xincha::screen::{Basis, Ground};
use xincha::snapshot::Snapshot;

pub const LISTS: &str = r#"
[[list]]
code = "court"
name = "失信被执行人名单"
kind = "black"
authority = "人民法院"
basis = "最高人民法院关于公布失信被执行人名单信息的若干规定"
max_age_days = 7
when_stale = "undetermined"

[[list]]
code = "tax"
name = "重大税收违法失信主体"
kind = "black"
authority = "税务部门"
basis = "重大税收违法失信主体信息公布管理办法"
max_age_days = 30
when_stale = "warn"

[[list]]
code = "ban"
name = "政府采购严重违法失信行为记录"
kind = "ban"
authority = "财政部门"
basis = "政府采购法"
max_age_days = 30
when_stale = "undetermined"

[[list]]
code = "watch"
name = "重点关注对象名单"
kind = "focus"
authority = "各部门"
basis = "苏府办〔2020〕232号"
max_age_days = 30
when_stale = "warn"

[[list]]
code = "red"
name = "纳税信用A级纳税人"
kind = "red"
authority = "税务部门"
basis = "纳税信用管理办法"
max_age_days = 30
when_stale = "warn"

[[list]]
code = "permit"
name = "行政许可信息"
kind = "record"
authority = "各部门"
basis = "行政许可法"
max_age_days = 30
when_stale = "warn"
"#;

pub const MATTERS: &str = r#"
[[matter]]
code = "11320500000000019Y3000123456001"
name = "政府采购投标"
department = "财政局"
consults = ["court", "tax", "ban", "watch", "red", "permit"]
roles = ["applicant", "legal_representative"]

[[matter]]
code = "其他-02491-006"
name = "评先评优"
department = "组织部门"
consults = ["court", "red"]
roles = ["applicant"]
persons_by_name = true
"#;

pub const MEASURES: &str = r#"
[[measure]]
code = "no_procurement"
name = "限制参加政府采购活动"
class = "A"
item = "local:苏府办〔2020〕232号"
basis = "财库〔2016〕125号"
lists = ["court", "ban"]
matters = ["11320500000000019Y3000123456001"]
action = "prohibit"
reach = ["direct", "branch"]

[[measure]]
code = "closer_look"
name = "纳入重点监管范围"
class = "B"
item = "local:苏府办〔2020〕232号"
basis = "苏府办〔2020〕232号"
lists = ["tax"]
matters = ["11320500000000019Y3000123456001"]
action = "restrict"
reach = ["direct", "legal_representative"]

[[measure]]
code = "no_award"
name = "限制参加评先评优"
class = "B"
item = "local:苏府办〔2020〕232号"
basis = "苏府办〔2020〕232号"
lists = ["court"]
matters = ["其他-02491-006"]
action = "restrict"

[[measure]]
code = "green_lane"
name = "绿色通道"
basis = "国发〔2016〕33号"
lists = ["red"]
matters = ["11320500000000019Y3000123456001"]
action = "incentive"
"#;

pub const PROCUREMENT: &str = "11320500000000019Y3000123456001";
pub const AWARD: &str = "其他-02491-006";

/// List codes and kinds in the order of their numbers.
pub const KINDS: [(&str, ListKind); 6] = [
    ("court", ListKind::Black),
    ("tax", ListKind::Black),
    ("ban", ListKind::Ban),
    ("watch", ListKind::Focus),
    ("red", ListKind::Red),
    ("permit", ListKind::Record),
];

/// The instant at which questions are asked unless they say otherwise; the lists are of that day.
pub fn noon() -> Instant {
    "2026-11-01T12:00:00+08:00".parse().expect("an instant")
}

pub fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

pub fn id(raw: &str) -> Identifier {
    Identifier::recognise(raw).unwrap_or_else(|error| panic!("{raw}: {error}"))
}

pub fn catalogue() -> Arc<Catalogue> {
    let files = [("lists.toml", LISTS), ("matters.toml", MATTERS), ("measures.toml", MEASURES)];
    Arc::new(Catalogue::parse(&files).unwrap_or_else(|error| panic!("{error}")))
}

/// An organisation on a list since 2025, without end; the rest is for the row to change.
pub fn listed(list: &str, name: &str, ids: &[&str]) -> Entry {
    Entry {
        id: String::new(),
        list: list.to_owned(),
        subject: Subject {
            kind: SubjectKind::Organisation,
            name: name.to_owned(),
            other_names: Vec::new(),
            ids: ids.iter().map(|raw| id(raw)).collect(),
            masked: None,
            related: Vec::new(),
        },
        reason: "有履行能力而拒不履行".to_owned(),
        document: String::new(),
        authority: "苏州市中级人民法院".to_owned(),
        region: 320500,
        decided: None,
        published: None,
        term: Term { from: Some(day("2025-01-01")), to: None },
        publicity_until: None,
        state: State::InForce,
        objection: false,
        extended: false,
        provenance: Provenance { source: "test".to_owned(), file: "test.csv".to_owned(), row: 1 },
    }
}

/// Entries built into a snapshot, opened, bound to the town's catalogue.
pub struct Town {
    pub ground: Ground,
    pub overlay: Overlay,
    pub path: PathBuf,
    _folder: TempDir,
}

impl Town {
    /// The lists as they stand.
    pub fn basis(&self) -> Basis<'_> {
        Basis::new(&self.ground, &self.overlay)
    }
}

pub fn build(entries: &[Entry]) -> Town {
    build_as_of(entries, &[noon(); 6])
}

/// The same, each list as of its own instant; lists with `i64::MIN` were not delivered.
pub fn build_as_of(entries: &[Entry], as_of: &[Instant; 6]) -> Town {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("town.xcs");
    let delivered: Vec<usize> =
        (0..KINDS.len()).filter(|&list| as_of[list].0 != i64::MIN).collect();
    let mut encoder = Encoder::default();
    for entry in entries {
        let list = KINDS.iter().position(|(code, _)| *code == entry.list).expect("a known list");
        let number = delivered.iter().position(|&at| at == list).expect("a delivered list");
        encoder.push(entry, number as u16, 0);
    }
    let file = File::options().create_new(true).read(true).write(true).open(&path).expect("a file");
    let mut builder = Builder::new(std::io::BufWriter::new(file)).expect("a builder");
    builder.append(&encoder.take()).expect("appended");
    let lists = delivered
        .iter()
        .map(|&list| ListMeta {
            code: KINDS[list].0.to_owned(),
            kind: KINDS[list].1,
            as_of: as_of[list].0,
            entries: 0,
        })
        .collect();
    let described = xincha::index::builder::Described {
        id: "20261101T0400Z-test".to_owned(),
        built: noon().0,
        change: 0,
        lists,
        sources: Vec::new(),
        files: Vec::new(),
        standing: Vec::new(),
        keys: Vec::new(),
    };
    builder.finish(described, &|_| {}).expect("a snapshot");
    let snapshot = Snapshot::open(&path).expect("a sound snapshot");
    let index = Index::open(&snapshot).expect("an index");
    index.validate().expect("a valid index");
    let overlay = Overlay::of(&index);
    Town { ground: Ground::new(index, catalogue()), overlay, path, _folder: folder }
}
