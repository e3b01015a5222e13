//! Subjects that have something in common, while sets of them are compared.

use super::SubjectNo;
use roaring::RoaringBitmap;
use std::ops::{BitAnd, BitOr, Sub};

/// A set of subjects, by their numbers.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct SubjectSet(RoaringBitmap);

impl SubjectSet {
    /// It is among them.
    pub fn contains(&self, subject: SubjectNo) -> bool {
        self.0.contains(subject.0)
    }

    /// How many they are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many are in the other too. Cost: that of both, no copy.
    pub fn common(&self, other: &SubjectSet) -> u64 {
        self.0.intersection_len(&other.0)
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = SubjectNo> {
        self.0.iter().map(SubjectNo)
    }
}

impl FromIterator<SubjectNo> for SubjectSet {
    /// Quickest where they come in order.
    fn from_iter<All: IntoIterator<Item = SubjectNo>>(all: All) -> SubjectSet {
        let mut numbers: Vec<u32> = all.into_iter().map(|subject| subject.0).collect();
        if !numbers.is_sorted() {
            numbers.sort_unstable();
        }
        numbers.dedup();
        // Sorted, so none is left over.
        SubjectSet(RoaringBitmap::from_sorted_iter(numbers).unwrap_or_default())
    }
}

impl BitAnd for &SubjectSet {
    type Output = SubjectSet;

    fn bitand(self, other: &SubjectSet) -> SubjectSet {
        SubjectSet(&self.0 & &other.0)
    }
}

impl BitOr for &SubjectSet {
    type Output = SubjectSet;

    fn bitor(self, other: &SubjectSet) -> SubjectSet {
        SubjectSet(&self.0 | &other.0)
    }
}

impl Sub for &SubjectSet {
    type Output = SubjectSet;

    fn sub(self, other: &SubjectSet) -> SubjectSet {
        SubjectSet(&self.0 - &other.0)
    }
}
