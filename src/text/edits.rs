//! What was done to one text to make another of it: the fewest edits, each with where it falls.

use super::alike::Alike;

/// One edit. Positions are those of the first text.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Edit {
    /// A character for another.
    Substituted {
        /// Where.
        at: usize,
        /// What was there.
        from: char,
        /// What is there now.
        to: char,
    },
    /// A character is gone.
    Dropped {
        /// Where it was.
        at: usize,
        /// The character.
        from: char,
    },
    /// A character is new.
    Inserted {
        /// Before which it is.
        at: usize,
        /// The character.
        to: char,
    },
    /// Two neighbours changed places.
    Swapped {
        /// Where the first was.
        at: usize,
    },
}

impl Edit {
    /// Where, in the first text.
    pub fn at(&self) -> usize {
        match *self {
            Edit::Substituted { at, .. }
            | Edit::Dropped { at, .. }
            | Edit::Inserted { at, .. }
            | Edit::Swapped { at } => at,
        }
    }
}

/// Space for [`Edits::between`], reused from pair to pair.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    costs: Vec<u16>,
    /// The edits found last, from the end to the beginning.
    pub list: Vec<Edit>,
}

/// Cost of a drop, an insertion, a swap or a substitution by a stranger. One by a character that looks or
/// sounds alike costs less, so that of two ways to explain a name the likelier is told.
const WHOLE: u16 = 10;
/// Characters of a middle in which the likeness of characters is looked at.
const TELLING_MAX: usize = 5;
/// Characters up to which two middles of one length that share none are best explained by substitutions
/// alone: to drop one and insert another saves one of them, and at most one unit on each of the others.
const STRANGE_MAX: usize = 10;
/// Edits up to which it is.
const TELLING_EDITS_MAX: usize = 3;

impl Edits {
    /// Find the cheapest edits that make `b` of `a`. Optimal string alignment: two neighbours may change
    /// places, and nothing between them. Cost: 20 ns a pair of the characters between the ends that are
    /// alike.
    pub fn between(&mut self, a: &[char], b: &[char]) -> &[Edit] {
        let (head, a, b) = middles(a, b);
        self.between_ends(a, b);
        for edit in &mut self.list {
            let (Edit::Substituted { at, .. }
            | Edit::Dropped { at, .. }
            | Edit::Inserted { at, .. }
            | Edit::Swapped { at }) = edit;
            *at += head;
        }
        &self.list
    }

    /// The same where it is one edit at most, and no swap; `false` where it is not. Cost: some nanoseconds.
    pub fn at_a_glance(&mut self, a: &[char], b: &[char]) -> bool {
        let (at, a, b) = middles(a, b);
        let edit = match (a, b) {
            ([], []) => None,
            (&[from], &[to]) => Some(Edit::Substituted { at, from, to }),
            (&[from], []) => Some(Edit::Dropped { at, from }),
            ([], &[to]) => Some(Edit::Inserted { at, to }),
            _ => return false,
        };
        self.list.clear();
        self.list.extend(edit);
        true
    }

    /// How many they are. Cost: 2 ns a pair of the characters between the ends that are alike.
    pub fn count(&mut self, a: &[char], b: &[char]) -> usize {
        let (_, a, b) = middles(a, b);
        if a.is_empty() || b.is_empty() || are_strange(a, b) {
            return a.len().max(b.len());
        }
        usize::from(self.fill(a, b, substitution) / WHOLE)
    }

    /// The same of what is left where both begin and end alike: nearly nothing, for names alike.
    fn between_ends(&mut self, a: &[char], b: &[char]) {
        if are_strange(a, b) {
            self.list.clear();
            let pairs = a.iter().zip(b).enumerate().rev();
            self.list.extend(pairs.map(|(at, (&from, &to))| Edit::Substituted { at, from, to }));
            return;
        }
        if a.is_empty() || b.is_empty() {
            self.list.clear();
            let dropped = a.iter().enumerate().rev().map(|(at, &from)| Edit::Dropped { at, from });
            let inserted = b.iter().rev().map(|&to| Edit::Inserted { at: 0, to });
            self.list.extend(dropped.chain(inserted));
            return;
        }
        self.align(a, b, substitution);
        // In a long middle nothing is left that the likeness of characters could tell, nor in names that
        // are far apart, nor in one character.
        let longer = a.len().max(b.len());
        if longer > 1 && longer <= TELLING_MAX && self.list.len() <= TELLING_EDITS_MAX {
            self.align(a, b, telling_substitution);
        }
    }

    fn align(&mut self, a: &[char], b: &[char], substitution: impl Fn(char, char) -> u16) {
        self.fill(a, b, &substitution);
        self.trace(a, b, substitution);
    }

    /// The costs of all beginnings of both; what all of both costs.
    fn fill(&mut self, a: &[char], b: &[char], substitution: impl Fn(char, char) -> u16) -> u16 {
        let width = b.len() + 1;
        self.costs.clear();
        self.costs.extend((0..width).map(|j| j as u16 * WHOLE));
        self.costs.resize((a.len() + 1) * width, 0);
        for i in 1..=a.len() {
            let (above, row) = self.costs.split_at_mut(i * width);
            let (row, last) = (&mut row[..width], &above[(i - 1) * width..]);
            row[0] = i as u16 * WHOLE;
            for j in 1..width {
                let other = last[j - 1] + substitution(a[i - 1], b[j - 1]);
                row[j] = other.min(last[j] + WHOLE).min(row[j - 1] + WHOLE);
                if is_swap(a, b, i, j) {
                    row[j] = row[j].min(above[(i - 2) * width + j - 2] + WHOLE);
                }
            }
        }
        self.costs[a.len() * width + b.len()]
    }

