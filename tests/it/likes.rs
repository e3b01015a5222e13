//! Names that are like others: whatever is one edit away is found, in the index and in what changes
//! listed since, and ranked so that the same name comes first.

use crate::town::{self, listed};
use proptest::prelude::*;
use rapidfuzz::distance::osa;
use xincha::index::{Distance, Like, Likes};
use xincha::record::{Act, Change, Field, Sender};
use xincha::text::Name;

fn town_of(names: &[&str]) -> town::Town {
    let entries: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let mut entry = listed("court", name, &[]);
            entry.id = at.to_string();
            entry
        })
        .collect();
    town::build(&entries)
}

fn likes(town: &town::Town, name: &str) -> Vec<(String, Like)> {
    likes_of(town, name, 0.0)
}

fn likes_of(town: &town::Town, name: &str, at_least: f64) -> Vec<(String, Like)> {
    let basis = town.basis();
    let found = Likes::default().of(basis.listed(), name, at_least, Distance::TwoEdits).to_vec();
    let name_of = |like: &Like| basis.listed().entry(like.entry).unwrap().name().to_owned();
    found.into_iter().map(|like| (name_of(&like), like)).collect()
}

/// Let a change alter an entry of the court's list.
fn apply(town: &mut town::Town, entry: &str, act: Act) {
    let (key, list) = (town.overlay.change().to_string(), "court".to_owned());
    let change = Change { key, list, entry: entry.to_owned(), act, sender: Sender::default() };
    let ground = &town.ground;
    let numbers = |code: &str| ground.list_number(code).unwrap();
    town.overlay.apply(&ground.index, &change, &numbers).unwrap();
}

const LISTED: [&str; 8] = [
    "苏州星河科技有限公司",
    "苏州市吴江区明珠建设工程有限公司",
    "南京第三建筑安装工程有限公司",
    "上海荣隆贸易有限公司",
    "中国瑞丰银行股份有限公司苏州吴中支行",
    "Acme Trading (Suzhou) Co., Ltd.",
    "阿布都热西提·买买提明",
    "无锡金桥商务咨询有限公司",
];

#[test]
fn a_name_is_found_however_it_was_misspelt() {
    let town = town_of(&LISTED);
    for (asked, expected) in [
        ("苏州星河科技有限公司", LISTED[0]),
        ("蘇州星河科技有限責任公司", LISTED[0]),
        ("星河科技（苏州）有限公司", LISTED[0]),
        ("星河科技", LISTED[0]),
        ("江苏省苏州市星河科技有限公司", LISTED[0]),
        ("苏州星和科技有限公司", LISTED[0]),
        ("苏洲星河科技有限公司", LISTED[0]),
        ("苏星州河科技有限公司", LISTED[0]),
        ("苏州星河科技有限松司", LISTED[0]),
        ("苏州星河技有限公司", LISTED[0]),
        ("苏州星河科科技有限公司", LISTED[0]),
        ("苏州星科河技有限公司", LISTED[0]),
        ("苏州市吴江区明珠建没工程有限公司", LISTED[1]),
        ("南京第3建筑安装工程有限公司", LISTED[2]),
        ("中国瑞丰银行股份有很公司苏州吴中支行", LISTED[4]),
        ("ACME TRADING (SUZHOU) CO LTD", LISTED[5]),
        ("Acme Tradlng (Suzhou) Co., Ltd.", LISTED[5]),
        ("Acme Trading (Suzhou)", LISTED[5]),
        ("Acme Trading (Suzhou) Co., Lt", LISTED[5]),
        ("Acme Trading Suzhou Limited", LISTED[5]),
        ("阿布都热西提买买提明", LISTED[6]),
        ("阿卜都热西提·买买提明", LISTED[6]),
    ] {
        let found = likes(&town, asked);
        assert_eq!(found.first().map(|(name, _)| &**name), Some(expected), "{asked}");
        let rank = |like: &Like| (like.is_same, like.probability);
        assert!(found.is_sorted_by(|a, b| rank(&a.1) >= rank(&b.1)), "{asked}");
    }
}

#[test]
fn a_character_more_in_a_place_leaves_it_shorter() {
    let listed = "苏州有市隆易商贸有限公司";
    let found = likes(&town_of(&[listed]), "苏州市隆易商贸有限公司");
    assert!(found.iter().any(|(name, _)| name == listed));
}

