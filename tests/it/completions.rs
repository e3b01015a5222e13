//! Names that begin so: all of them and no others, of bodies with an entry in force, in the index and in
//! what changes listed since, against all names one by one.

use crate::town::{self, KINDS, Town, day, listed, noon};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};
use xincha::index::{Completion, Completions, EntryNo, EntryView};
use xincha::record::{
    Act, Change, Entry, Field, FormerName, Sender, State, Subject, SubjectKind, Term,
};
use xincha::text::Keys;

fn apply(town: &mut Town, list: &str, entry: &str, act: Act) {
    let key = town.overlay.change().to_string();
    let (list, entry) = (list.to_owned(), entry.to_owned());
    let change = Change { key, list, entry, act, sender: Sender::default() };
    let ground = &town.ground;
    let numbers = |code: &str| ground.list_number(code).unwrap();
    // What does not fit leaves all as it was.
    let _ = town.overlay.apply(&ground.index, &change, &numbers);
}

fn completions<'a>(town: &'a Town, prefix: &str, limit: usize) -> Completions<'a> {
    let in_force = |entry: &EntryView| entry.counts_on(noon().day());
    Completions::of(town.basis().listed(), prefix, limit, in_force)
}

fn names<'a>(town: &'a Town, prefix: &str) -> Vec<&'a str> {
    completions(town, prefix, 50).names.iter().map(|completion| completion.name).collect()
}

#[test]
fn what_ended_and_who_is_a_person_takes_no_place() {
    let mut entries = Vec::new();
    for n in 0..40 {
        let mut entry = listed("court", &format!("苏州明月{n:02}号商行"), &[]);
        match n % 4 {
            0 => entry.state = State::Repaired,
            1 => entry.term.to = Some(day("2026-10-31")),
            2 => entry.subject.kind = SubjectKind::NaturalPerson,
            _ => entry.subject.kind = SubjectKind::IndividualBusiness,
        }
        entries.push(entry);
    }
    let mut vehicle = listed("court", "苏州明月三十九号车", &[]);
    vehicle.subject.kind = SubjectKind::Vehicle;
    // Nobody said what it is.
    entries.extend([vehicle, listed("court", "苏州明月", &[])]);
    let mut town = town::build(&entries);
    let three = completions(&town, "蘇州", 3);
    let found: Vec<&str> = three.names.iter().map(|completion| completion.name).collect();
    assert_eq!(found, ["苏州明月03号商行", "苏州明月07号商行", "苏州明月11号商行"]);
    assert_eq!((names(&town, "苏州").len(), three.incomplete), (10, false));
    let ended = listed("court", "苏州明月00号商行", &[]);
    apply(&mut town, "court", "anew", Act::List(Box::new(ended)));
    assert_eq!(names(&town, "苏")[0], "苏州明月00号商行", "listed once more");
    apply(&mut town, "court", "anew", Act::Repair);
    assert_eq!(names(&town, "苏")[0], "苏州明月03号商行");
}

#[test]
fn a_walk_ends_at_its_bound_and_says_so() {
    let person = |n: u32| {
        let letter = |n: u32| char::from_u32(u32::from('A') + n % 26).unwrap();
        let given: String =
            ['苏', letter(n / 676), letter(n / 26), letter(n)].into_iter().collect();
        let mut entry = listed("court", &given, &[]);
        entry.subject.kind = SubjectKind::NaturalPerson;
        entry.id = n.to_string();
        entry
    };
    let mut entries: Vec<Entry> = (0..10_000).map(person).collect();
    entries.push(listed("court", "苏龥贸易有限公司", &[]));
    let town = town::build(&entries);
    let cut = completions(&town, "苏", 10);
    assert!(cut.incomplete && cut.names.is_empty());
    let whole = completions(&town, "苏龥", 10);
    assert!(!whole.incomplete && whole.names.len() == 1, "more was written");
    let town = town::build(&entries[1001..]);
    let whole = completions(&town, "苏", 10);
    assert!(!whole.incomplete && whole.names.len() == 1, "fewer begin so");
}

fn name() -> impl Strategy<Value = String> {
    let place = prop::sample::select(&["", "苏州", "蘇州", "苏州市"][..]);
    let form = prop::sample::select(
        &["", "有限公司", "有限责任公司", "股份公司", "股份有限公司", "有限責任公司吴江分公司"][..],
    );
    let core = prop_oneof![3 => "[星河]{1,4}", 1 => "第1[0-2]?[星河]{1,2}"];
    (place, core, form).prop_map(|(place, core, form)| format!("{place}{core}{form}"))
}

