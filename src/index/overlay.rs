//! The changes since an index was built, small beside it and kept in memory.
//!
//! ```text
//! change ─► known (list, id) ─► standing ─► the entry as it stands ─┬─► placed: over an entry of the index
//!                                                                   └─► added: an entry of its own
//! identifier ─► family ─► carriers ─┐
//! name ─► keys ─┬───────► mentions ─┴─► added entries ─► groups: whose subject is whose
//!               └─► bodies: the keys in order, to be completed
//! ```
//!
//! Persistent: a copy shares all of it and costs some reference counts, so every commit makes a new
//! overlay for readers who see it whole, and nobody waits for anybody. Equal changes in equal order
//! over an equal index make equal overlays, on whatever machine.
//!
//! An entry that only changed is placed over its number, so that everything which leads to it in the
//! index still does. One that is listed anew, or whose subject was corrected, is added: it gets the
//! next number, and its subject is joined to those whose identifiers agree, as a build would. Where
//! identifiers contradict one another a build may join differently; then the next build's word counts.
//! So it does where an entry of several of one subject was given another: which of them carried a number
//! is not in the index, so the numbers that it lost lead to it as long as one of the others stays.

use super::beginnings::{self, Beginning, Outline};
use super::encoder::id_hash;
use super::entries::{self, EntryView};
use super::names::Mention;
use super::postings::{Mark, Sought};
use super::reader::Owner;
use super::sieve::Sieve;
use super::subjects::Decided;
use super::{EntryNo, Index, SubjectNo, keys, points, similar};
use crate::record::{
    Act, Agreement, Change, Entry, Field, Identifier, Provenance, Refusal, Standing, State, Stood,
};
use crate::text::Name;
use rpds::{HashTrieMapSync, RedBlackTreeSetSync, VectorSync};
use std::collections::BTreeSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

type Map<K, V> = HashTrieMapSync<K, V, BuildHasherDefault<Spread>>;

/// See the [module](self).
#[derive(Clone)]
pub struct Overlay {
    change: u64,
    known: Map<u128, Arc<Known>>,
    keys: Map<u128, keys::Row>,
    placed: Map<u32, Arc<Placed>>,
    carriers: Map<u64, Arc<[Carrier]>>,
    mentions: Map<u64, Arc<[Mention]>>,
    /// K2 keys of the names of added bodies, so far as they are completed.
    bodies: RedBlackTreeSetSync<Arc<str>>,
    /// Added entries by the hashes of [`super::similar`].
    similar: Map<u64, Arc<[(Mark, EntryNo)]>>,
    /// The outlines of names and the added entries that bear them, by how they begin.
    begun: Map<Beginning, VectorSync<(Outline, EntryNo)>>,
    groups: Map<u32, Arc<Group>>,
    /// What checks may find: families, keys of suspects' names, placed entries, subjects of groups.
    sieve: Sieve,
    entries: u32,
    subjects: u32,
}

/// What is known of an entry beyond the index.
struct Known {
    stood: Stood,
    /// Its number, where it was added.
    added: Option<EntryNo>,
}

/// An entry as it stands.
struct Placed {
    row: entries::Row,
    text: Box<[u8]>,
    authority: Box<str>,
    /// It goes on under another number, with another subject.
    withdrawn: bool,
}

/// Who carries an identifier, among the added entries.
#[derive(Clone)]
pub(super) struct Carrier {
    pub identifier: Identifier,
    pub owner: Owner,
}

/// Subjects of the index and added entries that are one subject.
#[derive(Clone, Default)]
pub(super) struct Group {
    /// Numbers of the index, and those of the added entries.
    pub subjects: Vec<SubjectNo>,
    /// The added entries.
    pub entries: Vec<EntryNo>,
    /// The identifiers of the added entries.
    pub identifiers: Vec<Identifier>,
    /// What all its identifiers decide.
    pub decided: Decided,
}

