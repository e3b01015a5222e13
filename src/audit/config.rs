//! What the log is told.

use super::Algorithm;
use serde::Deserialize;
use std::path::PathBuf;

/// Settings of the audit log.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Where it lies. Default: `../data/audit`.
    pub folder: PathBuf,
    /// The hash of a log that is begun; one that is there keeps its own. Default: `sha256`.
    pub hash: Algorithm,
    /// When answers are safe from a loss of power. Default: `interval`.
    pub sync: Sync,
    /// Between two seals: what a loss of power may take with it. Default: 1,000.
    pub seal_ms: u64,
    /// While no seal can be written: seconds until nothing is taken any more. Default: 600.
    pub unsealed_seconds_max: u64,
    /// Size of a segment, which is reserved when it is begun, one for each thread; 1 to 1,024. A record that is
    /// larger is refused, 4 MiB being the most that any has. Default: 32.
    pub segment_mib: u64,
    /// Segments whose last record is older are removed, and their seals; 0 keeps all. Default: 0.
    pub keep_days: u32,
    /// The private key that signs seals; made at the first start where it is absent. Default: `signing.pem`
    /// in the folder.
    pub signing_key: Option<PathBuf>,
    /// The key of the digests, 32 bytes; made at the first start where it is absent. Default: `key` in the
    /// folder.
    pub key: Option<PathBuf>,
}

/// When answers are safe from a loss of power.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// With the next seal.
    Interval,
    /// Before they are sent.
    Answer,
}

impl Default for AuditConfig {
    fn default() -> AuditConfig {
        AuditConfig {
            folder: "../data/audit".into(),
            hash: Algorithm::Sha256,
            sync: Sync::Interval,
            seal_ms: 1_000,
            unsealed_seconds_max: 600,
            segment_mib: 32,
            keep_days: 0,
            signing_key: None,
            key: None,
        }
    }
}

impl AuditConfig {
    /// Of a log in that folder, all else as it is by default.
    pub fn at(folder: impl Into<PathBuf>) -> AuditConfig {
        AuditConfig { folder: folder.into(), ..AuditConfig::default() }
    }

    /// Where the key of the digests lies.
    pub fn key_path(&self) -> PathBuf {
        self.key.clone().unwrap_or_else(|| self.folder.join("key"))
    }

    /// Where the key that signs seals lies.
    pub fn signing_key_path(&self) -> PathBuf {
        self.signing_key.clone().unwrap_or_else(|| self.folder.join("signing.pem"))
    }
}
