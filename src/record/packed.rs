//! An identifier as one sortable integer.
//!
//! The index keeps identifiers sorted and stores the gaps between neighbours, so the form drops what
//! can be computed again (check digits, the organisation code's inside the USCC) and the gaps of real
//! codes stay small. Lossless: [`Packed::unpack`] gives back kind and text.
//!
//! ```text
//! bits 127..124  kind
//! bits 123..120  form: 0 text, 1 USCC, 2 resident ID, 3 organisation code, 4 registration number
//! bits 119..0    number, left-aligned for forms that hold text, so that order is text order
//! ```

use super::word::Word;
use super::{Identifier, IdentifierKind, check};
use compact_str::CompactString;

/// See the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Packed(pub u128);

const FORM_TEXT: u8 = 0;
const FORM_USCC: u8 = 1;
const FORM_RESIDENT: u8 = 2;
const FORM_ORG: u8 = 3;
const FORM_REGISTRATION: u8 = 4;

/// Characters of the text form: 37^23 < 2^120.
const TEXT_CHARS: usize = 23;
const NUMBER_MASK: u128 = (1 << 120) - 1;

/// A form: how many leading characters it stores, and in which base.
struct Shape {
    stored: usize,
    base: u128,
}

const fn shape(form: u8) -> Shape {
    match form {
        FORM_USCC => Shape { stored: 16, base: 36 },
        FORM_RESIDENT => Shape { stored: 17, base: 10 },
        FORM_ORG => Shape { stored: 8, base: 36 },
        FORM_REGISTRATION => Shape { stored: 14, base: 10 },
        _ => Shape { stored: TEXT_CHARS, base: 37 },
    }
}

impl Packed {
    /// The integer of an identifier, or `None` when it has other characters than digits and capital
    /// letters or more than 23 of them.
    pub fn pack(identifier: &Identifier) -> Option<Packed> {
        let t = identifier.text().as_bytes();
        let form = form_of(t);
        let Shape { stored, base } = shape(form);
        let number = match form {
            FORM_TEXT => number_of_text(t)?,
            FORM_USCC => number_of_uscc(t.first_chunk()?),
            FORM_RESIDENT => u128::from(number_of_resident(t.first_chunk()?)),
            _ => t[..stored]
                .iter()
                .try_fold(0, |number, &b| Some(number * base + u128::from(value(b)?)))?,
        };
        Some(Packed(head(identifier.kind(), form) | number))
    }

    /// The identifier of an integer, or `None` when no identifier has it (a damaged file).
    pub fn unpack(self) -> Option<Identifier> {
        let kind = IdentifierKind::from_number((self.0 >> 124) as u8)?;
        let form = (self.0 >> 120) as u8 & 0xf;
        if form > FORM_REGISTRATION {
            return None;
        }
        let Shape { stored, base } = shape(form);
        let mut buffer = [0u8; TEXT_CHARS];
        let mut number = self.0 & NUMBER_MASK;
        // Two halves of 64 bits divide several times faster than one of 128.
        let low_chars = stored / 2;
        let split = base.pow(low_chars as u32);
        let (mut high, mut low) = ((number / split) as u64, (number % split) as u64);
        if (number / split) >> 64 != 0 {
            return None;
        }
        let base = base as u64;
        for at in (stored - low_chars..stored).rev() {
            buffer[at] = symbol((low % base) as u8, form);
            low /= base;
        }
        for at in (0..stored - low_chars).rev() {
            buffer[at] = symbol((high % base) as u8, form);
            high /= base;
        }
        number = u128::from(high);
        if number != 0 {
            return None;
        }
        let mut length = stored;
        match form {
            FORM_USCC => {
                buffer[16] = check::organisation_code(&buffer[8..16])?;
                buffer[17] = check::uscc(&buffer[..17])?;
                length = 18;
            }
            FORM_RESIDENT => {
                buffer[17] = check::resident_id(&buffer[..17])?;
                length = 18;
            }
            FORM_ORG => {
                buffer[8] = check::organisation_code(&buffer[..8])?;
                length = 9;
            }
            FORM_REGISTRATION => {
                buffer[14] = check::registration_number(&buffer[..14])?;
                length = 15;
            }
            _ => length = buffer.iter().position(|&b| b == 0).unwrap_or(length),
        }
        let text = std::str::from_utf8(&buffer[..length]).ok()?;
        Some(Identifier::trusted(kind, CompactString::from(text)))
    }

