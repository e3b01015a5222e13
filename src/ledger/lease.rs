//! Which of the replicas builds: a key in a NATS JetStream bucket that one of them holds for a term.
//!
//! ```text
//! entry   = {"holder": for people, "id": of this lease, "term_ms": …}      {"id": ""} when given back
//! take    = write, expecting the revision that was seen     never held, given back, or seen unchanged
//!                                                           for a term and a tenth of it
//! renew   = the same at a third of the term                 held until a term after it was sent
//! ```
//!
//! No wall clock is read: a holder counts its term from before a renewal was sent, the others theirs
//! from after they saw it, each by its own monotonic clock, and the tenth covers clocks that run
//! unevenly. A holder that cannot renew stops holding by itself. A process that is suspended between
//! asking and acting may still act too late: hence the [token](Held::token), by which a shelf refuses
//! a holder of before.

use super::link::{Link, check, runtime, unavailable};
use super::{LeaseConfig, LedgerError, StreamConfig};
use async_nats::jetstream::kv::{Entry, Operation, Store, UpdateErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tracing::{info, warn};

/// The key of whoever builds.
const KEY: &str = "builder";
/// Between attempts to reach the servers, unless the term is very short.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// For a lease to be given back.
const RELEASE_WAIT: Duration = Duration::from_secs(1);

/// As long as it lives it contends for the lease, and renews it while it holds it. See the
/// [module](self). Its calls must not be made from an asynchronous task.
pub struct Lease {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// Written by the contender.
    standing: watch::Receiver<Standing>,
    stop: watch::Sender<bool>,
    first_wait: Duration,
}

/// The lease is held, at least until [`Held::is_valid`] says no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// The revision under which it was taken: higher than that of every holder before, as long as the
    /// bucket is not wiped.
    pub token: u64,
    /// When it ends, unless it is renewed.
    pub until: Instant,
}

impl Held {
    /// It is held still, even if it could not be renewed since.
    pub fn is_valid(&self) -> bool {
        Instant::now() < self.until
    }
}

#[derive(Clone, Copy, Default)]
struct Standing {
    /// An attempt was made, with or without success.
    tried: bool,
    held: Option<Held>,
}

impl Lease {
    /// Contend from now on.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Config`], or the system gives no thread. Servers that are not reached are tried
    /// again and again.
    pub fn open(servers: StreamConfig, config: &LeaseConfig) -> Result<Lease, LedgerError> {
        let runtime = runtime("lease")?;
        runtime.block_on(check(&servers))?;
        let first_wait = servers.connect_timeout();
        let (told, standing) = watch::channel(Standing::default());
        let (stop, stopped) = watch::channel(false);
        let contender = Contender {
            mine: Holder::new(config),
            term: config.term(),
            bucket_name: config.bucket.clone(),
            servers,
            bucket: None,
            told,
            taken: None,
            foreign: None,
            is_reached: true,
        };
        runtime.spawn(contender.contend(stopped));
        Ok(Lease { runtime: Some(runtime), standing, stop, first_wait })
    }

    /// The lease, if it is held now. Blocks until the first attempt was made, at most as long as a
    /// connection may take; later it costs nothing.
    pub fn hold(&self) -> Option<Held> {
        let mut standing = self.standing.clone();
        if !standing.borrow().tried
            && let Some(runtime) = &self.runtime
        {
            let tried = standing.wait_for(|standing| standing.tried);
            // Not held, when there was no attempt in time.
            let _ = runtime.block_on(async { tokio::time::timeout(self.first_wait, tried).await });
        }
        let held = self.standing.borrow().held;
        held.filter(Held::is_valid)
    }

