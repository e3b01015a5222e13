//! Days of birth: as a query tells them, as an identifier holds them, and how the two agree.

use crate::record::{Identifier, IdentifierKind, MaskedIdentifier};

const UNKNOWN: u8 = b'*';

/// A day of birth, `19000101`. Digits that are hidden are `*`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Birth([u8; 8]);

/// How far two days of birth agree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Agreement {
    /// Some digits differ.
    Differs,
    /// The years are equal, of the rest not all is known.
    Year,
    /// The days are equal.
    Day,
}

impl Birth {
    /// `1900-01-01`; `None` for anything else. By years and months alone the hidden digits of a number could be
    /// tried one after the other.
    pub fn parse(text: &str) -> Option<Birth> {
        let mut digits = [UNKNOWN; 8];
        let mut parts = text.trim().split('-');
        let mut at = 0;
        for length in [4, 2, 2] {
            let part = parts.next()?;
            if part.len() != length || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            digits[at..at + length].copy_from_slice(part.as_bytes());
            at += length;
        }
        parts.next().is_none().then_some(Birth(digits))
    }

    /// Its digits.
    pub fn digits(&self) -> &[u8] {
        &self.0
    }

    /// The one in a person's identifier.
    pub fn of(identifier: &Identifier) -> Option<Birth> {
        let holds_one = matches!(
            identifier.kind(),
            IdentifierKind::ResidentId
                | IdentifierKind::ResidencePermit
                | IdentifierKind::ForeignPermanentResident
        );
        if holds_one { Birth::within(identifier.text()) } else { None }
    }

    /// The one in a person's identifier of which digits are hidden.
    pub fn of_masked(identifier: &MaskedIdentifier) -> Option<Birth> {
        Birth::within(identifier.text())
    }

    fn within(text: &str) -> Option<Birth> {
        let mut digits = *b"19******";
        match text.len() {
            18 => digits.copy_from_slice(text.as_bytes().get(6..14)?),
            // Of the first generation, whose holders were born in the last century.
            15 => digits[2..].copy_from_slice(text.as_bytes().get(6..12)?),
            _ => return None,
        }
        let is_date = digits.iter().all(|&byte| byte.is_ascii_digit() || byte == UNKNOWN);
        is_date.then_some(Birth(digits))
    }

    /// `None` where too little is known.
    pub fn agrees(&self, other: &Birth) -> Option<Agreement> {
        let pairs = || self.0.iter().zip(&other.0);
        let is_known = |&(&a, &b): &(&u8, &u8)| a != UNKNOWN && b != UNKNOWN;
        if pairs().filter(is_known).any(|(a, b)| a != b) {
            return Some(Agreement::Differs);
        }
        match pairs().take_while(is_known).count() {
            8 => Some(Agreement::Day),
            4.. => Some(Agreement::Year),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_agree_as_far_as_both_are_known() {
        let resident = |text| Birth::of(&Identifier::recognise(text).unwrap());
        let full = resident("320500190001010018");
        let short = resident("320500000101001");
        let hidden = Birth::of_masked(&MaskedIdentifier::parse("1101011900****0014").unwrap());
        let platform = Birth::of_masked(&MaskedIdentifier::parse("110101********0014").unwrap());
        let rows = [
            ("1900-01-01", full, Some(Agreement::Day)),
            ("1900-01-02", full, Some(Agreement::Differs)),
            ("1952-01-01", full, Some(Agreement::Differs)),
            ("1900-01-01", short, Some(Agreement::Day)),
            ("1900-01-01", hidden, Some(Agreement::Year)),
            ("1901-01-01", hidden, Some(Agreement::Differs)),
            ("1900-01-01", platform, None),
        ];
        for (asked, listed, agreement) in rows {
            let asked = Birth::parse(asked).unwrap();
            assert_eq!(asked.agrees(&listed.unwrap()), agreement, "{asked:?} {listed:?}");
        }
        assert_eq!(resident("91320500MA0000015D"), None);
        for text in [
            "",
            "00",
            "1900",
            "1900-01",
            "1900-1-1",
            "1900-01-01-01",
            "1900-01-01T00:00:00",
            "一九〇〇",
        ] {
            assert_eq!(Birth::parse(text), None, "{text}");
        }
    }
}
