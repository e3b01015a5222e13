//! Who bears a name like this one: found by the sounds of its core and by how it begins, compared, ranked.
//!
//! Nothing is lost for want of room: every listed name whose core is one edit away, or reads the same
//! but for one edit, is compared, wherever a place stands and though a place or a legal form was
//! misspelt; and, where that is asked for, of names of eight characters and more every one that is two
//! edits away, if it begins with the same two characters.

use super::postings::{Marks, Sought};
use super::similar::{RecordNo, Similar};
use super::{EntryNo, Listed, beginnings};
use crate::text::edits::Edits;
use crate::text::glance::Glance;
use crate::text::name::{Suspicion, deletions};
use crate::text::packed::{Packed, Prints, units};
use crate::text::{Likeness, Name, han};
use smallvec::SmallVec;
use std::cmp::Reverse;

/// Characters of a core beyond which no other readings are tried: their number grows with its square.
const READINGS_CHARS_MAX: usize = 32;

/// Names that are being fetched while one is compared.
const AHEAD: usize = 16;

/// A listed name that may be the asked one.
#[derive(Clone, PartialEq, Debug)]
pub struct Like {
    /// An entry whose subject bears it, or bore it when the index was built; others may bear the same.
    pub entry: EntryNo,
    name: NameAt,
    /// The print of its core.
    core: u64,
    /// The K2 keys are equal.
    pub is_same: bool,
    /// What was compared.
    pub likeness: Likeness,
    /// How likely both names mean one subject.
    pub probability: f64,
}

/// Where a name is read from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum NameAt {
    /// A name of the index.
    Record(RecordNo),
    /// So many names of an added entry are before it.
    Added(usize),
}

/// How far away names are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distance {
    /// A core one edit away, or one that reads so: what checks ask, which may be many. Its cost hardly grows
    /// with the names.
    OneEdit,
    /// Two edits too, where the first two characters agree: what a person searches. In a city whose companies
    /// all begin with its name each search passes over all of them.
    TwoEdits,
}

/// Space for a search, reused from name to name, and what it found.
#[derive(Default)]
pub struct Likes {
    asked: Name,
    /// Its K2 key in UTF-16.
    key: Vec<u16>,
    at_least: f64,
    /// The logarithm of its odds.
    odds: f64,
    /// Pairs of neighbours in the asked name that no listed name has.
    unheard: usize,
    listed: Name,
    glance: Glance,
    edits: Edits,
    sounds: Vec<han::Sound>,
    hashes: Vec<Sought>,
    /// Found by the sounds of their cores.
    records: Vec<RecordNo>,
    /// Found by how they begin only.
    begun: Vec<RecordNo>,
    added: Vec<EntryNo>,
    /// Of all that have the core of one that was found, and of some others.
    prints: Vec<Prints>,
    found: Vec<Like>,
}

impl NameAt {
    /// Make `name` this one, which the entry bears.
    fn read(self, entry: EntryNo, listed: Listed, name: &mut Name) {
        match self {
            NameAt::Record(no) => {
                let record = listed.index().similar().name(no);
                record.and_then(|(_, packed)| name.unpack(packed));
            }
            NameAt::Added(at) => {
                let entry = listed.entry(entry);
                name.of(entry.and_then(|entry| entry.names().nth(at)).unwrap_or_default());
            }
        }
    }
}

impl Like {
    /// The K2 key of the name that is like the asked one.
    pub fn key(&self, listed: Listed) -> String {
        match self.name {
            NameAt::Record(no) => {
                let record = listed.index().similar().name(no);
                record.map(|(_, packed)| packed.key()).unwrap_or_default()
            }
            NameAt::Added(_) => {
                let mut name = Name::default();
                self.name.read(self.entry, listed, &mut name);
                name.keys.unified
            }
        }
    }
}

impl Likes {
    /// Find those that are so likely at least, and those that are the same: these first, then the likeliest; equally
    /// likely ones by entry. Asked for 0 it is whatever the [module](self) promises; for more, names are
    /// passed over that have another core, in a place that contradicts the asked one's, two edits away at
    /// least: of 38,000 labelled queries none meant such a name. A county that a core may begin with is such a
    /// place, where the core without it is what is like. Cost: 10 µs, and 0.1 µs for each that is compared.
    pub fn of(
        &mut self,
        listed: Listed<'_>,
        name: &str,
        at_least: f64,
        distance: Distance,
    ) -> &[Like] {
        (self.at_least, self.odds) = (at_least, Likeness::odds(at_least));
        self.found.clear();
        self.asked.of(name);
        self.unheard = Likeness::unheard(&self.asked, listed.index().similar());
        self.glance.of(&self.asked, self.unheard, listed.index().similar());
        self.key.clear();
        self.key.extend(self.asked.keys.unified.encode_utf16());
        self.hash(listed);
        self.records.clear();
        self.added.clear();
        listed.with_hashes(&self.hashes, &mut self.records, &mut self.added);
        self.records.sort_unstable();
        self.records.dedup();
        self.begun.clear();
        if distance == Distance::TwoEdits {
            self.find_begun(listed);
        }
        self.added.sort_unstable();
        self.added.dedup();
        self.compare_all(listed);
        self.find_namesakes(listed);
        self.count_namesakes();
        self.found.retain(|like| like.is_same || like.probability >= at_least);
        // Of numbers above 0 the bits are in the same order.
        let key = |like: &Like| {
            (Reverse((like.is_same, like.probability.to_bits())), like.entry, like.name)
        };
        self.found.sort_by_cached_key(key);
        &self.found
    }

