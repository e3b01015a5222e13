//! An identifier with hidden digits, as courts and credit platforms publish them.

use super::identifier::{fold_value, mask_personal};
use super::{Identifier, limits};
use compact_str::CompactString;
use std::fmt;

/// An identifier with hidden digits: `1101011900****0006` (courts), `110101********0006` (platforms).
///
/// A full identifier fits it when the lengths are equal and every shown character is; the fit is
/// probable, never a confirmation. A resident ID is compared in the length of the mask.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct MaskedIdentifier {
    text: CompactString,
}

impl fmt::Debug for MaskedIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.shown();
        write!(f, "masked({shown} of {} shown)", self.text.len())
    }
}

impl MaskedIdentifier {
    /// Characters that must be shown: fewer would fit thousands of strangers.
    pub const SHOWN_MIN: usize = 6;

    /// A value with `*`, `＊`, `x`-runs or `●` for its hidden digits, or `None` when nothing is
    /// hidden, fewer than [`Self::SHOWN_MIN`] are shown, or it is not ASCII beside its masks.
    pub fn parse(raw: &str) -> Option<MaskedIdentifier> {
        if raw.len() > 8 * limits::IDENTIFIER_BYTES_MAX {
            return None;
        }
        let mut text: CompactString = fold_value(raw)
            .chars()
            .map(|c| if matches!(c, '●' | '•' | '×' | '#') { '*' } else { c })
            .collect();
        if !text.contains('*') && text.contains("XXXX") {
            text = text.replace("XXXX", "****").into();
        }
        let masked = MaskedIdentifier { text };
        let fits = masked.text.is_ascii()
            && masked.text.contains('*')
            && masked.text.len() <= limits::IDENTIFIER_BYTES_MAX
            && masked.shown() >= Self::SHOWN_MIN;
        fits.then_some(masked)
    }

    /// A text that [`parse`](Self::parse) made, as the index stores it.
    pub(crate) fn trusted(text: CompactString) -> MaskedIdentifier {
        MaskedIdentifier { text }
    }

    /// The value, hidden digits as `*`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// For display: no more than is shown of a whole one.
    pub fn hidden(&self) -> String {
        mask_personal(&self.text)
    }

    fn shown(&self) -> usize {
        self.text.bytes().filter(|&b| b != b'*').count()
    }

    /// The full identifier could be the one behind the mask; `None` where they are of two lengths.
    pub fn fits(&self, full: &Identifier) -> Option<bool> {
        let is_behind = |full: &Identifier| {
            self.text.bytes().zip(full.text().bytes()).all(|(mask, b)| mask == b'*' || mask == b)
        };
        if full.text().len() == self.text.len() {
            return Some(is_behind(full));
        }
        let other = full.other_length().filter(|other| other.text().len() == self.text.len());
        other.as_ref().map(is_behind)
    }

    /// One of these numbers could be the one behind the mask; `None` where none can be compared. Of another
    /// length none can, and one with a failing check may be a slip of one digit: it rules nothing out.
    pub fn fits_any(&self, numbers: &[Identifier]) -> Option<bool> {
        let compared =
            |id: &Identifier| self.fits(id).filter(|fits| *fits || !id.quality().check_digit);
        numbers.iter().filter_map(compared).reduce(|any, fits| any || fits)
    }

    /// Two masks could hide one identifier; `None` where they are of two lengths.
    pub fn compare(&self, other: &MaskedIdentifier) -> Option<bool> {
        (self.text.len() == other.text.len()).then(|| self.fits_masked(other))
    }

    /// Two masks could hide one identifier: nowhere do both show different characters.
    pub fn fits_masked(&self, other: &MaskedIdentifier) -> bool {
        self.text.len() == other.text.len()
            && self
                .text
                .bytes()
                .zip(other.text.bytes())
                .all(|(a, b)| a == b || a == b'*' || b == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_identifiers_fit_their_masks() {
        let full = Identifier::recognise("110101190001010006").unwrap();
        for (mask, fits) in [
            ("1101011900****0006", Some(true)),
            ("110101********0006", Some(true)),
            ("110101 1900 ＊＊＊＊ 0006", Some(true)),
            ("1101011900XXXX0006", Some(true)),
            ("1101011900****0007", Some(false)),
            ("1101011900***0006", None),
            ("110101******000", Some(true)),
            ("110101******001", Some(false)),
        ] {
            assert_eq!(MaskedIdentifier::parse(mask).unwrap().fits(&full), fits, "{mask}");
        }
        // The 15 digits of a resident ID are those of 18 characters.
        let short = Identifier::recognise("110101000101000").unwrap();
        let long = |mask: &str| MaskedIdentifier::parse(mask).unwrap().fits(&short);
        assert_eq!(long("1101011900****0006"), Some(true));
        assert_eq!(long("110101********0014"), Some(false));
        let court = MaskedIdentifier::parse("1101011900****0006").unwrap();
        assert!(court.fits_masked(&MaskedIdentifier::parse("110101********0006").unwrap()));
        assert!(!court.fits_masked(&MaskedIdentifier::parse("110101********0016").unwrap()));
    }

    #[test]
    fn what_hides_nothing_or_everything_is_no_mask() {
        for raw in ["110101190001010006", "****", "1************6", ""] {
            assert_eq!(MaskedIdentifier::parse(raw), None, "{raw}");
        }
    }
}
