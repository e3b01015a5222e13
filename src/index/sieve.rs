//! Says of a hash that it was never put in, at the price of one look at memory.
//!
//! A Bloom filter of one word a hash. Most identifiers that a check asks about are of nobody in the
//! overlay, whose maps answer that after several dependent looks at memory each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// 64 bits each: a mebibyte. At half a million hashes 1 of 130 that were never put in passes.
const WORDS: usize = 1 << 17;
/// Bits of a hash in its word.
const BITS: u32 = 3;

/// See the [module](self). Copies share it, and each sees what was put in by any other: as nothing is
/// ever taken out, that makes a copy less sharp and never wrong.
#[derive(Clone)]
pub(super) struct Sieve(Arc<[AtomicU64]>);

impl Default for Sieve {
    fn default() -> Sieve {
        Sieve((0..WORDS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Sieve {
    /// Let a hash pass from now on. Whoever is handed what is kept under it sees it here as well:
    /// handing over orders the two.
    pub fn put(&self, hash: u64) {
        self.0[word(hash)].fetch_or(bits(hash), Ordering::Relaxed);
    }

    /// `false`: it was never put in.
    #[inline]
    pub fn passes(&self, hash: u64) -> bool {
        let bits = bits(hash);
        self.0[word(hash)].load(Ordering::Relaxed) & bits == bits
    }
}

#[inline]
fn word(hash: u64) -> usize {
    hash as usize % WORDS
}

/// From the bits that [`word`] does not use.
#[inline]
fn bits(hash: u64) -> u64 {
    (0..BITS).fold(0, |bits, at| bits | 1 << ((hash >> (64 - 6 * (at + 1))) & 63))
}

#[cfg(test)]
mod tests {
    use super::super::points;
    use super::*;

    #[test]
    fn what_was_put_in_passes_and_little_else_does() {
        let sieve = Sieve::default();
        let copy = sieve.clone();
        let hashes = |range: std::ops::Range<u64>| range.map(points::hash);
        assert!(hashes(0..1_000).all(|hash| !sieve.passes(hash)));
        hashes(0..500_000).for_each(|hash| sieve.put(hash));
        assert!(hashes(0..500_000).all(|hash| copy.passes(hash)));
        let wrong = hashes(1_000_000..1_100_000).filter(|&hash| copy.passes(hash)).count();
        assert!(wrong < 1_000, "{wrong} of 100,000");
    }
}
