//! The shared ledger: a stream of NATS JetStream, followed by every replica.
//!
//! ```text
//! stream   = message*      one subject, one commit a message (see `place`), numbered by the server
//! append   = publish, expecting that the stream still ends where the writer read to
//! truncate = purge before a message; the last one is never purged, it holds the number to go on from
//! ```
//!
//! Of writers that race the server takes one and refuses the others, which are [`LedgerError::Behind`].
//! A consumer of headers is kept open, so a commit of anyone is known a millisecond later. Whoever was
//! cut off attaches again by itself and first compares: a stream made anew, shorter than it was or with
//! other numbers is [`LedgerError::Damaged`], and stays so until the ledger is opened again.
//!
//! Durability is the servers': see [`StreamConfig`].

use super::link::{Link, check, runtime, unavailable};
use super::place::Place;
use super::{Commit, Ledger, LedgerError, StreamConfig};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::push::{Config as ConsumerConfig, Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::{
    GetStreamErrorKind, PublishError, PublishErrorKind as Refusal,
};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, Stream};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Changes that are read at once.
const READ_CHANGES: usize = 4_096;
/// Messages that are asked for before the first of them has come.
const READ_AHEAD: usize = 32;
/// Between two signs of life of a consumer; it is taken for lost after two of them without one.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// After which the server forgets the consumer of a replica that is gone.
const CONSUMER_IDLE: Duration = Duration::from_secs(10);
/// Between attempts to attach.
const ATTACH_PAUSE: Duration = Duration::from_millis(100);

/// See the [module](self). Its calls must not be made from an asynchronous task.
pub struct StreamLedger {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
}

struct Shared {
    config: StreamConfig,
    /// Written by the follower, by whoever appends and reads; read by whoever waits.
    seen: watch::Sender<Seen>,
}

/// What is known of the stream.
#[derive(Clone, Default)]
struct Seen {
    link: Option<Arc<Link>>,
    /// When the stream was made, as the server writes it; of another stream another.
    made: Option<String>,
    /// Its last message.
    tip: Place,
    /// The last message that was read.
    read: Place,
    /// Why it cannot be followed now.
    lost: Option<LedgerError>,
}

impl StreamLedger {
    /// The ledger of a stream, which is made when absent. Waits for it as long as a connection may
    /// take; when it is not reached by then, calls answer why until it is.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Config`], or the system gives no thread.
    pub fn open(config: StreamConfig) -> Result<StreamLedger, LedgerError> {
        let runtime = runtime("stream-ledger")?;
        runtime.block_on(check(&config))?;
        let connect_timeout = config.connect_timeout();
        let shared = Arc::new(Shared { config, seen: watch::Sender::new(Seen::default()) });
        runtime.spawn(shared.clone().follow());
        let mut seen = shared.seen.subscribe();
        runtime.block_on(async {
            let attached = seen.wait_for(|seen| seen.link.is_some() || seen.lost.is_some());
            // Whoever calls is told why it is not reached.
            let _ = tokio::time::timeout(connect_timeout, attached).await;
        });
        Ok(StreamLedger { runtime: Some(runtime), shared })
    }

    fn block_on<T>(
        &self,
        call: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => Err(unavailable("closed")),
        }
    }
}

impl Drop for StreamLedger {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Ledger for StreamLedger {
    /// Costs a question to the servers.
    fn last(&self) -> Result<u64, LedgerError> {
        self.block_on(async {
            let link = self.shared.link()?;
            Ok(self.shared.refresh(&link).await?.last)
        })
    }

    fn append(&self, commit: &Commit) -> Result<(), LedgerError> {
        self.block_on(self.shared.append(commit))
    }

    fn read(&self, after: u64) -> Result<Vec<Commit>, LedgerError> {
        self.block_on(self.shared.read(after))
    }

    fn wait(&self, after: u64, most: Duration) -> Result<bool, LedgerError> {
        let mut seen = self.shared.seen.subscribe();
        self.block_on(async {
            let news = seen.wait_for(|seen| seen.lost.is_some() || seen.tip.last > after);
            match tokio::time::timeout(most, news).await {
                Ok(Ok(seen)) => seen.lost.clone().map_or(Ok(true), Err),
                Ok(Err(_)) => Err(unavailable("closed")),
                Err(_) => Ok(false),
            }
        })
    }

