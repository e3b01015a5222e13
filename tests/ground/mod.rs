//! A small index and catalogue, built in a temporary folder.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::Arc;
use xincha::catalogue::Catalogue;
use xincha::index::builder::Described;
use xincha::index::meta::{FileMeta, SourceMeta};
use xincha::index::{Builder, Encoder, ListMeta};
use xincha::live::{Generation, View};
use xincha::record::{
    Day, Entry, Identifier, Instant, ListKind, MaskedIdentifier, Provenance, Related, Role, State,
    Subject, SubjectKind, Term,
};

/// A matter that consults lists that were delivered.
pub const MATTER: &str = "1132050001414920XX3000123456001";
/// A matter that consults a list that was not.
pub const STALE_MATTER: &str = "其他-02491-006";
/// A matter that consults a red list, and not all that may stand against it.
pub const RED_MATTER: &str = "其他-02491-007";
/// 2026-11-22T10:00:00+08:00.
pub const NOW: Instant = Instant(1_795_312_800);

const LISTS: &str = r#"
[[list]]
code = "sxbzxr"
name = "失信被执行人名单"
kind = "black"
authority = "人民法院"
basis = "最高人民法院关于公布失信被执行人名单信息的若干规定"
max_age_days = 3
when_stale = "undetermined"

[[list]]
code = "zfcg"
name = "政府采购严重违法失信行为记录"
kind = "ban"
authority = "财政部门"
basis = "政府采购法第七十七条"
max_age_days = 3
when_stale = "undetermined"

[[list]]
code = "nsxy_a"
name = "纳税信用A级纳税人"
kind = "red"
authority = "税务机关"
basis = "纳税信用管理办法"
max_age_days = 30
when_stale = "warn"

[[list]]
code = "jycm"
name = "经营异常名录"
kind = "focus"
authority = "市场监管部门"
basis = "企业信息公示暂行条例"
max_age_days = 3
when_stale = "undetermined"
"#;

const MATTERS: &str = r#"
[[matter]]
code = "1132050001414920XX3000123456001"
name = "建设工程项目招标投标"
department = "市住建局"
consults = ["sxbzxr", "zfcg", "nsxy_a"]
roles = ["applicant", "bidder", "legal_representative"]

[[matter]]
code = "其他-02491-006"
name = "企业变更登记"
department = "市市场监管局"
consults = ["sxbzxr", "jycm"]
roles = ["applicant"]

[[matter]]
code = "其他-02491-007"
name = "评先评优"
department = "市发展改革委"
consults = ["sxbzxr", "nsxy_a"]
roles = ["nominee"]
"#;

const MEASURES: &str = r#"
[[measure]]
code = "bid.ban"
name = "禁止参加政府采购活动"
class = "A"
item = "限制市场或行业准入"
basis = "政府采购法第七十七条"
lists = ["zfcg"]
matters = ["1132050001414920XX3000123456001"]
action = "prohibit"

[[measure]]
code = "bid.restrict"
name = "限制参与招标投标"
class = "A"
item = "限制市场或行业准入"
basis = "法〔2016〕285号"
lists = ["sxbzxr"]
matters = ["1132050001414920XX3000123456001"]
action = "restrict"
reach = ["direct", "legal_representative"]

[[measure]]
code = "funds.remind"
name = "从严审核财政性资金项目"
class = "B"
item = "限制申请财政性资金项目"
basis = "苏府办〔2020〕232号"
lists = ["sxbzxr"]
matters = ["1132050001414920XX3000123456001"]
action = "remind"

[[measure]]
code = "green.lane"
name = "绿色通道"
basis = "国发〔2016〕33号"
lists = ["nsxy_a"]
matters = ["1132050001414920XX3000123456001"]
action = "incentive"
"#;

/// A company on two lists.
pub const BLACK: (&str, &str) = ("苏州星河科技有限公司", "91320500MA0000015D");
/// A company on a red and on a black list.
pub const RED_AND_BLACK: (&str, &str) = ("苏州朝阳建设有限公司", "91320505MA0000023G");
/// A company on a red list.
pub const RED: (&str, &str) = ("厦门清和贸易有限公司", "91350211M0000XUF46");
/// A company on no list.
pub const CLEAR: (&str, &str) = ("福州明月服务有限公司", "91350100M000100Y43");
/// A person on a list.
pub const PERSON: (&str, &str) = ("戴小明", "320500190001010018");
/// A person on a list with hidden digits.
pub const HIDDEN: (&str, &str) = ("赵小六", "110101190001010014");
/// The legal representative of the company on two lists.
pub const REPRESENTATIVE: (&str, &str) = ("张三", "110101190001010006");

