//! Lists against lists: what expressions ask for, against a join by brute force; what follows; what has
//! changed since.

use crate::town::{self, day, listed};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use xincha::cross::since::Side;
use xincha::cross::{Crossing, Expression, InForce, Since};
use xincha::index::{Listed, SubjectNo};
use xincha::record::{Act, Change, Day, Entry, Identifier, ListKind, Sender, State, Term};

const LISTS: [&str; 5] = ["court", "tax", "ban", "watch", "red"];
const KINDS: [ListKind; 5] =
    [ListKind::Black, ListKind::Black, ListKind::Ban, ListKind::Focus, ListKind::Red];
const TODAY: &str = "2026-11-01";

/// Companies with sound codes, the last three of which have none.
const COMPANIES: [&str; 7] = [
    "91320500MA0000015D",
    "91320505MA0000023G",
    "92320500MA0000015B",
    "91320500MA00000316",
    "",
    "",
    "",
];

fn identifiers(company: usize) -> Vec<&'static str> {
    [COMPANIES[company]].into_iter().filter(|id| !id.is_empty()).collect()
}

#[derive(Clone, Debug)]
struct Row {
    company: usize,
    list: usize,
    region: u32,
    from: Option<i32>,
    to: Option<i32>,
    state: u8,
}

fn row() -> impl Strategy<Value = Row> {
    let region = prop::sample::select(&[0, 320500, 320505, 330100][..]);
    let bound = || prop::option::of(-3..3i32);
    (0..COMPANIES.len(), 0..LISTS.len(), region, bound(), bound(), 0..6u8).prop_map(
        |(company, list, region, from, to, state)| {
            // No term ends before it begins.
            let to = to.map(|to: i32| to.max(from.unwrap_or(to)));
            Row { company, list, region, from, to, state }
        },
    )
}

fn today() -> Day {
    day(TODAY)
}

fn entry(at: usize, row: &Row) -> Entry {
    let mut entry =
        listed(LISTS[row.list], &format!("公司{}", row.company), &identifiers(row.company));
    entry.id = format!("e{at}");
    entry.region = row.region;
    let of = |days: Option<i32>| days.map(|days| today().plus(days));
    entry.term = Term { from: of(row.from), to: of(row.to) };
    entry.decided = entry.term.from;
    entry.state = match row.state {
        0 => State::Repaired,
        1 => State::Revoked,
        2 => State::Exited(Some(today())),
        3 => State::Suspended(Term { from: Some(today()), to: None }),
        _ => State::InForce,
    };
    entry
}

fn is_in_force(row: &Row) -> bool {
    row.state > 3 && row.from.is_none_or(|from| from <= 0) && row.to.is_none_or(|to| to >= 0)
}

/// A town in which the first rows were built and the others were listed since.
fn town_of(rows: &[Row], built: usize) -> town::Town {
    let entries: Vec<Entry> = rows.iter().enumerate().map(|(at, row)| entry(at, row)).collect();
    let mut town = town::build(&entries[..built]);
    for entry in &entries[built..] {
        let act = Act::List(Box::new(entry.clone()));
        let (list, id) = (entry.list.clone(), entry.id.clone());
        let change = Change { key: id.clone(), list, entry: id, act, sender: Sender::default() };
        let ground = &town.ground;
        let numbers = |code: &str| ground.list_number(code).unwrap();
        town.overlay.apply(&ground.index, &change, &numbers).unwrap();
    }
    town
}

/// Who it is: the company of a code, else the entry, which is nobody else's.
fn who(at: usize, row: &Row) -> String {
    if COMPANIES[row.company].is_empty() { format!("e{at}") } else { row.company.to_string() }
}

/// Who has a row in force that fits.
fn with(rows: &[Row], fits: impl Fn(&Row) -> bool) -> BTreeSet<String> {
    let rows = rows.iter().enumerate().filter(|(_, row)| is_in_force(row) && fits(row));
    rows.map(|(at, row)| who(at, row)).collect()
}

fn named(listed: Listed, subject: SubjectNo) -> String {
    let ids: Vec<Identifier> = listed.identifiers_of(subject).collect();
    let company = COMPANIES.iter().position(|code| ids.iter().any(|id| id.text() == *code));
    match company {
        Some(company) => company.to_string(),
        None => listed.entries_of(subject).next().unwrap().id().to_owned(),
    }
}

