//! Eight ASCII characters in a word, looked at together.
//!
//! Numbers of 18 characters are looked at by the million. One character after the other, more than half of the
//! time that it takes to tell a sound one goes into the digits.

/// 1 in each of the eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;
/// All bits in every other of the eight bytes.
const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
/// All bits in every other pair of bytes.
const EVEN_PAIRS: u64 = 0x0000_ffff_0000_ffff;

/// See the [module](self). The first character is the lowest byte.
#[derive(Clone, Copy)]
pub(super) struct Word(u64);

impl Word {
    /// Of eight characters.
    #[inline]
    fn of(text: [u8; 8]) -> Word {
        Word(u64::from_le_bytes(text))
    }

    /// The words of the first sixteen characters.
    #[inline]
    pub fn both<const N: usize>(text: &[u8; N]) -> [Word; 2] {
        const { assert!(N >= 16) };
        let (words, _) = text.as_chunks();
        [Word::of(words[0]), Word::of(words[1])]
    }

    /// All eight are digits.
    #[inline]
    pub fn are_digits(self) -> bool {
        // 6 more than a digit has the same high half as the digit; more than a digit has not.
        let high = 0xf0 * EACH;
        (self.0 & high) | (self.0.wrapping_add(6 * EACH) & high) >> 4 == 0x33 * EACH
    }

    /// These characters without the first two, and `00` behind them.
    #[inline]
    pub fn without_two(self) -> Word {
        Word(self.0 >> 16 | 0x3030 << 48)
    }

    /// The number that eight digits are.
    #[inline]
    pub fn decimal(self) -> u64 {
        number(self.digits(), 10)
    }

    /// The number that eight digits and capitals are in base 36.
    #[inline]
    pub fn in_base_36(self) -> u64 {
        // Digits are 16 and more in their low five bits, capitals 1 and more.
        let are_capitals = self.0 >> 6 & EACH;
        number((self.0 & (0x1f * EACH)).wrapping_add(25 * are_capitals).wrapping_sub(16 * EACH), 36)
    }

    /// The values of eight digits, each times its weight.
    #[inline]
    pub fn weighed(self, weights: Weights) -> u64 {
        let digits = self.digits();
        // The highest pair of bytes of a product is the sum of all; none below it outgrows its own.
        let sum = |digits: u64, weights: u64| digits.wrapping_mul(weights) >> 48;
        sum(digits & EVEN, weights.even) + sum(digits >> 8 & EVEN, weights.odd)
    }

    #[inline]
    fn digits(self) -> u64 {
        self.0 & (0x0f * EACH)
    }
}

/// The number that eight values are in a base of up to 36: pairs, pairs of pairs, all.
#[inline]
fn number(values: u64, base: u64) -> u64 {
    let pairs = (values & EVEN) * base + (values >> 8 & EVEN);
    let base = base * base;
    let fours = (pairs & EVEN_PAIRS) * base + (pairs >> 16 & EVEN_PAIRS);
    (fours & 0xffff_ffff) * (base * base) + (fours >> 32)
}

/// Weights of eight digits, up to 255 each.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    even: u64,
    odd: u64,
}

impl Weights {
    /// In the order of the digits.
    pub const fn of([a, b, c, d, e, f, g, h]: [u8; 8]) -> Weights {
        Weights {
            even: u64::from_le_bytes([g, 0, e, 0, c, 0, a, 0]),
            odd: u64::from_le_bytes([h, 0, f, 0, d, 0, b, 0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one_by_one(text: &[u8], base: u64) -> u64 {
        let value = |byte| char::from(byte).to_digit(36).unwrap();
        text.iter().fold(0, |number, &byte| number * base + u64::from(value(byte)))
    }

    #[test]
    fn only_digits_are_digits() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut text = *b"90817263";
                text[at] = byte;
                let is_digit = byte.is_ascii_digit();
                assert_eq!(Word::of(text).are_digits(), is_digit, "{byte} at {at}");
                let is_passed_over = at < 2;
                let rest = Word::of(text).without_two();
                assert_eq!(rest.are_digits(), is_digit || is_passed_over, "{byte} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn together_they_are_what_they_are_one_by_one(
            digits in proptest::array::uniform8(b'0'..=b'9'),
            symbols in proptest::array::uniform8(prop_oneof![b'0'..=b'9', b'A'..=b'Z']),
            weights in proptest::array::uniform8(any::<u8>()),
        ) {
            prop_assert_eq!(Word::of(digits).decimal(), one_by_one(&digits, 10));
            prop_assert_eq!(Word::of(symbols).in_base_36(), one_by_one(&symbols, 36));
            let products = digits.iter().zip(weights);
            let sum: u64 = products.map(|(digit, weight)| u64::from(digit - b'0') * u64::from(weight)).sum();
            prop_assert_eq!(Word::of(digits).weighed(Weights::of(weights)), sum);
        }

        #[test]
        fn whatever_is_no_digit_is_told(text in any::<[u8; 8]>()) {
            prop_assert_eq!(Word::of(text).are_digits(), text.iter().all(u8::is_ascii_digit));
        }
    }
}
