//! A snapshot → answers.

use super::encoder::id_hash;
use super::entries::{self, EntryView};
use super::identifiers::{Identifiers, MANY};
use super::meta::Meta;
use super::names::{Mention, Names};
use super::points::{self, Points};
use super::sets::Sets;
use super::similar::Similar;
use super::{EntryNo, IdentifierNo, SubjectNo, keys, subjects};
use crate::record::{
    Agreement, Entry, Identifier, MaskedIdentifier, Packed, Provenance, Role, Stood,
};
use crate::snapshot::{Array, OpenError, Snapshot, prefetch};
use crate::text;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// All lists of a snapshot, ready to be asked. Cloning shares.
#[derive(Clone)]
pub struct Index {
    meta: std::sync::Arc<Meta>,
    points: Points,
    identifiers: Identifiers,
    owners: Array<u32>,
    many: Array<u32>,
    subjects: Array<subjects::Row>,
    subject_ids: Array<u32>,
    suspects: Points,
    suspect_posts: Array<u32>,
    names: Names,
    masks: Names,
    similar: Similar,
    entries: Array<entries::Row>,
    entry_ids: Points,
    text: Array<u8>,
    sets: Sets,
    standing: std::sync::Arc<[Stood]>,
    keys: Array<keys::Row>,
}

/// Who carries an identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A subject, itself.
    Subject(SubjectNo),
    /// Whoever stands in this relation to the subject of an entry.
    Related(Role, EntryNo),
}

impl Index {
    /// The index of a verified snapshot. Cost: a millisecond; nothing is copied.
    /// Errors when sections are missing, of other sizes than they should be, or folded otherwise.
    pub fn open(snapshot: &Snapshot) -> Result<Index, OpenError> {
        let json = snapshot.array::<u8>("meta")?;
        let meta: Meta = serde_json::from_slice(&json)
            .map_err(|error| snapshot.unexpected("meta", error.to_string()))?;
        if meta.folding != text::VERSION {
            let why = format!(
                "folding {}, this program folds {}: build anew",
                meta.folding,
                text::VERSION
            );
            return Err(snapshot.unexpected("meta", why));
        }
        let standing = serde_json::from_slice::<Vec<Stood>>(&snapshot.array::<u8>("standing")?)
            .map_err(|error| snapshot.unexpected("standing", error.to_string()))?;
        let index = Index {
            points: Points::open(snapshot, "points")?,
            identifiers: Identifiers::open(snapshot)?,
            owners: snapshot.array("ids.owners")?,
            many: snapshot.array("ids.many")?,
            subjects: snapshot.array("subjects")?,
            subject_ids: snapshot.array("subject.ids")?,
            suspects: Points::open(snapshot, "suspects")?,
            suspect_posts: snapshot.array("suspects.post")?,
            names: Names::open(snapshot, "names")?,
            masks: Names::open(snapshot, "masks")?,
            similar: Similar::open(snapshot)?,
            entries: snapshot.array("entries")?,
            entry_ids: Points::open(snapshot, "entry.ids")?,
            text: snapshot.array("text")?,
            sets: Sets::open(snapshot, &meta.sets)?,
            standing: standing.into(),
            keys: snapshot.array("changes.keys")?,
            meta: std::sync::Arc::new(meta),
        };
        index.check_sizes().map_err(|(section, why)| snapshot.unexpected(section, why))?;
        Ok(index)
    }

    fn check_sizes(&self) -> Result<(), (&'static str, String)> {
        let sizes = [
            ("entries", self.entries.len() as u64, self.meta.entries),
            ("subjects", self.subjects.len() as u64, self.meta.subjects + 1),
            ("ids.owners", self.owners.len() as u64, self.meta.identifiers),
            ("ids.count", self.identifiers.len() as u64, self.meta.identifiers),
        ];
        match sizes.into_iter().find(|(_, got, expected)| got != expected) {
            None => Ok(()),
            Some((section, got, expected)) => {
                Err((section, format!("{got} rows, meta says {expected}")))
            }
        }
    }

    /// What was built from what, when.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The sets of subjects.
    pub fn sets(&self) -> &Sets {
        &self.sets
    }

    /// The dictionary of identifiers.
    pub fn identifiers(&self) -> &Identifiers {
        &self.identifiers
    }

    /// The dictionary of names, by their K2 keys.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The names by their sounds, and what is known of their characters.
    pub fn similar(&self) -> &Similar {
        &self.similar
    }

    /// The point table of identifiers.
    pub fn points(&self) -> &Points {
        &self.points
    }

    /// Tell `found` of every stored identifier that agrees with this one, verified character by
    /// character. Cost: about one cache-line read when there is none; three more for one that is.
    #[inline]
    pub fn identify(
        &self,
        identifier: &Identifier,
        mut found: impl FnMut(IdentifierNo, &Identifier, Agreement),
    ) {
        let hash = points::hash(identifier.family().0);
        let mut candidates = self.points.candidates(hash).map(IdentifierNo).peekable();
        if candidates.peek().is_none() {
            return;
        }
        // Packed once and compared as a number: the equal one needs no unpacking.
        let packed = Packed::pack(identifier);
        for number in candidates {
            if packed.is_some_and(|packed| self.identifiers.is(number, packed)) {
                found(number, identifier, Agreement::Equal);
            } else if let Some(stored) = self.identifiers.get(number)
                && let Some(agreement) = stored.agrees(identifier)
            {
                found(number, &stored, agreement);
            }
        }
    }

