//! What folders and buckets have in common: files by name, each with a mark that tells its versions
//! apart.

use super::arrival::{Arrival, Incoming};
use super::complete::{Choice, Complete, Wanted};
use super::manifest::{self, Manifest};
use super::memory::{Mark, Remembered};
use super::{FetchError, Fetched, Visit};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// A file as it lies there.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub bytes: u64,
    pub mark: Mark,
    /// Any later change will change the mark.
    pub lasting: bool,
    /// Its writer is done, as far as can be told.
    pub settled: bool,
    /// When it was written, where that is known.
    pub written: Option<SystemTime>,
}

pub(super) type Listing = BTreeMap<String, Seen>;

/// A folder, or a prefix of a bucket.
pub(super) trait Shelf {
    /// For people.
    fn at(&self) -> String;

    /// What is there now among the names that are `asked` for with their marks; the others bare.
    async fn list(&self, asked: &dyn Fn(&str) -> bool) -> Result<Listing, FetchError>;

    /// The whole of a file of at most [`manifest::BYTES_MAX`].
    async fn read(&self, name: &str) -> Result<Vec<u8>, FetchError>;

    /// Stream a file; [`FetchError::Changed`] when it is not as it was seen.
    async fn copy(
        &self,
        name: &str,
        seen: &Seen,
        into: &mut Incoming<'_>,
    ) -> Result<(), FetchError>;
}

/// Bring what counts as a delivery.
pub(super) async fn bring(
    shelf: &impl Shelf,
    complete: Complete,
    visit: &Visit<'_>,
    mut arrival: Arrival<'_>,
) -> Result<Fetched, FetchError> {
    let taken =
        visit.watch.persist(async || take(shelf, complete, visit, &mut arrival).await).await?;
    match taken {
        Taken::Nothing => Ok(Fetched::Unchanged { memory: visit.memory.clone() }),
        Taken::Awaiting(awaited) => Ok(Fetched::Incomplete { awaited }),
        Taken::All(also) => arrival.conclude(visit.memory, also),
    }
}

enum Taken {
    /// By the marks nothing is new.
    Nothing,
    Awaiting(Vec<String>),
    /// All files; with the manifest, which is remembered beside them.
    All(Option<(String, Remembered)>),
}

async fn take(
    shelf: &impl Shelf,
    complete: Complete,
    visit: &Visit<'_>,
    arrival: &mut Arrival<'_>,
) -> Result<Taken, FetchError> {
    let by_manifest = complete == Complete::Manifest;
    let asked = |name: &str| (visit.matches)(name) || (by_manifest && name == manifest::NAME);
    let listing = shelf.list(&asked).await?;
    let wanted = match choose(shelf, complete, visit, &listing).await? {
        Choice::Await(awaited) => return Ok(Taken::Awaiting(awaited)),
        Choice::Take(wanted) => wanted,
    };
    let counting = Counting { listing, wanted, by_manifest };
    if counting.is_known(visit) {
        return Ok(Taken::Nothing);
    }
    arrival.keep_only(|name| counting.names().any(|wanted| wanted == name));
    for file in &counting.wanted {
        take_one(shelf, file, &counting.listing[&file.name], visit, arrival).await?;
    }
    counting.check_still(&shelf.list(&asked).await?)?;
    Ok(Taken::All(counting.manifest()))
}

/// At least one file to take, each settled and as long as it should be; or those that are awaited.
async fn choose(
    shelf: &impl Shelf,
    complete: Complete,
    visit: &Visit<'_>,
    listing: &Listing,
) -> Result<Choice, FetchError> {
    let manifest = match listing.get(manifest::NAME) {
        Some(seen) if complete == Complete::Manifest => Some(read_manifest(shelf, seen).await?),
        _ => None,
    };
    let names: BTreeSet<&str> = listing.keys().map(String::as_str).collect();
    let wanted = match complete.choose(&names, manifest, visit.matches, visit.memory) {
        Choice::Take(wanted) if wanted.is_empty() => {
            return Err(FetchError::Nothing { at: shelf.at() });
        }
        Choice::Take(wanted) => wanted,
        awaiting => return Ok(awaiting),
    };
    let unsettled = wanted.iter().filter(|file| !listing[&file.name].settled);
    let unsettled: Vec<String> = unsettled.map(|file| file.name.clone()).collect();
    if !unsettled.is_empty() {
        return Ok(Choice::Await(unsettled));
    }
    wanted.iter().try_for_each(|file| file.check_bytes(listing[&file.name].bytes))?;
    Ok(Choice::Take(wanted))
}

async fn read_manifest(shelf: &impl Shelf, seen: &Seen) -> Result<Manifest, FetchError> {
    let at = format!("{}/{}", shelf.at(), manifest::NAME);
    if seen.bytes > manifest::BYTES_MAX {
        return Err(FetchError::TooLarge { at, max: manifest::BYTES_MAX });
    }
    Manifest::parse(&at, &shelf.read(manifest::NAME).await?)
}

async fn take_one(
    shelf: &impl Shelf,
    file: &Wanted,
    seen: &Seen,
    visit: &Visit<'_>,
    arrival: &mut Arrival<'_>,
) -> Result<(), FetchError> {
    if arrival.has(&file.name, &seen.mark) {
        return Ok(());
    }
    // A hash that the manifest gives is checked on what is there, not on what once was.
    let is_known = file.sha256.is_none() && visit.memory.knows(&file.name, &seen.mark);
    if is_known && arrival.take_again(visit.previous, visit.memory, &file.name)? {
        return Ok(());
    }
    let mut copy = arrival.begin(&file.name)?.written(seen.written);
    if file.sha256.is_some() {
        copy = copy.with_sha256();
    }
    copy.check_room(seen.bytes)?;
    shelf.copy(&file.name, seen, &mut copy).await?;
    file.check_bytes(copy.bytes())?;
    if file.sha256.is_some() {
        file.check_sha256(copy.sha256())?;
    }
    arrival.keep(copy, seen.lasting.then(|| seen.mark.clone()))
}

/// The files that make the delivery, as they were seen.
struct Counting {
    listing: Listing,
    wanted: Vec<Wanted>,
    by_manifest: bool,
}

impl Counting {
    /// They, and the manifest where there is one.
    fn names(&self) -> impl Iterator<Item = &str> {
        let manifest = self.by_manifest.then_some(manifest::NAME);
        self.wanted.iter().map(|file| &*file.name).chain(manifest)
    }

    /// The last delivery was of the very same files.
    fn is_known(&self, visit: &Visit) -> bool {
        self.names().count() == visit.memory.files.len()
            && self.names().all(|name| visit.memory.knows(name, &self.listing[name].mark))
    }

    /// Errors when one of them was overwritten while others were copied: they would not belong
    /// together.
    fn check_still(&self, now: &Listing) -> Result<(), FetchError> {
        let is_still =
            |name: &&str| now.get(*name).is_some_and(|seen| seen.mark == self.listing[*name].mark);
        match self.names().find(|name| !is_still(name)) {
            Some(file) => Err(FetchError::Changed { file: file.to_owned() }),
            None => Ok(()),
        }
    }

    fn manifest(&self) -> Option<(String, Remembered)> {
        let seen = self.by_manifest.then(|| &self.listing[manifest::NAME])?;
        let mark = seen.lasting.then(|| seen.mark.clone());
        Some((manifest::NAME.to_owned(), Remembered { bytes: seen.bytes, hash: 0, mark }))
    }
}
