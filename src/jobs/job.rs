//! An order with its state, as it is kept.

use super::Order;
use crate::batch::{Outcome, Terms};
use crate::clock;
use crate::live::View;
use crate::screen::{Grade, Ground, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// How far a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its input arrives. Not kept.
    Uploading,
    /// It waits.
    Queued,
    /// It is worked on.
    Running,
    /// Its result can be fetched.
    Done,
    /// It has no result, and says why.
    Failed,
    /// It was given up by its client.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [State; 6] = [
        State::Uploading,
        State::Queued,
        State::Running,
        State::Done,
        State::Failed,
        State::Cancelled,
    ];

    /// Nothing will come of it any more.
    pub fn has_ended(self) -> bool {
        matches!(self, State::Done | State::Failed | State::Cancelled)
    }

    /// Its word.
    pub fn code(self) -> &'static str {
        match self {
            State::Uploading => "uploading",
            State::Queued => "queued",
            State::Running => "running",
            State::Done => "done",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }
}

/// A job. Times are in seconds since 1970.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Says when it came, and cannot be guessed.
    pub id: Uuid,
    /// Whose it is.
    pub client: String,
    /// What is wanted.
    pub order: Order,
    /// How far it is.
    pub state: State,
    /// How often work on it was begun.
    pub attempts: u32,
    /// When it was taken.
    pub created: i64,
    /// When work on it began.
    pub started: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
    /// Bytes of its input.
    pub input_bytes: u64,
    /// SHA-256 of its input, hexadecimal.
    pub input_sha256: String,
    /// Bytes of its result and its rejects.
    pub result_bytes: u64,
    /// What came of it.
    pub summary: Option<Summary>,
    /// Why it has no result, in Chinese and English.
    pub failure: Option<String>,
}

impl Job {
    /// It has no result, and this is why.
    pub(super) fn fail(&mut self, why: String) {
        self.state = State::Failed;
        self.ended = Some(clock::seconds());
        self.failure = Some(why);
        self.summary = None;
    }

    /// Bytes kept for it: its input goes when it has ended.
    pub fn bytes(&self) -> u64 {
        if self.state.has_ended() { self.result_bytes } else { self.input_bytes }
    }
}

/// What was decided on, and what was met.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Id of the snapshot.
    pub snapshot: String,
    /// The last change that was seen.
    pub change: u64,
    /// Digest of the catalogue.
    pub catalogue: String,
    /// The instant that was decided for, RFC 3339.
    pub at: String,
    /// Rows that are not blank.
    pub rows: u64,
    /// Rows of a subject that meets an entry.
    pub hits: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Rows whose subject cannot be asked about.
    pub unaskable: u64,
    /// Rows in the rejects.
    pub rejects: u64,
    /// Rows by verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// Rows that meet an entry, by how surely at the best.
    pub grades: BTreeMap<String, u64>,
    /// Rows by code of the lists that they meet.
    pub lists: BTreeMap<String, u64>,
    /// Codes of the lists that were to be consulted and are not to be relied on at that instant.
    #[serde(default)]
    pub stale: Vec<String>,
    /// Milliseconds of work.
    pub millis: u64,
    /// The number of the receipt under which it is recorded what the result rests on; of the last of several.
    #[serde(default)]
    pub receipt: Option<String>,
}

impl Summary {
    /// Of what came of a file that was screened on a view, on these terms, in so long a time.
    pub fn new(view: &View, terms: Terms, outcome: &Outcome, time: Duration) -> Summary {
        let at = terms.at;
        let Outcome { tally, rejects } = outcome;
        let some = |counts: &[u64], code: &dyn Fn(usize) -> &'static str| {
            let counts = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            counts.map(|(at, &count)| (code(at).to_owned(), count)).collect()
        };
        let Ground { index, catalogue, .. } = &view.generation.ground;
        let lists = tally.lists.iter();
        Summary {
            snapshot: index.meta().id.clone(),
            change: view.overlay.change(),
            catalogue: catalogue.digest().to_owned(),
            at: at.to_string(),
            rows: tally.rows,
            hits: tally.hits,
            unreadable: tally.rejected,
            unaskable: tally.unaskable,
            rejects: *rejects,
            verdicts: some(&tally.verdicts, &|at| Verdict::ALL[at].code()),
            grades: some(&tally.grades, &|at| Grade::ALL[at].code()),
            lists: lists
                .map(|(&list, &count)| (catalogue.list(list).code.clone(), count))
                .collect(),
            stale: terms.stale_lists().map(|list| catalogue.list(list).code.clone()).collect(),
            millis: time.as_millis() as u64,
            receipt: None,
        }
    }
}
