//! Who bears a name like this one: found by the sounds of its core, compared, ranked.
//!
//! Nothing is lost for want of room: every listed name whose core is one edit away, or reads the same
//! but for one edit, is compared, wherever a place stands and though a place or a legal form was
//! misspelt.

use super::{EntryNo, Listed};
use crate::text::edits::Edits;
use crate::text::name::{deletions, hash_of_sounds};
use crate::text::{Likeness, Name, han};
use std::cmp::Reverse;
use xxhash_rust::xxh3::xxh3_64;

/// Characters of a core beyond which no other readings are tried: their number grows with its square.
const READINGS_CHARS_MAX: usize = 32;

/// A listed name that may be the asked one.
#[derive(Clone, PartialEq, Debug)]
pub struct Like {
    /// An entry whose subject bears it; others may bear the same.
    pub entry: EntryNo,
    /// Which of the entry's [names](super::EntryView::names).
    pub name: usize,
    /// The K2 keys are equal.
    pub is_same: bool,
    /// What was compared.
    pub likeness: Likeness,
    /// How likely both names mean one subject.
    pub probability: f64,
}

/// Space for a search, reused from name to name, and what it found.
#[derive(Default)]
pub struct Likes {
    asked: Name,
    listed: Name,
    edits: Edits,
    sounds: Vec<han::Sound>,
    hashes: Vec<u64>,
    candidates: Vec<EntryNo>,
    /// Of each that was found, its core and its key, as hashes.
    cores: Vec<(u64, u64)>,
    found: Vec<Like>,
}

impl Like {
    /// The name that is like the asked one, as recorded.
    pub fn name_in<'a>(&self, listed: Listed<'a>) -> Option<&'a str> {
        listed.entry(self.entry)?.names().nth(self.name)
    }
}

impl Likes {
    /// Find them, the likeliest first; equally likely ones by entry. Cost: about 10 µs, and 2 µs for
    /// each that is found.
    pub fn of(&mut self, listed: Listed<'_>, name: &str) -> &[Like] {
        self.found.clear();
        self.asked.of(name);
        self.hash();
        self.candidates.clear();
        listed.with_hashes(&self.hashes, &mut self.candidates);
        self.candidates.sort_unstable();
        self.candidates.dedup();
        self.compare(listed);
        self.count_namesakes();
        // Of numbers above 0 the bits are in the same order.
        let key = |like: &Like| (Reverse(like.probability.to_bits()), like.entry, like.name);
        self.found.sort_by_cached_key(key);
        &self.found
    }

    /// Entries that were compared at the last search.
    pub fn compared(&self) -> usize {
        self.candidates.len()
    }

    /// The hashes under which its likes are kept.
    fn hash(&mut self) {
        let Likes { asked, edits, sounds, hashes, .. } = self;
        hashes.clear();
        for core in asked.cores() {
            all_hashes(core, sounds, hashes);
        }
        asked.suspected_cores(edits, |core, gone| {
            han::sounds_of(core, sounds);
            deletions(sounds, gone, |hash| hashes.push(hash));
        });
        hashes.sort_unstable();
        hashes.dedup();
    }

    fn compare(&mut self, listed: Listed<'_>) {
        let corpus = listed.index().similar();
        self.cores.clear();
        listed.prefetch_entries(&self.candidates);
        for &entry in &self.candidates {
            let Some(view) = listed.entry(entry) else { continue };
            for (at, name) in view.names().enumerate() {
                self.listed.of(name);
                let likeness = Likeness::of(&self.asked, &self.listed, corpus, &mut self.edits);
                let Some(likeness) = likeness else { continue };
                let is_same = self.listed.keys.unified == self.asked.keys.unified;
                self.found.push(Like { entry, name: at, is_same, likeness, probability: 0.0 });
                let core = self.listed.parts.core.iter().map(|&c| han::Sound(c as u32));
                let key = xxh3_64(self.listed.keys.unified.as_bytes());
                self.cores.push((hash_of_sounds(core), key));
            }
        }
    }

    /// How many names of those found have one core: they are told apart by nothing but their places.
    /// Whoever bears one name counts once.
    fn count_namesakes(&mut self) {
        let mut counts = self.cores.clone();
        counts.sort_unstable();
        counts.dedup();
        for (like, (core, _)) in self.found.iter_mut().zip(&self.cores) {
            let first = counts.partition_point(|(of, _)| of < core);
            let namesakes = counts[first..].partition_point(|(of, _)| of == core);
            like.likeness.add_namesakes(namesakes);
            like.probability = like.likeness.probability();
        }
    }
}

/// The hashes of a core and its deletions, as it usually reads and with one character read otherwise.
fn all_hashes(core: &[char], sounds: &mut Vec<han::Sound>, hashes: &mut Vec<u64>) {
    han::sounds_of(core, sounds);
    deletions(sounds, 0..core.len(), |hash| hashes.push(hash));
    let readable = if core.len() <= READINGS_CHARS_MAX { core } else { &[] };
    for (at, &c) in readable.iter().enumerate() {
        let usual = sounds[at];
        for other in han::sounds(c).skip(1) {
            sounds[at] = other;
            deletions(sounds, 0..core.len(), |hash| hashes.push(hash));
        }
        sounds[at] = usual;
    }
}
