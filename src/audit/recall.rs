//! Past answers that relied on an entry, and who is to be told.

use super::find::Sought;
use super::reader::Reader;
use super::{Act, AuditError, Cited, ReceiptNo, lines};
use crate::clock;
use crate::output;
use crate::record::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Past answers of one client in one case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Relied {
    /// Name of the client, empty where there was none.
    pub client: String,
    /// Number of the case, empty where none was told.
    pub case: String,
    /// Its answers, the earliest first.
    pub answers: Vec<Past>,
}

/// An answer that relied on the entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Past {
    /// Its receipt.
    pub receipt: String,
    /// Id of the check.
    pub id: String,
    /// When.
    pub time: String,
    /// What was asked.
    pub act: Act,
    /// Code of the matter.
    pub matter: String,
    /// The department that handled it.
    pub department: String,
    /// Who handled it there.
    pub operator: String,
    /// What followed.
    pub outcome: String,
}

/// Find them, by client and case.
///
/// Cost: a reading of the log from `since` on, in milliseconds since 1970.
///
/// # Errors
///
/// The log cannot be read, or is not as it was written.
pub fn recall(
    reader: &Reader,
    list: &str,
    entry: &str,
    since: u64,
) -> Result<Vec<Relied>, AuditError> {
    let found = recall_each(reader, &[Cited { list, entry }], since)?;
    Ok(found.into_iter().flatten().collect())
}

/// The same of each of several entries, in one reading.
fn recall_each(
    reader: &Reader,
    entries: &[Cited],
    since: u64,
) -> Result<Vec<Vec<Relied>>, AuditError> {
    type Answers = BTreeMap<(u64, ReceiptNo), Past>;
    let places: BTreeMap<Cited, usize> = entries.iter().copied().zip(0..).collect();
    let mut found: Vec<BTreeMap<(String, String), Answers>> = vec![BTreeMap::new(); entries.len()];
    Sought { since, ..Sought::default() }.each(reader, |kept| {
        let record = &kept.record;
        // Changes and recalls name the entry too.
        if !record.act.tells() {
            return;
        }
        for &place in record.cited.iter().filter_map(|cited| places.get(cited)) {
            let of = (record.client.to_owned(), record.purpose.case.to_owned());
            let past = Past {
                receipt: kept.no.to_string(),
                id: record.id.to_string(),
                time: Instant::of_millis(record.millis).to_string(),
                act: record.act,
                matter: record.purpose.matter.to_owned(),
                department: record.purpose.department.to_owned(),
                operator: record.purpose.operator.to_owned(),
                outcome: record.outcome.to_owned(),
            };
            found[place].entry(of).or_default().insert((record.millis, kept.no), past);
        }
    })?;
    let relied = |((client, case), answers): (&(String, String), &Answers)| Relied {
        client: client.clone(),
        case: case.clone(),
        answers: answers.values().cloned().collect(),
    };
    Ok(entries.iter().map(|entry| found[places[entry]].iter().map(relied).collect()).collect())
}

/// An entry that a change made void from the beginning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// Number of the change.
    pub change: u64,
    /// When it was recorded.
    pub at: Instant,
    /// Code of the list.
    pub list: String,
    /// The id of the entry there.
    pub entry: String,
    /// Why it does not hold.
    pub reason: String,
}

impl Revocation {
    fn entry(&self) -> Cited<'_> {
        Cited { list: &self.list, entry: &self.entry }
    }

    /// The notice is of it. One of before they told the change is known by its reason and its time.
    fn is_of(&self, notice: &Notice) -> bool {
        let told_before = || {
            let made = notice.time.parse::<Instant>();
            notice.reason == self.reason && made.is_ok_and(|made| made.0 >= self.at.0)
        };
        notice.list == self.list
            && notice.entry == self.entry
            && notice.change.map_or_else(told_before, |change| change == self.change)
    }
}

/// A recall that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// Counts from 1.
    pub number: u64,
    /// When.
    pub time: String,
    /// Code of the list.
    pub list: String,
    /// The id of the entry there.
    pub entry: String,
    /// Why it does not hold.
    pub reason: String,
    /// Number of the change that revoked it; absent where the recall was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
    /// Who relied on it.
    pub relied: Vec<Relied>,
}

impl Notice {
    /// Keep what a client was answered itself, which is all that it may see; `false` where that is nothing.
    pub fn keep_for(&mut self, client: &str) -> bool {
        self.relied.retain(|relied| relied.client == client);
        !self.relied.is_empty()
    }
}

