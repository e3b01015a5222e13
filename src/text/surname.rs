//! Surnames that registers write in two ways.

use super::Keys;

/// A surname, and the simpler one that registers write for it: who bears one may be found by the other. By law they
/// are two, so no key makes one of them.
const PAIRS: [(char, char); 9] = [
    ('阎', '闫'),
    ('傅', '付'),
    ('萧', '肖'),
    ('戴', '代'),
    ('蓝', '兰'),
    ('邱', '丘'),
    ('甯', '宁'),
    ('於', '于'),
    ('锺', '钟'),
];

impl Keys {
    /// Make `other` those of the name whose surname is written the other way, if a person may bear it: 闫小龙 for
    /// 阎小龙. Two to four Chinese characters. Cost: some nanoseconds where it is none.
    pub fn with_other_surname(&self, other: &mut Keys) -> bool {
        let mut rest = self.unified.chars();
        let Some(surname) = rest.next().and_then(other_surname) else { return false };
        let given = rest.clone().take_while(|c| matches!(c, '\u{3400}'..='\u{9fff}')).count();
        if !(1..=3).contains(&given) || given < rest.clone().count() {
            return false;
        }
        other.clear();
        other.unified.push(surname);
        other.unified.push_str(rest.as_str());
        other.folded.push_str(&other.unified);
        true
    }
}

fn other_surname(c: char) -> Option<char> {
    PAIRS.into_iter().find_map(|(one, other)| match c {
        _ if c == one => Some(other),
        _ if c == other => Some(one),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_names_have_another_surname_where_there_is_one() {
        for (name, other) in [
            ("阎小龙", Some("闫小龙")),
            ("闫 龙", Some("阎龙")),
            ("閻小龙", Some("闫小龙")),
            ("付欧阳小龙", None),
            ("傅", None),
            ("李小龙", None),
            ("戴A", None),
            ("李傅", None),
        ] {
            let mut keys = Keys::from("left over");
            let found = Keys::from(name).with_other_surname(&mut keys);
            assert_eq!(found.then_some(keys), other.map(Keys::from), "{name}");
        }
    }

    #[test]
    fn none_is_folded_into_another() {
        for c in PAIRS.into_iter().flat_map(|(one, other)| [one, other]) {
            assert_eq!(Keys::from(&*c.to_string()).unified, c.to_string());
        }
    }
}
