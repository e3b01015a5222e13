//! A tree over the records of an interval (RFC 6962, section 2.1): one hash stands for all of them, and for
//! each of a million twenty hashes prove that it is among them.
//!
//! The leaves are the hashes of the chain: they are hashes of other things than nodes are, so no leaf passes
//! for a node.

use super::{Algorithm, Hash};

/// The root over these leaves; all zeros where there is none. Cost: a hash a leaf.
pub fn root(algorithm: Algorithm, leaves: &[Hash]) -> Hash {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = above(algorithm, &level);
    }
    level.first().copied().unwrap_or_default()
}

/// What stands beside the way from a leaf to the root, lowest first. Empty too where there is no such leaf.
pub fn path(algorithm: Algorithm, leaves: &[Hash], mut leaf: usize) -> Vec<Hash> {
    let (mut level, mut path) = (leaves.to_vec(), Vec::new());
    while level.len() > 1 {
        path.extend(level.get(leaf ^ 1));
        level = above(algorithm, &level);
        leaf /= 2;
    }
    path
}

/// The root to which a path leads from a leaf, one of so many; `None` where it is of another length.
pub fn root_of_path(
    algorithm: Algorithm,
    leaf: Hash,
    mut at: usize,
    mut count: usize,
    path: &[Hash],
) -> Option<Hash> {
    if at >= count {
        return None;
    }
    let (mut node, mut path) = (leaf, path.iter());
    while count > 1 {
        if (at ^ 1) < count {
            let beside = path.next()?;
            node = match at % 2 {
                0 => algorithm.node(&node, beside),
                _ => algorithm.node(beside, &node),
            };
        }
        at /= 2;
        count = count.div_ceil(2);
    }
    path.next().is_none().then_some(node)
}

/// The nodes above those of a level; the last of an odd number rises as it is.
fn above(algorithm: Algorithm, level: &[Hash]) -> Vec<Hash> {
    let node = |pair: &[Hash]| match pair {
        [left, right] => algorithm.node(left, right),
        _ => pair[0],
    };
    level.chunks(2).map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Algorithm = Algorithm::Sha256;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|at| BY.link(&[0; 32], &at.to_le_bytes())).collect()
    }

    /// As the RFC defines it: split at the greatest power of two below the number.
    fn of_rfc(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::default(),
            [leaf] => *leaf,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                BY.node(&of_rfc(&leaves[..half]), &of_rfc(&leaves[half..]))
            }
        }
    }

    #[test]
    fn the_tree_is_that_of_the_rfc_and_every_path_leads_to_its_root() {
        for count in 0..70 {
            let leaves = leaves(count);
            let root = root(BY, &leaves);
            assert_eq!(root, of_rfc(&leaves), "{count}");
            for (at, leaf) in leaves.iter().enumerate() {
                let path = path(BY, &leaves, at);
                let of = |at, count, path: &[Hash]| root_of_path(BY, *leaf, at, count, path);
                assert_eq!(of(at, count, &path), Some(root));
                assert!(count == 1 || of(at ^ 1, count, &path) != Some(root));
                assert_eq!(of(at + count, count, &path), None);
                assert_eq!(of(at, count, &[&path[..], &[root]].concat()), None);
                if let Some((_, short)) = path.split_last() {
                    assert_eq!(of(at, count, short), None);
                }
            }
        }
    }
}
