//! Folding of names into keys, stage K1 (DOMAIN 7).

use encoding_rs::GB18030;
use unicode_normalization::UnicodeNormalization;

/// The K1 key of a name, appended to nothing: `key` is cleared first and reused.
///
/// NFKC, upper-case, spaces, invisible characters and middle dots dropped, brackets unified, characters
/// that GBK once had in the private use area where Unicode has them since, radicals that are whole characters.
/// Two names with one key are written differently and are the same name. Cost: about 5 ns a
/// character for Chinese and ASCII, ten times that where NFKC must be asked; allocates only when
/// `key` must grow.
pub fn fold(name: &str, key: &mut String) {
    key.clear();
    for c in name.chars() {
        match c {
            '\u{4e00}'..='\u{9fff}' => key.push(c),
            'A'..='Z' | '0'..='9' => key.push(c),
            'a'..='z' => key.push(c.to_ascii_uppercase()),
            '（' | '(' => key.push('('),
            '）' | ')' => key.push(')'),
            ' ' | '·' => {}
            _ => return fold_any(name, key),
        }
    }
}

/// The same for any character: what [`fold`] must agree with. What is left after dropping is composed
/// again, or an accent behind a dropped space would join its neighbour only at the next folding.
fn fold_any(name: &str, key: &mut String) {
    key.clear();
    let unified = name
        .chars()
        .map(published)
        .map(ideograph)
        .nfkc()
        .flat_map(char::to_uppercase)
        .filter(|&c| !is_dropped(c));
    key.extend(unified.map(bracket).nfc());
}

/// The 80 characters FE50 to FEA0 of GBK had no places of their own in Unicode at first: what an old
/// program reads as U+E835 is 䅟.
fn published(c: char) -> char {
    const FIRST: char = '\u{e815}';
    const LAST: char = '\u{e864}';
    if !(FIRST..=LAST).contains(&c) {
        return c;
    }
    let at = (c as u32 - FIRST as u32) as u8;
    // There is no trail byte 7F.
    let trail = if at < 0x2f { 0x50 + at } else { 0x51 + at };
    let bytes = [0xfe, trail];
    let (text, _) = GB18030.decode_without_bom_handling(&bytes);
    text.chars().next().filter(|&c| c != char::REPLACEMENT_CHARACTER).unwrap_or(c)
}

/// What a PDF gives for some simplified characters is the radical of the same shape: ⻰ for 龙. Of the radicals from
/// U+2F00 on NFKC knows it; others are parts of characters and stay.
fn ideograph(c: char) -> char {
    const RADICALS: &str = "⺠民⻁虎⻄西⻅见⻆角⻉贝⻋车⻓长⻔门⻘青⻙韦⻚页⻛风⻜飞⻝食⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻬齐⻮齿⻰龙";
    if !('\u{2e80}'..='\u{2ef3}').contains(&c) {
        return c;
    }
    RADICALS.chars().skip_while(|&radical| radical != c).nth(1).unwrap_or(c)
}

fn bracket(c: char) -> char {
    match c {
        '[' | '{' | '〔' | '【' | '〖' | '《' | '〈' | '「' | '『' | '﹙' => '(',
        ']' | '}' | '〕' | '】' | '〗' | '》' | '〉' | '」' | '』' | '﹚' => ')',
        _ => c,
    }
}

/// Spaces, invisible characters, and the dots that stand between the parts of ethnic names.
fn is_dropped(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
        || matches!(c, '.' | '·' | '•' | '‧' | '・' | '･' | '∙' | '⋅' | '\u{387}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(name: &str) -> String {
        let mut key = String::from("left over");
        fold(name, &mut key);
        key
    }

    #[test]
    fn names_written_differently_meet() {
        let rows: &[(&str, &[&str])] = &[
            (
                "苏州星河科技(集团)有限公司",
                &[
                    "苏州星河科技（集团）有限公司",
                    "苏州星河科技【集团】有限公司",
                    " 苏州 星河科技\u{3000}(集团)有限公司\u{200b}",
                    "苏州星河科技〔集团〕有限公司\n",
                ],
            ),
            (
                "阿布都热西提买买提",
                &[
                    "阿布都热西提·买买提",
                    "阿布都热西提•买买提",
                    "阿布都热西提‧买买提",
                    "阿布都热西提・买买提",
                    "阿布都热西提･买买提",
                    "阿布都热西提∙买买提",
                    "阿布都热西提⋅买买提",
                    "阿布都热西提\u{387}买买提",
                    "阿布都热西提.买买提",
                    "阿布都热西提．买买提",
                    "阿布都热西提 买买提",
                ],
            ),
            ("䅟䶮", &["\u{e835}\u{e863}"]),
            ("马龙门见风长青民", &["⻢⻰⻔⻅⻛⻓⻘⺠"]),
            ("ABC贸易123", &["ＡＢＣ贸易１２３", "abc贸易１2３", "A.B.C 贸易123"]),
        ];
        for (key, names) in rows {
            assert_eq!(folded(key), *key);
            for name in *names {
                assert_eq!(folded(name), *key, "{name:?}");
            }
        }
    }

    #[test]
    fn different_names_stay_different() {
        for (a, b) in [
            ("第三建设", "第五建设"),
            ("星河", "星和"),
            ("乾元", "干元"),
            ("\u{e900}", "\u{e901}"),
            ("有限公司", "有限责任公司"),
        ] {
            assert_ne!(folded(a), folded(b));
        }
    }

    proptest! {
        #[test]
        fn the_quick_way_is_the_thorough_way(name in "[a-zA-Z0-9 （）()·一-龥]{0,20}") {
            let mut key = String::new();
            fold_any(&name, &mut key);
            prop_assert_eq!(folded(&name), key);
        }

        /// `"ô´"` was not, before what is left was composed again.
        #[test]
        fn a_key_is_its_own_key(name in "\\PC{0,20}") {
            let key = folded(&name);
            prop_assert_eq!(folded(&key), key);
        }
    }
}
