//! Changes over an index: the life of an entry against a model of it, and what a check answers
//! against the oracle, which is told the entries as they stand.

use crate::oracle::{Oracle, OracleAnswer, likely};
use crate::town::{self, KINDS, PROCUREMENT, Town, day, id, listed, noon};
use proptest::prelude::*;
use std::collections::BTreeMap;
use xincha::index::{Listed, Unfit, id_of};
use xincha::record::{
    Act, Change, Day, Entry, Field, FormerName, Instant, Refusal, Related, Role, Sender, State,
    SubjectKind, Term,
};
use xincha::screen::find::Scratch;
use xincha::screen::{self, Decision, Question, Verdict};

fn change(key: &str, list: &str, entry: &str, act: Act) -> Change {
    let (key, list, entry) = (key.to_owned(), list.to_owned(), entry.to_owned());
    Change { key, list, entry, act, sender: Sender::default() }
}

fn apply(town: &mut Town, change: &Change) -> Result<u64, Unfit> {
    let ground = &town.ground;
    let numbers = |code: &str| ground.list_number(code).unwrap();
    town.overlay.apply(&ground.index, change, &numbers)
}

fn verdict(town: &Town, name: Option<&str>, raw: &str) -> Verdict {
    verdict_at(town, name, raw, noon())
}

fn verdict_at(town: &Town, name: Option<&str>, raw: &str, at: Instant) -> Verdict {
    let matter = town.ground.catalogue.matter_no(PROCUREMENT).unwrap();
    let mut question = Question { name, ..Question::default() };
    question.identified_by(id(raw));
    let mut decision = Decision::default();
    let scratch = &mut Scratch::searching();
    screen::check(&town.basis(), matter, at, &[question], scratch, &mut decision).unwrap();
    decision.verdict
}

/// How many entries are met by a number.
fn hits(town: &Town, raw: &str) -> usize {
    let (_, hits, _) = answers(town, &[(None, vec![raw])]).remove(0);
    hits.len()
}

const A: &str = "91320500MA0000015D";
const B: &str = "91320505MA0000023G";

fn suspended(from: &str, to: &str) -> State {
    State::Suspended(Term { from: Some(day(from)), to: Some(day(to)) })
}

#[test]
fn each_change_fits_the_states_that_it_fits() {
    use Refusal::*;
    let listing = || Act::List(Box::new(listed("court", "苏州星河科技有限公司", &[A])));
    let pause = || Act::Suspend(Term { from: Some(day("2026-01-01")), to: None });
    let amend = || Act::Amend(vec![Field::Reason("更正".to_owned())]);
    let extend = || Act::Extend { to: Some(day("2030-01-01")) };
    let exit = || Act::Exit { on: day("2026-10-01") };
    let acts = [
        listing(),
        amend(),
        extend(),
        Act::NoteObjection,
        Act::LiftObjection,
        pause(),
        Act::Resume,
        exit(),
        Act::Repair,
        Act::Revoke,
    ];
    let states = [
        None,
        Some(State::InForce),
        Some(suspended("2026-01-01", "2026-12-31")),
        Some(State::Exited(Some(day("2026-01-01")))),
        Some(State::Repaired),
        Some(State::Revoked),
    ];
    const U: Option<Refusal> = Some(UnknownEntry);
    const E: Option<Refusal> = Some(Ended);
    const L: Option<Refusal> = Some(AlreadyListed);
    // One row a state, one column an act.
    let expected = [
        [None, U, U, U, U, U, U, None, None, None],
        [L, None, None, None, Some(NoObjection), None, Some(NotSuspended), None, None, None],
        [L, None, None, None, Some(NoObjection), Some(AlreadySuspended), None, None, None, None],
        [E, None, E, E, E, E, E, E, None, None],
        [E, E, E, E, E, E, E, E, E, None],
        [E, E, E, E, E, E, E, E, E, E],
    ];
    for (state, expected) in states.iter().zip(expected) {
        for (act, expected) in acts.iter().zip(expected) {
            let mut entry = listed("court", "苏州星河科技有限公司", &[A]);
            entry.id = "e".to_owned();
            entry.term.to = Some(day("2027-01-01"));
            entry.state = state.unwrap_or_default();
            let base = if state.is_some() { vec![entry] } else { Vec::new() };
            let mut town = town::build(&base);
            let outcome = apply(&mut town, &change("k", "court", "e", act.clone()));
            let refusal = match outcome {
                Ok(number) => {
                    assert_eq!((number, town.overlay.change()), (1, 1));
                    None
                }
                Err(Unfit::Refused(refusal)) => {
                    assert_eq!(town.overlay.change(), 0, "nothing is counted");
                    Some(refusal)
                }
                Err(repeated) => panic!("{repeated:?}"),
            };
            assert_eq!(refusal, expected, "{} of {state:?}", act.code());
        }
    }
}

