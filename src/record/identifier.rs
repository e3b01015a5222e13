//! A normalised identifier: recognise, verify, derive, agree, mask for display.

use super::{Sound, check, limits, region};
use compact_str::CompactString;
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::xxh3_64;

/// What kind of number an identifier is.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum IdentifierKind {
    /// Unified social credit code, 18 characters (GB 32100-2015).
    Uscc = 0,
    /// Organisation code, 9 characters (GB 11714-1997); characters 9-17 of the USCC.
    OrgCode = 1,
    /// Business registration number, 15 digits (GS 15-2006) or 13 of the older form.
    RegistrationNumber = 2,
    /// Taxpayer number of before 2015: 15 (region + organisation code), 17 or 20 (ID + digits).
    TaxpayerNumber = 3,
    /// Resident ID, 18 characters or the 15 digits of the first generation (GB 11643-1999).
    ResidentId = 4,
    /// Residence permit of Hong Kong, Macau and Taiwan residents: 810000, 820000, 830000.
    ResidencePermit = 5,
    /// Foreign permanent resident card: 18 digits from `9` (2023) or 3 letters and 12 digits.
    ForeignPermanentResident = 6,
    /// 回乡证: `H` or `M` and 8 digits, on older cards 2 renewal digits more.
    HomeReturnPermit = 7,
    /// 台胞证: 8 digits, on older cards 2 renewal digits more.
    TaiwanPermit = 8,
    /// Passport.
    Passport = 9,
    /// Free-form officer and soldier cards.
    OfficerCard = 10,
    /// Number plate, where a vehicle is the subject.
    VehiclePlate = 11,
    /// Anything else, or not known which.
    Other = 12,
}

impl IdentifierKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [IdentifierKind; 13] = [
        IdentifierKind::Uscc,
        IdentifierKind::OrgCode,
        IdentifierKind::RegistrationNumber,
        IdentifierKind::TaxpayerNumber,
        IdentifierKind::ResidentId,
        IdentifierKind::ResidencePermit,
        IdentifierKind::ForeignPermanentResident,
        IdentifierKind::HomeReturnPermit,
        IdentifierKind::TaiwanPermit,
        IdentifierKind::Passport,
        IdentifierKind::OfficerCard,
        IdentifierKind::VehiclePlate,
        IdentifierKind::Other,
    ];

    /// The word used in the API, the mappings and the documents.
    pub fn code(self) -> &'static str {
        match self {
            IdentifierKind::Uscc => "uscc",
            IdentifierKind::OrgCode => "org_code",
            IdentifierKind::RegistrationNumber => "registration_number",
            IdentifierKind::TaxpayerNumber => "taxpayer_number",
            IdentifierKind::ResidentId => "resident_id",
            IdentifierKind::ResidencePermit => "residence_permit",
            IdentifierKind::ForeignPermanentResident => "foreign_permanent_resident",
            IdentifierKind::HomeReturnPermit => "home_return_permit",
            IdentifierKind::TaiwanPermit => "taiwan_permit",
            IdentifierKind::Passport => "passport",
            IdentifierKind::OfficerCard => "officer_card",
            IdentifierKind::VehiclePlate => "vehicle_plate",
            IdentifierKind::Other => "other",
        }
    }

    /// The kind of a code, or `None`.
    pub fn from_code(code: &str) -> Option<IdentifierKind> {
        IdentifierKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The kind of a number, or `None`.
    pub fn from_number(number: u8) -> Option<IdentifierKind> {
        IdentifierKind::ALL.get(usize::from(number)).copied()
    }

    /// Identifies a natural person.
    pub fn is_personal(self) -> bool {
        (IdentifierKind::ResidentId as u8..=IdentifierKind::OfficerCard as u8)
            .contains(&(self as u8))
    }

    /// The same of a number of so many characters: those of taxpayers that are longer than 15 are the ID of a
    /// person and digits more.
    pub fn is_personal_of(self, length: usize) -> bool {
        self.is_personal() || (self == IdentifierKind::TaxpayerNumber && length > 15)
    }

    /// Kinds of which a subject holds one: two different valid ones mean two subjects (the veto).
    /// Passports and permits are renewed under new numbers, companies held several registration
    /// numbers, so those never contradict.
    pub fn is_decisive(self) -> bool {
        matches!(
            self,
            IdentifierKind::Uscc
                | IdentifierKind::OrgCode
                | IdentifierKind::ResidentId
                | IdentifierKind::ResidencePermit
                | IdentifierKind::VehiclePlate
        )
    }
}

/// What is wrong with an identifier that is used all the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Quality {
    /// The check digit is not the one that the standard computes, or a character is outside its alphabet.
    pub check_digit: bool,
    /// The region is in no edition of GB/T 2260 (see [`region`]).
    pub region: bool,
    /// The birth date does not exist.
    pub birth_date: bool,
}

impl Quality {
    /// Nothing is wrong.
    pub fn is_good(self) -> bool {
        self == Quality::default()
    }
}

