//! A listed name made ready, as bytes: it is taken apart once, when it is listed, and most of those that
//! a search meets need not even be unpacked.
//!
//! ```text
//! packed   = units(u16) form(u8) places(u8) place* key core
//! place    = count(u8) code(u24)*   the divisions that bear its name
//! key      = UTF-16 unit(u16)*      the K2 key
//! core     = bit*                   which of the key's units are the core's, in whole bytes
//! form     = 0 none, 1 …            in the order of the words; 0x80 set: a branch
//! ```
//!
//! About 36 bytes for the name of a company. Numbers are little-endian.

use super::Name;
use super::edits::are_within;
use super::parts::FORMS;
use super::place::{Place, agree, province};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::IntoBytes;

/// Mark of a branch.
const BRANCH: u8 = 0x80;
/// What stands around a place, and is no part of a name.
const BRACKETS: [u16; 2] = [b'(' as u16, b')' as u16];
/// Bytes of a division's code.
const CODE: usize = 3;

impl Name {
    /// Append what a listed name is compared by. Of a key of more than 65,535 units only so many, which
    /// no listed name has.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let units: SmallVec<[u16; 64]> =
            self.keys.unified.encode_utf16().take(usize::from(u16::MAX)).collect();
        let form = FORMS.iter().position(|(_, form)| Some(*form) == self.parts.form);
        let branch = if self.parts.is_branch { BRANCH } else { 0 };
        let form = form.map_or(0, |form| form as u8 + 1) | branch;
        let places = &self.parts.places[..self.parts.places.len().min(255)];
        out.extend_from_slice(&(units.len() as u16).to_le_bytes());
        out.extend_from_slice(&[form, places.len() as u8]);
        for place in places {
            let codes = &place.codes[..place.codes.len().min(255)];
            out.push(codes.len() as u8);
            codes.iter().for_each(|code| out.extend_from_slice(&code.to_le_bytes()[..CODE]));
        }
        units.iter().for_each(|unit| out.extend_from_slice(&unit.to_le_bytes()));
        let core = out.len();
        out.resize(core + units.len().div_ceil(8), 0);
        let mut rest = self.parts.core.iter().peekable();
        let mut at = 0;
        for c in self.keys.unified.chars() {
            let after = at + c.len_utf16();
            if rest.next_if_eq(&&c).is_some() {
                (at..after.min(units.len())).for_each(|at| out[core + at / 8] |= 1 << (at % 8));
            }
            at = after;
        }
    }

    /// Make this the packed name; `None` where that is damaged. What only an asked name is read for
    /// stays empty: its keys, where places end. Cost: 30 ns.
    pub fn unpack(&mut self, packed: Packed) -> Option<()> {
        self.clear();
        for (c, is_core) in packed.chars() {
            let c = c?;
            if !matches!(c, '(' | ')') {
                self.push(c, is_core);
            }
        }
        self.parts.is_branch = packed.form & BRANCH != 0;
        self.parts.form = match packed.form & !BRANCH {
            0 => None,
            form => Some(FORMS.get(usize::from(form) - 1)?.1),
        };
        let place =
            |codes: Codes| Place { length: 0, codes: codes.collect(), zone: 0, whole: false };
        self.parts.places.extend(packed.places().map(place));
        Some(())
    }
}

/// A text in UTF-16, as packed names are.
pub fn units(text: &[char]) -> SmallVec<[u16; 64]> {
    let mut units = SmallVec::new();
    text.iter().for_each(|c| units.extend_from_slice(c.encode_utf16(&mut [0; 2])));
    units
}

/// A name as it is packed. See the [module](self).
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    form: u8,
    places: &'a [u8],
    key: &'a [u8],
    core: &'a [u8],
}

/// What tells a packed name from others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Prints {
    /// Of the core.
    pub core: u64,
    /// Of the key.
    pub key: u64,
}

type Codes<'a> = std::iter::Map<std::slice::ChunksExact<'a, u8>, fn(&[u8]) -> u32>;

impl<'a> Packed<'a> {
    /// The name that begins the bytes, and what follows it; `None` where they end before it does.
    pub fn read(bytes: &'a [u8]) -> Option<(Packed<'a>, &'a [u8])> {
        let (&[low, high, form, places], rest) = bytes.split_first_chunk()?;
        let units = usize::from(u16::from_le_bytes([low, high]));
        let mut length = 0;
        for _ in 0..places {
            length += 1 + usize::from(*rest.get(length)?) * CODE;
        }
        let (places, rest) = rest.split_at_checked(length)?;
        let (key, rest) = rest.split_at_checked(units * 2)?;
        let (core, rest) = rest.split_at_checked(units.div_ceil(8))?;
        Some((Packed { form, places, key, core }, rest))
    }

    /// Hashes by which names of one core, and names of one key, are known. Cost: 15 ns.
    pub fn prints(&self) -> Prints {
        let core: SmallVec<[u16; 64]> = self.units_of_core().collect();
        Prints { core: xxh3_64(core.as_bytes()), key: xxh3_64(self.key) }
    }