#[test]
fn what_reads_like_it_and_is_another_scores_low() {
    let town = town_of(&LISTED);
    let score = |asked: &str, of: &str| {
        likes(&town, asked).iter().find(|(name, _)| name == of).map_or(0.0, |of| of.1.probability)
    };
    let slip = score("南京第三建筑安装工珵有限公司", LISTED[2]);
    let other = score("南京第五建筑安装工程有限公司", LISTED[2]);
    assert!(other < 0.3 && other < slip, "{other} {slip}");
    for other in ["南京第十三建筑安装工程有限公司", "南京第三十建筑安装工程有限公司"]
    {
        assert!(score(other, LISTED[2]) < 0.3, "{other}");
    }
    let elsewhere = score("杭州荣隆贸易有限公司", LISTED[3]);
    let here = score("上海荣隆贸易公司", LISTED[3]);
    assert!(elsewhere < 0.1 && elsewhere < here, "{elsewhere} {here}");
    for asked in
        ["南京第五建筑安装工程有限公司", "苏州星辰科技有限公司", "苏州星河科技集团有限公司"]
    {
        assert!(likes(&town, asked).iter().all(|(_, like)| !like.is_same), "{asked}");
    }
    assert!(
        likes(&town, "苏州星河科技有限责任公司")[0].1.is_same,
        "the same but for its form's words"
    );
    for short in ["星河", "李四", ""] {
        assert!(likes(&town, short).iter().all(|(_, like)| !like.is_same), "{short:?}");
    }
}

#[test]
fn what_a_change_listed_is_found_too() {
    let mut town = town_of(&LISTED[..1]);
    assert!(likes(&town, "苏州明月软件有限公司").is_empty());
    let record = listed("court", "苏州明月软件有限公司", &[]);
    apply(&mut town, "e", Act::List(Box::new(record)));
    let found = likes(&town, "苏州明月软件有限公司");
    assert!(found[0].0 == "苏州明月软件有限公司" && found[0].1.is_same);
    assert_eq!(likes(&town, "苏州明月款件有限公司")[0].0, "苏州明月软件有限公司");
    assert_eq!(likes(&town, "苏州星和科技有限公司")[0].0, LISTED[0], "the others are as before");
}

#[test]
fn who_is_listed_again_or_corrected_hides_nobody() {
    let mut town = town_of(&[LISTED[0], LISTED[0], LISTED[3]]);
    let asked = "苏州星和科技有限公司";
    let before = likes(&town, asked)[0].1.probability;
    for more in ["a", "b", "c", "d"] {
        apply(&mut town, more, Act::List(Box::new(listed("court", LISTED[0], &[]))));
    }
    assert_eq!(likes(&town, asked)[0].1.probability, before, "one name, however often");
    // The entry by which the name is kept bears another now; the second still bears it.
    let mut town = town_of(&[LISTED[0], LISTED[0], LISTED[3]]);
    let corrected = listed("court", "无锡明珠建设有限公司", &[]).subject;
    apply(&mut town, "0", Act::Amend(vec![Field::Subject(Box::new(corrected))]));
    let basis = town.basis();
    let key = Name::new(LISTED[0]).keys.unified;
    assert!(likes(&town, asked).iter().any(|(name, _)| name == LISTED[0]));
    let standing =
        basis.listed().named(&key).filter_map(|mention| basis.listed().entry(mention.entry));
    assert_eq!(standing.filter(|entry| entry.counts_on(town::noon().day())).count(), 1);
}

#[test]
fn names_beyond_measure_are_found_as_they_are_written() {
    let long = "星河科技".repeat(40);
    let town = town_of(&[&long, LISTED[0]]);
    assert!(likes(&town, &long)[0].1.is_same);
    for odd in [
        "(((((((((",
        "）（）（）（",
        "\u{fdfa}\u{fdfa}\u{fdfa}",
        "有限公司有限公司",
        "第第第第第第",
        "*****",
    ] {
        likes(&town, odd);
    }
}

