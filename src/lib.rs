//! xincha
pub mod record;
