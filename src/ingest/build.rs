//! One build, from the plan to the published snapshot.

use super::IngestError;
use super::fold::{Fold, Folded};
use super::plan::{Delivery, Plan};
use super::report::Report;
use super::sample::Sample;
use crate::index::builder::Described;
use crate::index::meta::FileMeta;
use crate::index::{Builder, Encoded, Encoder, Index, ListMeta, SourceMeta, keys};
use crate::record::{Day, Entry, Instant, ListKind, Stood};
use crate::snapshot::{Snapshot, Store};
use crate::source::mapper::wanted;
use crate::source::{
    AsOf, Batch, Feed, Mapper, Mapping, Reject, RejectFile, SourceError, Survey, Wanted,
};
use rayon::prelude::*;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::UNIX_EPOCH;

/// The source under which entries stand that changes listed and no feed delivered.
pub const CHANGES: &str = "changes";

/// Batches that wait between reading and mapping: memory stays bounded by them.
const WAITING: usize = 8;

/// What is to be built.
pub struct Order<'a> {
    /// What is read.
    pub plan: &'a Plan,
    /// The kind of each list, from the catalogue; a feed for a list that it does not know is refused.
    pub kind_of: &'a (dyn Fn(&str) -> Option<ListKind> + Sync),
    /// Where the snapshot is published.
    pub store: &'a Store,
    /// Where rejects are written; the file is only there when there are any.
    pub rejects: &'a Path,
    /// When the build began.
    pub now: Instant,
    /// What changes say beyond the feeds, up to and with this one.
    pub standing: &'a [Stood],
    /// The keys of the latest of them.
    pub keys: &'a [keys::Row],
    /// The last change in `standing`.
    pub change: u64,
    /// Take the feeds as true at `now`, whatever their mapping says: for samples.
    pub as_of_build: bool,
}

