//! Hits → measures, incentives, conflicts, verdict.

use super::find::{Scratch, Search};
use super::ground::Stale;
use super::hit::{Grade, Hit};
use super::{Basis, Ground, Question};
use crate::catalogue::{Action, MatterNo, MeasureNo, Reach, WhenStale};
use crate::index::EntryNo;
use crate::record::{Instant, ListKind, Quality};
use crate::text::Likeness;
use std::collections::BTreeSet;

/// What follows for a subject or for a whole check, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Verdict {
    /// On no list that the matter must consult, and all of them could be relied on.
    #[default]
    Clear,
    /// Listed, and nothing binding follows: tell the handler.
    Remind,
    /// A suspicion for a person to confirm, or a measure that asks for one.
    Review,
    /// Grant less, or on conditions.
    Restrict,
    /// A list that must be consulted is unavailable or too old, and nothing found already prohibits.
    Undetermined,
    /// Do not grant.
    Prohibit,
}

impl Verdict {
    /// Every verdict, weakest first.
    pub const ALL: [Verdict; 6] = [
        Verdict::Clear,
        Verdict::Remind,
        Verdict::Review,
        Verdict::Restrict,
        Verdict::Undetermined,
        Verdict::Prohibit,
    ];

    /// The word used in the API.
    pub fn code(self) -> &'static str {
        match self {
            Verdict::Clear => "clear",
            Verdict::Remind => "remind",
            Verdict::Review => "review",
            Verdict::Restrict => "restrict",
            Verdict::Undetermined => "undetermined",
            Verdict::Prohibit => "prohibit",
        }
    }

    fn of(action: Action) -> Verdict {
        match action {
            Action::Incentive => Verdict::Clear,
            Action::Remind => Verdict::Remind,
            Action::Review => Verdict::Review,
            Action::Restrict => Verdict::Restrict,
            Action::Prohibit => Verdict::Prohibit,
        }
    }
}

/// A measure and the hit it follows from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied {
    /// The measure.
    pub measure: MeasureNo,
    /// Position of the hit in [`SubjectDecision::hits`].
    pub hit: usize,
}

/// A subject is red and black at once: no incentive, and both are named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The entry on the red list.
    pub red: EntryNo,
    /// The entry on the black list or ban.
    pub black: EntryNo,
}

/// What was decided for one subject.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SubjectDecision {
    /// What follows.
    pub verdict: Verdict,
    /// Entries met, strongest first.
    pub hits: Vec<Hit>,
    /// How like the names of [similar](Grade::SimilarName) hits are.
    pub likenesses: Vec<Likeness>,
    /// Measures, strongest first.
    pub measures: Vec<Applied>,
    /// Incentives.
    pub incentives: Vec<Applied>,
    /// Red against black.
    pub conflicts: Vec<Conflict>,
    /// What is wrong with the identifiers given.
    pub quality: Quality,
    /// An identifier met a subject whose own deciding identifier is another: two subjects.
    pub vetoed: bool,
    /// No identifier was given: the answer rests on the name alone.
    pub name_only: bool,
    /// No name was given: entries without a full identifier could not be compared.
    pub number_only: bool,
}

impl SubjectDecision {
    /// Clear, and nothing is to be said of what was given but that it was a name or a number alone.
    pub fn is_nothing(&self) -> bool {
        self.verdict == Verdict::Clear
            && self.hits.is_empty()
            && self.conflicts.is_empty()
            && self.quality.is_good()
            && !self.vetoed
    }
}

/// What was decided for a check.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Decision {
    /// The strongest verdict of its subjects.
    pub verdict: Verdict,
    /// One a question, in order.
    pub subjects: Vec<SubjectDecision>,
    /// Lists that must be consulted and cannot be relied on.
    pub stale: Vec<Stale>,
}

impl Decision {
    /// Tell only of lists of these codes, or of all: conflicts of others are left out. What follows rests on all
    /// of them for whomever it is told.
    pub fn tell_only(&mut self, basis: &Basis, only: Option<&BTreeSet<String>>) {
        let Some(only) = only else { return };
        let (ground, listed) = (basis.ground, basis.listed());
        let is_told = |no: EntryNo| {
            let list = listed.entry(no).and_then(|entry| ground.list(entry.list()));
            list.is_some_and(|list| only.contains(&ground.catalogue.list(list).code))
        };
        for subject in &mut self.subjects {
            subject.conflicts.retain(|conflict| is_told(conflict.red) && is_told(conflict.black));
        }
    }
}

/// A name is to be searched for its likes, and the scratch has no [room](Scratch::searching) for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MustSearch;

/// Decide a check. `decision` is overwritten and its space reused: a check in which every subject is
/// clear allocates nothing once scratch and decision have grown.
///
/// Cost: under a microsecond for a clear subject that an identifier decides; about one more for each
/// hit. Where none does the names that are like the asked one are searched: tens of microseconds.
///
/// # Errors
///
/// Nothing is decided where a name must be searched and cannot be: ask again with
/// [`Scratch::searching`].
pub fn check(
    basis: &Basis,
    matter: MatterNo,
    at: Instant,
    questions: &[Question],
    scratch: &mut Scratch,
    decision: &mut Decision,
) -> Result<(), MustSearch> {
    decision.subjects.clear();
    decision.stale.clear();
    if scratch.likes.is_none() && questions.iter().any(|question| wants_likes(question, scratch)) {
        return Err(MustSearch);
    }
    let (ground, listed) = (basis.ground, basis.listed());
    decision.stale.extend(stale(basis, matter, at));
    let undetermined = is_undetermined(&decision.stale);
    for question in questions {
        let search = Search { ground, listed, matter, day: at.day(), question };
        decision.subjects.push(decide(&search, undetermined, scratch));
    }
    decision.verdict =
        decision.subjects.iter().map(|subject| subject.verdict).max().unwrap_or_default();
    Ok(())
}