/// How two identifiers agree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Agreement {
    /// The same number.
    Equal,
    /// One is derived from the other: organisation code of a USCC, 15- and 18-digit ID, old permits.
    Derived,
}

/// Why a value is no identifier.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentifierError {
    /// Nothing is left after normalising, or it is a word for "none" or an all-zero placeholder.
    #[error("the identifier is empty or a placeholder")]
    Empty,
    /// Hidden digits: the value belongs in [`super::MaskedIdentifier`].
    #[error("the identifier has hidden digits")]
    Masked,
    /// Longer than [`limits::IDENTIFIER_BYTES_MAX`].
    #[error("the identifier has {got} bytes, at most {max} are taken")]
    TooLong {
        /// Bytes after normalising.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// Shorter than four characters: such a value would meet strangers.
    #[error("the identifier has fewer than 4 characters")]
    TooShort,
}

/// The family of identifiers that can be derived from one another, as a number to hash.
///
/// All members of a family have the same number; strangers may share it too, so a meeting in a
/// family is confirmed with [`Identifier::agrees`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Family(pub u64);

impl Family {
    /// That of resident IDs, and of whatever else is 15 digits.
    pub(super) fn of_digits(number: u64) -> Family {
        Family(CLASS_DIGITS | number)
    }

    /// That of an organisation code, by its first 8 characters.
    pub(super) fn of_code(number: u64) -> Family {
        Family(CLASS_CODE | number)
    }
}

/// A normalised identifier and its kind. Values of at most 24 bytes live inline: no allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "Written")]
pub struct Identifier {
    kind: IdentifierKind,
    text: CompactString,
    /// It is [`Sound`] and of its kind, which follows from both and is asked time and again.
    #[serde(skip_serializing)]
    is_sound: bool,
}

/// An identifier as it is written.
#[derive(serde::Deserialize)]
struct Written {
    kind: IdentifierKind,
    text: CompactString,
}

impl From<Written> for Identifier {
    fn from(Written { kind, text }: Written) -> Identifier {
        Identifier::trusted(kind, text)
    }
}

impl fmt::Debug for Identifier {
    /// Masked: identifiers do not leak into logs and panics.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.code(), self.masked())
    }
}

impl Identifier {
    /// A value whose kind is not told: normalised, its kind recognised from its form.
    pub fn recognise(raw: &str) -> Result<Identifier, IdentifierError> {
        Identifier::of_sound(raw).map_or_else(|| Identifier::recognise_any(raw), Ok)
    }

    /// A value that is [`Sound`] as it was given: what [`recognise`](Self::recognise) would say of it.
    pub fn of_sound(raw: &str) -> Option<Identifier> {
        let Sound { kind, .. } = Sound::of(raw.as_bytes())?;
        Some(Identifier { kind, text: CompactString::from(raw), is_sound: true })
    }

    fn recognise_any(raw: &str) -> Result<Identifier, IdentifierError> {
        let text = normalise(raw)?;
        Ok(Identifier::trusted(recognise(text.as_bytes()), text))
    }

    /// A value of a stated kind. A kind that the form contradicts is not argued with.
    pub fn of(kind: IdentifierKind, raw: &str) -> Result<Identifier, IdentifierError> {
        let text = normalise(raw)?;
        let kind = match kind {
            IdentifierKind::Other => recognise(text.as_bytes()),
            // taxpayer numbers are mostly the USCC itself
            IdentifierKind::TaxpayerNumber
                if recognise(text.as_bytes()) == IdentifierKind::Uscc =>
            {
                IdentifierKind::Uscc
            }
            kind => kind,
        };
        Ok(Identifier::trusted(kind, text))
    }

    /// A text that is normalised already, as the index stores it.
    pub(crate) fn trusted(kind: IdentifierKind, text: CompactString) -> Identifier {
        // The kind may have been stated, and be another.
        let is_sound = Sound::of(text.as_bytes()).is_some_and(|sound| sound.kind == kind);
        Identifier { kind, text, is_sound }
    }

    /// The kind.
    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The normalised text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with it. Cost: nothing where nothing is, else some tens of nanoseconds.
    pub fn quality(&self) -> Quality {
        if self.is_sound { Quality::default() } else { self.quality_of_any() }
    }

