//! One thing that was asked or done.

use super::{Digest, Hash};
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::net::IpAddr;
use uuid::Uuid;

/// Bytes of a record at most.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// What was asked or done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Act {
    /// The log is written from here on: by which version, with which configuration.
    Start,
    /// The service stops.
    Stop,
    /// After a loss of power: what was begun and is gone.
    Torn,
    /// `POST /v1/check`.
    Check,
    /// `POST /v1/screen`.
    Screen,
    /// `POST /v1/evidence`.
    Evidence,
    /// `POST /v1/search`.
    Search,
    /// `POST /v1/suggest`.
    Suggest,
    /// `POST /match`.
    Match,
    /// `POST /v1/cross`.
    Cross,
    /// A file was handed in.
    Job,
    /// Its rows were decided.
    JobDone,
    /// Its result was fetched.
    JobFetched,
    /// Changes were recorded.
    Change,
    /// Sources are asked.
    Refresh,
    /// Another snapshot answers.
    Serve,
    /// An older snapshot was asked for.
    Rollback,
    /// A held delivery was taken.
    Approve,
    /// A held delivery was dropped.
    Discard,
    /// Somebody was refused.
    Refused,
    /// The configuration or the clients changed.
    Configured,
    /// Those who relied on an entry are told.
    Recall,
    /// Records whose time is over are removed: of each lane those before a position.
    Swept,
}

impl Act {
    /// Something is another afterwards: it is recorded before it is done, and again how it ended.
    pub fn alters(self) -> bool {
        matches!(
            self,
            Act::Change | Act::Refresh | Act::Rollback | Act::Approve | Act::Discard | Act::Recall
        )
    }

    /// Somebody was told of subjects.
    pub fn tells(self) -> bool {
        matches!(
            self,
            Act::Check
                | Act::Screen
                | Act::Evidence
                | Act::Search
                | Act::Match
                | Act::Cross
                | Act::JobDone
        )
    }
}

/// What it was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Purpose<'a> {
    /// Code of the matter.
    pub matter: &'a str,
    /// Number of the case.
    pub case: &'a str,
    /// The department that handles it.
    pub department: &'a str,
    /// Who handles it there.
    pub operator: &'a str,
    /// Why, where there is no case.
    pub reason: &'a str,
}

/// What it was decided on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ground<'a> {
    /// Id of the snapshot.
    pub snapshot: &'a str,
    /// The last change that was seen.
    pub change: u64,
    /// That of the catalogue.
    #[serde(with = "serde_bytes")]
    pub catalogue: Hash,
    /// Since when changes may have been missing, seconds since 1970.
    pub behind: Option<i64>,
}

/// One subject.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asked<'a> {
    /// What followed for it; empty where nothing can.
    pub verdict: &'a str,
    /// Of its identifiers; where it has none that are whole, of its name and masked ones.
    pub digests: SmallVec<[Digest; 2]>,
}

/// An entry that the answer rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Cited<'a> {
    /// Code of its list.
    pub list: &'a str,
    /// Its id there.
    pub entry: &'a str,
}

/// See the [module](self). Kept as [postcard](https://postcard.jamesmunns.com/wire-format.html) writes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// That of the check, or one of its own. What [alters](Act::alters) something has two records of one id.
    pub id: Uuid,
    /// When, in milliseconds since 1970.
    pub millis: u64,
    /// What.
    pub act: Act,
    /// Who: the name of a client, empty where there is none.
    pub client: &'a str,
    /// From where.
    pub peer: Option<IpAddr>,
    /// What for.
    pub purpose: Purpose<'a>,
    /// On which data.
    pub ground: Option<Ground<'a>>,
    /// For which instant it was decided, seconds since 1970.
    pub at: Option<i64>,
    /// How it ended: a verdict, a problem's code, `done`; `begun` before that is known.
    pub outcome: &'a str,
    /// About whom.
    #[serde(borrow)]
    pub subjects: Cow<'a, [Asked<'a>]>,
    /// Entries that the answer rests on.
    #[serde(borrow)]
    pub cited: Cow<'a, [Cited<'a>]>,
    /// Of the request and the answer: see [`Algorithm::commit`](super::Algorithm::commit).
    #[serde(with = "serde_bytes")]
    pub texts: Option<Hash>,
    /// What else is to be known: the id of a job, the code of a source.
    pub note: &'a str,
}

impl<'a> Record<'a> {
    /// One of which nothing but this is known yet.
    pub fn new(id: Uuid, millis: u64, act: Act) -> Record<'a> {
        Record {
            id,
            millis,
            act,
            client: "",
            peer: None,
            purpose: Purpose::default(),
            ground: None,
            at: None,
            outcome: "",
            subjects: Cow::Borrowed(&[]),
            cited: Cow::Borrowed(&[]),
            texts: None,
            note: "",
        }
    }

    /// The record of these bytes.
    ///
    /// # Errors
    ///
    /// They are none.
    pub fn read(payload: &'a [u8]) -> Result<Record<'a>, postcard::Error> {
        let (record, rest) = postcard::take_from_bytes(payload)?;
        if rest.is_empty() { Ok(record) } else { Err(postcard::Error::SerdeDeCustom) }
    }

    /// Append its bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        struct Appended<'o>(&'o mut Vec<u8>);
        impl Flavor for Appended<'_> {
            type Output = ();

            fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
                self.0.push(byte);
                Ok(())
            }

            fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
                self.0.extend_from_slice(bytes);
                Ok(())
            }

            fn finalize(self) -> postcard::Result<()> {
                Ok(())
            }
        }
        // Nothing of a record can fail to be written.
        postcard::serialize_with_flavor(self, Appended(out)).expect("a record");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_comes_back() {
        for subjects in [0, 1, 3] {
            let (mut bytes, mut longer) = (vec![1], Vec::new());
            let mut record = Record::new(Uuid::from_u128(7), 1_795_312_800_123, Act::Check);
            let asked =
                Asked { verdict: "clear", digests: SmallVec::from_elem(Digest([9; 16]), 3) };
            record.client = "portal";
            record.peer = Some([127, 0, 0, 1].into());
            record.purpose =
                Purpose { matter: "其他-02491-006", case: "c", ..Purpose::default() };
            record.ground =
                Some(Ground { snapshot: "s", change: 3, catalogue: [5; 32], behind: Some(-1) });
            record.at = Some(1_795_312_800);
            record.outcome = "restrict";
            record.subjects = vec![asked; subjects].into();
            record.cited = vec![Cited { list: "sxbzxr", entry: "e-1" }; subjects].into();
            record.texts = (subjects > 0).then_some([3; 32]);
            record.write(&mut bytes);
            record.write(&mut longer);
            longer.push(0);
            assert_eq!(Record::read(&bytes[1..]).unwrap(), record);
            assert!(Record::read(&longer).is_err());
        }
    }

    proptest! {
        #[test]
        fn other_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::read(&bytes);
        }
    }
}