    /// Give it back, so that another need not wait for the term to end. Dropped without, it ends
    /// by itself.
    pub fn release(mut self) {
        let _ = self.stop.send(true);
        if let Some(runtime) = self.runtime.take() {
            let mut standing = self.standing.clone();
            // The contender ends when it has given back; the servers may be gone.
            let ended = async { while standing.changed().await.is_ok() {} };
            let _ = runtime.block_on(async { tokio::time::timeout(RELEASE_WAIT, ended).await });
            runtime.shutdown_background();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The value of the key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Holder {
    holder: String,
    /// Of one lease in one process, empty when given back.
    id: String,
    term_ms: u64,
}

impl Holder {
    fn new(config: &LeaseConfig) -> Holder {
        let id = uuid::Uuid::now_v7().to_string();
        Holder { holder: config.holder_name(), id, term_ms: config.term_ms }
    }

    /// Plain data: writing it cannot fail.
    fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// The task that takes and renews.
struct Contender {
    mine: Holder,
    term: Duration,
    bucket_name: String,
    servers: StreamConfig,
    /// `None` until it is reached, and after a failure.
    bucket: Option<(Link, Store)>,
    told: watch::Sender<Standing>,
    taken: Option<Taken>,
    foreign: Option<Foreign>,
    is_reached: bool,
}

/// What this lease wrote last.
#[derive(Clone, Copy)]
struct Taken {
    token: u64,
    revision: u64,
}

/// What another wrote last, and since when it is known.
#[derive(Clone, Copy)]
struct Foreign {
    revision: u64,
    since: Instant,
}

impl Contender {
    async fn contend(mut self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            // An attempt that takes longer than the term is of no use.
            let attempt = tokio::time::timeout(self.term, self.attempt()).await;
            let attempt = attempt.unwrap_or_else(|_| Err(unavailable("timed out")));
            self.told.send_modify(|standing| standing.tried = true);
            let pause = self.pause_after(attempt);
            let _ = tokio::time::timeout(pause, stopped.changed()).await;
        }
        self.give_back().await;
    }

    /// How long to wait; says when the servers are lost and found.
    fn pause_after(&mut self, attempt: Result<Duration, LedgerError>) -> Duration {
        match attempt {
            Ok(pause) => {
                if !self.is_reached {
                    info!("构建权服务恢复 / the lease is reached again");
                }
                self.is_reached = true;
                pause
            }
            Err(lost) => {
                if self.is_reached {
                    warn!("构建权服务中断 / the lease is not reached: {lost}");
                }
                (self.is_reached, self.bucket) = (false, None);
                RETRY_PAUSE.min(self.term / 10)
            }
        }
    }

    async fn attempt(&mut self) -> Result<Duration, LedgerError> {
        let bucket = self.bucket().await?;
        match self.taken {
            Some(taken) => self.renew(&bucket, taken).await,
            None => self.look(&bucket).await,
        }
    }

    /// The bucket, made when absent.
    async fn bucket(&mut self) -> Result<Store, LedgerError> {
        if let Some((_, bucket)) = &self.bucket {
            return Ok(bucket.clone());
        }
        let link = Link::connect(&self.servers).await?;
        let context = link.context();
        let bucket = match context.get_key_value(&self.bucket_name).await {
            Ok(bucket) => bucket,
            Err(_) => {
                context.create_stream(self.bucket_config()).await.map_err(unavailable)?;
                context.get_key_value(&self.bucket_name).await.map_err(unavailable)?
            }
        };
        self.bucket = Some((link, bucket.clone()));
        Ok(bucket)
    }

    /// The stream that is a bucket. The library's own way to make one asks the account first, which
    /// servers before 2.10 answer otherwise than it expects.
    fn bucket_config(&self) -> Config {
        Config {
            name: format!("KV_{}", self.bucket_name),
            subjects: vec![format!("$KV.{}.>", self.bucket_name)],
            max_messages_per_subject: 1,
            num_replicas: self.servers.replicas,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            allow_direct: true,
            deny_delete: true,
            ..Config::default()
        }
    }

    async fn renew(&mut self, bucket: &Store, taken: Taken) -> Result<Duration, LedgerError> {
        if let Some(revision) = self.write(bucket, taken.revision, Some(taken.token)).await? {
            self.taken = Some(Taken { revision, ..taken });
            return Ok(self.term / 3);
        }
        // Someone took it, or it is our own renewal whose answer was lost.
        let entry = bucket.entry(KEY).await.map_err(unavailable)?;
        match entry.filter(|entry| holder_of(entry).id == self.mine.id) {
            Some(ours) if ours.revision > taken.revision => {
                self.taken = Some(Taken { revision: ours.revision, ..taken });
                Ok(Duration::ZERO)
            }
            _ => {
                self.lose();
                Ok(RETRY_PAUSE.min(self.term / 10))
            }
        }
    }

    fn lose(&mut self) {
        (self.taken, self.foreign) = (None, None);
        self.told.send_modify(|standing| standing.held = None);
        warn!("失去构建权 / the lease is lost to another replica");
    }

    /// See who holds it, and take it when nobody does.
    async fn look(&mut self, bucket: &Store) -> Result<Duration, LedgerError> {
        let Some(entry) = bucket.entry(KEY).await.map_err(unavailable)? else {
            return self.take(bucket, 0).await;
        };
        let holder = holder_of(&entry);
        let is_free = entry.operation != Operation::Put || holder.id.is_empty();
        if is_free || holder.id == self.mine.id {
            return self.take(bucket, entry.revision).await;
        }
        let now = Instant::now();
        let foreign = self.foreign.filter(|foreign| foreign.revision == entry.revision);
        let foreign = foreign.unwrap_or(Foreign { revision: entry.revision, since: now });
        self.foreign = Some(foreign);
        let term = self.term.max(Duration::from_millis(holder.term_ms));
        let waited = now - foreign.since;
        match (term + term / 10).checked_sub(waited).filter(|left| !left.is_zero()) {
            Some(left) => Ok(left.min(self.term / 3)),
            None => self.take(bucket, entry.revision).await,
        }
    }

    async fn take(&mut self, bucket: &Store, revision: u64) -> Result<Duration, LedgerError> {
        match self.write(bucket, revision, None).await? {
            Some(revision) => {
                info!(token = revision, "取得构建权 / the lease is held");
                self.taken = Some(Taken { token: revision, revision });
                Ok(self.term / 3)
            }
            None => Ok(RETRY_PAUSE.min(self.term / 10)),
        }
    }

    /// Write over a revision, and hold from before it was sent, without a token under the new
    /// revision; `None` when the revision is not the last one.
    async fn write(
        &self,
        bucket: &Store,
        revision: u64,
        token: Option<u64>,
    ) -> Result<Option<u64>, LedgerError> {
        let until = Instant::now() + self.term;
        match bucket.update(KEY, self.mine.to_bytes(), revision).await {
            Ok(revision) => {
                let token = token.unwrap_or(revision);
                self.told.send_modify(|standing| standing.held = Some(Held { token, until }));
                Ok(Some(revision))
            }
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn give_back(self) {
        self.told.send_modify(|standing| standing.held = None);
        if let (Some(taken), Some((_, bucket))) = (self.taken, &self.bucket) {
            let nobody = Holder::default().to_bytes();
            // Failing that, it ends with its term.
            let _ = bucket.update(KEY, nobody, taken.revision).await;
        }
    }
}

/// What cannot be read is somebody's.
fn holder_of(entry: &Entry) -> Holder {
    let unknown = Holder { id: "?".to_owned(), ..Holder::default() };
    serde_json::from_slice(&entry.value).unwrap_or(unknown)
}
