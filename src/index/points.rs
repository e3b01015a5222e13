//! Hash → candidate numbers, in about one cache-line read.
//!
//! ```text
//! section = block*                                     one block is one cache line
//! block   = number(u32) × 10, print(u16) × 10, used(u8), overflowed(u8), zero(u16)
//! ```
//!
//! A key's hash chooses its home block and a 16-bit print. Slots are filled from the left; a full
//! block sends the key to the next one and is marked `overflowed`. A miss therefore reads one line,
//! at the load of 0.75 in one of seven cases the neighbour too. A candidate is a suspicion only: one
//! stranger in about 9,000 look-ups shares a print, and the caller verifies.
//!
//! Tried and left: `fst` (1.1 µs a miss against 0.2), a filter in front (gains nothing over a
//! one-line structure), open addressing with 64-bit hashes (24 bytes a key against 8.5), prints apart from
//! numbers (of a million, a miss is a third sooner and a verified hit a fourth later; registers are the same).

use crate::snapshot::{Array, OpenError, Snapshot, prefetch};
use rayon::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const SLOTS: usize = 10;
/// Keys per block on average: a load of 0.75.
const KEYS_PER_BLOCK: f64 = 7.5;

/// See the [module](self).
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Clone, Copy, Default)]
#[repr(C, align(64))]
pub struct Block {
    numbers: [u32; SLOTS],
    prints: [u16; SLOTS],
    used: u8,
    overflowed: u8,
    zero: u16,
}

const _: () = assert!(size_of::<Block>() == 64);

/// Spread the bits of a family or of any number over 64 bits (the finaliser of MurmurHash3, twice
/// folded): every bit of the input moves the home block and the print.
#[inline]
pub fn hash(number: u64) -> u64 {
    let mut h = number ^ (number >> 33);
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

#[inline]
fn home(hash: u64, blocks: usize) -> usize {
    ((u128::from(hash) * blocks as u128) >> 64) as usize
}

/// The low bits; the home takes the high ones.
#[inline]
fn print(hash: u64) -> u16 {
    hash as u16
}

/// The blocks for these (hash, number) pairs. Equal input, equal bytes. Cost: about 0.1 µs a key.
pub fn build(mut keys: Vec<(u64, u32)>) -> Vec<Block> {
    let count = ((keys.len() as f64 / KEYS_PER_BLOCK).ceil() as usize).max(1);
    // In order of hash the home blocks are filled from left to right, in cache.
    keys.par_sort_unstable();
    let mut blocks = vec![Block::default(); count];
    for (hash, number) in keys {
        let mut at = home(hash, count);
        while usize::from(blocks[at].used) == SLOTS {
            blocks[at].overflowed = 1;
            at = next(at, count);
        }
        let block = &mut blocks[at];
        let slot = usize::from(block.used);
        block.numbers[slot] = number;
        block.prints[slot] = print(hash);
        block.used += 1;
    }
    // At a load of 0.75 some block is not full, so every walk ends.
    blocks
}

/// The table of a snapshot.
#[derive(Clone)]
pub struct Points {
    blocks: Array<Block>,
}

impl Points {
    /// The table in a section.
    pub fn open(snapshot: &Snapshot, section: &str) -> Result<Points, OpenError> {
        let blocks: Array<Block> = snapshot.array(section)?;
        if blocks.is_empty() || blocks.iter().all(|block| block.overflowed != 0) {
            return Err(snapshot.unexpected(section, "no end to a look-up"));
        }
        Ok(Points { blocks })
    }

    /// The candidate numbers of a hash. Cost: one cache line, sometimes its neighbour.
    #[inline]
    pub fn candidates(&self, hash: u64) -> Candidates<'_> {
        candidates(&self.blocks, hash)
    }

    /// Whether a hash has candidates, as far as its home block tells: `None` where those behind it do, the next
    /// of which is fetched.
    #[inline]
    pub fn at_home(&self, hash: u64) -> Option<bool> {
        at_home(&self.blocks, hash)
    }

    /// Fetch the line of a hash before it is asked for: batches hide the memory's latency so.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        prefetch(&self.blocks[home(hash, self.blocks.len())]);
    }

    /// Bytes of the table.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.blocks)
    }
}

#[inline]
fn candidates(blocks: &[Block], hash: u64) -> Candidates<'_> {
    let at = home(hash, blocks.len());
    Candidates { blocks, at, print: print(hash), mask: matches(&blocks[at], print(hash)) }
}

#[inline]
fn at_home(blocks: &[Block], hash: u64) -> Option<bool> {
    let at = home(hash, blocks.len());
    if matches(&blocks[at], print(hash)) != 0 {
        return Some(true);
    }
    if blocks[at].overflowed == 0 {
        return Some(false);
    }
    prefetch(&blocks[next(at, blocks.len())]);
    None
}

/// The block that takes what another has no room for.
#[inline]
fn next(at: usize, blocks: usize) -> usize {
    if at + 1 == blocks { 0 } else { at + 1 }
}

/// One bit per used slot whose print is this one.
#[inline]
fn matches(block: &Block, print: u16) -> u32 {
    let mut mask = 0;
    for (slot, &candidate) in block.prints.iter().enumerate() {
        mask |= u32::from(candidate == print) << slot;
    }
    mask & ((1 << block.used.min(SLOTS as u8)) - 1)
}

/// See [`Points::candidates`].
pub struct Candidates<'a> {
    blocks: &'a [Block],
    at: usize,
    print: u16,
    mask: u32,
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        loop {
            let block = &self.blocks[self.at];
            if self.mask != 0 {
                let slot = self.mask.trailing_zeros() as usize;
                self.mask &= self.mask - 1;
                return Some(block.numbers[slot]);
            }
            if block.overflowed == 0 {
                return None;
            }
            self.at = next(self.at, self.blocks.len());
            self.mask = matches(&self.blocks[self.at], self.print);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_tells_what_a_walk_tells_or_that_the_neighbour_does() {
        let keys: Vec<(u64, u32)> = (0..10_000).map(|n| (hash(n), n as u32)).collect();
        let blocks = build(keys.clone());
        let mut told = [0; 3];
        for (hash, number) in keys.into_iter().chain((10_000..20_000).map(|n| (hash(n.into()), n)))
        {
            let is_any = candidates(&blocks, hash).next().is_some();
            let is_in = candidates(&blocks, hash).any(|candidate| candidate == number);
            assert_eq!(is_in, number < 10_000, "{number}");
            match at_home(&blocks, hash) {
                Some(at_home) => {
                    assert_eq!(at_home, is_any, "{number}");
                    told[usize::from(is_any)] += 1;
                }
                None => told[2] += 1,
            }
        }
        assert!(told.into_iter().all(|count| count > 100), "{told:?}");
    }
}
