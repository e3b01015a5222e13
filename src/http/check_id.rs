//! Ids of checks, made without a lock or a system call.

use uuid::{Builder, Uuid};

/// A worker's source of check ids: UUID version 7 (RFC 9562), ordered by time and, within a
/// millisecond of one worker, by a counter of 12 bits.
///
/// The other 62 bits come from a sequence that visits every one of 2^64 numbers before it repeats,
/// begun at random: ids of one worker differ, and those of different workers and processes meet
/// with a chance of 2^-62 for each pair made in one millisecond.
#[derive(Debug)]
pub struct CheckIds {
    sequence: u64,
    millis: u64,
    counter: u16,
}

impl CheckIds {
    /// A source that begins at random.
    pub fn new() -> CheckIds {
        CheckIds::begun_at(rand::random())
    }

    /// A source that begins at a known number, for tests and benches.
    pub fn begun_at(sequence: u64) -> CheckIds {
        CheckIds { sequence, millis: 0, counter: 0 }
    }

    /// The next id, made at so many milliseconds since 1970. Cost: nanoseconds.
    pub fn next(&mut self, millis: u64) -> Uuid {
        self.counter = if self.millis == millis { self.counter.wrapping_add(1) & 0xfff } else { 0 };
        self.millis = millis;
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&self.counter.to_be_bytes());
        bytes[2..].copy_from_slice(&self.scattered().to_be_bytes());
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// SplitMix64: a step of the golden ratio, its bits mixed one-to-one.
    fn scattered(&mut self) -> u64 {
        self.sequence = self.sequence.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.sequence;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl Default for CheckIds {
    fn default() -> CheckIds {
        CheckIds::new()
    }
}

#[cfg(test)]
mod tests {
    use super::CheckIds;

    #[test]
    fn ids_are_of_version_7_and_ordered() {
        let mut ids = CheckIds::begun_at(7);
        let made: Vec<_> =
            (0..8_000u64).map(|number| ids.next(1_795_312_800_000 + number / 4_000)).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(made.iter().all(|id| id.get_version_num() == 7));
        assert!(made[0].to_string().starts_with("01a2"), "{}", made[0]);
    }
}