/// Follows a build.
pub trait Progress: Sync {
    /// A file is begun.
    fn file(&self, _name: &str) {}
    /// So many bytes and rows of the whole are read.
    fn read(&self, _bytes: u64, _rows: u64) {}
    /// A step after the reading is begun.
    fn step(&self, _name: &'static str) {}
    /// Someone wants it to stop.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Says nothing.
impl Progress for () {}

/// A finished snapshot that nobody serves yet.
pub struct Built {
    /// Its id.
    pub id: String,
    /// Its file, under the name of a building one.
    pub building: PathBuf,
    /// The account of it. Its path is that of the building file.
    pub report: Report,
    /// Some entries as they were delivered last, by which it can be asked whether it knows them.
    pub sample: Sample,
}

impl Built {
    /// Let it be the current snapshot.
    pub fn publish(mut self, store: &Store) -> Result<Report, IngestError> {
        let failed = |source| IngestError::Io { path: store.folder().to_owned(), source };
        self.report.path = store.publish(&self.building, &self.id).map_err(failed)?;
        Ok(self.report)
    }
}

/// Build a snapshot, prove it and publish it. On any error what was published before stays as it was.
/// Cost: see [`prepare`].
pub fn build(order: &Order, progress: &dyn Progress) -> Result<Report, IngestError> {
    let built = prepare(order, progress)?;
    progress.step("publish");
    built.publish(order.store)
}

/// Build a snapshot beside the published ones, read it back whole, and ask it what is known of the
/// feeds. Nothing is published.
///
/// Cost: about 2 µs an entry on two cores, and 200 bytes of memory an entry.
pub fn prepare(order: &Order, progress: &dyn Progress) -> Result<Built, IngestError> {
    let started = std::time::Instant::now();
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| IngestError::Io { path: path.clone(), source }
    };
    let kept = order.store.kept().map_err(io(order.store.folder()))?;
    let id_time = id_time(order.now, &kept);
    let (building, file) = order.store.building(&id_time).map_err(io(order.store.folder()))?;
    let mut run = Run {
        order,
        progress,
        builder: Builder::new(BufWriter::with_capacity(1 << 20, file)).map_err(io(&building))?,
        lists: Vec::new(),
        sources: Vec::new(),
        files: Vec::new(),
        rejects: RejectFile::new(order.rejects),
        fold: Fold::new(order.standing),
        sample: Sample::default(),
        bytes_before: 0,
        rows: 0,
        building: building.clone(),
    };
    for delivery in &order.plan.deliveries {
        run.deliver(delivery).map_err(|error| error.of(&order.plan.code(delivery)))?;
    }
    run.append_undelivered()?;
    let Run { builder, lists, sources, files, rejects, rows, fold, sample, .. } = run;
    let id = format!("{id_time}-{}", digest_of(&files, order.change));
    let described = Described {
        id: id.clone(),
        built: order.now.0,
        change: order.change,
        lists,
        sources,
        files,
        standing: fold.standing(),
        keys: order.keys.to_vec(),
    };
    let (out, meta) =
        builder.finish(described, &|step| progress.step(step)).map_err(io(&building))?;
    let file = out.into_inner().map_err(|error| io(&building)(error.into_error()))?;
    file.sync_all().map_err(io(&building))?;
    progress.step("verify");
    // What is published was read back whole: a disk that wrote something else is found now.
    let damaged = |error: crate::snapshot::OpenError| IngestError::Plan(error.to_string());
    let snapshot = Snapshot::open(&building).map_err(damaged)?;
    let index = Index::open(&snapshot).map_err(damaged)?;
    sample.prove(&index).map_err(IngestError::Plan)?;
    let warnings = meta.sources.iter().map(|source| source.warnings).sum();
    let (rejected, rejects_file) = rejects.finish().map_err(io(order.rejects))?;
    let report = Report {
        bytes: snapshot.length(),
        meta,
        path: building.clone(),
        rows,
        rejects: rejected,
        warnings,
        rejects_file,
        missing: Vec::new(),
        ignored: order.plan.ignored.clone(),
        seconds: started.elapsed().as_secs_f64(),
    };
    Ok(Built { id, building, report, sample })
}

/// The time in an id, `20261122T020000Z`.
const ID_TIME: &str = "%Y%m%dT%H%M%SZ";

/// The time of the next id: now, and later than that of every snapshot that is kept. Ids sort in the
/// order of builds so, also where there are several a second or clocks of machines differ.
fn id_time(now: Instant, kept: &[String]) -> String {
    let time_of = |id: &String| {
        let (time, _) = id.split_once('-')?;
        let time = jiff::civil::DateTime::strptime(ID_TIME, time).ok()?;
        Some(jiff::tz::Offset::UTC.to_timestamp(time).ok()?.as_second())
    };
    let after_kept = kept.iter().filter_map(time_of).max().map_or(i64::MIN, |newest| newest + 1);
    let time = jiff::Timestamp::from_second(now.0.max(after_kept));
    time.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime(ID_TIME).to_string()
}

/// Eight hexadecimal digits over the contents of all files and the last change: the same deliveries
/// and changes, the same digest.
fn digest_of(files: &[FileMeta], change: u64) -> String {
    let files = files.iter().map(|file| format!("{}:{}\n", file.name, file.hash));
    let all: String = files.chain([change.to_string()]).collect();
    format!("{:08x}", xxhash_rust::xxh3::xxh3_64(all.as_bytes()) >> 32)
}

/// A build while it runs.
struct Run<'a> {
    order: &'a Order<'a>,
    progress: &'a dyn Progress,
    builder: Builder<BufWriter<File>>,
    lists: Vec<ListMeta>,
    sources: Vec<SourceMeta>,
    files: Vec<FileMeta>,
    rejects: RejectFile,
    fold: Fold,
    sample: Sample,
    bytes_before: u64,
    rows: u64,
    building: PathBuf,
}

/// What a batch became.
#[derive(Default)]
struct Worked {
    encoded: Encoded,
    rejects: Vec<Reject>,
    folded: Vec<Folded>,
    sample: Sample,
    counts: Counts,
    bytes: u64,
}

/// What is counted of rows.
#[derive(Clone, Copy, Default)]
struct Counts {
    rows: u64,
    rejects: u64,
    warnings: u64,
    future: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.rows += other.rows;
        self.rejects += other.rejects;
        self.warnings += other.warnings;
        self.future += other.future;
    }
}

/// What the reading thread sends.
enum Sent {
    Headings(Vec<String>),
    Batch(Batch),
}