    /// Names and added entries that were compared at the last search.
    pub fn compared(&self) -> usize {
        self.records.len() + self.begun.len() + self.added.len()
    }

    /// The hashes under which its likes are kept, and the marks of those that may be likely enough: elsewhere
    /// none of another core is, unless the asked one's tells so much that it would be.
    fn hash(&mut self, listed: Listed<'_>) {
        let corpus = listed.index().similar();
        let elsewhere = Likeness::odds_elsewhere(&self.asked, self.unheard, corpus);
        let is_anywhere = elsewhere >= self.odds;
        let near = |core| if is_anywhere { Marks::ALL } else { Marks::near(core) };
        let Likes { asked, edits, sounds, hashes, .. } = self;
        hashes.clear();
        let placed = near(asked.core());
        // Where the edit is one of the core no place contradicts the other's.
        for core in asked.cores() {
            let marks = near(core);
            all_hashes(core.text, sounds, |hash| hashes.push(Sought { hash, marks }));
        }
        // Where it is none, it may be in a place, which contradicts then.
        asked.suspected_cores(edits, |core, suspicion| {
            han::sounds_of(core, sounds);
            let (marks, gone) = match suspicion {
                Suspicion::Whole => (Marks::WHOLE, 0..0),
                Suspicion::Near => (placed, 0..0),
                Suspicion::Lacking(gone) => (Marks::ALL, gone),
            };
            deletions(sounds, gone, |hash| hashes.push(Sought { hash, marks }));
        });
        Sought::unite(hashes);
    }

    fn find_begun(&mut self, listed: Listed<'_>) {
        let Likes { asked, records, begun, added, .. } = self;
        if !beginnings::may_find(asked) {
            return;
        }
        listed.with_near(asked, begun, added);
        let corpus = listed.index().similar();
        begun.iter().for_each(|&no| corpus.prefetch(no));
        let whole = units(&asked.whole);
        let is_near = |packed: Packed| packed.may_be_within(beginnings::EDITS, &whole);
        begun.retain(|no| {
            let name = corpus.name(*no);
            records.binary_search(no).is_err() && name.is_some_and(|(_, packed)| is_near(packed))
        });
    }

    fn compare_all(&mut self, listed: Listed<'_>) {
        let corpus = listed.index().similar();
        // Of a common core there are thousands: all at once they would be gone again when they are read.
        self.records.iter().take(AHEAD).for_each(|&no| corpus.prefetch(no));
        for at in 0..self.records.len() + self.begun.len() {
            self.records.get(at + AHEAD).into_iter().for_each(|&no| corpus.prefetch(no));
            let no = match at.checked_sub(self.records.len()) {
                None => self.records[at],
                Some(at) => self.begun[at],
            };
            if let Some((entry, packed)) = corpus.name(no) {
                self.compare(packed, entry, NameAt::Record(no), corpus);
            }
        }
        for at in 0..self.added.len() {
            let entry = self.added[at];
            each_added(listed, entry, |at, packed| {
                self.compare(packed, entry, NameAt::Added(at), corpus);
            });
        }
    }

    fn compare(&mut self, packed: Packed, entry: EntryNo, name: NameAt, corpus: &Similar) {
        let Likes { asked, key, listed, glance, edits, at_least, odds, unheard, .. } = self;
        if glance.odds_at_most(packed, corpus).is_some_and(|at_most| at_most < *odds) {
            return;
        }
        let is_passed_over =
            *at_least > 0.0 && packed.is_elsewhere(asked) && !glance.is_core_of(packed);
        if is_passed_over || listed.unpack(packed).is_none() {
            return;
        }
        let is_same = packed.is_key(key);
        let odds = if is_same { f64::NEG_INFINITY } else { *odds };
        let likeness = Likeness::of_at_least(odds, *unheard, asked, listed, corpus, edits);
        let Some(likeness) = likeness else { return };
        // Namesakes only take from it.
        let probability = likeness.probability();
        if is_same || probability >= *at_least {
            let core = packed.prints().core;
            self.found.push(Like { entry, name, core, is_same, likeness, probability });
        }
    }

