//! The check digits of the national standards.
//!
//! Every function takes ASCII bytes of a normalised identifier and answers the check character that
//! the standard computes, or `None` when a character lies outside the standard's alphabet or the
//! length is wrong. Comparing is the caller's: a failed check flags and never rejects.

use super::word::{Weights, Word};

/// The 31 symbols of GB 32100-2015: digits and capitals without I, O, S, V, Z.
const USCC_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights 3^(i-1) mod 31 for the first 17 positions.
const USCC_WEIGHTS: [u16; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// More than all symbols weigh together.
const NO_USCC: u16 = 1 << 15;

/// What each byte weighs in each position; [`NO_USCC`] where it is no symbol.
static USCC_WEIGHED: [[u16; 256]; 17] = {
    let mut weighed = [[NO_USCC; 256]; 17];
    let mut at = 0;
    while at < 17 {
        let mut value = 0;
        while value < USCC_ALPHABET.len() {
            weighed[at][USCC_ALPHABET[value] as usize] = value as u16 * USCC_WEIGHTS[at];
            value += 1;
        }
        at += 1;
    }
    weighed
};

/// Check character of a unified social credit code from its first 17 characters (GB 32100-2015):
/// `(31 - sum mod 31) mod 31`. The outer `mod 31`, often forgotten, is what yields `0`.
#[inline]
pub fn uscc(first17: &[u8]) -> Option<u8> {
    let bytes: &[u8; 17] = first17.try_into().ok()?;
    // Every place is looked at, whatever is found: branches would cost more.
    let weighed =
        bytes.iter().zip(&USCC_WEIGHED).map(|(&byte, at)| u32::from(at[usize::from(byte)]));
    let sum: u32 = weighed.sum();
    (sum < u32::from(NO_USCC)).then(|| USCC_ALPHABET[((31 - sum % 31) % 31) as usize])
}

/// Check character of an organisation code from its first 8 characters (GB 11714-1997):
/// `11 - sum mod 11`, 10 written `X`, 11 written `0`.
pub fn organisation_code(first8: &[u8]) -> Option<u8> {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    if first8.len() != 8 {
        return None;
    }
    let mut sum = 0;
    for (&byte, weight) in first8.iter().zip(WEIGHTS) {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            _ => return None,
        };
        sum += u32::from(value) * weight;
    }
    Some(match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + digit as u8,
    })
}

/// Check character of an 18-character resident ID from its first 17 digits (GB 11643-1999,
/// ISO 7064 MOD 11-2). Also that of the HK/Macau/Taiwan residence permit and of the 2023 foreign
/// permanent resident card.
#[inline]
pub fn resident_id(first17: &[u8]) -> Option<u8> {
    const FIRST: Weights = Weights::of([7, 9, 10, 5, 8, 4, 2, 1]);
    const SECOND: Weights = Weights::of([6, 3, 7, 9, 10, 5, 8, 4]);
    let bytes: &[u8; 17] = first17.try_into().ok()?;
    let ([first, second], last) = (Word::both(bytes), bytes[16]);
    let are_digits = first.are_digits() && second.are_digits() && last.is_ascii_digit();
    are_digits.then(|| {
        let sum = first.weighed(FIRST) + second.weighed(SECOND) + 2 * u64::from(last - b'0');
        b"10X98765432"[(sum % 11) as usize]
    })
}

/// Check digit of a 15-digit business registration number from its first 14 digits
/// (GS 15-2006, ISO 7064 MOD 11,10).
pub fn registration_number(first14: &[u8]) -> Option<u8> {
    if first14.len() != 14 {
        return None;
    }
    let mut product = 10;
    for &byte in first14 {
        if !byte.is_ascii_digit() {
            return None;
        }
        let sum = (product + u32::from(byte - b'0')) % 10;
        product = if sum == 0 { 10 } else { sum } * 2 % 11;
    }
    Some(b'0' + ((11 - product) % 10) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples() {
        assert_eq!(uscc(b"91350100M000100Y4"), Some(b'3'));
        assert_eq!(uscc(b"91320500MA0000285"), Some(b'0'), "sum mod 31 = 0 gives `0`");
        assert_eq!(uscc(b"91320500MA000028I"), None, "I is outside the alphabet");
        assert_eq!(organisation_code(b"D2143569"), Some(b'X'));
        assert_eq!(organisation_code(b"MA000009"), Some(b'0'));
        assert_eq!(resident_id(b"11010119000101000"), Some(b'6'));
        assert_eq!(registration_number(b"11010800000001"), Some(b'6'));
        assert_eq!(registration_number(b"1101080000000"), None);
    }
}
