//! Listed subjects that may be the one asked about, and how sure that is.
//!
//! An equal full identifier is certain, names are [`Named`]. An identifier that contradicts rules a subject
//! out, whatever its name.

use super::birth::{Agreement, Birth};
use super::named::Named;
use super::sought::Sought;
use super::terms::Terms;
use crate::catalogue::List;
use crate::index::{
    Distance, EntryNo, EntryView, Like, Likes, Listed, Mention, Owner, SubjectNo, similar,
};
use crate::live::View;
use crate::record::{Day, Identifier, Role, SubjectKind};
use crate::screen::find::{compare_masks, contradicted, is_vetoed};
use crate::screen::question::kinds_agree;
use crate::screen::{Grade, Ground, Question};
use crate::text;
use crate::text::{Keys, Likeness};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A listed subject that may be the one asked about.
pub(super) struct Candidate<'a> {
    /// The entries in force on wanted lists, the weightiest list first; there is one at least.
    pub entries: Vec<(EntryView<'a>, &'a List)>,
    /// 0 to 1.
    pub score: f64,
    /// How it was met.
    pub grade: Grade,
    /// What is said for it.
    pub evidence: Evidence,
    /// A person of whom nothing but the name agrees.
    pub by_persons_name: bool,
}

/// What is said for a candidate.
pub(super) enum Evidence {
    /// An identifier as asked about and as listed.
    Identifier(Identifier, Identifier),
    /// A name as asked about and as listed, and how alike they are, which short names are not asked;
    /// and what else was compared.
    Name { asked: String, listed: String, likeness: Option<Box<Likeness>>, named: Named },
}

/// What was found for a query.
#[derive(Default)]
pub(super) struct Found<'a> {
    /// The likeliest first.
    pub candidates: Vec<Candidate<'a>>,
    /// Entries of others to whom the one asked about is related, and how.
    pub related: Vec<(Role, EntryView<'a>, &'a List)>,
    /// By name and day of birth as asked about, where persons of the name were met: it is the day of one of them, or
    /// of none.
    pub births: BTreeMap<(&'a str, Birth), bool>,
}

/// How a subject was met, before it is known which of its entries count.
struct Meeting {
    subject: SubjectNo,
    score: f64,
    grade: Grade,
    evidence: Evidence,
    by_persons_name: bool,
}

/// A search for the candidates of one query.
pub(super) struct Search<'a> {
    ground: &'a Ground,
    listed: Listed<'a>,
    sought: &'a Sought,
    question: &'a Question<'a>,
    terms: &'a Terms,
    today: Day,
}

