//! How long a peer is waited for, while the server runs.

use super::config::HttpConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The times of a server. Cloning shares.
#[derive(Clone)]
pub struct Times(Arc<Told>);

/// In milliseconds.
struct Told {
    header: AtomicU64,
    body: AtomicU64,
    write: AtomicU64,
    drain: AtomicU64,
}

impl Times {
    pub(super) fn of(config: &HttpConfig) -> Times {
        Times(Arc::new(Told {
            header: config.header_timeout_ms.into(),
            body: config.body_timeout_ms.into(),
            write: config.write_timeout_ms.into(),
            drain: config.drain_timeout_ms.into(),
        }))
    }

    /// Those that count from now on: for new connections, and for bodies that begin to come.
    pub fn set(&self, config: &HttpConfig) {
        let Told { header, body, write, drain } = &*self.0;
        for (time, told) in [
            (header, config.header_timeout_ms),
            (body, config.body_timeout_ms),
            (write, config.write_timeout_ms),
            (drain, config.drain_timeout_ms),
        ] {
            time.store(told, Ordering::Relaxed);
        }
    }

    /// Until all of a head is there.
    pub(super) fn header(&self) -> Duration {
        read(&self.0.header)
    }

    /// From the end of a head until all of the body is there.
    pub(super) fn body(&self) -> Duration {
        read(&self.0.body)
    }

    /// While the peer takes nothing.
    pub(super) fn write(&self) -> Duration {
        read(&self.0.write)
    }

    /// For requests under way when all is to stop.
    pub(super) fn drain(&self) -> Duration {
        read(&self.0.drain)
    }
}

fn read(time: &AtomicU64) -> Duration {
    Duration::from_millis(time.load(Ordering::Relaxed))
}