fn asked(town: &town::Town, text: &str) -> BTreeSet<String> {
    let basis = town.basis();
    let in_force = InForce::on(&town.ground, basis.listed(), today());
    let expression = Expression::parse(text, &town.ground.catalogue).unwrap();
    let crossing = Crossing::new(&town.ground, basis.listed(), &in_force);
    let subjects = crossing.subjects(&expression);
    let found: Vec<String> =
        subjects.iter().map(|subject| named(basis.listed(), subject)).collect();
    for subject in subjects.iter() {
        let finding = crossing.finding(&expression, subject).expect("an entry in force");
        assert!(!finding.left.is_empty(), "{text}: nothing is shown on the left");
    }
    let names: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(names.len(), found.len(), "{text}: a subject twice");
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn expressions_ask_for_what_a_join_by_brute_force_finds(
        rows in proptest::collection::vec(row(), 1..24),
        share in 0..=10usize,
    ) {
        let built = rows.len() * share / 10;
        let town = town_of(&rows, built);
        let list = |list: usize| with(&rows, |row| row.list == list);
        let kind = |kind: ListKind| with(&rows, |row| KINDS[row.list] == kind);
        let region = |first: u32| with(&rows, |row| row.region / 100 == first);
        let (black, ban, red) = (kind(ListKind::Black), kind(ListKind::Ban), kind(ListKind::Red));
        let both = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> BTreeSet<String> { a & b };
        prop_assert_eq!(asked(&town, "red & black"), both(&red, &black));
        prop_assert_eq!(asked(&town, "black - ban"), &black - &ban);
        prop_assert_eq!(asked(&town, "list:court&list:tax | list:watch"), &both(&list(0), &list(1)) | &list(3));
        prop_assert_eq!(asked(&town, "red & (black | ban)"), both(&red, &(&black | &ban)));
        prop_assert_eq!(asked(&town, "black & region:3205"), both(&black, &region(3205)));
        prop_assert_eq!(
            asked(&town, "black[region:320505]"),
            with(&rows, |row| KINDS[row.list] == ListKind::Black && row.region == 320_505)
        );
        prop_assert_eq!(
            asked(&town, "all[decided:2026-11-01..]"),
            with(&rows, |row| row.from.is_some_and(|from| from >= 0))
        );
        prop_assert_eq!(
            asked(&town, "to:2026-11-02 - list:red"),
            &with(&rows, |row| row.to == Some(1)) - &list(4)
        );
        let in_force = InForce::on(&town.ground, town.basis().listed(), today());
        let no = |list: usize| town.ground.catalogue.list_no(LISTS[list]).unwrap();
        for a in 0..LISTS.len() {
            for b in 0..LISTS.len() {
                let expected = both(&list(a), &list(b)).len() as u64;
                prop_assert_eq!(in_force.on_both(no(a), no(b)), expected);
            }
            let nameless = with(&rows, |row| row.list == a && COMPANIES[row.company].is_empty());
            let alone = in_force.list(no(a)).common(in_force.unidentified());
            prop_assert_eq!(alone, nameless.len() as u64);
        }
    }

    #[test]
    fn what_is_no_expression_is_told_and_nothing_else(text in "[a-z:&|()\\[\\] -]{0,24}|\\PC{0,12}") {
        let _ = Expression::parse(&text, &town::catalogue());
    }

    #[test]
    fn who_is_new_and_who_is_gone(
        before in proptest::collection::vec(row(), 1..12),
        now in proptest::collection::vec(row(), 1..12),
    ) {
        let towns = [town_of(&before, before.len()), town_of(&now, now.len())];
        let found = towns.each_ref().map(|town| {
            let in_force = InForce::on(&town.ground, town.basis().listed(), today());
            let expression = Expression::parse("black", &town.ground.catalogue).unwrap();
            Crossing::new(&town.ground, town.basis().listed(), &in_force).subjects(&expression)
        });
        let side = |at: usize| Side {
            ground: &towns[at].ground,
            listed: Listed::new(&towns[at].ground.index, &towns[at].overlay),
            subjects: &found[at],
        };
        let since = Since::of(side(0), side(1));
        // Whoever has a code is known by it; others by their entries, which are numbered alike here.
        let black = |rows: &[Row]| {
            let mut black = BTreeMap::new();
            for (at, row) in rows.iter().enumerate() {
                if is_in_force(row) && KINDS[row.list] == ListKind::Black {
                    black.insert(who(at, row), ());
                }
            }
            black
        };
        let coded = |all: &BTreeMap<String, ()>| -> BTreeSet<String> {
            all.keys().filter(|key| !key.starts_with('e')).cloned().collect()
        };
        let (was, is) = (coded(&black(&before)), coded(&black(&now)));
        // An entry of one id on one list is one entry, whosever it is: those are left out here.
        let shares_entry = |company: &str| {
            let of = |rows: &[Row]| -> BTreeSet<(usize, usize)> {
                let rows = rows.iter().enumerate().filter(|(at, row)| who(*at, row) == company);
                rows.map(|(at, row)| (at, row.list)).collect()
            };
            let all = |rows: &[Row]| -> BTreeSet<(usize, usize)> {
                rows.iter().enumerate().map(|(at, row)| (at, row.list)).collect()
            };
            !of(&now).is_disjoint(&all(&before)) || !of(&before).is_disjoint(&all(&now))
        };
        let names = |at: usize, set: &xincha::index::SubjectSet| -> BTreeSet<String> {
            set.iter().map(|subject| named(side(at).listed, subject)).collect()
        };
        let (new, gone) = (names(1, &since.new), names(0, &since.gone));
        for company in is.union(&was).filter(|company| !shares_entry(company)) {
            prop_assert_eq!(new.contains(company), is.contains(company) && !was.contains(company));
            prop_assert_eq!(gone.contains(company), was.contains(company) && !is.contains(company));
        }
    }
}

