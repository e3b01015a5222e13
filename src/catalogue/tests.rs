//! Every refusal, one row each, through one `check`; and how a small catalogue reads.

use super::*;
use crate::record::{ListKind, Role};

const LISTS: &str = r#"[[list]]
code = "sx"
name = "失信被执行人名单"
kind = "black"
authority = "人民法院"
basis = "法释〔2017〕7号"
max_age_days = 3
when_stale = "undetermined"

[[list]]
code = "hong"
name = "守信激励对象"
kind = "red"
authority = "信用办"
basis = "国发〔2016〕33号"
max_age_days = 31
when_stale = "warn"

[[list]]
code = "xk"
name = "行政许可信息"
kind = "record"
authority = "各部门"
basis = "行政许可法"
max_age_days = 7
when_stale = "warn"
"#;

const MATTERS: &str = r#"[[matter]]
code = "11320500000000019Y3000123456001"
name = "政府采购投标"
department = "市财政局"
consults = ["sx", "hong", "xk"]
roles = ["applicant", "bidder"]

[[matter]]
code = "其他-02491-006"
name = "评先评优"
department = "市文明办"
consults = ["sx"]
roles = ["nominee", "legal_representative"]
persons_by_name = true
similar_name_percent = 80
"#;

const MEASURES: &str = r#"[[measure]]
code = "jz"
name = "禁止参加"
action = "prohibit"
class = "A"
item = "限制市场或行业准入"
basis = "财库〔2016〕125号"
lists = ["sx"]
matters = ["11320500000000019Y3000123456001", "其他-02491-006"]
reach = ["direct", "legal_representative"]

[[measure]]
code = "jl"
name = "绿色通道"
action = "incentive"
basis = "国发〔2016〕33号"
lists = ["hong"]
matters = ["11320500000000019Y3000123456001"]
"#;

fn small(lists: &str, matters: &str, measures: &str) -> Result<Catalogue, CatalogueError> {
    Catalogue::parse(&[
        ("lists.toml", lists),
        ("matters.toml", matters),
        ("measures.toml", measures),
    ])
}

/// One change to one file causes one mistake: `file`, what is replaced by what, and where and how it
/// is refused (`file:line: … part …`).
fn check(file: &str, from: &str, to: &str, place: &str, part: &str) {
    let mut texts = [("lists.toml", LISTS), ("matters.toml", MATTERS), ("measures.toml", MEASURES)]
        .map(|(name, text)| (name, text.to_owned()));
    let (_, text) = texts.iter_mut().find(|(name, _)| *name == file).unwrap();
    assert!(text.contains(from), "{from} is not in {file}");
    *text = text.replacen(from, to, 1);
    let files = texts.each_ref().map(|(name, text)| (*name, text.as_str()));
    let error = Catalogue::parse(&files).expect_err(to);
    let shown = error.to_string();
    assert_eq!(error.mistakes.len(), 1, "{to}: one mistake, and no other caused by it:\n{shown}");
    assert!(shown.starts_with(&format!("{place}: ")), "{to}: expected at {place}:\n{shown}");
    assert!(shown.contains(part), "{to}: expected to say {part}:\n{shown}");
}

/// Replaced, replacement, place, part of the text.
type Row = (&'static str, &'static str, &'static str, &'static str);

fn check_all(file: &str, rows: &[Row]) {
    for (from, to, place, part) in rows {
        check(file, from, to, place, part);
    }
}

