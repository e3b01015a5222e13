//! A name made ready to be compared.

use super::edits::Edits;
use super::parts::{self, CORE_MIN, LATIN_CORE_MIN};
use super::{Form, Keys, Parts, han, place};
use smallvec::SmallVec;
use std::ops::Range;

/// Words for legal forms as they are written, which an edit may have made unreadable.
const FORMS: [&[char]; 5] = [
    parts::FORMS[1].0,
    &['有', '限', '责', '任', '公', '司'],
    parts::FORMS[0].0,
    &['股', '份', '公', '司'],
    parts::FORMS[2].0,
];
/// Those that stand inside a name too.
const INNER: [&[char]; 2] = [parts::FORMS[0].0, parts::FORMS[1].0];
/// Characters of a name from which on it is looked for as it is written only.
const CHARS_MAX: usize = 128;
/// Characters of a place that an edit may have made unreadable, at the beginning of a name.
const PLACE_MAX: usize = 12;

/// How a text may be the core of a listed name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Suspicion {
    /// It is the core.
    Whole,
    /// It is, or is but for one character more: something that is nearly a place or a legal form stands beside it.
    Near,
    /// It is but for one of these positions, which may be missing.
    Lacking(Range<usize>),
}

/// What a name is looked for by: its core, or what the core is when a [doubtful](Parts::doubtful) place is one.
#[derive(Clone, Copy)]
pub struct Core<'a> {
    /// Its characters.
    pub text: &'a [char],
    parts: &'a Parts,
    is_narrow: bool,
}

impl<'a> Core<'a> {
    /// The provinces of the places of its name, by the first two digits of their codes, some more than once.
    pub fn provinces(self) -> impl Iterator<Item = u8> {
        let doubtful = self.parts.doubtful.iter().filter(move |_| self.is_narrow);
        let places = self.parts.places.iter().chain(doubtful);
        places.flat_map(|place| &place.codes).map(|&code| place::province(code))
    }
}

/// A name with its keys and its parts. Reused from name to name.
#[derive(Clone, Debug, Default)]
pub struct Name {
    /// Its keys.
    pub keys: Keys,
    /// The K2 key without brackets.
    pub whole: Vec<char>,
    /// Its parts.
    pub parts: Parts,
    /// A bit for each of its characters, which some share.
    bits: u64,
    /// The same for its core.
    core_bits: u64,
}

impl Name {
    /// A name made ready.
    pub fn new(name: &str) -> Name {
        let mut ready = Name::default();
        ready.of(name);
        ready
    }

    /// Make a name ready. Cost: about 1 µs.
    pub fn of(&mut self, name: &str) {
        self.keys.of(name);
        self.whole.clear();
        self.whole.extend(self.keys.unified.chars().filter(|c| !matches!(c, '(' | ')')));
        self.parts.of(&self.keys.unified);
        self.count_bits();
    }

    fn count_bits(&mut self) {
        (self.bits, self.core_bits) = (bits(&self.whole), bits(&self.parts.core));
    }

    /// A bit for each of its characters, which some share.
    pub(super) fn bits(&self) -> u64 {
        self.bits
    }

