//! Where either of two bytes stands: what parts cells and what ends lines.
//!
//! Cells are short. Looking for one end after the other, as `memchr` does, begins anew a dozen bytes behind the
//! last; here 64 bytes at once become the bits of a word, and each bit is an end: a fraction of the time.

use wide::u8x64;

/// Bytes that are looked at together.
const GROUP: usize = 64;

/// See the [module](self). Places in ascending order.
pub struct Marks<'b> {
    marks: [u8; 2],
    groups: std::slice::ChunksExact<'b, u8>,
    /// What is left behind the last group; nothing once it was looked at.
    rest: &'b [u8],
    /// Where the group begins that is looked at.
    start: usize,
    /// Where in it marks stand that were not yet told of.
    bits: u64,
    next_start: usize,
}

impl<'b> Marks<'b> {
    /// Of these bytes.
    pub fn new(marks: [u8; 2], bytes: &'b [u8]) -> Marks<'b> {
        let groups = bytes.chunks_exact(GROUP);
        let rest = groups.remainder();
        Marks { marks, groups, rest, start: 0, bits: 0, next_start: 0 }
    }

    fn look(&mut self) -> Option<u64> {
        (self.start, self.next_start) = (self.next_start, self.next_start + GROUP);
        if let Some(group) = self.groups.next() {
            return Some(bits(group.try_into().ok()?, self.marks));
        }
        let rest = std::mem::take(&mut self.rest);
        let mut group = [0; GROUP];
        group[..rest.len()].copy_from_slice(rest);
        (!rest.is_empty()).then(|| bits(&group, self.marks) & ((1 << rest.len()) - 1))
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            self.bits = self.look()?;
        }
        let at = self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(self.start + at)
    }
}

/// A bit for each byte that is one of the marks, the lowest for the first.
#[inline]
fn bits(group: &[u8; GROUP], marks: [u8; 2]) -> u64 {
    let (group, [a, b]) = (u8x64::from(*group), marks.map(u8x64::splat));
    (group.simd_eq(a) | group.simd_eq(b)).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_are_where_memchr_finds_them(
            bytes in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), any::<u8>()], 0..300),
            mark in prop_oneof![Just(b','), Just(0), any::<u8>()],
        ) {
            let marks = [mark, b'\n'];
            let expected: Vec<usize> = memchr::memchr2_iter(marks[0], marks[1], &bytes).collect();
            prop_assert_eq!(Marks::new(marks, &bytes).collect::<Vec<_>>(), expected);
        }
    }
}
