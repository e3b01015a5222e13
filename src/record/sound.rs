//! A number of 18 characters that decides and with which nothing is wrong, told at a glance.
//!
//! Most identifiers that are asked about are unified codes and resident IDs as their standards want them. For
//! those each question to an [`Identifier`](super::Identifier) has one answer, which one look at 18 bytes tells;
//! the long way, which knows all other forms and all faults, comes to the same.

use super::word::Word;
use super::{Day, Family, IdentifierKind, check, region};

/// See the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sound {
    /// Its kind: a unified code, a resident ID or a residence permit.
    pub kind: IdentifierKind,
    /// Its family.
    pub family: Family,
}

impl Sound {
    /// Of a text as it was given; `None` where it is something else, where anything is wrong with it, and where
    /// the long way must look. Equal to: the text is normalised already, its kind is recognised as one of these,
    /// its quality is good, nothing is derived from it. Cost: some nanoseconds.
    #[inline]
    pub fn of(text: &[u8]) -> Option<Sound> {
        let text: &[u8; 18] = text.try_into().ok()?;
        let words = Word::both(text);
        if are_digits(text, words) { resident(text, words) } else { unified(text, words) }
    }

    /// The family of a text that is sound, as was told before.
    #[inline]
    pub(super) fn family_of(text: &[u8; 18]) -> Family {
        let words = Word::both(text);
        if are_digits(text, words) {
            resident_family(text, words.map(Word::decimal))
        } else {
            unified_family(words)
        }
    }
}

/// The first 17 are.
#[inline]
fn are_digits(t: &[u8; 18], [first, second]: [Word; 2]) -> bool {
    first.are_digits() && second.are_digits() && t[16].is_ascii_digit()
}

/// Region, day and sequence, without century and check digit.
#[inline]
fn resident_family(t: &[u8; 18], [first, second]: [u64; 2]) -> Family {
    Family::of_digits(first / 100 * 1_000_000_000 + second * 10 + u64::from(t[16] - b'0'))
}

/// The organisation code in it.
#[inline]
fn unified_family([_, second]: [Word; 2]) -> Family {
    Family::of_code(second.in_base_36())
}

/// Digits are a unified code too, of an old public institution: the long way tells the two apart where the check
/// digit of a resident ID does not hold.
#[inline]
fn resident(t: &[u8; 18], [first, second]: [Word; 2]) -> Option<Sound> {
    let kind = match &t[..2] {
        b"81" | b"82" | b"83" => IdentifierKind::ResidencePermit,
        // A foreign permanent resident's, of whom there may be several.
        [b'9', _] => return None,
        _ => IdentifierKind::ResidentId,
    };
    let numbers @ [first, second] = [first.decimal(), second.decimal()];
    let year = (first % 100 * 100 + second / 1_000_000) as i16;
    let (month, day) = ((second / 10_000 % 100) as i8, (second / 100 % 100) as i8);
    let is_sound = check::resident_id(&t[..17]) == Some(t[17])
        && (1800..2100).contains(&year)
        && Day::exists(year, month, day)
        && region::is_province(t[0], t[1]);
    is_sound.then(|| Sound { kind, family: resident_family(t, numbers) })
}

/// A letter among the first 17 is of no other kind's form, and of no placeholder.
#[inline]
fn unified(t: &[u8; 18], words: [Word; 2]) -> Option<Sound> {
    let is_sound = check::uscc(&t[..17]) == Some(t[17])
        && words[0].without_two().are_digits()
        && region::is_province(t[2], t[3]);
    is_sound.then(|| Sound { kind: IdentifierKind::Uscc, family: unified_family(words) })
}
