//! Subjects that have something in common, while sets of them are compared.

use super::SubjectNo;
use roaring::RoaringBitmap;
use std::ops::{BitAnd, BitOr, Sub};

/// A set of subjects, by their numbers.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct SubjectSet(RoaringBitmap);

impl SubjectSet {
    /// Add a subject. Cost: nanoseconds where they come in order.
    pub fn insert(&mut self, subject: SubjectNo) {
        if self.0.try_push(subject.0).is_err() {
            self.0.insert(subject.0);
        }
    }

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
