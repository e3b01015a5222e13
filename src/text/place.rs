//! Names of provinces, prefectures and counties, as they begin the names of companies.
//!
//! The table is GB/T 2260 in its revisions since 2002, and what was founded since the last of them, so that a
//! district that was merged away is known by its old name too. One that became another kind of division, 吴江市
//! 吴江区, bears the codes of both.

use super::han::{self, Sound};
use super::name::deletions;
use gb2260::Division;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::sync::LazyLock;

/// Revisions of GB/T 2260 that are read, the newest first.
const REVISIONS: [&str; 5] = ["201607", "201308", "201010", "200612", "200212"];

/// Divisions founded since the newest revision, with their codes: those of the approvals by the State Council
/// (国务院关于同意…调整行政区划的批复) that the Ministry of Civil Affairs lists by the year (县级以上行政区划变更情况).
const SINCE: [(u32, &str); 114] = [
    (130_284, "滦州市"),
    (130_407, "肥乡区"),
    (130_408, "永年区"),
    (130_502, "襄都区"),
    (130_503, "信都区"),
    (130_505, "任泽区"),
    (130_506, "南和区"),
    (130_881, "平泉市"),
    (140_213, "平城区"),
    (140_214, "云冈区"),
    (140_215, "云州区"),
    (140_403, "潞州区"),
    (140_404, "上党区"),
    (140_405, "屯留区"),
    (140_406, "潞城区"),
    (140_681, "怀仁市"),
    (140_703, "太谷区"),
    (220_184, "公主岭市"),
    (230_717, "伊美区"),
    (230_718, "乌翠区"),
    (230_751, "金林区"),
    (231_183, "嫩江市"),
    (232_701, "漠河市"),
    (310_151, "崇明区"),
    (320_614, "海门区"),
    (320_685, "海安市"),
    (320_812, "清江浦区"),
    (320_813, "洪泽区"),
    (330_112, "临安区"),
    (330_113, "临平区"),
    (330_114, "钱塘区"),
    (330_213, "奉化区"),
    (330_383, "龙港市"),
    (331_083, "玉环市"),
    (340_210, "湾沚区"),
    (340_212, "繁昌区"),
    (340_281, "无为市"),
    (340_882, "潜山市"),
    (341_882, "广德市"),
    (350_112, "长乐区"),
    (350_405, "沙县区"),
    (350_604, "龙海区"),
    (350_605, "长泰区"),
    (360_113, "红谷滩区"),
    (360_404, "柴桑区"),
    (360_603, "余江区"),
    (360_704, "赣县区"),
    (360_783, "龙南市"),
    (361_003, "东乡区"),
    (361_104, "广信区"),
    (370_114, "章丘区"),
    (370_115, "济阳区"),
    (370_116, "莱芜区"),
    (370_117, "钢城区"),
    (370_215, "即墨区"),
    (370_505, "垦利区"),
    (370_614, "蓬莱区"),
    (371_681, "邹平市"),
    (371_703, "定陶区"),
    (410_307, "偃师区"),
    (410_308, "孟津区"),
    (410_783, "长垣市"),
    (411_603, "淮阳区"),
    (420_882, "京山市"),
    (421_088, "监利市"),
    (430_182, "宁乡市"),
    (430_212, "渌口区"),
    (430_582, "邵东市"),
    (431_181, "祁阳市"),
    (440_309, "龙华区"),
    (440_310, "坪山区"),
    (440_311, "光明区"),
    (450_181, "横州市"),
    (450_206, "柳江区"),
    (450_381, "荔浦市"),
    (451_003, "田阳区"),
    (451_082, "平果市"),
    (451_203, "宜州区"),
    (500_154, "开州区"),
    (500_155, "梁平区"),
    (500_156, "武隆区"),
    (510_117, "郫都区"),
    (510_118, "新津区"),
    (510_604, "罗江区"),
    (510_981, "射洪市"),
    (511_083, "隆昌市"),
    (511_504, "叙州区"),
    (513_402, "会理市"),
    (520_281, "盘州市"),
    (520_581, "黔西市"),
    (522_302, "兴仁市"),
    (530_115, "晋宁区"),
    (530_304, "马龙区"),
    (530_481, "澄江市"),
    (530_681, "水富市"),
    (532_302, "禄丰市"),
    (533_301, "泸水市"),
    (540_104, "达孜区"),
    (540_600, "那曲市"),
    (540_602, "色尼区"),
    (610_118, "鄠邑区"),
    (610_482, "彬州市"),
    (610_603, "安塞区"),
    (610_681, "子长市"),
    (610_703, "南郑区"),
    (610_881, "神木市"),
    (610_981, "旬阳市"),
    (620_881, "华亭市"),
    (630_106, "湟中区"),
    (632_301, "同仁市"),
    (632_803, "茫崖市"),
    (650_502, "伊州区"),
    (652_902, "库车市"),
    (654_203, "沙湾市"),
];

