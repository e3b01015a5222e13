//! Question → hits.

use super::Ground;
use super::hit::{Grade, Hit};
use super::question::{Question, kinds_agree};
use crate::catalogue::{Matter, MatterNo};
use crate::index::{Distance, EntryNo, EntryView, Like, Likes, Listed, Owner, SubjectNo, similar};
use crate::record::{Agreement, Day, Identifier, IdentifierKind, Role, SubjectKind};
use crate::text::{self, Keys, Likeness};

/// An identifier equal and names less alike than this: the hit stands, flagged `name_differs`.
/// Share of characters that need no edit in the part that tells them apart.
pub const NAME_DIFFERS_BELOW: f64 = 0.5;

/// Characters that two names of bodies may share at their beginning as a region: `苏州市`.
const REGION_CHARS_MAX: usize = 3;

/// Reused from check to check, so that a clear one allocates nothing.
#[derive(Default)]
pub struct Scratch {
    pub(super) asked: Keys,
    other: Keys,
    listed: Keys,
    pub(super) likes: Option<Likes>,
}

impl Scratch {
    /// With room to search names that are like one, as checks must of whom no identifier decides.
    pub fn searching() -> Scratch {
        Scratch { likes: Some(Likes::default()), ..Scratch::default() }
    }
}

/// What a search was asked for.
pub(super) struct Search<'a> {
    pub ground: &'a Ground,
    pub listed: Listed<'a>,
    pub matter: MatterNo,
    pub day: Day,
    pub question: &'a Question<'a>,
}