#[test]
fn a_red_place_against_a_black_one_is_to_be_withdrawn_by_whoever_gave_it() {
    let rows = |list: usize, company: usize| Row {
        company,
        list,
        region: 320500,
        from: Some(-1),
        to: None,
        state: 5,
    };
    let town =
        town_of(&[rows(0, 0), rows(4, 0), rows(4, 1), rows(3, 1), rows(2, 2), rows(4, 2)], 4);
    let basis = town.basis();
    let in_force = InForce::on(&town.ground, basis.listed(), today());
    let expression = Expression::parse("red & (black | ban)", &town.ground.catalogue).unwrap();
    let crossing = Crossing::new(&town.ground, basis.listed(), &in_force);
    let findings: Vec<_> = crossing
        .subjects(&expression)
        .iter()
        .map(|subject| crossing.finding(&expression, subject).unwrap())
        .collect();
    assert_eq!(findings.len(), 2, "watched is not black");
    for (finding, because) in findings.iter().zip(["court", "ban"]) {
        assert_eq!((finding.left.len(), finding.right.len()), (1, 1));
        let [(red, black)] = &finding.withdrawn[..] else { panic!("one place") };
        assert_eq!((red.1.code.as_str(), black.1.code.as_str()), ("red", because));
    }
    let before = InForce::on(&town.ground, basis.listed(), today().plus(-2));
    assert!(Crossing::new(&town.ground, basis.listed(), &before).subjects(&expression).is_empty());
}

#[test]
fn subjects_that_a_change_joins_are_one_and_a_revocation_ends_it() {
    const REGISTRATION: &str = "320500000000001";
    let red = listed("red", "甲公司", &[COMPANIES[0]]);
    let black = listed("court", "甲公司", &[REGISTRATION]);
    let mut town = town::build(&[red, black]);
    let ask = |town: &town::Town, text: &str| {
        let basis = town.basis();
        let in_force = InForce::on(&town.ground, basis.listed(), today());
        let expression = Expression::parse(text, &town.ground.catalogue).unwrap();
        let crossing = Crossing::new(&town.ground, basis.listed(), &in_force);
        let subjects = crossing.subjects(&expression);
        let finding = subjects.iter().next().map(|it| crossing.finding(&expression, it).unwrap());
        (subjects.len(), finding.map_or((0, 0), |it| (it.left.len(), it.right.len())))
    };
    assert_eq!(ask(&town, "red & black").0, 0, "nothing joins them");
    let both = listed("watch", "甲公司", &[COMPANIES[0], REGISTRATION]);
    let mut number = 0;
    let mut apply = |town: &mut town::Town, act: Act| {
        number += 1;
        let (key, list, entry) = (number.to_string(), "watch".to_owned(), "w".to_owned());
        let change = Change { key, list, entry, act, sender: Sender::default() };
        let ground = &town.ground;
        let numbers = |code: &str| ground.list_number(code).unwrap();
        town.overlay.apply(&ground.index, &change, &numbers).unwrap();
    };
    apply(&mut town, Act::List(Box::new(both)));
    assert_eq!(ask(&town, "red & black"), (1, (1, 1)));
    assert_eq!(ask(&town, "red & black & focus"), (1, (1, 2)));
    assert_eq!(ask(&town, "all"), (1, (3, 0)), "one subject");
    assert_eq!(ask(&town, "red & black[region:320500]"), (1, (1, 1)));
    assert_eq!(ask(&town, "red - focus").0, 0);
    apply(&mut town, Act::Revoke);
    assert_eq!(ask(&town, "focus").0, 0);
    assert_eq!(ask(&town, "red - focus").0, 1);
}