#[test]
fn what_is_asked_in_vain_or_twice_is_told() {
    let mut entry = listed("court", "苏州星河科技有限公司", &[A]);
    entry.id = "e".to_owned();
    entry.term.to = Some(day("2027-01-01"));
    entry.objection = true;
    let mut town = town::build(&[entry]);
    let refused = |refusal| Err(Unfit::Refused(refusal));
    let reversed = Term { from: Some(day("2026-02-01")), to: Some(day("2026-01-01")) };
    let rows = [
        (Act::Extend { to: Some(day("2027-01-01")) }, refused(Refusal::NotLater)),
        (Act::NoteObjection, refused(Refusal::ObjectionNoted)),
        (Act::Amend(vec![Field::To(Some(day("2027-01-01")))]), refused(Refusal::NothingChanged)),
        (Act::Amend(vec![Field::To(Some(day("2020-01-01")))]), refused(Refusal::EmptyTerm)),
        (Act::Suspend(reversed), refused(Refusal::EmptyTerm)),
        (Act::Extend { to: None }, Ok(1)),
        (Act::Extend { to: Some(day("2030-01-01")) }, refused(Refusal::NotLater)),
    ];
    for (at, (act, expected)) in rows.into_iter().enumerate() {
        assert_eq!(apply(&mut town, &change(&at.to_string(), "court", "e", act)), expected);
    }
    let objection = change("once", "court", "e", Act::LiftObjection);
    assert_eq!(apply(&mut town, &objection), Ok(2));
    assert_eq!(apply(&mut town, &objection), Err(Unfit::Repeated(2)));
    let other = change("once", "court", "e", Act::Repair);
    assert_eq!(apply(&mut town, &other), Err(Unfit::KeyReused(2)));
    assert_eq!(
        apply(&mut town, &change("k", "tax", "e", Act::LiftObjection)),
        refused(Refusal::UnknownEntry),
        "ids are a list's own"
    );
}

#[test]
fn a_withdrawal_counts_before_with_and_without_its_listing() {
    for end in [Act::Revoke, Act::Repair, Act::Exit { on: day("2026-01-01") }] {
        let entry = listed("court", "苏州星河科技有限公司", &[A]);
        let name = id_of(&entry);
        let mut town = town::build(&[]);
        assert_eq!(apply(&mut town, &change("end", "court", &name, end.clone())), Ok(1));
        assert_eq!(verdict(&town, None, A), Verdict::Clear);
        let listing = change("list", "court", &name, Act::List(Box::new(entry.clone())));
        assert_eq!(apply(&mut town, &listing), Ok(2), "the listing is taken");
        assert_eq!(verdict(&town, None, A), Verdict::Clear, "and never counts: {end:?}");
        // A delivery that knows only the listing does not bring it back.
        let standing = town.overlay.standing();
        let [stood] = &standing[..] else { panic!("{standing:?}") };
        let effective = stood.standing.effective(Some(&entry)).unwrap();
        assert!(!effective.counts_on(noon().day()));
        assert!(stood.standing.clone().folded(&entry).effective(Some(&entry)) == Some(effective));
    }
}

#[test]
fn a_listing_and_its_end_are_seen_by_the_next_check() {
    let mut town = town::build(&[listed("tax", "苏州明珠建设有限公司", &[B])]);
    assert_eq!(verdict(&town, None, A), Verdict::Clear);
    let entry = listed("court", "苏州星河科技有限公司", &[A]);
    let list = change("1", "court", "court-1", Act::List(Box::new(entry)));
    assert_eq!(apply(&mut town, &list), Ok(1));
    assert_eq!(verdict(&town, None, A), Verdict::Prohibit);
    assert_eq!(verdict(&town, None, "MA0000015"), Verdict::Prohibit, "by derivation too");
    assert_eq!(verdict(&town, None, B), Verdict::Restrict);
    assert_eq!(apply(&mut town, &change("2", "court", "court-1", Act::Repair)), Ok(2));
    assert_eq!(verdict(&town, None, A), Verdict::Clear);
}

