//! How likely it is that two names mean one subject, and what speaks for and against it.
//!
//! The names are aligned, core with core or, where a place or a legal form cannot be read, whole with
//! whole. What differs is counted by what it is and where it falls ([`Part`]); each count has a weight,
//! and their sum is the logarithm of the odds (logistic regression). Some count what tells more, or less,
//! beside something else. The weights were fitted on pairs of a damaged or unlisted real name and a listed
//! one; the bench `names` fits them again and shows how well the probabilities hold on names that the fit
//! has not seen.

use super::alike::Alike;
use super::edits::{Edit, Edits};
use super::han::{are_numbers, is_number};
use super::place::{self, Place};
use super::{Name, parts};
use serde::Serialize;
use smallvec::SmallVec;

/// What is compared of two names. `…Missing` means: on one side only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Part {
    /// Always 1.
    Base,
    /// Core and core are the same.
    SameCore,
    /// Characters for others that sound alike, and look alike too.
    SoundAndShape,
    /// Characters for others that sound alike.
    Sound,
    /// Characters for others that look alike, by half at least.
    Shape,
    /// How much all look like what they replaced, added up.
    ShapeShare,
    /// Characters for their other script's form.
    Variant,
    /// Characters for strangers.
    Stranger,
    /// The same, times the length of the core.
    StrangerInLong,
    /// Numbers and directions for others: 第三 and 第五 are two.
    Number,
    /// Numbers and directions on one side only.
    NumberMissing,
    /// Characters that the asked name lacks.
    Dropped,
    /// What they tell, in ten bits.
    DroppedBits,
    /// Characters that it has more.
    Inserted,
    /// What they tell, in ten bits.
    InsertedBits,
    /// Neighbours that changed places.
    Swapped,
    /// Edits after the first.
    More,
    /// Edits outside the core.
    Outside,
    /// Edits in the core where both names name a place, as branches do: 勉县支行 and 金乡县支行 are two.
    PlaceInside,
    /// How much rarer the new characters are than the old, in ten bits: a slip is seldom a common word.
    Rarer,
    /// Substitutions in the first two characters, where trade names are told apart.
    HeadSubstituted,
    /// Drops there.
    HeadDropped,
    /// Insertions there.
    HeadInserted,
    /// What the unchanged rest of the core tells, in ten bits.
    KeptBits,
    /// Pairs of neighbours around the edits that no listed name has: real names seldom have such.
    Novel,
    /// There are edits and no such pair.
    Plausible,
    /// A place on one side only.
    PlaceMissing,
    /// Some places contradict each other.
    PlaceDiffers,
    /// All do.
    PlaceContradicts,
    /// Words before the name that are no known place.
    Preceded,
    /// How many.
    PrecededBy,
    /// Legal forms differ.
    FormDiffers,
    /// A legal form on one side only.
    FormMissing,
    /// One is a branch, the other a whole company: they are two.
    BranchMissing,
    /// One is a group, 集团 and all, the other is not: a group and its company are two.
    GroupMissing,
    /// Logarithm of the number of listed names with the same core.
    Namesakes,
    /// The same where a place is missing.
    NamesakesWithoutPlace,
    /// Length of the core, in ten characters.
    Length,
    /// The core has three characters or fewer.
    Short,
    /// Insertions in the first two characters where a place is missing: a place that is not known for one.
    HeadInsertedWithoutPlace,
    /// Drops there where a place is missing.
    HeadDroppedWithoutPlace,
    /// Core and core are the same where a place is missing.
    SameCoreWithoutPlace,
    /// Drops, times the substitutions in the first two characters: who slips once slips twice.
    DroppedBesideSubstituted,
    /// What looks alike, times the edits after the first.
    ShapeShareOfMore,
    /// The same, times the strangers in ten characters of the core.
    ShapeShareOfStrangers,
    /// The same, times how much rarer the new characters are.
    ShapeShareOfRarer,
    /// Substitutions in the first two characters, times what the unchanged rest tells.
    HeadSubstitutedKept,
    /// Insertions there, times the pairs of neighbours that no listed name has.
    HeadInsertedNovel,
    /// Edits in the core where both names name a place, if characters were substituted.
    PlaceSubstituted,
    /// Logarithm of the number of listed names with the same core, if core and core are the same.
    NamesakesOfSame,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Part; PARTS] = [
        Part::Base,
        Part::SameCore,
        Part::SoundAndShape,
        Part::Sound,
        Part::Shape,
        Part::ShapeShare,
        Part::Variant,
        Part::Stranger,
        Part::StrangerInLong,
        Part::Number,
        Part::NumberMissing,
        Part::Dropped,
        Part::DroppedBits,
        Part::Inserted,
        Part::InsertedBits,
        Part::Swapped,
        Part::More,
        Part::Outside,
        Part::PlaceInside,
        Part::Rarer,
        Part::HeadSubstituted,
        Part::HeadDropped,
        Part::HeadInserted,
        Part::KeptBits,
        Part::Novel,
        Part::Plausible,
        Part::PlaceMissing,
        Part::PlaceDiffers,
        Part::PlaceContradicts,
        Part::Preceded,
        Part::PrecededBy,
        Part::FormDiffers,
        Part::FormMissing,
        Part::BranchMissing,
        Part::GroupMissing,
        Part::Namesakes,
        Part::NamesakesWithoutPlace,
        Part::Length,
        Part::Short,
        Part::HeadInsertedWithoutPlace,
        Part::HeadDroppedWithoutPlace,
        Part::SameCoreWithoutPlace,
        Part::DroppedBesideSubstituted,
        Part::ShapeShareOfMore,
        Part::ShapeShareOfStrangers,
        Part::ShapeShareOfRarer,
        Part::HeadSubstitutedKept,
        Part::HeadInsertedNovel,
        Part::PlaceSubstituted,
        Part::NamesakesOfSame,
    ];
}

