//! Roaring bitmaps of subjects: per list, kind of list, region, authority.
//!
//! ```text
//! section = bitmap*      in the portable serialisation of Roaring; `meta` knows where each begins
//! ```

use super::meta::SetMeta;
use crate::snapshot::{Array, OpenError, Snapshot};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::io;

/// What the subjects of a set have in common.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SetKey {
    /// An entry on the list of this code.
    List(String),
    /// An entry on a list of this kind.
    Kind(String),
    /// An entry of this region, six digits.
    Region(u32),
    /// An entry of this authority.
    Authority(String),
}

/// Sets while they are filled, subjects in ascending order.
#[derive(Default)]
pub(super) struct SetsBuilder {
    sets: BTreeMap<SetKey, RoaringBitmap>,
}

impl SetsBuilder {
    pub fn set(&mut self, key: SetKey, subjects: RoaringBitmap) {
        self.sets.insert(key, subjects);
    }

    pub fn finish(mut self) -> io::Result<(Vec<u8>, Vec<SetMeta>)> {
        let mut bytes = Vec::new();
        let mut metas = Vec::new();
        for (key, set) in &mut self.sets {
            set.optimize();
            let start = bytes.len() as u64;
            set.serialize_into(&mut bytes)?;
            let length = bytes.len() as u64 - start;
            metas.push(SetMeta { key: key.clone(), start, length, subjects: set.len() });
        }
        Ok((bytes, metas))
    }
}

/// The sets of a snapshot: read when asked for, so opening costs nothing.
#[derive(Clone)]
pub struct Sets {
    bytes: Array<u8>,
    metas: BTreeMap<SetKey, SetMeta>,
}

impl Sets {
    /// The sets in a snapshot.
    pub fn open(snapshot: &Snapshot, metas: &[SetMeta]) -> Result<Sets, OpenError> {
        let metas = metas.iter().map(|meta| (meta.key.clone(), meta.clone())).collect();
        Ok(Sets { bytes: snapshot.array("sets")?, metas })
    }

    /// The keys, each with its number of subjects.
    pub fn keys(&self) -> impl Iterator<Item = (&SetKey, u64)> {
        self.metas.values().map(|meta| (&meta.key, meta.subjects))
    }

    /// The subjects of a set; empty when no entry makes it. Cost: a copy of its bytes.
    pub fn get(&self, key: &SetKey) -> RoaringBitmap {
        self.metas.get(key).and_then(|meta| self.read(meta).ok()).unwrap_or_default()
    }

    fn read(&self, meta: &SetMeta) -> io::Result<RoaringBitmap> {
        let end = meta.start.saturating_add(meta.length) as usize;
        let bytes = self
            .bytes
            .get(meta.start as usize..end)
            .ok_or_else(|| io::Error::other("a set outside its section"))?;
        RoaringBitmap::deserialize_from(bytes)
    }

    /// Every set can be read, has the size noted, and holds only subjects below `subjects`.
    pub fn validate(&self, subjects: usize) -> Result<(), String> {
        for meta in self.metas.values() {
            let set = self.read(meta).map_err(|error| error.to_string())?;
            if set.len() != meta.subjects || set.max().is_some_and(|max| max as usize >= subjects) {
                return Err(format!("set {:?} is not what it says", meta.key));
            }
        }
        Ok(())
    }
}
