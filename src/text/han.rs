//! What is known of single Chinese characters: their simplified form, their sounds, their shape.
//!
//! The tables are those of OpenCC, of the pinyin data of mozillazg, and of the five-stroke code Wubi 86,
//! which spells a character by its parts. They are made when first asked for: the simplified forms in 20 ms, the rest in 0.3 s.

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use pinyin::ToPinyinMulti;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// Characters that are known: the unified ideographs of the basic plane.
const KNOWN: RangeInclusive<char> = '\u{3400}'..='\u{9fff}';

/// Traditional characters that simplified names bear as well, where another name than the simplified
/// one is meant: 乾元 is not 干元, 昇 in a name is not 升. They are folded as [`variant`]s only.
const KEPT: [char; 13] =
    ['乾', '昇', '陞', '甯', '於', '濛', '淩', '徵', '汎', '鮀', '崑', '迴', '俱'];

/// Sounds of a character beyond which none is kept.
const SOUNDS_MAX: usize = 4;

/// Letters of a shape code.
const CODE_MAX: usize = 4;

/// Numbers, stems and directions in Chinese. 伍 and 陆 are words and surnames as well.
const NUMBERS: [char; 27] = [
    '一', '二', '三', '四', '五', '六', '七', '八', '九', '十', '甲', '乙', '丙', '丁', '东', '南',
    '西', '北', '零', '壹', '贰', '叁', '肆', '柒', '捌', '玖', '拾',
];

/// A syllable without its tone; what has none sounds like itself alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sound(pub u32);

/// What is known of one character.
#[derive(Clone, Copy, Default)]
struct Han {
    /// Numbers of syllables, the usual one first, none after the first 0.
    sounds: [u16; SOUNDS_MAX],
    /// Letters, none after the first 0.
    code: [u8; CODE_MAX],
    /// A bit for each letter.
    set: u32,
}

impl Han {
    fn letters(&self) -> &[u8] {
        let known = self.code.iter().take_while(|&&letter| letter != 0).count();
        &self.code[..known]
    }
}

/// Simplified forms, by the place of the character; apart, since every name is folded by them.
static SIMPLIFIED: LazyLock<Vec<u16>> = LazyLock::new(simplified_forms);

/// The same but for the characters that are kept.
static UNIFIED: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut forms = SIMPLIFIED.clone();
    for at in KEPT.into_iter().filter_map(place) {
        forms[at] = *KNOWN.start() as u16 + at as u16;
    }
    forms
});

static TABLE: LazyLock<Vec<Han>> = LazyLock::new(table);

pub(super) fn prepare() {
    LazyLock::force(&UNIFIED);
    LazyLock::force(&TABLE);
}

fn simplified_forms() -> Vec<u16> {
    let opencc = OpenCC::from_config(BuiltinConfig::T2s).ok();
    let mut text = [0; 4];
    let form = |c: char| {
        let converted = opencc.as_ref()?.convert(c.encode_utf8(&mut text));
        let mut converted = converted.chars();
        let one = converted.next().filter(|one| KNOWN.contains(one))?;
        converted.next().is_none().then_some(one as u16)
    };
    KNOWN.map(form).zip(KNOWN).map(|(form, c)| form.unwrap_or(c as u16)).collect()
}

fn table() -> Vec<Han> {
    let mut syllables: HashMap<&'static str, u16> = HashMap::new();
    let mut text = [0; 4];
    let mut table: Vec<Han> = KNOWN
        .map(|c| {
            let mut han = Han::default();
            let mut at = 0;
            for sound in c.to_pinyin_multi().into_iter().flatten() {
                let next = syllables.len() as u16 + 1;
                let syllable = *syllables.entry(sound.plain()).or_insert(next);
                if at < SOUNDS_MAX && !han.sounds[..at].contains(&syllable) {
                    han.sounds[at] = syllable;
                    at += 1;
                }
            }
            han
        })
        .collect();
    let codes = wubi::WubiDict::embedded();
    for letter in 'a'..='z' {
        for (code, word) in codes.prefix(letter.encode_utf8(&mut text)) {
            let mut word = word.chars();
            let (Some(c), None) = (word.next(), word.next()) else { continue };
            let Some(at) = place(c) else { continue };
            if code.len() > table[at].letters().len() && code.len() <= CODE_MAX {
                table[at].code[..code.len()].copy_from_slice(code.as_bytes());
                table[at].set = code.bytes().fold(0, |set, letter| set | 1 << (letter & 31));
            }
        }
    }
    table
}

