//! What is seen of most listed names before they are taken apart: a core as long as one of the asked name's, in
//! which some characters are strangers to it, can have become it by their substitution only.
//!
//! A stranger of either core is gone in the other by an edit of its own, whatever else is edited, and as many
//! strangers on both sides are paired in order by the fewest edits. Of names that share a common word there
//! are thousands, and most part so from the asked one: what each is worth at most is told at 40 ns by two
//! or three characters.

use super::Name;
use super::likeness::{Corpus, EDITS_MAX, Likeness, Substitution, told};
use super::name::bit;
use super::packed::{Packed, units};
use smallvec::SmallVec;

/// Looks at listed names for an asked one. Reused from name to name.
#[derive(Default)]
pub struct Glance {
    /// The cores of the asked name.
    cores: SmallVec<[Core; 2]>,
    /// A bit for each character of the whole name.
    bits: u64,
    unheard: usize,
}

/// A core of the asked name.
struct Core {
    units: SmallVec<[u16; 64]>,
    /// Each of its characters is one unit.
    is_plane: bool,
    /// What it tells, in bits.
    told: f64,
}

impl Glance {
    /// Look for another name, in which so many pairs of neighbours are [unheard](Likeness::unheard) of.
    pub fn of(&mut self, asked: &Name, unheard: usize, corpus: &impl Corpus) {
        self.cores.clear();
        self.cores.extend(asked.cores().map(|core| {
            let (units, told) = (units(core.text), told(core.text, corpus));
            Core { is_plane: units.len() == core.text.len(), units, told }
        }));
        self.bits = asked.bits();
        self.unheard = unheard;
    }

    /// The listed name's core is one of the asked name's. Cost: some nanoseconds where it is none.
    pub fn is_core_of(&self, packed: Packed) -> bool {
        self.cores.iter().any(|core| packed.has_core(&core.units))
    }

    /// What the logarithm of a name's odds is at most, if that is seen of it. Cost: 10 ns, and 40 where it is.
    pub fn odds_at_most(&self, packed: Packed, corpus: &impl Corpus) -> Option<f64> {
        let listed = packed.core_of_one_piece()?;
        // A place that one of them begins with has two characters at least: whatever else is aligned takes more edits.
        let is_as_long = |core: &&Core| core.is_plane && core.units.len() == listed.len();
        let core = self.cores.iter().find(is_as_long)?;
        let listed: SmallVec<[u16; 64]> =
            listed.iter().map(|&unit| u16::from_le_bytes(unit)).collect();
        let mut substitutions: SmallVec<[Substitution; EDITS_MAX]> = SmallVec::new();
        for (at, (&from, &to)) in listed.iter().zip(&core.units).enumerate() {
            if from == to {
                continue;
            }
            let is_full = substitutions.len() == EDITS_MAX;
            let (from, to) = (char::from_u32(from.into())?, char::from_u32(to.into())?);
            if is_full || bit(from) & self.bits != 0 || listed.contains(&core.units[at]) {
                return None;
            }
            substitutions.push(Substitution::new(from, to, at, corpus));
        }
        (!substitutions.is_empty()).then(|| {
            let length = listed.len();
            Likeness::odds_if_substituted(&substitutions, length, core.told, self.unheard, corpus)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::edits::Edits;
    use crate::text::likeness::FORMS_MOST;
    use proptest::prelude::*;

    /// Neighbours of which this one has the smaller number are unheard of.
    struct Known;

    impl Corpus for Known {
        fn bits(&self, c: char) -> f64 {
            f64::from(c as u32 % 13) + 2.0
        }
        fn knows(&self, a: char, b: char) -> bool {
            a > b
        }
        fn surprise(&self) -> f64 {
            1.5
        }
    }

    /// What is seen, and what is found when both names are compared.
    fn odds(asked: &str, listed: &str) -> (Option<f64>, Option<f64>) {
        let (asked, listed) = (Name::new(asked), Name::new(listed));
        let mut bytes = Vec::new();
        listed.pack(&mut bytes);
        let mut glance = Glance::default();
        glance.of(&asked, Likeness::unheard(&asked, &Known), &Known);
        let seen = glance.odds_at_most(Packed::read(&bytes).unwrap().0, &Known);
        let likeness = Likeness::of(&asked, &listed, &Known, &mut Edits::default());
        let odds = |probability: f64| (probability / (1.0 - probability)).ln();
        (seen, likeness.map(|likeness| odds(likeness.probability())))
    }

    #[test]
    fn strangers_in_the_core_are_seen_and_nothing_else() {
        let asked = "苏州星河科技有限公司";
        for (listed, is_seen) in [
            ("苏州星辰科技有限公司", true),
            ("苏州明光科技有限公司", true),
            ("苏州星河贸云公司", true),
            ("杭州明河贸技有限公司", true),
            ("苏州星河科技有限公司", false),
            ("苏州河星科技有限公司", false),
            ("苏州星科科技有限公司", false),
            ("苏州星苏科技有限公司", false),
            ("苏州明月贸易有限公司", false),
            ("苏州星河明科技有限公司", false),
            ("苏州(星)辰科技有限公司", false),
            ("苏州星𠮷科技有限公司", false),
        ] {
            assert_eq!(odds(asked, listed).0.is_some(), is_seen, "{listed}");
        }
        assert_eq!(odds("苏州星𠮷科技有限公司", asked).0, None);
        // 金山 may be a county, or a trade name.
        for (listed, is_seen) in [
            ("苏州星辰科技有限公司", true),
            ("无锡金山星辰科技有限公司", true),
            ("苏州山辰科技有限公司", false),
            ("苏州金星辰科技有限公司", false),
        ] {
            assert_eq!(odds("上海金山星河科技有限公司", listed).0.is_some(), is_seen, "{listed}");
        }
    }

    #[test]
    fn no_more_is_seen_than_forms_can_add() {
        // Sounds, shapes, strangers, numbers, at the head and behind; heard of as they stand.
        for (asked, listed) in [
            ("苏州星河科技有限公司", "苏州星和科技有限公司"),
            ("苏州星河科技有限公司", "苏州兴河料技有限公司"),
            ("苏州第三星河科技有限公司", "苏州第五星河科技有限公司"),
            ("苏州星河科技有限公司", "苏州明光科技有限公司"),
        ] {
            let (seen, found) = odds(asked, listed);
            let more = seen.unwrap() - found.unwrap();
            assert!((0.0..=FORMS_MOST + 1e-9 + 4.0 * 1.5 * 1.1).contains(&more), "{listed} {more}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn nobody_is_likelier_than_is_seen(
            asked in "(苏州|上海|金山|苏州三门)?[星河明月科技第三公司]{2,5}(（无锡）)?(有限公司|公司)?",
            listed in "(苏州|上海|苏市|金山|无锡三门)?[星和明月科枝第五公江]{2,5}(（无锡）)?(有限公司|有限工司|公司)?",
        ) {
            if let (Some(seen), Some(found)) = odds(&asked, &listed) {
                prop_assert!(found <= seen + 1e-9, "{} {}: {} > {}", asked, listed, found, seen);
            }
        }
    }
}
