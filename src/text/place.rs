//! Names of provinces, prefectures and counties, as they begin the names of companies.
//!
//! The table is GB/T 2260 in its revisions since 2002, so that a district that was merged away is
//! known by its old name too.

use super::han::{self, Sound};
use super::name::deletions;
use gb2260::Division;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::sync::LazyLock;

/// Revisions of GB/T 2260 that are read, the newest first.
const REVISIONS: [&str; 5] = ["201607", "201308", "201010", "200612", "200212"];

/// A place at the beginning of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Characters of its name.
    pub length: usize,
    /// Division codes of six digits that bear the name.
    pub codes: SmallVec<[u32; 2]>,
    /// The name is whole: `苏州市`, not `苏州`.
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
/// not told apart by companies.
pub fn agree(a: u32, b: u32) -> bool {
    let within = |inner: u32, outer: u32| match outer {
        _ if outer.is_multiple_of(10_000) => inner / 10_000 == outer / 10_000,
        _ if outer.is_multiple_of(100) => inner / 100 == outer / 100,
        _ => inner == outer,
    };
    within(a, b) || within(b, a)
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
    let mut names = Names::default();
    for revision in REVISIONS {
        let name_of = |code: u32| {
            let code = format!("{code:06}");
            Division::get_by_revision(&code, revision).map(|division| division.name)
        };
        for province in (110_000..=650_000).step_by(10_000) {
            let Some(name) = name_of(province) else { continue };
            add(&mut names, name, province);
            for prefecture in (province + 100..province + 10_000).step_by(100) {
                let Some(name) = name_of(prefecture) else { continue };
                add(&mut names, name, prefecture);
                for county in prefecture + 1..prefecture + 100 {
                    if let Some(name) = name_of(county) {
                        add(&mut names, name, county);
                    }
                }
            }
        }
    }
    names
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

/// The places whose name a text begins with, the longest first.
pub fn at_start(text: &[char]) -> impl Iterator<Item = Place> {
    named_at_start(text).map(Named::place)
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

/// The place whose name a text is.
pub fn named(text: &[char]) -> Option<Place> {
    at_start(text).next().filter(|place| place.length == text.len())
}

impl Named {
    /// Characters of the name.
    fn length(&self) -> usize {
        self.rest.len() + 2
    }

    fn place(&self) -> Place {
        Place { length: self.length(), codes: self.codes.clone(), whole: self.whole }
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
        assert_eq!(starts("星河科技"), []);
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
        ] {
            assert_eq!((agree(a, b), agree(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
