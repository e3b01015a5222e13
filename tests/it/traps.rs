//! The fifteen traps of the domain, as rows through one `check`.

use crate::town;
use crate::town::{AWARD, PROCUREMENT, day, listed, noon};
use xincha::record::{
    Entry, FormerName, Identifier, Instant, MaskedIdentifier, Related, Role, State, SubjectKind,
    Term,
};
use xincha::screen::find::Scratch;
use xincha::screen::{self, Decision, Grade, Question, Verdict};

/// Who is asked about: name, identifiers (one may be masked).
struct Ask<'a>(&'a str, &'a [&'a str]);

/// Decide one question; answers the decision and a short form of its hits:
/// `list grade relation flags`.
fn decide(entries: &[Entry], ask: &Ask, matter: &str, at: Instant) -> (Decision, Vec<String>) {
    let town = town::build(entries);
    let matter = town.ground.catalogue.matter_no(matter).expect("a matter");
    let mut question =
        Question { name: Some(ask.0).filter(|name| !name.is_empty()), ..Question::default() };
    for raw in ask.1 {
        match MaskedIdentifier::parse(raw) {
            Some(masked) => question.masked = Some(masked),
            None => question.identified_by(Identifier::recognise(raw).expect("an identifier")),
        }
    }
    let mut decision = Decision::default();
    screen::check(&town.basis(), matter, at, &[question], &mut Scratch::searching(), &mut decision)
        .unwrap();
    let hits = decision.subjects[0]
        .hits
        .iter()
        .map(|hit| {
            let mut short =
                format!("{} {}", town.ground.catalogue.list(hit.list).code, hit.grade.code());
            let flags = [
                (hit.derived, "derived"),
                (hit.name_differs, "name_differs"),
                (hit.name_variant, "name_variant"),
                (hit.former_name, "former_name"),
                (hit.name_taken_over, "name_taken_over"),
            ];
            if let Some(role) = hit.relation {
                short.push(' ');
                short.push_str(role.code());
            }
            for (_, flag) in flags.iter().filter(|(set, _)| *set) {
                short.push(' ');
                short.push_str(flag);
            }
            short
        })
        .collect();
    (decision, hits)
}

#[track_caller]
fn check(entries: &[Entry], ask: Ask, verdict: Verdict, hits: &[&str]) -> Decision {
    check_for(entries, ask, PROCUREMENT, noon(), verdict, hits)
}

#[track_caller]
fn check_for(
    entries: &[Entry],
    ask: Ask,
    matter: &str,
    at: Instant,
    verdict: Verdict,
    hits: &[&str],
) -> Decision {
    let (decision, got) = decide(entries, &ask, matter, at);
    assert_eq!(
        (decision.verdict, got),
        (verdict, hits.iter().map(|hit| hit.to_string()).collect())
    );
    decision
}

const USCC: &str = "91320500MA0000015D";
const OTHER: &str = "91320505MA0000023G";
const XINGHE: &str = "苏州星河科技有限公司";

fn person(name: &str) -> Entry {
    let mut entry = listed("court", name, &[]);
    entry.subject.kind = SubjectKind::NaturalPerson;
    entry
}

#[test]
fn trap_1_a_check_digit_of_zero_is_sound() {
    let entries = [listed("court", XINGHE, &["91320500MA00002850"])];
    let decision =
        check(&entries, Ask("", &["91320500MA00002850"]), Verdict::Prohibit, &["court identifier"]);
    assert!(decision.subjects[0].quality.is_good());
}

#[test]
fn trap_2_lower_case_full_width_and_hyphens_are_one_code() {
    let entries = [listed("court", XINGHE, &["９１３２０５００ＭＡ０００００１５Ｄ"])];
    for raw in [
        "91320500ma0000015d",
        "91320500-MA000001-5-D",
        " 91320500MA0000015D\u{3000}",
        "９１３２０５００ＭＡ０００００１５Ｄ",
    ] {
        check(&entries, Ask("", &[raw]), Verdict::Prohibit, &["court identifier"]);
    }
}

#[test]
fn trap_3_a_failing_check_digit_flags_and_still_finds() {
    let entries = [listed("court", XINGHE, &["91350211M0000XUF46"])];
    let decision =
        check(&entries, Ask("", &["91350211M0000XUF46"]), Verdict::Prohibit, &["court identifier"]);
    assert!(decision.subjects[0].quality.check_digit);
}