    /// Its core has these units. Cost: some nanoseconds where it has not.
    pub fn has_core(self, units: &[u16]) -> bool {
        self.units_of_core().eq(units.iter().copied())
    }

    /// Its core, in UTF-16, where that is one piece of its key, as it mostly is. Cost: 2 ns.
    pub fn core_of_one_piece(self) -> Option<&'a [[u8; 2]]> {
        let mut bits = [0; size_of::<u64>()];
        bits.get_mut(..self.core.len())?.copy_from_slice(self.core);
        let bits = u64::from_le_bytes(bits);
        let start = bits.trailing_zeros();
        let piece = bits.checked_shr(start)?;
        let length = piece.trailing_ones();
        let (units, _) = self.key.as_chunks();
        let is_one = piece.count_ones() == length;
        units.get(start as usize..(start + length) as usize).filter(|_| is_one)
    }

    /// The provinces of its places, by the first two digits of their codes, some more than once.
    pub fn provinces(self) -> impl Iterator<Item = u8> {
        self.places().flatten().map(province)
    }

    /// Its K2 key. What is damaged of it is missing.
    pub fn key(self) -> String {
        self.chars().filter_map(|(c, _)| c).collect()
    }

    /// Its K2 key has these units.
    pub fn is_key(self, units: &[u16]) -> bool {
        self.units().eq(units.iter().copied())
    }

    /// Its places contradict those of the asked name, and it is two edits away at least. Most names are
    /// that have a core like the asked one, and unless the core is the same such are never likely. Cost:
    /// 5 ns where a place agrees, 20 where none does.
    pub fn is_elsewhere(&self, asked: &Name) -> bool {
        let theirs = &asked.parts.places;
        let agrees = |code: u32| {
            theirs.iter().any(|place| place.codes.iter().any(|&other| agree(code, other)))
        };
        let contradicts = !theirs.is_empty()
            && !self.places.is_empty()
            && !self.places().any(|mut codes| codes.any(agrees));
        // Halves of a character count for none.
        let chars = self.units().filter_map(|unit| char::from_u32(u32::from(unit)));
        contradicts && asked.lacks_of(chars) > 1
    }

    /// Without brackets it may be so few edits, at most, from an asked name's units without theirs: it
    /// is, unless there are characters beyond the basic plane. Cost: 30 ns.
    pub fn may_be_within(&self, edits: usize, asked: &[u16]) -> bool {
        let is_bracket = |unit: &u16| BRACKETS.contains(unit);
        let units: SmallVec<[u16; 64]> = self.units().filter(|unit| !is_bracket(unit)).collect();
        let is_half = |unit: &u16| char::from_u32(u32::from(*unit)).is_none();
        units.iter().chain(asked).any(is_half) || are_within(edits, &units, asked)
    }

    /// Its characters, `None` for what is none, and whether each is the core's.
    fn chars(self) -> impl Iterator<Item = (Option<char>, bool)> + 'a {
        let (units, _) = self.key.as_chunks();
        let mut next = 0;
        std::iter::from_fn(move || {
            let at = next;
            let unit = u16::from_le_bytes(*units.get(at)?);
            next += 1;
            let one = char::from_u32(u32::from(unit)).or_else(|| {
                let pair = [unit, u16::from_le_bytes(*units.get(next)?)];
                let pair = char::decode_utf16(pair).next()?.ok()?;
                next += 1;
                Some(pair)
            });
            Some((one, self.is_core(at)))
        })
    }

    fn units(self) -> impl Iterator<Item = u16> + 'a {
        self.key.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
    }

    fn units_of_core(self) -> impl Iterator<Item = u16> + 'a {
        let units = self.units().enumerate();
        units.filter(move |&(at, _)| self.is_core(at)).map(|(_, unit)| unit)
    }

    fn is_core(&self, at: usize) -> bool {
        self.core.get(at / 8).is_some_and(|bits| bits & 1 << (at % 8) != 0)
    }

    /// Of each of its places the codes.
    fn places(self) -> impl Iterator<Item = Codes<'a>> {
        let mut rest = self.places;
        std::iter::from_fn(move || {
            let (&count, after) = rest.split_first()?;
            let (codes, after) = after.split_at_checked(usize::from(count) * CODE)?;
            rest = after;
            let code: fn(&[u8]) -> u32 = |code| u32::from_le_bytes([code[0], code[1], code[2], 0]);
            Some(codes.chunks_exact(CODE).map(code))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Likeness;
    use crate::text::edits::Edits;
    use crate::text::likeness::{Corpus, Part};
    use proptest::prelude::*;

    struct Even;

    impl Corpus for Even {
        fn bits(&self, _: char) -> f64 {
            8.0
        }
        fn knows(&self, a: char, b: char) -> bool {
            (a as u32 + b as u32).is_multiple_of(2)
        }
        fn surprise(&self) -> f64 {
            1.0
        }
    }

    fn unpacked(name: &Name) -> Name {
        let (mut bytes, mut unpacked) = (Vec::new(), Name::new("苏州市left over（无锡）有限公司"));
        name.pack(&mut bytes);
        bytes.extend_from_slice(&[0xff; 9]);
        let (packed, rest) = Packed::read(&bytes).unwrap();
        assert_eq!(rest, [0xff; 9]);
        unpacked.unpack(packed).unwrap();
        unpacked
    }

    #[test]
    fn what_is_compared_comes_back() {
        for name in [
            "",
            "星河",
            "苏州星河科技有限公司",
            "江苏省苏州市吴江区星河科技股份有限公司",
            "星河（苏州）科技有限公司",
            "中国瑞丰银行股份有限公司苏州吴中支行",
            "上海金山贸易公司",
            "𠮷野𠮷家（集团）有限公司",
            "阿布都热西提·买买提明",
            "Acme Trading (Suzhou) Co., Ltd.",
            &"星河科技（苏州）".repeat(30),
        ] {
            let (text, name) = (name, Name::new(name));
            let unpacked = unpacked(&name);
            assert_eq!(packed(text, |packed| packed.key()), name.keys.unified);
            assert_eq!(unpacked.whole, name.whole);
            assert_eq!(unpacked.parts.core, name.parts.core);
            assert_eq!(unpacked.parts.form, name.parts.form);
            assert_eq!(unpacked.parts.is_branch, name.parts.is_branch);
            let codes = |name: &Name| -> Vec<_> {
                name.parts.places.iter().map(|place| place.codes.clone()).collect()
            };
            assert_eq!(codes(&unpacked), codes(&name));
        }
    }

    fn packed<T>(name: &str, then: impl FnOnce(Packed) -> T) -> T {
        let mut bytes = Vec::new();
        Name::new(name).pack(&mut bytes);
        then(Packed::read(&bytes).unwrap().0)
    }

    #[test]
    fn elsewhere_is_where_no_place_agrees_and_more_than_one_character_differs() {
        let asked = "苏州星河科技有限公司";
        let is_elsewhere =
            |asked: &str, name: &str| packed(name, |packed| packed.is_elsewhere(&Name::new(asked)));
        for name in ["杭州星辰科技有限公司", "杭州𠮷辰科技（上海）有限公司"]
        {
            assert!(is_elsewhere(asked, name), "{name}");
        }
        for name in
            ["苏州星辰科技有限公司", "吴江星辰科技有限公司", "星辰科技有限公司", "杭洲星辰科技公司"]
        {
            assert!(!is_elsewhere(asked, name), "{name}");
        }
        assert!(!is_elsewhere("通州星河科技有限公司", "南通州星河科技有限公司"), "one edit");
    }

    #[test]
    fn prints_tell_cores_and_keys() {
        let prints = |name: &str| packed(name, |packed| packed.prints());
        let [a, b, c] =
            ["苏州星河科技有限公司", "杭州星河科技公司", "苏州星辰科技有限公司"].map(prints);
        assert!(a.core == b.core && a.key != b.key && a.core != c.core && a.key != c.key);
        for name in ["苏州星河科技有限公司", "苏州𠮷家有限公司", &"𠮷家".repeat(40)]
        {
            let units: String = Name::new(name).parts.core.iter().collect();
            let units: Vec<u16> = units.encode_utf16().collect();
            let has_core = |units: &[u16]| packed(name, |packed| packed.has_core(units));
            assert!(has_core(&units), "{name}");
            assert!(!has_core(&units[1..]) && !has_core(&[&units[..], &[7]].concat()), "{name}");
        }
    }

    proptest! {
        #[test]
        fn it_is_compared_as_before(
            asked in "(苏州|上海)?[星河明月科技]{1,6}(（无锡）)?(有限公司|公司)?",
            listed in "(苏州|上海)?[星河明月科技]{1,6}(（无锡）)?(有限公司|公司)?",
        ) {
            let (asked, listed) = (Name::new(&asked), Name::new(&listed));
            let compare = |listed: &Name| Likeness::of(&asked, listed, &Even, &mut Edits::default());
            let as_before = compare(&listed);
            prop_assert_eq!(&compare(&unpacked(&listed)), &as_before);
            if let Some(likeness) = as_before {
                let odds = Likeness::odds(likeness.probability());
                let unheard = Likeness::unheard(&asked, &Even);
                let likely =
                    Likeness::of_at_least(odds, unheard, &asked, &listed, &Even, &mut Edits::default());
                prop_assert!(likeness.get(Part::Novel) <= unheard as f64 * Even.surprise());
                prop_assert_eq!(likely, Some(likeness));
            }
        }

        #[test]
        fn damaged_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some((packed, _)) = Packed::read(&bytes) {
                let asked = Name::new("苏州星河科技有限公司");
                let _ = (packed.prints(), packed.is_elsewhere(&asked));
                let _ = Name::default().unpack(packed);
            }
        }
    }
}