    fn quality_of_any(&self) -> Quality {
        let t = self.text.as_bytes();
        let mut quality = Quality::default();
        match self.kind {
            IdentifierKind::Uscc => {
                quality.check_digit = t.len() != 18 || check::uscc(&t[..17]) != Some(t[17]);
                quality.region = t.len() == 18 && !region::known(&t[2..8]);
            }
            IdentifierKind::OrgCode => {
                quality.check_digit =
                    t.len() != 9 || check::organisation_code(&t[..8]) != Some(t[8]);
            }
            IdentifierKind::RegistrationNumber => match t.len() {
                15 => {
                    quality.check_digit = check::registration_number(&t[..14]) != Some(t[14]);
                    quality.region = !region::known(&t[..6]);
                }
                13 => quality.region = !region::known(&t[..6]),
                _ => quality.check_digit = true,
            },
            IdentifierKind::TaxpayerNumber => {
                if t.len() == 15 {
                    quality.check_digit = check::organisation_code(&t[6..14]) != Some(t[14]);
                }
            }
            IdentifierKind::ResidentId | IdentifierKind::ResidencePermit => match t.len() {
                18 => {
                    quality.check_digit = check::resident_id(&t[..17]) != Some(t[17]);
                    quality.birth_date = !birth_date_exists(&t[6..14]);
                    quality.region = !region::known(&t[..6]);
                }
                15 => {
                    quality.birth_date = !short_birth_date_exists(&t[6..12]);
                    quality.region = !region::known(&t[..6]);
                }
                _ => quality.check_digit = true,
            },
            IdentifierKind::ForeignPermanentResident => {
                if t.len() == 18 {
                    quality.check_digit = check::resident_id(&t[..17]) != Some(t[17]);
                    quality.birth_date = !birth_date_exists(&t[6..14]);
                } else {
                    quality.check_digit = t.len() != 15;
                }
            }
            IdentifierKind::HomeReturnPermit
            | IdentifierKind::TaiwanPermit
            | IdentifierKind::Passport
            | IdentifierKind::OfficerCard
            | IdentifierKind::VehiclePlate => {}
            // 18 characters of no sound kind
            IdentifierKind::Other => quality.check_digit = t.len() == 18 && t.is_ascii(),
        }
        quality
    }

    /// The family in which every identifier that [`agrees`](Self::agrees) with this one is found,
    /// apart from what [`derived`](Self::derived) adds. Depends on the text alone, so a wrongly
    /// stated kind loses nothing.
    pub fn family(&self) -> Family {
        let text = self.text.as_bytes();
        match text.try_into() {
            Ok(text) if self.is_sound => Sound::family_of(text),
            _ => self.family_of_any(),
        }
    }

    fn family_of_any(&self) -> Family {
        let t = self.text.as_bytes();
        let family = match t.len() {
            18 if looks_like_resident_id(t) => {
                Some(Family::of_digits(digits(&t[..6]) * 1_000_000_000 + digits(&t[8..17])))
            }
            18 => base36(&t[8..16]),
            15 if all_digits(t) => Some(Family::of_digits(digits(t))),
            15 => base36(&t[6..14]),
            8 | 9 => base36(&t[..8]),
            10 if all_digits(t) => base36(&t[..8]),
            11 if is_home_return_permit(t) => base36(&t[..8]),
            _ => None,
        };
        family.unwrap_or_else(|| Family(CLASS_TEXT | xxh3_64(t) >> 4))
    }

    /// Identifiers of other families that this one contains: the organisation code or resident ID
    /// inside a taxpayer number.
    pub fn derived(&self) -> Option<Identifier> {
        if !matches!(self.kind, IdentifierKind::TaxpayerNumber | IdentifierKind::Other) {
            return None;
        }
        let t = self.text.as_bytes();
        let (kind, part) = match t.len() {
            15 if check::organisation_code(&t[6..14]) == Some(t[14]) => {
                (IdentifierKind::OrgCode, 6..15)
            }
            17 if all_digits(t) && short_birth_date_exists(&t[6..12]) => {
                (IdentifierKind::ResidentId, 0..15)
            }
            20 if looks_like_resident_id(&t[..18]) => (IdentifierKind::ResidentId, 0..18),
            _ => return None,
        };
        Some(Identifier::trusted(kind, CompactString::from(&self.text[part])))
    }

    /// A resident ID in its other length: the 15 digits of one of 18 characters, or the 18 of one of 15 digits,
    /// of whoever was born in the 1900s (GB 11643-1999).
    pub fn other_length(&self) -> Option<Identifier> {
        if self.kind != IdentifierKind::ResidentId {
            return None;
        }
        let t = &self.text;
        let text = match t.len() {
            15 => {
                let digits = format!("{}19{}", &t[..6], &t[6..]);
                let check = check::resident_id(digits.as_bytes())?;
                digits + char::from(check).encode_utf8(&mut [0; 4])
            }
            18 => format!("{}{}", &t[..6], &t[8..17]),
            _ => return None,
        };
        Some(Identifier::trusted(self.kind, text.into()))
    }

    /// Whether two identifiers are of one subject: equal, or one derived from the other.
    ///
    /// Numbers of 15 characters and more are equal by their text alone, since no two kinds share one
    /// by chance; shorter ones must be of one kind, or one of them of an unknown kind.
    pub fn agrees(&self, other: &Identifier) -> Option<Agreement> {
        let (a, b) = (self.text.as_bytes(), other.text.as_bytes());
        if a == b {
            let same_kind = self.kind == other.kind
                || self.kind == IdentifierKind::Other
                || other.kind == IdentifierKind::Other;
            return (same_kind || a.len() >= 15).then_some(Agreement::Equal);
        }
        let (short, long) = if a.len() < b.len() { (self, other) } else { (other, self) };
        derives(short, long).then_some(Agreement::Derived)
    }

