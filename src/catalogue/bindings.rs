//! Which measures bind a matter to a list: one table, read by position.

use super::{ListNo, Matter, MatterNo, Measure, MeasureNo};
use std::cmp::Reverse;

/// For every pair of matter and list: is it consulted, and which measures follow.
#[derive(Clone, Debug)]
pub(super) struct Bindings {
    lists: usize,
    consulted: Box<[bool]>,
    /// `starts[cell]..starts[cell + 1]` are the measures of a cell.
    starts: Box<[u32]>,
    measures: Box<[MeasureNo]>,
}

impl Bindings {
    pub fn new(lists: usize, matters: &[Matter], measures: &[Measure]) -> Bindings {
        let mut consulted = vec![false; lists * matters.len()];
        for (number, matter) in matters.iter().enumerate() {
            for list in &matter.consults {
                consulted[number * lists + usize::from(list.0)] = true;
            }
        }
        let bound = bound_pairs(lists, measures);
        let starts =
            (0..=consulted.len()).map(|cell| bound.partition_point(|(at, _)| *at < cell) as u32);
        Bindings {
            lists,
            consulted: consulted.into(),
            starts: starts.collect(),
            measures: bound.iter().map(|(_, measure)| *measure).collect(),
        }
    }

    pub fn consults(&self, matter: MatterNo, list: ListNo) -> bool {
        self.consulted[self.cell(matter, list)]
    }

    pub fn measures(&self, matter: MatterNo, list: ListNo) -> &[MeasureNo] {
        let cell = self.cell(matter, list);
        &self.measures[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }

    fn cell(&self, matter: MatterNo, list: ListNo) -> usize {
        debug_assert!(usize::from(list.0) < self.lists);
        usize::from(matter.0) * self.lists + usize::from(list.0)
    }
}

/// Every (cell, measure), by cell, then strongest action, then code.
fn bound_pairs(lists: usize, measures: &[Measure]) -> Vec<(usize, MeasureNo)> {
    let mut pairs = Vec::new();
    for (number, measure) in measures.iter().enumerate() {
        for matter in &measure.matters {
            for list in &measure.lists {
                pairs.push((
                    usize::from(matter.0) * lists + usize::from(list.0),
                    MeasureNo(number as u16),
                ));
            }
        }
    }
    pairs.sort_by_key(|(cell, number)| {
        let measure = &measures[usize::from(number.0)];
        (*cell, Reverse(measure.action), measure.code.as_str())
    });
    pairs
}
