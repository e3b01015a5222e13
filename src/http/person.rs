//! Names of natural persons for display: the surname and a `*` for every further character
//! (DOMAIN 6).

use crate::record::SubjectKind;

/// Surnames of two characters that are in use.
const COMPOUND: [&str; 20] = [
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯",
    "宇文", "长孙", "端木", "轩辕", "闻人", "南宫", "百里", "东郭",
];

/// Append the name, masked.
pub fn mask(name: &str, out: &mut String) {
    let is_compound =
        COMPOUND.iter().any(|surname| name.starts_with(surname)) && name.chars().nth(2).is_some();
    let shown = if is_compound { 2 } else { 1 };
    for (at, c) in name.chars().enumerate() {
        out.push(if at < shown { c } else { '*' });
    }
}

/// A listed name as it may be shown: a natural person's is masked, unless it is the name that was asked
/// about.
pub fn shown(kind: SubjectKind, name: &str, is_asked: bool) -> String {
    if kind != SubjectKind::NaturalPerson || is_asked {
        return name.to_owned();
    }
    let mut masked = String::new();
    mask(name, &mut masked);
    masked
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn the_surname_is_shown() {
        let rows = [
            ("张三", "张*"),
            ("李小明", "李**"),
            ("欧阳修", "欧阳*"),
            ("欧阳", "欧*"),
            ("阿布·买买提", "阿*****"),
            ("赵", "赵"),
            ("", ""),
        ];
        for (name, masked) in rows {
            let mut out = String::new();
            mask(name, &mut out);
            assert_eq!(out, masked);
        }
    }
}