#[test]
fn a_corrected_subject_is_met_and_the_wrong_one_is_not() {
    let mut wrong = listed("court", "苏州星河科技有限公司", &[A]);
    wrong.id = "e".to_owned();
    let mut town = town::build(&[wrong.clone()]);
    let right = listed("court", "苏州明珠建设有限公司", &[B]).subject;
    let fix = change("1", "court", "e", Act::Amend(vec![Field::Subject(Box::new(right.clone()))]));
    assert_eq!(apply(&mut town, &fix), Ok(1));
    assert_eq!(verdict(&town, Some("苏州星河科技有限公司"), A), Verdict::Clear);
    assert_eq!(verdict(&town, None, B), Verdict::Prohibit);
    // Once more, back: the entry has one number at a time.
    let back = Act::Amend(vec![Field::Subject(Box::new(wrong.subject.clone()))]);
    assert_eq!(apply(&mut town, &change("2", "court", "e", back)), Ok(2));
    assert_eq!(verdict(&town, None, A), Verdict::Prohibit);
    assert_eq!(verdict(&town, None, B), Verdict::Clear);
    assert_eq!(apply(&mut town, &change("3", "court", "e", Act::Revoke)), Ok(3));
    assert_eq!(verdict(&town, None, A), Verdict::Clear);
}

#[test]
fn a_feed_takes_over_once_it_has_moved_on() {
    let base = listed("court", "苏州星河科技有限公司", &[A]);
    let with = |to: &str| {
        let mut entry = base.clone();
        entry.term.to = Some(day(to));
        entry
    };
    let old = with("2027-01-01");
    let extend = change("1", "court", "e", Act::Extend { to: Some(day("2028-01-01")) });
    let standing = xincha::record::Standing::default().after(&extend, Some(&old)).unwrap();
    let ends = |feed: &Entry| standing.effective(Some(feed)).unwrap().term.to.unwrap().to_string();
    assert_eq!(ends(&old), "2028-01-01", "the feed does not know yet");
    assert_eq!(ends(&with("2028-01-01")), "2028-01-01", "it says the same");
    assert_eq!(ends(&with("2026-06-30")), "2026-06-30", "it says something new");
    assert!(!standing.clone().folded(&old).altered.is_empty());
    let mut knowing = with("2028-01-01");
    knowing.extended = true;
    assert!(standing.clone().folded(&knowing).is_empty());
    // A field that came back to what it was stands over a feed that knows only the way there.
    let note = change("2", "court", "e", Act::NoteObjection);
    let lift = change("3", "court", "e", Act::LiftObjection);
    let standing = xincha::record::Standing::default().after(&note, Some(&old)).unwrap();
    let standing = standing.after(&lift, Some(&old)).unwrap().folded(&old);
    let noted = Entry { objection: true, ..old.clone() };
    assert!(!standing.effective(Some(&noted)).unwrap().objection);
}

#[test]
fn an_exit_brings_nothing_back_that_is_suspended_until_then() {
    let mut entry = listed("court", "苏州星河科技有限公司", &[A]);
    entry.id = "e".to_owned();
    let pause = |from: &str, to: Option<&str>| {
        Act::Suspend(Term { from: Some(day(from)), to: to.map(day) })
    };
    for (suspend, exit, counts) in [
        (pause("2026-10-01", None), "2026-12-01", ["2026-09-30"].as_slice()),
        (pause("2026-10-01", Some("2026-12-31")), "2026-12-01", &["2026-09-30"]),
        (pause("2026-10-01", Some("2026-11-30")), "2026-12-01", &["2026-09-30"]),
        (pause("2026-12-05", None), "2026-12-01", &["2026-09-30", "2026-10-15", "2026-11-23"]),
    ] {
        let mut town = town::build(std::slice::from_ref(&entry));
        for (key, act) in [("1", suspend), ("2", Act::Exit { on: day(exit) })] {
            apply(&mut town, &change(key, "court", "e", act)).unwrap();
        }
        let listed = town.basis().listed().record("court", "e").unwrap();
        for asked in ["2026-09-30", "2026-10-15", "2026-11-23", "2026-12-01", "2027-01-01"] {
            assert_eq!(listed.counts_on(day(asked)), counts.contains(&asked), "{exit} {asked}");
        }
    }
}