#[test]
fn mistakes_of_form_are_refused() {
    check_all(
        "lists.toml",
        &[
            ("kind = \"black\"", "kind = \"black", "lists.toml:4", "not TOML"),
            ("kind = \"black\"", "kind = \"black\"\nkind = \"red\"", "lists.toml:5", "not TOML"),
            (
                "[[list]]",
                "note = 1\n[[list]]",
                "lists.toml:1",
                "unknown field, expected one of: [[list]]",
            ),
            (
                "kind = \"black\"",
                "kind = \"black\"\ncolour = 1",
                "lists.toml:5",
                "`colour` / unknown field",
            ),
            (
                "name = \"失信被执行人名单\"",
                "name = 7",
                "lists.toml:3",
                "expected string, found integer",
            ),
            (
                "max_age_days = 3\n",
                "max_age_days = \"3\"\n",
                "lists.toml:7",
                "expected integer, found string",
            ),
            ("max_age_days = 3\n", "max_age_days = 0\n", "lists.toml:7", "out of range"),
            ("max_age_days = 3\n", "max_age_days = -3\n", "lists.toml:7", "out of range"),
            ("max_age_days = 3\n", "max_age_days = 99999999999\n", "lists.toml:7", "out of range"),
            ("max_age_days = 3\n", "", "lists.toml:1", "`max_age_days` / missing field"),
            (
                "[[list]]\ncode = \"xk\"",
                "[[list]]\ncode = \"hong\"\nname = \"甲\"\nkind = \"red\"\nauthority = \"局\"\nbasis = \"法\"\n\
                 max_age_days = 1\nwhen_stale = \"warn\"\n[[list]]\ncode = \"xk\"",
                "lists.toml:20",
                "duplicate code, first on line 11",
            ),
            (
                "kind = \"record\"",
                "kind = \"grey\"",
                "lists.toml:22",
                "expected one of: black, ban, focus, red, record",
            ),
            (
                "when_stale = \"undetermined\"",
                "when_stale = \"ignore\"",
                "lists.toml:8",
                "undetermined, warn",
            ),
            ("basis = \"行政许可法\"", "basis = \" \"", "lists.toml:24", "must not be empty"),
            ("basis = \"行政许可法\"\n", "", "lists.toml:19", "缺少字段 `basis`"),
        ],
    );
}

#[test]
fn mistakes_in_matters_are_refused() {
    check_all(
        "matters.toml",
        &[
            ("[\"sx\"]", "[]", "matters.toml:12", "consults no list"),
            ("consults = [\"sx\"]\n", "", "matters.toml:8", "consults no list"),
            ("\"xk\"]", "\"xx\"]", "matters.toml:5", "未知名单 `xx` / unknown list"),
            ("\"xk\"]", "\"sx\"]", "matters.toml:5", "given twice"),
            ("\"xk\"]", "3]", "matters.toml:5", "expected string, found integer"),
            ("[\"sx\"]", "\"sx\"", "matters.toml:12", "expected array of strings, found string"),
            ("\"nominee\"", "\"uncle\"", "matters.toml:13", "unknown role"),
            (
                "roles = [\"nominee\", \"legal_representative\"]\n",
                "",
                "matters.toml:8",
                "`roles` / missing field",
            ),
            (
                "persons_by_name = true",
                "persons_by_name = 1",
                "matters.toml:14",
                "expected boolean, found integer",
            ),
            (
                "similar_name_percent = 80",
                "similar_name_percent = 101",
                "matters.toml:15",
                "out of range, expected 1 to 100",
            ),
            ("department = \"市文明办\"\n", "", "matters.toml:8", "`department` / missing field"),
            (
                "persons_by_name = true",
                "[[matter]]\ncode = \"Y1\"\nname = \"登记\"\ndepartment = \"局\"\nconsults = [\"sx\"]\nroles = [\"applicant\"]\n\
                 [[matter]]\ncode = \"\"\nname = \"登记\"\ndepartment = \"局\"\nconsults = [\"sx\"]\nroles = [\"applicant\"]",
                "matters.toml:21",
                "字段 `code` 不能为空",
            ),
            (
                "persons_by_name = true",
                "[[matter]]\ncode = \"苏-其他-02491-006\"\nname = \"甲\"\ndepartment = \"局\"\nconsults = [\"sx\"]\nroles = [\"applicant\"]",
                "matters.toml:15",
                "equal those of the matter on line 9",
            ),
            (
                "persons_by_name = true",
                "[[matter]]\ncode = \"其他-02491-006\"\nname = \"甲\"\ndepartment = \"局\"\nconsults = [\"sx\"]\nroles = [\"applicant\"]",
                "matters.toml:15",
                "duplicate code, first on line 9",
            ),
            (
                "persons_by_name = true",
                "[[matter]]\ncode = \"事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事项事\"\n\
                 name = \"甲\"\ndepartment = \"局\"\nconsults = [\"sx\"]\nroles = [\"applicant\"]",
                "matters.toml:15",
                "matter code of 51 characters, at most 50",
            ),
        ],
    );
}

