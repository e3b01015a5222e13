//! What is difficult about a row.

/// One trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Trap {
    /// The USCC's check digit is `0`.
    CheckZero,
    /// The number is in lower case.
    LowerCase,
    /// The number is in full-width characters.
    FullWidth,
    /// The number is cut by hyphens.
    Hyphenated,
    /// The number fails its check and is valid all the same.
    CheckFails,
    /// Only the organisation code is given; the subject has a USCC.
    OrgCodeOnly,
    /// Only the 15-digit registration number is given; the subject has a USCC.
    RegistrationOnly,
    /// Only the old taxpayer number is given; the subject has a USCC.
    TaxpayerOnly,
    /// `00000000000000000X` stands for the code.
    Placeholder,
    /// The 15 digits of a first-generation ID.
    FifteenDigits,
    /// Digits are hidden.
    Masked,
    /// A passport, permit or permanent resident card.
    ForeignDocument,
    /// The term ended before today.
    Expired,
    /// The term begins after today.
    Future,
    /// The last day is today.
    EndsToday,
    /// No end: 2099-12-31, 长期 or empty.
    Permanent,
    /// Repaired.
    Repaired,
    /// Taken off the list.
    Exited,
    /// Void from the beginning.
    Revoked,
    /// Suspended.
    Suspended,
    /// An objection is noted.
    Objection,
    /// The term was extended.
    Extended,
    /// An earlier entry lists the same subject.
    Repeated,
    /// A red entry of a subject that a black list or a ban holds.
    RedAndBlack,
    /// The legal representative is listed as a person.
    RepresentativeListed,
    /// A branch of a listed company.
    Branch,
    /// Another listed subject bears the same name.
    SameName,
    /// A private-use character in the name.
    PrivateUse,
    /// Traditional or variant characters in the name.
    Variant,
    /// A space in the name.
    Spaced,
    /// Another dot than U+00B7 in the name.
    Dots,
    /// Half-width brackets in the name.
    Brackets,
    /// A former name.
    FormerName,
    /// A former name that another listed company bears today.
    FormerNameTaken,
    /// A line break inside a cell.
    LineBreak,
    /// A day as an Excel serial number.
    ExcelSerial,
    /// No name: the row must be rejected.
    NoName,
    /// A day that does not exist: the row must be rejected.
    BrokenDate,
}

impl Trap {
    /// Every trap with the word used in `truth.jsonl`, in the order of their numbers.
    pub const ALL: [(Trap, &'static str); 38] = [
        (Trap::CheckZero, "check_zero"),
        (Trap::LowerCase, "lower_case"),
        (Trap::FullWidth, "full_width"),
        (Trap::Hyphenated, "hyphenated"),
        (Trap::CheckFails, "check_fails"),
        (Trap::OrgCodeOnly, "org_code_only"),
        (Trap::RegistrationOnly, "registration_only"),
        (Trap::TaxpayerOnly, "taxpayer_only"),
        (Trap::Placeholder, "placeholder"),
        (Trap::FifteenDigits, "fifteen_digits"),
        (Trap::Masked, "masked"),
        (Trap::ForeignDocument, "foreign_document"),
        (Trap::Expired, "expired"),
        (Trap::Future, "future"),
        (Trap::EndsToday, "ends_today"),
        (Trap::Permanent, "permanent"),
        (Trap::Repaired, "repaired"),
        (Trap::Exited, "exited"),
        (Trap::Revoked, "revoked"),
        (Trap::Suspended, "suspended"),
        (Trap::Objection, "objection"),
        (Trap::Extended, "extended"),
        (Trap::Repeated, "repeated"),
        (Trap::RedAndBlack, "red_and_black"),
        (Trap::RepresentativeListed, "representative_listed"),
        (Trap::Branch, "branch"),
        (Trap::SameName, "same_name"),
        (Trap::PrivateUse, "private_use"),
        (Trap::Variant, "variant"),
        (Trap::Spaced, "spaced"),
        (Trap::Dots, "dots"),
        (Trap::Brackets, "brackets"),
        (Trap::FormerName, "former_name"),
        (Trap::FormerNameTaken, "former_name_taken"),
        (Trap::LineBreak, "line_break"),
        (Trap::ExcelSerial, "excel_serial"),
        (Trap::NoName, "no_name"),
        (Trap::BrokenDate, "broken_date"),
    ];

    /// The word used in `truth.jsonl`.
    pub fn code(self) -> &'static str {
        Trap::ALL[self as usize].1
    }
}

/// The traps of one row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traps(u64);

impl Traps {
    /// The trap is among them.
    pub fn has(self, trap: Trap) -> bool {
        self.0 >> trap as u8 & 1 == 1
    }

    /// The traps in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Trap> {
        Trap::ALL.into_iter().map(|(trap, _)| trap).filter(move |&trap| self.has(trap))
    }

    pub(super) fn add(&mut self, trap: Trap) {
        self.0 |= 1 << trap as u8;
    }

    pub(super) fn add_if(&mut self, trap: Trap, holds: bool) {
        self.0 |= u64::from(holds) << trap as u8;
    }

    pub(super) fn with(mut self, trap: Trap) -> Traps {
        self.add(trap);
        self
    }
}
