//! xincha
pub mod record;
pub mod snapshot;