/// How many parts there are.
pub const PARTS: usize = Part::NamesakesOfSame as usize + 1;

/// What the parts weigh, in the order of [`Part`]. `BranchMissing` weighs what is known of
/// branches, as `GroupMissing` of groups: no labelled pair is one and its company.
#[rustfmt::skip]
pub const WEIGHTS: [f64; PARTS] = [
    1.652, // Base
    2.973, // SameCore
    2.532, // SoundAndShape
    1.008, // Sound
    -2.952, // Shape
    1.748, // ShapeShare
    0.358, // Variant
    -4.138, // Stranger
    -2.609, // StrangerInLong
    -7.848, // Number
    -1.048, // NumberMissing
    1.815, // Dropped
    -0.773, // DroppedBits
    -0.357, // Inserted
    0.896, // InsertedBits
    1.094, // Swapped
    -4.260, // More
    1.254, // Outside
    -2.054, // PlaceInside
    1.613, // Rarer
    -4.814, // HeadSubstituted
    -0.634, // HeadDropped
    0.057, // HeadInserted
    0.662, // KeptBits
    1.084, // Novel
    -1.272, // Plausible
    -4.209, // PlaceMissing
    -6.288, // PlaceDiffers
    -4.844, // PlaceContradicts
    1.164, // Preceded
    3.112, // PrecededBy
    -2.529, // FormDiffers
    0.042, // FormMissing
    -7.002, // BranchMissing
    -7.002, // GroupMissing
    -0.670, // Namesakes
    -2.530, // NamesakesWithoutPlace
    -2.084, // Length
    -1.187, // Short
    2.347, // HeadInsertedWithoutPlace
    -1.616, // HeadDroppedWithoutPlace
    1.263, // SameCoreWithoutPlace
    3.035, // DroppedBesideSubstituted
    -1.625, // ShapeShareOfMore
    3.041, // ShapeShareOfStrangers
    2.857, // ShapeShareOfRarer
    0.478, // HeadSubstitutedKept
    -0.972, // HeadInsertedNovel
    -4.327, // PlaceSubstituted
    -1.296, // NamesakesOfSame
];

// Until they are counted a name is as likely as it can be.
const _: () = assert!(WEIGHTS[Part::Namesakes as usize] <= 0.0);
const _: () = assert!(WEIGHTS[Part::NamesakesWithoutPlace as usize] <= 0.0);
const _: () = assert!(WEIGHTS[Part::NamesakesOfSame as usize] <= 0.0);
// What is counted last of a comparison, but for novel neighbours, only takes from it.
const _: () = assert!(WEIGHTS[Part::Plausible as usize] <= 0.0);
const _: () = assert!(WEIGHTS[Part::HeadInsertedNovel as usize] <= 0.0);
const _: () = assert!(WEIGHTS[Part::PlaceInside as usize] <= 0.0);
const _: () = assert!(WEIGHTS[Part::PlaceSubstituted as usize] <= 0.0);

/// What legal forms add at most.
pub(super) const FORMS_MOST: f64 = at_least_0(WEIGHTS[Part::FormDiffers as usize])
    + at_least_0(WEIGHTS[Part::FormMissing as usize]);
// Nor is anybody likelier to be meant for being a branch.
const _: () = assert!(WEIGHTS[Part::BranchMissing as usize] <= 0.0);

const fn at_least_0(weight: f64) -> f64 {
    if weight > 0.0 { weight } else { 0.0 }
}

// Nor do places add anything to what substitutions tell.
const _: () = assert!(WEIGHTS[Part::PlaceMissing as usize] <= 0.0);
const _: () = assert!(WEIGHTS[Part::PlaceDiffers as usize] <= 0.0);
const _: () = assert!(WEIGHTS[Part::PlaceContradicts as usize] <= 0.0);