#[test]
fn trap_4_organisation_code_and_registration_number_join_the_uscc() {
    let by_code = [listed("court", XINGHE, &["MA000001-5"])];
    check(&by_code, Ask("", &[USCC]), Verdict::Prohibit, &["court identifier derived"]);
    let joined = [
        listed("court", XINGHE, &["320500000000001"]),
        listed("watch", XINGHE, &[USCC, "320500000000001"]),
    ];
    check(&joined, Ask("", &[USCC]), Verdict::Prohibit, &["court identifier", "watch identifier"]);
    check(&by_code, Ask("", &["MA0000015"]), Verdict::Prohibit, &["court identifier"]);
    let by_tax_number = [listed("court", XINGHE, &["320500MA0000015"])];
    check(&by_tax_number, Ask("", &[USCC]), Verdict::Prohibit, &["court identifier derived"]);
}

#[test]
fn trap_5_the_fifteen_digit_id_is_the_eighteen_digit_one() {
    let mut entry = person("张三");
    entry.subject.ids = vec![town::id("110101000101001")];
    check(
        &[entry.clone()],
        Ask("张三", &["110101190001010014"]),
        Verdict::Prohibit,
        &["court identifier derived"],
    );
    check(&[entry], Ask("张三", &["110101200001010017"]), Verdict::Clear, &[]);
    let mut entry = person("张三");
    entry.subject.ids = vec![town::id("82000019000101001X")];
    check(&[entry], Ask("", &["82000019000101001x"]), Verdict::Prohibit, &["court identifier"]);
}

#[test]
fn trap_6_a_masked_row_is_probable_and_reviewed() {
    let mut entry = person("李四");
    entry.subject.masked = MaskedIdentifier::parse("1101011900****0006");
    let entries = [entry];
    check(
        &entries,
        Ask("李四", &["110101190001010006"]),
        Verdict::Review,
        &["court masked_identifier"],
    );
    check(&entries, Ask("李四", &["320500190001010019"]), Verdict::Clear, &[]);
    // a slip in the number rules nothing out: its prefecture and the name agree with the masked row
    check(&entries, Ask("李四", &["110101190001010007"]), Verdict::Review, &["court name"]);
    check(
        &entries,
        Ask("李四", &["110101190013010006"]),
        Verdict::Review,
        &["court masked_identifier"],
    );
    check(&entries, Ask("李四", &["320500190001010018"]), Verdict::Clear, &[]);
    // a number alone cannot be compared with a masked row, and the answer says so
    let decision = check(&entries, Ask("", &["110101190001010006"]), Verdict::Clear, &[]);
    assert!(decision.subjects[0].number_only);
    check(&entries, Ask("王五", &["110101190001010006"]), Verdict::Clear, &[]);
    check(
        &entries,
        Ask("李四", &["110101********0006"]),
        Verdict::Review,
        &["court masked_identifier"],
    );
    let mut full = person("李四");
    full.subject.ids = vec![town::id("110101190001010006")];
    check(
        &[full],
        Ask("李四", &["1101011900****0006"]),
        Verdict::Review,
        &["court masked_identifier"],
    );
}

#[test]
fn a_short_resident_id_seconds_a_name_as_the_long_one_does() {
    let mut entry = person("张三");
    entry.subject.masked = MaskedIdentifier::parse("110101********0014");
    let entries = [entry];
    let hit = &["court masked_identifier"][..];
    for id in ["110101190001010014", "110101000101001"] {
        check(&entries, Ask("张三", &[id]), Verdict::Review, hit);
    }
    check(&entries, Ask("张三", &["110101000101000"]), Verdict::Clear, &[]);
    let mut nowhere = person("张三");
    nowhere.region = 110100;
    check(&[nowhere], Ask("张三", &["110101000101001"]), Verdict::Review, &["court name"]);
}