    /// Fetch the lines that a check will ask first, so that it waits for the slowest of them and not
    /// for one after the other.
    #[inline]
    pub fn prefetch<'i>(&self, identifiers: impl Iterator<Item = &'i Identifier>) {
        identifiers
            .for_each(|identifier| self.points.prefetch(points::hash(identifier.family().0)));
    }

    /// The same for the name of a subject with identifiers.
    #[inline]
    pub fn prefetch_suspects(&self, key: &str) {
        self.suspects.prefetch(points::hash(xxh3_64(key.as_bytes())));
    }

    /// Fetch what is read of whoever is found under these hashes, link by link of the chain that leads to their
    /// entries: where each is asked for many, none waits for the next. `space` is overwritten.
    pub(super) fn prefetch_found(&self, hashes: impl Iterator<Item = u64>, space: &mut Vec<u32>) {
        space.clear();
        for number in hashes.flat_map(|hash| self.points.candidates(hash)) {
            self.identifiers.prefetch_start(IdentifierNo(number));
            self.owners.get(number as usize).into_iter().for_each(prefetch);
            space.push(number);
        }
        let mut follow = |next: &dyn Fn(u32) -> Option<u32>| {
            space.retain_mut(|at| {
                next(*at).is_some_and(|next| {
                    *at = next;
                    true
                })
            });
        };
        follow(&|number| {
            self.identifiers.prefetch(IdentifierNo(number));
            // Most are of one subject.
            let subject = *self.owners.get(number as usize).filter(|&&owner| owner & MANY == 0)?;
            prefetch(self.subjects.get(subject as usize)?);
            Some(subject)
        });
        follow(&|subject| {
            let entry = self.subjects.get(subject as usize)?.first_entry;
            prefetch(self.entries.get(entry as usize)?);
            Some(entry)
        });
        follow(&|entry| {
            // Its id is in the first line, or at the beginning of the second.
            let start = self.entries.get(entry as usize)?.text_start as usize;
            [start, start + 32].into_iter().flat_map(|at| self.text.get(at)).for_each(prefetch);
            None
        });
    }

    /// Who carries an identifier.
    pub fn owners(&self, number: IdentifierNo) -> impl Iterator<Item = Owner> {
        let owner = self.owners.get(number.0 as usize).copied();
        let (one, (subjects, related)) = match owner {
            None => (None, (&[][..], &[][..])),
            Some(owner) if owner & MANY == 0 => (Some(owner), (&[][..], &[][..])),
            Some(owner) => (None, self.many_owners((owner & !MANY) as usize).unwrap_or_default()),
        };
        let subjects = one.into_iter().chain(subjects.iter().copied());
        let related = related.chunks_exact(2).filter_map(|pair| Some((role(pair[0])?, pair[1])));
        subjects
            .map(|subject| Owner::Subject(SubjectNo(subject)))
            .chain(related.map(|(role, entry)| Owner::Related(role, EntryNo(entry))))
    }

    fn many_owners(&self, start: usize) -> Option<(&[u32], &[u32])> {
        let (&count, rest) = self.many.get(start..)?.split_first()?;
        let (subjects, rest) = rest.split_at_checked(count as usize)?;
        let (&count, rest) = rest.split_first()?;
        Some((subjects, rest.get(..2 * count as usize)?))
    }

    /// The entries of a subject.
    pub fn entries_of(&self, subject: SubjectNo) -> impl Iterator<Item = EntryView<'_>> {
        let Range { start, end } = self.bounds(subject, |row| row.first_entry);
        (start..end.min(self.entries.len() as u32)).filter_map(|no| self.entry(EntryNo(no)))
    }

    /// The identifiers of a subject.
    pub fn identifiers_of(&self, subject: SubjectNo) -> impl Iterator<Item = Identifier> {
        let Range { start, end } = self.bounds(subject, |row| row.first_id);
        let numbers = self.subject_ids.get(start as usize..end as usize).unwrap_or(&[]);
        numbers.iter().filter_map(|&number| self.identifiers.get(IdentifierNo(number)))
    }

    /// A subject has an identifier.
    pub fn is_identified(&self, subject: SubjectNo) -> bool {
        !self.bounds(subject, |row| row.first_id).is_empty()
    }

    fn bounds(&self, subject: SubjectNo, of: impl Fn(&subjects::Row) -> u32) -> Range<u32> {
        let at = subject.0 as usize;
        match self.subjects.get(at..at + 2) {
            Some([this, next]) => of(this)..of(next),
            _ => 0..0,
        }
    }

    /// An entry.
    pub fn entry(&self, no: EntryNo) -> Option<EntryView<'_>> {
        let row = self.entries.get(no.0 as usize)?;
        let start = row.text_start as usize;
        let text = self.text.get(start..start.checked_add(row.text_length as usize)?)?;
        let authority = self.meta.authorities.get(row.authority as usize)?;
        Some(EntryView { no, row, text, authority })
    }

    /// The entry of a list and an id. Cost: a cache line, and two more when there is one.
    pub fn entry_no(&self, list: &str, id: &str) -> Option<EntryNo> {
        let hash = points::hash(id_hash(list, id) as u64);
        self.entry_ids.candidates(hash).map(EntryNo).find(|&no| {
            self.entry(no).is_some_and(|entry| entry.id() == id && self.list_code(&entry) == list)
        })
    }

    /// An entry as a record. Its identifiers are all those of its subject: the index does not keep
    /// which of them it said itself. Cost: microseconds.
    pub fn record(&self, no: EntryNo) -> Option<Entry> {
        let entry = self.entry(no)?;
        let (number, row) = entry.file();
        let file = self.meta.files.get(usize::from(number));
        let provenance = Provenance {
            source: file.map(|file| file.source.clone()).unwrap_or_default(),
            file: file.map(|file| file.name.clone()).unwrap_or_default(),
            row: u64::from(row),
        };
        let ids = self.identifiers_of(entry.subject()).collect();
        Some(entry.record(self.list_code(&entry), ids, provenance))
    }

    fn list_code(&self, entry: &EntryView) -> &str {
        self.meta.lists.get(usize::from(entry.list().0)).map_or("", |list| &list.code)
    }

    /// The keys of the latest changes in it, sorted.
    pub fn keys(&self) -> &[keys::Row] {
        &self.keys
    }

    /// What changes say beyond the feeds of which the index was built.
    pub fn standing(&self) -> &[Stood] {
        &self.standing
    }

    /// Entries whose subject bears, or bore, a name with this K2 key. Cost: 0.5 µs for none.
    pub fn named(&self, key: &str) -> impl Iterator<Item = Mention> {
        self.names.get(key)
    }

    /// The same, of subjects whom no identifier decides: all that a subject with an identifier of
    /// its own is compared with by name. The hash of the name is compared, not the name: the caller
    /// does that. Cost: one cache line for none.
    #[inline]
    pub fn suspects(&self, key: &str) -> impl Iterator<Item = EntryNo> {
        let hash = points::hash(xxh3_64(key.as_bytes()));
        self.suspects
            .candidates(hash)
            .flat_map(|start| self.suspect_post(start))
            .map(|&entry| EntryNo(entry))
    }

    fn suspect_post(&self, start: u32) -> &[u32] {
        let post = self.suspect_posts.get(start as usize..).and_then(<[u32]>::split_first);
        post.and_then(|(&count, rest)| rest.get(..count as usize)).unwrap_or(&[])
    }

    /// Entries published with exactly this mask.
    pub fn masked(&self, masked: &MaskedIdentifier) -> impl Iterator<Item = EntryNo> {
        self.masks.get(masked.text()).map(|mention| mention.entry)
    }

    /// Every invariant of every structure, beyond what opening checks. Cost: seconds per million.
    pub fn validate(&self) -> Result<(), String> {
        self.identifiers.validate()?;
        self.names.validate(self.entries.len())?;
        self.masks.validate(self.entries.len())?;
        self.similar.validate(self.entries.len())?;
        self.sets.validate(self.subjects.len() - 1)?;
        let mut counted = vec![0u64; self.meta.lists.len()];
        for no in 0..self.entries.len() as u32 {
            let entry = self.entry(EntryNo(no)).ok_or_else(|| format!("entry {no} has no text"))?;
            entry.validate()?;
            if self.entry_no(self.list_code(&entry), entry.id()) != Some(entry.no) {
                return Err(format!("entry {no} is not found by its id"));
            }
            let bounds = self.bounds(entry.subject(), |row| row.first_entry);
            if !bounds.contains(&no) {
                return Err(format!("entry {no} is not among its subject's"));
            }
            *counted
                .get_mut(usize::from(entry.list().0))
                .ok_or(format!("entry {no} is on no list"))? += 1;
        }
        for (list, counted) in self.meta.lists.iter().zip(counted) {
            if list.entries != counted {
                return Err(format!(
                    "list {} has {counted} entries, meta says {}",
                    list.code, list.entries
                ));
            }
        }
        for number in 0..self.identifiers.len() as u32 {
            let identifier = self
                .identifiers
                .get(IdentifierNo(number))
                .ok_or_else(|| format!("identifier {number} cannot be read"))?;
            let mut found = false;
            self.identify(&identifier, |no, _, _| found |= no.0 == number);
            if !found || self.owners(IdentifierNo(number)).next().is_none() {
                return Err(format!("identifier {number} is not found or is nobody's"));
            }
        }
        Ok(())
    }
}

/// The role of a relation's number.
fn role(number: u32) -> Option<Role> {
    Role::from_number(u8::try_from(number).ok()?)
}
