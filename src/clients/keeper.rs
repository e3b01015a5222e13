//! The file of the clients, looked at while the service runs.

use super::nonces::Nonces;
use super::roll::{Mistakes, Roll};
use crate::clock;
use crate::secret::SecretError;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks between two sweeps of what is remembered.
const SWEEP_EVERY: u32 = 15;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientsError {
    /// It cannot be read.
    #[error("{path}: 无法读取客户端文件 / the file of clients cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A secret is not there.
    #[error("{path}: {source}")]
    NoSecret {
        /// The file.
        path: PathBuf,
        /// Which.
        source: SecretError,
    },
    /// It holds mistakes.
    #[error("{path}: 客户端文件有误 / the file of clients has mistakes:\n{mistakes}")]
    Mistaken {
        /// The file.
        path: PathBuf,
        /// All of them.
        mistakes: Mistakes,
    },
}

/// The clients that are known now. Cloning shares.
#[derive(Clone, Debug)]
pub struct Clients {
    roll: watch::Sender<Arc<Roll>>,
    nonces: Arc<Nonces>,
    /// There was none until now: whoever reaches the service may ask.
    is_open: Arc<AtomicBool>,
    /// What the file holds now cannot be used.
    has_failed: Arc<AtomicBool>,
    /// The file as it was when it was opened.
    opened: Option<Stamps>,
}

impl Default for Clients {
    /// None: whoever reaches the service may ask.
    fn default() -> Clients {
        Clients::of(Roll::default())
    }
}

impl Clients {
    /// These.
    pub fn of(roll: Roll) -> Clients {
        let is_open = Arc::new(AtomicBool::new(roll.is_empty()));
        let roll = watch::Sender::new(Arc::new(roll));
        let nonces = Arc::new(Nonces::since(clock::millis()));
        Clients { roll, nonces, is_open, has_failed: Arc::default(), opened: None }
    }

    /// Those of a file; none where there is no file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or holds a mistake.
    pub fn open(path: &Path) -> Result<Clients, ClientsError> {
        // Before it is read, so that nothing is missed that comes meanwhile.
        let opened = Some(Stamps::of(vec![path.to_owned()]));
        Ok(Clients { opened, ..Clients::of(read(path, None)?.unwrap_or_default()) })
    }

    /// Look at the file every second, on a thread of its own, until what is answered is dropped; `tell` how many
    /// clients there are whenever they were read anew. What was edited since it was opened is read at the first.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn watch(
        &self,
        path: PathBuf,
        mut tell: impl FnMut(usize) + Send + 'static,
    ) -> io::Result<Watching> {
        let (clients, of_looks, mut looks) = (self.clone(), self.clone(), 0_u32);
        let seen = self.opened.clone().unwrap_or_else(|| Stamps::of(vec![path.clone()]));
        let read = move || clients.reload(&path).map(&mut tell);
        Watching::start("clients", seen, read, move || {
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(SWEEP_EVERY) {
                of_looks.sweep();
            }
        })
    }

    /// Those of the file from now on, and how many; what cannot be used changes nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot, for the log.
    pub fn reload(&self, path: &Path) -> Result<usize, String> {
        let before = self.roll.borrow().clone();
        let read = read(path, Some(&before));
        self.has_failed.store(!matches!(read, Ok(Some(_))), Ordering::Relaxed);
        match read {
            Ok(Some(roll)) => {
                let count = roll.clients().count();
                if count > 0 {
                    // Who is removed later leaves no open door, wherever nobody looked meanwhile.
                    self.is_open.store(false, Ordering::Relaxed);
                }
                self.roll.send_replace(Arc::new(roll));
                tracing::info!(count, "客户端已更新 / clients were read anew");
                Ok(count)
            }
            Ok(None) => Err(format!(
                "{}: 客户端文件消失，沿用原有客户端 / the file of clients is gone, those before stay",
                path.display()
            )),
            Err(why) => Err(format!("沿用原有客户端 / the clients before stay: {why}")),
        }
    }

    /// What the file holds now cannot be used, and those before stay.
    pub fn have_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn sweep(&self) {
        self.nonces.sweep(clock::millis());
        let roll = self.roll.borrow().clone();
        roll.clients().for_each(|client| client.pace.sweep(clock::seconds()));
    }

    /// A handle of one worker.
    pub fn follow(&self) -> Follower {
        let receiver = self.roll.subscribe();
        let roll = receiver.borrow().clone();
        let (nonces, is_open) = (self.nonces.clone(), self.is_open.clone());
        Follower { receiver, roll, nonces, is_open }
    }

    /// Those that are known now; `None` where whoever reaches the service may ask.
    pub fn current(&self) -> Option<Arc<Roll>> {
        (!self.are_none()).then(|| self.roll.borrow().clone())
    }

    /// There is none now, nor was there any.
    pub fn are_none(&self) -> bool {
        self.is_open.load(Ordering::Relaxed) && self.roll.borrow().is_empty()
    }
}