/// What is wrong with a change that does not fit, or where it is already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// It was seen: it is this change.
    Repeated(u64),
    /// Another change was seen under its key: this one.
    KeyReused(u64),
    /// It does not fit the state that it meets.
    Refused(Refusal),
}

/// The number under which an added entry's list is kept, for a list's code.
pub type ListNumbers<'a> = dyn Fn(&str) -> u16 + 'a;

impl Overlay {
    /// What an index itself says of changes, and nothing since.
    pub fn of(index: &Index) -> Overlay {
        let mut known = map();
        for stood in index.standing() {
            let hash = id_hash(&stood.list, &stood.entry);
            known.insert_mut(hash, Arc::new(Known { stood: stood.clone(), added: None }));
        }
        let meta = index.meta();
        Overlay {
            change: meta.change,
            known,
            keys: map(),
            placed: map(),
            carriers: map(),
            mentions: map(),
            bodies: RedBlackTreeSetSync::new_sync(),
            similar: map(),
            begun: map(),
            groups: map(),
            sieve: Sieve::default(),
            entries: meta.entries as u32,
            subjects: meta.subjects as u32,
        }
    }

    /// The last change in it.
    pub fn change(&self) -> u64 {
        self.change
    }

    /// How many entries there are, those of the index among them.
    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    /// No entry differs from the index.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// What stands of every entry beyond the feeds, in the order of lists and ids: what the next
    /// build has to take along. Cost: a copy of all of it.
    pub fn standing(&self) -> Vec<Stood> {
        let standing = self.known.values().map(|known| &known.stood);
        let mut all: Vec<Stood> =
            standing.filter(|stood| !stood.standing.is_empty()).cloned().collect();
        all.sort_unstable_by(|a, b| (&a.list, &a.entry).cmp(&(&b.list, &b.entry)));
        all
    }

    /// The keys of the latest changes, those of the index among them: what the next build has to take
    /// along. Cost: a copy of all of it.
    pub fn keys(&self, index: &Index) -> Vec<keys::Row> {
        keys::latest(index.keys().iter().chain(self.keys.values()).copied().collect())
    }

    /// Whether a change of this key was seen.
    fn seen(&self, index: &Index, change: &Change) -> Option<Unfit> {
        let since = self.keys.get(&keys::hash_of(change));
        let seen = since.or_else(|| keys::find(index.keys(), change))?;
        let unfit = if seen.is(change) { Unfit::Repeated } else { Unfit::KeyReused };
        Some(unfit(seen.number()))
    }

    /// Count a change that alters nothing.
    pub fn pass(&mut self, change: &Change) {
        self.change += 1;
        self.keys.insert_mut(keys::hash_of(change), keys::Row::of(self.change, change));
    }

    /// Take the next change, which gets the number after [`Overlay::change`]. What does not fit
    /// leaves everything as it was. Cost: some microseconds.
    pub fn apply(
        &mut self,
        index: &Index,
        change: &Change,
        numbers: &ListNumbers,
    ) -> Result<u64, Unfit> {
        if let Some(unfit) = self.seen(index, change) {
            return Err(unfit);
        }
        let hash = id_hash(&change.list, &change.entry);
        let known = self.known.get(&hash).cloned();
        let in_index = index.entry_no(&change.list, &change.entry);
        let base = in_index.and_then(|no| index.record(no));
        let before = known.as_ref().map(|known| &known.stood.standing);
        let standing = before
            .unwrap_or(&Standing::default())
            .after(change, base.as_ref())
            .map_err(Unfit::Refused)?;
        let entry = standing.effective(base.as_ref());
        let entry = entry.map(|entry| Entry { id: change.entry.clone(), ..entry });
        let mut added = known.and_then(|known| known.added);
        if let Some(entry) = &entry {
            added = self.put(index, change, entry, added.or(in_index), numbers).or(added);
        }
        let (list, entry) = (change.list.clone(), change.entry.clone());
        self.known
            .insert_mut(hash, Arc::new(Known { stood: Stood { list, entry, standing }, added }));
        self.pass(change);
        Ok(self.change)
    }

