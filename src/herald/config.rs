//! How long a receiver is waited for, and when it is tried again.

use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of what is sent to clients.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeraldConfig {
    /// Until a receiver has answered. Default: 10,000.
    pub timeout_ms: u64,
    /// After a first failure; doubled by each that follows. Default: 1,000.
    pub retry_ms: u64,
    /// Between two attempts at most. Default: 600,000.
    pub retry_ms_max: u64,
    /// A PEM file: only receivers certified by one of its authorities are trusted. Default: those that the system
    /// trusts.
    pub ca_file: Option<PathBuf>,
}

impl Default for HeraldConfig {
    fn default() -> HeraldConfig {
        HeraldConfig { timeout_ms: 10_000, retry_ms: 1_000, retry_ms_max: 600_000, ca_file: None }
    }
}

impl HeraldConfig {
    /// How long to wait after so many failures, one at least.
    pub fn pause(&self, failures: u32) -> Duration {
        let doubled = 1u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
        Duration::from_millis(self.retry_ms.saturating_mul(doubled).min(self.retry_ms_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let config = HeraldConfig { retry_ms: 100, retry_ms_max: 1_000, ..Default::default() };
        let pauses = [1, 2, 3, 4, 5, 64, 65, u32::MAX].map(|it| config.pause(it).as_millis());
        assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000]);
    }
}