    fn begin_after(&self, change: u64) -> Result<bool, LedgerError> {
        self.block_on(self.shared.begin_after(change))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn truncate(&self, through: u64) -> Result<(), LedgerError> {
        self.block_on(self.shared.truncate(through))
    }
}

/// Following.
impl Shared {
    /// Attach, take what comes, and again when it is lost.
    async fn follow(self: Arc<Self>) {
        loop {
            let Err(lost) = self.attach_and_take().await;
            self.seen.send_modify(|seen| seen.lost = Some(lost));
            tokio::time::sleep(ATTACH_PAUSE).await;
        }
    }

    async fn attach_and_take(&self) -> Result<std::convert::Infallible, LedgerError> {
        let link = self.connect().await?;
        link.connected().await;
        let mut messages = link.ask(self.attach(&link)).await??;
        self.seen.send_modify(|seen| seen.lost = None);
        loop {
            let message = link.ask(messages.next()).await?;
            let message = message.ok_or_else(|| unavailable("the consumer is gone"))?;
            let message = message.map_err(unavailable)?;
            let sequence = message.info().map_err(unavailable)?.stream_sequence;
            self.note(Place::of(sequence, message.headers.as_ref())?);
        }
    }

    /// The link, made the first time; a lost one connects again by itself.
    async fn connect(&self) -> Result<Arc<Link>, LedgerError> {
        let known = self.seen.borrow().link.clone();
        if let Some(link) = known {
            return Ok(link);
        }
        Ok(Arc::new(Link::connect(&self.config).await?))
    }

    /// A consumer of what comes after the last message, of the stream that was known before.
    async fn attach(&self, link: &Arc<Link>) -> Result<Messages, LedgerError> {
        let known = self.seen.borrow().tip;
        let info = self.stream_info(link, known).await?;
        if info.config.subjects != [self.config.subject.clone()] {
            return Err(unavailable(format!(
                "数据流 {0} 的主题不同 / the stream {0} has other subjects",
                self.config.stream
            )));
        }
        let tip = self.take_info(link, &info, known).await?;
        if known.sequence >= info.state.first_sequence.max(1)
            && self.message(link, known.sequence).await?.0 != known
        {
            return Err(other_stream("消息编号不同 / its messages are numbered otherwise"));
        }
        let stream = self.stream(link).await?;
        let consumer = stream.create_consumer(self.consumer(link, tip)).await;
        let messages = consumer.map_err(unavailable)?.messages().await.map_err(unavailable)?;
        self.seen.send_modify(|seen| seen.link = Some(link.clone()));
        Ok(messages)
    }

    fn consumer(&self, link: &Link, tip: Place) -> ConsumerConfig {
        ConsumerConfig {
            deliver_subject: link.context().client().new_inbox(),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: tip.sequence + 1 },
            ack_policy: AckPolicy::None,
            headers_only: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: CONSUMER_IDLE,
            memory_storage: true,
            num_replicas: 1,
            ..ConsumerConfig::default()
        }
    }

    /// What the server says of the stream, which is made when absent, unless it was there before.
    async fn stream_info(&self, link: &Link, known: Place) -> Result<Info, LedgerError> {
        match link.context().get_stream(&self.config.stream).await {
            Ok(stream) => Ok(stream.cached_info().clone()),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(absent) if absent.code() == 404 => {
                    if known.sequence > 0 {
                        return Err(other_stream("已不存在 / it is gone"));
                    }
                    let made = link.context().create_stream(self.stream_config()).await;
                    Ok(made.map_err(unavailable)?.cached_info().clone())
                }
                _ => Err(unavailable(error)),
            },
        }
    }

    fn stream_config(&self) -> Config {
        Config {
            name: self.config.stream.clone(),
            subjects: vec![self.config.subject.clone()],
            num_replicas: self.config.replicas,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_bytes: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            max_message_size: -1,
            deny_delete: true,
            allow_direct: true,
            ..Config::default()
        }
    }

    /// A message further on is the last one, as far as is known.
    fn note(&self, place: Place) {
        self.seen.send_if_modified(|seen| {
            let is_news = place.sequence > seen.tip.sequence;
            if is_news {
                seen.tip = place;
            }
            is_news
        });
    }
}

/// Appending and reading.
impl Shared {
    /// The link, while the stream is followed over it.
    fn link(&self) -> Result<Arc<Link>, LedgerError> {
        let seen = self.seen.borrow();
        match (&seen.link, &seen.lost) {
            (_, Some(lost)) => Err(lost.clone()),
            (Some(link), None) => Ok(link.clone()),
            (None, None) => Err(unavailable("尚未连接 / not reached yet")),
        }
    }

