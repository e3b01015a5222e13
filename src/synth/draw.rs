//! Chance without state: every draw follows from the seed, a topic and a number.

/// Odd constants of SplitMix64 (Steele, Lea, Flood 2014).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What is being drawn. Topics keep the draws apart, so that a further draw for one thing changes
/// nothing else.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(super) enum Topic {
    Kind = 1,
    Entry,
    Repeat,
    Name,
    Namesake,
    Number,
    Former,
    Representative,
    Row,
    Question,
}

/// A short stream of draws for one thing (SplitMix64).
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64, topic: Topic, number: u64) -> Draw {
        Draw(mix(mix(seed ^ (topic as u64).wrapping_mul(GOLDEN)) ^ number.wrapping_mul(GOLDEN)))
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Below `n`, by multiplication instead of division: the bias is under n / 2^64.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    pub(super) fn days(&mut self, n: u32) -> i32 {
        self.below(u64::from(n)) as i32
    }

    /// True for `rate` of 10,000.
    pub(super) fn of_10k(&mut self, rate: u32) -> bool {
        self.below(10_000) < u64::from(rate)
    }

    pub(super) fn pick<T: Copy>(&mut self, pool: &[T]) -> T {
        pool[self.below(pool.len() as u64) as usize]
    }

    /// One of several things, each with its rate of 10,000; `None` for the rest.
    pub(super) fn one_of<T: Copy>(&mut self, rates: &[(u32, T)]) -> Option<T> {
        let mut left = self.below(10_000) as u32;
        for &(rate, thing) in rates {
            if left < rate {
                return Some(thing);
            }
            left -= rate;
        }
        None
    }
}