#[test]
fn a_number_that_a_correction_took_away_leads_to_nothing() {
    const P: &str = "110101190001010006";
    const R: &str = "320500000000001";
    let name = "苏州星河科技有限公司";
    let entry = |id: &str, ids: &[&str]| Entry { id: id.to_owned(), ..listed("court", name, ids) };
    let correct = |key: &str, ids: &[&str]| {
        let subject = Field::Subject(Box::new(listed("court", name, ids).subject));
        change(key, "court", "e", Act::Amend(vec![subject]))
    };
    let mut listed_since = town::build(&[]);
    let listing = Act::List(Box::new(entry("e", &[A, P])));
    apply(&mut listed_since, &change("0", "court", "e", listing)).unwrap();
    for mut town in [town::build(&[entry("e", &[A, P])]), listed_since] {
        assert_eq!(verdict(&town, None, P), Verdict::Prohibit);
        apply(&mut town, &correct("1", &[A])).unwrap();
        assert_eq!(
            (verdict(&town, None, P), verdict(&town, None, A)),
            (Verdict::Clear, Verdict::Prohibit)
        );
        apply(&mut town, &correct("2", &[A, R])).unwrap();
        apply(&mut town, &correct("3", &[R])).unwrap();
        assert_eq!(
            (verdict(&town, None, A), verdict(&town, None, R)),
            (Verdict::Clear, Verdict::Prohibit)
        );
    }
    // Another entry of the subject joins what is left to it.
    let mut town = town::build(&[entry("e", &[A, P]), entry("other", &[A, R])]);
    apply(&mut town, &correct("1", &[A])).unwrap();
    assert_eq!((hits(&town, A), hits(&town, R)), (2, 2));
}

#[test]
fn a_number_of_two_companies_joins_a_listing_to_neither() {
    const R: &str = "320500000000001";
    let entry = |id: &str, ids: &[&str]| Entry {
        id: id.to_owned(),
        ..listed("court", "苏州星河科技有限公司", ids)
    };
    let mut town = town::build(&[entry("a", &[A, R]), entry("b", &[B, R])]);
    apply(&mut town, &change("1", "ban", "c", Act::List(Box::new(entry("c", &[R]))))).unwrap();
    assert_eq!((hits(&town, A), hits(&town, B), hits(&town, R)), (1, 1, 3));
}

/// The life of an entry, told once more and plainly.
#[derive(Default, Clone)]
struct Life {
    entry: Option<Entry>,
    /// An end that came before the entry.
    ended: Option<State>,
}

impl Life {
    fn live(&mut self, change: &Change) -> Result<(), Refusal> {
        let is_over = |entry: &Entry| !matches!(entry.state, State::InForce | State::Suspended(_));
        let strength = |state: State| match state {
            State::InForce | State::Suspended(_) => 0,
            State::Exited(_) => 1,
            State::Repaired => 2,
            State::Revoked => 3,
        };
        let end = match &change.act {
            Act::Exit { on } => Some(State::Exited(Some(*on))),
            Act::Repair => Some(State::Repaired),
            Act::Revoke => Some(State::Revoked),
            _ => None,
        };
        match (end, &mut self.entry, &change.act) {
            (Some(end), entry, _) => {
                let now =
                    entry.as_ref().map(|entry| entry.state).or(self.ended).unwrap_or_default();
                if strength(end) <= strength(now) {
                    return Err(Refusal::Ended);
                }
                match entry {
                    Some(entry) => entry.state = ended(entry.state, end),
                    None => self.ended = Some(end),
                }
            }
            (None, None, Act::List(entry)) => {
                let mut entry = Entry { id: change.entry.clone(), ..(**entry).clone() };
                if let (Some(from), Some(to)) = (entry.term.from, entry.term.to)
                    && to < from
                {
                    return Err(Refusal::EmptyTerm);
                }
                if let Some(end) = self.ended
                    && strength(end) > strength(entry.state)
                {
                    entry.state = end;
                }
                self.entry = Some(entry);
            }
            (None, Some(entry), Act::List(_)) => {
                return Err(if is_over(entry) { Refusal::Ended } else { Refusal::AlreadyListed });
            }
            (None, None, _) => return Err(Refusal::UnknownEntry),
            (None, Some(entry), act) => alter(entry, act, is_over(entry))?,
        }
        Ok(())
    }
}

