//! The delta feeds of a delivery as changes, so that they take effect before the next build.
//!
//! Of the rows of one entry the last counts. It is compared with the entry as it stands: one that is not
//! there is listed, one that ended in the row ends, and a field that differs is corrected, unless a change
//! stands over what the row says: a file that grew tells its old rows once more, and these undo no
//! correction. What a row does not say is left as it is: an objection is lifted and a suspension ended only
//! by a change that says so. The build that follows reads the same rows and agrees.

use super::IngestError;
use crate::index::id_of;
use crate::record::{Act, Change, Day, End, Entry, Field, Sender, Standing, State};
use crate::source::mapper::wanted;
use crate::source::{Feed, Mapper, Mapping, Mode, Survey};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the delta feeds of a delivery say.
#[derive(Default)]
pub struct Delta {
    /// Rows read.
    pub rows: u64,
    /// Rows rejected; the build writes them to the rejects file.
    pub rejects: u64,
    /// What is to be recorded, by list and id.
    pub changes: Vec<Change>,
    /// Entries that end, by list.
    pub ends: BTreeMap<String, u64>,
}

/// Where the delta feeds lie, and what they are compared with.
pub struct DeltaOrder<'a> {
    /// The source.
    pub mapping: &'a Mapping,
    /// The delivery.
    pub folder: &'a Path,
    /// The delivery before it: a file that is the same there says nothing new.
    pub previous: Option<&'a Path>,
    /// The entry of a list and an id.
    pub current: &'a dyn Fn(&str, &str) -> Current,
    /// For rows that ended and do not say when.
    pub today: Day,
}

/// An entry as it stands, and what changes say of it.
pub type Current = (Option<Entry>, Option<Standing>);

impl Delta {
    /// Read them.
    ///
    /// # Errors
    ///
    /// A file cannot be read. Nothing of the delivery is to be used then.
    pub fn read(order: &DeltaOrder) -> Result<Delta, IngestError> {
        let mut delta = Delta::default();
        let mut said = Said::new();
        for path in super::plan::files_of(order.folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_of = |matcher: globset::GlobMatcher| matcher.is_match(&name);
            let feeds = order.mapping.feeds.iter().enumerate();
            let mut feeds = feeds.filter(|(_, feed)| feed.matcher().is_ok_and(is_of));
            let Some((at, _)) = feeds.next().filter(|(_, feed)| feed.mode == Mode::Delta) else {
                continue;
            };
            let feed = Feed::open(&path, &order.mapping.layout)?;
            let before = order.previous.map(|folder| folder.join(&name));
            if !is_same(before, feed.survey()) {
                delta.take(order, at, &path, &feed, &mut said)?;
            }
        }
        said.into_iter().for_each(|(of, said)| delta.say(order, of, said));
        Ok(delta)
    }

    fn take(
        &mut self,
        order: &DeltaOrder,
        at: usize,
        path: &Path,
        feed: &Feed,
        said: &mut Said,
    ) -> Result<(), IngestError> {
        let (mapping, spec) = (order.mapping, &order.mapping.feeds[at]);
        let mut mapper = None;
        let file = format!("{}:{:016x}", mapping.code, feed.survey().hash);
        // Headings come before the rows; both are told through closures that share these.
        let mut batches = Vec::new();
        feed.read(
            &wanted(mapping),
            &mut |headings| {
                mapper = Some(Mapper::new(mapping, spec, path, headings)?);
                Ok(())
            },
            &mut |batch| {
                batches.push(batch);
                Ok(())
            },
        )?;
        let Some(mapper) = mapper else { return Ok(()) };
        for row in batches.iter().flat_map(|batch| batch.rows()) {
            self.rows += 1;
            match mapper.map(row) {
                Ok(mapped) => {
                    let row = Entry { id: id_of(&mapped.entry), ..mapped.entry };
                    let of = (row.list.clone(), row.id.clone());
                    let key = format!("{file}:{}", row.provenance.row);
                    match changed(order, &row) {
                        acts if acts.is_empty() => said.remove(&of),
                        acts => said.insert(of, (key, acts)),
                    };
                }
                Err(_) => self.rejects += 1,
            }
        }
        Ok(())
    }

