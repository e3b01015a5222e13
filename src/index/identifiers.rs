//! The ordered dictionary of identifiers.
//!
//! ```text
//! ids.blocks   = block*         16 packed identifiers, ascending
//! block        = first(u128) gap(LEB128) × up to 15
//! ids.starts   = u32*           start of each block in ids.blocks, and its end
//! ids.texts    = fst map        kind(u8) text → number, for identifiers that do not pack
//! ids.count    = u32 u32        packed ones, others
//! ids.owners   = u32*           per number: a subject, or MANY | start in ids.many
//! ids.many     = u32*           subjects(u32) subject* relations(u32) (role entry)*
//! ```
//!
//! Numbers run through the packed ones in order, then through the others. Sorted gaps of real codes
//! take 2.6-3.2 bytes an identifier and half a microsecond to verify; an `fst` of the same keys takes
//! 8-12 and 1.7 µs, so `fst` keeps what does not pack: plates, officer cards, over-long numbers.

use super::IdentifierNo;
use crate::record::{Identifier, IdentifierKind, Packed};
use crate::snapshot::{Array, OpenError, Snapshot, prefetch};
use compact_str::CompactString;
use fst::{IntoStreamer, Streamer};
use std::ops::Range;

const BLOCK: usize = 16;

/// Mark of an owner that is a list of owners.
pub(super) const MANY: u32 = 1 << 31;

/// The sections of packed identifiers, from an ascending sequence without repeats.
#[derive(Default)]
pub(super) struct BlocksBuilder {
    pub blocks: Vec<u8>,
    pub starts: Vec<u32>,
    count: usize,
    last: u128,
}

impl BlocksBuilder {
    pub fn push(&mut self, packed: Packed) {
        if self.count.is_multiple_of(BLOCK) {
            self.starts.push(self.blocks.len() as u32);
            self.blocks.extend_from_slice(&packed.0.to_le_bytes());
        } else {
            let mut gap = packed.0 - self.last;
            while gap >= 0x80 {
                self.blocks.push(gap as u8 | 0x80);
                gap >>= 7;
            }
            self.blocks.push(gap as u8);
        }
        self.last = packed.0;
        self.count += 1;
    }

    pub fn finish(&mut self) {
        self.starts.push(self.blocks.len() as u32);
    }
}

/// The key of an identifier that does not pack.
pub(super) fn text_key(identifier: &Identifier) -> Vec<u8> {
    let mut key = vec![identifier.kind() as u8];
    key.extend_from_slice(identifier.text().as_bytes());
    key
}

/// The dictionary of a snapshot.
#[derive(Clone)]
pub struct Identifiers {
    blocks: Array<u8>,
    starts: Array<u32>,
    texts: fst::Map<Array<u8>>,
    packed_count: u32,
    text_count: u32,
}

