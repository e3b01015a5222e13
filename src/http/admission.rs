//! How many connections are held, by all workers together.

use super::problem::{self, Code};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use tokio::net::TcpStream;

/// See the [module](self).
pub(super) struct Admission {
    max: AtomicUsize,
    held: AtomicUsize,
    full: AtomicBool,
    refused: AtomicU64,
    refusal: Vec<u8>,
}

impl Admission {
    /// So many, told of one too many unless a handshake stands before that.
    pub fn new(max: usize, is_tls: bool) -> Admission {
        let body = Code::Overloaded.whole().to_json();
        let mut refusal = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {}\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
            problem::MEDIA_TYPE,
            body.len()
        )
        .into_bytes();
        refusal.extend_from_slice(&body);
        if is_tls {
            // Before a handshake nothing can be said.
            refusal.clear();
        }
        Admission {
            max: AtomicUsize::new(max),
            held: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            refusal,
        }
    }

    /// Connections that may be held.
    pub fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// Connections that are held.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Connections that were told that there are too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A place for one more connection. The change from one state to the other is logged, not each
    /// refusal.
    pub fn admit(self: &Arc<Admission>) -> Option<Admitted> {
        let (max, held) = (self.max(), self.held.fetch_add(1, Ordering::Relaxed));
        let admitted = Admitted(self.clone());
        let fits = held < max;
        if !fits && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(connections = max, "full: further connections are refused");
        }
        if fits && self.full.load(Ordering::Relaxed) && self.full.swap(false, Ordering::Relaxed) {
            tracing::info!(connections = held, "connections are accepted again");
        }
        fits.then_some(admitted)
    }

    /// Tell one connection too many, as far as its buffer takes it, and close.
    pub fn refuse(&self, stream: TcpStream) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut stream) = stream.into_std() {
            // Whoever does not hear it sees the connection close.
            let _ = stream.write_all(&self.refusal);
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
    }
}

/// How many connections a server holds at most, while it runs.
pub struct Capacity(pub(super) Arc<Admission>);

impl Capacity {
    /// Hold so many from now on; those beyond that are held already stay.
    pub fn set(&self, connections_max: usize) {
        self.0.max.store(connections_max, Ordering::Relaxed);
    }
}

/// A place, given back when dropped.
pub(super) struct Admitted(Arc<Admission>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}