/// Names whose cores come from few characters, so that many are near each other.
fn name() -> impl Strategy<Value = String> {
    let place = prop_oneof![Just(""), Just("苏州"), Just("苏州市"), Just("南京")];
    let form = prop_oneof![Just(""), Just("有限公司"), Just("有限责任公司"), Just("公司")];
    let chinese = (place, "[星河明月科技]{3,6}", form);
    let latin = ("", "[abc]{5,8}", "");
    prop_oneof![
        4 => chinese.prop_map(|(place, core, form)| format!("{place}{core}{form}")),
        1 => latin.prop_map(|(place, core, form)| format!("{place}{core}{form}")),
    ]
}

/// A company's name as it is written, places and branches in all their ways, Latin ones too.
fn whole_name() -> impl Strategy<Value = String> {
    let place = prop_oneof![
        Just(""),
        Just("苏州"),
        Just("苏州市"),
        Just("江苏省苏州市"),
        Just("苏州市吴江区"),
        Just("苏州工业园区"),
        Just("昆山开发区"),
        Just("南通"),
        Just("杭州"),
        Just("上海")
    ];
    let bracket = prop_oneof![8 => Just(""), 2 => Just("（苏州）"), 1 => Just("（苏州昆山）"), 2 => Just("（集团）")];
    let form = prop_oneof![
        Just("有限公司"),
        Just("有限责任公司"),
        Just("股份有限公司"),
        Just("公司"),
        Just(""),
        Just("厂")
    ];
    let branch = prop_oneof![6 => Just(""), 1 => Just("吴江分公司")];
    let chinese = (place, "[星河明月科技贸易荣隆]{3,6}", bracket, form, branch);
    prop_oneof![
        8 => chinese.prop_map(|(place, core, bracket, form, branch)| format!("{place}{core}{bracket}{form}{branch}")),
        2 => "[A-D]{4,8}( TRADING)?( LTD| CO| CO., LTD.| INC)?",
    ]
}

/// The same with one edit somewhere.
fn edited(name: &str, at: usize, kind: u8, with: char) -> String {
    let mut chars: Vec<char> = name.chars().collect();
    let at = at % chars.len();
    match kind {
        0 => chars[at] = with,
        1 => drop(chars.remove(at)),
        2 => chars.insert(at, with),
        _ if at + 1 < chars.len() => chars.swap(at, at + 1),
        _ => {}
    }
    chars.into_iter().collect()
}

fn core(name: &str) -> Vec<char> {
    Name::new(name).parts.core
}

/// Long enough to be kept, and not only places and a form.
fn is_told(name: &str) -> bool {
    let name = Name::new(name);
    name.keys.unified.chars().count() >= 5 && name.parts.core.len() >= 2
}