    /// Two different numbers of a kind of which a subject holds only one, both sound: the veto.
    /// A number with a failing check contradicts nothing, since the fault may be a clerk's.
    pub fn contradicts(&self, other: &Identifier) -> bool {
        let a = self.decisive_core();
        let b = other.decisive_core();
        let comparable = match (a, b) {
            (Some((a_kind, a)), Some((b_kind, b))) => a_kind == b_kind && a != b,
            _ => false,
        };
        comparable && self.agrees(other).is_none()
    }

    /// The part that decides, with the kind of number it belongs to; `None` when the kind is not
    /// decisive or the number is unsound.
    fn decisive_core(&self) -> Option<(IdentifierKind, &str)> {
        if !self.decides() {
            return None;
        }
        match self.kind {
            IdentifierKind::Uscc => Some((IdentifierKind::OrgCode, &self.text)),
            kind => Some((kind, &self.text)),
        }
    }

    /// It says who its bearer is: sound, and of a kind of which a subject holds one.
    pub fn decides(&self) -> bool {
        self.kind.is_decisive() && !self.quality().check_digit
    }

    /// The form for display (DOMAIN 6): personal numbers show the first 6 and the last 4 of 18, less
    /// of shorter ones; numbers of organisations and vehicles stay clear.
    pub fn masked(&self) -> String {
        let personal =
            self.kind.is_personal_of(self.text.len()) || self.kind == IdentifierKind::Other;
        if personal { mask_personal(&self.text) } else { self.text.to_string() }
    }

    /// For display, hidden as a person's is whatever its kind: what looks like a body's number may be a passport's.
    pub fn hidden(&self) -> String {
        mask_personal(&self.text)
    }
}

/// What is shown of a person's number: see [`Identifier::masked`].
pub(super) fn mask_personal(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (head, tail) = match chars.len() {
        15.. => (6, 4),
        8..=14 => (2, 2),
        _ => (1, 1),
    };
    let hidden = chars.len().saturating_sub(head + tail);
    chars
        .iter()
        .enumerate()
        .map(|(at, &c)| if at < head || at >= head + hidden { c } else { '*' })
        .collect()
}