/// What a substitution in the core counts as, unless it is another script's form.
const SUBSTITUTIONS: [Part; 4] = [Part::SoundAndShape, Part::Sound, Part::Shape, Part::Stranger];

/// Characters at the beginning of a core by which trade names are told apart.
const HEAD: usize = 2;
/// Pairs of neighbours that change when a character does.
const SUBSTITUTION_PAIRS: usize = 2;
/// Pairs of neighbours that change when two change places.
const SWAP_PAIRS: usize = 3;
/// Odds beyond which probabilities are not told apart: 1 in ten million million.
const ODDS_MAX: f64 = 30.0;
/// More than sums of parts in different order are apart.
const ODDS_ERROR: f64 = 1e-6;

/// Edits beyond which two names are not compared, a run of characters put before a name counting as one.
pub(super) const EDITS_MAX: usize = 3;

/// What is known of the names that are listed.
pub trait Corpus {
    /// What a character tells: minus the logarithm to base 2 of its share of all characters.
    fn bits(&self, c: char) -> f64;
    /// Some listed name has these neighbours.
    fn knows(&self, a: char, b: char) -> bool;
    /// How surprising neighbours are that no listed name has, in thirds of a natural logarithm; lists
    /// of few names know few pairs, so there it is little.
    fn surprise(&self) -> f64;
}

/// The comparison of two names.
#[derive(Clone, PartialEq, Debug)]
pub struct Likeness {
    /// How often the parts were seen, in the order of [`Part`].
    pub parts: [f64; PARTS],
}

impl Likeness {
    /// Compare an asked name with a listed one; `None` when they are too far apart to be compared.
    /// Cost: 1 µs.
    pub fn of(
        asked: &Name,
        listed: &Name,
        corpus: &impl Corpus,
        edits: &mut Edits,
    ) -> Option<Likeness> {
        let unheard = Likeness::unheard(asked, corpus);
        Likeness::of_at_least(f64::NEG_INFINITY, unheard, asked, listed, corpus, edits)
    }

    /// The same; `None` too of most names of which the logarithm of the odds is less than that. So many pairs
    /// of neighbours in the asked name are [unheard](Likeness::unheard) of. Cost: 0.2 µs where it is.
    pub fn of_at_least(
        odds: f64,
        unheard: usize,
        asked: &Name,
        listed: &Name,
        corpus: &impl Corpus,
        edits: &mut Edits,
    ) -> Option<Likeness> {
        if asked.lacks_of_core(listed) > EDITS_MAX || asked.is_beyond(EDITS_MAX, listed) {
            return None;
        }
        let aligned = Aligned::of(asked, listed, edits)?;
        let mut likeness = Likeness { parts: [0.0; PARTS] };
        likeness.count_edits(&aligned, listed, corpus);
        likeness.count_places(asked, listed, &aligned);
        likeness.count_forms(asked, listed);
        likeness.count_branches(asked, listed);
        let touched = aligned.edits.iter().map(touches).sum();
        let novel = likeness.count_rest(listed.parts.core.len(), touched, unheard);
        if likeness.odds_at_most(novel, corpus) < odds {
            return None;
        }
        if novel > 0 {
            likeness.count_novel(&aligned, corpus);
        }
        likeness.count_places_inside(&aligned);
        Some(likeness)
    }

    /// What the logarithm of the odds is at most of a name in a place that contradicts the asked one's, whose
    /// core is the asked one's but for an edit, as far as its sounds can tell: for two neighbours that changed
    /// places, [unheard](Likeness::unheard) of as they stand, nearly everything speaks.
    pub fn odds_elsewhere(asked: &Name, unheard: usize, corpus: &impl Corpus) -> f64 {
        let core = &asked.parts.core;
        let told = told(core, corpus);
        let shortest = core.len().saturating_sub(1);
        let mut likeness = Likeness { parts: [0.0; PARTS] };
        for (part, value) in [
            (Part::Base, 1.0),
            (Part::KeptBits, kept(told)),
            (Part::Length, shortest as f64 / 10.0),
            (Part::Swapped, 1.0),
            (Part::PlaceDiffers, 1.0),
            (Part::PlaceContradicts, 1.0),
        ] {
            likeness.add(part, value);
        }
        let novel = unheard.min(SWAP_PAIRS);
        likeness.add(Part::Plausible, f64::from(novel == 0));
        likeness.odds_at_most(novel, corpus)
    }

    /// Pairs of neighbours in an asked name that no listed name has: no edit made more of them. Cost: 5 ns a
    /// character.
    pub fn unheard(asked: &Name, corpus: &impl Corpus) -> usize {
        let is_unheard = |pair: &&[char]| !corpus.knows(pair[0], pair[1]);
        let texts = asked.cores().map(|core| core.text).chain([&*asked.whole]);
        texts.map(|text| text.windows(2).filter(is_unheard).count()).max().unwrap_or(0)
    }

