//! Past answers that relied on an entry, and who is to be told.

use super::find::Sought;
use super::reader::Reader;
use super::{Act, AuditError, ReceiptNo, lines};
use crate::clock;
use crate::record::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
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
    let sought = Sought {
        list: Some(list.to_owned()),
        entry: Some(entry.to_owned()),
        since,
        ..Sought::default()
    };
    let mut found: BTreeMap<(String, String), BTreeMap<(u64, ReceiptNo), Past>> = BTreeMap::new();
    sought.each(reader, |kept| {
        let record = &kept.record;
        // Changes and recalls name the entry too.
        if !record.act.tells() {
            return;
        }
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
        found.entry(of).or_default().insert((record.millis, kept.no), past);
    })?;
    let relied = found.into_iter().map(|((client, case), answers)| Relied {
        client,
        case,
        answers: answers.into_values().collect(),
    });
    Ok(relied.collect())
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
        let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.all()?.last().map_or(0, |last| last.number) + 1;
        let notice = Notice {
            number,
            time: Instant(clock::seconds()).to_string(),
            list: list.to_owned(),
            entry: entry.to_owned(),
            reason: reason.to_owned(),
            relied,
        };
        let path = self.path();
        let write = || {
            let mut file = lines::open(&path)?;
            file.write_all(format!("{}\n", serde_json::to_string(&notice)?).as_bytes())?;
            file.sync_all()
        };
        write().map_err(AuditError::io(&path))?;
        Ok(notice)
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