impl Identifiers {
    /// The dictionary in a snapshot.
    pub fn open(snapshot: &Snapshot) -> Result<Identifiers, OpenError> {
        let count: Array<u32> = snapshot.array("ids.count")?;
        let &[packed_count, text_count] = &*count else {
            return Err(snapshot.unexpected("ids.count", "two numbers"));
        };
        let texts = fst::Map::new(snapshot.array("ids.texts")?)
            .map_err(|error| snapshot.unexpected("ids.texts", error.to_string()))?;
        let dictionary = Identifiers {
            blocks: snapshot.array("ids.blocks")?,
            starts: snapshot.array("ids.starts")?,
            texts,
            packed_count,
            text_count,
        };
        if dictionary.starts.len() != (packed_count as usize).div_ceil(BLOCK) + 1 {
            return Err(snapshot.unexpected("ids.starts", "other than the count says"));
        }
        Ok(dictionary)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.packed_count as usize + self.text_count as usize
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that a verified look-up touches here.
    pub fn packed_bytes(&self) -> usize {
        self.blocks.len() + size_of_val(&*self.starts)
    }

    /// The identifier of a number, or `None` past the end. Cost: two or three cache lines and the
    /// decoding of up to 15 gaps; a microsecond for those that do not pack.
    pub fn get(&self, number: IdentifierNo) -> Option<Identifier> {
        if number.0 >= self.packed_count {
            return self.get_text(u64::from(number.0 - self.packed_count));
        }
        self.packed(number.0 as usize)?.unpack()
    }

    /// Whether the identifier of a number is this packed one, without unpacking it.
    #[inline]
    pub(super) fn is(&self, number: IdentifierNo, packed: Packed) -> bool {
        number.0 < self.packed_count && self.packed(number.0 as usize) == Some(packed)
    }

    /// Fetch what tells where the identifier of a number is read.
    pub(super) fn prefetch_start(&self, number: IdentifierNo) {
        self.starts.get(number.0 as usize / BLOCK).into_iter().for_each(prefetch);
    }

    /// Fetch what is read of it: the block, which is of two lines mostly.
    pub(super) fn prefetch(&self, number: IdentifierNo) {
        let block = self.block(number.0 as usize / BLOCK);
        let ends = block.and_then(|block| Some([block.first()?, block.last()?]));
        ends.into_iter().flatten().for_each(prefetch);
    }

    fn packed(&self, number: usize) -> Option<Packed> {
        let block = self.block(number / BLOCK)?;
        let (first, mut gaps) = block.split_at_checked(16)?;
        let mut value = u128::from_le_bytes(first.try_into().ok()?);
        for _ in 0..number % BLOCK {
            value = value.checked_add(gap(&mut gaps)?)?;
        }
        Some(Packed(value))
    }

    fn block(&self, block: usize) -> Option<&[u8]> {
        let start = *self.starts.get(block)? as usize;
        let end = *self.starts.get(block + 1)? as usize;
        self.blocks.get(start..end)
    }

    fn get_text(&self, number: u64) -> Option<Identifier> {
        let mut key = Vec::new();
        if !self.texts.as_fst().get_key_into(number, &mut key) {
            return None;
        }
        let (&kind, text) = key.split_first()?;
        let text = CompactString::from_utf8(text).ok()?;
        Some(Identifier::trusted(IdentifierKind::from_number(kind)?, text))
    }

    /// The numbers of all identifiers whose text begins so, any kind.
    /// Cost: a binary search a kind, then the decoding of what is found.
    pub fn with_prefix(&self, prefix: &str) -> Vec<IdentifierNo> {
        let mut found = Vec::new();
        for (low, high) in Packed::prefix_ranges(prefix) {
            let range = self.lower_bound(low)..self.upper_bound(high);
            let within = range.map(IdentifierNo);
            found.extend(within.filter(|&no| {
                self.get(no).is_some_and(|identifier| identifier.text().starts_with(prefix))
            }));
        }
        for kind in IdentifierKind::ALL {
            let range = prefix_range(kind, prefix);
            let mut stream = self.texts.range().ge(range.start).lt(range.end).into_stream();
            while let Some((_, number)) = stream.next() {
                found.push(IdentifierNo(self.packed_count + number as u32));
            }
        }
        found
    }

    /// Packed identifiers below this one.
    fn lower_bound(&self, target: Packed) -> u32 {
        self.rank(|packed| packed < target)
    }

    /// Packed identifiers up to this one.
    fn upper_bound(&self, target: Packed) -> u32 {
        self.rank(|packed| packed <= target)
    }

    fn rank(&self, before: impl Fn(Packed) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.packed_count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.packed(middle as usize) {
                Some(packed) if before(packed) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// Every invariant of the sections: ascending, readable, counted right.
    pub fn validate(&self) -> Result<(), String> {
        let mut last = None;
        for number in 0..self.packed_count {
            let packed =
                self.packed(number as usize).ok_or(format!("identifier {number} is cut off"))?;
            if last.is_some_and(|last| packed <= last) || packed.unpack().is_none() {
                return Err(format!("identifier {number} is out of order or no identifier"));
            }
            last = Some(packed);
        }
        if self.texts.len() != self.text_count as usize {
            return Err(format!("{} texts, counted {}", self.texts.len(), self.text_count));
        }
        Ok(())
    }
}

/// One LEB128 number. Nearly all fit 56 bits, so those are read in 64-bit arithmetic.
#[inline]
fn gap(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0u64;
    let mut shift = 0;
    while shift < 56 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(u128::from(value));
        }
        shift += 7;
    }
    wide_gap(bytes, value)
}

/// The rest of a gap that crosses from one kind of identifier to another.
#[cold]
fn wide_gap(bytes: &mut &[u8], low: u64) -> Option<u128> {
    let mut value = u128::from(low);
    let mut shift = 56;
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u128::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

fn prefix_range(kind: IdentifierKind, prefix: &str) -> Range<Vec<u8>> {
    let mut start = vec![kind as u8];
    start.extend_from_slice(prefix.as_bytes());
    let mut end = start.clone();
    // UTF-8 has no byte 0xff, so the last byte can always be raised.
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    start..end
}