    /// The names that have the core of one that was found. Those elsewhere were not even read where it is
    /// another than the asked one's.
    fn find_namesakes(&mut self, listed: Listed<'_>) {
        self.prints.clear();
        let mut cores: SmallVec<[(u64, bool, usize); 16]> = SmallVec::new();
        for (at, like) in self.found.iter().enumerate() {
            let is_met = match like.name {
                NameAt::Record(no) => self.records.binary_search(&no).is_ok(),
                NameAt::Added(_) => false,
            };
            cores.push((like.core, is_met, at));
        }
        cores.sort_unstable();
        cores.dedup_by_key(|(core, ..)| *core);
        let (mut wholes, mut are_others) = (SmallVec::<[Sought; 16]>::new(), false);
        for (_, is_met, at) in cores {
            let (whole, is_sought) = self.core_of(at, listed);
            // Namesakes of what was met by its narrow core only are those that were.
            if is_met && !is_sought {
                are_others = true;
            } else {
                let marks = if is_met { Marks::WHOLE } else { Marks::ALL };
                wholes.push(Sought { hash: whole, marks });
            }
        }
        let corpus = listed.index().similar();
        let (mut records, mut added) = (Vec::new(), Vec::new());
        listed.with_hashes(&wholes, &mut records, &mut added);
        if are_others {
            self.hashes.iter_mut().for_each(|sought| sought.marks = sought.marks.anywhere());
            listed.with_hashes(&self.hashes, &mut records, &mut added);
        }
        records.iter().for_each(|&no| corpus.prefetch(no));
        let packed = records.iter().filter_map(|&no| corpus.name(no));
        self.prints.extend(packed.map(|(_, packed)| packed.prints()));
        for entry in added {
            each_added(listed, entry, |_, packed| self.prints.push(packed.prints()));
        }
    }

    /// The hash of the core of one that was found; by that or a deletion of it names were looked for.
    fn core_of(&mut self, found: usize, listed: Listed<'_>) -> (u64, bool) {
        let Like { entry, name, .. } = self.found[found];
        name.read(entry, listed, &mut self.listed);
        let Likes { sounds, hashes, .. } = self;
        han::sounds_of(&self.listed.parts.core, sounds);
        let (mut whole, mut is_sought) = (None, false);
        deletions(sounds, 0..sounds.len(), |hash| {
            whole.get_or_insert(hash);
            is_sought |= hashes.binary_search_by_key(&hash, |sought| sought.hash).is_ok();
        });
        (whole.unwrap_or_default(), is_sought)
    }

    /// How many names have one core: they are told apart by nothing but their places.
    /// Whoever bears one name counts once.
    fn count_namesakes(&mut self) {
        let mut cores: Vec<u64> = self.found.iter().map(|like| like.core).collect();
        cores.sort_unstable();
        cores.dedup();
        self.prints.retain(|prints| cores.binary_search(&prints.core).is_ok());
        self.prints.sort_unstable();
        self.prints.dedup();
        for like in &mut self.found {
            let first = self.prints.partition_point(|prints| prints.core < like.core);
            let namesakes = &self.prints[first..];
            let namesakes = namesakes.partition_point(|prints| prints.core == like.core);
            like.likeness.add_namesakes(namesakes);
            like.probability = like.likeness.probability();
        }
    }
}

/// Tell `each` of the names of an added entry, packed, and how many are before each.
fn each_added(listed: Listed<'_>, entry: EntryNo, mut each: impl FnMut(usize, Packed)) {
    let (mut name, mut bytes) = (Name::default(), Vec::new());
    let Some(entry) = listed.entry(entry) else { return };
    for (at, text) in entry.names().enumerate() {
        bytes.clear();
        name.of(text);
        name.pack(&mut bytes);
        if let Some((packed, _)) = Packed::read(&bytes) {
            each(at, packed);
        }
    }
}

/// The hashes of a core and its deletions, as it usually reads and with one character read otherwise.
fn all_hashes(core: &[char], sounds: &mut Vec<han::Sound>, mut each: impl FnMut(u64)) {
    han::sounds_of(core, sounds);
    deletions(sounds, 0..core.len(), &mut each);
    let readable = if core.len() <= READINGS_CHARS_MAX { core } else { &[] };
    for (at, &c) in readable.iter().enumerate() {
        let usual = sounds[at];
        for other in han::sounds(c).skip(1) {
            sounds[at] = other;
            deletions(sounds, 0..core.len(), &mut each);
        }
        sounds[at] = usual;
    }
}
