//! The few subjects made by hand, in every city, for examples and documents.
//!
//! No drawn entry lists one of them, and no drawn identifier is one of theirs.
//!
//! | subject | listed |
//! |---|---|
//! | [`XINGHE`] | `sxbzxr` by its organisation code alone, 2025-03-01 to 2035-02-28; `zfcg_yzwf` |
//! | [`XINGHE_BRANCH`] | nowhere; its parent is |
//! | [`MINGZHU`] | `tqnmggz` with its representative [`ZHANG_SAN`], and the red `nsxy_a` |
//! | [`ZHANG_SAN`] | nowhere as a subject; a representative on `tqnmggz` |
//! | [`LI_SI`] | `xzxfry`, the number masked |
//! | [`QIHANG`] | `scjg_yzsx`, repaired |
//! | [`QINGBAI`] | nowhere |

use super::city::{City, Expect, Listing, Slot, mask, other_days};
use super::number;
use super::trap::{Trap, Traps};
use crate::record::{
    Day, Entry, Identifier, IdentifierKind, MaskedIdentifier, Related, Role, State, Subject,
    SubjectKind, Term,
};

/// One of the cast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Name.
    pub name: &'static str,
    /// USCC, or resident ID.
    pub id: &'static str,
}

/// A debtor who is shut out of procurement as well.
pub const XINGHE: Member =
    Member { name: "苏州星河科技有限公司", id: "91320500MA0000015D" };
/// Its branch, on no list.
pub const XINGHE_BRANCH: Member =
    Member { name: "苏州星河科技有限公司吴江分公司", id: "91320509MA0000082D" };
/// Red and black at once.
pub const MINGZHU: Member =
    Member { name: "苏州明珠建设有限公司", id: "91320505MA0000023G" };
/// Its legal representative.
pub const ZHANG_SAN: Member = Member { name: "张三", id: "320500190001010019" };
/// A restricted consumer, published as `1101011900****0006`.
pub const LI_SI: Member = Member { name: "李四", id: "110101190001010006" };
/// A company whose record was repaired.
pub const QIHANG: Member =
    Member { name: "苏州启航物流有限公司", id: "91320506MA0000090W" };
/// A company on no list.
pub const QINGBAI: Member =
    Member { name: "苏州清白商贸有限公司", id: "91320507MA00001031" };

/// The feeds whose first row is one of the cast.
const FEEDS: [&str; 6] = ["sxbzxr", "zfcg_yzwf", "tqnmggz", "nsxy_a", "xzxfry", "scjg_yzsx"];

/// The place belongs to the cast.
pub(super) fn holds(slot: Slot) -> bool {
    slot.offset == 0 && FEEDS.contains(&slot.feed.code)
}

/// What is written by hand about one row.
struct Row {
    member: Member,
    days: [(i16, i8, i8); 2],
    document: &'static str,
    authority: &'static str,
    reason: &'static str,
    state: State,
    traps: Traps,
}

/// The entry at such a place, if it is one of the cast's.
pub(super) fn listing(city: &City, number: u64, slot: Slot) -> Option<Listing> {
    if !holds(slot) {
        return None;
    }
    let row = row(slot.feed.code)?;
    let id = Identifier::recognise(row.member.id).ok()?;
    let person = id.kind() == IdentifierKind::ResidentId;
    let mut subject = Subject {
        kind: if person { SubjectKind::NaturalPerson } else { SubjectKind::Organisation },
        name: row.member.name.to_owned(),
        other_names: Vec::new(),
        ids: Vec::new(),
        masked: None,
        related: Vec::new(),
    };
    if row.traps.has(Trap::Masked) {
        subject.masked = MaskedIdentifier::parse(&mask(id.text()));
    } else if row.traps.has(Trap::OrgCodeOnly) {
        subject.ids.push(number::org_code_of(&id));
    } else {
        subject.ids.push(id.clone());
    }
    if slot.feed.code == "tqnmggz" {
        subject.related.push(Related {
            role: Role::LegalRepresentative,
            name: ZHANG_SAN.name.to_owned(),
            id: Identifier::recognise(ZHANG_SAN.id).ok(),
        });
    }
    let term = Term { from: day(row.days[0]), to: day(row.days[1]) };
    let (decided, published, publicity_until) = other_days(slot.feed.layout, term);
    Some(Listing {
        number,
        expect: Expect::Entry,
        entry: Entry {
            id: String::new(),
            list: slot.feed.list.to_owned(),
            subject,
            reason: row.reason.to_owned(),
            document: row.document.to_owned(),
            authority: row.authority.to_owned(),
            region: id.text()[if person { 0..6 } else { 2..8 }].parse().unwrap_or(0),
            decided,
            published,
            term,
            publicity_until,
            state: row.state,
            objection: false,
            extended: false,
            provenance: city.provenance(slot),
        },
        real_name: None,
        real_ids: vec![id],
        traps: row.traps,
    })
}

fn day((year, month, day): (i16, i8, i8)) -> Option<Day> {
    Day::from_ymd(year, month, day)
}

fn row(feed: &str) -> Option<Row> {
    let none = Traps::default();
    Some(match feed {
        "sxbzxr" => Row {
            member: XINGHE,
            days: [(2025, 3, 1), (2035, 2, 28)],
            document: "（2025）苏0505执1234号",
            authority: "苏州市虎丘区人民法院",
            reason: "有履行能力而拒不履行生效法律文书确定义务",
            state: State::InForce,
            traps: none.with(Trap::OrgCodeOnly),
        },
        "zfcg_yzwf" => Row {
            member: XINGHE,
            days: [(2025, 6, 1), (2034, 5, 31)],
            document: "苏财购罚〔2025〕7号",
            authority: "苏州市财政局",
            reason: "提供虚假材料谋取中标",
            state: State::InForce,
            traps: none.with(Trap::Repeated),
        },
        "tqnmggz" => Row {
            member: MINGZHU,
            days: [(2025, 9, 15), (2034, 9, 14)],
            document: "苏人社监列〔2025〕3号",
            authority: "苏州市人力资源和社会保障局",
            reason: "克扣、无故拖欠农民工工资报酬数额较大",
            state: State::InForce,
            traps: none,
        },
        "nsxy_a" => Row {
            member: MINGZHU,
            days: [(2025, 4, 1), (2034, 3, 31)],
            document: "",
            authority: "国家税务总局苏州市税务局",
            reason: "",
            state: State::InForce,
            traps: none.with(Trap::RedAndBlack).with(Trap::Repeated),
        },
        "xzxfry" => Row {
            member: LI_SI,
            days: [(2025, 5, 20), (2035, 5, 19)],
            document: "（2025）苏0508执567号",
            authority: "苏州市姑苏区人民法院",
            reason: "未按执行通知书指定的期间履行给付义务",
            state: State::InForce,
            traps: none.with(Trap::Masked),
        },
        "scjg_yzsx" => Row {
            member: QIHANG,
            days: [(2024, 7, 1), (2033, 6, 30)],
            document: "苏市监列〔2024〕15号",
            authority: "苏州市市场监督管理局",
            reason: "提交虚假材料取得登记",
            state: State::Repaired,
            traps: none.with(Trap::Repaired),
        },
        _ => return None,
    })
}
