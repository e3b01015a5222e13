//! Identifiers that no two subjects share, by arithmetic instead of memory.
//!
//! A subject is a number below [`NUMBERS`] in a [`Realm`]. Numbers become codes through
//! `(number × factor + offset) mod size` with a factor coprime to the size: a permutation, so
//! different subjects have different codes. The lowest codes are left to the [`cast`](super::cast).
//!
//! Persons are born in 1900 and no one else: such numbers were never given to anyone alive. Passports
//! have a letter that is never issued, permits a sequence far above any issued.

use super::draw::{Draw, Topic};
use super::rates;
use super::words::{PROVINCES, SUZHOU_COUNTIES};
use crate::record::{Identifier, IdentifierKind, check};
use compact_str::CompactString;

/// Subjects of one realm, and so entries of one city at the most.
pub(super) const NUMBERS: u64 = 50_000_000;

/// Which subjects: of entries, legal representatives who are on no list, of questions that miss.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Realm {
    Listed = 0,
    Representative = 1,
    Clean = 2,
}

impl Realm {
    fn number(self, subject: u64) -> u64 {
        debug_assert!(subject < NUMBERS);
        self as u64 * NUMBERS + subject
    }
}

/// A prime that divides no size below.
const FACTOR: u64 = 982_451_653;

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Where a seed and a number land among `size` codes; different numbers below `size` land apart.
fn permute(seed: u64, number: u64, size: u64) -> u64 {
    ((u128::from(number) * u128::from(FACTOR) + u128::from(seed % size)) % u128::from(size)) as u64
}

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// `MA` and six characters, without `MA00…`, which are the cast's.
const MA_RESERVED: u64 = 31 * 31 * 31 * 31;
const MA_CODES: u64 = 31 * 31 * 31 * 31 * 31 * 31 - MA_RESERVED;
/// Eight digits, without those below 1,000.
const NUMERIC_RESERVED: u64 = 1_000;
const NUMERIC_CODES: u64 = 100_000_000 - NUMERIC_RESERVED;

/// Days of 1900, no leap year, without the first of January, which is the cast's.
const BIRTHDAYS: u64 = 364;
const SEQUENCES: u64 = 999;
const PER_COUNTY: u64 = BIRTHDAYS * SEQUENCES;
/// Persons of one realm who may come from Suzhou: three realms share its counties.
const LOCAL_PERSONS: u64 = 1_900_000;
const SUZHOU_IDS: u64 = SUZHOU_COUNTIES.len() as u64 * PER_COUNTY;
/// Twelve prefectures of four counties in each province.
const PREFECTURES: u64 = 12;
const COUNTIES: u64 = 4;
const ELSEWHERE_IDS: u64 = PROVINCES.len() as u64 * PREFECTURES * COUNTIES * PER_COUNTY;

/// One person in so many holds each of the other documents.
const DOCUMENT_STEP: u64 = 300;
const DOCUMENTS: u64 = 3 * (NUMBERS / DOCUMENT_STEP + 1);

const _: () = {
    assert!(gcd(FACTOR, MA_CODES) == 1 && 3 * NUMBERS <= MA_CODES);
    assert!(gcd(FACTOR, NUMERIC_CODES) == 1);
    assert!(gcd(FACTOR, SUZHOU_IDS) == 1 && 3 * LOCAL_PERSONS <= SUZHOU_IDS);
    assert!(gcd(FACTOR, ELSEWHERE_IDS) == 1 && 3 * NUMBERS <= ELSEWHERE_IDS);
    assert!(DOCUMENTS <= 1_000_000, "the permits have six free digits");
};

