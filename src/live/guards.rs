//! What must be so of a delivery before it replaces the one before it.
//!
//! A delivery that trips a guard is held: what was accepted before serves on, and a person approves
//! or discards it. The defaults let ordinary days pass and stop accidents: a file cut short, a column
//! renamed, a test delivery, a year typed wrongly.

use crate::index::SourceMeta;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The bounds of one source. A share is of one: 0.05 is five in a hundred.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Share of rows that may be rejected. Default: 0.05; up to `few` of them never trip it.
    pub rejects_max: f64,
    /// Share of its entries that a list may lose at once. Default: 0.3; lists of up to `few` never trip it.
    pub shrink_max: f64,
    /// Times as many entries as before that a list may have at once. Default: 3; lists of up to `few`
    /// before never trip it.
    pub growth_max: f64,
    /// Rows that are too few to speak in shares. Default: 20.
    pub few: u64,
    /// Whether a delivery without a usable row is taken. Default: no.
    pub empty: bool,
    /// Whether a list that was delivered before and is not any more is taken for an empty one. Default: no.
    pub vanished: bool,
    /// Share of rows that may be decided or published after tomorrow. Default: 0.01; up to `few` of them
    /// never trip it.
    pub future_max: f64,
    /// Whether other headings than before are taken. Default: no.
    pub schema: bool,
}

impl Default for Guards {
    fn default() -> Guards {
        Guards {
            rejects_max: 0.05,
            shrink_max: 0.3,
            growth_max: 3.0,
            few: 20,
            empty: false,
            vanished: false,
            future_max: 0.01,
            schema: false,
        }
    }
}

/// What is known of a delivery once it was read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Rows read.
    pub rows: u64,
    /// Rows rejected.
    pub rejects: u64,
    /// Cells left out of rows that were used.
    pub warnings: u64,
    /// Rows decided or published after tomorrow.
    pub future: u64,
    /// The layouts of its files, by list: the headings of each in order.
    pub layouts: BTreeMap<String, BTreeSet<Vec<String>>>,
    /// Rows used, by list.
    pub lists: BTreeMap<String, u64>,
}

impl Figures {
    /// The figures of a source as a build read it.
    pub fn of(meta: &SourceMeta) -> Figures {
        Figures {
            rows: meta.rows,
            rejects: meta.rejects,
            warnings: meta.warnings,
            future: meta.future,
            layouts: meta.layouts.clone(),
            lists: meta.lists.clone(),
        }
    }
}

/// Why a delivery is held.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Trip {
    /// Too many rows are rejected.
    Rejects {
        /// How many.
        rejects: u64,
        /// Of how many rows.
        rows: u64,
    },
    /// No row can be used.
    Empty,
    /// A list lost too many entries.
    Shrunk {
        /// The list.
        list: String,
        /// Entries before.
        before: u64,
        /// Entries now.
        now: u64,
    },
    /// A list gained too many entries.
    Grown {
        /// The list.
        list: String,
        /// Entries before.
        before: u64,
        /// Entries now.
        now: u64,
    },
    /// A list is not delivered any more.
    Vanished {
        /// The list.
        list: String,
    },
    /// Rows are decided or published in the future.
    Future {
        /// How many.
        rows: u64,
    },
    /// A file has other headings than any before.
    Schema {
        /// Its list.
        list: String,
        /// Headings that were not there before.
        new: Vec<String>,
        /// Headings that are gone.
        gone: Vec<String>,
    },
    /// A file cannot be read.
    Unreadable {
        /// What its reader said.
        why: String,
    },
    /// An operator went back to a snapshot before it.
    RolledBack,
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trip::Rejects { rejects, rows } => {
                write!(f, "拒收过多 / too many rejects: {rejects} of {rows} rows")
            }
            Trip::Empty => write!(f, "没有可用的行 / no row can be used"),
            Trip::Shrunk { list, before, now } => {
                write!(f, "名单骤减 / list {list} shrank from {before} to {now}")
            }
            Trip::Grown { list, before, now } => {
                write!(f, "名单骤增 / list {list} grew from {before} to {now}")
            }
            Trip::Vanished { list } => {
                write!(f, "名单消失 / list {list} is not delivered any more")
            }
            Trip::Future { rows } => {
                write!(f, "日期在未来 / {rows} rows are decided or published in the future")
            }
            Trip::Schema { list, new, gone } => {
                let (new, gone) = (new.join(", "), gone.join(", "));
                write!(f, "列有变化 / the columns of {list} changed: new [{new}], gone [{gone}]")
            }
            Trip::Unreadable { why } => write!(f, "无法读取 / unreadable: {why}"),
            Trip::RolledBack => write!(f, "已回退 / rolled back by an operator"),
        }
    }
}