#[test]
fn mistakes_in_measures_are_refused() {
    check_all(
        "measures.toml",
        &[
            ("basis = \"财库〔2016〕125号\"\n", "", "measures.toml:1", "缺少字段 `basis`"),
            (
                "basis = \"财库〔2016〕125号\"",
                "basis = \"\"",
                "measures.toml:7",
                "must not be empty",
            ),
            (
                "code = \"jl\"",
                "code = \"jz\"",
                "measures.toml:13",
                "duplicate code, first on line 2",
            ),
            ("lists = [\"sx\"]", "lists = []", "measures.toml:8", "no list allows this measure"),
            ("lists = [\"sx\"]\n", "", "measures.toml:1", "no list allows this measure"),
            ("lists = [\"sx\"]", "lists = [\"sx\", \"sy\"]", "measures.toml:8", "unknown list"),
            (
                "\"其他-02491-006\"]",
                "\"其他-02491-007\"]",
                "measures.toml:9",
                "未知事项 `其他-02491-007`",
            ),
            (
                "matters = [\"11320500000000019Y3000123456001\"]",
                "matters = []",
                "measures.toml:18",
                "covers no matter",
            ),
            (
                "\"legal_representative\"]",
                "\"cousin\"]",
                "measures.toml:10",
                "未知关系 `cousin` / unknown relation",
            ),
            ("[\"direct\", \"legal_representative\"]", "[]", "measures.toml:10", "reaches nobody"),
            (
                "action = \"prohibit\"",
                "action = \"forbid\"",
                "measures.toml:4",
                "incentive, remind, review",
            ),
            ("action = \"incentive\"\n", "", "measures.toml:12", "`action` / missing field"),
            ("class = \"A\"", "class = \"D\"", "measures.toml:5", "expected one of: A, B, C"),
            ("class = \"A\"\n", "", "measures.toml:1", "a punishing measure needs class"),
            ("class = \"A\"", "class = \"B\"", "measures.toml:5", "in class A"),
            (
                "item = \"限制市场或行业准入\"\n",
                "",
                "measures.toml:1",
                "a punishing measure needs item",
            ),
            (
                "item = \"限制市场或行业准入\"",
                "item = \"限制养狗\"",
                "measures.toml:6",
                "not an item of the national basic list",
            ),
            (
                "item = \"限制市场或行业准入\"",
                "item = \"local:\"",
                "measures.toml:6",
                "`local:<document>`",
            ),
            (
                "action = \"incentive\"",
                "action = \"incentive\"\nclass = \"B\"",
                "measures.toml:16",
                "an incentive has no class",
            ),
            (
                "action = \"incentive\"",
                "action = \"incentive\"\nitem = \"公示\"",
                "measures.toml:16",
                "an incentive has no item",
            ),
            (
                "lists = [\"hong\"]",
                "lists = [\"sx\"]",
                "measures.toml:17",
                "an incentive on a list that is not red",
            ),
            (
                "lists = [\"sx\"]\nmatters = [\"11320500000000019Y3000123456001\", \"其他-02491-006\"]",
                "lists = [\"hong\"]\nmatters = [\"11320500000000019Y3000123456001\"]",
                "measures.toml:8",
                "a punishing action on a red list",
            ),
            (
                "lists = [\"hong\"]",
                "lists = [\"xk\"]",
                "measures.toml:17",
                "a record list carries no measure",
            ),
            (
                "matters = [\"11320500000000019Y3000123456001\"]",
                "matters = [\"其他-02491-006\"]",
                "measures.toml:18",
                "事项 `其他-02491-006` 不查名单 `hong`",
            ),
            (
                "name = \"绿色通道\"",
                "name = \"绿色通道\"\nname_en = \"\"",
                "measures.toml:15",
                "must not be empty",
            ),
            (
                "[[measure]]\ncode = \"jl\"",
                "[measures]\ncode = \"jl\"",
                "measures.toml:12",
                "expected one of: [[measure]]",
            ),
        ],
    );
    check("lists.toml", LISTS, "list = [\n3]", "lists.toml:2", "expected table, found integer");
    check("lists.toml", LISTS, "list = 3", "lists.toml:1", "expected tables, found integer");
    check("lists.toml", "code = \"sx\"", "", "lists.toml:1", "`code` / missing field");
}