impl Run<'_> {
    /// Read a file into the builder.
    fn deliver(&mut self, delivery: &Delivery) -> Result<(), IngestError> {
        let mapping = &self.order.plan.mappings[delivery.mapping];
        let spec = &mapping.feeds[delivery.feed];
        let name = delivery.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.progress.file(&name);
        let Some(kind) = (self.order.kind_of)(&spec.list) else {
            let (file, list) = (&name, &spec.list);
            return Err(IngestError::Plan(format!(
                "{file}: 目录中没有名单 {list} / list {list} is not in the catalogue"
            )));
        };
        let feed = Feed::open(&delivery.path, &mapping.layout)?;
        let as_of = self.as_of(delivery, spec.as_of)?;
        let list = self.list(&spec.list, kind, as_of);
        let file_no = self.files.len() as u16;
        let wanted = wanted(mapping);
        let (sender, receiver) = sync_channel(WAITING);
        let (counts, headings) = std::thread::scope(|scope| {
            let reading = scope.spawn(|| read(&feed, &wanted, sender));
            let worked = self.work(
                &receiver,
                |headings| Mapper::new(mapping, spec, &delivery.path, headings),
                list,
                file_no,
                delivery,
            );
            // A reader that waits for room must see that nobody takes any more.
            drop(receiver);
            let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match (worked, read) {
                (Ok(worked), Ok(())) => Ok(worked),
                (Err(error), _) => Err(error),
                (_, Err(error)) => Err(error.into()),
            }
        })?;
        self.bytes_before += delivery.bytes;
        let at = self.account(mapping, as_of, name, feed.survey(), counts);
        let source = &mut self.sources[at];
        let mut layout = headings;
        layout.sort_unstable();
        source.layouts.entry(spec.list.clone()).or_default().insert(layout);
        *source.lists.entry(spec.list.clone()).or_default() += counts.rows - counts.rejects;
        Ok(())
    }

    /// Entries that changes listed and no feed delivered yet, as a file of their own.
    fn append_undelivered(&mut self) -> Result<(), IngestError> {
        let entries: Vec<Entry> = self.fold.undelivered().collect();
        let (mut encoder, file) = (Encoder::default(), self.files.len() as u16);
        let mut rows = 0;
        for entry in &entries {
            // A list that the catalogue lost takes its entries along, as those of feeds do not.
            let Some(kind) = (self.order.kind_of)(&entry.list) else { continue };
            // Of a list that no feed delivers it is not known how old it is.
            let known = self.lists.iter().find(|list| list.code == entry.list);
            let as_of = known.map_or(Instant(0), |list| Instant(list.as_of));
            let list = self.list(&entry.list, kind, as_of);
            encoder.push(entry, list, file);
            rows += 1;
        }
        if rows > 0 {
            let (source, name) = (CHANGES.to_owned(), CHANGES.to_owned());
            self.files.push(FileMeta { source, name, rows, hash: String::new() });
        }
        let failed = |source| IngestError::Io { path: self.building.clone(), source };
        self.builder.append(&encoder.take()).map_err(failed)
    }

    /// Map and encode batches on all cores, append them in order.
    fn work<'m>(
        &mut self,
        receiver: &Receiver<Sent>,
        mapper_of: impl Fn(&[String]) -> Result<Mapper<'m>, SourceError>,
        list: u16,
        file: u16,
        delivery: &Delivery,
    ) -> Result<(Counts, Vec<String>), IngestError> {
        let (mut mapper, mut seen) = (None, Vec::new());
        let (mut counts, mut bytes) = (Counts::default(), 0u64);
        let today = self.order.now.day();
        let at_once = 2 * rayon::current_num_threads();
        let mut open = true;
        while open {
            let mut batches = Vec::with_capacity(at_once);
            while batches.len() < at_once {
                match receiver.recv() {
                    Ok(Sent::Headings(headings)) => {
                        mapper = Some(mapper_of(&headings)?);
                        seen = headings;
                    }
                    Ok(Sent::Batch(batch)) => batches.push(batch),
                    Err(_) => {
                        open = false;
                        break;
                    }
                }
            }
            if self.progress.is_cancelled() {
                return Err(IngestError::Cancelled);
            }
            let Some(mapper) = &mapper else { continue };
            let fold = &self.fold;
            let worked: Vec<Worked> = batches
                .into_par_iter()
                .map(|batch| work(&batch, mapper, fold, today, (list, file)))
                .collect();
            for done in worked {
                let failed = |source| IngestError::Io { path: self.building.clone(), source };
                self.builder.append(&done.encoded).map_err(failed)?;
                for reject in &done.rejects {
                    let path = self.order.rejects.to_owned();
                    self.rejects
                        .write(reject)
                        .map_err(|source| IngestError::Io { path, source })?;
                }
                done.folded.into_iter().for_each(|folded| self.fold.note(folded));
                self.sample.merge(done.sample);
                counts.add(done.counts);
                bytes += done.bytes;
            }
            // Cells are fewer bytes than the file; the file's end corrects it.
            let read = self.bytes_before + bytes.min(delivery.bytes);
            self.progress.read(read, self.rows + counts.rows);
        }
        self.rows += counts.rows;
        self.progress.read(self.bytes_before + delivery.bytes, self.rows);
        Ok((counts, seen))
    }

    fn as_of(&self, delivery: &Delivery, as_of: AsOf) -> Result<Instant, IngestError> {
        let path = &delivery.path;
        if self.order.as_of_build {
            return Ok(self.order.now);
        }
        if as_of == AsOf::Build {
            return Ok(delivery.fetched.unwrap_or(self.order.now));
        }
        let written = std::fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .map_err(|source| IngestError::Io { path: path.to_owned(), source })?;
        let since = written.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Instant((since.as_secs() as i64).min(self.order.now.0)))
    }

    /// The number of a list; its age is that of its oldest part.
    fn list(&mut self, code: &str, kind: ListKind, as_of: Instant) -> u16 {
        if let Some(at) = self.lists.iter().position(|list| list.code == code) {
            self.lists[at].as_of = self.lists[at].as_of.min(as_of.0);
            return at as u16;
        }
        self.lists.push(ListMeta { code: code.to_owned(), kind, as_of: as_of.0, entries: 0 });
        self.lists.len() as u16 - 1
    }

    /// Account for a file; answers the position of its source.
    fn account(
        &mut self,
        mapping: &Mapping,
        as_of: Instant,
        file: String,
        survey: Survey,
        counts: Counts,
    ) -> usize {
        let code = &mapping.code;
        let hash = format!("{:016x}", survey.hash);
        self.files.push(FileMeta { source: code.clone(), name: file, rows: counts.rows, hash });
        let known = self.sources.iter().position(|source| source.code == *code);
        let at = known.unwrap_or_else(|| {
            self.sources.push(SourceMeta::new(code, &mapping.name, as_of));
            self.sources.len() - 1
        });
        let source = &mut self.sources[at];
        source.rows += counts.rows;
        source.rejects += counts.rejects;
        source.warnings += counts.warnings;
        source.future += counts.future;
        source.as_of = source.as_of.min(as_of.0);
        at
    }
}

