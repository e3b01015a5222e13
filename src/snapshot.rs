//! Named, checksummed sections in one immutable file; nothing here knows what they mean.
//!
//! Writer → immutable bytes → reader, and a folder in which files are published crash-safely:
//!
//! | file | noun |
//! |---|---|
//! | [`layout`] | the bytes, as a grammar |
//! | [`writer`] | streams sections into a new file |
//! | [`reader`] | maps a file and verifies every byte of it before anyone uses one |
//! | [`mod@array`] | a typed view of a section that keeps the mapping alive; `unsafe` maps it |
//! | [`key`] | the private key that signs, the public keys that are trusted |
//! | [`signature`] | a detached signature beside the file, over its very bytes and its id |
//! | [`store`] | a folder of snapshots with a pointer to the current one |
//! | [`shelf`] | the same in S3-compatible object storage, from which replicas take them |

pub mod array;
pub mod key;
pub mod layout;
pub mod reader;
pub mod shelf;
pub mod signature;
pub mod store;
pub mod writer;

pub use array::{Array, prefetch};
pub use key::{KeyError, KeyId, SigningKey, TrustedKeys};
pub use reader::{OpenError, Snapshot};
pub use shelf::{Current, Listed, Look, Shelf, ShelfConfig, ShelfError};
pub use signature::{Signature, SignatureError};
pub use store::Store;
pub use writer::Writer;
