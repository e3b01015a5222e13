//! Changes by number, and those who send them.

use crate::corpus;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};
use xincha::index::{ListMeta, Listed};
use xincha::live::{Live, Outcome, RecordError, Recorded, Recorder};
use xincha::record::{Act, Change, Day, Field, Sender, State};

/// How long one who is told that too many wait does so before asking again.
const FULL_PAUSE: Duration = Duration::from_micros(200);

/// Makes changes of one corpus. Every number is about an entry of its own, so none is refused: a
/// quarter are new entries, the others alter one of the index.
pub struct Feed {
    lists: Vec<ListMeta>,
    entries: u64,
}

impl Feed {
    pub fn new(entries: usize) -> Feed {
        Feed { lists: corpus::lists(&corpus::catalogue()), entries: entries as u64 }
    }

    /// The list and the id that a change is about.
    fn entry(&self, number: u64) -> (String, String) {
        let number = if number.is_multiple_of(4) {
            self.entries + number
        } else {
            // The feed of so few entries would come back to one that it ended.
            assert!(number < self.entries, "more changes than entries");
            number
        };
        let list = &self.lists[(number % self.lists.len() as u64) as usize].code;
        (list.clone(), format!("{list}-{number:010}"))
    }

    pub fn change(&self, number: u64) -> Change {
        let (list, entry) = self.entry(number);
        let act = match number % 4 {
            0 => Act::List(Box::new(corpus::entry(self.entries + number, &self.lists))),
            1 => Act::NoteObjection,
            2 => Act::Amend(vec![Field::Reason("更正：已履行部分义务".to_owned())]),
            _ => Act::Exit { on: Day::from_ymd(2026, 10, 1).expect("a day") },
        };
        let sender = Sender {
            department: "市中级人民法院".to_owned(),
            operator: "u1024".to_owned(),
            document: format!("(2026)苏05执恢{number}号"),
        };
        Change { key: format!("change-{number:012}"), list, entry, act, sender }
    }

    pub fn changes(&self, first: u64, count: usize) -> Vec<Change> {
        (first..first + count as u64).map(|number| self.change(number)).collect()
    }

    /// The lists show what the change of this number did.
    pub fn is_visible(&self, listed: Listed, number: u64) -> bool {
        let (list, id) = self.entry(number);
        listed.entry_of(&list, &id).is_some_and(|entry| match number % 4 {
            0 => entry.state() == State::InForce,
            1 => entry.objection(),
            2 => entry.text().reason.starts_with("更正"),
            _ => matches!(entry.state(), State::Exited(Some(_))),
        })
    }
}

/// Send changes and wait until they are durable and seen: the number of the last that is.
pub fn record(recorder: &Recorder, changes: Vec<Change>) -> Result<Recorded, String> {
    let count = changes.len();
    let answer = loop {
        match recorder.record(changes.clone()) {
            Ok(answer) => break answer,
            Err(RecordError::Full) => std::thread::sleep(FULL_PAUSE),
            Err(error) => return Err(error.to_string()),
        }
    };
    let answer = answer.blocking_recv().map_err(|_| "unanswered".to_owned())?;
    let recorded = answer.map_err(|error| error.to_string())?;
    let taken = recorded.outcomes.iter().filter(|o| matches!(o, Outcome::Recorded(_))).count();
    if taken == count { Ok(recorded) } else { Err(format!("{taken} of {count} were recorded")) }
}

/// Sends changes at a fixed rate for as long as it is told to and there are entries to change.
#[derive(Default)]
pub struct Pace {
    stopped: AtomicBool,
    /// The next number.
    pub next: AtomicU64,
}

impl Pace {
    /// Let a thread send batches of so many, so that they make `rate` changes a second; it ends with
    /// the rate that it held, 0 where it sent none.
    pub fn run<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        feed: &'s Feed,
        recorder: &'s Recorder,
        (rate, batch): (f64, usize),
    ) -> std::thread::ScopedJoinHandle<'s, Result<f64, String>> {
        self.stopped.store(false, Ordering::Relaxed);
        scope.spawn(move || {
            let start = Instant::now();
            let mut sent = 0;
            while !self.stopped.load(Ordering::Relaxed) {
                // A slow run over few entries ends without changes rather than with refused ones.
                if self.next.load(Ordering::Relaxed) + batch as u64 > feed.entries {
                    break;
                }
                let first = self.next.fetch_add(batch as u64, Ordering::Relaxed);
                record(recorder, feed.changes(first, batch))?;
                sent += batch;
                let due = Duration::from_secs_f64(sent as f64 / rate);
                std::thread::sleep(due.saturating_sub(start.elapsed()));
            }
            Ok(sent as f64 / start.elapsed().as_secs_f64())
        })
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Every change of these numbers is seen by whoever asks now.
pub fn check_visible(
    live: &Live,
    feed: &Feed,
    numbers: std::ops::Range<u64>,
) -> Result<(), String> {
    let view = live.current().ok_or("no view")?;
    let listed = view.listed();
    let mut missing = numbers.filter(|&number| !feed.is_visible(listed, number));
    missing.next().map_or(Ok(()), |number| Err(format!("change {number} is not seen")))
}