#[test]
fn too_many_of_anything_are_refused() {
    let mut lists = LISTS.to_owned();
    for number in 0..COUNT_MAX {
        lists +=
            &LISTS[..LISTS.find("\n\n").unwrap() + 1].replace("\"sx\"", &format!("\"l{number}\""));
    }
    let error = small(&lists, MATTERS, MEASURES).unwrap_err().to_string();
    assert!(
        error.starts_with("lists.toml:8195: ") && error.contains("1027, at most 1024"),
        "{error}"
    );

    let many: String = (0..=COUNT_MAX).map(|number| format!("\"l{number}\",")).collect();
    check(
        "matters.toml",
        "[\"sx\"]",
        &format!("[{many}]"),
        "matters.toml:12",
        "too many: 1025, at most 1024",
    );
}

#[test]
fn files_are_three_each_once() {
    let three = [("lists.toml", LISTS), ("matters.toml", MATTERS), ("measures.toml", MEASURES)];
    let check_files = |files: &[(&str, &str)], expected: &[&str]| {
        let error = Catalogue::parse(files).unwrap_err().to_string();
        assert_eq!(error.lines().collect::<Vec<_>>(), expected);
    };
    let twice = "lists.toml: 文件重复 / the file is given twice";
    check_files(&[&three[..], &[("lists.toml", "")]].concat(), &[twice]);
    let unknown = "notes.toml: 目录没有这个文件 / a catalogue has no file of this name";
    check_files(&[&three[..], &[("notes.toml", "")]].concat(), &[unknown]);
    let missing = [
        "lists.toml: 文件缺失 / the file is missing",
        "matters.toml: 文件缺失 / the file is missing",
    ];
    check_files(&three[2..], &missing);
}

#[test]
fn all_mistakes_are_told_in_one_run() {
    let lists =
        LISTS.replace("max_age_days = 3\n", "max_age_days = 0\n").replace("\"red\"", "\"pink\"");
    let matters = MATTERS.replace("\"市文明办\"", "\"\"").replace("\"xk\"", "\"xx\"");
    let measures = MEASURES.replace("\"direct\"", "\"me\"").replace("国发〔2016〕33号", "");
    let error = small(&lists, &matters, &measures).unwrap_err();
    let places: Vec<(&str, usize)> =
        error.mistakes.iter().map(|mistake| (mistake.file.as_str(), mistake.line)).collect();
    let expected = [
        ("lists.toml", 7),
        ("lists.toml", 13),
        ("matters.toml", 5),
        ("matters.toml", 11),
        ("measures.toml", 10),
        ("measures.toml", 16),
    ];
    assert_eq!(places, expected, "{error}");
    assert_eq!(error.to_string().lines().count(), expected.len());
}

