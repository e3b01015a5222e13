//! The oracle against the index on random cities: few names, few identifiers, many collisions.

use crate::oracle::{Oracle, OracleAnswer, likely};
use crate::town::{self, KINDS, noon};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use xincha::record::{
    Day, Entry, FormerName, Identifier, Instant, MaskedIdentifier, Related, Role, State,
    SubjectKind, Term,
};
use xincha::screen::find::Scratch;
use xincha::screen::{self, Decision, Question};

/// Sound and unsound, long and derived, of bodies, persons and a vehicle.
const IDS: [&str; 23] = [
    "110101190013010006",
    "91320500MA0000015D",
    "91320500MA0000015E",
    "92320500MA0000015B",
    "MA0000015",
    "91320505MA0000023G",
    "MA0000023",
    "320500000000001",
    "320500000000018",
    "320500MA0000015",
    "110101190001010006",
    "110101190001010014",
    "110101180001010012",
    "110101000101001",
    "320500190001010019",
    "320500190001010018",
    "E12345678",
    "H12345678",
    "H1234567801",
    "00123456",
    "0012345601",
    "苏E12345",
    "11010119000101000601",
];

const NAMES: [&str; 12] = [
    "苏州星河科技有限公司",
    "苏州星河科技（有限公司）",
    "苏州 星河科技有限公司",
    "苏州星河科技有限公司吴江分公司",
    "张三",
    "阎三",
    "闫三",
    "阿布都·买买提",
    "阿布都买买提",
    "苏州明珠建设有限公司",
    "蘇州星河科技有限責任公司",
    "苏州星和科技有限公司",
];

const MASKS: [&str; 4] =
    ["1101011900****0006", "110101********0006", "320500********0019", "110101*****1001"];

fn a_day() -> impl Strategy<Value = Option<Day>> {
    prop_oneof![
        2 => Just(None),
        3 => (-3i32..=3).prop_map(|off| Some(noon().day().plus(off))),
    ]
}

fn a_state() -> impl Strategy<Value = State> {
    prop_oneof![
        6 => Just(State::InForce),
        1 => (a_day(), a_day()).prop_map(|(from, to)| State::Suspended(Term { from, to })),
        1 => a_day().prop_map(State::Exited),
        1 => Just(State::Repaired),
        1 => Just(State::Revoked),
    ]
}

fn some_ids(most: usize) -> impl Strategy<Value = Vec<Identifier>> {
    prop::collection::vec(prop::sample::select(&IDS[..]), 0..=most).prop_map(|raws| {
        let mut seen = BTreeSet::new();
        raws.into_iter().filter(|raw| seen.insert(*raw)).map(town::id).collect()
    })
}

fn a_mask() -> impl Strategy<Value = Option<MaskedIdentifier>> {
    prop_oneof![
        3 => Just(None),
        1 => prop::sample::select(&MASKS[..]).prop_map(MaskedIdentifier::parse),
    ]
}

fn a_name() -> impl Strategy<Value = String> {
    prop::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn related() -> impl Strategy<Value = Vec<Related>> {
    let one = (prop::sample::select(&Role::ALL[..]), a_name(), prop::sample::select(&IDS[10..]))
        .prop_map(|(role, name, raw)| Related { role, name, id: Some(town::id(raw)) });
    prop::collection::vec(one, 0..=2)
}

prop_compose! {
    fn an_entry()(
        list in 0..KINDS.len(),
        kind in prop::sample::select(&SubjectKind::ALL[..]),
        name in a_name(),
        former in prop::option::weighted(0.2, (a_name(), a_day())),
        ids in some_ids(2),
        masked in a_mask(),
        related in related(),
        from in a_day(),
        to in a_day(),
        state in a_state(),
        region in prop::sample::select(&[320500u32, 110101, 0][..]),
    ) -> Entry {
        let mut entry = town::listed(KINDS[list].0, &name, &[]);
        entry.subject.kind = kind;
        entry.subject.ids = ids;
        entry.subject.masked = masked.filter(|_| entry.subject.ids.is_empty());
        entry.subject.related = related;
        entry.subject.other_names =
            former.into_iter().map(|(name, until)| FormerName { name, until }).collect();
        entry.term = Term { from, to };
        entry.state = state;
        entry.region = region;
        entry
    }
}

type Asked = (Option<SubjectKind>, Option<String>, Vec<Identifier>, Option<MaskedIdentifier>);

fn asked() -> impl Strategy<Value = Asked> {
    let kind = prop::option::weighted(0.3, prop::sample::select(&SubjectKind::ALL[..]));
    (kind, prop::option::weighted(0.8, a_name()), some_ids(2), a_mask())
}

fn question((kind, name, ids, masked): &Asked) -> Question<'_> {
    let mut question = Question {
        kind: *kind,
        name: name.as_deref(),
        masked: masked.clone(),
        ..Question::default()
    };
    ids.iter().cloned().for_each(|id| question.identified_by(id));
    question
}

