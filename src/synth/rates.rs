//! How often each trap occurs. Unit of every rate: per 10,000 of what its line names.
//!
//! Rates are those of the *draw*. A drawn trap that its row cannot show (a lower-case `x` in a number
//! without one, an organisation code in a layout without a place for it) is left out, so measured
//! rates lie at or a little under these; the README of every city counts them.

/// Entries of a subject that an earlier entry lists already.
pub const REPEATS: u32 = 760;
/// Red entries whose subject is taken from a black list or a ban.
pub const RED_AND_BLACK: u32 = 600;
/// Organisations that are individual businesses (个体工商户).
pub const INDIVIDUAL_BUSINESSES: u32 = 1_200;

/// Organisations registered in Suzhou; the rest is spread over the country.
pub const LOCAL: u32 = 7_000;
/// Organisations with an older, numeric organisation code.
pub const NUMERIC_CODES: u32 = 2_200;
/// Organisations that also have a 15-digit registration number from before 2015.
pub const REGISTRATION_NUMBERS: u32 = 3_000;
/// Subjects whose recorded number fails its check and is valid all the same.
pub const CHECK_FAILS: u32 = 60;

/// Organisations' rows with the code in lower case.
pub const LOWER_CASE: u32 = 150;
/// Rows with the number in full-width characters.
pub const FULL_WIDTH: u32 = 80;
/// Rows with the number cut by hyphens.
pub const HYPHENATED: u32 = 80;
/// Organisations' rows outside the courts with the organisation code alone; the subject's USCC is on
/// an earlier row.
pub const ORG_CODE_ONLY: u32 = 150;
/// The same at the courts, where the subject need be on no other row.
pub const ORG_CODE_ONLY_COURT: u32 = 5_000;
/// Organisations' rows with the 15-digit registration number alone; the subject is on an earlier row.
pub const REGISTRATION_ONLY: u32 = 100;
/// Organisations' rows with the old taxpayer number (region + organisation code) alone.
pub const TAXPAYER_ONLY: u32 = 40;
/// Organisations' rows with `00000000000000000X` for a code.
pub const PLACEHOLDER: u32 = 50;
/// Persons' rows with the 15 digits of a first-generation ID; the subject is on an earlier row.
pub const FIFTEEN_DIGITS: u32 = 120;
/// Persons' rows outside the courts with eight digits hidden. Court rows are masked always.
pub const MASKED: u32 = 600;

/// Entries that expired before today.
pub const EXPIRED: u32 = 1_700;
/// Entries that begin after today.
pub const FUTURE: u32 = 100;
/// Entries whose last day is today.
pub const ENDS_TODAY: u32 = 60;
/// Entries to 2099-12-31.
pub const PERMANENT_DATE: u32 = 150;
/// Entries to 长期.
pub const PERMANENT_WORD: u32 = 150;
/// Entries without a last day.
pub const PERMANENT_EMPTY: u32 = 400;

/// Entries repaired, of rows in force whose layout can say so (as for the next five).
pub const REPAIRED: u32 = 250;
/// Entries taken off the list.
pub const EXITED: u32 = 350;
/// Entries revoked.
pub const REVOKED: u32 = 120;
/// Entries suspended.
pub const SUSPENDED: u32 = 80;
/// Entries with an objection noted.
pub const OBJECTION: u32 = 150;
/// Entries whose term was extended: wages alone, so a small city still has one.
pub const EXTENDED: u32 = 1_500;

/// Companies whose legal representative is listed as a person.
pub const REPRESENTATIVE_LISTED: u32 = 400;
/// Organisations that are branches of a listed company.
pub const BRANCHES: u32 = 250;
/// Subjects that bear the name of another listed subject.
pub const SAME_NAME: u32 = 150;
/// Names with a rare character; half of their rows hold a private-use character instead.
pub const RARE_CHARACTERS: u32 = 120;
/// Rows with traditional or variant characters in the name.
pub const VARIANTS: u32 = 100;
/// Rows with a space inside the name.
pub const SPACED: u32 = 100;
/// Persons with an ethnic name of parts and dots; two thirds of their rows write another dot.
pub const ETHNIC_NAMES: u32 = 300;
/// Companies with their place in brackets; half of their rows write half-width ones.
pub const BRACKETS: u32 = 800;
/// Organisations' rows with a former name, where the layout has a place for it.
pub const FORMER_NAMES: u32 = 500;
/// Organisations' rows whose former name another listed company bears today, in the same layouts.
pub const FORMER_NAME_TAKEN: u32 = 150;

/// Court rows with a line break in the duty.
pub const LINE_BREAKS: u32 = 3_000;
/// Department and wage rows with a day written as an Excel serial number.
pub const EXCEL_SERIALS: u32 = 150;

/// Rows without a name: to be rejected.
pub const NO_NAME: u32 = 25;
/// Rows with a day that does not exist: to be rejected.
pub const BROKEN_DATE: u32 = 25;

/// Questions of a mixed load that ask for a listed subject; most of the real traffic is misses.
pub const QUESTIONS_LISTED: u32 = 300;
