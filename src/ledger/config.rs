//! What the shared ledger and the lease are told.

use crate::secret::Secret;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the ledger in NATS JetStream. Every time is in milliseconds.
///
/// ```toml
/// servers = ["nats://10.0.0.1:4222", "nats://10.0.0.2:4222", "nats://10.0.0.3:4222"]
/// replicas = 3
/// user = "xincha"
/// password = "env:NATS_PASSWORD"
/// ```
///
/// What is acknowledged outlives the death of a server's process. To outlive a power failure of every
/// server that holds it, the servers need `jetstream { sync_interval: always }`: otherwise they sync
/// about every two minutes. Servers before 2.10 do not know that setting.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfig {
    /// URLs of the servers, `nats://` or `tls://`, without user and password; one that is reached is
    /// enough. Never shown, because one may be written in them all the same. Default:
    /// `nats://127.0.0.1:4222`.
    pub servers: Vec<Secret>,
    /// The stream, made when absent. Default: `XINCHA`.
    pub stream: String,
    /// Its only subject, which nothing else publishes to. Default: `xincha.changes`.
    pub subject: String,
    /// Servers that each hold a copy, of a stream that is made: 1, 3 or 5. Default: 1.
    pub replicas: usize,
    /// A credentials file (`.creds`), instead of user and password. Default: none.
    pub credentials: Option<PathBuf>,
    /// The user. Default: none.
    pub user: Option<Secret>,
    /// The password. Default: none.
    pub password: Option<Secret>,
    /// A PEM file with authorities to trust beside the system's. Default: none.
    pub ca_file: Option<PathBuf>,
    /// For a connection to be made. Default: 2,000.
    pub connect_timeout_ms: u64,
    /// For the servers to acknowledge a commit or to answer a question; beyond it the ledger is
    /// unavailable and the commit perhaps kept. Default: 5,000.
    pub ack_timeout_ms: u64,
}

impl Default for StreamConfig {
    fn default() -> StreamConfig {
        StreamConfig {
            servers: vec![Secret::new("nats://127.0.0.1:4222")],
            stream: "XINCHA".to_owned(),
            subject: "xincha.changes".to_owned(),
            replicas: 1,
            credentials: None,
            user: None,
            password: None,
            ca_file: None,
            connect_timeout_ms: 2_000,
            ack_timeout_ms: 5_000,
        }
    }
}

impl StreamConfig {
    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn ack_timeout(&self) -> Duration {
        Duration::from_millis(self.ack_timeout_ms)
    }
}

/// Settings of the lease, which is reached over the servers of a [`StreamConfig`].
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeaseConfig {
    /// The key-value bucket, made when absent with as many copies as the stream. Default:
    /// `xincha-lease`.
    pub bucket: String,
    /// A name for people. Default: empty, which is the machine's name with the process id.
    pub holder: String,
    /// Milliseconds that the lease is held without being renewed; renewed at a third of it. Default:
    /// 15,000.
    pub term_ms: u64,
}

impl Default for LeaseConfig {
    fn default() -> LeaseConfig {
        LeaseConfig { bucket: "xincha-lease".to_owned(), holder: String::new(), term_ms: 15_000 }
    }
}

impl LeaseConfig {
    pub(super) fn term(&self) -> Duration {
        Duration::from_millis(self.term_ms)
    }

    pub(super) fn holder_name(&self) -> String {
        if !self.holder.is_empty() {
            return self.holder.clone();
        }
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}-{}", machine.trim(), std::process::id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_as_documented_and_what_is_unknown_is_refused() {
        let told: StreamConfig =
            toml::from_str("servers = [\"nats://u:hush@a:1\"]\nreplicas = 3").unwrap();
        let servers = vec![Secret::new("nats://u:hush@a:1")];
        assert_eq!(told, StreamConfig { servers, replicas: 3, ..StreamConfig::default() });
        assert!(!format!("{told:?}").contains("hush"));
        assert!(toml::from_str::<StreamConfig>("server = \"a\"").is_err());
        let told: LeaseConfig = toml::from_str("term_ms = 9000").unwrap();
        assert_eq!(told, LeaseConfig { term_ms: 9_000, ..LeaseConfig::default() });
        assert!(told.holder_name().len() > 1);
        assert!(toml::from_str::<LeaseConfig>("term = 9").is_err());
    }
}
