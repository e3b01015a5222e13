//! Who may ask, and what: the clients of a file, told apart by API keys, signatures, certificates.
//!
//! Nothing here knows HTTP: whoever does hands over texts and bytes.
//!
//! | file | noun |
//! |---|---|
//! | [`client`] | what one may |
//! | [`key`] | an API key, and the digest that is kept of it |
//! | [`signature`] | a signature under a request, and what it covers |
//! | [`nonces`] | signed requests of the last minutes, so that none counts twice |
//! | [`pace`] | how much one asks: a second, at once, and for persons who are on no list |
//! | [`recall_url`] | where a client is told of recalls |
//! | [`roll`] | all clients of a file, or every mistake in it |
//! | [`keeper`] | the file, looked at while the service runs |
//! | [`draft`] | the file, edited with its comments |
//!
//! A file with a mistake is never half applied: a service does not start with it, and one that runs keeps
//! the clients it has.

pub mod client;
pub mod draft;
pub mod keeper;
pub mod key;
pub mod nonces;
pub mod pace;
pub mod recall_url;
pub mod roll;
pub mod signature;

pub use client::{Client, Scope, Scopes};
pub use draft::{Draft, DraftError};
pub use keeper::{Clients, ClientsError, Follower, Stamps, Watching};
pub use key::{Digest, Key};
pub use nonces::Nonces;
pub use pace::{Beyond, Pace, Permit};
pub use recall_url::RecallUrl;
pub use roll::{Mistake, Mistakes, Roll};
pub use signature::{Hash, Signed, Signer, Style, Unsigned};

use serde::Deserialize;
use std::path::PathBuf;

/// Where clients are told.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientsConfig {
    /// The file. Without one there are no clients. Default: `clients.toml`.
    pub file: PathBuf,
}

impl Default for ClientsConfig {
    fn default() -> ClientsConfig {
        ClientsConfig { file: "clients.toml".into() }
    }
}