    /// What the logarithm of the odds is at most with so many neighbours yet to be looked at, and namesakes
    /// and places yet to be counted.
    fn odds_at_most(&self, touched: usize, corpus: &impl Corpus) -> f64 {
        // Four sums side by side: a single one waits for each addition.
        let mut sums = [0.0; 4];
        for (parts, weights) in self.parts.chunks(4).zip(WEIGHTS.chunks(4)) {
            let products = parts.iter().zip(weights).map(|(part, weight)| part * weight);
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
        let novel = touched as f64 * corpus.surprise() * WEIGHTS[Part::Novel as usize];
        sums.iter().sum::<f64>() + novel
    }

    /// Add how many listed names have the same core: until then it counts as one.
    pub fn add_namesakes(&mut self, namesakes: usize) {
        let namesakes = (namesakes.max(1) as f64).ln();
        self.add(Part::Namesakes, namesakes);
        self.add(Part::NamesakesWithoutPlace, namesakes * self.get(Part::PlaceMissing));
        self.add(Part::NamesakesOfSame, namesakes * self.get(Part::SameCore));
    }

    /// How often a part was seen.
    pub fn get(&self, part: Part) -> f64 {
        self.parts[part as usize]
    }

    fn add(&mut self, part: Part, value: f64) {
        self.parts[part as usize] += value;
    }

    /// The logarithm of the odds of a probability, or a little less: no name that is so likely has less.
    pub fn odds(probability: f64) -> f64 {
        let odds = (probability / (1.0 - probability)).ln();
        odds.min(ODDS_MAX) - ODDS_ERROR
    }

    /// The probability that both names mean one subject.
    pub fn probability(&self) -> f64 {
        let odds: f64 = self.parts.iter().zip(&WEIGHTS).map(|(part, weight)| part * weight).sum();
        1.0 / (1.0 + (-odds).exp())
    }

    /// What the logarithm of the odds is at most of a name whose core became the asked one's by these
    /// substitutions alone: of so many characters, which tell so many bits in the asked one.
    pub(super) fn odds_if_substituted(
        substitutions: &[Substitution],
        length: usize,
        told: f64,
        unheard: usize,
        corpus: &impl Corpus,
    ) -> f64 {
        let mut likeness = Likeness { parts: [0.0; PARTS] };
        let (mut rarer, mut lost) = (0.0, 0.0);
        for substitution in substitutions {
            rarer += substitution.to - substitution.from;
            lost += likeness.count_substitution(substitution);
        }
        likeness.add(Part::More, (substitutions.len() - 1) as f64);
        likeness.add(Part::KeptBits, kept(told - rarer - lost));
        let touched = substitutions.len() * SUBSTITUTION_PAIRS;
        let novel = likeness.count_rest(length, touched, unheard);
        likeness.odds_at_most(novel, corpus) + FORMS_MOST
    }

    /// The bits of the core that are not kept.
    fn count_substitution(&mut self, substitution: &Substitution) -> f64 {
        let Substitution { part, shape, from, to, is_head } = *substitution;
        self.add(Part::ShapeShare, shape);
        self.add(part, 1.0);
        if part == Part::Number {
            return 0.0;
        }
        self.add(Part::Rarer, (to - from) / 10.0);
        self.add(Part::HeadSubstituted, f64::from(is_head));
        from
    }

    fn count_edits(&mut self, aligned: &Aligned, listed: &Name, corpus: &impl Corpus) {
        let core = &listed.parts.core;
        let mut lost = 0.0;
        for edit in aligned.edits {
            if !aligned.is_in_core(edit) {
                if let Edit::Substituted { from, to, .. } = *edit {
                    self.add(Part::ShapeShare, Alike::of(from, to).shape_alone());
                }
                self.add(Part::Outside, 1.0);
                continue;
            }
            let at = edit.at() - aligned.core.start;
            let is_head = at < HEAD;
            match *edit {
                Edit::Substituted { from, to, .. } => {
                    lost += self.count_substitution(&Substitution::new(from, to, at, corpus));
                }
                _ if aligned.changes_number(edit) => self.add(Part::Number, 1.0),
                Edit::Dropped { from, .. } => {
                    self.add(Part::Dropped, 1.0);
                    self.add(Part::DroppedBits, corpus.bits(from) / 10.0);
                    self.add(Part::HeadDropped, f64::from(is_head));
                    self.add(Part::NumberMissing, f64::from(is_number(from)));
                    lost += corpus.bits(from);
                }
                Edit::Inserted { to, .. } => {
                    self.add(Part::Inserted, 1.0);
                    self.add(Part::InsertedBits, corpus.bits(to) / 10.0);
                    self.add(Part::HeadInserted, f64::from(is_head));
                    self.add(Part::NumberMissing, f64::from(is_number(to)));
                }
                Edit::Swapped { .. } => self.add(Part::Swapped, 1.0),
            }
        }
        self.add(Part::SameCore, f64::from(aligned.edits.is_empty()));
        self.add(Part::GroupMissing, f64::from(aligned.lacks_group()));
        self.add(Part::More, aligned.edits.len().saturating_sub(1) as f64);
        self.add(Part::KeptBits, kept(told(core, corpus) - lost));
        if aligned.way == Way::Whole {
            let preceding = aligned.preceding() as f64;
            self.add(Part::PrecededBy, preceding);
            self.add(Part::Preceded, f64::from(preceding > 1.0));
        }
    }

    /// What is left when edits, places and forms are counted, of a core of so many characters and edits that
    /// touch so many pairs of neighbours: how many of these may be novel.
    fn count_rest(&mut self, length: usize, touched: usize, unheard: usize) -> usize {
        self.add(Part::Base, 1.0);
        self.add(Part::Length, length as f64 / 10.0);
        self.add(Part::Short, f64::from(length <= 3));
        self.count_together();
        let novel = touched.min(unheard);
        self.add(Part::Plausible, f64::from(touched > 0 && novel == 0));
        novel
    }

    /// What tells more, or less, beside another, which is counted already.
    fn count_together(&mut self) {
        use Part::*;
        for (part, one, other) in [
            (StrangerInLong, Stranger, Length),
            (HeadInsertedWithoutPlace, HeadInserted, PlaceMissing),
            (HeadDroppedWithoutPlace, HeadDropped, PlaceMissing),
            (SameCoreWithoutPlace, SameCore, PlaceMissing),
            (DroppedBesideSubstituted, Dropped, HeadSubstituted),
            (ShapeShareOfMore, ShapeShare, More),
            (ShapeShareOfStrangers, ShapeShare, StrangerInLong),
            (ShapeShareOfRarer, ShapeShare, Rarer),
            (HeadSubstitutedKept, HeadSubstituted, KeptBits),
        ] {
            self.add(part, self.get(one) * self.get(other));
        }
    }

    /// Neighbours in the asked name that the edits made.
    fn count_novel(&mut self, aligned: &Aligned, corpus: &impl Corpus) {
        let novel = aligned
            .touched()
            .into_iter()
            .filter_map(|at| Some((aligned.asked.get(at)?, aligned.asked.get(at + 1)?)))
            .filter(|&(&a, &b)| !corpus.knows(a, b))
            .count();
        let surprise = novel as f64 * corpus.surprise();
        self.add(Part::Novel, surprise);
        self.add(Part::HeadInsertedNovel, surprise * self.get(Part::HeadInserted));
        self.add(Part::Plausible, f64::from(novel == 0));
    }

    fn count_places_inside(&mut self, aligned: &Aligned) {
        let mut shift = 0;
        for edit in aligned.edits.iter().rev() {
            let at = edit.at();
            let is_place = place::is_part_at(aligned.listed, at)
                && place::is_part_at(aligned.asked, at.wrapping_add_signed(shift));
            self.add(Part::PlaceInside, f64::from(aligned.is_in_core(edit) && is_place));
            match edit {
                Edit::Dropped { .. } => shift -= 1,
                Edit::Inserted { .. } => shift += 1,
                _ => {}
            }
        }
        let is_substituted = |part| self.get(part) > 0.0;
        if SUBSTITUTIONS.into_iter().any(is_substituted) {
            self.add(Part::PlaceSubstituted, self.get(Part::PlaceInside));
        }
    }

    fn count_places(&mut self, asked: &Name, listed: &Name, aligned: &Aligned) {
        let is_cores = aligned.way != Way::Whole;
        let agrees = |place: &&Place| listed.parts.places.iter().any(|other| place.agrees(other));
        // With more edits it is the likelier to be none.
        let is_read = aligned.way == Way::AskedNarrow && aligned.edits.len() <= 1;
        let doubtful = asked.parts.doubtful.as_ref().filter(|place| is_read && agrees(place));
        let asked: SmallVec<[&Place; 4]> = asked.parts.places.iter().chain(doubtful).collect();
        let listed: SmallVec<[&Place; 4]> = listed.parts.places.iter().collect();
        if asked.is_empty() || listed.is_empty() {
            let is_missing =
                asked.len() != listed.len() && is_cores && aligned.way != Way::ListedNarrow;
            return self.add(Part::PlaceMissing, f64::from(is_missing));
        }
        let is_in = |place: &Place, of: &[&Place]| of.iter().any(|other| place.agrees(other));
        let differs = asked.iter().any(|place| !is_in(place, &listed))
            || listed.iter().any(|place| !is_in(place, &asked));
        self.add(Part::PlaceDiffers, f64::from(is_cores && differs));
        let contradicts = !asked.iter().any(|place| is_in(place, &listed));
        self.add(Part::PlaceContradicts, f64::from(contradicts));
    }

    fn count_forms(&mut self, asked: &Name, listed: &Name) {
        let (asked, listed) = (&asked.parts, &listed.parts);
        match (asked.form, listed.form) {
            (Some(asked), Some(listed)) => {
                self.add(Part::FormDiffers, f64::from(asked != listed));
            }
            (asked, listed) => self.add(Part::FormMissing, f64::from(asked != listed)),
        }
    }

    /// A form may be one that cannot be read, so each must say by its end what it is.
    fn count_branches(&mut self, asked: &Name, listed: &Name) {
        let is_branch_of =
            |branch: &Name, company: &Name| branch.ends_as_branch() && company.is_whole_company();
        let is_missing = is_branch_of(asked, listed) || is_branch_of(listed, asked);
        self.add(Part::BranchMissing, f64::from(is_missing));
    }
}

/// So many pairs of neighbours in the asked name an edit may have made.
fn touches(edit: &Edit) -> usize {
    match edit {
        Edit::Dropped { .. } => 1,
        Edit::Substituted { .. } => SUBSTITUTION_PAIRS,
        Edit::Inserted { .. } => 2,
        Edit::Swapped { .. } => SWAP_PAIRS,
    }
}

/// What a core tells, in bits.
pub(super) fn told(core: &[char], corpus: &impl Corpus) -> f64 {
    core.iter().map(|&c| corpus.bits(c)).sum()
}

/// So many bits of a core as they count.
fn kept(bits: f64) -> f64 {
    (bits / 10.0).clamp(0.0, 8.0)
}

/// A character of a core for another.
pub(super) struct Substitution {
    part: Part,
    shape: f64,
    /// The bits that the one tells, and the other.
    from: f64,
    to: f64,
    is_head: bool,
}

impl Substitution {
    /// That of a character at a position of the core.
    pub fn new(from: char, to: char, at: usize, corpus: &impl Corpus) -> Substitution {
        let alike = Alike::of(from, to);
        let part = match alike {
            Alike { are_numbers: true, .. } => Part::Number,
            Alike { are_variants: true, .. } => Part::Variant,
            Alike { sound: true, .. } if alike.looks() => Part::SoundAndShape,
            Alike { sound: true, .. } => Part::Sound,
            _ if alike.looks() => Part::Shape,
            _ => Part::Stranger,
        };
        let (from, to) = (corpus.bits(from), corpus.bits(to));
        Substitution { part, shape: alike.shape_alone(), from, to, is_head: at < HEAD }
    }
}

/// What no number is said with, but the like-named are told apart by.
const STEMS_AND_DIRECTIONS: [char; 8] = ['甲', '乙', '丙', '丁', '东', '南', '西', '北'];

/// What follows the number of a branch: 二分公司, 三店, 五号.
const NUMBERED: [&[char]; 11] = [
    &['分', '公'],
    &['分', '店'],
    &['分', '厂'],
    &['分', '部'],
    &['店'],
    &['部'],
    &['号'],
    &['队'],
    &['处'],
    &['局'],
    &['厂'],
];

/// This one belongs to a number where `before` ends and `after` begins: one that an ordinal or digits begin, one
/// with another numeral in it, or that of a branch.
fn is_within_number(one: char, before: &[char], after: &[char]) -> bool {
    is_number(one) && (goes_on(before, after) || is_said(one, before, after))
}

/// A number is said here. Who writes a numeral twice slips.
fn is_said(one: char, before: &[char], after: &[char]) -> bool {
    let is_numeral = |c: char| is_number(c) && !STEMS_AND_DIRECTIONS.contains(&c);
    let beside = [before.last(), after.first()].into_iter().flatten();
    let of_branch = NUMBERED.iter().any(|word| after.starts_with(word)) || after == ['分'];
    is_numeral(one)
        && !beside.clone().any(|&c| c == one)
        && (of_branch || beside.into_iter().any(|&c| is_numeral(c)))
}

/// A number that an ordinal or digits begin goes on where `before` ends and `after` begins.
fn goes_on(before: &[char], after: &[char]) -> bool {
    let is_number_char = |c: &&char| is_number(**c);
    let run = before.iter().rev().take_while(is_number_char).count();
    let goes_on = after.first().is_some_and(|&c| is_number(c));
    let is_ordinal = before[..before.len() - run].last() == Some(&'第');
    let is_digits = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    (is_ordinal && (run > 0 || goes_on)) || is_digits(before.last()) || is_digits(after.first())
}

/// What of two names was aligned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Their cores.
    Cores,
    /// The asked one's without its doubtful beginning, which may be a place then.
    AskedNarrow,
    /// The listed one's without the county that it begins with, in which the asked one is.
    ListedNarrow,
    /// All of them.
    Whole,
}