/// Zones, of which a city has one of each kind, with what is added to its code for theirs: no division has one so
/// high. What is but called a zone may be any of them. The longer words first.
const ZONES: [(&str, u32); 17] = [
    ("高新技术产业开发区", 71),
    ("高新技术产业园区", 71),
    ("高新技术开发区", 71),
    ("高新区", 71),
    ("经济技术开发区", 72),
    ("经济开发区", 72),
    ("经开区", 72),
    ("工业园区", 73),
    ("综合保税区", 74),
    ("保税港区", 74),
    ("保税区", 74),
    ("自由贸易试验区", 75),
    ("自贸区", 75),
    ("旅游度假区", 76),
    ("度假区", 76),
    ("出口加工区", 77),
    ("开发区", 0),
];

/// Places that are read one behind the other at most.
const IN_ROW_MAX: usize = 3;

/// A place at the beginning of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Characters of its name.
    pub length: usize,
    /// Division codes of six digits that bear the name.
    pub codes: SmallVec<[u32; 2]>,
    /// Those at the end of them that name a zone of it.
    pub zone: usize,
    /// The name is whole: `苏州市` or `苏州工业园区`, not `苏州`.
    pub whole: bool,
}

impl Place {
    /// It is a county or smaller by all its codes.
    pub fn is_county(&self) -> bool {
        self.codes.iter().all(|code| code % 100 != 0)
    }

    /// Of its codes only those that agree with another place.
    pub fn keep_within(&mut self, other: &Place) {
        self.codes.retain(|&mut code| other.codes.iter().any(|&of| agree(code, of)));
    }

    /// One of them may lie in the other, or be it.
    pub fn agrees(&self, other: &Place) -> bool {
        self.codes.iter().any(|&a| other.codes.iter().any(|&b| agree(a, b)))
    }
}

/// One division lies in the other, or is it. All codes under a municipality agree: its districts are
/// not told apart by companies. A zone may lie in any county of its city.
pub fn agree(a: u32, b: u32) -> bool {
    let within = |inner: u32, outer: u32| match outer {
        _ if outer.is_multiple_of(10_000) => inner / 10_000 == outer / 10_000,
        _ if outer.is_multiple_of(100) => inner / 100 == outer / 100,
        _ if is_zone(outer) && !is_zone(inner) => city(inner) == city(outer),
        _ => inner == outer,
    };
    within(a, b) || within(b, a)
}

fn is_zone(code: u32) -> bool {
    ZONES.iter().any(|&(_, number)| number > 0 && code % 100 == number)
}

/// The prefecture or the municipality that a division is, or lies in.
fn city(code: u32) -> u32 {
    match province(code) {
        11 | 12 | 31 | 50 => code / 10_000 * 100,
        _ => code / 100,
    }
}

/// The province of a division: the first two digits of its code, below 100.
pub fn province(code: u32) -> u8 {
    (code / 10_000) as u8
}

/// The names, by their first two characters, the longest first: most texts begin with no place, and one
/// look tells.
type Names = FxHashMap<[char; 2], Vec<Named>>;

struct Named {
    /// After the first two characters.
    rest: Box<[char]>,
    codes: SmallVec<[u32; 2]>,
    whole: bool,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = names();
    names.values_mut().for_each(|named| named.sort_by_key(|named| Reverse(named.rest.len())));
    names
});

/// Characters of a name that is told from others by its sounds only.
const SHORT: usize = 2;

