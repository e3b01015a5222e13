//! The bytes of a snapshot. All integers are little-endian.
//!
//! ```text
//! file     = header section* table
//! header   = magic(8) format(u32) sections(u32) file_length(u64) table_offset(u64)
//!            zero(24) header_hash(u64)                                          64 bytes
//! section  = bytes, zeros up to a multiple of 64
//! table    = row* table_hash(u64)
//! row      = name(16, zero-filled) offset(u64) length(u64) hash(u64) zero(8)    48 bytes
//! ```
//!
//! Hashes are XXH3-64: `header_hash` over the 56 bytes before it, a row's `hash` over its section
//! with the padding, `table_hash` over all rows. So every byte of the file is under a hash, and the
//! table's hash, being over the hashes of all sections, names the contents of the whole file.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// First bytes of every snapshot.
pub const MAGIC: [u8; 8] = *b"XINCHA\x1a\n";
/// Version of this layout and of the sections in it; a reader takes no other. 2 knows entries by their
/// ids, and what changes say beyond the feeds.
pub const FORMAT: u32 = 7;
/// Sections begin at multiples of this, so that typed views and cache lines are aligned.
pub const ALIGNMENT: usize = 64;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 64;
/// Bytes of a row of the table.
pub const ROW_BYTES: usize = 48;
/// Bytes of a section's name.
pub const NAME_BYTES: usize = 16;
/// Sections in one file: far above what is used, low enough to bound what a damaged header asks for.
pub const SECTIONS_MAX: u32 = 1024;

// Typed views read the file's integers in place.
#[cfg(not(target_endian = "little"))]
compile_error!("snapshots are mapped, not parsed: a little-endian machine is needed");

/// See the [module](self).
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub struct Header {
    pub magic: [u8; 8],
    pub format: U32,
    pub sections: U32,
    pub file_length: U64,
    pub table_offset: U64,
    pub zero: [u8; 24],
    pub header_hash: U64,
}

/// See the [module](self).
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
pub struct Row {
    pub name: [u8; NAME_BYTES],
    pub offset: U64,
    pub length: U64,
    pub hash: U64,
    pub zero: [u8; 8],
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES);
const _: () = assert!(size_of::<Row>() == ROW_BYTES);
const _: () = assert!(HEADER_BYTES.is_multiple_of(ALIGNMENT));

impl Row {
    /// The name without its filling zeros.
    pub fn name(&self) -> &str {
        let end = self.name.iter().position(|&b| b == 0).unwrap_or(NAME_BYTES);
        std::str::from_utf8(&self.name[..end]).unwrap_or("?")
    }
}

/// A length with its padding, or `None` past the end of numbers.
pub fn padded(length: u64) -> Option<u64> {
    length.checked_next_multiple_of(ALIGNMENT as u64)
}