/// The recalls of a log, one a line beside it.
#[derive(Clone, Debug)]
pub struct Notices {
    root: PathBuf,
}

/// One is made at a time.
static MAKING: Mutex<()> = Mutex::new(());

impl Notices {
    /// Those of the log in a folder.
    pub fn of(root: impl Into<PathBuf>) -> Notices {
        Notices { root: root.into() }
    }

    /// Their file.
    pub fn path(&self) -> PathBuf {
        self.root.join("recalls.jsonl")
    }

    /// The last change of the ledger that was looked at for a revocation, 0 before the first: what left the ledger after
    /// that had none.
    pub fn looked(&self) -> u64 {
        let text = std::fs::read_to_string(self.looked_path()).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Keep it: it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// Its file cannot be written.
    pub fn note_looked(&self, change: u64) -> Result<(), AuditError> {
        let path = self.looked_path();
        output::replace(&path, format!("{change}\n").as_bytes()).map_err(AuditError::io(&path))
    }

    fn looked_path(&self) -> PathBuf {
        self.root.join("recalls.looked")
    }

    /// Make one, and keep it: it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// The log cannot be read, is not as it was written, or the file of recalls cannot be written.
    pub fn note(
        &self,
        list: &str,
        entry: &str,
        reason: &str,
        since: u64,
    ) -> Result<Notice, AuditError> {
        let relied = recall(&Reader::new(&self.root), list, entry, since)?;
        let notice = Notice {
            number: 0,
            time: String::new(),
            list: list.to_owned(),
            entry: entry.to_owned(),
            reason: reason.to_owned(),
            change: None,
            relied,
        };
        self.keep(vec![notice]).map(|mut kept| kept.remove(0))
    }

    /// Make those of revocations that have none yet, and keep them: they are on the disk when this returns. Answers
    /// how many it made.
    ///
    /// Cost: one reading of the log for all of them. Two threads that note the same revocation at once may both
    /// make its notice.
    ///
    /// # Errors
    ///
    /// Those of [`Notices::note`].
    pub fn note_revoked(&self, revocations: &[Revocation]) -> Result<usize, AuditError> {
        let made = self.all()?;
        let is_new = |revoked: &&Revocation| !made.iter().any(|notice| revoked.is_of(notice));
        let new: Vec<&Revocation> = revocations.iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(0);
        }
        let entries: Vec<Cited> = new.iter().map(|revoked| revoked.entry()).collect();
        let found = recall_each(&Reader::new(&self.root), &entries, 0)?;
        let notices = new.into_iter().zip(found).map(|(revoked, relied)| Notice {
            number: 0,
            time: String::new(),
            list: revoked.list.clone(),
            entry: revoked.entry.clone(),
            reason: revoked.reason.clone(),
            change: Some(revoked.change),
            relied,
        });
        Ok(self.keep(notices.collect())?.len())
    }

    /// Number and date them, and bring them to the disk together.
    fn keep(&self, mut notices: Vec<Notice>) -> Result<Vec<Notice>, AuditError> {
        let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.all()?.last().map_or(0, |last| last.number);
        let (path, time) = (self.path(), Instant(clock::seconds()).to_string());
        let mut text = String::new();
        for (number, notice) in (last + 1..).zip(&mut notices) {
            (notice.number, notice.time) = (number, time.clone());
            let line = serde_json::to_string(notice).map_err(io::Error::from);
            text += &line.map_err(AuditError::io(&path))?;
            text.push('\n');
        }
        let write = || {
            let mut file = lines::open(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(AuditError::io(&path))?;
        Ok(notices)
    }

    /// So many after a number at most, the earliest first, of those that are wanted.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a line of it is none.
    pub fn after(
        &self,
        number: u64,
        most: usize,
        is_wanted: impl FnMut(&mut Notice) -> bool,
    ) -> Result<Vec<Notice>, AuditError> {
        let mut notices = self.all()?;
        notices.retain(|notice| notice.number > number);
        notices.retain_mut(is_wanted);
        notices.truncate(most);
        Ok(notices)
    }

    fn all(&self) -> Result<Vec<Notice>, AuditError> {
        let notice = |text: &str| serde_json::from_str(text).map_err(|error| error.to_string());
        lines::read(&self.path(), notice)
    }
}