#[test]
fn a_number_of_another_kind_does_not_hide_an_equal_name() {
    // Of a stall only its owner's number is known, of a lorry's holder the plate.
    let mut stall = listed("court", "苏州市姑苏区星河面馆", &["110101190001010006"]);
    stall.subject.kind = SubjectKind::IndividualBusiness;
    let holder = listed("court", XINGHE, &["苏E12345"]);
    for (entry, name) in [(stall, "苏州市姑苏区星河面馆"), (holder, XINGHE)] {
        check(&[entry], Ask(name, &[OTHER]), Verdict::Review, &["court name"]);
    }
}

#[test]
fn trap_7_expiry_is_decided_when_asked_at_midnight_in_shanghai() {
    let mut entry = listed("court", XINGHE, &[USCC]);
    entry.term = Term { from: Some(day("2026-10-31")), to: Some(day("2026-11-01")) };
    let entries = [entry];
    for (at, listed) in [
        ("2026-10-30T23:59:59+08:00", false),
        ("2026-10-31T00:00:00+08:00", true),
        ("2026-11-01T23:59:59+08:00", true),
        ("2026-11-01T16:00:00Z", false),
        ("2026-11-02T00:00:00+08:00", false),
    ] {
        let (verdict, hits): (_, &[&str]) =
            if listed { (Verdict::Prohibit, &["court identifier"]) } else { (Verdict::Clear, &[]) };
        check_for(&entries, Ask("", &[USCC]), PROCUREMENT, at.parse().unwrap(), verdict, hits);
    }
}

/// The half of it that feeds can show: what a state ends does not come back for any day.
#[test]
fn trap_8_what_is_withdrawn_does_not_count() {
    let ended: &[(State, bool)] = &[
        (State::InForce, true),
        (State::Repaired, false),
        (State::Revoked, false),
        (State::Exited(None), false),
        (State::Exited(Some(day("2026-11-01"))), false),
        (State::Exited(Some(day("2026-11-02"))), true),
        (State::Suspended(Term { from: Some(day("2026-10-01")), to: None }), false),
        (
            State::Suspended(Term { from: Some(day("2026-10-01")), to: Some(day("2026-10-31")) }),
            true,
        ),
    ];
    for &(state, counts) in ended {
        let mut entry = listed("court", XINGHE, &[USCC]);
        entry.state = state;
        let expected = if counts { Verdict::Prohibit } else { Verdict::Clear };
        assert_eq!(
            decide(&[entry], &Ask("", &[USCC]), PROCUREMENT, noon()).0.verdict,
            expected,
            "{state:?}"
        );
    }
}

/// Questions of one check are decided on one ground: by construction, since it is one argument.
#[test]
fn trap_9_a_batch_sees_one_ground() {
    let town = town::build(&[listed("court", XINGHE, &[USCC])]);
    let matter = town.ground.catalogue.matter_no(PROCUREMENT).unwrap();
    let mut question = Question::default();
    question.identified_by(town::id(USCC));
    let questions = vec![question; 50];
    let mut decision = Decision::default();
    screen::check(
        &town.basis(),
        matter,
        noon(),
        &questions,
        &mut Scratch::searching(),
        &mut decision,
    )
    .unwrap();
    assert_eq!(decision.subjects.len(), 50);
    assert!(decision.subjects.iter().all(|subject| subject == &decision.subjects[0]));
}

#[test]
fn trap_10_red_and_black_at_once_gets_no_incentive_and_both_are_named() {
    let red = listed("red", XINGHE, &[USCC]);
    let alone =
        check(std::slice::from_ref(&red), Ask("", &[USCC]), Verdict::Clear, &["red identifier"]);
    assert_eq!(alone.subjects[0].incentives.len(), 1);
    let both = [red, listed("tax", XINGHE, &["MA0000015"])];
    let decision =
        check(&both, Ask("", &[USCC]), Verdict::Restrict, &["tax identifier", "red identifier"]);
    let subject = &decision.subjects[0];
    assert_eq!(
        (subject.incentives.len(), subject.conflicts.len(), subject.measures.len()),
        (0, 1, 1)
    );
    // the award matter does not consult the tax list: the conflict is named all the same
    let decision =
        check_for(&both, Ask("", &[USCC]), AWARD, noon(), Verdict::Clear, &["red identifier"]);
    assert_eq!(decision.subjects[0].conflicts.len(), 1);
}