impl<'a> Search<'a> {
    pub fn new(
        view: &'a View,
        sought: &'a Sought,
        question: &'a Question<'a>,
        terms: &'a Terms,
        today: Day,
    ) -> Search<'a> {
        let ground = &view.generation.ground;
        Search { ground, listed: view.listed(), sought, question, terms, today }
    }

    /// Cost: that of a search of each name ([`Likes::of`]), and a microsecond for each subject met.
    pub fn run(&self, likes: &mut Likes) -> Found<'a> {
        let mut meetings =
            Meetings { listed: self.listed, best: BTreeMap::new(), births: BTreeMap::new() };
        let mut found = Found::default();
        self.by_identifier(&mut meetings, &mut found);
        self.by_name(likes, &mut meetings);
        self.by_parent(&mut found);
        found.candidates.extend(meetings.best.into_values().filter_map(|met| self.candidate(met)));
        found.births = meetings.births;
        found.candidates.sort_by(|a, b| {
            let key = |met: &Candidate| (met.grade, met.entries[0].0.no);
            b.score.total_cmp(&a.score).then_with(|| key(a).cmp(&key(b)))
        });
        found
    }

    fn by_identifier(&self, meetings: &mut Meetings<'a>, found: &mut Found<'a>) {
        for id in &self.question.ids {
            self.listed.identify(id, |owner, stored, _| match owner {
                Owner::Subject(subject) => {
                    if !is_vetoed(self.listed, self.question, subject, id, stored) {
                        meetings.add(Meeting {
                            subject,
                            score: 1.0,
                            grade: Grade::Identifier,
                            evidence: Evidence::Identifier(id.clone(), stored.clone()),
                            by_persons_name: false,
                        });
                    }
                }
                Owner::Related(role, entry) => self.relate(role, entry, found),
            });
        }
    }

    fn by_name(&self, likes: &mut Likes, meetings: &mut Meetings<'a>) {
        let mut other = Keys::default();
        let is_person = |mention: &Mention| {
            let entry = self.listed.entry(mention.entry);
            entry.is_some_and(|entry| entry.kind() == SubjectKind::NaturalPerson)
        };
        for asked in &self.sought.names {
            for mention in self.listed.named(&asked.keys.unified) {
                self.meet(&asked.name, &asked.keys, mention.entry, None, meetings);
            }
            if asked.keys.with_other_surname(&mut other) {
                for mention in
                    self.listed.named(&other.unified).filter(|mention| is_person(mention))
                {
                    self.meet(&asked.name, &other, mention.entry, None, meetings);
                }
            }
            for like in likes.of(self.listed, &asked.name, self.terms.cutoff, Distance::TwoEdits) {
                let keys = Keys::from(&*like.key(self.listed));
                for mention in self.listed.named(&keys.unified) {
                    self.meet(&asked.name, &keys, mention.entry, Some(like), meetings);
                }
            }
        }
    }

    /// A branch is asked about: its parent's entries.
    fn by_parent(&self, found: &mut Found<'a>) {
        if !kinds_agree(self.question.kind(), SubjectKind::Organisation) {
            return;
        }
        for asked in &self.sought.names {
            for parent in text::parent_of_branch(&asked.keys.unified) {
                for mention in self.listed.named(parent).filter(|mention| !mention.former) {
                    self.relate(Role::Branch, mention.entry, found);
                }
            }
        }
    }

    fn relate(&self, role: Role, entry: EntryNo, found: &mut Found<'a>) {
        let Some(entry) = self.listed.entry(entry) else { return };
        let is_known = found.related.iter().any(|(_, known, _)| known.no == entry.no);
        if let Some(list) = self.counts(&entry).filter(|_| !is_known) {
            found.related.push((role, entry, list));
        }
    }

    /// An entry bears a name with these keys, which is like the one asked about, or the same where there
    /// is no likeness.
    fn meet(
        &self,
        asked: &'a str,
        keys: &Keys,
        entry: EntryNo,
        like: Option<&Like>,
        meetings: &mut Meetings<'a>,
    ) {
        let Some(entry) = self.listed.entry(entry).filter(|entry| entry.counts_on(self.today))
        else {
            return;
        };
        let mask_fits = compare_masks(self.listed, self.question, &entry);
        if mask_fits == Some(false)
            || !kinds_agree(self.question.kind(), entry.kind())
            || contradicted(self.listed, self.question, entry.subject())
        {
            return;
        }
        let is_person = entry.kind() == SubjectKind::NaturalPerson;
        let same = like.is_none_or(|like| like.is_same);
        if !same && is_person && !similar::tells_person(&keys.unified) {
            return;
        }
        let Some(borne) = entry.bears(keys, &mut Keys::default()) else { return };
        let named = Named {
            is_person,
            same,
            likely: like.map_or(0.0, |like| like.probability),
            mask_fits: mask_fits == Some(true),
            birth: if is_person { self.compare_births(asked, &entry, meetings) } else { None },
            taken_over: mask_fits != Some(true)
                && self.listed.is_taken_over(&entry, borne, &keys.unified, self.today),
        };
        meetings.add(Meeting {
            subject: entry.subject(),
            score: named.score(),
            grade: match (named.same, named.mask_fits) {
                (true, true) => Grade::MaskedIdentifier,
                (true, false) => Grade::Name,
                (false, _) => Grade::SimilarName,
            },
            by_persons_name: named.is_persons_name_alone(),
            evidence: Evidence::Name {
                asked: asked.to_owned(),
                listed: name_met(&entry, &keys.unified).to_owned(),
                likeness: like.map(|like| Box::new(like.likeness.clone())),
                named,
            },
        });
    }

    /// How far the day of birth agrees, at the best.
    fn compare_births(
        &self,
        asked: &'a str,
        entry: &EntryView,
        meetings: &mut Meetings<'a>,
    ) -> Option<Agreement> {
        if self.sought.births.is_empty() {
            return None;
        }
        let masked = entry.text().masked;
        let listed = self
            .listed
            .identifiers_of(entry.subject())
            .filter_map(|id| Birth::of(&id))
            .chain(masked.iter().filter_map(Birth::of_masked));
        let mut best = None;
        for listed in listed {
            for &birth in &self.sought.births {
                let agreement = birth.agrees(&listed);
                if let Some(Agreement::Differs | Agreement::Day) = agreement {
                    let is_ones = meetings.births.entry((asked, birth)).or_default();
                    *is_ones |= agreement == Some(Agreement::Day);
                }
                best = best.max(agreement);
            }
        }
        best
    }

    /// The list of an entry that is in force and wanted.
    fn counts(&self, entry: &EntryView) -> Option<&'a List> {
        let list = self.ground.list(entry.list())?;
        (self.terms.wants(list) && entry.counts_on(self.today))
            .then(|| self.ground.catalogue.list(list))
    }

    fn candidate(&self, met: Meeting) -> Option<Candidate<'a>> {
        if met.score < self.terms.cutoff {
            return None;
        }
        let all = || self.listed.entries_of(met.subject);
        let is_excluded = self.terms.excludes_any()
            && all().any(|entry| {
                let list = self.ground.list(entry.list());
                let list = list.map(|list| self.ground.catalogue.list(list));
                list.is_some_and(|list| self.terms.excludes(&id_of(list, &entry)))
            });
        let mut entries: Vec<_> =
            all().filter_map(|entry| self.counts(&entry).map(|list| (entry, list))).collect();
        if is_excluded || entries.is_empty() {
            return None;
        }
        entries.sort_by_cached_key(|(entry, list)| (list.kind, list.code.as_str(), entry.id()));
        let Meeting { score, grade, evidence, by_persons_name, .. } = met;
        Some(Candidate { entries, score, grade, evidence, by_persons_name })
    }
}

