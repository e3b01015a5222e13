//! Signed requests of the last minutes, so that none counts twice.

use super::signature::WINDOW_MS;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant as Clock};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

/// Nonces that are remembered: with the time that each is, half an hour of a thousand requests a second.
const KEPT_MAX: usize = 2_000_000;
/// Of one signer, so that one does not fill it for all.
const OF_SIGNER_MAX: usize = KEPT_MAX / 2;

/// Nonces by the signer that used them, with the time from which on each may be forgotten. Only those under
/// a good signature come here, so that no stranger fills it.
#[derive(Debug, Default)]
pub struct Nonces {
    /// When it began to remember, in milliseconds since 1970 and on a clock that nobody sets.
    start: Option<(u64, Clock)>,
    kept: DashMap<u128, Kept, FxBuildHasher>,
    count: AtomicUsize,
    /// How many are kept of each signer.
    of_signers: DashMap<u64, usize, FxBuildHasher>,
}

#[derive(Debug)]
struct Kept {
    until: u64,
    signer: u64,
}

/// A nonce of a signer, by digests of both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nonce {
    place: u128,
    signer: u64,
}

impl Nonce {
    /// Cost: two hashes.
    pub fn new(signer: &str, nonce: &str) -> Nonce {
        let signer = xxh3_64(signer.as_bytes());
        Nonce { place: xxh3_128_with_seed(nonce.as_bytes(), signer), signer }
    }
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
    /// None yet, from now on, in milliseconds since 1970.
    pub fn since(now: u64) -> Nonces {
        Nonces { start: Some((now, Clock::now())), ..Nonces::default() }
    }

    /// One that counts until then may have been used before any was remembered: it was signed before. When a
    /// window has passed none is left, however the machine's time was set meanwhile.
    pub fn may_be_forgotten(&self, until: u64) -> bool {
        self.start.is_some_and(|(start, clock)| {
            until < start + WINDOW_MS && clock.elapsed() <= Duration::from_millis(WINDOW_MS)
        })
    }

    /// It was used before. Cost: a look-up.
    pub fn knows(&self, nonce: Nonce) -> bool {
        self.kept.contains_key(&nonce.place)
    }

    /// Use a nonce, and remember it until then, in milliseconds since 1970.
    pub fn use_up(&self, nonce: Nonce, until: u64) -> Used {
        let Nonce { place, signer } = nonce;
        match self.kept.entry(place) {
            Entry::Occupied(_) => Used::Before,
            Entry::Vacant(vacant) => {
                let mut of_signer = self.of_signers.entry(signer).or_default();
                if *of_signer >= OF_SIGNER_MAX || self.count.load(Relaxed) >= KEPT_MAX {
                    return Used::Full;
                }
                *of_signer += 1;
                self.count.fetch_add(1, Relaxed);
                vacant.insert(Kept { until, signer });
                Used::Now
            }
        }
    }

    /// Forget what no request can use any more. Cost: all that is kept; not for a worker.
    pub fn sweep(&self, now: u64) {
        let mut gone = FxHashMap::<u64, usize>::default();
        self.kept.retain(|_, kept| {
            let stays = kept.until >= now;
            if !stays {
                *gone.entry(kept.signer).or_default() += 1;
            }
            stays
        });
        for (signer, gone) in gone {
            self.count.fetch_sub(gone, Relaxed);
            self.of_signers.alter(&signer, |_, count| count - gone);
        }
        self.of_signers.retain(|_, count| *count > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_counts_once_for_each_signer_until_it_is_forgotten() {
        let nonces = Nonces::default();
        assert_eq!(nonces.use_up(Nonce::new("a", "n"), 10), Used::Now);
        assert_eq!(nonces.use_up(Nonce::new("a", "n"), 10), Used::Before);
        assert_eq!(nonces.use_up(Nonce::new("b", "n"), 20), Used::Now);
        nonces.sweep(11);
        assert_eq!(nonces.use_up(Nonce::new("b", "n"), 20), Used::Before);
        assert_eq!(nonces.use_up(Nonce::new("a", "n"), 20), Used::Now);
        nonces.count.store(KEPT_MAX, Relaxed);
        assert_eq!(nonces.use_up(Nonce::new("a", "m"), 20), Used::Full);
    }

    #[test]
    fn what_was_signed_before_the_first_may_be_forgotten_for_a_window() {
        let mut nonces = Nonces::since(10);
        let at = |time: u64| time + WINDOW_MS;
        assert!(nonces.may_be_forgotten(at(9)) && !nonces.may_be_forgotten(at(10)));
        let before = Clock::now().checked_sub(Duration::from_millis(WINDOW_MS + 1)).unwrap();
        nonces.start = Some((10, before));
        assert!(!nonces.may_be_forgotten(at(9)));
    }

    #[test]
    fn one_signer_does_not_fill_it_for_all() {
        let nonces = Nonces::default();
        assert_eq!(nonces.use_up(Nonce::new("a", "n"), 10), Used::Now);
        assert!(nonces.knows(Nonce::new("a", "n")) && !nonces.knows(Nonce::new("b", "n")));
        nonces.of_signers.alter_all(|_, _| OF_SIGNER_MAX);
        assert_eq!(nonces.use_up(Nonce::new("a", "m"), 20), Used::Full);
        assert_eq!(nonces.use_up(Nonce::new("b", "m"), 20), Used::Now);
        nonces.of_signers.alter_all(|_, _| 1);
        nonces.sweep(11);
        assert_eq!(nonces.of_signers.len(), 1);
        assert_eq!(
            (nonces.use_up(Nonce::new("a", "n"), 20), nonces.knows(Nonce::new("b", "m"))),
            (Used::Now, true)
        );
    }
}