/// Sounds at the beginning of a misspelt name by which most texts are told to begin with none.
const BEGINNING: usize = 3;
/// Bits of the filter of beginnings: of seventy one is set.
const BEGINNING_BITS: usize = 1 << 19;

/// What the names are when they are misspelt.
struct Misspellings {
    /// The hashes of the names by their sounds, and of longer ones with any one left out.
    hashes: FxHashSet<u64>,
    /// A bit for the beginning of each of these.
    beginnings: Box<[u64]>,
}

static MISSPELLINGS: LazyLock<Misspellings> = LazyLock::new(|| {
    let mut hashes = FxHashSet::default();
    let mut beginnings = vec![0; BEGINNING_BITS / 64].into_boxed_slice();
    for (first, named) in NAMES.iter() {
        for named in named {
            let sounds: Vec<Sound> =
                first.iter().chain(&named.rest).map(|&c| han::sound(c)).collect();
            each_lacking_one(&sounds, SHORT, |hash| {
                hashes.insert(hash);
            });
            each_beginning(&sounds, |bit| beginnings[bit / 64] |= 1 << (bit % 64));
        }
    }
    Misspellings { hashes, beginnings }
});

pub(super) fn prepare() {
    LazyLock::force(&NAMES);
    LazyLock::force(&MISSPELLINGS);
}

fn names() -> Names {
    let divisions = divisions();
    let mut alike: FxHashMap<(u32, &str), Vec<(u32, u8)>> = FxHashMap::default();
    let mut names = Names::default();
    for &(code, name, times) in &divisions {
        add(&mut names, name, code);
        if code % 100 != 0 {
            alike.entry((city(code), short(name))).or_default().push((code, times));
        }
    }
    // Two that are never there at once are one: 吴江市 became 吴江区. 伊宁市 and 伊宁县 are two.
    for (code, name, times) in divisions {
        let others = alike.get(&(city(code), short(name))).into_iter().flatten();
        for &(other, _) in others.filter(|(_, others)| others & times == 0) {
            add(&mut names, name, other);
        }
    }
    names
}

/// Code, name, and a bit for each of the times at which it bore the name: now, and those of the revisions.
fn divisions() -> Vec<(u32, &'static str, u8)> {
    let mut divisions: Vec<(u32, &str, u8)> = Vec::new();
    let mut known: FxHashMap<(u32, &str), usize> = FxHashMap::default();
    let mut put = |code: u32, name: &'static str, time: usize| {
        let at = *known.entry((code, name)).or_insert_with(|| {
            divisions.push((code, name, 0));
            divisions.len() - 1
        });
        divisions[at].2 |= 1 << time;
    };
    for (time, revision) in REVISIONS.into_iter().enumerate() {
        let name_of = |code: u32| {
            let code = format!("{code:06}");
            Division::get_by_revision(&code, revision).map(|division| division.name)
        };
        for province in (110_000..=820_000).step_by(10_000) {
            let Some(name) = name_of(province) else { continue };
            put(province, name, time);
            for prefecture in (province + 100..province + 10_000).step_by(100) {
                let Some(name) = name_of(prefecture) else { continue };
                put(prefecture, name, time);
                for county in prefecture + 1..prefecture + 100 {
                    if let Some(name) = name_of(county) {
                        put(county, name, time);
                    }
                }
            }
        }
    }
    SINCE.into_iter().for_each(|(code, name)| put(code, name, REVISIONS.len()));
    divisions
}

/// The name, and what is left of it without the word for what it is.
fn add(names: &mut Names, name: &str, code: u32) {
    const NO_NAMES: [&str; 8] = [
        "市辖区",
        "县",
        "省直辖县级行政区划",
        "自治区直辖县级行政区划",
        "郊区",
        "城区",
        "矿区",
        "市区",
    ];
    if NO_NAMES.contains(&name) {
        return;
    }
    let mut put = |name: &[char], whole: bool| {
        let (Some(&first), Some(rest)) = (name.first_chunk(), name.get(2..)) else { return };
        let alike = names.entry(first).or_default();
        let at = alike.iter().position(|named| &*named.rest == rest).unwrap_or_else(|| {
            alike.push(Named { rest: rest.into(), codes: SmallVec::new(), whole });
            alike.len() - 1
        });
        alike[at].whole |= whole;
        if !alike[at].codes.contains(&code) {
            alike[at].codes.push(code);
        }
    };
    let whole: Vec<char> = name.chars().collect();
    put(&whole, true);
    let short = short(name);
    let short: Vec<char> = short.chars().collect();
    if short.len() >= 2 && short.len() < whole.len() {
        put(&short, false);
    }
}