impl Search<'_> {
    /// All hits, strongest first, one an entry, and how like the similar ones are. Answers whether an
    /// identifier was vetoed.
    ///
    /// Equivalent to asking every entry of the index: is it yours by identifier, by mask, by name, by
    /// relation, by likeness, and does nothing contradict? Cost when there is none: one cache line an
    /// identifier, one for the name; 10 µs where no identifier decides.
    pub fn hits(
        &self,
        scratch: &mut Scratch,
        hits: &mut Vec<Hit>,
        likenesses: &mut Vec<Likeness>,
    ) -> bool {
        let Scratch { asked, other, listed: space, likes } = scratch;
        let index = self.listed.index();
        // One alone is asked for at once: nothing is done meanwhile.
        if self.question.ids.len() > 1 || self.question.name.is_some() {
            index.prefetch(self.question.ids.iter());
        }
        asked.clear();
        if let Some(name) = self.question.name {
            asked.of(name);
            index.prefetch_suspects(&asked.unified);
        }
        let mut vetoed = false;
        for id in &self.question.ids {
            self.listed.identify(id, |owner, stored, agreement| match owner {
                Owner::Subject(subject)
                    if is_vetoed(self.listed, self.question, subject, id, stored) =>
                {
                    vetoed = true
                }
                Owner::Subject(subject) => {
                    for entry in self.listed.entries_of(subject) {
                        self.meet_identified(entry, stored, agreement, None, hits);
                    }
                }
                Owner::Related(role, entry) => {
                    if let Some(entry) = self.listed.entry(entry) {
                        self.meet_identified(entry, stored, agreement, Some(role), hits);
                    }
                }
            });
        }
        if !asked.is_empty() {
            self.by_name(asked, space, hits);
            if asked.with_other_surname(other) {
                self.by_other_surname(other, space, hits);
            }
            self.by_parent(&asked.unified, hits);
        }
        if !hits.is_empty() {
            hits.sort_unstable_by_key(|hit| (hit.entry, hit.rank()));
            hits.dedup_by_key(|hit| hit.entry);
            self.flag_names(asked, space, hits);
        }
        if let (Some(likes), Some(name)) = (likes, self.question.name)
            && self.question.wants_likes(asked)
        {
            let likely = f64::from(self.matter().similar_name_percent) / 100.0;
            let likes = likes.of(self.listed, name, likely, Distance::OneEdit);
            self.by_likeness(likes, likely, space, hits, likenesses);
        }
        hits.sort_unstable_by_key(Hit::rank);
        vetoed
    }

    fn matter(&self) -> &Matter {
        self.ground.catalogue.matter(self.matter)
    }

    fn meet_identified(
        &self,
        entry: EntryView,
        stored: &Identifier,
        agreement: Agreement,
        relation: Option<Role>,
        hits: &mut Vec<Hit>,
    ) {
        self.meet(entry, Grade::Identifier, hits, |hit| {
            hit.on = Some(stored.kind());
            hit.derived = agreement == Agreement::Derived;
            hit.relation = relation;
        });
    }

    /// Add the hit if the entry counts on the day and the catalogue knows its list.
    fn meet(
        &self,
        entry: EntryView,
        grade: Grade,
        hits: &mut Vec<Hit>,
        complete: impl Fn(&mut Hit),
    ) {
        if !entry.counts_on(self.day) {
            return;
        }
        let Some(mut hit) = Hit::of(self.ground, self.matter, &entry, grade) else { return };
        complete(&mut hit);
        hits.push(hit);
    }

    /// Entries that bear the name. A subject whose own identifier decides is compared only with those
    /// that no identifier decides.
    fn by_name(&self, asked: &Keys, space: &mut Keys, hits: &mut Vec<Hit>) {
        let mut meet = |entry| self.meet_named(entry, asked, None, space, hits);
        if self.question.is_decided() {
            self.listed.suspects(&asked.unified).for_each(meet);
        } else {
            self.listed.named(&asked.unified).for_each(|mention| meet(mention.entry));
        }
    }

    /// Persons who bear the asked name with its surname written the other way. Whoever is met for another's sake alone
    /// may be met so too.
    fn by_other_surname(&self, other: &Keys, space: &mut Keys, hits: &mut Vec<Hit>) {
        if !kinds_agree(self.question.kind(), SubjectKind::NaturalPerson) {
            return;
        }
        let mut found = Vec::new();
        self.by_name(other, space, &mut found);
        found.retain(|hit| {
            let entry = self.listed.entry(hit.entry);
            entry.is_some_and(|entry| entry.kind() == SubjectKind::NaturalPerson)
                && !hits.iter().any(|met| met.entry == hit.entry && met.relation.is_none())
        });
        hits.extend(found.into_iter().map(|hit| Hit { name_variant: true, ..hit }));
    }

    /// Meet an entry by a name with these keys: the asked one, or one that is so much like it.
    fn meet_named(
        &self,
        entry: EntryNo,
        keys: &Keys,
        likeness: Option<usize>,
        space: &mut Keys,
        hits: &mut Vec<Hit>,
    ) {
        let Some(entry) = self.listed.entry(entry) else { return };
        let is_person = entry.kind() == SubjectKind::NaturalPerson;
        if likeness.is_some() && is_person && !similar::tells_person(&keys.unified) {
            return;
        }
        let Some(borne) = entry.bears(keys, space) else { return };
        let Some(grade) = self.grade_by_name(&entry) else { return };
        let grade = if likeness.is_some() { Grade::SimilarName } else { grade };
        // An identifier that fits tells who is meant.
        let taken_over = grade != Grade::MaskedIdentifier
            && self.listed.is_taken_over(&entry, borne, &keys.unified, self.day);
        self.meet(entry, grade, hits, |hit| {
            hit.likeness = likeness;
            hit.name_variant = borne.variant && likeness.is_none();
            hit.former_name = borne.former;
            hit.name_taken_over = taken_over;
        });
    }

    /// How surely an entry is met whose name agrees; `None` where something contradicts.
    fn grade_by_name(&self, entry: &EntryView) -> Option<Grade> {
        if !kinds_agree(self.question.kind(), entry.kind())
            || contradicted(self.listed, self.question, entry.subject())
        {
            return None;
        }
        match compare_masks(self.listed, self.question, entry) {
            Some(false) => None,
            Some(true) => Some(Grade::MaskedIdentifier),
            None if entry.kind() != SubjectKind::NaturalPerson => Some(Grade::Name),
            None => person_alerts(self.matter(), self.question, entry).then_some(Grade::Name),
        }
    }

    /// Entries that bear a name like it, and are not met otherwise. Only those likely enough for the
    /// matter.
    fn by_likeness(
        &self,
        likes: &[Like],
        likely: f64,
        space: &mut Keys,
        hits: &mut Vec<Hit>,
        likenesses: &mut Vec<Likeness>,
    ) {
        let mut name = Keys::default();
        for like in likes.iter().filter(|like| like.probability >= likely) {
            name.of(&like.key(self.listed));
            let met = hits.len();
            for mention in self.listed.named(&name.unified) {
                if !hits.iter().any(|hit| hit.entry == mention.entry) {
                    self.meet_named(mention.entry, &name, Some(likenesses.len()), space, hits);
                }
            }
            if hits.len() > met {
                likenesses.push(like.likeness.clone());
            }
        }
    }

    /// A branch meets the entries of the parent that its name begins with.
    fn by_parent(&self, key: &str, hits: &mut Vec<Hit>) {
        if !kinds_agree(self.question.kind(), SubjectKind::Organisation) {
            return;
        }
        for parent in text::parent_of_branch(key) {
            for mention in self.listed.named(parent).filter(|mention| !mention.former) {
                let entry = self.listed.entry(mention.entry);
                if let Some(entry) =
                    entry.filter(|entry| kinds_agree(Some(SubjectKind::Organisation), entry.kind()))
                {
                    self.meet(entry, Grade::Name, hits, |hit| hit.relation = Some(Role::Branch));
                }
            }
        }
    }

    /// Mark identifier hits whose names tell another story.
    fn flag_names(&self, asked: &Keys, space: &mut Keys, hits: &mut [Hit]) {
        if asked.is_empty() {
            return;
        }
        for hit in hits.iter_mut().filter(|hit| hit.is_confirmed()) {
            let Some(entry) = self.listed.entry(hit.entry) else { continue };
            match entry.bears(asked, space) {
                Some(borne) => {
                    (hit.former_name, hit.name_variant) = (borne.former, borne.variant);
                }
                None => {
                    space.of(entry.name());
                    let alike = alike(&asked.unified, &space.unified, entry.kind());
                    hit.name_differs = alike < NAME_DIFFERS_BELOW;
                }
            }
        }
    }
}

