//! How long a fetch may take, how much it may bring and how often it tries.

use backon::{BackoffBuilder, ExponentialBuilder};
use serde::Deserialize;
use std::time::Duration;

/// Bounds of one fetch. Every one has a default.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The whole fetch with all attempts, in seconds; beyond it the fetch fails. Default: 600.
    pub timeout_seconds: u64,
    /// Silence of a server, in seconds; beyond it the attempt fails. Default: 30. A database is silent
    /// while it sorts: its first row may take the whole of `timeout_seconds`.
    pub stall_seconds: u64,
    /// All files of the delivery together, unpacked; beyond it the fetch fails. Default: 16 GiB.
    pub bytes_max: u64,
    /// Attempts at what may pass, the first included. Default: 4.
    pub attempts: u32,
    /// Between the first attempt and the second, in milliseconds, up to as much again being added by
    /// chance; each further wait is twice as long. Default: 500.
    pub backoff_first_ms: u64,
    /// The longest wait between attempts, in milliseconds. Default: 30,000. A server that asks for
    /// longer is given it, where the timeout allows.
    pub backoff_max_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            timeout_seconds: 600,
            stall_seconds: 30,
            bytes_max: 16 << 30,
            attempts: 4,
            backoff_first_ms: 500,
            backoff_max_ms: 30_000,
        }
    }
}

impl Limits {
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    pub(super) fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_seconds)
    }

    /// The waits between attempts.
    pub(super) fn delays(&self) -> impl Iterator<Item = Duration> + use<> {
        ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(self.backoff_first_ms))
            .with_max_delay(Duration::from_millis(self.backoff_max_ms))
            .with_max_times(self.attempts.saturating_sub(1) as usize)
            .build()
    }
}