/// What edits put in: of cores, places, forms, brackets, numbers, and none of these.
const CHARS: &[char] = &[
    '星', '洲', '州', '市', '有', '限', '公', '司', '股', '(', ')', '第', '二', '鑫', '区', 'X',
    '省', '江', '南', '杭', '通',
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against all names, one by one. Shorter keys than five characters are not kept.
    #[test]
    fn every_core_one_edit_away_is_found(names in proptest::collection::vec(name(), 1..30), asked in name()) {
        let texts: Vec<&str> = names.iter().map(|name| &**name).collect();
        let town = town_of(&texts);
        let found = likes(&town, &asked);
        let asked_core = core(&asked);
        for name in &names {
            let key = Name::new(name).keys.unified;
            let is_near = osa::distance(core(name), asked_core.iter().copied()) <= 1;
            if key.chars().count() >= 5 && is_near {
                prop_assert!(found.iter().any(|(found, _)| found == name), "{asked}: {name} is lost");
            }
        }
    }

    /// Of the whole K2 key, wherever the edit falls and whichever of both is the listed one.
    #[test]
    fn every_name_one_edit_away_is_found(
        pairs in proptest::collection::vec(
            (whole_name(), any::<usize>(), 0..4u8, prop::sample::select(CHARS)), 12
        ),
    ) {
        let pairs: Vec<(String, String)> = pairs
            .into_iter()
            .map(|(name, at, kind, with)| { let key = Name::new(&name).keys.unified; (edited(&key, at, kind, with), key) })
            .filter(|(a, b)| [a, b].iter().all(|name| is_told(name)))
            .filter(|(a, b)| osa::distance(Name::new(a).keys.unified.chars(), b.chars()) <= 1)
            .collect();
        for listed in [0, 1] {
            let texts: Vec<&str> = pairs.iter().map(|pair| if listed == 0 { &*pair.0 } else { &*pair.1 }).collect();
            let town = town_of(&texts);
            for (pair, text) in pairs.iter().zip(texts) {
                let asked = if listed == 0 { &pair.1 } else { &pair.0 };
                let found = likes(&town, asked);
                prop_assert!(found.iter().any(|(found, _)| found == text), "{asked}: {text} is lost");
            }
        }
    }

    /// Two edits anywhere behind the first two characters of a K2 key of eight and more.
    #[test]
    fn every_long_name_two_edits_away_that_begins_alike_is_found(
        pairs in proptest::collection::vec(
            (whole_name(), [any::<usize>(), any::<usize>()], [0..4u8, 0..4u8], prop::sample::select(CHARS)), 12
        ),
    ) {
        let key = |name: &str| Name::new(name).keys.unified;
        let begins_alike =
            |a: &str, b: &str| Name::new(a).whole.iter().take(2).eq(Name::new(b).whole.iter().take(2));
        let pairs: Vec<(String, String)> = pairs
            .into_iter()
            .map(|(name, at, kind, with)| {
                let name = key(&name);
                (key(&edited(&edited(&name, at[0], kind[0], with), at[1], kind[1], '鑫')), name)
            })
            .filter(|(a, b)| [a, b].iter().all(|name| Name::new(name).whole.len() >= 8))
            .filter(|(a, b)| begins_alike(a, b) && osa::distance(a.chars(), b.chars()) <= 2)
            .collect();
        let texts: Vec<&str> = pairs.iter().map(|pair| &*pair.1).collect();
        let town = town_of(&texts);
        for (asked, text) in &pairs {
            let found = likes(&town, asked);
            prop_assert!(found.iter().any(|(found, _)| found == text), "{asked}: {text} is lost");
        }
    }

    /// Listed in the index or by changes since, among names of several provinces: what is passed over is
    /// elsewhere, has another core and is two edits away at least.
    #[test]
    fn likely_names_are_those_of_all_that_are_likely(
        names in proptest::collection::vec(whole_name(), 2..24),
        (asked, at, kind, with) in (whole_name(), any::<usize>(), 0..4u8, prop::sample::select(CHARS)),
        at_least in prop::sample::select(&[1e-9, 0.1, 0.8][..]),
    ) {
        let texts: Vec<&str> = names.iter().map(|name| &**name).collect();
        let (built, since) = texts.split_at(texts.len() / 2);
        let mut town = town_of(built);
        for (number, name) in since.iter().enumerate() {
            let act = Act::List(Box::new(listed("court", name, &[])));
            apply(&mut town, &format!("since {number}"), act);
        }
        for asked in [edited(&asked, at, kind, with), edited(&names[at % names.len()], at / 31, kind, with)] {
            let (all, likely) = (likes_of(&town, &asked, 0.0), likes_of(&town, &asked, at_least));
            let asked_name = Name::new(&asked);
            for (name, like) in &all {
                if likely.iter().any(|(_, other)| other == like) {
                    continue;
                }
                let is_likely = like.is_same || like.probability >= at_least;
                let name = Name::new(name);
                let edits = osa::distance(name.whole.iter().copied(), asked_name.whole.iter().copied());
                let may_be_missing = edits >= 2 && name.parts.core != asked_name.parts.core;
                prop_assert!(!is_likely || may_be_missing, "{asked}: {:?} is lost", name.keys.unified);
            }
            let is_among_all = |like: &Like| all.iter().any(|(_, other)| other == like);
            prop_assert!(likely.iter().all(|(_, like)| is_among_all(like)), "{asked}");
        }
    }

    #[test]
    fn another_entry_takes_no_hit_away(names in proptest::collection::vec(name(), 2..20), asked in name()) {
        let texts: Vec<&str> = names.iter().map(|name| &**name).collect();
        let all = likes(&town_of(&texts), &asked);
        for (name, _) in likes(&town_of(&texts[1..]), &asked) {
            prop_assert!(all.iter().any(|(found, _)| *found == name), "{asked}: {name}");
        }
    }
}
