//! What the server is told.

use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Settings of the HTTP server. Every time is in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen. Default: 127.0.0.1:8080; port 0 takes any free one.
    pub address: SocketAddr,
    /// Threads, each with a runtime and a listener of its own. Default 0: one a core.
    pub workers: usize,
    /// Threads that search names, beside those. Default 0: one for every two cores.
    pub search_threads: usize,
    /// Connections held at once, all workers together. Beyond it a connection is told 503 and
    /// closed at once. Default: 10,000.
    pub connections_max: usize,
    /// Bytes of a request's head, and of what is read ahead on a connection; at least 8,192.
    /// A longer head is answered 431. Default: 65,536.
    pub buffer_bytes_max: usize,
    /// From the first moment a head may arrive until all of it is there: a connection idle for
    /// longer is closed. Default: 75,000.
    pub header_timeout_ms: u64,
    /// From the end of the head until all of the body is there; beyond it 408. Default: 10,000.
    pub body_timeout_ms: u64,
    /// While the peer takes nothing of what was answered: beyond it the connection is closed.
    /// Default: 30,000.
    pub write_timeout_ms: u64,
    /// After the signal to stop: time for requests under way. Default: 10,000.
    pub drain_timeout_ms: u64,
    /// A check that finds its worker behind for longer with what came before is told 503 `overloaded` at
    /// once, unparsed. Default: 100.
    pub check_wait_ms_max: u64,
    /// The same for searches, sections, files and whatever else is no check, so that they are put off first;
    /// the connection is not read for 50 ms then. Default: 20.
    pub aside_wait_ms_max: u64,
    /// Connections that the system holds until they are accepted, for each worker. Default: 1,024.
    pub backlog: u32,
    /// The certificate under which TLS is spoken, and nothing else. Default: none, plain HTTP.
    pub tls: Option<TlsConfig>,
}

/// Files in PEM. What they hold is read anew when they change.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The service's certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority of clients' certificates. Default: none is asked for.
    pub client_ca: Option<PathBuf>,
    /// Nobody is served without a certificate. Default: whoever has none says otherwise who it is.
    #[serde(default)]
    pub client_required: bool,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            workers: 0,
            search_threads: 0,
            connections_max: 10_000,
            buffer_bytes_max: 64 * 1024,
            header_timeout_ms: 75_000,
            body_timeout_ms: 10_000,
            write_timeout_ms: 30_000,
            drain_timeout_ms: 10_000,
            check_wait_ms_max: 100,
            aside_wait_ms_max: 20,
            backlog: 1_024,
            tls: None,
        }
    }
}

impl HttpConfig {
    /// The least that hyper takes for [`HttpConfig::buffer_bytes_max`].
    pub const BUFFER_BYTES_MIN: usize = 8 * 1024;

    /// Threads that search names.
    pub fn search_thread_count(&self) -> usize {
        if self.search_threads == 0 { cores().div_ceil(2) } else { self.search_threads }
    }

    /// Threads to start.
    pub fn worker_count(&self) -> usize {
        if self.workers == 0 { cores() } else { self.workers }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::HttpConfig;

    #[test]
    fn what_is_not_told_is_as_documented_and_what_is_unknown_is_refused() {
        let told: HttpConfig = toml::from_str("address = \"0.0.0.0:80\"\nworkers = 3").unwrap();
        let address = "0.0.0.0:80".parse().unwrap();
        assert_eq!(told, HttpConfig { address, workers: 3, ..HttpConfig::default() });
        assert_eq!(told.worker_count(), 3);
        assert!(HttpConfig::default().worker_count() > 0);
        assert!(toml::from_str::<HttpConfig>("adress = 1").is_err());
    }
}
