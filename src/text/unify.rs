//! Unifying of folded names, stage K2: simplified characters, equal legal forms, numbers, no accents and
//! no marks but those that tell names apart.

use super::han;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// Digits of a number, as what they count.
type Digits = smallvec::SmallVec<[u8; 4]>;

/// The K2 key of a name whose K1 key this is; `key` is cleared first and reused. Two names with one
/// key are the same name but for the script or the spelling of the legal form. Equal K1 keys have equal
/// K2 keys; a name of nothing but marks keeps them. Cost: about 5 ns a character.
pub fn unify(folded: &str, key: &mut String) {
    key.clear();
    let mut chars = folded.chars().peekable();
    while let Some(c) = chars.next() {
        let c = han::simplified(c);
        if c.is_ascii_digit() && key.ends_with('第') {
            let mut digits = Digits::from_slice(&[c as u8 - b'0']);
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit as u8 - b'0');
            }
            count(&digits, key);
        } else if is_han(c) || c.is_ascii_alphanumeric() {
            if c == '分' {
                count_branch(key);
            }
            key.push(c);
            if c == '司' {
                unify_form(key);
            }
        } else if matches!(c, '(' | ')' | '/' | '&') {
            key.push(c);
            unify_group(key);
        } else if c == '〇' || is_zero(c, key, chars.clone()) {
            key.push('零');
        } else if matches!(
            c,
            '*' | '×' | '●' | '○' | '◯' | '■' | '□' | '?' | char::REPLACEMENT_CHARACTER
        ) {
            // What hides a character, or stands for one that was lost: 李*明 is not 李明.
            key.push('*');
        } else if is_unknown(c) {
            key.push(c);
        } else if let Some(mark) = between_numbers(c)
            && key.ends_with(is_numeral)
            && chars.peek().is_some_and(|&after| is_numeral(after))
        {
            key.push(mark);
        } else if c.is_alphanumeric() {
            decompose_canonical(c, |part| match part {
                'Ø' => key.push('O'),
                'Ł' => key.push('L'),
                'Đ' | 'Ð' => key.push('D'),
                'Æ' => key.push_str("AE"),
                'Œ' => key.push_str("OE"),
                'Þ' => key.push_str("TH"),
                _ if is_combining_mark(part) => {}
                _ => key.push(part),
            });
        }
    }
    unify_and(key);
    unify_latin_form(key);
    if key.is_empty() {
        key.push_str(folded);
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

fn is_numeral(c: char) -> bool {
    han::value(c).is_some()
}

/// The number at the end of a key behind which 分 follows, said: 2分公司 is 二分公司.
fn count_branch(key: &mut String) {
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.len() < key.len() && !name.ends_with(|c: char| c.is_ascii_uppercase()) {
        let at = name.len();
        let digits: Digits = key.drain(at..).map(|digit| digit as u8 - b'0').collect();
        count(&digits, key);
    }
}

/// A circle behind this key and before these characters is a zero: 一○一, 第一○○.
fn is_zero(c: char, key: &str, mut after: impl Iterator<Item = char>) -> bool {
    const CIRCLES: [char; 2] = ['○', '◯'];
    let name = key.trim_end_matches(is_numeral);
    CIRCLES.contains(&c)
        && name.len() < key.len()
        && (name.ends_with('第') || after.find(|c| !CIRCLES.contains(c)).is_some_and(is_numeral))
}

/// A character all the same, of a font of one's own or a part of one: radicals, descriptions, strokes, private use.
fn is_unknown(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fff}' | '\u{31c0}'..='\u{31ef}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

/// The mark that parts two numbers: 3-5 is not 35.
fn between_numbers(c: char) -> Option<char> {
    match c {
        '+' => Some('+'),
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        _ => None,
    }
}

/// A sign between two letters is the word: without spaces Johnson & Johnson is JOHNSONANDJOHNSON.
fn unify_and(key: &mut String) {
    let is_letter = |c: char| c.is_ascii_uppercase();
    let mut end = key.len();
    while let Some(at) = key[..end].rfind('&') {
        if key[..at].ends_with(is_letter) && key[at + 1..].starts_with(is_letter) {
            key.replace_range(at..=at, "AND");
        }
        end = at;
    }
}

/// The same for the forms at the end of names in Latin letters, whose words are not told apart any more.
fn unify_latin_form(key: &mut String) {
    const FORMS: [(&str, &str); 13] = [
        ("COMPANYLIMITED", "COLTD"),
        ("COMPANYLTD", "COLTD"),
        ("COMPANY", "CO"),
        ("LIMITED", "LTD"),
        ("PRIVATELIMITED", "PTELTD"),
        ("PRIVATELTD", "PTELTD"),
        ("PVTLIMITED", "PTELTD"),
        ("PVTLTD", "PTELTD"),
        ("PROPRIETARYLIMITED", "PTYLTD"),
        ("INCORPORATED", "INC"),
        ("CORPORATION", "CORP"),
        ("LIMITEDLIABILITYCOMPANY", "LLC"),
        ("AKTIENGESELLSCHAFT", "AG"),
    ];
    if !key.ends_with(|c: char| c.is_ascii_uppercase()) {
        return;
    }
    let form =
        FORMS.iter().filter(|(form, _)| key.ends_with(form)).max_by_key(|(form, _)| form.len());
    if let Some((form, short)) = form {
        key.truncate(key.len() - form.len());
        key.push_str(short);
    }
}

/// The legal form that a key ends with, written as others of its kind are: 有限责任公司 is 有限公司, and
/// 股份公司 and 股份合作公司 are limited. Never 集团: a group and its company are two.
fn unify_form(key: &mut String) {
    const COMPANY: &str = "公司";
    let Some(body) = key.strip_suffix(COMPANY).map(str::len) else { return };
    if key[..body].ends_with("有限责任") {
        key.truncate(body - "责任".len());
        key.push_str(COMPANY);
    } else if key[..body].ends_with("股份") || key[..body].ends_with("股份合作") {
        key.truncate(body);
        key.push_str("有限公司");
    }
}

/// Nor is a group another one for the brackets around the word.
fn unify_group(key: &mut String) {
    const GROUP: &str = "集团";
    let name = key.strip_suffix(')').and_then(|key| key.strip_suffix(GROUP));
    if let Some(name) = name.and_then(|name| name.strip_suffix('(')) {
        key.truncate(name.len());
        key.push_str(GROUP);
    }
}

/// A number as it is said, up to 99; a longer one digit by digit.
fn count(digits: &[u8], key: &mut String) {
    const SAID: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    let said = |digit: u8| SAID[usize::from(digit)];
    match digits {
        &[tens @ 1..=9, ones] => {
            if tens > 1 {
                key.push(said(tens));
            }
            key.push('十');
            if ones > 0 {
                key.push(said(ones));
            }
        }
        _ => key.extend(digits.iter().copied().map(said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unified(name: &str) -> String {
        let (mut folded, mut key) = (String::new(), String::from("left over"));
        crate::text::fold(name, &mut folded);
        unify(&folded, &mut key);
        key
    }

    #[test]
    fn names_in_another_script_or_spelling_meet() {
        for (a, b) in [
            ("寧夏弘璽化工科技有限公司", "宁夏弘玺化工科技有限责任公司"),
            ("苏州星河股份公司", "苏州星河股份有限公司"),
            ("苏州星河（集团）有限公司", "苏州星河集团有限公司"),
            ("第二〇一医院", "第201医院"),
            ("第二○一医院", "第201医院"),
            ("第一○○医院", "第100医院"),
            ("北京一〇一餐饮", "北京一○一餐饮"),
            ("二〇二〇餐饮", "二零二零餐饮"),
            ("星河有限公司2分公司", "星河有限公司二分公司"),
            ("星河有限公司12分公司", "星河有限公司十二分公司"),
            ("李一○", "李一*"),
            ("濠江区第1运输公司", "濠江区第一运输公司"),
            ("第12小学", "第十二小学"),
            ("第20小学", "第二十小学"),
            ("内丘棚珑建材销售-有限责任公司。", "内丘棚珑建材销售有限公司"),
            ("A-B.C, Ltd.", "abc ltd"),
            ("Société Générale (Suzhou) Co., Ltd.", "SOCIETE GENERALE（SUZHOU）COMPANY LIMITED"),
            ("Müller Corporation", "muller corp"),
            ("Volkswagen Aktiengesellschaft", "Volkswagen AG"),
            ("Global Trading Pvt Ltd", "Global Trading Private Limited"),
            ("Global Trading Pte. Ltd.", "Global Trading Private Limited"),
            ("Global Trading Pvt. Limited", "Global Trading Private Ltd"),
            ("Global Trading Proprietary Limited", "Global Trading Pty Ltd"),
            ("Global Trading Company", "Global Trading Co."),
            ("Johnson and Johnson (China) Ltd.", "Johnson & Johnson (China) Ltd."),
            ("Møller Łódź Đakovo Æon", "Moller Lodz Dakovo Aeon"),
            ("李＊明", "李×明"),
            ("李？明", "李*明"),
            ("李\u{fffd}明", "李*明"),
            ("苏州3—5加油站", "苏州3－5加油站"),
            ("第1-2小学", "第一-2小学"),
            ("有限责任公司苏州股份公司", "有限公司苏州股份有限公司"),
        ] {
            assert_eq!(unified(a), unified(b));
        }
    }

    #[test]
    fn a_key_is_its_own_key() {
        for name in [
            "苏州星河股份公司",
            "第12小学有限责任公司",
            "---",
            "",
            "乾昇A-B（集团）有限责任公司",
            "第1--2-!3+四-A小学",
            "第1-2分公司一○!○一〇",
            "李?\u{e900}⺡明",
            "A&.-Ế&&b & c&Private Co. Limited",
            "Acme Company Private Company",
        ] {
            let key = unified(name);
            assert_eq!(unified(&key), key, "{name}");
        }
        assert_eq!(unified("---"), "---");
    }

    proptest! {
        #[test]
        fn any_key_is_its_own_key(name in "[第分0-2一二十〇○零+—()集团有限责任股份公司&A-CÉØ*?!\u{e900}]{0,12}(co|pvt|ltd|limited|company){0,3}") {
            let key = unified(&name);
            prop_assert_eq!(unified(&key), key);
        }
    }

    #[test]
    fn names_that_mean_others_stay_apart() {
        for (a, b) in [
            ("星河集团有限公司", "星河有限公司"),
            ("第三建设", "第五建设"),
            ("乾元贸易", "干元贸易"),
            ("昇龙贸易", "升龙贸易"),
            ("三一重工", "31重工"),
            ("星河公司", "星河有限公司"),
            ("Acme Corporation", "Acme Inc"),
            ("Acme Pte. Ltd.", "Acme Ltd."),
            ("星河&明月", "星河AND明月"),
            ("阿", "何"),
            ("李*明", "李明"),
            ("李?明", "李明"),
            ("李\u{fffd}明", "李明"),
            ("李\u{e900}明", "李明"),
            ("李\u{e900}明", "李\u{e901}明"),
            ("李⺡明", "李明"),
            ("李⿰氵睿", "李氵睿"),
            ("李\u{f0000}明", "李明"),
            ("苏州1+1教育", "苏州11教育"),
            ("苏州A2分公司", "苏州A二分公司"),
            ("李○三", "李零三"),
            ("苏州3-5加油站", "苏州35加油站"),
            ("第11小学", "第一一小学"),
        ] {
            assert_ne!(unified(a), unified(b));
        }
    }
}