#[test]
fn trap_11_relations_are_not_direct_hits() {
    let mut tax = listed("tax", XINGHE, &[USCC]);
    let representative = "320500190001010019";
    tax.subject.related = vec![Related {
        role: Role::LegalRepresentative,
        name: "张三".into(),
        id: Some(town::id(representative)),
    }];
    let mut court = tax.clone();
    court.list = "court".to_owned();
    // the tax measure reaches representatives, the procurement ban does not
    check(
        &[tax],
        Ask("张三", &[representative]),
        Verdict::Restrict,
        &["tax identifier legal_representative"],
    );
    let decision = check(
        &[court],
        Ask("张三", &[representative]),
        Verdict::Remind,
        &["court identifier legal_representative"],
    );
    assert!(decision.subjects[0].measures.is_empty());
    // a branch is told of its parent's listing by name only, so it is reviewed
    let parent = [listed("court", XINGHE, &[USCC])];
    check(
        &parent,
        Ask("苏州星河科技有限公司吴江分公司", &[OTHER]),
        Verdict::Review,
        &["court name branch"],
    );
    let group = [listed("court", "苏州星河（集团）有限公司", &[USCC])];
    check(
        &group,
        Ask("苏州星河集团有限公司常熟营业厅", &[OTHER]),
        Verdict::Review,
        &["court name branch"],
    );
}

#[test]
fn trap_12_a_name_alone_is_never_confirmed() {
    let entries = [listed("court", XINGHE, &[USCC])];
    let decision =
        check(&entries, Ask("苏州星河科技有限公司", &[]), Verdict::Review, &["court name"]);
    assert!(decision.subjects[0].measures.is_empty() && decision.subjects[0].name_only);
    // the veto: another sound code is another company, however equal the names
    check(&entries, Ask(XINGHE, &[OTHER]), Verdict::Clear, &[]);
    // an equal code with a very different name is still a hit
    check(
        &entries,
        Ask("盐城大丰港务集团", &[USCC]),
        Verdict::Prohibit,
        &["court identifier name_differs"],
    );
    // of two companies of one city the region and the legal form say nothing
    let differs: &[&str] = &["court identifier name_differs"];
    for (name, hits) in [
        ("苏州清白商贸有限公司", differs),
        ("苏州大王饭店有限公司", differs),
        ("苏州星和科技有限公司", &["court identifier"]),
        ("江苏星河科技股份有限公司", &["court identifier"]),
        ("星河科技", &["court identifier"]),
    ] {
        check(&entries, Ask(name, &[USCC]), Verdict::Prohibit, hits);
    }
    // a person's name alone alerts nobody, unless the matter asks for it or the region agrees
    check(&[person("张三")], Ask("张三", &[]), Verdict::Clear, &[]);
    check_for(&[person("张三")], Ask("张三", &[]), AWARD, noon(), Verdict::Review, &["court name"]);
    check(
        &[person("张三")],
        Ask("张三", &["320500190001010019"]),
        Verdict::Review,
        &["court name"],
    );
    check(&[person("张三")], Ask("张三", &["110101190001010006"]), Verdict::Clear, &[]);
}

#[test]
fn trap_13_unknown_unavailable_and_clean_are_three_answers() {
    check(&[], Ask("苏州清白商贸有限公司", &[OTHER]), Verdict::Clear, &[]);
    let rows: [(usize, i64, Verdict); 4] = [
        (0, i64::MIN, Verdict::Undetermined),
        (0, noon().0 - 8 * 86_400, Verdict::Undetermined),
        (0, noon().0 - 7 * 86_400, Verdict::Clear),
        (1, noon().0 - 31 * 86_400, Verdict::Clear),
    ];
    for (list, as_of, expected) in rows {
        let mut all = [noon(); 6];
        all[list] = Instant(as_of);
        let town = town::build_as_of(
            &[listed("ban", XINGHE, &[USCC]), listed("watch", XINGHE, &["320500000000018"])],
            &all,
        );
        let matter = town.ground.catalogue.matter_no(PROCUREMENT).unwrap();
        let verdict_of = |raw: &str| {
            let mut question = Question::default();
            question.identified_by(town::id(raw));
            let mut decision = Decision::default();
            screen::check(
                &town.basis(),
                matter,
                noon(),
                &[question],
                &mut Scratch::searching(),
                &mut decision,
            )
            .unwrap();
            (decision.verdict, decision.stale.len())
        };
        let stale = usize::from(list == 1 || expected == Verdict::Undetermined);
        assert_eq!(verdict_of(OTHER), (expected, stale), "a stranger");
        assert_eq!(verdict_of(USCC), (Verdict::Prohibit, stale), "found already prohibits");
        let reminded = expected.max(Verdict::Remind);
        assert_eq!(
            verdict_of("320500000000018"),
            (reminded, stale),
            "listed, and a list is missing"
        );
    }
}