impl Candidate<'_> {
    /// It gave up the name by which it was met, and another bears it now.
    pub fn is_taken_over(&self) -> bool {
        matches!(&self.evidence, Evidence::Name { named, .. } if named.taken_over)
    }

    /// The entry bears the asked names as former ones only.
    pub fn is_former(&self, entry: &EntryView, sought: &Sought) -> bool {
        let mut space = Keys::default();
        let borne = sought.names.iter().filter_map(|name| entry.bears(&name.keys, &mut space));
        borne.map(|borne| borne.former).reduce(|all, former| all && former).unwrap_or(false)
    }
}

/// The id of an entity: that of an entry, which is unique on its list.
pub(super) fn id_of(list: &List, entry: &EntryView) -> String {
    format!("{}:{}", list.code, entry.id())
}

/// Which of the entry's names has the K2 key.
fn name_met<'a>(entry: &EntryView<'a>, key: &str) -> &'a str {
    entry.names().find(|name| Keys::from(*name).unified == key).unwrap_or(entry.name())
}

/// The best meeting with each subject. Subjects that a change joined have the same entries, so the first
/// of these stands for all.
struct Meetings<'a> {
    listed: Listed<'a>,
    best: BTreeMap<EntryNo, Meeting>,
    /// See [`Found::births`].
    births: BTreeMap<(&'a str, Birth), bool>,
}

impl Meetings<'_> {
    fn add(&mut self, met: Meeting) {
        let Some(first) = self.listed.entries_of(met.subject).map(|entry| entry.no).min() else {
            return;
        };
        let known = self.best.get(&first);
        // Of equal scores the surer one, of these the one that tells what was compared.
        let tells = |met: &Meeting| !matches!(&met.evidence, Evidence::Name { likeness: None, .. });
        let worth = |met: &Meeting| (met.score, Reverse(met.grade), tells(met));
        if known.is_none_or(|known| worth(known) < worth(&met)) {
            self.best.insert(first, met);
        }
    }
}