    /// Forget it.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.whole.clear();
        self.parts.clear();
        (self.bits, self.core_bits) = (0, 0);
    }

    /// Add a character to its whole, and to its core if it is one of that.
    pub(super) fn push(&mut self, c: char, is_core: bool) {
        self.whole.push(c);
        self.bits |= bit(c);
        if is_core {
            self.parts.core.push(c);
            self.core_bits |= bit(c);
        }
    }

    /// So many characters of the other, at least, are not in this name.
    pub fn lacks(&self, other: &Name) -> usize {
        (other.bits & !self.bits).count_ones() as usize
    }

    /// The same of a text.
    pub(super) fn lacks_of(&self, text: impl Iterator<Item = char>) -> usize {
        (text.fold(0, |bits, c| bits | bit(c)) & !self.bits).count_ones() as usize
    }

    /// The same of the other's core.
    pub fn lacks_of_core(&self, other: &Name) -> usize {
        (other.core_bits & !self.bits).count_ones() as usize
    }

    /// Neither the other's core nor its whole is within so many edits of this one's: each edit, but for an
    /// insertion before it, takes one character at most.
    pub fn is_beyond(&self, edits: usize, other: &Name) -> bool {
        let is_beyond = |bits: u64| bits.count_ones() as usize > edits;
        is_beyond(other.bits & !self.bits) && is_beyond(other.core_bits & !self.core_bits)
    }

    /// A whole company's: its form ends it, and none is inside.
    pub(super) fn is_whole_company(&self) -> bool {
        let Parts { form, is_branch, .. } = self.parts;
        !is_branch && matches!(form, Some(Form::Limited | Form::Shares))
    }

    /// A branch's: behind a form that is inside it ends as branches do.
    pub(super) fn ends_as_branch(&self) -> bool {
        let Parts { form, is_branch, .. } = self.parts;
        let is_end = |c: &char| parts::BRANCH_ENDS.contains(c);
        is_branch && (form == Some(Form::Company) || self.whole.last().is_some_and(is_end))
    }

    /// What is left of another's core that begins with a county in which this one is: 昆山星河 beside 昆山市星河.
    pub(super) fn county_before<'a>(&self, core: &'a [char]) -> Option<&'a [char]> {
        let ends = &self.parts.ends;
        let starts = std::iter::once(&0).chain(ends);
        let places = starts.zip(ends).filter_map(|(&start, &end)| self.whole.get(start..end));
        places
            .filter_map(|place| {
                let shared = place.iter().zip(core).take_while(|(a, b)| a == b).count();
                let is_named = shared >= 2 && shared + 1 >= place.len();
                core.get(shared..).filter(|rest| is_named && rest.len() >= CORE_MIN)
            })
            .next()
    }

    /// Its core, a doubtful place with it.
    pub fn core(&self) -> Core<'_> {
        Core { text: &self.parts.core, parts: &self.parts, is_narrow: false }
    }

    /// The texts under whose sounds it is looked for when it is a listed one: its core, and what the
    /// core is when a doubtful place is one.
    pub fn cores(&self) -> impl Iterator<Item = Core<'_>> {
        let parts = &self.parts;
        let narrow = parts.narrow_core().map(|text| Core { text, parts, is_narrow: true });
        std::iter::once(self.core()).chain(narrow)
    }

    /// The hashes under which it is kept when it is a listed one: the [deletions] of its cores, each told
    /// with its core and with whether it is that of the whole one.
    pub fn hashes(&self, sounds: &mut Vec<han::Sound>, mut each: impl FnMut(Core, u64, bool)) {
        for core in self.cores() {
            han::sounds_of(core.text, sounds);
            let mut is_whole = true;
            deletions(sounds, 0..sounds.len(), |hash| {
                each(core, hash, std::mem::take(&mut is_whole));
            });
        }
    }

    /// Every text that may be the core of a listed name one edit away where that edit is no edit of the
    /// core: it lies in a place, a bracket or a legal form of one of them, which reads as a part of the
    /// core then. Each is told with what else may be in the way ([`Suspicion`]).
    ///
    /// Complete for names with two characters and more beside places and form (the test
    /// `every_name_one_edit_away_is_found`). Cost: about 3 µs.
    pub fn suspected_cores(&self, edits: &mut Edits, mut each: impl FnMut(&[char], Suspicion)) {
        if self.whole.len() > CHARS_MAX {
            return;
        }
        let formless = without_forms(&self.whole);
        let places = self.parts.ends.last().copied().unwrap_or(0);
        let placed = [formless.get(..places).unwrap_or(&[]), &self.parts.core].concat();
        // A place of this one cannot be read. Nearly all of these cuts are through the name itself. Or the listed
        // one's is shorter than this one's: 苏州有市 for 苏州市.
        let cut_max = PLACE_MAX.min(placed.len().saturating_sub(CORE_MIN));
        let starts = std::iter::once(0).chain(self.parts.ends.iter().copied());
        let misspelt: SmallVec<[_; 5]> = starts
            .filter_map(|start| {
                Some((start, place::misspelt_at_start(placed.get(start..cut_max)?)))
            })
            .collect();
        for cut in 0..=cut_max {
            let is_misspelt = |&(start, lengths): &(usize, place::Lengths)| {
                cut.checked_sub(start).is_some_and(|length| lengths.have(length))
            };
            let is_behind_place = cut < places || misspelt.iter().any(is_misspelt);
            each(&placed[cut..], if is_behind_place { Suspicion::Near } else { Suspicion::Whole });
            // Its last character may have changed places with the first of the core.
            if let Some(before) = cut.checked_sub(1) {
                let swapped = [&placed[before..cut], &placed[cut + 1..]].concat();
                each(&swapped, Suspicion::Whole);
            }
        }
        // A place of the listed one cannot.
        let mut start = 0;
        for &end in &self.parts.ends {
            if let Some(text) = placed.get(start..) {
                each(text, Suspicion::Lacking(0..(end + 1 - start).min(text.len())));
            }
            start = end;
        }
        self.bracketed(&formless, places, &mut each);
        self.with_unread_latin_form(&mut each);
        self.without_unread_latin_form(edits, &mut each);
        self.with_unread_form(&mut each);
        self.without_unread_form(&self.whole, edits, |core| each(core, Suspicion::Near));
        let key: Vec<char> = self.keys.unified.chars().collect();
        if key.len() > self.whole.len() {
            self.without_unread_form(&key, edits, |core| each(core, Suspicion::Near));
        }
    }

    /// What stands in brackets is a place for one of both only.
    fn bracketed(
        &self,
        formless: &[char],
        start: usize,
        each: &mut impl FnMut(&[char], Suspicion),
    ) {
        let mut parts = Parts::default();
        let (mut at, mut open) = (0usize, None);
        for (byte, c) in self.keys.unified.char_indices() {
            match (c, open) {
                ('(', _) => open = Some((at, byte)),
                (')', Some((from, open_byte))) => {
                    let range = from.saturating_sub(start)..(at + 1).saturating_sub(start);
                    if let Some(text) = formless.get(start..) {
                        each(text, Suspicion::Lacking(range.start..range.end.min(text.len())));
                    }
                    let rest = [&self.keys.unified[..open_byte], &self.keys.unified[byte + 1..]];
                    parts.of(&rest.concat());
                    each(&parts.core, Suspicion::Near);
                    open = None;
                }
                (')', None) => {}
                _ => at += 1,
            }
        }
        // A bracket that is alone or elsewhere may have been one around a place.
        if self.keys.unified.len() > self.whole.iter().map(|c| c.len_utf8()).sum() {
            let core = &*self.parts.core;
            for at in 1..core.len() {
                for place in place::at_start(&core[at..]) {
                    let end = at + place.length;
                    let second = place::at_start(&core[end..]).map(|place| end + place.length);
                    for end in std::iter::once(end).chain(second) {
                        let rest = [&core[..at], &core[end..]].concat();
                        // The bracket may have become another character.
                        each(&rest, Suspicion::Lacking(at - 1..(at + 1).min(rest.len())));
                    }
                }
            }
        }
    }

    /// The legal form in Latin letters of the listed one cannot be read, or a shorter one in it only.
    fn with_unread_latin_form(&self, each: &mut impl FnMut(&[char], Suspicion)) {
        let Some(core) = parts::without_latin_form(&self.whole) else { return };
        let form = &self.whole[core.len()..];
        for kept in parts::LATIN_FORMS.iter().filter_map(|short| form.strip_suffix(*short)) {
            let text = &self.whole[..core.len() + kept.len()];
            each(text, Suspicion::Lacking(core.len() - 1..text.len()));
        }
        // The core of the listed one may be too short to stand without it.
        let first = if core.len() == LATIN_CORE_MIN { 0 } else { core.len() - 1 };
        each(&self.whole, Suspicion::Lacking(first..self.whole.len()));
    }

    /// That of this one cannot, or stands after too little.
    fn without_unread_latin_form(
        &self,
        edits: &mut Edits,
        each: &mut impl FnMut(&[char], Suspicion),
    ) {
        let core = parts::without_latin_form(&self.whole);
        let readable = self.whole.len() - core.map_or(self.whole.len(), <[char]>::len);
        let is_latin = self.whole.iter().rev().take(2).any(char::is_ascii_uppercase);
        for form in parts::LATIN_FORMS.iter().filter(|form| is_latin && form.len() > readable) {
            for length in form.len() - 1..=form.len() + 1 {
                let Some(at) = self.whole.len().checked_sub(length) else { continue };
                if at + 1 >= LATIN_CORE_MIN && edits.between(form, &self.whole[at..]).len() <= 1 {
                    each(&self.whole[..at], Suspicion::Near);
                }
            }
        }
    }

    /// The legal form of the listed one cannot be read: so much of it is at the end of its core.
    fn with_unread_form(&self, each: &mut impl FnMut(&[char], Suspicion)) {
        let Some(form) = self.parts.form else { return };
        let (word, _) = parts::FORMS[form as usize];
        if !self.whole.ends_with(word) {
            return;
        }
        let core = &*self.parts.core;
        for kept in (2..=word.len()).rev().step_by(2) {
            let text = [core, &word[..kept]].concat();
            each(&text, Suspicion::Lacking(core.len() - 1..text.len()));
        }
        if !self.parts.is_branch {
            return;
        }
        let whole = Parts::unbracketed(&self.keys.unified);
        let start = self.parts.ends.last().copied().unwrap_or(0);
        let Some(text) = whole.get(start..whole.len() - word.len()) else { return };
        for inner in INNER {
            let Some(at) = parts::find(text, inner) else {
                continue;
            };
            for kept in (2..=inner.len()).rev().step_by(2) {
                let text = [&text[..at], &inner[..kept], &text[at + inner.len()..]].concat();
                let gone = at.saturating_sub(1)..(at + kept + 1).min(text.len());
                each(&text, Suspicion::Lacking(gone));
            }
            break;
        }
    }

    /// The cores that it has when a word that is one edit from a legal form is one.
    fn without_unread_form(
        &self,
        whole: &[char],
        edits: &mut Edits,
        mut each: impl FnMut(&[char]),
    ) {
        let is_whole_at_end = matches!(self.parts.form, Some(Form::Limited | Form::Shares));
        let at_end = self.parts.form.map_or(0, |form| parts::FORMS[form as usize].0.len());
        let mut parts = Parts::default();
        // What is whole at the end is no part of a shorter one.
        for form in FORMS.into_iter().filter(|form| form.len() > at_end) {
            for length in form.len() - 1..=form.len() + 1 {
                let Some(last) = whole.len().checked_sub(length) else { continue };
                // Inside, only where none is whole at the end; there a word of two says nothing.
                let first = if is_whole_at_end || form.len() == 2 { last } else { CORE_MIN };
                for at in first.max(CORE_MIN)..=last {
                    let window = &whole[at..at + length];
                    let kept = window.iter().filter(|c| form.contains(c)).count();
                    let is_form = kept + 1 >= form.len()
                        && window != form
                        && edits.between(form, window).len() == 1;
                    if is_form {
                        let rest = without_forms(&[&whole[..at], &whole[at + length..]].concat());
                        parts.of(&rest.iter().collect::<String>());
                        each(&parts.core);
                        parts.narrow_core().into_iter().for_each(&mut each);
                    }
                }
            }
        }
    }
}