    /// Place an entry, or add it; answers the number of an added one.
    fn put(
        &mut self,
        index: &Index,
        change: &Change,
        entry: &Entry,
        at: Option<EntryNo>,
        numbers: &ListNumbers,
    ) -> Option<EntryNo> {
        let is_of_another_subject = match &change.act {
            Act::List(_) => true,
            Act::Amend(fields) => fields.iter().any(|field| matches!(field, Field::Subject(_))),
            _ => false,
        };
        match at {
            Some(no) if !is_of_another_subject => {
                self.place(index, no, entry);
                None
            }
            at => {
                if let Some(no) = at {
                    self.withdraw(index, no, &entry.list);
                }
                Some(self.add(index, entry, numbers(&entry.list)))
            }
        }
    }

    /// Whatever leads to the old number leads to nothing now, but by its names to others who bear them.
    fn withdraw(&mut self, index: &Index, no: EntryNo, list: &str) {
        let Some(before) = self.placed(no).or_else(|| index.entry(no)) else { return };
        let (source, file) = (String::new(), String::new());
        let row = before.row;
        let before = before.record(list, Vec::new(), Provenance { source, file, row: 0 });
        let entry = Entry { state: State::Revoked, ..before };
        let row = entries::Row::of(&entry).in_place_of(row);
        self.put_in_place(no, Placed { withdrawn: true, ..Placed::new(row, &entry) });
    }

    fn place(&mut self, index: &Index, no: EntryNo, entry: &Entry) {
        let Some(before) = self.placed(no).or_else(|| index.entry(no)) else { return };
        let row = entries::Row::of(entry).in_place_of(before.row);
        self.put_in_place(no, Placed::new(row, entry));
    }

    fn put_in_place(&mut self, no: EntryNo, placed: Placed) {
        self.sieve.put(of_entry(no));
        self.placed.insert_mut(no.0, Arc::new(placed));
    }

    fn add(&mut self, index: &Index, entry: &Entry, list: u16) -> EntryNo {
        let no = EntryNo(self.entries);
        let subject = SubjectNo(self.subjects);
        self.entries += 1;
        self.subjects += 1;
        let row = entries::Row::of(entry).of_subject(subject, list);
        self.put_in_place(no, Placed::new(row, entry));
        self.join(index, no, subject, entry);
        for id in with_derived(&entry.subject.ids) {
            self.carry(id, Owner::Subject(subject));
        }
        for related in &entry.subject.related {
            if let Some(id) = &related.id {
                self.carry(id.clone(), Owner::Related(related.role, no));
            }
        }
        // Groups only grow, so a subject that is decided stays so, and is no suspect by any name.
        let kind = entry.subject.kind;
        let may_be_suspect = !self.group(subject).is_some_and(|group| group.decided.tells(kind));
        let is_body = kind.is_body();
        let mut mention = |name: &str, former: bool| {
            self.mention(name, Mention { entry: no, former }, may_be_suspect, is_body);
        };
        mention(&entry.subject.name, false);
        entry.subject.other_names.iter().for_each(|other| mention(&other.name, true));
        no
    }

    fn carry(&mut self, identifier: Identifier, owner: Owner) {
        let family = identifier.family().0;
        self.sieve.put(points::hash(family));
        push(&mut self.carriers, family, Carrier { identifier, owner });
    }

    fn mention(&mut self, name: &str, mention: Mention, may_be_suspect: bool, is_body: bool) {
        let mut prepared = Name::default();
        prepared.of(name);
        let key = &prepared.keys.unified;
        if !key.is_empty() {
            let hash = xxh3_64(key.as_bytes());
            if may_be_suspect {
                self.sieve.put(hash);
            }
            push(&mut self.mentions, hash, mention);
        }
        if similar::is_long_enough(key) {
            if is_body && !self.bodies.contains(&**key) {
                self.bodies.insert_mut((&**key).into());
            }
            prepared.hashes(&mut Vec::new(), |core, hash, is_whole| {
                push(&mut self.similar, hash, (Mark::of(core, is_whole), mention.entry));
            });
        }
        if beginnings::is_kept(&prepared) {
            let beginning = Beginning::of(&prepared);
            let mut begun = self.begun.get(&beginning).cloned().unwrap_or_default();
            begun.push_back_mut((Outline::of(&prepared), mention.entry));
            self.begun.insert_mut(beginning, begun);
        }
    }