    fn say(
        &mut self,
        order: &DeltaOrder,
        (list, entry): (String, String),
        said: (String, Vec<Act>),
    ) {
        let (key, acts) = said;
        for (at, act) in acts.into_iter().enumerate() {
            if matches!(act, Act::Exit { .. } | Act::Repair | Act::Revoke) {
                *self.ends.entry(list.clone()).or_default() += 1;
            }
            self.changes.push(Change {
                key: format!("{key}:{at}"),
                list: list.clone(),
                entry: entry.clone(),
                act,
                sender: Sender { department: order.mapping.code.clone(), ..Sender::default() },
            });
        }
    }
}

/// What the last row of an entry changes, with the key of that row: by list and id.
type Said = BTreeMap<(String, String), (String, Vec<Act>)>;

/// What a row changes.
fn changed(order: &DeltaOrder, row: &Entry) -> Vec<Act> {
    let (current, standing) = (order.current)(&row.list, &row.id);
    // What the entry will be once the feeds say this.
    let stands = current.as_ref().and(standing).and_then(|all| all.effective(Some(row)));
    acts(stands.as_ref().unwrap_or(row), current.as_ref(), order.today)
}

fn is_same(before: Option<PathBuf>, now: Survey) -> bool {
    let before = before.filter(|path| path.is_file());
    before.and_then(|path| Survey::of(&path).ok()).is_some_and(|before| before.hash == now.hash)
}

/// What makes an entry as it stands into what a row says; nothing where it is that already.
fn acts(row: &Entry, current: Option<&Entry>, today: Day) -> Vec<Act> {
    let ended = current.and_then(|entry| End::of(entry.state));
    let end = match row.state {
        State::Exited(on) => Some(Act::Exit { on: on.unwrap_or(today) }),
        State::Repaired => Some(Act::Repair),
        State::Revoked => Some(Act::Revoke),
        State::InForce | State::Suspended(_) => None,
    };
    let Some(current) = current else {
        // A listing that ended already is taken as both.
        let listed =
            Entry { state: if end.is_some() { State::InForce } else { row.state }, ..row.clone() };
        return [Some(Act::List(Box::new(listed))), end].into_iter().flatten().collect();
    };
    if end.is_some() {
        let stronger = End::of(row.state) > ended
            && !matches!((ended, row.state), (Some(End::Exited(_)), State::Exited(_)));
        return end.into_iter().filter(|_| stronger).collect();
    }
    if ended.is_some() {
        return Vec::new();
    }
    let mut acts = Vec::new();
    let fields = altered(row, current);
    if !fields.is_empty() {
        acts.push(Act::Amend(fields));
    }
    match (row.state, current.state) {
        (State::Suspended(pause), State::InForce) => acts.push(Act::Suspend(pause)),
        (State::Suspended(pause), State::Suspended(now)) if pause != now => {
            acts.extend([Act::Resume, Act::Suspend(pause)]);
        }
        _ => {}
    }
    if row.objection && !current.objection {
        acts.push(Act::NoteObjection);
    }
    acts
}

fn altered(row: &Entry, current: &Entry) -> Vec<Field> {
    let says = [
        Field::Subject(Box::new(row.subject.clone())),
        Field::Reason(row.reason.clone()),
        Field::Document(row.document.clone()),
        Field::Authority(row.authority.clone()),
        Field::Region(row.region),
        Field::Decided(row.decided),
        Field::Published(row.published),
        Field::From(row.term.from),
        Field::To(row.term.to),
        Field::PublicityUntil(row.publicity_until),
        Field::Extended(row.extended),
    ];
    says.into_iter().filter(|field| !field.of(current).covers(field)).collect()
}