#[test]
fn trap_14_a_measure_applies_only_where_list_and_matter_allow_it() {
    let watched = [listed("watch", XINGHE, &[USCC])];
    let decision = check(&watched, Ask("", &[USCC]), Verdict::Remind, &["watch identifier"]);
    assert!(decision.subjects[0].measures.is_empty());
    let banned = [listed("ban", XINGHE, &[USCC])];
    check(&banned, Ask("", &[USCC]), Verdict::Prohibit, &["ban identifier"]);
    check_for(&banned, Ask("", &[USCC]), AWARD, noon(), Verdict::Clear, &[]);
    check(
        &[listed("permit", XINGHE, &[USCC])],
        Ask("", &[USCC]),
        Verdict::Clear,
        &["permit identifier"],
    );
}

#[test]
fn trap_15_dotted_bracketed_and_former_names() {
    let mut dotted = listed("court", "阿布都·买买提", &[]);
    dotted.subject.masked = MaskedIdentifier::parse("1101011900****0006");
    dotted.subject.kind = SubjectKind::NaturalPerson;
    check(
        &[dotted],
        Ask("阿布都•买买提", &["110101190001010006"]),
        Verdict::Review,
        &["court masked_identifier"],
    );
    let bracketed = [listed("court", "苏州星河（集团）有限公司", &[])];
    check(&bracketed, Ask("苏州星河(集团)有限公司", &[OTHER]), Verdict::Review, &["court name"]);
    let mut renamed = listed("court", "苏州新星科技有限公司", &[USCC]);
    renamed.subject.other_names =
        vec![FormerName { name: XINGHE.to_owned(), until: Some(day("2024-01-01")) }];
    let renamed = [renamed];
    check(&renamed, Ask(XINGHE, &[USCC]), Verdict::Prohibit, &["court identifier former_name"]);
    check(&renamed, Ask(XINGHE, &[]), Verdict::Review, &["court name former_name"]);
    // another company bears the name now: its own code keeps the old listing away
    check(&renamed, Ask(XINGHE, &[OTHER]), Verdict::Clear, &[]);
}

#[test]
fn trap_15_a_name_that_another_bears_now_drags_no_old_listing_along() {
    let mut renamed = listed("court", "苏州新星科技有限公司", &[USCC]);
    let former = |until| FormerName { name: XINGHE.to_owned(), until };
    renamed.subject.other_names = vec![former(Some(day("2024-01-01")))];
    let taken = ["court name former_name name_taken_over"];
    let bearer = listed("red", XINGHE, &[OTHER]);
    let both = [renamed.clone(), bearer.clone()];
    let named = |hits: &[&str], verdict| {
        check_for(&both, Ask(XINGHE, &[]), AWARD, noon(), verdict, hits);
    };
    named(&[taken[0], "red name"], Verdict::Remind);
    // on its last day the name was still its own
    let at = |day: &str| format!("{day}T12:00:00+08:00").parse::<Instant>().unwrap();
    let hits = ["court name former_name", "red name"];
    let on_last_day = at("2024-01-01");
    let mut then = both.clone();
    then.iter_mut().for_each(|entry| entry.term = Term { from: None, to: None });
    check_for(&then, Ask(XINGHE, &[]), AWARD, on_last_day, Verdict::Review, &hits);
    // an identifier that fits tells who is meant
    let masked = ["913205********015D"];
    let fits = ["court masked_identifier former_name"];
    check_for(&both, Ask(XINGHE, &masked), AWARD, noon(), Verdict::Review, &fits);
    // a bearer that may be the same subject takes nothing over
    let namesake = listed("red", XINGHE, &[]);
    let unknown = [renamed.clone(), namesake];
    check_for(
        &unknown,
        Ask(XINGHE, &[]),
        AWARD,
        noon(),
        Verdict::Review,
        &["court name former_name", "red name"],
    );
    // without a day it counts as given up
    renamed.subject.other_names = vec![former(None)];
    check_for(
        &[renamed, bearer],
        Ask(XINGHE, &[]),
        AWARD,
        noon(),
        Verdict::Remind,
        &[taken[0], "red name"],
    );
}