    /// Join an added entry to the subjects whose identifiers agree with its own: first those that
    /// decide, then those of one family where that is unambiguous, then the others; never where that
    /// would join two contradicting identifiers.
    fn join(&mut self, index: &Index, no: EntryNo, subject: SubjectNo, entry: &Entry) {
        let own: Vec<Identifier> = with_derived(&entry.subject.ids).collect();
        let mut group = Group {
            subjects: vec![subject],
            entries: vec![no],
            decided: decided_by(&own),
            identifiers: own.clone(),
        };
        let torn = contradict(&own, &own);
        let ways: [fn(&Identifier, Agreement) -> bool; 3] = [
            |id, agreement| agreement == Agreement::Equal && id.kind().is_decisive(),
            |_, agreement| agreement == Agreement::Derived,
            |id, agreement| agreement == Agreement::Equal && !id.kind().is_decisive(),
        ];
        for way in ways.into_iter().filter(|_| !torn) {
            for id in &own {
                let mut others = self.subjects_with(index, id);
                others.retain(|(stored, agreement, _)| way(stored, *agreement));
                if self.is_contested(index, &others) {
                    continue;
                }
                for (stored, agreement, other) in others {
                    if agreement == Agreement::Equal || self.derives_one(index, id, &stored) {
                        self.unite(index, &mut group, other);
                    }
                }
            }
        }
        let group = Arc::new(group);
        for subject in &group.subjects {
            self.sieve.put(of_subject(*subject));
            self.groups.insert_mut(subject.0, group.clone());
        }
    }

    /// Two of these contradict each other: whose their identifier is cannot be told.
    fn is_contested(&self, index: &Index, all: &[(Identifier, Agreement, SubjectNo)]) -> bool {
        let first = |&(_, _, subject): &(Identifier, Agreement, SubjectNo)| {
            // Those of a group are in order.
            self.group(subject).and_then(|group| group.subjects.first()).copied().unwrap_or(subject)
        };
        let groups: BTreeSet<SubjectNo> = all.iter().map(first).collect();
        if groups.len() < 2 {
            return false;
        }
        let of = |subject: &SubjectNo| self.identifiers_of(index, &self.group_of(*subject));
        let all: Vec<Vec<Identifier>> = groups.iter().map(of).collect();
        all.iter().enumerate().any(|(at, a)| all[..at].iter().any(|b| contradict(a, b)))
    }

    /// Subjects that carry an identifier agreeing with this one, in the order of their numbers; not those of
    /// which nothing is left, since all their entries were given another subject.
    fn subjects_with(
        &self,
        index: &Index,
        id: &Identifier,
    ) -> Vec<(Identifier, Agreement, SubjectNo)> {
        let mut found = Vec::new();
        index.identify(id, |no, stored, agreement| {
            for owner in index.owners(no) {
                if let Owner::Subject(subject) = owner
                    && !self.is_left(index, subject)
                {
                    found.push((stored.clone(), agreement, subject));
                }
            }
        });
        for carrier in self.carriers_of(id) {
            if let (Some(agreement), Owner::Subject(subject)) =
                (carrier.identifier.agrees(id), carrier.owner)
                && !self.is_left(index, subject)
            {
                found.push((carrier.identifier.clone(), agreement, subject));
            }
        }
        found.sort_by_key(|(_, _, subject)| *subject);
        found
    }

