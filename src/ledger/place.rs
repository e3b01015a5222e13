//! Where a commit stands in a stream, and which changes it holds.
//!
//! ```text
//! message  = headers body
//! headers  = "Xincha-First" first change, "Xincha-Last" last change, in decimal
//! body     = commit as JSON, nothing in a mark
//! mark     = a message with last + 1 = first: changes before `first` are not in the stream
//! ```

use super::{Commit, LedgerError};
use async_nats::HeaderMap;

const FIRST: &str = "Xincha-First";
const LAST: &str = "Xincha-Last";

/// See the [module](self). Ordered as the stream is. The default is before its first message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Place {
    /// The message's number in the stream.
    pub(super) sequence: u64,
    /// Number of its first change.
    pub(super) first: u64,
    /// Number of its last change.
    pub(super) last: u64,
}

impl Place {
    /// Of a message.
    pub(super) fn of(sequence: u64, headers: Option<&HeaderMap>) -> Result<Place, LedgerError> {
        let number = |name| headers?.get(name)?.as_str().parse::<u64>().ok();
        match (number(FIRST), number(LAST)) {
            (Some(first), Some(last)) if first > 0 && last.saturating_add(1) >= first => {
                Ok(Place { sequence, first, last })
            }
            _ => Err(LedgerError::Damaged(format!(
                "消息 {sequence} 没有变更编号 / message {sequence} has no numbers of changes"
            ))),
        }
    }

    /// The headers of a message with these changes.
    pub(super) fn headers(first: u64, last: u64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(FIRST, first.to_string());
        headers.insert(LAST, last.to_string());
        headers
    }

    /// The commit of a message's body.
    pub(super) fn commit(self, body: &[u8]) -> Result<Commit, LedgerError> {
        let damaged =
            |why| LedgerError::Damaged(format!("消息 / message {}: {why}", self.sequence));
        let commit = Commit::from_bytes(body).map_err(damaged)?;
        if (commit.first, commit.last()) != (self.first, self.last) {
            return Err(damaged("headers and body number other changes".to_owned()));
        }
        Ok(commit)
    }
}
