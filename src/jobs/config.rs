//! What jobs are told.

use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Where jobs are kept, how much, how long.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Their folder; of one process. Default: `../data/jobs`.
    pub folder: PathBuf,
    /// Threads that work on a job. Default 0: one for every two cores.
    pub threads: usize,
    /// Bytes of one input. Default: 1 GiB.
    pub input_bytes_max: u64,
    /// Jobs of one client that have not ended, uploads among them. Default: 4.
    pub unfinished_max: usize,
    /// Bytes of inputs and results kept for one client. Default: 4 GiB.
    pub client_bytes_max: u64,
    /// The same for all clients together. Default: 32 GiB.
    pub bytes_max: u64,
    /// Hours until a job that has ended is removed with its result. Default: 24.
    pub keep_hours: u32,
}

const GIB: u64 = 1 << 30;

impl Default for JobsConfig {
    fn default() -> JobsConfig {
        JobsConfig {
            folder: "../data/jobs".into(),
            threads: 0,
            input_bytes_max: GIB,
            unfinished_max: 4,
            client_bytes_max: 4 * GIB,
            bytes_max: 32 * GIB,
            keep_hours: 24,
        }
    }
}

impl JobsConfig {
    /// For how long a job that has ended is kept.
    pub(super) fn kept(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_hours) * 3_600)
    }

    /// Threads to start.
    pub fn thread_count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.threads == 0 { cores.div_ceil(2) } else { self.threads }
    }
}