fn stale<'a>(basis: &Basis<'a>, matter: MatterNo, at: Instant) -> impl Iterator<Item = Stale> + 'a {
    let may_be = basis.behind.is_some() || !basis.ground.is_fresh(matter, at);
    may_be.then(|| basis.stale(matter, at)).into_iter().flatten()
}

fn is_undetermined(stale: &[Stale]) -> bool {
    stale.iter().any(|stale| stale.effect == WhenStale::Undetermined)
}

/// What follows for a subject that meets no entry.
pub fn verdict_of_clear(basis: &Basis, matter: MatterNo, at: Instant) -> Verdict {
    let stale: Vec<Stale> = stale(basis, matter, at).collect();
    if is_undetermined(&stale) { Verdict::Undetermined } else { Verdict::Clear }
}

fn wants_likes(question: &Question, scratch: &mut Scratch) -> bool {
    !question.is_decided()
        && question.name.is_some_and(|name| {
            scratch.asked.of(name);
            question.wants_likes(&scratch.asked)
        })
}

fn decide(search: &Search, undetermined: bool, scratch: &mut Scratch) -> SubjectDecision {
    let mut subject = SubjectDecision {
        quality: quality(search.question),
        name_only: search.question.ids.is_empty() && search.question.masked.is_none(),
        number_only: search.question.name.is_none(),
        ..SubjectDecision::default()
    };
    subject.vetoed = search.hits(scratch, &mut subject.hits, &mut subject.likenesses);
    if !subject.hits.is_empty() {
        follow(search.ground, search.matter, &mut subject);
    }
    if undetermined {
        subject.verdict = subject.verdict.max(Verdict::Undetermined);
    }
    subject
}

/// What follows for a subject that meets these entries, found in another way than [`check`] finds them
/// and all lists being fresh.
pub fn decide_hits(ground: &Ground, matter: MatterNo, hits: Vec<Hit>) -> SubjectDecision {
    let mut subject = SubjectDecision { hits, ..SubjectDecision::default() };
    follow(ground, matter, &mut subject);
    subject
}

fn follow(ground: &Ground, matter: MatterNo, subject: &mut SubjectDecision) {
    find_conflicts(ground, subject);
    subject.hits.retain(|hit| hit.consulted);
    apply_catalogue(ground, matter, subject);
}

fn quality(question: &Question) -> Quality {
    let mut all = Quality::default();
    for id in &question.ids {
        let quality = id.quality();
        all.check_digit |= quality.check_digit;
        all.region |= quality.region;
        all.birth_date |= quality.birth_date;
    }
    all
}

/// Every pair of a red and a black entry of the subject itself, at least one on a consulted list.
fn find_conflicts(ground: &Ground, subject: &mut SubjectDecision) {
    let kind = |hit: &Hit| ground.catalogue.list(hit.list).kind;
    let confirmed = || subject.hits.iter().filter(|hit| hit.is_confirmed());
    for red in confirmed().filter(|hit| kind(hit) == ListKind::Red) {
        for black in confirmed().filter(|hit| kind(hit).is_black()) {
            if red.consulted || black.consulted {
                subject.conflicts.push(Conflict { red: red.entry, black: black.entry });
            }
        }
    }
}

/// What follows from a hit that is no more than a suspicion.
fn suspicion(hit: &Hit) -> Verdict {
    if hit.name_taken_over { Verdict::Remind } else { Verdict::Review }
}

fn apply_catalogue(ground: &Ground, matter: MatterNo, subject: &mut SubjectDecision) {
    let catalogue = &ground.catalogue;
    let rewarded = subject.conflicts.is_empty();
    for (at, hit) in subject.hits.iter().enumerate() {
        let reach = hit.relation.map_or(Reach::Direct, Reach::Related);
        let reaching = catalogue
            .measures_of(matter, hit.list)
            .iter()
            .copied()
            .filter(|&measure| catalogue.measure(measure).reach.contains(&reach));
        let adverse = catalogue.list(hit.list).kind.is_adverse();
        let mut verdict = if adverse { Verdict::Remind } else { Verdict::Clear };
        for measure in reaching {
            let action = catalogue.measure(measure).action;
            let applied = Applied { measure, hit: at };
            match (action, hit.grade) {
                (Action::Incentive, Grade::Identifier) if rewarded => {
                    subject.incentives.push(applied)
                }
                (Action::Incentive, _) => {}
                (_, Grade::Identifier) => {
                    subject.measures.push(applied);
                    verdict = verdict.max(Verdict::of(action));
                }
                (_, _) => verdict = verdict.max(suspicion(hit)),
            }
        }
        if adverse && hit.grade != Grade::Identifier && hit.relation.is_none() {
            verdict = verdict.max(suspicion(hit));
        }
        subject.verdict = subject.verdict.max(verdict);
    }
    let strongest_first = |applied: &Applied| {
        let measure = catalogue.measure(applied.measure);
        (std::cmp::Reverse(measure.action), applied.hit, applied.measure)
    };
    subject.measures.sort_by_key(strongest_first);
    subject.incentives.sort_by_key(strongest_first);
}