prop_compose! {
    fn an_entry()(
        list in 0..2usize,
        name in name(),
        former in prop::collection::vec(name(), 0..3),
        kind in prop::sample::select(&[
            SubjectKind::Organisation,
            SubjectKind::Organisation,
            SubjectKind::IndividualBusiness,
            SubjectKind::NaturalPerson,
            SubjectKind::Vehicle,
        ][..]),
        ended in prop::bool::weighted(0.3),
    ) -> Entry {
        let mut entry = listed(KINDS[list].0, &name, &[]);
        entry.subject.kind = kind;
        let former = former.into_iter().map(|name| FormerName { name, until: None });
        entry.subject.other_names = former.collect();
        if ended {
            entry.term = Term { to: Some(day("2026-10-31")), ..entry.term };
        }
        entry
    }
}

fn an_act() -> impl Strategy<Value = Act> {
    let subject = |entry: Entry| vec![Field::Subject(Box::<Subject>::new(entry.subject))];
    prop_oneof![
        4 => an_entry().prop_map(|entry| Act::List(Box::new(entry))),
        2 => an_entry().prop_map(move |entry| Act::Amend(subject(entry))),
        1 => Just(Act::Repair),
        1 => Just(Act::Exit { on: day("2026-10-01") }),
    ]
}

/// Keys of names that go on as the prefix does begin with its key, or as it does when the legal form, or
/// the number, at its end is written to its end.
fn goes_on(key: &str, prefix: &str) -> bool {
    let own = Keys::from(prefix).unified;
    let written = ["任公司", "公司", "司", "0"].into_iter().any(|rest| {
        let whole = Keys::from(&*format!("{prefix}{rest}")).unified;
        let number = rest == "0" && prefix.ends_with("第1");
        let is_turned = !whole.starts_with(&own) && !own.is_empty();
        (is_turned || number) && key.starts_with(&whole)
    });
    key.starts_with(&own) || written
}

/// The ways in which a name is recorded, and the entries whose subjects bear it.
type Bearers = (BTreeSet<(bool, String)>, BTreeSet<u32>);

/// Every entry there may be is read, whatever leads to it.
fn all(town: &Town, prefix: &str, entries: usize) -> Vec<(String, bool, usize)> {
    let mut found: BTreeMap<String, Bearers> = BTreeMap::new();
    for no in 0..entries as u32 {
        let Some(entry) = town.basis().listed().entry(EntryNo(no)) else { continue };
        let bodies = [SubjectKind::Organisation, SubjectKind::IndividualBusiness];
        if !bodies.contains(&entry.kind()) || !entry.counts_on(noon().day()) {
            continue;
        }
        let former = entry.other_names().map(|(name, _)| (true, name));
        for (former, name) in std::iter::once((false, entry.name())).chain(former) {
            let key = Keys::from(name).unified;
            if key.chars().count() >= 5 && goes_on(&key, prefix) {
                let (names, entries) = found.entry(key).or_default();
                names.insert((former, name.to_owned()));
                entries.insert(no);
            }
        }
    }
    let row = |(names, entries): Bearers| {
        let (former, name) = names.into_iter().next().unwrap();
        (name, former, entries.len())
    };
    found.into_values().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_name_that_begins_so_is_completed(
        mut entries in prop::collection::vec(an_entry(), 0..24),
        acts in prop::collection::vec((0..30usize, an_act()), 0..16),
        asked in prop::collection::vec((any::<Index>(), name(), 0..9usize), 1..12),
        limit in 1..8usize,
    ) {
        for (row, entry) in entries.iter_mut().enumerate() {
            entry.id = format!("e{row}");
        }
        let mut town = town::build(&entries);
        let numbers = entries.len() + acts.len();
        for (target, act) in acts {
            let list = match (entries.get(target), &act) {
                (Some(entry), _) => entry.list.clone(),
                (None, Act::List(entry)) => entry.list.clone(),
                _ => continue,
            };
            let act = match act {
                Act::List(entry) => Act::List(Box::new(Entry { list: list.clone(), ..*entry })),
                act => act,
            };
            apply(&mut town, &list, &format!("e{target}"), act);
        }
        let known: Vec<String> = entries.iter().map(|entry| entry.subject.name.clone()).collect();
        for (of, other, unwritten) in asked {
            let name = of.get(&[&known[..], &[other]].concat()).clone();
            let written = name.chars().count().saturating_sub(unwritten).max(1);
            let prefix: String = name.chars().take(written).collect();
            let mut expected = all(&town, &prefix, numbers);
            let row = |found: &Completion| (found.name.to_owned(), found.former, found.entries);
            let got: Vec<_> = completions(&town, &prefix, usize::MAX).names.iter().map(row).collect();
            prop_assert_eq!(&got, &expected, "{}", prefix);
            expected.truncate(limit);
            let first: Vec<_> = completions(&town, &prefix, limit).names.iter().map(row).collect();
            prop_assert_eq!(first, expected, "{} of {}", limit, prefix);
        }
    }
}
