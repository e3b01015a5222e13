//! A measure: what follows from a place on a list, for whom, and by what right.

use super::item::Item;
use super::list::{List, ListNo};
use super::matter::{Matter, MatterNo};
use super::mistake::{Fault, What};
use super::page::Table;
use super::row::{Given, Row};
use crate::record::{ListKind, Role};

/// The position of a measure in the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MeasureNo(pub u16);

/// What a measure asks of the handler, weakest first.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// 激励: favour the subject. Stands beside the verdict and never in it.
    Incentive = 0,
    /// 提示: tell the handler, who decides freely.
    Remind = 1,
    /// 审慎审查: look closely before deciding.
    Review = 2,
    /// 限制: grant less, or on conditions.
    Restrict = 3,
    /// 禁止: do not grant.
    Prohibit = 4,
}

impl Action {
    /// Every action, in the order of their weight.
    pub const ALL: [Action; 5] =
        [Action::Incentive, Action::Remind, Action::Review, Action::Restrict, Action::Prohibit];

    /// The word used in the API, the catalogue and the documents.
    pub fn code(self) -> &'static str {
        match self {
            Action::Incentive => "incentive",
            Action::Remind => "remind",
            Action::Review => "review",
            Action::Restrict => "restrict",
            Action::Prohibit => "prohibit",
        }
    }
}

/// Who carries a punishing measure out, and how deep it cuts (DOMAIN 4).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub enum MeasureClass {
    /// Public bodies reduce rights or add duties.
    A,
    /// Public bodies manage.
    B,
    /// Others act.
    C,
}

impl MeasureClass {
    const ALL: [MeasureClass; 3] = [MeasureClass::A, MeasureClass::B, MeasureClass::C];

    /// The letter used in the catalogue and the API.
    pub fn code(self) -> &'static str {
        match self {
            MeasureClass::A => "A",
            MeasureClass::B => "B",
            MeasureClass::C => "C",
        }
    }
}

/// What the asked subject is to the listed one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reach {
    /// The listed one itself.
    Direct,
    /// Its legal representative, person in charge, controller, parent or branch.
    Related(Role),
}

impl Reach {
    /// The word used in the catalogue and the API.
    pub fn code(self) -> &'static str {
        match self {
            Reach::Direct => "direct",
            Reach::Related(role) => role.code(),
        }
    }

    /// The reach of a code, or `None`.
    pub fn from_code(code: &str) -> Option<Reach> {
        if code == "direct" {
            Some(Reach::Direct)
        } else {
            Role::from_code(code).map(Reach::Related)
        }
    }
}

/// A measure (DOMAIN 4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measure {
    /// Its code.
    pub code: String,
    /// Its name, as shown to the handler.
    pub name: String,
    /// Its name in English.
    pub name_en: Option<String>,
    /// Its class; `None` only for an incentive.
    pub class: Option<MeasureClass>,
    /// The item of the national list or the local document; `None` only for an incentive.
    pub item: Option<Item>,
    /// The legal basis.
    pub basis: String,
    /// The lists that allow it.
    pub lists: Vec<ListNo>,
    /// The matters it covers. Each of them consults each of the lists.
    pub matters: Vec<MatterNo>,
    /// What it asks of the handler.
    pub action: Action,
    /// Whom it reaches.
    pub reach: Vec<Reach>,
}

pub(super) const FIELDS: &[&str] =
    &["code", "name", "name_en", "class", "item", "basis", "lists", "matters", "action", "reach"];

pub(super) fn read(
    row: &mut Row<'_, '_, '_>,
    lists: &Table<List>,
    matters: &Table<Matter>,
) -> (String, Measure) {
    let action = row.word("action", &Action::ALL, Action::code);
    let (class, item) = match action {
        Some(action) => read_source(row, action),
        None => (None, None),
    };
    let allowed = read_lists(row, action, lists);
    let covered = read_matters(row, &allowed, lists, matters);
    let measure = Measure {
        code: row.text("code").to_owned(),
        name: row.text("name").to_owned(),
        name_en: row.optional_text("name_en").map(|given| given.text.to_owned()),
        class,
        item,
        basis: row.text("basis").to_owned(),
        lists: allowed,
        matters: covered,
        action: action.unwrap_or(Action::Remind),
        reach: read_reach(row),
    };
    (measure.code.clone(), measure)
}