/// NFKC, upper-case, without spaces, hyphens and invisible characters (DOMAIN 1).
pub(super) fn fold_value(raw: &str) -> CompactString {
    let keep = |c: &char| {
        !c.is_whitespace()
            && !c.is_control()
            && !matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    if raw.is_ascii() {
        return raw.chars().filter(keep).map(|c| c.to_ascii_uppercase()).collect();
    }
    // Composed again, since what is left out may have stood between a letter and its accent.
    raw.nfkc().filter(keep).flat_map(char::to_uppercase).nfc().collect()
}

fn normalise(raw: &str) -> Result<CompactString, IdentifierError> {
    // Folding changes nothing of these, and most identifiers are of them.
    let is_folded = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    if raw.len() == 18 && raw.bytes().all(is_folded) && !is_placeholder(raw) {
        return Ok(CompactString::from(raw));
    }
    // Folding never makes more than 18 bytes of one character, so this bounds the work first.
    if raw.len() > 8 * limits::IDENTIFIER_BYTES_MAX {
        return Err(IdentifierError::TooLong { got: raw.len(), max: limits::IDENTIFIER_BYTES_MAX });
    }
    let text = fold_value(raw);
    if text.contains('*') {
        return Err(IdentifierError::Masked);
    }
    if text.len() > limits::IDENTIFIER_BYTES_MAX {
        return Err(IdentifierError::TooLong {
            got: text.len(),
            max: limits::IDENTIFIER_BYTES_MAX,
        });
    }
    if is_placeholder(&text) {
        return Err(IdentifierError::Empty);
    }
    if text.chars().nth(3).is_none() {
        return Err(IdentifierError::TooShort);
    }
    Ok(text)
}

/// Empty, a word for "none", or the field's placeholders: one repeated character, or zeros and a
/// final `X` (`00000000000000000X`).
fn is_placeholder(text: &str) -> bool {
    if matches!(text, "" | "/" | "无" | "—" | "NULL" | "NONE" | "N/A" | "暂无" | "不详" | "未知")
    {
        return true;
    }
    let first = text.as_bytes()[0];
    let body = text.strip_suffix('X').filter(|body| !body.is_empty()).unwrap_or(text);
    body.bytes().all(|b| b == first) && !first.is_ascii_alphabetic() && body.len() >= 4
}

/// The kind of a normalised value, from its form: length, alphabet, dates, and the check digit only
/// where forms overlap.
fn recognise(t: &[u8]) -> IdentifierKind {
    match t.len() {
        18 if looks_like_resident_id(t) => match &t[..2] {
            b"81" | b"82" | b"83" => IdentifierKind::ResidencePermit,
            [b'9', _] => IdentifierKind::ForeignPermanentResident,
            _ => IdentifierKind::ResidentId,
        },
        // digits only, no birth date and no sound USCC: a slip in either
        18 if all_digits(&t[..17]) && check::uscc(&t[..17]) != Some(t[17]) => IdentifierKind::Other,
        18 if t.iter().all(u8::is_ascii_alphanumeric) => IdentifierKind::Uscc,
        15 if all_digits(t) => {
            let registration = check::registration_number(&t[..14]) == Some(t[14]);
            let resident = short_birth_date_exists(&t[6..12]);
            match (registration, resident) {
                (true, false) => IdentifierKind::RegistrationNumber,
                (false, true) => IdentifierKind::ResidentId,
                _ => IdentifierKind::Other,
            }
        }
        15 if t[..3].iter().all(u8::is_ascii_alphabetic) && all_digits(&t[3..]) => {
            IdentifierKind::ForeignPermanentResident
        }
        15 if all_digits(&t[..6]) && check::organisation_code(&t[6..14]) == Some(t[14]) => {
            IdentifierKind::TaxpayerNumber
        }
        13 if all_digits(t) => IdentifierKind::RegistrationNumber,
        17 if all_digits(t) && short_birth_date_exists(&t[6..12]) => IdentifierKind::TaxpayerNumber,
        20 if looks_like_resident_id(&t[..18]) && all_digits(&t[18..]) => {
            IdentifierKind::TaxpayerNumber
        }
        9 | 11 if is_home_return_permit(t) => IdentifierKind::HomeReturnPermit,
        9 if check::organisation_code(&t[..8]) == Some(t[8]) && !is_passport(t) => {
            IdentifierKind::OrgCode
        }
        9 if is_passport(t) => {
            if check::organisation_code(&t[..8]) == Some(t[8]) {
                IdentifierKind::Other
            } else {
                IdentifierKind::Passport
            }
        }
        9 if t[..8].iter().all(u8::is_ascii_alphanumeric)
            && (t[8].is_ascii_digit() || t[8] == b'X') =>
        {
            IdentifierKind::OrgCode
        }
        8 | 10 if all_digits(t) => IdentifierKind::TaiwanPermit,
        _ if is_vehicle_plate(t) => IdentifierKind::VehiclePlate,
        _ => IdentifierKind::Other,
    }
}

/// Whether `long` is a form from which `short` follows (texts differ).
fn derives(short: &Identifier, long: &Identifier) -> bool {
    use IdentifierKind::*;
    let (s, l) = (short.text.as_bytes(), long.text.as_bytes());
    let may = |identifier: &Identifier, kinds: &[IdentifierKind]| {
        identifier.kind == Other || kinds.contains(&identifier.kind)
    };
    match (s.len(), l.len()) {
        (9, 18) => may(short, &[OrgCode]) && may(long, &[Uscc]) && l[8..17] == *s,
        (15, 18) if all_digits(s) && looks_like_resident_id(l) => {
            may(short, &[ResidentId]) && may(long, &[ResidentId]) && upgrades(s, l)
        }
        (15, 18) => may(short, &[TaxpayerNumber]) && may(long, &[Uscc]) && l[8..17] == s[6..],
        (9, 15) => may(short, &[OrgCode]) && may(long, &[TaxpayerNumber]) && l[6..] == *s,
        (9, 11) => {
            is_home_return_permit(l)
                && l[..9] == *s
                && may(short, &[HomeReturnPermit])
                && may(long, &[HomeReturnPermit])
        }
        (8, 10) => {
            all_digits(l)
                && l[..8] == *s
                && may(short, &[TaiwanPermit])
                && may(long, &[TaiwanPermit])
        }
        _ => false,
    }
}

/// The 15-digit ID is the 18-digit one without century and check. Sequences 996-999 were given to
/// those born in the 1800s, so both centuries are kept for them.
fn upgrades(short: &[u8], long: &[u8]) -> bool {
    let century = &long[6..8];
    long[..6] == short[..6]
        && long[8..17] == short[6..]
        && (century == b"19"
            || (century == b"18" && matches!(&short[12..], [b'9', b'9', b'6'..=b'9'])))
}

const CLASS_DIGITS: u64 = 1 << 60;
const CLASS_CODE: u64 = 2 << 60;
const CLASS_TEXT: u64 = 3 << 60;

fn all_digits(t: &[u8]) -> bool {
    t.iter().all(u8::is_ascii_digit)
}

fn digits(t: &[u8]) -> u64 {
    t.iter().fold(0, |number, b| number * 10 + u64::from(b - b'0'))
}

fn base36(t: &[u8]) -> Option<Family> {
    let mut number = 0;
    for b in t {
        let value = match b {
            b'0'..=b'9' => b - b'0',
            b'A'..=b'Z' => b - b'A' + 10,
            _ => return None,
        };
        number = number * 36 + u64::from(value);
    }
    Some(Family::of_code(number))
}

/// 17 digits and a digit or X, with a month and a day where a birth date stands: the form only, so
/// that a wrong check digit or the 30th of February is still an ID, and flagged.
pub(super) fn looks_like_resident_id(t: &[u8]) -> bool {
    t.len() == 18
        && all_digits(&t[..17])
        && (t[17].is_ascii_digit() || t[17] == b'X')
        && matches!(&t[6..8], b"18" | b"19" | b"20")
        && (1..=12).contains(&digits(&t[10..12]))
        && (1..=31).contains(&digits(&t[12..14]))
        // an all-digit USCC may show a date there by chance: its own check decides then
        && !(check::uscc(&t[..17]) == Some(t[17]) && check::resident_id(&t[..17]) != Some(t[17]))
}

fn birth_date_exists(t: &[u8]) -> bool {
    all_digits(t) && date_exists(digits(&t[..4]) as i16, &t[4..])
}

fn short_birth_date_exists(t: &[u8]) -> bool {
    all_digits(t) && date_exists(1900 + digits(&t[..2]) as i16, &t[2..])
}

fn date_exists(year: i16, month_day: &[u8]) -> bool {
    let month = digits(&month_day[..2]) as i8;
    let day = digits(&month_day[2..4]) as i8;
    super::Day::from_ymd(year, month, day).is_some()
}

fn is_home_return_permit(t: &[u8]) -> bool {
    matches!(t.len(), 9 | 11) && matches!(t[0], b'H' | b'M') && all_digits(&t[1..])
}

/// Series E, G, D, S, P and their two-letter successors (`E\d{8}`, `E[A-Z]\d{7}`).
fn is_passport(t: &[u8]) -> bool {
    t.len() == 9
        && matches!(t[0], b'E' | b'G' | b'D' | b'S' | b'P')
        && (t[1].is_ascii_digit() || t[1].is_ascii_uppercase())
        && all_digits(&t[2..])
}

/// A province's character, a letter and 5 or 6 letters and digits.
fn is_vehicle_plate(t: &[u8]) -> bool {
    const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
    let Ok(text) = std::str::from_utf8(t) else { return false };
    let mut chars = text.chars();
    chars.next().is_some_and(|c| PROVINCES.contains(c))
        && chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && matches!(chars.as_str().len(), 5 | 6)
        && chars.as_str().bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use IdentifierKind::*;
    use proptest::prelude::*;

    fn id(raw: &str) -> Identifier {
        Identifier::recognise(raw).unwrap()
    }

    /// Raw value, its kind, its normalised text, whether its check digit holds.
    const RECOGNISED: &[(&str, IdentifierKind, &str, bool)] = &[
        ("91320500MA0000015D", Uscc, "91320500MA0000015D", true),
        ("91320505MA0000023G", Uscc, "91320505MA0000023G", true),
        ("92320508MA1ABCDE8A", Uscc, "92320508MA1ABCDE8A", true),
        ("93320509MA0000031Y", Uscc, "93320509MA0000031Y", true),
        ("11320500000000019Y", Uscc, "11320500000000019Y", true),
        ("123205004660000024", Uscc, "123205004660000024", true),
        ("51320500500000007C", Uscc, "51320500500000007C", true),
        ("52320500MJ000000X8", Uscc, "52320500MJ000000X8", true),
        ("53320500MJ7000002W", Uscc, "53320500MJ7000002W", true),
        ("91320594999999998J", Uscc, "91320594999999998J", true),
        ("A1320500N00000008B", Uscc, "A1320500N00000008B", true),
        ("Y1320500MB00000009", Uscc, "Y1320500MB00000009", true),
        ("91320500MA00002850", Uscc, "91320500MA00002850", true),
        ("91320500MA0000162Y", Uscc, "91320500MA0000162Y", true),
        ("91320500MA000004XT", Uscc, "91320500MA000004XT", true),
        ("91320500MA00000906", Uscc, "91320500MA00000906", true),
        ("91350100M000100Y43", Uscc, "91350100M000100Y43", true),
        ("91350100M000100Y4Z", Uscc, "91350100M000100Y4Z", false),
        ("91350211M0000XUF46", Uscc, "91350211M0000XUF46", false),
        ("91350100M0001TGQXM", Uscc, "91350100M0001TGQXM", false),
        (" 91320500ma0000015d ", Uscc, "91320500MA0000015D", true),
        ("９１３２０５００ＭＡ０００００１５Ｄ", Uscc, "91320500MA0000015D", true),
        ("91320500-MA000001-5-D", Uscc, "91320500MA0000015D", true),
        ("00000001-9", OrgCode, "000000019", true),
        ("MA000001-5", OrgCode, "MA0000015", true),
        ("D2143569-X", OrgCode, "D2143569X", true),
        ("12345678-8", OrgCode, "123456788", true),
        ("12345678-9", OrgCode, "123456789", false),
        ("320500000000001", RegistrationNumber, "320500000000001", true),
        ("320594000012340", RegistrationNumber, "320594000012340", true),
        ("110108000000016", RegistrationNumber, "110108000000016", true),
        ("440301100000016", RegistrationNumber, "440301100000016", true),
        ("3205002100001", RegistrationNumber, "3205002100001", true),
        ("110101190001010006", ResidentId, "110101190001010006", true),
        ("320500190001010019", ResidentId, "320500190001010019", true),
        ("320594190001010019", ResidentId, "320594190001010019", true),
        ("110101190002290011", ResidentId, "110101190002290011", true),
        ("320500190001010018", ResidentId, "320500190001010018", false),
        ("110101190013010006", Other, "110101190013010006", false),
        ("110101000101001", ResidentId, "110101000101001", true),
        ("810000190001010018", ResidencePermit, "810000190001010018", true),
        ("82000019000101001x", ResidencePermit, "82000019000101001X", true),
        ("830000190001010011", ResidencePermit, "830000190001010011", true),
        ("911840190001010017", ForeignPermanentResident, "911840190001010017", true),
        ("ABC110000000000", ForeignPermanentResident, "ABC110000000000", true),
        ("H12345678", HomeReturnPermit, "H12345678", true),
        ("m1234567801", HomeReturnPermit, "M1234567801", true),
        ("00123456", TaiwanPermit, "00123456", true),
        ("0012345601", TaiwanPermit, "0012345601", true),
        ("E12345678", Passport, "E12345678", true),
        ("EA1234567", Passport, "EA1234567", true),
        ("苏E12345", VehiclePlate, "苏E12345", true),
        ("军字第2001988号", Other, "军字第2001988号", true),
        ("320500MA0000015", TaxpayerNumber, "320500MA0000015", true),
        ("11010119000101000601", TaxpayerNumber, "11010119000101000601", true),
    ];

    #[test]
    fn every_form_is_recognised_normalised_and_verified() {
        for &(raw, kind, text, sound) in RECOGNISED {
            let id = id(raw);
            assert_eq!((id.kind(), id.text()), (kind, text), "{raw}");
            assert_eq!(!id.quality().check_digit, sound, "check digit of {raw}");
        }
    }

    /// What is told at a glance is what the long way says, and whatever the long way finds sound is told so.
    fn check_sound(raw: &str) {
        let long = Identifier::recognise_any(raw).ok().filter(|id| {
            id.kind.is_decisive()
                && id.text.len() == 18
                && id.text == *raw
                && id.quality_of_any().is_good()
                && id.derived().is_none()
        });
        let expected = long.map(|id| Sound { kind: id.kind, family: id.family_of_any() });
        // An all-digit USCC is told from a resident ID by the long way alone.
        let is_left = raw.bytes().take(17).all(|byte| byte.is_ascii_digit())
            && expected.is_some_and(|sound| sound.kind == Uscc);
        assert_eq!(Sound::of(raw.as_bytes()), expected.filter(|_| !is_left), "{raw}");
        // What is remembered of it changes no answer, whatever kind it is said to be of.
        for kind in [Uscc, ResidentId, ResidencePermit, Other] {
            let stated = Identifier::trusted(kind, CompactString::from(raw));
            assert!(stated.quality_of_any().is_good() || !stated.is_sound, "{raw}");
            assert_eq!(stated.quality(), stated.quality_of_any(), "{raw}");
            assert_eq!(stated.family(), stated.family_of_any(), "{raw}");
        }
    }

    #[test]
    fn what_is_written_and_read_is_the_same() {
        for (raw, kind, ..) in RECOGNISED {
            let identifier = id(raw);
            let written = serde_json::to_value(&identifier).unwrap();
            let of_kind = serde_json::to_value(kind).unwrap();
            assert_eq!(written, serde_json::json!({"kind": of_kind, "text": identifier.text()}));
            let read: Identifier = serde_json::from_value(written).unwrap();
            assert_eq!((read.is_sound, &read), (identifier.is_sound, &identifier), "{raw}");
        }
    }

    /// The raw value with its last character made that of a kind.
    fn with_check(raw: &str, of: fn(&[u8]) -> Option<u8>) -> Option<String> {
        let first = raw.get(..17)?;
        Some(format!("{first}{}", char::from(of(first.as_bytes())?)))
    }

    #[test]
    fn a_glance_tells_what_the_long_way_does() {
        for (raw, ..) in RECOGNISED {
            check_sound(raw);
            for at in (0..raw.len()).filter(|_| raw.is_ascii()) {
                for byte in 0..128u8 {
                    let mut bytes = raw.as_bytes().to_vec();
                    bytes[at] = byte;
                    let changed = String::from_utf8(bytes).unwrap();
                    check_sound(&changed);
                    let checked =
                        [check::uscc, check::resident_id].map(|of| with_check(&changed, of));
                    checked.into_iter().flatten().for_each(|raw| check_sound(&raw));
                }
            }
        }
        for raw in ["111111111111111111", "00000000000000000X", "XXXXXXXXXXXXXXXXXX"] {
            check_sound(raw);
        }
    }

    #[test]
    fn a_normalised_text_is_its_own() {
        // An accent that stands behind what is left out meets the letter before that.
        for raw in ["AB12A\u{0}\u{30f}", "ab-12a \u{30f}", "ｆﬀ１２３"] {
            let identifier = id(raw);
            assert_eq!(Identifier::of(identifier.kind(), identifier.text()), Ok(identifier));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_glance_at_anything_tells_what_the_long_way_does(
            code in "[0-9A-HJ-NPQRTUWXY][0-9][1-9][0-9]{5}[0-9A-HJ-NPQRTUWXY]{9}",
            number in "[0-9]{6}(1[89]|2[0-2])[0-9]{2}[01][0-9][0-3][0-9]{4}",
            any in ".{0,20}",
        ) {
            check_sound(&any);
            for raw in [code, number] {
                let checked = [check::uscc, check::resident_id].map(|of| with_check(&raw, of));
                checked.into_iter().flatten().for_each(|raw| check_sound(&raw));
            }
        }
    }

    #[test]
    fn faults_flag_and_never_reject() {
        assert!(id("110101190002290011").quality().birth_date, "29 February 1900 did not exist");
        assert!(!id("320594190001010019").quality().region, "development zones are no fault");
        assert!(id("009999190001010019").quality().region);
        assert!(id("91320500MA0000015D").quality().is_good());
    }

    #[test]
    fn agreeing_identifiers_share_a_family() {
        let rows = [
            ("91320500MA0000015D", "91320500-ma000001-5-d", Some(Agreement::Equal)),
            ("91320500MA0000015D", "MA000001-5", Some(Agreement::Derived)),
            ("320500MA0000015", "91320500MA0000015D", Some(Agreement::Derived)),
            ("320500MA0000015", "MA000001-5", Some(Agreement::Derived)),
            ("110101000101001", "110101190001010014", Some(Agreement::Derived)),
            ("110101000101997", "110101180001019979", Some(Agreement::Derived)),
            ("110101000101997", "110101190001019970", Some(Agreement::Derived)),
            ("110101000101001", "110101180001010012", None),
            ("110101000101001", "110101200001010017", None),
            ("M1234567801", "M12345678", Some(Agreement::Derived)),
            ("0012345601", "00123456", Some(Agreement::Derived)),
            ("91320500MA0000015D", "91320505MA0000015D", None),
            ("E12345678", "E12345679", None),
        ];
        for (a, b, expected) in rows {
            let (a, b) = (id(a), id(b));
            assert_eq!(a.agrees(&b), expected, "{} {}", a.text(), b.text());
            assert_eq!(b.agrees(&a), expected, "symmetric");
            if expected.is_some() {
                assert_eq!(a.family(), b.family(), "{} {}", a.text(), b.text());
            }
        }
    }

    #[test]
    fn taxpayer_numbers_contain_others() {
        assert_eq!(id("320500MA0000015").derived().unwrap().text(), "MA0000015");
        let of_person = id("11010119000101000601").derived().unwrap();
        assert_eq!((of_person.kind(), of_person.text()), (ResidentId, "110101190001010006"));
        assert_eq!(id("91320500MA0000015D").derived(), None);
        let stated = Identifier::of(TaxpayerNumber, "91320500MA0000015D").unwrap();
        assert_eq!(stated.kind(), Uscc);
    }

    #[test]
    fn two_sound_numbers_of_one_decisive_kind_contradict() {
        assert!(id("91320500MA0000015D").contradicts(&id("91320505MA0000023G")));
        assert!(
            id("91320500MA0000015D").contradicts(&id("D2143569-X")),
            "by the organisation code"
        );
        assert!(!id("91320500MA0000015D").contradicts(&id("MA000001-5")));
        assert!(!id("91350211M0000XUF46").contradicts(&id("91320505MA0000023G")), "unsound");
        assert!(!id("E12345678").contradicts(&id("E12345679")), "passports are renewed");
        assert!(id("110101190001010006").contradicts(&id("320500190001010019")));
        assert!(!id("110101190001010006").contradicts(&id("91320500MA0000015D")));
    }

    #[test]
    fn what_is_no_identifier_says_why() {
        let why = |raw: &str| Identifier::recognise(raw).unwrap_err();
        for raw in ["", " ", "/", "无", "—", "00000000000000000X", "000000000000000000", "暂无"]
        {
            assert_eq!(why(raw), IdentifierError::Empty, "{raw}");
        }
        assert_eq!(why("1101011900****0006"), IdentifierError::Masked);
        assert_eq!(why("12"), IdentifierError::TooShort);
        assert!(matches!(
            why(&"9".repeat(65)),
            IdentifierError::Empty | IdentifierError::TooLong { .. }
        ));
        assert!(matches!(why(&"91".repeat(2000)), IdentifierError::TooLong { .. }));
    }

    #[test]
    fn personal_numbers_are_masked_for_display_and_companies_are_not() {
        assert_eq!(id("110101190001010006").masked(), "110101********0006");
        assert_eq!(id("E12345678").masked(), "E1*****78");
        assert_eq!(id("91320500MA0000015D").masked(), "91320500MA0000015D");
        assert_eq!(format!("{:?}", id("110101190001010006")), "resident_id:110101********0006");
    }
}