fn bits(text: &[char]) -> u64 {
    text.iter().fold(0, |bits, &c| bits | bit(c))
}

/// The bit that stands for a character, and for some others.
pub(super) fn bit(c: char) -> u64 {
    1 << ((c as u32).wrapping_mul(0x9e37_79b9) >> 26)
}

/// Without any legal form, wherever it stands.
fn without_forms(whole: &[char]) -> Vec<char> {
    let mut rest = whole.to_vec();
    if rest.ends_with(&['公', '司']) && !INNER.iter().any(|form| rest.ends_with(form)) {
        rest.truncate(rest.len() - 2);
    }
    for form in INNER {
        while let Some(at) = parts::find(&rest, form) {
            rest.drain(at..at + form.len());
        }
    }
    rest
}

/// The hash of a text by its sounds: texts that read alike are equal. FNV-1a over the sounds' numbers.
fn hash_of_sounds(sounds: impl Iterator<Item = han::Sound>) -> u64 {
    let (mut hash, mut length) = (0xcbf2_9ce4_8422_2325_u64, 0);
    for sound in sounds {
        hash = (hash ^ u64::from(sound.0)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
        length += 1;
    }
    hash ^ length
}

/// The hash of the sounds, and those of the same without any one of these positions. With all positions,
/// two texts that differ by one edit share one of these (Mor and Fraenkel, 1982). Of a text longer than
/// any name, 128 characters, only the first: what the others cost grows with its square.
pub fn deletions(sounds: &[han::Sound], gone: Range<usize>, mut each: impl FnMut(u64)) {
    each(hash_of_sounds(sounds.iter().copied()));
    let gone = if sounds.len() > CHARS_MAX { 0..0 } else { gone };
    for gone in gone {
        let rest = sounds[..gone].iter().chain(&sounds[gone + 1..]);
        each(hash_of_sounds(rest.copied()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspected(name: &str) -> Vec<String> {
        let prepared = Name::new(name);
        let mut found = Vec::new();
        prepared.suspected_cores(&mut Edits::default(), |core, suspicion| {
            found.push(core.iter().collect());
            let gone = if let Suspicion::Lacking(gone) = suspicion { gone } else { 0..0 };
            found.extend(
                gone.map(|gone| [&core[..gone], &core[gone + 1..]].concat().iter().collect()),
            );
        });
        found
    }

    #[test]
    fn an_edit_in_the_place_or_the_form_leaves_the_core() {
        for name in [
            "苏洲星河科技有限公司",
            "苏州星河科技有限松司",
            "苏州星河科技有公司",
            "苏州星河科技有公限司",
            "苏州星河科技有很责任公司",
            "苏州柿星河科技有限公司",
            "苏州星河科技有限公",
            "苏州星河科技(苏市)有限公司",
            "苏州星河科技股分有限公司",
            "星河科技苏州）有限公司",
            "星河科技（苏洲）有限公司",
        ] {
            assert!(suspected(name).contains(&"星河科技".to_owned()), "{name}");
        }
        let branch = "星河科技吴江分公司";
        assert!(suspected("苏州星河科技有限讼司吴江分公司").contains(&branch.replace("公司", "")));
    }

    #[test]
    fn a_cut_through_a_name_is_a_core_as_it_stands_and_one_behind_a_misspelt_place_is_nearly() {
        for (name, core, suspicion) in [
            ("崇阳凌亿商贸有限公司", "亿商贸", Suspicion::Whole),
            ("崇阳凌亿商贸有限公司", "阳亿商贸", Suspicion::Whole),
            ("乌鲁暮齐星河商贸有限公司", "星河商贸", Suspicion::Near),
            ("新疆乌鲁暮齐星河商贸有限公司", "星河商贸", Suspicion::Near),
            ("乌鲁暮齐星河商贸有限公司", "商贸", Suspicion::Whole),
            ("苏星州河科技有限公司", "星河科技", Suspicion::Whole),
            ("苏州市星河科技有限公司", "市星河科技", Suspicion::Near),
        ] {
            let prepared = Name::new(name);
            let mut found = Vec::new();
            prepared.suspected_cores(&mut Edits::default(), |text, suspicion| {
                if text.iter().copied().eq(core.chars()) {
                    found.push(suspicion);
                }
            });
            assert!(
                !found.is_empty() && found.iter().all(|one| *one == suspicion),
                "{name} {core}: {found:?}"
            );
        }
    }

    #[test]
    fn texts_one_edit_apart_share_a_deletion() {
        let hashes = |text: &str| {
            let sounds: Vec<_> = text.chars().map(han::sound).collect();
            let mut hashes = Vec::new();
            deletions(&sounds, 0..sounds.len(), |hash| hashes.push(hash));
            hashes
        };
        for (a, b) in [
            ("星河科技", "星河科技"),
            ("星河科技", "星和科技"),
            ("星河科技", "星辰科技"),
            ("星河科技", "星科技"),
            ("星河科技", "星河新科技"),
            ("星河科技", "河星科技"),
        ] {
            assert!(hashes(a).iter().any(|hash| hashes(b).contains(hash)), "{a} {b}");
        }
        assert!(!hashes("星河科技").iter().any(|hash| hashes("明月贸易").contains(hash)));
    }
}
