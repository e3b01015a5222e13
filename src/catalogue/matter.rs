//! A matter: something handled for a subject, and the lists that must be consulted for it.

use super::list::{List, ListNo};
use super::mistake::{Fault, What};
use super::page::Table;
use super::row::Row;
use crate::record::{Role, limits};

/// The position of a matter in the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MatterNo(pub u16);

/// A matter of the portal (DOMAIN 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matter {
    /// Its 实施编码 or a local code: opaque, at most 50 characters.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Who handles it.
    pub department: String,
    /// The lists that must be consulted, in the order of the file.
    pub consults: Vec<ListNo>,
    /// What its subjects may be in it: [`ROLES`] or a code of [`Role`].
    pub roles: Vec<String>,
    /// A person's name alone may alert. Names are shared by thousands, so this is for matters where
    /// a missed person weighs more than a false alarm.
    pub persons_by_name: bool,
    /// A similar name alerts from this likelihood on, in hundredths.
    pub similar_name_percent: u8,
}

impl Matter {
    /// One that consults so many lists, all that there are.
    pub(super) fn of_all(lists: usize) -> Matter {
        Matter {
            code: String::new(),
            name: "全部名单 / all lists".to_owned(),
            department: String::new(),
            consults: (0..lists).map(|number| ListNo(number as u16)).collect(),
            roles: Vec::new(),
            persons_by_name: false,
            similar_name_percent: SIMILAR_NAME_PERCENT as u8,
        }
    }
}

/// Where a matter says nothing: a similar name alerts when it is likelier than not the asked one.
const SIMILAR_NAME_PERCENT: u32 = 50;

/// What a subject may be in a matter, beside the codes of [`Role`].
pub const ROLES: [&str; 9] = [
    "applicant",    // 申请人
    "bidder",       // 投标人, 供应商, 竞买人
    "agent",        // 代理人, 经办人
    "investor",     // 股东, 出资人, 举办者
    "nominee",      // 评先评优对象
    "candidate",    // 拟录用, 拟任职人员
    "practitioner", // 从业人员
    "guarantor",    // 担保人
    "vehicle",      // 车辆
];

/// Characters by which a code is known where the rest differs: the base code of a 实施编码.
pub const TAIL_CHARS: usize = 12;

pub(super) const FIELDS: &[&str] =
    &["code", "name", "department", "consults", "roles", "persons_by_name", "similar_name_percent"];

pub(super) fn read(row: &mut Row<'_, '_, '_>, lists: &Table<List>) -> (String, Matter) {
    let matter = Matter {
        code: read_code(row),
        name: row.text("name").to_owned(),
        department: row.text("department").to_owned(),
        consults: read_consults(row, lists),
        roles: read_roles(row),
        persons_by_name: row.flag("persons_by_name"),
        similar_name_percent: row.count_or("similar_name_percent", 100, SIMILAR_NAME_PERCENT) as u8,
    };
    (matter.code.clone(), matter)
}

/// The last 12 characters of a code, or all of a shorter one.
pub(super) fn tail(code: &str) -> &str {
    match code.char_indices().rev().nth(TAIL_CHARS - 1) {
        Some((at, _)) => &code[at..],
        None => code,
    }
}

fn read_code(row: &mut Row<'_, '_, '_>) -> String {
    let code = row.text("code");
    let (count, max) = (code.chars().count(), limits::MATTER_CHARS_MAX);
    if count > max {
        row.refuse_field("code", Fault::LongMatterCode { count, max });
    }
    code.to_owned()
}

fn read_consults(row: &mut Row<'_, '_, '_>, lists: &Table<List>) -> Vec<ListNo> {
    if row.names_nothing("consults") {
        row.refuse_field("consults", Fault::ConsultsNothing);
    }
    row.codes("consults", What::List, lists)
        .into_iter()
        .map(|(number, _)| ListNo(number as u16))
        .collect()
}

fn read_roles(row: &mut Row<'_, '_, '_>) -> Vec<String> {
    if row.names_nothing("roles") {
        row.refuse_field("roles", Fault::MissingField { field: "roles" });
    }
    let mut roles = Vec::new();
    for given in row.texts("roles") {
        if ROLES.contains(&given.text) || Role::from_code(given.text).is_some() {
            roles.push(given.text.to_owned());
        } else {
            row.refuse(
                given.at,
                Fault::UnknownCode { what: What::Role, code: given.text.to_owned() },
            );
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn the_tail_counts_characters() {
        let rows = [
            ("11320500000000019Y3000123456001", "000123456001"),
            ("其他-02491-006", "其他-02491-006"),
            ("苏其他-02491-006", "其他-02491-006"),
            ("006", "006"),
            ("", ""),
        ];
        for (code, expected) in rows {
            assert_eq!(tail(code), expected, "{code}");
        }
    }
}
