//! How alike two characters are. Names that are compared differ by the same pairs again and again, so each thread
//! remembers those that it met last.

use super::han;
use std::cell::Cell;

/// What a character and its substitute have in common.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Alike {
    /// They may be read alike.
    pub sound: bool,
    /// One is the other in another script, or in another form of it: 昇 and 升, 2 and 二.
    pub are_variants: bool,
    /// Both are numbers, stems or directions, by which the like-named are told apart.
    pub are_numbers: bool,
    /// How alike they look, from 0 to 1.
    pub shape: f64,
}

/// Pairs that are remembered; a newer one takes the place of another.
const KEPT: usize = 1024;

thread_local! {
    /// Pairs by their hashes. What nothing is remembered of is the pair of two zeros, which are not alike.
    static LAST: [Cell<((char, char), Alike)>; KEPT] = const { [const { Cell::new((('\0', '\0'), Alike::STRANGERS)) }; KEPT] };
}

impl Alike {
    /// Nothing.
    const STRANGERS: Alike =
        Alike { sound: false, are_variants: false, are_numbers: false, shape: 0.0 };

    /// How alike they are. Cost: one look where the pair was met lately; else four, and the codes of both shapes.
    pub fn of(from: char, to: char) -> Alike {
        let at = (from as u32).wrapping_mul(0x9e37_79b9) ^ (to as u32).wrapping_mul(0x85eb_ca6b);
        LAST.with(|last| {
            let last = &last[(at >> 16) as usize % KEPT];
            let (pair, alike) = last.get();
            if pair == (from, to) {
                return alike;
            }
            let alike = Alike::compare(from, to);
            last.set(((from, to), alike));
            alike
        })
    }

    fn compare(from: char, to: char) -> Alike {
        Alike {
            sound: han::sound_alike(from, to),
            are_variants: from != to
                && (han::variant(from) == han::variant(to) || han::are_one_number(from, to)),
            are_numbers: han::are_numbers(from, to),
            shape: han::looks_alike(from, to),
        }
    }

    /// They look alike by half at least.
    pub fn looks(self) -> bool {
        self.shape >= 0.5
    }

    /// How alike they look, where they do not sound alike.
    pub fn shape_alone(self) -> f64 {
        if self.sound { 0.0 } else { self.shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_was_compared() {
        // More than are kept, each asked twice.
        let pairs = || ('一'..'龥').step_by(7).zip(('丁'..'龥').step_by(11));
        assert!(pairs().count() > KEPT);
        for (from, to) in pairs().flat_map(|pair| [pair, pair]).chain(pairs()) {
            assert_eq!(Alike::of(from, to), Alike::compare(from, to), "{from}{to}");
        }
        // And those of one character with all others, which take each other's places.
        for to in '一'..'龥' {
            assert_eq!(Alike::of('限', to), Alike::compare('限', to), "{to}");
            assert_eq!(Alike::of(to, '限'), Alike::compare(to, '限'), "{to}");
        }
        assert_eq!(Alike::of('\0', '\0'), Alike::compare('\0', '\0'));
    }

    #[test]
    fn what_characters_have_in_common() {
        let alike = |from, to| {
            let alike = Alike::of(from, to);
            (alike.sound, alike.are_variants, alike.are_numbers, alike.looks())
        };
        assert_eq!(alike('河', '和'), (true, false, false, true));
        assert_eq!(alike('限', '很'), (false, false, false, true));
        assert_eq!(alike('昇', '升'), (true, true, false, true));
        assert!(alike('三', '五').2 && !alike('三', '河').2);
        for (a, b) in [('2', '二'), ('贰', '二'), ('陆', '6')] {
            let alike = Alike::of(a, b);
            assert!(alike.are_variants && !alike.are_numbers, "{a}{b}");
        }
        assert!(alike('2', '三').2 && alike('贰', '三').2);
        assert_eq!(alike('龙', '科'), (false, false, false, false));
    }
}
