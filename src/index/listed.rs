//! The lists as they stand: an index and the changes since, asked as one.

use super::beginnings::{Beginning, Outline};
use super::encoder::id_hash;
use super::entries::{Borne, EntryView};
use super::names::Mention;
use super::overlay::{Group, Overlay};
use super::postings::Sought;
use super::reader::Owner;
use super::similar::RecordNo;
use super::{EntryNo, Index, SubjectNo, points};
use crate::record::{
    Agreement, Day, Entry, Family, Identifier, Provenance, Standing, State, SubjectKind,
};
use crate::text::{Keys, Name};
use std::ops::ControlFlow;

/// Where an identifier would be found. See [`Listed::spot`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot(u64);

/// See the [module](self). Copied freely; a check holds one from its first to its last byte.
///
/// Where nothing changed since the build every question costs what it costs the index and a look at a
/// flag; where something did, one look at a small map more.
#[derive(Clone, Copy)]
pub struct Listed<'a> {
    index: &'a Index,
    overlay: &'a Overlay,
}

impl<'a> Listed<'a> {
    /// An index with the changes over it, which must have been applied over this very index.
    pub fn new(index: &'a Index, overlay: &'a Overlay) -> Listed<'a> {
        Listed { index, overlay }
    }

    /// The index.
    pub fn index(self) -> &'a Index {
        self.index
    }

    /// The last change that is seen.
    pub fn change(self) -> u64 {
        self.overlay.change()
    }

    /// Tell `found` of everyone who carries an identifier that agrees with this one: who, the
    /// identifier as listed, and how the two agree.
    #[inline]
    pub fn identify(
        self,
        identifier: &Identifier,
        mut found: impl FnMut(Owner, &Identifier, Agreement),
    ) {
        self.index.identify(identifier, |no, stored, agreement| {
            self.index.owners(no).for_each(|owner| found(owner, stored, agreement));
        });
        if self.overlay.is_empty() {
            return;
        }
        for carrier in self.overlay.carriers_of(identifier) {
            if let Some(agreement) = carrier.identifier.agrees(identifier) {
                found(carrier.owner, &carrier.identifier, agreement);
            }
        }
    }

    /// Where identifiers that agree with one of this family would be found, unless others do too that it is
    /// [derived](Identifier::derived) to.
    #[inline]
    pub fn spot(family: Family) -> Spot {
        Spot(points::hash(family.0))
    }

    /// Fetch what tells who is found there, so that many can be asked about without waiting for each.
    #[inline]
    pub fn prefetch(self, spot: Spot) {
        self.index.points().prefetch(spot.0);
    }

    /// Fetch what a check reads of whoever is found at those of these spots where somebody may be, all of it
    /// at once: worth it from a dozen. `space` is overwritten.
    pub fn prefetch_found(self, spots: impl Iterator<Item = Spot>, space: &mut Vec<u32>) {
        self.index.prefetch_found(spots.map(|spot| spot.0), space);
    }

    /// Somebody may be found there; `false`: nobody is. Cost: a cache line.
    #[inline]
    pub fn may_find(self, spot: Spot) -> bool {
        self.index.points().candidates(spot.0).next().is_some()
            || (!self.overlay.is_empty() && self.overlay.may_carry(spot.0))
    }

    /// The same as far as the line tells that was fetched: `None` where those behind it do, the next of which is
    /// fetched now.
    #[inline]
    pub fn may_find_at_home(self, spot: Spot) -> Option<bool> {
        let is_carried = !self.overlay.is_empty() && self.overlay.may_carry(spot.0);
        if is_carried { Some(true) } else { self.index.points().at_home(spot.0) }
    }

    /// An entry as it stands.
    #[inline]
    pub fn entry(self, no: EntryNo) -> Option<EntryView<'a>> {
        let placed = if self.overlay.is_empty() { None } else { self.overlay.placed(no) };
        placed.or_else(|| self.index.entry(no))
    }

    /// All entries as they stand, whatever their terms and states: those of the index by subject, then the
    /// added ones. Cost: some nanoseconds each.
    pub fn entries(self) -> impl Iterator<Item = EntryView<'a>> {
        (0..self.overlay.entries()).filter_map(move |no| self.entry(EntryNo(no)))
    }

    /// The subject that another is one with, by an added entry; most are by themselves.
    #[inline]
    pub fn joined(self, subject: SubjectNo) -> Option<SubjectNo> {
        self.group(subject)?.subjects.iter().min().copied()
    }

    /// The entry of a list and an id, as it stands. Without an id of a change only the index is asked.
    pub fn entry_of(self, list: &str, id: &str) -> Option<EntryView<'a>> {
        let added = self.overlay.added(id_hash(list, id));
        added.or_else(|| self.index.entry_no(list, id)).and_then(|no| self.entry(no))
    }

    /// The entry of a list and an id as a record. Its identifiers are all those of its subject.
    pub fn record(self, list: &str, id: &str) -> Option<Entry> {
        let entry = self.entry_of(list, id)?;
        let ids = self.identifiers_of(entry.subject()).collect();
        let (source, file) = (String::new(), String::new());
        Some(entry.record(list, ids, Provenance { source, file, row: 0 }))
    }

    /// What changes say of the entry of a list and an id, as far as the feeds did not say it.
    pub fn standing_of(self, list: &str, id: &str) -> Option<&'a Standing> {
        self.overlay.standing_of(id_hash(list, id))
    }

    /// The entries of a subject.
    pub fn entries_of(self, subject: SubjectNo) -> impl Iterator<Item = EntryView<'a>> {
        let group = self.group(subject);
        let added = group.map_or(&[][..], |group| &group.entries);
        self.parts(subject, group)
            .flat_map(move |part| self.index.entries_of(part).map(|entry| entry.no))
            .chain(added.iter().copied())
            .filter_map(move |no| self.entry(no))
    }

    /// The identifiers of a subject.
    pub fn identifiers_of(self, subject: SubjectNo) -> impl Iterator<Item = Identifier> {
        let group = self.group(subject);
        let added = group.map_or(&[][..], |group| &group.identifiers);
        self.parts(subject, group)
            .flat_map(move |part| self.index.identifiers_of(part))
            .chain(added.iter().cloned())
    }

    /// A subject has an identifier. Cost: a cache line.
    pub fn is_identified(self, subject: SubjectNo) -> bool {
        let group = self.group(subject);
        group.is_some_and(|group| !group.identifiers.is_empty())
            || self.parts(subject, group).any(|part| self.index.is_identified(part))
    }

    /// Entries whose subject bears, or bore, a name with this K2 key.
    pub fn named(self, key: &str) -> impl Iterator<Item = Mention> {
        self.index.named(key).chain(self.added(key))
    }

    /// The same, of the added entries alone.
    fn added(self, key: &str) -> impl Iterator<Item = Mention> {
        let added = self.mentions(key).iter().copied();
        added.filter(move |&mention| self.bears(mention, key))
    }

    /// Tell `each` of the K2 keys that begin so, in order, each with the entries whose subject bears, or
    /// bore, such a name, until it has enough. Of added entries only what is completed is among them.
    pub(super) fn beginning_with(
        self,
        prefix: &str,
        mut each: impl FnMut(&str, &mut dyn Iterator<Item = Mention>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut added = self.overlay.keys_with_prefix(prefix).peekable();
        self.index.names().with_prefix(prefix, |key, mentions| {
            while let Some(before) = added.next_if(|&added| added < key) {
                each(before, &mut self.added(before))?;
            }
            added.next_if(|&added| added == key);
            each(key, &mut mentions.chain(self.added(key)))
        })?;
        added.try_for_each(|key| each(key, &mut self.added(key)))
    }

    /// An added entry is found by the hash of its name, which strangers may share.
    fn bears(self, mention: Mention, key: &str) -> bool {
        let mut keys = Keys::default();
        let mut is_key = |name: &str| {
            keys.of(name);
            keys.unified == key
        };
        self.entry(mention.entry).is_some_and(|entry| match mention.former {
            false => is_key(entry.name()),
            true => entry.other_names().any(|(name, _)| is_key(name)),
        })
    }

    /// The entry's subject gave the name with this K2 key up before the day, or on a day that is not
    /// recorded, and another bears it: whoever is asked about by it is likely that other one. Never a
    /// natural person's, which many bear at once; and no revoked listing says who bears a name.
    pub fn is_taken_over(self, entry: &EntryView, borne: Borne, key: &str, day: Day) -> bool {
        let gave_up = borne.former && borne.until.is_none_or(|until| until < day);
        if !gave_up || entry.kind() == SubjectKind::NaturalPerson {
            return false;
        }
        let is_another = |bearer: EntryView| {
            let mut theirs = self.identifiers_of(bearer.subject());
            bearer.state() != State::Revoked
                && Keys::from(bearer.name()).unified == key
                && theirs.any(|a| self.identifiers_of(entry.subject()).any(|b| a.contradicts(&b)))
        };
        let mut bearers = self.named(key).filter(|mention| !mention.former);
        bearers.any(|mention| self.entry(mention.entry).is_some_and(is_another))
    }

    /// The same, of subjects whom no identifier tells from others of their kind. The hash of the name is compared, not the
    /// name: the caller does that.
    #[inline]
    pub fn suspects(self, key: &str) -> impl Iterator<Item = EntryNo> {
        let mentions =
            if self.overlay.is_empty() { &[][..] } else { self.overlay.suspects_of(key) };
        let mentions = mentions.iter().map(|mention| mention.entry);
        self.index.suspects(key).chain(mentions).filter(move |&no| {
            self.overlay.is_empty() || !self.entry(no).is_some_and(|entry| self.is_told(entry))
        })
    }

    /// Add the names of the index that may have one of these hashes among the deletions of their cores,
    /// and the added entries that have such a name.
    pub(super) fn with_hashes(
        self,
        hashes: &[Sought],
        records: &mut Vec<RecordNo>,
        added: &mut Vec<EntryNo>,
    ) {
        self.index.similar().postings().with_hashes(hashes, records);
        if !self.overlay.is_empty() {
            added.extend(hashes.iter().flat_map(|&sought| self.overlay.with_hash(sought)));
        }
    }

    /// Add the names of the index that begin like the asked one and may be two edits from it, and the
    /// added entries that have such a name.
    pub(super) fn with_near(
        self,
        asked: &Name,
        records: &mut Vec<RecordNo>,
        added: &mut Vec<EntryNo>,
    ) {
        let (beginning, outline) = (Beginning::of(asked), Outline::of(asked));
        self.index.similar().beginnings().with_near(beginning, outline, records);
        if !self.overlay.is_empty() {
            added.extend(self.overlay.with_near(beginning, outline));
        }
    }

    fn is_told(self, entry: EntryView) -> bool {
        self.group(entry.subject()).is_some_and(|group| group.decided.tells(entry.kind()))
    }

    #[inline]
    fn mentions(self, key: &str) -> &'a [Mention] {
        if self.overlay.is_empty() { &[] } else { self.overlay.mentions_of(key) }
    }

    #[inline]
    fn group(self, subject: SubjectNo) -> Option<&'a Group> {
        if self.overlay.is_empty() { None } else { self.overlay.group(subject) }
    }

    /// The subjects of the index that a subject consists of.
    fn parts(
        self,
        subject: SubjectNo,
        group: Option<&'a Group>,
    ) -> impl Iterator<Item = SubjectNo> {
        let alone = group.is_none().then_some(subject);
        alone.into_iter().chain(group.into_iter().flat_map(|group| group.subjects.iter().copied()))
    }
}
