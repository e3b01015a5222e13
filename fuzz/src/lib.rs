//! Outside bytes to every parser that reads them: none may panic, hang or grow, and what is true of each
//! answer is asserted.
//!
//! ```text
//! seeds/<target>/* ─► libFuzzer ─► <target>::run(bytes) ─► the parser, by its public entry
//! ```
//!
//! | target | what its bytes are |
//! |---|---|
//! | [`feeds`] | a department's file, of each format |
//! | [`files`] | a file to be screened, of each format |
//! | [`texts`] | what an operator writes: mappings, the catalogue, clients, the configuration |
//! | [`snapshot`] | alterations of a snapshot, with its hashes made good or not; its signature |
//! | [`log`] | alterations of an audit log; records, seals, receipts |
//! | [`changes`] | the body of changes, and commits of the ledger |
//! | [`words`] | identifiers, names, days, expressions, signatures of requests |
//! | [`requests`] | a request, its head and its body, to a server on loopback |
//!
//! Most begin with a letter that says which of these the rest is. `fuzz/run` builds and runs them.

pub mod changes;
pub mod feeds;
pub mod files;
#[path = "../../tests/ground/mod.rs"]
mod ground;
pub mod log;
pub mod requests;
pub mod snapshot;
pub mod texts;
pub mod words;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Once};
use xincha::live::View;

pub use libfuzzer_sys::Corpus;

/// A folder of this process. Nothing removes it: `fuzz/run` gives one to all of them and does.
fn folder() -> PathBuf {
    tempfile::tempdir().expect("a folder").keep()
}

/// Small lists, and the folder that holds them.
static GROUND: LazyLock<(tempfile::TempDir, Arc<View>)> =
    LazyLock::new(|| ground::view(ground::NOW));

/// Some parsers catch what others' code panics with: only panics that reach us count, which abort.
fn forgive_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
}
