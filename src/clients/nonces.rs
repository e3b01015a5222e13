//! Signed requests of the last minutes, so that none counts twice.

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use rustc_hash::FxBuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use xxhash_rust::xxh3::xxh3_128;

/// Nonces that are remembered: with the time that each is, half an hour of a thousand requests a second.
const KEPT_MAX: usize = 2_000_000;

/// Nonces by the signer that used them, with the time from which on each may be forgotten. Only those under
/// a good signature come here, so that no stranger fills it.
#[derive(Debug, Default)]
pub struct Nonces {
    until: DashMap<u128, u64, FxBuildHasher>,
    kept: AtomicUsize,
}

/// What becomes of a nonce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Used {
    /// Now for the first time.
    Now,
    /// Before.
    Before,
    /// Nobody knows: there is no room to remember it.
    Full,
}

impl Nonces {
    /// Use a nonce, and remember it until then, in milliseconds since 1970.
    pub fn use_up(&self, signer: &str, nonce: &str, until: u64) -> Used {
        if self.kept.load(Relaxed) >= KEPT_MAX {
            return Used::Full;
        }
        // No signer holds a line break.
        let place = xxh3_128(format!("{signer}\n{nonce}").as_bytes());
        match self.until.entry(place) {
            Entry::Occupied(_) => Used::Before,
            Entry::Vacant(vacant) => {
                vacant.insert(until);
                self.kept.fetch_add(1, Relaxed);
                Used::Now
            }
        }
    }

    /// Forget what no request can use any more. Cost: all that is kept; not for a worker.
    pub fn sweep(&self, now: u64) {
        let mut gone = 0;
        self.until.retain(|_, until| {
            let stays = *until >= now;
            gone += usize::from(!stays);
            stays
        });
        self.kept.fetch_sub(gone, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_counts_once_for_each_signer_until_it_is_forgotten() {
        let nonces = Nonces::default();
        assert_eq!(nonces.use_up("a", "n", 10), Used::Now);
        assert_eq!(nonces.use_up("a", "n", 10), Used::Before);
        assert_eq!(nonces.use_up("b", "n", 20), Used::Now);
        nonces.sweep(11);
        assert_eq!(nonces.use_up("b", "n", 20), Used::Before);
        assert_eq!(nonces.use_up("a", "n", 20), Used::Now);
        nonces.kept.store(KEPT_MAX, Relaxed);
        assert_eq!(nonces.use_up("a", "m", 20), Used::Full);
    }
}
