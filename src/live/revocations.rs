//! Revocations: whoever relied on an entry that is void from the beginning is noted, whatever ended in between.
//!
//! ```text
//! ledger ─► changes that the view has held for a while ─► those that revoke, without a notice ─► audit log ─► notices
//! ```
//!
//! What was revoked the ledger says: an audit log names the entries of a change and not what became of them, and
//! has the changes of its own machine alone. Each machine looks into its own log, whichever took the change.
//!
//! A start goes through all that the ledger keeps, which is every change that some kept snapshot lacks, and makes
//! what is missing. A revocation that is in all kept snapshots before its notice is made, several builds later, is not
//! found any more: how far it had looked is kept to tell that.

use super::Live;
use crate::audit::AuditError;
use crate::audit::recall::{Notices, Revocation};
use crate::ledger::{Ledger, LedgerError};
use crate::record::{Act, Change, Instant};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tracing::{error, info, warn};

/// Between two looks. A change is looked at when the view holds it for so long at least: what was answered
/// before it was seen is in the log by then.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The thread that looks; dropped, it stops. It is not waited for: what it has not noted the next start does.
pub struct Revocations {
    _stop: Sender<()>,
}

/// Why revocations are not noted now.
#[derive(Debug, thiserror::Error)]
enum Unnoted {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl Revocations {
    /// Note revocations of a ledger, once what answers holds them, for those who relied on the entry by the audit
    /// log in a folder.
    ///
    /// Cost: each change is read once more, and the log from its beginning for all revocations that are read
    /// at once.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn start(
        live: Live,
        ledger: Arc<dyn Ledger>,
        log: impl Into<PathBuf>,
    ) -> std::io::Result<Revocations> {
        let notices = Notices::of(log);
        let follower = Follower { live, ledger, looked: notices.looked(), notices, seen: 0 };
        let (stop, stopped) = channel();
        let run = move || follower.run(&stopped);
        std::thread::Builder::new().name("revocations".to_owned()).spawn(run)?;
        Ok(Revocations { _stop: stop })
    }
}

/// What the thread has.
struct Follower {
    live: Live,
    ledger: Arc<dyn Ledger>,
    notices: Notices,
    /// The last change that was looked at.
    seen: u64,
    /// The same as it is kept over a restart.
    looked: u64,
}

impl Follower {
    fn run(mut self, stopped: &Receiver<()>) {
        // The last change that the view held at the last look.
        let (mut held, mut is_failing) = (0, false);
        while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            match self.look(held) {
                Ok(()) if is_failing => {
                    is_failing = false;
                    info!("撤销通告恢复 / revocations are noted again");
                }
                Ok(()) => {}
                Err(why) if !is_failing => {
                    is_failing = true;
                    error!(
                        "撤销通告未能生成，稍后重试 / revocations are not noted, again later: {why}"
                    );
                }
                Err(_) => {}
            }
            held = self.live.current().map_or(0, |view| view.overlay.change());
        }
    }

    /// Note what was revoked up to a change.
    fn look(&mut self, through: u64) -> Result<(), Unnoted> {
        while self.seen < through {
            let commits = match self.ledger.read(self.seen) {
                Err(LedgerError::Gap { after, kept }) if kept > after + 1 => {
                    let after = after.max(self.looked);
                    if after > 0 && kept > after + 1 {
                        warn!(
                            after,
                            kept,
                            "变更已不在台账，其中的撤销未通告 / changes left the ledger before their revocations were noted"
                        );
                    }
                    self.seen = kept - 1;
                    continue;
                }
                read => read?,
            };
            let numbered = commits.iter().flat_map(|commit| {
                (commit.first..)
                    .zip(&commit.changes)
                    .map(|(number, change)| (number, commit.at, change))
            });
            let (mut seen, mut revoked) = (self.seen, Vec::new());
            for (number, at, change) in numbered {
                if number > self.seen && number <= through {
                    seen = number;
                    revoked.extend(revocation(number, at, change));
                }
            }
            if !revoked.is_empty() {
                let made = self.notices.note_revoked(&revoked)?;
                if made > 0 {
                    info!(made, through = seen, "撤销已通告 / revocations were noted");
                }
            }
            // Of what a snapshot holds the ledger may know less.
            self.seen = if seen > self.seen { seen } else { through };
        }
        // At its first look a start has not looked at anything.
        if self.seen > 0 && self.seen != self.looked {
            self.notices.note_looked(self.seen)?;
            self.looked = self.seen;
        }
        Ok(())
    }
}

/// What a change revoked, if it did.
fn revocation(number: u64, at: Instant, change: &Change) -> Option<Revocation> {
    let reason = match change.sender.document.is_empty() {
        true => format!("撤销 / revoked ({})", change.key),
        false => format!("撤销 / revoked: {}", change.sender.document),
    };
    let (list, entry) = (change.list.clone(), change.entry.clone());
    (change.act == Act::Revoke).then_some(Revocation { change: number, at, list, entry, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Commit, FileLedger};
    use crate::record::Sender as ChangeSender;
    use std::path::Path;

    fn change(number: u64, act: Act) -> Commit {
        let change = Change {
            key: number.to_string(),
            list: "sxbzxr".to_owned(),
            entry: "e-1".to_owned(),
            act,
            sender: ChangeSender::default(),
        };
        Commit { first: number, at: Instant(100), changes: vec![change] }
    }

    /// What the log says of a start that looks through a change.
    fn start(folder: &Path, ledger: &Arc<FileLedger>, through: u64) -> String {
        let notices = Notices::of(folder);
        let (live, looked) = (Live::new(None), notices.looked());
        let mut follower = Follower { live, ledger: ledger.clone(), looked, notices, seen: 0 };
        let path = folder.join("log");
        let log = std::fs::File::create(&path).unwrap();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(log).finish();
        // The view of the look before holds nothing at first.
        tracing::subscriber::with_default(log, || {
            follower.look(0).unwrap();
            follower.look(through).unwrap();
        });
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn what_left_the_ledger_unnoted_is_told_by_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(FileLedger::open(&folder.path().join("ledger.redb")).unwrap());
        let start = |through: u64| start(folder.path(), &ledger, through);
        ledger.append(&change(1, Act::NoteObjection)).unwrap();
        assert_eq!(start(1), "");
        // What was looked at may leave.
        ledger.truncate(1).unwrap();
        assert_eq!(start(1), "");
        ledger.append(&change(2, Act::Revoke)).unwrap();
        ledger.truncate(2).unwrap();
        let log = start(2);
        assert!(log.contains("changes left the ledger") && log.contains("after=1 kept=3"), "{log}");
        assert_eq!(start(2), "");
        // A first start knows nothing of what was before it.
        std::fs::remove_file(folder.path().join("recalls.looked")).unwrap();
        assert_eq!(start(2), "");
    }
}