impl Guards {
    /// Why a delivery with these figures is held, all reasons; empty: it is taken. `before` are those
    /// of the delivery that it would replace.
    pub fn judge(&self, now: &Figures, before: Option<&Figures>) -> Vec<Trip> {
        let mut trips = Vec::new();
        let used = now.rows - now.rejects.min(now.rows);
        if used == 0 && !self.empty {
            trips.push(Trip::Empty);
        }
        if now.rejects > self.few && now.rejects as f64 > self.rejects_max * now.rows as f64 {
            trips.push(Trip::Rejects { rejects: now.rejects, rows: now.rows });
        }
        if now.future > self.few && now.future as f64 > self.future_max * now.rows as f64 {
            trips.push(Trip::Future { rows: now.future });
        }
        if let Some(before) = before {
            self.compare(now, before, &mut trips);
        }
        trips
    }

    fn compare(&self, now: &Figures, before: &Figures, trips: &mut Vec<Trip>) {
        for (list, &was) in &before.lists {
            let (list, is) = (list.clone(), now.lists.get(list).copied());
            match is {
                None if !self.vanished && was > 0 => trips.push(Trip::Vanished { list }),
                Some(is)
                    if was > self.few && (is as f64) < (1.0 - self.shrink_max) * was as f64 =>
                {
                    trips.push(Trip::Shrunk { list, before: was, now: is });
                }
                Some(is) if was > self.few && is as f64 > self.growth_max * was as f64 => {
                    trips.push(Trip::Grown { list, before: was, now: is });
                }
                _ => {}
            }
        }
        for (list, layouts) in now.layouts.iter().filter(|_| !self.schema) {
            let Some(known) = before.layouts.get(list).filter(|known| !known.is_empty()) else {
                continue;
            };
            trips.extend(layouts.iter().filter(|layout| !known.contains(*layout)).map(|layout| {
                // The nearest one that is known tells best what happened.
                let apart = |other: &&Vec<String>| {
                    lacking(layout, other).len() + lacking(other, layout).len()
                };
                let nearest = known.iter().min_by_key(apart).unwrap_or(layout);
                let (list, new, gone) =
                    (list.clone(), lacking(layout, nearest), lacking(nearest, layout));
                Trip::Schema { list, new, gone }
            }));
        }
    }
}

/// Those of one that another lacks.
fn lacking(one: &[String], other: &[String]) -> Vec<String> {
    one.iter().filter(|heading| !other.contains(heading)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rows: u64, rejects: u64, list: u64) -> Figures {
        Figures {
            rows,
            rejects,
            layouts: layouts(&["名称", "状态"]),
            lists: BTreeMap::from([("court".to_owned(), list)]),
            ..Figures::default()
        }
    }

    fn layouts(headings: &[&str]) -> BTreeMap<String, BTreeSet<Vec<String>>> {
        let layout = headings.iter().map(|heading| (*heading).to_owned()).collect();
        BTreeMap::from([("court".to_owned(), BTreeSet::from([layout]))])
    }

    #[test]
    fn each_guard_trips_beyond_its_bound_and_not_at_it() {
        let before = figures(100, 0, 100);
        let list = || "court".to_owned();
        let renamed = Figures { layouts: layouts(&["名称"]), ..figures(100, 0, 100) };
        let gone = Figures { lists: BTreeMap::new(), ..figures(100, 0, 100) };
        let rows = [
            (figures(100, 0, 100), vec![]),
            (figures(1000, 50, 100), vec![]),
            (figures(1000, 51, 100), vec![Trip::Rejects { rejects: 51, rows: 1000 }]),
            (figures(100, 20, 100), vec![]),
            (figures(100, 0, 70), vec![]),
            (figures(100, 0, 69), vec![Trip::Shrunk { list: list(), before: 100, now: 69 }]),
            (figures(300, 0, 300), vec![]),
            (figures(301, 0, 301), vec![Trip::Grown { list: list(), before: 100, now: 301 }]),
            (
                figures(0, 0, 0),
                vec![Trip::Empty, Trip::Shrunk { list: list(), before: 100, now: 0 }],
            ),
            (gone, vec![Trip::Vanished { list: list() }]),
            (Figures { future: 20, ..figures(100, 0, 100) }, vec![]),
            (Figures { future: 21, ..figures(100, 0, 100) }, vec![Trip::Future { rows: 21 }]),
            (
                renamed,
                vec![Trip::Schema { list: list(), new: vec![], gone: vec!["状态".to_owned()] }],
            ),
        ];
        for (now, expected) in rows {
            assert_eq!(Guards::default().judge(&now, Some(&before)), expected);
        }
        assert!(Guards::default().judge(&figures(30, 5, 25), None).is_empty());
        let small = figures(20, 0, 20);
        assert!(Guards::default().judge(&figures(200, 0, 200), Some(&small)).is_empty());
        let open = Guards {
            rejects_max: 1.0,
            shrink_max: 1.0,
            growth_max: f64::INFINITY,
            empty: true,
            vanished: true,
            future_max: 1.0,
            schema: true,
            ..Guards::default()
        };
        let odd = Figures { future: 9, rejects: 9, rows: 9, ..Figures::default() };
        assert!(open.judge(&odd, Some(&before)).is_empty());
    }
}