/// The state of an entry in one state that ends: what is suspended until its exit does not come back.
fn ended(before: State, end: State) -> State {
    let (State::Suspended(pause), State::Exited(Some(on))) = (before, end) else { return end };
    match pause {
        Term { to: Some(to), .. } if to.plus(1) < on => end,
        Term { from: Some(from), .. } if from < on => State::Exited(Some(from)),
        Term { from: Some(_), .. } => end,
        Term { from: None, .. } => State::Exited(None),
    }
}

fn alter(entry: &mut Entry, act: &Act, is_over: bool) -> Result<(), Refusal> {
    let exited = matches!(entry.state, State::Exited(_));
    if is_over && !(exited && matches!(act, Act::Amend(_))) {
        return Err(Refusal::Ended);
    }
    let suspended = matches!(entry.state, State::Suspended(_));
    let before = entry.clone();
    match act {
        Act::Amend(fields) => {
            for field in fields {
                match field {
                    Field::Reason(reason) => entry.reason.clone_from(reason),
                    Field::From(from) => entry.term.from = *from,
                    Field::To(to) => entry.term.to = *to,
                    other => panic!("not drawn: {other:?}"),
                }
            }
            let refusal = if *entry == before {
                Some(Refusal::NothingChanged)
            } else if let (Some(from), Some(to)) = (entry.term.from, entry.term.to)
                && to < from
            {
                Some(Refusal::EmptyTerm)
            } else {
                None
            };
            if let Some(refusal) = refusal {
                *entry = before;
                return Err(refusal);
            }
        }
        Act::Extend { to } => {
            let is_later = match (entry.term.to, to) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(now), Some(to)) => *to > now,
            };
            if !is_later {
                return Err(Refusal::NotLater);
            }
            (entry.term.to, entry.extended) = (*to, true);
        }
        Act::NoteObjection if entry.objection => return Err(Refusal::ObjectionNoted),
        Act::LiftObjection if !entry.objection => return Err(Refusal::NoObjection),
        Act::NoteObjection => entry.objection = true,
        Act::LiftObjection => entry.objection = false,
        Act::Suspend(Term { from: Some(from), to: Some(to) }) if to < from => {
            return Err(Refusal::EmptyTerm);
        }
        Act::Suspend(_) if suspended => return Err(Refusal::AlreadySuspended),
        Act::Suspend(pause) => entry.state = State::Suspended(*pause),
        Act::Resume if !suspended => return Err(Refusal::NotSuspended),
        Act::Resume => entry.state = State::InForce,
        _ => unreachable!("told before"),
    }
    Ok(())
}

/// Identifiers of four subjects; those of one never contradict one another.
const SUBJECTS: [&[&str]; 4] = [
    &["91320500MA0000015D", "MA0000015", "320500000000001"],
    &["91320505MA0000023G", "320500000000018"],
    &["110101190001010006", "E12345678"],
    &["110101190001010014", "110101000101001", "H12345678"],
];

const NAMES: [&str; 5] = [
    "苏州星河科技有限公司",
    "苏州星河科技（有限公司）",
    "苏州星河科技有限公司吴江分公司",
    "张三",
    "苏州明珠建设有限公司",
];

fn a_day() -> impl Strategy<Value = Option<Day>> {
    prop_oneof![1 => Just(None), 3 => (-3i32..=3).prop_map(|off| Some(noon().day().plus(off)))]
}

prop_compose! {
    fn a_term()(from in a_day(), to in a_day()) -> Term {
        Term { from, to }
    }
}

prop_compose! {
    fn an_entry()(
        list in 0..KINDS.len(),
        subject in 0..SUBJECTS.len(),
        carried in prop::collection::vec(any::<bool>(), 3),
        name in prop::sample::select(&NAMES[..]),
        former in prop::option::weighted(0.2, prop::sample::select(&NAMES[..])),
        related in prop::option::weighted(0.3, (prop::sample::select(&Role::ALL[..]), prop::sample::select(SUBJECTS[2]))),
        term in a_term(),
        state in prop_oneof![
            5 => Just(State::InForce),
            1 => a_term().prop_map(State::Suspended),
            1 => a_day().prop_map(State::Exited),
            1 => Just(State::Repaired),
        ],
    ) -> Entry {
        let ids: Vec<&str> = SUBJECTS[subject].iter().zip(carried).filter(|(_, is)| *is).map(|(id, _)| *id).collect();
        let mut entry = listed(KINDS[list].0, name, &ids);
        entry.subject.kind = if subject < 2 { SubjectKind::Organisation } else { SubjectKind::NaturalPerson };
        entry.subject.other_names = former.iter().map(|name| FormerName { name: (*name).to_owned(), until: None }).collect();
        entry.subject.related = related
            .map(|(role, raw)| Related { role, name: "李四".to_owned(), id: Some(id(raw)) })
            .into_iter()
            .collect();
        entry.term = term;
        entry.state = state;
        entry
    }
}

