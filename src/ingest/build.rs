//! One build, from the plan to the published snapshot.

use super::IngestError;
use super::plan::{Delivery, Plan};
use super::report::Report;
use crate::index::builder::Described;
use crate::index::meta::FileMeta;
use crate::index::{Builder, Encoded, Encoder, Index, ListMeta, SourceMeta};
use crate::record::{Instant, ListKind};
use crate::snapshot::{Snapshot, Store};
use crate::source::mapper::wanted;
use crate::source::{AsOf, Batch, Feed, Mapper, Reject, RejectWriter, SourceError, Survey, Wanted};
use rayon::prelude::*;
use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::UNIX_EPOCH;

/// Batches that wait between reading and mapping: memory stays bounded by them.
const WAITING: usize = 8;

/// What is to be built.
pub struct Order<'a> {
    /// What is read.
    pub plan: &'a Plan,
    /// The kind of each list, from the catalogue; a feed for a list that it does not know is refused.
    pub kind_of: &'a dyn Fn(&str) -> Option<ListKind>,
    /// Where the snapshot is published.
    pub store: &'a Store,
    /// Where rejects are written; the file is only there when there are any.
    pub rejects: &'a Path,
    /// When the build began.
    pub now: Instant,
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

/// Build a snapshot and publish it. On any error what was published before stays as it was.
///
/// Cost: about 2 µs an entry on two cores, and 200 bytes of memory an entry.
pub fn build(order: &Order, progress: &dyn Progress) -> Result<Report, IngestError> {
    let started = std::time::Instant::now();
    let id_time = id_of(order.now);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| IngestError::Io { path: path.clone(), source }
    };
    let (building, file) = order.store.building(&id_time).map_err(io(order.store.folder()))?;
    let mut run = Run {
        order,
        progress,
        builder: Builder::new(BufWriter::with_capacity(1 << 20, file)).map_err(io(&building))?,
        lists: Vec::new(),
        sources: Vec::new(),
        files: Vec::new(),
        rejects: Rejects::new(order.rejects),
        bytes_before: 0,
        rows: 0,
        building: building.clone(),
    };
    for delivery in &order.plan.deliveries {
        run.deliver(delivery)?;
    }
    let Run { builder, lists, sources, files, rejects, rows, .. } = run;
    let id = format!("{id_time}-{}", digest_of(&files));
    let described = Described {
        id: id.clone(),
        built: order.now.0,
        change: 0,
        lists,
        sources,
        files,
        standing: Vec::new(),
    };
    let (out, meta) =
        builder.finish(described, &|step| progress.step(step)).map_err(io(&building))?;
    let file = out.into_inner().map_err(|error| io(&building)(error.into_error()))?;
    file.sync_all().map_err(io(&building))?;
    progress.step("verify");
    // What is published was read back whole: a disk that wrote something else is found now.
    let damaged = |error: crate::snapshot::OpenError| IngestError::Plan(error.to_string());
    let snapshot = Snapshot::open(&building).map_err(damaged)?;
    Index::open(&snapshot).map_err(damaged)?;
    progress.step("publish");
    let path = order.store.publish(&building, &id).map_err(io(order.store.folder()))?;
    let warnings = meta.sources.iter().map(|source| source.warnings).sum();
    let (rejected, rejects_file) = rejects.finish().map_err(io(order.rejects))?;
    Ok(Report {
        bytes: snapshot.length(),
        meta,
        path,
        rows,
        rejects: rejected,
        warnings,
        rejects_file,
        missing: Vec::new(),
        ignored: order.plan.ignored.clone(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// `20261122T0200Z`
fn id_of(now: Instant) -> String {
    let utc = jiff::Timestamp::from_second(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    utc.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Eight hexadecimal digits over the contents of all files: the same deliveries, the same digest.
fn digest_of(files: &[FileMeta]) -> String {
    let all: String = files.iter().map(|file| format!("{}:{}\n", file.name, file.hash)).collect();
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
    rejects: Rejects,
    bytes_before: u64,
    rows: u64,
    building: PathBuf,
}

/// What a batch became.
struct Worked {
    encoded: Encoded,
    rejects: Vec<Reject>,
    rows: u64,
    bytes: u64,
    warnings: u64,
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
        let as_of = self.as_of(&delivery.path, spec.as_of)?;
        let list = self.list(&spec.list, kind, as_of);
        let file_no = self.files.len() as u16;
        let wanted = wanted(mapping);
        let (sender, receiver) = sync_channel(WAITING);
        let (rows, rejects, warnings) = std::thread::scope(|scope| {
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
                (Ok(counts), Ok(())) => Ok(counts),
                (Err(error), _) => Err(error),
                (_, Err(error)) => Err(error.into()),
            }
        })?;
        self.bytes_before += delivery.bytes;
        self.account(
            mapping.code.clone(),
            mapping.name.clone(),
            as_of,
            name,
            feed.survey(),
            [rows, rejects, warnings],
        );
        Ok(())
    }

    /// Map and encode batches on all cores, append them in order.
    fn work<'m>(
        &mut self,
        receiver: &Receiver<Sent>,
        mapper_of: impl Fn(&[String]) -> Result<Mapper<'m>, SourceError>,
        list: u16,
        file: u16,
        delivery: &Delivery,
    ) -> Result<(u64, u64, u64), IngestError> {
        let mut mapper = None;
        let (mut rows, mut rejects, mut warnings, mut bytes) = (0, 0, 0, 0u64);
        let at_once = 2 * rayon::current_num_threads();
        let mut open = true;
        while open {
            let mut batches = Vec::with_capacity(at_once);
            while batches.len() < at_once {
                match receiver.recv() {
                    Ok(Sent::Headings(headings)) => mapper = Some(mapper_of(&headings)?),
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
            let worked: Vec<Worked> =
                batches.into_par_iter().map(|batch| work(&batch, mapper, list, file)).collect();
            for done in worked {
                let failed = |source| IngestError::Io { path: self.building.clone(), source };
                self.builder.append(&done.encoded).map_err(failed)?;
                for reject in &done.rejects {
                    let path = self.order.rejects.to_owned();
                    self.rejects
                        .write(reject)
                        .map_err(|source| IngestError::Io { path, source })?;
                }
                rows += done.rows;
                rejects += done.rejects.len() as u64;
                warnings += done.warnings;
                bytes += done.bytes;
            }
            // Cells are fewer bytes than the file; the file's end corrects it.
            self.progress.read(self.bytes_before + bytes.min(delivery.bytes), self.rows + rows);
        }
        self.rows += rows;
        self.progress.read(self.bytes_before + delivery.bytes, self.rows);
        Ok((rows, rejects, warnings))
    }

    fn as_of(&self, path: &Path, as_of: AsOf) -> Result<Instant, IngestError> {
        if as_of == AsOf::Build || self.order.as_of_build {
            return Ok(self.order.now);
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

    fn account(
        &mut self,
        code: String,
        name: String,
        as_of: Instant,
        file: String,
        survey: Survey,
        [rows, rejects, warnings]: [u64; 3],
    ) {
        let hash = format!("{:016x}", survey.hash);
        self.files.push(FileMeta { source: code.clone(), name: file, rows, hash });
        match self.sources.iter_mut().find(|source| source.code == code) {
            Some(source) => {
                source.rows += rows;
                source.rejects += rejects;
                source.warnings += warnings;
                source.as_of = source.as_of.min(as_of.0);
            }
            None => {
                self.sources.push(SourceMeta {
                    code,
                    name,
                    rows,
                    rejects,
                    warnings,
                    as_of: as_of.0,
                });
            }
        }
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

fn work(batch: &Batch, mapper: &Mapper, list: u16, file: u16) -> Worked {
    let mut encoder = Encoder::default();
    let (mut rejects, mut warnings) = (Vec::new(), 0);
    for row in batch.rows() {
        match mapper.map(row) {
            Ok(mapped) => {
                warnings += u64::from(mapped.warnings);
                encoder.push(&mapped.entry, list, file);
            }
            Err(reject) => rejects.push(*reject),
        }
    }
    Worked {
        encoded: encoder.take(),
        rejects,
        rows: batch.len() as u64,
        bytes: batch.bytes() as u64,
        warnings,
    }
}

/// The rejects file, made with the first reject.
struct Rejects {
    path: PathBuf,
    writer: Option<RejectWriter<BufWriter<File>>>,
}

impl Rejects {
    fn new(path: &Path) -> Rejects {
        Rejects { path: path.to_owned(), writer: None }
    }

    fn write(&mut self, reject: &Reject) -> std::io::Result<()> {
        if self.writer.is_none() {
            // Rejects hold what departments wrote of people: for the service's own user alone.
            let mut options = File::options();
            options.create(true).truncate(true).write(true).mode(0o600);
            let file = options.open(&self.path)?;
            self.writer = Some(RejectWriter::new(BufWriter::new(file))?);
        }
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write(reject))
    }

    /// How many, and where. A file of an earlier build that no longer holds is removed.
    fn finish(self) -> std::io::Result<(u64, Option<PathBuf>)> {
        match self.writer {
            Some(writer) => Ok((writer.finish()?, Some(self.path))),
            None => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok((0, None)),
            },
        }
    }
}
