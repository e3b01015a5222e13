//! The oracle: decides a check by asking every entry, one after the other. Slow and obvious.
//!
//! It shares with the screen the vocabulary (identifiers, days, folding), the catalogue and which names
//! are alike, and nothing of the index: subjects are found by a closure over all pairs of entries.

use crate::town::Town;
use std::collections::BTreeSet;
use xincha::catalogue::{Action, Catalogue, MatterNo, Reach, WhenStale};
use xincha::index::{Distance, Likes};
use xincha::record::{
    Agreement, Day, Entry, Identifier, IdentifierKind, Instant, ListKind, Packed, Role, State,
    SubjectKind,
};
use xincha::screen::{Grade, Question, Verdict};
use xincha::text;

/// A hit: position of the entry, grade, relation, the name was taken over.
pub type OracleHit = (usize, Grade, Option<Role>, bool);

#[derive(Debug, PartialEq)]
pub struct OracleAnswer {
    pub verdict: Verdict,
    pub hits: BTreeSet<(usize, Grade, Option<u8>, bool)>,
    pub measures: BTreeSet<(String, usize)>,
    pub incentives: BTreeSet<(String, usize)>,
    pub conflicts: BTreeSet<(usize, usize)>,
}

pub struct Oracle<'a> {
    pub entries: &'a [Entry],
    pub catalogue: &'a Catalogue,
    /// Subject of every entry.
    pub subject: Vec<usize>,
}

fn key(name: &str) -> String {
    text::Keys::from(name).unified
}

/// The K2 keys of the names that are more likely than not the asked one, the likeliest first.
pub fn likely(town: &Town, name: Option<&str>) -> Vec<String> {
    let Some(name) = name.filter(|name| key(name).chars().count() >= 5) else { return Vec::new() };
    let basis = town.basis();
    let mut likes = Likes::default();
    let likely = likes
        .of(basis.listed(), name, 0.0, Distance::OneEdit)
        .iter()
        .filter(|like| like.probability >= 0.5);
    likely.map(|like| like.key(basis.listed())).collect()
}

fn ids(entry: &Entry) -> Vec<Identifier> {
    entry.subject.ids.iter().flat_map(|id| [Some(id.clone()), id.derived()]).flatten().collect()
}

fn decides(id: &Identifier) -> bool {
    id.kind().is_decisive() && !id.quality().check_digit
}

/// A person's name of which one edit does not make another person's; the town has them in Chinese.
fn is_long(name: &str) -> bool {
    name.chars().filter(|c| !c.is_ascii()).count() >= 5
}

fn is_body(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::Organisation | SubjectKind::IndividualBusiness)
}

