//! A name made ready to be compared.

use super::edits::Edits;
use super::parts::{self, CORE_MIN};
use super::{Form, Keys, Parts, han};

/// Legal forms that stand inside a name too.
const FORMS: [&[char]; 2] = [parts::FORMS[0].0, parts::FORMS[1].0];
/// Characters of a place that an edit may have made unreadable, at the beginning of a name.
const PLACE_MAX: usize = 12;

/// A name with its keys and its parts. Reused from name to name.
#[derive(Clone, Debug, Default)]
pub struct Name {
    /// Its keys.
    pub keys: Keys,
    /// The K2 key without brackets.
    pub whole: Vec<char>,
    /// Its parts.
    pub parts: Parts,
}

impl Name {
    /// Make a name ready. Cost: about 1 µs.
    pub fn of(&mut self, name: &str) {
        self.keys.of(name);
        self.whole.clear();
        self.whole.extend(self.keys.unified.chars().filter(|c| !matches!(c, '(' | ')')));
        self.parts.of(&self.keys.unified);
    }

    /// The texts under whose sounds it is looked for when it is a listed one: its core, and what the
    /// core is when a doubtful place is one.
    pub fn cores(&self) -> impl Iterator<Item = &[char]> {
        std::iter::once(&*self.parts.core).chain(self.parts.narrow_core())
    }

    /// The hashes under which it is kept when it is a listed one: the [deletions] of its cores.
    pub fn hashes(&self, sounds: &mut Vec<han::Sound>, mut each: impl FnMut(u64)) {
        for core in self.cores() {
            sounds.clear();
            sounds.extend(core.iter().map(|&c| han::sound(c)));
            deletions(sounds, &mut each);
        }
    }

    /// The cores that it would have if some place at its beginning, or its legal form, were not
    /// readable as written. `edited` is called with those that may have an edit of their own, `exact`
    /// with the others.
    pub fn suspected_cores(
        &self,
        edits: &mut Edits,
        mut edited: impl FnMut(&[char]),
        mut exact: impl FnMut(&[char]),
    ) {
        let mut cut = |whole: &[char]| {
            let formless = without_forms(whole);
            for cut in 0..=PLACE_MAX.min(formless.len().saturating_sub(CORE_MIN)) {
                exact(&formless[cut..]);
            }
        };
        cut(&self.whole);
        // Where the form at the end is whole no other is looked for.
        if matches!(self.parts.form, Some(Form::Limited | Form::Shares)) {
            return;
        }
        if let Some(repaired) = without_damaged_form(&self.whole, edits) {
            let mut parts = Parts::default();
            parts.of(&repaired.iter().collect::<String>());
            edited(&parts.core);
            cut(&repaired);
        }
    }
}

/// Without any legal form, wherever it stands.
fn without_forms(whole: &[char]) -> Vec<char> {
    let mut rest = whole.to_vec();
    if rest.ends_with(&['公', '司']) && !FORMS.iter().any(|form| rest.ends_with(form)) {
        rest.truncate(rest.len() - 2);
    }
    for form in FORMS {
        while let Some(at) = rest.windows(form.len()).position(|window| window == form) {
            rest.drain(at..at + form.len());
        }
    }
    rest
}

/// Without the last legal form that one edit made unreadable.
fn without_damaged_form(whole: &[char], edits: &mut Edits) -> Option<Vec<char>> {
    const WITH_DUTY: &[char] = &['有', '限', '责', '任', '公', '司'];
    for form in [FORMS[0], WITH_DUTY, FORMS[1]] {
        for length in [form.len(), form.len() - 1, form.len() + 1] {
            for at in (CORE_MIN..(whole.len() + 1).saturating_sub(length)).rev() {
                let window = &whole[at..at + length];
                let kept = window.iter().filter(|c| form.contains(c)).count();
                let is_whole = length == form.len();
                let is_bounded = form.first() == window.first() && form.last() == window.last();
                if kept + 1 >= form.len()
                    && window != form
                    && (is_whole || is_bounded)
                    && edits.between(form, window).len() == 1
                {
                    return Some([&whole[..at], &whole[at + length..]].concat());
                }
            }
        }
    }
    None
}

/// The hash of a text by its sounds: texts that read alike are equal. FNV-1a over the sounds' numbers.
pub fn hash_of_sounds(sounds: impl Iterator<Item = han::Sound>) -> u64 {
    let (mut hash, mut length) = (0xcbf2_9ce4_8422_2325_u64, 0);
    for sound in sounds {
        hash = (hash ^ u64::from(sound.0)).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
        length += 1;
    }
    hash ^ length
}

/// The hash of the sounds, and those of the same without any one of them: two texts that differ by one
/// edit share one of these. Mor and Fraenkel, 1982.
pub fn deletions(sounds: &[han::Sound], mut each: impl FnMut(u64)) {
    each(hash_of_sounds(sounds.iter().copied()));
    for gone in 0..sounds.len() {
        let rest = sounds[..gone].iter().chain(&sounds[gone + 1..]);
        each(hash_of_sounds(rest.copied()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspected(name: &str) -> Vec<String> {
        let mut prepared = Name::default();
        prepared.of(name);
        let mut found = Vec::new();
        let mut exact = Vec::new();
        prepared.suspected_cores(
            &mut Edits::default(),
            |core| found.push(core.iter().collect()),
            |core| exact.push(core.iter().collect()),
        );
        found.extend(exact);
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
        ] {
            assert!(suspected(name).contains(&"星河科技".to_owned()), "{name}");
        }
        let branch = "星河科技吴江分公司";
        assert!(suspected("苏州星河科技有限讼司吴江分公司").contains(&branch.replace("公司", "")));
    }

    #[test]
    fn texts_one_edit_apart_share_a_deletion() {
        let hashes = |text: &str| {
            let sounds: Vec<_> = text.chars().map(han::sound).collect();
            let mut hashes = Vec::new();
            deletions(&sounds, |hash| hashes.push(hash));
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