    async fn stream(&self, link: &Link) -> Result<Stream<()>, LedgerError> {
        link.context().get_stream_no_info(&self.config.stream).await.map_err(unavailable)
    }

    /// Ask for the last message.
    async fn refresh(&self, link: &Link) -> Result<Place, LedgerError> {
        // What is known is taken before the question: the answer cannot be older.
        let known = self.seen.borrow().tip;
        let stream = self.stream(link).await?;
        let info = link.ask(stream.get_info()).await?.map_err(unavailable)?;
        link.ask(self.take_info(link, &info, known)).await?
    }

    /// Compare with what was known, and note the last message.
    async fn take_info(
        &self,
        link: &Link,
        info: &Info,
        known: Place,
    ) -> Result<Place, LedgerError> {
        let made = info.created.to_string();
        let sequence = info.state.last_sequence;
        let is_other = self.seen.borrow().made.as_ref().is_some_and(|before| *before != made);
        if is_other && known.sequence > 0 {
            return Err(other_stream("已重建 / it was made anew"));
        }
        if sequence < known.sequence {
            return Err(other_stream("比原来短 / it is shorter than it was"));
        }
        if sequence > 0 && info.state.messages == 0 {
            return Err(other_stream("已清空 / its last message was purged"));
        }
        let tip = match sequence == known.sequence {
            true => known,
            false => self.message(link, sequence).await?.0,
        };
        self.seen.send_if_modified(|seen| {
            seen.made = Some(made);
            false
        });
        self.note(tip);
        Ok(tip)
    }

    /// A message, from any server that has it, else from the one that leads.
    async fn message(&self, link: &Link, sequence: u64) -> Result<(Place, Bytes), LedgerError> {
        let stream = self.stream(link).await?;
        let message = match stream.direct_get(sequence).await {
            Ok(message) => message,
            Err(_) => stream.get_raw_message(sequence).await.map_err(unavailable)?,
        };
        Ok((Place::of(sequence, Some(&message.headers))?, message.payload))
    }

    async fn append(&self, commit: &Commit) -> Result<(), LedgerError> {
        let link = self.link()?;
        let mut tip = self.seen.borrow().tip;
        if tip.last + 1 != commit.first {
            tip = self.refresh(&link).await?;
        }
        let body = Bytes::from(commit.to_bytes());
        if tip.last + 1 == commit.first
            && self.publish(&link, tip, commit.first, commit.last(), body).await?
        {
            return Ok(());
        }
        let last = self.refresh(&link).await?.last;
        Err(LedgerError::Behind { last, first: commit.first })
    }

    /// Publish a message, unless the stream does not end at `tip`. Answers whether it did.
    async fn publish(
        &self,
        link: &Link,
        tip: Place,
        first: u64,
        last: u64,
        body: Bytes,
    ) -> Result<bool, LedgerError> {
        let bytes = body.len();
        let message = PublishMessage::build()
            .headers(Place::headers(first, last))
            .payload(body)
            .expected_stream(&self.config.stream)
            .expected_last_sequence(tip.sequence);
        let published = async {
            let kept = link.context().send_publish(self.config.subject.clone(), message).await?;
            kept.await
        };
        match link.ask(published).await? {
            Ok(kept) => {
                self.note(Place { sequence: kept.sequence, first, last });
                Ok(true)
            }
            Err(refused) if is_behind(&refused) => Ok(false),
            Err(refused) if refused.kind() == Refusal::MaxPayloadExceeded => {
                Err(LedgerError::TooLarge { bytes, most: link.message_bytes_max() })
            }
            Err(refused) => Err(unavailable(refused)),
        }
    }

    async fn begin_after(&self, change: u64) -> Result<bool, LedgerError> {
        let link = self.link()?;
        loop {
            let tip = self.refresh(&link).await?;
            if tip.last >= change {
                return Ok(false);
            }
            if self.publish(&link, tip, change + 1, change, Bytes::new()).await? {
                return Ok(true);
            }
        }
    }

    async fn read(&self, after: u64) -> Result<Vec<Commit>, LedgerError> {
        let link = self.link()?;
        let mut tip = self.seen.borrow().tip;
        if tip.last <= after {
            tip = self.refresh(&link).await?;
        }
        if tip.last < after {
            return Err(other_stream("比读者所知的短 / it is shorter than what the reader has"));
        }
        if tip.last == after {
            return Ok(Vec::new());
        }
        let sequence = self.find(&link, after + 1, tip).await?;
        link.ask(self.collect(&link, after, sequence, tip)).await?
    }