#[test]
fn trap_15_names_in_another_script_or_with_another_word_for_the_form_are_equal() {
    let entries =
        [listed("court", XINGHE, &[USCC]), listed("watch", "蘇州明月軟件有限責任公司", &[])];
    for (name, ids, verdict, hits) in [
        ("蘇州星河科技有限公司", &[][..], Verdict::Review, &["court name name_variant"][..]),
        ("苏州星河科技有限责任公司", &[], Verdict::Review, &["court name name_variant"]),
        ("苏州明月软件有限公司", &[], Verdict::Review, &["watch name name_variant"]),
        // no identifier decides the listed one, so the asked one's does not rule it out
        ("苏州明月软件有限公司", &[OTHER], Verdict::Review, &["watch name name_variant"]),
        ("苏州星河科技有限责任公司", &[OTHER], Verdict::Clear, &[]),
        (
            "苏州星河科技有限责任公司",
            &[USCC],
            Verdict::Prohibit,
            &["court identifier name_variant"],
        ),
        ("苏州明月软件集团有限公司", &[], Verdict::Clear, &[]),
    ] {
        check(&entries, Ask(name, ids), verdict, hits);
    }
    let mut person = listed("court", "張三豐", &[]);
    person.subject.kind = SubjectKind::NaturalPerson;
    person.subject.masked = MaskedIdentifier::parse("1101011900****0006");
    let id = ["110101190001010006"];
    check(
        &[person],
        Ask("张三丰", &id),
        Verdict::Review,
        &["court masked_identifier name_variant"],
    );
}

#[test]
fn trap_15_a_character_that_is_not_known_is_one() {
    let mut person = listed("court", "王明", &[]);
    person.subject.kind = SubjectKind::NaturalPerson;
    person.subject.masked = MaskedIdentifier::parse("1101011900****0006");
    let entries = [person, listed("court", "苏州龙泰商贸有限公司", &[])];
    let id = ["110101190001010006"];
    for other in ["王?明", "王？明", "王\u{fffd}明", "王\u{e900}明", "王⻢明", "王⺡明"]
    {
        check(&entries, Ask(other, &id), Verdict::Clear, &[]);
    }
    check(&entries, Ask("苏州⻰泰商贸有限公司", &[]), Verdict::Review, &["court name"]);
    check(&entries, Ask("苏州\u{e900}泰商贸有限公司", &[]), Verdict::Clear, &[]);
}

#[test]
fn trap_15_one_number_in_two_ways_is_like_itself_and_another_is_not() {
    let entries = [listed("court", "苏州星河路二号加油站", &[])];
    check(&entries, Ask("苏州星河路2号加油站", &[]), Verdict::Review, &["court similar_name"]);
    check(&entries, Ask("苏州星河路3号加油站", &[]), Verdict::Clear, &[]);
}

#[test]
fn trap_15_a_surname_that_registers_write_in_two_ways_is_met_by_either() {
    let mut person = listed("court", "阎小龙", &[]);
    person.subject.kind = SubjectKind::NaturalPerson;
    let mut masked = person.clone();
    masked.subject.masked = MaskedIdentifier::parse("1101011900****0006");
    let mut company = listed("court", "阎小龙", &[OTHER]);
    company.subject.kind = SubjectKind::Organisation;
    let alone = [person.clone(), company.clone()];
    let variant = ["court name name_variant"];
    check_for(&alone, Ask("闫小龙", &[]), AWARD, noon(), Verdict::Review, &variant);
    check(&alone, Ask("闫小龙", &[]), Verdict::Clear, &[]);
    check_for(&alone, Ask("闫晓龙", &[]), AWARD, noon(), Verdict::Clear, &[]);
    check_for(
        &alone,
        Ask("闫小龙", &[OTHER]),
        AWARD,
        noon(),
        Verdict::Restrict,
        &["court identifier"],
    );
    // a hidden number says as much as where the names are equal
    let id = ["110101190001010006"];
    let fits = ["court masked_identifier name_variant"];
    check(&[masked.clone()], Ask("闫小龙", &id), Verdict::Review, &fits);
    check(&[masked], Ask("闫小龙", &["320500190001010019"]), Verdict::Clear, &[]);
    // who bears both names is met by the one asked about
    person.subject.other_names = vec![FormerName { name: "闫小龙".to_owned(), until: None }];
    let former = ["court name former_name"];
    check_for(&[person], Ask("闫小龙", &[]), AWARD, noon(), Verdict::Review, &former);
}