fn as_of() -> impl Strategy<Value = [Instant; 6]> {
    let one = prop_oneof![
        8 => Just(noon()),
        1 => Just(Instant(noon().0 - 8 * 86_400)),
        1 => Just(Instant(noon().0 - 31 * 86_400)),
    ];
    prop::array::uniform6(one)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_what_the_oracle_answers(
        mut entries in prop::collection::vec(an_entry(), 0..14),
        asked in prop::collection::vec(asked(), 1..8),
        as_of in as_of(),
        award: bool,
    ) {
        for (row, entry) in entries.iter_mut().enumerate() {
            entry.id = format!("e{row}");
        }
        let town = town::build_as_of(&entries, &as_of);
        let catalogue = town.ground.catalogue.clone();
        let matter = catalogue.matter_no(if award { town::AWARD } else { town::PROCUREMENT }).unwrap();
        let oracle = Oracle::new(&entries, &catalogue);
        let delivered = |code: &str| {
            KINDS.iter().position(|(of, _)| *of == code).map(|at| as_of[at])
        };
        let questions: Vec<Question> = asked.iter().map(question).collect();
        let (mut scratch, mut decision) = (Scratch::searching(), Decision::default());
        screen::check(&town.basis(), matter, noon(), &questions, &mut scratch, &mut decision).unwrap();
        let index = &town.ground.index;
        let position = |no| index.entry(no).unwrap().text().id[1..].parse::<usize>().unwrap();
        for (question, subject) in questions.iter().zip(&decision.subjects) {
            let code = |applied: &screen::Applied| {
                let entry = position(subject.hits[applied.hit].entry);
                (catalogue.measure(applied.measure).code.clone(), entry)
            };
            let got = OracleAnswer {
                verdict: subject.verdict,
                hits: subject.hits.iter().map(|hit| (position(hit.entry), hit.grade, hit.relation.map(|r| r as u8), hit.name_taken_over)).collect(),
                measures: subject.measures.iter().map(code).collect(),
                incentives: subject.incentives.iter().map(code).collect(),
                conflicts: subject.conflicts.iter().map(|c| (position(c.red), position(c.black))).collect(),
            };
            let likely = likely(&town, question.name);
            let expected = oracle.decide(question, matter, noon(), delivered, &likely);
            prop_assert_eq!(got, expected, "{:?}", question);
        }
    }

    #[test]
    fn every_identifier_is_found_by_its_prefixes_and_its_subject_is_in_its_sets(
        mut entries in prop::collection::vec(an_entry(), 0..14),
    ) {
        for (row, entry) in entries.iter_mut().enumerate() {
            entry.id = format!("e{row}");
        }
        let town = town::build(&entries);
        let index = &town.ground.index;
        let mut by_text: BTreeMap<String, usize> = BTreeMap::new();
        for id in entries.iter().flat_map(|entry| &entry.subject.ids) {
            by_text.entry(id.text().to_owned()).or_default();
        }
        for text in by_text.keys() {
            for end in (1..=text.len()).filter(|&end| text.is_char_boundary(end)) {
                let found = index.identifiers().with_prefix(&text[..end]);
                let texts: Vec<String> = found
                    .iter()
                    .map(|&no| index.identifiers().get(no).unwrap().text().to_owned())
                    .collect();
                prop_assert!(texts.contains(text), "{} by {}", text, &text[..end]);
                prop_assert!(texts.iter().all(|found| found.starts_with(&text[..end])));
            }
        }
        use xincha::index::sets::SetKey;
        for (row, entry) in entries.iter().enumerate() {
            let no = (0..entries.len() as u32)
                .map(xincha::index::EntryNo)
                .find(|&no| index.entry(no).unwrap().text().id == format!("e{row}"))
                .unwrap();
            let view = index.entry(no).unwrap();
            for key in [
                SetKey::List(entry.list.clone()),
                SetKey::Region(entry.region),
                SetKey::Authority(entry.authority.clone()),
            ] {
                prop_assert!(index.sets().get(&key).contains(view.subject().0), "{:?}", key);
            }
            let related: Vec<Related> = view
                .related()
                .map(|(role, name, id)| Related { role, name: name.to_owned(), id })
                .collect();
            prop_assert_eq!(&related, &entry.subject.related);
            prop_assert_eq!(view.term(), entry.term);
            prop_assert_eq!(view.state(), entry.state);
            prop_assert_eq!(view.name(), &entry.subject.name);
            if let Some(mask) = &entry.subject.masked {
                prop_assert!(index.masked(mask).any(|masked| masked == no));
            }
        }
    }
}
