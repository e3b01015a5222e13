//! The files of a folder, each with its mapping and list.

use super::IngestError;
use crate::record::Instant;
use crate::source::{Mapping, Mode};
use std::path::{Path, PathBuf};

/// A file to be read.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The file.
    pub path: PathBuf,
    /// Position of its mapping.
    pub mapping: usize,
    /// Position of its feed in the mapping.
    pub feed: usize,
    /// Bytes, for progress.
    pub bytes: u64,
    /// When its origin last said that this is what it has, where that is known.
    pub fetched: Option<Instant>,
}

/// A source's files in a folder of its own.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Code of the source, which is that of its mapping.
    pub code: String,
    /// Where its files are.
    pub folder: PathBuf,
    /// When its origin last said that this is what it has.
    pub fetched: Instant,
}

/// What a build will read, in the order in which it counts: full feeds, then deltas, by name.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The mappings.
    pub mappings: Vec<Mapping>,
    /// The files.
    pub deliveries: Vec<Delivery>,
    /// Names in the folder that are no feeds (a README, a folder): told, never silently passed over.
    pub ignored: Vec<String>,
}

impl Plan {
    /// The plan of deliveries, each in a folder of its own; only what its own mapping claims is read.
    pub fn of_delivered(
        mappings: &[Mapping],
        delivered: &[Delivered],
    ) -> Result<Plan, IngestError> {
        let mut plan =
            Plan { mappings: mappings.to_vec(), deliveries: Vec::new(), ignored: Vec::new() };
        for one in delivered {
            let Some(mapping) = mappings.iter().position(|mapping| mapping.code == one.code) else {
                let why = format!("没有这个来源 / there is no such source: {}", one.code);
                return Err(IngestError::Plan(why));
            };
            for path in files_of(&one.folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let claimed = claims(std::slice::from_ref(&mappings[mapping]), &name);
                let Some(&(_, feed)) = claimed.first() else { continue };
                let failed = |source| IngestError::Io { path: path.clone(), source };
                let bytes = std::fs::metadata(&path).map_err(failed)?.len();
                let fetched = Some(one.fetched);
                plan.deliveries.push(Delivery { path, mapping, feed, bytes, fetched });
            }
        }
        plan.bounded(Path::new("-"))
    }

    /// Names in a folder that no mapping claims, or that two do, and so are not read: told, never
    /// silently passed over.
    pub fn unread(mappings: &[Mapping], feeds: &Path) -> Result<Vec<String>, IngestError> {
        let mut unread = Vec::new();
        for path in files_of(feeds)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match claims(mappings, &name)[..] {
                _ if path.is_dir() => unread.push(format!("{name}/")),
                [] => unread.push(name),
                [_] => {}
                [(first, _), (second, _), ..] => {
                    let (first, second) = (&mappings[first].code, &mappings[second].code);
                    unread.push(format!("{name} ({first}, {second})"));
                }
            }
        }
        Ok(unread)
    }

    /// Code of the source of a delivery.
    pub fn code(&self, delivery: &Delivery) -> String {
        self.mappings[delivery.mapping].code.clone()
    }

    /// Every file of `feeds` with the mapping that claims it. A file of a readable format that none
    /// claims is ignored and told; one that two claim is an error, and so is a folder without feeds.
    pub fn of(feeds: &Path, sources: &Path) -> Result<Plan, IngestError> {
        let mappings = Mapping::load_folder(sources)?;
        let failed = |source| IngestError::Io { path: feeds.to_owned(), source };
        let (mut deliveries, mut ignored) = (Vec::new(), Vec::new());
        for path in files_of(feeds)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                ignored.push(format!("{name}/"));
                continue;
            }
            match claims(&mappings, &name)[..] {
                [] => ignored.push(name),
                [(mapping, feed)] => {
                    let bytes = std::fs::metadata(&path).map_err(failed)?.len();
                    deliveries.push(Delivery { path, mapping, feed, bytes, fetched: None });
                }
                [(first, _), (second, _), ..] => {
                    let (first, second) = (&mappings[first].code, &mappings[second].code);
                    return Err(IngestError::Plan(format!(
                        "{name}: 被 {first} 和 {second} 同时匹配 / claimed by both"
                    )));
                }
            }
        }
        if deliveries.is_empty() {
            let feeds = feeds.display();
            return Err(IngestError::Plan(format!(
                "{feeds}: 没有可用的数据文件 / no file that a mapping claims"
            )));
        }
        Plan { mappings, deliveries, ignored }.bounded(feeds)
    }

    /// In the order in which it counts, if it is not too much.
    fn bounded(mut self, feeds: &Path) -> Result<Plan, IngestError> {
        let Plan { mappings, deliveries, .. } = &mut self;
        if deliveries.len() >= usize::from(u16::MAX) {
            return Err(IngestError::Plan(format!(
                "{}: 文件过多 / more than 65,535 files",
                feeds.display()
            )));
        }
        deliveries.sort_by_key(|delivery| {
            let mode = mappings[delivery.mapping].feeds[delivery.feed].mode;
            (mode == Mode::Delta, delivery.path.clone())
        });
        Ok(self)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.deliveries.iter().map(|delivery| delivery.bytes).sum()
    }
}

/// What is in a folder, by name.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let failed = |source| IngestError::Io { path: folder.to_owned(), source };
    let paths = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths: Vec<PathBuf> = paths
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn claims(mappings: &[Mapping], name: &str) -> Vec<(usize, usize)> {
    let mut claims = Vec::new();
    for (mapping, of) in mappings.iter().enumerate() {
        for (feed, spec) in of.feeds.iter().enumerate() {
            if spec.matcher().is_ok_and(|matcher| matcher.is_match(name)) {
                claims.push((mapping, feed));
            }
        }
    }
    claims
}