    /// Walk back from the end by any step that explains the cost.
    fn trace(&mut self, a: &[char], b: &[char], substitution: impl Fn(char, char) -> u16) {
        self.list.clear();
        let width = b.len() + 1;
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 || j > 0 {
            let cost = self.costs[i * width + j];
            let was = |i: usize, j: usize| self.costs[i * width + j];
            if i > 0 && j > 0 && cost == was(i - 1, j - 1) + substitution(a[i - 1], b[j - 1]) {
                (i, j) = (i - 1, j - 1);
                if a[i] != b[j] {
                    self.list.push(Edit::Substituted { at: i, from: a[i], to: b[j] });
                }
            } else if is_swap(a, b, i, j) && cost == was(i - 2, j - 2) + WHOLE {
                (i, j) = (i - 2, j - 2);
                self.list.push(Edit::Swapped { at: i });
            } else if i > 0 && cost == was(i - 1, j) + WHOLE {
                i -= 1;
                self.list.push(Edit::Dropped { at: i, from: a[i] });
            } else {
                j -= 1;
                self.list.push(Edit::Inserted { at: i, to: b[j] });
            }
        }
    }
}

/// How many characters both begin with alike, and what is left of each without those and without what both
/// end with.
fn middles<'a>(a: &'a [char], b: &'a [char]) -> (usize, &'a [char], &'a [char]) {
    let ends = |(a, b): &(&char, &char)| a == b;
    let head = a.iter().zip(b).take_while(ends).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(ends).count();
    (head, &a[..a.len() - tail], &b[..b.len() - tail])
}

/// They are best explained by substitutions alone.
fn are_strange(a: &[char], b: &[char]) -> bool {
    a.len() == b.len() && a.len() <= STRANGE_MAX && !a.iter().any(|c| b.contains(c))
}

/// The two characters before (i, j) are each other's.
fn is_swap(a: &[char], b: &[char], i: usize, j: usize) -> bool {
    i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && a[i - 1] != a[i - 2]
}

/// Two texts are so few edits apart, at most. Cost: some nanoseconds where they are not, as they mostly
/// part early.
pub fn are_within<T: PartialEq>(edits: usize, a: &[T], b: &[T]) -> bool {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    match (a, b) {
        _ if a.len().abs_diff(b.len()) > edits => false,
        ([], _) | (_, []) => true,
        _ if edits == 0 => false,
        _ => {
            let fewer = edits - 1;
            are_within(fewer, &a[1..], &b[1..])
                || are_within(fewer, &a[1..], b)
                || are_within(fewer, a, &b[1..])
                || is_swap_at_start(a, b) && are_within(fewer, &a[2..], &b[2..])
        }
    }
}

fn is_swap_at_start<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    matches!((a, b), ([a, b, ..], [c, d, ..]) if a == d && b == c)
}

fn substitution(a: char, b: char) -> u16 {
    if a == b { 0 } else { WHOLE }
}

fn telling_substitution(a: char, b: char) -> u16 {
    match a == b {
        true => 0,
        false => {
            let alike = Alike::of(a, b);
            if alike.sound || alike.looks() { WHOLE - 1 } else { WHOLE }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rapidfuzz::distance::osa;

    fn edits(a: &str, b: &str) -> Vec<Edit> {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        Edits::default().between(&chars(a), &chars(b)).to_vec()
    }

    #[test]
    fn of_strangers_all_are_substituted_as_any_alignment_would() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (a, b) in
            [("河", "和"), ("星河", "明和"), ("星河明月科", "建筑贸易股"), ("东海", "冻诲")]
        {
            let (a, b) = (chars(a), chars(b));
            let mut aligned = Edits::default();
            aligned.align(&a, &b, substitution);
            assert_eq!(Edits::default().between(&a, &b), aligned.list);
            aligned.align(&a, &b, telling_substitution);
            assert_eq!(Edits::default().between(&a, &b), aligned.list);
        }
    }

    proptest! {
        #[test]
        fn texts_are_within_as_many_edits_as_they_are_apart(a in "[ab星河]{0,7}", b in "[ab星河]{0,7}", most in 0..4usize) {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let apart = osa::distance(a.iter().copied(), b.iter().copied());
            prop_assert_eq!(are_within(most, &a, &b), apart <= most);
            let mut edits = Edits::default();
            let is_told = edits.at_a_glance(&a, &b);
            let told = edits.list.clone();
            let between = edits.between(&a, &b);
            let is_swap = matches!(between, [Edit::Swapped { .. }]);
            prop_assert_eq!(is_told, apart <= 1 && !is_swap);
            prop_assert!(!is_told || told == between);
            prop_assert_eq!((edits.count(&a, &b), edits.between(&a, &b).len()), (apart, apart));
        }
    }

    #[test]
    fn the_fewest_edits_are_told_with_their_place() {
        use Edit::*;
        assert_eq!(edits("星河科技", "星河科技"), []);
        assert_eq!(edits("", "星"), [Inserted { at: 0, to: '星' }]);
        assert_eq!(edits("星河科技", "星和科技"), [Substituted { at: 1, from: '河', to: '和' }]);
        assert_eq!(edits("星河科技", "星科技"), [Dropped { at: 1, from: '河' }]);
        assert_eq!(edits("星河科技", "星河新科技"), [Inserted { at: 2, to: '新' }]);
        assert_eq!(edits("星河科技", "河星科技"), [Swapped { at: 0 }]);
        assert_eq!(
            edits("星河科技", "星合技"),
            [Dropped { at: 2, from: '科' }, Substituted { at: 1, from: '河', to: '合' }]
        );
    }
}