    /// All entries of a subject go on under other numbers.
    fn is_left(&self, index: &Index, subject: SubjectNo) -> bool {
        let is_withdrawn = |no: u32| self.placed.get(&no).is_some_and(|placed| placed.withdrawn);
        let meta = index.meta();
        match subject.0.checked_sub(meta.subjects as u32) {
            // Each added entry has a subject of its own.
            Some(added) => is_withdrawn(meta.entries as u32 + added),
            None => index.entries_of(subject).all(|entry| is_withdrawn(entry.no.0)),
        }
    }

    /// Of two identifiers, one of which contains the other, the short one is contained in no third.
    fn derives_one(&self, index: &Index, a: &Identifier, b: &Identifier) -> bool {
        let (short, long) = if a.text().len() < b.text().len() { (a, b) } else { (b, a) };
        self.subjects_with(index, short).iter().all(|(stored, agreement, _)| {
            *agreement == Agreement::Equal
                || stored == long
                || stored.text().len() <= short.text().len()
        })
    }

    fn unite(&self, index: &Index, group: &mut Group, with: SubjectNo) {
        if group.subjects.contains(&with) {
            return;
        }
        let joined = self.group_of(with);
        let (ours, theirs) =
            (self.identifiers_of(index, group), self.identifiers_of(index, &joined));
        if contradict(&ours, &theirs) {
            return;
        }
        group.decided = group.decided.or(joined.decided).or(decided_by(&theirs));
        group.subjects.extend(joined.subjects);
        group.subjects.sort_unstable();
        group.entries.extend(joined.entries);
        group.entries.sort_unstable();
        group.identifiers.extend(joined.identifiers);
    }

    /// The group of a subject, or it alone.
    fn group_of(&self, subject: SubjectNo) -> Group {
        let alone = || Group { subjects: vec![subject], ..Group::default() };
        self.group(subject).cloned().unwrap_or_else(alone)
    }

    fn identifiers_of(&self, index: &Index, group: &Group) -> Vec<Identifier> {
        let of_index = group.subjects.iter().flat_map(|&subject| index.identifiers_of(subject));
        of_index.chain(group.identifiers.iter().cloned()).collect()
    }

    /// The entry as it stands, where it differs from the index or is not in it.
    #[inline]
    pub(super) fn placed(&self, no: EntryNo) -> Option<EntryView<'_>> {
        let may_be = self.sieve.passes(of_entry(no));
        let placed = may_be.then(|| self.placed.get(&no.0)).flatten()?;
        Some(EntryView { no, row: &placed.row, text: &placed.text, authority: &placed.authority })
    }

    /// What changes say of an entry, by the hash of its list and id.
    pub(super) fn standing_of(&self, hash: u128) -> Option<&Standing> {
        self.known.get(&hash).map(|known| &known.stood.standing)
    }

    /// The number of an added entry, by the hash of its list and id.
    pub(super) fn added(&self, hash: u128) -> Option<EntryNo> {
        self.known.get(&hash).and_then(|known| known.added)
    }

    /// Who of the added entries may carry an identifier of this one's family.
    #[inline]
    pub(super) fn carriers_of(&self, id: &Identifier) -> &[Carrier] {
        let family = id.family().0;
        let may_be = self.may_carry(points::hash(family));
        may_be.then(|| self.carriers.get(&family)).flatten().map_or(&[], |carriers| carriers)
    }

    /// Some of the added entries may carry an identifier whose family hashes so.
    #[inline]
    pub(super) fn may_carry(&self, hash: u64) -> bool {
        self.sieve.passes(hash)
    }

    /// Added entries that bear a name whose K2 key hashes so.
    #[inline]
    pub(super) fn mentions_of(&self, key: &str) -> &[Mention] {
        self.mentions.get(&xxh3_64(key.as_bytes())).map_or(&[], |mentions| mentions)
    }

    /// The same, without some whose subject is decided: nothing where all are.
    #[inline]
    pub(super) fn suspects_of(&self, key: &str) -> &[Mention] {
        if self.sieve.passes(xxh3_64(key.as_bytes())) { self.mentions_of(key) } else { &[] }
    }

    /// The K2 keys that begin so of added bodies' names, in order, short ones left out. Cost: a
    /// microsecond, and 0.1 µs a key.
    pub(super) fn keys_with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.bodies
            .range::<str, _>(from)
            .map(|key| &**key)
            .take_while(move |key| key.starts_with(prefix))
    }

    /// Added entries one name of which has this hash among the deletions of its cores, under one of its marks.
    pub(super) fn with_hash(&self, sought: Sought) -> impl Iterator<Item = EntryNo> {
        let entries = self.similar.get(&sought.hash).into_iter().flat_map(|entries| &**entries);
        entries.filter(move |(mark, _)| sought.marks.have(*mark)).map(|&(_, entry)| entry)
    }

    /// Added entries one name of which begins so and may be two edits from one of this outline.
    /// Cost: some nanoseconds for each that begins so.
    pub(super) fn with_near(
        &self,
        beginning: Beginning,
        outline: Outline,
    ) -> impl Iterator<Item = EntryNo> {
        let begun = self.begun.get(&beginning).into_iter().flatten();
        begun.filter(move |(theirs, _)| theirs.may_be_near(outline)).map(|&(_, entry)| entry)
    }

    /// What a subject was joined with by added entries.
    #[inline]
    pub(super) fn group(&self, subject: SubjectNo) -> Option<&Group> {
        let may_be = self.sieve.passes(of_subject(subject));
        may_be.then(|| self.groups.get(&subject.0)).flatten().map(|group| &**group)
    }
}

