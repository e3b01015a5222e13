//! Names of bodies that begin so, for whoever is writing one.
//!
//! A natural person's name is never completed: that would tell who is listed, name after name, to anyone
//! who writes a surname. So only names borne by organisations and individual businesses are, and of these
//! only such as are long enough to be told from others that are like them, which a person's name that some
//! feed took for a body's hardly ever is.

use super::names::Mention;
use super::{EntryNo, EntryView, Listed, similar};
use crate::text::Keys;
use smallvec::SmallVec;
use std::ops::ControlFlow;

/// Names and entries that are looked at at most.
const STEPS_MAX: usize = 10_000;

/// Ends of a K2 key after which the legal form may still turn into another one, and that one.
const UNFINISHED: [(&str, &str); 5] = [
    ("有限责", "有限公"),
    ("有限责任", "有限公"),
    ("有限责任公", "有限公"),
    ("股份公", "股份有限公"),
    ("股份合作公", "股份合作有限公"),
];

/// A name that begins so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completion<'a> {
    /// As recorded; where it is recorded in several ways, a present name before a former one.
    pub name: &'a str,
    /// Every subject bears it only as a former name or an alias.
    pub former: bool,
    /// The wanted entries whose subjects bear it.
    pub entries: usize,
}

/// See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Completions<'a> {
    /// In the order of their K2 keys, one a key.
    pub names: Vec<Completion<'a>>,
    /// The bound was reached first: there may be more names, and more of the name should be written.
    pub incomplete: bool,
}

impl<'a> Completions<'a> {
    /// The first `limit` names whose K2 keys begin as that of `prefix` does, of bodies with an entry that
    /// is wanted. Others take no place among them. A prefix without a key has none.
    ///
    /// Cost: that of each name between the first and the last, and of each of its entries: about 0.1 µs,
    /// where the index is in memory; never more than 10,000 of both together.
    pub fn of(
        listed: Listed<'a>,
        prefix: &str,
        limit: usize,
        is_wanted: impl Fn(&EntryView) -> bool,
    ) -> Completions<'a> {
        let (found, steps) = (Completions::default(), 0);
        let mut walk = Walk { listed, is_wanted, limit, steps, entries: Vec::new(), found };
        let _ = beginnings(prefix).iter().try_for_each(|beginning| {
            listed.beginning_with(beginning, |key, mentions| walk.look(key, mentions))
        });
        walk.found
    }
}

/// What the keys of names begin with that go on as `prefix` does, in order; none is the beginning of
/// another. The keys of `有限责任` and of `第1` are not how `有限责任公司` and `第12` begin. A number that goes on
/// beyond two digits, and a Latin legal form that is not yet whole, are not completed.
fn beginnings(prefix: &str) -> SmallVec<[String; 2]> {
    let keys = Keys::from(prefix);
    let mut all = SmallVec::new();
    let unfinished = UNFINISHED.iter().find_map(|(end, other)| {
        keys.unified.strip_suffix(end).map(|body| format!("{body}{other}"))
    });
    all.extend(unfinished);
    if keys.folded.ends_with("第1") {
        all.extend(keys.unified.strip_suffix('一').map(|body| format!("{body}十")));
    }
    if !keys.is_empty() {
        all.push(keys.unified);
    }
    all.sort_unstable();
    all
}

/// On the way through the names in order.
struct Walk<'a, W> {
    listed: Listed<'a>,
    is_wanted: W,
    limit: usize,
    /// Names and entries that were looked at.
    steps: usize,
    /// Of the present name.
    entries: Vec<EntryNo>,
    found: Completions<'a>,
}

impl<'a, W: Fn(&EntryView) -> bool> Walk<'a, W> {
    /// Take the next name, if it is one.
    fn look(&mut self, key: &str, mentions: &mut dyn Iterator<Item = Mention>) -> ControlFlow<()> {
        if self.found.names.len() >= self.limit {
            return ControlFlow::Break(());
        }
        self.step()?;
        if !similar::is_long_enough(key) {
            return ControlFlow::Continue(());
        }
        self.entries.clear();
        let mut first: Option<(bool, &'a str)> = None;
        for mention in mentions {
            self.step()?;
            let entry = self.listed.entry(mention.entry).filter(|entry| entry.kind().is_body());
            let Some(entry) = entry.filter(|entry| (self.is_wanted)(entry)) else { continue };
            let Some(name) = recorded(&entry, mention.former, key) else { continue };
            self.entries.push(mention.entry);
            let this = (mention.former, name);
            first = Some(first.map_or(this, |first| first.min(this)));
        }
        if let Some((former, name)) = first {
            self.entries.sort_unstable();
            self.entries.dedup();
            self.found.names.push(Completion { name, former, entries: self.entries.len() });
        }
        ControlFlow::Continue(())
    }

    fn step(&mut self) -> ControlFlow<()> {
        if self.steps == STEPS_MAX {
            self.found.incomplete = true;
            return ControlFlow::Break(());
        }
        self.steps += 1;
        ControlFlow::Continue(())
    }
}

/// The name with this K2 key as the entry records it.
fn recorded<'a>(entry: &EntryView<'a>, former: bool, key: &str) -> Option<&'a str> {
    if !former {
        return Some(entry.name());
    }
    let mut keys = Keys::default();
    let mut is_equal = |name: &str| {
        keys.of(name);
        keys.unified == key
    };
    entry.other_names().map(|(name, _)| name).filter(|name| is_equal(name)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_is_written_up_to_begins_its_key() {
        for name in [
            "蘇州星河科技有限責任公司",
            "苏州星河股份公司",
            "苏州星河股份合作公司吴江分公司",
            "苏州星河股份有限责任公司",
            "南京第12建筑公司",
            "（苏州）Ａｃｍｅ贸易-有限公司",
        ] {
            let key = Keys::from(name).unified;
            for (end, _) in name.char_indices().skip(1) {
                let all = beginnings(&name[..end]);
                assert!(all.iter().any(|beginning| key.starts_with(beginning)), "{}", &name[..end]);
                assert!(all.is_sorted() && !all.iter().any(String::is_empty), "{all:?}");
                let is_apart = |a: &String| all.iter().filter(|b| b.starts_with(&**a)).count() == 1;
                assert!(all.iter().all(is_apart), "nothing is walked twice: {all:?}");
            }
        }
        assert_eq!(&beginnings("苏州星河有限责")[..], ["苏州星河有限公", "苏州星河有限责"]);
        assert!(beginnings(" · ").is_empty());
    }
}