/// An identifier that does not decide joins nobody to a subject whose own deciding one differs.
pub fn is_vetoed(
    listed: Listed,
    question: &Question,
    subject: SubjectNo,
    asked: &Identifier,
    stored: &Identifier,
) -> bool {
    // Most are one number, which need be looked at but once.
    let decides = asked.decides() && (stored == asked || stored.decides());
    !decides && contradicted(listed, question, subject)
}

/// Some identifier asked about contradicts one of the subject's.
pub fn contradicted(listed: Listed, question: &Question, subject: SubjectNo) -> bool {
    !question.ids.is_empty()
        && listed
            .identifiers_of(subject)
            .any(|theirs| question.ids.iter().any(|ours| ours.contradicts(&theirs)))
}

/// Whether hidden and full identifiers fit: `None` where there is nothing to compare.
pub fn compare_masks(listed: Listed, question: &Question, entry: &EntryView) -> Option<bool> {
    let asked = &question.masked;
    if let Some(hidden) = entry.text().masked {
        let both_hidden = || asked.as_ref().and_then(|asked| asked.compare(&hidden));
        return hidden.fits_any(&question.ids).or_else(both_hidden);
    }
    let asked = asked.as_ref()?;
    listed
        .identifiers_of(entry.subject())
        .filter_map(|id| asked.fits(&id))
        .reduce(|any, fits| any || fits)
}

/// A person's name is shared by thousands: it alerts only when the prefecture of the identifier
/// is that of its hidden identifier or, without one, of the entry, or where the matter asks for it.
pub fn person_alerts(matter: &Matter, question: &Question, entry: &EntryView) -> bool {
    let masked = entry.text().masked;
    let prefecture_agrees = |text: &str| {
        let Some(prefecture) = text.get(..4) else { return false };
        match &masked {
            Some(masked) => masked.text().starts_with(prefecture),
            None => prefecture.parse() == Ok(entry.region() / 100),
        }
    };
    let residents = question.ids.iter().filter(|id| may_be_resident(id));
    matter.persons_by_name
        || question.masked.as_ref().is_some_and(|masked| prefecture_agrees(masked.text()))
        || residents.map(Identifier::text).any(prefecture_agrees)
}

/// A resident ID, or 18 characters that are no sound number of any kind.
fn may_be_resident(id: &Identifier) -> bool {
    match id.kind() {
        IdentifierKind::ResidentId => true,
        kind => kind == IdentifierKind::Other && id.text().len() == 18,
    }
}

/// How alike two folded names are, from 0 to 1, in the part that tells bodies apart: without the legal
/// form, and without what both begin with, the region. Without that, any two companies of a city look
/// alike.
fn alike(a: &str, b: &str, kind: SubjectKind) -> f64 {
    if kind == SubjectKind::NaturalPerson {
        return rapidfuzz::distance::levenshtein::normalized_similarity(a.chars(), b.chars());
    }
    let (a, b) = (text::without_legal_form(a), text::without_legal_form(b));
    let pairs = a.chars().zip(b.chars()).take(REGION_CHARS_MAX);
    let shared: usize = pairs.take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let (a, b) = (a[shared..].chars(), b[shared..].chars());
    rapidfuzz::distance::levenshtein::normalized_similarity(a, b)
}
