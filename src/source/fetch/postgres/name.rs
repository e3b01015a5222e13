//! Names and literals, quoted. Nothing else goes into a statement unquoted.

use crate::source::fetch::FetchError;

/// A table's name as SQL.
pub(super) struct Table(String);

impl Table {
    /// `table`, `schema.table`, `"Ein Schema"."a.b"`.
    pub fn parse(text: &str) -> Result<Table, FetchError> {
        let parts = split(text).filter(|parts| parts.len() <= 2);
        let parts = parts.ok_or_else(|| {
            FetchError::config(format!("table: {text:?} 不是表名 / is no name of a table"))
        })?;
        let quoted: Result<Vec<String>, _> =
            parts.iter().map(|part| quoted("table", part)).collect();
        Ok(Table(quoted?.join(".")))
    }

    pub fn sql(&self) -> &str {
        &self.0
    }
}

/// An identifier in double quotes. `setting` names it in errors.
pub(super) fn quoted(setting: &str, name: &str) -> Result<String, FetchError> {
    if name.is_empty() || name.contains('\0') {
        return Err(FetchError::config(format!("{setting}: {name:?} 不是名称 / is no name")));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A string literal, under `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The parts between full stops, those in double quotes being one; none where quotes do not close.
fn split(text: &str) -> Option<Vec<String>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(inside) => up_to_quote(inside)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        parts.push(part);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None => return after.is_empty().then_some(parts),
        }
    }
}

/// What is before the closing quote, and what is after it; a doubled quote is one that stays.
fn up_to_quote(text: &str) -> Option<(String, &str)> {
    let (mut part, mut rest) = (String::new(), text);
    loop {
        let end = rest.find('"')?;
        part += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                part.push('"');
                rest = after;
            }
            None => return Some((part, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_quoted() {
        for (text, expected) in [
            ("a", r#""a""#),
            ("S.名单", r#""S"."名单""#),
            (r#""a.b"."c""d""#, r#""a.b"."c""d""#),
            (r#"a"b.c"#, r#""a""b"."c""#),
            ("a; DROP TABLE b", r#""a; DROP TABLE b""#),
        ] {
            assert_eq!(Table::parse(text).unwrap().sql(), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", ".", "a.", "a.b.c", r#""a"#, r#""a"b"#, "a\0b"] {
            assert!(Table::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_literal_ends_where_it_should() {
        assert_eq!(literal("a'; DROP TABLE b; --"), "'a''; DROP TABLE b; --'");
    }
}