/// `苏州市` → `苏州`, `广西壮族自治区` → `广西`, `延边朝鲜族自治州` → `延边`.
fn short(name: &str) -> &str {
    const KINDS: [&str; 13] = [
        "特别行政区",
        "自治区",
        "自治州",
        "自治县",
        "自治旗",
        "地区",
        "新区",
        "省",
        "市",
        "县",
        "区",
        "盟",
        "旗",
    ];
    let Some(rest) = KINDS.iter().find_map(|kind| name.strip_suffix(kind)) else { return name };
    let Some(mut rest) = Some(rest).filter(|rest| rest.chars().count() >= 2) else { return name };
    if !name.contains("自治") {
        return rest;
    }
    // 各族, and the peoples one after the other.
    const PEOPLES: [&str; 39] = [
        "各族",
        "壮族",
        "回族",
        "维吾尔",
        "藏族",
        "苗族",
        "彝族",
        "土家族",
        "侗族",
        "布依族",
        "朝鲜族",
        "哈尼族",
        "傣族",
        "白族",
        "傈僳族",
        "景颇族",
        "羌族",
        "蒙古族",
        "哈萨克",
        "柯尔克孜",
        "满族",
        "瑶族",
        "黎族",
        "畲族",
        "土族",
        "撒拉族",
        "东乡族",
        "保安族",
        "裕固族",
        "仫佬族",
        "毛南族",
        "仡佬族",
        "水族",
        "纳西族",
        "佤族",
        "拉祜族",
        "布朗族",
        "独龙族",
        "锡伯",
    ];
    while let Some(shorter) = PEOPLES.iter().find_map(|people| rest.strip_suffix(people))
        && shorter.chars().count() >= 2
    {
        rest = shorter;
    }
    rest
}

/// The places whose name a text begins with, the longest first, each with its zone before it alone.
pub fn at_start(text: &[char]) -> impl Iterator<Item = Place> {
    named_at_start(text).flat_map(|named| named.zone(text).into_iter().chain([named.place()]))
}

/// The zone that a text begins with: its length, and what is added to the code of its city.
pub fn zone_at_start(text: &[char]) -> Option<(usize, u32)> {
    ZONES.iter().find_map(|&(word, number)| {
        let length = word.chars().count();
        let is_it = text.get(..length)?.iter().copied().eq(word.chars());
        // 高新区块链 is no zone.
        (is_it && text.get(length) != Some(&'块')).then_some((length, number))
    })
}

fn named_at_start(text: &[char]) -> impl Iterator<Item = &'static Named> {
    let alike = text.first_chunk().and_then(|first| NAMES.get(first));
    let rest = text.get(2..).unwrap_or(&[]);
    let begins = move |named: &&Named| {
        named.rest.len() <= rest.len() && named.rest.iter().zip(rest).all(|(a, b)| a == b)
    };
    alike.into_iter().flatten().filter(begins)
}

/// Lengths of what a text begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lengths(u64);

impl Lengths {
    /// It is one of them.
    pub fn have(self, length: usize) -> bool {
        length < 64 && self.0 >> length & 1 == 1
    }
}

/// The lengths at which what a text of at most 63 characters begins with may be a place's name but for one edit: all
/// are that are one away from a name of three characters and more, and those that sound like one of two, which any
/// other edit makes of most words. So may some others. None is where all but the last character are a place's name,
/// which can be read then. Cost: of most texts ten looks; of one that begins nearly like a place, one for each pair of
/// a length and a sound left out.
pub fn misspelt_at_start(text: &[char]) -> Lengths {
    let readable = named_at_start(text).fold(0u64, |bits, named| bits | 0b11 << named.length());
    let sounds: SmallVec<[Sound; 16]> = text.iter().map(|&c| han::sound(c)).collect();
    let Misspellings { hashes, beginnings } = &*MISSPELLINGS;
    let mut begins = false;
    each_beginning(&sounds, |bit| begins |= beginnings[bit / 64] >> (bit % 64) & 1 == 1);
    // One of three with a sound left out is shorter than a beginning.
    let longest = if begins { sounds.len() } else { sounds.len().min(BEGINNING) };
    let mut lengths = Lengths(0);
    for length in SHORT..=longest {
        let mut is_near = false;
        if readable >> length & 1 == 0 {
            each_lacking_one(&sounds[..length], SHORT, |hash| is_near |= hashes.contains(&hash));
        }
        lengths.0 |= u64::from(is_near) << length;
    }
    lengths
}