#[test]
fn terms_without_an_end_or_a_beginning_are_asked_for_by_open_times() {
    let mut open = listed("court", "甲公司", &[COMPANIES[0]]);
    open.term = Term { from: None, to: None };
    open.authority.clear();
    let town = town::build(&[open]);
    for (text, found) in [
        ("black[to:2027..]", 1),
        ("black[to:..2027]", 0),
        ("black[from:..2020]", 1),
        ("black[from:2020..]", 0),
        ("authority:人民法院", 1),
        ("authority:税务", 0),
    ] {
        assert_eq!(asked(&town, text).len(), found, "{text}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    let catalogue = town::catalogue();
    let told = |text: &str| Expression::parse(text, &catalogue).unwrap_err().to_string();
    for (text, column) in [
        ("", 1),
        ("red &", 6),
        ("blue", 1),
        ("red & list:nothing", 7),
        ("red ) black", 5),
        ("(red & black", 13),
        ("red[region:x]", 5),
        ("red[]", 5),
        ("红名单", 1),
        ("black[decided:2026-13]", 7),
        ("shoe:1", 1),
        ("authority:法院-ban", 11),
    ] {
        assert!(told(text).starts_with(&format!("第 {column} 字")), "{text}: {}", told(text));
    }
    assert!(told(&"(".repeat(500)).contains("brackets"));
    assert!(told(&"red|".repeat(900)).contains("long"));
    let passes = |count: usize| vec!["to:2026"; count].join("|");
    assert!(told(&passes(9)).contains("at most 8"));
    assert!(Expression::parse(&passes(8), &catalogue).is_ok());
    let deep = format!("{}red{}", "(".repeat(16), ")".repeat(16));
    assert!(Expression::parse(&deep, &catalogue).is_ok());
    let authority = Expression::parse("red[authority:\"苏州市 法院\"] - black", &catalogue);
    assert!(authority.is_ok(), "spaces in quotes");
}

mod command {
    use crate::command::{Home, ask, served};
    use calamine::Reader;
    use serde_json::json;

    const ASKED: &str = "red & (black | ban)";

    fn ran(home: &Home, arguments: &[&str]) -> (String, String) {
        let (code, stdout, stderr) = home.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        (stdout, stderr)
    }

    #[test]
    fn one_answer_in_every_form() {
        let home = Home::new();
        let (shown, told) = ran(&home, &["cross", ASKED, "--day", "2026-11-01"]);
        assert!(shown.contains("苏州明珠建设有限公司") && shown.contains("应撤出"), "{shown}");
        assert!(told.contains("nsxy_a") && told.contains("快照"), "{told}");
        let path = |name: &str| home.folder.path().join(name).to_str().unwrap().to_owned();
        for name in ["a.csv", "a.xlsx", "a.jsonl"] {
            let (shown, _) =
                ran(&home, &["cross", ASKED, "--day", "2026-11-01", "-o", &path(name)]);
            assert_eq!(shown, "");
        }
        let mut csv = csv::Reader::from_path(path("a.csv")).unwrap();
        let csv: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        let lines = std::fs::read_to_string(path("a.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(path("a.xlsx")).unwrap();
        let sheet = book.worksheet_range_at(0).unwrap().unwrap();
        assert!(!csv.is_empty());
        assert_eq!(sheet.height(), csv.len() + 1);
        let pairs = |line: &serde_json::Value| {
            let of = |side: &str| line[side].as_array().unwrap().len();
            of("left") * of("right")
        };
        assert_eq!(lines.iter().map(pairs).sum::<usize>(), csv.len());
        for (row, record) in csv.iter().enumerate() {
            for (column, cell) in record.iter().enumerate() {
                let shown = sheet.get_value((row as u32 + 1, column as u32));
                assert_eq!(shown.map(ToString::to_string).unwrap_or_default(), cell);
            }
        }
        assert!(lines.iter().all(|line| line["to_withdraw"][0]["authority"].is_string()));
        // They are told whatever the sides show.
        let withdrawn = |asked: &str| {
            ran(&home, &["cross", asked, "--day", "2026-11-01", "-o", &path("w.csv")]);
            let mut csv = csv::Reader::from_path(path("w.csv")).unwrap();
            let at = csv.headers().unwrap().iter().position(|it| it == "to_withdraw").unwrap();
            let cells = csv.records().map(|row| row.unwrap()[at].to_owned());
            cells.filter(|cell| !cell.is_empty()).collect::<std::collections::BTreeSet<_>>()
        };
        let places = lines.iter().flat_map(|line| line["to_withdraw"].as_array().unwrap());
        let places = places.map(|it| format!("nsxy_a {}", it["entry"].as_str().unwrap()));
        let places: std::collections::BTreeSet<String> = places.collect();
        assert_eq!(withdrawn(ASKED), places);
        assert_eq!(withdrawn("(black | ban) & red"), places);
        assert_eq!(withdrawn("black | ban"), places);
    }

    #[test]
    fn what_has_changed_since_and_the_matrix() {
        let home = Home::new();
        ran(&home, &["build"]);
        let snapshots = home.folder.path().join("snapshots");
        let first = std::fs::read_to_string(snapshots.join("CURRENT")).unwrap();
        let first = first.trim().trim_end_matches(".xcs").to_owned();
        let feed = home.feeds().join("nsxy_a-0001.csv");
        let text = std::fs::read(&feed).unwrap();
        let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        std::fs::write(&feed, lines[..lines.len() - 5].concat()).unwrap();
        ran(&home, &["build"]);
        let asked = "list:nsxy_a";
        let (_, told) = ran(&home, &["cross", asked, "--since", &first]);
        assert!(told.contains("新增 / new 0，消失 / gone "), "{told}");
        assert!(!told.contains("gone 0"), "{told}");
        let summary = told;
        let (code, _, told) = home.run(&["cross", asked, "--since", "nothing"]);
        assert_eq!(code, 1);
        assert!(told.contains(&first), "what is kept is told: {told}");
        let (service, address, log) = served(&home);
        let since = json!({"expression": asked, "since": first, "limit": 1_000});
        let (status, answer) = ask(&address, "POST", "/v1/cross", &since.to_string());
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (&answer["since"]["snapshot"], &answer["since"]["new"]),
            (&json!(first), &json!(0))
        );
        let findings = answer["findings"].as_array().unwrap();
        let gone = findings.iter().filter(|finding| finding["change"] == "gone").count();
        assert_eq!(answer["since"]["gone"], gone);
        assert!(gone > 0 && summary.contains(&format!("gone {gone}\n")), "{summary}");
        for nothing in ["nothing", "../snapshots/x", ""] {
            let asked = json!({"expression": asked, "since": nothing}).to_string();
            let (status, problem) = ask(&address, "POST", "/v1/cross", &asked);
            assert_eq!((status, &problem["code"]), (409, &json!("no_such_snapshot")));
        }
        drop(service);
        log.join().unwrap();
        let (matrix, _) = ran(&home, &["cross", "--matrix"]);
        let lists = matrix.lines().count() - 1;
        assert!(lists > 20, "{matrix}");
        assert!(matrix.lines().all(|line| line.split(',').count() == lists + 4));
    }

    /// Those of the help and of the errors, on the catalogue that is shipped.
    #[test]
    fn examples_are_expressions() {
        let home = Home::new();
        ran(&home, &["build"]);
        let (help, _) = ran(&home, &["cross", "--help"]);
        let (_, _, told) = home.run(&["cross", "red &"]);
        let quoted = help.lines().filter_map(|line| line.trim().strip_prefix("xincha cross '"));
        let of_help = quoted.filter_map(|line| Some(line.split_once('\'')?.0.to_owned()));
        let of_error = told.rsplit("examples: ").next().unwrap().trim().split(", ");
        let examples: Vec<String> = of_help.chain(of_error.map(str::to_owned)).collect();
        assert!(examples.len() >= 7, "{examples:?}");
        for example in examples {
            ran(&home, &["cross", &example]);
        }
    }

    #[test]
    fn mistakes_leave_no_file() {
        let home = Home::new();
        let out = home.folder.path().join("out.csv");
        let shown = out.to_str().unwrap();
        for arguments in [
            &["cross", "red &", "-o", shown][..],
            &["cross", "red", "-o", "out.pdf"],
            &["cross", "red", "--day", "yesterday"],
            &["cross"],
        ] {
            let (code, _, told) = home.run(arguments);
            assert!(code != 0 && !told.is_empty(), "{arguments:?}");
        }
        assert!(!out.exists());
    }
}
