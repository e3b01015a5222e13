//! A notification that something is new: `NOTIFY channel`, of a trigger of the table, say.
//!
//! It only wakes. What is new is told by the fetch that follows, so one that is lost costs time and
//! nothing else, and its payload is not looked at.

use super::PostgresConfig;
use super::name::quoted;
use super::session::{encryption, parsed, place, refusal};
use crate::source::fetch::{FetchError, Limits};
use futures_util::{StreamExt, stream};
use std::cell::Cell;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How often a silent server is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// A thread that listens. Dropping it ends the thread and waits for that.
pub struct Wake {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Wake {
    /// Listen on the configured channel; none where there is no channel. `on_wake` is called from the
    /// thread for every notification, and once after every connection, since some may have been missed
    /// before. A connection that is refused or breaks is tried again for ever, with growing waits.
    ///
    /// Errors when the configuration does not hold together or no thread can be had.
    pub fn listen(
        config: &PostgresConfig,
        limits: &Limits,
        on_wake: impl Fn() + Send + 'static,
    ) -> Result<Option<Wake>, FetchError> {
        let Some(channel) = &config.listen else { return Ok(None) };
        let dsn = parsed(config)?;
        let listener = Listener {
            at: place(config)?,
            listen: format!("LISTEN {}", quoted("listen", channel)?),
            tls: encryption(&dsn, config.ca_file.as_deref())?,
            dsn,
            limits: limits.clone(),
        };
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("wake".to_owned())
            .spawn(move || listener.run(&stopped, &on_wake))
            .map_err(|_| FetchError::config("listen: 无法启动线程 / no thread can be had"))?;
        Ok(Some(Wake { stop, thread: Some(thread) }))
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Listener {
    at: String,
    listen: String,
    tls: Option<MakeRustlsConnect>,
    dsn: Config,
    limits: Limits,
}

impl Listener {
    fn run(&self, stop: &Notify, on_wake: &dyn Fn()) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "no runtime to listen in"),
        };
        runtime.block_on(async {
            tokio::select! {
                () = stop.notified() => {}
                () = self.listen_for_ever(on_wake) => {}
            }
        });
        runtime.shutdown_background();
    }

    async fn listen_for_ever(&self, on_wake: &dyn Fn()) {
        let mut delays = self.limits.delays();
        let mut delay = Duration::from_millis(self.limits.backoff_first_ms);
        let mut is_told = false;
        loop {
            let heard = Cell::new(false);
            let wake = || {
                heard.set(true);
                on_wake();
            };
            let ended = self.listen_once(&wake).await;
            if heard.get() {
                (delays, is_told) = (self.limits.delays(), false);
            }
            if let (Err(error), false) = (ended, is_told) {
                tracing::warn!(%error, "no notifications until the connection is back");
                is_told = true;
            }
            delay = delays.next().unwrap_or(delay);
            sleep(delay).await;
        }
    }

    /// Until the connection ends.
    async fn listen_once(&self, wake: &dyn Fn()) -> Result<(), FetchError> {
        let refused = |error| refusal(&self.at, &error);
        match &self.tls {
            None => {
                let connect = self.patiently(self.dsn.connect(NoTls));
                let (client, connection) = connect.await?.map_err(refused)?;
                self.follow(client, connection, wake).await
            }
            Some(tls) => {
                let connect = self.patiently(self.dsn.connect(tls.clone()));
                let (client, connection) = connect.await?.map_err(refused)?;
                self.follow(client, connection, wake).await
            }
        }
    }

    async fn follow<S, T>(
        &self,
        client: Client,
        mut connection: Connection<S, T>,
        wake: &dyn Fn(),
    ) -> Result<(), FetchError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        let refused = |error| refusal(&self.at, &error);
        let hear = async {
            while let Some(message) = messages.next().await {
                if let AsyncMessage::Notification(_) = message.map_err(refused)? {
                    wake();
                }
            }
            Ok(())
        };
        let ask = async {
            self.patiently(client.batch_execute(&self.listen)).await?.map_err(refused)?;
            wake();
            loop {
                sleep(ASK_EVERY).await;
                self.patiently(client.batch_execute("")).await?.map_err(refused)?;
            }
        };
        tokio::select! {
            ended = hear => ended,
            ended = ask => ended,
        }
    }

    async fn patiently<T>(&self, work: impl Future<Output = T>) -> Result<T, FetchError> {
        timeout(self.limits.stall(), work).await.map_err(|_| FetchError::Stalled {
            at: self.at.clone(),
            seconds: self.limits.stall_seconds,
        })
    }
}