impl<'a> Oracle<'a> {
    pub fn new(entries: &'a [Entry], catalogue: &'a Catalogue) -> Oracle<'a> {
        Oracle { entries, catalogue, subject: subjects(entries) }
    }

    fn ids_of(&self, subject: usize) -> Vec<Identifier> {
        let own = (0..self.entries.len()).filter(|&at| self.subject[at] == subject);
        own.flat_map(|at| ids(&self.entries[at])).collect()
    }

    pub fn decide(
        &self,
        question: &Question,
        matter: MatterNo,
        at: Instant,
        as_of: impl Fn(&str) -> Option<Instant>,
        likely: &[String],
    ) -> OracleAnswer {
        let day = at.day();
        let mut hits: Vec<OracleHit> = (0..self.entries.len())
            .filter_map(|entry| self.meet(question, matter, entry, day, likely))
            .collect();
        let kind = |entry: usize| {
            let list = self.catalogue.list_no(&self.entries[entry].list).expect("a known list");
            self.catalogue.list(list).kind
        };
        let consulted = |entry: usize| {
            let list = self.catalogue.list_no(&self.entries[entry].list).expect("a known list");
            self.catalogue.matter(matter).consults.contains(&list)
        };
        let confirmed: Vec<usize> = hits
            .iter()
            .filter(|(_, grade, relation, _)| *grade == Grade::Identifier && relation.is_none())
            .map(|(entry, ..)| *entry)
            .collect();
        let mut conflicts = BTreeSet::new();
        for &red in confirmed.iter().filter(|&&entry| kind(entry) == ListKind::Red) {
            for &black in confirmed
                .iter()
                .filter(|&&entry| matches!(kind(entry), ListKind::Black | ListKind::Ban))
            {
                if consulted(red) || consulted(black) {
                    conflicts.insert((red, black));
                }
            }
        }
        hits.retain(|(entry, ..)| consulted(*entry));

        let (mut measures, mut incentives) = (BTreeSet::new(), BTreeSet::new());
        let mut verdict = Verdict::Clear;
        for &(entry, grade, relation, taken_over) in &hits {
            let suspicion = if taken_over { Verdict::Remind } else { Verdict::Review };
            let adverse = !matches!(kind(entry), ListKind::Red | ListKind::Record);
            if adverse {
                verdict = verdict.max(Verdict::Remind);
            }
            if adverse && grade != Grade::Identifier && relation.is_none() {
                verdict = verdict.max(suspicion);
            }
            for measure in self.catalogue.measures() {
                let lists: Vec<&str> = measure
                    .lists
                    .iter()
                    .map(|&list| self.catalogue.list(list).code.as_str())
                    .collect();
                let reach = relation.map_or(Reach::Direct, Reach::Related);
                let applies = lists.contains(&self.entries[entry].list.as_str())
                    && measure.matters.contains(&matter)
                    && measure.reach.contains(&reach);
                if !applies {
                    continue;
                }
                match (measure.action, grade) {
                    (Action::Incentive, Grade::Identifier) => {
                        if conflicts.is_empty() {
                            incentives.insert((measure.code.clone(), entry));
                        }
                    }
                    (Action::Incentive, _) => {}
                    (action, Grade::Identifier) => {
                        measures.insert((measure.code.clone(), entry));
                        verdict = verdict.max(match action {
                            Action::Prohibit => Verdict::Prohibit,
                            Action::Restrict => Verdict::Restrict,
                            Action::Review => Verdict::Review,
                            _ => Verdict::Remind,
                        });
                    }
                    _ => verdict = verdict.max(suspicion),
                }
            }
        }
        let unreliable = self.catalogue.matter(matter).consults.iter().any(|&list| {
            let list = self.catalogue.list(list);
            let fresh = as_of(&list.code)
                .is_some_and(|as_of| at.0 - as_of.0 <= i64::from(list.max_age_days) * 86_400);
            !fresh && list.when_stale == WhenStale::Undetermined
        });
        if unreliable && verdict != Verdict::Prohibit {
            verdict = Verdict::Undetermined;
        }
        let hits = hits
            .into_iter()
            .map(|(entry, grade, role, taken)| (entry, grade, role.map(|role| role as u8), taken))
            .collect();
        OracleAnswer { verdict, hits, measures, incentives, conflicts }
    }

    /// How the question meets an entry, if it counts on the day.
    fn meet(
        &self,
        question: &Question,
        matter: MatterNo,
        at: usize,
        day: Day,
        likely: &[String],
    ) -> Option<OracleHit> {
        let entry = &self.entries[at];
        if !entry.counts_on(day) {
            return None;
        }
        let theirs = self.ids_of(self.subject[at]);
        let contradicted = theirs.iter().any(|t| question.ids.iter().any(|q| q.contradicts(t)));
        let identified = question.ids.iter().any(|q| {
            theirs
                .iter()
                .any(|t| q.agrees(t).is_some() && ((decides(q) && decides(t)) || !contradicted))
        });
        if identified {
            return Some((at, Grade::Identifier, None, false));
        }
        let asked = question.name.map(key).filter(|key| !key.is_empty());
        let by_name = asked.as_ref().and_then(|asked| {
            let grade = self.name_grade(question, matter, at, &theirs, contradicted)?;
            let is_person = entry.subject.kind == SubjectKind::NaturalPerson;
            let by_other_surname = || {
                let mut other = text::Keys::default();
                let is_there = text::Keys::from(&**asked).with_other_surname(&mut other);
                let other = (is_there && is_person).then_some(other.unified)?;
                self.borne(at, &other, day)
            };
            let taken_over = self.borne(at, asked, day).or_else(by_other_surname)?;
            Some((at, grade, None, taken_over && grade == Grade::Name))
        });
        if by_name.is_some() {
            return by_name;
        }
        let roles = entry.subject.related.iter().filter(|related| {
            related
                .id
                .as_ref()
                .is_some_and(|id| question.ids.iter().any(|q| q.agrees(id).is_some()))
        });
        if let Some(role) = roles.map(|related| related.role).min() {
            return Some((at, Grade::Identifier, Some(role), false));
        }
        let asked = asked?;
        let body = question.kind().is_none_or(is_body) && is_body(entry.subject.kind);
        let parent =
            text::parent_of_branch(&asked).any(|parent| parent == key(&entry.subject.name));
        if body && parent {
            return Some((at, Grade::Name, Some(Role::Branch), false));
        }
        if question.ids.iter().any(decides) {
            return None;
        }
        self.name_grade(question, matter, at, &theirs, contradicted)?;
        let is_person = entry.subject.kind == SubjectKind::NaturalPerson;
        let mut telling = likely.iter().filter(|name| !is_person || is_long(name));
        let taken_over = telling.find_map(|name| self.borne(at, name, day))?;
        Some((at, Grade::SimilarName, None, taken_over))
    }

    /// The entry's subject bears the name with this key; whether another has taken it over.
    fn borne(&self, at: usize, asked: &str, day: Day) -> Option<bool> {
        let subject = &self.entries[at].subject;
        if key(&subject.name) == asked {
            return Some(false);
        }
        let others = || subject.other_names.iter().filter(|other| key(&other.name) == asked);
        others().next()?;
        let given_up = others().all(|other| other.until.is_some_and(|until| until < day))
            || others().any(|other| other.until.is_none());
        let theirs = self.ids_of(self.subject[at]);
        let is_another = |of: usize| {
            self.ids_of(self.subject[of]).iter().any(|a| theirs.iter().any(|b| a.contradicts(b)))
        };
        let mut bearers = (0..self.entries.len()).filter(|&of| {
            key(&self.entries[of].subject.name) == asked && self.entries[of].state != State::Revoked
        });
        Some(given_up && subject.kind != SubjectKind::NaturalPerson && bearers.any(is_another))
    }

    /// How surely an entry is met whose name agrees.
    fn name_grade(
        &self,
        question: &Question,
        matter: MatterNo,
        at: usize,
        theirs: &[Identifier],
        contradicted: bool,
    ) -> Option<Grade> {
        let entry = &self.entries[at];
        let kinds = question.kind().is_none_or(|kind| {
            kind == entry.subject.kind || (is_body(kind) && is_body(entry.subject.kind))
        });
        let tells = |id: &Identifier| {
            let is_of_body = matches!(id.kind(), IdentifierKind::Uscc | IdentifierKind::OrgCode);
            let is_of_vehicle = id.kind() == IdentifierKind::VehiclePlate;
            let is_of_its_kind = match entry.subject.kind {
                SubjectKind::Organisation | SubjectKind::IndividualBusiness => is_of_body,
                SubjectKind::Vehicle => is_of_vehicle,
                SubjectKind::NaturalPerson => !is_of_body && !is_of_vehicle,
            };
            decides(id) && is_of_its_kind
        };
        let shielded = question.ids.iter().any(decides) && theirs.iter().any(tells);
        if !kinds || contradicted || shielded {
            return None;
        }
        let same_length = |a: &str, b: &str| a.len() == b.len();
        let mut fits: Vec<bool> = Vec::new();
        if let Some(mask) = &entry.subject.masked {
            let full: Vec<bool> = question
                .ids
                .iter()
                .filter_map(|q| mask.fits(q).filter(|fits| *fits || !q.quality().check_digit))
                .collect();
            fits.extend(full);
            if fits.is_empty()
                && let Some(asked) =
                    question.masked.as_ref().filter(|m| same_length(m.text(), mask.text()))
            {
                fits.push(asked.fits_masked(mask));
            }
        } else if let Some(asked) = &question.masked {
            fits.extend(theirs.iter().filter_map(|t| asked.fits(t)));
        }
        if !fits.is_empty() {
            return fits.contains(&true).then_some(Grade::MaskedIdentifier);
        }
        let prefecture = |text: &str| {
            let asked = text.get(..4);
            match &entry.subject.masked {
                Some(mask) => asked.is_some() && asked == mask.text().get(..4),
                None => asked == Some(&format!("{:06}", entry.region)[..4]),
            }
        };
        let seconded = self.catalogue.matter(matter).persons_by_name
            || question.masked.as_ref().is_some_and(|m| prefecture(m.text()))
            || question.ids.iter().any(|q| {
                let is_resident = q.kind() == IdentifierKind::ResidentId;
                let may_be =
                    is_resident || q.kind() == IdentifierKind::Other && q.text().len() == 18;
                may_be && prefecture(q.text())
            });
        (entry.subject.kind != SubjectKind::NaturalPerson || seconded).then_some(Grade::Name)
    }
}