/// The eight characters of an organisation code and its check.
fn org_code(seed: u64, realm: Realm, subject: u64, numeric: bool) -> [u8; 9] {
    let mut code = [0; 9];
    // Numeric codes are few: two realms of half the numbers.
    if numeric && subject < NUMERIC_CODES / 2 {
        let number = realm as u64 / 2 * (NUMERIC_CODES / 2) + subject;
        let mut rest = permute(seed, number, NUMERIC_CODES) + NUMERIC_RESERVED;
        for at in (0..8).rev() {
            code[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    } else {
        let mut rest = permute(seed, realm.number(subject), MA_CODES) + MA_RESERVED;
        code[..2].copy_from_slice(b"MA");
        for at in (2..8).rev() {
            code[at] = ALPHABET[(rest % 31) as usize];
            rest /= 31;
        }
    }
    code[8] = check::organisation_code(&code[..8]).unwrap_or(b'0');
    code
}

/// A USCC of such first characters and region. `wrong`: with a failing check.
pub(super) fn uscc(
    seed: u64,
    realm: Realm,
    subject: u64,
    head: &str,
    region: &str,
    (numeric, wrong): (bool, bool),
) -> Identifier {
    let mut text = [0; 18];
    text[..2].copy_from_slice(head.as_bytes());
    text[2..8].copy_from_slice(region.as_bytes());
    text[8..17].copy_from_slice(&org_code(seed, realm, subject, numeric));
    let check = check::uscc(&text[..17]).unwrap_or(b'0');
    text[17] = if wrong { ALPHABET[(value_of(check) + 7) % 31] } else { check };
    made(IdentifierKind::Uscc, &text)
}

fn value_of(symbol: u8) -> usize {
    ALPHABET.iter().position(|&other| other == symbol).unwrap_or(0)
}

/// The 15-digit number of an organisation from before 2015. Its third and fourth digits of the
/// sequence are no month, so it is never taken for a first-generation ID.
pub(super) fn registration(subject: u64, region: &str) -> Identifier {
    let (tail, rest) = (subject % 10_000, subject / 10_000);
    let (no_month, head) = (13 + rest % 87, rest / 87);
    let mut text = [0; 15];
    text[..6].copy_from_slice(region.as_bytes());
    write_digits(&mut text[6..14], head * 1_000_000 + no_month * 10_000 + tail);
    text[14] = check::registration_number(&text[..14]).unwrap_or(b'0');
    made(IdentifierKind::RegistrationNumber, &text)
}

/// The number of a person's document: nearly always a resident ID, born in 1900.
pub(super) fn person(seed: u64, realm: Realm, subject: u64) -> Identifier {
    let number = realm.number(subject);
    let document = realm as u64 * (NUMBERS / DOCUMENT_STEP + 1) + subject / DOCUMENT_STEP;
    match subject % DOCUMENT_STEP {
        1 => card(
            IdentifierKind::ResidencePermit,
            [810_000, 820_000, 830_000][(document % 3) as usize],
            document / 3,
        ),
        2 => short(IdentifierKind::Passport, "EI", 9, document),
        3 => short(
            IdentifierKind::HomeReturnPermit,
            if document.is_multiple_of(2) { "H99" } else { "M99" },
            9,
            document,
        ),
        4 => short(IdentifierKind::TaiwanPermit, "99", 8, document),
        5 => card(
            IdentifierKind::ForeignPermanentResident,
            [911_840, 931_392, 932_826][(document % 3) as usize],
            document / 3,
        ),
        _ => {
            let mut draw = Draw::new(seed, Topic::Number, number);
            let local = subject < LOCAL_PERSONS && draw.of_10k(rates::LOCAL);
            let (region, rest) = if local {
                let at = permute(seed, realm as u64 * LOCAL_PERSONS + subject, SUZHOU_IDS);
                (SUZHOU_COUNTIES[(at / PER_COUNTY) as usize], at % PER_COUNTY)
            } else {
                let at = permute(seed, number, ELSEWHERE_IDS);
                (county(at / PER_COUNTY), at % PER_COUNTY)
            };
            let wrong = draw.of_10k(rates::CHECK_FAILS) && realm == Realm::Listed;
            resident(IdentifierKind::ResidentId, region, rest, wrong)
        }
    }
}

fn county(at: u64) -> u32 {
    let (county, rest) = (at % COUNTIES, at / COUNTIES);
    let (prefecture, province) = (rest % PREFECTURES, rest / PREFECTURES);
    let province = PROVINCES[province as usize];
    // Suzhou (3205) has its own counties above; 3213 takes its place.
    let prefecture = if (province, prefecture) == (32, 4) { 13 } else { prefecture as u32 + 1 };
    province * 10_000 + prefecture * 100 + [1, 2, 23, 81][county as usize]
}

fn card(kind: IdentifierKind, region: u32, number: u64) -> Identifier {
    resident(kind, region, number % PER_COUNTY, false)
}

fn resident(kind: IdentifierKind, region: u32, rest: u64, wrong: bool) -> Identifier {
    const MONTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut day = rest / SEQUENCES + 1;
    let mut month = 0;
    while day >= MONTHS[month] {
        day -= MONTHS[month];
        month += 1;
    }
    let mut text = [0; 18];
    write_digits(&mut text[..6], u64::from(region));
    write_digits(&mut text[6..14], 19_000_000 + (month as u64 + 1) * 100 + day + 1);
    write_digits(&mut text[14..17], rest % SEQUENCES + 1);
    let check = check::resident_id(&text[..17]).unwrap_or(b'0');
    text[17] = check;
    if wrong {
        // A wrong digit that happens to be right for a USCC would make it one.
        let other = |&digit: &u8| digit != check && Some(digit) != check::uscc(&text[..17]);
        text[17] = (b'3'..=b'9').find(other).unwrap_or(b'0');
    }
    made(kind, &text)
}

fn short(kind: IdentifierKind, head: &str, length: usize, number: u64) -> Identifier {
    let mut text = [b'0'; 9];
    text[..head.len()].copy_from_slice(head.as_bytes());
    write_digits(&mut text[head.len()..length], number);
    made(kind, &text[..length])
}

/// A vehicle's plate: Suzhou is 苏E and 苏U; others are from the province.
pub(super) fn plate(subject: u64) -> Identifier {
    const SERIES: [&str; 4] = ["苏E", "苏U", "苏A", "苏B"];
    const LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
    let (tail, rest) = (subject % 100_000, subject / 100_000);
    let mut text = CompactString::new(SERIES[(rest % 4) as usize]);
    let mut digits = [0; 5];
    write_digits(&mut digits, tail);
    let rest = rest / 4;
    // Past the plain plates the last digits give way to letters.
    if rest > 0 {
        digits[0] = LETTERS[(rest % 24) as usize];
    }
    if rest >= 24 {
        return made_text(IdentifierKind::VehiclePlate, {
            text.push(LETTERS[(rest / 24 % 24) as usize] as char);
            text.push_str(as_str(&digits));
            text
        });
    }
    text.push_str(as_str(&digits));
    made_text(IdentifierKind::VehiclePlate, text)
}

/// The organisation code inside a USCC.
pub(super) fn org_code_of(uscc: &Identifier) -> Identifier {
    made_text(IdentifierKind::OrgCode, CompactString::from(&uscc.text()[8..17]))
}

/// The taxpayer number of before 2015: region and organisation code.
pub(super) fn taxpayer_of(uscc: &Identifier) -> Identifier {
    made_text(IdentifierKind::TaxpayerNumber, CompactString::from(&uscc.text()[2..17]))
}

/// The 15 digits of a resident ID's first generation.
pub(super) fn fifteen_of(resident: &Identifier) -> Identifier {
    let mut text = CompactString::from(&resident.text()[..6]);
    text.push_str(&resident.text()[8..17]);
    made_text(IdentifierKind::ResidentId, text)
}

fn write_digits(into: &mut [u8], mut number: u64) {
    for byte in into.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn as_str(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}

fn made(kind: IdentifierKind, text: &[u8]) -> Identifier {
    made_text(kind, CompactString::from(as_str(text)))
}

fn made_text(kind: IdentifierKind, text: CompactString) -> Identifier {
    Identifier::trusted(kind, text)
}