fn an_act() -> impl Strategy<Value = Act> {
    let field = prop_oneof![
        prop::sample::select(&["甲", "乙"][..]).prop_map(|reason| Field::Reason(reason.to_owned())),
        a_day().prop_map(Field::From),
        a_day().prop_map(Field::To),
    ];
    prop_oneof![
        4 => an_entry().prop_map(|entry| Act::List(Box::new(Entry { state: State::InForce, ..entry }))),
        2 => prop::collection::vec(field, 1..3).prop_map(Act::Amend),
        2 => a_day().prop_map(|to| Act::Extend { to }),
        1 => Just(Act::NoteObjection),
        1 => Just(Act::LiftObjection),
        2 => a_term().prop_map(Act::Suspend),
        1 => Just(Act::Resume),
        1 => (-2i32..=2).prop_map(|off| Act::Exit { on: noon().day().plus(off) }),
        1 => Just(Act::Repair),
        1 => Just(Act::Revoke),
    ]
}

type Asked<'a> = (Option<&'a str>, Vec<&'a str>);

fn asked() -> impl Strategy<Value = Asked<'static>> {
    let ids: Vec<&str> = SUBJECTS.concat();
    (
        prop::option::of(prop::sample::select(&NAMES[..])),
        prop::collection::vec(prop::sample::select(ids), 0..=2),
    )
}

/// What a check answers, entries named by their ids.
fn answers(town: &Town, asked: &[Asked]) -> Vec<(Verdict, Vec<String>, Vec<String>)> {
    let matter = town.ground.catalogue.matter_no(PROCUREMENT).unwrap();
    let listed: Listed = town.basis().listed();
    let questions: Vec<Question> = asked.iter().map(question).collect();
    let (mut scratch, mut decision) = (Scratch::searching(), Decision::default());
    screen::check(&town.basis(), matter, noon(), &questions, &mut scratch, &mut decision).unwrap();
    let name = |no| {
        let entry = listed.entry(no).unwrap();
        format!(
            "{}/{}",
            town.ground.catalogue.list(town.ground.list(entry.list()).unwrap()).code,
            entry.id()
        )
    };
    decision
        .subjects
        .iter()
        .map(|subject| {
            let mut hits: Vec<String> = subject
                .hits
                .iter()
                .map(|hit| {
                    let entry = listed.entry(hit.entry).unwrap();
                    format!(
                        "{} {:?} {:?} {:?} {}",
                        name(hit.entry),
                        hit.grade,
                        hit.relation.map(|role| role as u8),
                        entry.term(),
                        entry.objection()
                    )
                })
                .collect();
            hits.sort();
            let mut measures: Vec<String> = subject
                .measures
                .iter()
                .map(|applied| {
                    format!("{:?} {}", applied.measure, name(subject.hits[applied.hit].entry))
                })
                .collect();
            measures.sort();
            (subject.verdict, hits, measures)
        })
        .collect()
}