    /// The ranges (inclusive) that hold every packed identifier whose text starts so. The dropped
    /// check digits may make a range hold others as well, so the caller compares the text.
    pub fn prefix_ranges(prefix: &str) -> Vec<(Packed, Packed)> {
        let t = prefix.as_bytes();
        let mut ranges = Vec::new();
        for kind in IdentifierKind::ALL {
            for form in FORM_TEXT..=FORM_REGISTRATION {
                let Shape { stored, base } = shape(form);
                let shift = u128::from(form == FORM_TEXT);
                let given = &t[..t.len().min(stored)];
                let number = given.iter().try_fold(0, |number, &b| {
                    let value = u128::from(value(b)?) + shift;
                    (value < base).then_some(number * base + value)
                });
                if let Some(number) = number {
                    let rest = base.pow((stored - given.len()) as u32);
                    let low = head(kind, form) | (number * rest);
                    ranges.push((Packed(low), Packed(low + rest - 1)));
                }
            }
        }
        ranges
    }
}

fn head(kind: IdentifierKind, form: u8) -> u128 {
    u128::from((kind as u8) << 4 | form) << 120
}

/// The densest form from which the text follows; the kind plays no part.
fn form_of(t: &[u8]) -> u8 {
    match t.len() {
        18 if check::resident_id(&t[..17]) == Some(t[17]) => FORM_RESIDENT,
        18 if check::uscc(&t[..17]) == Some(t[17])
            && check::organisation_code(&t[8..16]) == Some(t[16]) =>
        {
            FORM_USCC
        }
        9 if check::organisation_code(&t[..8]) == Some(t[8]) => FORM_ORG,
        15 if check::registration_number(&t[..14]) == Some(t[14]) => FORM_REGISTRATION,
        _ => FORM_TEXT,
    }
}

/// Of digits and capitals.
fn number_of_uscc(t: &[u8; 16]) -> u128 {
    let [first, second] = Word::both(t).map(|word| u128::from(word.in_base_36()));
    first * 36u128.pow(8) + second
}

/// Of digits.
fn number_of_resident(t: &[u8; 17]) -> u64 {
    let [first, second] = Word::both(t).map(Word::decimal);
    (first * 100_000_000 + second) * 10 + u64::from(t[16] - b'0')
}

fn number_of_text(t: &[u8]) -> Option<u128> {
    if t.len() > TEXT_CHARS {
        return None;
    }
    let mut number = 0;
    for at in 0..TEXT_CHARS {
        let value = match t.get(at) {
            Some(&b) => value(b)? + 1,
            None => 0,
        };
        number = number * 37 + u128::from(value);
    }
    Some(number)
}

fn value(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'Z' => Some(b - b'A' + 10),
        _ => None,
    }
}

fn symbol(value: u8, form: u8) -> u8 {
    match (form, value) {
        (FORM_TEXT, 0) => 0,
        (FORM_TEXT, value) => symbol(value - 1, FORM_USCC),
        (_, 0..=9) => b'0' + value,
        (_, value) => b'A' + value - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(raw: &str) -> Identifier {
        Identifier::recognise(raw).unwrap()
    }

    #[test]
    fn real_forms_come_back_as_they_were() {
        for raw in [
            "91320500MA0000015D",
            "91350211M0000XUF46",
            "91350100M000100Y4Z",
            "123205004660000024",
            "110101190001010006",
            "320500190001010018",
            "D2143569-X",
            "320500000000001",
            "E12345678",
            "ABC110000000000",
            "11010119000101000601",
        ] {
            let id = id(raw);
            assert_eq!(Packed::pack(&id).unwrap().unpack().unwrap(), id, "{raw}");
        }
        assert_eq!(Packed::pack(&id("苏E12345")), None);
    }

    #[test]
    fn a_damaged_integer_is_nobody() {
        assert_eq!(Packed(u128::MAX).unpack(), None);
        assert_eq!(Packed(head(IdentifierKind::Uscc, FORM_USCC) | NUMBER_MASK).unpack(), None);
    }

    proptest! {
        #[test]
        fn words_are_the_numbers_that_characters_are_one_by_one(
            codes in "[0-9A-Z]{16}", digits in "[0-9]{17}",
        ) {
            let one_by_one = |text: &str, base: u128| {
                text.bytes().fold(0, |number, b| number * base + u128::from(value(b).unwrap()))
            };
            let of_codes = number_of_uscc(codes.as_bytes().try_into().unwrap());
            prop_assert_eq!(of_codes, one_by_one(&codes, 36));
            let of_digits = number_of_resident(digits.as_bytes().try_into().unwrap());
            prop_assert_eq!(u128::from(of_digits), one_by_one(&digits, 10));
        }

        #[test]
        fn packing_is_lossless_and_prefixes_find_it(raw in "[0-9A-Z]{5,23}", cut in 1usize..23) {
            if let Ok(id) = Identifier::recognise(&raw) {
                let packed = Packed::pack(&id).unwrap();
                prop_assert_eq!(packed.unpack().unwrap(), id.clone());
                let prefix = &id.text()[..cut.min(id.text().len())];
                let found = Packed::prefix_ranges(prefix).iter().any(|(low, high)| (*low..=*high).contains(&packed));
                prop_assert!(found, "{}", prefix);
            }
        }
    }
}