#[test]
fn a_small_catalogue_reads_as_written() {
    let catalogue = small(LISTS, MATTERS, MEASURES).unwrap();
    let (sx, hong) = (catalogue.list_no("sx").unwrap(), catalogue.list_no("hong").unwrap());
    let [bid, honour] = [MatterNo(0), MatterNo(1)];
    assert_eq!(
        (catalogue.list(sx).kind, catalogue.list(hong).when_stale),
        (ListKind::Black, WhenStale::Warn)
    );
    assert_eq!(catalogue.list_no("sy"), None);
    assert_eq!(catalogue.measures_of(bid, sx), [MeasureNo(0)]);
    assert_eq!(catalogue.measures_of(bid, hong), [MeasureNo(1)]);
    assert_eq!(catalogue.measures_of(honour, hong), []);
    assert!(catalogue.consults(bid, hong) && !catalogue.consults(honour, hong));
    assert!(catalogue.matter(honour).persons_by_name && !catalogue.matter(bid).persons_by_name);
    assert_eq!(catalogue.matter(honour).similar_name_percent, 80);
    assert_eq!(catalogue.matter(bid).similar_name_percent, 50);
    let [ban, favour] = [catalogue.measure(MeasureNo(0)), catalogue.measure(MeasureNo(1))];
    assert_eq!(ban.reach, [Reach::Direct, Reach::Related(Role::LegalRepresentative)]);
    assert_eq!((ban.action, ban.class), (Action::Prohibit, Some(MeasureClass::A)));
    assert_eq!(
        (favour.reach.as_slice(), favour.class, &favour.item),
        (&[Reach::Direct][..], None, &None)
    );
}

#[test]
fn measures_come_strongest_first_then_by_code() {
    let one = |code: &str, action: &str| {
        let first = &MEASURES[..MEASURES.find("\n\n").unwrap() + 1];
        first.replace("\"jz\"", &format!("\"{code}\"")).replace("prohibit", action)
    };
    let rows =
        [("d", "remind"), ("b", "prohibit"), ("e", "restrict"), ("a", "prohibit"), ("c", "review")];
    let measures: String = rows.iter().map(|(code, action)| one(code, action)).collect();
    let catalogue = small(LISTS, MATTERS, &measures).unwrap();
    let bound = catalogue.measures_of(MatterNo(1), ListNo(0));
    let codes: Vec<&str> = bound.iter().map(|no| catalogue.measure(*no).code.as_str()).collect();
    assert_eq!(codes, ["a", "b", "e", "c", "d"]);
}

#[test]
fn a_matter_is_known_by_its_code_or_its_last_twelve() {
    let catalogue = small(LISTS, MATTERS, MEASURES).unwrap();
    let rows = [
        ("11320500000000019Y3000123456001", Some(0)),
        ("11320505000000027K4000123456001", Some(0)),
        ("X000123456001", Some(0)),
        ("000123456001", None),
        ("23456001", None),
        ("11320500000000019Y3000123456002", None),
        ("其他-02491-006", Some(1)),
        ("苏州其他-02491-006", Some(1)),
        ("02491-006", None),
        ("", None),
    ];
    for (code, expected) in rows {
        assert_eq!(catalogue.matter_no(code), expected.map(MatterNo), "{code}");
    }
}

#[test]
fn the_digest_follows_names_and_texts_and_not_their_order() {
    let files = [("lists.toml", LISTS), ("matters.toml", MATTERS), ("measures.toml", MEASURES)];
    let mut turned = files;
    turned.reverse();
    let digest = Catalogue::parse(&files).unwrap().digest().to_owned();
    assert_eq!(digest, Catalogue::parse(&turned).unwrap().digest());
    assert_eq!((&digest[..7], digest.len()), ("sha256:", 71));
    let spaced = small(&format!("{LISTS}\n"), MATTERS, MEASURES).unwrap();
    assert_ne!(digest, spaced.digest());
    assert_ne!(parse::hash(&[("a", "bc")]), parse::hash(&[("ab", "c")]));
    // sha256 of nothing
    assert_eq!(
        Catalogue::digest_of(&parse::hash(&[])),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}