/// The reading thread: it ends when the file does, or when nobody takes what it sends.
fn read(feed: &Feed, wanted: &Wanted, sender: SyncSender<Sent>) -> Result<(), SourceError> {
    let gone = || SourceError::Io {
        file: feed.path().to_owned(),
        source: std::io::ErrorKind::BrokenPipe.into(),
    };
    let headings_sender = sender.clone();
    feed.read(
        wanted,
        &mut |headings| headings_sender.send(Sent::Headings(headings.to_vec())).map_err(|_| gone()),
        &mut |batch| sender.send(Sent::Batch(batch)).map_err(|_| gone()),
    )
}

fn work(
    batch: &Batch,
    mapper: &Mapper,
    fold: &Fold,
    today: Day,
    (list, file): (u16, u16),
) -> Worked {
    let (mut worked, mut encoder) = (Worked::default(), Encoder::default());
    for row in batch.rows() {
        let mapped = match mapper.map(row) {
            Ok(mapped) => mapped,
            Err(reject) => {
                worked.rejects.push(*reject);
                continue;
            }
        };
        worked.counts.warnings += u64::from(mapped.warnings);
        worked.counts.future += u64::from(is_of_the_future(&mapped.entry, today));
        let folded = fold.entry(&mapped.entry);
        let entry = folded.as_ref().map_or(&mapped.entry, |folded| &folded.entry);
        encoder.push(entry, list, file);
        worked.sample.see(encoder.last_id_hash(), entry);
        worked.folded.extend(folded);
    }
    worked.encoded = encoder.take();
    worked.counts.rows = batch.len() as u64;
    worked.counts.rejects = worked.rejects.len() as u64;
    worked.bytes = batch.bytes() as u64;
    worked
}

/// Decided or published later than tomorrow, which clocks and zones do not explain.
fn is_of_the_future(entry: &Entry, today: Day) -> bool {
    [entry.decided, entry.published].into_iter().flatten().any(|day| day > today.plus(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_in_the_order_of_builds() {
        let now: Instant = "2026-11-25T16:08:43+08:00".parse().unwrap();
        for (kept, expected) in [
            (vec![], "20261125T080843Z"),
            (vec!["20261125T080842Z-ffffffff", "20261124T080842Z-0"], "20261125T080843Z"),
            (vec!["20261125T080843Z-ffffffff", "20261125T080840Z-0"], "20261125T080844Z"),
            // Of a machine whose clock is ahead.
            (vec!["20261125T235959Z-0"], "20261126T000000Z"),
            (vec!["of-somebody-else"], "20261125T080843Z"),
        ] {
            let kept: Vec<String> = kept.into_iter().map(str::to_owned).collect();
            assert_eq!(id_time(now, &kept), expected, "{kept:?}");
            assert!(kept.iter().all(|id| !id.starts_with('2') || format!("{expected}-0") > *id));
        }
    }
}