fn place(c: char) -> Option<usize> {
    KNOWN.contains(&c).then(|| c as usize - *KNOWN.start() as usize)
}

fn han(c: char) -> Option<&'static Han> {
    place(c).map(|at| &TABLE[at])
}

/// The simplified form of a character that has one and means nothing else in names.
pub fn simplified(c: char) -> char {
    of_table(&UNIFIED, c)
}

/// The simplified form of a character, also where both forms are used in names.
pub fn variant(c: char) -> char {
    of_table(&SIMPLIFIED, c)
}

fn of_table(forms: &[u16], c: char) -> char {
    place(c).and_then(|at| char::from_u32(u32::from(forms[at]))).unwrap_or(c)
}

/// Numbers, stems and directions, by which the like-named are told apart.
pub fn is_number(c: char) -> bool {
    c.is_ascii_digit() || NUMBERS.contains(&c)
}

/// Both are such, and not one number written in two ways.
pub fn are_numbers(a: char, b: char) -> bool {
    is_number(a) && is_number(b) && !are_one_number(a, b)
}

/// Both are one number, written in two ways or in one: 2, 二, 贰.
pub fn are_one_number(a: char, b: char) -> bool {
    value(a).is_some_and(|value_of_a| value(b) == Some(value_of_a))
}

/// What a digit or a numeral counts.
pub fn value(c: char) -> Option<u8> {
    Some(match c {
        '0'..='9' => c as u8 - b'0',
        '零' | '〇' => 0,
        '一' | '壹' => 1,
        '二' | '贰' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        '十' | '拾' => 10,
        _ => return None,
    })
}

/// How a character usually sounds.
pub fn sound(c: char) -> Sound {
    sounds(c).next().unwrap_or(Sound(c as u32))
}

/// How all of a text usually sounds; `sounds` is cleared first and reused.
pub fn sounds_of(text: &[char], sounds: &mut Vec<Sound>) {
    sounds.clear();
    sounds.extend(text.iter().map(|&c| sound(c)));
}

/// All the ways in which it may be read, the usual one first.
pub fn sounds(c: char) -> impl Iterator<Item = Sound> {
    let sounds = han(c).map(|han| han.sounds).unwrap_or_default();
    sounds.into_iter().take_while(|&sound| sound != 0).map(|sound| Sound(u32::from(sound)))
}

/// Two characters may be read alike.
pub fn sound_alike(a: char, b: char) -> bool {
    let (Some(a), Some(b)) = (han(a), han(b)) else { return false };
    a.sounds.iter().any(|&sound| sound != 0 && b.sounds.contains(&sound))
}

/// How alike two characters look, from 0 to 1: the share of the letters of the longer code that the
/// other has in the same order.
pub fn looks_alike(a: char, b: char) -> f64 {
    let (Some(a), Some(b)) = (han(a), han(b)) else { return 0.0 };
    if a.set & b.set == 0 {
        return 0.0;
    }
    let (a, b) = (a.letters(), b.letters());
    // The longest common subsequence, a row at a time.
    let mut row = [0u8; CODE_MAX + 1];
    for &letter in a {
        let mut before = 0;
        for (at, &other) in b.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if letter == other { before + 1 } else { above.max(row[at]) };
            before = above;
        }
    }
    f64::from(row[b.len()]) / a.len().max(b.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_simplified_unless_names_need_both() {
        let simple: String = "寧夏弘璽龍潤環宇".chars().map(simplified).collect();
        assert_eq!(simple, "宁夏弘玺龙润环宇");
        assert_eq!((simplified('乾'), variant('乾')), ('乾', '干'));
        assert_eq!((simplified('昇'), variant('昇')), ('昇', '升'));
        assert_eq!((simplified('A'), simplified('㐀')), ('A', '㐀'));
    }

    #[test]
    fn characters_sound_alike_by_any_reading() {
        for (a, b) in [('业', '谒'), ('业', '射'), ('和', '河'), ('重', '崇')] {
            assert!(sound_alike(a, b), "{a}{b}");
        }
        assert!(!sound_alike('三', '五') && !sound_alike('A', 'B'));
        assert_eq!(sound('A'), Sound('A' as u32));
    }

    #[test]
    fn characters_that_look_alike_share_parts() {
        for (a, b) in [('限', '很'), ('作', '昨'), ('市', '闹'), ('技', '支')] {
            assert!(looks_alike(a, b) >= 0.5, "{a}{b} {}", looks_alike(a, b));
        }
        assert!(looks_alike('龙', '科') < looks_alike('限', '很'));
        assert_eq!(looks_alike('A', '三'), 0.0);
    }
}
