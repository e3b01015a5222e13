//! A connection to NATS servers that knows when it is lost.
//!
//! A server that dies closes its connections at once; one that hangs, or whose network is gone, is
//! found out by unanswered pings within two seconds. The client then connects again by itself.

use super::{LedgerError, StreamConfig};
use crate::secret::Secret;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{ConnectOptions, Event, ServerAddr};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Between pings. The third without an answer to those before ends the connection.
const PING_INTERVAL: Duration = Duration::from_millis(600);
/// Between attempts to connect again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// See the [module](self).
pub(super) struct Link {
    context: Context,
    sight: watch::Receiver<Sight>,
}

/// What the client last told of its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sight {
    connected: bool,
    /// Counts losses: a short one is not overlooked.
    losses: u64,
}

/// A runtime with one thread, for calls that block.
pub(super) fn runtime(thread: &str) -> Result<Runtime, LedgerError> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name(thread).enable_all();
    builder.build().map_err(|error| LedgerError::Unavailable(error.to_string()))
}

impl Link {
    /// Connect once. Errors name no server: its URL may carry a password.
    pub(super) async fn connect(config: &StreamConfig) -> Result<Link, LedgerError> {
        let (told, sight) = watch::channel(Sight { connected: true, losses: 0 });
        let options = options(config).await?.event_callback(move |event| {
            told.send_modify(|sight| sight.take(&event));
            async {}
        });
        let client = options.connect(servers(config)?).await.map_err(|error| {
            LedgerError::Unavailable(format!(
                "无法连接 NATS / cannot connect to NATS: {}",
                error.kind()
            ))
        })?;
        let context = ContextBuilder::new().timeout(config.ack_timeout()).build(client);
        Ok(Link { context, sight })
    }

    /// What JetStream is asked through.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Bytes of a message at most, its headers among them.
    pub(super) fn message_bytes_max(&self) -> usize {
        self.context.client().max_payload()
    }

    /// Return when there is a connection.
    pub(super) async fn connected(&self) {
        // Only a client that is gone tells nothing more, and it lives as long as this.
        let _ = self.sight.clone().wait_for(|sight| sight.connected).await;
    }

    /// Return when the connection that is there now is lost.
    pub(super) async fn lost(&self) -> LedgerError {
        let mut sight = self.sight.clone();
        let now = *sight.borrow_and_update();
        let _ = sight.wait_for(|sight| !sight.connected || sight.losses != now.losses).await;
        LedgerError::Unavailable("与 NATS 的连接中断 / the connection to NATS is lost".to_owned())
    }

    /// Ask something, unless the connection is lost before the answer.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = T>) -> Result<T, LedgerError> {
        tokio::select! {
            answer = question => Ok(answer),
            lost = self.lost() => Err(lost),
        }
    }
}

impl Sight {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::Disconnected | Event::Closed => {
                self.connected = false;
                self.losses += 1;
            }
            // Messages were dropped: as good as a lost connection to whoever waits for them.
            Event::SlowConsumer(_) => self.losses += 1,
            _ => {}
        }
    }
}

/// Whether the settings suffice to connect; nothing is asked of the servers.
pub(super) async fn check(config: &StreamConfig) -> Result<(), LedgerError> {
    servers(config)?;
    options(config).await.map(drop)
}

fn servers(config: &StreamConfig) -> Result<Vec<ServerAddr>, LedgerError> {
    if config.servers.is_empty() {
        return Err(LedgerError::config("servers: 为空 / there is none"));
    }
    config.servers.iter().map(server).collect()
}

fn server(server: &Secret) -> Result<ServerAddr, LedgerError> {
    let unsound = || LedgerError::config("servers: 地址无效 / a URL is not sound");
    let server: ServerAddr = server.reveal()?.parse().map_err(|_| unsound())?;
    if server.host().is_empty() {
        return Err(unsound());
    }
    if server.has_user_pass() || server.password().is_some() {
        // The client would not use them.
        let why = "servers: 不得含用户名，请用 user 和 password / \
                   must not hold a user: set user and password";
        return Err(LedgerError::config(why));
    }
    Ok(server)
}

async fn options(config: &StreamConfig) -> Result<ConnectOptions, LedgerError> {
    let mut options = ConnectOptions::new()
        .name("xincha")
        .connection_timeout(config.connect_timeout())
        .request_timeout(Some(config.ack_timeout()))
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|_| RECONNECT_PAUSE);
    if let Some(file) = &config.ca_file {
        options = options.add_root_certificates(file.clone());
    }
    if let Some(user) = &config.user {
        let password = config.password.as_ref().map(Secret::reveal).transpose()?;
        options = options.user_and_password(user.reveal()?, password.unwrap_or_default());
    }
    if let Some(file) = &config.credentials {
        // What is wrong in the file may be quoted from it, so only its name is told.
        options = options.credentials_file(file).await.map_err(|_| {
            LedgerError::config(format!("{}: 凭据无效 / no sound credentials", file.display()))
        })?;
    }
    Ok(options)
}

pub(super) fn unavailable(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::Unavailable(error.to_string())
}
