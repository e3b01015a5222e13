//! The proof that nothing was altered, or the first record that was.
//!
//! Every link of every lane, every seal's signature and its link to the seal before, and for each seal that
//! all lanes stood then as it says, record for record. From where on each lane is kept the last seal says: all
//! records from there on must be there, and all seals of them. What is older is proven by its signature alone.
//! What came after the last seal is chained and not signed yet.

use super::lane::folder;
use super::reader::{Reader, Walk};
use super::seal::{Line, Sealed};
use super::{AuditError, Broken, Hash, merkle};
use crate::snapshot::TrustedKeys;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// What was proven.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proven {
    /// Seals.
    pub seals: u64,
    /// Records that a seal covers.
    pub sealed: u64,
    /// Records since the last one.
    pub unsealed: u64,
    /// Records of which the beginning of their interval is no longer kept: their chain holds.
    pub partly: u64,
    /// The last seal, to be kept elsewhere: who has it sees if the log ends earlier one day.
    pub last: Option<Line>,
}

/// Prove the whole log. `each` is told how many records were read so far.
///
/// Cost: a reading, and two hashes a record.
///
/// # Errors
///
/// The first that is not as it was written, or a file that cannot be read.
pub fn verify(
    reader: &Reader,
    trusted: &TrustedKeys,
    mut each: impl FnMut(u64),
) -> Result<Proven, AuditError> {
    // Records of later seals may not be there yet when the lanes are read.
    let last = reader.last_seal()?;
    let (mut proven, mut lanes) = (Proven::default(), BTreeMap::new());
    for lane in reader.lanes()? {
        lanes.insert(lane, reader.walk(lane)?);
    }
    let starts: BTreeMap<u32, u64> =
        lanes.iter().map(|(lane, walk)| (*lane, walk.end.position)).collect();
    // A lane is sealed as kept before it is shortened.
    let kept = reader.last_seal()?.map_or(Vec::new(), |line| line.seal.lanes);
    for Sealed { lane, kept, .. } in kept {
        if starts.get(&lane).is_none_or(|start| *start > kept) {
            let (file, position) = (folder(reader.root(), lane), kept);
            let why = "自此应保存的记录缺失 / records are gone that are to be kept from here on";
            return Err(Broken { file, position, why: why.to_owned() }.into());
        }
    }
    let last = last.map_or(0, |line| line.seal.number);
    let mut failure = None;
    reader.seals(0, |file, at, line| {
        if line.seal.number > last {
            return ControlFlow::Break(());
        }
        let proof = of_seal(file, at, &line, trusted, &mut proven, &mut lanes, &starts);
        each(proven.sealed + proven.partly);
        proven.last = Some(line);
        match proof {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    for walk in lanes.values_mut() {
        while walk.next()?.is_some() {
            proven.unsealed += 1;
        }
    }
    each(proven.sealed + proven.partly + proven.unsealed);
    Ok(proven)
}

fn of_seal(
    file: &Path,
    at: u64,
    line: &Line,
    trusted: &TrustedKeys,
    proven: &mut Proven,
    lanes: &mut BTreeMap<u32, Walk>,
    starts: &BTreeMap<u32, u64>,
) -> Result<(), AuditError> {
    let broken = |why: String| Broken { file: file.to_owned(), position: at, why };
    line.verify(trusted).map_err(broken)?;
    if let Some(last) = &proven.last {
        let follows = line.seal.number == last.seal.number + 1 && line.seal.previous == last.hash();
        if !follows {
            return Err(
                broken("与前一封存不衔接 / does not follow the seal before it".into()).into()
            );
        }
    }
    let (mut leaves, mut is_whole) = (Vec::new(), true);
    for sealed in &line.seal.lanes {
        let gone = || broken(format!("第 {0} 路缺失 / lane {0} is gone", sealed.lane));
        let start = starts.get(&sealed.lane).copied().ok_or_else(gone)?;
        let walk = lanes.get_mut(&sealed.lane).ok_or_else(gone)?;
        // Nothing of it is kept any more.
        if sealed.to < start {
            is_whole &= sealed.from == sealed.to;
            continue;
        }
        let at = walk.end.position;
        if sealed.from > at || (sealed.from < at && at != start) {
            return Err(walk.broken("封存不衔接 / sealed from elsewhere").into());
        }
        is_whole &= sealed.from == at;
        walk_to(walk, sealed, &mut leaves)?;
    }
    proven.seals += 1;
    if !is_whole {
        proven.partly += leaves.len() as u64;
        return Ok(());
    }
    let root = merkle::root(line.seal.algorithm, &leaves);
    if line.seal.records != leaves.len() as u64 || line.seal.root != root {
        return Err(broken("与记录不符 / the records are others than those sealed".into()).into());
    }
    proven.sealed += leaves.len() as u64;
    Ok(())
}

/// Go on to where a lane stood when it was sealed.
fn walk_to(walk: &mut Walk, sealed: &Sealed, leaves: &mut Vec<Hash>) -> Result<(), AuditError> {
    while walk.end.position < sealed.to {
        match walk.next()? {
            Some(kept) => leaves.push(kept.hash),
            None => {
                let why =
                    "已封存的记录被改动或缺失 / a record that was sealed is altered or missing";
                return Err(walk.broken(why).into());
            }
        }
    }
    if walk.end != sealed.end() {
        return Err(walk.broken("与封存不符 / is not as it was sealed").into());
    }
    Ok(())
}