fn question<'a>((name, ids): &Asked<'a>) -> Question<'a> {
    let mut question = Question { name: *name, ..Question::default() };
    ids.iter().for_each(|raw| question.identified_by(id(raw)));
    question
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// The overlay takes and refuses what the model does; a check over it answers what the oracle
    /// says of the entries as they stand, and what an index built of them would.
    #[test]
    fn changes_answer_what_a_build_of_them_would(
        mut entries in prop::collection::vec(an_entry(), 0..6),
        acts in prop::collection::vec((0usize..8, an_act()), 0..24),
        asked in prop::collection::vec(asked(), 1..6),
    ) {
        for (row, entry) in entries.iter_mut().enumerate() {
            entry.id = format!("e{row}");
        }
        let mut lives: BTreeMap<(String, String), Life> = entries
            .iter()
            .map(|entry| ((entry.list.clone(), entry.id.clone()), Life { entry: Some(entry.clone()), ended: None }))
            .collect();
        let mut town = town::build(&entries);
        for (number, (target, act)) in acts.into_iter().enumerate() {
            let list = match (&act, entries.get(target)) {
                (_, Some(entry)) => entry.list.clone(),
                (Act::List(entry), None) => entry.list.clone(),
                (_, None) => KINDS[target % KINDS.len()].0.to_owned(),
            };
            let act = match act {
                Act::List(entry) => Act::List(Box::new(Entry { list: list.clone(), ..*entry })),
                act => act,
            };
            let change = change(&number.to_string(), &list, &format!("e{target}"), act);
            let life = lives.entry((list, change.entry.clone())).or_default();
            let expected = life.live(&change);
            let got = apply(&mut town, &change).map(|_| ()).map_err(|unfit| match unfit {
                Unfit::Refused(refusal) => refusal,
                other => panic!("{other:?}"),
            });
            prop_assert_eq!(got, expected, "{:?}", change);
        }
        let standing: Vec<Entry> = lives.values().filter_map(|life| life.entry.clone()).collect();
        let catalogue = town.ground.catalogue.clone();
        let matter = catalogue.matter_no(PROCUREMENT).unwrap();
        let oracle = Oracle::new(&standing, &catalogue);
        let got = answers(&town, &asked);
        for (asked, (verdict, hits, _)) in asked.iter().zip(&got) {
            let OracleAnswer { verdict: expected, hits: of_oracle, .. } =
                oracle.decide(&question(asked), matter, noon(), |_| Some(noon()), &likely(&town, asked.0));
            let mut of_oracle: Vec<String> = of_oracle
                .iter()
                .map(|(at, grade, relation, _)| {
                    let entry = &standing[*at];
                    format!("{}/{} {grade:?} {relation:?} {:?} {}", entry.list, entry.id, entry.term, entry.objection)
                })
                .collect();
            of_oracle.sort();
            prop_assert_eq!(hits, &of_oracle, "{:?}", asked);
            prop_assert_eq!(*verdict, expected, "{:?}", asked);
        }
        prop_assert_eq!(got, answers(&town::build(&standing), &asked));
    }
}

#[test]
fn what_a_change_dates_turns_at_midnight_in_shanghai() {
    let open = |from: &str, to: &str| Term { from: Some(day(from)), to: Some(day(to)) };
    let future = {
        let mut entry = listed("court", "苏州星河科技有限公司", &[A]);
        entry.term = open("2026-11-05", "2026-11-06");
        Act::List(Box::new(entry))
    };
    // What is done to a listing from 1 to 3 November, and the days of that month on which it counts then.
    let rows: [(&str, Vec<Act>, &[i64]); 7] = [
        ("nothing", vec![], &[1, 2, 3]),
        ("extended", vec![Act::Extend { to: Some(day("2026-11-05")) }], &[1, 2, 3, 4, 5]),
        (
            "amended",
            vec![Act::Amend(vec![
                Field::From(Some(day("2026-11-02"))),
                Field::To(Some(day("2026-11-04"))),
            ])],
            &[2, 3, 4],
        ),
        ("suspended", vec![Act::Suspend(open("2026-11-02", "2026-11-02"))], &[1, 3]),
        ("off the list", vec![Act::Exit { on: day("2026-11-03") }], &[1, 2]),
        (
            "extended, then suspended to its end",
            vec![
                Act::Extend { to: Some(day("2026-11-06")) },
                Act::Suspend(open("2026-11-03", "2026-11-05")),
            ],
            &[1, 2, 6],
        ),
        ("listed for later", vec![future], &[5, 6]),
    ];
    for (what, acts, days) in rows {
        let mut entry = listed("court", "苏州星河科技有限公司", &[A]);
        entry.id = "e".to_owned();
        entry.term = open("2026-11-01", "2026-11-03");
        let is_listing = acts.iter().any(|act| matches!(act, Act::List(_)));
        let mut town = town::build(if is_listing { &[] } else { std::slice::from_ref(&entry) });
        for (n, act) in acts.into_iter().enumerate() {
            apply(&mut town, &change(&n.to_string(), "court", "e", act)).unwrap();
        }
        let first: Instant = "2026-10-31T00:00:00+08:00".parse().unwrap();
        for n in 0..8 {
            let begin = Instant(first.0 + n * 86_400);
            for at in [begin, Instant(begin.0 + 86_399)] {
                let expected = if days.contains(&n) { Verdict::Prohibit } else { Verdict::Clear };
                assert_eq!(verdict_at(&town, None, A, at), expected, "{what}, day {n}");
            }
        }
    }
}