/// A part of the listed name, a part of the asked one, and which.
type OneWay<'a> = (&'a [char], &'a [char], Way);

/// Two names side by side.
struct Aligned<'a> {
    edits: &'a [Edit],
    /// What the edits begin with.
    listed: &'a [char],
    /// What they lead to.
    asked: &'a [char],
    /// Where the core lies in what they begin with.
    core: std::ops::Range<usize>,
    way: Way,
}

impl<'a> Aligned<'a> {
    /// The alignment with the fewest edits, cores first.
    fn of(asked: &'a Name, listed: &'a Name, edits: &'a mut Edits) -> Option<Aligned<'a>> {
        let core = &*listed.parts.core;
        let narrow = asked.parts.narrow_core().filter(|_| core.len() < asked.parts.core.len());
        // With one edit at most no other way is looked at; the core takes as many as one is longer, at least.
        let is_longer = core.len() + 1 < asked.parts.core.len();
        let narrow_way = narrow.map(|narrow| (narrow, Way::AskedNarrow));
        let nearest = [(&*asked.parts.core, Way::Cores)].into_iter();
        for (asked, way) in nearest.chain(narrow_way.filter(|_| is_longer)) {
            if edits.at_a_glance(core, asked) {
                let (edits, listed) = (&*edits.list, core);
                return Some(Aligned { edits, listed, asked, core: 0..core.len(), way });
            }
        }
        let mut ways: SmallVec<[OneWay; 4]> = SmallVec::new();
        ways.push((core, &asked.parts.core, Way::Cores));
        ways.extend(narrow_way.map(|(narrow, way)| (core, narrow, way)));
        let within = asked.county_before(core);
        ways.extend(within.map(|core| (core, &*asked.parts.core, Way::ListedNarrow)));
        ways.push((&listed.whole, &asked.whole, Way::Whole));
        let mut best = (usize::MAX, 0);
        for (at, &(from, to, way)) in ways.iter().enumerate() {
            // What is lacking is dropped or substituted at least.
            if way == Way::Whole && asked.lacks(listed) >= best.0 {
                break;
            }
            let count = edits.count(from, to);
            best = best.min((count, at));
            // Whole names do not differ by less than their cores.
            if count <= 1 {
                break;
            }
        }
        let (from, to, way) = ways[best.1];
        let whole = way == Way::Whole;
        if !whole && best.0 > EDITS_MAX {
            return None;
        }
        let list = edits.between(from, to);
        let start = if whole { parts::find(from, core).unwrap_or(0) } else { 0 };
        let core = if whole { start..start + core.len() } else { 0..from.len() };
        let aligned = Aligned { edits: list, listed: from, asked: to, core, way };
        let run = if whole { aligned.preceding().saturating_sub(1) } else { 0 };
        (aligned.edits.len() - run <= EDITS_MAX).then_some(aligned)
    }

    /// Positions of neighbours in the asked name that the edits may have made.
    fn touched(&self) -> SmallVec<[usize; 16]> {
        let mut touched: SmallVec<[usize; 16]> = SmallVec::new();
        // Positions in the asked name, while those of the edits are in the listed one.
        let mut shift = 0;
        for edit in self.edits.iter().rev() {
            let at = edit.at().wrapping_add_signed(shift);
            match edit {
                Edit::Dropped { .. } => shift -= 1,
                Edit::Inserted { .. } => shift += 1,
                _ => {}
            }
            touched.extend((0..touches(edit)).filter_map(|pair| (at + pair).checked_sub(1)));
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn is_in_core(&self, edit: &Edit) -> bool {
        let at = edit.at();
        self.core.contains(&at) || (at == self.core.end && matches!(edit, Edit::Inserted { .. }))
    }

    /// It makes another number of a number: 第三 and 第五, 第二 and 第十二, 六分公司 and 十六分公司 are two.
    fn changes_number(&self, edit: &Edit) -> bool {
        let text = self.listed;
        match *edit {
            Edit::Substituted { from, to, .. } => are_numbers(from, to),
            Edit::Swapped { at } => are_numbers(text[at], text[at + 1]),
            Edit::Dropped { at, from } => is_within_number(from, &text[..at], &text[at + 1..]),
            Edit::Inserted { at, to } => is_within_number(to, &text[..at], &text[at..]),
        }
    }

    /// All of 集团 is on one side only.
    fn lacks_group(&self) -> bool {
        let is_there = |c: &char| {
            self.edits.iter().any(|edit| match edit {
                Edit::Dropped { from, .. } => from == c,
                Edit::Inserted { to, .. } => to == c,
                _ => false,
            })
        };
        parts::GROUP.iter().all(is_there)
    }

    /// Characters before the beginning of the listed name.
    fn preceding(&self) -> usize {
        self.edits.iter().filter(|edit| matches!(edit, Edit::Inserted { at: 0, .. })).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every character tells as much, and all neighbours are heard of.
    struct Known;

    impl Corpus for Known {
        fn bits(&self, _: char) -> f64 {
            9.0
        }
        fn knows(&self, _: char, _: char) -> bool {
            true
        }
        fn surprise(&self) -> f64 {
            1.5
        }
    }

    /// As a listed name is read.
    fn likeness(asked: &str, listed: &str) -> Likeness {
        let (asked, listed) = (Name::new(asked), Name::new(listed));
        let (mut bytes, mut unpacked) = (Vec::new(), Name::default());
        listed.pack(&mut bytes);
        unpacked.unpack(crate::text::packed::Packed::read(&bytes).unwrap().0).unwrap();
        Likeness::of(&asked, &unpacked, &Known, &mut Edits::default()).unwrap()
    }

    #[test]
    fn another_number_of_a_number_is_told_without_an_ordinal() {
        for (one, other, numbers) in [
            (
                "北京祥瑞汽车服务(集团)有限公司十六分公司",
                "北京祥瑞汽车服务(集团)有限公司六分公司",
                1.0,
            ),
            ("无锡天安科技有限公司一分公司", "无锡天安科技有限公司十一分公司", 1.0),
            ("无锡天泰科技有限公司二分公司", "无锡天泰科技有限公司二十分公司", 1.0),
            ("无锡天平科技有限公司分公司", "无锡天平科技有限公司一分公司", 1.0),
            ("无锡天平便利二十店", "无锡天平便利二店", 1.0),
            ("无锡天平建筑三队", "无锡天平建筑队", 1.0),
            // A direction counts nothing, a trade name goes on, and who writes one twice slips.
            ("无锡东三路便利超市", "无锡三路便利超市", 0.0),
            ("无锡三源便利超市", "无锡源便利超市", 0.0),
            ("无锡天一一便利超市", "无锡天一便利超市", 0.0),
        ] {
            for (asked, listed) in [(one, other), (other, one)] {
                let likeness = likeness(asked, listed);
                let probability = likeness.probability();
                assert_eq!(likeness.get(Part::Number), numbers, "{asked} {listed}");
                assert!(numbers == 0.0 || probability < 0.2, "{asked} {listed} {probability}");
            }
        }
    }

    #[test]
    fn a_branch_and_its_company_are_two_unless_a_form_cannot_be_read() {
        for (one, other, is_missing) in [
            ("常州天宇科技有限公司", "常州天宇科技有限公司分公司", true),
            ("常州天宇科技股份有限公司", "常州天宇科技股份有限公司二部", true),
            ("常州天宇科技有限松司吴江分公司", "常州天宇科技有限公司吴江分公司", false),
            ("常州天宇科技有限公司鑫", "常州天宇科技有限公司", false),
            ("常州天宇科技有限公司司", "常州天宇科技有限公司", false),
        ] {
            for (asked, listed) in [(one, other), (other, one)] {
                let likeness = likeness(asked, listed);
                let (count, probability) =
                    (likeness.get(Part::BranchMissing), likeness.probability());
                assert_eq!(count, f64::from(is_missing), "{asked} {listed}");
                assert_eq!(probability < 0.2, is_missing, "{asked} {listed} {probability}");
            }
        }
    }

    #[test]
    fn a_name_is_the_same_wherever_its_region_stands_and_whatever_it_is_called() {
        for (one, other) in [
            ("香港瑞丰科技有限公司", "瑞丰科技（香港）有限公司"),
            ("台湾宏基电脑有限公司", "宏基电脑（台湾）有限公司"),
            ("澳门星光贸易有限公司", "星光贸易（澳门）有限公司"),
            ("苏州工业园区宏图科技有限公司", "苏州宏图科技有限公司"),
            ("苏州工业园区宏图科技有限公司", "宏图科技（苏州工业园区）有限公司"),
            ("昆山开发区蓝海电子有限公司", "昆山蓝海电子有限公司"),
            ("苏州高新区兰亭印务有限公司", "苏州兰亭印务有限公司"),
            ("杭州市临平区恒通物流有限公司", "杭州恒通物流有限公司"),
            ("深圳市龙华区金色年华美容店", "深圳市金色年华美容店"),
            ("星辰软件（苏州吴江）有限公司", "苏州星辰软件有限公司"),
            ("星辰软件（苏州吴江）有限公司", "苏州市吴江区星辰软件有限公司"),
            ("大丰市海洋渔业有限公司", "盐城市大丰区海洋渔业有限公司"),
            ("吴江市星辰软件有限公司", "苏州市吴江区星辰软件有限公司"),
        ] {
            for (asked, listed) in [(one, other), (other, one)] {
                let probability = likeness(asked, listed).probability();
                assert!(probability > 0.8, "{asked} {listed} {probability}");
            }
        }
        for (one, other) in [
            ("苏州工业园区宏图科技有限公司", "苏州高新区宏图科技有限公司"),
            ("香港瑞丰科技有限公司", "澳门瑞丰科技有限公司"),
            ("伊宁市宏图科技有限公司", "伊宁县宏图科技有限公司"),
        ] {
            let probability = likeness(one, other).probability();
            assert!(probability < 0.2, "{one} {other} {probability}");
        }
    }
}
