//! The thread that looks for what is to be sent.

use super::cursors::Cursors;
use super::delivery::Delivery;
use super::{HeraldConfig, HeraldError};
use crate::audit::recall::Notices;
use crate::audit::{Act, Log, Record};
use crate::clients::{Clients, Scope, Stamps};
use crate::clock;
use crate::record::Instant;
use crate::snapshot::SigningKey;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant as Moment;

/// Between two looks for new recalls.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Recalls that are sent at once.
const SENT_MAX: usize = 100;

/// What is known of deliveries. Cloning shares.
#[derive(Clone, Default)]
pub struct Herald {
    standings: Arc<Mutex<BTreeMap<String, Standing>>>,
    config: Arc<RwLock<Arc<HeraldConfig>>>,
}

/// How a client stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Deliveries that it took since the start.
    pub taken: u64,
    /// Attempts that failed since it took one.
    pub failures: u32,
    /// Since when something waits for it, seconds since 1970.
    pub waiting_since: Option<i64>,
}

/// The thread; dropped, it stops, and what was not taken is sent at the next start.
pub struct Crying {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Herald {
    /// Send the recalls of a log to the clients that have a `recall_url`, signed with the key of its seals.
    ///
    /// # Errors
    ///
    /// The cursors cannot be read, or no thread can be started.
    pub fn start(
        config: HeraldConfig,
        clients: Clients,
        log: Log,
        key: SigningKey,
    ) -> Result<(Herald, Crying), HeraldError> {
        let root = log.folder().to_owned();
        let config = Arc::new(RwLock::new(Arc::new(config)));
        let herald = Herald { standings: Arc::default(), config };
        let rounds = Rounds {
            clients,
            notices: Notices::of(&root),
            cursors: Cursors::open(&root)?,
            key,
            log,
            states: BTreeMap::new(),
            herald: herald.clone(),
        };
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(rounds.run(stopped));
            // A look-up of a name may hang.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("herald".to_owned()).spawn(run)?;
        Ok((herald, Crying { stop, thread: Some(thread) }))
    }

    /// How every client stands to whom something was to be sent, by name.
    pub fn standings(&self) -> BTreeMap<String, Standing> {
        self.all().clone()
    }

    /// What counts from the next attempt on.
    pub fn set(&self, config: &HeraldConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config.clone());
    }

    fn config(&self) -> Arc<HeraldConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Standing>> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, client: &str, change: impl FnOnce(&mut Standing)) {
        change(self.all().entry(client.to_owned()).or_default());
    }
}

impl Drop for Crying {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of it was told where it happened.
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Rounds {
    clients: Clients,
    notices: Notices,
    cursors: Cursors,
    key: SigningKey,
    log: Log,
    states: BTreeMap<String, State>,
    herald: Herald,
}

/// How far the thread is with a client.
#[derive(Default)]
struct State {
    url: String,
    is_under_way: bool,
    failures: u32,
    /// Not before.
    again: Option<Moment>,
    /// The recalls when there was none for it.
    idle: Option<Stamps>,
}

type Sent = (Delivery, Result<(), String>);

impl Rounds {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut under_way = JoinSet::<Sent>::new();
        loop {
            if let Err(error) = self.begin(&mut under_way) {
                tracing::error!(%error, "撤销通告无法读取 / the recalls cannot be read");
            }
            tokio::select! {
                _ = stopped.wait_for(|&stopped| stopped) => return,
                Some(Ok((delivery, sent))) = under_way.join_next() => self.end(&delivery, sent),
                () = tokio::time::sleep(self.pause()) => {}
            }
        }
    }

    /// Until there may be something to send.
    fn pause(&self) -> Duration {
        let waiting = self.states.values().filter(|state| !state.is_under_way);
        let again = waiting.filter_map(|state| state.again).min();
        again.map_or(LOOK_EVERY, |again| again.duration_since(Moment::now()).min(LOOK_EVERY))
    }

    /// Send every client what comes next for it, where nothing is under way to it.
    fn begin(&mut self, under_way: &mut JoinSet<Sent>) -> Result<(), HeraldError> {
        let Some(roll) = self.clients.current() else { return Ok(()) };
        let now = Instant(clock::seconds());
        let seen = Stamps::of(vec![self.notices.path()]);
        let is_known = |name: &String, _: &mut State| {
            roll.by_name(name).is_some_and(|client| client.recall_url.is_some())
        };
        self.states.retain(is_known);
        self.herald.all().retain(|name, _| roll.by_name(name).is_some());
        for client in roll.clients().filter(|client| !client.has_expired(now.day())) {
            let Some(url) = &client.recall_url else { continue };
            let state = self.states.entry(client.name.clone()).or_default();
            if state.url != url.as_str() {
                let is_under_way = state.is_under_way;
                *state = State { url: url.as_str().to_owned(), is_under_way, ..State::default() };
            }
            let is_early = state.again.is_some_and(|again| again > Moment::now());
            if state.is_under_way || is_early || state.idle.as_ref() == Some(&seen) {
                continue;
            }
            let after = self.cursors.of(&client.name);
            let notices = self.notices.after(after, SENT_MAX, |notice| {
                client.may(Scope::Audit) || notice.keep_for(&client.name)
            })?;
            if notices.is_empty() {
                state.idle = Some(seen.clone());
                continue;
            }
            state.is_under_way = true;
            self.herald.note(&client.name, |it| {
                it.waiting_since = it.waiting_since.or(Some(now.0));
            });
            let delivery = Delivery::new(&client.name, url.as_str(), &notices, &self.key, now);
            let config = self.herald.config();
            under_way.spawn(async move {
                let sent = delivery.send(&config).await;
                (delivery, sent)
            });
        }
        Ok(())
    }

    /// Note what came of a delivery.
    fn end(&mut self, delivery: &Delivery, sent: Result<(), String>) {
        let Delivery { client, url, last, .. } = delivery;
        let from = self.cursors.of(client) + 1;
        let kept = sent.and_then(|()| {
            let kept =
                self.record(client, from, *last).and_then(|()| self.cursors.set(client, *last));
            kept.map_err(|error| error.to_string())
        });
        let Some(state) = self.states.get_mut(client) else { return };
        state.is_under_way = false;
        match kept {
            Ok(()) => {
                *state = State { url: state.url.clone(), ..State::default() };
                self.herald.note(client, |it| {
                    *it = Standing { taken: it.taken + 1, ..Standing::default() }
                });
                tracing::info!(client, last, "撤销通告已送达 / recalls were taken");
            }
            Err(why) if state.url == *url => {
                state.failures = state.failures.saturating_add(1);
                state.again = Some(Moment::now() + self.herald.config().pause(state.failures));
                let failures = state.failures;
                self.herald.note(client, |it| it.failures = failures);
                tracing::warn!(
                    client,
                    failures,
                    why,
                    "撤销通告未送达，稍后重试 / recalls were not taken: again later"
                );
            }
            // It has another address now.
            Err(_) => {}
        }
    }

    /// That the client was told is in the log.
    fn record(&self, client: &str, from: u64, to: u64) -> io::Result<()> {
        let note = format!("{from}-{to}");
        let record = Record { client, outcome: "told", note: &note, ..self.log.now(Act::Recall) };
        self.log.append(0, &record).map(drop).map_err(io::Error::other)
    }
}