/// Entries of one subject: the closure of "carry an equal identifier, or one that is derived from
/// exactly one other", in the order decisive, derived, other, each join refused when the two sides
/// hold contradicting numbers.
fn subjects(entries: &[Entry]) -> Vec<usize> {
    let mut subject: Vec<usize> = (0..entries.len()).collect();
    let all: Vec<Vec<Identifier>> = entries.iter().map(ids).collect();
    let mut distinct: Vec<Identifier> = all.iter().flatten().cloned().collect();
    // The order of the dictionary: it matters only where a join is refused.
    distinct.sort_by_key(|id| (Packed::pack(id).is_none(), Packed::pack(id), id.clone()));
    distinct.dedup();
    // A row whose own identifiers contradict one another is joined with nobody.
    let torn = |at: usize| all[at].iter().any(|a| all[at].iter().any(|b| a.contradicts(b)));
    let carriers = |id: &Identifier| -> Vec<usize> {
        (0..entries.len()).filter(|&at| all[at].contains(id) && !torn(at)).collect()
    };
    let join = |subject: &mut Vec<usize>, a: usize, b: usize| {
        let (from, to) = (subject[a].max(subject[b]), subject[a].min(subject[b]));
        let side = |which: usize| -> Vec<&Identifier> {
            (0..entries.len()).filter(|&at| subject[at] == which).flat_map(|at| &all[at]).collect()
        };
        let (left, right) = (side(from), side(to));
        if !left.iter().any(|l| right.iter().any(|r| l.contradicts(r))) {
            subject.iter_mut().filter(|of| **of == from).for_each(|of| *of = to);
        }
    };
    let (decisive, weak): (Vec<&Identifier>, Vec<&Identifier>) =
        distinct.iter().partition(|id| id.kind().is_decisive());
    // None is joined by a number two of whose carriers cannot be one.
    let join_all = |subject: &mut Vec<usize>, id: &Identifier| {
        let carriers = carriers(id);
        let of = |at: usize| -> Vec<&Identifier> {
            (0..entries.len())
                .filter(|&e| subject[e] == subject[at])
                .flat_map(|e| &all[e])
                .collect()
        };
        let sides: Vec<Vec<&Identifier>> = carriers.iter().map(|&at| of(at)).collect();
        let contested = sides
            .iter()
            .any(|a| sides.iter().any(|b| a.iter().any(|a| b.iter().any(|b| a.contradicts(b)))));
        if !contested {
            carriers.windows(2).for_each(|pair| join(subject, pair[0], pair[1]));
        }
    };
    decisive.into_iter().for_each(|id| join_all(&mut subject, id));
    // Where a join is refused the order decides: families by their number, as the index takes them.
    let mut by_family: Vec<&Identifier> = distinct.iter().collect();
    by_family.sort_by_key(|id| id.family());
    for short in by_family {
        let longer: Vec<&Identifier> = distinct
            .iter()
            .filter(|long| {
                long.text().len() > short.text().len()
                    && long.agrees(short) == Some(Agreement::Derived)
            })
            .collect();
        if let [long] = &longer[..]
            && let (Some(&a), Some(&b)) = (carriers(short).first(), carriers(long).first())
        {
            join(&mut subject, a, b);
        }
    }
    weak.into_iter().for_each(|id| join_all(&mut subject, id));
    subject
}