pub fn catalogue() -> Catalogue {
    Catalogue::parse(&[
        ("lists.toml", LISTS),
        ("matters.toml", MATTERS),
        ("measures.toml", MEASURES),
    ])
    .unwrap()
}

fn entry(list: &str, subject: (&str, &str), kind: SubjectKind, document: &str) -> Entry {
    Entry {
        id: String::new(),
        list: list.to_owned(),
        subject: Subject {
            kind,
            name: subject.0.to_owned(),
            other_names: Vec::new(),
            ids: Identifier::recognise(subject.1).into_iter().collect(),
            masked: None,
            related: Vec::new(),
        },
        reason: "有履行能力而拒不履行\"生效\"法律文书确定义务".to_owned(),
        document: document.to_owned(),
        authority: "苏州市中级人民法院".to_owned(),
        region: 320500,
        decided: Day::from_ymd(2025, 2, 20),
        published: Day::from_ymd(2025, 3, 1),
        term: Term { from: Day::from_ymd(2025, 3, 1), to: Day::from_ymd(2027, 2, 28) },
        publicity_until: None,
        state: State::InForce,
        objection: false,
        extended: false,
        provenance: Provenance { source: "court".to_owned(), file: "court.csv".to_owned(), row: 1 },
    }
}

fn entries() -> Vec<(Entry, u16)> {
    let organisation = SubjectKind::Organisation;
    let person = SubjectKind::NaturalPerson;
    let mut court = entry("sxbzxr", BLACK, organisation, "（2025）苏05执1号");
    court.subject.related.push(Related {
        role: Role::LegalRepresentative,
        name: REPRESENTATIVE.0.to_owned(),
        id: Identifier::recognise(REPRESENTATIVE.1).ok(),
    });
    let mut procurement =
        entry("zfcg", (BLACK.0, &BLACK.1[8..17]), organisation, "苏财购〔2026〕7号");
    procurement.authority = "苏州市财政局".to_owned();
    procurement.extended = true;
    procurement.objection = true;
    procurement.term.to = None;
    let mut hidden = entry("sxbzxr", (HIDDEN.0, ""), person, "（2025）京01执3号");
    hidden.subject.masked = MaskedIdentifier::parse("1101011900****0014");
    vec![
        (court, 0),
        (procurement, 1),
        (entry("nsxy_a", RED_AND_BLACK, organisation, "A-1"), 2),
        (entry("sxbzxr", RED_AND_BLACK, organisation, "（2025）苏05执2号"), 0),
        (entry("nsxy_a", RED, organisation, "A-2"), 2),
        (entry("sxbzxr", PERSON, person, "（2025）苏05执4号"), 0),
        (hidden, 0),
    ]
}

/// A generation whose data was true at an instant. The folder lives as long as it is held.
pub fn view(as_of: Instant) -> (tempfile::TempDir, Arc<View>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.snapshot");
    let mut encoder = Encoder::default();
    for (entry, list) in entries() {
        encoder.push(&entry, list, 0);
    }
    let mut builder = Builder::new(std::fs::File::create(&path).unwrap()).unwrap();
    builder.append(&encoder.take()).unwrap();
    let list =
        |code: &str, kind| ListMeta { code: code.to_owned(), kind, as_of: as_of.0, entries: 0 };
    let described = Described {
        id: "20261122T0200Z-4f1c".to_owned(),
        built: as_of.0,
        change: 1234,
        lists: vec![
            list("sxbzxr", ListKind::Black),
            list("zfcg", ListKind::Ban),
            list("nsxy_a", ListKind::Red),
        ],
        sources: vec![SourceMeta {
            code: "court".to_owned(),
            name: "法院".to_owned(),
            rows: 7,
            rejects: 0,
            warnings: 0,
            future: 0,
            layouts: Default::default(),
            lists: Default::default(),
            as_of: as_of.0,
        }],
        files: vec![FileMeta {
            source: "court".to_owned(),
            name: "court.csv".to_owned(),
            rows: 7,
            hash: "0".repeat(16),
        }],
        standing: Vec::new(),
        keys: Vec::new(),
    };
    builder.finish(described, &|_| {}).unwrap();
    let generation = Generation::open(&path, Arc::new(catalogue()), None).unwrap();
    (folder, Arc::new(View::of(Arc::new(generation))))
}

/// The body of a check of one subject by name and identifier, with every field of context.
pub fn body(subject: (&str, &str)) -> String {
    format!(
        r#"{{"matter":"{MATTER}","case":"{MATTER}202611220001","department":"市住建局","operator":"u1024","at":null,"subjects":[{{"ref":"applicant","role":"applicant","name":"{}","id":"{}"}}]}}"#,
        subject.0, subject.1
    )
}