/// One worker's own handle.
#[derive(Debug)]
pub struct Follower {
    receiver: watch::Receiver<Arc<Roll>>,
    roll: Arc<Roll>,
    nonces: Arc<Nonces>,
    is_open: Arc<AtomicBool>,
}

impl Follower {
    /// The clients that are known now; `None` where whoever reaches the service may ask. Cost: one atomic
    /// read while nothing changes.
    #[inline]
    pub fn current(&mut self) -> Option<&Roll> {
        // An error means that the other end is gone: what was current stays so.
        if self.receiver.has_changed().unwrap_or(false) {
            self.roll = self.receiver.borrow_and_update().clone();
        }
        let is_open = self.roll.is_empty() && self.is_open.load(Ordering::Relaxed);
        (!is_open).then_some(&self.roll)
    }

    /// Signed requests of the last minutes, of all workers.
    pub fn nonces(&self) -> &Nonces {
        &self.nonces
    }
}

/// A thread that looks at files every second; dropped, it stops.
#[derive(Debug)]
pub struct Watching {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watching {
    /// Look at these, and `read` them when any has changed since the last look; since it was `seen` at the first.
    /// What cannot be used is logged once, and read again at each look until it can: not all that makes it so
    /// shows on the files. Each look ends with `then`.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(
        name: &str,
        mut seen: Stamps,
        mut read: impl FnMut() -> Result<(), String> + Send + 'static,
        mut then: impl FnMut() + Send + 'static,
    ) -> io::Result<Watching> {
        let (stop, stopped) = channel::<()>();
        let look = move || {
            let mut failure = None;
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let is_changed = seen.look();
                if is_changed || failure.is_some() {
                    let before = failure.take();
                    failure = read().err();
                    if let Some(why) = failure.as_ref().filter(|_| is_changed || failure != before)
                    {
                        tracing::error!("{why}");
                    }
                }
                then();
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(look)?;
        Ok(Watching { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Files as they were at some moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

/// What tells one state of a file from another, its owner and rights included; `None` where there is no file.
type Stamp = ([(i64, i64); 2], u64, u64);

impl Stamps {
    /// As they are now.
    pub fn of(files: Vec<PathBuf>) -> Stamps {
        let stamped = files.into_iter().map(|file| {
            let stamp = stamp(&file);
            (file, stamp)
        });
        Stamps(stamped.collect())
    }

    /// Look again: whether any is another than before.
    fn look(&mut self) -> bool {
        let now = Stamps::of(self.0.iter().map(|(file, _)| file.clone()).collect());
        let before = std::mem::replace(self, now);
        before.0 != self.0
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = std::fs::metadata(path).ok()?;
    let times = [(file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec())];
    Some((times, file.size(), file.ino()))
}

fn read(path: &Path, before: Option<&Roll>) -> Result<Option<Roll>, ClientsError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ClientsError::Unreadable { path: path.to_owned(), source }),
    };
    let mistaken = |mistakes| ClientsError::Mistaken { path: path.to_owned(), mistakes };
    let roll = Roll::parse(&text, before).map_err(mistaken)?;
    match roll.check_secrets() {
        Ok(()) => Ok(Some(roll)),
        Err(source) => Err(ClientsError::NoSecret { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Of as many clients as these are letters.
    fn of(names: &str) -> String {
        names.chars().map(|name| format!("[client.{name}]\n")).collect()
    }

    #[test]
    fn what_is_edited_between_opening_and_watching_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.toml");
        std::fs::write(&path, of("ab")).unwrap();
        let clients = Clients::open(&path).unwrap();
        std::fs::write(&path, of("a")).unwrap();
        let (tell, told) = channel();
        let _watching = clients.watch(path, move |count| tell.send(count).unwrap()).unwrap();
        assert_eq!(told.recv_timeout(30 * LOOK_EVERY), Ok(1));
    }

    #[test]
    fn what_could_not_be_used_counts_once_it_can_whatever_tells_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.toml");
        std::fs::write(&path, of("a")).unwrap();
        let clients = Clients::open(&path).unwrap();
        let (tell, told) = channel();
        let _watching =
            clients.watch(path.clone(), move |count| tell.send(count).unwrap()).unwrap();
        // At no time it is empty, which is a file of no clients.
        let write = |text: String| {
            let mut file = std::fs::File::options().write(true).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        };
        write(of("ab").replace("client.b]", "client.b)"));
        assert!(told.recv_timeout(3 * LOOK_EVERY).is_err());
        assert!(clients.have_failed());
        // As `chown` does, this leaves its time, its size and its number.
        let edited = std::fs::metadata(&path).unwrap().modified().unwrap();
        write(of("ab")).set_modified(edited).unwrap();
        assert_eq!(told.recv_timeout(30 * LOOK_EVERY), Ok(2));
        assert!(!clients.have_failed());
    }

    #[test]
    fn what_fails_is_read_again_until_it_does_not() {
        let (tell, told) = channel();
        let mut failures = 2;
        let read = move || {
            tell.send(()).unwrap();
            failures -= 1;
            if failures < 0 { Ok(()) } else { Err("why".to_owned()) }
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let seen = Stamps::of(vec![path.clone()]);
        std::fs::write(path, "").unwrap();
        let _watching = Watching::start("test", seen, read, || ()).unwrap();
        for _ in 0..3 {
            told.recv_timeout(30 * LOOK_EVERY).unwrap();
        }
        assert!(told.recv_timeout(3 * LOOK_EVERY).is_err());
    }

    #[test]
    fn a_door_that_was_closed_once_stays_so_for_whoever_was_idle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.toml");
        let clients = Clients::open(&path).unwrap();
        let mut idle = clients.follow();
        assert!(idle.current().is_none());
        for (names, count) in [("a", 1), ("", 0)] {
            std::fs::write(&path, of(names)).unwrap();
            assert_eq!(clients.reload(&path), Ok(count));
        }
        assert!(idle.current().is_some_and(Roll::is_empty));
        assert!(clients.follow().current().is_some() && !clients.are_none());
    }

    #[test]
    fn what_is_edited_is_known_and_what_is_broken_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clients.toml");
        let clients = Clients::open(&path).unwrap();
        let mut follower = clients.follow();
        assert!(clients.are_none() && follower.current().is_none());
        let watching = clients.watch(path.clone(), |_| ()).unwrap();
        let mut waits = |text: &str, expected: Option<usize>| {
            std::fs::write(&path, text).unwrap();
            for _ in 0..60 {
                std::thread::sleep(Duration::from_millis(50));
                if follower.current().map(|roll| roll.clients().count()) == expected {
                    return;
                }
            }
            panic!("{text}");
        };
        waits("[client.a]\n", Some(1));
        waits("[client.a]\n[client.b]\n", Some(2));
        std::fs::write(&path, "[client.a]\nbroken\n").unwrap();
        std::thread::sleep(LOOK_EVERY + Duration::from_millis(300));
        let mut follower = clients.follow();
        assert_eq!(follower.current().unwrap().clients().count(), 2);
        waits("", Some(0));
        drop(watching);
        assert!(Clients::open(&path).unwrap().are_none());
        std::fs::write(&path, "[client.a]\ncolour = 1\n").unwrap();
        let error = Clients::open(&path).unwrap_err().to_string();
        assert!(error.contains("clients.toml") && error.contains("\n2: "), "{error}");
        let secret = "{ id = \"k\", secret = \"env:XINCHA_NO_SUCH_VARIABLE\" }";
        let text = format!("[client.a]\nsecrets = [{secret}]\n");
        assert!(Roll::parse(&text, None).is_ok(), "it may be edited");
        std::fs::write(&path, text).unwrap();
        let error = Clients::open(&path).unwrap_err().to_string();
        assert!(error.contains("XINCHA_NO_SUCH_VARIABLE"), "{error}");
    }
}