/// The hash of a text by its sounds, and of one longer than `least` with any one left out: what is nearly the same
/// shares one.
fn each_lacking_one(sounds: &[Sound], least: usize, each: impl FnMut(u64)) {
    let gone = if sounds.len() > least { 0..sounds.len() } else { 0..0 };
    deletions(sounds, gone, each);
}

/// The bits of what a text begins with, and of that with any one sound left out.
fn each_beginning(sounds: &[Sound], mut each: impl FnMut(usize)) {
    let begun = &sounds[..sounds.len().min(BEGINNING + 1)];
    each_lacking_one(begun, BEGINNING, |hash| each(hash as usize % BEGINNING_BITS));
}

/// The character at this position belongs to a place's name, of four characters at most.
pub fn is_part_at(text: &[char], at: usize) -> bool {
    let ends = |start: usize| {
        let longest = named_at_start(text.get(start..)?).next();
        longest.map(|named| start + named.length())
    };
    (at.saturating_sub(3)..=at).filter_map(ends).any(|end| end > at)
}

/// The places whose names a text is, one behind the other, each of which agrees with those before it: 苏州吴江.
/// None where it is anything else.
pub fn named(text: &[char]) -> SmallVec<[Place; 2]> {
    let mut places = SmallVec::new();
    read(text, &mut places);
    places
}

/// Read places to the end of a text, or none.
fn read(text: &[char], places: &mut SmallVec<[Place; 2]>) -> bool {
    if places.len() == IN_ROW_MAX {
        return false;
    }
    for mut place in at_start(text) {
        places.iter().for_each(|before| place.keep_within(before));
        let rest = &text[place.length..];
        if !place.codes.is_empty() {
            places.push(place);
            if rest.is_empty() || read(rest, places) {
                return true;
            }
            places.pop();
        }
    }
    false
}

impl Named {
    /// Characters of the name.
    fn length(&self) -> usize {
        self.rest.len() + 2
    }

    fn place(&self) -> Place {
        let Named { codes, whole, .. } = self;
        Place { length: self.length(), codes: codes.clone(), zone: 0, whole: *whole }
    }

