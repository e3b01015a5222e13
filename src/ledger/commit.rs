//! Changes that became durable together.

use crate::record::{Change, Instant};
use serde::{Deserialize, Serialize};

/// See the [module](self). Written as JSON: a ledger is read by people as well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commit {
    /// Number of the first change; the others follow one by one.
    pub first: u64,
    /// When it was taken.
    pub at: Instant,
    /// One change or more.
    pub changes: Vec<Change>,
}

impl Commit {
    /// Number of the last change.
    pub fn last(&self) -> u64 {
        self.first + self.changes.len() as u64 - 1
    }

    /// The changes after a number.
    pub fn after(&self, number: u64) -> &[Change] {
        let known = (number + 1).saturating_sub(self.first);
        self.changes.get(known as usize..).unwrap_or(&[])
    }

    /// The bytes that are kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Plain data with text for keys: writing it cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The commit of kept bytes. Errors say what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Commit, String> {
        let commit: Commit = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if commit.first == 0 || commit.changes.is_empty() {
            return Err("a commit without changes".to_owned());
        }
        if commit.first.checked_add(commit.changes.len() as u64).is_none() {
            return Err("a commit beyond the last number".to_owned());
        }
        Ok(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Act, Sender};

    #[test]
    fn numbers_of_a_kept_commit_can_be_counted() {
        let change = Change {
            key: "k".to_owned(),
            list: "l".to_owned(),
            entry: "e".to_owned(),
            act: Act::NoteObjection,
            sender: Sender::default(),
        };
        let of = |first| Commit { first, at: Instant(0), changes: vec![change.clone()] };
        let read = |first| Commit::from_bytes(&of(first).to_bytes());
        assert_eq!(read(7), Ok(of(7)));
        assert!(read(0).is_err() && read(u64::MAX).is_err());
    }
}