#[test]
fn a_similar_name_asks_for_a_review_unless_something_contradicts() {
    let entries = [listed("court", XINGHE, &[USCC])];
    let similar = &["court similar_name"][..];
    for (name, ids, verdict, hits) in [
        ("苏州星和科技有限公司", &[][..], Verdict::Review, similar),
        ("星河科技（苏州）有限公司", &[], Verdict::Review, similar),
        ("苏州星河科技公司", &[], Verdict::Review, similar),
        // a number with a failing check decides nothing
        ("苏州星和科技有限公司", &["91320500MA0000015E"], Verdict::Review, similar),
        ("苏州星和科技有限公司", &[OTHER], Verdict::Clear, &[]),
        ("苏州明月软件有限公司", &[], Verdict::Clear, &[]),
        ("杭州星河科技有限公司", &[], Verdict::Clear, &[]),
        // a branch is no misspelling of its parent
        ("苏州星河科技有限公司吴江分公司", &[], Verdict::Review, &["court name branch"]),
    ] {
        let decision = check(&entries, Ask(name, ids), verdict, hits);
        let subject = &decision.subjects[0];
        for hit in &subject.hits {
            let likeness = hit.likeness.map(|at| subject.likenesses[at].probability());
            assert_eq!(likeness.is_some(), hit.grade == Grade::SimilarName);
            assert!(likeness.is_none_or(|score| (0.5..=1.0).contains(&score)));
        }
        assert!(subject.measures.is_empty() && subject.incentives.is_empty());
    }
    let red = [listed("red", XINGHE, &[USCC])];
    let rewarded = check_for(
        &red,
        Ask("苏州星和科技有限公司", &[]),
        AWARD,
        noon(),
        Verdict::Clear,
        &["red similar_name"],
    );
    assert!(rewarded.subjects[0].incentives.is_empty());
}

#[test]
fn one_character_makes_another_person_of_anybody() {
    let person = |name: &str| {
        let mut person = listed("court", name, &[]);
        person.subject.kind = SubjectKind::NaturalPerson;
        person.region = 110_101;
        person
    };
    let entries = [person("张三丰"), person("阿卜杜热西提·买买提明")];
    let masked = ["110101********0022"];
    check(&entries, Ask("张三峰", &masked), Verdict::Clear, &[]);
    check(&entries, Ask("张三丰", &masked), Verdict::Review, &["court name"]);
    // a long name that is misspelt is a suspicion where its prefecture agrees, and nobody's otherwise
    let long = "阿布杜热西提·买买提明";
    check(&entries, Ask(long, &masked), Verdict::Review, &["court similar_name"]);
    check(&entries, Ask(long, &["330101********0022"]), Verdict::Clear, &[]);
    check(&entries, Ask(long, &[]), Verdict::Clear, &[]);
    // Where the matter asks for persons by name too. What stands in brackets makes no name longer.
    let listed =
        ["Zhang Shan", "Zhao Min", "陈静（女）", "阿卜杜热西提·买买提明", "Muhammad Yusufjon"];
    let entries = listed.map(person);
    for (asked, verdict, hits) in [
        ("Zhang Shan", Verdict::Review, &["court name"][..]),
        ("Zhang San", Verdict::Clear, &[]),
        ("Zhao Ming", Verdict::Clear, &[]),
        ("陈静明（女）", Verdict::Clear, &[]),
        (long, Verdict::Review, &["court similar_name"]),
        ("Muhammad Yusuffjon", Verdict::Review, &["court similar_name"]),
    ] {
        check_for(&entries, Ask(asked, &[]), AWARD, noon(), verdict, hits);
    }
}