    /// The message that holds a change, or the last one before it.
    async fn find(&self, link: &Link, change: u64, tip: Place) -> Result<u64, LedgerError> {
        let read = self.seen.borrow().read;
        if tip.first <= change {
            return Ok(tip.sequence);
        }
        if read.sequence > 0 && read.last + 1 == change {
            return Ok(read.sequence + 1);
        }
        link.ask(self.search(link, change, tip)).await?
    }

    /// The same by halving. Cost: a question for each doubling of the stream.
    async fn search(&self, link: &Link, change: u64, tip: Place) -> Result<u64, LedgerError> {
        let kept = self.first_kept(link).await?;
        if kept.first > change {
            return Err(LedgerError::Gap { after: change - 1, kept: kept.first });
        }
        let (mut low, mut high) = (kept.sequence, tip.sequence);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match self.message(link, middle).await?.0.first <= change {
                true => low = middle,
                false => high = middle - 1,
            }
        }
        Ok(low)
    }

    async fn first_kept(&self, link: &Link) -> Result<Place, LedgerError> {
        let info = self.stream(link).await?.get_info().await.map_err(unavailable)?;
        Ok(self.message(link, info.state.first_sequence).await?.0)
    }

    /// Commits from a message on, many asked for at once.
    async fn collect(
        &self,
        link: &Link,
        after: u64,
        sequence: u64,
        tip: Place,
    ) -> Result<Vec<Commit>, LedgerError> {
        let messages = (sequence..=tip.sequence).map(|sequence| self.message(link, sequence));
        let mut messages = futures_util::stream::iter(messages).buffered(READ_AHEAD);
        let (mut read, mut changes, mut next) = (Vec::new(), 0, after + 1);
        while changes < READ_CHANGES
            && let Some(message) = messages.next().await
        {
            let (place, body) = match message {
                Ok(message) => message,
                // Another replica may have truncated what was looked for.
                Err(failed) => return Err(self.gap_or(link, after, failed).await),
            };
            if place.first > next {
                break;
            }
            if place.last < next {
                continue;
            }
            let commit = place.commit(&body)?;
            (changes, next) = (changes + commit.changes.len(), commit.last() + 1);
            read.push(commit);
            self.remember(place);
        }
        if read.is_empty() {
            let kept = self.first_kept_after(link, after, sequence, tip).await?;
            return Err(LedgerError::Gap { after, kept });
        }
        Ok(read)
    }

    fn remember(&self, place: Place) {
        self.seen.send_if_modified(|seen| {
            seen.read = place;
            false
        });
    }

    /// A gap, when changes after this number are gone; else why a message was not had.
    async fn gap_or(&self, link: &Link, after: u64, failed: LedgerError) -> LedgerError {
        match self.first_kept(link).await {
            Ok(kept) if kept.first > after + 1 => LedgerError::Gap { after, kept: kept.first },
            _ => failed,
        }
    }

    /// The first change behind a mark.
    async fn first_kept_after(
        &self,
        link: &Link,
        after: u64,
        sequence: u64,
        tip: Place,
    ) -> Result<u64, LedgerError> {
        for sequence in sequence..=tip.sequence {
            let place = self.message(link, sequence).await?.0;
            if place.first > after + 1 {
                return Ok(place.first);
            }
        }
        Ok(tip.last + 1)
    }

    async fn truncate(&self, through: u64) -> Result<(), LedgerError> {
        let link = self.link()?;
        let tip = self.refresh(&link).await?;
        let sequence = match self.find(&link, through.saturating_add(1), tip).await {
            Ok(sequence) => sequence,
            Err(LedgerError::Gap { .. }) => return Ok(()),
            Err(failed) => return Err(failed),
        };
        if sequence <= 1 {
            return Ok(());
        }
        let stream = self.stream(&link).await?;
        let purged = async { stream.purge().sequence(sequence).await };
        link.ask(purged).await?.map_err(unavailable)?;
        Ok(())
    }
}

/// The server refused because the stream ends elsewhere.
fn is_behind(refused: &PublishError) -> bool {
    use std::error::Error;
    let said =
        refused.source().and_then(|said| said.downcast_ref::<async_nats::jetstream::Error>());
    refused.kind() == Refusal::WrongLastSequence
        || said
            .is_some_and(|said| said.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT)
}

fn other_stream(what: &str) -> LedgerError {
    LedgerError::Damaged(format!("数据流不是原来的 / the stream is not what it was: {what}"))
}