impl Placed {
    fn new(mut row: entries::Row, entry: &Entry) -> Placed {
        let mut text = Vec::new();
        entries::write_text(entry, &entry.id, &mut text);
        row.text_length = text.len() as u32;
        let (text, authority) = (text.into(), entry.authority.as_str().into());
        Placed { row, text, authority, withdrawn: false }
    }
}

/// One of these contradicts one of those.
fn contradict(ours: &[Identifier], theirs: &[Identifier]) -> bool {
    ours.iter().any(|a| theirs.iter().any(|b| a.contradicts(b)))
}

/// What these decide.
fn decided_by(ids: &[Identifier]) -> Decided {
    ids.iter().map(Decided::by).fold(Decided::default(), Decided::or)
}

/// The identifiers and what is derived from them.
fn with_derived(ids: &[Identifier]) -> impl Iterator<Item = Identifier> {
    ids.iter().flat_map(|id| [Some(id.clone()), id.derived()]).flatten()
}

fn push<T: Clone>(map: &mut Map<u64, Arc<[T]>>, key: u64, value: T) {
    let before = map.get(&key).map_or(&[][..], |values| values);
    let values = before.iter().cloned().chain(std::iter::once(value)).collect();
    map.insert_mut(key, values);
}

/// The children of a node. A change copies its way down each map, so few and more levels make changes
/// cheaper; checks hardly ever go that way, as the sieve stands before it.
const DEGREE: u8 = 16;

fn map<K: Eq + Hash, V>() -> Map<K, V> {
    Map::new_with_hasher_and_degree_and_ptr_kind(BuildHasherDefault::default(), DEGREE)
}

/// An entry's hash in the sieve.
#[inline]
fn of_entry(no: EntryNo) -> u64 {
    points::hash(1 << 32 | u64::from(no.0))
}

/// A subject's hash in the sieve.
#[inline]
fn of_subject(no: SubjectNo) -> u64 {
    points::hash(2 << 32 | u64::from(no.0))
}

/// Keys are hashes or small numbers already: their bits are only spread.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        points::hash(self.0)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= xxh3_64(bytes);
    }

    fn write_u32(&mut self, number: u32) {
        self.0 ^= u64::from(number);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }

    fn write_u128(&mut self, number: u128) {
        self.0 ^= number as u64;
    }
}