    /// The zone of it with which a text goes on that begins with it. One of a county has the county's codes.
    fn zone(&self, text: &[char]) -> Option<Place> {
        let (zone, number) = zone_at_start(&text[self.length()..])?;
        let code_of = |&code: &u32| if city(code) * 100 == code { code + number } else { code };
        let codes = self.codes.iter().map(code_of).collect();
        Some(Place { length: self.length() + zone, codes, zone, whole: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(text: &str) -> Vec<(usize, u32, bool)> {
        let text: Vec<char> = text.chars().collect();
        at_start(&text).map(|place| (place.length, place.codes[0], place.whole)).collect()
    }

    #[test]
    fn places_are_found_by_whole_and_short_names() {
        assert_eq!(starts("苏州市吴江区星河"), [(3, 320_500, true), (2, 320_500, false)]);
        assert_eq!(starts("广西南宁"), [(2, 450_000, false)]);
        assert_eq!(starts("内蒙古锐信"), [(3, 150_000, false)]);
        assert_eq!(starts("延边朝鲜族自治州"), [(8, 222_400, true), (2, 222_400, false)]);
        assert_eq!(starts("香港星河"), [(2, 810_000, false)]);
        assert_eq!(starts("苏州工业园区星河"), [(6, 320_573, true), (2, 320_500, false)]);
        assert_eq!(starts("昆山开发区星河"), [(5, 320_583, true), (2, 320_583, false)]);
        assert_eq!(starts("苏州高新区块链"), [(2, 320_500, false)]);
        assert_eq!(starts("杭州市临平区")[0], (3, 330_100, true));
        assert_eq!(starts("临平区星河"), [(3, 330_113, true), (2, 330_113, false)]);
        assert_eq!(starts("星河科技"), []);
    }

    #[test]
    fn a_county_that_became_a_district_is_one_place_with_it() {
        let codes = |text: &str| {
            let text: Vec<char> = text.chars().collect();
            let place = at_start(&text).next().unwrap();
            (place.length == text.len()).then(|| place.codes.to_vec()).unwrap()
        };
        for (now, before, others) in [
            ("吴江区", "吴江市", &[320_509, 320_584][..]),
            ("大丰区", "大丰市", &[320_904, 320_982]),
            ("临安区", "临安市", &[330_112, 330_185]),
            ("密云区", "密云县", &[110_118, 110_228]),
        ] {
            for name in [now, before] {
                assert!(others.iter().all(|code| codes(name).contains(code)), "{name}");
            }
        }
        assert!(!codes("伊宁市").iter().any(|code| codes("伊宁县").contains(code)));
    }

    #[test]
    fn places_in_a_row_are_read_to_the_end() {
        let read = |text: &str| -> Vec<usize> {
            named(&text.chars().collect::<Vec<_>>()).iter().map(|place| place.length).collect()
        };
        assert_eq!(read("苏州吴江"), [2, 2]);
        assert_eq!(read("江苏省苏州市吴江区"), [3, 3, 3]);
        assert_eq!(read("苏州工业园区"), [6]);
        for text in ["苏州杭州", "苏州集团", "集团", "", "苏州苏州苏州苏州"] {
            assert_eq!(read(text), [0; 0], "{text}");
        }
    }

    #[test]
    fn a_misspelt_place_is_nearly_one() {
        let rows = [
            ("乌鲁暮齐", true),
            ("佳木市", true),
            ("内蒙滑", true),
            ("崇阳凌", false),
            ("张掖", false),
            ("难宁", true),
            ("渝老", false),
            ("渝老大", false),
            ("泽源商", false),
            ("星", false),
            ("", false),
        ];
        for (text, is_near) in rows {
            let chars: Vec<char> = text.chars().collect();
            assert_eq!(misspelt_at_start(&chars).have(chars.len()), is_near, "{text}");
        }
    }

    #[test]
    fn what_begins_like_no_place_is_none_but_for_an_edit() {
        let near = |text: &[char]| {
            let is_readable = named_at_start(text).any(|named| named.length() + 1 >= text.len());
            let sounds: Vec<Sound> = text.iter().map(|&c| han::sound(c)).collect();
            let mut is_near = false;
            each_lacking_one(&sounds, SHORT, |hash| is_near |= MISSPELLINGS.hashes.contains(&hash));
            is_near && !is_readable
        };
        let (mut all, mut met) = (0, 0);
        for (first, named) in
            NAMES.iter().flat_map(|(first, all)| all.iter().map(move |named| (first, named)))
        {
            let name: Vec<char> = first.iter().chain(&named.rest).copied().collect();
            for at in 0..name.len() {
                let (before, after) = (&name[..at], &name[at + 1..]);
                for with in [&[][..], &['鑫'], &['鑫', name[at]]] {
                    let text = [before, with, after, &['星', '河']].concat();
                    let lengths = misspelt_at_start(&text);
                    for length in 2..=text.len() {
                        assert_eq!(
                            lengths.have(length),
                            near(&text[..length]),
                            "{text:?} {length}"
                        );
                        all += 1;
                        met += usize::from(lengths.have(length));
                    }
                }
            }
        }
        assert!(met > 20_000 && met < all / 2, "{met} of {all}");
    }

    #[test]
    fn places_agree_with_what_they_lie_in() {
        for (a, b, expected) in [
            (320_000, 320_509, true),
            (320_500, 320_509, true),
            (320_509, 320_509, true),
            (320_506, 320_509, false),
            (320_500, 330_100, false),
            (320_100, 320_500, false),
            (320_573, 320_500, true),
            (320_573, 320_000, true),
            (320_573, 320_509, true),
            (320_573, 320_571, false),
            (320_573, 320_111, false),
            (120_072, 120_116, true),
        ] {
            assert_eq!((agree(a, b), agree(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
