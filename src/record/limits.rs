//! Every bound on outside input, with its unit and its reason.

/// Bytes of a normalised identifier. The longest real kind, a free-form officer card, stays under 40.
pub const IDENTIFIER_BYTES_MAX: usize = 64;
/// Bytes of a name as given. The longest registered company names run to about 80 characters.
pub const NAME_BYTES_MAX: usize = 600;
/// Bytes of a longer text of an entry (reason, basis); what is longer is a reject, not a silent cut.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a document number or an entry id.
pub const DOCUMENT_BYTES_MAX: usize = 512;
/// Characters of a matter code (DOMAIN: an opaque string of at most 50 characters).
pub const MATTER_CHARS_MAX: usize = 50;
/// Bytes of the short context fields of a check: case, department, operator, ref.
pub const CONTEXT_BYTES_MAX: usize = 200;
/// Subjects in one check.
pub const SUBJECTS_MAX: usize = 1_000;
/// Identifiers of one subject.
pub const IDENTIFIERS_MAX: usize = 16;
/// Changes in one request: they are one commit of the ledger.
pub const CHANGES_MAX: usize = 4_096;
/// Bytes of a request body: 1,000 subjects with every field used stay under it.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Entries in one index: ordinals are 32-bit and the top bit is a mark.
pub const ENTRIES_MAX: usize = (1 << 31) - 2;

const _: () = assert!(IDENTIFIER_BYTES_MAX < NAME_BYTES_MAX);
const _: () = assert!(NAME_BYTES_MAX < TEXT_BYTES_MAX);