/// Class and item: both for a punishing measure, neither for an incentive.
fn read_source(row: &mut Row<'_, '_, '_>, action: Action) -> (Option<MeasureClass>, Option<Item>) {
    let mut given = |field: &'static str| {
        let there = row.has(field);
        if there && action == Action::Incentive {
            row.refuse_field(field, Fault::IncentiveWith { field });
        }
        if !there && action != Action::Incentive {
            row.refuse_field(field, Fault::PunishmentWithout { field });
        }
        there && action != Action::Incentive
    };
    let (with_class, with_item) = (given("class"), given("item"));
    let class =
        if with_class { row.word("class", &MeasureClass::ALL, MeasureClass::code) } else { None };
    let item = if with_item { read_item(row, class) } else { None };
    (class, item)
}

fn read_item(row: &mut Row<'_, '_, '_>, class: Option<MeasureClass>) -> Option<Item> {
    let given = row.optional_text("item")?;
    let item = Item::parse(given.text);
    if item.is_none() {
        row.refuse(given.at, Fault::UnknownItem { item: given.text.to_owned() });
    }
    if let Some(Item::National(name)) = item
        && let (Some(class), Some(listed)) = (class, item.as_ref().and_then(Item::class))
        && class != listed
    {
        row.refuse_field("class", Fault::ClassDiffers { item: name, listed: listed.code() });
    }
    item
}

fn read_lists(
    row: &mut Row<'_, '_, '_>,
    action: Option<Action>,
    lists: &Table<List>,
) -> Vec<ListNo> {
    if row.names_nothing("lists") {
        row.refuse_field("lists", Fault::AllowedByNoList);
    }
    let mut allowed = Vec::new();
    for (number, given) in row.codes("lists", What::List, lists) {
        allowed.push(ListNo(number as u16));
        if let (Some(action), Some(list)) = (action, lists.sound(number))
            && let Some(fault) = at_odds(action, list)
        {
            row.refuse(given.at, fault);
        }
    }
    allowed
}

/// Why an action cannot follow from a list.
fn at_odds(action: Action, list: &List) -> Option<Fault> {
    let code = list.code.clone();
    match (action, list.kind) {
        (_, ListKind::Record) => Some(Fault::MeasureOnRecord { list: code }),
        (Action::Incentive, ListKind::Red) => None,
        (Action::Incentive, kind) => Some(Fault::IncentiveOffRed { list: code, kind: kind.code() }),
        (_, ListKind::Red) => Some(Fault::PunishmentOnRed { list: code }),
        _ => None,
    }
}

fn read_matters(
    row: &mut Row<'_, '_, '_>,
    allowed: &[ListNo],
    lists: &Table<List>,
    matters: &Table<Matter>,
) -> Vec<MatterNo> {
    if row.names_nothing("matters") {
        row.refuse_field("matters", Fault::CoversNoMatter);
    }
    let mut covered = Vec::new();
    for (number, given) in row.codes("matters", What::Matter, matters) {
        covered.push(MatterNo(number as u16));
        if let Some(matter) = matters.sound(number) {
            refuse_unconsulted(row, given, matter, allowed, lists);
        }
    }
    covered
}

/// Every list of a measure must be consulted by every matter it covers: a pair that is not could
/// never apply, and would read as if it did.
fn refuse_unconsulted(
    row: &mut Row<'_, '_, '_>,
    given: Given<'_>,
    matter: &Matter,
    allowed: &[ListNo],
    lists: &Table<List>,
) {
    for list in allowed.iter().filter(|list| !matter.consults.contains(list)) {
        let list = lists.rows[usize::from(list.0)].code.clone();
        row.refuse(given.at, Fault::NeverApplies { matter: matter.code.clone(), list });
    }
}

fn read_reach(row: &mut Row<'_, '_, '_>) -> Vec<Reach> {
    if !row.has("reach") {
        return vec![Reach::Direct];
    }
    if row.names_nothing("reach") {
        row.refuse_field("reach", Fault::ReachesNobody);
    }
    let mut reach = Vec::new();
    for given in row.texts("reach") {
        match Reach::from_code(given.text) {
            Some(one) => reach.push(one),
            None => row.refuse(
                given.at,
                Fault::UnknownCode { what: What::Relation, code: given.text.to_owned() },
            ),
        }
    }
    reach
}
